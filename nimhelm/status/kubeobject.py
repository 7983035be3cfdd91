"""Reads single fields of Kubernetes objects, which may lack anything or hold something else than expected.

Every function takes an object and the way to a field, and returns a value of the promised type: `""`, 0, `[]`
or None where the field is absent or of another type. Nothing here raises.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def dig(value: Any, *path: str | int) -> Any:
    """What lies at the end of the path, or None: dig(pod, "spec", "nodeName") -> "node-1"."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: Any, *path: str | int) -> str:
    """The string there, "" otherwise. A number becomes its digits, as YAML may have unquoted it."""
    found = dig(value, *path)
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int | float) and not isinstance(found, bool) else ""


def number(value: Any, *path: str | int) -> int:
    """The whole number there, 0 otherwise. Decimal strings count: quantities are strings."""
    found = dig(value, *path)
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    if isinstance(found, str) and len(found) < 19 and found.isascii() and found.isdecimal():
        return int(found)
    return 0


def true(value: Any, *path: str | int) -> bool:
    """Whether the field is the boolean true."""
    return dig(value, *path) is True


def items(value: Any, *path: str | int) -> list[Object]:
    """The mappings in the list there; what is not a mapping is left out."""
    found = dig(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def texts(value: Any, *path: str | int) -> list[str]:
    """The strings in the list there."""
    found = dig(value, *path)
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def mapping(value: Any, *path: str | int) -> Object:
    """The mapping there, with the keys that are strings."""
    found = dig(value, *path)
    return {key: item for key, item in found.items() if isinstance(key, str)} if isinstance(found, dict) else {}


def moment(value: Any, *path: str | int) -> datetime | None:
    """The time there: "2026-11-23T10:00:00Z", with or without fractions, or what YAML made of it."""
    found = dig(value, *path)
    if isinstance(found, str) and found:
        try:
            # Python 3.10 knows no Z and takes only three or six digits of a second: metav1.Time has 0, MicroTime 6.
            found = datetime.fromisoformat(found.replace("Z", "+00:00"))
        except ValueError:
            return None
    if not isinstance(found, datetime):
        return None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:  # year 1 or 9999 with an offset
        return None


def seconds_since(then: datetime | None, now: datetime) -> int:
    """Whole seconds from then to now, never negative: the clocks of cluster and client differ."""
    return max(0, int((now - then).total_seconds())) if then else 0


def name_of(value: Any) -> str:
    """The object's name."""
    return text(value, "metadata", "name")


def label(value: Any, key: str) -> str:
    """The value of one of the object's labels."""
    return text(value, "metadata", "labels", key)


def condition(value: Any, kind: str) -> Object:
    """The condition of that type in the object's status, {} if there is none."""
    return next((each for each in items(value, "status", "conditions") if text(each, "type") == kind), {})
