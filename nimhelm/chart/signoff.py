"""What the person who signs a chart off asks: its claims, how gates ask, the APIs it needs, and the commands to run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.chart.claims import Claim, claims, delete_command
from nimhelm.chart.secrets import references, variables
from nimhelm.pipeline import claim_name, dig
from nimhelm.plan import Gate, Plan, PlannedService


def claim_lines(plan: Plan, values: dict[str, Any]) -> list[str]:
    """The section on claims, empty when the chart makes none with its values."""
    found = claims(values)
    if not found:
        return []
    rows = [
        f"| `{each.name}` | {each.size} | {each.access_mode} | {each.storage_class} | {', '.join(each.users) or '-'} |"
        for each in found
    ]
    kept, lost = ([f"{each.name}" for each in found if each.kept is keep] for keep in (True, False))
    lines = [
        "## Claims",
        "",
        "| claim | size | access mode | storage class | used by |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]
    if kept:
        which = "these claims" if not lost else ", ".join(f"`{name}`" for name in kept)
        lines += [
            f"`helm uninstall`, and an upgrade without the service, keep {which} and their data. A later install of the",
            f"release finds them again. {_otherwise(found)} To delete them for good:", "",
            f"    {delete_command(kept, plan.namespace)}", "",
        ]  # fmt: skip
    if lost:
        names = ", ".join(f"`{name}`" for name in lost)
        lines += [f"`helm uninstall`, and an upgrade without the service, delete {names} with the data.", ""]
    return lines


def _otherwise(found: list[Claim]) -> str:
    """What global.nimhelm.keepClaims does to the claims that are kept."""
    settled = [f"`{each.name}`" for each in found if each.kept and each.settled]
    if not settled:
        return "With `global.nimhelm.keepClaims=false` they are deleted."
    if all(each.settled for each in found if each.kept):
        return "Their annotation `helm.sh/resource-policy` decides that."
    return (
        f"With `global.nimhelm.keepClaims=false` they are deleted, but for {', '.join(settled)}, which have an annotation\n"
        "that keeps them."
    )


def gate_lines(plan: Plan) -> list[str]:
    """The section on how each gate asks, empty when nothing waits."""
    rows = [
        f"| {service.name} | {gate.name} | {_question(gate)} | {-(-gate.timeout_seconds // 60)} min |"
        for service in plan.services
        for gate in service.waits_for
    ]
    if not rows:
        return []
    return [
        "## Gates", "",
        "An init container (`wait-for-<dependency>`) holds a service back until its dependency answers.", "",
        "| service | dependency | it must | at most |", "|---|---|---|---|", *rows, "",
        "A pod that waits is scheduled already: its GPUs are reserved while its image is pulled.", "",
    ]  # fmt: skip


def _question(gate: Gate) -> str:
    """What opens the gate. HTTPS within the chart is left to the readiness probe: the gate connects to ready pods."""
    port = gate.wait_port or gate.port
    if not gate.path or (gate.scheme == "HTTPS" and not gate.external):
        return f"accept connections at port {port}"
    return f"answer {gate.scheme} `GET {gate.path}` at port {port} with 2xx"


_ADD_ONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("scale", "enabled"), "HorizontalPodAutoscaler (autoscaling/v2) and its metrics API"),
    (("expose", "router", "ingress"), "Ingress (networking.k8s.io/v1)"),
    (("expose", "ingress", "enabled"), "Ingress (networking.k8s.io/v1)"),
    (("expose", "router", "gateway"), "HTTPRoute or GRPCRoute (gateway.networking.k8s.io/v1)"),
    (("expose", "router", "eppConfig"), "InferencePool (inference.networking.k8s.io/v1)"),
    (("metrics", "enabled"), "ServiceMonitor (monitoring.coreos.com/v1)"),
    (("multiNode", "computeDomain", "create"), "ComputeDomain (resource.nvidia.com/v1beta1)"),
    (("draResources",), "ResourceClaim (resource.k8s.io/v1)"),
)


def api_lines(plan: Plan) -> list[str]:
    """The section on what the cluster and the user need."""
    found: dict[str, list[str]] = {}
    for service in plan.services:
        for needed in _apis(service) if service.enabled else ():
            found.setdefault(needed, []).append(service.name)
    listed = [f"- {needed}, for {', '.join(dict.fromkeys(names))}" for needed, names in found.items()]
    if listed:
        listed = ["These APIs, which not every cluster has:", "", *listed]
    return [
        "## What the cluster needs", "",
        *(listed or ["Only APIs that every cluster has."]), "",
        *_object_lines(plan),
        *_quota_lines(plan),
        "The user needs the right to create the kinds of the chart in one namespace, as the ClusterRole `admin` grants for",
        "those of Kubernetes. The chart holds no ClusterRole and no CustomResourceDefinition. To check it all beforehand:", "",
        f"    nimhelm preflight .{_flag(plan)}", "",
    ]  # fmt: skip


def _object_lines(plan: Plan) -> list[str]:
    """The objects other than secrets that must exist, because pods name them and the chart does not make them."""
    found: dict[str, list[str]] = {}
    for service in plan.services:
        for needed in _named(service, plan) if service.enabled else ():
            found.setdefault(needed, []).append(service.name)
    if not found:
        return []
    listed = [f"- {needed}, for {', '.join(dict.fromkeys(names))}" for needed, names in found.items()]
    return ["These objects, which the chart does not make:", "", *listed, ""]


def _named(service: PlannedService, plan: Plan) -> Iterator[str]:
    for device in dig(service.spec, "draResources") or []:
        for field, kind in _CLAIMED.items():
            if name := dig(device, field):
                yield f"{kind} `{name}`"
    cache = dig(service.spec, "storage", "nimCache", "name")
    if cache and cache not in plan.caches:
        yield f"PersistentVolumeClaim `{claim_name(cache, {})}`, filled with the model"
    elif not cache and (pvc := dig(service.spec, "storage", "pvc")) and dig(pvc, "create") is not True:
        yield f"PersistentVolumeClaim `{claim_name(service.name, service.spec)}`"
    if name := dig(service.spec, "runtimeClassName"):
        yield f"RuntimeClass `{name}`"
    if name := dig(service.spec, "proxy", "certConfigMap"):
        yield f"ConfigMap `{name}`"
    for source in references(variables(service.spec), "configMapKeyRef"):
        if source.get("name"):
            yield f"ConfigMap `{source['name']}` with the key `{source.get('key')}`"


_CLAIMED = {"resourceClaimName": "ResourceClaim", "resourceClaimTemplateName": "ResourceClaimTemplate"}


def _quota_lines(plan: Plan) -> list[str]:
    """What a quota on cpu or memory makes of services that set no limits, [] when all do."""
    limits = {
        service.name: dig(service.spec, "resources", "limits") or {} for service in plan.services if service.enabled
    }
    left = [name for name, given in limits.items() if not {"cpu", "memory"} <= set(given)]
    if not left:
        return []
    return [
        "A namespace with a quota on CPU or memory wants requests and limits of both for every container. These services lack",
        f"a limit of one or both: {', '.join(left)}.", "",
    ]  # fmt: skip


def _apis(service: PlannedService) -> list[str]:
    needed = [text for path, text in _ADD_ONS if dig(service.spec, *path)]
    if service.helm_waits:
        return needed
    kserve = dig(service.spec, "inferencePlatform") == "kserve"
    group = (
        "InferenceService (serving.kserve.io/v1beta1)" if kserve else "LeaderWorkerSet (leaderworkerset.x-k8s.io/v1)"
    )
    return [group, *needed]


def operation_lines(plan: Plan) -> list[str]:
    """The commands of the days after the install."""
    flag = _flag(plan)
    return [
        "## Run", "",
        "| to | command |", "|---|---|",
        f"| see what is not ready, and why | `nimhelm status {plan.name}{flag}` |",
        *([f"| ask every service | `helm test {plan.name}{flag} --logs` |"] if plan.services else []),
        f"| see what an upgrade changes | `nimhelm diff --release {plan.name} .{flag}` |",
        f"| upgrade | `helm upgrade {plan.name} .{flag} --reset-then-reuse-values {plan.helm_wait}` |",
        f"| roll back | `helm rollback {plan.name}{flag} {plan.helm_wait}` |",
        f"| uninstall | `helm uninstall {plan.name}{flag}` |", "",
    ]  # fmt: skip


def _flag(plan: Plan) -> str:
    return f" -n {plan.namespace}" if plan.namespace else ""
