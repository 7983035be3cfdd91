"""The fields of a JSON schema as a Markdown page: a section for each object, a row for each of its fields."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

Schema = dict[str, Any]
NAMES = {
    "object": "mapping", "array": "list", "string": "string", "boolean": "true or false", "integer": "whole number",
    "number": "number",
}  # fmt: skip
FROM_CLUSTER = "Written by the cluster; not used."
"""The description of fields that nobody writes: a reference leaves them out."""


class Page(NamedTuple):
    """A page to write: its title, its first paragraphs, its schema, and how long paths are shortened in headings."""

    title: str
    intro: str
    schema: Schema
    short: tuple[tuple[str, str], ...] = ()


class Section(NamedTuple):
    """An object with fields, and the first path to it."""

    path: str
    schema: Schema


def text_of(page: Page) -> str:
    """The Markdown of a page."""
    return "\n".join([f"# {page.title}", "", page.intro, *_Writer(page).sections(), ""])


class _Writer:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.definitions = page.schema.get("definitions", {})
        self.seen: dict[str, str] = {}
        """The heading of each definition that has a section."""
        self.anchors: set[str] = set()

    def sections(self) -> list[str]:
        """Every section, an object before the objects in it."""
        lines: list[str] = []
        pending = [Section("", self.page.schema)]
        while pending:
            section = pending.pop(0)
            below: list[Section] = []
            lines += self.section(section, below)
            pending = below + pending
        return lines

    def section(self, section: Section, below: list[Section]) -> list[str]:
        """The heading and the table of an object; the objects in it that have no section yet go to `below`."""
        required = section.schema.get("required", ())
        lines = ["", f"## {self.heading(section.path)}", ""]
        about = section.schema.get("description", "")
        lines += [_escaped(about[:1].upper() + about[1:].rstrip(".") + "."), ""] if about and section.path else []
        lines += ["| field | type | default | meaning |", "|---|---|---|---|"]
        fields = section.schema.get("properties", {})
        for name in sorted(fields, key=lambda name: (name not in required, name)):
            if fields[name].get("description") == FROM_CLUSTER:
                continue
            site = fields[name]
            lines.append(self.row(name, site, f"{section.path}.{name}".lstrip("."), name in required, below))
        others = section.schema.get("additionalProperties")
        if isinstance(others, dict) and section.schema.get("properties"):
            lines.append(self.row("SERVICE", others, "SERVICE", False, below))
        return lines

    def row(self, name: str, site: Schema, path: str, required: bool, below: list[Section]) -> str:
        schema = self.resolved(site)
        meaning = site.get("description") or schema.get("description", "")
        examples = site.get("examples") or schema.get("examples")
        if examples and not isinstance(examples[0], dict):
            meaning = f"{meaning.rstrip('.')}. Example: `{_shown(examples[0])}`"
        default = site.get("default", schema.get("default"))
        standard = "required" if required else f"`{_shown(default)}`" if default not in (None, {}, "", []) else ""
        return f"| `{name}` | {self.type_of(site, path, below)} | {standard} | {_escaped(meaning)} |"

    def type_of(self, site: Schema, path: str, below: list[Section]) -> str:
        """What a field holds; a link where that has a section of its own."""
        schema = self.resolved(site)
        kinds = schema.get("type", "any")
        names = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
        if "properties" in schema:
            return self.link("mapping", site, path, below)
        if names == ["array"] and "items" in schema:
            item = self.resolved(schema["items"])
            if "properties" in item:
                return self.link("list of mappings", schema["items"], f"{path}[]", below)
            return "list of " + self.type_of(schema["items"], path, below)
        if names == ["object"] and isinstance(schema.get("additionalProperties"), dict):
            inner = schema["additionalProperties"]
            if "properties" in self.resolved(inner):
                return self.link("mapping by name", inner, f"{path}.NAME", below)
            return "mapping to " + self.type_of(inner, path, below)
        if "const" in schema:
            return f"`{schema['const']}`"
        if "enum" in schema:
            return ", ".join(f"`{value}`" for value in schema["enum"] if value not in ("", None))
        return " or ".join(NAMES.get(name, name) for name in names) + _bounds(schema)

    def link(self, text: str, site: Schema, path: str, below: list[Section]) -> str:
        key = site.get("$ref") or path
        if key not in self.seen:
            self.seen[key] = self.heading(path)
            below.append(Section(path, self.resolved(site)))
        return f"[{text}](#{_anchor(self.seen[key])})"

    def heading(self, path: str) -> str:
        for long, short in self.page.short:
            if path.startswith(long):
                path = short + path[len(long) :]
        return path or "Top level"

    def resolved(self, site: Schema) -> Schema:
        return self.definitions[site["$ref"].rsplit("/", 1)[1]] if "$ref" in site else site


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    return f", {low} or more" if low is not None else f", at most {high}" if high is not None else ""


def _anchor(heading: str) -> str:
    """The anchor that GitHub and mkdocs make of a heading: its letters and digits in lower case."""
    return "".join(char for char in heading.lower().replace(" ", "-") if char.isalnum() or char in "-_")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _escaped(text: str) -> str:
    """Text for a cell of a table, escaped so that Markdown shows it unchanged; code between backticks stays code."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(
        part if index % 2 else part.replace("<", "&lt;").replace("*", "\\*") for index, part in enumerate(parts)
    )
