"""Snapshot -> Timeline. A pure function, like the status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from nimhelm.pipeline import gate_name
from nimhelm.status import kubeobject as ko
from nimhelm.status.compute import READY, graph_configmaps
from nimhelm.status.compute import compute as compute_status
from nimhelm.status.evidence import Evidence, current_pods, gather, is_leaving
from nimhelm.status.graph import Graph, GraphService, read_graphs
from nimhelm.status.snapshot import Snapshot
from nimhelm.timeline.gains import gains_of
from nimhelm.timeline.model import CREATE, PULL, RESTART, RETRY, Segment, Timeline, Track
from nimhelm.timeline.path import critical_path
from nimhelm.timeline.pod import Life, Part, end_of, life_of

_SLACK = timedelta(minutes=1)
"""A roll-out goes on when the next pod is created this soon after the one before got ready."""

_KEPT_FOR = timedelta(hours=1)
"""How long an API server keeps events, unless it is told otherwise."""

CACHE_PREFIX = "cache/"


def timeline_of(snapshot: Snapshot) -> Timeline:
    """Where the time of the release's newest roll-out went. Never raises, whatever the objects look like."""
    graph = read_graphs(graph_configmaps(snapshot), snapshot.release)
    evidence = gather(snapshot, graph)
    lives = _lives(evidence, graph)
    begin, chosen = _newest_rollout(lives, snapshot.now)
    states = {service.name: service.state for service in compute_status(snapshot).services}
    tracks = _tracks(evidence, chosen, begin, states)
    enabled = [service.name for service in graph.services if service.enabled]
    absent = tuple(name for name in enabled if name not in lives and states[name] != READY)
    over = not absent and all(track.is_up for track in tracks)
    ends = [track.ready for track in tracks if track.ready is not None]
    total = max(ends, default=0.0) if over else (snapshot.now - begin).total_seconds()
    timeline = Timeline(
        pipeline=graph.pipeline,
        release=snapshot.release,
        namespace=graph.namespace or snapshot.namespace,
        begin=begin,
        now=snapshot.now,
        total=total,
        over=over,
        tracks=tuple(tracks),
        before=tuple(name for name in enabled if name in lives and name not in chosen),
        absent=absent,
        notes=snapshot.notes + ((graph.trouble,) if graph.trouble else ()) + _about_events(snapshot, lives),
    )
    timeline = timeline._replace(path=tuple(critical_path(timeline)))
    return timeline._replace(gains=tuple(gains_of(timeline)))


def _lives(evidence: Evidence, graph: Graph) -> dict[str, list[Life]]:
    """The lives of all pods by track: services first, then the caches' jobs. Pods that are gone are left out."""
    found: dict[str, list[Life]] = {}
    for service in graph.services:
        pods = current_pods(evidence.pods.get(service.name, [])) if service.enabled else []
        rolled_out = _rolled_out(evidence.deployments.get(service.name))
        lives = [life_of(evidence, pod, _gates_of(service), rolled_out=rolled_out) for pod in pods]
        found[service.name] = [life for life in lives if life]
    for name in graph.caches:
        pods = [pod for pod in evidence.cache_pods.get(name, []) if _counts(pod)]
        lives = [life_of(evidence, pod, {}, is_job=True) for pod in pods]
        found[CACHE_PREFIX + name] = [life for life in lives if life]
    return {name: lives for name, lives in found.items() if lives}


def _rolled_out(deployment: ko.Object | None) -> datetime | None:
    """When all pods of the newest template were ready. Kubernetes keeps that moment, whatever becomes of them later."""
    progress = ko.condition(deployment, "Progressing")
    if ko.text(progress, "reason") != "NewReplicaSetAvailable":
        return None
    seen = ko.number(deployment, "status", "observedGeneration") >= ko.number(deployment, "metadata", "generation")
    return ko.moment(progress, "lastUpdateTime") if seen else None


def _counts(pod: ko.Object) -> bool:
    """A job's pod that is done is not a pod that leaves."""
    return ko.text(pod, "status", "phase") == "Succeeded" or not is_leaving(pod)


def _gates_of(service: GraphService) -> Mapping[str, str]:
    gates = {gate_name(each.name): each.name for each in service.dependencies}
    if service.cache:
        gates[gate_name(f"cache-{service.cache}")] = CACHE_PREFIX + service.cache
    return gates


def _newest_rollout(lives: dict[str, list[Life]], now: datetime) -> tuple[datetime, dict[str, list[Life]]]:
    """The pods whose start-ups overlap, directly or through others, with the newest one; and when the first began."""
    newest_first = sorted((life for each in lives.values() for life in each), key=lambda life: life.created)[::-1]
    begin = newest_first[0].created if newest_first else now
    for _ in newest_first:
        earlier = [life.created for life in newest_first if life.created < begin <= (life.ready or now) + _SLACK]
        if not earlier:
            break
        begin = min(earlier)
    chosen = {name: [life for life in each if life.created >= begin] for name, each in lives.items()}
    return begin, {name: each for name, each in chosen.items() if each}


def _tracks(evidence: Evidence, chosen: dict[str, list[Life]], begin: datetime, states: dict[str, str]) -> list[Track]:
    graph = evidence.graph
    waves = _waves(graph)
    tracks = []
    for name, each in chosen.items():
        if name.startswith(CACHE_PREFIX):
            empty = Track(name, "cache", state=READY if each[0].ready else "NotReady")
            failed = evidence.cache_pods.get(name.removeprefix(CACHE_PREFIX), [])
            tracks.append(_track(empty, each, failed, begin))
    for service in graph.services:
        if service.name in chosen:
            lives, wave = chosen[service.name], waves[service.name]
            rolled_out = _rolled_out(evidence.deployments.get(service.name))
            through = rolled_out is not None and all(life.ready is not None for life in lives)
            empty = Track(service.name, wave=wave, state=states.get(service.name, ""), rolled_out=through)
            tracks.append(_track(empty, lives, evidence.pods.get(service.name, []), begin))
    return tracks


def _track(empty: Track, lives: list[Life], pods: list[ko.Object], begin: datetime) -> Track:
    """The pod that was ready last, or is not ready yet, with what is known of all; `pods` are also those that failed."""

    def offset(moment: datetime) -> float:
        return (moment - begin).total_seconds()

    last = max(lives, key=lambda life: (life.ready is None, life.ready or life.created))
    ready = [offset(life.ready) for life in lives if life.ready]
    parts = [*_before(last, pods, begin), *last.parts]
    segments = [Segment(p.kind, offset(p.start), offset(p.end), p.on, p.open) for p in parts]
    return empty._replace(
        pod=ko.name_of(last.pod),
        pods=len(lives),
        node=ko.text(last.pod, "spec", "nodeName"),
        segments=tuple(segments),
        ready=offset(last.ready) if last.ready else None,
        first_ready=min(ready, default=None),
        restarts=last.restarts,
        reason=last.reason,
        probe_period=_probe_period(last.pod),
        kept=_is_kept(last.pod),
    )


def _before(life: Life, pods: list[ko.Object], begin: datetime) -> Iterator[Part]:
    """What came before the pod: others that failed, a roll-out that took one pod after the other, or nothing known."""
    failed = [pod for pod in pods if ko.text(pod, "status", "phase") == "Failed"]
    tried = {moment: pod for pod in failed if (moment := ko.moment(pod, "metadata", "creationTimestamp"))}
    first = min((each for each in tried if begin <= each < life.created), default=life.created)
    if begin < first:
        yield Part(CREATE, begin, first)
    if first < life.created:
        pod = tried[max(each for each in tried if each < life.created)]
        yield Part(RESTART, first, life.created, end_of(pod))


def _waves(graph: Graph) -> dict[str, int]:
    """The wave of each service: one more than its latest dependency. Services are in start order."""
    waves: dict[str, int] = {}
    for service in graph.services:
        after = [waves[each.name] for each in service.dependencies if each.name in waves and not each.external]
        waves[service.name] = 1 + max(after, default=-1)
    return waves


def _probe_period(pod: ko.Object) -> int:
    """How often the kubelet asks the service while it starts; Kubernetes' default is 10 s."""
    containers = ko.items(pod, "spec", "containers")
    named = [each for each in containers if ko.text(each, "name").endswith("-ctr")]
    main = next(iter(named or containers), {})
    probe = ko.mapping(main, "startupProbe") or ko.mapping(main, "readinessProbe")
    return (ko.number(probe, "periodSeconds") or 10) if probe else 0


def _is_kept(pod: ko.Object) -> bool:
    """Whether the model's volume outlives the pod: anything but an emptyDir."""
    stores = [each for each in ko.items(pod, "spec", "volumes") if ko.text(each, "name") == "model-store"]
    return not stores or "emptyDir" not in stores[0]


def _about_events(snapshot: Snapshot, lives: dict[str, list[Life]]) -> tuple[str, ...]:
    """Kubernetes forgets events, by default after an hour: then the pulls are not known."""
    began = {part.kind for each in lives.values() for life in each for part in life.parts}
    oldest = min((life.created for each in lives.values() for life in each), default=snapshot.now)
    forgotten = snapshot.now - oldest > _KEPT_FOR and not began & {PULL, RETRY}
    if not lives or (snapshot.of("events") and not forgotten):
        return ()
    return ("there are no events of it any more: image pulls are part of what follows them",)
