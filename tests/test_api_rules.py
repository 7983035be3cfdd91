"""What the API server refuses of a pod, an ingress or an annotation, and what looks like it and is fine."""

from __future__ import annotations

from typing import Any

import pytest
from pipelines import pipeline, service, text

from nimhelm.check import check_documents
from nimhelm.finding import Finding, has_errors
from nimhelm.load import Loaded, load_text

APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
LARGE = {"a": "ä" * 131_072}
NOTHING: dict[str, Any] = {}


def findings(**fields: Any) -> list[Finding]:
    loaded = Loaded.nothing()
    load_text("p.yaml", text(pipeline(service("llm", **fields))).encode(), loaded)
    return [each for each in check_documents(loaded) if each.severity != "note"]


def key(name: str) -> dict[str, Any]:
    return {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": name}}}]}


def ingress(path: str = "/", kind: str = "Prefix", host: str = "a.com", **annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": "llm", "port": {"number": 8000}}}
    rule = {"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}
    spec = {"ingressClassName": "nginx", "rules": [rule]}
    return {"expose": {"ingress": {"enabled": True, "spec": spec, "annotations": annotations}}}


def near(**term: Any) -> dict[str, Any]:
    required = [{"topologyKey": "zone", **term}]
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def node(*values: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "a", "operator": "In", "values": list(values)}]}
    required = {"nodeSelectorTerms": [term]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def balancer(ranges: str, kind: str = "LoadBalancer") -> dict[str, Any]:
    return {"expose": {"service": {"type": kind, "annotations": {RANGES: ranges}}}}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((f"the key {name}", key(name), "NH013") for name in (".", "..", "..a", "a b", "")),
    *((f"the path {path}", ingress(path), "NH075") for path in
      ("/a//b", "/a/./b", "/a/../b", "/a%2Fb", "/a%2fb", "/a/.", "/a/..", "a")),
    ("an exact path", ingress("/a//b", "Exact"), "NH075"),
    ("an address as a host", ingress(host="10.0.0.1"), "NH075"),
    ("two classes", ingress(**{"kubernetes.io/ingress.class": "traefik"}), "NH013"),
    *((f"the directory {path}", {"storage": {"hostPath": path}}, "NH013") for path in ("/a/../b", "/a/..", "/..", "a")),
    ("a value of a node", node("ok", "b c"), "NH099"),
    ("a value of a pod", near(labelSelector={"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["-"]}]}), "NH013"),
    ("keys without a selector", near(matchLabelKeys=["a"]), "NH099"),
    ("a key in both lists", near(matchLabelKeys=["a"], mismatchLabelKeys=["a"], labelSelector=NOTHING), "NH099"),
    ("a request of a claim", {"draResources": [{"resourceClaimName": "x", "requests": ["A b"]}]}, "NH013"),
    ("large annotations", {"annotations": {f"k{n}": "x" * 30_000 for n in range(9)}}, "NH013"),
    ("large annotations of a claim", {"storage": {"pvc": {"create": True, "size": "1Gi", "annotations": LARGE}}}, "NH013"),
    ("a profile", {"annotations": {f"{APPARMOR}llm-ctr": "strict"}}, "NH013"),
    ("a profile of nobody", {"annotations": {f"{APPARMOR}other": "runtime/default"}}, "NH013"),
    ("a seccomp profile", {"annotations": {"seccomp.security.alpha.kubernetes.io/pod": "strict"}}, "NH013"),
    *((f"the range {text}", balancer(text), "NH013") for text in ("all", "10.0.0.1", "10.0.0.0/33", "10.0.0.0/8,")),
    ("ranges of a ClusterIP", balancer("10.0.0.0/8", "ClusterIP"), "NH013"),
]  # fmt: skip

FINE: list[tuple[str, dict[str, Any]]] = [
    *((f"the key {name}", key(name)) for name in (".dockerconfigjson", "a..b", "a.", "_", "-")),
    *((f"the path {path}", ingress(path)) for path in ("/", "/a/.b", "/a/..b/c", "/a.", "/%20")),
    ("a path that the controller reads", ingress("/a//../b", "ImplementationSpecific")),
    ("a host that begins with numbers", ingress(host="10.0.0.1.nip.io")),
    ("the class twice", ingress(**{"kubernetes.io/ingress.class": "nginx"})),
    *((f"the directory {path}", {"storage": {"hostPath": path}}) for path in ("/", "/a/..b/./c/", "/a//b", "/.a")),
    ("values of a node", node("", "a_b.c-d", "x" * 63)),
    ("keys beside a selector", near(matchLabelKeys=["a"], mismatchLabelKeys=["b"], labelSelector=NOTHING)),
    ("annotations that fit", {"annotations": {f"k{n}": "x" * 30_000 for n in range(8)}}),
    ("profiles", {"annotations": {f"{APPARMOR}llm-ctr": "localhost/nim", f"{APPARMOR}extra": "unconfined"},
                  "sidecarContainers": [{"name": "extra", "image": {"repository": "r", "tag": "1"}}]}),
    ("ranges", balancer("10.0.0.0/8, 1.2.3.4/32,2001:db8::/64")),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(fields: dict[str, Any], code: str) -> None:
    found = [each for each in findings(**fields) if each.severity == "error"]
    assert [each.code for each in found] == [code], found


@pytest.mark.parametrize("fields", [row[1] for row in FINE], ids=[row[0] for row in FINE])
def test_fine(fields: dict[str, Any]) -> None:
    assert not has_errors(findings(**fields)), findings(**fields)


@pytest.mark.parametrize("operator", ["Lt", "Gt"])
def test_an_operator_that_few_api_servers_know(operator: str) -> None:
    (found,) = findings(tolerations=[{"key": "a", "operator": operator, "value": "5"}])
    assert (found.severity, found.code) == ("warning", "NH097")
    assert "Kubernetes 1.35" in found.message
