"""What pods ask for, as the scheduler and quotas count it, and what nodes have left. All amounts are billionths."""

from __future__ import annotations

from collections import defaultdict

from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko

UNIT = 10**9
Amounts = dict[str, int]


def amounts(pod: ko.Object, side: str = "requests") -> Amounts:
    """What the pod counts for on one side: its containers and sidecars together, or its largest init container.

    A request that is left out is the limit, as the API server fills it in. `pod` has a spec.
    """
    together, before, largest = _sum(), _sum(), _sum()
    for each in ko.items(pod, "spec", "initContainers"):
        asked = _asked(each, side)
        if ko.text(each, "restartPolicy") == "Always":
            for name, amount in asked.items():
                before[name] += amount
            asked = {}
        for name in {*asked, *before}:
            largest[name] = max(largest[name], asked.get(name, 0) + before[name])
    for each in ko.items(pod, "spec", "containers"):
        for name, amount in _asked(each, side).items():
            together[name] += amount
    found = {name: max(together[name] + before[name], largest[name]) for name in {*together, *before, *largest}}
    # What the pod asks for as a whole stands for its containers.
    found |= _asked(ko.mapping(pod, "spec"), side)
    for name, amount in ko.mapping(pod, "spec", "overhead").items():
        found[name] = found.get(name, 0) + (nanos(amount) or 0)
    return found


def _sum() -> defaultdict[str, int]:
    return defaultdict(int)


def _asked(container: ko.Object, side: str) -> Amounts:
    given = ko.mapping(container, "resources", side)
    if side == "requests":
        given = ko.mapping(container, "resources", "limits") | given
    return {name: nanos(amount) or 0 for name, amount in given.items()}


def requested_on(pods: list[ko.Object]) -> dict[str, Amounts]:
    """What the pods ask for, by node."""
    found: dict[str, Amounts] = {}
    cache: dict[str, Amounts] = {}
    for pod in pods:
        node = ko.text(pod, "spec", "nodeName")
        if node:
            key = str([pod["spec"].get(field) for field in ("containers", "initContainers", "resources", "overhead")])
            if key not in cache:
                cache[key] = amounts(pod)
            total = found.setdefault(node, {})
            for name, amount in cache[key].items():
                total[name] = total.get(name, 0) + amount
            total["pods"] = total.get("pods", 0) + UNIT
    return found


def is_device(resource: str) -> bool:
    """Whether a resource is counted in whole devices of a vendor: nvidia.com/gpu, nvidia.com/mig-1g.10gb."""
    return "/" in resource and not resource.startswith("hugepages-")


def shown(resource: str, amount: int) -> str:
    """As people write it: ("memory", 17179869184 * UNIT) -> "16Gi", ("cpu", UNIT // 2) -> "500m"."""
    if resource.endswith("cpu"):
        return str(amount // UNIT) if amount % UNIT == 0 else f"{amount * 1000 // UNIT}m"
    whole = -(-amount // UNIT)
    if any(word in resource for word in ("memory", "storage", "hugepages")):
        for unit, size in (("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)):
            if whole >= 1 << size:
                return f"{whole / (1 << size):.1f}".removesuffix(".0") + unit
    return str(whole)
