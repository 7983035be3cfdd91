"""Two sides -> Difference: each change with its consequence, per service, and what they add up to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from nimhelm.chart.build import Chart
from nimhelm.chart.render import render_folder, unpacked
from nimhelm.diff.by_hand import by_hand
from nimhelm.diff.effects import (
    DELETE_DATA,
    NONE,
    REFUSED,
    RESTART,
    THE_CHART,
    Effect,
    Object,
    effects,
    gravest_first,
    refused_by,
    values_without_service,
)
from nimhelm.diff.fields import Change, applied, changes, without_secrets
from nimhelm.diff.gates import waits
from nimhelm.diff.sides import Cluster, Side, live_objects, upgraded, without_defaults
from nimhelm.errors import ChartRefusalError, HelmError
from nimhelm.graph.picture import Picture
from nimhelm.graph.source import picture_of_values
from nimhelm.helm import helm_major
from nimhelm.pipeline import NOT_SERVICES, dig
from nimhelm.status.graph import is_graph

ONE_BY_ONE = 60
"""Up to so many changes are rendered each by itself: 0.3 s for each, two at a time."""


class Consequence(NamedTuple):
    """A change with what it does by itself. `shared` marks effects that it has together with other changes."""

    change: Change
    effects: tuple[Effect, ...]
    shared: bool = False


class Difference(NamedTuple):
    """What an upgrade from one side to the other does.

    `added` and `removed` are services. `effects` are those of everything together. `rest` are effects on objects that no change
    of values explains: services come or go, or the chart's templates differ. `gpus` has resource -> (before, after),
    `max_gpus` with autoscaling. `by_hand` are those of changes by hand in the cluster, which are among `effects`, too. `waits`
    are new pods that would wait for a dependency which is down. `unknown` says why there are no effects, "" when there are.
    """

    old: str
    new: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    consequences: tuple[Consequence, ...]
    effects: tuple[Effect, ...]
    rest: tuple[Effect, ...]
    waves: tuple[tuple[str, int, int], ...]
    gpus: dict[str, tuple[int, int]]
    max_gpus: dict[str, tuple[int, int]]
    unknown: str = ""
    by_hand: tuple[Effect, ...] = ()
    waits: tuple[Effect, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether an upgrade would change nothing."""
        return not (self.added or self.removed or self.consequences or self.effects)

    def having(self, code: str) -> list[Effect]:
        """The effects of one kind."""
        return [effect for effect in self.effects if effect.code == code]

    @property
    def as_a_whole(self) -> list[Effect]:
        """What the chart or Helm refuses, beside what is refused of single objects."""
        return [effect for effect in self.effects if effect.object == THE_CHART]


class Upgrade(NamedTuple):
    """The release that is compared, and where it is."""

    release: str
    cluster: Cluster


def difference(old: Side, new: Side, upgrade: Upgrade | None = None, unknown: str = "") -> Difference:
    """Compare two sides. Helm renders them, unless `unknown` says why it cannot. Raises HelmError."""
    before = without_defaults(old.values, new.values) if old.objects is not None else old.values
    old = old._replace(values=before)
    ons = old.services, new.services
    found = [each for each in changes(old.values, new.values) if _is_told(each, ons)]
    one, two = (picture_of_values("", side.values) for side in (old, new))
    empty = Difference(
        old.title, new.title,
        added=tuple(name for name in ons[1] if name not in ons[0]),
        removed=tuple(name for name in ons[0] if name not in ons[1]),
        consequences=tuple(Consequence(each, ()) for each in found),
        effects=(), rest=(), waves=tuple(_waves(one, two)),
        gpus=_pairs(one.gpus, two.gpus), max_gpus=_pairs(one.max_gpus, two.max_gpus), unknown=unknown,
    )  # fmt: skip
    plan = empty if unknown else _with_effects(empty, old, new, upgrade)
    shown = (each._replace(change=without_secrets(each.change)) for each in plan.consequences)
    return plan._replace(consequences=tuple(shown))


def _is_told(change: Change, ons: tuple[dict[str, Any], dict[str, Any]]) -> bool:
    """Fields of what comes or goes as a whole are not listed."""
    return not change.service or (change.service in ons[0] and change.service in ons[1])


def _waves(one: Picture, two: Picture) -> list[tuple[str, int, int]]:
    before = {node.name: node.wave for node in one.nodes}
    return [
        (node.name, before[node.name] + 1, node.wave + 1)
        for node in two.nodes
        if node.name in before and before[node.name] != node.wave
    ]


def _pairs(one: dict[str, int], two: dict[str, int]) -> dict[str, tuple[int, int]]:
    return {name: (one.get(name, 0), two.get(name, 0)) for name in sorted({*one, *two})}


def _with_effects(empty: Difference, old: Side, new: Side, upgrade: Upgrade | None) -> Difference:
    try:
        after, problems = _objects(new, upgrade), []
    except ChartRefusalError as refusal:
        # The guard sees the cluster. Rendered without one, the chart still shows what else would change.
        after, problems = _objects(new, None), refusal.problems
    before = _objects(old, None)
    if upgrade is None:
        before, after = _anywhere(before), _anywhere(after)
    all_effects = [*map(values_without_service, new.strangers), *refused_by(problems, effects(before, after))]
    each = [_with_way_out(one, all_effects) for one in _each(empty, old, new, all_effects, upgrade)]
    if upgrade is not None:
        all_effects = _reached(all_effects, upgrade.cluster)
        each = [one._replace(effects=tuple(_reached(one.effects, upgrade.cluster))) for one in each]
    explained = {(e.code, e.object) for one in each for e in one.effects}
    names = {*empty.added, *empty.removed}
    others = (e for e in all_effects if e.object != THE_CHART and e.service not in names)
    rest = [e for e in others if (e.code, e.object) not in explained]
    helm, live = _live(upgrade) if upgrade else (0, [])
    changed = list(by_hand(after, live, helm))
    all_effects = gravest_first(all_effects + changed)
    closed = waits(all_effects, after, live, new.values) if live else []
    return empty._replace(
        consequences=tuple(each),
        effects=tuple(all_effects),
        rest=tuple(rest),
        by_hand=tuple(changed),
        waits=tuple(closed),
    )


def _reached(found: Iterable[Effect], cluster: Cluster) -> list[Effect]:
    """The effects with steps for the cluster that the user named."""
    return [each._replace(first=cluster.reached(each.first)) for each in found]


def _live(upgrade: Upgrade) -> tuple[int, list[Object]]:
    """Helm's major version, and the objects of the release that run; nothing where helm cannot tell."""
    try:
        helm = helm_major()
        return helm, live_objects(upgrade.release, upgrade.cluster, helm)
    except HelmError:
        return 0, []


def _anywhere(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects without the namespace that helm fills in where nobody names one: commands for them must not name it."""
    return [
        {**each, "metadata": {key: value for key, value in each["metadata"].items() if key != "namespace"}}
        for each in objects
    ]


def _with_way_out(found: Consequence, all_effects: list[Effect]) -> Consequence:
    """What a change does by itself, with the way out that the guard names for what is refused."""
    ways = {effect.object: effect.first for effect in all_effects if effect.code == REFUSED}
    told = (e._replace(first=ways.get(e.object, e.first)) if e.code == REFUSED else e for e in found.effects)
    return found._replace(effects=tuple(told))


def _objects(side: Side, upgrade: Upgrade | None) -> list[dict[str, Any]]:
    if side.objects is not None:
        return list(side.objects)
    found = []
    for chart in side.charts:
        with unpacked(chart) as folder, TemporaryDirectory(prefix="nimhelm-") as place:
            file = Path(place, "values.json")
            values = side.values if len(side.charts) == 1 else _own(side.values, chart)
            file.write_text(json.dumps(values), encoding="utf-8")
            if upgrade is not None:
                sent = upgraded(upgrade.release, side, upgrade.cluster, str(folder), str(file))
                found += list(sent.objects or ())
            else:
                found += render_folder(folder, values, chart.name)
    return found


def _own(values: dict[str, Any], chart: Chart) -> dict[str, Any]:
    """Of the values of several charts those of one."""
    from nimhelm.chart.obtain import values_of

    known = values_of(chart)
    return {name: each for name, each in values.items() if name in known or name in NOT_SERVICES}


def _each(
    empty: Difference, old: Side, new: Side, all_effects: list[Effect], upgrade: Upgrade | None
) -> list[Consequence]:
    """The changes with their own effects; where they cannot be rendered alone, with those of their service."""
    found = [each.change for each in empty.consequences]
    alone: list[tuple[Effect, ...] | None] = [None] * len(found)
    if len(found) <= ONE_BY_ONE and len(new.charts) == 1:
        alone = _rendered_alone(old, new, found, upgrade)
    return [
        Consequence(change, effects_of) if effects_of is not None else _together(change, all_effects)
        for change, effects_of in zip(found, alone, strict=True)
    ]


def _together(change: Change, all_effects: list[Effect]) -> Consequence:
    mine = tuple(e for e in all_effects if e.object != THE_CHART and change.service in ("", e.service))
    return Consequence(change, mine, shared=True)


def _rendered_alone(
    old: Side, new: Side, found: list[Change], upgrade: Upgrade | None
) -> list[tuple[Effect, ...] | None]:
    """Each change made alone to the old values, in the new chart. None for one that helm or the chart refuses alone.

    Names and steps hold the release and its namespace, so these are the ones of the upgrade. An object of the user may name
    another namespace; the graph of the chart never does.
    """
    names = set(new.services)
    base = {name: each for name, each in old.values.items() if name in names or name in NOT_SERVICES}
    base = {**{name: each for name, each in new.values.items() if name not in base}, **base}
    (chart,) = new.charts
    release = upgrade.release if upgrade else chart.name
    places = (dig(each, "metadata", "namespace") for each in old.objects or () if is_graph(each))
    namespace = next((str(place) for place in places if place), "")
    with unpacked(chart) as folder:

        def objects(values: dict[str, Any]) -> list[dict[str, Any]] | None:
            try:
                rendered = render_folder(folder, values, release, namespace)
            except HelmError:
                return None
            return rendered if upgrade else _anywhere(rendered)

        def alone(change: Change) -> tuple[Effect, ...] | None:
            changed = objects(applied(base, change))
            return None if changed is None or before is None else tuple(effects(before, changed))

        before = objects(base)
        if before is None:
            return [None] * len(found)
        with ThreadPoolExecutor(max_workers=4) as pool:
            return list(pool.map(alone, found))


def gravest(found: tuple[Effect, ...] | list[Effect]) -> str:
    """The code of the gravest effect; effects are sorted that way."""
    return found[0].code if found else NONE


def counted(plan: Difference) -> dict[str, int]:
    """What a summary counts."""
    return {
        "added": len(plan.added),
        "removed": len(plan.removed),
        "changed": len({each.change.service for each in plan.consequences} - {""}),
        "restarts": len({effect.object for effect in plan.having(RESTART)}),
        "refused": len(plan.having(REFUSED)),
        "claimsDeleted": len(plan.having(DELETE_DATA)),
    }
