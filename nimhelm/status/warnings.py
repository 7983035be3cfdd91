"""What deserves a word and makes no service fail: autoscalers without metrics, Helm's record, lists not readable."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.evidence import Evidence, event_time, message_of
from nimhelm.wording import short

# An autoscaler repeats its complaint every 15 seconds, so an older one is settled.
_COMPLAINT_STANDS = 600
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


def warnings_of(evidence: Evidence, ready: bool) -> tuple[Warned, ...]:
    """Everything worth a line under the table."""
    graph = [Warned(short(evidence.graph.trouble))] if evidence.graph.trouble else []
    notes = [Warned(short(note, 300)) for note in evidence.snapshot.notes]
    return (*graph, *notes, *([] if ready else _helm(evidence)), *_autoscalers(evidence))


def _helm(evidence: Evidence) -> list[Warned]:
    """Helm's record of a release that is not ready."""
    record, release = evidence.snapshot.helm, evidence.graph.release
    if record is None:
        return []
    revision = f"Helm's revision {record.revision}"
    history = steps.helm(evidence, "history", release)
    if record.status == "failed":
        return [Warned(f"{revision} is recorded as failed: Helm gave up waiting; the services go on starting", history)]
    if record.status.startswith("pending-"):
        said = f"{revision} is {short(record.status)}: Helm is at work, or was interrupted and blocks the next upgrade"
        return [Warned(said, history)]
    if record.status == "uninstalling":
        return [Warned(f"{revision} is being uninstalled", history)]
    return []


def _autoscalers(evidence: Evidence) -> list[Warned]:
    """Autoscalers of the release that cannot read what they scale by."""
    found = []
    for service in evidence.graph.services:
        if service.enabled and service.autoscaled and (complaint := _complaint(evidence, service.name)):
            step = steps.command(evidence, "describe", "hpa", service.name)
            found.append(Warned(f"autoscaler of {short(service.name)}: {complaint}", step))
    return found


def _complaint(evidence: Evidence, name: str) -> str:
    for each in evidence.snapshot.of("horizontalpodautoscalers"):
        active = ko.condition(each, "ScalingActive")
        if (
            ko.name_of(each) == name
            and ko.text(active, "status") == "False"
            and ko.text(active, "reason") != "ScalingDisabled"
        ):
            return short(ko.text(active, "message"), 300)
    for event in evidence.events_of("HorizontalPodAutoscaler", name, *_COMPLAINTS):
        # While pods are not ready there are no metrics of them: that is no fault of the autoscaler's.
        starting = re.search(r"did not receive metrics for|no metrics returned|no ready pods", message_of(event))
        if ko.seconds_since(event_time(event), evidence.now) < _COMPLAINT_STANDS and not starting:
            return short(message_of(event), 300)
    return ""
