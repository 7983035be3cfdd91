"""Gates that an upgrade would close: new pods that wait for a dependency which is down now and does not change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nimhelm.diff.effects import (
    CREATE,
    RESTART,
    SCALE,
    SET_BACK,
    WAIT,
    Effect,
    Object,
    replicas,
    service_of,
    title,
    workloads,
)
from nimhelm.pipeline import dig

_GATE = "wait-for-"
_STARTS = "start"


def waits(found: Iterable[Effect], new: list[Object], live: list[Object], values: dict[str, Any]) -> list[Effect]:
    """What would wait. `found` are the effects of the upgrade, `live` the objects that the release has in the cluster now,
    with their status, and `values` those of the new side.
    """
    starting = {each.object for each in found if each.code in (RESTART, CREATE)}
    changing = {each.object for each in found if each.code in (RESTART, CREATE, SCALE, SET_BACK)}
    down = {service_of(each): each for each in workloads(live) if not _ready(each) and title(each) not in changing}
    held = []
    for each in workloads(new):
        name, names = service_of(each), [gate for gate in _gates(each) if gate in down]
        if title(each) in starting and names:
            starts = all(_goes_on(values, name, dependency) for dependency in names)
            held.append(Effect(WAIT, name, title(each), _text(each, names, down, starts), _way_out(name, starts)))
    return held


def _ready(workload: Object) -> bool:
    """Whether one of the newest pods is ready: a gate asks those. At most all others are older ones."""
    if workload.get("kind") == "InferenceService":
        conditions = dig(workload, "status", "conditions") or ()
        return any((dig(each, "type"), dig(each, "status")) == ("Ready", "True") for each in conditions)
    older = _counted(workload, "replicas") - _counted(workload, "updatedReplicas")
    return _counted(workload, "readyReplicas") > max(older, 0)


def _counted(workload: Object, key: str) -> int:
    many = dig(workload, "status", key)
    return many if isinstance(many, int) else 0


def _gates(workload: Object) -> Iterator[str]:
    """The dependencies that the pods of a workload wait for."""
    for path in (("template",), ("leaderWorkerTemplate", "leaderTemplate"), ("leaderWorkerTemplate", "workerTemplate")):
        for container in dig(workload, "spec", *path, "spec", "initContainers") or ():
            name = str(dig(container, "name"))
            if name.startswith(_GATE):
                yield name.removeprefix(_GATE)


def _goes_on(values: dict[str, Any], service: str, dependency: str) -> bool:
    """Whether the service starts without the dependency after the timeout."""
    entries = dig(values, service, "dependencies") or ()
    own = next((dig(entry, "wait", "onTimeout") for entry in entries if dig(entry, "name") == dependency), None)
    said = own or dig(values, service, "wait", "onTimeout") or dig(values, "global", "nimhelm", "waitOnTimeout")
    return bool(said == _STARTS)


def _text(workload: Object, names: list[str], down: dict[str, Object], starts: bool) -> str:
    states = [f"{name}, {_state(down[name])}" for name in dict.fromkeys(names)]
    stops = (
        ", and the pods that run are stopped first" if dig(workload, "spec", "strategy", "type") == "Recreate" else ""
    )
    until = ", until the timeout of the gate" if starts else ""
    return f"its new pods wait for {' and for '.join(states)}{until}{stops}"


def _state(workload: Object) -> str:
    if replicas(workload) == 0:
        return "which is scaled to 0 now"
    old_serve = _counted(workload, "readyReplicas")
    return "whose new pods are not ready now" if old_serve else "which has no ready pod now"


def _way_out(service: str, starts: bool) -> str:
    return "" if starts else f"to start without it after the timeout: --set {service}.wait.onTimeout={_STARTS}"
