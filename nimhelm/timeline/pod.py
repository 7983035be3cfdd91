"""One pod's life as segments: from its conditions, the states of its containers, and the events of its images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status.evidence import Evidence, event_time, is_ready
from nimhelm.timeline.model import FILL, GATE, INIT, PREPARE, PULL, RESTART, SCHEDULE, START, STARTUP

_PULLED = re.compile(r'pulled image "([^"]+)" in [^(]+(?:\(([0-9hmsuµn.]+) including waiting\))?')
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Part(NamedTuple):
    """A stretch between two moments."""

    kind: str
    start: datetime
    end: datetime
    on: str = ""
    open: bool = False


class Life(NamedTuple):
    """A pod from its creation until it was ready (of a Job's pod: done). `ready` is None before that."""

    pod: ko.Object
    created: datetime
    parts: list[Part]
    ready: datetime | None
    restarts: int
    reason: str


def life_of(evidence: Evidence, pod: ko.Object, gates: Mapping[str, str], is_job: bool = False) -> Life | None:
    """The pod's life; None if it does not say when it was created. `gates`: name of an init container -> what it awaits."""
    created = ko.moment(pod, "metadata", "creationTimestamp")
    if created is None:
        return None
    main = _main(pod, is_job)
    done = _ended(main) if is_job else _ready_since(pod)
    known = sorted(_known(evidence, pod, main, gates, done, is_job), key=lambda part: (part.start, part.end))
    parts = list(_without_gaps(known, created, done or evidence.now, pod, open_end=done is None))
    return Life(pod, created, parts, done, ko.number(main, "restartCount"), _last_end(main))


def _main(pod: ko.Object, is_job: bool) -> ko.Object:
    """The status of the container that is the service: a sidecar has another name than `<service>-ctr`."""
    found = ko.items(pod, "status", "containerStatuses")
    named = [each for each in found if ko.text(each, "name").endswith("-ctr")]
    return next(iter(named or found), {})


def _ready_since(pod: ko.Object) -> datetime | None:
    return ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime") if is_ready(pod) else None


def _ended(main: ko.Object) -> datetime | None:
    """When a Job's container ended well."""
    ended = ko.mapping(main, "state", "terminated")
    return ko.moment(ended, "finishedAt") if ended and ko.number(ended, "exitCode") == 0 else None


def _last_end(main: ko.Object) -> str:
    """Why the container ended the last time: `OOMKilled, exit code 137`."""
    ended = ko.mapping(main, "lastState", "terminated")
    if not ended:
        return ""
    return f"{ko.text(ended, 'reason') or 'ended'}, exit code {ko.number(ended, 'exitCode')}"


def _known(
    evidence: Evidence, pod: ko.Object, main: ko.Object, gates: Mapping[str, str], done: datetime | None, is_job: bool
) -> Iterator[Part]:
    """What the objects say outright: scheduling, pulls, init containers, and the service's own start-up."""
    created = ko.moment(pod, "metadata", "creationTimestamp") or evidence.now
    placed = ko.condition(pod, "PodScheduled")
    if ko.text(placed, "status") != "True" and not ko.text(pod, "spec", "nodeName"):
        yield Part(SCHEDULE, created, evidence.now, open=True)
        return
    yield Part(SCHEDULE, created, ko.moment(placed, "lastTransitionTime") or created)
    yield from _pulls(evidence, pod)
    beside = {ko.text(each, "name") for each in ko.items(pod, "spec", "initContainers") if "restartPolicy" in each}
    for status in ko.items(pod, "status", "initContainerStatuses"):
        if ko.text(status, "name") not in beside:  # a sidecar runs as long as the service
            yield from _init(evidence, status, gates)
    yield from _start_up(evidence, pod, main, done, FILL if is_job else STARTUP)


def _init(evidence: Evidence, status: ko.Object, gates: Mapping[str, str]) -> Iterator[Part]:
    name = ko.text(status, "name")
    kind, on = (GATE, gates[name]) if name in gates else (INIT, name)
    ended, running = ko.mapping(status, "state", "terminated"), ko.mapping(status, "state", "running")
    start, end = ko.moment(ended or running, "startedAt"), ko.moment(ended, "finishedAt")
    if start and end:
        yield Part(kind, start, end, on)
    elif start:
        yield Part(kind, start, evidence.now, on, open=True)


def _start_up(evidence: Evidence, pod: ko.Object, main: ko.Object, done: datetime | None, kind: str) -> Iterator[Part]:
    state = ko.mapping(main, "state")
    start = ko.moment(state.get("running") or state.get("terminated"), "startedAt")
    first = _first_start(evidence, pod, main)
    end = done or evidence.now
    if ko.number(main, "restartCount") and first and (start is None or first < start):
        until = start or end
        yield Part(RESTART, first, min(until, end), _last_end(main), open=start is None)
    if start and start <= end:
        yield Part(kind, start, end, open=done is None)


def _first_start(evidence: Evidence, pod: ko.Object, main: ko.Object) -> datetime | None:
    """When the container started for the first time. Its status keeps two runs, its event the first and the last."""
    name = ko.text(main, "name")
    for event in _events_of(evidence, pod, "Started"):
        if ko.text(event, "involvedObject", "fieldPath") == f"spec.containers{{{name}}}":
            return ko.moment(event, "firstTimestamp") or event_time(event)
    moments = [ko.moment(main, "lastState", "terminated", "startedAt")]
    return min((each for each in moments if each), default=None)


def _pulls(evidence: Evidence, pod: ko.Object) -> Iterator[Part]:
    """Pulls that transferred something. The event of its end says how long a pull took; a running one has a begin only."""
    ended: set[str] = set()
    for event in _events_of(evidence, pod, "Pulled"):
        match = _PULLED.search(ko.text(event, "message"))
        if match is None:
            continue
        ended.add(match[1])
        end = ko.moment(event, "firstTimestamp") or event_time(event)
        begin = _pull_began(evidence, pod, match[1]) or end
        yield Part(PULL, min(begin, end), end, match[1])
    for event in _events_of(evidence, pod, "Pulling"):
        image = ko.text(event, "message").partition('"')[2].rstrip('"')
        if image not in ended:
            ended.add(image)
            begin = ko.moment(event, "firstTimestamp") or event_time(event)
            yield Part(PULL, begin, evidence.now, image, open=True)


def _pull_began(evidence: Evidence, pod: ko.Object, image: str) -> datetime | None:
    for event in _events_of(evidence, pod, "Pulling"):
        if f'"{image}"' in ko.text(event, "message"):
            return ko.moment(event, "firstTimestamp") or event_time(event)
    return None


def _events_of(evidence: Evidence, pod: ko.Object, reason: str) -> list[ko.Object]:
    """The events about this very pod: a pod of the same name that is gone had another uid."""
    uid = ko.text(pod, "metadata", "uid")
    found = evidence.events_of("Pod", ko.name_of(pod), reason)
    return [each for each in found if not uid or ko.text(each, "involvedObject", "uid") in ("", uid)]


def _without_gaps(
    known: list[Part], created: datetime, end: datetime, pod: ko.Object, open_end: bool
) -> Iterator[Part]:
    """The parts one after the other; what lies between two of them is the kubelet's work."""
    at = created
    running = any(part.kind in (STARTUP, FILL, RESTART) for part in known)
    before = PREPARE
    for part in known:
        start, until = max(part.start, at), min(part.end, end)
        if start > at:
            yield Part(before, at, start)
        if until > start or part.open:
            yield part._replace(start=start, end=max(start, until))
        at = max(at, start, until)
        if part.kind in (PULL, GATE, INIT):
            before = START
    if at < end and not (known and known[-1].open):
        yield Part(STARTUP if running else before, at, end, open=open_end)
