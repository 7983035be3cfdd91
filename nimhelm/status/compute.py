"""What the NIM Operator would report of a release, and why: a pure function from a snapshot to a status.

A service is
  Ready     all its replicas of the newest template are ready, and none of an older one is left;
  Pending   its objects or pods do not exist yet, or no node takes them. Waiting for a GPU is Pending and not
            Failed: it resolves itself when a GPU becomes free or a node is added;
  NotReady  it is there and on its way: starting, or waiting at a gate;
  Failed    a cause that does not resolve itself: an image that cannot be pulled, a crash loop, a gate that gave up;
  Disabled  switched off; no part of the pipeline's state, as with the operator.
The pipeline is Failed if any service is, Ready if all are, NotReady otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from nimhelm.pipeline import gate_name
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import DISABLED, FAILED, NOT_READY, PENDING, READY, Cause, Warned
from nimhelm.status.causes import gates
from nimhelm.status.causes.serving import UNANSWERED
from nimhelm.status.causes.steadiness import Restarts, restarts_of
from nimhelm.status.devices import devices_of
from nimhelm.status.diagnose import cache_unfilled, diagnose, hindered
from nimhelm.status.evidence import Case, Evidence, case_of, gather
from nimhelm.status.graph import (
    GRAPH_KEY,
    Dependency,
    Graph,
    GraphCache,
    GraphService,
    graphs_of,
    read_graph,
    read_graphs,
)
from nimhelm.status.readiness import readiness, since
from nimhelm.status.snapshot import Snapshot
from nimhelm.status.warnings import warnings_of
from nimhelm.wording import count, short

__all__ = ["DISABLED", "FAILED", "NOT_READY", "PENDING", "READY", "PipelineStatus", "ServiceStatus", "Wait", "compute"]

# A gate asks every few seconds: one that is still closed so long after its dependency got ready cannot reach it.
_GATE_PATIENCE = 120
# With an answer at hand less will do: by then the gate has asked again, whatever its period.
_ANSWER_SETTLES = 15


class Wait(NamedTuple):
    """A gate that is not open yet: what it waits for, for how long and how long at most, in seconds."""

    name: str
    state: str
    external: bool
    waited: int
    timeout: int


class ServiceStatus(NamedTuple):
    """`root` is set where no other service explains why this one is not ready. `gpus` counts all replicas."""

    name: str
    state: str
    ready: int = 0
    desired: int = 0
    gpus: Mapping[str, int] = MappingProxyType({})
    waits: tuple[Wait, ...] = ()
    cause: Cause | None = None
    root: bool = False
    since: datetime | None = None
    workload: str = ""
    restarts: Restarts = Restarts()


class PipelineStatus(NamedTuple):
    """Services in start order. `since` is when the pipeline came into its state.

    `caches` are the model caches that no service waits for; each is done when its Job is.
    """

    name: str
    namespace: str
    release: str
    state: str
    services: tuple[ServiceStatus, ...]
    conditions: tuple[dict[str, Any], ...]
    since: datetime
    now: datetime
    created: datetime | None = None
    warnings: tuple[Warned, ...] = ()
    caches: tuple[ServiceStatus, ...] = ()

    @property
    def rows(self) -> tuple[ServiceStatus, ...]:
        """Services and caches: all that must be ready or done."""
        return self.services + self.caches

    @property
    def enabled(self) -> list[ServiceStatus]:
        """The services that are not switched off."""
        return [service for service in self.services if service.state != DISABLED]

    @property
    def elapsed(self) -> int:
        """Seconds in this state."""
        return ko.seconds_since(self.since, self.now)


def compute(snapshot: Snapshot) -> PipelineStatus:
    """The status of the snapshot's release. Never raises, whatever the objects look like."""
    configmaps = graph_configmaps(snapshot)
    graph = read_graphs(configmaps, snapshot.release)
    evidence = gather(snapshot, graph)
    services = [_service(evidence, service) for service in graph.services]
    found = {service.name: service for service in services}
    services = [
        _judged(evidence, _with_waits(case_of(evidence, service), status, found), found)
        for service, status in zip(graph.services, services, strict=True)
    ]
    caches = [_cache(evidence, cache) for cache in graph.caches.values() if _stands_alone(graph, cache)]
    state = _state(graph, services + caches)
    made = [ko.moment(each, "metadata", "creationTimestamp") for each in configmaps]
    created = min((moment for moment in made if moment), default=None)
    entered = _entered(state, services + caches, created or snapshot.now)
    return PipelineStatus(
        name=graph.pipeline,
        namespace=graph.namespace or snapshot.namespace,
        release=snapshot.release,
        state=state,
        services=tuple(services),
        conditions=_conditions(state, services, caches, entered, created or snapshot.now),
        since=entered,
        now=snapshot.now,
        created=created,
        warnings=warnings_of(evidence, *_down_and_running(services)),
        caches=tuple(caches),
    )


def graph_configmaps(snapshot: Snapshot) -> list[ko.Object]:
    """The ConfigMaps with the release's graphs: the cluster's, or those in Helm's record if they were edited or are gone."""
    found = graphs_of(snapshot.of("configmaps"), snapshot.release)
    recorded = graphs_of(snapshot.manifest or [], snapshot.release)
    if not found or _went_well(snapshot):
        found = {name: {} for name in recorded} | found
    return [_whole(snapshot, each, recorded.get(name, {})) for name, each in found.items()]


def _whole(snapshot: Snapshot, found: ko.Object, recorded: ko.Object) -> ko.Object:
    if not recorded or (found and not _is_edited(snapshot, found, recorded)):
        return found
    created = ko.dig(found, "metadata", "creationTimestamp")
    born = {"creationTimestamp": created} if created else {}
    return recorded | {"metadata": ko.mapping(recorded, "metadata") | born}


def _is_edited(snapshot: Snapshot, found: ko.Object, recorded: ko.Object) -> bool:
    """Whether the cluster's graph is another than the chart made it, or cannot be read.

    In the middle of an upgrade, and after one that failed, the record may be of another revision than the objects.
    """
    if read_graph(found, snapshot.release).trouble:
        return True
    return (
        _went_well(snapshot)
        and ko.text(found, "data", GRAPH_KEY).strip() != ko.text(recorded, "data", GRAPH_KEY).strip()
    )


def _went_well(snapshot: Snapshot) -> bool:
    return snapshot.helm is not None and snapshot.helm.status == "deployed"


def _service(evidence: Evidence, service: GraphService) -> ServiceStatus:
    """The service by itself, without what it waits for."""
    if not service.enabled:
        return ServiceStatus(service.name, DISABLED)
    case = case_of(evidence, service)
    ready, desired, settled = readiness(case)
    cause = hindered(case) if settled else diagnose(case)
    return ServiceStatus(
        name=service.name,
        state=cause.state if cause else READY,
        ready=ready,
        desired=desired,
        gpus={resource: amount * desired for resource, amount in (dict(service.gpus) | devices_of(case)).items()},
        cause=cause,
        since=since(case, settled),
        workload=steps.full_workload(case),
        restarts=restarts_of(case),
    )


def _stands_alone(graph: Graph, cache: GraphCache) -> bool:
    """Whether a Job fills the cache, and no service would say that it is not filled."""
    used = any(service.enabled and service.cache == cache.name for service in graph.services)
    return bool(cache.job) and cache.enabled and not used


def _cache(evidence: Evidence, cache: GraphCache) -> ServiceStatus:
    cause = cache_unfilled(evidence, cache)
    state = cause.state if cause else READY
    name = f"cache/{cache.name}"
    return ServiceStatus(
        name, state, int(cause is None), 1, cause=cause, root=cause is not None, workload=f"job/{cache.job}"
    )


def _with_waits(case: Case, status: ServiceStatus, found: dict[str, ServiceStatus]) -> ServiceStatus:
    if status.state in (READY, DISABLED):
        return status
    waits = [
        _wait(case, each, found) for each in case.service.dependencies if each.wait and _is_closed(case, each, found)
    ]
    return status._replace(waits=tuple(waits))


def _is_closed(case: Case, dependency: Dependency, found: dict[str, ServiceStatus]) -> bool:
    """Whether this dependency holds the service up: some pod is before its gate, and it is asked or not ready."""
    gate = gate_name(dependency.name)
    before = [pod for pod in case.pods if gates.has_gate(pod, gate) and not gates.is_open(pod, gate)]
    known = found.get(dependency.name)
    absent = not dependency.external and (known is None or known.state != READY)
    if not case.pods:
        return absent
    return bool(before) and (absent or any(gates.has_begun(pod, gate) for pod in before))


def _wait(case: Case, dependency: Dependency, found: dict[str, ServiceStatus]) -> Wait:
    known = found.get(dependency.name) if not dependency.external else None
    return Wait(
        name=dependency.name,
        state=known.state if known else "",
        external=dependency.external,
        waited=gates.waited(case, gate_name(dependency.name)),
        timeout=dependency.timeout,
    )


def _judged(evidence: Evidence, status: ServiceStatus, found: dict[str, ServiceStatus]) -> ServiceStatus:
    """The status with its root mark: what waits for a service that is itself not ready is explained by that."""
    if status.cause is None:
        return status
    awaited = found.get(status.cause.waits_for)
    if awaited and awaited.state not in (READY, DISABLED):
        return status._replace(cause=status.cause._replace(next=""))
    if awaited and awaited.state == READY and status.cause.code == "Waiting":
        return status._replace(root=True, cause=_unreachable(evidence, status, status.cause, awaited))
    return status._replace(root=True)


def _unreachable(evidence: Evidence, status: ServiceStatus, cause: Cause, awaited: ServiceStatus) -> Cause:
    """The dependency is ready and the gate does not open: what it hears says why, after a while also if it hears nothing."""
    case = case_of(evidence, next(each for each in evidence.graph.services if each.name == status.name))
    dependency = next(each for each in case.service.dependencies if each.name == awaited.name)
    answer = gates.heard(case, *cause.log)
    waited = max((wait.waited for wait in status.waits if wait.name == awaited.name), default=0)
    ready_for = min(waited, ko.seconds_since(awaited.since, evidence.now))
    if ready_for < (_ANSWER_SETTLES if answer else _GATE_PATIENCE):
        return cause
    said = (
        f"the gate hears: {gates.explained(answer)}"
        if answer
        else "cannot be reached: wrong port or path, or a network policy"
    )
    text = f"{cause.text}, which is Ready, and {said}"
    step = gates.ask_further(case, cause.log[0], dependency, answer)
    return cause._replace(code="GateUnreachable", text=text, next=step, problem=True)


def _down_and_running(services: list[ServiceStatus]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The services that answer no gate now, and those that are Ready. Old pods that serve still open a gate."""
    down = [each.name for each in services if each.cause and (not each.ready or each.cause.code in UNANSWERED)]
    return tuple(down), tuple(each.name for each in services if each.state == READY)


def _state(graph: Graph, services: list[ServiceStatus]) -> str:
    states = [service.state for service in services if service.state != DISABLED]
    if FAILED in states:
        return FAILED
    unreadable = bool(graph.trouble) and not graph.services
    return NOT_READY if unreadable or any(state != READY for state in states) else READY


def _entered(state: str, services: list[ServiceStatus], created: datetime) -> datetime:
    """When the pipeline came into its state: with the last service to get ready, or the first to stop being so."""
    moments = [service.since for service in services if service.since and (service.state == READY) == (state == READY)]
    if not moments:
        return created
    return max(moments) if state == READY else min(moments)


def progress(services: Sequence[ServiceStatus], caches: Sequence[ServiceStatus]) -> str:
    """ "2/3 services ready", and how many of the caches that stand alone are filled, if there are any."""
    enabled = [service for service in services if service.state != DISABLED]
    parts = [f"{_ready(enabled)}/{len(enabled)} services ready"] if services or not caches else []
    parts += [f"{_ready(caches)}/{len(caches)} caches filled"] if caches else []
    return ", ".join(parts)


def _ready(services: Sequence[ServiceStatus]) -> int:
    return sum(service.state == READY for service in services)


def _conditions(
    state: str, services: list[ServiceStatus], caches: list[ServiceStatus], entered: datetime, created: datetime
) -> tuple[dict[str, Any], ...]:
    """NIM_PIPELINE_READY and NIM_PIPELINE_FAILED in the shape of metav1.Condition."""
    enabled = [service for service in services if service.state != DISABLED]
    counted = (
        f"{_ready(enabled)} of {count(len(enabled), 'service')} ready"
        if enabled or not caches
        else progress([], caches)
    )
    enabled += caches
    failed = [service for service in enabled if service.state == FAILED]
    roots = [f"{short(each.name)}: {each.cause.text}" for each in enabled if each.root and each.cause]
    why = "; ".join([counted, *roots[:5]])
    blame = "; ".join(f"{short(each.name)}: {each.cause.text}" for each in failed[:5] if each.cause)
    failed_since = min((each.since for each in failed if each.since), default=entered if failed else created)
    return (
        _condition(
            "NIM_PIPELINE_READY", state == READY, "Ready" if state == READY else "ServicesNotReady", why, entered
        ),
        _condition(
            "NIM_PIPELINE_FAILED",
            state == FAILED,
            "ServicesFailed" if failed else "NoServiceFailed",
            blame or "no service has failed",
            failed_since,
        ),
    )


def _condition(kind: str, holds: bool, reason: str, message: str, changed: datetime) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
