"""Who set which field by hand: the next upgrade of Helm 4 fails on a field of the chart that another took over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status.record import whole
from nimhelm.status.snapshot import Snapshot

# What controllers and `kubectl rollout` write is none of the chart's.
_NOT_THE_CHARTS = ("kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision", "spec.paused")


def owners_of(managed: list[ko.Object]) -> list[ko.Object]:
    """Of metadata.managedFields: the managers that set fields, and which: [{manager, operation, fields}]."""
    found = []
    for entry in managed:
        if ko.text(entry, "subresource") == "status":
            continue
        is_helm = ko.text(entry, "manager") == "helm"
        # Helm's own fields are many, and what counts of them is only that Helm applies.
        fields = [] if is_helm else list(_paths(ko.mapping(entry, "fieldsV1"), ""))
        if fields or is_helm:
            found.append(
                {
                    "manager": ko.text(entry, "manager"),
                    "operation": ko.text(entry, "operation"),
                    "fields": fields,
                }
            )
    return found


def _paths(fields: ko.Object, path: str) -> Iterator[str]:
    for key, below in fields.items():
        if key == ".":
            continue
        here = _join(path, key)
        deeper = {name: item for name, item in below.items() if name != "."} if isinstance(below, dict) else {}
        if deeper:
            yield from _paths(deeper, here)
        else:
            yield here


def _join(path: str, key: str) -> str:
    """("spec.containers", 'k:{"name":"a"}') -> "spec.containers[a]"."""
    kind, _, name = key.partition(":")
    if not path:
        return name
    if kind == "k":
        try:
            values = json.loads(name).values()
        except (ValueError, AttributeError):
            values = [name]
        return f"{path}[{','.join(str(value) for value in values)}]"
    return f"{path}.{name}"


class ByHand(NamedTuple):
    """By "Kind/name" the fields that somebody set, with who: "spec.replicas (kubectl)".

    `taken` are fields of the chart, which an upgrade of Helm 4 refuses to change back; `added` are those that the chart does
    not set, which every upgrade leaves as they are.
    """

    taken: dict[str, list[str]]
    added: dict[str, list[str]]


def set_by_hand(snapshot: Snapshot) -> ByHand:
    """Fields of the release's Deployments and Services that others than Helm and the cluster's controllers set."""
    found = ByHand({}, {})
    for kind, lists in (("Deployment", "deployments"), ("Service", "services")):
        for each in snapshot.of(lists):
            if foreign := list(_foreign(each)):
                _sort(each, f"{kind}/{ko.name_of(each)}", foreign, _made(snapshot, kind, ko.name_of(each)), found)
    return found


def taken_over(value: ko.Object, wanted: ko.Object) -> list[str]:
    """The fields of `wanted` to which others gave another value in the cluster's object: "spec.replicas (kubectl)"."""
    fields = [
        f"{path} ({manager})"
        for manager, path in _foreign(value)
        if (values := list(_values(wanted, path))) and values != list(_values(value, path))
    ]
    return list(dict.fromkeys(fields))


def is_applied(value: ko.Object) -> bool:
    """Whether Helm made the object by server-side apply, as Helm 4 does. A field that another took over is a conflict then."""
    return any(_is_helm(owner, "Apply") for owner in ko.items(value, "fieldOwners"))


def _sort(value: ko.Object, named: str, foreign: list[tuple[str, str]], made: ko.Object | None, found: ByHand) -> None:
    applied = is_applied(value)
    for manager, path in foreign:
        is_spec = path.startswith("spec.")
        # Where the record may not be read, what others set of the spec is taken for the chart's.
        lacking = _lacking(made, path) if made is not None else ("" if is_spec else path)
        if applied and not lacking:
            _note(found.taken, named, f"{path} ({manager})")
        elif lacking and is_spec and manager.startswith("kubectl"):
            _note(found.added, named, f"{lacking} ({manager})")


def _note(kept: dict[str, list[str]], named: str, field: str) -> None:
    if field not in kept.setdefault(named, []):
        kept[named].append(field)


def _is_helm(owner: ko.Object, operation: str = "") -> bool:
    return ko.text(owner, "manager") == "helm" and operation in ("", ko.text(owner, "operation"))


def _foreign(value: ko.Object) -> Iterator[tuple[str, str]]:
    """(manager, path) of the fields that neither Helm nor the cluster itself set."""
    for owner in ko.items(value, "fieldOwners"):
        manager = ko.text(owner, "manager")
        if _is_helm(owner) or manager.startswith(("kube-controller-manager", "kube-scheduler")):
            continue
        for path in ko.texts(owner, "fields"):
            if not any(mark in path for mark in _NOT_THE_CHARTS):
                yield manager, path


def _made(snapshot: Snapshot, kind: str, name: str) -> ko.Object | None:
    """The object as the chart made it, None where Helm's record does not tell."""
    made = whole(snapshot.recorded(kind, name))
    return made if "spec" in made else None


def _values(value: Any, path: str) -> Iterator[Any]:
    """What the value has at the path. A key may have dots of its own, as labels do."""
    if not path:
        yield value
    elif path.startswith("["):
        key, _, rest = path[1:].partition("]")
        for each in value if isinstance(value, list) else ():
            # The first of several keys tells the entries of Kubernetes' lists apart: port of port and protocol.
            if isinstance(each, dict) and key.split(",")[0] in map(str, each.values()):
                yield from _values(each, rest)
    elif isinstance(value, dict):
        path = path.removeprefix(".")
        for key in value:
            if _begins(path, key):
                yield from _values(value[key], path[len(key) :])


def _lacking(value: Any, path: str, walked: str = "") -> str:
    """The beginning of the path that the value does not have, "" if it has it all.

    ({"spec": {"containers": [{"name": "a"}]}}, "spec.containers[a].env[B].value") -> "spec.containers[a].env".
    """
    if not path:
        return ""
    if path.startswith("["):
        key, _, rest = path[1:].partition("]")
        here = f"{walked}[{key}]"
        wanted = set(key.split(","))
        entries = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
        below = [_lacking(each, rest, here) for each in entries if wanted & {str(item) for item in each.values()}]
        return min(below, key=len, default=here)
    path = path.removeprefix(".")
    dot = "." if walked else ""
    known = [] if not isinstance(value, dict) else [key for key in value if _begins(path, key)]
    # A key may have dots of its own, as labels do.
    below = [_lacking(value[key], path[len(key) :], f"{walked}{dot}{key}") for key in known]
    return min(below, key=len) if below else f"{walked}{dot}{re.split(r'[.[]', path, maxsplit=1)[0]}"


def _begins(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))
