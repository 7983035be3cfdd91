"""Rules about other pods, volumes that claims share, and what the API server adds to a pod."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import gpus, names, storage
from nimhelm.preflight.quotas import shares

from .world import cluster, codes, named, node, rendered, running, workload

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
ZONE = "topology.kubernetes.io/zone"


def rule(kind: str, app: str, **term: Any) -> dict[str, Any]:
    own = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": ZONE} | term
    return {"affinity": {kind: {REQUIRED: [own]}}}


def beside(node_name: str, app: str, place: str = "team") -> dict[str, Any]:
    return named("Pod", app, namespace=place, labels={"app": app}, spec={"nodeName": node_name, "containers": []})


def spread(key: str, when: str = "DoNotSchedule") -> dict[str, Any]:
    return {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": when}]}


def own_spread(**rule: Any) -> dict[str, Any]:
    """A spread over the zones that counts the service's own pods."""
    fields = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    return {"topologySpreadConstraints": [fields | {"labelSelector": {"matchLabels": {"app": "llm"}}} | rule]}


def shy(node_name: str, of: str, place: str = "team") -> dict[str, Any]:
    """A pod that wants no pod of that app beside it."""
    pod = beside(node_name, "shy", place)
    pod["spec"] |= rule("podAntiAffinity", of)
    return pod


def on_port(number: int) -> dict[str, Any]:
    return {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": number}]}]}


NODES = (node("one", labels={ZONE: "a"}), node("two", labels={ZONE: "b"}))


@pytest.mark.parametrize(
    ("spec", "replicas", "pods", "expected"),
    [
        (rule("podAffinity", "db"), 1, [], ["PodAffinity"]),
        (rule("podAffinity", "db"), 1, [beside("one", "db")], []),
        (rule("podAffinity", "db"), 1, [beside("one", "db", "elsewhere")], ["PodAffinity"]),
        (rule("podAffinity", "db", namespaces=["elsewhere"]), 1, [beside("one", "db", "elsewhere")], []),
        (rule("podAffinity", "db", namespaceSelector={}), 1, [], ["PodAffinity"]),
        (rule("podAffinity", "db", namespaceSelector={}), 1, [beside("one", "db", "elsewhere")], []),
        (rule("podAffinity", "db", namespaceSelector={"matchLabels": {"team": "a"}}), 1, [], []),
        (rule("podAffinity", "llm"), 2, [], []),
        (rule("podAntiAffinity", "llm"), 2, [], []),
        (rule("podAntiAffinity", "llm"), 3, [], ["PodAffinity"]),
        (rule("podAntiAffinity", "llm", topologyKey="absent"), 3, [], []),
        (rule("podAntiAffinity", "db"), 9, [beside("one", "db")], []),
        (rule("podAntiAffinity", "db"), 1, [beside("one", "db"), beside("two", "db")], ["PodAffinity"]),
        (spread(ZONE), 5, [], []),
        (spread("absent"), 1, [], ["TopologySpread"]),
        (spread("absent", "ScheduleAnyway"), 1, [], []),
        (own_spread(), 4, [], []),
        (own_spread(), 2, [beside("one", "llm")] * 3, []),
        (own_spread(), 5, [beside("one", "llm")] * 3, []),
        (own_spread(minDomains=3), 2, [], []),
        (own_spread(minDomains=3), 3, [], ["TopologySpread"]),
        (own_spread(minDomains=3, maxSkew=2), 3, [], []),
        (own_spread() | {"nodeSelector": {ZONE: "a"}}, 9, [], []),
        (own_spread(nodeAffinityPolicy="Ignore") | {"nodeSelector": {ZONE: "a"}}, 2, [], ["TopologySpread"]),
        ({}, 1, [shy("one", "llm"), shy("two", "llm")], ["PodAffinity"]),
        ({}, 1, [shy("one", "llm")], []),
        ({}, 1, [shy("one", "other"), shy("two", "other")], []),
        ({}, 1, [shy("one", "llm", "elsewhere"), shy("two", "llm", "elsewhere")], []),
        (on_port(80), 2, [], []),
        (on_port(80), 3, [], ["HostPort"]),
        (on_port(80), 1, [beside("one", "db") | {"spec": {"nodeName": "one"} | on_port(80)}], []),
        (on_port(80), 2, [beside("one", "db") | {"spec": {"nodeName": "one"} | on_port(80)}], ["HostPort"]),
        (on_port(81), 2, [beside("one", "db") | {"spec": {"nodeName": "one"} | on_port(80)}], []),
    ],
)
def test_other_pods(spec: dict[str, Any], replicas: int, pods: list[dict[str, Any]], expected: list[str]) -> None:
    world = cluster(*NODES, *pods, kinds=("Pod",))
    assert codes(gpus.check(rendered(workload(replicas=replicas, **spec)), world)) == expected


def test_what_the_api_server_adds_to_a_pod_counts() -> None:
    there = {"scheduling": {"nodeSelector": {ZONE: "a"}}}
    absent = {"scheduling": {"nodeSelector": {"absent": "yes"}}}
    large = {"limits": [{"type": "Container", "defaultRequest": {"memory": "900Gi"}}]}
    world = cluster(
        *NODES, named("RuntimeClass", "there", **there), named("RuntimeClass", "absent", **absent), kinds=("Pod",)
    )
    assert codes(gpus.check(rendered(workload(runtimeClassName="there")), world)) == []
    assert codes(gpus.check(rendered(workload(runtimeClassName="absent")), world)) == ["NodeSelector"]
    bounded = cluster(*NODES, named("LimitRange", "team", spec=large), kinds=("Pod",))
    assert codes(gpus.check(rendered(workload()), bounded)) == ["Insufficient"]


@pytest.mark.parametrize(
    ("policy", "priority", "level"),
    [("PreemptLowerPriority", 0, "warning"), ("PreemptLowerPriority", 2000, "fails"), ("Never", 0, "fails")],
)
def test_pods_of_lower_priority_make_room(policy: str, priority: int, level: str) -> None:
    high = named("PriorityClass", "high", value=1000, preemptionPolicy=policy)
    other = running("one", nvidia_com__gpu="8")
    other["spec"]["priority"] = priority
    world = cluster(node("one", gpus=8), other, high)
    found = gpus.check(rendered(workload(gpus=8, priorityClassName="high")), world)
    assert [(each.level, each.code) for each in found if each.code] == [(level, "InsufficientGPU")]


def asked(name: str, **spec: Any) -> dict[str, Any]:
    size = {"resources": {"requests": {"storage": "1Gi"}}}
    return named(
        "PersistentVolumeClaim",
        name,
        spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "static"} | size | spec,
    )


def volume(name: str, size: str = "1Gi", **labels: str) -> dict[str, Any]:
    spec = {"storageClassName": "static", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}}
    return named("PersistentVolume", name, labels=labels, spec=spec, status={"phase": "Available"})


STATIC = named("StorageClass", "static", provisioner="kubernetes.io/no-provisioner")


@pytest.mark.parametrize(
    ("claims", "volumes", "expected"),
    [
        ([asked("a"), asked("b")], [volume("one"), volume("two")], []),
        ([asked("a"), asked("b")], [volume("one")], ["ClaimUnbound"]),
        (
            [asked("a"), asked("b", resources={"requests": {"storage": "5Gi"}})],
            [volume("one", "5Gi"), volume("two")],
            [],
        ),
        ([asked("a", volumeName="one")], [volume("one")], []),
        ([asked("a", volumeName="absent")], [volume("one")], ["ClaimUnbound"]),
        ([asked("a", selector={"matchLabels": {"disk": "fast"}})], [volume("one")], ["ClaimUnbound"]),
        ([asked("a", selector={"matchLabels": {"disk": "fast"}})], [volume("one", disk="fast")], []),
    ],
)
def test_each_claim_takes_a_volume_of_its_own(claims: list[Any], volumes: list[Any], expected: list[str]) -> None:
    world = cluster(STATIC, *volumes, kinds=("PersistentVolume", "PersistentVolumeClaim"))
    assert codes(storage.check(rendered(objects=tuple(claims)), world)) == expected


@pytest.mark.parametrize(
    ("metadata", "expected"), [({}, []), ({"deletionTimestamp": "2026-01-01T00:00:00Z"}, ["ClaimTerminating"])]
)
def test_a_claim_that_is_being_deleted(metadata: dict[str, str], expected: list[str]) -> None:
    claim = asked("models") | {"status": {"phase": "Bound"}}
    claim["metadata"] |= metadata
    pod = workload(volumes=[{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}])
    assert codes(storage.check(rendered(pod), cluster(STATIC, claim))) == expected


@pytest.mark.parametrize("status", ["failed", "uninstalled"])
def test_a_record_that_keeps_the_name(status: str) -> None:
    assert codes(names.check(rendered(), cluster(helm=(status, 1)))) == ["ReleaseFailed"]


def test_a_deployment_brings_a_replica_set() -> None:
    quota = named("ResourceQuota", "team", spec={"hard": {"count/replicasets.apps": "0"}})
    (llm, _) = shares(rendered(workload()), cluster(), quota)
    assert llm.adds["count/replicasets.apps"] == 10**9
