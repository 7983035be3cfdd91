"""What the scheduler would do with the pods."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import gpus
from nimhelm.preflight.demand import UNIT, amounts, shown
from nimhelm.preflight.render import Workload

from .world import cluster, codes, found, named, node, rendered, running, workload

TAINT = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
TOLERATION = [{"key": "nvidia.com/gpu", "operator": "Exists"}]
REQUIRED = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }
    }
}
GPU_CLAIM = named(
    "ResourceClaimTemplate", "gpu", spec={"spec": {"devices": {"requests": [{"exactly": {"deviceClassName": "gpu"}}]}}}
)


@pytest.mark.parametrize(
    ("pods", "objects", "wanted"),
    [
        ([workload(gpus=8)], [node("a", 8)], []),
        ([workload(gpus=16)], [node("a", 8), node("b", 8)], ["GPUTooMany"]),
        ([workload(gpus=1)], [node("a")], ["NoGPUNode"]),
        ([workload(gpus=8)], [node("a", 8), running("a", nvidia_com__gpu="1")], ["InsufficientGPU"]),
        ([workload(gpus=4, replicas=2), workload("b", gpus=4, wave=1)], [node("a", 8)], ["InsufficientGPU"]),
        ([workload(gpus=4, replicas=2, maximum=3)], [node("a", 8)], ["AutoscalerRoom"]),
        ([workload(gpus=4, replicas=2, maximum=3)], [node("a", 8), node("b", 8)], []),
        ([workload(gpus=1, nodeSelector={"zone": "a"})], [node("a", 8)], ["NodeSelector"]),
        ([workload(gpus=1, nodeSelector={"zone": "a"})], [node("a", 8, {"zone": "a"})], []),
        ([workload(gpus=1, affinity=REQUIRED)], [node("a", 8, {"zone": "b"})], ["NodeSelector"]),
        ([workload(gpus=1, affinity=REQUIRED)], [node("a", 8, {"zone": "a"})], []),
        ([workload(gpus=1)], [node("a", 8, taints=TAINT)], ["Taint"]),
        ([workload(gpus=1, tolerations=TOLERATION)], [node("a", 8, taints=TAINT)], []),
        ([workload(gpus=1, tolerations=[TOLERATION[0] | {"effect": "NoSchedule"}])], [node("a", 8, taints=TAINT)], []),
        (
            [workload(gpus=1, tolerations=[TOLERATION[0] | {"effect": "NoExecute"}])],
            [node("a", 8, taints=TAINT)],
            ["Taint"],
        ),
        ([workload(gpus=1)], [node("a", 8, unschedulable=True)], ["NodeCordoned"]),
        ([workload(gpus=1)], [node("a", 8, ready="False")], ["NodeNotReady"]),
        ([workload(gpus=16, replicas=0)], [node("a", 8)], []),
        ([workload(runtimeClassName="nvidia")], [node("a"), named("RuntimeClass", "runc")], ["RuntimeClassMissing"]),
        ([workload(runtimeClassName="nvidia")], [node("a"), named("RuntimeClass", "nvidia")], []),
        ([workload(priorityClassName="high")], [node("a"), named("PriorityClass", "low")], ["PriorityClassMissing"]),
        ([workload(priorityClassName="system-node-critical")], [node("a"), named("PriorityClass", "low")], []),
    ],
)
def test_pods_and_nodes(pods: list[Workload], objects: list[dict[str, Any]], wanted: list[str]) -> None:
    assert codes(gpus.check(rendered(*pods), cluster(*objects, kinds=("Pod", "Node")))) == wanted


def test_the_service_that_could_not_start_is_named() -> None:
    pods = [workload("embed", gpus=4), workload("llm", gpus=8, wave=1)]
    (check,) = [each for each in gpus.check(rendered(*pods), cluster(node("a", 8), kinds=("Pod",))) if each.code]
    assert check.services == ("llm",)
    assert "12 asked for (wave 1: 4, wave 2: 8), 8 free now; 1 pod would find no node" in check.text
    assert "autoscaler would add are not known" in check.effect


def test_fragments_are_a_warning_while_there_is_enough_in_all() -> None:
    """Six pods of 5 GPUs on nodes of 8: 30 of 32 are asked for, and each node takes one."""
    nodes = [node(name, 8) for name in "abcd"]
    assert found(gpus.check(rendered(workload(gpus=5, replicas=6)), cluster(*nodes, kinds=("Pod",)))) == [
        ("warning", "InsufficientGPU", ("llm",))
    ]


def test_fragments_of_exactly_as_much_as_is_asked_for() -> None:
    """Five pods of 3 GPUs on nodes of 8 and 7: two pods fit each, and the fifth finds 2 and 1."""
    nodes = [node("a", 8), node("b", 7)]
    assert found(gpus.check(rendered(workload(gpus=3, replicas=5)), cluster(*nodes, kinds=("Pod",)))) == [
        ("warning", "InsufficientGPU", ("llm",))
    ]


def test_pods_of_the_release_make_room() -> None:
    own = running("a", nvidia_com__gpu="8")
    own["metadata"] |= {"namespace": "team", "labels": {"app.kubernetes.io/instance": "rag"}}
    assert codes(gpus.check(rendered(workload(gpus=8)), cluster(node("a", 8), own))) == []


def test_without_the_list_of_pods_nothing_is_said_of_what_is_free() -> None:
    checks = list(gpus.check(rendered(workload(gpus=8)), cluster(node("a", 8), forbidden=frozenset({"Pod"}))))
    assert [check.text for check in checks] == ["every pod fits an empty node of the 1"]
    assert list(gpus.check(rendered(workload(gpus=8)), cluster(forbidden=frozenset({"Node"})))) == []


@pytest.mark.parametrize(
    ("objects", "wanted"),
    [
        ([named("DeviceClass", "gpu"), named("ResourceSlice", "s", spec={"devices": [{"name": "0"}]})], []),
        (
            [named("DeviceClass", "mig"), named("ResourceSlice", "s", spec={"devices": [{"name": "0"}]})],
            ["DeviceClaim"],
        ),
        ([named("DeviceClass", "gpu")], ["DeviceClaim"]),
    ],
)
def test_device_classes(objects: list[dict[str, Any]], wanted: list[str]) -> None:
    world = cluster(*objects, node("a"), kinds=("Pod", "ResourceSlice"))
    assert codes(gpus.check(rendered(workload(), objects=(GPU_CLAIM,)), world)) == wanted


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"containers": [{"resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "2"}}}]}, 3),
        (
            {
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "initContainers": [{"resources": {"requests": {"cpu": "4"}}}],
            },
            4,
        ),
        (
            {
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "initContainers": [{"restartPolicy": "Always", "resources": {"requests": {"cpu": "2"}}}],
            },
            3,
        ),
        ({"containers": [{"resources": {"limits": {"cpu": "2"}}}], "overhead": {"cpu": "1"}}, 3),
    ],
)
def test_what_a_pod_asks_for(spec: dict[str, Any], wanted: int) -> None:
    assert amounts({"spec": spec})["cpu"] == wanted * UNIT


def test_amounts_are_shown_as_people_write_them() -> None:
    assert shown("memory", 16 * 2**30 * UNIT) == "16Gi"
    assert shown("requests.cpu", UNIT // 2) == "500m"
    assert shown("nvidia.com/gpu", 2 * UNIT) == "2"
