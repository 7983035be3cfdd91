"""Rules of the pod: environment, probes, containers, placement, proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, dig, gate_name, number
from nimhelm.yamlread import Path

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
OWN_CONTAINERS = ("update-ca-certificates", "wait-setup")


READABLE = (
    (
        "fieldRef",
        "fieldPath",
        r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?",
        "for example metadata.name, metadata.labels['app'], spec.nodeName or status.podIP",
    ),
    (
        "resourceFieldRef",
        "resource",
        r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)",
        "for example limits.memory or requests.cpu",
    ),
)
"""What the API server lets a variable be read from: the source, its key, the values of that, a hint."""


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
        else:
            yield from _source(service, (*field, index, "valueFrom"), source)


def _source(service: Service, field: Path, source: Any) -> Iterator[Finding]:
    for kind in ("secretKeyRef", "configMapKeyRef"):
        reference = dig(source, kind)
        if isinstance(reference, dict) and not reference.get("name"):
            yield service.error("NH095", (*field, kind), f"{kind} names no object", f"add name to {kind}")
    for kind, key, pattern, hint in READABLE:
        path = dig(source, kind, key)
        if isinstance(path, str) and not re.fullmatch(pattern, path):
            yield service.error("NH095", (*field, kind, key), f"a variable cannot be read from {path}", hint)


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
        seen.add(gate_name(str(dependency.get("name"))))
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


def check_selectors(service: Service) -> Iterator[Finding]:
    """Requirements of an affinity as the API server has them: the values that the operator takes."""
    for name in ("affinity", "podAffinity"):
        yield from _requirements(service, (name,), service.get(name))


def _requirements(service: Service, field: Path, data: Any) -> Iterator[Finding]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _requirements(service, (*field, index), item)
    elif isinstance(data, dict):
        if "key" in data and "operator" in data:
            yield from _requirement(service, field, data)
        for key, value in data.items():
            yield from _requirements(service, (*field, key), value)


def _requirement(service: Service, field: Path, requirement: dict[str, Any]) -> Iterator[Finding]:
    operator, values = requirement["operator"], requirement.get("values") or []
    if operator in ("In", "NotIn") and not values:
        yield service.error("NH099", field, f"the operator {operator} needs values", "add values")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield service.error("NH099", (*field, "values"), f"the operator {operator} takes no values", "remove values")
    elif operator in ("Gt", "Lt") and not (len(values) == 1 and str(values[0]).lstrip("-").isdecimal()):
        message = f"the operator {operator} takes one whole number"
        yield service.error("NH099", field, message, 'for example values: ["80"]')


def check_proxy(service: Service) -> Iterator[Finding]:
    """Proxies are URLs."""
    for name in ("httpProxy", "httpsProxy"):
        url = service.get("proxy", name)
        if isinstance(url, str) and url and not url.startswith(("http://", "https://")):
            yield service.warning(
                "NH098", ("proxy", name), f"{url} does not start with http:// or https://", f"write http://{url}"
            )


def check_no_proxy(service: Service) -> Iterator[Finding]:
    """A dependency is asked by its bare name, which only noProxy keeps from the proxy."""
    if not service.get("proxy", "httpProxy"):
        return
    listed = service.get("proxy", "noProxy")
    exempt = {name.strip() for name in listed.split(",")} if isinstance(listed, str) else set()
    asked = [item.get("name") for item in service.dependencies if item.get("envName") and not item.get("envValue")]
    missing = [name for name in asked if isinstance(name, str) and name not in exempt]
    if missing and "*" not in exempt:
        message = f"calls of {service.name} to {', '.join(missing)} go through the proxy"
        yield service.warning("NH103", ("proxy", "noProxy"), message, f"add {','.join(missing)} to noProxy")


POD_RULES = (check_env, check_probes, check_containers, check_placement, check_selectors, check_proxy, check_no_proxy)
