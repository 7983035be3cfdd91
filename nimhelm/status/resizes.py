"""Pods whose resources were changed in place: their containers go on, and nothing of it is in the chart."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import Warned
from nimhelm.status.evidence import Case, Evidence, case_of, is_main
from nimhelm.wording import duration, short

# The kubelet needs a moment for a resize that it can do.
_PATIENCE = 60


def resizes(evidence: Evidence) -> list[Warned]:
    """For each service the first pod of which a resize waits, fails, or holds until the pod is made again."""
    found = []
    for service in evidence.graph.services:
        case = case_of(evidence, service)
        # The server counts changes of a pod's specification; of pods with a Vertical Pod Autoscaler they are its work.
        changed = [pod for pod in case.pods if ko.number(pod, "metadata", "generation") > 1 and not _is_scaled(pod)]
        said = (_held(case, pod) or _done(case, pod) for pod in changed)
        found += [warned for warned in said if warned][:1]
    return found


def _is_scaled(pod: ko.Object) -> bool:
    return any(key.startswith("vpa") for key in ko.mapping(pod, "metadata", "annotations"))


def _held(case: Case, pod: ko.Object) -> Warned | None:
    """The node cannot do it, or not yet, in the kubelet's words. Before 1.33 the pod's status has but one word."""
    pending, running = ko.condition(pod, "PodResizePending"), ko.condition(pod, "PodResizeInProgress")
    age = ko.seconds_since(ko.moment(running, "lastTransitionTime"), case.now)
    why = ""
    if pending:
        why = ": ".join(part for part in (ko.text(pending, "reason"), ko.text(pending, "message")) if part)
    elif running and (ko.text(running, "message") or age > _PATIENCE):
        why = ko.text(running, "message") or f"in progress for {duration(age)}"
    elif ko.text(pod, "status", "resize") in ("Deferred", "Infeasible"):
        why = ko.text(pod, "status", "resize")
    if not why:
        return None
    name = ko.name_of(pod)
    return Warned(f"the resize of pod {short(name)} is not done: {short(why, 300)}", steps.describe(case, "pod", name))


def _done(case: Case, pod: ko.Object) -> Warned | None:
    """It has other resources than its Deployment gives the next pod. The step gives them to all pods."""
    status = ko.mapping(case.deployment, "status")
    if ko.condition(pod, "PodResizeInProgress") or ko.number(status, "replicas") > ko.number(status, "updatedReplicas"):
        return None
    differing = list(_differing(case, pod))
    if not differing:
        return None
    name = ko.name_of(pod)
    said = ", ".join(
        f"{path.removeprefix('resources.')} {short(now)} and not {short(made)}" for _, path, now, made in differing
    )
    step = steps.describe(case, "pod", name)
    if all(is_main(case, container) for container, *_ in differing):
        step = steps.set_values(case, *((path, now) for _, path, now, _ in differing))
    return Warned(f"pod {short(name)} was resized to {said}, which its next one has again", step)


def _differing(case: Case, pod: ko.Object) -> Iterator[tuple[str, str, str, str]]:
    """(container, path, amount of the pod, amount of the Deployment)"""
    made = {ko.text(each, "name"): each for each in ko.items(case.deployment, "spec", "template", "spec", "containers")}
    for container in ko.items(pod, "spec", "containers"):
        template = made.get(ko.text(container, "name"))
        for side in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                path = ("resources", side, resource)
                now, before = ko.text(container, *path), ko.text(template, *path)
                if now and before and now != before:
                    yield ko.text(container, "name"), ".".join(path), now, before
