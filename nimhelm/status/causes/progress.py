"""What a healthy start looks like on the way: pulling, initialising, loading the model."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import NOT_READY, PENDING, Cause
from nimhelm.status.causes.crashes import is_sidecar, probe_answer, probe_of, refused_question
from nimhelm.status.causes.gates import is_gate
from nimhelm.status.evidence import Case, event_time, main_of, message_of
from nimhelm.wording import duration, last_line, short

# A server that has started, and is not ready for so long, is no longer on its way.
_READINESS_PATIENCE, _SILENT_PATIENCE = 60, 300
# No event says that a registry hangs, and after an hour the event of the pull is gone too.
_PULL_PATIENCE = 2700
# An init container of the user's may fetch a model.
_INIT_PATIENCE = 1800
# The chart's own, which downloads until it is done.
_FILLS = "fill-cache-"
# A pull tells that it has begun; nothing else that a kubelet does silently takes so long.
_CREATION_PATIENCE = 1800
# A kubelet that runs takes up a pod within a second.
_KUBELET_PATIENCE = 60
_LINE = 100


def on_its_way(case: Case, pod: ko.Object) -> Cause | None:
    """The step of starting that the pod is in."""
    if not ko.text(pod, "spec", "nodeName"):
        return Cause("Scheduling", "not scheduled yet", PENDING, problem=False)
    return _init(case, pod) or _main(case, pod) or _gated(case, pod) or _creating(case, pod)


def _init(case: Case, pod: ko.Object) -> Cause | None:
    for status in ko.items(pod, "status", "initContainerStatuses"):
        running = ko.mapping(status, "state", "running")
        name = ko.text(status, "name")
        if running and is_sidecar(pod, name) and ko.dig(status, "started") is False:
            return _sidecar(case, pod, status)
        if running and not is_sidecar(pod, name):
            age = ko.seconds_since(ko.moment(running, "startedAt"), case.now)
            text = f"init container {short(name)} runs for {duration(age)}{_last_said(case, ko.name_of(pod), name)}"
            step = steps.logs(case, ko.name_of(pod), name)
            ours = is_gate(case.service, name) or name.startswith(_FILLS)
            late = not ours and age > max(_INIT_PATIENCE, case.service.startup_seconds)
            return Cause("Initialising", text, NOT_READY, next=step, problem=late, log=(ko.name_of(pod), name))
    return None


def _sidecar(case: Case, pod: ko.Object, status: ko.Object) -> Cause:
    """The containers after a sidecar start only once it has."""
    name, container = ko.name_of(pod), ko.text(status, "name")
    age = ko.seconds_since(ko.moment(status, "state", "running", "startedAt"), case.now)
    answer = probe_answer(case, pod)
    text = f"sidecar {short(container)} runs for {duration(age)} and has not started" + (
        f": {answer}" if answer else ""
    )
    late = age > _READINESS_PATIENCE
    step = steps.logs(case, name, container)
    return Cause("SidecarStarting", text, NOT_READY, next=step, problem=late, log=(name, container))


def _main(case: Case, pod: ko.Object) -> Cause | None:
    """A main container runs and is not ready: still loading, or refusing."""
    for status in ko.items(pod, "status", "containerStatuses"):
        running = ko.mapping(status, "state", "running")
        if running and not ko.true(status, "ready"):
            age = ko.seconds_since(ko.moment(running, "startedAt"), case.now)
            return _loading(case, pod, status, age)
    return None


def _loading(case: Case, pod: ko.Object, status: ko.Object, age: int) -> Cause:
    name, container = ko.name_of(pod), ko.text(status, "name")
    answer = probe_answer(case, pod)
    said = f": {answer}" if answer else ""
    starts = ko.dig(status, "started") is not True
    if asked := refused_question(pod, container, "startupProbe" if starts else "readinessProbe", answer):
        what, which = ("starting", "startup") if starts else ("runs", "readiness")
        text = f"{what} for {duration(age)}, and its {which} probe is refused: {asked}"
        late = age > _READINESS_PATIENCE
        step = steps.describe(case, "pod", name) if late else ""
        return Cause("ProbeAnswer", text, NOT_READY, next=step, problem=late, log=(name, container))
    if starts:
        budget = case.service.startup_seconds
        of = f" of {duration(budget)}" if budget else ""
        if asked := _wrong_port(pod, container, "startupProbe", answer):
            text = f"starting for {duration(age)}{of}: the startup probe asks port {asked}: {answer}"
            return Cause("ProbePort", text, NOT_READY, next=steps.describe(case, "pod", name), log=(name, container))
        said = _last_said(case, name, container) or said
        text = f"starting for {duration(age)}{of}{said}"
        # A busy node asks late and so gives more time than it should, but not twice as much.
        late = 0 < 2 * budget < age
        step = steps.logs(case, name, container) if late else ""
        return Cause("Starting", text, NOT_READY, next=step, problem=late, log=(name, container))
    if asked := _wrong_port(pod, container, "readinessProbe", answer):
        text = f"runs for {duration(age)}, not ready: the readiness probe asks port {asked}: {answer}"
        return Cause("ProbePort", text, NOT_READY, next=steps.describe(case, "pod", name), log=(name, container))
    # The start-up probe has passed: what the readiness probe hears since is not part of loading the model.
    patience = _READINESS_PATIENCE if answer else max(_SILENT_PATIENCE, case.service.startup_seconds)
    stuck = age > patience
    step = steps.logs(case, name, container) if stuck else ""
    told = said or _last_said(case, name, container)
    whose = "" if container == main_of(case, pod) else f"container {short(container)} "
    text = f"{whose}runs for {duration(age)}, not ready{told}"
    return Cause("NotReady", text, NOT_READY, next=step, problem=stuck, log=(name, container))


def _pull(case: Case, pod: ko.Object) -> ko.Object | None:
    """The event of a pull that has begun and not ended. Events have whole seconds, so their order alone may deceive."""
    begun, ended = (case.evidence.events_of("Pod", ko.name_of(pod), reason) for reason in ("Pulling", "Pulled"))
    there = {image for event in ended for image in re.findall(r'image "([^"]+)"', message_of(event))}
    for event in begun:
        images = re.findall(r'image "([^"]+)"', message_of(event))
        since_then = [each for each in ended if event_time(each) >= event_time(event)]
        if not (set(images) & there) if images else not since_then:
            return event
    return None


def _wrong_port(pod: ko.Object, container: str, kind: str, answer: str) -> str:
    """The port that the probe of that kind asks, if nothing listens there and the container declares others; else ""."""
    probe = probe_of(pod, container, kind)
    port = next((ko.text(probe, kind, "port") for kind in ("httpGet", "tcpSocket", "grpc") if kind in probe), "")
    found = [each for each in ko.items(pod, "spec", "containers") if ko.text(each, "name") == container]
    ports = ko.items(found, 0, "ports")
    declared = {str(ko.number(each, "containerPort")) for each in ports} | {ko.text(each, "name") for each in ports}
    if not port or not ports or port in declared or "refused" not in answer:
        return ""
    open_ports = ", ".join(str(ko.number(each, "containerPort")) for each in ports)
    return f"{short(port)}, and the container has {open_ports}"


def _last_said(case: Case, pod: str, container: str) -> str:
    """The last line of the container's log and its age: ', "loading weights 3/12" 40s ago'."""
    lines = case.evidence.snapshot.log_of(pod, container).splitlines()
    for line in reversed(lines):
        when, _, rest = line.partition(" ")
        written = ko.moment({"at": _to_micros(when)}, "at")
        if written and (told := last_line(rest)):
            return f', "{short(told, _LINE)}" {duration(ko.seconds_since(written, case.now))} ago'
    return ""


def _gated(case: Case, pod: ko.Object) -> Cause | None:
    """All containers are ready, and a condition that the pod names as a readiness gate is not met."""
    if ko.text(ko.condition(pod, "ContainersReady"), "status") != "True":
        return None
    gates = [ko.text(each, "conditionType") for each in ko.items(pod, "spec", "readinessGates")]
    closed = [each for each in gates if ko.text(ko.condition(pod, each), "status") != "True"]
    if not closed:
        return None
    age = ko.seconds_since(ko.moment(ko.condition(pod, "ContainersReady"), "lastTransitionTime"), case.now)
    late = age > _READINESS_PATIENCE
    said = ko.text(ko.condition(pod, closed[0]), "message")
    text = f"waiting {duration(age)} for readiness gate {short(closed[0])}: {short(said) or 'no controller has set it'}"
    step = steps.describe(case, "pod", ko.name_of(pod)) if late else ""
    return Cause("ReadinessGate", text, NOT_READY, next=step, problem=late)


def _to_micros(when: str) -> str:
    """kubectl writes nanoseconds, which Python before 3.11 does not read."""
    return re.sub(r"(\.\d{6})\d*", r"\1", when)


def _creating(case: Case, pod: ko.Object) -> Cause:
    """Nothing runs yet: the image is on its way, or the kubelet prepares."""
    if pulling := _pull(case, pod):
        age = ko.seconds_since(event_time(pulling), case.now)
        late = age > _PULL_PATIENCE
        text = f"pulling its image for {duration(age)}" + (": does the registry still answer?" if late else "")
        step = steps.describe(case, "pod", ko.name_of(pod)) if late else ""
        return Cause("Pulling", text, NOT_READY, short(message_of(pulling)), step, problem=late)
    begun = ko.moment(pod, "status", "startTime")
    scheduled = ko.moment(ko.condition(pod, "PodScheduled"), "lastTransitionTime")
    age = ko.seconds_since(begun or scheduled or ko.moment(pod, "metadata", "creationTimestamp"), case.now)
    node = ko.text(pod, "spec", "nodeName")
    if not begun and age > _KUBELET_PATIENCE:
        text = f"node {short(node)} has not taken up the pod for {duration(age)}: does its kubelet run?"
        return Cause("KubeletSilent", text, NOT_READY, next=steps.cluster(case.evidence, "describe", "node", node))
    late = age > _CREATION_PATIENCE
    step = steps.describe(case, "pod", ko.name_of(pod)) if late else ""
    text = f"containers are being created for {duration(age)}"
    return Cause("Creating", text, NOT_READY, next=step, problem=late)
