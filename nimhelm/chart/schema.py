"""The umbrella's values.schema.json: the schema that all charts share, and a property for each service."""

from __future__ import annotations

import json
from typing import Any

from nimhelm.assets import schema

WIDTH = 120
DEPTH = 4
_FLAT = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
_TIGHT = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
SERVICE = "#/definitions/service"


def values_schema(names: list[str]) -> bytes:
    """The schema of an umbrella with services of these names; strict, so that a misspelt name is refused as well.

    Its lines are not indented, and no line has a brace alone: blanks and breaks would be a sixteenth of what is the largest
    file of a chart.
    """
    text = "\n".join(line.lstrip() for line in laid_out(schema_of(names), _TIGHT).splitlines())
    return (text.replace("{\n", "{").replace("\n}", "}") + "\n").encode()


def schema_of(names: list[str]) -> dict[str, Any]:
    """The content of values_schema: what a chart refuses. A chart stays small without descriptions."""
    return _with_services(schema("chart"), names)


def described_schema(names: list[str]) -> dict[str, Any]:
    """The same schema with descriptions, defaults and examples."""
    return _with_services(schema("values"), names)


def service_names(found: Any) -> list[str]:
    """The names that a schema gives to services. A foreign schema may have properties of any other kind."""
    properties = found.get("properties") if isinstance(found, dict) else None
    if not isinstance(properties, dict):
        return []
    return [name for name, each in properties.items() if each == {"$ref": SERVICE}]


def is_own(found: Any) -> bool:
    """Whether a schema is one that values_schema writes, for whatever services."""
    return bool(found == schema_of(service_names(found)))


def _with_services(shared: dict[str, Any], names: list[str]) -> dict[str, Any]:
    services = {name: {"$ref": SERVICE} for name in names}
    return {**shared, "properties": {**shared["properties"], **services}}


def laid_out(node: object, flat: json.JSONEncoder = _FLAT, depth: int = 0) -> str:
    """Sorted JSON, one blank per level; what fits into WIDTH columns or is DEPTH levels deep stays in one line, by `flat`.

    A property of a definition is one line at most, so that a diff names it and the file stays small.
    """
    if not isinstance(node, (dict, list)) or depth >= DEPTH:
        return flat.encode(node)
    if isinstance(node, list):
        parts = [laid_out(item, flat, depth + 1) for item in node]
    else:
        parts = [
            f"{flat.encode(key)}{flat.key_separator}{laid_out(node[key], flat, depth + 1)}" for key in sorted(node)
        ]
    left, right = ("[", "]") if isinstance(node, list) else ("{", "}")
    line = left + flat.item_separator.join(parts) + right
    if len(line) + depth <= WIDTH and "\n" not in line:
        return line
    indent = "\n" + " " * (depth + 1)
    return left + indent + f",{indent}".join(parts) + "\n" + " " * depth + right
