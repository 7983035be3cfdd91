"""Who set which field by hand: the next upgrade of Helm 4 fails on a field of the chart that another took over."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nimhelm.status import kubeobject as ko
from nimhelm.status.snapshot import Snapshot

# What controllers and `kubectl rollout restart` write is none of the chart's.
_NOT_THE_CHARTS = ("kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision")


def owners_of(managed: list[ko.Object]) -> list[ko.Object]:
    """Of metadata.managedFields: the managers that set fields of the spec, and which: [{manager, operation, fields}]."""
    found = []
    for entry in managed:
        if ko.text(entry, "subresource") == "status":
            continue
        spec = ko.mapping(entry, "fieldsV1", "f:spec")
        is_helm = ko.text(entry, "manager") == "helm"
        # Helm's own fields are many, and what counts of them is only that Helm applies.
        fields = [] if is_helm else list(_paths(spec, "spec"))
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
    if kind == "k":
        try:
            values = json.loads(name).values()
        except (ValueError, AttributeError):
            values = [name]
        return f"{path}[{','.join(str(value) for value in values)}]"
    return f"{path}.{name}"


def conflicts_of(snapshot: Snapshot) -> dict[str, list[str]]:
    """By "Kind/name" the fields of the chart that somebody else has taken over, with who: "spec.replicas (kubectl)".

    Only for objects that Helm applies on the server (Helm 4): elsewhere an upgrade overwrites.
    """
    found: dict[str, list[str]] = {}
    for kind, lists in (("Deployment", "deployments"), ("Service", "services")):
        for each in snapshot.of(lists):
            fields = list(_taken(each, snapshot, kind))
            if fields:
                found[f"{kind}/{ko.name_of(each)}"] = fields
    return found


def _taken(value: ko.Object, snapshot: Snapshot, kind: str) -> Iterator[str]:
    owners = ko.items(value, "fieldOwners")
    if not any(ko.text(each, "manager") == "helm" and ko.text(each, "operation") == "Apply" for each in owners):
        return
    for owner in owners:
        manager = ko.text(owner, "manager")
        if manager == "helm" or manager.startswith(("kube-controller-manager", "kube-scheduler")):
            continue
        for path in ko.texts(owner, "fields"):
            if not any(mark in path for mark in _NOT_THE_CHARTS) and _is_charts(
                path, snapshot, kind, ko.name_of(value)
            ):
                yield f"{path} ({manager})"


def _is_charts(path: str, snapshot: Snapshot, kind: str, name: str) -> bool:
    """Whether the chart sets the field too, as far as Helm's record tells."""
    found = (each for each in snapshot.manifest or [] if ko.text(each, "kind") == kind and ko.name_of(each) == name)
    text = ko.text(next(found, {}), "text")
    if not text:
        return True
    last = path.rpartition(".")[2].partition("[")[0]
    return f"{last}:" in text
