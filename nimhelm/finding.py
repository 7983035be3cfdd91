"""Finding: one thing that is wrong, or suspicious, in a document."""

from __future__ import annotations

from typing import NamedTuple

ERROR = "error"
WARNING = "warning"
NOTE = "note"
"""What a user may want to know, and need not change: no exit code depends on it, not even under strict."""


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
    stopping = (ERROR, WARNING) if strict else (ERROR,)
    return any(finding.severity in stopping for finding in findings)
