"""What other controllers say of a workload of theirs: LeaderWorkerSet, KServe."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, PENDING, Cause
from nimhelm.status.evidence import Case, event_time, message_of
from nimhelm.status.graph import INFERENCE_SERVICE, LEADER_WORKER_SET
from nimhelm.wording import count, duration, short

_LISTS = {LEADER_WORKER_SET: "leaderworkersets", INFERENCE_SERVICE: "inferenceservices"}

# A group that runs for so many seconds beyond its start-up budget has recovered.
_GROUP_TRIAL = 600

_FAILED_POD = re.compile(r"pod (\S+) failed")

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


class MadeAgain(NamedTuple):
    """How often a group was made again, the age of the last time, the seconds from the time before to it, and why."""

    times: int
    age: int
    lasted: int
    why: str


def group_made_again(case: Case) -> MadeAgain | None:
    """What the controller told of groups that it made again for a pod that failed, None if that was not a second time.

    What was before the template of now does not count.
    """
    if case.service.workload != LEADER_WORKER_SET:
        return None
    _, _, name = steps.workload(case).partition("/")
    told = case.evidence.events_of(LEADER_WORKER_SET, name, "RecreateGroup", "CreatingRevision")
    revised = [index for index, event in enumerate(told) if ko.text(event, "reason") == "CreatingRevision"]
    told = told[: revised[0]] if revised else told
    if len(told) < 2:
        return None
    last, before = event_time(told[0]), event_time(told[1])
    age = ko.seconds_since(last, case.now)
    why = short(message_of(told[0]).partition(",")[0])
    return MadeAgain(len(told), age, ko.seconds_since(before, last), why)


def of_group(case: Case, cause: Cause) -> Cause:
    """The cause as it is for a group that is made again and again: each crash is the first one of a new pod."""
    again = group_made_again(case)
    if again is None or again.age > case.service.startup_seconds + _GROUP_TRIAL or cause.code == "Unsteady":
        return cause
    times = f"made again {count(again.times, 'time')}, last {duration(again.age)} ago"
    if not cause.problem or cause.code == "NoPods":
        _, _, name = steps.workload(case).partition("/")
        step = _log_of_failing(case, again.why) or steps.describe(case, "leaderworkerset", name)
        return Cause("GroupMadeAgain", f"its group was {times}: {again.why}", FAILED, next=step)
    if cause.state == NOT_READY:
        return cause._replace(text=f"{cause.text} (its group was {times})", state=FAILED)
    return cause


def _log_of_failing(case: Case, why: str) -> str:
    """Follows the log of the pod that fails each time: with its end the pod and its last words are gone. "" if it does not run."""
    named = _FAILED_POD.search(why)
    for pod in case.pods:
        for each in ko.items(pod, "status", "containerStatuses"):
            if named and ko.name_of(pod) == named[1] and ko.mapping(each, "state", "running"):
                return steps.logs(case, named[1], ko.text(each, "name"), follow=True)
    return ""
