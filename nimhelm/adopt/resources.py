"""The operator's own resources in a namespace: which of them a release takes the place of, and what becomes of caches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nimhelm.adopt.changes import RELEASE_NAME, Object, identity
from nimhelm.chart.obtain import document_of
from nimhelm.chart.read import read_chart
from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, run
from nimhelm.pipeline import dig

KINDS = ("nimpipelines.apps.nvidia.com", "nimservices.apps.nvidia.com", "nimcaches.apps.nvidia.com")
ARGO_CD = "argocd.argoproj.io/tracking-id"
REQUEST_SECONDS = 60.0
# Where a Deployment, a LeaderWorkerSet and an InferenceService have the spec of the pod that needs a key.
_POD_SPECS = (("template", "spec"), ("leaderWorkerTemplate", "leaderTemplate", "spec"), ("predictor",))


def operator_resources(namespace: str, context: str) -> list[Object]:
    """Every NIMPipeline, NIMService and NIMCache of a namespace; none of a kind that the cluster does not have.

    Raises KubectlError.
    """
    found: list[Object] = []
    for kind in KINDS:
        try:
            access = Access(namespace, context, timeout=REQUEST_SECONDS, flags=())
            found += items_of(run(access, kind, "get", kind, "-o", "json"))
        except KubectlError as error:
            if "doesn't have a resource type" not in str(error):
                raise
    return found


def is_taken(item: Object, pipeline: str, owners: set[tuple[Any, Any]]) -> bool:
    """Whether a resource of the operator is the pipeline, belongs to it, or owns an object that is taken over.

    Nothing is taken by its name alone.
    """
    ours = ("NIMPipeline", pipeline)
    above = {(one.get("kind"), one.get("name")) for one in owner_references(item)}
    return identity(item) == ours or ours in above or identity(item) in owners


def owners_of(live: list[Object]) -> set[tuple[Any, Any]]:
    """Kind and name of everything that owns one of the objects."""
    return {(one.get("kind"), one.get("name")) for item in live for one in owner_references(item)}


def owner_references(item: Object) -> list[Object]:
    """The owners of an object."""
    references: list[Object] = dig(item, "metadata", "ownerReferences") or []
    return references


def resource_name(item: Object) -> str:
    """A resource as kubectl takes it: `nimservices.apps.nvidia.com/llm`."""
    kind, name = identity(item)
    return f"{kind.lower()}s.apps.nvidia.com/{name}"


def returning(taken: list[Object]) -> list[str]:
    """What would make a deleted resource again, a sentence each: a pipeline that stays, another release, a GitOps tool."""
    names = {identity(item) for item in taken}
    lines = []
    for item in taken:
        kind, name = identity(item)
        above = [(str(one.get("kind")), str(one.get("name"))) for one in owner_references(item)]
        makers = [f"{owner} {title}" for owner, title in above if (owner, title) not in names]
        annotations = dig(item, "metadata", "annotations") or {}
        if annotations.get(RELEASE_NAME):
            makers.append(f"the release {annotations[RELEASE_NAME]}")
        if annotations.get(ARGO_CD):
            makers.append(f"the Argo CD application {str(annotations[ARGO_CD]).partition(':')[0]}")
        lines += [
            f"beware     {kind} {name} comes from {maker}, which would make it again: remove it there"
            for maker in makers
        ]
    return lines


def requires_keys(live: list[Object]) -> bool:
    """Whether the pods do not start without their key: so the operator made them before 3.1.3."""
    return any(
        dig(entry, "name") == "NGC_API_KEY" and dig(entry, "valueFrom", "secretKeyRef", "optional") is not True
        for item in live
        for path in _POD_SPECS
        for container in dig(item, "spec", *path, "containers") or ()
        for entry in dig(container, "env") or ()
        if dig(entry, "valueFrom", "secretKeyRef")
    )


def caches_of(chart: str, resources: list[Object]) -> dict[str, str]:
    """The chart's caches that the operator has as well: name -> status.state."""
    values = document_of(f"{chart}/values.yaml", read_chart(Path(chart)).get("values.yaml", b""))
    ours = dig(values, "nimCaches") or {}
    states = {
        name: dig(item, "status", "state")
        for item in resources
        for kind, name in [identity(item)]
        if kind == "NIMCache"
    }
    return {name: str(state or "not filled") for name, state in sorted(states.items()) if name in ours}


def cache_lines(caches: dict[str, str]) -> list[str]:
    """What happens to the content of each cache."""
    return [
        f"keeps      NIMCache {name}: the operator has filled it; it is marked as complete, and nothing is downloaded"
        if state == "Ready"
        else f"downloads  NIMCache {name}: the operator has not filled it ({state})"
        for name, state in caches.items()
    ]


def items_of(text: str) -> list[Object]:
    """The objects that kubectl printed as JSON: a List, one object, or nothing. Raises KubectlError for anything else."""
    try:
        data: Any = json.loads(text) if text.strip() else {}
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise KubectlError("what kubectl prints is not JSON", "is $KUBECTL a kubectl?")
    items = data.get("items") if str(data.get("kind", "")).endswith("List") else [data]
    return [item for item in items or [] if item and isinstance(item, dict)]
