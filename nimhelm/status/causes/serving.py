"""Causes in Services: all pods are ready, but cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes import refusals
from nimhelm.status.causes.rollout import not_ours
from nimhelm.status.evidence import Case, held_by, is_made_by, is_ready
from nimhelm.status.graph import DEPLOYMENT, INFERENCE_SERVICE
from nimhelm.wording import short

# With these a service does not answer, although its pods are ready.
UNANSWERED = ("ServiceMissing", "ServiceSelector", "ServicePort", "NoEndpoints")
# The controller of endpoints follows the pods within a second or so.
_ENDPOINTS_SETTLE = 15
_SLICE_OF = "kubernetes.io/service-name"


def service_missing(case: Case) -> Cause | None:
    """The Service was deleted, or was refused when the release was installed."""
    known = case.evidence.snapshot.has("services") and case.service.workload != INFERENCE_SERVICE
    if not known:
        return None
    if there := case.evidence.services.get(case.name):
        if not ko.dig(there, "metadata", "deletionTimestamp"):
            return None
        text = f"Service {short(case.name)} is being deleted{held_by(there)}"
        return Cause("ServiceMissing", text, FAILED, next=steps.describe(case, "service", case.name))
    if there := case.evidence.snapshot.named("services", case.name):
        return not_ours(case, "Service", there)
    return _missing(case, "ServiceMissing", "Service", case.name)


def wrong_selector(case: Case) -> Cause | None:
    """The Service's selector was changed, so that it finds none of the service's pods."""
    service = case.evidence.services.get(case.name)
    selector = ko.mapping(service, "spec", "selector")
    if ko.text(service, "spec", "type") == "ExternalName":
        text = (
            f"Service {short(case.name)} leads to {short(ko.text(service, 'spec', 'externalName'))} and not to the pods"
        )
        return Cause("ServiceSelector", text, FAILED, next=_again(case))
    ready = [pod for pod in case.pods if is_ready(pod)]
    if not service or not ready:
        return None
    if not selector:
        if not ko.mapping(case.evidence.snapshot.recorded("Service", case.name), "spec", "selector"):
            return None
        text = f"Service {short(case.name)} selects no pods: its selector was taken away"
        return Cause("ServiceSelector", text, FAILED, next=_again(case))
    if any(all(ko.label(pod, key) == ko.text(selector, key) for key in selector) for pod in ready):
        return None
    shown = ", ".join(f"{short(key)}={short(ko.text(selector, key))}" for key in selector)
    text = f"Service {short(case.name)} selects pods with {shown}, and none of the service's pods has that"
    return Cause("ServiceSelector", text, FAILED, next=_again(case))


def port_not_served(case: Case) -> Cause | None:
    """The Service sends a port to one that no container of the pods has."""
    service = case.evidence.services.get(case.name)
    ready = [pod for pod in case.pods if is_ready(pod)]
    if not service or not ready or not ko.mapping(service, "spec", "selector"):
        return None
    made = case.evidence.snapshot.recorded("Service", case.name)
    if _targets(made) == _targets(service):  # the chart knows what a NIM serves without declaring it
        return None
    if lost := sorted({port for port, _ in _targets(made)} - {port for port, _ in _targets(service)}):
        text = f"Service {short(case.name)} has no port {', '.join(map(str, lost))}, which the chart gives it"
        return Cause("ServicePort", text, FAILED, next=_again(case))
    served = [each for container in ko.items(ready[0], "spec", "containers") for each in ko.items(container, "ports")]
    numbers = [ko.number(each, "containerPort") for each in served]
    names = [ko.text(each, "name") for each in served]
    for port in ko.items(service, "spec", "ports"):
        target = ko.dig(port, "targetPort") or ko.dig(port, "port")
        if not served or target in names or target in numbers:
            continue
        sends = f"sends port {ko.number(port, 'port')} to {short(str(target))}"
        text = f"Service {short(case.name)} {sends}, which none of its pods serves"
        return Cause("ServicePort", text, FAILED, next=_again(case))
    return None


def _targets(service: ko.Object) -> set[tuple[int, str]]:
    return {
        (ko.number(each, "port"), ko.text(each, "targetPort") or ko.text(each, "port"))
        for each in ko.items(service, "spec", "ports")
    }


def no_endpoints(case: Case) -> Cause | None:
    """No ready pod has become an endpoint of the Service."""
    known = case.evidence.snapshot.has("endpointslices") and case.service.workload != INFERENCE_SERVICE
    ready = [pod for pod in case.pods if is_ready(pod)]
    if not known or case.name not in case.evidence.services or not ready:
        return None
    since = min((ko.seconds_since(_ready_since(pod), case.now) for pod in ready), default=0)
    slices = case.evidence.slices.get(case.name, [])
    if since < _ENDPOINTS_SETTLE or any(_has_endpoint(each) for each in slices):
        return None
    text = f"Service {short(case.name)} has no ready endpoint (ready pods: {len(ready)})"
    step = steps.command(case.evidence, "get", "endpointslices", "-l", f"{_SLICE_OF}={case.name}", "-o", "wide")
    return Cause("NoEndpoints", text, NOT_READY, next=step)


def others_endpoints(case: Case) -> Cause | None:
    """The Service also sends requests to pods that are not the service's, or to addresses that somebody entered."""
    if case.service.workload != DEPLOYMENT or case.name not in case.evidence.services:
        return None
    own = case.evidence.pods.get(case.name, [])
    names, addresses = {ko.name_of(pod) for pod in own}, {ko.text(pod, "status", "podIP") for pod in own}
    for each in case.evidence.slices.get(case.name, []):
        for endpoint in _ready_endpoints(each):
            # The lists were not read at the same moment: a pod of the right name may be gone, or new.
            pod, found = ko.text(endpoint, "targetRef", "name"), ko.texts(endpoint, "addresses")
            if is_made_by(case.name, pod) or pod in names or (not pod and addresses.issuperset(found)):
                continue
            whose = (
                f"pod {short(pod)}" if pod else f"{short(', '.join(found))} (EndpointSlice {short(ko.name_of(each))})"
            )
            text = f"Service {short(case.name)} sends requests also to {whose}, which is none of the service's pods"
            step = steps.command(case.evidence, "get", "endpointslices", "-l", f"{_SLICE_OF}={case.name}", "-o", "wide")
            if pod:
                step = steps.command(case.evidence, "get", "pod", pod, "-o", "wide", "--show-labels")
            return Cause("OthersEndpoints", text, FAILED, next=step)
    return None


def _ready_since(pod: ko.Object) -> datetime | None:
    return ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime")


def _has_endpoint(each: ko.Object) -> bool:
    return any(_ready_endpoints(each))


def _ready_endpoints(each: ko.Object) -> Iterator[ko.Object]:
    return (one for one in ko.items(each, "endpoints") if ko.dig(one, "conditions", "ready") is not False)


def _again(case: Case) -> str:
    """A Service that was edited is made anew: an upgrade alone keeps what it does not know of."""
    return f"{steps.command(case.evidence, 'delete', 'service', case.name)} && {steps.upgrade(case.evidence)}"


def object_missing(case: Case) -> Cause | None:
    """Another object of the service that the release should hold by Helm's record, and does not."""
    own = {(case.service.workload, case.name), ("Service", case.name)}
    for kind, name in case.evidence.absent.get(case.name, []):
        if (kind, name) in own or kind == "Job":  # a job may be gone once it is done
            continue
        return _missing(case, "ObjectMissing", kind, name, ", which the release should hold")
    return None


def _missing(case: Case, code: str, kind: str, name: str, why: str = "") -> Cause:
    """An object that was deleted, or was refused when Helm made the others."""
    refused = refusals.by_helm(case, kind, name)
    text = f"{short(kind)} {short(name)} does not exist" + (f": {refused.text}" if refused else why)
    step = (refused.step if refused else "") or steps.upgrade(case.evidence)
    return Cause(code, text, FAILED, next=step)
