"""Queues of Kueue that the chart's pods name."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import queues
from nimhelm.preflight.render import Workload
from nimhelm.preflight.result import FAILS, HOLDS, WARNS
from tests.preflight.world import KINDS, cluster, found, named, rendered, workload

GPU = "nvidia.com/gpu"
GATE = {"name": "wait-for-embed", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
PLURALS = KINDS | {"kueue.x-k8s.io/LocalQueue": "localqueues", "kueue.x-k8s.io/ClusterQueue": "clusterqueues"}


def in_queue(each: Workload, queue: str = "nims") -> Workload:
    metadata = {"labels": {queues.LABEL: queue}}
    return each._replace(pod=each.pod | {"metadata": metadata})


def wide(*covered: str, gpus: str = "4", **spec: Any) -> dict[str, Any]:
    resources = [{"name": name, "nominalQuota": gpus if name == GPU else "100Gi"} for name in covered]
    group = {"coveredResources": list(covered), "flavors": [{"name": "any", "resources": resources}]}
    return named("ClusterQueue", "wide", spec={"resourceGroups": [group], **spec})


LOCAL = named("LocalQueue", "nims", spec={"clusterQueue": "wide"})
PLAIN = in_queue(workload("embed", gpus=1))
GATED = in_queue(workload("llm", gpus=2, initContainers=[GATE]))


def seen(*objects: dict[str, Any], of: tuple[Workload, ...] = (PLAIN, GATED)) -> list[tuple[str, str, tuple[str, ...]]]:
    known = cluster(*objects, kinds=("LocalQueue", "ClusterQueue"), plurals=PLURALS)
    return found(queues.check(rendered(*of), known))


def test_pods_without_a_queue_are_no_business_of_kueue() -> None:
    assert seen(of=(workload("llm", gpus=9),)) == []


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ((), [(FAILS, ("embed", "llm"))]),
        ((LOCAL,), [(FAILS, ("embed", "llm"))]),
        ((LOCAL, wide(GPU)), [(FAILS, ("llm",))]),
        ((LOCAL, wide(GPU, "cpu", "memory")), []),
        ((LOCAL, wide("cpu", "memory")), [(FAILS, ("embed",)), (FAILS, ("llm",))]),
        ((LOCAL, wide(GPU, "cpu", "memory", gpus="2")), [(WARNS, ("embed", "llm"))]),
        ((LOCAL, wide(GPU, "cpu", "memory", gpus="2", cohortName="all")), []),
        ((LOCAL, wide(GPU, "cpu", "memory", gpus="3")), []),
    ],
    ids=["no queue", "no cluster queue", "gpus alone", "all", "no gpus", "too few gpus", "may borrow", "just enough"],
)
def test_what_a_queue_lacks(objects: tuple[dict[str, Any], ...], expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(level, services) for level, _, services in seen(*objects)] == expected


def test_the_way_out_of_what_only_gates_ask_for_is_a_value() -> None:
    known = cluster(LOCAL, wide(GPU), plurals=PLURALS)
    (check,) = queues.check(rendered(PLAIN, GATED), known)
    assert check.text == "ClusterQueue wide has no quota for cpu, memory, which only the gates ask for"
    assert (
        "--set global.nimhelm.helperResources.limits=null --set global.nimhelm.helperResources.requests=null"
        in check.next
    )
    asks = in_queue(workload("big", gpus=1, containers=[{"resources": {"requests": {"cpu": "4"}}}]))
    (check,) = queues.check(rendered(asks), known)
    assert check.text == "ClusterQueue wide has no quota for cpu, which the pods ask for"
    assert check.next == "kubectl get clusterqueues.kueue.x-k8s.io wide -o yaml"


def test_a_range_of_the_namespace_adds_to_what_pods_ask_for() -> None:
    limits = named("LimitRange", "range", spec={"limits": [{"type": "Container", "defaultRequest": {"cpu": "1"}}]})
    assert seen(LOCAL, wide(GPU), limits, of=(PLAIN,)) == [(FAILS, "SchedulingGated", ("embed",))]


def test_the_label_of_the_workload_counts_too() -> None:
    made_by = named("Deployment", "llm", labels={queues.LABEL: "nims"})
    known = cluster(kinds=("LocalQueue", "ClusterQueue"), plurals=PLURALS)
    checks = queues.check(rendered(workload("llm", gpus=1), objects=(made_by,)), known)
    assert found(checks) == [(FAILS, "SchedulingGated", ("llm",))]


def test_a_cluster_without_kueue_starts_the_pods_at_once() -> None:
    assert found(queues.check(rendered(PLAIN), cluster())) == [(WARNS, "SchedulingGated", ("embed",))]


def test_what_may_not_be_read_is_left_open() -> None:
    unread = cluster(plurals=PLURALS)
    assert list(queues.check(rendered(PLAIN), unread)) == []
    assert list(queues.check(rendered(PLAIN), cluster(LOCAL, plurals=PLURALS))) == []
    checks = list(queues.check(rendered(PLAIN), cluster(LOCAL, wide(GPU), plurals=PLURALS)))
    assert [check.level for check in checks] == [HOLDS]
