"""Clusters and rendered charts for the checks, made of the few fields that a test is about."""

from __future__ import annotations

from typing import Any

from nimhelm.preflight.cluster import Cluster, Reach
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.preflight.result import FAILS, WARNS, Check

REACH = Reach("./rag", "rag", "team")
KINDS = {
    "apps/Deployment": "deployments",
    "/Service": "services",
    "/PersistentVolumeClaim": "persistentvolumeclaims",
    "/Secret": "secrets",
}
APIS = frozenset({"apps/v1/Deployment", "v1/Service", "v1/PersistentVolumeClaim", "v1/Secret"})


def named(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """An object; `annotations`, `labels`, `namespace` and `owners` go into its metadata."""
    metadata: dict[str, Any] = {"name": name}
    for field, key in (
        ("annotations", "annotations"),
        ("labels", "labels"),
        ("namespace", "namespace"),
        ("owners", "ownerReferences"),
    ):
        if field in fields:
            metadata[key] = fields.pop(field)
    return {"kind": kind, "apiVersion": fields.pop("version", "v1"), "metadata": metadata, **fields}


def node(
    name: str, gpus: int = 0, labels: dict[str, str] | None = None, ready: str = "True", **spec: Any
) -> dict[str, Any]:
    allocatable = {"cpu": "32", "memory": "256Gi", "pods": "110"} | ({"nvidia.com/gpu": str(gpus)} if gpus else {})
    status = {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": ready}]}
    return named("Node", name, labels=labels or {}, spec=spec, status=status)


def running(node_name: str, **limits: str) -> dict[str, Any]:
    """A pod of somebody else on a node."""
    container = {
        "resources": {"limits": {key.replace("__", "/").replace("_", "."): value for key, value in limits.items()}}
    }
    return named("Pod", "other", namespace="elsewhere", spec={"nodeName": node_name, "containers": [container]})


def workload(
    service: str = "llm", gpus: int = 0, replicas: int = 1, wave: int = 0, maximum: int = 0, **spec: Any
) -> Workload:
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    pod_spec = {"containers": [{"name": f"{service}-ctr", "image": "nvcr.io/nim/llm:1", "resources": resources}]} | spec
    pod = {"metadata": {"labels": {"app": service}}, "spec": pod_spec}
    return Workload(service, "Deployment", service, pod, replicas, maximum or replicas, wave)


def rendered(*workloads: Workload, objects: tuple[dict[str, Any], ...] = (), refusal: str = "") -> Rendered:
    return Rendered(list(objects), list(workloads), refusal)


def cluster(*objects: dict[str, Any], kinds: tuple[str, ...] = (), **fields: Any) -> Cluster:
    """A cluster in which these objects were read; `kinds` were read as well, and are empty."""
    lists: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for each in objects:
        lists.setdefault(each["kind"], []).append(each)
    return Cluster(
        REACH, lists, fields.pop("apis", APIS), fields.pop("plurals", KINDS), fields.pop("version", "v1.34.4"), **fields
    )


def found(checks: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """(level, code, services) of what does not hold."""
    listed: list[Check] = list(checks)
    for each in listed:
        if each.level in (FAILS, WARNS):
            assert each.code, each
            assert each.effect, each
            assert each.next, each
    return [(each.level, each.code, each.services) for each in listed if each.level in (FAILS, WARNS)]


def codes(checks: Any) -> list[str]:
    return [code for _, code, _ in found(checks)]
