"""Values that can never work are refused with a sentence: the value to change and the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .assemble import dependency, spec
from .conftest import Render

Refusal = Callable[..., str]
GATEWAY = {"name": "g", "namespace": "n"}
CLAIM = {"pvc": {"create": True, "size": "1Gi"}}
DIGEST = "sha256:" + 64 * "0"
IMAGE = {"repository": "a", "tag": "1"}
SCALE = {"enabled": True, "hpa": {"maxReplicas": 2}}
NODES = {"parallelism": {"pipeline": 2, "tensor": 8}}

SERVICE_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": {"repository": "", "tag": ""}}, "llm has no image: set llm.image.repository"),
    "no tag": ({"image": {"repository": "x"}}, "llm's image has no tag: set llm.image.tag"),
    "no storage": (
        {"storage": {}},
        "llm has no place for its model: set one of nimCache, pvc, emptyDir, hostPath and image under llm.storage",
    ),
    "two storages": (
        {"storage": {"pvc": {"name": "x"}, "emptyDir": {}, "hostPath": "/x"}},
        "several places (pvc, emptyDir, hostPath): leave one of them, and set the others to null (llm.storage.pvc=null, ",
    ),
    "profile alone": ({"storage": {"nimCache": {"profile": "p"}}}, "set llm.storage.nimCache.name"),
    "claim without name": ({"storage": {"pvc": {"size": "1Gi"}}}, "set llm.storage.pvc.name, or create=true"),
    "claim without size": ({"storage": {"pvc": {"create": True}}}, "set llm.storage.pvc.size"),
    "compiled code": (
        {"storage": {**CLAIM, "compileCache": True, "readOnly": True}},
        "set llm.storage.compileCache=false",
    ),
    "compiled code in an image": (
        {"storage": {"image": {"reference": "a.b/c:1"}, "compileCache": True}},
        "set llm.storage.compileCache=false",
    ),
    "an image beside a claim": (
        {"storage": {**CLAIM, "image": {"reference": "a.b/c:1"}}},
        "keeps its model in several places (pvc, image)",
    ),
    "two digests": (
        {"image": {"repository": "x", "tag": "1@" + DIGEST, "digest": DIGEST}},
        "llm's image has two digests",
    ),
    "unequal GPUs": (
        {"resources": {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}},
        "llm requests 1 nvidia.com/gpu but is limited to 2",
    ),
    "claims": ({"resources": {"claims": [{"name": "x"}]}}, "list the devices in llm.draResources"),
    "two routers": (
        {"expose": {"router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "c"}, "gateway": GATEWAY}}},
        "llm is routed by an Ingress and by a Gateway",
    ),
    "no host": ({"expose": {"router": {"gateway": GATEWAY}}}, "set llm.expose.router.hostDomainName"),
    "two Ingresses": (
        {
            "expose": {
                "ingress": {"enabled": True},
                "router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "c"}},
            }
        },
        "llm has two Ingresses",
    ),
    "GRPCRoute to no port": (
        {"expose": {"router": {"hostDomainName": "x.io", "gateway": {**GATEWAY, "grpcRoutesEnabled": True}}}},
        "set llm.expose.service.grpcPort",
    ),
    "a picker without a container": (
        {"expose": {"router": {"eppConfig": {"livenessProbe": {"grpc": {"port": 1}}}}}},
        "set llm.expose.router.eppConfig.containerSpec",
    ),
    "a port twice": ({"expose": {"service": {"grpcPort": 8000}}}, "llm has port 8000 twice"),
    "replicas and autoscaler": ({"scale": SCALE, "replicas": 1}, "set llm.replicas=null, or .scale.enabled=false"),
    "no upper bound": ({"scale": {"enabled": True}}, "set llm.scale.hpa.maxReplicas"),
    "bounds": (
        {"scale": {"enabled": True, "hpa": {"minReplicas": 3, "maxReplicas": 2}}},
        "minReplicas 3 above maxReplicas 2",
    ),
    "scaled nodes": ({"scale": SCALE, "multiNode": NODES}, "llm runs on several nodes and cannot be autoscaled"),
    "MPI and Ray": ({"multiNode": {**NODES, "mpi": {}, "ray": {}}}, "leave out llm.multiNode.mpi or .ray"),
    "unknown domain": (
        {"multiNode": {**NODES, "computeDomain": {"name": "x"}}},
        "set llm.multiNode.computeDomain.claimTemplateName",
    ),
    "nodes under KServe": (
        {"multiNode": NODES, "inferencePlatform": "kserve"},
        "llm cannot run on several nodes with KServe",
    ),
    "scaled serverless": (
        {
            "scale": SCALE,
            "inferencePlatform": "kserve",
            "annotations": {"serving.kserve.io/deploymentMode": "Serverless"},
        },
        "llm runs serverless, where Knative scales and routes",
    ),
    "local traffic of no balancer": (
        {"expose": {"service": {"externalTrafficPolicy": "Local"}}},
        "externalTrafficPolicy needs a Service of type NodePort or LoadBalancer, and this one is ClusterIP: set",
    ),
    "ranges of no balancer": (
        {"expose": {"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}},
        "loadBalancerSourceRanges needs a Service of type LoadBalancer",
    ),
    "a node port of no node": (
        {"expose": {"service": {"nodePort": 30080}}},
        "nodePort needs a Service of type NodePort",
    ),
    "no name outside": (
        {"expose": {"service": {"type": "ExternalName"}}},
        "names no host: set llm.expose.service.overlay.externalName",
    ),
    "clients that do not stay": (
        {"expose": {"service": {"overlay": {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}}}}}},
        "set llm.expose.service.sessionAffinity=ClientIP, or take it out",
    ),
    "a container like a gate's": (
        {
            "sidecarContainers": [{"name": "wait-setup", "image": IMAGE}],
            "dependencies": [{"name": "x", "port": 1, "external": True}],
        },
        "llm has the container wait-setup twice: rename one",
    ),
    "two gates of one name": (
        {"dependencies": [{"name": name, "port": 1, "external": True} for name in ("a.b", "a-b")]},
        "llm has the container wait-for-a-b twice",
    ),
    "a volume of the chart": ({"volumes": [{"name": "dshm"}]}, "llm has the volume dshm twice"),
    "a mount of the chart": (
        {"volumeMounts": [{"name": "dshm", "mountPath": "/model-store"}]},
        "llm has the container llm-ctr's mount /model-store twice",
    ),
    "device without source": ({"draResources": [{"requests": ["x"]}]}, "llm.draResources[0] is to have one of"),
    "shared device": (
        {"replicas": 2, "draResources": [{"resourceClaimName": "x"}]},
        "llm.draResources[0] shares one claim among several replicas",
    ),
}


@pytest.mark.parametrize("case", SERVICE_CASES)
def test_a_service_alone(refusal: Refusal, case: str) -> None:
    values, sentence = SERVICE_CASES[case]
    assert sentence in refusal({"llm": spec(**values)})


@pytest.mark.parametrize(
    "values", [{"storage": {"hostPath": "/x"}}, {"proxy": {"certConfigMap": "certs"}}, {"userID": 0}]
)
def test_what_pod_security_forbids(refusal: Refusal, values: dict[str, Any]) -> None:
    said = refusal({"llm": spec(**values)}, nimhelm={"restricted": True})
    assert "or set global.nimhelm.restricted=false" in said


@pytest.mark.parametrize("values", [{"storage": {"hostPath": "/x"}}, {"proxy": {"certConfigMap": "certs"}}])
def test_what_openshift_forbids(refusal: Refusal, values: dict[str, Any]) -> None:
    said = refusal({"llm": spec(**values)}, nimhelm={"openshift": "restricted"})
    assert "which OpenShift's restricted-v2 forbids: set global.nimhelm.openshift=scc" in said


@pytest.mark.parametrize(
    "values", [{"proxy": {"certConfigMap": "certs"}}, {"userID": 0}, {"storage": {"hostPath": "/x"}}]
)
def test_what_pod_security_forbids_a_cache(refusal: Refusal, values: dict[str, Any]) -> None:
    caches = {"c": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {}, **values}}
    assert "the download of c" in refusal({"llm": spec()}, nimhelm={"restricted": True}, nimCaches=caches)


def test_a_container_like_that_of_the_download(refusal: Refusal) -> None:
    cache = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {}}
    cache["initContainers"] = [{"name": "nim-cache-ctr", "image": IMAGE}]
    said = refusal({"llm": spec()}, nimCaches={"c": cache})
    assert "nimCaches.c has the container nim-cache-ctr twice: rename one" in said


def test_two_sources_of_a_cache(refusal: Refusal) -> None:
    """Values are merged, so a second source comes beside the first."""
    source = {"ngc": {"modelPuller": "x:1"}, "hf": {"modelPuller": "x:1", "endpoint": "http://h", "namespace": "a"}}
    said = refusal({"llm": spec()}, nimCaches={"c": {"source": source, "storage": {}}})
    assert "nimCaches.c.source has several sources (hf, ngc): leave one, and set the others to null" in said


@pytest.mark.parametrize("pvc", [{"create": True, "size": "50Gi"}, {"name": "there"}])
def test_a_claim_can_be_taken_back_at_the_install(render: Render, pvc: dict[str, Any]) -> None:
    rendered = render({"llm": spec(storage={"pvc": pvc})}, "--set", "llm.storage.pvc=null,llm.storage.hostPath=/data")
    volumes = rendered["Deployment", "llm"]["spec"]["template"]["spec"]["volumes"]
    assert volumes[1]["hostPath"]["path"] == "/data"


def test_another_storage_can_be_chosen_at_the_install(render: Render) -> None:
    rendered = render(
        {"llm": spec(storage={"emptyDir": {}})}, "--set", "llm.storage.emptyDir=null,llm.storage.hostPath=/data"
    )
    volumes = rendered["Deployment", "llm"]["spec"]["template"]["spec"]["volumes"]
    assert volumes[1]["hostPath"]["path"] == "/data"


def test_all_problems_are_told_at_once(refusal: Refusal) -> None:
    said = refusal({"llm": spec(image={"repository": ""}, storage={})})
    assert "llm has no image" in said
    assert "llm has no place for its model" in said


DEPENDANT = {"a": spec(), "llm": spec(dependencies=[dependency("a")])}


@pytest.mark.parametrize(
    ("services", "arguments", "sentence"),
    [
        (
            DEPENDANT,
            ["--set", "a.enabled=false"],
            "llm depends on a, which is disabled: set a.enabled=true, or llm.wait.enabled=false to start",
        ),
        (
            DEPENDANT,
            ["--set", "a.replicas=0"],
            "llm depends on a, which has no replicas: set a.replicas, or llm.wait.enabled=false to start",
        ),
        (DEPENDANT, ["--set", "a.expose.service.port=9000"], "llm depends on port 8000 of a, which serves 9000"),
        (
            {"llm": spec(dependencies=[dependency("gone")])},
            [],
            "llm depends on gone, which is not a service of this chart",
        ),
    ],
)
def test_a_dependency(refusal: Refusal, services: dict[str, Any], arguments: list[str], sentence: str) -> None:
    assert sentence in refusal(services, *arguments)


@pytest.mark.parametrize(
    ("services", "arguments"),
    [
        (DEPENDANT, ["--set", "llm.enabled=false,a.enabled=false"]),
        (DEPENDANT, ["--set", "llm.enabled=false,a.replicas=0"]),
        (DEPENDANT, ["--set", "a.enabled=false,global.nimhelm.waitEnabled=false"]),
        (DEPENDANT, ["--set", "a.enabled=false,llm.wait.enabled=false"]),
        (DEPENDANT, ["--set", "a.replicas=0,llm.wait.enabled=false"]),
        ({"llm": spec(dependencies=[dependency("milvus", external=True)])}, []),
        ({"llm": spec(dependencies=[dependency("gone", wait={"enabled": False})])}, []),
        (
            {
                "a": spec(expose={"service": {"grpcPort": 50051, "metricsPort": 9090}}),
                "llm": spec(dependencies=[dependency("a", 50051)]),
            },
            [],
        ),
        ({"a": spec(inferencePlatform="kserve"), "llm": spec(dependencies=[dependency("a", 80)])}, []),
    ],
)
def test_what_is_none_of_its_business(render: Render, services: dict[str, Any], arguments: list[str]) -> None:
    assert render(services, *arguments)


def test_the_way_out_of_replicas_works(render: Render) -> None:
    rendered = render(
        {"llm": spec(replicas=1)}, "--set", "llm.scale.enabled=true,llm.scale.hpa.maxReplicas=2,llm.replicas=null"
    )
    assert ("HorizontalPodAutoscaler", "llm") in rendered


def test_a_cache_that_nobody_fills(refusal: Refusal) -> None:
    storage = {"nimCache": {"name": "c", "wait": {"enabled": True}}}
    caches = {"c": {"enabled": False, "source": {"ngc": {"modelPuller": "x:1"}}, "storage": {}}}
    said = refusal({"llm": spec(storage=storage)}, nimCaches=caches)
    assert "llm waits for the cache c, which this release does not fill: set nimCaches.c.enabled=true" in said
    assert "or llm.storage.nimCache.wait.enabled=false" in said


def test_a_cache_is_looked_for_where_it_is_filled(refusal: Refusal) -> None:
    caches = {
        "weights": {
            "source": {"ngc": {"modelPuller": "x:1"}},
            "storage": {"pvc": {"create": True, "name": "b", "size": "1Gi"}},
        }
    }
    said = refusal({"llm": spec(storage={"nimCache": {"name": "weights", "claimName": "a"}})}, nimCaches=caches)
    assert "set llm.storage.nimCache.claimName=b" in said


def test_a_dependency_that_is_listed_twice(refusal: Refusal) -> None:
    said = refusal({"a": spec(), "llm": spec(dependencies=[dependency("a"), dependency("a")])})
    assert "llm lists the dependency a twice" in said
