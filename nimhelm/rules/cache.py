"""Rules of NIMCache documents and of the services that use a cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import Pipeline, dig, max_replicas
from nimhelm.yamlread import Document, Path

MAX_NAME = 59
SOURCES = ("ngc", "dataStore", "hf")
MODEL_FILTERS = ("precision", "engine", "tensorParallelism", "qosProfile", "gpus", "lora", "buildable")


def check_cache(document: Document) -> Iterator[Finding]:
    """The CRD's and the webhook's rules of one NIMCache."""
    name = dig(document.data, "metadata", "name")
    if isinstance(name, str) and len(name) > MAX_NAME:
        message = f"the name has {len(name)} characters, {MAX_NAME} are possible (it is a label of the job's pods)"
        yield document.finding(ERROR, "NH028", ("metadata", "name"), message, "shorten it")
    source = dig(document.data, "spec", "source")
    if isinstance(source, dict):
        yield from _source(document, source)
    yield from _storage(document)


def _source(document: Document, source: dict[str, Any]) -> Iterator[Finding]:
    field: Path = ("spec", "source")
    given = [name for name in SOURCES if source.get(name) is not None]
    if len(given) != 1:
        message = "a NIMCache has exactly one source: " + ", ".join(SOURCES)
        yield document.finding(ERROR, "NH160", field, message, "keep one" if given else "add one")
    for name in ("dataStore", "hf"):
        part = source.get(name)
        if isinstance(part, dict) and bool(part.get("modelName")) == bool(part.get("datasetName")):
            message = f"{name} needs exactly one of modelName and datasetName"
            yield document.finding(
                ERROR, "NH160", (*field, name), message, "keep one" if part.get("modelName") else "add one"
            )
    ngc = source.get("ngc")
    if isinstance(ngc, dict):
        yield from _ngc(document, ngc, (*field, "ngc"))


def _ngc(document: Document, ngc: dict[str, Any], field: Path) -> Iterator[Finding]:
    model = ngc.get("model")
    if model is not None and ngc.get("modelEndpoint"):
        yield document.finding(
            ERROR,
            "NH160",
            (*field, "modelEndpoint"),
            "model and modelEndpoint exclude each other",
            "keep one",
        )
    profiles = model.get("profiles") if isinstance(model, dict) else None
    if not isinstance(model, dict) or not isinstance(profiles, list) or not profiles:
        if not ngc.get("modelEndpoint"):
            message = "no profiles are named: the caching job takes those that fit the GPU it sees, and it has none"
            yield document.finding(WARNING, "NH164", field, message, "add model.profiles")
        return
    others = [name for name in MODEL_FILTERS if model.get(name)]
    if others:
        message = f"profiles exclude {', '.join(others)}"
        yield document.finding(
            ERROR,
            "NH160",
            (*field, "model", others[0]),
            message,
            "keep profiles alone, or choose by the other fields",
        )
    if "all" in profiles and len(profiles) > 1:
        yield document.finding(
            ERROR,
            "NH160",
            (*field, "model", "profiles"),
            "the profile all stands alone",
            "write profiles: [all]",
        )


def _storage(document: Document) -> Iterator[Finding]:
    field: Path = ("spec", "storage")
    pvc = dig(document.data, *field, "pvc")
    if not isinstance(pvc, dict) or not pvc:
        if isinstance(dig(document.data, *field), dict):
            yield document.finding(
                ERROR,
                "NH162",
                field,
                "a NIMCache needs storage.pvc: services reach it through its claim",
                "for example pvc: {create: true, size: 50Gi}",
            )
        return
    if pvc.get("create") is not True and not pvc.get("name"):
        yield document.finding(
            ERROR,
            "NH162",
            (*field, "pvc"),
            "a claim that is not created needs a name",
            "add create: true and size, or name",
        )
    elif pvc.get("create") is True and not pvc.get("size"):
        yield document.finding(
            ERROR, "NH162", (*field, "pvc"), "a claim that is created needs a size", "for example size: 50Gi"
        )


def check_access(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """A cache's claim is used by its job and by every service that names it."""
    for name, document in caches.items():
        mode = dig(document.data, "spec", "storage", "pvc", "volumeAccessMode") or "ReadWriteOnce"
        users = [service for service in pipeline.services if service.get("storage", "nimCache", "name") == name]
        field: Path = ("spec", "storage", "pvc", "volumeAccessMode")
        hint = "write volumeAccessMode: ReadWriteMany with a storage class that has it"
        pods = sum(max_replicas(service) for service in users if service.enabled)
        if mode == "ReadWriteOncePod" and users:
            message = f"only one pod may use the claim of {name} (ReadWriteOncePod): its job and the service exclude each other"
            yield document.finding(ERROR, "NH056", field, message, hint)
        elif mode == "ReadWriteOnce" and pods > 1:
            message = f"{pods} pods share the ReadWriteOnce claim of {name}: those on a second node will not start (Multi-Attach)"
            yield document.finding(WARNING, "NH056", field, message, hint)


def check_use(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """A service that uses a cache which is not here: its claim must exist already."""
    for service in pipeline.services:
        name = service.get("storage", "nimCache", "name")
        if not isinstance(name, str) or not name or name in caches or service.get("storage", "nimCache", "claimName"):
            continue
        message = (
            f"the NIMCache {name} is not among the documents: its claim {name}-pvc must exist, filled, in the namespace"
        )
        yield service.warning(
            "NH163",
            ("storage", "nimCache", "name"),
            message,
            f"add the NIMCache {name} to the files, and the chart fills it",
        )


def check_claims(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """No two services, or caches, create a claim of the same name: Helm could not own both."""
    owners: dict[str, str] = {}
    for name, document in caches.items():
        if dig(document.data, "spec", "storage", "pvc", "create") is True:
            owners[str(dig(document.data, "spec", "storage", "pvc", "name") or f"{name}-pvc")] = f"the NIMCache {name}"
    for service in pipeline.services:
        pvc = service.mapping("storage", "pvc")
        if pvc.get("create") is not True or service.get("storage", "nimCache", "name"):
            continue
        claim = str(pvc.get("name") or f"{service.name}-pvc")
        if claim in owners:
            message = f"{service.name} creates the claim {claim}, and so does {owners[claim]}"
            field: Path = ("storage", "pvc", "name" if pvc.get("name") else "create")
            severity = ERROR if service.enabled else WARNING
            hint = "let one create it and the other name it (create: false)"
            yield pipeline.document.finding(severity, "NH057", (*service.spec_field, *field), message, hint)
        owners.setdefault(claim, service.name)
