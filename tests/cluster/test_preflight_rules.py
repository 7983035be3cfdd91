"""What preflight says of policies, quotas, names and pods in the way, and the install that shows whether it was right.

The table is read as that of test_preflight.py. What preflight only warns of may fail, too.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import THIS_RUN, service
from .test_preflight import (
    MEMORY,
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
    quota,
    stored,
    variable,
)
from .test_preflight_pods import HELD, HOST, SMALL, affinity, bound, earlier, holder, mounted, scoped, values

ADMISSION = "admissionregistration.k8s.io/v1"
MARK = "nimhelm.dev/rules-test"
GPU = "nvidia.com/gpu"
OTHER = "preflight-rules"
TAKEN, FREE = random.sample(range(30100, 32700), 2)
PORT = random.randrange(33000, 60000)


def login(*servers: str) -> dict[str, Any]:
    """A pull secret `login` for these servers."""
    auth = base64.b64encode(b"$oauthtoken:nvapi-bench").decode()
    held = json.dumps({"auths": {server: {"auth": auth} for server in servers}})
    return made("Secret", "login", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": held})


def private(name: str) -> dict[str, Any]:
    return {"image": {"repository": f"localhost:5000/private/{THIS_RUN}/{name}", "tag": "1", "pullSecrets": ["login"]}}


def deep(name: str) -> dict[str, Any]:
    return {"image": {"repository": f"a.b.example.com/private/{THIS_RUN}/{name}", "tag": "1", "pullSecrets": ["login"]}}


def policy(name: str, group: str, resource: str, expression: str, **spec: Any) -> list[dict[str, Any]]:
    """A policy for namespaces whose label names it, with its binding."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    binding = spec.pop("binding", {})
    held = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": expression}],
    } | spec
    within = {"namespaceSelector": {"matchLabels": {MARK: name}}}
    bound_to = {"policyName": f"rules-{name}", "validationActions": ["Deny"], "matchResources": within} | binding
    return [
        made("ValidatingAdmissionPolicy", f"rules-{name}", ADMISSION, spec=held),
        made("ValidatingAdmissionPolicyBinding", f"rules-{name}", ADMISSION, spec=bound_to),
    ]


def webhook(name: str, failure: str, group: str, resource: str) -> dict[str, Any]:
    """A webhook that nobody answers, for namespaces whose label names it."""
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    hook = {
        "name": f"{name}.nimhelm.dev",
        "clientConfig": {"service": {"namespace": "default", "name": "absent"}},
        "rules": [rule],
        "failurePolicy": failure,
        "namespaceSelector": {"matchLabels": {MARK: name}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 2,
    }
    return made("ValidatingWebhookConfiguration", f"rules-{name}", ADMISSION, webhooks=[hook])


def node(name: str, taints: list[dict[str, str]]) -> dict[str, Any]:
    """A node without a kubelet: the scheduler believes in it, and nothing of the tests may get onto it."""
    own = made("Node", f"{OTHER}-{name}", spec={"taints": taints})
    own["metadata"]["labels"] = {MARK: name, HOST: f"{OTHER}-{name}", "kubernetes.io/os": "linux"}
    amounts = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "1Ti", "pods": "110"}
    own["status"] = {"capacity": amounts, "allocatable": amounts, "conditions": []}
    return own


PARAMS = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
REF = {"paramRef": {"name": "allowed", "parameterNotFoundAction": "Deny"}}
WIDE = [
    *policy("pods", "", "pods", "has(object.spec.nodeName)"),
    *policy("records", "", "secrets", "object.type != 'helm.sh/release.v1'"),
    *policy("sets", "apps", "replicasets", "has(object.metadata.labels.team)"),
    *policy("claims", "", "persistentvolumeclaims", "object.spec.resources.requests.storage == '5Gi'"),
    *policy("params", "apps", "deployments", "params != null", binding=REF, **PARAMS),
    *policy("audited", "apps", "deployments", "false", binding={"validationActions": ["Audit", "Warn"]}),
    *policy("users", "", "pods", "!request.userInfo.groups.exists(each, each == 'system:masters')"),
    webhook("down", "Fail", "apps", "deployments"),
    webhook("down-for-pods", "Fail", "", "pods"),
    webhook("ignored", "Ignore", "apps", "deployments"),
    made("RuntimeClass", f"{OTHER}-heavy", "node.k8s.io/v1", handler="runc", overhead={"podFixed": {"memory": "900Ti"}}),
    made("RuntimeClass", f"{OTHER}-light", "node.k8s.io/v1", handler="runc", overhead={"podFixed": {"memory": "1Mi"}}),
]  # fmt: skip
NODES = [node("evicting", [{"key": "team", "value": "other", "effect": "NoExecute"}])]


def labelled(**labels: str) -> Any:
    """Labels of the namespace: `broken` where it is to fail, `mended` elsewhere; each is the value of the tests' label."""

    def label(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
        if value := labels.get("broken" if broken else "mended"):
            cluster.kubectl("label", "namespace", namespace, f"{MARK}={value}")

    return label


def secured(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    modes = ("enforce",) if broken else ("warn", "audit")
    cluster.kubectl(
        "label", "namespace", namespace, *(f"pod-security.kubernetes.io/{mode}=restricted" for mode in modes)
    )


def kept_as(**spec: str) -> Any:
    """An earlier install whose claim is left behind, made with these values where it is to fail."""

    def install(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
        sets = [f"--set=llm.storage.pvc.{key}={value}" for key, value in spec.items()] if broken else []
        earlier(cluster, namespace, chart, *sets)

    return install


def shy(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A pod that wants no pod of llm on its node, or no pod of another service."""
    holder(cluster, namespace, **affinity("podAntiAffinity", "llm" if broken else "other"))


def on_port(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    if broken:  # it need not run: what the scheduler counts is the pod's node
        ports = [{"containerPort": 80, "hostPort": PORT}]
        container = {"name": "holder", "image": "nvcr.io/nim/test/holder:1.0", "ports": ports}
        cluster.apply(made("Pod", "holder", spec={"containers": [container]}), namespace=namespace)
        wait_until(lambda: cluster.get("pod", "holder", namespace=namespace)["spec"].get("nodeName"))


def alone(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A claim for one pod, which a pod has already."""
    own = claim("models", "bench-hostpath")
    own["spec"]["accessModes"] = ["ReadWriteOncePod"]
    cluster.apply(own, namespace=namespace)
    bound(cluster, namespace)
    if broken:
        holder(cluster, namespace, **mounted("models"))


def taken_port(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    if broken:
        port = {"port": 80, "nodePort": TAKEN}
        cluster.apply(made("Service", "other", spec={"type": "NodePort", "ports": [port]}), namespace=namespace)


def elsewhere(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """An object of a release of the same name, of this namespace or of another."""
    own = made("ServiceAccount", "llm")
    place = "elsewhere" if broken else namespace
    own["metadata"] |= {
        "annotations": {"meta.helm.sh/release-name": "demo", "meta.helm.sh/release-namespace": place},
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
    }
    cluster.apply(own, namespace=namespace)


def going(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A namespace that is being deleted, and stays for a finalizer of an object in it."""
    if broken:
        own = made("ConfigMap", "stays")
        own["metadata"]["finalizers"] = ["nimhelm.dev/test"]
        cluster.apply(own, namespace=namespace)
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
        wait_until(lambda: cluster.get("namespace", namespace)["status"]["phase"] == "Terminating")


def per_pod(**item: Any) -> dict[str, Any]:
    return made("LimitRange", "team", spec={"limits": [{"type": "Pod", **item}]})


def spread(**rule: Any) -> tuple[str, ...]:
    label = {"labelSelector.matchLabels.app": "llm", "maxSkew": 1, "topologyKey": HOST}
    given = label | {"whenUnsatisfiable": "DoNotSchedule"} | rule
    return (
        "llm.replicas=2",
        *(f"llm.topologySpreadConstraints[0].{key}={value}" for key, value in given.items()),
    )


PER_CLASS = "bench-hostpath.storageclass.storage.k8s.io/persistentvolumeclaims"
BINARY = made("ConfigMap", "extra", binaryData={"text": "eA=="})
TEXTS = variable(configMapKeyRef={"name": "extra", "key": "text"})
HPA = {"scale": {"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 3}}}
SOME = {"resources": {"limits": {GPU: 5}, "requests": {"cpu": "10m"}}}
FEW = {"resources": {"limits": {GPU: 1}, "requests": {"cpu": "10m"}}}
ACROSS = {"labelSelector": {"matchLabels": {"app": "absent"}}, "topologyKey": HOST, "namespaces": ["default"]}
FAR = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [ACROSS]}}}
PROJECTED = values(**{
    "volumes[0].name": "more", "volumes[0].projected.sources[0].secret.name": "extra",
    "volumes[0].projected.sources[0].secret.items[0].key": "token",
    "volumes[0].projected.sources[0].secret.items[0].path": "token",
})  # fmt: skip
ON_HOST = values(**{
    "containers[0].name": "llm-ctr", "containers[0].ports[0].containerPort": 9999, "containers[0].ports[0].hostPort": PORT,
})  # fmt: skip
MOUNTED = values(**{
    "containers[0].name": "llm-ctr", "containers[0].volumeMounts[0].name": "more",
    "containers[0].volumeMounts[0].mountPath": "/more",
})  # fmt: skip

CASES = {
    "secret in a projected volume": Case(
        "SecretKeyMissing", "", sets=PROJECTED + MOUNTED, mended_sets=PROJECTED + MOUNTED,
        objects=(made("Secret", "extra", stringData={"other": "x"}),),
        mended_objects=(made("Secret", "extra", stringData={"token": ""}),),
    ),
    "volume that nothing mounts": Case("SecretMissing", "", sets=PROJECTED + MOUNTED, mended_sets=PROJECTED),
    "text that is binary": Case(
        "ConfigMapKeyMissing", NOT_STARTED, TEXTS, objects=(BINARY,),
        mended_objects=(made("ConfigMap", "extra", data={"text": ""}),),
    ),
    "login for another path": Case(
        "PullSecretHost", NOT_STARTED, private("path"), objects=(login("localhost:5000/other"),), mended=private("own-path"),
        mended_objects=(login("http://localhost:5000/private"),), warned=True,
    ),
    "login for another port": Case(
        "PullSecretHost", NOT_STARTED, private("port"), objects=(login("localhost:5001"),), mended=private("own-port"),
        mended_objects=(login("localhost:5000/v1/", "localhost:5000"),), warned=True,
    ),
    "login for another level": Case(
        "PullSecretHost", NOT_STARTED, deep("x"), mended=deep("y"),
        objects=(login("*.example.com"),), mended_objects=(login("*.b.example.com"),), warned=True,
    ),
    "claim of another mode": Case(
        "ImmutableField", REFUSED, stored("bench-hostpath"), before=kept_as(volumeAccessMode="ReadOnlyMany"),
    ),
    "claim of another class": Case("ImmutableField", REFUSED, stored("bench-hostpath"), before=kept_as(storageClass="bench-none")),
    "claim of one pod": Case("ClaimInUse", NOT_STARTED, HELD, before=alone),
    "quota of claims of a class": Case(
        "QuotaExceeded", REFUSED, stored("bench-hostpath"), objects=(quota(**{PER_CLASS: "0"}),),
        mended_objects=(quota(**{PER_CLASS: "1"}),),
    ),
    "quota of services": Case("QuotaExceeded", REFUSED, objects=(quota(services="0"),), mended_objects=(quota(services="1"),)),
    "quota of records": Case("QuotaExceeded", REFUSED, objects=(quota(secrets="2"),), mended_objects=(quota(secrets="3"),)),
    "quota of deployments": Case(
        "QuotaExceeded", REFUSED, objects=(quota(**{"count/deployments__apps": "1"}),), more=(service("after", "llm"),),
        mended_objects=(quota(**{"count/deployments__apps": "2"}),),
    ),
    "quota of GPUs": Case(
        "QuotaExceeded", NO_PODS, FEW, objects=(quota(**{f"requests.{GPU}": "1"}),), more=(service("after", "llm", **FEW),),
        mended_objects=(quota(**{f"requests.{GPU}": "2"}),),
    ),
    "quota of pods far away": Case(
        "QuotaExceeded", NO_PODS, FAR, objects=(scoped("CrossNamespacePodAffinity", pods="0"),),
        mended_objects=(scoped("CrossNamespacePodAffinity", pods="1"),),
    ),
    "security of warnings": Case("PodSecurity", NO_PODS, before=secured),
    "policy for pods": Case("AdmissionPolicy", NO_PODS, before=labelled(broken="pods", mended="users")),
    "policy for records": Case("AdmissionPolicy", REFUSED, before=labelled(broken="records")),
    "policy for replica sets": Case("AdmissionPolicy", NO_PODS, before=labelled(broken="sets")),
    "policy for claims": Case(
        "AdmissionPolicy", REFUSED, stored("bench-hostpath"), before=labelled(broken="claims", mended="audited"),
    ),
    "policy without its parameters": Case(
        "AdmissionPolicy", REFUSED, before=labelled(broken="params"),
    ),
    "webhook that is down": Case("WebhookUnreachable", REFUSED, before=labelled(broken="down", mended="ignored")),
    "webhook for pods that is down": Case("WebhookUnreachable", NO_PODS, before=labelled(broken="down-for-pods")),
    "overhead": Case(
        "Insufficient", NOT_STARTED, {"runtimeClassName": f"{OTHER}-heavy"}, mended={"runtimeClassName": f"{OTHER}-light"},
    ),
    "node that is not ready": Case("NodeNotReady", NOT_STARTED, {"nodeSelector": {MARK: "evicting"}}, mended={}),
    "fewer nodes than domains": Case(
        "TopologySpread", NOT_STARTED, sets=spread(minDomains=9), mended_sets=spread(minDomains=9, maxSkew=2),
    ),
    "nodes that count and take nothing": Case(
        "TopologySpread", NOT_STARTED, sets=spread(), mended_sets=spread(nodeTaintsPolicy="Honor"),
    ),
    "a pod that keeps apart": Case("PodAffinity", NOT_STARTED, before=shy),
    "port of the node": Case("HostPort", NOT_STARTED, before=on_port, sets=ON_HOST),
    "autoscaler's least": Case("InsufficientGPU", NOT_STARTED, SOME | HPA, mended=FEW | HPA),
    "default limit below the request": Case(
        "LimitRange", NO_PODS, MEMORY, objects=(limits(default={"memory": "512Mi"}),),
        mended_objects=(limits(default={"memory": "2Gi"}),),
    ),
    "ratio of limit and request": Case(
        "LimitRange", NO_PODS, SMALL, objects=(per_pod(maxLimitRequestRatio={"memory": "1"}),),
        mended_objects=(per_pod(maxLimitRequestRatio={"memory": "2"}),),
    ),
    "port that is taken": Case(
        "ObjectRefused", REFUSED, before=taken_port,
        sets=("llm.expose.service.type=NodePort", f"llm.expose.service.nodePort={TAKEN}"),
        mended_sets=("llm.expose.service.type=NodePort", f"llm.expose.service.nodePort={FREE}"),
    ),
    "release of another namespace": Case("NameTaken", REFUSED, before=elsewhere),
    "namespace that goes": Case("NamespaceTerminating", REFUSED, before=going),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool], Outcome]]:
    """All cases with and without their cause; what they made beside namespaces goes."""
    if not cluster.is_bench:
        pytest.skip("makes nodes without a kubelet")
    cluster.apply(*WIDE, *NODES)
    for each in NODES:
        ready = {"type": "Ready", "status": "True", "reason": "Test", "message": ""}
        patch = json.dumps({"status": each["status"] | {"conditions": [ready]}})
        cluster.kubectl("patch", "node", each["metadata"]["name"], "--subresource=status", "--type=merge", "-p", patch)
    yield from outcomes_of(cluster, CASES, tmp_path_factory)
    for each in (*WIDE, *NODES):
        cluster.kubectl("delete", each["kind"], each["metadata"]["name"], "--wait=false", check=False)


test_it_fails_as_preflight_says, test_it_comes_up_where_preflight_has_nothing_against_it = predictions(CASES)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.warned])
def test_nothing_is_warned_of_without_the_cause(name: str, outcomes: dict[tuple[str, bool], Outcome]) -> None:
    assert not any(each["code"] for each in outcomes[name, False].checks)
