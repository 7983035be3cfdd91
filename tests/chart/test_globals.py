"""global.nimhelm: what the operators of a cluster change in one place."""

from __future__ import annotations

from typing import Any

import pytest

from .assemble import containers, dependency, pod_specs, spec
from .conftest import Render

CACHE = {
    "source": {"ngc": {"modelPuller": "nvcr.io/nim/puller:1", "pullSecret": "ngc-secret"}},
    "storage": {"pvc": {"create": True, "size": "1Gi"}},
}
EPP = {"containerSpec": {"name": "epp", "image": {"repository": "registry.k8s.io/epp", "tag": "v1"}}}
SERVICES = {
    "a": spec(),
    "llm": spec(
        image={"repository": "nvcr.io/nim/llm", "tag": "1", "pullSecrets": ["ngc-secret", "other"]},
        initContainers=[{"name": "own", "image": {"repository": "busybox", "tag": "1"}}],
        sidecarContainers=[{"name": "side", "image": {"repository": "localhost/side", "tag": "1"}}],
        dependencies=[dependency("a")],
        proxy={"certConfigMap": "certs"},
        expose={"router": {"eppConfig": EPP}},
    ),
}


@pytest.mark.parametrize("registry", ["mirror.local:5000", "mirror.local/proxy/"])
def test_the_registry_of_every_image(render: Render, registry: str) -> None:
    rendered = render(SERVICES, "--set", f"global.nimhelm.imageRegistry={registry}", nimCaches={"c": CACHE})
    images = {container["image"] for _, pod in pod_specs(rendered) for container in containers(pod).values()}
    base = registry.rstrip("/")
    assert images == {
        f"{base}/nim/llm:1",
        f"{base}/nim/meta/llama3:1.0.0",
        f"{base}/busybox:1",
        f"{base}/side:1",
        f"{base}/epp:v1",
        f"{base}/nim/puller:1",
        f"{base}/library/busybox:1.37.0-musl",
    }


@pytest.mark.parametrize(
    ("image", "replaced"),
    [
        ("nim/llm", "m/nim/llm"),
        ("reg.io/nim/llm", "m/nim/llm"),
        ("host:5000/llm", "m/llm"),
        ("localhost/llm", "m/llm"),
        ("llm", "m/llm"),
        ("user.name/llm", "m/llm"),
        ("a/b.c/d", "m/a/b.c/d"),
    ],
)
def test_what_a_registry_host_is(render: Render, image: str, replaced: str) -> None:
    values = spec(image={"repository": image, "tag": "1"})
    rendered = render({"llm": values}, "--set", "global.nimhelm.imageRegistry=m")
    assert rendered["Deployment", "llm"]["spec"]["template"]["spec"]["containers"][0]["image"] == f"{replaced}:1"


def test_pull_secrets_are_added_once(render: Render) -> None:
    rendered = render(SERVICES, nimhelm={"imagePullSecrets": ["mirror", "ngc-secret"]}, nimCaches={"c": CACHE})
    pods = ((name if "-job-" not in name else "c-job", pod) for name, pod in pod_specs(rendered))
    secrets = {name: [each["name"] for each in pod["imagePullSecrets"]] for name, pod in pods}
    assert secrets == {
        "a": ["ngc-secret", "mirror"],
        "llm": ["ngc-secret", "other", "mirror"],
        "llm-epp": ["ngc-secret", "other", "mirror"],
        "c-job": ["ngc-secret", "mirror"],
        "r-demo-test": ["mirror", "ngc-secret"],
    }


def test_the_storage_class_of_claims_that_name_none(render: Render) -> None:
    own = spec(storage={"pvc": {"create": True, "size": "1Gi", "storageClass": "fast"}})
    none = spec(storage={"pvc": {"create": True, "size": "1Gi", "storageClass": "-", "volumeName": "made-by-hand"}})
    rendered = render({"a": spec(), "b": own, "d": none}, nimhelm={"storageClass": "slow"}, nimCaches={"c": CACHE})
    claims = {
        name: each["spec"]["storageClassName"]
        for (kind, name), each in rendered.items()
        if kind == "PersistentVolumeClaim"
    }
    assert claims == {"a-pvc": "slow", "b-pvc": "fast", "c-pvc": "slow", "d-pvc": ""}


KEEP = {"helm.sh/resource-policy": "keep"}


@pytest.mark.parametrize(
    ("shared", "annotations"), [({}, KEEP), ({"keepClaims": True}, KEEP), ({"keepClaims": False}, None)]
)
def test_claims_are_kept_unless_somebody_says_otherwise(
    shared: dict[str, Any], annotations: dict[str, str] | None, render: Render
) -> None:
    rendered = render({"a": spec()}, nimhelm=shared, nimCaches={"c": CACHE})
    for name in ("a-pvc", "c-pvc"):
        assert rendered["PersistentVolumeClaim", name]["metadata"].get("annotations") == annotations


@pytest.mark.parametrize("policy", ["keep", "delete"])
def test_a_claims_own_policy_wins(policy: str, render: Render) -> None:
    own = {"create": True, "size": "1Gi", "annotations": {"helm.sh/resource-policy": policy}}
    caches = {"c": {**CACHE, "storage": {"pvc": own}}}
    rendered = render({"a": spec(storage={"pvc": own})}, nimhelm={"keepClaims": policy == "delete"}, nimCaches=caches)
    for name in ("a-pvc", "c-pvc"):
        assert rendered["PersistentVolumeClaim", name]["metadata"]["annotations"] == {"helm.sh/resource-policy": policy}


def test_everything_can_run_restricted(render: Render) -> None:
    services = {"a": spec(), "llm": {**SERVICES["llm"], "proxy": {}}}
    rendered = render(services, nimhelm={"restricted": True}, nimCaches={"c": CACHE})
    for _, pod in pod_specs(rendered):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod).values():
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_service_may_add_to_what_restricted_says(render: Render) -> None:
    own = {"capabilities": {"add": ["NET_BIND_SERVICE"]}, "readOnlyRootFilesystem": True}
    pod = {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}, "fsGroup": 7}
    rendered = render({"a": spec(securityContext=own, podSecurityContext=pod)}, nimhelm={"restricted": True})
    (spec_of_pod,) = [one for name, one in pod_specs(rendered) if name == "a"]
    assert spec_of_pod["securityContext"] == {**pod, "runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 2000}
    assert containers(spec_of_pod)["a-ctr"]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        "readOnlyRootFilesystem": True,
    }


KINDS = {
    "PrometheusRule": (
        "monitoring.coreos.com/v1",
        "install the Prometheus operator, or set metrics.prometheusRule.enabled=false",
        spec(metrics={"prometheusRule": {"enabled": True}}),
    ),
    "ServiceMonitor": (
        "monitoring.coreos.com/v1",
        "install the Prometheus operator, or set metrics.enabled=false",
        spec(metrics={"enabled": True}),
    ),
    "HTTPRoute": (
        "gateway.networking.k8s.io/v1",
        "install the Gateway API",
        spec(expose={"router": {"hostDomainName": "x.io", "gateway": {"name": "g", "namespace": "n"}}}),
    ),
    "GRPCRoute": (
        "gateway.networking.k8s.io/v1",
        "install the Gateway API",
        spec(
            expose={
                "service": {"grpcPort": 9},
                "router": {
                    "hostDomainName": "x.io",
                    "gateway": {"name": "g", "namespace": "n", "grpcRoutesEnabled": True, "httpRoutesEnabled": False},
                },
            }
        ),
    ),
    "InferencePool": (
        "inference.networking.k8s.io/v1",
        "install the Gateway API inference extension",
        spec(expose={"router": {"eppConfig": EPP}}),
    ),
    "LeaderWorkerSet": (
        "leaderworkerset.x-k8s.io/v1",
        "install LeaderWorkerSet",
        spec(multiNode={"parallelism": {"pipeline": 2, "tensor": 8}}),
    ),
    "InferenceService": (
        "serving.kserve.io/v1beta1",
        "install KServe, or set inferencePlatform=standalone",
        spec(inferencePlatform="kserve"),
    ),
    "ComputeDomain": (
        "resource.nvidia.com/v1beta1",
        "install the NVIDIA DRA driver",
        spec(multiNode={"parallelism": {"pipeline": 2, "tensor": 8}, "computeDomain": {"create": True}}),
    ),
}
"""What makes an object of an add-on's kind: its API, what to do on a cluster that lacks it, and the values."""
CLUSTER = ["--api-versions", "apiregistration.k8s.io/v1"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_without_an_add_on(render: Render, refusal, kind: str) -> None:  # type: ignore[no-untyped-def]
    group, remedy, values = KINDS[kind]
    others = [
        item for name, (api, _, _) in KINDS.items() if name != kind for item in ("--api-versions", f"{api}/{name}")
    ]
    said = refusal({"llm": values}, *CLUSTER, *others)
    assert (
        f"llm needs {group}/{kind}, which this cluster does not serve: {remedy}, "
        "or set global.nimhelm.skipMissingKinds=true to leave it out"
    ) in said

    assert kind in {each for each, _ in render({"llm": values})}, "helm template knows no cluster"
    assert kind in {each for each, _ in render({"llm": values}, *CLUSTER, *others, "--api-versions", f"{group}/{kind}")}
    without = render({"llm": values}, *CLUSTER, *others, "--set", "global.nimhelm.skipMissingKinds=true")
    assert kind not in {each for each, _ in without}
