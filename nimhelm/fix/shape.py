"""Edits of the shape: a string, a mapping or a list where the field wants another of them, and says the same."""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

from nimhelm.finding import Finding
from nimhelm.fix.tree import Entry, Node, Splice, Tree, end_of, is_block, quoted

_IMAGE = re.compile(r"([A-Za-z0-9][\w./:-]*):([\w][\w.-]*)")
_VARIABLE = re.compile(r"([A-Za-z_][\w.-]*)=(.*)", re.DOTALL)
_DEPENDENCY = re.compile(r"([a-z0-9][a-z0-9.-]*):([0-9]{1,5})")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def reshaped(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """The edit of a value of the wrong type, [] for none."""
    if finding.code != "NH012":
        return []
    for edit in _EDITS:
        splices = edit(finding, tree, entry)
        if splices:
            return splices
    return []


def _name_alone(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """`{name: x}` where a name is wanted."""
    value = entry.value
    if not finding.hint.startswith("write the name alone") or not isinstance(value, yaml.MappingNode):
        return []
    if len(value.value) != 1 or not isinstance(value.value[0][1], yaml.ScalarNode):
        return []
    start = value.start_mark.index
    if entry.key is not None and not tree.text[entry.key.end_mark.index : start].strip(": \n\r"):
        start = entry.key.end_mark.index
        return [Splice(start, end_of(value), f": {tree.raw(value.value[0][1])}")]
    return [Splice(start, end_of(value), tree.raw(value.value[0][1]))]


def _from_text(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """An image, a variable or a dependency that is written as one string."""
    value = entry.value
    if not isinstance(value, yaml.ScalarNode) or value.style not in (None, "'", '"') or not entry.names:
        return []
    new = ""
    if entry.key is not None and entry.names[-1] == "image":
        return _image(tree, entry, value)
    if entry.key is None and entry.names[-1] == "env":
        match = _VARIABLE.fullmatch(value.value)
        new = tree.mapping(name=tree.word(match[1]), value=quoted(match[2])) if match else ""
    elif entry.key is None and entry.names[-1] == "dependencies":
        match = _DEPENDENCY.fullmatch(value.value)
        new = tree.mapping(name=_safe(tree, match[1]), port=str(int(match[2]))) if match else ""
    elif entry.names[-1] == "pullSecrets" and entry.key is not None and _NAME.fullmatch(value.value):
        new = f"[{tree.raw(value)}]"
    return [Splice(value.start_mark.index, value.end_mark.index, new)] if new else []


def _image(tree: Tree, entry: Entry, value: yaml.ScalarNode) -> list[Splice]:
    """An image with its tag, in the style of the mapping around it."""
    match = _IMAGE.fullmatch(value.value)
    if match is None or "/" in match[2] or entry.key is None:
        return []
    repository, tag = match[1], f'"{match[2]}"'
    start, end = value.start_mark.index, value.end_mark.index
    if not is_block(entry.parent):
        return [Splice(start, end, tree.mapping(repository=tree.word(repository), tag=tag))]
    line = "\n" + " " * (entry.key.start_mark.column + 2)
    return [Splice(entry.key.end_mark.index, end, f":{line}repository: {repository}{line}tag: {tag}")]


def _variables(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """`env` as a mapping of names to values."""
    value = entry.value
    if entry.key is None or entry.names[-1] != "env" or not isinstance(value, yaml.MappingNode) or not value.value:
        return []
    if not all(_is_word(key) and _is_word(item) for key, item in value.value):
        return []
    if not is_block(value):
        variables = ", ".join(tree.mapping(name=tree.raw(key), value=_text(tree, item)) for key, item in value.value)
        return [Splice(value.start_mark.index, value.end_mark.index, f"[{variables}]")]
    splices = []
    for key, item in value.value:
        between = tree.text[key.end_mark.index : item.start_mark.index]
        if between.strip(" ") != ":":
            return []
        new = f"- name: {tree.raw(key)}\n{' ' * key.start_mark.column}  value: {_text(tree, item)}"
        splices.append(Splice(key.start_mark.index, item.end_mark.index, new))
    return splices


def _dash(finding: Finding, tree: Tree, entry: Entry) -> list[Splice]:
    """A list of one mapping without its dash."""
    value = entry.value
    if finding.hint != "write a list: put a dash in front of each item" or not isinstance(value, yaml.MappingNode):
        return []
    if not value.value or (entry.names and entry.names[-1] == "env"):
        return []
    start, end = value.start_mark.index, end_of(value)
    if not is_block(value):
        return [Splice(start, start, "["), Splice(end, end, "]")]
    lines = tree.text[start:end].split("\n")
    return [
        Splice(start, end, "\n".join(["- " + lines[0], *(f"  {line}" if line.strip() else line for line in lines[1:])]))
    ]


_EDITS: tuple[Callable[[Finding, Tree, Entry], list[Splice]], ...] = (_name_alone, _from_text, _variables, _dash)


def _is_word(node: Node) -> bool:
    """Whether a node is a scalar on one line that a list may hold as it is."""
    if not isinstance(node, yaml.ScalarNode) or node.style not in (None, "'", '"') or node.value == "<<":
        return False
    return bool(node.start_mark.line == node.end_mark.line and node.start_mark.index < node.end_mark.index)


def _text(tree: Tree, node: Node) -> str:
    """A scalar as a string: what is quoted stays as it is, the rest is quoted as it is written."""
    raw = tree.raw(node)
    return raw if raw[0] in "'\"" else quoted(raw)


def _safe(tree: Tree, name: str) -> str:
    return (
        tree.word(name)
        if name[0].isalpha() and name not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
        else quoted(name)
    )
