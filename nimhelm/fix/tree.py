"""The nodes of a YAML text with the place of each character, so that a part can be replaced and the rest stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import yaml

Node = yaml.Node


class Splice(NamedTuple):
    """Replace the characters from `start` up to `end` of a text."""

    start: int
    end: int
    new: str


class Entry(NamedTuple):
    """A value in its mapping or list. `key` is None for an item of a list; `parents` lead to it from the root."""

    key: Node | None
    value: Node
    parents: tuple[Node, ...]
    names: tuple[str, ...]
    """The keys on the way, its own included; items of lists add none."""

    @property
    def parent(self) -> Node:
        """The mapping or list that holds it."""
        return self.parents[-1]


class Tree(NamedTuple):
    """Every entry of a text, by the place (line, column, from 1) of its key, and by the place of its value.

    A text that is JSON stays JSON: what an edit writes has quotes then.
    """

    text: str
    by_key: dict[tuple[int, int], Entry]
    by_value: dict[tuple[int, int], Entry]
    is_json: bool

    def raw(self, node: Node) -> str:
        """A node as it is written."""
        return self.text[node.start_mark.index : end_of(node)]

    def word(self, name: str) -> str:
        """A word that needs no quotes in YAML."""
        return quoted(name) if self.is_json else name

    def mapping(self, **values: str) -> str:
        """A mapping in braces; the values are YAML already."""
        return "{" + ", ".join(f"{self.word(key)}: {value}" for key, value in values.items()) + "}"


def tree_of(text: str) -> Tree:
    """The entries of a text. Raises yaml.YAMLError. Values of aliases are left out: they are written elsewhere."""
    tree = Tree(text, {}, {}, text.lstrip()[:1] in ("{", "["))
    for root in yaml.compose_all(text, Loader=yaml.SafeLoader):
        for entry in _entries(root, (), ()):
            if entry.key is not None:
                tree.by_key[_place(entry.key)] = entry
            tree.by_value[_place(entry.value)] = entry
    return tree


def _entries(node: Node, parents: tuple[Node, ...], names: tuple[str, ...]) -> Iterator[Entry]:
    above = (*parents, node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if value.start_mark.index >= key.end_mark.index and isinstance(key.value, str):
                yield Entry(key, value, above, (*names, key.value))
                yield from _entries(value, above, (*names, key.value))
    elif isinstance(node, yaml.SequenceNode):
        last = node.start_mark.index
        for item in node.value:
            if item.start_mark.index >= last:
                yield Entry(None, item, above, names)
                yield from _entries(item, above, names)
                last = item.start_mark.index


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def child(mapping: Node, name: str) -> tuple[Node, Node] | None:
    """The key and the value of a name in a mapping, None when it has none."""
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next(((key, value) for key, value in mapping.value if key.value == name), None)


def end_of(node: Node) -> int:
    """Where the text of a node ends. A block ends with its last value, not with the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        key, value = last if isinstance(node, yaml.MappingNode) else (None, last)
        end = end_of(value)
        return end if key is None or end > key.end_mark.index else int(key.end_mark.index) + 1
    return int(node.end_mark.index)


def quoted(text: str) -> str:
    """Text in double quotes, as YAML and JSON write it."""
    return json.dumps(text, ensure_ascii=False)


def is_block(node: Node) -> bool:
    """Whether a mapping or a list is written over lines, without brackets."""
    return isinstance(node, yaml.CollectionNode) and not node.flow_style and bool(node.value)


def applied(text: str, splices: list[Splice]) -> str:
    """The text with every splice made, from the end to the start so that places hold. New lines end as the others do."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new.replace("\r\n", "\n").replace("\n", newline) + text[end:]
    return text
