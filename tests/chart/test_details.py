"""Numbers and edges that nothing else would notice if they changed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from .assemble import GRAPH_NAME, SERVICE_DEFAULTS, containers, dependency, env_of, spec
from .conftest import Render

NODES = {"parallelism": {"pipeline": 2, "tensor": 8}}
EPP = {"containerSpec": {"name": "epp", "image": {"repository": "epp", "tag": "v1"}}}
CACHE = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}


def test_defaults() -> None:
    """A changed default restarts pods, moves files or waits for another time: that is to be meant."""
    chosen = {
        key: SERVICE_DEFAULTS[key] for key in ("userID", "groupID", "imageLayout", "progressDeadlineSeconds", "wait")
    }
    assert chosen == {
        "userID": 1000,
        "groupID": 2000,
        "imageLayout": "legacy",
        "progressDeadlineSeconds": 3276,
        "wait": {"enabled": True, "onTimeout": "", "timeoutSeconds": 0},
    }
    assert SERVICE_DEFAULTS["expose"]["service"]["port"] == 8000
    assert SERVICE_DEFAULTS["storage"]["nimCache"]["wait"] == {"enabled": False, "timeoutSeconds": 7200}
    assert SERVICE_DEFAULTS["scale"]["hpa"]["minReplicas"] == 1


def test_an_autoscaler_may_have_one_number_for_both_bounds(render: Render, refusal: Any) -> None:
    def values(least: int, most: int) -> dict[str, Any]:
        return {"llm": spec(scale={"enabled": True, "hpa": {"minReplicas": least, "maxReplicas": most}})}

    hpa = render(values(2, 2))["HorizontalPodAutoscaler", "llm"]["spec"]
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (2, 2)
    assert "minReplicas 3 above maxReplicas 2" in refusal(values(3, 2))
    assert "no upper bound" in refusal(values(0, 0))


def test_metrics_of_an_autoscaler_are_in_the_order_of_the_api_server(render: Render) -> None:
    types = ["Resource", "Pods", "Object", "External", "ContainerResource"]
    hpa = {"maxReplicas": 2, "metrics": [{"type": each} for each in types]}
    rendered = render({"llm": spec(scale={"enabled": True, "hpa": hpa})})["HorizontalPodAutoscaler", "llm"]
    assert [each["type"] for each in rendered["spec"]["metrics"]] == types[::-1]


@pytest.mark.parametrize(("mpi", "seconds"), [
    ({}, "300"), ({"mpiStartTimeout": 900}, "900"), ({"mpiStartTimeout": 1000000}, "1000000"),
])  # fmt: skip
def test_how_long_mpi_waits_for_its_nodes(render: Render, mpi: dict[str, Any], seconds: str) -> None:
    template = render({"llm": spec(multiNode={**NODES, "mpi": mpi})})["LeaderWorkerSet", "llm-lws"]["spec"]
    pod = template["leaderWorkerTemplate"]["leaderTemplate"]["spec"]
    assert env_of(pod["containers"][0])["CLUSTER_START_TIMEOUT"] == seconds


@pytest.mark.parametrize(("deadline", "seconds"), [(0, 600), (599, 600), (601, 601)])
def test_the_check_after_an_install_gives_ten_minutes_at_least(render: Render, deadline: int, seconds: int) -> None:
    rendered = render({"a": spec(progressDeadlineSeconds=deadline)}, nimhelm={"checkAfterInstall": True})
    check = rendered["Pod", "r-demo-test"]["spec"]
    assert env_of(check["containers"][0])["CHECK_TIMEOUT"] == str(seconds)
    assert check["activeDeadlineSeconds"] == seconds + 60 + 10


def test_ports_of_an_endpoint_picker(render: Render) -> None:
    rendered = render({"llm": spec(expose={"router": {"eppConfig": EPP}})})
    container = containers(rendered["Deployment", "llm-epp"]["spec"]["template"]["spec"])["epp"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "grpc-ext-proc": 9002,
        "grpc-health": 9003,
        "http-metrics": 9090,
    }
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["grpc"]["port"] == 9003
    served = {port["name"]: port["port"] for port in rendered["Service", "llm-epp"]["spec"]["ports"]}
    assert served == {"grpc-ext-proc": 9002, "http-metrics": 9090}, "nothing but the kubelet asks for its health"
    assert rendered["InferencePool", "llm"]["spec"]["endpointPickerRef"]["port"] == {"number": 9002}


def test_a_download_is_tried_again_five_times(render: Render) -> None:
    rendered = render({"llm": spec()}, nimCaches={"c": CACHE})
    (job,) = (each for (kind, _), each in rendered.items() if kind == "Job")
    assert job["spec"]["backoffLimit"] == 5
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("least", [None, 2])
def test_before_a_cluster_is_known_an_autoscaled_service_has_its_least(render: Render, least: int | None) -> None:
    hpa = {"maxReplicas": 4} | ({"minReplicas": least} if least else {})
    rendered = render({"llm": spec(scale={"enabled": True, "hpa": hpa})})
    assert rendered["Deployment", "llm"]["spec"]["replicas"] == (least or 1)
    on_cluster = render(
        {"llm": spec(scale={"enabled": True, "hpa": hpa})}, "--api-versions", "apiregistration.k8s.io/v1"
    )
    assert "replicas" not in on_cluster["Deployment", "llm"]["spec"], "every upgrade would reset the number"


@pytest.mark.parametrize(("replicas", "strategy"), [(None, "Recreate"), (1, "Recreate"), (2, "RollingUpdate")])
def test_a_single_pod_gives_up_its_gpu_first(render: Render, replicas: int | None, strategy: str) -> None:
    values = spec(**({"replicas": replicas} if replicas else {}))
    on_cluster = ("--api-versions", "apiregistration.k8s.io/v1")
    assert render({"llm": values}, *on_cluster)["Deployment", "llm"]["spec"]["strategy"]["type"] == strategy
    kept = render({"llm": values}, *on_cluster, nimhelm={"keepOperatorPods": True})["Deployment", "llm"]
    assert kept["spec"]["strategy"]["type"] == "RollingUpdate"


@pytest.mark.parametrize(
    ("own", "rolling"),
    [
        ({"type": "RollingUpdate"}, {"maxUnavailable": "25%", "maxSurge": "25%"}),
        ({"rollingUpdate": {"maxSurge": 0}}, {"maxUnavailable": "25%", "maxSurge": 0}),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}, {"maxUnavailable": 1, "maxSurge": "25%"}),
        ({"type": "Recreate"}, None),
    ],
    ids=str,
)
def test_a_strategy_leaves_nothing_for_the_server_to_fill_in(
    render: Render, own: dict[str, Any], rolling: dict[str, Any] | None
) -> None:
    """Helm 4 would not take that back with the next strategy, and the server refuses Recreate beside it."""
    strategy = render({"llm": spec(updateStrategy=own)})["Deployment", "llm"]["spec"]["strategy"]
    assert strategy == {"type": own.get("type", "RollingUpdate")} | ({"rollingUpdate": rolling} if rolling else {})


def test_a_disabled_service_needs_no_secret(render: Render) -> None:
    services = {"a": spec(authSecret="one"), "b": spec(enabled=False, authSecret="two")}
    graph = yaml.safe_load(render(services)["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])
    assert [each["name"] for each in graph["secrets"]] == ["ngc-secret", "one"]


def test_the_secrets_of_variables_are_listed(render: Render) -> None:
    def variable(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name.upper(), "valueFrom": {"secretKeyRef": {"name": name, "key": "k", **more}}}

    own = {"image": {"repository": "x", "tag": "1"}}
    before = [{"name": "before", **own, "env": [variable("of-init")]}, {"name": "none", **own}]
    beside = [{"name": "beside", **own, "env": [variable("of-side")]}]
    env = [variable("needed"), variable("may-be", optional=True)]
    rendered = render({"a": spec(env=env, initContainers=before, sidecarContainers=beside)})
    secrets = yaml.safe_load(rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])["secrets"]
    assert [each["name"] for each in secrets if each["keys"] == ["k"]] == ["needed", "of-init", "of-side"]


def test_an_ingress_of_ones_own_and_a_route_are_two_objects(render: Render) -> None:
    ingress = {"enabled": True, "spec": {"ingressClassName": "nginx", "defaultBackend": {"resource": None}}}
    router = {"hostDomainName": "example.com", "gateway": {"name": "g", "namespace": "n", "httpRoutesEnabled": True}}
    rendered = render({"a": spec(expose={"ingress": ingress, "router": router})})
    assert {("Ingress", "a"), ("HTTPRoute", "a")} <= set(rendered)


def test_routes_need_a_gateway(render: Render) -> None:
    gateway = {"httpRoutesEnabled": True, "grpcRoutesEnabled": True}
    service = spec(expose={"service": {"grpcPort": 9000}, "router": {"hostDomainName": "x.io", "gateway": gateway}})
    assert not [kind for kind, _ in render({"llm": service}) if kind.endswith("Route")]


def test_annotations_of_routes(render: Render) -> None:
    gateway = {"name": "g", "namespace": "n", "httpRoutesEnabled": True, "grpcRoutesEnabled": True}
    router = {"hosts": ["x.io"], "gateway": gateway, "annotations": {"of": "routes"}}
    service = spec(annotations={"team": "ml"}, expose={"service": {"grpcPort": 9000}, "router": router})
    rendered = render({"llm": service})
    for kind in ("HTTPRoute", "GRPCRoute"):
        assert rendered[kind, "llm"]["metadata"]["annotations"] == {"team": "ml", "of": "routes"}


@pytest.mark.parametrize(("source", "named"), [("hf", True), ("ngcModelEndpoint", True), ("ngc", False)])
def test_nodes_of_a_group_take_the_model_from_their_cache(render: Render, source: str, named: bool) -> None:
    storage = {"nimCache": {"name": "c", "claimName": "models", "source": source}}
    group = {**NODES, "ray": {}}
    template = render({"llm": spec(storage=storage, multiNode=group)})["LeaderWorkerSet", "llm-lws"]["spec"]
    for role in ("leaderTemplate", "workerTemplate"):
        main = template["leaderWorkerTemplate"][role]["spec"]["containers"][0]
        assert (env_of(main).get("NIM_MODEL_NAME") == "/model-store") == named


def test_a_claim_template_of_other_devices_has_another_name(render: Render) -> None:
    """It can never change. Pods taken over from the operator, and charts for no cluster, have the operator's name."""

    def name(count: int, *arguments: str, **shared: Any) -> str:
        claim = {"claimCreationSpec": {"devices": [{"name": "gpu", "count": count}]}}
        rendered = render({"llm": spec(draResources=[claim])}, *arguments, nimhelm=shared)
        (made,) = (name for kind, name in rendered if kind == "ResourceClaimTemplate")
        pod = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
        assert pod["resourceClaims"][0]["resourceClaimTemplateName"] == made
        return made

    there = ("--api-versions", "apiregistration.k8s.io/v1")
    one, two = name(1, *there), name(2, *there)
    assert one != two
    assert {one[:-9], two[:-9]} == {name(1), name(2), name(1, *there, keepOperatorPods=True)}


def test_every_claim_template_is_an_object_of_its_own(render: Render) -> None:
    request = {"count": 1, "deviceClassName": "gpu.nvidia.com", "driverName": "gpu.nvidia.com"}
    claims = [{"claimCreationSpec": {"devices": [{**request, "name": name}]}} for name in ("one", "two")]
    found = [name for kind, name in render({"llm": spec(draResources=claims)}) if kind == "ResourceClaimTemplate"]
    assert len(found) == 2


@pytest.mark.parametrize(("mode", "has_peers"), [("RawDeployment", True), ("Knative", False)])
def test_only_pods_that_have_a_service_for_gates_ask_their_peers(mode: str, has_peers: bool, render: Render) -> None:
    annotations = {"serving.kserve.io/deploymentMode": mode}
    last = spec(inferencePlatform="kserve", annotations=annotations, dependencies=[dependency("a")])
    rendered = render({"a": spec(), "b": last})
    services = {name for kind, name in rendered if kind == "Service"}
    gates = "".join(str(each.get("data")) for (kind, _), each in rendered.items() if kind == "ConfigMap")
    assert ("peer=tcp://b" in gates) is has_peers
    assert any(name.startswith("b-") for name in services) is has_peers


def test_the_folder_of_a_cache_is_made_where_it_is_missing(render: Render) -> None:
    cache = {**CACHE, "storage": {"hostPath": "/models"}}
    rendered = render({"a": spec()}, nimCaches={"c": {**cache, "enabled": True}})
    (job,) = (each for (kind, _), each in rendered.items() if kind == "Job")
    (volume,) = (each for each in job["spec"]["template"]["spec"]["volumes"] if "hostPath" in each)
    assert volume["hostPath"] == {"path": "/models", "type": "DirectoryOrCreate"}
