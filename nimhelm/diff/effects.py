"""What a change of objects does to a cluster: which pods restart, what Kubernetes refuses, which data goes.

The rules are those of Helm's upgrade (what is no longer rendered is deleted, unless it has the annotation
helm.sh/resource-policy: keep) and of the API server's validation of updates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nimhelm.caches import RESOURCE_POLICY
from nimhelm.chart.claims import delete_command, keep_command
from nimhelm.diff.immutable import refusals
from nimhelm.pipeline import dig
from nimhelm.quantity import nanos
from nimhelm.rollout import keeps_old_pods

Object = dict[str, Any]
Key = tuple[str, str]

NONE, RESTART, SCALE, REFUSED, DELETE_DATA, KEEP_DATA, GROW, DELETE, CREATE, RUN_JOB, UPDATE, HOOK, WAIT, SET_BACK = (
    "none", "restart", "scale", "refused", "deleteData", "keepData", "growClaim", "delete", "create", "runJob", "update",
    "hook", "wait", "setBack",
)  # fmt: skip

SEVERITY = (
    REFUSED, DELETE_DATA, WAIT, RESTART, DELETE, RUN_JOB, SCALE, GROW, SET_BACK, CREATE, KEEP_DATA, UPDATE, HOOK, NONE,
)  # fmt: skip
"""The codes, the gravest first."""

_TEMPLATES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": (("spec", "template"),),
    "LeaderWorkerSet": (("spec", "leaderWorkerTemplate"),),
    "InferenceService": (("spec", "predictor"),),
}
"""The parts of a workload of which a change makes new pods."""

THE_CHART = "the chart"
"""The object of what the chart refuses as a whole."""

_CLAIM = "PersistentVolumeClaim"
_BACK = " (with helm 3, go back by helm upgrade to the old chart: its rollback stops at a claim that was kept)"
_SERVICE_LABEL = "app.kubernetes.io/name"


class Effect(NamedTuple):
    """One consequence. `object` is `Deployment/llm-service`; `first` is what to do before an upgrade, or a choice
    (`to keep it: …`), "" for nothing.
    """

    code: str
    service: str
    object: str
    text: str
    first: str = ""


def effects(old: list[Object], new: list[Object]) -> list[Effect]:
    """What an upgrade from the old objects to the new ones does, the gravest first."""
    one, two = _by_key(old), _by_key(new)
    found = [effect for key in two if key not in one for effect in _created(two[key])]
    found += [effect for key in one if key not in two for effect in _removed(one[key])]
    found += [effect for key in two if key in one for effect in _changed(one[key], two[key])]
    return gravest_first(found)


def gravest_first(found: list[Effect]) -> list[Effect]:
    """The effects by their severity."""
    return sorted(found, key=lambda effect: (SEVERITY.index(effect.code), effect.service, effect.object))


def refused_by(problems: list[str], found: list[Effect]) -> list[Effect]:
    """The effects with what the chart's guard refuses: the guard names the way out, and what it alone knows comes first."""
    effects_of = list(found)
    more = []
    for problem in problems:
        said, _, way = problem.partition(": ")
        named = [
            n
            for n, each in enumerate(effects_of)
            if each.code == REFUSED and each.object.split("/")[-1] in said.split()
        ]
        for number in named:
            effects_of[number] = effects_of[number]._replace(first=way)
        if not named:
            more.append(Effect(REFUSED, "", THE_CHART, f"refuses it: {said}", way))
    return more + effects_of


def values_without_service(name: str) -> Effect:
    """What Helm refuses of values that are set for a service which the chart does not have."""
    way = (
        f"take {name} out of your values files; where helm reuses the values of the release, add "
        f"--reset-then-reuse-values --set {name}=null"
    )
    return Effect(
        REFUSED, "", THE_CHART, f"refuses it: values are set for {name}, which is no service of the chart", way
    )


def workloads(objects: list[Object]) -> list[Object]:
    """Those of the objects that have pods."""
    return [each for each in objects if each.get("kind") in _TEMPLATES]


def _by_key(objects: list[Object]) -> dict[Key, Object]:
    return {(str(each.get("kind")), str(dig(each, "metadata", "name"))): each for each in objects}


def title(each: Object) -> str:
    """How a plan calls an object: `Deployment/llm-service`."""
    return f"{each.get('kind')}/{dig(each, 'metadata', 'name')}"


def service_of(each: Object) -> str:
    """The service that an object belongs to, by its label; "" for none."""
    return str(dig(each, "metadata", "labels", _SERVICE_LABEL) or "")


def _is_hook(each: Object) -> bool:
    return dig(each, "metadata", "annotations", "helm.sh/hook") is not None


def _effect(each: Object, code: str, text: str, first: str = "") -> Effect:
    return Effect(code, service_of(each), title(each), text, first)


def _created(each: Object) -> Iterator[Effect]:
    kind = each.get("kind")
    if _is_hook(each):
        return
    if kind == "PersistentVolumeClaim":
        yield _effect(
            each,
            CREATE,
            f"creates the claim{_size(each)}; one of this name that was kept is found again, with its data",
        )
    elif kind == "Job":
        yield _effect(each, RUN_JOB, "runs the job: it downloads the model")
    elif kind in _TEMPLATES:
        yield _effect(each, CREATE, f"creates it with {_pods(replicas(each))}")
    else:
        yield _effect(each, CREATE, "creates it, no effect on pods")


def _removed(each: Object) -> Iterator[Effect]:
    kind = each.get("kind")
    if _is_hook(each):
        return
    name, place = str(dig(each, "metadata", "name")), dig(each, "metadata", "namespace")
    if dig(each, "metadata", "annotations", RESOURCE_POLICY) == "keep":
        if kind == _CLAIM:
            first = f"to delete it for good: {delete_command([name], place)}"
            yield _effect(
                each, KEEP_DATA, f"keeps the claim{_size(each)} and its data, outside the release{_BACK}", first
            )
        else:
            yield _effect(each, KEEP_DATA, "keeps it")
    elif kind == _CLAIM:
        first = f"to keep it: {keep_command(name, place)}"
        yield _effect(each, DELETE_DATA, f"deletes the claim{_size(each)} and the data in it", first)
    elif kind in _TEMPLATES:
        yield _effect(each, DELETE, f"deletes it and its {_pods(replicas(each))}")
    else:
        yield _effect(each, DELETE, "deletes it")


def _changed(old: Object, new: Object) -> Iterator[Effect]:
    if old == new:
        return
    if _is_hook(new):
        yield _effect(new, HOOK, "no effect on pods: it is run by helm test or around an upgrade")
        return
    refused = list(refusals(old, new))
    for field, why, first in refused:
        yield _effect(new, REFUSED, f"Kubernetes refuses it: {field} {why}", first)
    if refused:
        return
    rule = _RULES.get(str(new.get("kind")), _updated)
    yield from rule(old, new)


def _workload(old: Object, new: Object) -> Iterator[Effect]:
    restarts = any(dig(old, *part) != dig(new, *part) for part in _TEMPLATES[str(new["kind"])])
    before, after = replicas(old), replicas(new)
    if restarts:
        yield _effect(new, RESTART, f"restarts {_pods(before)}{_how(new)}")
    if before != after:
        yield _effect(new, SCALE, f"{before} -> {_pods(after)}")
    if not restarts and before == after:
        yield from _updated(old, new)


def _how(each: Object) -> str:
    """Whether the service stays reachable: most Deployments of the chart take pods away before they start others."""
    strategy = dig(each, "spec", "strategy")
    if each.get("kind") != "Deployment" or not isinstance(strategy, dict):
        return ""
    if strategy.get("type") == "Recreate":
        return ", all at once"
    if keeps_old_pods(each):
        return ", each after its successor is ready: that needs room for one pod more"
    return ", one after the other" if replicas(each) > 1 else " (the service is away until it is ready again)"


def _claim(old: Object, new: Object) -> Iterator[Effect]:
    if nanos(_requested(old)) != nanos(_requested(new)):
        text = f"grows the claim from {_requested(old)} to {_requested(new)}, if its storage class allows that"
        yield _effect(new, GROW, text)
    else:
        yield from _updated(old, new)


def _updated(old: Object, new: Object) -> Iterator[Effect]:
    del old
    yield _effect(new, UPDATE, "changes it, no effect on pods")


_RULES: Mapping[str, Callable[[Object, Object], Iterator[Effect]]] = {
    **dict.fromkeys(_TEMPLATES, _workload),
    _CLAIM: _claim,
}


def _requested(claim: Object) -> Any:
    return dig(claim, "spec", "resources", "requests", "storage")


def _size(each: Object) -> str:
    size = _requested(each) if each.get("kind") == _CLAIM else None
    return f" ({size})" if size else ""


def replicas(each: Object) -> int:
    """The pods of a workload; without a number it is an autoscaler's business, and one is there at least."""
    if each.get("kind") == "InferenceService":
        return int(dig(each, "spec", "predictor", "minReplicas") or 1)
    many = dig(each, "spec", "replicas")
    groups = many if isinstance(many, int) else 1
    size = dig(each, "spec", "leaderWorkerTemplate", "size")
    return groups * size if isinstance(size, int) else groups


def _pods(many: int) -> str:
    return f"{many} pod" if many == 1 else f"{many} pods"
