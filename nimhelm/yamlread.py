"""YAML in: text -> documents of plain values that know where each value stands.

Scalars mean what they mean to kubectl and helm (go-yaml), not what they mean to PyYAML: `y` is true, `0o14` is 12,
`1e3` is 1000, `1:30` and `2026-01-01` are strings. What is checked is then what is deployed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple

import yaml

from nimhelm.finding import ERROR, Finding
from nimhelm.yamlscalar import resolve

Path = tuple[str | int, ...]

MAX_DEPTH = 100
MAX_NODES = 500_000
"""Nodes of a document with every alias expanded: far above a real pipeline, far below an alias bomb."""
MAX_REPEATED = 100
"""Findings of keys that appear twice in one file; the others are counted. Reading ends at as many keys that are no strings."""


_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_BREAK = re.compile("\\r\\n|[\\n\\r\\x85\\u2028\\u2029]")
"""Where libyaml ends a line, so that the place of such a character counts lines as the other places do."""
_TYPES_OF_TAGS: dict[str, tuple[type, ...]] = {
    "!!int": (int,), "!!float": (int, float), "!!bool": (bool,), "!!null": (type(None),)
}  # fmt: skip
_STANDARD_TAG = "tag:yaml.org,2002:"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class GoLoader(_LOADER):  # type: ignore[misc,valid-type]
    """For yaml.load: what helm and kubectl print, with scalars as they mean them. It keeps no places and checks nothing."""

    def construct_plain(self, node: yaml.ScalarNode) -> Any:
        """A scalar without a tag."""
        return node.value if node.style else resolve(node.value)


for _kind in ("int", "float", "bool", "null", "timestamp", "value", "str"):
    GoLoader.add_constructor(f"{_STANDARD_TAG}{_kind}", GoLoader.construct_plain)


class Mark(NamedTuple):
    """Where a field stands: its key, its value (lines and columns from 1), and the value's text if it is a scalar."""

    line: int
    column: int
    value_line: int
    value_column: int
    text: str | None = None


class Origin(NamedTuple):
    """Where a part of a composed document comes from: `field` of `document`, or under `whole` that field and no other."""

    part: Path
    document: Document
    field: Path
    whole: bool = False


class Document(NamedTuple):
    """One YAML document, or one item of a List: plain data and the mark of every field in it.

    `base` is the path of `data` inside the file's document: () or ("items", 0). A document that is composed of others
    has `origins`: what comes from several files keeps its places there.
    """

    path: str
    data: Any
    marks: dict[Path, Mark]
    base: Path = ()
    origins: tuple[Origin, ...] = ()

    def origin(self, field: Path) -> tuple[Document, Path]:
        """The document that writes a field, and the field's path in it: this document, unless it is composed."""
        found = [origin for origin in self.origins if field[: len(origin.part)] == origin.part]
        if not found:
            return self, field
        origin = max(found, key=lambda one: len(one.part))
        return origin.document, origin.field if origin.whole else origin.field + field[len(origin.part) :]

    def mark(self, field: Path = ()) -> Mark:
        """The mark of a field; of its nearest ancestor that has one when it is absent or stands behind an alias."""
        if self.origins:
            document, field = self.origin(field)
            return document.mark(field)
        place = self.base + field
        while place not in self.marks:
            place = place[:-1]
        return self.marks[place]

    def holds(self, field: Path) -> bool:
        """Whether the file itself writes a field, rather than an alias, a merge or the chart that it goes over."""
        document, field = self.origin(field)
        return document.base + field in document.marks

    def finding(self, severity: str, code: str, field: Path, message: str, hint: str) -> Finding:
        """A finding at a field, or at its nearest ancestor when the field is absent."""
        document, field = self.origin(field)
        mark = document.mark(field)
        return Finding(document.path, mark.line, mark.column, code, severity, message, field_text(field), hint)


class _StopError(Exception):
    """Reading this file cannot go on; carries the finding that says why."""

    def __init__(self, line: int, column: int, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.finding = (line, column, code, ERROR, message, "", hint)


def read(path: str, text: str, limit: int = MAX_NODES) -> tuple[list[Document], list[Finding]]:
    """Every document of one file's text, and what is wrong with the YAML itself (codes NH001 to NH004).

    Reading goes on after a repeated key and one that is no string. Another error ends the file, and so does a document of
    more than `limit` values with its aliases expanded; the documents before it are still returned.
    """
    documents: list[Document] = []
    composer = _Composer(path, limit)
    try:
        for data, marks in composer.documents(text):
            if data is not None:
                documents.append(Document(path, data, marks))
    except _StopError as stop:
        composer.findings.append(Finding(path, *stop.finding))
    except yaml.reader.ReaderError:
        composer.findings.append(_character_finding(path, text))
    except yaml.YAMLError as error:
        composer.findings.append(_quote_finding(composer, error) or _syntax_finding(path, text, error))
    if composer.repeated > MAX_REPEATED:
        message = f"and {composer.repeated - MAX_REPEATED} more keys appear twice"
        last = [one for one in composer.findings if one.code == "NH002"][-1]
        composer.findings.append(last._replace(message=message, field=""))
    return documents, composer.findings


def place_of(text: str, position: int) -> tuple[int, int]:
    """Line and column of a character, from 1, with lines counted as libyaml does."""
    breaks = [match.end() for match in _BREAK.finditer(text, 0, position)]
    return len(breaks) + 1, position - (breaks[-1] if breaks else 0) + 1


def _character_finding(path: str, text: str) -> Finding:
    """The first character that YAML forbids. Its place is counted here: libyaml tells the byte."""
    found = _FORBIDDEN.search(text)
    position = found.start() if found else 0
    line, column = place_of(text, position)
    message = f"the character U+{ord(text[position]):04X} is not allowed in YAML"
    hint = "is this a binary file? write the character as an escape"
    return Finding(path, line, column, "NH003", ERROR, message, "", hint)


def _quote_finding(composer: _Composer, error: yaml.YAMLError) -> Finding | None:
    """A quote that is not closed on its line: it ends at the next quote, where the error is, or not at all."""
    start, mark = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or ""
    message = "this quote is never closed"
    if getattr(error, "context", None) != "while scanning a quoted scalar" or not problem.startswith(
        "found unexpected"
    ):
        if not composer.quote or not mark or mark.line != composer.quote[1].line:
            return None
        start, end = composer.quote
        message = f"this quote is closed only at line {end.line + 1}, where the text goes on"
    if start is None:
        return None
    hint = "close the quote on the line where it opens"
    return Finding(
        composer.path, start.line + 1, start.column + 1, "NH001", ERROR, f"not valid YAML: {message}", "", hint
    )


def _syntax_finding(path: str, text: str, error: yaml.YAMLError) -> Finding:
    problem = getattr(error, "problem", None) or str(error)
    context, start = getattr(error, "context", None), getattr(error, "context_mark", None)
    mark = getattr(error, "problem_mark", None)
    if mark is None or (start and mark.index >= len(text.rstrip())):
        mark = start  # what is never closed is wrong where it opens, not at the end of the file
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if "maximum nesting depth" in problem:
        hint = "flatten the document"
        return Finding(path, line, column, "NH003", ERROR, f"nested deeper than {MAX_DEPTH} levels", "", hint)
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())] or "'\\t'" in problem:
        return Finding(
            path, line, column, "NH001", ERROR, "a tab cannot indent YAML", "", "indent with spaces (two a level)"
        )
    near = [start.line + 1 if start else line, line - 1, line]
    hint = (
        _not_yaml(rows, line)
        or _odd_blank_near(rows, near)
        or _blank_missing(rows, start.line if start else line - 1)
        or "check the indentation and the quotes of this line and the one above"
    )
    message = f"not valid YAML: {problem}" + (f", {context}" if context else "")
    if context and start and start.line + 1 != line:
        message += f" that starts at line {start.line + 1}"
    return Finding(path, line, column, "NH001", ERROR, message, "", hint)


def odd_blank(text: str, where: str = "") -> str:
    """The way out of a blank that is none in YAML, as web pages and chats have it, "" for a text without one."""
    import unicodedata

    for one in text:
        category = unicodedata.category(one)
        if category in ("Zs", "Zl", "Zp", "Cf") and one != " ":
            name = f"U+{ord(one):04X} ({unicodedata.name(one, 'a format character').lower()})"
            return f"remove {name}{where}" if category == "Cf" else f"write a plain blank for {name}{where}"
    return ""


def _odd_blank_near(rows: list[str], near: list[int]) -> str:
    """The way out of the first of these lines with a blank that is none in YAML, "" for none."""
    for line in near:
        row = rows[line - 1].partition("#")[0] if 0 < line <= len(rows) else ""
        if hint := odd_blank(row, f" in line {line}"):
            return hint
    return ""


def _not_yaml(rows: list[str], line: int) -> str:
    """The way out of what stands around YAML or in it where it was copied from, "" for YAML: fences, commands, variables."""
    for number, row in enumerate(rows[:line], 1):
        if row.startswith(("```", "~~~")):
            return f"remove the Markdown around the YAML: line {number}"
        if re.match(r"(?:[$>] ?)?(?:cat|kubectl|oc|helm|echo|sudo)\s+[^:\s]", row):
            return f"remove the command around the YAML: line {number}"
    found = re.search(r"(?<![\"'\w])\$\{\w+\}", rows[line - 1]) if line <= len(rows) else None
    return f"nothing fills in {found[0]} here: write the value itself" if found else ""


def _blank_missing(rows: list[str], at: int) -> str:
    """The way out of `key:value`, which YAML reads as one word; "" for another line."""
    found = re.fullmatch(r"\s*(?:- )?([A-Za-z][\w-]*):([^\s:/].*)", rows[at]) if at < len(rows) else None
    return f"write a blank after the colon in line {at + 1}: {found[1]}: {found[2].rstrip()}" if found else ""


class _Composer:
    """Events -> values, without recursion, so that no document can exhaust the stack."""

    def __init__(self, path: str, limit: int) -> None:
        self.path = path
        self.limit = limit
        self.findings: list[Finding] = []
        self.repeated = 0
        self.quote: tuple[Any, Any] | None = None
        """Start and end of the last quoted text that has several lines."""

    def documents(self, text: str) -> Iterator[tuple[Any, dict[Path, Mark]]]:
        """Each document's data and marks, in the order of the file."""
        for event in yaml.parse(text, Loader=_LOADER):
            name = type(event).__name__
            if name == "DocumentStartEvent":
                self.start()
            elif name == "DocumentEndEvent":
                yield self.root, self.marks
            elif name in ("ScalarEvent", "AliasEvent"):
                getattr(self, name)(event)
            elif name in ("MappingStartEvent", "SequenceStartEvent"):
                self.open(event, {} if name == "MappingStartEvent" else [])
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                self.close()

    def start(self) -> None:
        self.root: Any = None
        self.marks: dict[Path, Mark] = {}
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.stack: list[_Frame] = []
        self.nodes = 0

    def ScalarEvent(self, event: Any) -> None:
        frame = self.stack[-1] if self.stack else None
        text = event.value
        if event.style in ("'", '"') and event.start_mark.line != event.end_mark.line:
            self.quote = (event.start_mark, event.end_mark)
        if event.tag is not None and event.tag != "!":
            value = self.tagged(event)
        else:
            value = text if event.style or event.tag else resolve(text)
        if isinstance(value, float) and not isfinite(value):
            raise self.stop(event, "NH004", f"{text} is no number in JSON", "write a number, or quote it as a text")
        if event.anchor:
            self.anchors[event.anchor] = (value, 1)
        if frame is not None and frame.key is None and frame.is_mapping:
            self.key(frame, event, value)
            return
        self.place(event, value, text)

    def tagged(self, event: Any) -> Any:
        if event.tag == _STANDARD_TAG + "str":
            return event.value
        tag = _shown_tag(event.tag)
        if tag not in _TYPES_OF_TAGS:
            raise self.without_meaning(event)
        value = resolve(event.value)
        if not isinstance(value, _TYPES_OF_TAGS[tag]) or (isinstance(value, bool) and tag != "!!bool"):
            raise self.stop(event, "NH004", f"the value is not what its YAML tag {tag} says", "remove the tag")
        return value

    def without_meaning(self, event: Any) -> _StopError:
        message = f"the YAML tag {_shown_tag(event.tag)} has no meaning in a Kubernetes document"
        return self.stop(event, "NH004", message, "remove the tag")

    def AliasEvent(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise self.stop(
                event, "NH001", f"the alias *{event.anchor} has no anchor before it", f"define &{event.anchor} first"
            )
        value, weight = self.anchors[event.anchor]
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            self.key(frame, event, value)
            return
        self.count(event, weight)
        self.place(event, value, None)

    def open(self, event: Any, value: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise self.stop(event, "NH003", f"nested deeper than {MAX_DEPTH} levels", "flatten the document")
        if event.tag is not None and event.tag not in ("!", _STANDARD_TAG + ("map" if value == {} else "seq")):
            raise self.without_meaning(event)
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.is_mapping and frame.key is None:
            hint = "write the key as a string; quote text with {{ }}, or render a Helm template first: helm template"
            raise self.stop(event, "NH004", "a mapping or a list cannot be a key", hint)
        path = self.place(event, value, None)
        self.stack.append(_Frame(value, path, event.anchor, self.nodes))

    def close(self) -> None:
        frame = self.stack.pop()
        if frame.anchor:
            self.anchors[frame.anchor] = (frame.value, self.nodes - frame.nodes + 1)
        self.merge(frame)

    def key(self, frame: _Frame, event: Any, value: Any) -> None:
        mark = event.start_mark
        if not isinstance(value, str):
            written = repr(event.value[:60]) if hasattr(event, "value") else f"*{event.anchor}"
            stop = self.stop(event, "NH004", f"the key {written} is not a string", "quote it")
            if not getattr(event, "value", "") or len(self.findings) >= MAX_REPEATED:
                raise stop
            value = event.value
            self.findings.append(Finding(self.path, *stop.finding)._replace(field=field_text((*frame.path, value))))
        self.merge(frame)
        frame.key = value
        frame.key_place = (mark.line + 1, mark.column + 1)

    def place(self, event: Any, value: Any, text: str | None) -> Path:
        """Put a value where it belongs: into the open mapping or list, or at the root."""
        self.count(event, 1)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if not self.stack:
            self.root, self.marks[()] = value, Mark(line, column, line, column, text)
            return ()
        frame = self.stack[-1]
        if not frame.is_mapping:
            path = (*frame.path, len(frame.value))
            frame.value.append(value)
            self.marks[path] = Mark(line, column, line, column, text)
            return path
        key, (key_line, key_column), frame.key = frame.key, frame.key_place, None
        path = (*frame.path, key)
        if key == "<<":
            frame.merges.append((key_line, key_column, value))
        else:
            if key in frame.value and key not in frame.merged:
                self.duplicate(path, key_line, key_column, "keep one of the two")
            frame.value[key] = value
            frame.merged.discard(key)
            self.marks[path] = Mark(key_line, key_column, line, column, text)
        return path

    def duplicate(self, path: Path, line: int, column: int, hint: str) -> None:
        self.repeated += 1
        if self.repeated > MAX_REPEATED:
            return
        first = self.marks[path]
        message = f"the key {path[-1]} appears twice in this mapping (first at line {first.line})"
        self.findings.append(Finding(self.path, line, column, "NH002", ERROR, message, field_text(path), hint))

    def merge(self, frame: _Frame) -> None:
        """Merge what stands under `<<`, as soon as it is whole: it goes over the keys above it, unlike what YAML says."""
        for line, column, source in frame.merges:
            for mapping in reversed(source) if isinstance(source, list) else [source]:
                if not isinstance(mapping, dict):
                    raise _StopError(
                        line, column, "NH001", "<< merges mappings only", "write << : *anchor of a mapping"
                    )
                for key in mapping:
                    if key in frame.value and key not in frame.merged:
                        self.duplicate(
                            (*frame.path, key), line, column, "write << first: it goes over what is above it"
                        )
                frame.value.update(mapping)
                frame.merged.update(mapping)
        frame.merges.clear()

    def count(self, event: Any, weight: int) -> None:
        self.nodes += weight
        if self.nodes > self.limit:
            hint = "write the values out, or split the file"
            raise self.stop(event, "NH003", f"the document expands to more than {self.limit} values", hint)

    def stop(self, event: Any, code: str, message: str, hint: str) -> _StopError:
        return _StopError(event.start_mark.line + 1, event.start_mark.column + 1, code, message, hint)


class _Frame:
    """A mapping or list that is still open."""

    __slots__ = ("anchor", "is_mapping", "key", "key_place", "merged", "merges", "nodes", "path", "value")

    def __init__(self, value: Any, path: Path, anchor: str | None, nodes: int) -> None:
        self.value = value
        self.path = path
        self.anchor = anchor
        self.nodes = nodes
        self.is_mapping = isinstance(value, dict)
        self.key: Any = None
        self.key_place = (1, 1)
        self.merges: list[tuple[int, int, Any]] = []
        self.merged: set[str] = set()
        """Keys that only a merge brought."""


def _shown_tag(tag: str) -> str:
    return tag.replace(_STANDARD_TAG, "!!")[:60]


def field_text(path: Path) -> str:
    """A path as people write it: ("spec", "services", 2, "name") -> `spec.services[2].name`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "." in part or "/" in part:
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text
