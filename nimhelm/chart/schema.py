"""The umbrella's values.schema.json: the schema that all charts share, and a property for each service."""

from __future__ import annotations

import json

from nimhelm.assets import schema

WIDTH = 120


def values_schema(names: list[str]) -> bytes:
    """The schema of an umbrella with services of these names; strict, so that a misspelt name is refused as well."""
    shared = {key: value for key, value in schema("values").items() if key != "$id"}
    services = {name: {"$ref": "#/definitions/service"} for name in names}
    return (laid_out({**shared, "properties": {**shared["properties"], **services}}) + "\n").encode()


def laid_out(node: object, depth: int = 0) -> str:
    """Sorted JSON, two blanks per level; what fits into a line of 120 columns stays in one line."""
    flat = json.dumps(node, sort_keys=True, ensure_ascii=False)
    if not isinstance(node, (dict, list)) or len(flat) + 2 * depth <= WIDTH:
        return flat
    if isinstance(node, list):
        parts = [laid_out(item, depth + 1) for item in node]
    else:
        parts = [f"{json.dumps(key)}: {laid_out(node[key], depth + 1)}" for key in sorted(node)]
    left, right = ("[", "]") if isinstance(node, list) else ("{", "}")
    indent = "\n" + "  " * (depth + 1)
    return left + indent + f",{indent}".join(parts) + "\n" + "  " * depth + right
