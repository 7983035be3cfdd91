"""The YAML that init writes: the user's own documents with their comments, and the dependencies added.

A NIMService's spec becomes that of an item of spec.services, two levels deeper; its comments move along.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor

from nimhelm.init.order import Dependency
from nimhelm.yamlread import Document, Path

DEEPER = 6
"""Columns from a key of a NIMService to the same key below spec.services[]."""

FLUSH = re.compile(r"^( *)[^ #\n-][^#\n]*:[ ]*\n\1- ", re.MULTILINE)
"""A list whose dashes are below the first letter of its key, as kubectl prints it."""


class Source(NamedTuple):
    """One input file: the path that findings show, and its text."""

    path: str
    text: str


class _LastOfKeys(RoundTripConstructor):
    """Takes the last of repeated keys, which what Helm rendered may hold; ruamel.yaml would take the first."""

    def check_mapping_key(self, *_: Any) -> bool:
        return True


class Composer:
    """Parsed files, with what the output takes from them."""

    def __init__(self, sources: list[Source]) -> None:
        self.yaml = YAML()
        self.yaml.preserve_quotes = True
        self.yaml.width = 4096
        self.yaml.brace_single_entry_mapping_in_flow_sequence = True
        self.yaml.Constructor = _LastOfKeys
        flush = any(FLUSH.search(source.text) for source in sources)
        self.yaml.indent(mapping=2, sequence=2 if flush else 4, offset=0 if flush else 2)
        self.columns = DEEPER - (2 if flush else 0)
        self.files = {source.path: list(self.yaml.load_all(source.text)) for source in sources}
        self.json = {source.path for source in sources if source.text.lstrip().startswith(("{", "["))}
        for document in (document for documents in self.files.values() for document in documents):
            close_up(document)

    def node(self, document: Document) -> Any:
        """The parsed counterpart of a loaded document, with its comments."""
        for top in self.files[document.path]:
            node = descend(top, document.base)
            if node is not None and line_of(node) == document.mark().line and same_column(node, document):
                drop(node, document.data)
                return node
        raise LookupError(document.path)

    def written(self, document: Document) -> Any:
        """A document as the output has it: JSON becomes YAML with a line for each field."""
        node = self.node(document)
        return plain(node) if document.path in self.json else node

    def pipeline(self, document: Document, added: list[Dependency]) -> Any:
        """A NIMPipeline with the dependencies that were found."""
        if document.origins:
            return self.from_services(document, added)
        data = self.written(document)
        for item in data["spec"]["services"]:
            self.add(item, [one for one in added if one.service == item.get("name")])
        return data

    def from_services(self, document: Document, added: list[Dependency]) -> CommentedMap:
        """The NIMPipeline that NIMServices become."""
        services = CommentedSeq()
        for index, entry in enumerate(document.data["spec"]["services"]):
            origin, _ = document.origin(("spec", "services", index, "name"))
            node = self.node(origin)
            spec = plain(node["spec"]) if origin.path in self.json else node["spec"]
            item = CommentedMap(name=entry["name"], enabled=True, spec=spec)
            if "spec" in node.ca.items:
                item.ca.items["spec"] = node.ca.items["spec"]
            shift([*flat(node.ca.items.get("spec")), *below(node["spec"])], self.columns - int(node.lc.col))
            self.add(item, [one for one in added if one.service == entry["name"]], entry.get("dependencies", []))
            services.append(item)
            remarks = comments_outside(node)
            if remarks:
                services.yaml_set_comment_before_after_key(index, before="\n".join(remarks), indent=self.columns - 2)
        data = document.data
        return CommentedMap(
            apiVersion=data["apiVersion"], kind=data["kind"], metadata=plain(data["metadata"]),
            spec=CommentedMap(services=services),
        )  # fmt: skip

    def add(self, item: Any, added: list[Dependency], stated: Any = ()) -> None:
        """Give an item of spec.services dependencies, each with where it was found as a comment."""
        entries = item.get("dependencies")
        if not isinstance(entries, CommentedSeq):
            entries = CommentedSeq()
        entries.extend(plain(one) for one in stated)
        for one in added:
            entry = CommentedMap(name=one.name, port=one.port)
            entry.yaml_add_eol_comment(f"{one.place}", "name", column=0)
            entries.append(entry)
        if entries:
            item["dependencies"] = entries

    def text(self, nodes: list[Any]) -> str:
        """The documents as one YAML file."""
        stream = StringIO()
        self.yaml.dump_all(nodes, stream)
        return stream.getvalue().rstrip("\n") + "\n"


def descend(node: Any, path: Path) -> Any:
    """The node at a path, or None."""
    for part in path:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def drop(node: Any, data: Any) -> None:
    """Take away the fields that loading left out of what Helm rendered."""
    if isinstance(node, CommentedMap):
        for key in [key for key in node if key not in data]:
            del node[key]
        for key, child in node.items():
            drop(child, data[key])
    elif isinstance(node, CommentedSeq):
        for child, item in zip(node, data, strict=True):
            drop(child, item)


def line_of(node: Any) -> int:
    """The line of a mapping, from 1."""
    return int(node.lc.line) + 1 if hasattr(node, "lc") and node.lc.line is not None else 0


def same_column(node: Any, document: Document) -> bool:
    """Whether a node begins in the column of a document; several may be on a line of JSON."""
    return int(node.lc.col) + 1 == document.mark().column


def plain(data: Any) -> Any:
    """Data as nodes that can carry comments."""
    if isinstance(data, dict):
        return CommentedMap((str(key), plain(value)) for key, value in data.items())
    return CommentedSeq(plain(item) for item in data) if isinstance(data, list) else data


def children(node: Any) -> list[Any]:
    """The nodes directly below a node."""
    return list(node.values()) if isinstance(node, dict) else list(node) if isinstance(node, list) else []


def close_up(node: Any) -> None:
    """Take away the lines between a key and its empty list or mapping, as helm renders them: ruamel loses its place there."""
    for key, child in list(node.items()) if isinstance(node, CommentedMap) else ():
        before = node.ca.items.get(key)
        if isinstance(child, (CommentedMap, CommentedSeq)) and not child and before and flat(before[3:]):
            child.ca.comment = None
            node.ca.items[key] = [*before[:3], None]
    for child in children(node):
        close_up(child)


def shift(tokens: list[Any], columns: int) -> None:
    """Move comments to the right, or left; empty lines stay. One may have several lines, and two places in the tree."""
    for token in {id(token): token for token in tokens if token.value.strip()}.values():
        first, *others = token.value.split("\n")
        token.value = "\n".join([first, *(moved(line, columns) for line in others)])
        token.start_mark.column = max(0, token.start_mark.column + columns)


def moved(line: str, columns: int) -> str:
    """A line of a comment, further to the right or left."""
    text = line.lstrip(" ")
    return " " * max(0, len(line) - len(text) + columns) + text if text else line


def flat(tokens: Any) -> list[Any]:
    """Comment tokens, which ruamel nests in lists."""
    if isinstance(tokens, list):
        return [token for part in tokens for token in flat(part)]
    return [tokens] if tokens is not None and hasattr(tokens, "start_mark") else []


def comments_outside(node: Any) -> list[str]:
    """The comments of a NIMService above its spec, without the #: what they say belongs to the item."""
    found = flat(node.ca.comment)
    for key, tokens in node.ca.items.items():
        found += flat(tokens) if key != "spec" else flat(tokens[1])
    for key, value in node.items():
        if key != "spec":
            found += below(value)
    lines = [line.strip() for token in found for line in token.value.split("\n")]
    return [line.removeprefix("#").strip() for line in lines if line.startswith("#")]


def below(node: Any) -> list[Any]:
    """The comments of a node and of all below it."""
    if not isinstance(node, (CommentedMap, CommentedSeq)):
        return []
    found = [*flat(node.ca.comment), *flat(node.ca.end)]
    for tokens in node.ca.items.values():
        found += flat(tokens)
    for child in children(node):
        found += below(child)
    return found
