"""Which services a service calls: the addresses in its environment, arguments and commands, as a pure function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.pipeline import Service, dig, is_kserve

ADDRESS = re.compile(
    r"(?<![\w.@-])(?:(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@\s,]*@)?)?"
    r"(?P<name>[a-z][-a-z0-9]*)(?:\.(?P<namespace>[a-z0-9][-a-z0-9]*))?(?P<cluster>\.svc(?:\.[a-z0-9.-]*[a-z0-9])?)?\.?"
    r"(?::(?P<port>[0-9]{1,5}))?(?![\w@-]|\.\w|://)",
    re.IGNORECASE,
)
"""`http://name:8000/v1`, `name.namespace.svc.cluster.local:8000`, `name:8000`."""

PUBLIC = frozenset((
    "ai", "app", "biz", "cloud", "co", "com", "corp", "dev", "edu", "gov", "home", "info", "internal", "io", "lan", "local",
    "net", "org",
))  # fmt: skip
"""What stands after the dot of a host outside the cluster, where it could be a namespace."""

VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
CREDENTIALS = re.compile(r"://[^/@\s,]*@")


class Reference(NamedTuple):
    """One address of another service: who calls whom, on which port (0: the address names none), and where it says so."""

    service: str
    dependency: str
    port: int
    place: str
    text: str

    @property
    def reason(self) -> str:
        """`env LLM_URL is http://llm:8000/v1`, without a password."""
        return f"{self.place} is {CREDENTIALS.sub('://', self.text)}"


def references(service: Service, services: list[Service], namespace: str) -> Iterator[Reference]:
    """Every address in `service` whose host is another one of `services`, in the order of the document.

    `namespace` is that of them all; "" where the documents name none.
    """
    hosts = {other.name: other for other in services}
    hosts |= {f"{other.name}-predictor": other for other in services if is_kserve(other)}
    for place, text in texts(service):
        for found in ADDRESS.finditer(text):
            target = hosts.get(found["name"].lower())
            if target and target.name != service.name and _is_address(found, namespace):
                yield Reference(service.name, target.name, int(found["port"] or 0), place, text.strip())


def texts(service: Service) -> Iterator[tuple[str, str]]:
    """The strings of a service that may hold an address, each with its place; `$(VAR)` is replaced, as in the pod."""
    variables = dict(_variables(service.sequence("env")))
    yield from _texts("", service.spec, variables)
    for kind, title in (("initContainers", "init container"), ("sidecarContainers", "sidecar")):
        for _, container in service.items(kind):
            known = {**variables, **dict(_variables(container.get("env")))}
            yield from _texts(f"{title} {container.get('name')}: ", container, known)


def _texts(prefix: str, holder: dict[str, Any], variables: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in _variables(holder.get("env")):
        yield f"{prefix}env {name}", _expanded(value, variables)
    for field in ("command", "args"):
        for value in holder[field] if isinstance(holder.get(field), list) else ():
            if isinstance(value, str):
                yield f"{prefix}{field}", _expanded(value, variables)


def _variables(env: Any) -> Iterator[tuple[str, str]]:
    for entry in env if isinstance(env, list) else ():
        name, value = dig(entry, "name"), dig(entry, "value")
        if isinstance(name, str) and isinstance(value, str):
            yield name, value


def _expanded(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)


def _is_address(found: re.Match[str], namespace: str) -> bool:
    """Whether it is written as an address, and stays in the namespace; a name alone may be anything."""
    if not (found["scheme"] or found["port"] or found["cluster"]):
        return False
    wanted = (found["namespace"] or "").lower()
    if found["port"] and not 0 < int(found["port"]) < 65536:
        return False
    if not wanted:
        return not found["cluster"]
    return wanted == namespace if namespace else bool(found["cluster"]) or wanted not in PUBLIC
