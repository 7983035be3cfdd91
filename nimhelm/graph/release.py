"""The picture of what runs: from the graph that a release's chart stored, with the state of each service."""

from __future__ import annotations

from collections.abc import Mapping

from nimhelm.graph.picture import CACHE, EXTERNAL, Edge, Node, Picture, placed
from nimhelm.status.compute import compute, graph_configmaps
from nimhelm.status.graph import Graph, GraphService, read_graphs
from nimhelm.status.snapshot import Snapshot


def picture_of_release(snapshot: Snapshot) -> Picture:
    """The release's services with their states."""
    graph = read_graphs(graph_configmaps(snapshot), snapshot.release)
    return picture_of_graph(graph, {service.name: service.state for service in compute(snapshot).services})


def picture_of_graph(graph: Graph, states: Mapping[str, str]) -> Picture:
    """The stored graph as a picture; a service's ports are those that others ask."""
    names = {service.name for service in graph.services}
    asked: dict[str, list[int]] = {}
    outside: dict[str, Node] = {}
    edges: list[Edge] = []
    for service in graph.services:
        if service.cache in graph.caches:
            edges.append(Edge(service.name, f"cache/{service.cache}", 0, "its job"))
        for each in service.dependencies:
            edges.append(Edge(service.name, each.name, each.port, "waits" if each.wait else ""))
            asked.setdefault(each.name, []).append(each.port)
            if each.name not in names:
                outside[each.name] = Node(each.name, EXTERNAL, ports={"api": each.port})
    caches = [Node(f"cache/{name}", CACHE) for name in graph.caches]
    nodes = [
        _node(service, states.get(service.name, ""), _ports(asked.get(service.name, []))) for service in graph.services
    ]
    return placed(graph.pipeline, [*outside.values(), *caches, *nodes], edges)


def _ports(asked: list[int]) -> dict[str, int]:
    """The ports by name. The stored graph does not name them: the lowest is taken for the API's."""
    first, *others = sorted(set(asked)) or [0]
    return ({"api": first} if first else {}) | {f"port {number}": number for number in others}


def _node(service: GraphService, state: str, ports: dict[str, int]) -> Node:
    return Node(
        service.name, enabled=service.enabled, replicas=service.replicas, max_replicas=service.replicas,
        gpus=dict(service.gpus), ports=ports, image=service.image, state=state,
    )  # fmt: skip
