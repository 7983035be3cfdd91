"""Rules of addresses in variables: a URL whose host is a service of the pipeline, or nearly one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from nimhelm.finding import WARNING, Finding
from nimhelm.pipeline import Pipeline, Service, is_kserve, name_here, served_ports
from nimhelm.rules.names import derived_suffixes, further_services
from nimhelm.rules.variables import env_fields
from nimhelm.yamlread import Path

ADDRESS = re.compile(
    r"(?:(https?|grpc)://(?:[^/@\s]*@)?)?([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)(?::([0-9]{1,5}))?(?:[/?].*)?",
    re.DOTALL | re.IGNORECASE,
)
"""`http://llm:8000/v1`, `llm:8000`, `grpc://user:password@llm.nim.svc:9000`: scheme, host, port."""

SCHEME_PORTS = {"http": 80, "https": 443}
NEAR = 0.8
"""How similar (by difflib, 0 to 1) a host is to a service's name when it is probably a slip of it."""


class Address(NamedTuple):
    """Where a variable points to, once for each address of a list; port 0 when it names none."""

    host: str
    port: int
    field: Path


def check_addresses(pipeline: Pipeline) -> Iterator[Finding]:
    """A URL in env or envValue leads to a service of the pipeline under its name and on a port that it serves."""
    known = known_hosts(pipeline)
    targets = {service.name: service for service in pipeline.services if service.name}
    for service in pipeline.services:
        for address in addresses(service, pipeline.namespace):
            if address.host in targets:
                yield from _port(service, targets[address.host], address)
            elif address.host not in known:
                yield from _nearly(service, list(targets), address)


def known_hosts(pipeline: Pipeline) -> set[str]:
    """The hosts that are not slips: other objects of the pipeline, and what it declares to be outside."""
    hosts = set(pipeline.external)
    for service in pipeline.services:
        hosts |= {service.name + suffix for suffix, _ in derived_suffixes(service)}
        hosts |= {str(dependency.get("name")) for dependency in service.dependencies if dependency.get("external")}
    return hosts | set(further_services(pipeline.services))


def addresses(service: Service, namespace: str) -> Iterator[Address]:
    """Every address that the variables of a service spell out, its host without the namespace of the pipeline."""
    for field in env_fields(service):
        for index, variable in service.items(*field):
            yield from _address(variable.get("value"), (*service.spec_field, *field, index, "value"), namespace)
    for index, dependency in enumerate(service.dependencies):
        yield from _address(dependency.get("envValue"), service.dependency_field(index, "envValue"), namespace)


def _address(value: object, field: Path, namespace: str) -> Iterator[Address]:
    if not isinstance(value, str) or len(value) > 2000:
        return
    for part in value.split(","):
        match = ADDRESS.fullmatch(part.strip())
        if match is None or not (match[1] or match[3]):
            continue
        name = name_here(match[2], namespace)
        if not name:
            continue
        yield Address(name, int(match[3] or SCHEME_PORTS.get((match[1] or "").lower(), 0)), field)


def _port(service: Service, target: Service, address: Address) -> Iterator[Finding]:
    served = served_ports(target)
    if not target.enabled and service.enabled:
        message = f"{service.title} calls {target.name}, which is disabled"
        yield service.document.finding(WARNING, "NH034", address.field, message, f"enable {target.name}")
    elif address.port and address.port not in served.values() and not (is_kserve(target) and address.port == 80):
        listed = ", ".join(f"{number} ({name})" for name, number in served.items())
        message = f"{service.title} calls {target.name} on port {address.port}, which serves {listed}"
        hint = f"write {target.name}:{served['api']}"
        yield service.document.finding(WARNING, "NH034", address.field, message, hint)


def _nearly(service: Service, names: list[str], address: Address) -> Iterator[Finding]:
    """A longer name with the service's as its start is another thing: `llm-redis` beside `llm`."""
    from difflib import get_close_matches

    close = get_close_matches(address.host, names, 1, NEAR)
    if close and not address.host.startswith(f"{close[0]}-"):
        message = f"{service.title} calls {address.host}, which is not a service of the pipeline"
        yield service.document.finding(WARNING, "NH034", address.field, message, f"did you mean {close[0]}?")
