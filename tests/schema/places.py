"""The places of a JSON schema: every path at which a value may stand, and a small valid document around each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft7Validator

Schema = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
PREFIX = "#/definitions/"
ITEM, ENTRY = "[]", "{}"


class Place(NamedTuple):
    """A path such as ("spec", "services", "[]", "name"), the schema there with its ref resolved, and the ref's name."""

    path: tuple[str, ...]
    schema: Schema
    definition: str

    def __str__(self) -> str:
        return dotted(self.path)


def dotted(path: tuple[str, ...]) -> str:
    """("spec", "services", "[]", "name") -> spec.services[].name"""
    return ".".join(path).replace(".[]", "[]").replace(".{}", "{}")


def load(path: str) -> Schema:
    """The schema file at a path relative to the checkout."""
    result: Schema = json.loads((ROOT / path).read_text("utf-8"))
    return result


def resolve(schema: Schema, root: Schema) -> tuple[Schema, str]:
    """A schema behind its refs, and the name of the last one."""
    name = ""
    while "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        schema = root["definitions"][name]
    return schema, name


def places(root: Schema, start: Schema | None = None, path: tuple[str, ...] = ()) -> Iterator[Place]:
    """All places below (and with) the start, which is the root when not given."""
    schema, name = resolve(root if start is None else start, root)
    yield Place(path, schema, name)
    for key, child in children(schema):
        yield from places(root, child, (*path, key))


def children(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Properties, items and free entries of a schema."""
    yield from schema.get("properties", {}).items()
    if "items" in schema:
        yield ITEM, schema["items"]
    if isinstance(schema.get("additionalProperties"), dict):
        yield ENTRY, schema["additionalProperties"]


def sub_validator(schema: Schema, root: Schema) -> Draft7Validator:
    """A validator for a part of a schema; `$` means the very end, as in RE2."""
    return Draft7Validator({**strict_end(schema), "definitions": strict_end(root.get("definitions", {}))})


def strict_end(node: Any) -> Any:
    """Patterns with Python's name for the very end: its `$` lets a last line break through, that of RE2 does not."""
    if isinstance(node, dict):
        return {key: very_end(child) if key == "pattern" else strict_end(child) for key, child in node.items()}
    return [strict_end(item) for item in node] if isinstance(node, list) else node


def very_end(pattern: Any) -> Any:
    """ "^a$" -> "^a\\Z"; anything but a text (a property called pattern) as it is."""
    return re.sub(r"\$$", r"\\Z", pattern) if isinstance(pattern, str) else strict_end(pattern)
