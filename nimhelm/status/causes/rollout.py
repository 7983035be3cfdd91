"""The workload itself: absent, refused by the API server, out of its deadline, scaled away."""

from __future__ import annotations

import re
from datetime import datetime

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, PENDING, Cause
from nimhelm.status.causes import limits
from nimhelm.status.evidence import Case, elsewhere, event_time, held_by, message_of
from nimhelm.status.graph import DEPLOYMENT, RELEASE_LABEL
from nimhelm.status.readiness import is_being_deleted, workload_of
from nimhelm.wording import duration, short

# An administrator's own words are the ones that help: they are shown whole.
_WHOLE = 500
# Between Helm's creating the workload and its controller's first pod.
_CONTROLLER_PATIENCE = 60
# A controller takes its finalizer off in seconds; a node may need long to end a pod.
_FINALIZER_PATIENCE, _TERMINATION_PATIENCE = 20, 300
# A refused pod is tried again at growing distances, of a quarter of an hour in the end.
_REFUSAL_STANDS = 1200

# What the API server says, the cause's code, and how it is put; {0} and so on are the pattern's groups.
REFUSALS = (
    (
        r"unable to create new content in namespace (\S+) because it is being terminated",
        "NamespaceTerminating",
        "namespace {0} is being deleted",
    ),
    (
        r"Limit must be set for non overcommitable resources",
        "GPULimitMissing",
        "GPU requests without an equal limit are refused",
    ),
    (
        r"must be equal to ([A-Za-z0-9][-A-Za-z0-9._/]*) limit",
        "GPULimitUnequal",
        "request and limit of {0} differ",
    ),
    (
        r"exceeded quota: ([^\s,]+), requested: ([^,]+)",
        "QuotaExceeded",
        "quota {0} is used up: asks for {1}",
    ),
    (r"failed quota: ([^\s:]+): must specify (.+)", "QuotaNeedsLimits", "quota {0} wants {1} to be set"),
    (
        r'violates PodSecurity "([^"]+)": (.+)',
        "PodSecurity",
        "the namespace's PodSecurity level {0} forbids: {1}",
    ),
    (
        r"unable to validate against any security context constraint",
        "SecurityContextConstraint",
        "no security context constraint (OpenShift) allows the pod",
    ),
    (r'serviceaccount "([^"]+)" not found', "ServiceAccountMissing", "service account {0} does not exist"),
    (r'RuntimeClass "?([^"\s]+)"? not found', "RuntimeClassMissing", "runtime class {0} does not exist"),
    (
        r"no PriorityClass with name (\S+) was found",
        "PriorityClassMissing",
        "priority class {0} does not exist",
    ),
    (
        r'admission webhook "([^"]+)" denied the request: ?(.*)',
        "WebhookDenied",
        "webhook {0} denies the pod: {1}",
    ),
    (
        r'failed calling webhook "([^"]+)".*(x509: .*)',
        "WebhookUnreachable",
        "the API server does not trust webhook {0}: {1}",
    ),
    (r'failed calling webhook "([^"]+)": ?(.*)', "WebhookUnreachable", "webhook {0} does not answer: {1}"),
    (
        r"ValidatingAdmissionPolicy '([^']+)'(?: with binding '[^']+')? denied request: ?(.*)",
        "AdmissionPolicy",
        "admission policy {0} denies the pod: {1}",
    ),
    (
        r"(?:(?:maximum|minimum) \S+ usage per|\S+ max limit to request ratio per) (?:Container|Pod|PersistentVolumeClaim) is .*",
        "LimitRange",
        "the namespace's LimitRange forbids it: {whole}",
    ),
)


def namespace_leaving(case: Case) -> Cause | None:
    """The namespace is being deleted: all that is missing went with it, and nothing can be made in it."""
    evidence = case.evidence
    found = evidence.leaving_namespace
    if not found:
        return None
    kinds = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionDiscoveryFailure")
    told = [ko.condition(found, kind) for kind in kinds]
    held = next((ko.text(each, "message") for each in told if ko.text(each, "status") == "True"), "")
    text = f"namespace {short(ko.name_of(found))} is being deleted" + (f": {short(held, _WHOLE)}" if held else "")
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
    for pattern, code, text in REFUSALS:
        if match := re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            groups = [short(group or "", _WHOLE) for group in match.groups()]
            said = text.format(*groups, whole=short(match[0], _WHOLE))
            if code == "LimitRange" and (cause := limits.helpers_refused(case, match[0])):
                return cause._replace(detail=detail)
            return Cause(code, f"{lacking}: {said}", FAILED, detail, _step(case, code, groups))
    said = re.sub(r"^Error creating: ", "", message)
    return Cause("FailedCreate", f"{lacking}: {short(said, _WHOLE)}", FAILED, detail, _look(case))


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


def _step(case: Case, code: str, found: list[str]) -> str:
    evidence = case.evidence
    if code in ("GPULimitMissing", "GPULimitUnequal"):  # the chart makes both equal: something else changed them
        kind, _, name = steps.workload(case).partition("/")
        return steps.command(evidence, "get", kind, name, "-o", "jsonpath={..containers[*].resources}")
    if code == "PodSecurity" and found[0].startswith("restricted"):
        return steps.upgrade(evidence, ("global.nimhelm.restricted", True))
    if code == "AdmissionPolicy":
        return steps.cluster(evidence, "get", "validatingadmissionpolicy", found[0], "-o", "yaml")
    if code == "ServiceAccountMissing" and _is_ours(case, "ServiceAccount", found[0]):
        return steps.upgrade(evidence)
    named = {
        "QuotaExceeded": ("describe", "resourcequota"),
        "QuotaNeedsLimits": ("describe", "resourcequota"),
        "ServiceAccountMissing": ("create", "serviceaccount"),
    }
    if code in named:
        return steps.command(evidence, *named[code], found[0])
    listed = {
        "RuntimeClassMissing": "runtimeclasses",
        "PriorityClassMissing": "priorityclasses",
        "WebhookUnreachable": "validatingwebhookconfigurations,mutatingwebhookconfigurations",
        "WebhookDenied": "validatingwebhookconfigurations,mutatingwebhookconfigurations",
    }
    if code in listed:
        return steps.cluster(evidence, "get", listed[code])
    if code == "NamespaceTerminating":
        return steps.cluster(evidence, "get", "namespace", found[0], "-o", "yaml")
    if code == "LimitRange":
        return steps.command(evidence, "describe", "limitrange")
    return _look(case)


def _is_ours(case: Case, kind: str, name: str) -> bool:
    """Whether the chart makes it: helm refuses to take over what somebody else makes in its place."""
    snapshot = case.evidence.snapshot
    return name == case.name if snapshot.manifest is None else bool(snapshot.recorded(kind, name))


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
    leaving = [pod for pod in case.evidence.pods.get(case.name, []) if ko.dig(pod, "metadata", "deletionTimestamp")]
    ages = [
        (ko.seconds_since(ko.moment(pod, "metadata", "deletionTimestamp"), case.now), ko.name_of(pod), pod)
        for pod in leaving
    ]
    if not ages:
        return None
    age, name, pod = max(ages, key=lambda item: item[:2])
    text = f"pod {short(name)} has not ended yet" + (f", due {duration(age)} ago" if age else "")
    look = steps.describe(case, "pod", name)
    if held := held_by(pod):
        step = steps.command(case.evidence, "get", "pod", name, "-o", "jsonpath={.metadata.finalizers}")
        late = age > _FINALIZER_PATIENCE
        return Cause("PodTerminating", f"{text}{held}", PENDING, next=step, problem=late)
    late = age > _TERMINATION_PATIENCE
    return Cause("PodTerminating", text, PENDING, next=look if late else "", problem=late)


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
