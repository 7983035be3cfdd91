"""Services that are more than a Deployment: several nodes, devices, an endpoint picker, KServe, routes."""

from __future__ import annotations

from typing import Any

import pytest

from .assemble import GRAPH_NAME, SCRIPTS_NAME, Object, containers, dependency, env_of, probe_budget, spec
from .conftest import Render

NODES = {"parallelism": {"pipeline": 2, "tensor": 8}}


def groups(rendered: dict[tuple[str, str], Object]) -> tuple[Object, Object]:
    """The pod templates of leader and worker."""
    template = rendered["LeaderWorkerSet", "llm-lws"]["spec"]["leaderWorkerTemplate"]
    return template["leaderTemplate"], template["workerTemplate"]


def test_nodes_started_by_mpi(render: Render) -> None:
    rendered = render({"llm": spec(multiNode=NODES, replicas=2)})
    leader, worker = groups(rendered)
    assert rendered["ConfigMap", "llm-mpi-config"]["data"] == {
        "hostfile-0": "localhost slots=8\nllm-lws-0-1.llm-lws.nim-service.svc slots=8\n",
        "hostfile-1": "localhost slots=8\nllm-lws-1-1.llm-lws.nim-service.svc slots=8\n",
    }
    assert rendered["ConfigMap", "llm-mpi-start-script"]["data"]["start-mpi-cluster.sh"].startswith("#!/bin/bash\n")
    assert rendered["Service", "llm"]["spec"]["selector"] == {"app": "llm-lws", "nim-llm-role": "leader"}
    assert rendered["Service", "llm"]["spec"]["selector"].items() <= leader["metadata"]["labels"].items()
    assert worker["metadata"]["labels"]["nim-llm-role"] == "worker"
    assert env_of(leader["spec"]["containers"][0])["NIM_LEADER_ROLE"] == "1"
    assert env_of(worker["spec"]["containers"][0])["NIM_LEADER_ROLE"] == "0"
    assert "HorizontalPodAutoscaler" not in {kind for kind, _ in rendered}
    for pod in (leader["spec"], worker["spec"]):
        mounts = {mount["name"] for container in containers(pod).values() for mount in container["volumeMounts"]}
        assert mounts <= {volume["name"] for volume in pod["volumes"]}


def test_a_gate_asks_the_leader(render: Render) -> None:
    """Workers are ready at once, so a Service of the whole group would open gates before the leader answers."""
    services = {"llm": spec(multiNode=NODES), "front": spec(dependencies=[dependency("llm")])}
    rendered = render(services)
    leader, worker = groups(rendered)
    selector = rendered["Service", "llm-ready"]["spec"]["selector"]
    assert selector.items() <= leader["metadata"]["labels"].items()
    assert not selector.items() <= worker["metadata"]["labels"].items()


def test_the_key_is_made_once_or_given(render: Render) -> None:
    key = render({"llm": spec(multiNode=NODES)})["Secret", "llm-ssh-pk"]
    assert key["data"]["private.key"]
    given = render({"llm": spec(multiNode={**NODES, "mpi": {"sshSecretName": "mine"}})})
    assert "Secret" not in {kind for kind, _ in given}
    for pod in groups(given):
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert volumes["ssh-pk"]["secret"] == {"secretName": "mine", "defaultMode": 256}


def test_nodes_started_by_ray(render: Render) -> None:
    rendered = render({"llm": spec(multiNode={**NODES, "ray": {}, "computeDomain": {"create": True}}, args=["x"])})
    leader, worker = (pod["spec"] for pod in groups(rendered))
    assert leader["containers"][0]["args"] == ["nim-serve-ray", "--head", "--port", "6379"]
    assert worker["containers"][0]["args"] == ["nim-serve-ray", "--head-address", "$(LWS_LEADER_ADDRESS):6379"]
    assert {"name": "ray", "containerPort": 6379, "protocol": "TCP"} in worker["containers"][0]["ports"]
    assert worker["containers"][0]["startupProbe"]["exec"]["command"] == ["/bin/sh", "-c", "ray status"]
    assert not {"Secret", "ConfigMap"} & {kind for kind, name in rendered if name not in (GRAPH_NAME, SCRIPTS_NAME)}
    domain = rendered["ComputeDomain", "llm"]["spec"]
    assert domain == {
        "numNodes": 2,
        "channel": {"resourceClaimTemplate": {"name": "cd-claimtemplate-df94b6548"}, "allocationMode": "Single"},
    }
    (claim,) = leader["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == "cd-claimtemplate-df94b6548"
    assert claim["name"].startswith("claim-df94b6548-2-")
    assert (
        leader["containers"][0]["resources"]["claims"]
        == [{"name": claim["name"]}]
        == worker["containers"][0]["resources"]["claims"]
    )


def test_nodes_join_a_compute_domain_that_is_there(render: Render) -> None:
    rendered = render({"llm": spec(multiNode={**NODES, "computeDomain": {"claimTemplateName": "rack"}})})
    assert ("ComputeDomain", "llm") not in rendered
    for pod in groups(rendered):
        (claim,) = pod["spec"]["resourceClaims"]
        assert claim["resourceClaimTemplateName"] == "rack"


def test_a_group_that_the_operator_made_keeps_its_pods(render: Render) -> None:
    """The operator leaves out more in a group than in a pod of its own; each field that comes would restart it."""
    values = spec(multiNode=NODES, schedulerName="own", runtimeClassName="nvidia", command=["x"], args=["y"])
    leader, worker = groups(render({"llm": values}, nimhelm={"keepOperatorPods": True}))
    assert "labels" not in worker["metadata"]
    assert leader["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "k8s-nim-operator"
    assert (leader["spec"].get("schedulerName"), worker["spec"].get("schedulerName")) == ("own", None)
    for pod in (leader["spec"], worker["spec"]):
        assert not {"serviceAccountName", "runtimeClassName", "initContainers"} & pod.keys()
        assert not {"imagePullPolicy", "command", "args"} & pod["containers"][0].keys()
        (script,) = (each["configMap"] for each in pod["volumes"] if each["name"] == "start-mpi-script")
        assert "defaultMode" not in script


def test_nodes_wait_and_have_containers_beside_them(render: Render) -> None:
    beside = {"name": "beside", "image": {"repository": "busybox", "tag": "1"}}
    values = spec(
        multiNode=NODES,
        dependencies=[dependency("a")],
        initContainers=[beside],
        sidecarContainers=[{**beside, "name": "side"}],
    )
    for pod in groups(render({"a": spec(), "llm": values})):
        assert [each["name"] for each in pod["spec"]["initContainers"]] == ["wait-setup", "wait-for-a", "beside"]
        assert pod["spec"]["containers"][1]["name"] == "side"
        assert env_of(pod["spec"]["containers"][1])["NIM_MULTI_NODE"] == "1"


def test_one_node_is_no_group(render: Render) -> None:
    rendered = render({"llm": spec(multiNode={"parallelism": {"pipeline": 1, "tensor": 8}})})
    assert rendered["Service", "llm"]["spec"]["selector"] == {"app": "llm"}
    assert ("Deployment", "llm") in rendered


def test_devices(render: Render) -> None:
    devices = [
        {
            "name": "gpu",
            "count": 2,
            "driverName": "x.io",
            "attributeSelectors": [
                {"key": "model", "value": {"stringValue": 'A "100"'}},
                {"key": "other.io/mig", "op": "NotEqual", "value": {"boolValue": False}},
                {"key": "cores", "op": "GreaterThan", "value": {"intValue": 0}},
                {"key": "driver", "op": "LessThanOrEqual", "value": {"versionValue": "1.2.3"}},
            ],
            "capacitySelectors": [{"key": "memory", "op": "GreaterThanOrEqual", "value": "1Gi"}],
        }
    ]
    devices.append({**devices[0], "name": "other", "celExpressions": ["true"]})
    resources = [
        {"resourceClaimTemplateName": "t", "requests": ["a", "b"]},
        {"resourceClaimTemplateName": "t"},
        {"claimCreationSpec": {"generateName": "mine", "devices": devices}},
        {"resourceClaimName": "fixed"},
    ]
    side = {"name": "side", "image": {"repository": "busybox", "tag": "1"}}
    rendered = render(
        {"llm": spec(draResources=resources, sidecarContainers=[side], initContainers=[{**side, "name": "init"}])}
    )
    pod = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
    names = [claim["name"] for claim in pod["resourceClaims"]]
    assert len(set(names)) == 4
    assert names[0][:-1] == names[1][:-1]
    assert (names[0][-1], names[1][-1]) == ("0", "1")
    assert pod["resourceClaims"][2]["resourceClaimTemplateName"] == "mine-df94b6548-2"
    assert pod["resourceClaims"][3]["resourceClaimName"] == "fixed"
    used = [
        {"name": names[0], "request": "a"},
        {"name": names[0], "request": "b"},
        *({"name": name} for name in names[1:]),
    ]
    assert containers(pod)["llm-ctr"]["resources"]["claims"] == used == containers(pod)["side"]["resources"]["claims"]
    assert "resources" not in containers(pod)["init"]

    template = rendered["ResourceClaimTemplate", "mine-df94b6548-2"]["spec"]
    assert "helm.sh/chart" not in template["metadata"]["labels"], "the spec can never change"
    exactly, other = (request["exactly"] for request in template["spec"]["devices"]["requests"])
    assert [each["cel"]["expression"] for each in other["selectors"]] == ['device.driver == "x.io"', "true"]
    assert [each["cel"]["expression"] for each in exactly["selectors"]] == [
        'device.driver == "x.io"',
        'device.attributes["x.io"].model == "A \\"100\\""',
        'device.attributes["other.io"].mig != false',
        'device.attributes["x.io"].cores > 0',
        '(device.attributes["x.io"].driver).compareTo(semver("1.2.3")) <= 0',
        '(device.capacity["x.io"].memory).compareTo(quantity("1Gi")) >= 0',
    ]


def test_an_endpoint_picker(render: Render) -> None:
    epp: dict[str, Any] = {
        "containerSpec": {
            "name": "x",
            "image": {"repository": "epp", "tag": "v1"},
            "env": [{"name": "A", "value": "1"}],
        },
        "configMapRef": {"name": "mine", "key": "file.yaml"},
        "ports": [{"name": "p", "containerPort": 1234}],
        "startupProbe": {"tcpSocket": {"port": 1234}},
    }
    rendered = render({"llm": spec(expose={"router": {"eppConfig": epp}})})
    pod = rendered["Deployment", "llm-epp"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["args"][8:10] == ["--config-file", "/config/file.yaml"]
    assert pod["volumes"] == [{"name": "epp-config", "configMap": {"name": "mine"}}]
    assert ("ConfigMap", "llm-epp-config") not in rendered
    assert container["ports"] == epp["ports"]
    assert container["startupProbe"] == epp["startupProbe"]
    assert rendered["Service", "llm-epp"]["spec"]["ports"] == [
        {"name": "p", "port": 1234, "targetPort": 1234, "protocol": "TCP"}
    ]

    bare = render({"llm": spec(expose={"router": {"eppConfig": {"containerSpec": epp["containerSpec"]}}})})
    pod = bare["Deployment", "llm-epp"]["spec"]["template"]["spec"]
    assert "volumes" not in pod
    assert "--config-file" not in pod["containers"][0]["args"]


def test_kserve(render: Render) -> None:
    values = spec(inferencePlatform="kserve", replicas=3, dependencies=[dependency("a")], metrics={"enabled": True})
    rendered = render({"a": spec(), "llm": values})
    assert {kind for kind, name in rendered if name == "llm"} == {
        "InferenceService",
        "ServiceAccount",
        "ServiceMonitor",
    }
    service = rendered["InferenceService", "llm"]
    predictor = service["spec"]["predictor"]
    assert service["metadata"]["labels"]["networking.kserve.io/visibility"] == "cluster-local"
    assert service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (3, 3)
    assert [each["name"] for each in predictor["initContainers"]] == ["wait-setup", "wait-for-a"]
    assert predictor["labels"]["app"] == "llm"


@pytest.mark.parametrize(("expose", "is_public"), [
    ({"ingress": {"enabled": True}}, True),
    ({"router": {"hosts": ["a.io"], "ingress": {"ingressClass": "c"}}}, True),
    ({"router": {"hosts": ["a.io"], "gateway": {"name": "g", "namespace": "n", "httpRoutesEnabled": True}}}, False),
])  # fmt: skip
def test_kserve_makes_the_routes_itself(render: Render, expose: dict[str, Any], is_public: bool) -> None:
    rendered = render({"llm": spec(inferencePlatform="kserve", expose=expose)})
    assert {kind for kind, name in rendered if name == "llm"} == {"InferenceService", "ServiceAccount"}
    labels = rendered["InferenceService", "llm"]["metadata"]["labels"]
    assert ("networking.kserve.io/visibility" not in labels) is is_public


def test_kserve_scales_by_the_first_metric_that_it_knows(render: Render) -> None:
    pods = {
        "type": "Pods",
        "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": 9}},
    }
    known = [
        {"type": "Resource", "resource": {"name": name, "target": {"type": kind, field: amount}}}
        for name, kind, field, amount in (
            ("gpu", "Utilization", "averageUtilization", 50),
            ("memory", "Value", "value", 70),
            ("cpu", "Utilization", "averageUtilization", 80),
        )
    ]
    hpa = {"minReplicas": 2, "maxReplicas": 4, "metrics": [pods, *known]}
    values = spec(inferencePlatform="kserve", scale={"enabled": True, "hpa": hpa})
    predictor = render({"llm": values})["InferenceService", "llm"]["spec"]["predictor"]
    fields = ("minReplicas", "maxReplicas", "scaleMetric", "scaleMetricType", "scaleTarget")
    assert [predictor[field] for field in fields] == [2, 4, "memory", "Value", 70]


def test_kserve_serverless(render: Render) -> None:
    values = spec(
        inferencePlatform="kserve",
        replicas=3,
        annotations={"serving.kserve.io/deploymentMode": "Knative"},
        expose={"service": {"grpcPort": 50051, "metricsPort": 9}},
    )
    predictor = render({"llm": values})["InferenceService", "llm"]["spec"]["predictor"]
    assert not {"minReplicas", "deploymentStrategy", "securityContext"} & set(predictor)
    container = predictor["containers"][0]
    assert container["ports"] == [
        {"containerPort": 8000, "protocol": "TCP"},
        {"containerPort": 50051, "protocol": "TCP"},
    ]
    assert probe_budget(container["startupProbe"]) == 330
    assert container["livenessProbe"]["grpc"] == {"port": 50051}


@pytest.mark.parametrize("weight", [0, 5])
def test_a_route_to_elsewhere(render: Render, weight: int) -> None:
    gateway = {"name": "g", "namespace": "n", "backendRef": {"name": "other", "port": 80, "weight": weight}}
    route = render({"llm": spec(expose={"router": {"hostDomainName": "x.io", "gateway": gateway}})})[
        "HTTPRoute", "llm"
    ]["spec"]
    assert route["hostnames"] == ["llm.nim-service.x.io"]
    assert route["rules"][0]["backendRefs"] == [
        {"name": "other", "port": 80, "weight": weight, "group": "", "kind": "Service"}
    ]


def test_what_is_read_once_restarts_its_readers_when_it_changes(render: Render) -> None:
    def checksum(replicas: int, tensor: int) -> set[str]:
        nodes = {"parallelism": {"pipeline": 2, "tensor": tensor}}
        pods = groups(render({"llm": spec(multiNode=nodes, replicas=replicas)}))
        return {pod["metadata"]["annotations"]["nimhelm.dev/config-checksum"] for pod in pods}

    assert len(checksum(1, 8)) == 1
    assert checksum(1, 8) == checksum(2, 8) != checksum(1, 4)
    kept = groups(render({"llm": spec(multiNode=NODES)}, nimhelm={"keepOperatorPods": True}))
    assert "nimhelm.dev/config-checksum" not in kept[0]["metadata"]["annotations"]
