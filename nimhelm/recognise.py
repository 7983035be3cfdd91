"""Which files and documents are about NIMs: in a folder, and among the files of a commit, most are not.

A file is recognised by the kinds that it names, whatever it is called. Of a file that is not about NIMs nothing is said,
not even that its YAML is not valid: it may be a template, or written for a tool with tags of its own.
"""

from __future__ import annotations

import re
from typing import Any

from nimhelm.finding import Finding
from nimhelm.yamlread import Document

_GROUP = "apps.nvidia.com/"
_MENTION = re.compile(
    rb"apps\.nvidia\.com/|\bkind[\"']?\s*:\s*[\"']?(NIMPipeline|NIMService|NIMCache)\b", re.IGNORECASE
)
_TOP = re.compile(
    rb"^(?:\{.*)?[\"']?(?:kind[\"']?\s*:\s*[\"']?(?:NIM(?:Pipeline|Service|Cache)|\w*List)\b|apiVersion[\"']?\s*:\s*[\"']?apps\.nvidia\.com/)",
    re.MULTILINE | re.IGNORECASE,
)
"""The same at the top of a document: a workflow may hold a manifest as an indented text."""

_TEMPLATE = b"{{"


def mentions(content: bytes) -> bool:
    """Whether a file's content names one of the kinds, or the API group that they belong to."""
    return _MENTION.search(content) is not None


def is_own(document: Document) -> bool:
    """Whether a document is, or was meant as, a NIMPipeline, a NIMService or a NIMCache."""
    return _has_kind(document.data)


def _has_kind(data: Any) -> bool:
    if not isinstance(data, dict):
        return False
    kind, version, items = data.get("kind"), data.get("apiVersion"), data.get("items")
    if isinstance(items, list) and str(kind).endswith("List"):
        return any(_has_kind(item) for item in items)
    if isinstance(version, str) and version.startswith(_GROUP):
        return not (kind == "NIMBuild" or str(kind).startswith("Nemo"))
    return kind in ("NIMPipeline", "NIMService", "NIMCache")


def own_findings(content: bytes, findings: list[Finding]) -> list[Finding]:
    """The findings of a file's YAML whose part of the file is about NIMs, and is not a Helm template.

    Reading goes on after a finding that names a field, and after repeated keys (NH002). It ends at any other one, whose
    part is therefore the rest of the file.
    """
    parts = ((one, _part(content, one.line, to_the_end=not one.field and one.code != "NH002")) for one in findings)
    return [finding for finding, part in parts if mentions(part) and _TOP.search(part) and _TEMPLATE not in part]


def _part(content: bytes, line: int, to_the_end: bool) -> bytes:
    """The document of a file, as text between `---` lines, in which a line lies; with all that follows `to_the_end`."""
    rows = content.splitlines()
    start = next((index for index in range(min(line, len(rows)) - 1, -1, -1) if rows[index].startswith(b"---")), 0)
    end = (
        len(rows)
        if to_the_end
        else next((index for index in range(line, len(rows)) if rows[index].startswith(b"---")), len(rows))
    )
    return b"\n".join(rows[start:end])
