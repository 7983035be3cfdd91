"""From the addresses that services call to dependencies: one for each pair, on a port that is served, and no cycle."""

from __future__ import annotations

from typing import NamedTuple

from nimhelm.init.configmaps import ConfigMaps
from nimhelm.init.references import Reference, references
from nimhelm.pipeline import Pipeline, Service, api_port, is_kserve, replicas, served_ports


class Dependency(NamedTuple):
    """A dependency that `service` gets, and why."""

    service: str
    name: str
    port: int
    place: str
    reason: str


class Order(NamedTuple):
    """What is added to a pipeline; and, a sentence each, what was found and is not added."""

    added: list[Dependency]
    left_out: list[str]


def order_of(pipeline: Pipeline, maps: ConfigMaps | None = None) -> Order:
    """The dependencies that the addresses in a pipeline's services show and that it does not declare yet.

    `maps` are the ConfigMaps of the input.
    """
    order = Order([], [])
    graph = {service.name: {str(item.get("name")) for item in service.dependencies} for service in pipeline.services}
    for service in pipeline.services:
        found: dict[str, list[Reference]] = {}
        for reference in references(service, pipeline.services, pipeline.namespace, maps):
            found.setdefault(reference.dependency, []).append(reference)
        for name, calls in found.items():
            if name in graph[service.name]:
                continue
            target = pipeline.service(name)
            problem = obstacle(service, target, graph) if target else ""
            if problem:
                order.left_out.append(f"{service.name} does not wait for {name}: {problem} ({calls[0].reason})")
            elif target:
                graph[service.name].add(name)
                order.added.append(dependency(target, calls))
    return order


def obstacle(service: Service, target: Service, graph: dict[str, set[str]]) -> str:
    """Why a service cannot wait for another one; "" when it can."""
    if reaches(target.name, service.name, graph):
        return "it would close a cycle"
    if not target.enabled:
        return f"{target.name} is disabled"
    return f"{target.name} has 0 replicas" if replicas(target) == 0 else ""


def reaches(start: str, goal: str, graph: dict[str, set[str]]) -> bool:
    """Whether `goal` is among what `start` waits for, directly or through others."""
    pending, seen = [start], set[str]()
    while pending:
        name = pending.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            pending.extend(graph.get(name, ()))
    return False


def dependency(target: Service, calls: list[Reference]) -> Dependency:
    """The dependency that several calls of one service make: on the API's port, if any of them, or none, names it."""
    served = {*served_ports(target).values(), *([80] if is_kserve(target) else [])}
    named = [call for call in calls if call.port in served]
    port = api_port(target)
    call = next((one for one in named if one.port == port), named[0] if named else calls[0])
    reason = call.reason
    if not named and call.port:
        reason += f", and {target.name} serves {port}"
    elif not named:
        reason += f", without a port: that of the API, {port}"
    return Dependency(call.service, target.name, call.port if named else port, call.place, reason)
