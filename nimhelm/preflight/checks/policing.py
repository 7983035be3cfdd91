"""NetworkPolicies that would close a gate: a service that may not ask for a name, or not reach what it waits for.

Whether the cluster's network enforces policies at all cannot be read, so these are warnings. A rule by addresses counts as letting
in: which pods have them is not known before they run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import GATE_PREFIX, GRAPH_LABEL, Rendered, Workload
from nimhelm.preflight.result import WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

_DNS = 53


def closed_gates(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """A line for each gate that a policy closes, or one that all are open."""
    policies = [*cluster.of("NetworkPolicy"), *rendered.of("NetworkPolicy")]
    waits = list(_waits(rendered))
    if not policies or not waits:
        return
    closed = [problem for wait in waits for problem in _closed(rendered, cluster, policies, wait)]
    yield from closed
    if not closed:
        yield holds("network", f"{len(policies)} network policies leave the {len(waits)} gates open")


def _waits(rendered: Rendered) -> Iterator[tuple[Workload, str, int]]:
    """(workload with a gate, what it waits for, port)."""
    graph = next((each for each in rendered.objects if ko.label(each, GRAPH_LABEL) == "true"), {})
    try:
        services = ko.items(json.loads(ko.text(graph, "data", "pipeline.json") or "{}"), "services")
    except ValueError:
        return
    targets = {ko.text(each, "name"): ko.items(each, "dependencies") for each in services}
    for workload in rendered.workloads:
        if is_gated(workload):
            for each in targets.get(workload.service, []):
                if not ko.true(each, "external"):
                    yield workload, ko.text(each, "name"), ko.number(each, "port")


def is_gated(workload: Workload) -> bool:
    """Whether its pods wait at a gate."""
    gates = ko.items(workload.pod, "spec", "initContainers")
    return any(ko.text(gate, "name").startswith(GATE_PREFIX) for gate in gates)


def _closed(
    rendered: Rendered, cluster: Cluster, policies: list[ko.Object], wait: tuple[Workload, str, int]
) -> Iterator[Check]:
    workload, name, port = wait
    target = next((each for each in rendered.workloads if each.service == name), None)
    if target is None:
        return
    source, peer = _labels(workload), _labels(target)
    leaving = [each for each in policies if _selects(each, source) and "Egress" in _types(each)]
    if leaving and not any(
        _lets(rule, "to", {"k8s-app": "kube-dns"}, _DNS, True)
        for each in leaving
        for rule in ko.items(each, "spec", "egress")
    ):
        yield _check(cluster, leaving[0], workload, f"closes DNS (port {_DNS}) to {workload.service}")
    elif leaving and not any(
        _lets(rule, "to", peer, port) for each in leaving for rule in ko.items(each, "spec", "egress")
    ):
        yield _check(cluster, leaving[0], workload, f"keeps {workload.service} from {name}:{port}")
    entering = [each for each in policies if _selects(each, peer) and "Ingress" in _types(each)]
    if entering and not any(
        _lets(rule, "from", source, port) for each in entering for rule in ko.items(each, "spec", "ingress")
    ):
        yield _check(cluster, entering[0], workload, f"lets nothing of {workload.service} into {name}:{port}")


def _check(cluster: Cluster, policy: ko.Object, workload: Workload, what: str) -> Check:
    text = f"NetworkPolicy {short(ko.name_of(policy))} {short(what)}"
    effect = "where the network enforces policies, its gate stays closed until it times out"
    step = cluster.reach.kubectl("get", "networkpolicy", ko.name_of(policy), "-o", "yaml")
    return Check("network", WARNS, text, "NetworkPolicy", effect, (workload.service,), step)


def _labels(workload: Workload) -> ko.Object:
    return ko.mapping(workload.pod, "metadata", "labels")


def _types(policy: ko.Object) -> list[str]:
    given = ko.texts(policy, "spec", "policyTypes")
    return given or ["Ingress", *(["Egress"] if "egress" in ko.mapping(policy, "spec") else [])]


def _selects(policy: ko.Object, labels: ko.Object) -> bool:
    return matches(ko.mapping(policy, "spec", "podSelector"), labels)


def _lets(rule: ko.Object, side: str, labels: ko.Object, port: int, elsewhere: bool = False) -> bool:
    """Whether a rule lets traffic with such pods through on the port; `elsewhere` are pods of another namespace."""
    ports = ko.items(rule, "ports")
    # Names are asked for by UDP, all else by TCP.
    protocol = "UDP" if port == _DNS else "TCP"
    if ports and not any((ko.text(each, "protocol") or "TCP") == protocol and _is_port(each, port) for each in ports):
        return False
    peers = ko.items(rule, side)
    return not peers or any(_is_peer(each, labels, elsewhere) for each in peers)


def _is_port(given: ko.Object, port: int) -> bool:
    wanted = given.get("port")
    if not isinstance(wanted, int):  # none means all, and a name is known to the pod alone
        return True
    return wanted <= port <= (ko.number(given, "endPort") or wanted)


def _is_peer(peer: ko.Object, labels: ko.Object, elsewhere: bool) -> bool:
    if "ipBlock" in peer:
        return True
    if "namespaceSelector" not in peer and elsewhere:
        return False
    # Which labels the other namespace and its pods have is not read.
    return elsewhere or matches(ko.mapping(peer, "podSelector"), labels)


def matches(selector: ko.Object, labels: ko.Object) -> bool:
    """Whether a label selector takes the labels; the empty one takes all."""
    if any(labels.get(key) != value for key, value in ko.mapping(selector, "matchLabels").items()):
        return False
    return all(_holds(each, labels) for each in ko.items(selector, "matchExpressions"))


def _holds(expression: ko.Object, labels: ko.Object) -> bool:
    key, values = ko.text(expression, "key"), ko.texts(expression, "values")
    match ko.text(expression, "operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
    return key not in labels
