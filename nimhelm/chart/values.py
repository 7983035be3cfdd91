"""The umbrella's values: Plan -> the tree of values.yaml and the comments in it."""

from __future__ import annotations

from typing import Any

from nimhelm.pipeline import dig
from nimhelm.plan import Gate, Plan, PlannedService

GLOBAL: dict[str, tuple[Any, str]] = {
    "imageRegistry": ("", "replaces the registry host of every image, for a mirror or an air-gapped cluster"),
    "imagePullSecrets": ([], "names of pull secrets added to every pod"),
    "storageClass": ("", "for created claims that name no class; empty: the cluster's default"),
    "waitEnabled": (True, "false: no service waits for its dependencies"),
    "waitImage": ("docker.io/library/busybox:1.37.0-musl", "must hold a static busybox at /bin/busybox"),
    "waitImagePullPolicy": ("IfNotPresent", ""),
    "waitPeriodSeconds": (1, "between two looks at a dependency"),
    "waitTimeoutSeconds": (0, "for every wait of the chart; 0: each dependency's own timeout"),
    "pullWhileWaiting": (True, "waits run in the service's own image, so that it is pulled meanwhile"),
    "skipMissingKinds": (False, "true: leave out objects whose API the cluster lacks (ServiceMonitor, HTTPRoute, ...)"),
    "keepClaims": (False, "true: created claims stay when the release is uninstalled"),
    "restricted": (False, "true: all pods keep to the Pod Security level restricted"),
    "keepOperatorPods": (
        False,
        "true: pods as the NIM Operator makes them, for a pipeline that was taken over from it",
    ),
    "checkAfterInstall": (False, "true: helm install and upgrade also run the endpoint check of `helm test`"),
}
"""Key -> (default, comment) of global.nimhelm."""

SERVICE_COMMENTS = {
    "wait": "all waits of this service: off, or retimed (seconds; 0: each dependency's own)",
    "progressDeadlineSeconds": "start-up of this service and of everything it waits for",
}


def values_tree(plan: Plan) -> dict[str, Any]:
    """The whole of values.yaml as data: global, the caches, one block per service in start order."""
    tree: dict[str, Any] = {"global": {"nimhelm": {key: default for key, (default, _) in GLOBAL.items()}}}
    if plan.caches:
        tree["nimCaches"] = {name: {"enabled": True, **cleaned(cache["spec"])} for name, cache in plan.caches.items()}
    off = {service.name for service in plan.services if not service.enabled} | set(plan.skipped)
    for service in plan.services:
        tree[service.name] = service_values(service, off)
    return tree


def service_values(service: PlannedService, off: set[str]) -> dict[str, Any]:
    """One service's block: the pipeline's own spec, its dependencies with how to ask them, and the deadlines.

    `off` names the services that do not run: there is no waiting for those. `replicas` is left out beside an HPA.
    """
    block: dict[str, Any] = {"enabled": service.enabled, **cleaned(service.spec)}
    if dig(service.spec, "scale", "enabled") is True:
        block.pop("replicas", None)
    if service.gates:
        block["dependencies"] = [dependency_values(gate, gate.name not in off) for gate in service.gates]
        block["wait"] = {"enabled": True, "timeoutSeconds": 0}
    block["progressDeadlineSeconds"] = service.progress_deadline_seconds
    return block


def dependency_values(gate: Gate, wait: bool) -> dict[str, Any]:
    """One entry of dependencies: the CRD's fields, and under wait how the gate asks."""
    entry: dict[str, Any] = {"name": gate.name, "port": gate.port}
    if gate.env_name:
        entry["envName"] = gate.env_name
    if gate.env_value:
        entry["envValue"] = gate.env_value
    if gate.external:
        entry["external"] = True
    asking: dict[str, Any] = {"enabled": wait}
    if gate.host:
        asking |= {"host": gate.host, "port": gate.wait_port}
    if gate.path:
        asking |= {"path": gate.path, "scheme": gate.scheme}
    if gate.http_headers:
        asking["httpHeaders"] = [{"name": name, "value": value} for name, value in gate.http_headers]
    asking["timeoutSeconds"] = gate.timeout_seconds
    return {**entry, "wait": asking}


def cleaned(data: Any) -> Any:
    """A copy without nulls: to Kubernetes a null is an absent field, and Helm 3 and 4 treat one differently."""
    if isinstance(data, dict):
        return {key: cleaned(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [cleaned(item) for item in data if item is not None]
    return data


def values_comments(plan: Plan) -> dict[tuple[str, ...], str]:
    """Comments by path: what each global is for, and what each service waits for and asks of the cluster."""
    comments: dict[tuple[str, ...], str] = {("global",): "What all services share."}
    for key, (_, text) in GLOBAL.items():
        if text:
            comments["global", "nimhelm", key] = text
    if plan.caches:
        comments[("nimCaches",)] = "\nModel caches: a claim and a job that fills it once."
    for service in plan.services:
        comments[(service.name,)] = "\n" + service_comment(service)
        for key, text in SERVICE_COMMENTS.items():
            if key != "wait" or service.gates:
                comments[service.name, key] = text
    return comments


def service_comment(service: PlannedService) -> str:
    """`Wave 2, after embedding-service, rerank-service; nvidia.com/gpu: 1 for each of 2 replicas.`"""
    parts = [f"Wave {service.wave + 1}"]
    if service.gates:
        parts[0] += ", after " + ", ".join(gate.name for gate in service.gates)
    if service.gpus:
        many = f" for each of {service.replicas} replicas" if service.replicas != 1 else ""
        parts.append(", ".join(f"{name}: {amount}" for name, amount in service.gpus.items()) + many)
    if not service.enabled:
        parts.append("disabled in the pipeline")
    return "; ".join(parts) + "."
