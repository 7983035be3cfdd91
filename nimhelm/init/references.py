"""Which services a service calls: the addresses in its environment, arguments and commands, as a pure function.

A variable may take its value from a ConfigMap of the input. A host and its port may be two variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.init.configmaps import ConfigMaps
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
HOST = re.compile(r"(?P<stem>(?:.*_)?)(?:HOST|HOSTNAME|ADDR|ADDRESS|SERVER|ENDPOINT)", re.IGNORECASE)
"""A variable that holds a host; its port may be in the variable with PORT in place of the last word."""

CREDENTIALS = re.compile(r"://[^/@\s,]*@")


SHOWN = 100
"""The longest line that a reason shows whole."""


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


class Text(NamedTuple):
    """A string that may hold an address, and its place. With `port`, it is a host, and that is its port (0: not known)."""

    place: str
    text: str
    port: int = -1


def references(
    service: Service, services: list[Service], namespace: str, maps: ConfigMaps | None = None
) -> Iterator[Reference]:
    """Every address in `service` whose host is another one of `services`, in the order of the document.

    `namespace` is that of them all; "" where the documents name none. `maps` are the ConfigMaps of the input.
    """
    hosts = {other.name: other for other in services if other.name != "localhost"}
    hosts |= {f"{other.name}-predictor": other for other in services if is_kserve(other)}
    for place, text, port in texts(service, maps or {}):
        alone = ADDRESS.fullmatch(text.strip()) if port >= 0 else None
        for found in [alone] if alone else ADDRESS.finditer(text):
            target = hosts.get(found["name"].lower())
            if target and target.name != service.name and _is_address(found, namespace, found is alone):
                known = int(found["port"] or 0) or max(port, 0)
                yield Reference(service.name, target.name, known, place, _around(text, found))


def _around(text: str, found: re.Match[str]) -> str:
    """What a reason shows of a text: the line with the address, or of a long one the address alone."""
    line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0].strip()
    return line if len(line) <= SHOWN else found[0]


def texts(service: Service, maps: ConfigMaps) -> Iterator[Text]:
    """The strings of a service that may hold an address, each with its place; `$(VAR)` is replaced, as in the pod."""
    variables = {name: value for name, value, _ in _variables(service.sequence("env"), maps)}
    yield from _texts("", service.spec, variables, maps)
    for kind, title in (("initContainers", "init container"), ("sidecarContainers", "sidecar")):
        for _, container in service.items(kind):
            own = {name: value for name, value, _ in _variables(container.get("env"), maps)}
            yield from _texts(f"{title} {container.get('name')}: ", container, {**variables, **own}, maps)


def _texts(prefix: str, holder: dict[str, Any], variables: dict[str, str], maps: ConfigMaps) -> Iterator[Text]:
    for name, value, origin in _variables(holder.get("env"), maps):
        yield Text(f"{prefix}env {name}{origin}", _expanded(value, variables), _port_beside(name, variables))
    for field in ("command", "args"):
        for value in holder[field] if isinstance(holder.get(field), list) else ():
            if isinstance(value, str):
                yield Text(f"{prefix}{field}", _expanded(value, variables))


def _variables(env: Any, maps: ConfigMaps) -> Iterator[tuple[str, str, str]]:
    """The variables whose value is known: name, value, and where it comes from ("": the variable itself)."""
    for entry in env if isinstance(env, list) else ():
        name, value, origin = dig(entry, "name"), dig(entry, "value"), ""
        key = dig(entry, "valueFrom", "configMapKeyRef")
        if value is None and isinstance(key, dict):
            value, origin = dig(maps.get(str(key.get("name"))), str(key.get("key"))), f" (ConfigMap {key.get('name')})"
        if isinstance(name, str) and isinstance(value, str):
            yield name, value, origin


def _port_beside(name: str, variables: dict[str, str]) -> int:
    """The port in the variable beside that of a host: 0 when there is none, -1 when a variable is not called a host."""
    host = HOST.fullmatch(name)
    if host is None:
        return -1
    port = variables.get(f"{host['stem']}{'port' if name.islower() else 'PORT'}", "")
    return int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0


def _expanded(text: str, variables: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)


def _is_address(found: re.Match[str], namespace: str, host: bool) -> bool:
    """Whether it is written as an address, or in the place of a host, and stays in the namespace; a name may be anything."""
    if not (host or found["scheme"] or found["port"] or found["cluster"]):
        return False
    wanted = (found["namespace"] or "").lower()
    if found["port"] and not 0 < int(found["port"]) < 65536:
        return False
    if not wanted:
        return not found["cluster"]
    return wanted == namespace if namespace else bool(found["cluster"]) or wanted not in PUBLIC
