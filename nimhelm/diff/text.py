"""A difference for the terminal: every field from old to new, with its consequence, per service."""

from __future__ import annotations

import json
from typing import Any

from nimhelm.diff.effects import CREATE, DELETE_DATA, HOOK, KEEP_DATA, NONE, REFUSED, UPDATE, Effect
from nimhelm.diff.fields import ABSENT
from nimhelm.diff.plan import Consequence, Difference, counted
from nimhelm.report import printable

QUIET = (NONE, UPDATE, HOOK)
"""Effects that no pod notices."""


def text(plan: Difference) -> str:
    """The whole plan, with a newline at its end; one line when nothing changes."""
    if plan.is_empty:
        return "no change for the cluster\n"
    lines = [f"- {name}: removed" for name in plan.removed]
    lines += [f"+ {name}: added" for name in plan.added]
    for names in (plan.removed, plan.added):
        lines += _effects([each for each in plan.effects if each.service in names], indent="    ")
    lines += _services(plan)
    lines += [f"~ {name}: wave {before} -> {after}" for name, before, after in plan.waves]
    if plan.as_a_whole:
        lines += ["! refused as a whole:", *_effects(plan.as_a_whole, indent="    ")]
    rest = _effects(list(plan.rest), indent="    ")
    if rest:
        more = "the services that come or go, or by " if plan.added or plan.removed else ""
        lines += [f"~ by {more}the chart's templates, with the same values:", *rest]
    if plan.by_hand:
        lines += ["! changed in the cluster:", *_effects(list(plan.by_hand), indent="    ")]
    if plan.waits:
        lines += ["! held back by gates:", *_effects(list(plan.waits), indent="    ")]
    lines += gpu_lines(plan)
    lines.append(summary(plan))
    return "".join(f"{printable(line)}\n" for line in lines)


def problems(plan: Difference) -> str:
    """Only what Kubernetes refuses and which data is deleted, each with what to do first; "" for neither."""
    if plan.unknown and not plan.is_empty:
        return f"consequences are not known: {plan.unknown}\n"
    found = [*plan.having(REFUSED), *plan.having(DELETE_DATA)]
    return "".join(f"{printable(line)}\n" for line in _effects(found, indent=""))


def _services(plan: Difference) -> list[str]:
    lines: list[str] = []
    for service in dict.fromkeys(each.change.service for each in plan.consequences):
        lines.append(f"~ {service or 'all services'}:")
        for each in plan.consequences:
            if each.change.service == service:
                lines += _change(each, known=not plan.unknown)
    return lines


def _change(each: Consequence, known: bool) -> list[str]:
    change = each.change
    lines = [f"    {change.field}: {shown(change.old)} -> {shown(change.new)}"]
    if not known:
        return lines
    together = " (with the other changes)" if each.shared else ""
    return lines + (_effects(list(each.effects), "        ", together) or ["        no effect on pods"])


def is_quiet(effect: Effect) -> bool:
    """Whether an effect is one that no pod notices."""
    return effect.code in QUIET or (effect.code == CREATE and "no effect on pods" in effect.text)


def _effects(found: list[Effect], indent: str, behind: str = "") -> list[str]:
    lines = []
    for effect in found:
        if is_quiet(effect):
            continue
        lines.append(f"{indent}{effect.object}: {effect.text}{behind}")
        if effect.first:
            lines.append(f"{indent}  {'' if effect.first.startswith('to ') else 'first: '}{effect.first}")
    return list(dict.fromkeys(lines))


def shown(value: Any) -> str:
    """A value on one line, whole: strings as they are where that is clear, everything else as JSON."""
    if value is ABSENT:
        return "(none)"
    plain = isinstance(value, str) and value.isprintable() and value.strip() == value and value
    return str(value) if plain else json.dumps(value, ensure_ascii=False, sort_keys=True)


def gpu_lines(plan: Difference) -> list[str]:
    """One line for each resource whose number changes."""
    lines = []
    for name, (before, after) in plan.gpus.items():
        most = plan.max_gpus.get(name, (before, after))
        if before != after or most[0] != most[1]:
            limit = f", with autoscaling up to {most[0]} -> {most[1]}" if most != (before, after) else ""
            lines.append(f"= GPUs in all: {before} -> {after} {name} ({after - before:+d}){limit}")
    return lines


def summary(plan: Difference) -> str:
    """`plan: 1 service added, 2 changed, 0 removed; pods of 1 workload restart; 0 refused; 0 claims deleted`."""
    if plan.unknown:
        number = counted(plan)
        return f"plan: {_many(number)}; consequences are not known: {plan.unknown}"
    number = counted(plan)
    parts = [
        _many(number),
        f"the pods of {number['restarts']} workload{'' if number['restarts'] == 1 else 's'} restart",
        f"{number['refused']} refused by Kubernetes",
        f"{number['claimsDeleted']} claim{'' if number['claimsDeleted'] == 1 else 's'} deleted",
    ]
    kept = len(plan.having(KEEP_DATA))
    return "plan: " + "; ".join(parts + ([f"{kept} kept"] if kept else []))


def _many(number: dict[str, int]) -> str:
    return f"services: {number['added']} added, {number['changed']} changed, {number['removed']} removed"
