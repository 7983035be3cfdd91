"""Gates: the init containers in which a service waits for what it depends on."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.pipeline import gate_name
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.memory import gate_out_of_memory
from nimhelm.status.evidence import Case
from nimhelm.status.graph import Dependency, GraphService
from nimhelm.wording import count, duration, last_line, short

PREFIX = "wait-for-"
_SETUP = "wait-setup"
_HEARD = re.compile(r"not ready after \d+s: (.*)")
_ASKED = re.compile(r"waiting for (\S+) \(timeout \d+s\)")
TIMED_OUT = re.compile(r"timed out after (\d+)s waiting for (\S+?):? (.*)", re.DOTALL)


class Answer(NamedTuple):
    """What is looked for in what a gate hears, what it means, and whether it means that the gate asks for the wrong thing."""

    pattern: re.Pattern[str]
    meaning: str
    misled: bool


_STATUS = r"(?:status |HTTP/\S+ )"
# The first that matches counts.
_ANSWERS = (
    Answer(re.compile(r"bad address"), "no such name, or no DNS", True),
    Answer(re.compile(_STATUS + "(?:401|403)"), "it wants a login, which wait.httpHeaders can send", True),
    Answer(re.compile(_STATUS + "(?:404|410)"), "it does not serve wait.path", True),
    Answer(re.compile(_STATUS + r"4(?!08|25|29)\d\d"), "it does not take the request", True),
    Answer(re.compile(r"a redirect|without the text|leave out wait\.path"), "", True),
    Answer(re.compile(_STATUS + r"5\d\d"), "it is not ready itself", False),
    Answer(re.compile(r"refused"), "nothing listens there", False),
    Answer(
        re.compile(r"no answer|no connection|timed out|no route|unreachable", re.I), "wrong address, or blocked", False
    ),
)
# Seconds until a dependency outside the pipeline is a trouble: one that is on its way answers, or refuses, for minutes.
_MISLED_PATIENCE, _EXTERNAL_PATIENCE = 60, 300


def is_gate(service: GraphService, container: str) -> bool:
    """Whether the container is one of the service's own gates, for a dependency or for a model cache."""
    gates = {gate_name(dependency.name) for dependency in service.dependencies}
    return container in gates or container.startswith(PREFIX + "cache-") or container == _SETUP


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
    name, answer = ko.name_of(pod), heard(case, ko.name_of(pod), gate)
    address = next(iter(reversed(_ASKED.findall(case.evidence.snapshot.log_of(name, gate)))), "")
    of = f" of {duration(dependency.timeout)}" if dependency.timeout else ""
    tries, so_far = ko.number(status, "restartCount"), waited(case, gate)
    again = f", after it gave up {count(tries, 'time')}" if tries else ""
    text = f"waiting {duration(so_far)}{of} for {_named(dependency, address)}{again}"
    before = ko.text(status, "lastState", "terminated", "message")
    cause = Cause(
        "Waiting",
        text,
        NOT_READY,
        answer or last_line(before),
        problem=False,
        waits_for=dependency.name,
        log=(name, gate),
    )
    if not dependency.external:
        return cause
    late = bool(tries) or so_far > (_MISLED_PATIENCE if _meaning(answer).misled else _EXTERNAL_PATIENCE)
    return cause._replace(
        code="ExternalUnreachable" if late else cause.code,
        text=f"{text}; the gate hears: {explained(answer)}" if answer else text,
        next=ask_further(case, name, dependency, answer, address),
        problem=late,
    )


def _named(dependency: Dependency, address: str) -> str:
    """What the gate waits for; of what is outside the pipeline also the address, which wait.host may have changed."""
    name = short(dependency.name)
    if not dependency.external:
        return name
    asked = short(address.removeprefix("tcp://"))
    there = f"{name}:{dependency.port}"
    return f"{there} (external)" if asked in ("", there) else f"{name} (external) at {asked}"


def _meaning(answer: str) -> Answer:
    return next((each for each in _ANSWERS if each.pattern.search(answer)), Answer(re.compile(""), "", False))


def explained(answer: str) -> str:
    """The answer, and what it means: "status 404 (it does not serve wait.path)"."""
    meaning = _meaning(answer).meaning
    return f"{answer} ({meaning})" if meaning else answer


def heard(case: Case, pod: str, gate: str) -> str:
    """What the dependency answered last, as the gate logged it: "server returned error: HTTP/1.1 404 Not Found"."""
    answers = _HEARD.findall(case.evidence.snapshot.log_of(pod, gate))
    return _plain(answers[-1]) if answers else ""


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
    answer = f": {explained(_plain(said[3]))}" if said[3].strip() else ""
    text = f"gave up after {duration(int(said[1][:9]))} of waiting for {_named(dependency, said[2])}{answer}"
    step = ask_further(case, ko.name_of(pod), dependency, said[3], said[2])
    return Cause("GateTimeout", text, FAILED, short(message, 600), step, waits_for=dependency.name)


def ask_further(case: Case, pod: str, dependency: Dependency, answer: str, address: str = "") -> str:
    """What shows more of an answer: the Service for a name that nobody knows, else the gate's own log."""
    name, namespace = _service_at(address) if dependency.external else (dependency.name, "")
    place = ("-n", namespace) if namespace else ()
    if name and re.search(r"bad address|refused|no route|unreachable|timed out|no answer", answer, re.I):
        words = ["endpointslices", "-l", f"kubernetes.io/service-name={name}", "-o", "wide"]
        if "bad address" in answer:
            words = ["services"]
        ask = steps.cluster if namespace else steps.command
        return ask(case.evidence, "get", *words, *place)
    return steps.logs(case, pod, gate_name(dependency.name))


def _service_at(address: str) -> tuple[str, str]:
    """The Service and namespace of an address in the cluster, "" for the own one: http://db.vectors.svc:80/x -> ("db", "vectors").

    ("", "") for an address outside.
    """
    found = re.fullmatch(r"(?:\w+://)?([a-z0-9][-.a-z0-9]*?)\.?(?::\d+)?(?:/.*)?", address)
    name, _, rest = (found[1] if found else "").partition(".")
    labels = rest.split(".") if rest else []
    if "svc" in labels[1:]:  # a pod of a StatefulSet has a name in front of that of its Service
        at = labels.index("svc", 1)
        return [name, *labels][at - 1], labels[at - 1]
    if re.fullmatch(r"[\d.]+", f"{name}.{rest}") or len(labels) > 1:
        return "", ""
    return name, rest


def _plain(answer: str) -> str:
    """Without the name of the program that says it."""
    return short(re.sub(r"^(?:wget|nc): ", "", answer))
