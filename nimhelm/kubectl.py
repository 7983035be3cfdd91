"""The only place that runs kubectl: reads what the status of a release is computed from, and never writes.

At most six lists, whatever the number of services: ConfigMaps with the graph label, Deployments and Pods of the
release, claims and events of the namespace, and then Nodes if a pod finds no node, or the labels of Helm's release
secrets if the release is not ready. Deployments, pods and ConfigMaps must be readable; of the others each that is
forbidden is left out with a note.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from typing import NamedTuple

from nimhelm import kubeobject as ko
from nimhelm.errors import KubectlError
from nimhelm.kubectlerrors import ForbiddenError, UnreachableError, explain, no_namespace, no_release, not_ours
from nimhelm.releasegraph import GRAPH_LABEL, RELEASE_LABEL, is_graph, releases_of
from nimhelm.snapshot import HelmRecord, Snapshot

_REQUIRED = ("configmaps", "deployments", "pods")
_OPTIONAL = ("persistentvolumeclaims", "events")
# What becomes of the status when a list may not be read.
_LOST = {
    "persistentvolumeclaims": "claims that are not bound cannot be explained",
    "events": "image pulls, volumes and probes are explained less well",
    "nodes": "whether any node has a GPU is not known",
    "secrets": "Helm's own record of the release is not known",
}
# Time beyond the request's own for a login plugin and for starting.
_GRACE = 5.0


class Access(NamedTuple):
    """Which cluster, and how patient: the values of kubectl's own flags, "" where kubectl decides."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    timeout: float = 10.0


class _Running(NamedTuple):
    kind: str
    process: subprocess.Popen[bytes]
    deadline: float


def read_release(
    release: str, namespace: str = "", context: str = "", kubeconfig: str = "", timeout: float = 10.0
) -> Snapshot:
    """The release as it is now. Raises KubectlError with a sentence and a hint."""
    access = Access(namespace, context, kubeconfig, timeout)
    ours = f"{RELEASE_LABEL}={release}"
    selectors = {"configmaps": f"{GRAPH_LABEL}=true", "deployments": ours, "pods": ours}
    lists, notes = _read_lists(access, {kind: selectors.get(kind, "") for kind in (*_REQUIRED, *_OPTIONAL)})
    graph = next((each for each in lists["configmaps"] if ko.label(each, RELEASE_LABEL) == release), None)
    if graph is None:
        raise _explain_absence(access, release, lists["configmaps"])
    helm = None
    if _lacks_node(lists["pods"]):
        more, lost = _read_lists(access, {"nodes": ""}, required=())
        lists |= more
        notes += lost
    elif _is_unready(lists["deployments"], lists["pods"]):
        helm, lost = _read_helm(access, release)
        notes += lost
    return Snapshot(
        release=release,
        namespace=ko.text(graph, "metadata", "namespace") or namespace,
        now=datetime.now(UTC),
        lists=lists,
        helm=helm,
        notes=tuple(notes),
        context=context,
        kubeconfig=kubeconfig,
    )


def _read_lists(
    access: Access, selectors: dict[str, str], required: tuple[str, ...] = _REQUIRED
) -> tuple[dict[str, list[ko.Object]], list[str]]:
    """The lists, asked for all at once, and notes on those that may not be read."""
    running = [_start(access, kind, _get(kind, selector)) for kind, selector in selectors.items()]
    lists: dict[str, list[ko.Object]] = {}
    notes = []
    try:
        for each in running:
            try:
                lists[each.kind] = _items(each.kind, _finish(access, each))
            except ForbiddenError as refusal:
                if each.kind in required:
                    raise
                notes.append(_note(each.kind, refusal))
    finally:
        _end(running)
    return lists, notes


def _get(kind: str, selector: str) -> list[str]:
    # In one piece: by default kubectl asks for 500 objects at a time, which is a list call each.
    words = ["get", kind, "-o", "json", "--chunk-size=0"]
    return [*words, "-l", selector] if selector else words


def _note(kind: str, refusal: ForbiddenError) -> str:
    return f"{refusal}: {_LOST.get(kind, 'less is known')}"


def _lacks_node(pods: list[ko.Object]) -> bool:
    unplaced = (ko.condition(pod, "PodScheduled") for pod in pods if not ko.text(pod, "spec", "nodeName"))
    return any(ko.text(each, "reason") == "Unschedulable" for each in unplaced)


def _is_unready(deployments: list[ko.Object], pods: list[ko.Object]) -> bool:
    """Whether Helm's record may matter: some replica is missing, or there is nothing at all."""
    missing = any(
        ko.number(each, "status", "availableReplicas") < ko.number(each, "spec", "replicas") for each in deployments
    )
    unready = any(ko.text(ko.condition(pod, "Ready"), "status") != "True" for pod in pods)
    return missing or unready or not deployments


def _read_helm(access: Access, release: str) -> tuple[HelmRecord | None, list[str]]:
    """Helm's newest record of the release, by its labels.

    The table that kubectl prints is made by the server from metadata alone: no secret's content is transferred.
    """
    words = [
        "get",
        "secrets",
        "-l",
        f"owner=helm,name={release}",
        "-L",
        "status,version",
        "--no-headers",
        "--chunk-size=0",
    ]
    running = _start(access, "secrets", words)
    try:
        printed = _finish(access, running).decode(errors="replace")
    except ForbiddenError as refusal:
        return None, [_note("secrets", refusal)]
    except UnreachableError:  # beside what was read already, this is not worth failing for
        return None, []
    finally:
        _end([running])
    records = [line.split() for line in printed.splitlines() if line.startswith("sh.helm.release.")]
    found = [HelmRecord(words[-2], int(words[-1])) for words in records if len(words) > 2 and words[-1].isdecimal()]
    return max(found, key=lambda record: record.revision, default=None), []


def _explain_absence(access: Access, release: str, configmaps: list[ko.Object]) -> KubectlError:
    """Why there is no graph of the release: another release's name, not ours, or no such namespace."""
    record, _ = _read_helm(access, release)
    if record:
        return not_ours(release, access.namespace)
    if access.namespace and not configmaps and _is_absent(access, access.namespace):
        return no_namespace(access.namespace)
    return no_release(release, access.namespace, releases_of([each for each in configmaps if is_graph(each)]))


def _is_absent(access: Access, namespace: str) -> bool:
    """Whether the server says that the namespace does not exist. Who may not ask is told nothing."""
    running = _start(access, "namespaces", ["get", "namespace", namespace, "-o", "name"])
    try:
        _finish(access, running)
    except KubectlError as error:
        return "NotFound" in str(error.__cause__ or "")
    finally:
        _end([running])
    return False


def _start(access: Access, kind: str, words: list[str]) -> _Running:
    """kubectl, started and not waited for."""
    binary = os.environ.get("KUBECTL") or "kubectl"
    flags = [f"--request-timeout={access.timeout:g}s"]
    flags += [
        f"--{flag}={value}"
        for flag, value in (
            ("kubeconfig", access.kubeconfig),
            ("context", access.context),
            ("namespace", access.namespace),
        )
        if value
    ]
    # Messages in English: a few of them can only be told apart by their words.
    environment = os.environ | {"LC_ALL": "C", "LANGUAGE": "C"}
    try:
        process = subprocess.Popen(
            [binary, *words, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    except FileNotFoundError:
        raise KubectlError(
            f"there is no {binary}", "install kubectl, or name it in $KUBECTL; a saved dump is read with --from-dir"
        ) from None
    except (OSError, ValueError) as error:
        raise KubectlError(f"{binary} cannot be run: {error}", "name another kubectl in $KUBECTL") from None
    return _Running(kind, process, time.monotonic() + access.timeout + _GRACE)


def _finish(access: Access, running: _Running) -> bytes:
    """What kubectl printed. Raises the KubectlError that fits what it complained about."""
    try:
        printed, complaint = running.process.communicate(timeout=max(0.1, running.deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise UnreachableError(
            f"the cluster did not answer within {access.timeout:g} s (list of {running.kind})",
            "is it slow? give it longer with --request-timeout",
        ) from None
    if running.process.returncode == 0:
        return printed
    raise explain(complaint.decode(errors="replace"), running.kind, running.process.returncode)


def _items(kind: str, printed: bytes) -> list[ko.Object]:
    try:
        return ko.items(json.loads(printed), "items")
    except (ValueError, RecursionError):
        raise UnreachableError(f"kubectl's list of {kind} is not JSON", "is $KUBECTL a kubectl?") from None


def _end(running: list[_Running]) -> None:
    """Nothing of ours outlives us: after an error or Ctrl-C the others are stopped."""
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        for stream in (each.process.stdout, each.process.stderr):
            if stream:
                stream.close()
        each.process.wait()
