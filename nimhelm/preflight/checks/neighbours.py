"""Rules about other pods: required affinity, anti-affinity, and spread over zones or nodes.

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
    if "namespaceSelector" in term:
        return None
    places = ko.texts(term, "namespaces") or [cluster.reach.namespace]
    return [
        pod
        for pod in cluster.of("Pod")
        if ko.text(pod, "spec", "nodeName")
        and ko.text(pod, "metadata", "namespace") in places
        and ko.label(pod, "app.kubernetes.io/instance") != cluster.reach.release
        and _is_own(ko.mapping(pod, "metadata", "labels"), term)
    ]


def _spread(cluster: Cluster, each: Candidates, rule: ko.Object) -> Iterator[Check]:
    key = ko.text(rule, "topologyKey")
    if ko.text(rule, "whenUnsatisfiable") == "ScheduleAnyway" or _zones(cluster, key, each.large):
        return
    text = f"topology spread constraints count by {short(key)}, which no fitting node has as a label"
    step = cluster.reach.kubectl("get", "nodes", "-L", key, everywhere=True)
    yield Check("GPUs", FAILS, text, "TopologySpread", "its pods stay Pending", (each.workload.service,), step)


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
        have = f"{count(each.workload.replicas, 'replica')} wanted, {len(left)} of {short(key)} free for them"
        yield _kept(cluster, each, f"pod anti-affinity keeps it from the nodes: {have}")


def _kept(cluster: Cluster, each: Candidates, text: str) -> Check:
    step = cluster.reach.kubectl("get", "pods", "-o", "wide", "--show-labels")
    return Check("GPUs", FAILS, text, "PodAffinity", "pods stay Pending", (each.workload.service,), step)
