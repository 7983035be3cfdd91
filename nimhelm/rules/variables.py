"""Rules of environment variables: of a service, of a download, of their further containers, of an endpoint picker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Block, Service, api_port, dig
from nimhelm.yamlread import Path

_LABEL_KEY = (
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)
READABLE = (
    (
        "fieldRef",
        "fieldPath",
        rf"metadata\.(name|namespace|uid|(labels|annotations)\['{_LABEL_KEY}'\])"
        r"|spec\.(nodeName|serviceAccountName)|status\.(host|pod)IPs?",
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

CPU_DIVISORS = ("1", "1m")
BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
OVERLAID: tuple[Path, ...] = (("podTemplate", "spec", "containers"), ("podTemplate", "spec", "initContainers"))
"""Where a chart's values may have further fields of containers."""

TRUE = ("1", "true", "True", "TRUE")
DYNAMO_MODES = ("NIM_DYNAMO_SINGLE", "NIM_DYNAMO_WORKER", "NIM_DYNAMO_FRONTEND")
"""NIM 3.0's switches, in the order in which the image looks at them: the first that is on decides."""

LISTENS = ("NIM_SERVER_PORT", "NIM_HTTP_API_PORT")
"""The port of a NIM's HTTP API. The chart sets both to that of the service, unless the service does."""

DYNAMO_PORT, HEALTH_PORT = 8000, 9090
"""The defaults of DYN_HTTP_PORT (the frontend's API) and of NIM_HEALTH_PORT (the health endpoint of a worker)."""


def env_fields(block: Block) -> Iterator[Path]:
    """The path of every list of variables below a spec."""
    yield ("env",)
    picker: Path = ("expose", "router", "eppConfig")
    overlays = (*OVERLAID, *((*picker, *kind) for kind in OVERLAID))
    for kind in (("initContainers",), ("sidecarContainers",), ("containers",), *overlays):
        for index, _ in block.items(*kind):
            yield (*kind, index, "env")
    yield (*picker, "containerSpec", "env")


def plain_values(block: Block, *field: str | int) -> dict[str, str]:
    """Name and value of the variables that are written out, the last of a name."""
    found = ((variable.get("name"), variable.get("value")) for _, variable in block.items(*(field or ("env",))))
    return {name: value for name, value in found if isinstance(name, str) and isinstance(value, str)}


def check_env(block: Block) -> Iterator[Finding]:
    """Each variable once, from one source, and from one that the API server can read."""
    for field in env_fields(block):
        yield from _env(block, field)
    for name, variable in block.mapping("extraEnv").items():
        if isinstance(variable, dict):
            yield from _read(block, ("extraEnv", name), name, variable, variable.get("valueFrom") or {})


def _env(block: Block, field: Path) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, variable in block.items(*field):
        name = variable.get("name")
        if isinstance(name, str) and name in seen:
            hint = "keep one: the last one counts"
            yield block.error("NH094", (*field, index, "name"), f"the variable {name} is set twice", hint)
        seen.add(str(name))
        if variable.get("valueFrom") is not None:
            yield from _read(block, (*field, index), name, variable, variable["valueFrom"])


def _read(block: Block, field: Path, name: Any, variable: dict[str, Any], source: Any) -> Iterator[Finding]:
    """A variable that is read from somewhere."""
    if variable.get("value"):
        yield block.error("NH095", field, f"{name} has a value and a valueFrom", "keep one")
    elif isinstance(source, dict) and len([key for key in source if source[key] is not None]) != 1:
        hint = "secretKeyRef, configMapKeyRef, fieldRef or resourceFieldRef"
        message = f"valueFrom of {name} needs exactly one source"
        yield block.error("NH095", (*field, "valueFrom"), message, hint)
    else:
        yield from _source(block, (*field, "valueFrom"), source)


def _source(block: Block, field: Path, source: Any) -> Iterator[Finding]:
    for kind in ("secretKeyRef", "configMapKeyRef"):
        reference = dig(source, kind)
        if isinstance(reference, dict) and not reference.get("name"):
            yield block.error("NH095", (*field, kind), f"{kind} names no object", f"add name to {kind}")
    for kind, key, pattern, hint in READABLE:
        path = dig(source, kind, key)
        if isinstance(path, str) and not re.fullmatch(pattern, path):
            yield block.error("NH095", (*field, kind, key), f"a variable cannot be read from {path}", hint)
    version = dig(source, "fieldRef", "apiVersion")
    if version and version != "v1":
        message = f"the API server reads fields of version v1, not {version}"
        yield block.error("NH095", (*field, "fieldRef", "apiVersion"), message, "remove apiVersion, or write v1")
    if isinstance(dig(source, "fileKeyRef"), dict):
        message = "fileKeyRef reads from a volume, and the pod has none for it"
        yield block.error("NH095", (*field, "fileKeyRef"), message, "use secretKeyRef or configMapKeyRef")
    yield from _divisor(block, (*field, "resourceFieldRef"), dig(source, "resourceFieldRef"))


def _divisor(block: Block, field: Path, reference: Any) -> Iterator[Finding]:
    """A resource is given in units that the API server knows: `1m` of a CPU, `1Mi` of memory."""
    divisor, resource = dig(reference, "divisor"), dig(reference, "resource")
    if divisor in (None, 0, "0") or not isinstance(resource, str):
        return
    known = CPU_DIVISORS if resource.endswith(".cpu") else BYTE_DIVISORS
    if str(divisor) not in known:
        message = f"the divisor of {resource} cannot be {divisor}"
        yield block.error("NH095", (*field, "divisor"), message, "one of " + ", ".join(known))


def check_listening(service: Service) -> Iterator[Finding]:
    """Where a NIM is told to listen is where the Service leads, and what the default probes ask."""
    port, plain, extra = str(api_port(service)), plain_values(service), service.mapping("extraEnv")
    for name in LISTENS:
        told: Any = plain.get(name)
        field = _variable(service, name)
        if name in extra:
            told = dig(extra[name], "value") if isinstance(extra[name], dict) else extra[name]
            field = ("extraEnv", name)
        if isinstance(told, str) and told.isdecimal() and told != port:
            message = f"{name} makes the server listen on port {told}, and {service.title} serves {port}"
            yield service.warning("NH109", field, message, f"leave {name} out, or write expose.service.port: {told}")


def check_dynamo(service: Service) -> Iterator[Finding]:
    """What NIM 3.0's Dynamo mode asks of the service around it. Where the pod's ports and probes come from decides."""
    values = plain_values(service)
    modes = [name for name in DYNAMO_MODES if values.get(name) in TRUE]
    if not modes:
        return
    for ignored in modes[1:]:
        message = f"{ignored} has no effect beside {modes[0]}"
        yield service.warning("NH105", _variable(service, ignored), message, "keep one of them")
    if values.get("DYN_SYSTEM_PORT") is not None:
        message = "the image overwrites DYN_SYSTEM_PORT with NIM_HEALTH_PORT"
        yield service.warning("NH105", _variable(service, "DYN_SYSTEM_PORT"), message, "set NIM_HEALTH_PORT")
    if modes[0] == "NIM_DYNAMO_WORKER":
        yield from _worker(service, values)
    else:
        yield from _frontend(service, values, modes[0])


def _frontend(service: Service, values: dict[str, str], mode: str) -> Iterator[Finding]:
    listens, port = values.get("DYN_HTTP_PORT", str(DYNAMO_PORT)), str(api_port(service))
    if listens != port:
        field = _variable(service, "DYN_HTTP_PORT" if "DYN_HTTP_PORT" in values else mode)
        message = f"Dynamo's frontend listens on port {listens}, and {service.title} serves {port}"
        yield service.warning("NH105", field, message, f'set DYN_HTTP_PORT to "{port}", or expose.service.port')
    if mode == "NIM_DYNAMO_SINGLE" and values.get("NIM_HEALTH_PORT", str(HEALTH_PORT)) == listens:
        field = _variable(service, "NIM_HEALTH_PORT" if "NIM_HEALTH_PORT" in values else mode)
        message = f"Dynamo's frontend and its worker would both listen on port {listens}"
        yield service.warning("NH105", field, message, "set NIM_HEALTH_PORT to another port")


def _worker(service: Service, values: dict[str, str]) -> Iterator[Finding]:
    """A worker answers on its health port alone, which no default probe asks."""
    health = values.get("NIM_HEALTH_PORT", str(HEALTH_PORT))
    for kind in ("readinessProbe", "startupProbe", "livenessProbe"):
        if service.get(kind, "enabled") is False or service.mapping(kind, "probe") or health == str(api_port(service)):
            continue
        message = f"a Dynamo worker has no API, and the default {kind} asks one: it answers on port {health}"
        hint = f"add {kind}.probe with httpGet: {{path: /health, port: {health}}}"
        yield service.warning("NH105", _variable(service, "NIM_DYNAMO_WORKER"), message, hint)
        return


def _variable(service: Service, name: str) -> Path:
    """The field of a variable of the service by its name."""
    return next((("env", index) for index, one in service.items("env") if one.get("name") == name), ("env",))
