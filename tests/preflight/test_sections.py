"""Rights, APIs, names, secrets, storage and network: what is found, and where nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nimhelm.preflight.checks import all_checks, apis, names, network, rights, secrets, storage
from nimhelm.preflight.cluster import Refusal
from nimhelm.preflight.output import as_json, text
from nimhelm.preflight.reduce import reduced
from nimhelm.preflight.render import Workload
from nimhelm.preflight.result import WARNS, exit_code

from .world import REACH, cluster, codes, found, named, node, rendered, workload

ALL = ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},)
DEPLOYMENT = named("Deployment", "llm", version="apps/v1", labels={"app.kubernetes.io/name": "llm"})
ROLE = named("Role", "llm", rules=[{"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]}])


def rule(*verbs: str, group: str = "", resources: tuple[str, ...] = ("*",)) -> dict[str, Any]:
    return {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources)}


@pytest.mark.parametrize(
    ("held", "answers", "wanted"),
    [
        (ALL, {}, []),
        (
            (rule("*"),),
            {("get", "apps", "deployments"): True, ("create", "apps", "deployments"): False},
            ["RightsMissing"],
        ),
        ((rule("*"),), {("get", "apps", "deployments"): True, ("create", "apps", "deployments"): True}, []),
        ((rule("*"),), {}, []),
    ],
)
def test_rights(held: Any, answers: dict[Any, bool], wanted: list[str]) -> None:
    world = cluster(rights=held, answers=answers)
    checks = list(rights.check(rendered(objects=(DEPLOYMENT,)), world))
    assert codes(checks) == wanted
    if not answers and held != ALL:
        assert [check.level for check in checks] == ["not checked"]


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (ALL, []),
        ((rule("*", resources=("secrets", "pods/exec")),), []),
        ((rule("*", resources=("secrets", "*/exec")),), []),
        ((rule("*", resources=("secrets", "pods")),), ["RightsEscalation"]),
        (
            (
                rule("*", resources=("secrets",)),
                rule("escalate", group="rbac.authorization.k8s.io", resources=("roles",)),
            ),
            [],
        ),
    ],
)
def test_nobody_grants_what_he_does_not_hold(held: Any, wanted: list[str]) -> None:
    assert codes(rights.check(rendered(objects=(ROLE,)), cluster(rights=held))) == wanted


def metric(kind: str) -> dict[str, Any]:
    return named("HorizontalPodAutoscaler", "llm", version="autoscaling/v2", spec={"metrics": [{"type": kind}]})


@pytest.mark.parametrize(
    ("objects", "served", "wanted"),
    [
        ((DEPLOYMENT,), ["apps/v1/Deployment"], []),
        ((DEPLOYMENT,), ["apps/v1beta1/Deployment"], ["APIMissing"]),
        ((metric("Resource"),), ["autoscaling/v2/HorizontalPodAutoscaler"], ["MetricsAPIMissing"]),
        ((metric("Resource"),), ["autoscaling/v2/HorizontalPodAutoscaler", "metrics.k8s.io/v1beta1/PodMetrics"], []),
        (
            (metric("Pods"),),
            ["autoscaling/v2/HorizontalPodAutoscaler", "metrics.k8s.io/v1beta1/PodMetrics"],
            ["MetricsAPIMissing"],
        ),
    ],
)
def test_apis(objects: Any, served: list[str], wanted: list[str]) -> None:
    assert codes(apis.check(rendered(objects=objects), cluster(apis=frozenset(served)))) == wanted


@pytest.mark.parametrize(
    ("version", "wanted"), [("v1.30.1", "fails"), ("v1.33.0", "warning"), ("v1.35.0", ""), ("", "")]
)
def test_image_volumes(version: str, wanted: str) -> None:
    pods = workload(volumes=[{"name": "m", "image": {"reference": "nvcr.io/model:1"}}])
    assert [level for level, *_ in found(apis.check(rendered(pods), cluster(version=version)))] == (
        [wanted] if wanted else []
    )


def test_a_chart_that_refuses() -> None:
    assert codes(apis.check(rendered(refusal="guard: llm waits for rerank, which is off"), cluster())) == [
        "ChartRefused"
    ]
    assert codes(apis.check(rendered(refusal="chart requires kubeVersion: >=1.28"), cluster())) == ["KubernetesVersion"]
    # What is missing is named; that the chart refuses because of it goes without saying.
    assert codes(apis.check(rendered(objects=(DEPLOYMENT,), refusal="needs it"), cluster(apis=frozenset()))) == [
        "APIMissing"
    ]


HELM = {"meta.helm.sh/release-name": "rag", "meta.helm.sh/release-namespace": "team"}
MANAGED = {"app.kubernetes.io/managed-by": "Helm"}


@pytest.mark.parametrize(
    ("existing", "wanted"),
    [
        (named("Service", "llm", annotations=HELM, labels=MANAGED), ""),
        (named("Service", "other"), ""),
        (
            named("Service", "llm", annotations=HELM | {"meta.helm.sh/release-name": "chat"}, labels=MANAGED),
            "helm status chat -n team",
        ),
        (
            named(
                "Service",
                "llm",
                owners=[{"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMService", "name": "llm"}],
            ),
            "nimhelm adopt rag ./rag -n team",
        ),
        (
            named(
                "Service",
                "llm",
                annotations=HELM | {"meta.helm.sh/release-name": "chat", "helm.sh/resource-policy": "keep"},
                labels=MANAGED,
            ),
            "helm status chat -n team || { kubectl annotate --overwrite service/llm meta.helm.sh/release-name=rag",
        ),
        (named("Service", "llm"), "kubectl annotate --overwrite service/llm"),
    ],
)
def test_names(existing: dict[str, Any], wanted: str) -> None:
    checks = [
        each for each in names.check(rendered(objects=(named("Service", "llm"),)), cluster(existing)) if each.code
    ]
    assert [each.code for each in checks] == (["NameTaken"] if wanted else [])
    assert all(each.next.startswith(wanted) for each in checks)


BY_HELM = {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
BY_KUBECTL = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}}}


@pytest.mark.parametrize(
    ("managed", "spec", "major", "wanted"),
    [
        ([BY_HELM, BY_KUBECTL], {"replicas": 1}, 4, ["ChangedByHand"]),
        ([BY_HELM, BY_KUBECTL], {"replicas": 1}, 3, []),
        ([BY_HELM, BY_KUBECTL], {"replicas": 3}, 4, []),
        ([BY_HELM, BY_KUBECTL], {}, 4, []),
        ([BY_HELM | {"operation": "Update"}, BY_KUBECTL], {"replicas": 1}, 4, []),
        ([BY_HELM, BY_KUBECTL | {"manager": "kube-controller-manager"}], {"replicas": 1}, 4, []),
    ],
)
def test_what_was_changed_by_hand(
    managed: list[dict[str, Any]], spec: dict[str, Any], major: int, wanted: list[str]
) -> None:
    live = named("Deployment", "llm", annotations=HELM, labels=MANAGED)
    live["metadata"]["managedFields"] = managed
    live["spec"] = {"replicas": 3, "paused": True}
    world = cluster(reduced(live), helm=("deployed", 1), helm_major=major)
    checks = names.check(rendered(objects=(named("Deployment", "llm") | {"spec": spec},)), world)
    found = [each for each in checks if each.code]
    assert [each.code for each in found] == wanted
    assert all(
        "spec.replicas (kubectl)" in each.text and each.next.endswith("--force-conflicts -n team") for each in found
    )


def test_hooks_are_replaced_and_belong_to_nobody() -> None:
    hook = named("Job", "wait", annotations={"helm.sh/hook": "post-install"})
    assert codes(names.check(rendered(objects=(hook,)), cluster(named("Job", "wait")))) == []


@pytest.mark.parametrize(
    ("helm", "wanted", "step"),
    [
        (None, [], ""),
        (("deployed", 3), [], ""),
        (("pending-install", 1), ["ReleasePending"], "helm uninstall rag"),
        (("pending-upgrade", 3), ["ReleasePending"], "helm rollback rag"),
        (("failed", 1), ["ReleaseFailed"], "helm upgrade --install rag"),
    ],
)
def test_releases(helm: Any, wanted: list[str], step: str) -> None:
    checks = [each for each in names.check(rendered(), cluster(helm=helm)) if each.code]
    assert [each.code for each in checks] == wanted
    assert all(each.next.startswith(step) for each in checks)


def env(**source: Any) -> Workload:
    container = {"name": "c", "image": "nvcr.io/nim/llm:1", "env": [{"name": "A", "valueFrom": source}]}
    return workload(containers=[container])


def volume(**source: Any) -> Workload:
    container = {"name": "c", "image": "nvcr.io/nim/llm:1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    return workload(volumes=[{"name": "v", **source}], containers=[container])


SECRET = named("Secret", "s", type="Opaque", data={"token": ""})
PULL = named("Secret", "pull", type="kubernetes.io/dockerconfigjson", data={}, registries=["nvcr.io"])
PULLED = {"imagePullSecrets": [{"name": "pull"}]}


@pytest.mark.parametrize(
    ("pods", "objects", "wanted"),
    [
        (env(secretKeyRef={"name": "s", "key": "token"}), [SECRET], []),
        (env(secretKeyRef={"name": "s", "key": "other"}), [SECRET], ["SecretKeyMissing"]),
        (env(secretKeyRef={"name": "t", "key": "token"}), [SECRET], ["SecretMissing"]),
        (env(secretKeyRef={"name": "t", "key": "token", "optional": True}), [SECRET], []),
        (
            env(configMapKeyRef={"name": "t", "key": "token"}),
            [SECRET, named("ConfigMap", "c", data={})],
            ["ConfigMapMissing"],
        ),
        (
            env(configMapKeyRef={"name": "c", "key": "token"}),
            [named("ConfigMap", "c", data={})],
            ["ConfigMapKeyMissing"],
        ),
        (
            env(configMapKeyRef={"name": "c", "key": "token"}),
            [named("ConfigMap", "c", binaryData={"token": ""})],
            ["ConfigMapKeyMissing"],
        ),
        (
            volume(configMap={"name": "c", "items": [{"key": "token"}]}),
            [named("ConfigMap", "c", binaryData={"token": ""})],
            [],
        ),
        (volume(secret={"secretName": "t"}), [SECRET], ["SecretMissing"]),
        (workload(volumes=[{"name": "nowhere", "secret": {"secretName": "t"}}]), [SECRET], []),
        (volume(secret={"secretName": "s", "items": [{"key": "x"}]}), [SECRET], ["SecretKeyMissing"]),
        (volume(projected={"sources": [{"secret": {"name": "t"}}]}), [SECRET], ["SecretMissing"]),
        (workload(serviceAccountName="a"), [named("ServiceAccount", "b")], ["ServiceAccountMissing"]),
        (workload(serviceAccountName="default"), [named("ServiceAccount", "b")], []),
        (workload(**PULLED), [PULL], []),
        (workload(**PULLED), [SECRET], ["PullSecretMissing"]),
        (workload(**PULLED), [SECRET | {"metadata": {"name": "pull"}}], ["PullSecretType"]),
        (workload(**PULLED), [PULL | {"registries": ["docker.io"]}], ["PullSecretHost"]),
    ],
)
def test_secrets(pods: Workload, objects: list[dict[str, Any]], wanted: list[str]) -> None:
    assert codes(secrets.check(rendered(pods), cluster(*objects))) == wanted


@pytest.mark.parametrize(
    ("objects", "made"),
    [([SECRET], "docker-registry pull "), ([PULL | {"registries": ["docker.io"]}], "docker-registry pull-nvcr.io ")],
)
def test_a_secret_for_another_registry_keeps_its_own_name(objects: list[dict[str, Any]], made: str) -> None:
    (step,) = [check.next for check in secrets.check(rendered(workload(**PULLED)), cluster(*objects)) if check.code]
    assert made in step


@pytest.mark.parametrize(
    ("objects", "wanted"),
    [
        ([], [(WARNS, "SecretMissing", ("llm",))]),
        ([named("Secret", "ngc", data={"OTHER": ""})], [(WARNS, "SecretKeyMissing", ("llm",))]),
        ([named("Secret", "ngc", data={"NGC_API_KEY": ""})], []),
    ],
)
def test_a_key_that_a_pod_starts_without(objects: list[dict[str, Any]], wanted: list[Any]) -> None:
    needed = {"secrets": [{"name": "ngc", "keys": ["NGC_API_KEY"], "usedBy": ["llm"]}, {"name": "pull", "keys": []}]}
    graph = named(
        "ConfigMap", "graph", labels={"nimhelm.dev/graph": "true"}, data={"pipeline.json": json.dumps(needed)}
    )
    pods = env(secretKeyRef={"name": "ngc", "key": "NGC_API_KEY", "optional": True})
    checks = secrets.check(rendered(pods, objects=(graph,)), cluster(*objects, kinds=("Secret",)))
    assert found(checks) == wanted


def test_what_may_not_be_read_is_not_judged_and_said_once() -> None:
    pods = env(secretKeyRef={"name": "t", "key": "token"})
    checks = all_checks(rendered(pods, pods), cluster(forbidden=frozenset({"Secret"})))
    assert codes(checks) == []
    assert sum("forbidden to list secrets" in check.text for check in checks) == 1


def test_what_the_dry_run_repeats_is_told_once() -> None:
    said = Refusal("pods", "nimhelm-preflight-0", 'RuntimeClass "nvidia" not found')
    pods = workload(runtimeClassName="nvidia")
    world = cluster(node("a"), kinds=("RuntimeClass", "Pod"), rights=ALL, refusals=(), pod_refusals=(said,))
    assert codes(all_checks(rendered(pods), world)) == ["RuntimeClassMissing"]
    assert codes(all_checks(rendered(pods), world._replace(lists={}))) == ["RuntimeClassMissing"]


def claim(
    of_class: str | None = None, size: str = "10Gi", mode: str = "ReadWriteOnce", name: str = "m"
) -> dict[str, Any]:
    chosen = {} if of_class is None else {"storageClassName": of_class}
    return named(
        "PersistentVolumeClaim",
        name,
        spec={"accessModes": [mode], "resources": {"requests": {"storage": size}}, **chosen},
    )


def storage_class(name: str = "fast", default: bool = False, provisioner: str = "p", **fields: Any) -> dict[str, Any]:
    marks = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return named("StorageClass", name, annotations=marks, provisioner=provisioner, **fields)


VOLUME = named("PersistentVolume", "v", status={"phase": "Available"}, spec={
    "storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "10Gi"}})  # fmt: skip
MOUNTED = workload(volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "m"}}])
ZONES = [node("a", labels={"topology.kubernetes.io/zone": "a"}), node("b", labels={"topology.kubernetes.io/zone": "b"})]
LATER = {"volumeBindingMode": "WaitForFirstConsumer"}


@pytest.mark.parametrize(
    ("wanted_claim", "objects", "wanted"),
    [
        (claim(), [storage_class(default=True)], []),
        (claim(), [storage_class()], ["NoStorageClass"]),
        (claim(), [storage_class(default=True), storage_class("slow", True)], ["SeveralDefaultClasses"]),
        (claim("absent"), [storage_class()], ["StorageClassMissing"]),
        (claim("fast"), [VOLUME], []),
        (claim("fast", "11Gi"), [VOLUME], ["StorageClassMissing"]),
        (claim("fast"), [VOLUME | {"status": {"phase": "Bound"}}], ["StorageClassMissing"]),
        (claim("fast", mode="ReadWriteMany"), [storage_class(provisioner="ebs.csi.aws.com")], ["AccessMode"]),
        (claim("fast"), [storage_class(provisioner="ebs.csi.aws.com")], []),
        (claim("fast", mode="ReadWriteMany"), [storage_class(provisioner="nobody.knows")], []),
        (claim("fast"), [storage_class(provisioner="kubernetes.io/no-provisioner")], ["ClaimUnbound"]),
        (claim("fast"), [storage_class(), *ZONES], ["ZoneBinding"]),
        (claim("fast"), [storage_class(**LATER), *ZONES], []),
        (claim("fast", mode="ReadWriteMany"), [storage_class(), *ZONES], []),
        (claim("fast", "20Gi"), [storage_class(), claim("fast") | {"status": {"phase": "Bound"}}], ["ClaimSize"]),
        (
            claim("fast", "5Gi"),
            [storage_class(allowVolumeExpansion=True), claim("fast") | {"status": {"phase": "Bound"}}],
            ["ClaimSize"],
        ),
        (
            claim("fast", "20Gi"),
            [storage_class(allowVolumeExpansion=True), claim("fast") | {"status": {"phase": "Bound"}}],
            [],
        ),
        (
            claim("fast", "20Gi"),
            [storage_class(allowVolumeExpansion=True, **LATER), claim("fast") | {"status": {"phase": "Pending"}}],
            ["ClaimSize"],
        ),
    ],
)
def test_new_claims(wanted_claim: dict[str, Any], objects: list[dict[str, Any]], wanted: list[str]) -> None:
    world = cluster(*objects, kinds=("StorageClass", "PersistentVolume", "PersistentVolumeClaim"))
    assert codes(storage.check(rendered(MOUNTED, objects=(wanted_claim,)), world)) == wanted


def bound(**affinity: Any) -> list[dict[str, Any]]:
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    volume = named("PersistentVolume", "v", spec={"nodeAffinity": {"required": required}})
    held = claim("fast") | {"status": {"phase": "Bound"}}
    held["spec"]["volumeName"] = "v"
    return [volume, held, *(node(name, labels={"kubernetes.io/hostname": name}) for name in "ab")]


@pytest.mark.parametrize(
    ("pods", "objects", "wanted"),
    [
        (MOUNTED, [], ["ClaimMissing"]),
        (MOUNTED, [claim("fast") | {"status": {"phase": "Bound"}}], []),
        (MOUNTED, [claim("fast") | {"status": {"phase": "Lost"}}], ["ClaimLost"]),
        (MOUNTED, [claim("fast") | {"status": {"phase": "Pending"}}, storage_class()], ["ClaimUnbound"]),
        (MOUNTED, [claim("fast") | {"status": {"phase": "Pending"}}, storage_class(**LATER)], []),
        (MOUNTED, bound(), []),
        (
            workload(volumes=MOUNTED.pod["spec"]["volumes"], nodeSelector={"kubernetes.io/hostname": "b"}),
            bound(),
            ["VolumeElsewhere"],
        ),
    ],
)
def test_claims_that_exist(pods: Workload, objects: list[dict[str, Any]], wanted: list[str]) -> None:
    world = cluster(*objects, kinds=("StorageClass", "PersistentVolumeClaim"))
    assert codes(storage.check(rendered(pods), world)) == wanted


GRAPH = named(
    "ConfigMap", "rag-nimpipeline", labels={"nimhelm.dev/graph": "true"},
    data={"pipeline.json": json.dumps({"services": [{"name": "llm", "dependencies": [{"name": "embed", "port": 8000}]}]})},
)  # fmt: skip
GATED = workload("llm", initContainers=[{"name": "wait-for-embed"}])
DNS = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}
TO_EMBED = {"to": [{"podSelector": {"matchLabels": {"app": "embed"}}}], "ports": [{"port": 8000}]}


def policy(app: str, kind: str, *rules: dict[str, Any]) -> dict[str, Any]:
    spec = {
        "podSelector": {"matchLabels": {"app": app}} if app else {},
        "policyTypes": [kind],
        kind.lower(): list(rules),
    }
    return named("NetworkPolicy", "p", spec=spec)


@pytest.mark.parametrize(
    ("policies", "closed"),
    [
        ([policy("other", "Egress")], ""),
        ([policy("", "Egress")], "closes DNS"),
        ([policy("llm", "Egress", DNS)], "keeps llm from embed:8000"),
        ([policy("llm", "Egress", DNS, TO_EMBED)], ""),
        ([policy("llm", "Egress", DNS), policy("llm", "Egress", TO_EMBED)], ""),
        ([policy("llm", "Egress", {})], ""),
        ([policy("llm", "Egress", TO_EMBED, {"ports": [{"port": 53}]})], "closes DNS"),
        ([policy("llm", "Egress", DNS, {"ports": [{"port": 8000, "protocol": "UDP"}]})], "keeps llm from embed:8000"),
        (
            [policy("embed", "Ingress", {"from": [{"podSelector": {"matchLabels": {"app": "chat"}}}]})],
            "lets nothing of llm into",
        ),
        (
            [policy("embed", "Ingress", {"from": [{"podSelector": {}}], "ports": [{"port": 9000}]})],
            "lets nothing of llm into",
        ),
        ([policy("embed", "Ingress", {"from": [{"podSelector": {}}], "ports": [{"port": 7000, "endPort": 9000}]})], ""),
        ([policy("embed", "Ingress", {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})], ""),
    ],
)
def test_network_policies(policies: list[dict[str, Any]], closed: str) -> None:
    world = rendered(GATED, workload("embed"), objects=(GRAPH,))
    checks = [each for each in network.check(world, cluster(*policies)) if each.code]
    assert [each.code for each in checks] == (["NetworkPolicy"] if closed else [])
    assert all(closed in each.text for each in checks)


def route(*hosts: str, section: str = "", kind: str = "HTTPRoute", **parent: Any) -> dict[str, Any]:
    parent |= {"name": "shared", "namespace": "gateways"} | ({"sectionName": section} if section else {})
    return named(kind, "llm", spec={"parentRefs": [parent], "hostnames": list(hosts)})


def gateway(hostname: str = "", source: str = "All", name: str = "shared", **listener: Any) -> dict[str, Any]:
    """A Gateway of one listener. `kinds` and `selector` say what it takes, `status` is that of the listener."""
    allowed: dict[str, Any] = {"namespaces": {"from": source}}
    if "kinds" in listener:
        allowed["kinds"] = [{"kind": kind} for kind in listener.pop("kinds")]
    if "selector" in listener:
        allowed["namespaces"] = {"from": "Selector", "selector": listener.pop("selector")}
    state = {"listeners": [{"name": "web"} | listener.pop("status", {})]}
    held = {"name": "web", "allowedRoutes": allowed} | ({"hostname": hostname} if hostname else {}) | listener
    return named("Gateway", name, namespace="gateways", spec={"listeners": [held]}, status=state)


@pytest.mark.parametrize(
    ("asked", "existing", "wanted"),
    [
        (route("a.example.com"), gateway(), []),
        (route("a.example.com"), gateway("*.example.com"), []),
        (route("a.example.com"), gateway("b.example.com"), ["GatewayListener"]),
        (route("a.example.com"), gateway(source="Same"), ["GatewayListener"]),
        (route("a.example.com", section="tls"), gateway(), ["GatewayListener"]),
        (route("a.example.com"), gateway(name="other"), ["GatewayMissing"]),
        (route("a.example.com"), gateway(source="None"), ["GatewayListener"]),
        (route("example.com"), gateway("*.example.com"), ["GatewayListener"]),
        (route("*.a.example.com"), gateway("*.example.com"), []),
        (route(), gateway("*.example.com"), []),
        (route(), gateway(protocol="HTTPS"), []),
        (route(), gateway(protocol="TCP"), ["GatewayListener"]),
        (route(), gateway(protocol="example.com/own"), []),
        (route(kind="GRPCRoute"), gateway(protocol="HTTP"), []),
        (route(kind="GRPCRoute"), gateway(kinds=["HTTPRoute"]), ["GatewayListener"]),
        (route(kind="GRPCRoute"), gateway(status={"supportedKinds": [{"kind": "HTTPRoute"}]}), ["GatewayListener"]),
        (route(), gateway(status={"supportedKinds": []}), ["GatewayListener"]),
        (route(), gateway(status={"conditions": [{"type": "Programmed", "status": "False"}]}), ["GatewayListener"]),
        (route(), gateway(status={"conditions": [{"type": "Programmed", "status": "Unknown"}]}), []),
        (route(port=80), gateway(port=80), []),
        (route(port=443), gateway(port=80), ["GatewayListener"]),
        (route(), gateway(selector={"matchLabels": {"team": "a"}}), []),
        (route(), gateway(selector={"matchLabels": {"team": "b"}}), ["GatewayListener"]),
        (
            route(),
            gateway(selector={"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}),
            ["GatewayListener"],
        ),
    ],
)
def test_gateways(asked: dict[str, Any], existing: dict[str, Any], wanted: list[str]) -> None:
    namespace = named("Namespace", "team", labels={"team": "a"})
    assert codes(network.check(rendered(objects=(asked,)), cluster(existing, namespace))) == wanted


def test_a_gateway_of_the_chart_counts() -> None:
    own = gateway()
    assert codes(network.check(rendered(objects=(route(), own)), cluster(kinds=("Gateway",)))) == []


@pytest.mark.parametrize(
    ("pods", "wanted"),
    [
        ([], []),
        ([("coredns-1", True), ("coredns-2", False)], []),
        ([("coredns-1", False)], ["DNSNotReady"]),
        ([("coredns-1", False), ("coredns-autoscaler-1", True)], ["DNSNotReady"]),
        ([("other", False)], []),
    ],
)
def test_dns(pods: list[tuple[str, bool]], wanted: list[str]) -> None:
    every = [
        reduced(
            named(
                "Pod", name, namespace="kube-system", status={"conditions": [{"type": "Ready", "status": str(ready)}]}
            )
        )
        for name, ready in pods
    ]
    assert codes(network.check(rendered(), cluster(*every, kinds=("Pod",)))) == wanted


INGRESS = named("Ingress", "llm", spec={"ingressClassName": "nginx"})
NGINX = named("IngressClass", "nginx")


def balancer(name: str, address: bool) -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}] if address else []}}
    return named("Service", name, spec={"type": "LoadBalancer"}, status=status)


def test_ways_in() -> None:
    assert codes(network.check(rendered(objects=(INGRESS,)), cluster(NGINX))) == []
    assert codes(network.check(rendered(objects=(INGRESS,)), cluster(kinds=("IngressClass",)))) == [
        "IngressClassMissing"
    ]
    mine = balancer("llm", False)
    assert codes(network.check(rendered(objects=(mine,)), cluster(balancer("other", True)))) == []
    assert codes(network.check(rendered(objects=(mine,)), cluster(balancer("other", False)))) == ["LoadBalancerPending"]


def test_output_is_plain_and_says_what_it_comes_to() -> None:
    checks = all_checks(rendered(MOUNTED), cluster(kinds=("PersistentVolumeClaim",), rights=ALL))
    shown = text(checks)
    assert (
        "  × llm: claim m does not exist: its pods stay Pending [ClaimMissing]\n    next: kubectl get pvc -n team\n"
        in shown
    )
    assert "an install would fail: 1 problem" in shown
    assert exit_code(checks) == 1
    assert json.loads(as_json(checks))["wouldFail"] is True
    assert "\x1b" not in text(all_checks(rendered(objects=(named("Ingress", "a\x1b[31m", spec={"ingressClassName": "x\x1b[2J"}),)),
                                         cluster(kinds=("IngressClass",))))  # fmt: skip


def test_warnings_fail_under_strict_alone() -> None:
    served = frozenset({"v1/Ingress"})
    checks = all_checks(rendered(objects=(INGRESS,)), cluster(kinds=("IngressClass",), apis=served))
    assert (exit_code(checks), exit_code(checks, strict=True)) == (0, 1)


def test_what_users_give_stays_quoted() -> None:
    reach = REACH._replace(release="rag; rm -rf /", namespace="team $(id)")
    assert reach.helm("status", reach.release) == "helm status 'rag; rm -rf /' -n 'team $(id)'"


def test_a_step_names_no_values_file_that_is_read_only_once(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").touch()
    given = (str(tmp_path / "v.yaml"), "-", "/dev/fd/63", "https://example.com/v.yaml")
    words = REACH._replace(values=given).chart_with()
    assert words == ["./rag", "-f", given[0], "-f", "VALUES", "-f", "VALUES", "-f", given[3]]
