"""Rules of spec.storage: where a service keeps its model."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, max_replicas
from nimhelm.quantity import nanos

SOURCES = ("nimCache", "pvc", "emptyDir", "hostPath")


def storage_sources(service: Service) -> list[str]:
    """The storage sources a service sets. A mapping with nothing in it counts for emptyDir alone, as in the webhook."""
    storage = service.mapping("storage")
    found = []
    for name in SOURCES:
        value = storage.get(name)
        if isinstance(value, dict):
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
            "NH050", ("storage",), f"{service.name} has no storage: one of {', '.join(SOURCES)} is needed", hint
        )
    elif len(found) > 1:
        message = f"{service.name} has several storage sources: {', '.join(found)}"
        yield service.error("NH051", ("storage", found[1]), message, "keep one")


def check_claim(service: Service) -> Iterator[Finding]:
    """A claim is created with a size, or named."""
    pvc = service.mapping("storage", "pvc")
    if "pvc" not in storage_sources(service):
        return
    field = ("storage", "pvc")
    if pvc.get("create") is not True:
        if not pvc.get("name"):
            yield service.error(
                "NH052",
                field,
                "a claim that is not created needs a name",
                "add create: true and size, or the name of a claim",
            )
        return
    size = pvc.get("size")
    if size in (None, ""):
        yield service.error("NH053", field, "a claim that is created needs a size", "for example size: 50Gi")
    elif isinstance(size, str) and (amount := nanos(size)) is not None and amount <= 0:
        yield service.error("NH053", (*field, "size"), f"the size {size} is not positive", "for example size: 50Gi")
    yield from check_access_mode(service)


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


def check_shared_memory(service: Service) -> Iterator[Finding]:
    """A limit of /dev/shm is positive."""
    limit = service.get("storage", "sharedMemorySizeLimit")
    amount = nanos(limit)
    if amount is not None and amount <= 0:
        yield service.error(
            "NH054",
            ("storage", "sharedMemorySizeLimit"),
            f"the limit {limit} is not positive",
            "for example 16Gi, or leave it out",
        )


def check_cache_profile(service: Service) -> Iterator[Finding]:
    """A profile of which cache?"""
    cache = service.mapping("storage", "nimCache")
    if cache.get("profile") and not cache.get("name"):
        yield service.error("NH055", ("storage", "nimCache"), "a profile without the name of its NIMCache", "add name")


STORAGE_RULES = (check_sources, check_claim, check_shared_memory, check_cache_profile)
