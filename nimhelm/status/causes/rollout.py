"""The workload itself: absent, refused by the API server, out of its deadline, scaled away."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, PENDING, Cause
from nimhelm.status.causes import limits, refusals
from nimhelm.status.evidence import Case, Evidence, elsewhere, event_time, held_by, message_of
from nimhelm.status.graph import DEPLOYMENT, RELEASE_LABEL
from nimhelm.status.readiness import is_being_deleted, workload_of
from nimhelm.wording import duration, short

# Between Helm's creating the workload and its controller's first pod.
_CONTROLLER_PATIENCE = 60
# A controller takes its finalizer off in seconds; a node may need long to end a pod.
_FINALIZER_PATIENCE, _TERMINATION_PATIENCE = 20, 300
# A refused pod is tried again at growing distances, of a quarter of an hour in the end.
_REFUSAL_STANDS = 1200


def namespace_leaving(case: Case) -> Cause | None:
    """The namespace is being deleted: all that is missing went with it, and nothing can be made in it."""
    evidence = case.evidence
    found = evidence.leaving_namespace
    if not found:
        return None
    kinds = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionDiscoveryFailure")
    told = [ko.condition(found, kind) for kind in kinds]
    held = next((ko.text(each, "message") for each in told if ko.text(each, "status") == "True"), "")
    text = f"namespace {short(ko.name_of(found))} is being deleted" + (
        f": {short(held, refusals.WHOLE)}" if held else ""
    )
    step = steps.cluster(evidence, "get", "namespace", ko.name_of(found), "-o", "yaml")
    return Cause("NamespaceTerminating", text, FAILED, next=step)


def workload_missing(case: Case) -> Cause | None:
    """The graph names a Deployment that the cluster does not have, or that another release has."""
    if case.deployment is not None or case.service.workload != DEPLOYMENT:
        return None
    release = case.evidence.graph.release
    there = case.evidence.snapshot.named("deployments", case.name)
    if there and ko.text(there, "metadata", "annotations", "meta.helm.sh/release-name") == release:
        text = f"Deployment {short(case.name)} has lost its label {RELEASE_LABEL}={short(release)}"
        return Cause("OtherRelease", text, NOT_READY, next=steps.upgrade(case.evidence))
    if there:
        return not_ours(case, "Deployment", there)
    text = f"Deployment {short(case.name)} does not exist"
    if case.pods:
        text += ": its pods run on, and nothing replaces them"
    elif refused := refusals.by_helm(case, "Deployment", case.name):
        step = refused.step or steps.upgrade(case.evidence)
        return Cause("WorkloadMissing", f"{text}: {refused.text}", FAILED, next=step)
    return Cause("WorkloadMissing", text, NOT_READY if case.pods else PENDING, next=steps.upgrade(case.evidence))


def not_ours(case: Case, kind: str, there: ko.Object) -> Cause:
    """An object with the service's name that another release has taken over, or nobody's."""
    owner = elsewhere(there, case.evidence.graph.release)
    whose = f"release {short(owner)}, not to this one" if owner else "no release"
    step = steps.command(case.evidence, "get", kind.lower(), case.name, "--show-labels")
    return Cause("OtherRelease", f"{kind} {short(case.name)} belongs to {whose}", FAILED, next=step)


def creation_refused(case: Case) -> Cause | None:
    """The API server refuses the pods: the Deployment is there, and pods are missing."""
    message = _refusal(case)
    if not message:
        return None
    detail, lacking = short(message, 600), "no new pods" if case.pods else "no pods"
    if refused := refusals.understood(case, message):
        if refused.code == "LimitRange" and (cause := limits.helpers_refused(case, refused.said)):
            return cause._replace(detail=detail)
        return Cause(refused.code, f"{lacking}: {refused.text}", FAILED, detail, refused.step or _look(case))
    said = re.sub(r"^Error creating: ", "", message)
    return Cause("FailedCreate", f"{lacking}: {short(said, refusals.WHOLE)}", FAILED, detail, _look(case))


def workload_leaving(case: Case) -> Cause | None:
    """The workload is being deleted: its pods go, and nothing replaces them."""
    if not is_being_deleted(case):
        return None
    kind, _, name = steps.workload(case).partition("/")
    text = f"{kind} {short(name)} is being deleted{held_by(workload_of(case))}"
    return Cause(
        "WorkloadTerminating", text, FAILED, next=steps.command(case.evidence, "get", kind, name, "-o", "yaml")
    )


def _refusal(case: Case) -> str:
    """What the API server said, from the Deployment, its ReplicaSets, or where they are not read, from events."""
    failing = ko.condition(case.deployment, "ReplicaFailure")
    if ko.text(failing, "status") == "True":
        return ko.text(failing, "message") or ko.text(failing, "reason")
    progressing = ko.condition(case.deployment, "Progressing")
    if ko.text(progressing, "reason") == "ReplicaSetCreateError":
        return ko.text(progressing, "message") or ko.text(progressing, "reason")
    for owner in case.evidence.replicasets.get(case.name, []):
        failing = ko.condition(owner, "ReplicaFailure")
        if ko.text(failing, "status") == "True" and ko.number(owner, "spec", "replicas"):
            return ko.text(failing, "message") or ko.text(failing, "reason")
    if case.pods:
        return ""
    events = case.evidence.creation_events.get(case.name, [])
    recent = [event for event in events if ko.seconds_since(event_time(event), case.now) < _REFUSAL_STANDS]
    return (message_of(recent[0]) or "FailedCreate") if recent else ""


def deadline_exceeded(case: Case) -> Cause | None:
    """The Deployment made no progress within progressDeadlineSeconds."""
    progressing = ko.condition(case.deployment, "Progressing")
    if ko.text(progressing, "reason") != "ProgressDeadlineExceeded":
        return None
    seconds = ko.number(case.deployment, "spec", "progressDeadlineSeconds")
    text = "no progress within its deadline" + (f" of {duration(seconds)}" if seconds else "")
    container = [] if case.service.workload != DEPLOYMENT else ["-c", f"{case.name}-ctr"]
    step = steps.command(case.evidence, "logs", steps.workload(case), *container, "--tail=50")
    return Cause("ProgressDeadline", text, FAILED, short(ko.text(progressing, "message"), 600), step)


def scaled_away(case: Case) -> Cause | None:
    """Someone scaled it to zero, or paused its rollout."""
    if case.deployment is None:
        return None
    if _wants_none(case):
        if case.service.autoscaled:  # the chart never asks for fewer than the autoscaler's least
            text = "scaled to 0 replicas, fewer than its autoscaler's least"
            return Cause("ScaledToZero", text, NOT_READY, next=steps.upgrade(case.evidence))
        step = steps.set_values(case, ("replicas", case.service.replicas or 1))
        return Cause("ScaledToZero", "scaled to 0 replicas", NOT_READY, next=step)
    if ko.true(case.deployment, "spec", "paused"):
        step = steps.command(case.evidence, "rollout", "resume", steps.workload(case))
        return Cause("RolloutPaused", "its rollout is paused", NOT_READY, next=step)
    return None


def _wants_none(case: Case) -> bool:
    spec = ko.mapping(case.deployment, "spec")
    return "replicas" in spec and ko.number(spec, "replicas") == 0


def old_pods_stay(case: Case) -> Cause | None:
    """Pods that should have ended keep their place: a node that is gone, a finalizer."""
    if case.pods or _wants_none(case):
        return None
    found = [each for pod in case.evidence.pods.get(case.name, []) if (each := overdue(case.evidence, pod))]
    if not found:
        return None
    worst = max(found, key=lambda each: each.age)
    return Cause("PodTerminating", worst.text, PENDING, next=worst.step, problem=worst.late)


class Overdue(NamedTuple):
    """A pod that is being deleted: how long ago it should have ended, and whether that is too long."""

    age: int
    text: str
    step: str
    late: bool


def overdue(evidence: Evidence, pod: ko.Object) -> Overdue | None:
    """What keeps a pod that is being deleted, None for one that is not."""
    due = ko.moment(pod, "metadata", "deletionTimestamp")
    if due is None:
        return None
    age, name, held = ko.seconds_since(due, evidence.now), ko.name_of(pod), held_by(pod)
    text = f"pod {short(name)} has not ended yet" + (f", due {duration(age)} ago" if age else "") + held
    late = age > (_FINALIZER_PATIENCE if held else _TERMINATION_PATIENCE)
    step = ""
    if held:
        step = steps.command(evidence, "get", "pod", name, "-o", "jsonpath={.metadata.finalizers}")
    elif late:
        step = steps.command(evidence, "describe", "pod", name)
    return Overdue(age, text, step, late)


def no_pods_yet(case: Case) -> Cause | None:
    """The workload exists and has no pods, and no event says why."""
    if case.pods or _wants_none(case):
        return None
    created = ko.moment(case.deployment, "metadata", "creationTimestamp") or _release_created(case)
    age = ko.seconds_since(created, case.now)
    late = age > _CONTROLLER_PATIENCE
    kind, _, name = steps.workload(case).partition("/")
    text = "no pods yet" + (f" after {duration(age)}" if late else "")
    return Cause("NoPods", text, PENDING, next=steps.describe(case, kind, name) if late else "", problem=late)


def _release_created(case: Case) -> datetime | None:
    graphs = case.evidence.snapshot.of("configmaps")
    return next((ko.moment(each, "metadata", "creationTimestamp") for each in graphs), None)


def _look(case: Case) -> str:
    kind, _, name = steps.workload(case).partition("/")
    return steps.describe(case, kind, name)
