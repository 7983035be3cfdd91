"""Edits of one word: quotes that are missing or too many, and letters of the wrong case."""

from __future__ import annotations

import re

import yaml

from nimhelm.finding import Finding
from nimhelm.fix.tree import Entry, Splice, Tree
from nimhelm.hints import bare

_QUOTE = 'quote it: "'
_BARE = "write it without quotes"
_MEANT = re.compile(r"did you mean ([A-Za-z]+)\?")
_WRITE = re.compile(r"write (?:kind: )?([A-Za-z]+)")


def respelled(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """The edit of a word, [] for none."""
    value = entry.value
    if finding.code == "NH010" and entry.key is not None:
        meant = _MEANT.fullmatch(finding.hint)
        key = entry.key
        if meant and bare(key.value) == bare(meant[1]) and tree.raw(key).strip("\"'") == key.value:
            return [Splice(key.start_mark.index, key.end_mark.index, tree.word(meant[1]))]
        return []
    if not isinstance(value, yaml.ScalarNode):
        return []
    start, end, raw = value.start_mark.index, value.end_mark.index, tree.raw(value)
    if finding.hint.startswith(_QUOTE) and value.style is None and raw == finding.hint[len(_QUOTE) : -1]:
        return [Splice(start, end, f'"{raw}"')]
    if finding.hint == _BARE and value.style in ("'", '"') and re.fullmatch(r"[A-Za-z0-9.+-]+", value.value):
        return [Splice(start, end, value.value)]
    if finding.code == "NH012" and finding.hint in ("write true", "write false"):
        return [Splice(start, end, finding.hint.removeprefix("write "))]
    meant = _WRITE.fullmatch(finding.hint)
    if meant and finding.code in ("NH006", "NH013") and bare(value.value) == bare(meant[1]):
        quote = value.style or ""
        return [Splice(start, end, f"{quote}{meant[1]}{quote}")] if quote in ("", "'", '"') else []
    return []
