"""A LimitRange that refuses the containers which the chart adds: gates ask for little, whatever the service asks for."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.pipeline import gate_name
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, Cause
from nimhelm.status.evidence import Case
from nimhelm.status.record import whole
from nimhelm.wording import short

_BOUND = re.compile(
    r"(minimum|maximum) (cpu|memory) usage per Container is (\S+?), but (request|limit) is (\S+?)\.?(?=[,\s\]]|$)"
)
_RATIO = re.compile(
    r"(cpu|memory) max limit to request ratio per Container is (\S+?), but provided ratio is (\d+\.\d+)"
)


class _Resources(NamedTuple):
    requests: dict[str, str]
    limits: dict[str, str]


def helpers_refused(case: Case, message: str) -> Cause | None:
    """The amounts that the message names are those of the gates: the value that changes them. None if they are not."""
    now = _of_gates(case)
    if now is None:
        return None
    wanted = _Resources(dict(now.requests), dict(now.limits))
    said = [*_bounds(message, now, wanted), *_ratios(message, now, wanted)]
    if not said:
        return None
    text = f"no pods: the namespace's LimitRange refuses the gates: {'; '.join(said)} (value global.nimhelm.helperResources)"
    # The value replaces the chart's default as a whole, so the step names every amount.
    amounts = [
        (f"global.nimhelm.helperResources.{side}.{resource}", amount)
        for side, after in (("requests", wanted.requests), ("limits", wanted.limits))
        for resource, amount in after.items()
    ]
    return Cause("LimitRange", text, FAILED, next=steps.upgrade(case.evidence, *amounts))


def _of_gates(case: Case) -> _Resources | None:
    """What the gates have by Helm's record, or by the chart's defaults where that is not read; None without a gate."""
    gates = {gate_name(each.name) for each in case.service.dependencies if each.wait}
    if not gates:
        return None
    for each in case.evidence.snapshot.manifest or []:
        if ko.name_of(each) != case.name or ko.text(each, "kind") != case.service.workload:
            continue
        for container in ko.items(whole(each), "spec", "template", "spec", "initContainers"):
            if ko.text(container, "name") in gates:
                sides = (ko.mapping(container, "resources", side) for side in ("requests", "limits"))
                return _Resources(*({key: str(amount) for key, amount in side.items()} for side in sides))
    from nimhelm.chart.values import shared_values

    default, _ = shared_values()["helperResources"]
    return _Resources(**default)


def _bounds(message: str, now: _Resources, wanted: _Resources) -> list[str]:
    """Raises what is below a minimum and lowers what is above a maximum; a request never exceeds its limit."""
    said = []
    for match in _BOUND.finditer(message):
        end, resource, bound, side, amount = match.groups()
        held = now.requests if side == "request" else now.limits
        if not _same(held.get(resource, ""), amount):
            continue
        said.append(f"{end} {resource} is {short(bound)}, their {side} is {short(amount)}")
        if end == "minimum":
            wanted.requests[resource] = bound
            if _value(wanted.limits.get(resource, bound)) < _value(bound):
                wanted.limits[resource] = bound
        else:
            wanted.limits[resource] = bound
            if _value(wanted.requests.get(resource, bound)) > _value(bound):
                wanted.requests[resource] = bound
    return said


def _ratios(message: str, now: _Resources, wanted: _Resources) -> list[str]:
    """Raises the request to the limit, which no ratio forbids."""
    said = []
    for resource, bound, ratio in _RATIO.findall(message):
        request, limit = _value(now.requests.get(resource, "")), _value(now.limits.get(resource, ""))
        if not request or abs(limit / request - float(ratio)) > 0.001:
            continue
        said.append(f"{resource} limit may be {short(bound)} times the request, theirs is {float(ratio):g} times")
        wanted.requests[resource] = wanted.limits[resource]
    return said


def _same(one: str, other: str) -> bool:
    return bool(one) and _value(one) == _value(other)


def _value(quantity: str) -> int:
    return nanos(quantity) or 0
