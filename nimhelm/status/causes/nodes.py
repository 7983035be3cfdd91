"""Nodes: pods they evicted or rejected, nodes that are gone, sandboxes they cannot make."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.memory import MEMORY, out_of_memory
from nimhelm.status.evidence import Case, event_time, is_ready, main_of, message_of
from nimhelm.wording import count, duration, short

_RECENT = 3600
_EVENT_SETTLES = 10
# Warnings that other functions judge: what these do not name is over, or is the normal course.
_KNOWN_WARNINGS = (
    "Unhealthy",
    "BackOff",
    "Failed",
    "FailedScheduling",
    "FailedToRetrieveImagePullSecret",
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedCreatePodSandBox",
    "NetworkNotReady",
    "NodeNotReady",
    # Of the node's settings or of the pod before: no pod fails to start for them.
    "DNSConfigForming",
    "ProbeWarning",
    "FailedPreStopHook",
    "ExceededGracePeriod",
)


# Before a container starts, the kubelet looks itself whether the pod may run here.
_REJECTIONS = (
    "UnexpectedAdmissionError",
    "NodeAffinity",
    "TopologyAffinityError",
    "SysctlForbidden",
    "PodOSNotSupported",
)
# What the condition of a pod says that its own node ended.
_KUBELET = "TerminationByKubelet"
_SANDBOX = re.compile(r"^(?:Failed to create pod sandbox: )?(?:rpc error: code = \w+ desc = )?")


def departed_pods(case: Case) -> Cause | None:
    """Pods that a node evicted or rejected within the hour. The Deployment replaces them, at first."""
    lost = _lost_lately(case)
    if not lost:
        return None
    _, pod = lost[0]
    code, text, message = _end_of(case, pod)
    state = FAILED if len(lost) > 1 else NOT_READY
    step = steps.describe(case, "pod", ko.name_of(pod))
    times = f" ({count(len(lost), 'pod')} so far)" if len(lost) > 1 else ""
    return Cause(code, f"{text}{times}", state, short(message, 600), step)


def evicted_pods(case: Case) -> list[tuple[int, str, ko.Object]]:
    """The pods that their nodes evicted within the hour, newest first: (the age of its end, why, the pod)."""
    ends = [(age, *_end_of(case, pod), pod) for age, pod in _lost_lately(case) if _ended_by(pod) in ("", _KUBELET)]
    return [(age, text, pod) for age, code, text, _, pod in ends if code == "Evicted"]


def _lost_lately(case: Case) -> list[tuple[int, ko.Object]]:
    """The pods that ended within the hour, newest first, each with the age of its end."""
    lost = [(_left_at(case, pod), pod) for pod in case.departed]
    # The kubelet's event may come a moment after the end of which it tells.
    told = [(age, pod) for age, pod in lost if age > _EVENT_SETTLES or _reason_of(case, pod)[0]]
    return sorted((item for item in told if item[0] < _RECENT), key=lambda item: item[0])


def _end_of(case: Case, pod: ko.Object) -> tuple[str, str, str]:
    """(code, words, what the cluster says) of a pod that is over."""
    reason, message = _reason_of(case, pod)
    return (*_why(reason, message), message)


def _reason_of(case: Case, pod: ko.Object) -> tuple[str, str]:
    """(reason, message) from whatever tells of the pod's end."""
    reason, message = ko.text(pod, "status", "reason"), ko.text(pod, "status", "message")
    return (reason, message) if reason else _disrupted(pod) or _told(case, pod) or ("", message)


def _ended_by(pod: ko.Object) -> str:
    """Who ended the pod, "" if it does not say so."""
    condition = ko.condition(pod, "DisruptionTarget")
    return ko.text(condition, "reason") if ko.text(condition, "status") == "True" else ""


def _disrupted(pod: ko.Object) -> tuple[str, str] | None:
    """(reason, message) of a pod that only its condition tells of."""
    by = _ended_by(pod)
    said = ko.text(ko.condition(pod, "DisruptionTarget"), "message") or by
    reason = {"PreemptionByScheduler": "Preempted", _KUBELET: "Terminated" if "shut" in said else "Evicted"}
    return (reason.get(by, "Evicted"), said) if by else None


def _told(case: Case, pod: ko.Object) -> tuple[str, str] | None:
    """What the kubelet reported of a pod whose server then exited with 0: the pod itself does not tell."""
    events = case.evidence.events_of("Pod", ko.name_of(pod), "Evicted", "Preempting")
    return (ko.text(events[0], "reason"), message_of(events[0])) if events else None


def _why(reason: str, message: str) -> tuple[str, str]:
    said = short(message) or short(reason) or "no reason given"
    if reason == "Evicted":
        if match := re.search(r'Usage of EmptyDir volume "([^"]+)" exceeds the limit "([^"]+)"', message):
            return "Evicted", f"evicted: emptyDir {short(match[1])} outgrew its limit of {short(match[2])}"
        if "ephemeral local storage usage exceeds" in message:
            return "Evicted", f"evicted: {said}"
        if match := re.search(r"low on resource: ([a-z-]+)", message):
            return "Evicted", f"evicted: the node ran low on {match[1]}"
        return "Evicted", f"evicted: {said}"
    if reason in ("Preempted", "Preempting"):
        return "Preempted", f"a pod with a higher priority took its place: {said}"
    if reason in ("Terminated", "NodeShutdown", "Shutdown") and "shut" in message:
        return "NodeShutdown", "the node under the pod was shut down"
    if reason in _REJECTIONS or reason.startswith("OutOf"):
        return "NodeRejected", f"the node rejected the pod: {said}"
    if not reason:
        return "PodFailed", f"the pod failed: {said}" if message else "the pod ended, and nothing says why"
    return short(reason), f"{short(reason)}: {said}"


def _left_at(case: Case, pod: ko.Object) -> int:
    """The age of the pod's end, in seconds."""
    transitions = [ko.moment(each, "lastTransitionTime") for each in ko.items(pod, "status", "conditions")]
    ends = [each for each in transitions if each]
    return ko.seconds_since(max(ends) if ends else ko.moment(pod, "metadata", "creationTimestamp"), case.now)


def node_not_ready(case: Case, pod: ko.Object) -> Cause | None:
    """The node under the pod is gone or not ready."""
    node = ko.text(pod, "spec", "nodeName")
    if not node:
        return None
    if case.evidence.nodes and node not in case.evidence.nodes:
        step = steps.cluster(case.evidence, "get", "nodes")
        return Cause("NodeGone", f"node {short(node)}, which had the pod, is gone", NOT_READY, next=step)
    ready = ko.condition(case.evidence.nodes.get(node), "Ready")
    told = _told_of_node(case, pod)
    lost = ko.text(pod, "status", "reason") == "NodeLost"
    if lost or (told and not ready) or (ready and ko.text(ready, "status") != "True"):
        since = ko.moment(ready, "lastTransitionTime")
        age = f" for {duration(ko.seconds_since(since, case.now))}" if since else ""
        text = f"node {short(node)} is not ready{age}"
    elif told:
        ago = duration(ko.seconds_since(event_time(told), case.now))
        text = f"node {short(node)} was not ready {ago} ago, and has not reported the pod as ready since"
    else:
        return None
    detail = short(ko.text(ready, "message") or (message_of(told) if told else ""), 600)
    return Cause("NodeNotReady", text, NOT_READY, detail, steps.cluster(case.evidence, "describe", "node", node))


def _told_of_node(case: Case, pod: ko.Object) -> ko.Object | None:
    """The event with which the control plane took readiness from the pod, unless the node has reported since."""
    told = case.evidence.events_of("Pod", ko.name_of(pod), "NodeNotReady")
    if not told or is_ready(pod) or ko.seconds_since(event_time(told[0]), case.now) > _RECENT:
        return None
    changed = ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime")
    since = (changed - event_time(told[0])).total_seconds() if changed else 0
    return told[0] if since < _EVENT_SETTLES else None


def under_ready_pods(case: Case) -> Cause | None:
    """A node that does not answer has a pod that was ready when it last did: the control plane notes that later."""
    found = (node_not_ready(case, pod) for pod in case.pods if is_ready(pod))
    return next((cause for cause in found if cause), None)


def sandbox(case: Case, pod: ko.Object) -> Cause | None:
    """The node cannot make the pod's sandbox: network, runtime class. Gone once one is there."""
    if ko.text(ko.condition(pod, "PodReadyToStartContainers"), "status") == "True" or ko.text(pod, "status", "podIP"):
        return None
    events = case.evidence.events_of("Pod", ko.name_of(pod), "FailedCreatePodSandBox", "NetworkNotReady")
    if not events:
        return None
    message = message_of(events[0])
    look = steps.describe(case, "pod", ko.name_of(pod))
    if match := re.search(r'no runtime for "([^"]+)" is configured', message):
        text = f"the node's container runtime has no handler {short(match[1])} (runtime class)"
        return Cause(
            "RuntimeHandlerMissing",
            text,
            FAILED,
            short(message, 600),
            steps.cluster(case.evidence, "get", "runtimeclasses"),
        )
    if MEMORY.search(message):  # the limit of the pod as a whole, which is that of its containers together
        return out_of_memory(case, pod, main_of(case, pod))._replace(detail=short(message, 600))
    age = ko.seconds_since(event_time(events[0]), case.now)
    text = f"the node cannot make the pod's sandbox: {short(_SANDBOX.sub('', message), 300)}"
    return Cause(ko.text(events[0], "reason"), text, NOT_READY, short(message, 600), look, problem=age < _RECENT)


def unknown_warning(case: Case, pod: ko.Object) -> Cause | None:
    """The newest warning about the pod that no other function recognises, unchanged."""
    for event in case.evidence.events_of("Pod", ko.name_of(pod)):
        recent = ko.seconds_since(event_time(event), case.now) < 600
        if ko.text(event, "type") == "Warning" and ko.text(event, "reason") not in _KNOWN_WARNINGS and recent:
            reason, message = short(ko.text(event, "reason")) or "Warning", short(message_of(event))
            since = duration(ko.seconds_since(event_time(event), case.now))
            text = f"{reason}: {message}"
            return Cause(
                reason, text, NOT_READY, f"{since} ago: {message}", steps.describe(case, "pod", ko.name_of(pod))
            )
    return None
