"""The picture of a chart, from its values. A pipeline file is made a chart first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nimhelm.graph.picture import CACHE, EXTERNAL, Edge, Node, Picture, placed
from nimhelm.pipeline import (
    NOT_SERVICES,
    Service,
    max_replicas,
    nodes,
    number,
    readiness_request,
    replicas,
    served_ports,
)
from nimhelm.rules.resources import gpus
from nimhelm.yamlread import Document


def picture_of_values(name: str, values: Mapping[str, Any]) -> Picture:
    """The picture of a chart by its values: those of its values.yaml, or with a user's own merged in."""
    blocks = {key: block for key, block in values.items() if key not in NOT_SERVICES and isinstance(block, dict)}
    caches = values.get("nimCaches")
    caches = [key for key, cache in caches.items() if _is_on(cache)] if isinstance(caches, dict) else []
    services = [_service(key, block) for key, block in blocks.items()]
    by_name = {service.name: service for service in services}
    found = [Node(_cache(key), CACHE) for key in caches]
    edges: list[Edge] = []
    outside: dict[str, Node] = {}
    for service in services:
        found.append(_node(service))
        cache = service.get("storage", "nimCache", "name")
        if cache in caches:
            edges.append(Edge(service.name, _cache(cache), 0, "its job"))
        for _, item in service.items("dependencies"):
            edge = _edge(service, item, by_name.get(str(item.get("name"))))
            edges.append(edge)
            if edge.dependency not in blocks:
                outside[edge.dependency] = Node(edge.dependency, EXTERNAL, ports={"api": edge.port})
    return placed(name, [*outside.values(), *found], edges)


def _is_on(block: Any) -> bool:
    return isinstance(block, dict) and block.get("enabled") is not False


def _cache(name: str) -> str:
    """A cache's node has a name that no service can have."""
    return f"cache/{name}"


def _service(name: str, block: dict[str, Any]) -> Service:
    return Service(Document("", {}, {}), name, _is_on(block), block, [], (), ())


def _node(service: Service) -> Node:
    devices = {name: amount * nodes(service) for name, amount in gpus(service).items()}
    image = f"{service.get('image', 'repository')}:{service.get('image', 'tag')}"
    many = replicas(service)
    return Node(
        service.name, enabled=service.enabled, replicas=many, max_replicas=max(many, max_replicas(service)),
        gpus=devices, ports=served_ports(service), image=image,
    )  # fmt: skip


def _edge(service: Service, item: dict[str, Any], target: Service | None) -> Edge:
    wait, port = item.get("wait"), number(item.get("port"), 0)
    wait = wait if isinstance(wait, dict) else {}
    off = wait.get("enabled") is False or service.get("wait", "enabled") is False
    off = off or (wait.get("optional") is True and target is not None and not target.enabled)
    scheme, path = readiness_request(target, port) if target and item.get("external") is not True else ("", "")
    scheme, path = wait.get("scheme") or scheme or "HTTP", wait.get("path", path)
    asks = "" if off else f"{scheme} {path}" if path else "TCP"
    return Edge(service.name, str(item.get("name")), port, asks)
