"""Findings as text, JSON, GitHub annotations or SARIF: each reporter takes them all and returns the whole output."""

from __future__ import annotations

import json
import os
import re
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
    """Text of one line that steers neither a terminal nor a CI runner.

    Control characters are written out. So is the first character of what GitHub or Azure Pipelines take for a command:
    `::` where a line starts, `##[` and `##vso[` anywhere.
    """
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    if shown.lstrip().startswith("::"):
        shown = shown.replace("::", r"\x3a:", 1)
    return re.sub(r"##(?=\[|vso\[)", r"#\\x23", shown)


def as_json(findings: list[Finding]) -> str:
    """A JSON list of findings with the names of Finding's fields."""
    return dumped([finding._asdict() for finding in findings])


def dumped(data: object) -> str:
    """JSON as every command prints it: in ASCII alone, which is valid in every encoding that a stream may have.

    A lone surrogate stands for a byte that is not UTF-8, and strict parsers refuse it: it is replaced.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False)
    whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return re.sub("[^\0-\x7f]+", lambda found: json.dumps(found[0])[1:-1], whole) + "\n"


def github(findings: list[Finding]) -> str:
    """Workflow commands that GitHub turns into annotations of the changed lines."""
    return "".join(_github_line(finding) for finding in findings)


def _github_line(finding: Finding) -> str:
    place = (
        f"file={_property(_in_checkout(finding.path))},line={finding.line},col={finding.column},title={finding.code}"
    )
    hint = f"; {finding.hint}" if finding.hint else ""
    kind = "notice" if finding.severity == NOTE else finding.severity
    return f"::{kind} {place}::{_escaped(f'{finding.message}{hint}')}\n"


def _escaped(text: str) -> str:
    """Text inside of a workflow command, in the encoding of GitHub's own toolkit."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


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
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in findings],
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return dumped(document)


def _result(finding: Finding) -> dict[str, object]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(_in_checkout(finding.path))}, "region": region}}
    hint = f"; {finding.hint}" if finding.hint else ""
    return {
        "ruleId": finding.code,
        "level": finding.severity,
        "message": {"text": f"{finding.message}{hint}"},
        "locations": [location],
    }


def _in_checkout(path: str) -> str:
    """A path as GitHub names the file: from the folder of the checkout, without `./` and `..`.

    GitHub shows no finding at its line when the path is written in another way. A step may run in a folder of the
    checkout, or be given absolute paths.
    """
    root = os.environ.get("GITHUB_WORKSPACE")
    if path == "<stdin>" or not root:
        return os.path.normpath(path)
    inside = os.path.relpath(path, root)
    return os.path.normpath(path) if inside.startswith(os.pardir + os.sep) else inside


def _uri(path: str) -> str:
    """A path as a relative URI: every byte of it that a URI cannot carry is percent-encoded."""
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(os.fsencode(path.replace(os.sep, "/")))


REPORTERS: dict[str, Callable[[list[Finding]], str]] = {"text": text, "json": as_json, "github": github, "sarif": sarif}
