"""Rules of spec.expose and spec.metrics: ports, ingress, routes, monitoring."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, dig, number, served_ports
from nimhelm.yamlread import Path

RAY_PORT = 6379
"""The CRD's default of multiNode.ray.rayPort."""


def check_ports(service: Service) -> Iterator[Finding]:
    """One Service cannot have a port number twice."""
    seen: dict[int, str] = {}
    for name, port in served_ports(service).items():
        if port in seen:
            field = ("expose", "service", f"{name}Port" if name != "api" else "port")
            message = f"the ports {seen[port]} and {name} are both {port}"
            yield service.error("NH070", field, message, "give each a number of its own")
        seen[port] = name
    ray = service.mapping("multiNode").get("ray")
    if isinstance(ray, dict) and number(ray.get("rayPort"), RAY_PORT) in seen:
        port = number(ray.get("rayPort"), RAY_PORT)
        message = f"Ray's head and the port {seen[port]} are both {port}"
        yield service.error("NH070", ("multiNode", "ray", "rayPort"), message, "give each a number of its own")


def check_router(service: Service) -> Iterator[Finding]:
    """The webhook's and the CRD's rules of expose.router."""
    router = service.mapping("expose", "router")
    ingress, gateway = dig(router, "ingress", "ingressClass"), dig(router, "gateway", "name")
    if (ingress or gateway) and not (router.get("hostDomainName") or router.get("hosts")):
        message = "a router needs hostDomainName: the host is <service>.<namespace>.<hostDomainName>"
        yield service.error("NH071", ("expose", "router"), message, "for example hostDomainName: example.com")
    if ingress and gateway:
        yield service.error(
            "NH072", ("expose", "router", "gateway"), "router.ingress and router.gateway exclude each other", "keep one"
        )
    if ingress and service.get("expose", "ingress", "enabled") is True:
        message = "expose.ingress.enabled and expose.router.ingress exclude each other"
        yield service.error(
            "NH072", ("expose", "router", "ingress"), message, "keep router.ingress; expose.ingress is deprecated"
        )
    if (ingress or gateway) and service.get("expose", "service", "type") == "LoadBalancer":
        message = f"{service.name} is reachable by its LoadBalancer and by its router: two ways in"
        yield service.warning(
            "NH074", ("expose", "service", "type"), message, "write type: ClusterIP, or remove the router"
        )


def check_hosts(service: Service) -> Iterator[Finding]:
    """An ingress takes names as its hosts."""
    for index, host in enumerate(service.sequence("expose", "router", "hosts")):
        if service.get("expose", "router", "ingress") and re.fullmatch(r"[0-9]+(\.[0-9]+){3}", str(host)):
            message = f"the host {host} is an address, and an ingress takes names"
            yield service.error("NH075", ("expose", "router", "hosts", index), message, "write a DNS name")


def check_gateway(service: Service) -> Iterator[Finding]:
    """Routes need something to route to."""
    gateway = service.mapping("expose", "router", "gateway")
    if not gateway.get("name"):
        return
    if gateway.get("grpcRoutesEnabled") is True and not service.get("expose", "service", "grpcPort"):
        message = "grpcRoutesEnabled without a gRPC port to route to"
        yield service.error(
            "NH073", ("expose", "router", "gateway", "grpcRoutesEnabled"), message, "add expose.service.grpcPort"
        )
    elif gateway.get("grpcRoutesEnabled") is True and gateway.get("httpRoutesEnabled", True) is True:
        message = (
            f"{service.name} has an HTTPRoute and a GRPCRoute for one host, where the GRPCRoute takes all requests"
        )
        hint = "switch one of the two off, and route the other by a route of your own with another host"
        yield service.warning("NH076", ("expose", "router", "gateway", "grpcRoutesEnabled"), message, hint)
    backend = service.mapping("expose", "router", "gateway", "backendRef")
    is_service = backend and not backend.get("group") and backend.get("kind", "Service") == "Service"
    if is_service and not backend.get("port"):
        field = ("expose", "router", "gateway", "backendRef")
        yield service.error("NH073", field, "a backendRef to a Service needs a port", "add port")
    if gateway.get("httpRoutesEnabled") is False and gateway.get("grpcRoutesEnabled") is not True:
        message = "a gateway without any route: neither HTTP nor gRPC routes are enabled"
        yield service.warning(
            "NH073", ("expose", "router", "gateway", "httpRoutesEnabled"), message, "enable one, or remove the gateway"
        )


def check_legacy_ingress(service: Service) -> Iterator[Finding]:
    """expose.ingress is deprecated, and useless without a spec."""
    ingress = service.mapping("expose", "ingress")
    if ingress.get("enabled") is not True:
        return
    yield service.warning(
        "NH075", ("expose", "ingress"), "expose.ingress is deprecated", "use expose.router.ingress with hostDomainName"
    )
    spec = ingress.get("spec")
    if not isinstance(spec, dict) or not (spec.get("rules") or spec.get("defaultBackend")):
        message = "the ingress has neither rules nor a defaultBackend: the API server refuses it"
        yield service.error("NH075", ("expose", "ingress", "spec"), message, "add spec.rules")
        return
    field: Path = ("expose", "ingress", "spec")
    yield from _backend(service, (*field, "defaultBackend"))
    for index, rule in service.items(*field, "rules"):
        if re.fullmatch(r"[0-9]+(\.[0-9]+){3}", str(rule.get("host"))):
            message = f"the host {rule['host']} is an address, and an ingress takes names"
            yield service.error("NH075", (*field, "rules", index, "host"), message, "write a DNS name, or no host")
        paths: Path = (*field, "rules", index, "http", "paths")
        for position, path in service.items(*paths):
            yield from _backend(service, (*paths, position, "backend"))
            if path.get("pathType") in ("Exact", "Prefix") and not str(path.get("path")).startswith("/"):
                message = f"a path of pathType {path['pathType']} must start with /"
                yield service.error("NH075", (*paths, position, "path"), message, "for example /")
            elif path.get("pathType") in ("Exact", "Prefix") and (part := unclean(path["path"])):
                message = f"a path of pathType {path['pathType']} cannot have {part}"
                yield service.error("NH075", (*paths, position, "path"), message, "write it without")


def unclean(path: str) -> str:
    """The part of a path for which the API server refuses an ingress; "" when there is none."""
    within = next((part for part in ("//", "/./", "/../", "%2f", "%2F") if part in path), "")
    return within or next((part for part in ("/..", "/.") if path.endswith(part)), "")


def check_router_paths(service: Service) -> Iterator[Finding]:
    """Paths of the ingress that the chart makes, which a values file may set."""
    field: Path = ("expose", "router", "ingress", "paths")
    for index, path in service.items(*field):
        kind, text = path.get("pathType") or "Prefix", path.get("path")
        if kind in ("Exact", "Prefix") and isinstance(text, str) and (part := unclean(text)):
            message = f"a path of pathType {kind} cannot have {part}"
            yield service.error("NH075", (*field, index, "path"), message, "write it without")


def _backend(service: Service, field: Path) -> Iterator[Finding]:
    """A backend is a service with a port by number or by name, or a resource."""
    backend = service.get(*field)
    if not isinstance(backend, dict):
        return
    if (backend.get("service") is None) == (backend.get("resource") is None):
        yield service.error("NH075", field, "a backend is either a service or a resource", "write one of the two")
    port = dig(backend, "service", "port")
    if isinstance(backend.get("service"), dict) and bool(dig(port, "number")) == bool(dig(port, "name")):
        message = "the port of a backend is either a number or a name"
        yield service.error("NH075", (*field, "service", "port"), message, "for example port: {number: 8000}")


def check_metrics(service: Service) -> Iterator[Finding]:
    """metrics.enabled needs a serviceMonitor, which may be empty; one scrape ends before the next begins."""
    metrics = service.mapping("metrics")
    monitor = metrics.get("serviceMonitor")
    if metrics.get("enabled") is not True:
        return
    if monitor is None:
        message = "metrics.enabled without a serviceMonitor"
        yield service.error("NH080", ("metrics",), message, "add serviceMonitor: {}, or for example {interval: 30s}")
    interval, timeout = (milliseconds(dig(monitor, name)) for name in ("interval", "scrapeTimeout"))
    if interval and timeout and timeout > interval:
        message = f"scrapeTimeout {dig(monitor, 'scrapeTimeout')} is above interval {dig(monitor, 'interval')}"
        field: Path = ("metrics", "serviceMonitor", "scrapeTimeout")
        hint = "lower it: Prometheus refuses such a ServiceMonitor"
        yield service.error("NH081", field, message, hint)


_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


def milliseconds(duration: Any) -> int:
    """A duration of Prometheus in milliseconds: `1m30s` -> 90000; 0 for what is not a duration, or is left out."""
    if not isinstance(duration, str):
        return 0
    return sum(int(digits) * _UNITS[unit] for digits, unit in re.findall(r"([0-9]+)(ms|[ywdhms])", duration[:100]))


def check_picker_ports(service: Service) -> Iterator[Finding]:
    """The ports of an endpoint picker become a Service, which needs a name for each of several, and each once."""
    field: Path = ("expose", "router", "eppConfig", "ports")
    seen: dict[tuple[str, Any], int] = {}
    many = len(service.sequence(*field)) > 1
    for index, port in service.items(*field):
        if many and not port.get("name"):
            message = "each of several ports of an endpoint picker needs a name"
            yield service.error("NH151", (*field, index), message, "add name")
        protocol = str(port.get("protocol") or "TCP")
        for key, value in (("name", port.get("name")), ("containerPort", (port.get("containerPort"), protocol))):
            if value is not None and seen.setdefault((key, str(value)), index) != index:
                shown = port.get(key)
                message = f"two ports of the endpoint picker have the {'name' if key == 'name' else 'number'} {shown}"
                yield service.error("NH151", (*field, index, key), message, "change one of them")


EXPOSE_RULES = (
    check_ports, check_router, check_hosts,
    check_gateway, check_legacy_ingress, check_router_paths, check_metrics, check_picker_ports,
)  # fmt: skip
