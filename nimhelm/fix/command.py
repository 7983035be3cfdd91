"""Files, fixed: an edit is kept only if the finding is gone afterwards and the file is still YAML."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import NamedTuple

import yaml

from nimhelm.check import check_documents
from nimhelm.errors import WriteError
from nimhelm.finding import NOTE, Finding
from nimhelm.fix.move import moved
from nimhelm.fix.shape import reshaped
from nimhelm.fix.spelling import respelled
from nimhelm.fix.tree import Entry, Splice, Tree, applied, tree_of
from nimhelm.load import Loaded, load_text, read_bytes
from nimhelm.nimservice import pipelines_of
from nimhelm.savefile import Terms, save, tidy

ROUNDS = 20
"""An edit may show the next fault, which a wrong type had hidden: a file is gone through this often at most."""
MOST = 100
"""Edits that are tried one by one where all of them together go wrong: each costs a check of the whole file."""
LAST_OF_YAML = "NH004"
"""The codes up to this one are about the YAML itself: an edit that brings one has broken the file."""


class Edit(NamedTuple):
    """What to replace because of a finding."""

    finding: Finding
    splices: list[Splice]


def fix_files(paths: list[str], findings: list[Finding]) -> int:
    """Fix those of the files that findings are about; returns the number of edits.

    Raises LoadError when a file cannot be read, WriteError when it cannot be written.
    """
    edits = 0
    for path in paths:
        if path != "-":
            tidy(Path(path))
    for path in sorted({finding.path for finding in findings if finding.path != "<stdin>"}):
        content = read_bytes(path)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        fixed, count = fixed_text(text)
        if count:
            mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
            write(path, content, mark + fixed.encode("utf-8"))
        edits += count
    return edits


def write(path: str, old: bytes, new: bytes) -> None:
    """Write a file, unless somebody saved it since it was read. Raises WriteError."""
    try:
        save(Path(path), new, Terms(was=old))
    except OSError as error:
        raise WriteError(
            f"cannot write {path}: {error.strerror}", "check its permissions and its folder, then run again"
        ) from error


def fixed_text(text: str) -> tuple[str, int]:
    """The text with every safe edit made, and how many there were. A text that is not YAML stays as it is."""
    findings, edits = check(text), 0
    for _ in range(ROUNDS):
        try:
            chosen = chosen_edits(findings, tree_of(text))
        except (yaml.YAMLError, RecursionError, ValueError):
            return text, edits
        made = tried(text, findings, chosen)
        if made is None and len(chosen) > 1:
            made = next(filter(None, (tried(text, findings, [edit]) for edit in chosen[:MOST])), None)
        if made is None:
            return text, edits
        text, findings, count = made
        edits += count
    return text, edits


def chosen_edits(findings: list[Finding], tree: Tree) -> list[Edit]:
    """An edit for each finding that has one; of two that touch each other the first, the other comes in the next round."""
    chosen: list[Edit] = []
    taken: list[Splice] = []
    for finding in findings:
        splices = spliced(finding, tree)
        if splices and not any(one.start <= other.end and other.start <= one.end for one in splices for other in taken):
            chosen.append(Edit(finding, splices))
            taken += splices
    return chosen


def tried(text: str, findings: list[Finding], edits: list[Edit]) -> tuple[str, list[Finding], int] | None:
    """The text with the edits, its findings, and the number of edits; None when one of them does not do what it should."""
    if not edits:
        return None
    changed = applied(text, [splice for edit in edits for splice in edit.splices])
    left = check(changed)
    said = {_said(finding) for finding in left}
    broken = sum(finding.code <= LAST_OF_YAML for finding in left) > sum(one.code <= LAST_OF_YAML for one in findings)
    if broken or any(_said(edit.finding) in said for edit in edits):
        return None
    return changed, left, len(edits)


def _said(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.message, finding.field


def check(text: str) -> list[Finding]:
    """What is found in a text on its own, notes left out."""
    loaded = Loaded.nothing()
    load_text("", text.encode("utf-8", "surrogatepass"), loaded)
    loaded.pipelines.extend(pipelines_of(loaded.services, loaded.pipelines, ""))
    return [finding for finding in check_documents(loaded) if finding.severity != NOTE]


def spliced(finding: Finding, tree: Tree) -> list[Splice]:
    """The edit for a finding, [] for none."""
    entry = entry_of(finding, tree)
    if entry is None:
        return []
    return respelled(finding, tree, entry) or reshaped(finding, tree, entry) or moved(finding, tree, entry)


def entry_of(finding: Finding, tree: Tree) -> Entry | None:
    """What a finding is about. A mapping begins where its first key does, so the place alone does not tell."""
    place = (finding.line, finding.column)
    inside, named = tree.by_value.get(place), tree.by_key.get(place)
    if named is not None and not finding.field.endswith("]"):
        return named
    scalar = inside is not None and isinstance(inside.value, yaml.ScalarNode)
    return inside if scalar or finding.field.endswith("]") else None
