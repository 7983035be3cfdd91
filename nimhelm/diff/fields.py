"""What two trees of values write differently, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from nimhelm.pipeline import NOT_SERVICES, dig

ABSENT = object()
"""A field that one side does not have."""

HIDDEN = "(hidden)"
"""Stands for what a Secret holds."""

_HOLDS = ("data", "stringData")


class Named(NamedTuple):
    """A step into a list, to the item of that name: `env[LOG_LEVEL]`, `extraObjects[ConfigMap/settings]`."""

    name: str


Path = tuple[str | Named, ...]


class Change(NamedTuple):
    """One field that differs. `path` starts with the service, or with global or nimCaches. ABSENT stands for no value."""

    path: Path
    old: Any
    new: Any

    @property
    def service(self) -> str:
        """The service that the field belongs to, "" for what all share."""
        first = str(self.path[0])
        return "" if first in NOT_SERVICES else first

    @property
    def field(self) -> str:
        """The path below the service: `env[LOG_LEVEL].value`; below the whole values for what all share."""
        return path_text(self.path[1:] if self.service else self.path)


def path_text(path: Path) -> str:
    """`("env", Named("A"), "value")` -> `env[A].value`; a key with a dot is quoted."""
    text = ""
    for step in path:
        if isinstance(step, Named):
            text += f"[{step.name}]"
        else:
            shown = f'"{step}"' if "." in step or not step else step
            text += f".{shown}" if text else shown
    return text


def changes(old: Any, new: Any, path: Path = ()) -> list[Change]:
    """The smallest parts that differ, in the order of the new side. Lists of named items are compared by name."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*new, *(key for key in old if key not in new)]
        return [
            change for key in keys for change in changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
        ]
    one, two = _named(old), _named(new)
    if one is not None and two is not None and _same_order(one, two):
        names = [*two, *(name for name in one if name not in two)]
        return [
            change
            for name in names
            for change in changes(one.get(name, ABSENT), two.get(name, ABSENT), (*path, Named(name)))
        ]
    return [] if _same(old, new) else [Change(path, old, new)]


def _same(old: Any, new: Any) -> bool:
    """Equal, and of one type: to Kubernetes `true` and 1 are not the same."""
    if isinstance(old, bool) != isinstance(new, bool):
        return False
    return bool(old == new)


def _named(value: Any) -> dict[str, Any] | None:
    """A list of mappings with different names, by name."""
    if not isinstance(value, list) or not value:
        return None
    found = {name: item for item in value if (name := _name(item))}
    return found if len(found) == len(value) else None


def _name(item: Any) -> str:
    """The name of an item of a list, of an object behind its kind; "" for none."""
    name, kind, of_object = dig(item, "name"), dig(item, "kind"), dig(item, "metadata", "name")
    if isinstance(name, str):
        return name
    return f"{kind}/{of_object}" if isinstance(kind, str) and isinstance(of_object, str) else ""


def _same_order(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Whether what both have is in the same order: a list that is only sorted anew is shown whole."""
    return [name for name in one if name in two] == [name for name in two if name in one]


def without_secrets(change: Change) -> Change:
    """A change as it is shown: what Secrets hold is hidden."""
    secret = any(isinstance(step, Named) and step.name.startswith("Secret/") for step in change.path)
    if secret and any(step in _HOLDS for step in change.path):
        old, new = (each if each is ABSENT else HIDDEN for each in (change.old, change.new))
    else:
        old, new = _hidden(change.old), _hidden(change.new)
    return change._replace(old=old, new=new)


def _hidden(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden(each) for each in value]
    if not isinstance(value, dict):
        return value
    holds = _HOLDS if value.get("kind") == "Secret" else ()
    return {key: HIDDEN if key in holds else _hidden(each) for key, each in value.items()}


def applied(values: dict[str, Any], change: Change) -> dict[str, Any]:
    """A copy of the old values with one change made."""
    result = deepcopy(values)
    holder: Any = result
    for step in change.path[:-1]:
        holder = _into(holder, step)
    last = change.path[-1]
    if isinstance(last, Named):
        position = next((index for index, item in enumerate(holder) if _name(item) == last.name), None)
        if position is not None:
            holder[position : position + 1] = [] if change.new is ABSENT else [change.new]
        elif change.new is not ABSENT:
            holder.append(change.new)
    elif change.new is ABSENT:
        holder.pop(last, None)
    else:
        holder[last] = change.new
    return result


def _into(holder: Any, step: str | Named) -> Any:
    if isinstance(step, Named):
        return next(item for item in holder if _name(item) == step.name)
    return holder.setdefault(step, {})
