#!/usr/bin/env python3
"""Builds the reference pages of the site, docs/reference, from schema/. They are not committed: make docs writes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent.parent
REF = "#/definitions/"
LONGEST = 60

Schema = dict[str, Any]


class Page(NamedTuple):
    """One page: the schema it comes from, its title, its first paragraph, and the definitions it starts with."""

    schema: str
    title: str
    introduction: str
    entries: tuple[str, ...] = ()


PAGES = {
    "pipeline": Page(
        "pipeline",
        "Pipeline reference",
        "Every field of a NIMPipeline (`apps.nvidia.com/v1alpha1`) that nimhelm knows. A NIMService has the fields of "
        "[serviceSpec](#servicespec) under its own `spec`.",
    ),
    "nimcache": Page("nimcache", "NIMCache reference", "Every field of a NIMCache that nimhelm knows."),
    "values": Page(
        "values",
        "Values reference",
        "Every value of a generated chart. Each service has a block of its own name, with the fields of "
        "[service](#service); what all services share is under `global.nimhelm`.",
        ("service",),
    ),
}


def main() -> int:
    """Write the pages into docs/reference; returns the exit code."""
    folder = HERE / "docs/reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / f"{name}.md").write_text(markdown(page), "utf-8")
    return 0


def markdown(page: Page) -> str:
    """The page of a schema: its root, then each definition that is an object, in the order in which they are met."""
    schema = json.loads((HERE / f"schema/{page.schema}.schema.json").read_text("utf-8"))
    definitions: dict[str, Schema] = schema["definitions"]
    lines = [f"# {page.title}", "", page.introduction, "", *table(schema, definitions)]
    waiting = [*referred(schema), *page.entries]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        definition = definitions[name]
        if "properties" in definition:
            lines += ["", f"## {name}", "", definition.get("description", ""), "", *table(definition, definitions)]
        waiting[:0] = list(referred(definition))
    return "\n".join(lines).rstrip() + "\n"


def referred(schema: Any) -> Iterator[str]:
    """The names of the definitions that a schema refers to, in reading order."""
    if isinstance(schema, dict):
        if str(schema.get("$ref", "")).startswith(REF):
            yield schema["$ref"].removeprefix(REF)
        for key, value in schema.items():
            if key != "definitions":
                yield from referred(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from referred(item)


def table(schema: Schema, definitions: dict[str, Schema]) -> list[str]:
    """The properties of an object as a Markdown table."""
    required = schema.get("required", [])
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for name, field in schema.get("properties", {}).items():
        target = definitions.get(str(field.get("$ref", "")).removeprefix(REF), {})
        merged = {**target, **field}
        mark = " (required)" if name in required else ""
        default = shown(merged["default"]) if "default" in merged else ""
        rows.append(f"| `{name}`{mark} | {kind(field, definitions)} | {default} | {meaning(merged)} |")
    return rows


def kind(schema: Schema, definitions: dict[str, Schema]) -> str:
    """The type of a field; an object with a section of its own is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        if "properties" in definitions[name]:
            return f"[{name}](#{name.lower()})"
        return kind(definitions[name], definitions)
    types = schema.get("type", "any")
    plain = [item for item in (types if isinstance(types, list) else [types]) if item != "null"]
    if plain == ["array"]:
        return f"list of {kind(schema.get('items', {}), definitions)}"
    if plain == ["object"] and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {kind(schema['additionalProperties'], definitions)}"
    return " or ".join(plain)


def meaning(schema: Schema) -> str:
    """What a field is for, with the values it may have and an example."""
    parts = [schema.get("description", "")]
    if "enum" in schema:
        parts.append("One of " + ", ".join(shown(value) for value in schema["enum"] if value is not None) + ".")
    if schema.get("examples"):
        example = shown(schema["examples"][0])
        parts.append(f"Example: {example}." if len(example) <= LONGEST else "")
    return " ".join(part.strip() for part in parts if part).replace("|", "\\|").replace("\n", " ")


def shown(value: object) -> str:
    """A value as it is written in YAML's flow style."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    sys.exit(main())
