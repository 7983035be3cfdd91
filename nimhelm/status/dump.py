"""A snapshot as a folder of files: to be sent to someone, and to be read again without a cluster.

One file for each list, `pods.json` and so on, and `release.json` with the moment and what else was known. Values of
environment variables, commands and headers are left out, as is everything of secrets but Helm's record of status
and revision. A folder that a user filled with `kubectl get … -o yaml` is read as well, under whatever file names.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nimhelm.dumpfile import documents
from nimhelm.errors import KubectlError, LoadError, WriteError
from nimhelm.kubectlerrors import no_release, not_ours
from nimhelm.savefile import json_bytes, save_private
from nimhelm.status import kubeobject as ko
from nimhelm.status.causes.containers import statuses
from nimhelm.status.evidence import event_time
from nimhelm.status.graph import RELEASE_LABEL, is_graph, releases_of
from nimhelm.status.redact import redacted
from nimhelm.status.snapshot import KINDS, HelmRecord, Log, Snapshot
from nimhelm.wording import short
from nimhelm.workspace import is_workspace

_OWN_FILE, _MANIFEST = "release.json", "manifest.json"
# Their keys that are not to be saved: a manifest's text holds values, and managedFields are reduced already.
_NEVER = ("managedFields", "text")
LIST_OF = {
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Pod": "pods",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Event": "events",
    "Node": "nodes",
    "ReplicaSet": "replicasets",
    "Job": "jobs",
    "Service": "services",
    "EndpointSlice": "endpointslices",
    "PersistentVolume": "persistentvolumes",
    "LeaderWorkerSet": "leaderworkersets",
    "InferenceService": "inferenceservices",
    "Ingress": "ingresses",
    "IngressClass": "ingressclasses",
    "Namespace": "namespaces",
    "Workload": "workloads",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "HTTPRoute": "httproutes",
    "GRPCRoute": "grpcroutes",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
}
"""Kind -> the list of a snapshot that holds its objects."""
# Copies of the whole object, values included.
_COPIES = "kubectl.kubernetes.io/last-applied-configuration"


def save(snapshot: Snapshot, folder: str) -> None:
    """Writes the snapshot. A folder with other things in it is left alone: WriteError."""
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not (target / _OWN_FILE).is_file() and any(not is_workspace(each.name) for each in target.iterdir()):
            raise WriteError(f"{folder} is not empty and holds no dump", "name another folder for --save")
        gone = [f"{kind}.json" for kind in KINDS if kind not in snapshot.lists]  # of an earlier dump
        save_private(target, _files_of(snapshot), gone)
    except OSError as error:
        raise WriteError(
            f"{folder} cannot be written: {error.strerror or error}", "name another folder for --save"
        ) from None


def _files_of(snapshot: Snapshot) -> dict[str, bytes]:
    lists = {f"{kind}.json": snapshot.of(kind) for kind in KINDS if kind in snapshot.lists}
    if snapshot.manifest is not None:
        lists[_MANIFEST] = snapshot.manifest
    files = {name: _list([_without_values(each) for each in objects]) for name, objects in lists.items()}
    return {name: _text(document) for name, document in (files | {_OWN_FILE: _about(snapshot)}).items()}


def _about(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "release": snapshot.release,
        "namespace": snapshot.namespace,
        "now": snapshot.now.isoformat(),
        "helm": snapshot.helm._asdict() if snapshot.helm else None,
        "notes": list(snapshot.notes),
        "absent": [list(each) for each in snapshot.absent],
        "logs": [log._asdict() for log in snapshot.logs],
    }


def _list(objects: list[ko.Object]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": objects}


def _text(document: dict[str, Any]) -> bytes:
    return json_bytes(redacted(document))


def _without_values(value: Any, key: str = "") -> Any:
    """A copy without what may be secret: values of env and of headers, commands, copies of the whole object."""
    if isinstance(value, list):
        if key in ("command", "args"):
            return []
        plain = key in ("env", "httpHeaders")
        return [_without_value(each) if plain else _without_values(each) for each in value]
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if name not in (_COPIES, *_NEVER)}
        return {name: _without_values(item, name) for name, item in kept.items()}
    return value


def _without_value(entry: Any) -> Any:
    """{"name": "TOKEN", "value": "s3cret"} -> {"name": "TOKEN"}; references to secrets stay, they are names."""
    return {name: item for name, item in entry.items() if name != "value"} if isinstance(entry, dict) else None


def load_dump(folder: str, release: str, namespace: str = "") -> Snapshot:
    """The snapshot in the folder. Raises LoadError for what is none, KubectlError if the release is not in it."""
    files = _files(folder)
    about: dict[str, Any] = {}
    lists: dict[str, list[ko.Object]] = {}
    records: list[tuple[str, HelmRecord]] = []
    manifest: list[ko.Object] | None = None
    for path in files:
        for document in _documents(path):
            if path.name == _MANIFEST:
                manifest = _objects(document)
                continue
            if path.stem in KINDS and path.suffix == ".json":
                lists.setdefault(path.stem, [])  # read, if only to find it empty
            if path.name == _OWN_FILE and "kind" not in document:
                about = document
            for each in _objects(document):
                _sort_in(each, lists, records)
    graphs = [each for each in (*lists.get("configmaps", []), *(manifest or [])) if is_graph(each)]
    graph = _graph_of(graphs, release, namespace, records)
    place = ko.text(graph, "metadata", "namespace") or namespace
    own = about if ko.text(about, "release") == release else {}
    newest = max(
        (record for name, record in records if name == release), key=lambda record: record.revision, default=None
    )
    return Snapshot(
        release=release,
        namespace=place,
        now=ko.moment(own, "now") or _newest_moment(lists),
        lists={kind: _in_namespace(kind, objects, place) for kind, objects in lists.items()},
        helm=newest or _saved_record(own),
        notes=tuple(ko.texts(own, "notes")),
        manifest=manifest,
        absent=tuple((pair[0], pair[1]) for pair in _pairs(own)),
        logs=tuple(Log(*(ko.text(each, key) for key in Log._fields)) for each in ko.items(own, "logs")),
    )


def _pairs(about: ko.Object) -> list[list[str]]:
    found = ko.dig(about, "absent")
    lists = found if isinstance(found, list) else []
    return [
        each
        for each in lists
        if isinstance(each, list) and len(each) == 2 and all(isinstance(one, str) for one in each)
    ]


def _files(folder: str) -> list[Path]:
    target = Path(folder)
    if not target.is_dir():
        raise LoadError(
            f"{folder} is not a folder",
            "give --from-dir the folder or archive that --save wrote, or files of kubectl get … -o yaml",
        )
    files = sorted(path for path in target.iterdir() if path.suffix in (".json", ".yaml", ".yml") and path.is_file())
    if not files:
        raise LoadError(f"{folder} holds no .json or .yaml file", "nimhelm status RELEASE --save FOLDER writes them")
    return files


def _documents(path: Path) -> list[ko.Object]:
    """The file's mappings; what else it holds is of no use."""
    return [each for each in documents(path) if isinstance(each, dict)]


def _objects(document: ko.Object) -> list[ko.Object]:
    """The objects of a List (PodList and so on leave the kind of their items out), or the one object."""
    if "items" not in document:
        return [document]
    kind = ko.text(document, "kind").removesuffix("List")
    return [each if ko.text(each, "kind") else each | {"kind": kind} for each in ko.items(document, "items")]


def _sort_in(each: ko.Object, lists: dict[str, list[ko.Object]], records: list[tuple[str, HelmRecord]]) -> None:
    kind = ko.text(each, "kind")
    if kind in LIST_OF:
        lists.setdefault(LIST_OF[kind], []).append(each)
    elif kind == "Secret" and ko.label(each, "owner") == "helm":
        record = HelmRecord(ko.label(each, "status"), ko.number(each, "metadata", "labels", "version"))
        records.append((ko.label(each, "name"), record))


def _graph_of(
    graphs: list[ko.Object], release: str, namespace: str, records: list[tuple[str, HelmRecord]]
) -> ko.Object:
    here = [each for each in graphs if not namespace or ko.text(each, "metadata", "namespace") == namespace]
    found = next((each for each in here if ko.label(each, RELEASE_LABEL) == release), None)
    if found is None:
        raise _absent(release, namespace, releases_of(graphs), records)
    return found


def _absent(release: str, namespace: str, others: list[str], records: list[tuple[str, HelmRecord]]) -> KubectlError:
    if any(name == release for name, _ in records):
        return not_ours(release, namespace)
    if not others:
        hint = "save them too: kubectl get configmaps,deployments,pods,pvc,events,nodes -o yaml"
        return KubectlError(
            f"the dump has no graph of release {short(release)} (a ConfigMap with the label nimhelm.dev/graph)", hint
        )
    return no_release(release, namespace, others)


def _in_namespace(kind: str, objects: list[ko.Object], namespace: str) -> list[ko.Object]:
    """A dump may be of all namespaces."""
    if kind in ("nodes", "persistentvolumes", "ingressclasses", "namespaces") or not namespace:
        return objects
    return [each for each in objects if ko.text(each, "metadata", "namespace") in ("", namespace)]


def _saved_record(about: dict[str, Any]) -> HelmRecord | None:
    saved = ko.mapping(about, "helm")
    if not saved:
        return None
    return HelmRecord(
        status=ko.text(saved, "status"),
        revision=ko.number(saved, "revision"),
        description=ko.text(saved, "description"),
        deployed=ko.number(saved, "deployed"),
        failed_tests=tuple(ko.texts(saved, "failed_tests")),
    )


def _newest_moment(lists: dict[str, list[ko.Object]]) -> datetime:
    """When a dump of kubectl's was taken, as far as it tells: no earlier than the newest thing in it."""
    seen = [event_time(event) for event in lists.get("events", [])]
    for objects in lists.values():
        for each in objects:
            moments = [ko.moment(each, "metadata", "creationTimestamp")]
            moments += [ko.moment(held, "lastTransitionTime") for held in ko.items(each, "status", "conditions")]
            moments += [ko.moment(held, "state", "running", "startedAt") for held in statuses(each)]
            seen += [moment for moment in moments if moment]
    return max(seen, default=datetime(1970, 1, 1, tzinfo=UTC))
