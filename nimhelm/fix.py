"""`nimhelm validate --fix`: edits that cannot change what is meant, in the text of the file: comments and layout stay."""

from __future__ import annotations

import re

from nimhelm.errors import LoadError
from nimhelm.finding import Finding
from nimhelm.load import read_bytes

_QUOTE = 'quote it: "'
_MEANT = re.compile(r"did you mean ([A-Za-z]+)\?")


def fix_files(findings: list[Finding]) -> int:
    """Quote strings that look like something else, and correct the case of fields; returns the number of edits.

    Raises LoadError when a file cannot be written.
    """
    edits = 0
    for path in sorted({finding.path for finding in findings}):
        if path == "<stdin>":
            continue
        text = read_bytes(path).decode("utf-8-sig")
        fixed, count = fixed_text(text, [finding for finding in findings if finding.path == path])
        if count:
            try:
                with open(path, "w", encoding="utf-8", newline="") as stream:
                    stream.write(fixed)
            except OSError as error:
                raise LoadError(f"cannot write {path}: {error.strerror}", "check its permissions") from error
        edits += count
    return edits


def fixed_text(text: str, findings: list[Finding]) -> tuple[str, int]:
    """The text with every safe edit made, from the end to the start so that places hold; and how many there were."""
    rows = text.splitlines(keepends=True)
    edits = 0
    for finding in sorted(set(findings), reverse=True):
        if finding.line > len(rows):
            continue
        row, start = rows[finding.line - 1], finding.column - 1
        old, new = _edit(finding, row[start:])
        if old:
            rows[finding.line - 1] = row[:start] + new + row[start + len(old) :]
            edits += 1
    return "".join(rows), edits


def _edit(finding: Finding, rest: str) -> tuple[str, str]:
    """What to replace at the place of a finding, and by what; ("", "") for nothing."""
    if finding.code == "NH012" and finding.hint.startswith(_QUOTE):
        plain = finding.hint[len(_QUOTE) : -1]
        follows = rest[len(plain) :].lstrip(" ")[:1]
        if rest.startswith(plain) and follows in ("", "\n", "\r", ",", "]", "}", "#"):
            return plain, f'"{plain}"'
    meant = _MEANT.fullmatch(finding.hint)
    if finding.code == "NH010" and meant:
        key = rest[: len(meant[1])]
        if key.lower() == meant[1].lower() and rest[len(key) :].lstrip(" ").startswith(":"):
            return key, meant[1]
    return "", ""
