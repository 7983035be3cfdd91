"""Pods that Kueue holds back until their queue lets them pass.

Source: https://kueue.sigs.k8s.io/docs/concepts/workload/
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import PENDING, Cause
from nimhelm.status.evidence import Case
from nimhelm.wording import short

GATE = "kueue.x-k8s.io/admission"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
_WORKLOADS = "workloads.kueue.x-k8s.io"
_NOT_COVERED = re.compile(r"resource (\S+) unavailable in ClusterQueue")
_NOT_FREE = re.compile(r"insufficient unused quota for (\S+) in flavor \S+, (\S+) more needed")
_NEVER = re.compile(r"insufficient quota for (\S+) in flavor .*request \((\S+)\) > maximum capacity \((\S+)\)")


class Queued(NamedTuple):
    """A pod that Kueue holds, its queue, and Kueue's own object for it, {} where there is none."""

    pod: ko.Object
    queue: str
    workload: ko.Object

    @property
    def message(self) -> str:
        """Why it has no quota, in Kueue's words."""
        return ko.text(ko.condition(self.workload, "QuotaReserved"), "message")


def is_gated(pod: ko.Object) -> bool:
    """Whether Kueue holds the pod."""
    return any(ko.text(each, "name") == GATE for each in ko.items(pod, "spec", "schedulingGates"))


def queued(case: Case, pod: ko.Object) -> Queued | None:
    """The pod with what Kueue says of it; None if Kueue does not hold it, or its workloads were not read."""
    if not is_gated(pod) or not case.evidence.snapshot.has("workloads"):
        return None
    own = (each for each in case.evidence.snapshot.of("workloads") if _is_of(each, pod))
    return Queued(pod, ko.label(pod, QUEUE_LABEL), next(own, {}))


def _is_of(workload: ko.Object, pod: ko.Object) -> bool:
    owners = ko.items(workload, "metadata", "ownerReferences")
    return any(ko.text(each, "kind") == "Pod" and ko.text(each, "name") == ko.name_of(pod) for each in owners)


def lacking(held: Queued) -> str:
    """The resource of which the queue has too little left, "" if that is not the reason."""
    match = _NOT_FREE.search(held.message)
    return match[1] if match else ""


def explain(case: Case, held: Queued) -> Cause:
    """Why Kueue does not let the pod pass, and what helps."""
    text, step = _why(case, held)
    queue = f"queue {short(held.queue)}" if held.queue else "a queue"
    return Cause(
        "SchedulingGated", f"Kueue holds it in {queue}: {text}", PENDING, short(held.message, 600), step or _look(case)
    )


def _why(case: Case, held: Queued) -> tuple[str, str]:
    message = held.message
    if not held.workload:
        return "it has not looked at the pod", steps.describe(case, "pod", ko.name_of(held.pod))
    if match := _NOT_COVERED.search(message):
        return _not_covered(case, held, match[1])
    if match := _NEVER.search(message):
        resource, wanted, most = match.groups()
        return f"it never has {short(wanted)} {short(resource)}, its quota is {short(most)}", _describe(case, held)
    if match := _NOT_FREE.search(message):
        return f"no quota left, {short(match[2])} more {short(match[1])} needed", ""
    if "LocalQueue" in message and "doesn't exist" in message:
        return "there is no such LocalQueue", steps.command(case.evidence, "get", "localqueues.kueue.x-k8s.io")
    if ko.text(ko.condition(held.workload, "QuotaReserved"), "status") == "True":
        return f"quota is reserved, {_checks(held.workload)}", _describe(case, held)
    return short(message, 300) or "it waits for its turn", _describe(case, held)


def _not_covered(case: Case, held: Queued, resource: str) -> tuple[str, str]:
    """The gates' own small requests can be left out; those of the service are the queue's business."""
    asked = (ko.mapping(each, "resources") for each in ko.items(held.pod, "spec", "containers"))
    if any(resource in (each.get(side) or {}) for each in asked for side in ("requests", "limits")):
        return f"it has no quota for {short(resource)}, which the pod asks for", _describe(case, held)
    # Helm would merge {} with what an earlier upgrade set, and takes null for the default.
    step = steps.upgrade(case.evidence, ("global.nimhelm.helperResources", {"limits": None, "requests": None}))
    return f"it has no quota for {short(resource)}, which only the gates ask for", step


def _checks(workload: ko.Object) -> str:
    waiting = [each for each in ko.items(workload, "status", "admissionChecks") if ko.text(each, "state") != "Ready"]
    names = ", ".join(short(ko.text(each, "name")) for each in waiting[:3])
    return f"admission check {names} is not ready" if names else "it is not admitted yet"


def _describe(case: Case, held: Queued) -> str:
    return steps.describe(case, _WORKLOADS, ko.name_of(held.workload))


def _look(case: Case) -> str:
    return steps.command(case.evidence, "get", _WORKLOADS)
