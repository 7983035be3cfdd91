"""Any graph of services: start order for those without a cycle, the cycle itself for the others."""

from __future__ import annotations

from collections.abc import Callable
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import yaml
from conftest import Helm
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import findings, pipeline, plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.plan import PlannedService

Graph = dict[str, list[str]]
some = settings(max_examples=60, deadline=None, derandomize=True, database=None)
few = settings(max_examples=4, deadline=None, derandomize=True, database=None)


@st.composite
def graphs(draw: Callable[[Any], Any], acyclic: bool, largest: int = 12) -> Graph:
    """Names with their dependencies, in any order of the names."""
    names = [f"s{index}" for index in range(draw(st.integers(1, largest)))]
    graph: Graph = {}
    for index, name in enumerate(names):
        others = names[:index] if acyclic else [other for other in names if other != name]
        graph[name] = draw(st.lists(st.sampled_from(others), unique=True, max_size=4)) if others else []
    return {name: graph[name] for name in draw(st.permutations(names))}


def services(graph: Graph, seconds: dict[str, int] | None = None) -> list[dict[str, Any]]:
    get = {"httpGet": {"path": "/", "port": "api"}}
    return [
        service(
            name,
            *after,
            startupProbe={"probe": {**get, "periodSeconds": 1, "failureThreshold": (seconds or {}).get(name, 60)}},
        )
        for name, after in graph.items()
    ]


def longest(graph: Graph, seconds: dict[str, int], name: str) -> int:
    """Seconds from the install until a service is ready, when all start as late as they may."""
    return seconds[name] + max((longest(graph, seconds, other) for other in graph[name]), default=0)


@some
@given(graphs(acyclic=True), st.integers(1, 5000))
def test_waves_and_timeouts_respect_every_edge(graph: Graph, most: int) -> None:
    seconds = {name: 1 + hash_of(name) % most for name in graph}
    assert findings(pipeline(*services(graph, seconds))) == []
    made = plan(*services(graph, seconds))
    by_name = {one.name: one for one in made.services}
    assert set(by_name) == set(graph)
    for name, after in graph.items():
        one = by_name[name]
        assert one.wave == max((by_name[other].wave + 1 for other in after), default=0)
        assert [gate.name for gate in one.gates] == after
        for gate in one.gates:
            assert gate.timeout_seconds == max(1800, ceil(1.2 * longest(graph, seconds, gate.name)))
        assert one.progress_deadline_seconds >= longest(graph, seconds, name)
        assert one.progress_deadline_seconds == deadline(one, seconds[name])
    order = [one.name for one in made.services]
    assert all(order.index(other) < order.index(name) for name, after in graph.items() for other in after)
    assert [name for wave in made.waves for name in wave] == order
    assert made.timeout_seconds == max(one.progress_deadline_seconds for one in made.services)


def hash_of(name: str) -> int:
    """A number of a name, the same in every process."""
    return int(name[1:]) * 7919


def deadline(one: PlannedService, seconds: int) -> int:
    """The longest of its waits, and then its own start-up."""
    return max((gate.timeout_seconds for gate in one.gates), default=0) + max(1800, ceil(1.2 * seconds))


@some
@given(graphs(acyclic=True))
def test_the_order_in_the_file_does_not_change_the_waves(graph: Graph) -> None:
    backwards = dict(reversed(graph.items()))
    one, other = plan(*services(graph)), plan(*services(backwards))
    assert [set(wave) for wave in one.waves] == [set(wave) for wave in other.waves]


@few
@given(graphs(acyclic=True, largest=7))
def test_charts_of_any_graph_lint_and_render(helm: Helm, tmp_path_factory: Any, graph: Graph) -> None:
    folder: Path = tmp_path_factory.mktemp("graph")
    chart = write_chart(build_chart(plan(*services(graph))), folder)
    helm.run("lint", "--strict", chart)
    objects = [one for one in yaml.load_all(helm.template(chart).stdout, Loader=yaml.CSafeLoader) if one]
    deployments = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in objects if one["kind"] == "Deployment"
    }
    assert set(deployments) == set(graph)
    for name, after in graph.items():
        containers = [one["name"] for one in deployments[name].get("initContainers", [])]
        assert [one for one in containers if one.startswith("wait-for-")] == [f"wait-for-{other}" for other in after]


@settings(some, max_examples=200)
@given(graphs(acyclic=False))
def test_a_cycle_is_reported_when_there_is_one_and_is_one(graph: Graph) -> None:
    found = [one for one in findings(pipeline(*services(graph))) if one.code == "NH020"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        assert found
    else:
        assert found == []
    for one in found:
        path = one.message.removeprefix("the dependencies form a cycle: ").split(" → ")
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1 >= 2
        assert all(following in graph[name] for name, following in pairwise(path))
    assert len({one.message for one in found}) == len(found)


@some
@given(graphs(acyclic=False, largest=6))
def test_without_the_edges_of_the_reported_cycles_there_is_none(graph: Graph) -> None:
    """Each finding stands at an edge that closes a cycle: taking those away leaves no cycle."""
    found = [one for one in findings(pipeline(*services(graph))) if one.code == "NH020"]
    names = list(graph)
    left = {name: list(after) for name, after in graph.items()}
    for one in found:
        index, edge = (int(part.split("]")[0]) for part in one.field.split("[")[1:])
        left[names[index]].remove(graph[names[index]][edge])
    TopologicalSorter(left).prepare()
