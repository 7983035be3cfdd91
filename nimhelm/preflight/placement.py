"""Where the scheduler could put the chart's pods: node by node, then all together."""

from __future__ import annotations

from typing import NamedTuple

from nimhelm.preflight.admission import admitted
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.demand import UNIT, Amounts, amounts, requested_on
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.status.fit import fits_of, matches

_ZONES = tuple(
    f"{prefix}/{kind}"
    for prefix in ("topology.kubernetes.io", "failure-domain.beta.kubernetes.io")
    for kind in ("zone", "region")
)


class Room(NamedTuple):
    """A node: what it offers at all, and what is free on it without the pods of this release."""

    name: str
    offers: Amounts
    free: Amounts


class Candidates(NamedTuple):
    """The nodes for the pods of one workload. `matching`: selector and affinity allow them; `open`: nothing keeps pods away;
    `large`: they could hold one pod if they were empty. Each is part of the one before.
    """

    workload: Workload
    asked: Amounts
    matching: list[str]
    open: list[str]
    large: list[str]
    blocked: str = ""


class Placement(NamedTuple):
    """Pods that found a node and pods that did not, by the index of the workload."""

    placed: dict[int, int]
    left: dict[int, int]


def rooms(cluster: Cluster, pushed_out_below: int | None = None) -> dict[str, Room]:
    """The nodes with what is left. Pods of the release itself make room for their successors."""
    staying = [pod for pod in cluster.of("Pod") if not cluster.owns(pod)]
    if pushed_out_below is not None:
        staying = [pod for pod in staying if ko.number(pod, "spec", "priority") >= pushed_out_below]
    taken = requested_on(staying)
    found = {}
    for node in cluster.of("Node"):
        name = ko.name_of(node)
        offers = {key: nanos(value) or 0 for key, value in ko.mapping(node, "status", "allocatable").items()}
        used = taken.get(name, {})
        found[name] = Room(name, offers, {key: amount - used.get(key, 0) for key, amount in offers.items()})
    return found


def candidates(rendered: Rendered, cluster: Cluster, all_rooms: dict[str, Room]) -> list[Candidates]:
    """For each workload the nodes that could take one of its pods."""
    return [_candidates(admitted(workload, cluster), cluster, all_rooms) for workload in rendered.workloads]


def within_reach(workload: Workload, cluster: Cluster) -> set[str]:
    """The nodes that reach the volumes of all bound claims of its pods, by their affinity and their zones."""
    near = {ko.name_of(node) for node in cluster.of("Node")}
    for name in claims_of(workload):
        near &= reach_of(cluster, cluster.named("PersistentVolumeClaim", name))
    return near


def reach_of(cluster: Cluster, claim: ko.Object | None) -> set[str]:
    """The nodes that reach the volume of the claim: all, where it has none yet, or it may not be read."""
    volume = cluster.named("PersistentVolume", ko.text(claim, "spec", "volumeName"))
    if volume is None:
        return {ko.name_of(node) for node in cluster.of("Node")}
    required = ko.mapping(volume, "spec", "nodeAffinity", "required")
    wanted = {"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}}
    return {ko.name_of(node) for node in cluster.of("Node") if matches(wanted, node) and _in_zone(volume, node)}


def _in_zone(volume: ko.Object | None, node: ko.Object) -> bool:
    """As the scheduler's VolumeZone has it: a volume with a label of a zone, and a node that has any, must agree."""
    if not any(ko.label(node, key) for key in _ZONES):
        return True
    named = {key: ko.label(volume, key).split("__") for key in _ZONES if ko.label(volume, key)}
    return all(ko.label(node, key) in zones for key, zones in named.items())


def claims_of(workload: Workload) -> list[str]:
    """The claims that the pods mount."""
    volumes = ko.items(workload.pod, "spec", "volumes")
    return [name for each in volumes if (name := ko.text(each, "persistentVolumeClaim", "claimName"))]


def _candidates(workload: Workload, cluster: Cluster, all_rooms: dict[str, Room]) -> Candidates:
    asked = amounts(workload.pod) | {"pods": UNIT}
    fits = [fit for fit in fits_of(workload.pod, cluster.of("Node")) if fit.matches]
    free = [fit for fit in fits if not fit.blocked]
    large = [fit.node for fit in free if _holds(all_rooms[fit.node].offers, asked)]
    # That no volume is near has a check of its own.
    near = within_reach(workload, cluster)
    large = [node for node in large if node in near] or large
    blocked = next((_said(fit.blocked, fit.taint) for fit in fits if fit.blocked), "")
    return Candidates(workload, asked, [fit.node for fit in fits], [fit.node for fit in free], large, blocked)


def _said(blocked: str, taint: ko.Object) -> str:
    if not taint or blocked != "tainted":
        return blocked
    value = ko.text(taint, "value")
    return f"tainted {ko.text(taint, 'key')}" + (f"={value}" if value else "") + f":{ko.text(taint, 'effect')}"


def _holds(room: Amounts, asked: Amounts) -> bool:
    return all(room.get(name, 0) >= amount for name, amount in asked.items() if amount > 0)


def place(every: list[Candidates], all_rooms: dict[str, Room], counts: dict[int, int]) -> Placement:
    """Puts pods on nodes, wave by wave, the largest first, each where it leaves least: (workload index -> pods) in counts."""
    free = {name: dict(room.free) for name, room in all_rooms.items()}
    placed, left = dict.fromkeys(counts, 0), dict.fromkeys(counts, 0)
    order = sorted(counts, key=lambda index: (every[index].workload.wave, -_devices(every[index].asked), index))
    for index in order:
        each = every[index]
        usable = list(each.large)
        for _ in range(counts[index]):
            fitting = [name for name in usable if _holds(free[name], each.asked)]
            if not fitting:
                left[index] += 1
                continue
            best = min(fitting, key=lambda name: _devices(free[name]))
            for name, amount in each.asked.items():
                free[best][name] = free[best].get(name, 0) - amount
            placed[index] += 1
            if each.workload.kind == "DaemonSet":
                usable.remove(best)
    return Placement(placed, left)


def _devices(asked: Amounts) -> int:
    return sum(amount for name, amount in asked.items() if "/" in name)
