"""What other controllers say of a workload of theirs: LeaderWorkerSet, KServe."""

from __future__ import annotations

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import NOT_READY, PENDING, Cause
from nimhelm.status.evidence import Case
from nimhelm.status.graph import INFERENCE_SERVICE, LEADER_WORKER_SET
from nimhelm.wording import short

_LISTS = {LEADER_WORKER_SET: "leaderworkersets", INFERENCE_SERVICE: "inferenceservices"}


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
    found = case.evidence.snapshot.of(_LISTS.get(case.service.workload, ""))
    return next((each for each in found if ko.name_of(each) == name), {})


def inference_service(case: Case) -> Cause | None:
    """KServe says that the InferenceService is not ready, and why."""
    if case.service.workload != INFERENCE_SERVICE:
        return None
    conditions = ko.items(custom(case), "status", "conditions")
    failing = [each for each in conditions if ko.text(each, "status") == "False"]
    # "Ready" sums the others up.
    telling = [each for each in failing if ko.text(each, "type") != "Ready" and ko.text(each, "message")] or failing
    if not telling:
        return None
    kind, reason, message = (ko.text(telling[0], key) for key in ("type", "reason", "message"))
    text = f"KServe: {short(kind)} is False: {short(message or reason, 400)}"
    step = steps.describe(case, "inferenceservice", case.name)
    return Cause("InferenceServiceNotReady", text, NOT_READY, short(message, 600), step)
