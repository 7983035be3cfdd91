"""Reads what the status of a release is computed from, and never writes.

At most six lists, whatever the number of services: ConfigMaps with the graph label, Deployments and Pods of the
release, claims and events of the namespace, and then Nodes if a pod finds no node, or the labels of Helm's release
secrets if the release is not ready. Deployments, pods and ConfigMaps must be readable; of the others each that is
forbidden is left out with a note.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, end, finish, start
from nimhelm.kubectlerrors import ForbiddenError, UnreachableError, no_namespace, no_release, not_ours
from nimhelm.status import kubeobject as ko
from nimhelm.status.graph import GRAPH_LABEL, RELEASE_LABEL, is_graph, releases_of
from nimhelm.status.snapshot import HelmRecord, Snapshot

_REQUIRED = ("configmaps", "deployments", "pods")
_OPTIONAL = ("persistentvolumeclaims", "events")
# What becomes of the status when a list may not be read.
_LOST = {
    "persistentvolumeclaims": "claims that are not bound cannot be explained",
    "events": "image pulls, volumes and probes are explained less well",
    "nodes": "whether any node has a GPU is not known",
    "secrets": "Helm's own record of the release is not known",
}


def read_release(
    release: str, namespace: str = "", context: str = "", kubeconfig: str = "", timeout: float = 10.0
) -> Snapshot:
    """The release as it is now. Raises KubectlError with a sentence and a hint."""
    access = Access(namespace, context, kubeconfig, timeout)
    ours = f"{RELEASE_LABEL}={release}"
    # Pods of LeaderWorkerSets, of KServe and of an adopted pipeline have labels of their own: all are read, and sorted.
    selectors = {"configmaps": f"{GRAPH_LABEL}=true", "deployments": ours}
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
    running = [start(access, kind, _get(kind, selector)) for kind, selector in selectors.items()]
    lists: dict[str, list[ko.Object]] = {}
    notes = []
    try:
        for each in running:
            try:
                lists[each.kind] = _items(each.kind, finish(access, each))
            except ForbiddenError as refusal:
                if each.kind in required:
                    raise
                notes.append(_note(each.kind, refusal))
    finally:
        end(running)
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
    running = start(access, "secrets", words)
    try:
        printed = finish(access, running).decode(errors="replace")
    except ForbiddenError as refusal:
        return None, [_note("secrets", refusal)]
    except UnreachableError:  # beside what was read already, this is not worth failing for
        return None, []
    finally:
        end([running])
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
    running = start(access, "namespaces", ["get", "namespace", namespace, "-o", "name"])
    try:
        finish(access, running)
    except KubectlError as error:
        return "NotFound" in str(error.__cause__ or "")
    finally:
        end([running])
    return False


def _items(kind: str, printed: bytes) -> list[ko.Object]:
    try:
        return ko.items(json.loads(printed), "items")
    except (ValueError, RecursionError):
        raise UnreachableError(f"kubectl's list of {kind} is not JSON", "is $KUBECTL a kubectl?") from None
