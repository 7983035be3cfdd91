"""Findings as text, JSON, GitHub annotations or SARIF: each reporter takes them all and returns the whole output."""

from __future__ import annotations

import json
from collections.abc import Callable

from nimhelm.finding import NOTE, Finding


def text(findings: list[Finding]) -> str:
    """`path:line:col: error NH012: what is wrong (field); hint`, a line each."""
    return "".join(line(finding) + "\n" for finding in findings)


def line(finding: Finding) -> str:
    """One finding as one line of text; control characters that a document carries are shown, not sent."""
    field = f" ({finding.field})" if finding.field else ""
    hint = f"; {finding.hint}" if finding.hint else ""
    place = f"{finding.path}:{finding.line}:{finding.column}"
    return printable(f"{place}: {finding.severity} {finding.code}: {finding.message}{field}{hint}")


def printable(text: str) -> str:
    """Text that cannot steer a terminal: escape characters and their like are written out."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def as_json(findings: list[Finding]) -> str:
    """A JSON list of findings with the names of Finding's fields."""
    return json.dumps([finding._asdict() for finding in findings], indent=2, ensure_ascii=False) + "\n"


def github(findings: list[Finding]) -> str:
    """Workflow commands that GitHub turns into annotations of the changed lines."""
    return "".join(_github_line(finding) for finding in findings)


def _github_line(finding: Finding) -> str:
    place = f"file={_property(finding.path)},line={finding.line},col={finding.column},title={finding.code}"
    hint = f"; {finding.hint}" if finding.hint else ""
    kind = "notice" if finding.severity == NOTE else finding.severity
    return f"::{kind} {place}::{_escaped(f'{finding.message}{hint}')}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: list[Finding]) -> str:
    """SARIF 2.1.0 for code scanning."""
    from nimhelm import __version__
    from nimhelm.codes import CODES

    used = sorted({finding.code for finding in findings})
    driver = {
        "name": "nimhelm",
        "version": __version__,
        "rules": [{"id": code, "shortDescription": {"text": CODES[code]}} for code in used],
    }
    run = {"tool": {"driver": driver}, "results": [_result(finding) for finding in findings]}
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _result(finding: Finding) -> dict[str, object]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": finding.path.replace("\\", "/")}, "region": region}}
    hint = f"; {finding.hint}" if finding.hint else ""
    return {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": f"{finding.message}{hint}"},
        "locations": [location],
    }


REPORTERS: dict[str, Callable[[list[Finding]], str]] = {"text": text, "json": as_json, "github": github, "sarif": sarif}
