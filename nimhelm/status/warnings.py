"""What deserves a word and makes no service fail: autoscalers without metrics, Helm's record, lists not readable."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.evidence import Evidence, event_time, message_of
from nimhelm.status.snapshot import HelmRecord
from nimhelm.wording import short

# An autoscaler repeats its complaint every 15 seconds, so an older one is settled.
_COMPLAINT_STANDS = 600
_OLD_CLASS = "kubernetes.io/ingress.class"
_COMPLAINTS = (
    "FailedGetResourceMetric",
    "FailedGetObjectMetric",
    "FailedGetPodsMetric",
    "FailedGetExternalMetric",
    "FailedGetContainerResourceMetric",
    "FailedComputeMetricsReplicas",
    "FailedGetScale",
)


class Warned(NamedTuple):
    """A sentence, and a command that helps or ""."""

    text: str
    next: str = ""


def warnings_of(evidence: Evidence) -> tuple[Warned, ...]:
    """Everything worth a line under the table."""
    graph = [Warned(short(evidence.graph.trouble))] if evidence.graph.trouble else []
    notes = [Warned(short(note, 300)) for note in evidence.snapshot.notes]
    found = (
        *_helm(evidence),
        *_missing(evidence),
        *_conflicts(evidence),
        *_ingresses(evidence),
        *_autoscalers(evidence),
    )
    return (*graph, *notes, *found)


def _helm(evidence: Evidence) -> list[Warned]:
    """Helm's record of an operation that did not end well: the services may be ready, and still no upgrade works."""
    record, release = evidence.snapshot.helm, evidence.graph.release
    if record is None:
        return []
    revision = f"Helm's revision {record.revision}"
    if record.status == "failed":
        return [Warned(f"{revision} is recorded as failed: {_why_failed(record)}", steps.upgrade(evidence))]
    if record.status.startswith("pending-"):
        said = f"{revision} is {short(record.status)}: Helm is at work, or was interrupted and refuses the next upgrade"
        back = steps.helm(evidence, "rollback", release, str(record.deployed or record.revision))
        return [Warned(f"{said}; once no helm runs any more, a rollback ends it", back)]
    if record.status == "uninstalling":
        return [Warned(f"{revision} is being uninstalled", steps.helm(evidence, "history", release))]
    if record.failed_tests:
        tests = ", ".join(short(name) for name in record.failed_tests[:3])
        return [Warned(f"the last helm test failed: {tests}", steps.helm(evidence, "test", release, "--logs"))]
    return []


def _why_failed(record: HelmRecord) -> str:
    waited = re.search(
        r"context deadline exceeded|timed out waiting|resource not ready|not ready within", record.description
    )
    if not record.description or (waited and "forbidden" not in record.description):
        return "Helm gave up waiting; the services go on starting"
    return short(re.sub(r"^(?:Release|Upgrade) \"[^\"]*\" failed: ", "", record.description), 500)


def _missing(evidence: Evidence) -> list[Warned]:
    """Objects that belong to no service and that the release should hold."""
    services = {service.name for service in evidence.graph.services}
    found = [
        (kind, name)
        for owner, objects in evidence.absent.items()
        for kind, name in objects
        if owner not in services and kind != "Job"
    ]
    if not found:
        return []
    named = ", ".join(f"{short(kind)} {short(name)}" for kind, name in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    verb = "does" if len(found) == 1 else "do"
    return [Warned(f"{named}{more} {verb} not exist, which the release should hold", steps.upgrade(evidence))]


def _conflicts(evidence: Evidence) -> list[Warned]:
    """Fields of the chart that somebody changed by hand: Helm 4 refuses to change them back."""
    found = []
    for named, fields in list(evidence.conflicts.items())[:3]:
        kind, _, name = named.partition("/")
        shown = ", ".join(short(field) for field in fields[:3]) + (
            f" and {len(fields) - 3} more" if len(fields) > 3 else ""
        )
        said = f"{kind} {short(name)} was changed by hand: {shown}; a plain helm upgrade or rollback fails on that"
        found.append(Warned(said, steps.upgrade(evidence)))
    return found


def _ingresses(evidence: Evidence) -> list[Warned]:
    """Ingresses of a class that the cluster does not have: no controller serves them."""
    if not evidence.snapshot.has("ingressclasses"):
        return []
    known = {ko.name_of(each): each for each in evidence.snapshot.of("ingressclasses")}
    default = any(
        ko.text(each, "metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
        for each in known.values()
    )
    found = []
    for each in evidence.snapshot.manifest or []:
        wanted = ko.text(each, "spec", "ingressClassName") or ko.text(each, "metadata", "annotations", _OLD_CLASS)
        if ko.text(each, "kind") != "Ingress" or wanted in known or (not wanted and default):
            continue
        why = (
            f"ingress class {short(wanted)} does not exist"
            if wanted
            else "it names no ingress class and there is no default one"
        )
        step = steps.cluster(evidence, "get", "ingressclasses")
        found.append(Warned(f"nothing serves Ingress {short(ko.name_of(each))}: {why}", step))
    return found


def _autoscalers(evidence: Evidence) -> list[Warned]:
    """Autoscalers of the release that cannot read what they scale by."""
    found = []
    for service in evidence.graph.services:
        if service.enabled and service.autoscaled and (complaint := _complaint(evidence, service.name)):
            # The autoscaler of a ScaledObject is KEDA's, under a name of its own.
            own = any(ko.name_of(each) == service.name for each in evidence.snapshot.of("horizontalpodautoscalers"))
            step = steps.command(evidence, "describe", "hpa", service.name if own else f"keda-hpa-{service.name}")
            found.append(Warned(f"autoscaler of {short(service.name)}: {complaint}", step))
    return found


def _complaint(evidence: Evidence, name: str) -> str:
    for each in evidence.snapshot.of("horizontalpodautoscalers"):
        active = ko.condition(each, "ScalingActive")
        if (
            ko.name_of(each) in (name, f"keda-hpa-{name}")
            and ko.text(active, "status") == "False"
            and ko.text(active, "reason") != "ScalingDisabled"
        ):
            return short(ko.text(active, "message"), 300)
    events = [
        *evidence.events_of("HorizontalPodAutoscaler", name, *_COMPLAINTS),
        *evidence.events_of("HorizontalPodAutoscaler", f"keda-hpa-{name}", *_COMPLAINTS),
        *evidence.events_of("ScaledObject", name, "KEDAScalerFailed", "ScaledObjectCheckFailed"),
    ]
    for event in events:
        # While pods are not ready there are no metrics of them: that is not the autoscaler's fault.
        starting = re.search(r"did not receive metrics for|no metrics returned|no ready pods", message_of(event))
        if ko.seconds_since(event_time(event), evidence.now) < _COMPLAINT_STANDS and not starting:
            return short(message_of(event), 300)
    return ""
