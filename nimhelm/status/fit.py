"""Whether a node takes a pod, and what keeps it from doing so: the scheduler's rules, as far as a list of nodes tells."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko

NOT_READY, CORDONED, TAINTED, PRESSED = "not ready", "cordoned", "tainted", "under pressure"
_OWN = "node.kubernetes.io/"


class Fit(NamedTuple):
    """One node and one pod. `matches`: selector and affinity allow it. `lacks` are resources that the node could never
    give. `blocked` says what keeps pods away, with the `taint` that does; "" if nothing does.
    """

    node: str
    matches: bool
    lacks: tuple[str, ...]
    blocked: str
    taint: ko.Object


def fits_of(pod: ko.Object, nodes: list[ko.Object]) -> list[Fit]:
    """How the pod fits each of the nodes."""
    asked = requests_of(pod)
    return [_fit(pod, node, asked) for node in nodes]


def _fit(pod: ko.Object, node: ko.Object, asked: dict[str, int]) -> Fit:
    offered = ko.mapping(node, "status", "allocatable")
    lacks = tuple(name for name, amount in asked.items() if (nanos(offered.get(name)) or 0) < amount)
    blocked, taint = _blocked(pod, node)
    return Fit(ko.name_of(node), matches(pod, node), lacks, blocked, taint)


def _blocked(pod: ko.Object, node: ko.Object) -> tuple[str, ko.Object]:
    if is_dead(node):
        return NOT_READY, {}
    if ko.true(node, "spec", "unschedulable"):
        return CORDONED, {}
    for taint in ko.items(node, "spec", "taints"):
        if ko.text(taint, "effect") == "PreferNoSchedule" or any(
            _tolerates(each, taint) for each in ko.items(pod, "spec", "tolerations")
        ):
            continue
        key = ko.text(taint, "key")
        if key == f"{_OWN}unschedulable":
            return CORDONED, taint
        if key in (f"{_OWN}not-ready", f"{_OWN}unreachable"):
            return NOT_READY, taint
        return (PRESSED if key.startswith(_OWN) else TAINTED), taint
    return "", {}


def is_dead(node: ko.Object) -> bool:
    """Whether the node does not report, or reports that it cannot run pods."""
    ready = ko.text(ko.condition(node, "Ready"), "status")
    return bool(ready) and ready != "True"


def _tolerates(toleration: ko.Object, taint: ko.Object) -> bool:
    key, effect = ko.text(toleration, "key"), ko.text(toleration, "effect")
    if effect and effect != ko.text(taint, "effect"):
        return False
    if ko.text(toleration, "operator") == "Exists":
        return not key or key == ko.text(taint, "key")
    return key == ko.text(taint, "key") and ko.text(toleration, "value") == ko.text(taint, "value")


def matches(pod: ko.Object, node: ko.Object) -> bool:
    """Whether nodeSelector and required node affinity allow the node."""
    selector = ko.mapping(pod, "spec", "nodeSelector")
    if any(ko.label(node, key) != ko.text(selector, key) for key in selector):
        return False
    required = ko.dig(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = ko.items(required, "nodeSelectorTerms")
    return not terms or any(
        all(_holds(each, node) for each in ko.items(term, "matchExpressions"))
        and all(ko.name_of(node) in ko.texts(each, "values") for each in ko.items(term, "matchFields"))
        for term in terms
    )


def _holds(expression: ko.Object, node: ko.Object) -> bool:
    key, values = ko.text(expression, "key"), ko.texts(expression, "values")
    there, value = key in ko.mapping(node, "metadata", "labels"), ko.label(node, key)
    match ko.text(expression, "operator"):
        case "In":
            return value in values and there
        case "NotIn":
            return value not in values
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case "Gt" | "Lt" as operator:
            numbers = [each for each in (value, *values) if each.isdecimal()]
            if len(numbers) < 2:
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return True


def requests_of(pod: ko.Object) -> dict[str, int]:
    """What the scheduler counts for the pod, in billionths: its containers together, or the largest init container."""
    together: dict[str, int] = defaultdict(int)
    for each in ko.items(pod, "spec", "containers"):
        for resource, amount in _requests(each).items():
            together[resource] += amount
    for each in ko.items(pod, "spec", "initContainers"):
        for resource, amount in _requests(each).items():
            together[resource] = max(together[resource], amount)
    return dict(together)


def _requests(container: ko.Object) -> dict[str, int]:
    asked = ko.mapping(container, "resources", "limits") | ko.mapping(container, "resources", "requests")
    return {resource: nanos(amount) or 0 for resource, amount in asked.items()}


def free_of(node: ko.Object, resource: str) -> int | None:
    """What is left of the resource, in billionths; None if what its pods ask for was not read."""
    if "requested" not in node:
        return None
    offered = nanos(ko.dig(node, "status", "allocatable", resource)) or 0
    return max(0, offered - ko.number(node, "requested", resource))


def shown(resource: str, amount: int) -> str:
    """An amount in billionths as people write it: ("memory", 17179869184e9) -> "16Gi", ("cpu", 5e8) -> "500m"."""
    if resource == "cpu" and amount % 10**9:
        return f"{amount // 10**6}m"
    whole = amount // 10**9
    if resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-"):
        for unit, size in (("Gi", 30), ("Mi", 20), ("Ki", 10)):
            if whole >= 1 << size:
                return f"{whole / (1 << size):.1f}".removesuffix(".0") + unit
    return str(whole)
