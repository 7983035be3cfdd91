"""Whether the scheduler finds a node for every pod, by GPUs and all other resources, by wave and in total.

Only nodes that are there count. A cluster that adds nodes on demand may do better, and the lines say so.
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.admission import priority_of
from nimhelm.preflight.checks import devices, neighbours, queues
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.demand import is_device, shown
from nimhelm.preflight.placement import Candidates, Room, candidates, place, rooms
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds, skipped
from nimhelm.status import kubeobject as ko
from nimhelm.wording import count, short

_BLOCKED = {"cordoned": "NodeCordoned", "not ready": "NodeNotReady", "under pressure": "NodePressure"}
_GROWS = "nodes that an autoscaler would add are not known"


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Classes, device claims and queues; then each pod against the nodes, and all pods against what is free."""
    yield from devices.check(rendered, cluster)
    yield from queues.check(rendered, cluster)
    if not cluster.knows("Node") or not rendered.workloads:
        return
    if not cluster.of("Node"):
        yield skipped("GPUs", "not checked: the cluster has no nodes yet")
        return
    all_rooms = rooms(cluster)
    every = candidates(rendered, cluster, all_rooms)
    for each in rendered.workloads:
        if each.beside:
            text = f"the upgrade starts a pod of {short(each.service)} before an old one ends: it is counted here"
            yield holds("GPUs", text)
    alone = [problem for each in every if (problem := _alone(cluster, each, all_rooms))]
    yield from alone
    yield from neighbours.check(cluster, rendered, every)
    if cluster.knows("Pod"):
        yield from _together(cluster, every, all_rooms, bool(alone))
    elif not alone:
        yield holds("GPUs", f"every pod fits an empty node of the {len(all_rooms)}")


def _alone(cluster: Cluster, each: Candidates, all_rooms: dict[str, Room]) -> Check | None:
    """What keeps one pod from every node, even if the nodes were empty."""
    if each.large or each.workload.replicas == 0:
        return None
    if absent := _absent(each, all_rooms):
        text, code = f"no node offers {short(absent)}; a device plugin (GPU Operator) does", "NoGPUNode"
    elif not each.matching:
        text, code = f"no node matches {_wanted(each)}", "NodeSelector"
    elif not each.open:
        text, code = (
            f"{count(len(each.matching), 'node')} would match, but {_are(len(each.matching))} {each.blocked}",
            "Taint",
        )
        code = _BLOCKED.get(each.blocked, "Taint")
    else:
        return _too_large(cluster, each, all_rooms)
    return _never(cluster, each, code, text)


def _are(number: int) -> str:
    return "it is" if number == 1 else "they are"


def _never(cluster: Cluster, each: Candidates, code: str, text: str) -> Check:
    columns = {
        "NoGPUNode": ("get", "nodes", "-o", "custom-columns=NODE:.metadata.name,ALLOCATABLE:.status.allocatable"),
        "NodeSelector": ("get", "nodes", "--show-labels"),
        "Taint": ("get", "nodes", "-o", "custom-columns=NODE:.metadata.name,TAINTS:.spec.taints"),
    }
    step = cluster.reach.kubectl(
        *columns.get(code, ("get", "nodes") if code in _BLOCKED.values() else ("describe", "nodes")), everywhere=True
    )
    return Check("GPUs", FAILS, text, code, f"its pods stay Pending; {_GROWS}", (each.workload.service,), step)


def _absent(each: Candidates, all_rooms: dict[str, Room]) -> str:
    wanted = [name for name, amount in each.asked.items() if is_device(name) and amount]
    return next((name for name in wanted if not any(room.offers.get(name) for room in all_rooms.values())), "")


def _wanted(each: Candidates) -> str:
    spec = ko.mapping(each.workload.pod, "spec")
    selector = ", ".join(f"{key}={value}" for key, value in ko.mapping(spec, "nodeSelector").items())
    if "nodeAffinity" in ko.mapping(spec, "affinity"):
        return (
            f"nodeSelector {short(selector)} with the required node affinity"
            if selector
            else "the required node affinity"
        )
    return f"nodeSelector {short(selector)}"


def _too_large(cluster: Cluster, each: Candidates, all_rooms: dict[str, Room]) -> Check:
    """Nodes are there, and none is large enough."""
    offers = [all_rooms[name].offers for name in each.open]
    largest = {name: max(offer.get(name, 0) for offer in offers) for name in each.asked}
    short_of = [name for name, amount in each.asked.items() if largest[name] < amount]
    device = next((name for name in short_of if is_device(name)), "")
    if not short_of:
        named = " and ".join(f"{shown(name, amount)} {name}" for name, amount in each.asked.items() if name != "pods")
        return _never(cluster, each, "Insufficient", f"no node offers {named} at once")
    name = device or short_of[0]
    text = (
        f"a pod asks for {shown(name, each.asked[name])} {short(name)}, "
        f"and the largest node it may use has {shown(name, largest[name])}"
    )
    code = "Insufficient" if not device else "GPUTooMany" if largest[name] else "NoGPUNode"
    return _never(cluster, each, code, text)


def _together(cluster: Cluster, every: list[Candidates], all_rooms: dict[str, Room], known: bool) -> Iterator[Check]:
    """All pods at once: a pod that waits at a gate holds its GPU already."""
    counts = {
        index: each.workload.replicas for index, each in enumerate(every) if each.large and each.workload.replicas
    }
    left = place(every, all_rooms, counts).left
    stopped = {index: many for index, many in left.items() if many}
    yield from _summary(cluster, every, all_rooms, bool(stopped) or known)
    if stopped:
        yield _left(cluster, every, all_rooms, stopped, counts)
        return
    most = {index: each.workload.maximum for index, each in enumerate(every) if each.large and each.workload.maximum}
    if most != counts and (
        short_of := {index: many for index, many in place(every, all_rooms, most).left.items() if many}
    ):
        services = tuple(dict.fromkeys(every[index].workload.service for index in short_of))
        yield Check(
            "GPUs",
            WARNS,
            f"at the autoscalers' maximum {count(sum(short_of.values()), 'pod')} would find no node",
            "AutoscalerRoom",
            f"the service runs with fewer replicas; {_GROWS}",
            services,
            cluster.reach.kubectl("describe", "nodes", everywhere=True),
        )


def _summary(cluster: Cluster, every: list[Candidates], all_rooms: dict[str, Room], stopped: bool) -> Iterator[Check]:
    """What is asked for and free, for each kind of device."""
    names = sorted({name for each in every for name, amount in each.asked.items() if is_device(name) and amount})
    for name in names if not stopped else ():
        free = sum(max(0, room.free.get(name, 0)) for room in all_rooms.values())
        offered = sum(room.offers.get(name, 0) for room in all_rooms.values())
        yield holds(
            "GPUs",
            f"{short(name)}: {_asked(every, name)}; {shown(name, free)} of {shown(name, offered)} are {_free(cluster)}",
        )
    if not stopped and not names:
        yield holds("GPUs", f"every pod finds one of the {len(all_rooms)} nodes; none asks for a GPU")


def _free(cluster: Cluster) -> str:
    """How amounts are counted that the pods of the release itself leave."""
    return "free without its own pods" if any(map(cluster.owns, cluster.of("Pod"))) else "free now"


def _asked(every: list[Candidates], name: str) -> str:
    """ "4 asked for (wave 1: 2, wave 2: 2), at most 6"."""
    waves: dict[int, int] = {}
    most = 0
    for each in every:
        amount = each.asked.get(name, 0)
        waves[each.workload.wave] = waves.get(each.workload.wave, 0) + amount * each.workload.replicas
        most += amount * each.workload.maximum
    total = sum(waves.values())
    titles = {wave: f"wave {wave + 1}" if wave >= 0 else "jobs" for wave in waves}
    parts = ", ".join(f"{titles[wave]}: {shown(name, amount)}" for wave, amount in sorted(waves.items()) if amount)
    top = f", at most {shown(name, most)} with the autoscalers" if most != total else ""
    return f"{shown(name, total)} asked for ({parts}){top}"


def _left(
    cluster: Cluster, every: list[Candidates], all_rooms: dict[str, Room], left: dict[int, int], counts: dict[int, int]
) -> Check:
    """Pods that fit a node, but not beside what runs there and beside one another."""
    services = tuple(dict.fromkeys(every[index].workload.service for index in left))
    usable = {name for index in counts for name in every[index].large}
    total: dict[str, int] = {}
    for index, many in counts.items():
        for name, amount in every[index].asked.items():
            total[name] = total.get(name, 0) + amount * many
    free = {name: sum(max(0, all_rooms[node].free.get(name, 0)) for node in usable) for name in total}
    missing = [name for name, amount in total.items() if amount > free[name]]
    device = next((name for name in missing if is_device(name)), "")
    name = device or next(iter(missing), "") or _first_missing(every, all_rooms, left)
    asked = _asked(every, name) if is_device(name) else f"{shown(name, total.get(name, 0))} asked for"
    lost = count(sum(left.values()), "pod")
    text = f"{short(name)}: {asked}, {shown(name, free.get(name, 0))} {_free(cluster)}; {lost} would find no node"
    certain = bool(missing) or any(_fits_nowhere(every[index], all_rooms) for index in left)
    effect = f"they stay Pending until something else ends; {_GROWS}"
    if any(every[index].workload.beside for index in left):
        effect = f"a new pod stays Pending, and no old one ends before it is ready; {_GROWS}"
    if certain and not _left_over(
        every, rooms(cluster, min(priority_of(every[index].workload, cluster) for index in left)), counts
    ):
        certain, effect = False, "they push out pods of lower priority"
    return Check(
        "GPUs",
        FAILS if certain else WARNS,
        text,
        "InsufficientGPU" if is_device(name) else "Insufficient",
        effect,
        services,
        cluster.reach.kubectl("describe", "nodes", everywhere=True),
    )


def _left_over(every: list[Candidates], all_rooms: dict[str, Room], counts: dict[int, int]) -> bool:
    return any(place(every, all_rooms, counts).left.values())


def _fits_nowhere(each: Candidates, all_rooms: dict[str, Room]) -> bool:
    """Whether a single pod finds no node as things are now."""
    return not any(
        all(all_rooms[node].free.get(name, 0) >= amount for name, amount in each.asked.items()) for node in each.large
    )


def _first_missing(every: list[Candidates], all_rooms: dict[str, Room], left: dict[int, int]) -> str:
    each = every[next(iter(left))]
    scarce = [
        name
        for name, amount in each.asked.items()
        if not any(all_rooms[node].free.get(name, 0) >= amount for node in each.large)
    ]
    devices_first = sorted(scarce or each.asked, key=lambda name: (not is_device(name), name == "pods"))
    return devices_first[0]
