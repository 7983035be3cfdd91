"""Containers that the kernel kills, or the runtime cannot start, because of their memory limit."""

from __future__ import annotations

import re

from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, Cause
from nimhelm.status.evidence import Case, is_main
from nimhelm.wording import short

MEMORY = re.compile(r"memory limit|OOM-killed")
# A server that starts with less is not a NIM.
_LEAST = "1Gi"


def out_of_memory(case: Case, pod: ko.Object, container: str) -> Cause:
    """The kernel killed it at its limit. The step doubles the limit."""
    limit = _limit(pod, container)
    text = f"out of memory: container {short(container)} was killed at its limit" + (
        f" of {short(limit)}" if limit else ""
    )
    doubled = _doubled(limit)
    if doubled and is_main(case, container):
        return Cause("OOMKilled", text, FAILED, next=steps.set_values(case, ("resources.limits.memory", doubled)))
    return Cause("OOMKilled", text, FAILED, next=steps.describe(case, "pod", ko.name_of(pod)))


def gate_out_of_memory(case: Case, pod: ko.Object, gate: str) -> Cause:
    """The gate's memory limit does not let it run. The step gives it what the chart gives it by default."""
    from nimhelm.chart.values import shared_values

    limit = _limit(pod, gate)
    text = f"gate {short(gate)} cannot run with its memory limit{' of ' + short(limit) if limit else ''}"
    default, _ = shared_values()["helperResources"]
    path = "global.nimhelm.helperResources"
    values = [(f"{path}.{side}.memory", default[side]["memory"]) for side in ("requests", "limits")]
    return Cause("OOMKilled", f"{text} (value {path})", FAILED, next=steps.upgrade(case.evidence, *values))


def _limit(pod: ko.Object, container: str) -> str:
    containers = ko.items(pod, "spec", "containers") + ko.items(pod, "spec", "initContainers")
    return next(
        (ko.text(each, "resources", "limits", "memory") for each in containers if ko.text(each, "name") == container),
        "",
    )


def _doubled(quantity: str) -> str:
    """ "16Gi" -> "32Gi", and at least 1Gi; "" for what is not a plain quantity."""
    match = re.fullmatch(r"(\d{1,18})([KMGT]i?|[kmPE]i?|)", quantity)
    if not match:
        return ""
    doubled = f"{2 * int(match[1])}{match[2]}"
    return max(doubled, _LEAST, key=lambda each: nanos(each) or 0)
