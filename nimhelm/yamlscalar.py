"""Plain YAML scalars as values: the reading of go-yaml, which helm and kubectl share, not that of PyYAML."""

from __future__ import annotations

import re
from math import inf
from typing import Any

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NUMBER_START = frozenset("0123456789+-.")
_SPECIAL_FLOAT = {
    sign + word: sign + word[1:].lower() for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")
} | dict.fromkeys((".nan", ".NaN", ".NAN"), "nan")
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
"""What go-yaml holds in an int64 or a uint64; a larger decimal number is a float64, any other a string."""


def resolve(text: str) -> Any:
    """The value of a plain scalar as go-yaml reads it: `0o14` -> 12, `1e3` -> 1000, `y` -> True, `1:30` -> `1:30`."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text[0] not in _NUMBER_START:
        return text
    return _number(text)


def _number(text: str) -> Any:
    plain = text.replace("_", "")
    whole = _whole(plain)
    if whole is not None:
        return whole
    if _FLOAT.match(plain):
        value = float(plain)
        if abs(value) == inf:
            return text
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    special = _SPECIAL_FLOAT.get(text)
    return float(special) if special else text


def _whole(plain: str) -> int | None:
    """A whole number of 64 bits as Go's ParseInt and ParseUint read it in base 0; None for all else."""
    sign, digits = ("-", plain[1:]) if plain[:1] == "-" else ("", plain.removeprefix("+"))
    base = _BASES.get(digits[:2].lower(), 8 if digits[:1] == "0" else 10)
    digits = (digits[2:] if digits[:2].lower() in _BASES else digits).lstrip("0") or digits[-1:]
    if len(digits) > 64 or not (digits.isascii() and digits.isalnum()):
        return None
    try:
        value = int(sign + digits, base)
    except ValueError:  # 08 is no octal number: go-yaml takes it as a float
        return None
    largest = _LARGEST if plain[:1] != "+" else 2**63 - 1
    return value if _SMALLEST <= value <= largest else None
