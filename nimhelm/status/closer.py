"""The last round of reading: what only a trouble that was found asks for, and which objects are missing."""

from __future__ import annotations

import json
import re
from collections import defaultdict

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, Running, end, partial, start
from nimhelm.status import kubeobject as ko
from nimhelm.status.causes import gates, storage
from nimhelm.status.causes.refusals import WEBHOOKS
from nimhelm.status.compute import compute
from nimhelm.status.evidence import message_of
from nimhelm.status.fit import requests_of
from nimhelm.status.graph import RELEASE_LABEL
from nimhelm.status.lists import Asked, read_lists
from nimhelm.status.redact import redacted_text
from nimhelm.status.snapshot import UNRECORDED, Log, Snapshot
from nimhelm.status.trim import trimmed

# However many services: the first root causes are the ones that are looked at.
_LOGS = 5
_LOG_LINES, _LOG_BYTES = 20, 20_000
# The first line of a gate's log says what it asks; it writes at most a few lines a minute.
_GATE_LOG_LINES, _GATE_LOG_BYTES = 300, 60_000
Kinds = dict[str, set[str]]


def look_closer(access: Access, snapshot: Snapshot) -> Snapshot:
    """The snapshot with missing objects, volumes, the nodes' use and last lines of logs, as far as they matter."""
    expected = _expected(snapshot)
    messages = [ko.text(ko.condition(pod, "PodScheduled"), "message") for pod in snapshot.of("pods")]
    running: list[Running] = []
    try:
        names = _start_names(access, snapshot.release, expected)
        logs = [(each, _start_log(access, *each)) for each in _wanted_logs(snapshot)]
        namespace = _start_namespace(access, snapshot)
        running = [*names, *namespace, *(process for _, process in logs)]
        lists, notes = read_lists(access, [*_volumes(messages), *_webhooks(snapshot)])
        nodes = _with_use(access, snapshot.of("nodes"), messages)
        absent = _absent(access, names, expected)
        for process in namespace:
            lists["namespaces"] = _namespace(access, process)
        read = [Log(pod, container, _log(access, process)) for (pod, container), process in logs]
    finally:
        end(running)
    if nodes:
        lists["nodes"] = nodes
    taken, _ = read_lists(access, _taken(absent))
    lists |= {kind: [*snapshot.of(kind), *found] for kind, found in taken.items()}
    return snapshot._replace(
        lists=snapshot.lists | lists,
        notes=(*snapshot.notes, *notes),
        absent=absent,
        logs=tuple(log for log in read if log.text),
    )


def _expected(snapshot: Snapshot) -> Kinds:
    """The names that the release should hold, by kind as kubectl takes it: {"Role.v1.rbac.authorization.k8s.io": {…}}."""
    kinds: Kinds = defaultdict(set)
    for each in snapshot.manifest or []:
        here = ko.text(each, "metadata", "namespace") in ("", snapshot.namespace)
        if here and ko.label(each, RELEASE_LABEL) == snapshot.release:
            group, _, version = ko.text(each, "apiVersion").rpartition("/")
            kinds[f"{ko.text(each, 'kind')}.{version}.{group}"].add(ko.name_of(each))
    return dict(kinds)


def _start_namespace(access: Access, snapshot: Snapshot) -> list[Running]:
    """Of a release that goes away piece by piece the namespace tells why."""
    lost = snapshot.helm is not None and snapshot.helm.status == UNRECORDED
    if not lost and snapshot.of("deployments"):
        return []
    return [start(access, "namespaces", ["get", f"namespace/{snapshot.namespace}", "-o", "json"])]


def _namespace(access: Access, process: Running) -> list[ko.Object]:
    """The namespace, [] where it may not be read: the status does without."""
    try:
        return [trimmed("namespaces", json.loads(partial(access, process)[0]))]
    except (KubectlError, ValueError):
        return []


def _start_names(access: Access, release: str, expected: Kinds) -> list[Running]:
    if not expected:
        return []
    words = ["get", ",".join(sorted(expected)), "-l", f"{RELEASE_LABEL}={release}", "-o", "name", "--chunk-size=0"]
    return [start(access, "the release's objects", words)]


def _absent(access: Access, names: list[Running], expected: Kinds) -> tuple[tuple[str, str], ...]:
    """What should be there and is not, as (kind, name). Kinds that may not be listed are left out."""
    if not names:
        return ()
    printed, complaint = partial(access, names[0])
    refused = set(re.findall(r'cannot list resource "([^"]+)"', complaint))
    # Any other complaint leaves it open what of the list is missing.
    if complaint.count("Error") > complaint.count("(Forbidden)") or "error:" in complaint:
        return ()
    there = set(printed.split())
    found = []
    for full, wanted in sorted(expected.items()):
        kind, _, rest = full.partition(".")
        group = rest.partition(".")[2]
        if any(each.startswith(kind.lower()[:-1]) for each in refused):
            continue
        prefix = kind.lower() + (f".{group}" if group else "")
        found += [(kind, name) for name in sorted(wanted) if f"{prefix}/{name}" not in there]
    return tuple(found)


def _wanted_logs(snapshot: Snapshot) -> list[tuple[str, str]]:
    roots = [service.cause for service in compute(snapshot).rows if service.root and service.cause]
    roots.sort(key=lambda cause: not cause.problem)
    return list(dict.fromkeys(cause.log for cause in roots if cause.log[0]))[:_LOGS]


def _start_log(access: Access, pod: str, container: str) -> Running:
    is_gate = container.startswith(gates.PREFIX)
    lines, most = (_GATE_LOG_LINES, _GATE_LOG_BYTES) if is_gate else (_LOG_LINES, _LOG_BYTES)
    words = [
        "logs",
        f"pod/{pod}",
        f"--container={container}",
        "--timestamps",
        f"--tail={lines}",
        f"--limit-bytes={most}",
    ]
    return start(access, "logs", words)


def _log(access: Access, process: Running) -> str:
    """The lines, "" where there is no log, or no right to read it: the status does without."""
    try:
        return redacted_text(partial(access, process)[0])
    except KubectlError:
        return ""


def _taken(absent: tuple[tuple[str, str], ...]) -> list[Asked]:
    """What does not have the release's label any more may be there all the same, in the hands of another one."""
    lists = {"Deployment": "deployments", "Service": "services"}
    return [
        Asked(lists[kind], keep=lambda each: (ko.text(each, "kind"), ko.name_of(each)) in absent)
        for kind in sorted({kind for kind, _ in absent} & lists.keys())
    ]


def _volumes(messages: list[str]) -> list[Asked]:
    return [Asked("persistentvolumes")] if any(map(storage.is_elsewhere, messages)) else []


def _webhooks(snapshot: Snapshot) -> list[Asked]:
    """A refusal has the name of a webhook, and not of the object that registers it."""
    said = [snapshot.helm.description if snapshot.helm else ""]
    said += [message_of(event) for event in snapshot.of("events")]
    for each in snapshot.of("deployments"):
        said += [ko.text(one, "message") for one in ko.items(each, "status", "conditions")]
    return [Asked(kind) for kind in WEBHOOKS] if any('webhook "' in each for each in said) else []


def _with_use(access: Access, nodes: list[ko.Object], messages: list[str]) -> list[ko.Object]:
    """The nodes with what their pods, of all namespaces, ask for together as `requested`; [] where nobody needs it."""
    if not nodes or not any("Insufficient" in each for each in messages):
        return []
    use: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def add(pod: ko.Object) -> bool:
        node = ko.text(pod, "spec", "nodeName")
        for resource, amount in requests_of(pod).items():
            use[node][resource] += amount
        return False

    running = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
    try:
        read_lists(access, [Asked("pods", fields=running, required=True, everywhere=True, keep=add)])
    except KubectlError:
        return []
    return [node | {"requested": dict(use[ko.name_of(node)])} for node in nodes]
