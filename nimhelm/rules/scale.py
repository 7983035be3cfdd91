"""Rules of spec.scale and spec.replicas."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, is_scaled, number
from nimhelm.yamlread import Path

SOURCES = {
    "Resource": "resource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
    "ContainerResource": "containerResource",
}
"""The field that a metric of each type has."""

TARGETS = {
    "resource": ("averageUtilization", "averageValue"),
    "containerResource": ("averageUtilization", "averageValue"),
    "pods": ("averageValue",),
    "object": ("value", "averageValue"),
    "external": ("value", "averageValue"),
}
"""What the target of each may be."""


def check_scale(service: Service) -> Iterator[Finding]:
    """An HPA needs its bounds, and the replicas to itself."""
    if not is_scaled(service):
        return
    if service.get("replicas") is not None:
        message = "replicas and scale.enabled exclude each other: the HPA sets the replicas"
        yield service.error(
            "NH060", ("replicas",), message, "remove replicas; scale.hpa.minReplicas is where it starts"
        )
    hpa = service.mapping("scale", "hpa")
    low, high = number(hpa.get("minReplicas"), 1), number(hpa.get("maxReplicas"), 0)
    if hpa.get("maxReplicas") is None:
        yield service.error("NH061", ("scale", "hpa"), "scale.enabled needs hpa.maxReplicas", "add maxReplicas")
    elif hpa["maxReplicas"] == 0:
        message = "scale.enabled needs maxReplicas of 1 or more"
        yield service.error("NH061", ("scale", "hpa", "maxReplicas"), message, "raise maxReplicas")
    elif 1 <= high < low:
        message = f"minReplicas {low} is above maxReplicas {high}"
        yield service.error("NH061", ("scale", "hpa", "minReplicas"), message, "raise maxReplicas or lower minReplicas")


def check_metric_sources(service: Service) -> Iterator[Finding]:
    """A metric of type T has the field of that name with a target, and a share needs a request to be a share of."""
    if not is_scaled(service):
        return
    for index, metric in service.items("scale", "hpa", "metrics"):
        kind = str(metric.get("type"))
        name, field = SOURCES.get(kind, ""), ("scale", "hpa", "metrics", index)
        source = metric.get(name)
        if not isinstance(source, dict):
            if name:
                yield service.error("NH062", field, f"a metric of type {kind} needs the field {name}", f"add {name}")
            continue
        for other in SOURCES.values():
            if other != name and metric.get(other) is not None:
                message = f"a metric of type {kind} takes the field {name}, not {other}"
                yield service.error("NH062", (*field, other), message, "remove it, or change the type")
        yield from _target(service, source.get("target"), name, (*field, name, "target"))
        if name == "resource":
            yield from _utilization(service, source, field)


def _target(service: Service, target: object, name: str, field: Path) -> Iterator[Finding]:
    """A target has a value of its kind, and only one."""
    if not isinstance(target, dict):
        return
    given = [key for key in TARGETS[name] if target.get(key) is not None]
    if not given or (len(given) > 1 and name != "object"):
        hint = "keep one" if given else f"add {TARGETS[name][0]}"
        yield service.error("NH062", field, f"the target of {name} needs {' or '.join(TARGETS[name])}", hint)


def _utilization(service: Service, resource: dict[str, object], field: Path) -> Iterator[Finding]:
    target, name = resource.get("target"), resource.get("name")
    if not isinstance(target, dict) or target.get("type") != "Utilization" or name not in ("cpu", "memory"):
        return
    if not service.get("resources", "requests", name) and not service.get("resources", "limits", name):
        message = f"the HPA scales on a share of the {name} request, and {service.name} requests no {name}: it will never scale"
        yield service.warning("NH063", (*field, "resource", "name"), message, f"add resources.requests.{name}")


SCALE_RULES = (check_scale, check_metric_sources)
