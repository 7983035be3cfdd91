"""Finding: one thing that is wrong, or suspicious, in a document."""

from __future__ import annotations

from typing import NamedTuple

ERROR = "error"
WARNING = "warning"


class Finding(NamedTuple):
    """What is wrong, where, and the way out. Sorts by place: file, line, column (both from 1), code."""

    path: str
    line: int
    column: int
    code: str
    severity: str
    message: str
    field: str = ""
    hint: str = ""


def has_errors(findings: list[Finding], strict: bool = False) -> bool:
    """Whether the findings forbid going on; under strict a warning does too."""
    return any(strict or finding.severity == ERROR for finding in findings)
