"""Rules about other pods: required affinity, anti-affinity, spread over zones or nodes, and ports of the node.

A rule that looks into namespaces by their labels is not judged. Preferences stop no pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks.policing import matches
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.placement import Candidates
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, Check
from nimhelm.status import kubeobject as ko
from nimhelm.wording import count, short

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def check(cluster: Cluster, rendered: Rendered, every: list[Candidates]) -> Iterator[Check]:
    """The rules of each workload that has a node otherwise."""
    avoiding = _avoiding(cluster) if cluster.knows("Pod") else []
    for each in every:
        if not each.large or not each.workload.replicas:
            continue
        spec = ko.mapping(each.workload.pod, "spec")
        for rule in ko.items(spec, "topologySpreadConstraints"):
            yield from _spread(cluster, each, rule)
        if cluster.knows("Pod"):
            for term in ko.items(spec, "affinity", "podAffinity", _REQUIRED):
                yield from _company(cluster, rendered, each, term)
            for term in ko.items(spec, "affinity", "podAntiAffinity", _REQUIRED):
                yield from _distance(cluster, each, term)
            yield from _unwelcome(cluster, each, avoiding)
            yield from _ports(cluster, each)


def _zones(cluster: Cluster, key: str, nodes: list[str]) -> dict[str, str]:
    """Node -> value of the label, without the nodes that lack it."""
    return {
        ko.name_of(each): ko.label(each, key)
        for each in cluster.of("Node")
        if ko.name_of(each) in nodes and key in ko.mapping(each, "metadata", "labels")
    }


def _is_own(workload_labels: ko.Object, term: ko.Object) -> bool:
    return "labelSelector" in term and matches(ko.mapping(term, "labelSelector"), workload_labels)


def _others(cluster: Cluster, term: ko.Object) -> list[ko.Object] | None:
    """Pods of others on nodes that the rule is about, None where that is not known."""
    if ko.mapping(term, "namespaceSelector"):
        return None
    places = _places(cluster, term, cluster.reach.namespace)
    return [
        pod
        for pod in cluster.of("Pod")
        if ko.text(pod, "spec", "nodeName")
        and ko.text(pod, "metadata", "namespace") in places
        and not cluster.owns(pod)
        and _is_own(ko.mapping(pod, "metadata", "labels"), term)
    ]


def _places(cluster: Cluster, term: ko.Object, own: str) -> set[str]:
    """The namespaces of a term of the namespace `own`; a selector that takes all does."""
    if "namespaceSelector" in term:
        return {cluster.reach.namespace, *(ko.text(pod, "metadata", "namespace") for pod in cluster.of("Pod"))}
    return set(ko.texts(term, "namespaces") or [own])


def _spread(cluster: Cluster, each: Candidates, rule: ko.Object) -> Iterator[Check]:
    key, many = ko.text(rule, "topologyKey"), each.workload.replicas
    if ko.text(rule, "whenUnsatisfiable") == "ScheduleAnyway":
        return
    if not _zones(cluster, key, each.large):
        text = f"topology spread constraints count by {short(key)}, which no fitting node has as a label"
    elif cluster.knows("Pod") and (fitting := _spread_out(cluster, each, rule)) < many:
        text = f"topology spread constraints by {short(key)} let {fitting} of {count(many, 'pod')} start"
    else:
        return
    step = cluster.reach.kubectl("get", "nodes", "-L", key, everywhere=True)
    yield Check("GPUs", FAILS, text, "TopologySpread", "its pods stay Pending", (each.workload.service,), step)


def _spread_out(cluster: Cluster, each: Candidates, rule: ko.Object) -> int:
    """How many of its pods the rule lets start, each in the zone that has fewest. A zone counts whose nodes take no pods."""
    labels, key, many = (
        ko.mapping(each.workload.pod, "metadata", "labels"),
        ko.text(rule, "topologyKey"),
        each.workload.replicas,
    )
    if not _is_own(labels, rule):
        return many
    nodes = each.open if ko.text(rule, "nodeTaintsPolicy") == "Honor" else each.matching
    if ko.text(rule, "nodeAffinityPolicy") == "Ignore":
        nodes = [ko.name_of(node) for node in cluster.of("Node")]
    zones, usable = _zones(cluster, key, nodes), set(_zones(cluster, key, each.large).values())
    filled = dict.fromkeys(zones.values(), 0)
    for pod in _others(cluster, rule) or [] if "matchLabelKeys" not in rule else []:
        if (zone := zones.get(ko.text(pod, "spec", "nodeName"))) is not None:
            filled[zone] += 1
    for placed in range(many):
        zone = min(usable & set(filled), key=lambda name: filled[name], default=None)
        least = min(filled.values(), default=0) if len(filled) >= ko.number(rule, "minDomains") else 0
        if zone is None or filled[zone] + 1 - least > ko.number(rule, "maxSkew"):
            return placed
        filled[zone] += 1
    return many


def _company(cluster: Cluster, rendered: Rendered, each: Candidates, term: ko.Object) -> Iterator[Check]:
    others = _others(cluster, term)
    # A pod that is its own company starts alone, and pods of the chart may come up first.
    if others is None or any(_is_own(ko.mapping(one.pod, "metadata", "labels"), term) for one in rendered.workloads):
        return
    key = ko.text(term, "topologyKey")
    zones = _zones(cluster, key, [ko.name_of(node) for node in cluster.of("Node")])
    wanted = {zones.get(ko.text(pod, "spec", "nodeName")) for pod in others} - {None}
    if not any(zones.get(node) in wanted for node in each.large):
        yield _kept(cluster, each, "the pod's affinity asks for the company of pods that no fitting node has")


def _distance(cluster: Cluster, each: Candidates, term: ko.Object) -> Iterator[Check]:
    others = _others(cluster, term)
    if others is None:
        return
    key = ko.text(term, "topologyKey")
    zones = _zones(cluster, key, [ko.name_of(node) for node in cluster.of("Node")])
    taken = {zones.get(ko.text(pod, "spec", "nodeName")) for pod in others} - {None}
    if any(node not in zones for node in each.large):  # where the label is absent no pod is kept away
        return
    left = {zones[node] for node in each.large} - taken
    many = each.workload.replicas if _is_own(ko.mapping(each.workload.pod, "metadata", "labels"), term) else 1
    if len(left) < many:
        have = f"{count(each.workload.replicas, 'pod')} wanted, {len(left)} of {short(key)} free for them"
        yield _kept(cluster, each, f"pod anti-affinity keeps it from the nodes: {have}")


def _avoiding(cluster: Cluster) -> list[tuple[ko.Object, list[ko.Object]]]:
    """Pods of others that keep pods away from their node or zone, and the terms by which they do."""
    place = ("spec", "affinity", "podAntiAffinity", _REQUIRED)
    return [(pod, terms) for pod in _strangers(cluster) if (terms := ko.items(pod, *place))]


def _unwelcome(
    cluster: Cluster, each: Candidates, avoiding: list[tuple[ko.Object, list[ko.Object]]]
) -> Iterator[Check]:
    """Pods that run already may keep others away from their node or zone."""
    labels, taken = ko.mapping(each.workload.pod, "metadata", "labels"), set()
    for pod, terms in avoiding:
        for term in terms:
            places = _places(cluster, term, ko.text(pod, "metadata", "namespace"))
            if ko.mapping(term, "namespaceSelector") or "matchLabelKeys" in term or "mismatchLabelKeys" in term:
                continue
            if cluster.reach.namespace in places and _is_own(labels, term):
                zones = _zones(cluster, ko.text(term, "topologyKey"), [ko.name_of(node) for node in cluster.of("Node")])
                zone = zones.get(ko.text(pod, "spec", "nodeName"))
                taken |= {node for node in zones if zones[node] == zone}
    if taken and taken >= set(each.large):
        yield _kept(cluster, each, "pods that run already keep it from every node that fits, by their anti-affinity")


def _strangers(cluster: Cluster) -> list[ko.Object]:
    """Pods on nodes that are not the release's."""
    return [pod for pod in cluster.of("Pod") if ko.text(pod, "spec", "nodeName") and not cluster.owns(pod)]


def _ports(cluster: Cluster, each: Candidates) -> Iterator[Check]:
    """A port of the node is there once; addresses of the node are not told apart."""
    wanted = _host_ports(each.workload.pod)
    if not wanted:
        return
    busy = {ko.text(pod, "spec", "nodeName") for pod in _strangers(cluster) if wanted & _host_ports(pod)}
    free, many = len(set(each.large) - busy), each.workload.replicas
    if free < many:
        named = ", ".join(str(number) for _, number in sorted(wanted))
        text = f"{count(many, 'pod')} want port {named} of a node each, and it is free on {count(free, 'node')}"
        step = cluster.reach.kubectl("get", "pods", "-A", "-o", "wide", everywhere=True)
        yield Check("GPUs", FAILS, text, "HostPort", "pods stay Pending", (each.workload.service,), step)


def _host_ports(pod: ko.Object) -> set[tuple[str, int]]:
    on_host = ko.true(pod, "spec", "hostNetwork")
    ports = [port for each in ko.items(pod, "spec", "containers") for port in ko.items(each, "ports")]
    found = {
        (
            ko.text(each, "protocol") or "TCP",
            ko.number(each, "hostPort") or (ko.number(each, "containerPort") if on_host else 0),
        )
        for each in ports
        if not ko.text(each, "hostIP")
    }
    return {each for each in found if each[1]}


def _kept(cluster: Cluster, each: Candidates, text: str) -> Check:
    step = cluster.reach.kubectl("get", "pods", "-o", "wide", "--show-labels")
    return Check("GPUs", FAILS, text, "PodAffinity", "pods stay Pending", (each.workload.service,), step)
