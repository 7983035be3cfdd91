"""Values that can never work are refused with a sentence: the value to change and the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .assemble import dependency, spec
from .conftest import Render

if TYPE_CHECKING:
    from ..conftest import Helm

Refusal = Callable[..., str]
GATEWAY = {"name": "g", "namespace": "n"}
CLAIM = {"pvc": {"create": True, "size": "1Gi"}}
DIGEST = "sha256:" + 64 * "0"
IMAGE = {"repository": "a", "tag": "1"}
SCALE = {"enabled": True, "hpa": {"maxReplicas": 2}}
NODES = {"parallelism": {"pipeline": 2, "tensor": 8}}

SERVERLESS = {"inferencePlatform": "kserve", "annotations": {"serving.kserve.io/deploymentMode": "Serverless"}}
SERVERLESS_SAID = (
    "llm runs serverless, where Knative scales and routes: "
    "switch off scale, expose.ingress, expose.router and metrics of llm"
)
SERVICE_CASES: dict[str, tuple[dict[str, Any], str]] = {
    "no image": ({"image": {"repository": "", "tag": ""}}, "llm has no image: set llm.image.repository"),
    "no tag": ({"image": {"repository": "x"}}, "llm's image has no tag: set llm.image.tag"),
    "no storage": (
        {"storage": {}},
        "llm has no place for its model: set one of nimCache, pvc, emptyDir, hostPath and image under llm.storage",
    ),
    "two storages": (
        {"storage": {"pvc": {"name": "x"}, "emptyDir": {}, "hostPath": "/x"}},
        "llm keeps its model in several places (pvc, emptyDir, hostPath): "
        "leave one of them, and set the others to null "
        "(llm.storage.pvc=null, llm.storage.emptyDir=null, llm.storage.hostPath=null)",
    ),
    "profile alone": (
        {"storage": {"nimCache": {"profile": "p"}}},
        "llm asks for a profile of no cache: set llm.storage.nimCache.name",
    ),
    "claim without name": (
        {"storage": {"pvc": {"size": "1Gi"}}},
        "llm names no claim: set llm.storage.pvc.name, or create=true to have one made",
    ),
    "claim without size": (
        {"storage": {"pvc": {"create": True}}},
        "llm creates a claim without a size: set llm.storage.pvc.size",
    ),
    "compiled code": (
        {"storage": {**CLAIM, "compileCache": True, "readOnly": True}},
        "llm keeps compiled code beside its model, which is read-only: set llm.storage.compileCache=false",
    ),
    "compiled code in an image": (
        {"storage": {"image": {"reference": "a.b/c:1"}, "compileCache": True}},
        "llm keeps compiled code beside its model, which is read-only: set llm.storage.compileCache=false",
    ),
    "an image beside a claim": (
        {"storage": {**CLAIM, "image": {"reference": "a.b/c:1"}}},
        "llm keeps its model in several places (pvc, image): "
        "leave one of them, and set the others to null (llm.storage.pvc=null, llm.storage.image=null)",
    ),
    "two digests": (
        {"image": {"repository": "x", "tag": "1@" + DIGEST, "digest": DIGEST}},
        "llm's image has two digests: take one out of llm.image.tag or .image.digest",
    ),
    "unequal GPUs": (
        {"resources": {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}},
        "llm requests 1 nvidia.com/gpu but is limited to 2, and Kubernetes wants the two equal: "
        "set both under llm.resources",
    ),
    "claims": (
        {"resources": {"claims": [{"name": "x"}]}},
        "llm has resources.claims, which are not used: list the devices in llm.draResources",
    ),
    "two routers": (
        {"expose": {"router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "c"}, "gateway": GATEWAY}}},
        "llm is routed by an Ingress and by a Gateway: empty llm.expose.router.ingress.ingressClass or .gateway.name",
    ),
    "no host": (
        {"expose": {"router": {"gateway": GATEWAY}}},
        "llm has a route without a host: set llm.expose.router.hostDomainName, or .hosts",
    ),
    "two Ingresses": (
        {
            "expose": {
                "ingress": {"enabled": True},
                "router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "c"}},
            }
        },
        "llm has two Ingresses: set llm.expose.ingress.enabled=false, or empty .expose.router.ingress.ingressClass",
    ),
    "GRPCRoute to no port": (
        {"expose": {"router": {"hostDomainName": "x.io", "gateway": {**GATEWAY, "grpcRoutesEnabled": True}}}},
        "llm has a GRPCRoute to no port: "
        "set llm.expose.service.grpcPort, or .expose.router.gateway.grpcRoutesEnabled=false",
    ),
    "a picker without a container": (
        {"expose": {"router": {"eppConfig": {"livenessProbe": {"grpc": {"port": 1}}}}}},
        "llm has an endpoint picker without an image: set llm.expose.router.eppConfig.containerSpec",
    ),
    "a port twice": (
        {"expose": {"service": {"grpcPort": 8000}}},
        "llm has port 8000 twice: change one of port, grpcPort and metricsPort under llm.expose.service",
    ),
    "replicas and autoscaler": (
        {"scale": SCALE, "replicas": 1},
        "llm has a fixed number of replicas and an autoscaler: set llm.replicas=null, or .scale.enabled=false",
    ),
    "no upper bound": (
        {"scale": {"enabled": True}},
        "llm's autoscaler has no upper bound: set llm.scale.hpa.maxReplicas",
    ),
    "bounds": (
        {"scale": {"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 1}}},
        "llm's autoscaler has minReplicas 2 above maxReplicas 1: change them under llm.scale.hpa",
    ),
    "scaled nodes": (
        {"scale": SCALE, "multiNode": NODES},
        "llm runs on several nodes and cannot be autoscaled: set llm.scale.enabled=false",
    ),
    "MPI and Ray": (
        {"multiNode": {**NODES, "mpi": {}, "ray": {}}},
        "llm starts its nodes both with MPI and with Ray: leave out llm.multiNode.mpi or .ray",
    ),
    "unknown domain": (
        {"multiNode": {**NODES, "computeDomain": {"name": "x"}}},
        "llm joins a compute domain whose claim template is not known: "
        "set llm.multiNode.computeDomain.claimTemplateName, or .create=true",
    ),
    "nodes under KServe": (
        {"multiNode": NODES, "inferencePlatform": "kserve"},
        "llm cannot run on several nodes with KServe: leave out llm.multiNode, or set .inferencePlatform=standalone",
    ),
    "scaled serverless": (
        {
            "scale": SCALE,
            "inferencePlatform": "kserve",
            "annotations": {"serving.kserve.io/deploymentMode": "Serverless"},
        },
        "llm runs serverless, where Knative scales and routes: "
        "switch off scale, expose.ingress, expose.router and metrics of llm",
    ),
    "an Ingress of a serverless one": (
        {**SERVERLESS, "expose": {"ingress": {"enabled": True}}},
        SERVERLESS_SAID,
    ),
    "a host of a serverless one": (
        {**SERVERLESS, "expose": {"router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "c"}}}},
        SERVERLESS_SAID,
    ),
    "a Gateway of a serverless one": (
        {**SERVERLESS, "expose": {"router": {"hostDomainName": "x.io", "gateway": GATEWAY}}},
        SERVERLESS_SAID,
    ),
    "metrics of a serverless one": (
        {**SERVERLESS, "metrics": {"enabled": True}},
        SERVERLESS_SAID,
    ),
    "a class of no balancer": (
        {"expose": {"service": {"loadBalancerClass": "a/b"}}},
        "llm.expose.service.loadBalancerClass needs a Service of type LoadBalancer, and this one is ClusterIP: "
        "set llm.expose.service.type=LoadBalancer, or take it out",
    ),
    "a node port of no node in the overlay": (
        {"expose": {"service": {"overlay": {"ports": [{"name": "api", "nodePort": 30080}]}}}},
        "llm.expose.service.nodePort needs a Service of type NodePort or LoadBalancer, and this one is ClusterIP: "
        "set llm.expose.service.type=LoadBalancer, or take it out",
    ),
    "an Ingress without a host": (
        {"expose": {"router": {"ingress": {"ingressClass": "c"}}}},
        "llm has a route without a host: set llm.expose.router.hostDomainName, or .hosts",
    ),
    "an init container like a gate's": (
        {
            "initContainers": [{"name": "wait-for-x", "image": IMAGE}],
            "dependencies": [{"name": "x", "port": 1, "external": True}],
        },
        "llm has the container wait-for-x twice: rename one",
    ),
    "local traffic of no balancer": (
        {"expose": {"service": {"externalTrafficPolicy": "Local"}}},
        "llm.expose.service.externalTrafficPolicy needs a Service of type NodePort or LoadBalancer, and this one is ClusterIP: "
        "set llm.expose.service.type=LoadBalancer, or take it out",
    ),
    "ranges of no balancer": (
        {"expose": {"service": {"loadBalancerSourceRanges": ["10.0.0.0/8"]}}},
        "llm.expose.service.loadBalancerSourceRanges needs a Service of type LoadBalancer, and this one is ClusterIP: "
        "set llm.expose.service.type=LoadBalancer, or take it out",
    ),
    "a node port of no node": (
        {"expose": {"service": {"nodePort": 30080}}},
        "llm.expose.service.nodePort needs a Service of type NodePort or LoadBalancer, and this one is ClusterIP: "
        "set llm.expose.service.type=LoadBalancer, or take it out",
    ),
    "no name outside": (
        {"expose": {"service": {"type": "ExternalName"}}},
        "the Service llm of type ExternalName names no host: set llm.expose.service.overlay.externalName",
    ),
    "clients that do not stay": (
        {"expose": {"service": {"overlay": {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 9}}}}}},
        "llm.expose.service.overlay.sessionAffinityConfig is of clients that stay with a pod: "
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
        "llm has the container wait-for-a-b twice: rename one",
    ),
    "a volume of the chart": ({"volumes": [{"name": "dshm"}]}, "llm has the volume dshm twice: rename one"),
    "a mount of the chart": (
        {"volumeMounts": [{"name": "dshm", "mountPath": "/model-store"}]},
        "llm has the container llm-ctr's mount /model-store twice: rename one",
    ),
    "device without source": (
        {"draResources": [{"requests": ["x"]}]},
        "llm.draResources[0] is to have one of resourceClaimName, resourceClaimTemplateName and claimCreationSpec",
    ),
    "shared device": (
        {"replicas": 2, "draResources": [{"resourceClaimName": "x"}]},
        "llm.draResources[0] shares one claim among several replicas: use resourceClaimTemplateName",
    ),
}


def problems(said: str) -> list[str]:
    """The sentences of a refusal, one a line. Helm puts its own words before the first one."""
    return re.sub(r"^Error: .*?\): ", "", said).splitlines()


@pytest.mark.parametrize("case", SERVICE_CASES)
def test_a_service_alone(refusal: Refusal, case: str) -> None:
    values, sentence = SERVICE_CASES[case]
    assert sentence in problems(refusal({"llm": spec(**values)}))


FORBIDDEN: list[tuple[dict[str, Any], str, str]] = [
    ({"storage": {"hostPath": "/x"}}, "keeps its model in a folder of the node", "change {}.storage"),
    ({"proxy": {"certConfigMap": "certs"}}, "adds certificates as root", "leave out {}.proxy.certConfigMap"),
    ({"userID": 0}, "runs as root", "set {}.userID"),
]
FORBIDS = ', which Pod Security "restricted" forbids: '


@pytest.mark.parametrize(("values", "does", "way_out"), FORBIDDEN)
def test_what_pod_security_forbids(refusal: Refusal, values: dict[str, Any], does: str, way_out: str) -> None:
    said = problems(refusal({"llm": spec(**values)}, nimhelm={"restricted": True}))
    assert f"llm {does}{FORBIDS}{way_out.format('llm')}, or set global.nimhelm.restricted=false" in said


@pytest.mark.parametrize(("values", "does", "way_out"), FORBIDDEN)
def test_what_pod_security_forbids_a_cache(refusal: Refusal, values: dict[str, Any], does: str, way_out: str) -> None:
    caches = {"c": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {}, **values}}
    said = problems(refusal({"llm": spec()}, nimhelm={"restricted": True}, nimCaches=caches))
    way_out = way_out.format("nimCaches.c")
    assert f"the download of c {does}{FORBIDS}{way_out}, or set global.nimhelm.restricted=false" in said


@pytest.mark.parametrize(("values", "does", "constraint", "path"), [
    ({"storage": {"hostPath": "/x"}}, "keeps its model in a folder of the node", "hostmount-anyuid", "llm.storage"),
    ({"proxy": {"certConfigMap": "certs"}}, "adds certificates as root", "anyuid", "llm.proxy.certConfigMap"),
])  # fmt: skip
def test_what_openshift_forbids(
    refusal: Refusal, values: dict[str, Any], does: str, constraint: str, path: str
) -> None:
    assert (
        f"llm {does}, which OpenShift's restricted-v2 forbids: set global.nimhelm.openshift=scc, "
        f"which needs the right to use the constraint {constraint}, or change {path}"
    ) in problems(refusal({"llm": spec(**values)}, nimhelm={"openshift": "restricted"}))


def test_a_container_like_that_of_the_download(refusal: Refusal) -> None:
    cache = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {}}
    cache["initContainers"] = [{"name": "nim-cache-ctr", "image": IMAGE}]
    said = refusal({"llm": spec()}, nimCaches={"c": cache})
    assert "nimCaches.c has the container nim-cache-ctr twice: rename one" in problems(said)


def test_two_sources_of_a_cache(refusal: Refusal) -> None:
    """Values are merged, so a second source comes beside the first."""
    hub = {"modelPuller": "x:1", "endpoint": "http://h", "namespace": "a"}
    source = {"ngc": {"modelPuller": "x:1"}, "hf": hub, "dataStore": hub}
    said = refusal({"llm": spec()}, nimCaches={"c": {"source": source, "storage": {}}})
    assert (
        "nimCaches.c.source has several sources (dataStore, hf, ngc): leave one, and set the others to null"
        in problems(said)
    )


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
            "llm depends on a, which is disabled: set a.enabled=true, or llm.wait.enabled=false to start without it",
        ),
        (
            DEPENDANT,
            ["--set", "a.replicas=0"],
            "llm depends on a, which has no replicas: set a.replicas, or llm.wait.enabled=false to start without it",
        ),
        (
            DEPENDANT,
            ["--set", "a.expose.service.port=9000"],
            "llm depends on port 8000 of a, which serves 9000: "
            "change the port in llm.dependencies or in a.expose.service",
        ),
        (
            {"llm": spec(dependencies=[dependency("gone")])},
            [],
            "llm depends on gone, which is not a service of this chart: "
            "set external=true for it in llm.dependencies, or take it out",
        ),
    ],
)
def test_a_dependency(refusal: Refusal, services: dict[str, Any], arguments: list[str], sentence: str) -> None:
    assert sentence in problems(refusal(services, *arguments))


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
        ({"a": spec(), "llm": spec(dependencies=[dependency("a", 9, wait={"host": "elsewhere"})])}, []),
        ({"a": spec(), "llm": spec(dependencies=[dependency("a", 9, wait={"port": 8000})])}, []),
        ({"llm": spec(draResources=[{"resourceClaimName": "x"}])}, []),
        ({"llm": spec()}, ["--set", "global.nimhelm.mesh=istio,global.nimhelm.openshift=restricted"]),
        ({"llm": spec(annotations=SERVERLESS["annotations"], metrics={"enabled": True})}, []),
        ({"a": spec(), "a-ready": spec()}, []),
        ({"llm": spec(resources={"requests": {"nvidia.com/gpu": "2000m"}, "limits": {"nvidia.com/gpu": 2}})}, []),
        ({"llm": spec(expose={"router": {"hosts": ["a.io"], "gateway": GATEWAY}})}, []),
        (
            {
                "llm": spec(
                    expose={"service": {"type": "NodePort", "nodePort": 30080, "externalTrafficPolicy": "Local"}}
                )
            },
            [],
        ),
        ({"llm": spec(expose={"service": {"type": "ExternalName", "overlay": {"externalName": "a.io"}}})}, []),
        (
            {
                "llm": spec(
                    expose={"service": {"sessionAffinity": "ClientIP", "overlay": {"sessionAffinityConfig": {}}}}
                )
            },
            [],
        ),
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
    assert (
        "llm waits for the cache c, which this release does not fill: "
        "set nimCaches.c.enabled=true, or llm.storage.nimCache.wait.enabled=false"
    ) in problems(said)


def test_a_cache_is_looked_for_where_it_is_filled(refusal: Refusal) -> None:
    caches = {
        "weights": {
            "source": {"ngc": {"modelPuller": "x:1"}},
            "storage": {"pvc": {"create": True, "name": "b", "size": "1Gi"}},
        }
    }
    said = refusal({"llm": spec(storage={"nimCache": {"name": "weights", "claimName": "a"}})}, nimCaches=caches)
    assert (
        "llm looks for the cache weights in the claim a, and it is filled in b: set llm.storage.nimCache.claimName=b"
    ) in problems(said)


def test_a_dependency_that_is_listed_twice(refusal: Refusal) -> None:
    said = refusal({"a": spec(), "llm": spec(dependencies=[dependency("a"), dependency("a")])})
    assert "llm lists the dependency a twice: leave one in its dependencies" in problems(said)


@pytest.mark.parametrize(("group", "kind", "name", "owner"), [
    ("v1", "PersistentVolumeClaim", "c-pvc", "nimCaches.c"), ("v1", "ConfigMap", "r-demo-scripts", "pipeline"),
    ("apps/v1", "Deployment", "llm", "llm"),
])  # fmt: skip
def test_an_object_of_the_user_that_the_pipeline_makes(
    refusal: Refusal, group: str, kind: str, name: str, owner: str
) -> None:
    caches = {"c": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": CLAIM}}
    extra = [{"apiVersion": group, "kind": kind, "metadata": {"name": name}}]
    # Under an argument the fixture leaves `nimhelm validate` out, which knows no release.
    said = refusal({"llm": spec()}, "--debug", nimCaches=caches, extraObjects=extra)
    assert f"{owner} and extraObjects both make the {kind} {name}: rename one" in said


ON_CLUSTER = ("--api-versions", "apiregistration.k8s.io/v1")


def test_an_image_as_a_volume_needs_a_kubernetes_that_mounts_it(refusal: Refusal, render: Render) -> None:
    services = {"llm": spec(storage={"image": {"reference": "a.b/c:1"}})}
    assert (
        "llm takes its model from an image, which needs Kubernetes 1.33 or newer (this one is v1.32.0): "
        "change llm.storage"
    ) in problems(refusal(services, *ON_CLUSTER, "--kube-version", "1.32.0"))
    assert render(services, *ON_CLUSTER, "--kube-version", "1.33")
    assert render(services, "--kube-version", "1.32"), "where it is installed is not known"


def test_values_of_another_build(helm4: Helm, built: Path) -> None:
    old = helm4.template(built / "rag-pipeline", "--set", "global.nimhelm.valuesDigest=old", check=False)
    assert (
        "the values are those of another build of this chart: upgrade with --reset-then-reuse-values instead of "
        "--reuse-values, and take global.nimhelm.valuesDigest out of your values files"
    ) in problems(old.stderr)
    assert helm4.template(built / "rag-pipeline", "--set", "global.nimhelm.valuesDigest=").stdout
