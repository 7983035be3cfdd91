"""How long services may take to start, by their start-up probes, alone and one after another. In seconds."""

from __future__ import annotations

from collections.abc import Container
from math import ceil

from nimhelm.pipeline import Service, is_kserve, number

DEFAULT_STARTUP_SECONDS = 30 + 10 * 120
"""The operator's start-up probe: 30 s of delay, then 120 tries 10 s apart."""

KNATIVE_STARTUP_SECONDS = 30 + 10 * 30
MARGIN = 1.2
MIN_WAIT_SECONDS = 1800
CACHE_WAIT_SECONDS = 7200
"""The wait for a model cache: no probe says how long its download takes."""


def dependency_graph(services: list[Service]) -> dict[str, list[str]]:
    """Names of the dependencies among the given services."""
    names = {service.name for service in services}
    return {service.name: [name for name in dependency_names(service) if name in names] for service in services}


def dependency_names(service: Service) -> list[str]:
    """The names of a service's dependencies, as far as they have one."""
    return [name for item in service.dependencies if isinstance(name := item.get("name"), str)]


def startup_seconds(service: Service) -> int:
    """How long a service may take from start to ready by its own start-up probe."""
    probe = service.mapping("startupProbe", "probe")
    if service.get("startupProbe", "enabled") is False or not probe:
        knative = service.mapping("annotations").get("serving.kserve.io/deploymentMode") in ("Knative", "Serverless")
        return KNATIVE_STARTUP_SECONDS if is_kserve(service) and knative else DEFAULT_STARTUP_SECONDS
    tries, period = number(probe.get("failureThreshold"), 3), number(probe.get("periodSeconds"), 10)
    return number(probe.get("initialDelaySeconds"), 0) + tries * period


def startup_chains(services: list[Service], caches: Container[str] = ()) -> dict[str, int]:
    """Seconds from the install until each service must be ready: its own start-up after the longest chain upstream.

    Raises CycleError, a ValueError, when the dependencies form a cycle.
    """
    from graphlib import TopologicalSorter

    graph = dependency_graph(services)
    own = {service.name: cache_seconds(service, caches) + startup_seconds(service) for service in services}
    chains: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        chains[name] = own[name] + max((chains[dependency] for dependency in graph[name]), default=0)
    return chains


def cache_seconds(service: Service, caches: Container[str]) -> int:
    """How long a service may wait for its model cache, where the chart fills that."""
    return CACHE_WAIT_SECONDS if service.mapping("storage", "nimCache").get("name") in caches else 0


def wait_seconds(chain: int) -> int:
    """The timeout of a gate. All gates start at the install, so they must outlast the whole chain above them."""
    return max(MIN_WAIT_SECONDS, ceil(MARGIN * chain))
