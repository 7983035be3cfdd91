"""Whether what is ready stays ready: restarts, and readiness that comes and goes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import NOT_READY, Cause
from nimhelm.status.causes.containers import statuses
from nimhelm.status.causes.controllers import group_made_again
from nimhelm.status.causes.crashes import probe_answer
from nimhelm.status.causes.nodes import evicted_pods
from nimhelm.status.evidence import Case, event_time, is_ready, main_of, message_of
from nimhelm.wording import count, duration, last_line, short

# After ten minutes the kubelet itself calls a restarted container steady: it forgets the back-off.
_LONGEST_TRIAL = 600
_SHORTEST_TRIAL = 10
# A probe that failed so long ago does not count any more.
_PROBE_TRIAL = 60


class Restarts(NamedTuple):
    """How often the service's containers ended and began again, and how the last of them ended, and when."""

    number: int = 0
    reason: str = ""
    at: datetime | None = None


def restarts_of(case: Case) -> Restarts:
    """The restarts of the pods that are there now."""
    number, last, at = 0, "", None
    for pod in case.pods:
        for status in ko.items(pod, "status", "containerStatuses"):
            number += ko.number(status, "restartCount")
            ended = ko.mapping(status, "lastState", "terminated")
            finished = ko.moment(ended, "finishedAt")
            if finished and (at is None or finished > at):
                at, last = finished, _end(case, pod, status, ended)
    return Restarts(number, last, at)


def _end(case: Case, pod: ko.Object, status: ko.Object, ended: ko.Object) -> str:
    """Why a container ended, in a few words."""
    name = ko.text(status, "name")
    for event in case.evidence.events_of("Pod", ko.name_of(pod), "Killing"):
        if f"{name} failed liveness probe" in message_of(event):
            answer = probe_answer(case, pod)
            return f"failed its liveness probe: {answer}" if answer else "failed its liveness probe"
    reason = ko.text(ended, "reason")
    said = last_line(ko.text(ended, "message"))
    if reason and reason not in ("Error", "Completed"):
        return short(reason)
    return f"exit code {ko.number(ended, 'exitCode')}" + (f": {short(said, 80)}" if said else "")


def unsteady(case: Case) -> Cause | None:
    """A service that is ready for now, after a restart or a failed probe that is too young to be over."""
    for pod in case.pods:
        for status in statuses(pod):
            if is_ready(pod) and (cause := _restarted(case, pod, status)):
                return cause
        if is_ready(pod) and (cause := _flaps(case, pod)):
            return cause
    return _evicted(case) or _made_again(case)


def _restarted(case: Case, pod: ko.Object, status: ko.Object) -> Cause | None:
    """The container has not run for longer yet than it did before it ended."""
    ended = ko.mapping(status, "lastState", "terminated")
    started = ko.moment(status, "state", "running", "startedAt")
    restarts = ko.number(status, "restartCount")
    if not restarts or not started or not ended:
        return None
    finished = ko.moment(ended, "finishedAt") or started
    lasted = ko.seconds_since(ko.moment(ended, "startedAt"), finished)
    runs = ko.seconds_since(started, case.now)
    if runs >= _trial(lasted):
        return None
    why = _end(case, pod, status, ended)
    whose = "" if ko.text(status, "name") == main_of(case, pod) else f"container {short(ko.text(status, 'name'))} "
    text = (
        f"{whose}restarted {count(restarts, 'time')}, last {duration(ko.seconds_since(finished, case.now))} ago ({why}); "
        f"runs for {duration(runs)}, the run before ended after {duration(lasted)}"
    )
    step = steps.logs(case, ko.name_of(pod), ko.text(status, "name"), previous=True)
    return Cause("Unsteady", text, NOT_READY, short(ko.text(ended, "message"), 600), step)


def _trial(lasted: int) -> int:
    """How long something must run to be steady, after a run that lasted so long."""
    return min(_LONGEST_TRIAL, max(_SHORTEST_TRIAL, lasted + lasted // 2))


def _evicted(case: Case) -> Cause | None:
    """Its pod has not run for longer yet than the one before, which the node evicted: the next eviction may come."""
    gone = evicted_pods(case)
    born = [ko.moment(pod, "metadata", "creationTimestamp") for pod in case.pods]
    newest = max((each for each in born if each), default=None)
    if not gone or newest is None:
        return None
    age, why, pod = gone[0]
    lasted = ko.seconds_since(ko.moment(pod, "metadata", "creationTimestamp"), case.now) - age
    runs = ko.seconds_since(newest, case.now)
    if runs >= _trial(lasted):
        return None
    times = f" ({count(len(gone), 'pod')} so far)" if len(gone) > 1 else ""
    text = (
        f"{why}{times}, last {duration(age)} ago; the new pod is {duration(runs)} old, the one before "
        f"lived for {duration(lasted)}"
    )
    return Cause("Unsteady", text, NOT_READY, next=steps.describe(case, "pod", ko.name_of(pod)))


def _made_again(case: Case) -> Cause | None:
    """Its group has not run for longer yet than the one before, which was made again since a pod failed."""
    again = group_made_again(case)
    if again is None or again.age >= _trial(again.lasted):
        return None
    text = f"not steady: its group was made again {count(again.times, 'time')}, last {duration(again.age)} ago: {again.why}"
    kind, _, name = steps.workload(case).partition("/")
    return Cause("Unsteady", text, NOT_READY, next=steps.describe(case, kind, name))


def _flaps(case: Case, pod: ko.Object) -> Cause | None:
    """Its readiness probe failed a moment ago, after it had passed the start-up probe."""
    begun = [ko.moment(each, "state", "running", "startedAt") for each in ko.items(pod, "status", "containerStatuses")]
    running = min((each for each in begun if each), default=None)
    ready_since = ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime")
    for event in case.evidence.events_of("Pod", ko.name_of(pod), "Unhealthy"):
        message, seen = message_of(event), event_time(event)
        # One that could not be asked changes nothing.
        if not message.startswith(("Readiness probe failed", "Liveness probe failed")):
            continue
        again = ready_since is not None and (seen >= ready_since or _is_past_start(pod, event))
        # Of a probe that fails often the kubelet tells only at times; it failed until the pod got ready.
        last = max(seen, ready_since or seen)
        if ko.seconds_since(last, case.now) < _PROBE_TRIAL and again:
            times = ko.number(event, "count") or ko.number(event, "series", "count") or 1
            ago = duration(ko.seconds_since(last, case.now))
            text = f"not steady: {short(message).rstrip(':')} ({count(times, 'time')}, last {ago} ago)"
            return Cause("Unsteady", text, NOT_READY, next=_look(case, pod))
        break
    # Of a probe that fails for long the kubelet reports ever less; then only the condition tells.
    late = running is not None and ready_since is not None and case.service.startup_seconds > 0
    if late and (ready_since - running).total_seconds() > case.service.startup_seconds + _PROBE_TRIAL:  # type: ignore[operator]
        age = ko.seconds_since(ready_since, case.now)
        if age < _PROBE_TRIAL:
            text = (
                f"not steady: runs for {duration(ko.seconds_since(running, case.now))}, ready again for {duration(age)}"
            )
            return Cause("Unsteady", text, NOT_READY, next=_look(case, pod))
    return None


def _is_past_start(pod: ko.Object, event: ko.Object) -> bool:
    """Whether the container of the event has a start-up probe, before which no other one is asked."""
    place = "involvedObject" if "involvedObject" in event else "regarding"
    named = re.search(r"\{(.+)\}", ko.text(event, place, "fieldPath"))
    containers = [*ko.items(pod, "spec", "containers"), *ko.items(pod, "spec", "initContainers")]
    return any("startupProbe" in each for each in containers if not named or ko.text(each, "name") == named[1])


def _look(case: Case, pod: ko.Object) -> str:
    return steps.describe(case, "pod", ko.name_of(pod))
