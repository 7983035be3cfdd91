"""Picture: services as nodes, and who waits for whom as edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import NamedTuple

SERVICE, CACHE, EXTERNAL = "service", "cache", "external"
NOTHING: Mapping[str, int] = MappingProxyType({})


class Node(NamedTuple):
    """A service, the job that fills a model cache, or what lies outside the pipeline.

    `ports` are by name, `gpus` are of one replica by the resource's name. `state` is the status' word, "" when unknown.
    """

    name: str
    kind: str = SERVICE
    wave: int = 0
    enabled: bool = True
    replicas: int = 1
    max_replicas: int = 1
    gpus: Mapping[str, int] = NOTHING
    ports: Mapping[str, int] = NOTHING
    image: str = ""
    state: str = ""

    @property
    def many(self) -> str:
        """The replicas: "1", or "1-4" with autoscaling."""
        return f"{self.replicas}-{self.max_replicas}" if self.max_replicas > self.replicas else str(self.replicas)

    @property
    def devices(self) -> str:
        """`2x 1 nvidia.com/gpu`, or "" without any."""
        asked = ", ".join(f"{amount} {name}" for name, amount in self.gpus.items())
        return f"{self.many} x {asked}" if asked and self.many != "1" else asked


class Edge(NamedTuple):
    """`dependent` waits for `dependency`; `asks` is how ("HTTP /v1/health/ready", "TCP"), "" if it does not wait."""

    dependent: str
    dependency: str
    port: int = 0
    asks: str = ""


class Picture(NamedTuple):
    """Nodes in start order, edges in the order of the dependents. `waves` is how many there are."""

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def waves(self) -> list[list[Node]]:
        """The nodes that may start together, wave after wave. What is external or a cache comes with the first."""
        count = 1 + max((node.wave for node in self.nodes), default=-1)
        return [[node for node in self.nodes if node.wave == wave] for wave in range(count)]

    @property
    def gpus(self) -> dict[str, int]:
        """What all enabled services ask for at the start."""
        return _total(self.nodes, lambda node: node.replicas)

    @property
    def max_gpus(self) -> dict[str, int]:
        """The same with every autoscaler at its maximum."""
        return _total(self.nodes, lambda node: max(node.replicas, node.max_replicas))


def _total(nodes: tuple[Node, ...], many: Callable[[Node], int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for node in nodes:
        for name, amount in node.gpus.items():
            if node.enabled:
                total[name] = total.get(name, 0) + amount * many(node)
    return dict(sorted(total.items()))


def placed(name: str, nodes: list[Node], edges: list[Edge]) -> Picture:
    """The picture with each node's wave: one more than its latest dependency. Among the waves the order stays."""
    known = {node.name for node in nodes}
    graph: dict[str, list[str]] = {node.name: [] for node in nodes}
    for edge in edges:
        if edge.dependency in known and edge.dependent in known:
            graph[edge.dependent].append(edge.dependency)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:  # hand-edited values: everything in one wave is better than nothing
        return Picture(name, tuple(nodes), tuple(edges))
    kinds = {node.name: node.kind for node in nodes}
    waves: dict[str, int] = {}
    for each in order:
        waited = [waves[item] for item in graph[each] if kinds[item] == SERVICE]
        waves[each] = 1 + max(waited, default=-1)
    made = [node._replace(wave=waves[node.name]) for node in nodes]
    return Picture(name, tuple(sorted(made, key=lambda node: node.wave)), tuple(edges))
