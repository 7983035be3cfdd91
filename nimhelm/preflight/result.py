"""Check: one line of the output."""

from __future__ import annotations

from typing import NamedTuple

HOLDS, WARNS, FAILS, SKIPPED = "ok", "warning", "fails", "not checked"

SECTIONS = ("rights", "APIs", "names", "secrets", "storage", "GPUs", "policies", "network", "images")
"""The groups of checks, in the order of the output."""


class Check(NamedTuple):
    """What was looked at and how it stands.

    `level` is HOLDS, WARNS, FAILS or SKIPPED. `text` says what is so, `effect` what will happen because of it. `services` are
    those that it stops, and `next` is one command to paste. A check that holds or was skipped has no code.
    """

    section: str
    level: str
    text: str
    code: str = ""
    effect: str = ""
    services: tuple[str, ...] = ()
    next: str = ""


def holds(section: str, text: str) -> Check:
    """A check that found nothing wrong."""
    return Check(section, HOLDS, text)


def skipped(section: str, text: str) -> Check:
    """A check that could not be made, and why."""
    return Check(section, SKIPPED, text)


def exit_code(checks: list[Check], strict: bool = False) -> int:
    """1 when an install would fail; under strict also for a warning."""
    stopping = (FAILS, WARNS) if strict else (FAILS,)
    return 1 if any(check.level in stopping for check in checks) else 0
