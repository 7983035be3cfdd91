"""Rules of spec.storage: where a service keeps its model."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Block, Service, max_replicas

SOURCES = ("nimCache", "pvc", "emptyDir", "hostPath")
IN_VALUES = "image"
"""A source that only the chart's values have."""


def storage_sources(service: Service) -> list[str]:
    """The storage sources a service sets, in its order. An empty mapping counts for emptyDir alone, as in the webhook."""
    found = []
    for name, value in service.mapping("storage").items():
        if name not in SOURCES and name != IN_VALUES:
            continue
        if name == "nimCache" and isinstance(value, dict):
            used = bool(value.get("name") or value.get("profile"))
        elif isinstance(value, dict):
            used = name == "emptyDir" or any(item not in (None, "", False, {}) for item in value.values())
        else:
            used = isinstance(value, str) and value != ""
        if used:
            found.append(name)
    return found


def check_sources(service: Service) -> Iterator[Finding]:
    """Exactly one source."""
    found = storage_sources(service)
    if not found:
        hint = "for example storage.pvc: {create: true, size: 50Gi}"
        yield service.error(
            "NH050", ("storage",), f"{service.title} has no storage: one of {', '.join(SOURCES)} is needed", hint
        )
    elif len(found) > 1:
        message = f"{service.title} has several storage sources: {', '.join(found)}"
        yield service.error("NH051", ("storage", found[1]), message, "keep one")


def check_claim(service: Service) -> Iterator[Finding]:
    """A claim is created with a size, or named."""
    pvc = service.mapping("storage", "pvc")
    if "pvc" not in storage_sources(service):
        return
    yield from claim_faults(service, "NH052", "NH053")
    if pvc.get("create") is True or pvc.get("volumeAccessMode"):
        yield from check_access_mode(service)


def claim_faults(block: Block, unnamed: str, unsized: str) -> Iterator[Finding]:
    """What makes storage.pvc no claim, of a service or of a download; the codes are the caller's."""
    pvc, field = block.mapping("storage", "pvc"), ("storage", "pvc")
    created = pvc.get("create") is True
    if not created and not pvc.get("name"):
        hint = "add create: true and size, or the name of a claim"
        yield block.error(unnamed, field, "a claim that is not created needs a name", hint)
    if created and pvc.get("size") in (None, ""):
        yield block.error(unsized, field, "a claim that is created needs a size", "for example size: 50Gi")


def check_access_mode(service: Service) -> Iterator[Finding]:
    """A claim that one node, or one pod, may use cannot serve several replicas."""
    mode = service.get("storage", "pvc", "volumeAccessMode") or "ReadWriteOnce"
    many = max_replicas(service)
    if many < 2:
        return
    field = ("storage", "pvc", "volumeAccessMode")
    hint = "write volumeAccessMode: ReadWriteMany with a storage class that has it, or one replica"
    if mode == "ReadWriteOncePod":
        yield service.error(
            "NH056", field, f"{many} replicas share a claim that only one pod may use (ReadWriteOncePod)", hint
        )
    elif mode == "ReadWriteOnce":
        message = f"{many} replicas share a ReadWriteOnce claim: those on a second node will not start (Multi-Attach)"
        yield service.warning("NH056", field, message, hint)


def check_cache_profile(service: Service) -> Iterator[Finding]:
    """A profile of which cache?"""
    cache = service.mapping("storage", "nimCache")
    if cache.get("profile") and not cache.get("name"):
        yield service.error("NH055", ("storage", "nimCache"), "a profile without the name of its NIMCache", "add name")


STORAGE_RULES = (check_sources, check_claim, check_cache_profile)
