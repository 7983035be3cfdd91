"""Kubernetes quantities (`500m`, `16Gi`, `1e3`) as whole numbers, so that they compare without rounding."""

from __future__ import annotations

import re
from typing import Any

_QUANTITY = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)\Z")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO = 9


def nanos(value: Any) -> int | None:
    """A quantity in billionths of its unit, rounded up as the API server does; None for what is no quantity.

    `1` -> 1000000000, `500m` -> 500000000, `1Ki` -> 1024000000000.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    match = _QUANTITY.match(str(value))
    if not match:
        return None
    sign, digits, exponent, suffix = match.groups()
    whole, _, fraction = digits.partition(".")
    suffix = suffix or ""
    power = int(exponent) if exponent else _DECIMAL.get(suffix, 0)
    amount = int(whole + fraction or "0") << _BINARY.get(suffix, 0)
    power += _NANO - len(fraction)
    result = amount * 10**power if power >= 0 else -(-amount // 10**-power)
    result = int(result)
    return -result if sign == "-" else result


def is_whole(value: Any) -> bool:
    """Whether a quantity is a whole number of units, as a GPU count must be."""
    amount = nanos(value)
    return amount is not None and amount % 10**_NANO == 0


def count(value: Any) -> int:
    """A quantity as a number of whole units, rounded up: `2` -> 2, `2000m` -> 2; 0 for what is no quantity."""
    amount = nanos(value)
    return 0 if amount is None else -(-amount // 10**_NANO)
