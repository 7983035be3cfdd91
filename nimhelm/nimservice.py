"""NIMService documents -> NIMPipeline documents: what the stages after load work on.

Nothing is copied but references: every field of the pipeline knows the document that it came from, so that a finding
names the user's own file, line and field.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from typing import Any

from nimhelm.finding import ERROR, Finding
from nimhelm.pipeline import DEFAULT_PORT, EXTERNAL_ANNOTATION, dig, name_here
from nimhelm.yamlread import Document, Origin, Path

API_VERSION = "apps.nvidia.com/v1alpha1"
DEPENDS_ON = "nimhelm.dev/depends-on"
DEPENDS_ON_FIELD: Path = ("metadata", "annotations", DEPENDS_ON)
SHARED_LABELS = ("app.kubernetes.io/part-of", "app.kubernetes.io/instance")
"""Labels that name the application which several objects belong to, the more telling one first."""

NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""A name that charts, releases and services can have."""

UNNAMED = "nim-services"


def pipelines_of(
    services: list[Document], pipelines: list[Document], name: str = "", caches: Iterable[Document] = ()
) -> list[Document]:
    """One NIMPipeline document for each namespace that the NIMService documents name.

    A service that one of `pipelines` owns is that pipeline's already: the operator made it from there. Where there is no
    service at all, `caches` alone become pipelines without services.
    """
    known = {_text(document, "name") for document in pipelines} - {""}
    groups: dict[str, list[Document]] = {}
    for document in services if services or pipelines else caches:
        if not _owners(document) & known:
            groups.setdefault(_text(document, "namespace"), []).append(document)
    spread = len(groups) > 1
    return [
        pipeline(group, f"{name}-{namespace}".rstrip("-") if name and spread else name, namespace)
        for namespace, group in groups.items()
    ]


def pipeline(members: list[Document], name: str, namespace: str) -> Document:
    """The NIMPipeline document of NIMServices, or of NIMCaches alone, of one namespace, in their order."""
    first = members[0]
    services = [document for document in members if document.data.get("kind") != "NIMCache"]
    names = [_text(document, "name") for document in services]
    external = sorted({name for document in services for name in external_names(document, names)})
    metadata: dict[str, Any] = {"name": name or shared_name(members)}
    if namespace:
        metadata["namespace"] = namespace
    if external:
        metadata["annotations"] = {EXTERNAL_ANNOTATION: ", ".join(external)}
    items = [item(document, services) for document in services]
    data = {"apiVersion": API_VERSION, "kind": "NIMPipeline", "metadata": metadata, "spec": {"services": items}}
    origins = [Origin((), first, ()), Origin(("metadata", "annotations"), first, DEPENDS_ON_FIELD, whole=True)]
    for index, document in enumerate(services):
        place: Path = ("spec", "services", index)
        origins += [
            Origin(place, document, ()),
            Origin((*place, "name"), document, ("metadata", "name")),
            Origin((*place, "dependencies"), document, DEPENDS_ON_FIELD, whole=True),
        ]
    return Document(first.path, data, first.marks, first.base, tuple(origins))


def item(document: Document, services: list[Document]) -> dict[str, Any]:
    """A NIMService as an item of spec.services."""
    data: dict[str, Any] = {"name": _text(document, "name"), "enabled": True, "spec": dig(document.data, "spec")}
    ports = {_text(other, "name"): _api_port(other) for other in services}
    dependencies = [
        {"name": name, "port": port or ports[name]}
        for name, port, problem in entries(document, ports)
        if not problem and (port or name in ports)
    ]
    return {**data, "dependencies": dependencies} if dependencies else data


def entries(document: Document, names: Container[str]) -> Iterator[tuple[str, int, str]]:
    """Each entry of the annotation depends-on: a name, its port (0: none given), and what is wrong with it.

    An address in the namespace of the document is the name, where that is one of `names`: those of the services.
    """
    text = dig(document.data, *DEPENDS_ON_FIELD)
    for entry in text.split(",") if isinstance(text, str) else ():
        name, colon, port = (part.strip() for part in entry.partition(":"))
        here = name_here(name, _text(document, "namespace"))
        name = here if here in names else name
        if not name and not colon:
            continue
        if not name or any(char.isspace() or char == "/" for char in name):
            yield name, 0, f"{entry.strip()!r} names no service"
        elif colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            yield name, 0, f"{entry.strip()!r} has no port from 1 to 65535 after the colon"
        else:
            yield name, int(port or 0), ""


def check_depends_on(document: Document, names: set[str]) -> Iterator[Finding]:
    """What is wrong with a NIMService's depends-on; `names` are the services that it may name without a port."""
    text = dig(document.data, *DEPENDS_ON_FIELD)
    if text is not None and not isinstance(text, str):
        return
    way_out = f"write {_meant(text or '') or 'for example embedding:8000, milvus:19530'}"
    for name, port, problem in entries(document, names):
        if not problem and not port and name not in names:
            problem = f"{name} is none of the NIMServices, and has no port"
        if problem:
            yield document.finding(ERROR, "NH035", DEPENDS_ON_FIELD, problem, way_out)


def _meant(text: str) -> str:
    """The annotation depends-on of somebody who wrote URLs, or other separators; "" when it is not clear."""
    words = [re.sub(r"^[a-z]+://|/.*$", "", word) for word in re.split(r"[,;\s]+", text) if word]
    ports = [re.fullmatch(r"[a-z0-9][a-z0-9.-]*:([0-9]{1,5})", word) for word in words]
    clear = all(port and 0 < int(port[1]) < 65536 for port in ports)
    return ", ".join(words) if clear and ", ".join(words) != text else ""


def external_names(document: Document, names: list[str]) -> Iterator[str]:
    """The dependencies that no NIMService is behind; a name that is nearly one of them is left to be a finding."""
    stated = dig(document.data, "metadata", "annotations", EXTERNAL_ANNOTATION)
    if isinstance(stated, str):
        yield from (name.strip() for name in stated.split(",") if name.strip())
    for name, port, problem in entries(document, names):
        if not problem and port and name not in names and not _is_close(name, names):
            yield name


def shared_name(services: list[Document]) -> str:
    """What several services are called together: a label they share, how their names begin, their namespace."""
    if len(services) == 1:
        return _text(services[0], "name")
    for label in SHARED_LABELS:
        values = {dig(document.data, "metadata", "labels", label) for document in services}
        value = values.pop()
        if not values and isinstance(value, str) and NAME.fullmatch(value):
            return value
    words = [_text(document, "name").split("-") for document in services]
    shared: list[str] = []
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return "-".join(shared) or _text(services[0], "namespace") or UNNAMED


def _is_close(name: str, names: list[str]) -> bool:
    from difflib import get_close_matches

    return bool(get_close_matches(name, names, 1, 0.8))


def _owners(document: Document) -> set[str]:
    owners = dig(document.data, "metadata", "ownerReferences")
    pipelines = [each for each in (owners if isinstance(owners, list) else []) if dig(each, "kind") == "NIMPipeline"]
    return {name for each in pipelines if isinstance(name := dig(each, "name"), str)}


def _text(document: Document, key: str) -> str:
    value = dig(document.data, "metadata", key)
    return value if isinstance(value, str) else ""


def _api_port(document: Document) -> int:
    port = dig(document.data, "spec", "expose", "service", "port")
    return port if isinstance(port, int) and not isinstance(port, bool) else DEFAULT_PORT
