"""Rules of the pod: environment, probes, containers, placement, proxy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, dig, number
from nimhelm.yamlread import Path

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
OWN_CONTAINERS = ("update-ca-certificates", "wait-setup")


def check_env(service: Service) -> Iterator[Finding]:
    """Variables of the service and of its further containers."""
    yield from _env(service, ("env",))
    for kind in ("initContainers", "sidecarContainers"):
        for index, _ in service.items(kind):
            yield from _env(service, (kind, index, "env"))


def _env(service: Service, field: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, variable in service.items(*field):
        name = variable.get("name")
        if isinstance(name, str) and name in seen:
            yield service.error(
                "NH094",
                (*field, index, "name"),
                f"the variable {name} is set twice",
                "keep one: the API server refuses duplicates",
            )
        seen.add(str(name))
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            yield service.error("NH095", (*field, index), f"{name} has a value and a valueFrom", "keep one")
        elif isinstance(source, dict) and len([key for key in source if source[key] is not None]) != 1:
            message = f"valueFrom of {name} needs exactly one source"
            yield service.error(
                "NH095",
                (*field, index, "valueFrom"),
                message,
                "secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef",
            )
        for kind in ("secretKeyRef", "configMapKeyRef"):
            reference = dig(source, kind)
            if isinstance(reference, dict) and not reference.get("name"):
                place = (*field, index, "valueFrom", kind)
                yield service.error("NH095", place, f"{kind} of {name} names no object", f"add name to {kind}")


def check_probes(service: Service) -> Iterator[Finding]:
    """A probe has one handler, a port that exists, and thresholds the API server takes."""
    for kind in PROBES:
        probe = service.get(kind, "probe")
        if isinstance(probe, dict) and probe and service.get(kind, "enabled") is not False:
            yield from _probe(service, kind, probe)


def _probe(service: Service, kind: str, probe: dict[str, Any]) -> Iterator[Finding]:
    field: Path = (kind, "probe")
    handlers = [name for name in HANDLERS if isinstance(probe.get(name), dict)]
    if len(handlers) != 1:
        message = f"{kind} has {'no handler' if not handlers else 'several handlers: ' + ', '.join(handlers)}"
        yield service.error("NH100", field, message, "write exactly one of " + ", ".join(HANDLERS))
    if isinstance(probe.get("exec"), dict) and not dig(probe, "exec", "command"):
        yield service.error("NH100", (*field, "exec"), f"exec of {kind} has no command", "add command: [...]")
    if kind != "readinessProbe" and number(probe.get("successThreshold"), 1) != 1:
        yield service.error(
            "NH101", (*field, "successThreshold"), f"successThreshold of {kind} must be 1", "write 1, or leave it out"
        )
    for handler in ("httpGet", "tcpSocket"):
        port = probe.get(handler, {}).get("port") if isinstance(probe.get(handler), dict) else None
        known = {"api", *(name for name in ("grpc", "metrics") if service.get("expose", "service", f"{name}Port"))}
        if isinstance(port, str) and not port.isdigit() and port not in known:
            message = f"{kind} asks the port {port}, which the container does not have"
            yield service.error(
                "NH102", (*field, handler, "port"), message, "one of " + ", ".join(sorted(known)) + ", or a number"
            )


def check_containers(service: Service) -> Iterator[Finding]:
    """Names of containers are unique in a pod."""
    seen = {f"{service.name}-ctr", *OWN_CONTAINERS}
    for dependency in service.dependencies:
        seen.add(f"wait-for-{dependency.get('name')}")
    for kind in ("initContainers", "sidecarContainers"):
        for index, container in service.items(kind):
            name = container.get("name")
            if isinstance(name, str) and name in seen:
                yield service.error("NH110", (kind, index, "name"), f"the container name {name} is taken", "rename it")
            seen.add(str(name))


def check_placement(service: Service) -> Iterator[Finding]:
    """Tolerations as the API server has them; the deprecated podAffinity."""
    if service.get("podAffinity"):
        yield service.warning(
            "NH096", ("podAffinity",), "podAffinity is deprecated", "write it as affinity.podAffinity"
        )
    for index, toleration in service.items("tolerations"):
        field: Path = ("tolerations", index)
        operator = toleration.get("operator") or "Equal"
        if operator == "Exists" and toleration.get("value"):
            yield service.error(
                "NH097", (*field, "value"), "a toleration with operator Exists takes no value", "remove the value"
            )
        elif operator == "Equal" and not toleration.get("key"):
            yield service.error(
                "NH097", field, "a toleration without a key needs operator: Exists", "add key, or operator: Exists"
            )
        if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
            message = "tolerationSeconds needs effect: NoExecute"
            yield service.error(
                "NH097", (*field, "tolerationSeconds"), message, "write effect: NoExecute, or remove it"
            )


def check_proxy(service: Service) -> Iterator[Finding]:
    """Proxies are URLs."""
    for name in ("httpProxy", "httpsProxy"):
        url = service.get("proxy", name)
        if isinstance(url, str) and url and not url.startswith(("http://", "https://")):
            yield service.warning(
                "NH098", ("proxy", name), f"{url} does not start with http:// or https://", f"write http://{url}"
            )


POD_RULES = (check_env, check_probes, check_containers, check_placement, check_proxy)
