"""Findings for a person at a terminal: colour, the line of the file with a mark under it, and how many there are."""

from __future__ import annotations

import os
from functools import cache

from nimhelm.finding import ERROR, NOTE, WARNING, Finding
from nimhelm.report import line, printable

COLOURS = {ERROR: "31", WARNING: "33", NOTE: "36"}
WIDEST = 160
"""Columns of a source line that are shown; a longer one is cut, and its mark left out when it lies behind."""

LARGEST = 5_000_000
"""Bytes of a file whose lines are shown."""


def coloured(choice: str, is_terminal: bool) -> bool:
    """Whether to colour: `always`, `never`, or `auto`, which is on a terminal unless NO_COLOR is set or TERM is dumb."""
    if choice != "auto":
        return choice == "always"
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def detailed(findings: list[Finding], colour: bool) -> str:
    """Each finding as a line, under it the line of the file with a caret; a summary at the end."""
    return "".join(_one(finding, colour) for finding in findings) + summary(findings)


def summary(findings: list[Finding]) -> str:
    """`2 errors, 1 warning in 2 files`; "" when there is nothing."""
    if not findings:
        return ""
    counts = [(kind, sum(one.severity == kind for one in findings)) for kind in (ERROR, WARNING, NOTE)]
    listed = ", ".join(f"{many} {kind}{'' if many == 1 else 's'}" for kind, many in counts if many)
    files = len({finding.path for finding in findings})
    return f"{listed} in {files} file{'' if files == 1 else 's'}\n"


def _one(finding: Finding, colour: bool) -> str:
    text = line(finding)
    paint = f"\x1b[1;{COLOURS[finding.severity]}m" if colour else ""
    if colour:
        text = text.replace(f": {finding.severity} ", f": {paint}{finding.severity}\x1b[0m ", 1)
    rows = _rows(finding.path)
    if not 0 < finding.line <= len(rows):
        return f"{text}\n"
    row = rows[finding.line - 1].expandtabs(1)
    number = str(finding.line)
    shown = f"  {number} | {printable(row[:WIDEST])}\n"
    if finding.column <= min(len(row) + 1, WIDEST):
        shift = len(printable(row[: finding.column - 1]))
        shown += f"  {' ' * len(number)} | {' ' * shift}{paint}^{chr(27) + '[0m' if colour else ''}\n"
    return f"{text}\n{shown}"


@cache
def _rows(path: str) -> list[str]:
    """The lines of a file, none when it cannot be read again: standard input, or a file that is not text."""
    try:
        with open(path, encoding="utf-8-sig") as stream:
            return stream.read(LARGEST).split("\n")
    except (OSError, ValueError):
        return []
