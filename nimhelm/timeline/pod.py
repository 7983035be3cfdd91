"""One pod's life as segments: from its conditions, the states of its containers, and the events of its images."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status.causes.containers import waiting_containers
from nimhelm.status.causes.gates import TIMED_OUT
from nimhelm.status.causes.images import NOT_PULLED
from nimhelm.status.evidence import Evidence, event_time, is_ready, message_of
from nimhelm.timeline.model import FILL, GATE, INIT, LOST, PREPARE, PULL, RESTART, RETRY, SCHEDULE, START, STARTUP

_PULLED = re.compile(r'pulled image "([^"]+)" in ([^ ]+)')
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


def life_of(
    evidence: Evidence,
    pod: ko.Object,
    gates: Mapping[str, str],
    is_job: bool = False,
    rolled_out: datetime | None = None,
) -> Life | None:
    """The pod's life; None if it does not say when it was created. `gates`: name of an init container -> what it awaits.

    A pod that was there when its Deployment had been `rolled_out` was ready by then, whatever became of it later.
    """
    created = ko.moment(pod, "metadata", "creationTimestamp")
    if created is None:
        return None
    main = _main(pod, is_job)
    done = _ended(main) if is_job else _ready_since(pod)
    if rolled_out and created <= rolled_out and (done is None or done > rolled_out):
        done = rolled_out
    lost = None if done else _lost_since(evidence, pod, {} if is_job else main)
    known = sorted(_known(evidence, pod, main, gates, done, is_job), key=lambda part: (part.start, part.end))
    parts = list(_without_gaps(known, created, done or lost or evidence.now, pod, open_end=not done and not lost))
    if lost:
        parts.append(Part(LOST, lost, evidence.now, open=True))
    return Life(pod, created, parts, done, ko.number(main, "restartCount"), _last_end(main))


def _lost_since(evidence: Evidence, pod: ko.Object, main: ko.Object) -> datetime | None:
    """When a pod that is not ready stopped being so, or its node fell silent; None if it only starts."""
    started = ko.moment(main, "state", "running", "startedAt")
    turned = ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime")
    moments = [turned if started and turned and turned > started else None]
    up = ko.condition(evidence.nodes.get(ko.text(pod, "spec", "nodeName")), "Ready")
    if ko.text(up, "status") in ("False", "Unknown"):
        moments.append(ko.moment(up, "lastTransitionTime"))
    return min((each for each in moments if each), default=None)


def _main(pod: ko.Object, is_job: bool) -> ko.Object:
    """The status of the container that is the service: a sidecar has another name than `<service>-ctr`."""
    found = ko.items(pod, "status", "containerStatuses")
    named = [each for each in found if ko.text(each, "name").endswith("-ctr")]
    return next(iter(named or found), {})


def _ready_since(pod: ko.Object) -> datetime | None:
    """Since when the pod is ready. When its node falls silent, Kubernetes takes that back, and leaves its containers' part."""
    own_gates = ko.items(pod, "spec", "readinessGates")
    kind = "Ready" if is_ready(pod) or own_gates else "ContainersReady"
    found = ko.condition(pod, kind)
    return ko.moment(found, "lastTransitionTime") if ko.text(found, "status") == "True" else None


def _ended(main: ko.Object) -> datetime | None:
    """When a Job's container ended well."""
    ended = ko.mapping(main, "state", "terminated")
    return ko.moment(ended, "finishedAt") if ended and ko.number(ended, "exitCode") == 0 else None


def end_of(pod: ko.Object) -> str:
    """Why a pod failed: `Evicted`, or how its container ended."""
    reason = ko.text(pod, "status", "reason")
    ends = [_last_end(each) for each in ko.items(pod, "status", "containerStatuses")]
    return reason or next((each for each in ends if each), "failed")


def _last_failure(status: ko.Object) -> ko.Object:
    """How the container ended the last time that it failed, {} if it never did."""
    ended = ko.mapping(status, "state", "terminated")
    return ended if ended and ko.number(ended, "exitCode") else ko.mapping(status, "lastState", "terminated")


def _last_end(status: ko.Object) -> str:
    """Why the container ended the last time: `OOMKilled, exit code 137`."""
    ended = _last_failure(status)
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
        why = ko.text(placed, "message") or ko.text(placed, "reason")
        yield Part(SCHEDULE, created, evidence.now, _scheduler_said(why), open=True)
        return
    said = next((message_of(each) for each in _events_of(evidence, pod, "FailedScheduling")), "")
    yield Part(SCHEDULE, created, ko.moment(placed, "lastTransitionTime") or created, _scheduler_said(said))
    yield from _pulls(evidence, pod)
    beside = {ko.text(each, "name") for each in ko.items(pod, "spec", "initContainers") if "restartPolicy" in each}
    for status in ko.items(pod, "status", "initContainerStatuses"):
        name = ko.text(status, "name")
        if name not in beside:  # a sidecar runs as long as the service
            kind, on = (GATE, gates[name]) if name in gates else (INIT, name)
            yield from _runs(evidence, pod, status, kind, on, _ended(status))
    yield from _runs(evidence, pod, main, FILL if is_job else STARTUP, "", done)


def _scheduler_said(message: str) -> str:
    """Why no node takes the pod, without what follows about preemption."""
    return message.partition(" preemption:")[0]


def _runs(
    evidence: Evidence, pod: ko.Object, status: ko.Object, kind: str, on: str, done: datetime | None
) -> Iterator[Part]:
    """The runs of a container that failed as one stretch, and then the one that goes on or went well.

    A gate that gives up asks again: to the service that is one wait.
    """
    created, end = ko.moment(pod, "metadata", "creationTimestamp"), done or evidence.now
    begins = [_first_start(evidence, pod, status)] if ko.number(status, "restartCount") else []
    for ended in (ko.mapping(status, "lastState", "terminated"), ko.mapping(status, "state", "terminated")):
        began = ko.moment(ended, "startedAt")
        if began and created and began < created:  # one that could not be started has a begin in 1970
            began = ko.moment(ended, "finishedAt")
        begins.append(began)
    begins.append(ko.moment(status, "state", "running", "startedAt"))
    known = sorted(each for each in begins if each and each <= end)
    if not known:
        return
    goes_on = done is not None or bool(ko.mapping(status, "state", "running"))
    begin = known[-1] if goes_on else end
    if kind == GATE and TIMED_OUT.search(ko.text(_last_failure(status), "message")):
        begin, goes_on = known[0], True
    if known[0] < begin:
        yield Part(RESTART, known[0], begin, _last_end(status), open=not goes_on)
    if goes_on:
        yield Part(kind, begin, end, on, open=done is None)


def _first_start(evidence: Evidence, pod: ko.Object, status: ko.Object) -> datetime | None:
    """When the container started for the first time. Its status keeps two runs, its event the first and the last."""
    place = f"ontainers{{{ko.text(status, 'name')}}}"  # of the spec's initContainers or containers
    for event in _events_of(evidence, pod, "Started"):
        if ko.text(event, "involvedObject", "fieldPath").endswith(place):
            return _first_seen(event)
    return None


def _pulls(evidence: Evidence, pod: ko.Object) -> Iterator[Part]:
    """Pulls that transferred something, and the time in which they failed.

    The event of its end says how long the try took that worked; a running pull has a begin only.
    """
    began = {_image(each): each for each in _events_of(evidence, pod, "Pulling")[::-1]}
    failed = {_image(each) for each in _events_of(evidence, pod, "Failed", "BackOff")}
    ended: set[str] = set()
    for event in _events_of(evidence, pod, "Pulled"):
        match = _PULLED.search(message_of(event))
        if match is None:
            continue
        image, end = match[1], _first_seen(event)
        ended.add(image)
        begin = min(_first_seen(began[image]) if image in began else end, end)
        worked = max(begin, end - _length(match[2])) if image in failed else begin
        if begin < worked:
            yield Part(RETRY, begin, worked, image)
        yield Part(PULL, worked, end, image)
    for image, event in began.items():
        if image in ended:
            continue
        begin, again = _first_seen(event), event_time(event)
        if image not in failed:
            yield Part(PULL, begin, evidence.now, image, open=True)
        elif _is_not_pulled(pod):
            yield Part(RETRY, begin, evidence.now, image, open=True)
        else:
            yield Part(RETRY, begin, again, image)
            yield Part(PULL, again, evidence.now, image, open=True)


def _image(event: ko.Object) -> str:
    """The image that an event of a pull names, in quotes."""
    return message_of(event).partition(' image "')[2].partition('"')[0]


def _first_seen(event: ko.Object) -> datetime:
    return ko.moment(event, "firstTimestamp") or event_time(event)


def _length(text: str) -> timedelta:
    """A length as Go prints it: 1m2.5s."""
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(text)))


def _is_not_pulled(pod: ko.Object) -> bool:
    return any(reason in NOT_PULLED for _, reason, _ in waiting_containers(pod))


def _events_of(evidence: Evidence, pod: ko.Object, *reasons: str) -> list[ko.Object]:
    """The events about this very pod, newest first: a pod of the same name that is gone had another uid."""
    uid = ko.text(pod, "metadata", "uid")
    found = evidence.events_of("Pod", ko.name_of(pod), *reasons)
    return [each for each in found if not uid or ko.text(each, "involvedObject", "uid") in ("", uid)]


def _without_gaps(
    known: list[Part], created: datetime, end: datetime, pod: ko.Object, open_end: bool
) -> Iterator[Part]:
    """The parts one after the other; what lies between two of them is the kubelet's work."""
    at = created
    running = any(part.kind in (STARTUP, FILL, RESTART) for part in known)
    before = PREPARE
    for part in known:
        start, until = min(max(part.start, at), end), min(part.end, end)
        if start > at:
            yield Part(before, at, start)
        if until > start or part.open:
            yield part._replace(start=start, end=max(start, until), open=part.open and open_end)
        at = max(at, start, until)
        if part.kind in (PULL, GATE, INIT):
            before = START
    if open_end and not running and _is_not_pulled(pod):  # what has no event: a name that is none
        before = RETRY
    if at < end:
        yield Part(STARTUP if running else before, at, end, open=open_end)
