"""Requests from outside: through an Ingress, an HTTPRoute and a GRPCRoute, with a real controller."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .bench import cluster as bench
from .bench.settings import NODE_IP
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, PORT, Release, put_up, service

pytestmark = pytest.mark.heavy

ENTRY = 18000
GRPC_PORT = 9000
CLASS = "traefik"
HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])


@pytest.fixture(scope="module", autouse=True)
def controller(cluster: Cluster) -> None:
    """The controller runs, and its entry point can be reached."""
    cluster.need("gateway")
    if not cluster.is_bench:
        pytest.skip("needs the entry point of the bench's controller")


def exposed(name: str, domain: str, router: dict[str, Any], **ports: int) -> dict[str, Any]:
    """A service with a router."""
    return service(name, expose={"service": {"port": PORT, **ports}, "router": {"hostDomainName": domain, **router}})


def ask(host: str, path: str, *options: str) -> str:
    """What the entry point answers for a host; empty when it answers with an error."""
    command = ("curl", "-sf", "--max-time", "5", *options, "-H", f"Host: {host}", f"http://{NODE_IP}:{ENTRY}{path}")
    try:
        return bench.run_inside(*command)
    except RuntimeError:
        return ""


def reached(host: str, release: Release, name: str) -> None:
    """The request comes to a pod of the service, with the host and path that the client gave."""
    path = "/standin/request"
    answer = json.loads(wait_until(lambda: ask(host, path), 60, f"an answer for {host}"))
    assert (answer["host"], answer["path"]) == (host, path)
    assert answer["pod"] in {pod["metadata"]["name"] for pod in release.pods(name)}
    assert ask(f"other-{host}", path) == ""


@HELMS
def test_an_ingress_leads_to_its_service(helm: Path, short_release: Callable[..., Release]) -> None:
    router = {"ingress": {"ingressClass": CLASS}}
    release = short_release(exposed("llm", "ingress.test", router), service("other"), helm_path=helm)
    assert release.preflight() == {}
    put_up(release)
    reached(f"llm.{release.namespace}.ingress.test", release, "llm")


@HELMS
def test_routes_of_a_gateway_lead_to_their_services(helm: Path, short_release: Callable[..., Release]) -> None:
    gateway = {"name": "gate", "namespace": "kube-system"}
    calls = {**gateway, "httpRoutesEnabled": False, "grpcRoutesEnabled": True}
    release = short_release(
        exposed("web", "route.test", {"gateway": gateway}),
        exposed("calls", "route.test", {"gateway": calls}, grpcPort=GRPC_PORT),
        helm_path=helm,
    )
    assert release.preflight() == {}
    put_up(release)
    reached(f"web.{release.namespace}.route.test", release, "web")
    for kind, name in (("httproute", "web"), ("grpcroute", "calls")):
        (parent,) = release.get(kind, name)["status"]["parents"]
        states = {each["type"]: each["status"] for each in parent["conditions"]}
        assert states == {"Accepted": "True", "ResolvedRefs": "True"}

    host, path = f"calls.{release.namespace}.route.test", "/inference.GRPCInferenceService/ServerLive"
    options = ("--http2-prior-knowledge", "-H", "Content-Type: application/grpc", "-H", "TE: trailers")
    # A message of no bytes: not compressed, length 0.
    call = (*options, "-X", "POST", "--data-binary", "@/dev/null", "-o", "/dev/null", "-w", "%{http_code}")
    wait_until(lambda: ask(host, path, *call) == "200", 60, f"an answer for {host}")
    events = [json.loads(line) for line in release.kubectl("logs", "deployment/calls", "-c", "calls-ctr").splitlines()]
    found = [(each["host"], each["path"]) for each in events if each["event"] == "grpc call"]
    assert (host, path) in found, found


@pytest.fixture
def narrow(cluster: Cluster) -> Iterator[dict[str, str]]:
    """A Gateway like the bench's own that takes the hosts of one domain only."""
    place = {"name": "narrow", "namespace": "kube-system"}
    gate = cluster.get("gateway", "gate", namespace="kube-system")["spec"]
    listeners = [each | {"hostname": "*.narrow.test"} for each in gate["listeners"]]
    made = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": place}
    cluster.apply(made | {"spec": gate | {"listeners": listeners}})
    yield place
    cluster.kubectl("delete", "gateway", "narrow", "--wait=false", namespace="kube-system")


def test_a_host_that_no_listener_takes(narrow: dict[str, str], short_release: Callable[..., Release]) -> None:
    """Preflight warns of it, status says it, and nothing is served."""
    release = short_release(
        exposed("llm", "elsewhere.test", {"gateway": narrow}),
        exposed("lost", "route.test", {"gateway": narrow | {"name": "absent"}}),
    )
    assert release.preflight() == {"GatewayListener": ["llm"], "GatewayMissing": ["lost"]}
    put_up(release)
    wait_until(lambda: release.status().stdout.count("nothing serves HTTPRoute") == 2, 60, "the warnings", interval=2)
    assert "no controller answers for Gateway kube-system/absent" in release.status().stdout
    assert ask(f"llm.{release.namespace}.elsewhere.test", "/standin/request") == ""
