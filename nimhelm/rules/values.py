"""Rules of a values file: what it can make impossible in a chart that was fine when it was built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import Block, Cache, Service, dig, is_knative, least_field, number, served_ports, sleeps
from nimhelm.rules.dependencies import asleep, fault_of, is_external, unserved
from nimhelm.rules.kubernetes import check_pods
from nimhelm.rules.objects import check_objects
from nimhelm.rules.resources import amounts
from nimhelm.yamlread import Document, Path

SHARED: Path = ("global", "nimhelm")


def check_values(document: Document, services: list[Service], caches: list[Cache]) -> Iterator[Finding]:
    """Every rule over the values of a chart as a whole: its services, and the caches that are on."""
    by_name = {service.name: service for service in services}
    yield from check_repeated(services)
    yield from check_further_names(services)
    if document.data.get("extraObjects"):
        yield from check_objects(document)
    yield from check_pods(document, SHARED, caches)
    for key in ("helperResources", "containerResources"):
        for place, message, hint in amounts(dig(document.data, *SHARED, key)):
            yield document.finding(ERROR, "NH042", (*SHARED, key, *place), message, hint)
    if dig(document.data, *SHARED, "waitEnabled") is not False:
        yield from check_waits(document, by_name)
        yield from check_caches(services, {cache.name for cache in caches})
    if dig(document.data, *SHARED, "restricted") is True:
        for service in services:
            yield from check_restricted(service) if service.enabled else ()
        for cache in caches:
            yield from check_restricted(cache)


def check_repeated(services: list[Service]) -> Iterator[Finding]:
    """A dependency that is listed twice would be two init containers of one name."""
    for service in services:
        seen: set[str] = set()
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("name")
            if isinstance(name, str) and name in seen:
                message = f"{service.name} lists the dependency {name} twice"
                field = service.dependency_field(index, "name")
                yield service.document.finding(ERROR, "NH022", field, message, "keep one of the two")
            seen.add(str(name))


def check_further_names(services: list[Service]) -> Iterator[Finding]:
    """Two Services of one name: the second of them cannot be made."""
    owners = {service.name: service for service in services if service.enabled}
    for service in owners.copy().values():
        name = service.get("expose", "service", "name")
        if isinstance(name, str) and name and owners.setdefault(name, service).name != service.name:
            message = f"{service.name} makes a further Service {name}, and {owners[name].name} has it already"
            yield service.error("NH027", ("expose", "service", "name"), message, "give it a name of its own, or none")


def check_waits(document: Document, services: dict[str, Service]) -> Iterator[Finding]:
    """Every dependency of an enabled service that is waited for runs, and serves the port."""
    for service in services.values():
        if not service.enabled or dig(service.spec, "wait", "enabled") is False:
            continue
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("name")
            if not isinstance(name, str):
                continue  # the schema's finding
            known = name in services or name not in document.data  # a service that is not a mapping has its finding
            if known and dig(dependency, "wait", "enabled") is not False and not is_external(dependency, ()):
                yield from _dependency(document, service, index, services.get(name))


def _dependency(document: Document, service: Service, index: int, target: Service | None) -> Iterator[Finding]:
    dependency = service.dependencies[index]
    name, port = dependency.get("name"), dependency.get("port")
    off = f"set {service.name}.wait.enabled: false to start without waiting"
    fault = fault_of(dependency, target)
    if fault is not None:
        message, field, hint = {
            "NH023": ("the chart does not have", service.dependency_field(index, "name"), off),
            "NH024": ("is switched off", (str(name), "enabled"), f"switch {service.name} off too, or {off}"),
            "NH025": ("has 0 replicas", (str(name), "replicas"), off),
        }[fault.code]
        yield document.finding(ERROR, fault.code, field, f"{service.name} waits for {name}, which {message}", hint)
    elif target is not None and not asks_elsewhere(dependency) and unserved(dependency, target):
        listed = ", ".join(str(one) for one in served_ports(target).values())
        message = f"{service.name} waits for port {port} of {name}, which serves {listed}"
        field = (target.name, "expose", "service", "port")
        yield document.finding(ERROR, "NH026", field, message, "change both, or neither")
    elif target is not None and sleeps(target) and not is_knative(target) and not asks_elsewhere(dependency):
        yield document.finding(WARNING, "NH036", (target.name, *least_field(target)), *asleep(service, target))


def asks_elsewhere(dependency: dict[str, Any]) -> bool:
    """Whether the gate has a host or a port of its own, so that the Service's ports do not matter."""
    return bool(dig(dependency, "wait", "host") or dig(dependency, "wait", "port"))


def check_caches(services: list[Service], on: set[str]) -> Iterator[Finding]:
    """A service waits for the download of its cache, so something must download it."""
    for service in services:
        name = service.get("storage", "nimCache", "name")
        waits = (
            service.get("storage", "nimCache", "wait", "enabled") is True
            and service.get("wait", "enabled") is not False
        )
        if service.enabled and waits and isinstance(name, str) and name and name not in on:
            message = f"{service.name} waits for the cache {name}, which the chart does not fill"
            hint = f"set nimCaches.{name}.enabled: true, or {service.name}.storage.nimCache.wait.enabled: false"
            yield service.document.finding(ERROR, "NH165", ("nimCaches", name, "enabled"), message, hint)


def check_restricted(block: Block) -> Iterator[Finding]:
    """What the Pod Security level "restricted" forbids of a service or a download."""
    found: list[tuple[Path, str, str]] = []
    if block.get("storage", "hostPath"):
        found.append((("storage", "hostPath"), "keeps its model in a folder of the node", "use a claim"))
    if number(block.get("userID"), 1000) == 0:
        found.append((("userID",), "runs as root", f"set {'.'.join(map(str, block.spec_field))}.userID"))
    if block.get("proxy", "certConfigMap"):
        found.append((("proxy", "certConfigMap"), "adds certificates as root", "leave out proxy.certConfigMap"))
    for below, what, way in found:
        field: Path = (*block.spec_field, *below)
        message = f"{block.title} {what}, which Pod Security restricted forbids"
        place = field if block.document.holds(field) else (*SHARED, "restricted")
        yield block.document.finding(ERROR, "NH111", place, message, f"{way}, or set global.nimhelm.restricted: false")
