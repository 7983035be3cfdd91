"""Edits of the place: a field at the wrong level, whose name exists at exactly one other level."""

from __future__ import annotations

import re

import yaml

from nimhelm.finding import Finding
from nimhelm.fix.tree import Entry, Node, Splice, Tree, child, end_of, is_block

_PLACE = re.compile(r"(?:it belongs under|write it as) ([A-Za-z.]+(?:\[\])?)")
_RENAMED = {"imagePullSecrets": "pullSecrets", "imagePullPolicy": "pullPolicy"}
"""Fields of a pod that hold the same under another name."""


def moved(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """Cut a field and put it where it belongs, [] when that is not certain."""
    match = _PLACE.fullmatch(finding.hint)
    if finding.code not in ("NH010", "NH096") or match is None or entry.key is None:
        return []
    key = entry.key.value
    path = match[1].split(".")
    if finding.hint.startswith("write"):
        if path[-1] != _RENAMED.get(key, key):
            return []
        path = path[:-1]
    base, way = _base(entry, path)
    if base is None or (base is entry.parent and not way):
        return []
    return _cut_and_paste(tree, entry, base, way, str(_RENAMED.get(key, key)))


def _base(entry: Entry, path: list[str]) -> tuple[Node | None, list[str]]:
    """The mapping from which a path leads, and the path from there: the field's own mapping, or the item around a spec."""
    own = list(entry.names[:-1])
    if own == ["spec", "services"]:
        return (entry.parent, path) if path[0] == "spec" else (None, [])
    if "spec" not in own:
        return None, []
    if path == ["spec", "services[]"]:
        mappings = [node for node in entry.parents if isinstance(node, yaml.MappingNode)]
        return (mappings[-2], []) if own == ["spec", "services", "spec"] else (None, [])
    inside = own[len(own) - own[::-1].index("spec") :]
    path = path[1:] if path[0] == "spec" else path
    return (entry.parent, path[len(inside) :]) if path[: len(inside)] == inside else (None, [])


def _cut_and_paste(tree: Tree, entry: Entry, base: Node, way: list[str], name: str) -> list[Splice]:
    assert entry.key is not None
    holder, rest = base, list(way)
    while rest and (found := child(holder, rest[0])):
        if not isinstance(found[1], yaml.MappingNode) or found[1].start_mark.index < found[0].end_mark.index:
            return []
        holder, rest = found[1], rest[1:]
    if holder is entry.parent:
        return _nested_in_place(tree, entry, rest, name) if rest else []
    if child(holder, name):
        return []
    if is_block(entry.parent) != is_block(holder) and not _on_one_line(tree, entry):
        return []
    return _pasted(tree, entry, holder, rest, name)


def _nested_in_place(tree: Tree, entry: Entry, way: list[str], name: str) -> list[Splice]:
    """The mapping that it belongs to does not exist: write it around the field."""
    assert entry.key is not None
    start, end = entry.key.start_mark.index, max(end_of(entry.value), entry.key.end_mark.index + 1)
    body = tree.word(name) + tree.text[entry.key.end_mark.index : end]
    if is_block(entry.parent):
        column = entry.key.start_mark.column
        head = "".join(f"{part}:\n{' ' * (column + 2 * depth)}" for depth, part in enumerate(way, 1))
        return [Splice(start, end, head + _indented(body, 2 * len(way)))]
    return [Splice(start, end, "".join(f"{tree.word(part)}: {{" for part in way) + body + "}" * len(way))]


def _pasted(tree: Tree, entry: Entry, holder: Node, way: list[str], name: str) -> list[Splice]:
    """The field goes to the end of a mapping that exists."""
    assert entry.key is not None
    end = max(end_of(entry.value), entry.key.end_mark.index + 1)
    body = tree.word(name) + tree.text[entry.key.end_mark.index : end]
    cut = _cut(tree, entry, end, keeps_comment=not is_block(holder))
    if cut is None or not holder.value:
        return []
    if is_block(holder):
        column = holder.value[0][0].start_mark.column
        last = end_of(holder)
        line_end = tree.text.find("\n", last)
        at = len(tree.text) if line_end < 0 else line_end
        at -= tree.text[at - 1 : at] == "\r"
        head = "".join(f"{' ' * (column + 2 * depth)}{part}:\n" for depth, part in enumerate(way))
        inner = column + 2 * len(way)
        text = f"{head}{' ' * inner}{_indented(body, inner - entry.key.start_mark.column)}"
        text += _comment(tree, end) if is_block(entry.parent) else ""
        return [cut, Splice(at, at, "\n" + text)]
    at = end_of(holder.value[-1][1])
    if at <= holder.value[-1][0].end_mark.index:
        return []
    return [cut, Splice(at, at, ", " + "".join(f"{tree.word(part)}: {{" for part in way) + body + "}" * len(way))]


def _cut(tree: Tree, entry: Entry, end: int, keeps_comment: bool) -> Splice | None:
    """Take a field out of its mapping: its lines, or its part of a flow mapping with one comma. None: it is the only one.

    A comment behind it stays as a line of its own, if it `keeps_comment`.
    """
    assert entry.key is not None
    text, start, others = tree.text, entry.key.start_mark.index, entry.parent.value
    if len(others) < 2:
        return None
    if not is_block(entry.parent):
        after = re.compile(r"\s*,\s*").match(text, end)
        if after:
            return Splice(start, after.end(), "")
        before = re.compile(r"\s*,\s*$").search(text[:start])
        return Splice(before.start(), end, "") if before else None
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():
        return None
    until = text.find("\n", end)
    until = len(text) if until < 0 else until + 1
    comment = _comment(tree, end).lstrip() if keeps_comment else ""
    return Splice(line, until, f"{text[line:start]}{comment}\n" if comment else "")


def _comment(tree: Tree, end: int) -> str:
    """The comment that ends the last line of a field."""
    rest = tree.text[end:].split("\n", 1)[0].rstrip("\r")
    return rest if rest.lstrip().startswith("#") else ""


def _on_one_line(tree: Tree, entry: Entry) -> bool:
    assert entry.key is not None
    written = tree.text[entry.key.start_mark.index : end_of(entry.value)]
    return "\n" not in written and not (is_block(entry.value))


def _indented(body: str, by: int) -> str:
    """Further lines of a text, moved to the right, or with a negative number to the left."""
    first, *others = body.split("\n")
    return "\n".join([first, *(_shifted(line, by) for line in others)])


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return line
    if by >= 0:
        return " " * by + line
    blank = len(line) - len(line.lstrip(" "))
    return line[min(-by, blank) :]
