"""Gates: the init containers in which a service waits for what it depends on."""

from __future__ import annotations

import re

from nimhelm.pipeline import gate_name
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.memory import gate_out_of_memory
from nimhelm.status.evidence import Case
from nimhelm.status.graph import Dependency, GraphService
from nimhelm.wording import count, duration, last_line, short

_PREFIX = "wait-for-"
_SETUP = "wait-setup"
_HEARD = re.compile(r"not ready after \d+s: (.*)")
TIMED_OUT = re.compile(r"timed out after (\d+)s waiting for (\S+?):? (.*)", re.DOTALL)


def is_gate(service: GraphService, container: str) -> bool:
    """Whether the container is one of the service's own gates, for a dependency or for a model cache."""
    gates = {gate_name(dependency.name) for dependency in service.dependencies}
    return container in gates or container.startswith(_PREFIX + "cache-") or container == _SETUP


def gate_status(pod: ko.Object, gate: str) -> ko.Object:
    """The state of the gate's container, {} if the pod has none or has not begun."""
    return next(
        (each for each in ko.items(pod, "status", "initContainerStatuses") if ko.text(each, "name") == gate), {}
    )


def has_gate(pod: ko.Object, gate: str) -> bool:
    """Whether the pod was made with this gate."""
    return any(ko.text(each, "name") == gate for each in ko.items(pod, "spec", "initContainers"))


def is_open(pod: ko.Object, gate: str) -> bool:
    """Whether the pod has got past the gate."""
    status = gate_status(pod, gate)
    if ko.mapping(status, "state", "terminated"):
        return ko.number(status, "state", "terminated", "exitCode") == 0
    return ko.text(ko.condition(pod, "Initialized"), "status") == "True" and "running" not in ko.mapping(
        status, "state"
    )


def has_begun(pod: ko.Object, gate: str) -> bool:
    """Whether the gate asks, or asked and gave up."""
    status = gate_status(pod, gate)
    return bool(ko.mapping(status, "state", "running") or failed_end(status))


def waited(case: Case, gate: str) -> int:
    """The seconds that the pods have been at the gate, of the one that waits longest."""
    return ko.seconds_since(case.init_since.get(gate), case.now)


def gate_closed(case: Case, pod: ko.Object) -> Cause | None:
    """A gate at which the pod waits now, or that gave up."""
    for dependency in case.service.dependencies:
        status = gate_status(pod, gate_name(dependency.name))
        if "running" in ko.mapping(status, "state"):
            return _waiting(case, pod, dependency, status)
        if ended := failed_end(status):
            return _gave_up(case, pod, dependency, ended)
    return None


def setup_failed(case: Case, pod: ko.Object) -> Cause | None:
    """The container that brings the gates their program ended with an error."""
    ended = failed_end(gate_status(pod, _SETUP))
    if not ended:
        return None
    if _is_starved(ended):
        return gate_out_of_memory(case, pod, _SETUP)
    said = last_line(ko.text(ended, "message")) or f"exit code {ko.number(ended, 'exitCode')}"
    step = steps.logs(case, ko.name_of(pod), _SETUP)
    return Cause(
        "GateSetup", f"the gates cannot be set up: {said}", FAILED, short(ko.text(ended, "message"), 600), step
    )


def _is_starved(ended: ko.Object) -> bool:
    """Whether the kernel killed it, in its first moments maybe, of which the runtime tells in words of its own."""
    reason, message = ko.text(ended, "reason"), ko.text(ended, "message")
    never_ran = reason in ("StartError", "ContainerCannotRun") and "memory limit" in message
    return reason == "OOMKilled" or never_ran or "OOM-killed" in message


def failed_end(status: ko.Object) -> ko.Object:
    """How the gate's last try ended, {} if it runs, is through or has not begun."""
    ended = ko.mapping(status, "state", "terminated")
    if not ended and "waiting" in ko.mapping(status, "state"):
        ended = ko.mapping(status, "lastState", "terminated")
    return ended if ended and ko.dig(ended, "exitCode") != 0 else {}


def _waiting(case: Case, pod: ko.Object, dependency: Dependency, status: ko.Object) -> Cause:
    gate = gate_name(dependency.name)
    of = f" of {duration(dependency.timeout)}" if dependency.timeout else ""
    where = f"{short(dependency.name)}:{dependency.port} (external)" if dependency.external else short(dependency.name)
    tries = ko.number(status, "restartCount")
    again = f", after it gave up {count(tries, 'time')}" if tries else ""
    text = f"waiting {duration(waited(case, gate))}{of} for {where}{again}"
    answer = heard(case, ko.name_of(pod), gate)
    if dependency.external and answer:
        text += f"; the gate hears: {answer}"
    step = steps.logs(case, ko.name_of(pod), gate) if dependency.external else ""
    before = ko.text(status, "lastState", "terminated", "message")
    return Cause(
        "Waiting",
        text,
        NOT_READY,
        answer or last_line(before),
        step,
        problem=False,
        waits_for=dependency.name,
        log=(ko.name_of(pod), gate),
    )


def heard(case: Case, pod: str, gate: str) -> str:
    """What the dependency answered last, as the gate logged it: "server returned error: HTTP/1.1 404 Not Found"."""
    answers = _HEARD.findall(case.evidence.snapshot.log_of(pod, gate))
    return short(re.sub(r"^(?:wget|nc): ", "", answers[-1])) if answers else ""


def _gave_up(case: Case, pod: ko.Object, dependency: Dependency, ended: ko.Object) -> Cause:
    """The gate timed out, or could not even ask."""
    message = ko.text(ended, "message")
    name = short(dependency.name)
    if _is_starved(ended):
        return gate_out_of_memory(case, pod, gate_name(dependency.name))
    if not (said := TIMED_OUT.search(message)):
        what = last_line(message) or f"exit code {ko.number(ended, 'exitCode')}, it said nothing"
        step = steps.logs(case, ko.name_of(pod), gate_name(dependency.name))
        return Cause("GateFailed", f"the gate for {name} fails: {what}", FAILED, short(message, 600), step)
    answer = f": {short(said[3])}" if said[3].strip() else ""
    text = f"gave up after {duration(int(said[1][:9]))} of waiting for {name}{answer}"
    step = ask_further(case, ko.name_of(pod), dependency, said[3])
    return Cause("GateTimeout", text, FAILED, short(message, 600), step, waits_for=dependency.name)


def ask_further(case: Case, pod: str, dependency: Dependency, answer: str) -> str:
    """What shows more of an answer: the Service for a name that nobody knows, else the gate's own log."""
    if not dependency.external and re.search(r"bad address|refused|no route|unreachable|timed out|no answer", answer):
        selector = f"kubernetes.io/service-name={dependency.name}"
        if "bad address" in answer:
            return steps.command(case.evidence, "get", "services")
        return steps.command(case.evidence, "get", "endpointslices", "-l", selector, "-o", "wide")
    return steps.logs(case, pod, gate_name(dependency.name))
