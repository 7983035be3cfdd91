"""What the person who signs a chart off asks: its claims, how gates ask, the APIs it needs, and the commands to run it."""

from __future__ import annotations

from typing import Any, NamedTuple

from nimhelm.pipeline import claim_name, dig
from nimhelm.plan import Gate, Plan, PlannedService


class Claim(NamedTuple):
    """A PersistentVolumeClaim that the chart makes, and the services that use it."""

    name: str
    size: str
    access_mode: str
    storage_class: str
    users: tuple[str, ...]


def claims(plan: Plan) -> list[Claim]:
    """The claims that the chart makes with its own values: those of services, then those of caches."""
    enabled = [service for service in plan.services if service.enabled]
    found = [
        _claim(pvc, claim_name(service.name, service.spec), (service.name,))
        for service in enabled
        if (pvc := _made(service.spec)) and not dig(service.spec, "storage", "nimCache", "name")
    ]
    for name, cache in plan.caches.items():
        if pvc := _made(cache.spec):
            users = (each.name for each in enabled if dig(each.spec, "storage", "nimCache", "name") == name)
            found.append(_claim(pvc, claim_name(name, cache.spec), tuple(users)))
    return found


def _made(spec: dict[str, Any]) -> dict[str, Any]:
    pvc = dig(spec, "storage", "pvc")
    return pvc if isinstance(pvc, dict) and pvc.get("create") is True else {}


def _claim(pvc: dict[str, Any], name: str, users: tuple[str, ...]) -> Claim:
    """The API's default access mode and the cluster's default storage class apply where the pipeline names none."""
    mode, storage_class = pvc.get("volumeAccessMode") or "ReadWriteOnce", pvc.get("storageClass") or "the default one"
    return Claim(name, str(pvc.get("size") or ""), mode, storage_class, users)


def claim_lines(plan: Plan) -> list[str]:
    """The section on claims, empty when the chart makes none."""
    found = claims(plan)
    if not found:
        return []
    rows = [
        f"| `{each.name}` | {each.size} | {each.access_mode} | {each.storage_class} | {', '.join(each.users) or '-'} |"
        for each in found
    ]
    return [
        "## Claims", "",
        "| claim | size | access mode | storage class | used by |", "|---|---|---|---|---|", *rows, "",
        "`helm uninstall`, and an upgrade without the service, keep these claims and their data. A later install of the",
        "release finds them again. With `global.nimhelm.keepClaims=false` they are deleted. To delete them for good:", "",
        f"    kubectl delete pvc{_flag(plan)} {' '.join(each.name for each in found)}", "",
    ]  # fmt: skip


def gate_lines(plan: Plan) -> list[str]:
    """The section on how each gate asks, empty when nothing waits."""
    rows = [
        f"| {service.name} | {gate.name} | {_question(gate)} | {-(-gate.timeout_seconds // 60)} min |"
        for service in plan.services
        for gate in service.gates
    ]
    if not rows:
        return []
    return [
        "## Gates", "",
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
        listed = ["These APIs, beside those of every cluster:", "", *listed]
    return [
        "## What the cluster needs", "",
        *(listed or ["No API beside those of every cluster."]), "",
        "The user needs the right to create the kinds of the chart in one namespace, as the ClusterRole `admin` grants for",
        "those of Kubernetes. The chart holds no ClusterRole and no CustomResourceDefinition. To check it all beforehand:", "",
        f"    nimhelm preflight .{_flag(plan)}", "",
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


def operation_lines(plan: Plan, timeout: str) -> list[str]:
    """The commands of the days after the install."""
    flag = _flag(plan)
    return [
        "## Run", "",
        "| to | command |", "|---|---|",
        f"| see what is not ready, and why | `nimhelm status {plan.name}{flag}` |",
        f"| ask every service | `helm test {plan.name}{flag} --logs` |",
        f"| see what an upgrade changes | `nimhelm diff --release {plan.name} .{flag}` |",
        f"| upgrade | `helm upgrade {plan.name} .{flag} --reset-then-reuse-values --wait --timeout {timeout}` |",
        f"| roll back | `helm rollback {plan.name}{flag} --wait --timeout {timeout}` |",
        f"| uninstall | `helm uninstall {plan.name}{flag}` |", "",
    ]  # fmt: skip


def _flag(plan: Plan) -> str:
    return f" -n {plan.namespace}" if plan.namespace else ""
