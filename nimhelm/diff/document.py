"""A difference as JSON."""

from __future__ import annotations

from typing import Any

from nimhelm.diff.effects import Effect
from nimhelm.diff.fields import ABSENT
from nimhelm.diff.plan import Difference, counted, gravest
from nimhelm.report import dumped


def as_json(plan: Difference) -> str:
    """One object; a field that one side lacks has no `old` or `new`."""
    return dumped(document(plan))


def document(plan: Difference) -> dict[str, Any]:
    """The difference as plain data."""
    data: dict[str, Any] = {
        "apiVersion": "nimhelm.dev/v1",
        "kind": "Plan",
        "old": plan.old,
        "new": plan.new,
        "changed": not plan.is_empty,
        "added": list(plan.added),
        "removed": list(plan.removed),
        "changes": [],
        "effects": [_effect(each) for each in plan.effects],
        "byTemplates": [_effect(each) for each in plan.rest],
        "byHand": [_effect(each) for each in plan.by_hand],
        "waits": [_effect(each) for each in plan.waits],
        "waves": [{"service": name, "old": before, "new": after} for name, before, after in plan.waves],
        "gpus": {name: {"old": old, "new": new} for name, (old, new) in plan.gpus.items()},
        "maxGpus": {name: {"old": old, "new": new} for name, (old, new) in plan.max_gpus.items()},
        "summary": counted(plan),
    }
    if plan.unknown:
        data["unknown"] = plan.unknown
    for each in plan.consequences:
        entry: dict[str, Any] = {"service": each.change.service, "field": each.change.field}
        entry |= {} if each.change.old is ABSENT else {"old": each.change.old}
        entry |= {} if each.change.new is ABSENT else {"new": each.change.new}
        entry |= {"consequence": gravest(each.effects), "effects": [_effect(one) for one in each.effects]}
        data["changes"].append(entry | ({"together": True} if each.shared else {}))
    return data


def _effect(effect: Effect) -> dict[str, str]:
    data = effect._asdict()
    return {key: value for key, value in data.items() if value}
