"""Rules of NIMCache documents and of the services that use a cache."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import Cache, Pipeline, Service, cache_of, claim_name, dig, max_replicas
from nimhelm.rules.pod import BLOCK_RULES, check_exempt
from nimhelm.rules.resources import check_units, gpus
from nimhelm.rules.storage import claim_faults
from nimhelm.yamlread import Document, Path

MAX_NAME = 59
SOURCES = ("ngc", "dataStore", "hf")
MODEL_FILTERS = ("precision", "engine", "tensorParallelism", "qosProfile", "gpus", "lora", "buildable")
MODEL: Path = ("source", "ngc", "model")
OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def check_name(document: Document) -> Iterator[Finding]:
    """The name is a label of the job's pods."""
    name = dig(document.data, "metadata", "name")
    if isinstance(name, str) and len(name) > MAX_NAME:
        message = f"the name has {len(name)} characters, {MAX_NAME} are possible (it is a label of the job's pods)"
        yield document.finding(ERROR, "NH028", ("metadata", "name"), message, "shorten it")


def check_cache(cache: Cache) -> Iterator[Finding]:
    """The CRD's and the webhook's rules of one NIMCache, and those that it shares with services."""
    for block_rule in (*BLOCK_RULES, check_units):
        yield from block_rule(cache)
    for rule in (check_exempt, check_source, check_ngc, check_storage, check_certificates):
        yield from rule(cache)


def check_source(cache: Cache) -> Iterator[Finding]:
    """Exactly one source, and in a hub exactly one thing to download."""
    source = cache.get("source")
    if not isinstance(source, dict):
        return
    given = [name for name in SOURCES if source.get(name) is not None]
    if len(given) != 1:
        message = "a NIMCache has exactly one source: " + ", ".join(SOURCES)
        yield cache.error("NH160", ("source",), message, "keep one" if given else "add one")
    for name in ("dataStore", "hf"):
        part = source.get(name)
        if isinstance(part, dict) and bool(part.get("modelName")) == bool(part.get("datasetName")):
            message = f"{name} needs exactly one of modelName and datasetName"
            yield cache.error("NH160", ("source", name), message, "keep one" if part.get("modelName") else "add one")


def check_ngc(cache: Cache) -> Iterator[Finding]:
    """Profiles are named, or chosen by filters; an endpoint needs neither."""
    ngc, model = cache.get("source", "ngc"), cache.get(*MODEL)
    if not isinstance(ngc, dict):
        return
    if model is not None and ngc.get("modelEndpoint"):
        message = "model and modelEndpoint exclude each other"
        yield cache.error("NH160", ("source", "ngc", "modelEndpoint"), message, "keep one")
    for index, profile in enumerate(cache.sequence(*MODEL, "profiles")):
        if profile == "":
            hint = "remove it, or write the name of a profile"
            yield cache.warning("NH160", (*MODEL, "profiles", index), "an empty name of a profile is left out", hint)
    profiles = [profile for profile in cache.sequence(*MODEL, "profiles") if profile != ""]
    if not profiles:
        return
    others = filters_beside_profiles(cache.mapping(*MODEL))
    if others:
        hint = "keep profiles alone, or choose by the other fields"
        yield cache.error("NH160", (*MODEL, others[0]), f"profiles exclude {', '.join(others)}", hint)
    if "all" in profiles and len(profiles) > 1:
        yield cache.error(
            "NH160", (*MODEL, "profiles"), "the profile all cannot be combined with others", "write profiles: [all]"
        )


def filters_beside_profiles(model: dict[str, Any]) -> list[str]:
    """The filters that a model sets. The webhook counts `lora: false` and an empty list of GPUs, but no empty string."""
    return [name for name in MODEL_FILTERS if model.get(name) not in (None, "")]


def check_storage(cache: Cache) -> Iterator[Finding]:
    """A claim that is created with a size, or named, and nothing beside it."""
    storage = cache.get("storage")
    if not cache.mapping("storage", "pvc"):
        if isinstance(storage, dict):
            message = "a NIMCache needs storage.pvc: services reach it through its claim"
            yield cache.error("NH162", ("storage",), message, "for example pvc: {create: true, size: 50Gi}")
        return
    if cache.get("storage", "hostPath"):
        message = "a NIMCache has several storage sources: pvc, hostPath"
        yield cache.error(
            "NH162", ("storage", "hostPath"), message, "keep pvc: services reach the cache through its claim"
        )
    yield from claim_faults(cache, "NH162", "NH162")


def check_certificates(cache: Cache) -> Iterator[Finding]:
    """The deprecated certConfig, and what the API server takes of it."""
    config: Path = ("certConfig",)
    certificates = cache.mapping(*config)
    if not certificates:
        return
    message = "certConfig is deprecated"
    yield cache.warning("NH166", config, message, "write proxy.certConfigMap: the name of the ConfigMap")
    name, path = certificates.get("name"), certificates.get("mountPath")
    if isinstance(name, str) and not (len(name) <= 253 and OBJECT_NAME.fullmatch(name)):
        message = f"no ConfigMap can be named {name!r}" if name else "certConfig names no ConfigMap"
        yield cache.error("NH166", (*config, "name"), message, "write the name of the ConfigMap with the certificates")
    if isinstance(path, str) and (not path or ":" in path or path.rstrip("/") in ("/model-store", "/scratch")):
        message = f"certificates cannot be mounted at {path!r}"
        yield cache.error("NH166", (*config, "mountPath"), message, "for example /etc/ssl/certs")
    if cache.get("proxy", "certConfigMap"):
        message = "certConfig and proxy.certConfigMap both add certificates"
        yield cache.warning("NH166", config, message, "keep proxy.certConfigMap")


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
    """A service that uses a cache which is not here, whose claim must exist; a profile that brings no GPUs."""
    for service in pipeline.services:
        name = service.get("storage", "nimCache", "name")
        if not isinstance(name, str) or not name:
            continue
        if name not in caches and not service.get("storage", "nimCache", "claimName"):
            message = f"the NIMCache {name} is not among the documents: its claim {name}-pvc must exist, filled, in the namespace"
            hint = f"add the NIMCache {name} to the files, and the chart fills it"
            yield service.warning("NH163", ("storage", "nimCache", "name"), message, hint)
        yield from _profile_without_gpus(service, caches.get(name))


def _profile_without_gpus(service: Service, document: Document | None) -> Iterator[Finding]:
    """The operator takes the number of GPUs from the profile. The chart can only where the cache's status lists it."""
    profile = service.get("storage", "nimCache", "profile")
    if not profile or gpus(service) or service.get("draResources"):
        return
    cache = cache_of(document) if document else None
    listed = dig(document.data, "status", "profiles") if document else None
    known = [dig(one, "name") for one in listed] if isinstance(listed, list) else []
    if profile in known or (
        cache and (not cache.mapping("source", "ngc") or cache.get("source", "ngc", "modelEndpoint"))
    ):
        return
    message = f"{service.title} requests no GPU; the operator would take the number from the profile {profile}"
    hint = 'add resources.limits: {"nvidia.com/gpu": 1}, or as many as the profile needs'
    yield service.warning("NH047", ("storage", "nimCache", "profile"), message, hint)


def check_claims(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """No two services, or caches, create a claim of the same name: Helm could not own both."""
    owners: dict[str, str] = {}
    for name, document in caches.items():
        if dig(document.data, "spec", "storage", "pvc", "create") is not True:
            continue
        claim = claim_name(name, dig(document.data, "spec"))
        if claim in owners:
            message = f"the NIMCache {name} creates the claim {claim}, and so does {owners[claim]}"
            hint = "let one create it and the other name it (create: false)"
            yield document.finding(ERROR, "NH057", ("spec", "storage", "pvc"), message, hint)
        owners.setdefault(claim, f"the NIMCache {name}")
    for service in pipeline.services:
        claim = created_claim(service)
        if claim and claim in owners:
            message = f"{service.name} creates the claim {claim}, and so does {owners[claim]}"
            field: Path = ("storage", "pvc", "name" if service.get("storage", "pvc", "name") else "create")
            severity = ERROR if service.enabled else WARNING
            hint = "let one create it and the other name it (create: false)"
            yield pipeline.document.finding(severity, "NH057", (*service.spec_field, *field), message, hint)
        if claim:
            owners.setdefault(claim, service.name)


def created_claim(service: Service) -> str:
    """The name of the claim that a service creates, or "" when it creates none."""
    pvc = service.mapping("storage", "pvc")
    if pvc.get("create") is not True or service.get("storage", "nimCache", "name"):
        return ""
    return claim_name(service.name, service.spec)
