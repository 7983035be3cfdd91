"""Cause: why a service is not ready, and the one next step."""

from __future__ import annotations

from typing import NamedTuple

PENDING, NOT_READY, READY, FAILED, DISABLED = "Pending", "NotReady", "Ready", "Failed", "Disabled"


class Cause(NamedTuple):
    """`state` is what the cause makes of the service: Failed where it does not resolve itself.

    `text` is short and in nimhelm's words, `detail` the cluster's own message, `next` one command to paste.
    A cause without `problem` is the normal course of starting; `waits_for` names the service it waits for. `log` is the
    (pod, container) whose last lines say more.
    """

    code: str
    text: str
    state: str = NOT_READY
    detail: str = ""
    next: str = ""
    problem: bool = True
    waits_for: str = ""
    log: tuple[str, str] = ("", "")


_RANK = {FAILED: 0, PENDING: 1, NOT_READY: 2}


def gravest(causes: list[Cause]) -> Cause | None:
    """The cause to show when a service has several: what fails before what hinders, before what only takes time."""
    return min(causes, key=lambda cause: (not cause.problem, _RANK.get(cause.state, 3)), default=None)


class Warned(NamedTuple):
    """A sentence, and a command that helps or ""."""

    text: str
    next: str = ""
