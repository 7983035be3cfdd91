"""What an install adds to each amount that a ResourceQuota counts.

Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from nimhelm.preflight.admission import admitted
from nimhelm.preflight.checks.storage import class_of, default_classes
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.demand import UNIT, amounts
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko

_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_CLASS = ".storageclass.storage.k8s.io/"


class Share(NamedTuple):
    """What one service adds to the amounts of a quota, and which of them its containers leave open."""

    service: str
    adds: dict[str, int]
    open: tuple[str, ...] = ()


def shares(rendered: Rendered, cluster: Cluster, quota: ko.Object) -> list[Share]:
    """What the pods add, those of each workload, and what all other objects add together."""
    hard = ko.mapping(quota, "spec", "hard")
    workloads = [admitted(each, cluster) for each in rendered.workloads]
    found = [_pods(each, cluster, hard) for each in workloads if applies(quota, each.pod)]
    if not ko.texts(quota, "spec", "scopes") and not ko.mapping(quota, "spec", "scopeSelector"):
        found.append(_objects(rendered, cluster))
    return found


def applies(quota: ko.Object, pod: ko.Object) -> bool:
    """Whether the quota's scopes take the pod in."""
    selectors = [{"scopeName": each, "operator": "Exists"} for each in ko.texts(quota, "spec", "scopes")]
    return all(
        _in_scope(each, pod) for each in selectors + ko.items(quota, "spec", "scopeSelector", "matchExpressions")
    )


def _in_scope(selector: ko.Object, pod: ko.Object) -> bool:
    spec = ko.mapping(pod, "spec")
    match ko.text(selector, "scopeName"):
        case "BestEffort" | "NotBestEffort" as scope:
            every = [spec, *ko.items(spec, "initContainers"), *ko.items(spec, "containers")]
            best_effort = not any(
                ko.mapping(each, "resources").get(side) for each in every for side in ("requests", "limits")
            )
            return best_effort == (scope == "BestEffort")
        case "Terminating" | "NotTerminating" as scope:
            return ("activeDeadlineSeconds" in spec) == (scope == "Terminating")
        case "PriorityClass":
            named = ko.text(spec, "priorityClassName")
            within = named in ko.texts(selector, "values")
            operator = ko.text(selector, "operator")
            return {"In": within, "NotIn": not within, "Exists": bool(named), "DoesNotExist": not named}.get(
                operator, False
            )
    return False


def _pods(workload: Workload, cluster: Cluster, hard: ko.Object) -> Share:
    pod, many = workload.pod, workload.replicas
    adds: dict[str, int] = {"pods": many * UNIT, "count/pods": many * UNIT}
    for name, amount in amounts(pod).items():
        adds[f"requests.{name}"] = amount * many
        if name in _COMPUTE:
            adds[name] = amount * many
    for name, amount in amounts(pod, "limits").items():
        adds[f"limits.{name}"] = amount * many
    if workload.kind == "Deployment" and cluster.named("Deployment", workload.name) is None:
        adds["count/replicasets.apps"] = UNIT
    return Share(workload.service, adds, tuple(_left_open(pod, hard)))


def _left_open(pod: ko.Object, hard: ko.Object) -> list[str]:
    """Amounts of the quota that some container does not set: the API server refuses such pods."""
    found = []
    for key in hard:
        side, _, name = key.rpartition(".") if key.startswith(("requests.", "limits.")) else ("requests", "", key)
        if name in ("cpu", "memory"):
            every = ko.items(pod, "spec", "initContainers") + ko.items(pod, "spec", "containers")
            whole = name in ko.mapping(pod, "spec", "resources", side)
            if not whole and any(name not in ko.mapping(each, "resources", side) for each in every):
                found.append(key)
    return found


def _objects(rendered: Rendered, cluster: Cluster) -> Share:
    """Claims, Services and other objects that the install creates; what exists is counted already."""
    adds: defaultdict[str, int] = defaultdict(int)
    for each in rendered.objects:
        group, kind = ko.text(each, "apiVersion").rpartition("/")[0], ko.text(each, "kind")
        if kind == "Pod" or cluster.named(kind, ko.name_of(each)) is not None:
            continue
        plural = cluster.plurals.get(f"{group}/{kind}", kind.lower() + "s")
        adds[f"count/{plural}.{group}" if group else f"count/{plural}"] += UNIT
        if not group:
            adds[plural] += UNIT
        if kind == "PersistentVolumeClaim":
            _claim(adds, cluster, each)
        if kind == "Service":
            _service(adds, each)
    if records := f"{cluster.record_kind.lower()}s" if cluster.record_kind else "":  # Helm's own record
        adds[records] += UNIT
        adds[f"count/{records}"] += UNIT
    return Share("", dict(adds))


def _claim(adds: defaultdict[str, int], cluster: Cluster, claim: ko.Object) -> None:
    size = nanos(ko.dig(claim, "spec", "resources", "requests", "storage")) or 0
    wanted = class_of(claim)
    if wanted is None:
        wanted = next((ko.name_of(each) for each in reversed(default_classes(cluster))), "")
    adds["requests.storage"] += size
    adds[f"{wanted}{_CLASS}requests.storage"] += size
    adds[f"{wanted}{_CLASS}persistentvolumeclaims"] += UNIT


def _service(adds: defaultdict[str, int], service: ko.Object) -> None:
    kind = ko.text(service, "spec", "type")
    ports = len(ko.items(service, "spec", "ports"))
    if kind == "LoadBalancer":
        adds["services.loadbalancers"] += UNIT
    if kind in ("NodePort", "LoadBalancer") and ko.dig(service, "spec", "allocateLoadBalancerNodePorts") is not False:
        adds["services.nodeports"] += ports * UNIT


def own_use(cluster: Cluster, quota: ko.Object) -> dict[str, int]:
    """What pods of the release use of the quota already: their successors take their place."""
    used: defaultdict[str, int] = defaultdict(int)
    for pod in cluster.of("Pod"):
        if cluster.owns(pod) and applies(quota, pod):
            used["pods"] += UNIT
            used["count/pods"] += UNIT
            for side in ("requests", "limits"):
                for name, amount in amounts(pod, side).items():
                    used[f"{side}.{name}"] += amount
                    if side == "requests" and name in _COMPUTE:
                        used[name] += amount
    return dict(used)
