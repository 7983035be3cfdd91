"""Checks as text, one line each with its step below, or as JSON."""

from __future__ import annotations

import textwrap

from nimhelm.preflight.result import FAILS, HOLDS, SECTIONS, SKIPPED, WARNS, Check
from nimhelm.report import dumped
from nimhelm.wording import clean, count

MARKS = {HOLDS: "√", WARNS: "‼", FAILS: "×", SKIPPED: "-"}
ASCII_MARKS = {HOLDS: "ok", WARNS: "!!", FAILS: "x ", SKIPPED: "- "}
_COLOURS = {HOLDS: "32", WARNS: "33", FAILS: "31", SKIPPED: "2"}


def text(checks: list[Check], colour: bool = False, marks: dict[str, str] = MARKS, width: int = 0) -> str:
    """The checks by section, and what they come to."""
    lines = []
    for section in SECTIONS:
        here = [check for check in checks if check.section == section]
        lines += [section, *(line for check in here for line in _lines(check, colour, marks, width))] if here else []
    return "\n".join([*lines, "", verdict(checks)]) + "\n"


def _lines(check: Check, colour: bool, marks: dict[str, str], width: int) -> list[str]:
    mark = marks[check.level]
    mark = f"\x1b[{_COLOURS[check.level]}m{mark}\x1b[0m" if colour else mark
    who = f"{_services(check)}: " if check.services else ""
    code = f" [{check.code}]" if check.code else ""
    said = f"{who}{check.text}" + (f": {check.effect}" if check.effect else "") + code
    wrapped = textwrap.wrap(clean(said), width - 4) if width > 30 else [clean(said)]
    lines = [f"  {mark} {wrapped[0]}", *(f"    {line}" for line in wrapped[1:])]
    # A step is not wrapped: it is to be pasted.
    return [*lines, f"    next: {check.next}"] if check.next else lines


def _services(check: Check) -> str:
    names = [clean(name) for name in check.services]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def verdict(checks: list[Check]) -> str:
    """The last line: whether an install would come up, as far as was seen."""
    many = {level: sum(check.level == level for check in checks) for level in MARKS}
    rest = [count(many[WARNS], "warning")] if many[WARNS] else []
    rest += [f"{many[SKIPPED]} not checked"] if many[SKIPPED] else []
    also = f" ({', '.join(rest)})" if rest else ""
    if many[FAILS]:
        code = next(check.code for check in checks if check.level == FAILS)
        return f"an install would fail: {count(many[FAILS], 'problem')}{also}; nimhelm explain {code} says more"
    return f"nothing was found that would make an install fail{also}"


def as_json(checks: list[Check]) -> str:
    """{"wouldFail": …, "checks": [{section, level, text, code, effect, services, next}]}."""
    document = {
        "wouldFail": any(check.level == FAILS for check in checks),
        "checks": [check._asdict() for check in checks],
    }
    return dumped(document)
