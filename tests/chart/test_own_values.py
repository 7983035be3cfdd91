"""Values that a chart's consumer sets: each accepted, refused, and seen in the objects; nothing of it without the value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from nimhelm.assets import schema
from nimhelm.pipeline import dig

from .assemble import Object, containers, dependency, env_of, spec
from .conftest import Render

Rendered = dict[tuple[str, str], Object]
DIGEST = "sha256:" + "a" * 64
INGRESS = {"ingressClass": "nginx"}
SOURCE = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "model"}
REQUESTS = {"requests": {"cpu": "50m", "memory": "64Mi"}}
SIDE: dict[str, Any] = {"name": "side", "image": {"repository": "side", "tag": "1"}}


def balanced(**more: Any) -> dict[str, Any]:
    """The values of a Service of type LoadBalancer."""
    return {"expose": {"service": {"type": "LoadBalancer", **more}}}


def routed(**more: Any) -> dict[str, Any]:
    """The values of an Ingress."""
    return {"expose": {"router": {"hostDomainName": "example.com", "ingress": INGRESS, **more}}}


def claimed(**more: Any) -> dict[str, Any]:
    """The values of a claim."""
    return {"storage": {"pvc": {"create": True, "size": "50Gi", **more}}}


Case = tuple[dict[str, Any], tuple[str, str], tuple[Any, ...], Any]
SERVICE, ROUTE, CLAIM = ("Service", "llm"), ("Ingress", "llm"), ("PersistentVolumeClaim", "llm-pvc")
RULE = ("spec", "rules", 0, "http", "paths", 0)
CASES: list[Case] = [
    (balanced(loadBalancerClass="a/b"), SERVICE, ("spec", "loadBalancerClass"), "a/b"),
    (balanced(loadBalancerSourceRanges=["10.0.0.0/8"]), SERVICE, ("spec", "loadBalancerSourceRanges"), ["10.0.0.0/8"]),
    (balanced(externalTrafficPolicy="Local"), SERVICE, ("spec", "externalTrafficPolicy"), "Local"),
    (balanced(sessionAffinity="ClientIP"), SERVICE, ("spec", "sessionAffinity"), "ClientIP"),
    (balanced(ipFamilyPolicy="PreferDualStack"), SERVICE, ("spec", "ipFamilyPolicy"), "PreferDualStack"),
    (balanced(nodePort=30080), SERVICE, ("spec", "ports", 0, "nodePort"), 30080),
    (balanced(annotations={"a/b": "c"}), SERVICE, ("metadata", "annotations", "a/b"), "c"),
    (balanced(overlay={"publishNotReadyAddresses": True}), SERVICE, ("spec", "publishNotReadyAddresses"), True),
    (balanced(overlay={"ports": [{"name": "api", "appProtocol": "http"}]}), SERVICE, ("spec", "ports", 0, "port"), 8000),
    (balanced(overlay={"ports": [{"name": "api", "appProtocol": "http"}]}), SERVICE, ("spec", "ports", 0, "appProtocol"), "http"),
    (routed(hosts=["h.io"], ingress={**INGRESS, "tls": [{"secretName": "t"}]}), ROUTE, ("spec", "tls", 0, "hosts"), ["h.io"]),
    (routed(ingress={**INGRESS, "tlsSecretName": "t"}), ROUTE, ("spec", "tls", 0, "secretName"), "t"),
    (routed(hosts=["a.example.com"]), ROUTE, ("spec", "rules", 0, "host"), "a.example.com"),
    (routed(), ROUTE, ("spec", "rules", 0, "host"), "llm.nim-service.example.com"),
    (routed(ingress={**INGRESS, "paths": [{"path": "/v1"}]}), ROUTE, (*RULE, "path"), "/v1"),
    (routed(ingress={**INGRESS, "paths": [{"path": "/v1", "pathType": "Exact"}]}), ROUTE, (*RULE, "pathType"), "Exact"),
    (routed(ingress={**INGRESS, "tls": [{"secretName": "t"}]}), ROUTE, ("spec", "tls", 0, "secretName"), "t"),
    (routed(ingress={**INGRESS, "tls": [{"hosts": ["b.example.com"]}]}), ROUTE, ("spec", "tls", 0, "hosts"), ["b.example.com"]),
    (routed(annotations={"a/b": "c"}), ROUTE, ("metadata", "annotations", "a/b"), "c"),
    (claimed(labels={"tier": "model"}), CLAIM, ("metadata", "labels", "tier"), "model"),
    (claimed(volumeName="disk"), CLAIM, ("spec", "volumeName"), "disk"),
    (claimed(selector={"matchLabels": {"a": "b"}}), CLAIM, ("spec", "selector", "matchLabels", "a"), "b"),
    (claimed(dataSource=SOURCE), CLAIM, ("spec", "dataSource"), SOURCE),
]  # fmt: skip


@pytest.mark.parametrize(("values", "key", "field", "wanted"), CASES)
def test_rendered(
    render: Render, values: dict[str, Any], key: tuple[str, str], field: tuple[Any, ...], wanted: Any
) -> None:
    assert dig(render({"llm": spec(**values)})[key], *field) == wanted


@pytest.mark.parametrize(
    "values",
    [
        balanced(nodePort=70000),
        balanced(externalTrafficPolicy="local"),
        balanced(ipFamilyPolicy="Dual"),
        balanced(sessionAffinity="Client"),
        balanced(overlay=[]),
        routed(hosts=["https://a"]),
        routed(ingress={**INGRESS, "paths": [{"path": "v1"}]}),
        routed(ingress={**INGRESS, "tls": [{"secret": "a"}]}),
        claimed(dataSource={"kind": "VolumeSnapshot"}),
        claimed(selector={"labels": {}}),
        {"extraEnv": {"A": 1}},
        {"extraEnv": {"A": {"value": "b"}}},
        {"image": {"repository": "a", "tag": "1", "digest": "abc"}},
        {"sidecarContainers": [{**SIDE, "resources": {"cpu": 1}}]},
    ],
)
def test_refused(values: dict[str, Any]) -> None:
    from jsonschema import Draft7Validator

    definitions = schema("values")["definitions"]
    validator = Draft7Validator({**definitions["service"], "definitions": definitions})
    assert not validator.is_valid(spec(**values))
    assert validator.is_valid(spec())


def main(rendered: Rendered, name: str = "llm-ctr") -> Object:
    """A container of the service's pods."""
    return containers(rendered["Deployment", "llm"]["spec"]["template"]["spec"])[name]


ENV = [{"name": "FIRST", "value": "1"}, {"name": "SECOND", "value": "$(FIRST)"}, {"name": "GONE", "value": "x"}]


def test_variables_by_name_go_over_the_list(render: Render) -> None:
    key = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    named = {"FIRST": "2", "GONE": None, "MORE": key, "NIM_LOG_LEVEL": "DEBUG"}
    given = f"llm.extraEnv={json.dumps(named)}"
    container = main(render({"llm": spec(env=ENV, sidecarContainers=[SIDE])}, "--set-json", given))
    env = env_of(container)
    assert (env["FIRST"], env["SECOND"], env["MORE"], env["NIM_LOG_LEVEL"]) == (
        "2",
        "$(FIRST)",
        key["valueFrom"],
        "DEBUG",
    )
    assert "GONE" not in env
    names = [each["name"] for each in container["env"]]
    assert names.index("FIRST") < names.index("SECOND"), "a variable keeps its place, since others refer to it"


def test_a_digest_pins_every_image(render: Render, refusal: Callable[..., str]) -> None:
    image = {"repository": "nvcr.io/nim/llm", "tag": "1", "digest": DIGEST}
    rendered = render(
        {"llm": spec(image=image, sidecarContainers=[{**SIDE, "image": {**SIDE["image"], "digest": DIGEST}}])}
    )
    assert main(rendered)["image"] == f"nvcr.io/nim/llm:1@{DIGEST}"
    assert main(rendered, "side")["image"] == f"side:1@{DIGEST}"
    assert "two digests" in refusal({"llm": spec(image={**image, "tag": f"1@{DIGEST}"})})


@pytest.mark.parametrize(
    ("path", "wanted"), [("keep", "m.io/nim/nim/meta/llama3:1.0.0"), ("drop", "m.io/nim/llama3:1.0.0")]
)
def test_a_mirror_keeps_or_drops_the_path(render: Render, path: str, wanted: str) -> None:
    shared = {"imageRegistry": "m.io/nim", "imageRegistryPath": path}
    assert main(render({"llm": spec()}, nimhelm=shared))["image"] == wanted


CERTIFIED = {"proxy": {"certConfigMap": "certs"}, "dependencies": [{"name": "a", "port": 8000}]}
HELPERS = ("wait-setup", "wait-for-a")
BESIDE = ("update-ca-certificates", "side", "own")


def beside(render: Render, *arguments: str, **side: Any) -> dict[str, Any]:
    """The resources of all containers of a pod that has one of each kind."""
    own = {**SIDE, "name": "own"}
    values = spec(**CERTIFIED, sidecarContainers=[{**SIDE, **side}], initContainers=[own])
    rendered = render({"a": spec(), "llm": values}, *arguments)
    pod = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
    return {name: each.get("resources") for name, each in containers(pod).items()}


@pytest.mark.parametrize("given", ["{}", "null"])
def test_resources_of_the_helpers_can_be_left_out(render: Render, given: str) -> None:
    assert all(beside(render)[name] for name in HELPERS)
    found = beside(render, "--set-json", f"global.nimhelm.helperResources={given}")
    assert [found[name] for name in HELPERS] == [None, None]


def test_resources_of_all_other_containers(render: Render) -> None:
    assert [beside(render)[name] for name in BESIDE] == [None] * 3
    given = f"global.nimhelm.containerResources={json.dumps(REQUESTS)}"
    own = {"limits": {"cpu": "1"}}
    found = beside(render, "--set-json", given, resources=own)
    assert [found[name] for name in BESIDE] == [REQUESTS, own, REQUESTS]


def test_a_network_policy_lets_dependants_in_and_dependencies_out(render: Render) -> None:
    services = {"a": spec(), "llm": spec(dependencies=[{"name": "a", "port": 8000}])}
    assert ("NetworkPolicy", "a") not in render(services)
    shared = {"enabled": True, "gatewayNamespaces": ["ingress-nginx"], "egressPorts": [3128]}
    rendered = render(services, "--set-json", f"global.nimhelm.networkPolicy={json.dumps(shared)}")
    a, llm = (rendered["NetworkPolicy", name]["spec"] for name in services)
    labels = rendered["Deployment", "llm"]["spec"]["template"]["metadata"]["labels"]
    selected = llm["podSelector"]["matchLabels"]
    assert selected.items() <= labels.items()
    assert {"podSelector": llm["podSelector"]} in a["ingress"][1]["from"]
    assert {"podSelector": a["podSelector"]} not in llm["ingress"][1]["from"]
    assert [{"podSelector": a["podSelector"]}] in [rule.get("to") for rule in llm["egress"]]
    namespaces = [dig(one, "namespaceSelector", "matchLabels") for one in a["ingress"][1]["from"]]
    assert {"kubernetes.io/metadata.name": "ingress-nginx"} in namespaces
    assert {"kubernetes.io/metadata.name": "monitoring"} in namespaces
    assert {53, 443, 3128} <= {port["port"] for rule in llm["egress"] for port in rule.get("ports", ())}


@pytest.mark.parametrize(("values", "entry"), [
    ({}, None),
    ({"expose": {"service": {"type": "NodePort"}}}, {"ports": [{"port": 8000, "protocol": "TCP"}]}),
    ({"expose": {"service": {"type": "LoadBalancer"}}}, {"ports": [{"port": 8000, "protocol": "TCP"}]}),
])  # fmt: skip
def test_a_network_policy_lets_in_whom_a_node_sends(render: Render, values: dict[str, Any], entry: Any) -> None:
    policy = render({"llm": spec(**values)}, nimhelm={"networkPolicy": {"enabled": True}})["NetworkPolicy", "llm"]
    assert policy["spec"]["ingress"][2:] == ([entry] if entry else [])


def test_a_network_policy_lets_in_the_gateway_and_out_to_the_port_of_a_gate(render: Render) -> None:
    router = {"hosts": ["a.io"], "gateway": {"name": "g", "namespace": "gateways"}}
    away = dependency("db", 5432, external=True, wait={"port": 8008})
    rendered = render(
        {"llm": spec(expose={"router": router}, dependencies=[away])}, nimhelm={"networkPolicy": {"enabled": True}}
    )
    policy = rendered["NetworkPolicy", "llm"]["spec"]
    namespaces = [
        dig(one, "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")
        for one in policy["ingress"][1]["from"][1:]
    ]
    assert namespaces == ["gateways", "monitoring"]
    assert [port["port"] for port in policy["egress"][-1]["ports"]] == [8008, 5432]


def test_alerts_on_the_metrics_of_the_service(render: Render) -> None:
    assert ("PrometheusRule", "llm") not in render({"llm": spec()})
    rendered = render(
        {"llm": spec(metrics={"prometheusRule": {"enabled": True, "additionalLabels": {"release": "p"}}})}
    )
    rule = rendered["PrometheusRule", "llm"]
    assert rule["metadata"]["labels"]["release"] == "p"
    asked = {each["alert"]: each["expr"] for each in rule["spec"]["groups"][0]["rules"]}
    of = 'namespace="nim-service",service="llm"'
    assert asked["NIMRequestsWait"] == f'max({{__name__=~"(vllm:)?num_requests_waiting",{of}}}) > 10'
    assert asked["NIMDown"] == f"max(up{{{of}}}) == 0"


def test_a_dashboard_of_the_services(render: Render) -> None:
    services = {"embed": spec(), "llm": spec(), "off": spec(enabled=False)}
    assert ("ConfigMap", "r-demo-dashboard") not in render(services)
    settings = {"enabled": True, "labels": {"team": "a"}, "annotations": {"grafana_folder": "{{ NIM }}"}}
    made = render(services, nimhelm={"grafanaDashboard": settings})["ConfigMap", "r-demo-dashboard"]
    assert {"grafana_dashboard": "1", "team": "a"}.items() <= made["metadata"]["labels"].items()
    assert made["metadata"]["annotations"]["grafana_folder"] == "{{ NIM }}"
    dashboard = json.loads(made["data"]["r-demo-dashboard.json"])
    known = {each["name"]: each.get("query") for each in dashboard["templating"]["list"]}
    assert known == {"datasource": "prometheus", "release": "r", "namespace": "nim-service", "service": "embed,llm"}
    assert len(dashboard["uid"]) == 40, "Grafana takes no more"
    queries = [target for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) == 14
    for query in queries:
        assert 'namespace="$namespace",service=~"$service"' in query["expr"]
        assert query["legendFormat"].startswith("{{service}}"), "Grafana fills it in, not Helm"
    read = set(re.findall(r"\(vllm:\)\?([^\"]+)", str(queries)))
    assert {"num_requests_waiting", "(gpu|kv)_cache_usage_perc", "time_to_first_token_seconds_bucket"} <= read
