"""What a healthy start looks like on the way: pulling, initialising, loading the model."""

from __future__ import annotations

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import NOT_READY, PENDING, Cause
from nimhelm.status.causes.crashes import probe_answer
from nimhelm.status.evidence import Case, event_time, message_of
from nimhelm.wording import duration, short

# A server that has started, and is not ready for so long, is no longer on its way.
_READINESS_PATIENCE = 300


def on_its_way(case: Case, pod: ko.Object) -> Cause | None:
    """The step of starting that the pod is in."""
    if not ko.text(pod, "spec", "nodeName"):
        return Cause("Scheduling", "not scheduled yet", PENDING, problem=False)
    return _init(case, pod) or _main(case, pod) or _creating(case, pod)


def _init(case: Case, pod: ko.Object) -> Cause | None:
    for status in ko.items(pod, "status", "initContainerStatuses"):
        running = ko.mapping(status, "state", "running")
        if running and not ko.true(status, "started"):  # a started one is a sidecar
            since = duration(ko.seconds_since(ko.moment(running, "startedAt"), case.now))
            return Cause(
                "Initialising", f"init container {short(ko.text(status, 'name'))} runs for {since}", problem=False
            )
    return None


def _main(case: Case, pod: ko.Object) -> Cause | None:
    """A main container runs and is not ready: still loading, or refusing."""
    for status in ko.items(pod, "status", "containerStatuses"):
        running = ko.mapping(status, "state", "running")
        if running and not ko.true(status, "ready"):
            age = ko.seconds_since(ko.moment(running, "startedAt"), case.now)
            return _loading(case, pod, status, age)
    return None


def _loading(case: Case, pod: ko.Object, status: ko.Object, age: int) -> Cause:
    answer = probe_answer(case, pod)
    said = f": {answer}" if answer else ""
    if ko.dig(status, "started") is not True:
        budget = case.service.startup_seconds
        of = f" of {duration(budget)}" if budget else ""
        return Cause("Starting", f"starting for {duration(age)}{of}{said}", NOT_READY, problem=False)
    stuck = age > max(_READINESS_PATIENCE, case.service.startup_seconds)
    step = steps.logs(case, ko.name_of(pod), ko.text(status, "name")) if stuck else ""
    return Cause("NotReady", f"runs for {duration(age)}, not ready{said}", NOT_READY, next=step, problem=stuck)


def _creating(case: Case, pod: ko.Object) -> Cause:
    """Nothing runs yet: the image is on its way, or the kubelet prepares."""
    events = case.evidence.events_of("Pod", ko.name_of(pod), "Pulling", "Pulled")
    if events and ko.text(events[0], "reason") == "Pulling":
        since = duration(ko.seconds_since(event_time(events[0]), case.now))
        return Cause(
            "Pulling", f"pulling its image for {since}", NOT_READY, short(message_of(events[0])), problem=False
        )
    age = duration(ko.seconds_since(ko.moment(pod, "status", "startTime"), case.now))
    return Cause("Creating", f"containers are being created for {age}", NOT_READY, problem=False)
