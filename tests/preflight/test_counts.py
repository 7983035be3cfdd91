"""Which upgrades start a pod beside the old ones, and what is counted then."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import all_checks
from nimhelm.rollout import keeps_old_pods

from .world import cluster, codes, named, node, rendered, running, workload

KNATIVE = {"serving.kserve.io/deploymentMode": "Knative"}


def rolling(surge: object, unavailable: object) -> dict[str, object]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@pytest.mark.parametrize(
    ("strategy", "replicas", "keeps"),
    [
        ({"type": "Recreate"}, 1, False),
        (rolling(0, "25%"), 1, False),  # the chart's own: both come to 0, and Kubernetes ends a pod
        (rolling(0, 1), 2, False),
        (rolling(1, 1), 2, False),
        (rolling(1, 0), 1, True),
        (rolling("100%", "0%"), 3, True),
        ({}, 3, True),  # 25% of 3 is no pod less and one more
        ({}, 4, False),
        ({"type": "RollingUpdate"}, 1, True),
    ],
)
def test_strategies(strategy: dict[str, Any], replicas: int, keeps: bool) -> None:
    assert keeps_old_pods(named("Deployment", "llm", spec={"replicas": replicas, "strategy": strategy})) is keeps


@pytest.mark.parametrize(
    ("value", "keeps"),
    [
        (named("InferenceService", "llm", annotations=KNATIVE, spec={}), True),
        (named("InferenceService", "llm", spec={}), False),
        (named("StatefulSet", "llm", spec={}), False),
        (named("Deployment", "llm", spec={}), True),
    ],
)
def test_kinds(value: dict[str, Any], keeps: bool) -> None:
    assert keeps_old_pods(value) is keeps


def labels(revision: str, release: str = "rag") -> dict[str, str]:
    return {
        "app.kubernetes.io/instance": release,
        "app.kubernetes.io/name": "llm",
        "nimhelm.dev/revision": revision,
    }


def upgrade(strategy: dict[str, Any], old: dict[str, str], gpus: int) -> list[str]:
    """The codes for a release with one pod on a node with as many GPUs, whose new pod has revision b."""
    new = workload("llm", gpus=1)
    new.pod["metadata"]["labels"] = labels("b")
    deployment = named("Deployment", "llm", version="apps/v1", spec={"replicas": 1, "strategy": strategy})
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    spec = {"nodeName": "a", "containers": [{"name": "llm", "resources": resources}]}
    pod = named("Pod", "llm-1", namespace="team", labels=old, spec=spec)
    found = all_checks(rendered(new, objects=(deployment,)), cluster(node("a", gpus), pod, rights=()))
    return codes(check for check in found if check.section == "GPUs")


@pytest.mark.parametrize(
    ("strategy", "old", "gpus", "wanted"),
    [
        (rolling(1, 0), labels("a"), 1, ["InsufficientGPU"]),
        (rolling(1, 0), labels("a"), 2, []),
        (rolling(1, 0), labels("b"), 1, []),  # the template stays
        (rolling(0, 1), labels("a"), 1, []),
        ({"type": "Recreate"}, labels("a"), 1, []),
        (rolling(1, 0), {}, 2, []),  # a first install, beside a pod of somebody else
        (rolling(1, 0), labels("a", "other"), 2, []),
    ],
)
def test_the_new_pod_needs_room(strategy: dict[str, Any], old: dict[str, str], gpus: int, wanted: list[str]) -> None:
    assert upgrade(strategy, old, gpus) == wanted


@pytest.mark.parametrize(
    ("cpu", "nodes", "wanted"),
    [
        ("1", [node("a"), node("b")], []),
        ("1", [node("a"), node("b", unschedulable=True)], []),
        ("20", [node("a"), node("b"), node("c")], []),
        ("20", [node("a"), node("b"), running("a", cpu="20")], ["Insufficient"]),
        ("40", [node("a"), node("b")], ["Insufficient"]),
    ],
)
def test_a_daemon_set_has_a_pod_on_each_node(cpu: str, nodes: list[dict[str, Any]], wanted: list[str]) -> None:
    pod = workload()
    pod.pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": cpu}}
    found = all_checks(rendered(pod._replace(kind="DaemonSet")), cluster(*nodes, kinds=("Pod",), rights=()))
    assert codes(check for check in found if check.section == "GPUs") == wanted


def test_a_daemon_set_counts_for_a_quota() -> None:
    pods = [workload()._replace(kind="DaemonSet")]
    nodes = [node("a"), node("b"), node("c", taints=[{"key": "other", "effect": "NoSchedule"}])]
    for hard, wanted in (("1", ["QuotaExceeded"]), ("2", [])):
        quota = named("ResourceQuota", "team", namespace="team", spec={"hard": {"pods": hard}})
        found = all_checks(rendered(*pods), cluster(*nodes, quota, kinds=("Pod",), rights=()))
        assert codes(check for check in found if check.section == "policies") == wanted
