"""Whether a device fits the CEL expressions of a claim or a DeviceClass.

This reads the part of CEL that device selectors use: driver, attributes, capacity, literals, comparisons and their
combinations. An expression that holds anything else is not judged, and the answer is None. The same goes for a device
whose values are not all known. (Kubernetes: "CEL expressions in ResourceClaims and DeviceClasses".)
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from nimhelm.quantity import nanos

Truth = bool | None


class Device(NamedTuple):
    """A device of a ResourceSlice. `pool` is the node that has it, or another name that its devices share."""

    driver: str
    pool: str
    name: str
    attributes: dict[str, Any]
    capacity: dict[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        """What no other device has."""
        return self.driver, self.pool, self.name


class _UnknownError(Exception):
    """The expression holds something that is not judged."""


class _MissingError(Exception):
    """The device has no such attribute: Kubernetes does not allocate it."""


class _Quantity(int):
    """An amount, in billionths."""


class _Version(tuple[int, ...]):
    """The numbers of a semantic version."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?![\w.]))|(?P<name>[A-Za-z_]\w*)"""
    r"""|(?P<sign>&&|\|\||[=!<>]=|[<>!().\[\]]))"""
)
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_METHODS: dict[str, Callable[[Any, Any], Any]] = {
    "compareTo": lambda one, two: (one > two) - (one < two),
    "isGreaterThan": operator.gt,
    "isLessThan": operator.lt,
}
_LONGEST = 4096


def fits(device: Device, expressions: list[str]) -> Truth:
    """False when one of the expressions does not hold for the device, None when that is not known."""
    answers = [_judge(each, device) for each in expressions]
    return False if False in answers else None if None in answers else True


def _judge(expression: str, device: Device) -> Truth:
    try:
        reader = _Reader(_tokens(expression), device)
        answer = reader.either()
        return answer if isinstance(answer, bool) and reader.ended() else None
    except _MissingError:
        return False
    except (_UnknownError, TypeError, RecursionError):
        return None


@cache
def _tokens(expression: str) -> tuple[tuple[str, str], ...]:
    found, place = [], 0
    text = expression.strip()
    if len(text) > _LONGEST:
        raise _UnknownError
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match or not match.lastgroup:
            raise _UnknownError
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tuple(found)


class _Reader:
    """Reads an expression from left to right, and computes it for one device."""

    def __init__(self, tokens: tuple[tuple[str, str], ...], device: Device) -> None:
        self._tokens = tokens
        self._device = device
        self._place = 0

    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._place == len(self._tokens)

    def either(self) -> Any:
        """Terms with ``||`` between them."""
        return self._joined("||", lambda: self._joined("&&", self._comparison, decides=False), decides=True)

    def _joined(self, sign: str, part: Callable[[], Any], *, decides: bool) -> Any:
        """All parts are read; the first that is `decides` is the result, whatever the others are."""
        results = [self._tried(part, decides)]
        while self._takes(sign):
            results.append(self._tried(part, decides))
        if len(results) == 1 and not isinstance(results[0], Exception):
            return results[0]
        if any(each is decides for each in results):
            return decides
        for each in results:
            if isinstance(each, Exception):
                raise each
            if not isinstance(each, bool):
                raise _UnknownError
        return not decides

    def _tried(self, part: Callable[[], Any], decides: bool) -> Any:
        """A missing attribute ends one part. The text after it must still be read."""
        try:
            return part()
        except _MissingError as error:
            return error

    def _comparison(self) -> Any:
        left = self._value()
        kind, text = self._peek()
        if kind == "name" and text == "in":
            self._place += 1
            right = self._value()
            if isinstance(left, _MissingError) or not isinstance(right, dict):
                raise _UnknownError
            return left in right
        if text not in _SIGNS or kind != "sign":
            return self._known(left)
        self._place += 1
        right = self._value()
        one, two = self._known(left), self._known(right)
        if type(one) is not type(two):
            raise _UnknownError
        return _SIGNS[text](one, two)

    def _known(self, value: Any) -> Any:
        if isinstance(value, _MissingError):
            raise value
        return value

    def _value(self) -> Any:
        value = self._first()
        while True:
            if self._takes("["):
                key = self._value()
                self._expect("]")
                value = value.get(key, {}) if isinstance(value, dict) else self._unknown()
            elif self._takes("."):
                value = self._member(value, self._name())
            else:
                return value

    def _first(self) -> Any:
        kind, text = self._peek()
        self._place += 1
        if kind == "text":
            return _literal(text)
        if kind == "number":
            return int(text)
        if text == "!":
            negated = self._known(self._value())
            return not negated if isinstance(negated, bool) else self._unknown()
        if text == "(":
            value = self.either()
            self._expect(")")
            return value
        if text in ("true", "false"):
            return text == "true"
        if text == "device":
            return self._device
        if text in ("quantity", "semver"):
            self._expect("(")
            given = self._value()
            self._expect(")")
            return _quantity(given) if text == "quantity" else _version(given)
        raise _UnknownError

    def _member(self, value: Any, name: str) -> Any:
        if isinstance(value, Device) and name in ("driver", "attributes", "capacity"):
            return getattr(value, name)
        if isinstance(value, dict):
            return value[name] if name in value else _MissingError()
        if name in _METHODS:
            self._expect("(")
            other = self._value()
            self._expect(")")
            if isinstance(value, _MissingError):
                return value
            if type(value) is type(other) and isinstance(value, (_Quantity, _Version)):
                return _METHODS[name](value, other)
        raise _UnknownError

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("", "")

    def _takes(self, sign: str) -> bool:
        taken = self._peek() == ("sign", sign)
        self._place += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise _UnknownError

    def _name(self) -> str:
        kind, text = self._peek()
        self._place += 1
        return text if kind == "name" else self._unknown()

    def _unknown(self) -> Any:
        raise _UnknownError


def _literal(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        raise _UnknownError from None


def _quantity(value: Any) -> _Quantity:
    amount = nanos(value)
    if amount is None:
        raise _UnknownError
    return _Quantity(amount)


def _version(value: Any) -> _Version:
    parts = str(value).split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        raise _UnknownError
    return _Version(map(int, parts))


def device_of(driver: str, pool: str, given: dict[str, Any]) -> Device:
    """A device as an entry of a ResourceSlice has it. Names without a domain are those of the driver."""
    attributes: dict[str, Any] = {}
    for key, value in (given.get("attributes") or {}).items():
        _put(attributes, driver, key, _attribute(value or {}))
    capacity: dict[str, Any] = {}
    for key, value in (given.get("capacity") or {}).items():
        amount = nanos((value or {}).get("value"))
        if amount is not None:
            _put(capacity, driver, key, _Quantity(amount))
    return Device(driver, pool, str(given.get("name")), attributes, capacity)


def _put(into: dict[str, Any], driver: str, key: str, value: Any) -> None:
    domain, _, name = key.rpartition("/")
    into.setdefault(domain or driver, {})[name] = value


def _attribute(value: dict[str, Any]) -> Any:
    if "version" in value:
        try:
            return _version(value["version"])
        except _UnknownError:
            return None
    return next((value[kind] for kind in ("string", "int", "bool") if kind in value), None)
