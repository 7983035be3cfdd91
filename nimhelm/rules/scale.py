"""Rules of spec.scale and spec.replicas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, dig, has_keda, is_kserve, is_scaled, number, sleeps
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
    if hpa.get("minReplicas") == 0 and low == 0 and not {"External", "Object"} & metric_types(service):
        message = "minReplicas of 0 needs a metric of type External or Object: no pod is left to measure"
        hint = "add such a metric, or write minReplicas: 1"
        yield service.error("NH061", ("scale", "hpa", "minReplicas"), message, hint)


def metric_types(service: Service) -> set[str]:
    """The types of the metrics of the HPA."""
    return {str(metric.get("type")) for _, metric in service.items("scale", "hpa", "metrics")}


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


def _target(service: Service, target: object, name: str, field: Path) -> Iterator[Finding]:
    """A target has a value of its kind, and only one."""
    if not isinstance(target, dict):
        return
    given = [key for key in TARGETS[name] if target.get(key) is not None]
    if not given or (len(given) > 1 and name != "object"):
        hint = "keep one" if given else f"add {TARGETS[name][0]}"
        yield service.error("NH062", field, f"the target of {name} needs {' or '.join(TARGETS[name])}", hint)


def check_utilization(service: Service) -> Iterator[Finding]:
    """A metric that can never have a value: a share of a request that is not set, or of a resource that is not measured."""
    if not is_scaled(service):
        return
    field: Path = ("scale", "hpa", "metrics")
    if not service.get(*field) and service.get("scale", "hpa", "maxReplicas"):
        asked = "scales on its default metric, 80 % of the cpu request"
        yield from _share(service, "cpu", ("scale", "hpa"), f"an HPA without metrics {asked}")
    for index, metric in service.items(*field):
        for kind in ("resource", "containerResource"):
            source = metric.get(kind)
            if SOURCES.get(str(metric.get("type"))) == kind and isinstance(source, dict):
                yield from _measured(service, source, kind, (*field, index, kind))


def _measured(service: Service, source: dict[str, Any], kind: str, field: Path) -> Iterator[Finding]:
    name, container = str(source.get("name")), source.get("container")
    if name not in ("cpu", "memory"):
        message = f"an HPA measures cpu and memory, not {name}: it will never scale"
        yield service.warning("NH063", (*field, "name"), message, "use a metric of type Pods or External for it")
        return
    own = f"{service.name}-ctr"
    others = {str(sidecar.get("name")) for _, sidecar in service.items("sidecarContainers")}
    if kind == "containerResource" and container != own and isinstance(container, str):
        if container not in others:
            message = f"the pods have no container {container}: the HPA will never scale"
            yield service.warning("NH063", (*field, "container"), message, f"write container: {own}")
        return
    if dig(source, "target", "averageUtilization") is not None and dig(source, "target", "averageValue") is None:
        yield from _share(service, name, (*field, "name"), f"the HPA scales on a share of the {name} request", kind)


def _share(service: Service, name: str, field: Path, message: str, kind: str = "resource") -> Iterator[Finding]:
    """Of a resource metric, every container of the pod needs a request; sidecars have none."""
    if not service.get("resources", "requests", name) and not service.get("resources", "limits", name):
        lacks = f"{service.title} requests no {name}"
        hint = f"add resources.requests.{name}" + ("" if len(field) > 2 else ", or hpa.metrics")
    elif kind == "resource" and service.sequence("sidecarContainers"):
        lacks = f"the sidecars of {service.title} request no {name}"
        hint = f"use a metric of type ContainerResource for {service.name}-ctr"
    else:
        return
    yield service.warning("NH063", field, f"{message}, and {lacks}: it will never scale", hint)


def check_keda(service: Service) -> Iterator[Finding]:
    """A ScaledObject needs its bounds, a trigger that works at its minimum, and the replicas to itself."""
    if not has_keda(service):
        return
    keda, field = service.mapping("scale", "keda"), ("scale", "keda")
    if is_scaled(service):
        message = "scale.enabled and scale.keda.enabled exclude each other: both set the replicas"
        yield service.error("NH064", (*field, "enabled"), message, "keep one")
    elif service.get("replicas") is not None:
        message = "replicas and scale.keda.enabled exclude each other: KEDA sets the replicas"
        hint = f"set {service.title}.replicas: null; scale.keda.minReplicaCount is where it starts"
        yield service.error("NH060", ("replicas",), message, hint)
    if is_kserve(service):
        yield service.error(
            "NH064", (*field, "enabled"), "KEDA scales a Deployment, not an InferenceService", "remove it"
        )
    low, high = number(keda.get("minReplicaCount"), 1), number(keda.get("maxReplicaCount"), 0)
    if high < 1:
        message = "scale.keda.enabled needs maxReplicaCount of 1 or more"
        yield service.error("NH064", (*field, "maxReplicaCount"), message, "set maxReplicaCount")
    elif low > high:
        message = f"minReplicaCount {low} is above maxReplicaCount {high}"
        hint = "raise maxReplicaCount or lower minReplicaCount"
        yield service.error("NH064", (*field, "minReplicaCount"), message, hint)
    if low == 0 and keda.get("idleReplicaCount") == 0:
        message = "idleReplicaCount 0 is not below minReplicaCount 0"
        yield service.error("NH064", (*field, "idleReplicaCount"), message, "leave out idleReplicaCount")
    yield from _triggers(service, [trigger for _, trigger in service.items(*field, "triggers")], (*field, "triggers"))


def _triggers(service: Service, triggers: list[dict[str, Any]], field: Path) -> Iterator[Finding]:
    if not triggers:
        yield service.error("NH064", field, "scale.keda.enabled needs a trigger", "add one to triggers")
    elif sleeps(service) and {trigger.get("type") for trigger in triggers} <= {"cpu", "memory"}:
        message = "scaling to zero needs a trigger beside cpu and memory: no pod is left to measure"
        yield service.error("NH064", field, message, "add a trigger of another type, or write minReplicaCount: 1")
    names = [trigger["name"] for trigger in triggers if trigger.get("name")]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield service.error("NH064", field, f"two triggers have the name {name}", "rename one")


SCALE_RULES = (check_scale, check_metric_sources, check_utilization, check_keda)
