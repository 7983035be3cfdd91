"""Pods that no node takes: GPUs, taints, selectors, claims, and the GPU that a waiting service holds."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, PENDING, Cause
from nimhelm.status.causes import placement, queues
from nimhelm.status.causes.rollout import overdue
from nimhelm.status.causes.storage import claim_of_message, claims_of, elsewhere, pending_claim
from nimhelm.status.evidence import Case, event_time, has_ended, message_of
from nimhelm.status.fit import fits_of, free_of, requests_of, shown
from nimhelm.wording import count, duration, short

_INSUFFICIENT = re.compile(r"Insufficient ([A-Za-z0-9][-A-Za-z0-9._/]*)")
_BASIC = ("cpu", "memory", "ephemeral-storage", "pods")
# The scheduler takes up a pod within a second; victims of a preemption have their grace period.
_SCHEDULER_PATIENCE, _PREEMPTION_PATIENCE = 60, 300
_PREEMPTED_LATELY = 3600
# Seconds that a service gets to become ready on the GPU that was given up for it.
_TURN = 1800


def unschedulable(case: Case, pod: ko.Object) -> Cause | None:
    """The pod has no node and the scheduler said why.

    Always Pending, never Failed: it resolves itself when a GPU becomes free or the cluster grows a node, and helm and
    cluster autoscalers count on that.
    """
    scheduled = ko.condition(pod, "PodScheduled")
    if ko.text(pod, "spec", "nodeName") or ko.text(scheduled, "status") == "True":
        return None
    message = ko.text(scheduled, "message") or _last_event(case, pod)
    if ko.text(scheduled, "reason") == "SchedulingGated":
        if held := queues.queued(case, pod):
            return _queued(case, held)
        gates = ", ".join(short(ko.text(each, "name")) for each in ko.items(pod, "spec", "schedulingGates"))
        return Cause(
            "SchedulingGated",
            f"scheduling is held by {gates or 'a gate'}",
            PENDING,
            short(message, 600),
            _look(case, pod),
        )
    if not message:
        return None
    if node := ko.text(pod, "status", "nominatedNodeName"):
        age = ko.seconds_since(ko.moment(scheduled, "lastTransitionTime"), case.now)
        text = f"pods of lower priority end on node {short(node)} to make room"
        if age < _PREEMPTION_PATIENCE:
            return Cause("Preempting", text, PENDING, short(message, 600), problem=False)
    cause = _explain(case, pod, message)._replace(detail=short(message, 600))
    if preempted := _preempted(case):
        return cause._replace(code="Preempted", text=f"{preempted}; {cause.text}")
    return cause


def unnoticed(case: Case, pod: ko.Object) -> Cause | None:
    """No scheduler has said a word about the pod."""
    if ko.text(pod, "spec", "nodeName") or ko.condition(pod, "PodScheduled") or _last_event(case, pod):
        return None
    # A scheduler that has chosen a node says nothing until the volumes are made there.
    if claim := next((cause for each in claims_of(pod) if (cause := pending_claim(case, each))), None):
        return claim
    age = ko.seconds_since(ko.moment(pod, "metadata", "creationTimestamp"), case.now)
    if age < _SCHEDULER_PATIENCE:
        return None
    wanted = ko.text(pod, "spec", "schedulerName") or "default-scheduler"
    text = f"no scheduler has looked at the pod for {duration(age)}: is {short(wanted)}, which it names, running?"
    return Cause("NoScheduler", text, PENDING, next=_look(case, pod))


def _preempted(case: Case) -> str:
    """A pod of higher priority took the place of one of the service's pods: who and when, "" if none did lately."""
    of_service = re.compile(re.escape(case.name) + r"-[a-z0-9]+-[a-z0-9]{5}")
    events = [
        event
        for (kind, name), found in case.evidence.events.items()
        for event in found
        if kind == "Pod" and ko.text(event, "reason") == "Preempted" and of_service.fullmatch(name)
    ]
    if not events:
        return ""
    newest = max(events, key=event_time)
    age = ko.seconds_since(event_time(newest), case.now)
    on = re.search(r"on node (\S+)", message_of(newest))
    where = f" on node {short(on[1])}" if on else ""
    return f"preempted {duration(age)} ago by a pod of higher priority{where}" if age < _PREEMPTED_LATELY else ""


def _queued(case: Case, held: queues.Queued) -> Cause:
    """Kueue holds the pod; who waits for this service may hold the quota that it needs."""
    resource = queues.lacking(held)
    if resource and (holders := _waiting_holders(case, resource)):
        return _held(case, resource, holders)
    return queues.explain(case, held)


def _last_event(case: Case, pod: ko.Object) -> str:
    events = case.evidence.events_of("Pod", ko.name_of(pod), "FailedScheduling")
    return message_of(events[0]) if events else ""


def _explain(case: Case, pod: ko.Object, message: str) -> Cause:
    """The scheduler's sentence in other words. Claims first: nothing else counts while they are unbound."""
    if (claim := claim_of_message(case, pod, message)) is not None:
        return claim
    if volume := elsewhere(case, pod, message):
        return volume
    fits = fits_of(pod, list(case.evidence.nodes.values()))
    if placed := placement.node_refuses(case, pod, fits):
        return placed
    lacking = list(dict.fromkeys(each.rstrip(".") for each in _INSUFFICIENT.findall(message)))
    if ending := _ending(case, pod, lacking):
        return ending
    extended = [each for each in lacking if each not in _BASIC and not each.startswith("hugepages-")]
    if extended:
        return _no_gpu(case, pod, extended[0], message)
    if lacking:
        amounts = placement.amounts(case, pod, lacking)
        text = f"no node has enough {', '.join(lacking)} free" + (f": {amounts}" if amounts else "")
        return Cause("Insufficient", text, PENDING, next=_look_at_nodes(case))
    return placement.by_words(case, pod, message)


def _ending(case: Case, pod: ko.Object, lacking: list[str]) -> Cause | None:
    """What the pod lacks is still held by pods of the service that are being deleted, and comes free with them."""
    leaving = [(each, late) for each in case.evidence.pods.get(case.name, []) if (late := overdue(case.evidence, each))]
    leaving = [(each, late) for each, late in leaving if ko.text(each, "spec", "nodeName") and not has_ended(each)]
    wanted = requests_of(pod)
    for resource in lacking:
        held = sum(requests_of(each).get(resource, 0) for each, _ in leaving)
        if held and held >= wanted.get(resource, 0):
            worst = max((late for _, late in leaving), key=lambda late: late.age)
            text = f"no free {resource}: {worst.text}, and holds {shown(resource, held)}"
            return Cause("PodTerminating", text, PENDING, next=worst.step, problem=worst.late)
    return None


def _no_gpu(case: Case, pod: ko.Object, resource: str, message: str) -> Cause:
    """Not enough of an extended resource: held by a waiting service, absent from every node, or plainly in use."""
    wanted = requested(pod, resource)
    if holders := _waiting_holders(case, resource):
        return _held(case, resource, holders)
    offers = [ko.number(node, "status", "allocatable", resource) for node in case.evidence.nodes.values()]
    look = _look_at_nodes(case, resource)
    if offers and max(offers) == 0:
        return Cause(
            "NoGPUNode", f"no node offers {resource}: is its device plugin (GPU Operator) running?", PENDING, next=look
        )
    if offers and max(offers) < wanted:
        return Cause(
            "GPUTooMany", f"asks for {wanted} {resource}, the largest node has {max(offers)}", PENDING, next=look
        )
    nodes = re.match(r"0/(\d+) nodes", message)
    of = f" on {count(int(nodes[1][:9]), 'node')}" if nodes else ""
    have = f", {sum(offers)} in the cluster" if offers else ""
    free = [each for node in case.evidence.nodes.values() if (each := free_of(node, resource)) is not None]
    if free:
        have = f", {shown(resource, max(free))} free on a node{have}"
    text = f"no free {resource}{of}: asks for {wanted} a pod{have}"
    return Cause("InsufficientGPU", text, PENDING, next=look)


def _waiting_holders(case: Case, resource: str) -> list[tuple[str, int]]:
    """The services that wait for this one while their pods hold the resource: (who, how much), in start order."""
    idle = case.evidence.at_gates
    waiters = case.evidence.all_dependants(case.name) & idle.keys() if idle else set()
    held = [
        (each.name, sum(requested(pod, resource) for pod in idle[each.name]))
        for each in case.evidence.graph.services
        if each.name in waiters
    ]
    return [(name, amount) for name, amount in held if amount]


def _held(case: Case, resource: str, holders: list[tuple[str, int]]) -> Cause:
    """The way out by hand: send the waiting one, and who waits for it, away until this one runs.

    They come back whatever becomes of this one: another namespace may be the first to take what gets free, and somebody
    may break off the waiting, which ends kubectl and not the subshell.
    """
    evidence, names = case.evidence, {service.name: service for service in case.evidence.graph.services}
    held = " and ".join(f"{short(who)} holds {amount}" for who, amount in holders[:3])
    text = f"no free {resource}: {held} while waiting for this service"
    first = holders[0][0]
    sent = [name for name in names if name == first or name in evidence.all_dependants(first)]
    away = steps.upgrade(evidence, *((f"{name}.replicas", 0) for name in sent))
    until = steps.command(evidence, "rollout", "status", steps.workload(case), f"--timeout={_TURN}s")
    back = steps.upgrade(evidence, *((f"{name}.replicas", names[name].replicas or 1) for name in sent))
    return Cause("GPUHeldByWaiter", text, PENDING, next=f"(trap : INT HUP; {away} && {until}; {back})")


def requested(pod: ko.Object, resource: str) -> int:
    """How much of it the pod counts for: the greater of its containers together and any one init container."""
    together = sum(_asks(each, resource) for each in ko.items(pod, "spec", "containers"))
    return max([together, *(_asks(each, resource) for each in ko.items(pod, "spec", "initContainers"))])


def _asks(container: ko.Object, resource: str) -> int:
    return ko.number(container, "resources", "requests", resource) or ko.number(
        container, "resources", "limits", resource
    )


def unbound_claim(case: Case, pod: ko.Object) -> Cause | None:
    """A claim of the pod that is not bound, whatever the scheduler said or did not say yet."""
    if ko.text(pod, "spec", "nodeName"):
        return None
    found = [pending_claim(case, claim) for claim in claims_of(pod)]
    return next((cause for cause in found if cause is not None and cause.state == FAILED), None)


def _look(case: Case, pod: ko.Object) -> str:
    return steps.describe(case, "pod", ko.name_of(pod))


def _look_at_nodes(case: Case, resource: str = "") -> str:
    if not resource:
        return steps.cluster(case.evidence, "describe", "nodes")
    escaped = resource.replace(".", r"\.")
    return steps.cluster(
        case.evidence, "get", "nodes", "-o", f"custom-columns=NODE:.metadata.name,HAS:.status.allocatable.{escaped}"
    )
