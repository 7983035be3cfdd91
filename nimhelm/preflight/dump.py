"""What was read as a folder of files, for somebody without access to the cluster.

`preflight.json` has what is not a list: the version, the API kinds, rights and the answers of the dry run. Each other file
is a list, as this writes it or as `kubectl get … -o json` or `-o yaml` prints it. No value of a secret or ConfigMap is written.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from nimhelm.dumpfile import documents
from nimhelm.errors import LoadError, WriteError
from nimhelm.preflight.cluster import Cluster, Reach, Refusal
from nimhelm.preflight.reduce import reduced
from nimhelm.savefile import json_bytes, save_private
from nimhelm.status import kubeobject as ko
from nimhelm.workspace import is_workspace

_OWN_FILE = "preflight.json"
_AGAIN = "save it anew with nimhelm preflight --save"


def save(cluster: Cluster, folder: str) -> None:
    """Writes the folder. One with other things in it is left alone: WriteError."""
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not (target / _OWN_FILE).is_file() and any(not is_workspace(each.name) for each in target.iterdir()):
            raise WriteError(
                f"{folder} is not empty and holds nothing of a preflight", "name another folder for --save"
            )
        files = _files_of(cluster)
        save_private(target, files, [name for name in _saved_before(target) if name not in files])
    except OSError as error:
        raise WriteError(
            f"{folder} cannot be written: {error.strerror or error}", "name another folder for --save"
        ) from None


def _files_of(cluster: Cluster) -> dict[str, bytes]:
    documents: dict[str, Any] = {
        _file(kind): {"apiVersion": "v1", "kind": "List", "items": [{"kind": kind} | each for each in objects]}
        for kind, objects in cluster.lists.items()
    }
    documents[_OWN_FILE] = _about(cluster)
    return {name: json_bytes(document) for name, document in documents.items()}


def _file(kind: str) -> str:
    return f"{kind.lower()}.json"


def _saved_before(target: Path) -> list[str]:
    """The lists of an earlier preflight in the folder; other files in the folder are left alone."""
    if not (target / _OWN_FILE).is_file():
        return []
    with suppress(LoadError):
        about = next(iter(documents(target / _OWN_FILE)), None)
        return [_file(kind) for kind in ko.texts(about, "kinds") if kind.isalnum()]
    return []


def _about(cluster: Cluster) -> dict[str, Any]:
    return {
        "namespace": cluster.reach.namespace,
        "release": cluster.reach.release,
        "version": cluster.version,
        "apis": sorted(cluster.apis),
        "plurals": dict(cluster.plurals),
        "kinds": sorted(cluster.lists),
        "forbidden": sorted(cluster.forbidden),
        "rights": list(cluster.rights) if cluster.rights is not None else None,
        "answers": [[*right, answer] for right, answer in cluster.answers.items()],
        "refusals": _plain(cluster.refusals),
        "podRefusals": _plain(cluster.pod_refusals),
        "helm": list(cluster.helm) if cluster.helm else None,
        "helmMajor": cluster.helm_major,
        "recordKind": cluster.record_kind,
        "namespaceExists": cluster.namespace_exists,
    }


def _plain(refusals: tuple[Refusal, ...] | None) -> list[list[Any]] | None:
    return None if refusals is None else [list(each) for each in refusals]


def load(folder: str, reach: Reach) -> Cluster:
    """The cluster as it was saved. Raises LoadError for any other folder."""
    place = Path(folder)
    if not (place / _OWN_FILE).is_file():
        raise LoadError(f"{folder} has no {_OWN_FILE}", "save it with: nimhelm preflight CHART --save DIR")
    try:
        files = sorted(path for path in place.iterdir() if path.suffix in (".json", ".yaml", ".yml") and path.is_file())
    except OSError as error:
        raise LoadError(f"{folder} cannot be read: {error.strerror or error}", _AGAIN) from None
    about = next(iter(documents(place / _OWN_FILE)), None)
    found = [each for path in files if path.name != _OWN_FILE for each in documents(path)]
    lists: dict[str, list[ko.Object]] = {kind: [] for kind in ko.texts(about, "kinds")}
    for each in (item for document in found for item in ko.items(document, "items")):
        lists.setdefault(ko.text(each, "kind"), []).append(reduced(each))
    try:
        return _cluster(about, reach, lists)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise LoadError(f"{place / _OWN_FILE} is not what --save writes", _AGAIN) from None


def _cluster(about: Any, reach: Reach, lists: dict[str, list[ko.Object]]) -> Cluster:
    same = ko.text(about, "release") == reach.release
    helm = ko.dig(about, "helm") if same else None
    rights = ko.dig(about, "rights")
    return Cluster(
        reach=reach._replace(namespace=reach.namespace or ko.text(about, "namespace")),
        lists=lists,
        apis=frozenset(ko.texts(about, "apis")),
        plurals={key: str(value) for key, value in ko.mapping(about, "plurals").items()},
        version=ko.text(about, "version"),
        forbidden=frozenset(ko.texts(about, "forbidden")),
        rights=tuple(ko.items(about, "rights")) if isinstance(rights, list) else None,
        answers={(verb, group, resource): bool(answer) for verb, group, resource, answer in about.get("answers") or []},
        refusals=_refusals(about, "refusals"),
        pod_refusals=_refusals(about, "podRefusals"),
        helm=(str(helm[0]), int(helm[1])) if helm else None,
        helm_major=ko.number(about, "helmMajor") or 3,
        record_kind=str(about.get("recordKind", "Secret")),
        namespace_exists=ko.dig(about, "namespaceExists") is not False,
    )


def _refusals(about: Any, key: str) -> tuple[Refusal, ...] | None:
    found = ko.dig(about, key)
    return (
        tuple(Refusal._make([*map(str, each[:3]), each[3:] == [True]]) for each in found)
        if isinstance(found, list)
        else None
    )
