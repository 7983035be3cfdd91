"""Rules of spec.scale and spec.replicas."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, is_scaled, number


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
    elif 1 <= high < low:
        message = f"minReplicas {low} is above maxReplicas {high}"
        yield service.error("NH061", ("scale", "hpa", "minReplicas"), message, "raise maxReplicas or lower minReplicas")


def check_metric_sources(service: Service) -> Iterator[Finding]:
    """A metric of type T needs the field of that name, and a utilization target needs a request to be a share of."""
    if not is_scaled(service):
        return
    fields = {
        "Resource": "resource",
        "Pods": "pods",
        "Object": "object",
        "External": "external",
        "ContainerResource": "containerResource",
    }
    for index, metric in service.items("scale", "hpa", "metrics"):
        name = fields.get(str(metric.get("type")))
        field = ("scale", "hpa", "metrics", index)
        if name and not isinstance(metric.get(name), dict):
            yield service.error(
                "NH062", field, f"a metric of type {metric['type']} needs the field {name}", f"add {name}"
            )
        elif name == "resource":
            yield from _utilization(service, metric["resource"], field)


def _utilization(service: Service, resource: dict[str, object], field: tuple[str | int, ...]) -> Iterator[Finding]:
    target, name = resource.get("target"), resource.get("name")
    if not isinstance(target, dict) or target.get("type") != "Utilization" or name not in ("cpu", "memory"):
        return
    if not service.get("resources", "requests", name) and not service.get("resources", "limits", name):
        message = f"the HPA scales on a share of the {name} request, and {service.name} requests no {name}: it will never scale"
        yield service.warning("NH063", (*field, "resource", "name"), message, f"add resources.requests.{name}")


SCALE_RULES = (check_scale, check_metric_sources)
