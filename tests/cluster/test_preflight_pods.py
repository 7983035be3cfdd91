"""What preflight says of pods beside other pods, of claims, quotas and releases, and the install that shows it.

The table is read as that of test_preflight.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM4, Release, build_documents, pipeline, service
from .test_preflight import (
    GATED,
    NAME,
    NO_PODS,
    NOT_STARTED,
    REFUSED,
    Case,
    Outcome,
    claim,
    limits,
    made,
    outcomes_of,
    predictions,
    preflight,
    quota,
    stored,
)

HOST = "kubernetes.io/hostname"
STATIC_LATE = "preflight-static-late"
HIGH = "preflight-high"
ELSEWHERE = "preflight-elsewhere"
HELD = {"storage": {"pvc": {"name": "models"}}}
NEVER = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
    {"matchExpressions": [{"key": "absent", "operator": "Exists"}]}]}}}  # fmt: skip


def values(**of_llm: Any) -> tuple[str, ...]:
    """As --set takes them: fields of the pod template of llm."""
    return tuple(f"llm.podTemplate.spec.{key}={value}" for key, value in of_llm.items())


def affinity(kind: str, app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": HOST}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def holder(cluster: Cluster, namespace: str, **spec: Any) -> None:
    """A pod `holder` that runs; further keywords are fields of its spec."""
    container = {"name": "holder", "image": "nvcr.io/nim/test/holder:1.0"} | spec.pop("container", {})
    pod = made("Pod", "holder", spec={"containers": [container], **spec})
    pod["metadata"]["labels"] = {"app": "holder"}
    cluster.apply(pod, namespace=namespace)
    wait_until(
        lambda: cluster.get("pod", "holder", namespace=namespace)["status"]["phase"] == "Running", what="the holder"
    )


def beside_a_holder(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    if broken:
        holder(cluster, namespace)


def with_a_holder(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    if not broken:
        holder(cluster, namespace)


def mounted(name: str) -> dict[str, Any]:
    """Fields of a pod that mounts the claim."""
    mount = {"volumeMounts": [{"name": "models", "mountPath": "/models"}]}
    return {"volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": name}}], "container": mount}


def going_claim(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A claim that is deleted, and stays while a pod uses it."""
    cluster.apply(claim("models", "bench-hostpath"), namespace=namespace)
    bound(cluster, namespace)
    holder(cluster, namespace, **mounted("models"))
    if broken:
        cluster.kubectl("delete", "pvc", "models", "--wait=false", namespace=namespace)


def bound(cluster: Cluster, namespace: str) -> None:
    wait_until(
        lambda: cluster.get("pvc", "models", namespace=namespace)["status"]["phase"] == "Bound", what="a bound claim"
    )


def earlier(cluster: Cluster, namespace: str, chart: Path, *options: str) -> None:
    """Leaves the claim of an earlier install behind, as the chart says of it."""
    release = Release(cluster, namespace, chart)
    release.install(*options, wait=False)
    wait_until(lambda: release.get("pvc")["items"], what="the claim")
    release.helm("uninstall", NAME, "--wait")
    assert release.get("pvc")["items"]


def of_another_release(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    release = Release(cluster, namespace, chart, name="other")
    release.install(wait=False)
    if not broken:
        release.helm("uninstall", "other", "--wait")


def scoped(scope: str, **hard: str) -> dict[str, Any]:
    own = quota(**hard)
    own["spec"]["scopes"] = [scope]
    return own


def in_class(*names: str) -> dict[str, Any]:
    own = quota(pods="0")
    expression = {"scopeName": "PriorityClass", "operator": "In", "values": list(names)}
    own["spec"]["scopeSelector"] = {"matchExpressions": [expression]}
    return own


def per(kind: str, **item: Any) -> dict[str, Any]:
    return made("LimitRange", "team", spec={"limits": [{"type": kind, **item}]})


SMALL = {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "1", "memory": "64Mi"}}}
SELECTED = {"nodeSelector": {"kubernetes.io/os": "linux"}}
HOST_PATH = values(**{"volumes[0].name": "host", "volumes[0].hostPath.path": "/var/tmp"})
BY_CLASS = "bench-hostpath.storageclass.storage.k8s.io/requests.storage"

CASES = {
    "beside nobody": Case("PodAffinity", NOT_STARTED, affinity("podAffinity", "holder"), before=with_a_holder),
    "away from a pod": Case("PodAffinity", NOT_STARTED, affinity("podAntiAffinity", "holder"), before=beside_a_holder),
    "spread over no zones": Case(
        "TopologySpread",
        NOT_STARTED,
        sets=("llm.topologySpreadConstraints[0].maxSkew=1", "llm.topologySpreadConstraints[0].topologyKey=absent",
              "llm.topologySpreadConstraints[0].whenUnsatisfiable=DoNotSchedule"),
        mended_sets=("llm.topologySpreadConstraints[0].maxSkew=1", "llm.topologySpreadConstraints[0].topologyKey=absent",
                     "llm.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway"),
    ),
    "required affinity": Case("NodeSelector", NOT_STARTED, {"affinity": NEVER}, mended=SELECTED),
    "runtime class elsewhere": Case("NodeSelector", NOT_STARTED, {"runtimeClassName": ELSEWHERE}, mended={}),
    "disk": Case("Insufficient", NOT_STARTED, {"resources": {"requests": {"ephemeral-storage": "900Ti"}}}, mended=SMALL),
    "huge pages": Case(
        "Insufficient", NOT_STARTED, mended=SMALL,
        spec={"resources": {"requests": {"memory": "1Gi"}, "limits": {"hugepages-1Gi": "64Gi", "memory": "1Gi"}}},
    ),
    "volume of a name": Case(
        "ClaimUnbound", NOT_STARTED, stored("bench-hostpath"), sets=("llm.storage.pvc.volumeName=absent",)
    ),
    "claim that waits for a volume": Case(
        "ClaimUnbound", NOT_STARTED, HELD,
        objects=(claim("models", STATIC_LATE),), mended_objects=(claim("models", "bench-hostpath"),),
    ),
    "claim that goes": Case("ClaimTerminating", NOT_STARTED, HELD, before=going_claim),
    "quota of replica sets": Case(
        "QuotaExceeded", NO_PODS, objects=(quota(**{"count/replicasets__apps": "0"}),),
        mended_objects=(quota(**{"count/replicasets__apps": "1"}),),
    ),
    "quota of a class": Case(
        "QuotaExceeded", REFUSED, stored("bench-hostpath"), objects=(quota(**{BY_CLASS: "500Mi"}),),
        mended_objects=(quota(**{BY_CLASS: "1Gi"}),),
    ),
    "quota of best effort": Case(
        "QuotaExceeded", NO_PODS, objects=(scoped("BestEffort", pods="0"),), mended_objects=(scoped("NotBestEffort", pods="0"),),
    ),
    "quota of what does not end": Case(
        "QuotaExceeded", NO_PODS, objects=(scoped("NotTerminating", pods="0"),),
        mended_objects=(scoped("Terminating", pods="0"),),
    ),
    "quota of a priority": Case(
        "QuotaExceeded", NO_PODS, objects=(in_class(HIGH),), mended_objects=(in_class("other"),),
        sets=(f"llm.priorityClassName={HIGH}",), mended_sets=(f"llm.priorityClassName={HIGH}",),
    ),
    "bounds of pods": Case(
        "LimitRange", NO_PODS, SMALL, objects=(per("Pod", max={"cpu": "500m"}),), mended_objects=(per("Pod", max={"cpu": "1"}),),
    ),
    "bounds with gates": Case(
        "LimitRange", NO_PODS, SMALL, objects=(limits(min={"memory": "30Mi"}),), more=GATED,
        mended_objects=(limits(min={"memory": "1Mi"}, default={"memory": "64Mi"}, defaultRequest={"memory": "16Mi"}),),
    ),
    "bounds of claims": Case(
        "LimitRange", REFUSED, stored("bench-hostpath"), objects=(per("PersistentVolumeClaim", min={"storage": "5Gi"}),),
        mended_objects=(per("PersistentVolumeClaim", min={"storage": "1Gi"}),),
    ),
    "baseline": Case(
        "PodSecurity", NO_PODS, sets=HOST_PATH, labels={"pod-security.kubernetes.io/enforce": "baseline"},
    ),
    "names of another release": Case("NameTaken", REFUSED, before=of_another_release),
    "a secret for all": Case(
        "SecretMissing", NOT_STARTED, mended_objects=(made("Secret", "more", stringData={"A": "b"}),),
        sets=("llm.envFrom[0].secretRef.name=more",), mended_sets=("llm.envFrom[0].secretRef.name=more",),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool], Outcome]]:
    """All cases with and without their cause; what they made beside namespaces goes."""
    late = made("StorageClass", STATIC_LATE, "storage.k8s.io/v1", provisioner="kubernetes.io/no-provisioner")
    late["volumeBindingMode"] = "WaitForFirstConsumer"
    other = made("RuntimeClass", ELSEWHERE, "node.k8s.io/v1", handler="runc")
    other["scheduling"] = {"nodeSelector": {"absent": "yes"}}
    high = made("PriorityClass", HIGH, "scheduling.k8s.io/v1", value=1000, preemptionPolicy="PreemptLowerPriority")
    made_here = (late, other, high)
    cluster.apply(*made_here)
    yield from outcomes_of(cluster, CASES, tmp_path_factory)
    for each in made_here:
        cluster.kubectl("delete", each["kind"], each["metadata"]["name"], "--wait=false", check=False)


test_it_fails_as_preflight_says, test_it_comes_up_where_preflight_has_nothing_against_it = predictions(CASES)


def test_replicas_that_keep_apart(short_release: Callable[..., Release]) -> None:
    """Of two replicas on one node, one waits."""
    release = short_release(service("llm", replicas=2, **affinity("podAntiAffinity", "llm")))
    nodes = len(release.cluster.get("nodes")["items"])
    assert release.preflight() == ({"PodAffinity": ["llm"]} if nodes < 2 else {})
    release.install(wait=False)
    if nodes < 2:
        release.wait_for_cause("llm", "PodAffinity")
    else:
        release.wait_until_ready()


def test_a_name_whose_history_was_kept(short_release: Callable[..., Release]) -> None:
    """helm install refuses it; the printed step goes on from there."""
    release = short_release(service("llm"))
    release.install()
    release.helm("uninstall", NAME, "--wait", "--keep-history")
    _, checks = preflight(release.cluster, release.chart, release.namespace)
    (found,) = [each for each in checks if each["code"]]
    assert (found["level"], found["code"]) == ("warning", "ReleaseFailed")
    assert release.helm("install", NAME, str(release.chart), check=False) == ""
    release.cluster.run("sh", "-c", found["next"].replace("helm ", f"{HELM4} ", 1))
    release.wait_until_ready()


def test_pods_of_lower_priority_make_room(
    cluster: Cluster, outcomes: dict[tuple[str, bool], Outcome], new_namespace: Callable[[], str], tmp_path: Path
) -> None:
    """All GPUs are in use by a pod that the scheduler pushes out: no reason to say that the install would fail."""
    gpus = cluster.get("nodes")["items"][0]["status"]["allocatable"]["nvidia.com/gpu"]
    every = {"resources": {"limits": {"nvidia.com/gpu": gpus}}}
    holder(cluster, new_namespace(), container=every, terminationGracePeriodSeconds=1)
    namespace = new_namespace()
    chart = build_documents(tmp_path, pipeline(service("llm", priorityClassName=HIGH, **every)))
    code, checks = preflight(cluster, chart, namespace)
    assert code == 0, json.dumps(checks, indent=1)
    assert [each["code"] for each in checks if each["code"]] == ["InsufficientGPU"]
    Release(cluster, namespace, chart).install()
