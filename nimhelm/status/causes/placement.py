"""Nodes that do not take a pod: labels, taints, cordons, dead nodes, and what of a resource is free."""

from __future__ import annotations

import re
from typing import Any

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import PENDING, Cause
from nimhelm.status.evidence import Case
from nimhelm.status.fit import CORDONED, NOT_READY, PRESSED, Fit, free_of, requests_of, shown
from nimhelm.wording import count, short

_TAINT = re.compile(r"untolerated taints?(?:\(s\))? \{([^}]*)\}")
_OWN = "node.kubernetes.io/"
_PRESSURES = {
    "disk-pressure": ("DiskPressure", "the node's disk is full"),
    "memory-pressure": ("MemoryPressure", "the node's memory is full"),
    "pid-pressure": ("PIDPressure", "the node runs too many processes"),
    "network-unavailable": ("NodeNotReady", "the node has no network yet"),
    "not-ready": ("NodeNotReady", "the node is not ready"),
    "unreachable": ("NodeNotReady", "the node is unreachable"),
    "unschedulable": ("NodeCordoned", "the node is cordoned"),
    "out-of-service": ("NodeNotReady", "the node is out of service"),
}
# Taints of those who bring nodes and take them away: a pod that tolerates them is no better off.
_PASSING = {
    "node.cloudprovider.kubernetes.io/uninitialized": ("NodeNotReady", "the cloud has not set up the node yet"),
    "node.cilium.io/agent-not-ready": ("NodeNotReady", "the node has no network yet"),
    "karpenter.sh/unregistered": ("NodeNotReady", "the node has only started"),
    "karpenter.sh/disrupted": ("NodeCordoned", "Karpenter is about to remove the node"),
    "karpenter.sh/disruption": ("NodeCordoned", "Karpenter is about to remove the node"),
    "ToBeDeletedByClusterAutoscaler": ("NodeCordoned", "the cluster autoscaler is about to remove the node"),
}
_CONTROL_PLANE = {"node-role.kubernetes.io/control-plane: ", "node-role.kubernetes.io/master: "}
# What the scheduler says of volumes, pods and clusters, its code, and how it is put.
_WORDS = (
    (r"exceed max volume count", "VolumeLimit", "the nodes that fit have as many volumes attached as they may"),
    (
        r"ReadWriteOncePod access mode",
        "ClaimInUse",
        "a pod already uses the claim, which only one pod may (ReadWriteOncePod)",
    ),
    (
        r"didn't find available persistent volumes to bind|did not have enough free storage",
        "NoVolume",
        "no node that takes the pod can have the volume of its claim",
    ),
    (r"Too many pods", "TooManyPods", "the nodes hold as many pods as they may"),
    (r"didn't have free ports", "HostPort", "a port that the pod wants of its node is taken on every node"),
    (r"no nodes available to schedule pods|^0/0 nodes", "NoNodes", "the cluster has no node"),
)


def node_refuses(case: Case, pod: ko.Object, fits: list[Fit]) -> Cause | None:
    """Every node that could take the pod is kept from it; None where some node only has nothing free."""
    if not fits:
        return None
    matching = [fit for fit in fits if fit.matches]
    if not matching:
        return _no_label(case, pod)
    able = [fit for fit in matching if not fit.lacks]
    blocked = [fit for fit in able if fit.blocked]
    if not able or len(blocked) < len(able):
        return None
    first = blocked[0]
    more = f" (and {count(len(blocked) - 1, 'more node')})" if len(blocked) > 1 else ""
    return _blocked(case, pod, first, more)


def _blocked(case: Case, pod: ko.Object, fit: Fit, more: str) -> Cause:
    node = f"node {short(fit.node)}"
    why = " that the pod asks for" if _is_picky(pod) else ""
    look = steps.cluster(case.evidence, "describe", "node", fit.node)
    if fit.blocked == NOT_READY:
        return Cause("NodeNotReady", f"{node}{why} is not ready{more}", PENDING, next=look)
    if fit.blocked == CORDONED:
        return Cause(
            "NodeCordoned", f"{node}{why} is cordoned{more}", PENDING, next=steps.cluster(case.evidence, "get", "nodes")
        )
    if passing := _PASSING.get(ko.text(fit.taint, "key")):
        return Cause(passing[0], f"{passing[1]}: {node}{more}", PENDING, next=look)
    if fit.blocked == PRESSED:
        code, text = _PRESSURES.get(
            ko.text(fit.taint, "key").removeprefix(_OWN), ("NodePressure", "the node is under pressure")
        )
        return Cause(code, f"{text}: {node}{more}", PENDING, next=look)
    return _taint(case, pod, fit.taint, f"{node}{more} has")


def _is_picky(pod: ko.Object) -> bool:
    return bool(ko.mapping(pod, "spec", "nodeSelector") or ko.mapping(pod, "spec", "affinity", "nodeAffinity"))


def _taint(case: Case, pod: ko.Object, taint: ko.Object, who_has: str) -> Cause:
    key, value, effect = (ko.text(taint, field) for field in ("key", "value", "effect"))
    name = short(key) + (f"={short(value)}" if value else "") + (f":{short(effect)}" if effect else "")
    toleration = {"key": key, "operator": "Exists"} | ({"effect": effect} if effect else {})
    step = steps.set_values(case, ("tolerations", [*_own_tolerations(pod), toleration]))
    return Cause("Taint", f"{who_has} the taint {name}, which the pod does not tolerate", PENDING, next=step)


def _own_tolerations(pod: ko.Object) -> list[Any]:
    """What the values gave the pod: the API server adds tolerations of its own, for nodes in trouble."""
    return [
        {key: value for key, value in each.items() if key != "tolerationSeconds"}
        for each in ko.items(pod, "spec", "tolerations")
        if not ko.text(each, "key").startswith(_OWN)
    ]


def _no_label(case: Case, pod: ko.Object) -> Cause:
    text = "no node matches the nodeSelector or affinity"
    selector = ko.mapping(pod, "spec", "nodeSelector")
    if selector:
        text = "no node has the label" + ("s " if len(selector) > 1 else " ")
        text += ", ".join(f"{short(key)}={short(ko.text(selector, key))}" for key in selector)
    return Cause("NodeSelector", text, PENDING, next=steps.cluster(case.evidence, "get", "nodes", "--show-labels"))


def amounts(case: Case, pod: ko.Object, resources: list[str]) -> str:
    """What the pod asks for and what the best node has free: "asks for 8 cpu, at most 3500m of 4 are free on a node"."""
    asked, said = requests_of(pod), []
    for resource in resources:
        nodes = list(case.evidence.nodes.values())
        free = [(each, node) for node in nodes if (each := free_of(node, resource)) is not None]
        wanted = f"asks for {shown(resource, asked.get(resource, 0))} {resource}"
        if not free:
            largest = max((ko.text(node, "status", "allocatable", resource) for node in nodes), default="", key=len)
            said.append(wanted + (f", the nodes have up to {short(largest)}" if largest else ""))
            continue
        most, node = max(free, key=lambda item: item[0])
        whole = ko.text(node, "status", "allocatable", resource)
        said.append(f"{wanted}, {shown(resource, most)} of {short(whole)} free on node {short(ko.name_of(node))}")
    return "; ".join(said)


def by_words(case: Case, pod: ko.Object, message: str) -> Cause:
    """What the scheduler says, where the nodes may not be read or tell nothing."""
    nodes, look = steps.cluster(case.evidence, "get", "nodes"), steps.describe(case, "pod", ko.name_of(pod))
    # Nodes of the control plane are tainted nearly everywhere, so whatever else is said tells more than a taint.
    for pattern, code, text in _WORDS:
        if re.search(pattern, message):
            return Cause(code, text, PENDING, next=nodes if code in ("TooManyPods", "NoNodes") else look)
    if "anti-affinity" in message or "pod affinity" in message:
        return _company(case, pod, message)
    if "topology spread constraints" in message:
        return _spread(case, pod, message)
    if "node affinity" in message and not set(_TAINT.findall(message)) - _CONTROL_PLANE:
        return _no_label(case, pod)
    if match := _TAINT.search(message):
        key, _, value = (part.strip() for part in match[1].partition(":"))
        if key in _PASSING:
            return Cause(*_PASSING[key], PENDING, next=nodes)
        if key.startswith(_OWN):
            code, text = _PRESSURES.get(key.removeprefix(_OWN), ("NodePressure", "the node is under pressure"))
            return Cause(code, text, PENDING, next=steps.cluster(case.evidence, "describe", "nodes"))
        return _taint(case, pod, {"key": key, "value": value}, "the nodes have")
    if "untolerated taint" in message:
        step = steps.cluster(case.evidence, "get", "nodes", "-o", _SHOW_TAINTS)
        return Cause("Taint", "the nodes have a taint that the pod does not tolerate", PENDING, next=step)
    if "node affinity" in message:
        return _no_label(case, pod)
    if "were unschedulable" in message:
        return Cause("NodeCordoned", "the nodes are cordoned", PENDING, next=nodes)
    text = f"unschedulable: {short(message, 400)}"
    return Cause("Unschedulable", text, PENDING, next=look)


_SHOW_TAINTS = "custom-columns=NODE:.metadata.name,TAINTS:.spec.taints[*].key"


def _spread(case: Case, pod: ko.Object, message: str) -> Cause:
    """Rules that spread pods evenly: no node has the label that they count by, or all that is left would be uneven."""
    rules = ko.items(pod, "spec", "topologySpreadConstraints")
    keys = [ko.text(each, "topologyKey") for each in rules if ko.text(each, "whenUnsatisfiable") != "ScheduleAnyway"]
    shown = ", ".join(short(key) for key in keys)
    text = f"topology spread constraints{' over ' + shown if shown else ''} leave no node for the pod"
    if "missing required label" in message:
        text = f"topology spread constraints count by {shown or 'a label'}, which no fitting node has as a label"
    columns = [word for key in keys for word in ("-L", key)]
    return Cause("TopologySpread", text, PENDING, next=steps.cluster(case.evidence, "get", "nodes", *columns))


def _company(case: Case, pod: ko.Object, message: str) -> Cause:
    """Rules between pods: one of the service's own keeps others away, or company that is asked for is nowhere."""
    pods = count(len(case.pods), "pod")
    nodes = len(case.evidence.nodes)
    have = f": {pods} wanted on {count(nodes, 'node')}" if nodes else ""
    text = "the pod's affinity asks for the company of pods that no node has"
    if "anti-affinity" in message:
        text = f"pod anti-affinity keeps it from every node{have}"
    step = steps.command(case.evidence, "get", "pods", "-o", "wide")
    return Cause("PodAffinity", text, PENDING, next=step)
