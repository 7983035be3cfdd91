"""Finding: one thing that is wrong, or suspicious, in a document."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

ERROR = "error"
WARNING = "warning"
NOTE = "note"
"""What a user may want to know, and need not change: no exit code depends on it, not even under strict."""

LONGEST = 1000
"""Characters of a message, a field or a hint."""
MAX_OF_A_FILE = 500


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


def capped(findings: list[Finding]) -> list[Finding]:
    """The findings in order, at most MAX_OF_A_FILE of each file, errors first; what is left out is counted in one more."""
    findings = [_shortened(finding) for finding in findings]
    if len(findings) <= MAX_OF_A_FILE:
        return sorted(findings)
    number: Counter[str] = Counter()
    kept: list[Finding] = []
    rest: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda one: (one.severity != ERROR, one)):
        number[finding.path] += 1
        if number[finding.path] <= MAX_OF_A_FILE:
            kept.append(finding)
        else:
            rest.setdefault(finding.path, finding)
    for path, first in rest.items():
        message = f"and at least {number[path] - MAX_OF_A_FILE} more findings in this file"
        kept.append(first._replace(code="NH003", message=message, field="", hint="correct the others first"))
    return sorted(kept)


def _shortened(finding: Finding) -> Finding:
    """The finding without what no one reads: a name of the document may be of any length."""
    message, field, hint = (
        f"{text[:LONGEST]}…" if len(text) > LONGEST else text for text in (finding.message, finding.field, finding.hint)
    )
    return finding._replace(message=message, field=field, hint=hint)
