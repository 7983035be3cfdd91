"""Rules of spec.resources: what the API server refuses of requests and limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, number
from nimhelm.quantity import count, is_whole, nanos
from nimhelm.yamlread import Path


def is_extended(name: str) -> bool:
    """Whether Kubernetes refuses to overcommit a resource: nvidia.com/gpu, any name with a domain of its own, huge pages.

    Kubernetes keeps every name with "kubernetes.io/" in it for itself, mykubernetes.io/x included.
    """
    return name.startswith("hugepages-") or ("/" in name and "kubernetes.io/" not in name)


def is_device(name: str) -> bool:
    """Whether a resource is counted in whole devices: nvidia.com/gpu, nvidia.com/mig-1g.10gb."""
    return is_extended(name) and not name.startswith("hugepages-")


def check_amounts(service: Service) -> Iterator[Finding]:
    """Whole numbers of extended resources."""
    for side in ("requests", "limits"):
        for name, value in service.mapping("resources", side).items():
            if is_device(name) and nanos(value) is not None and not is_whole(value):
                hint = "write a whole number; share a GPU with MIG or time-slicing instead"
                message = f"{name}: {value} is a fraction, and a device is given whole"
                yield service.error("NH041", ("resources", side, name), message, hint)


def check_equal(service: Service) -> Iterator[Finding]:
    """Requests never above limits, and equal to them for what cannot be overcommitted."""
    limits = service.mapping("resources", "limits")
    for name, wanted in service.mapping("resources", "requests").items():
        request, limit = nanos(wanted), nanos(limits.get(name))
        if request is None or limit is None:
            continue
        field = written_amount(service, name)
        if is_extended(name) and request != limit:
            message = f"requests {wanted} of {name} but limits it to {limits[name]}: the API server wants them equal"
            yield service.error("NH040", field, message, f"write the same number, or only limits: {limits[name]}")
        elif request > limit:
            message = f"requests {wanted} of {name}, more than its limit {limits[name]}"
            yield service.error("NH042", field, message, "raise the limit or lower the request")


def written_amount(service: Service, name: str) -> Path:
    """The request of a resource; its limit, where a values file writes that alone and the request is the chart's."""
    request, limit = ("resources", "requests", name), ("resources", "limits", name)
    holds = service.document.holds
    return limit if holds((*service.spec_field, *limit)) and not holds((*service.spec_field, *request)) else request


def check_claims(service: Service) -> Iterator[Finding]:
    """The operator refuses resources.claims: spec.draResources makes them."""
    if service.get("resources", "claims"):
        yield service.error("NH043", ("resources", "claims"), "resources.claims cannot be set", "use spec.draResources")


def gpus(service: Service) -> dict[str, int]:
    """Devices of one pod by name: {"nvidia.com/gpu": 1}.

    Of extended resources the larger of request and limit; devices of created claims under the name of their class.
    """
    found: dict[str, Any] = {}
    for side in ("requests", "limits"):
        for name, value in service.mapping("resources", side).items():
            if is_device(name):
                found[name] = max(found.get(name, 0), count(value))
    for index, _ in service.items("draResources"):
        for _, device in service.items("draResources", index, "claimCreationSpec", "devices"):
            kind = str(device.get("deviceClassName") or "gpu.nvidia.com")
            found[kind] = found.get(kind, 0) + number(device.get("count"), 1)
    return {name: amount for name, amount in sorted(found.items()) if amount}


RESOURCE_RULES = (check_amounts, check_equal, check_claims)
