"""Containers that ran and ended: crashes, memory, probes that gave up, and what a NIM's last words mean."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.containers import runtime_said
from nimhelm.status.causes.gates import is_gate
from nimhelm.status.causes.memory import MEMORY, out_of_memory
from nimhelm.status.evidence import Case, is_main, message_of
from nimhelm.status.graph import JOB
from nimhelm.status.lastwords import complaint, understand
from nimhelm.wording import count, duration, last_line, short

_NOT_EXECUTABLE = 126


class Crash(NamedTuple):
    """A container's last end, and whether it runs again meanwhile."""

    container: str
    exit_code: int
    reason: str
    message: str
    restarts: int
    running: bool
    looping: bool
    lasted: int
    init: bool


def crash(case: Case, pod: ko.Object) -> Cause | None:
    """A container that ended with a failure, and does not serve since."""
    for place in ("initContainerStatuses", "containerStatuses"):
        for status in ko.items(pod, "status", place):
            if is_gate(case.service, ko.text(status, "name")):
                continue
            is_init = place.startswith("init") and not is_sidecar(pod, ko.text(status, "name"))
            found = _crash_of(status, is_init)
            if found and (cause := _cause(case, pod, found)):
                return cause
    return None


def _crash_of(status: ko.Object, init: bool) -> Crash | None:
    """The container's last failure, if it is not ready (an init container: not through) since."""
    if ko.true(status, "ready"):
        return None
    ended = ko.mapping(status, "state", "terminated") or ko.mapping(status, "lastState", "terminated")
    # A main container must not end at all, with whatever code.
    if not ended or (init and ko.number(ended, "exitCode") == 0 and ko.text(ended, "reason") in ("", "Completed")):
        return None
    started = ko.moment(ended, "startedAt")
    finished = ko.moment(ended, "finishedAt")
    return Crash(
        container=ko.text(status, "name"),
        exit_code=ko.number(ended, "exitCode"),
        reason=ko.text(ended, "reason"),
        message=ko.text(ended, "message"),
        restarts=ko.number(status, "restartCount"),
        running="running" in ko.mapping(status, "state"),
        looping="waiting" in ko.mapping(status, "state"),
        lasted=ko.seconds_since(started, finished) if finished else 0,
        init=init,
    )


def _cause(case: Case, pod: ko.Object, end: Crash) -> Cause | None:
    name = ko.name_of(pod)
    look = steps.logs(case, name, end.container, previous=end.running or end.looping)
    silent = not end.message and not end.running
    if silent:
        end = end._replace(message=_last_lines(case, name, end.container))
    detail = short(end.message, 600)
    # A first crash may be bad luck, and is followed by a restart at once. Then it is a loop: in the back-off, and
    # from the second restart on also in the moments in which it runs.
    state = FAILED if end.looping or end.restarts >= 2 else NOT_READY
    if end.reason == "OOMKilled" or (end.reason == "StartError" and MEMORY.search(end.message)):
        return out_of_memory(case, pod, end.container)._replace(detail=detail)
    understood = understand(end.message)
    if end.reason in ("StartError", "ContainerCannotRun") and not (
        understood and understood[0].code == "ImagePlatform"
    ):
        text = f"container {short(end.container)} cannot start: {runtime_said(end.message)}"
        return Cause(end.reason, text, FAILED, detail, steps.describe(case, "pod", name))
    if probe := _probe_gave_up(case, pod, end):
        return probe
    if hook := _hook_failed(case, pod, end):
        return hook._replace(state=state, next=look)
    # With 126 a shell says that it may not execute a file, in the words that others have for a file they may not write.
    if understood and end.exit_code != _NOT_EXECUTABLE:
        words, line = understood
        return Cause(
            words.code,
            f"{words.text}: {last_line(runtime_said(line))}",
            state,
            detail,
            _step(case, pod, words.code, end.message) or look,
        )
    log = (name, end.container) if silent else ("", "")
    return Cause("CrashLoop", _crash_text(end), state, detail, look, log=log)


def _last_lines(case: Case, pod: str, container: str) -> str:
    """The end of its log: only some containers leave their last words in the pod's status, and those that end with 0 do not."""
    return "\n".join(line.partition(" ")[2] for line in case.evidence.snapshot.log_of(pod, container).splitlines())


def _hook_failed(case: Case, pod: ko.Object, end: Crash) -> Cause | None:
    """The kubelet ended it because the command after its start failed: the log of the container knows nothing of that."""
    for event in case.evidence.events_of("Pod", ko.name_of(pod), "FailedPostStartHook"):
        if f"{{{end.container}}}" in ko.text(event, "involvedObject", "fieldPath"):
            said = message_of(event)
            text = f"container {short(end.container)} is ended, since its postStart hook fails: {short(said)}"
            return Cause("PostStartHook", text, FAILED, short(message_of(event), 600))
    return None


def _crash_text(end: Crash) -> str:
    what = f"init container {short(end.container)}" if end.init else f"container {short(end.container)}"
    times = f", restarted {count(end.restarts, 'time')}" if end.restarts else ""
    said = last_line(end.message) or ("" if end.reason in ("Error", "Completed") else short(end.reason))
    return f"{what} exits with {end.exit_code}{_signal(end.exit_code)}{times}" + (f": {said}" if said else "")


def _signal(code: int) -> str:
    """The signal that a code above 128 stands for: 139 -> " (SIGSEGV)"."""
    try:
        return f" ({signal.Signals(code - 128).name})"
    except ValueError:
        return ""


def _probe_gave_up(case: Case, pod: ko.Object, end: Crash) -> Cause | None:
    """The kubelet killed it because a startup or liveness probe ran out."""
    killed = [message_of(event) for event in case.evidence.events_of("Pod", ko.name_of(pod), "Killing")]
    budget = _startup_budget(case, pod, end.container)
    started_out = any(f"{end.container} failed startup probe" in message for message in killed)
    if started_out or (not killed and _ended_with_its_budget(end, budget)):
        return _startup(case, pod, end, budget)
    if any(f"{end.container} failed liveness probe" in message for message in killed):
        times = count(end.restarts, "time")
        if asked := refused_question(pod, end.container, "livenessProbe", probe_answer(case, pod)):
            text = f"container {short(end.container)} is ended by its liveness probe, restarted {times}: {asked}"
            return Cause("ProbeAnswer", text, FAILED, next=steps.describe(case, "pod", ko.name_of(pod)))
        text = f"container {short(end.container)} stopped answering its liveness probe, restarted {times}"
        step = steps.logs(case, ko.name_of(pod), end.container, previous=True)
        return Cause("LivenessProbe", text, FAILED if end.restarts > 1 else NOT_READY, probe_answer(case, pod), step)
    return None


def _ended_with_its_budget(end: Crash, budget: int) -> bool:
    """Whether it ended at the age at which its startup probe gives up: it tells the same as the event, which is gone
    after an hour. A server that obeys the signal in its grace period may even exit with 0."""
    by_signal = end.exit_code in (137, 143) or (end.exit_code == 0 and budget >= 60)
    return by_signal and bool(budget) and -5 <= end.lasted - budget <= 45


def _startup(case: Case, pod: ko.Object, end: Crash, budget: int) -> Cause:
    """The startup probe's budget is too small for this model, and the step doubles it; or no time would be enough: the
    probe asks for the wrong thing, or the log has an error."""
    answer = probe_answer(case, pod)
    after = f" after {duration(budget)}" if budget else ""
    if asked := refused_question(pod, end.container, "startupProbe", answer):
        text = f"startup probe gave up{after}, restarted {count(end.restarts, 'time')}: {asked}"
        return Cause("ProbeAnswer", text, FAILED, next=steps.describe(case, "pod", ko.name_of(pod)))
    text = f"startup probe gave up{after}, restarted {count(end.restarts, 'time')}" + (f": {answer}" if answer else "")
    probe = probe_of(pod, end.container, "startupProbe")
    doubled = probe | {"failureThreshold": 2 * (ko.number(probe, "failureThreshold") or 3)}
    # The value takes the place of the default probe as a whole.
    step = steps.set_values(case, ("startupProbe.probe", doubled))
    code, error = complaint(end.message)
    if error or not probe or not is_main(case, end.container):
        step = steps.logs(case, ko.name_of(pod), end.container, previous=True)
    if error:
        text += f"; before that, {error}" if code else f"; the last error in its log: {error}"
        step = _step(case, pod, code, end.message) or step
    return Cause("StartupProbe", text, FAILED, short(end.message, 600), step)


def is_sidecar(pod: ko.Object, container: str) -> bool:
    """Whether it is an init container that stays."""
    found = [each for each in ko.items(pod, "spec", "initContainers") if ko.text(each, "name") == container]
    return ko.text(found, 0, "restartPolicy") == "Always"


def probe_of(pod: ko.Object, container: str, kind: str) -> ko.Object:
    """The container's probe of that kind, {} without one."""
    found = [each for each in ko.items(pod, "spec", "containers") if ko.text(each, "name") == container]
    return ko.mapping(found, 0, kind)


def _startup_budget(case: Case, pod: ko.Object, container: str) -> int:
    """How long the startup probe lets the container try, in seconds; 0 without a probe."""
    probe = probe_of(pod, container, "startupProbe")
    if not probe:
        return 0
    period = ko.number(probe, "periodSeconds") or 10
    budget = ko.number(probe, "initialDelaySeconds") + period * (ko.number(probe, "failureThreshold") or 3)
    return budget or case.service.startup_seconds


def probe_answer(case: Case, pod: ko.Object) -> str:
    """What the newest failed probe got: "Startup probe failed: … with statuscode: 503" -> "HTTP 503"."""
    events = case.evidence.events_of("Pod", ko.name_of(pod), "Unhealthy")
    if not events:
        return ""
    said = re.sub(r"^(?:Startup|Readiness|Liveness) probe (?:failed|errored):?\s*", "", message_of(events[0]))
    if "OCI runtime exec failed" in said:
        return f"{_CANNOT_RUN}{runtime_said(said)}"
    if status := re.search(r"statuscode: (\d{3})", said):
        return f"HTTP {status[1]}"
    # 'Get "http://10.0.0.5:8000/v1/health/ready": dial tcp …: connection refused': what follows the address says it.
    return short(re.sub(r'^(?:Get|Head) "[^"]*": ', "", said))


_CANNOT_RUN = "cannot run "
# A server that answers so has understood the question, and more time changes nothing. 408, 425 and 429 ask for patience.
_REFUSED = re.compile(
    r"HTTP 4(?!08|25|29)\d\d$|HTTP response to HTTPS client|malformed HTTP response|unknown service |^cannot run "
)


def refused_question(pod: ko.Object, container: str, kind: str, answer: str) -> str:
    """What the probe asks and hears, if the server would never say anything else; else ""."""
    get = ko.mapping(probe_of(pod, container, kind), "httpGet")
    if not _REFUSED.search(answer):
        return ""
    if answer.startswith(_CANNOT_RUN):
        return f"it {answer}"
    asked = f"{ko.text(get, 'scheme') or 'HTTP'} {ko.text(get, 'path') or '/'} of port {ko.text(get, 'port')}"
    return f"it asks {short(asked)} and hears {answer}" if get else f"it hears {answer}"


def _step(case: Case, pod: ko.Object, code: str, message: str) -> str:
    """The step for last words that are understood, "" where the log is the next step."""
    if code in ("APIKeyMissing", "DownloadUnauthorized"):
        secret, key = key_for(case, pod, message)
        if secret:
            return steps.then_restart(case, steps.key_secret(case.evidence, secret, key))
    node = ko.text(pod, "spec", "nodeName")
    if code == "GPUFault" and node:
        return steps.cluster(case.evidence, "describe", "node", node)
    if code == "ReadOnly" and case.service.workload != JOB and _is_model_store(pod, message):
        return steps.set_values(case, ("storage.readOnly", False))
    return ""


def _is_model_store(pod: ko.Object, message: str) -> bool:
    """Whether the message names a path under one of the pod's claims."""
    claims = {ko.text(each, "name") for each in ko.items(pod, "spec", "volumes") if "persistentVolumeClaim" in each}
    mounts = [each for container in ko.items(pod, "spec", "containers") for each in ko.items(container, "volumeMounts")]
    return any(ko.text(each, "name") in claims and ko.text(each, "mountPath") in message for each in mounts)


def key_for(case: Case, pod: ko.Object, message: str) -> tuple[str, str]:
    """(secret, key) that was refused: of Hugging Face where the words or the pod's environment say so, else of NGC."""
    held = dict(_keys_of(pod))
    if re.search(r"hugging ?face|HF_TOKEN|\bhf_|gated repo|GatedRepo|\bhf\.co\b", message, re.IGNORECASE):
        key = "HF_TOKEN"
    elif re.search(r"NGC_|ngc\.nvidia|nvcr\.io|nvapi-", message):
        key = "NGC_API_KEY"
    else:
        key = next(iter(held), "NGC_API_KEY")
    whole = [
        ko.text(each, "secretRef", "name")
        for one in ko.items(pod, "spec", "containers")
        for each in ko.items(one, "envFrom")
    ]
    return held.get(key) or next((name for name in whole if name), "") or case.service.auth_secret, key


def _keys_of(pod: ko.Object) -> Iterator[tuple[str, str]]:
    """(key, secret) of the keys that the pod's containers take from secrets by themselves."""
    for container in ko.items(pod, "spec", "containers"):
        for each in ko.items(container, "env"):
            reference = ko.mapping(each, "valueFrom", "secretKeyRef")
            if ko.text(reference, "key") in ("HF_TOKEN", "NGC_API_KEY"):
                yield ko.text(reference, "key"), ko.text(reference, "name")
