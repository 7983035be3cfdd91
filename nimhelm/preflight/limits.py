"""LimitRanges: what they fill in, and what of a pod or claim they refuse."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.demand import amounts, shown
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko


def of_type(ranges: list[ko.Object], kind: str) -> list[ko.Object]:
    """The items of the ranges for Container, Pod or PersistentVolumeClaim."""
    return [item for each in ranges for item in ko.items(each, "spec", "limits") if ko.text(item, "type") == kind]


def with_defaults(pod: ko.Object, ranges: list[ko.Object]) -> ko.Object:
    """The pod with the requests and limits that the API server would fill in, gates included."""
    spec = dict(ko.mapping(pod, "spec"))
    for place in ("initContainers", "containers"):
        if place in spec:
            spec[place] = [_filled(each, of_type(ranges, "Container")) for each in ko.items(spec, place)]
    return pod | {"spec": spec}


def _filled(container: ko.Object, limits: list[ko.Object]) -> ko.Object:
    """A limit that is set is the request that is not; then defaults of the range, which an own limit excludes for requests."""
    own = ko.mapping(container, "resources")
    requests = ko.mapping(own, "limits") | ko.mapping(own, "requests")
    ceiling = ko.mapping(own, "limits")
    for item in limits:
        requests = ko.mapping(item, "defaultRequest") | requests
        ceiling = ko.mapping(item, "default") | ceiling
    return container | {"resources": own | {"requests": requests, "limits": ceiling}}


def refusals(pod: ko.Object, ranges: list[ko.Object]) -> Iterator[str]:
    """What the ranges forbid of a pod that has their defaults: "container x asks for 8Gi memory, at most 4Gi is allowed"."""
    for item in of_type(ranges, "Container"):
        for container in ko.items(pod, "spec", "initContainers") + ko.items(pod, "spec", "containers"):
            sides = {side: ko.mapping(container, "resources", side) for side in ("requests", "limits")}
            counted = {
                side: {name: nanos(value) or 0 for name, value in given.items()} for side, given in sides.items()
            }
            who = f"container {ko.text(container, 'name')}"
            yield from _judged(who, counted, item)
            yield from _above_default(who, counted, item)
    for item in of_type(ranges, "Pod"):
        yield from _judged("the pod", {side: amounts(pod, side) for side in ("requests", "limits")}, item)


def _above_default(who: str, counted: dict[str, dict[str, int]], item: ko.Object) -> Iterator[str]:
    """A default limit below what the container requests makes its pod invalid."""
    for name, value in ko.mapping(item, "default").items():
        request, limit = counted["requests"].get(name, 0), counted["limits"].get(name)
        if limit is not None and limit == nanos(value) and request > limit:
            yield f"{who} requests {shown(name, request)} {name}, and its limit is by default {shown(name, limit)}"


def _judged(who: str, counted: dict[str, dict[str, int]], item: ko.Object) -> Iterator[str]:
    requests, limits = counted["requests"], counted["limits"]
    for name, value in ko.mapping(item, "min").items():
        least = nanos(value) or 0
        if name not in requests:
            yield f"{who} requests no {name}, at least {shown(name, least)} is wanted"
        elif requests[name] < least:
            yield f"{who} requests {shown(name, requests[name])} {name}, at least {shown(name, least)} is wanted"
        elif name in limits and limits[name] < least:
            yield f"{who} limits {name} to {shown(name, limits[name])}, at least {shown(name, least)} is wanted"
    for name, value in ko.mapping(item, "max").items():
        most = nanos(value) or 0
        if name not in limits:
            yield f"{who} has no limit of {name}, at most {shown(name, most)} is allowed"
        elif (asked := max(limits[name], requests.get(name, 0))) > most:
            yield f"{who} asks for {shown(name, asked)} {name}, at most {shown(name, most)} is allowed"
    for name, value in ko.mapping(item, "maxLimitRequestRatio").items():
        ratio, request, limit = nanos(value) or 0, requests.get(name, 0), limits.get(name, 0)
        if not request or not limit:
            yield f"{who} has no request or no limit of {name}, and their ratio is bounded by {value}"
        elif limit * 10**9 > ratio * request:
            yield f"{who} has a limit of {name} more than {value} times its request"


def claim_refusals(claim: ko.Object, ranges: list[ko.Object]) -> Iterator[str]:
    """What the ranges forbid of a claim's size."""
    size = nanos(ko.dig(claim, "spec", "resources", "requests", "storage")) or 0
    for item in of_type(ranges, "PersistentVolumeClaim"):
        least, most = nanos(ko.dig(item, "min", "storage")), nanos(ko.dig(item, "max", "storage"))
        if least is not None and size < least:
            yield f"claim {ko.name_of(claim)} asks for {shown('storage', size)}, at least {shown('storage', least)} is wanted"
        if most is not None and size > most:
            yield f"claim {ko.name_of(claim)} asks for {shown('storage', size)}, at most {shown('storage', most)} is allowed"
