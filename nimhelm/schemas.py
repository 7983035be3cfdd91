"""`nimhelm schema`: the JSON schemas as an editor wants them."""

from __future__ import annotations

import json
from typing import Any

from nimhelm.assets import schema, schema_text

OF_DOCUMENTS = {"NIMPipeline": "pipeline", "NIMService": "nimservice", "NIMCache": "nimcache"}


def printed(kind: str) -> str:
    """The text of a schema: `file` is for files that may hold several documents, the others are for one kind each.

    `values` accepts a block for a service of any name, so it fits the values.yaml of every chart.
    """
    if kind not in ("file", "values"):
        return schema_text(kind)
    return json.dumps(of_file() if kind == "file" else of_values(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def of_values() -> dict[str, Any]:
    """The schema of a chart's values with services of whatever names."""
    return {**schema("values"), "additionalProperties": {"$ref": "#/definitions/service"}}


def of_file() -> dict[str, Any]:
    """One schema for each document of a file, by its kind. A document of another kind fits, whatever it holds."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://nimhelm.dev/schema/file.schema.json",
        "title": "NIMPipeline, NIMService or NIMCache",
        "description": "a document of a pipeline file, by its kind",
        "type": "object",
        "properties": {"kind": {"type": "string", "description": "NIMPipeline, NIMService or NIMCache"}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/definitions/{kind}"},
            }
            for kind in OF_DOCUMENTS
        ],
        "definitions": {kind: _inside(schema(name), kind) for kind, name in OF_DOCUMENTS.items()},
    }


def _inside(node: Any, kind: str) -> Any:
    """A schema as a definition of another: its references lead to where its own definitions are now."""
    if isinstance(node, list):
        return [_inside(item, kind) for item in node]
    if not isinstance(node, dict):
        return node
    moved = {key: _inside(value, kind) for key, value in node.items() if key not in ("$id", "$schema")}
    reference = moved.get("$ref")
    if isinstance(reference, str):
        moved["$ref"] = reference.replace("#/definitions/", f"#/definitions/{kind}/definitions/", 1)
    return moved
