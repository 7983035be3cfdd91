"""Kubernetes quantities (`500m`, `16Gi`, `1e3`) as whole numbers, so that they compare without rounding."""

from __future__ import annotations

import re
from typing import Any

_QUANTITY = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)\Z")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_NANO = 9
_LONGEST = 1000
"""Characters of a quantity: int() refuses numbers of more than 4300 digits."""


def nanos(value: Any) -> int | None:
    """A quantity in billionths of its unit, rounded up as the API server does; None for what is not a quantity.

    `1` -> 1000000000, `500m` -> 500000000, `1Ki` -> 1024000000000.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    match = _QUANTITY.match(text) if len(text) <= _LONGEST else None
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
    """A quantity as a number of whole units, rounded up: `2` -> 2, `2000m` -> 2; 0 for what is not a quantity."""
    amount = nanos(value)
    return 0 if amount is None else -(-amount // 10**_NANO)


_ORDINARY = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?([mkMGTPE]|[KMGTPE]i)?\Z")
_DECIMAL_UNITS = ("u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def canonical(value: Any) -> Any:
    """A quantity as the API server writes it, so that whoever compares a chart with the cluster finds no difference.

    `"0.5"` -> `"500m"`, `"1024Mi"` -> `"1Gi"`; what is written so already, or out of the ordinary, comes back as it is.
    """
    match = None if isinstance(value, bool) else _ORDINARY.match(str(value))
    if not match:
        return value
    whole, fraction, unit = match.groups()
    thousandths = int(whole + (fraction or "").ljust(3, "0"))
    text = _binary(thousandths, unit) if (unit or "").endswith("i") else _decimal(thousandths, unit or "")
    return value if text is None or text == str(value) else text


def _decimal(thousandths: int, unit: str) -> str:
    """So many thousandths of a decimal unit, in the largest unit that needs no decimals."""
    return _largest(thousandths, _DECIMAL_UNITS, _DECIMAL_UNITS.index(unit) - 1, 1000)


def _binary(thousandths: int, unit: str) -> str | None:
    """The same of a binary unit; None when it is not a whole number of the next smaller one."""
    index = _BINARY_UNITS.index(unit)
    if thousandths % 1000:
        thousandths, index = thousandths * 1024, index - 1
    return None if thousandths % 1000 else _largest(thousandths // 1000, _BINARY_UNITS, index, 1024)


def _largest(number: int, units: tuple[str, ...], index: int, step: int) -> str:
    while number and number % step == 0 and index < len(units) - 1:
        number, index = number // step, index + 1
    return f"{number}{units[index]}" if number else "0"
