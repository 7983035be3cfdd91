"""Rules of spec.resources: what the API server refuses of requests and limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Block, Pipeline, Service, dig, number
from nimhelm.quantity import count, is_whole, nanos
from nimhelm.yamlread import Path

GPU = "nvidia.com/gpu"
MIG = re.compile(r"mig-([0-9]+c\.)?[0-9]+g\.[0-9]+gb([.+-][a-z.]+)?")
MEGABYTE = 2**20 * 10**9


def above_limits(resources: Any) -> Iterator[tuple[Path, str, str]]:
    """Requests above their limits: the place below `resources`, the fault, the way out."""
    limits, requests = dig(resources, "limits"), dig(resources, "requests")
    for name, wanted in requests.items() if isinstance(limits, dict) and isinstance(requests, dict) else ():
        request, limit = nanos(wanted), nanos(limits.get(name))
        if request is not None and limit is not None and request > limit:
            yield ("requests", name), *too_much(name, wanted, limits[name])


def amounts(resources: Any) -> Iterator[tuple[Path, str, str]]:
    """What the API server refuses of a container's resources: amounts above limits, devices in parts or without a limit."""
    yield from above_limits(resources)
    for side in ("requests", "limits"):
        given = dig(resources, side)
        for name, value in given.items() if isinstance(given, dict) else ():
            if is_device(name) and nanos(value) is not None and not is_whole(value):
                yield (
                    (side, name),
                    f"{name}: {value} is a fraction, and a device is given whole",
                    "write a whole number",
                )
            elif is_extended(name) and side == "requests" and nanos(dig(resources, "limits", name)) != nanos(value):
                yield (side, name), f"{name} needs a limit that is the same", f"write only limits: {value}"


def too_much(name: str, request: Any, limit: Any) -> tuple[str, str]:
    """The fault of a request above its limit, and the way out."""
    return f"requests {request} of {name}, more than its limit {limit}", "raise the limit or lower the request"


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
            yield service.error("NH042", field, *too_much(name, wanted, limits[name]))


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


def check_pages(service: Service) -> Iterator[Finding]:
    """Huge pages come whole, and only beside cpu or memory."""
    sides = [service.mapping("resources", side) for side in ("limits", "requests")]
    given = {name: side for side, amounts in zip(("limits", "requests"), sides, strict=True) for name in amounts}
    for name, side in given.items():
        if not name.startswith("hugepages-"):
            continue
        field = ("resources", side, name)
        page, amount = nanos(name.removeprefix("hugepages-")), nanos(service.get(*field))
        if not page:
            yield service.error("NH044", field, f"{name} names no page size", "for example hugepages-2Mi")
        elif amount is not None and amount % page:
            message = f"{name}: {service.get(*field)} is no whole number of pages"
            yield service.error("NH044", field, message, f"write a multiple of {name.removeprefix('hugepages-')}")
        if "cpu" not in given and "memory" not in given:
            message = f"{service.title} asks for huge pages without cpu or memory, which the API server refuses"
            yield service.error("NH044", field, message, "add requests.memory and limits.memory")


def check_names(service: Service) -> Iterator[Finding]:
    """A resource that no node will ever have keeps the pod pending: a slip of the name of a GPU."""
    for side in ("limits", "requests"):
        for name in service.mapping("resources", side):
            meant = meant_resource(name)
            if meant:
                message = f"no node offers {name}, so the pods of {service.title} would stay pending"
                yield service.error("NH045", ("resources", side, name), message, f"write {meant}")


def meant_resource(name: str) -> str:
    """The resource that a slip stands for: `nvidia.com/gpus` -> `nvidia.com/gpu`; "" for a name that may well exist.

    Device plugins can be told to rename what they offer (nvidia.com/gpu.shared), so only close neighbours are slips.
    """
    domain, _, device = name.partition("/")
    plain = device.lower().replace("_", "-")
    if plain in ("nvidia-gpu", "nvidia-gpus"):
        return GPU
    if name == GPU or not any(part in domain.lower() for part in ("nvidia", "nvida", "nvdia", "nividia", "invidia")):
        return ""
    if plain in ("gpu", "gpus", "nvidia.com-gpu"):
        return GPU
    if plain.startswith("mig") and not MIG.fullmatch(device):
        return f"nvidia.com/{wanted}" if MIG.fullmatch(wanted := _mig(plain)) else "for example nvidia.com/mig-1g.10gb"
    return f"nvidia.com/{device}" if domain != "nvidia.com" and plain.startswith(("gpu", "mig-")) else ""


def _mig(device: str) -> str:
    """`mig1g-10gb` -> `mig-1g.10gb`."""
    found = re.search(r"([0-9]+)g[^0-9a-z]*([0-9]+)gb", device)
    return f"mig-{found[1]}g.{found[2]}gb" if found else ""


def check_units(block: Block) -> Iterator[Finding]:
    """An amount of bytes below a megabyte is an amount whose unit was forgotten."""
    amounts: list[Path] = [("resources", "memory"), ("storage", "emptyDir", "sizeLimit"), ("storage", "pvc", "size")]
    amounts += [
        ("resources", side, name) for side in ("limits", "requests") for name in ("memory", "ephemeral-storage")
    ]
    amounts += [("storage", "sharedMemorySizeLimit")]
    for field in amounts:
        value = block.get(*field)
        if field == ("storage", "pvc", "size") and not isinstance(value, str):
            continue  # a number is an error there
        if 0 < (nanos(value) or 0) < MEGABYTE:
            message = f"{field[-1]}: {value} is {count(value)} byte{'' if count(value) == 1 else 's'}"
            yield block.warning("NH046", field, message, f"write the unit, for example {_with_unit(value)}")


def check_counted(pipeline: Pipeline) -> Iterator[Finding]:
    """Services that a namespace with a quota on cpu or memory refuses: it wants both of every container.

    Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/. A limit alone will do, since it is the request then.
    A pipeline that sets neither for any service leaves them out on purpose; its chart's README says what that means.
    """
    on = [one for one in pipeline.services if one.enabled]
    open_ones = [one for one in on if _left_open(one)]
    if not open_ones or not any(_sets_some(one) for one in on):
        return
    names = [one.name for one in open_ones]
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    every = sorted({name for one in open_ones for name in _left_open(one)})
    message = (
        f"no limit of {' and '.join(every)}: {listed}; a namespace with a quota on cpu or memory may refuse the pods"
    )
    hint = "where there is such a quota, set resources.requests and resources.limits of both"
    yield open_ones[0].note("NH048", ("resources",), message, hint)


def _sets_some(service: Service) -> bool:
    sides = service.mapping("resources", "limits"), service.mapping("resources", "requests")
    return any(name in side for side in sides for name in ("cpu", "memory"))


def _left_open(service: Service) -> list[str]:
    limits = service.mapping("resources", "limits")
    return [name for name in ("cpu", "memory") if limits.get(name) is None]


def _with_unit(value: Any) -> str:
    return f"{value}Gi" if str(value).isdecimal() and len(str(value)) < 5 else "16Gi"


RESOURCE_RULES = (check_amounts, check_equal, check_claims, check_pages, check_names)
