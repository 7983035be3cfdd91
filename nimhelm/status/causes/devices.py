"""Device claims of dynamic resource allocation that are missing or cannot be allocated."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import PENDING, Cause
from nimhelm.status.evidence import Case, message_of
from nimhelm.wording import short

_CLAIM = re.compile(r"resourceclaim|claims? (?:to be|is not) allocated|allocate all claims|device ?class", re.I)
_NO_CLASS = re.compile(r"device class ([-.\w]+) does not exist")
_NO_TEMPLATE = re.compile(r'resource claim template "([^"]*)".* not found')
# Seconds that a pod may be without a word of the scheduler.
_PATIENCE = 5


def device_claim(case: Case, pod: ko.Object) -> Cause | None:
    """A device claim of the pod that is not allocated; only a pod without a node waits for one."""
    scheduled = ko.condition(pod, "PodScheduled")
    if ko.text(pod, "spec", "nodeName") or ko.text(scheduled, "status") == "True":
        return None
    message = ko.text(scheduled, "message") or _message(case, pod, "FailedScheduling")
    if not message:
        return _template_missing(case, pod) or _claim_missing(case, pod)
    if match := _NO_CLASS.search(message):
        step = steps.cluster(case.evidence, "get", "deviceclasses")
        return _cause(f"the DeviceClass {short(match[1])} does not exist", step, message)
    if _CLAIM.search(message):
        step = steps.command(case.evidence, "get", "resourceclaims", "-o", "wide")
        said = message.partition(" still not schedulable")[0].partition(" preemption:")[0]
        return _cause(f"the device claim is not allocated: {short(said)}", step, message)
    return None


def _template_missing(case: Case, pod: ko.Object) -> Cause | None:
    """Only while the scheduler is silent: a pod made together with its template often gets the same event at first."""
    message = _message(case, pod, "FailedResourceClaimCreation")
    match = _NO_TEMPLATE.search(message)
    if not match:
        return None
    look = steps.command(case.evidence, "get", "resourceclaimtemplates")
    step = steps.made_again(case.evidence, "ResourceClaimTemplate", match[1], look)
    return _cause(f"the ResourceClaimTemplate {short(match[1])} does not exist", step, message)


def _claim_missing(case: Case, pod: ko.Object) -> Cause | None:
    """The scheduler is silent about a pod as long as a claim that it names is not there."""
    names = [ko.text(each, "resourceClaimName") for each in ko.items(pod, "spec", "resourceClaims")]
    named = [name for name in names if name]
    created = ko.moment(pod, "metadata", "creationTimestamp")
    if not named or ko.seconds_since(created, case.now) < _PATIENCE:
        return None
    claims = ", ".join(map(short, named))
    step = steps.command(case.evidence, "get", "resourceclaims", *named)
    return _cause(f"not considered by the scheduler: is there a ResourceClaim {claims}?", step)


def _cause(text: str, step: str, message: str = "") -> Cause:
    return Cause("DeviceClaim", text, PENDING, short(message, 600), step)


def _message(case: Case, pod: ko.Object, reason: str) -> str:
    events = case.evidence.events_of("Pod", ko.name_of(pod), reason)
    return message_of(events[0]) if events else ""
