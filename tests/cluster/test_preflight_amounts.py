"""What preflight says of quotas, bounds and room where something else fills them in, and the install that shows it.

The table is read as that of test_preflight.py.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster
from .test_preflight import (
    NO_PODS,
    NOT_STARTED,
    REFUSED,
    Case,
    Outcome,
    limits,
    made,
    outcomes_of,
    predictions,
    quota,
    stored,
)
from .test_preflight_cluster import on_this_node, volume_of
from .test_preflight_pods import HELD, HOST, affinity, beside_a_holder, in_class, per, scoped, values
from .test_preflight_rules import ADMISSION, node

MARK = "nimhelm.dev/amounts-test"
DEFAULT = "preflight-default"
GPU = "nvidia.com/gpu"
FILLED = limits(default={"cpu": "1"}, defaultRequest={"cpu": "10m"})


def extra(kind: str, version: str, **fields: Any) -> tuple[str, ...]:
    given = {"kind": kind, "apiVersion": version, "metadata.name": "more"} | fields
    return tuple(f"extraObjects[0].{key}={value}" for key, value in given.items())


POD = {"containers[0].name": "more", "containers[0].image": "nvcr.io/nim/test/holder:1.0"}
BARE = extra("Pod", "v1", **{f"spec.{key}": value for key, value in POD.items()})
JOB = extra("Job", "batch/v1", **{"spec.template.spec.restartPolicy": "Never"} | {
    f"spec.template.spec.{key}": value for key, value in POD.items()})  # fmt: skip


def on_node(name: str) -> dict[str, Any]:
    return {"nodeSelector": {MARK: name}, "tolerations": [{"key": MARK, "operator": "Exists"}]}


def full(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A pod on the small node, which takes one."""
    if broken:
        container = {"name": "holder", "image": "nvcr.io/nim/test/holder:1.0"}
        spec = {
            "containers": [container],
            "nodeName": "preflight-amounts-small",
            "tolerations": [{"operator": "Exists"}],
        }
        cluster.apply(made("Pod", "holder", spec=spec), namespace=namespace)


def two_volumes(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    volume_of("models", on_this_node(cluster), cluster, namespace)
    volume_of("more", "preflight-amounts-plain" if broken else on_this_node(cluster), cluster, namespace)


def volume_without_gpus(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    volume_of("models", "preflight-amounts-plain" if broken else on_this_node(cluster), cluster, namespace)


def down_for(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    if broken:
        cluster.kubectl("label", "namespace", namespace, f"{MARK}=down")


ANY_NAMESPACE = {
    "labelSelector": {"matchLabels": {"app": "holder"}}, "topologyKey": HOST, "namespaceSelector": {},
}  # fmt: skip
FAR = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [ANY_NAMESPACE]}}}
MORE = values(**{
    "volumes[0].name": "more", "volumes[0].persistentVolumeClaim.claimName": "more", "containers[0].name": "llm-ctr",
    "containers[0].volumeMounts[0].name": "more", "containers[0].volumeMounts[0].mountPath": "/more",
})  # fmt: skip
WHOLE = values(**{"resources.requests.cpu": "3", "resources.limits.cpu": "3"})
LITTLE = values(**{"resources.requests.cpu": "10m", "resources.limits.cpu": "1"})
HUGE = values(**{"resources.requests.memory": "90Ti"})

CASES = {
    "requests that a range fills in": Case(
        "QuotaExceeded", NO_PODS, objects=(scoped("NotBestEffort", pods="0"), FILLED),
        mended_objects=(scoped("BestEffort", pods="0"), FILLED),
    ),
    "the default priority": Case(
        "QuotaExceeded", NO_PODS, objects=(in_class(DEFAULT),), mended_objects=(in_class("other"),),
    ),
    "jobs of a user": Case(
        "QuotaExceeded", REFUSED, objects=(quota(**{"count/jobs__batch": "0"}),), sets=JOB,
        mended_objects=(quota(**{"count/jobs__batch": "1"}),), mended_sets=JOB,
    ),
    "pods of a user": Case(
        "QuotaExceeded", REFUSED, objects=(quota(pods="0"),), sets=BARE, mended_objects=(quota(pods="2"),), mended_sets=BARE,
    ),
    "one pod too many of a user": Case(
        "QuotaExceeded", NO_PODS, objects=(quota(pods="1"),), sets=BARE, mended_objects=(quota(pods="2"),), mended_sets=BARE,
    ),
    "resources of the whole pod": Case(
        "QuotaExceeded", NO_PODS, objects=(quota(requests__cpu="2"),), sets=WHOLE,
        mended_objects=(quota(requests__cpu="2"),), mended_sets=LITTLE,
    ),
    "a pod larger than its containers": Case("Insufficient", NOT_STARTED, sets=HUGE),
    "largest claim": Case(
        "LimitRange", REFUSED, stored("bench-hostpath"), objects=(per("PersistentVolumeClaim", max={"storage": "500Mi"}),),
        mended_objects=(per("PersistentVolumeClaim", max={"storage": "1Gi"}),),
    ),
    "a node that takes no pods": Case("Insufficient", NOT_STARTED, on_node("none"), mended={}),
    "a node whose pods are all there": Case("Insufficient", NOT_STARTED, on_node("small"), mended={}, before=full),
    "volumes of two nodes": Case("VolumeElsewhere", NOT_STARTED, HELD, before=two_volumes, sets=MORE, mended_sets=MORE),
    "a volume of a node without GPUs": Case(
        "VolumeElsewhere", NOT_STARTED, HELD | {"resources": {"limits": {GPU: 1}}}, before=volume_without_gpus,
    ),
    "replicas that share a claim of one pod": Case(
        "ClaimInUse", NOT_STARTED, stored("bench-hostpath", "ReadWriteOncePod"), sets=("llm.replicas=2",),
    ),
    "a mutating webhook that is down": Case("WebhookUnreachable", REFUSED, before=down_for),
    "away from pods of any namespace": Case(
        "PodAffinity", NOT_STARTED, FAR, before=beside_a_holder, mended=affinity("podAntiAffinity", "holder"),
    ),
}  # fmt: skip


def hook() -> dict[str, Any]:
    rule = {"apiGroups": ["apps"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["deployments"]}
    hook = {
        "name": "down.nimhelm.dev",
        "clientConfig": {"service": {"namespace": "default", "name": "absent"}},
        "rules": [rule],
        "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {MARK: "down"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    return made("MutatingWebhookConfiguration", "amounts-down", ADMISSION, webhooks=[hook])


def bare_node(name: str, pods: str) -> dict[str, Any]:
    own = node(name, [])
    own["metadata"] = {"name": f"preflight-amounts-{name}", "labels": {MARK: name, HOST: f"preflight-amounts-{name}"}}
    for amounts in (own["status"]["capacity"], own["status"]["allocatable"]):
        amounts["pods"] = pods
    if pods != "0":
        own["spec"]["taints"] = [{"key": MARK, "effect": "NoSchedule"}]
    return own


WIDE = (hook(), made("PriorityClass", DEFAULT, "scheduling.k8s.io/v1", value=0, globalDefault=True))
NODES = (bare_node("none", "0"), bare_node("small", "1"), bare_node("plain", "0"))


def alive(cluster: Cluster, ended: threading.Event) -> None:
    """Says for the nodes what their kubelets would, as long as the tests run."""
    ready = {"type": "Ready", "status": "True", "reason": "Test", "message": ""}
    while True:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for each in NODES:
            name = each["metadata"]["name"]
            lease = made("Lease", name, "coordination.k8s.io/v1", spec={"holderIdentity": name, "renewTime": now})
            lease["spec"]["leaseDurationSeconds"] = 40
            cluster.apply(lease, namespace="kube-node-lease")
            patch = json.dumps({"status": each["status"] | {"conditions": [ready]}})
            cluster.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", patch)
        if ended.wait(10):
            return


@pytest.fixture(scope="module")
def outcomes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool], Outcome]]:
    """All cases with and without their cause; what they made beside namespaces goes."""
    if not cluster.is_bench:
        pytest.skip("makes nodes without a kubelet")
    cluster.apply(*WIDE, *NODES)
    ended = threading.Event()
    beating = threading.Thread(target=alive, args=(cluster, ended))
    beating.start()
    try:
        yield from outcomes_of(cluster, CASES, tmp_path_factory)
    finally:
        ended.set()
        beating.join()
        for each in (*WIDE, *NODES):
            cluster.kubectl("delete", each["kind"], each["metadata"]["name"], "--wait=false", check=False)


test_it_fails_as_preflight_says, test_it_comes_up_where_preflight_has_nothing_against_it = predictions(CASES)
