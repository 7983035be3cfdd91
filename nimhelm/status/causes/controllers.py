"""What other controllers say of a workload of theirs: LeaderWorkerSet, KServe."""

from __future__ import annotations

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import NOT_READY, PENDING, Cause
from nimhelm.status.evidence import Case, message_of
from nimhelm.status.graph import INFERENCE_SERVICE, LEADER_WORKER_SET
from nimhelm.wording import short

_LISTS = {LEADER_WORKER_SET: "leaderworkersets", INFERENCE_SERVICE: "inferenceservices"}

# The one condition of an InferenceService that is False while all is well.
_STOPPED = "Stopped"


def custom_missing(case: Case) -> Cause | None:
    """The LeaderWorkerSet or InferenceService of the service does not exist."""
    kind = case.service.workload
    if kind not in _LISTS or not case.evidence.snapshot.has(_LISTS[kind]) or custom(case):
        return None
    _, _, name = steps.workload(case).partition("/")
    return Cause("WorkloadMissing", f"{kind} {short(name)} does not exist", PENDING, next=steps.upgrade(case.evidence))


def custom(case: Case) -> ko.Object:
    """The service's object of another controller, {} if there is none or it was not read."""
    _, _, name = steps.workload(case).partition("/")
    return case.evidence.snapshot.named(_LISTS.get(case.service.workload, ""), name)


def inference_service(case: Case) -> Cause | None:
    """KServe says that the InferenceService is not ready, and why."""
    if case.service.workload != INFERENCE_SERVICE:
        return None
    found = custom(case)
    if ko.text(ko.condition(found, "Ready"), "status") == "True":
        return None
    conditions = ko.items(found, "status", "conditions")
    failing = [each for each in conditions if ko.text(each, "status") == "False" and ko.text(each, "type") != _STOPPED]
    # "Ready" sums the others up.
    telling = [each for each in failing if ko.text(each, "type") != "Ready" and ko.text(each, "message")] or failing
    if not telling:
        return _not_reconciled(case)
    kind, reason, message = (ko.text(telling[0], key) for key in ("type", "reason", "message"))
    text = f"KServe: {short(kind)} is False: {short(message or reason, 400)}"
    step = steps.describe(case, "inferenceservice", case.name)
    return Cause("InferenceServiceNotReady", text, NOT_READY, short(message, 600), step)


def _not_reconciled(case: Case) -> Cause | None:
    """KServe could make nothing of the InferenceService; it says so in events alone."""
    events = case.evidence.events_of("InferenceService", case.name, "InternalError")
    if case.pods or not events:
        return None
    message = message_of(events[0])
    step = steps.describe(case, "inferenceservice", case.name)
    return Cause("InferenceServiceNotReady", f"KServe: {short(message, 400)}", PENDING, short(message, 600), step)
