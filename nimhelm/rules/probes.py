"""Rules of probes: those of the service, and those of its endpoint picker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Pipeline, Service, dig, number
from nimhelm.startup import CACHE_WAIT_SECONDS, MARGIN, startup_chains, startup_seconds
from nimhelm.yamlread import Path

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
PICKER: Path = ("expose", "router", "eppConfig")
PICKER_PORTS = ("grpc-ext-proc", "grpc-health", "http-metrics")
"""The ports of an endpoint picker that lists none."""

OPERATOR_DELAY, OPERATOR_PERIOD = 30, 10
"""Seconds: the start-up probe of the operator."""

LONGEST = 2**31 - 1
"""Seconds: what a Deployment's progressDeadlineSeconds can hold."""


def check_probes(service: Service) -> Iterator[Finding]:
    """A probe has one handler, a port that exists, and thresholds that the API server takes."""
    ports = {"api", *(name for name in ("grpc", "metrics") if service.get("expose", "service", f"{name}Port"))}
    for kind in PROBES:
        if service.get(kind, "enabled") is not False:
            yield from _probe(service, (kind, "probe"), kind, ports)
    if service.mapping(*PICKER):
        listed = {str(port["name"]) for _, port in service.items(*PICKER, "ports") if port.get("name")}
        for kind in PROBES:
            yield from _probe(service, (*PICKER, kind), kind, listed or set(PICKER_PORTS))


def _probe(service: Service, field: Path, kind: str, ports: set[str]) -> Iterator[Finding]:
    probe = service.mapping(*field)
    if all(value is None for value in probe.values()):
        return
    handlers = [name for name in HANDLERS if isinstance(probe.get(name), dict)]
    if len(handlers) != 1:
        message = f"{kind} has {'no handler' if not handlers else 'several handlers: ' + ', '.join(handlers)}"
        yield service.error("NH100", field, message, "write exactly one of " + ", ".join(HANDLERS))
    if isinstance(probe.get("exec"), dict) and not dig(probe, "exec", "command"):
        yield service.error("NH100", (*field, "exec"), f"exec of {kind} has no command", "add command: [...]")
    yield from _thresholds(service, field, kind, probe)
    if kind == "startupProbe" and field[0] == kind:
        yield from _looks_late(service, field, probe)
    for handler in ("httpGet", "tcpSocket"):
        port = dig(probe, handler, "port")
        if isinstance(port, str) and not port.isdigit() and port not in ports:
            message = f"{kind} asks the port {port}, which the container does not have"
            hint = "one of " + ", ".join(sorted(ports)) + ", or a number"
            yield service.error("NH102", (*field, handler, "port"), message, hint)


def _thresholds(service: Service, field: Path, kind: str, probe: dict[str, Any]) -> Iterator[Finding]:
    """The API server takes 0 for "left out" here. A ready container is not stopped, so it has no grace period."""
    if kind == "readinessProbe":
        if probe.get("terminationGracePeriodSeconds") is not None:
            message = "a readinessProbe stops nothing, so it has no terminationGracePeriodSeconds"
            yield service.error("NH101", (*field, "terminationGracePeriodSeconds"), message, "remove it")
    elif number(probe.get("successThreshold"), 1) not in (0, 1):
        message = f"successThreshold of {kind} must be 1"
        yield service.error("NH101", (*field, "successThreshold"), message, "write 1, or leave it out")


def _looks_late(service: Service, field: Path, probe: dict[str, Any]) -> Iterator[Finding]:
    """Later than the operator's own probe, and everything that waits for the service starts later by as much."""
    delay, period = number(probe.get("initialDelaySeconds"), 0), number(probe.get("periodSeconds"), 10)
    own = startup_seconds(service)
    if (delay <= OPERATOR_DELAY and period <= OPERATOR_PERIOD) or _deadline(own, own) > LONGEST:
        return
    message = f"the startupProbe looks after {delay} s, then every {period} s: {service.name} may be ready long before"
    tries = delay + period * number(probe.get("failureThreshold"), 3)
    hint = f"initialDelaySeconds: 0, periodSeconds: 1 and failureThreshold: {tries} have the same budget"
    yield service.note("NH107", field, message, hint)


def check_budgets(pipeline: Pipeline) -> Iterator[Finding]:
    """No service waits and starts for longer than Kubernetes can wait for a Deployment, its dependencies included."""
    services = [service for service in pipeline.services if service.name]
    worst = sum(startup_seconds(service) + CACHE_WAIT_SECONDS for service in services)
    if 3 * MARGIN * worst < LONGEST:
        return
    try:
        chains = startup_chains(services)
    except ValueError:  # a cycle, which is a finding of its own
        return
    late = [one for one in services if _deadline(startup_seconds(one), chains[one.name]) > LONGEST]
    alone = [one for one in late if _deadline(startup_seconds(one), startup_seconds(one)) > LONGEST]
    for service in alone or late:
        own, seconds = startup_seconds(service), chains[service.name]
        cause = "" if seconds == own else f" after its dependencies, {seconds} together"
        message = f"{service.name} may take {own} seconds to start{cause}: more than a Deployment can wait"
        hint = "lower periodSeconds, failureThreshold or initialDelaySeconds of the start-up probes"
        yield service.error("NH104", ("startupProbe", "probe"), message, hint)


def _deadline(own: int, chain: int) -> float:
    """At most the progressDeadlineSeconds of a service: its gates wait for the chain, then it starts itself."""
    return MARGIN * (chain + own) + CACHE_WAIT_SECONDS


PROBE_RULES = (check_probes,)
