"""Check the fields, types and values of a document with one of the JSON schemas in schema/.

This module implements the part of draft-07 that those schemas use. jsonschema would take 74 ms to import, too long for a
commit hook, and it does not report the line or a way out.
Codes: NH010 unknown field, NH011 missing field, NH012 wrong type, NH013 value not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.yamlread import Document, Path, field_text

Schema = dict[str, Any]

MAX_FINDINGS = 100
"""Findings of one document; the others are counted."""
LARGEST = 2**63 - 1
"""The largest whole number of the API: its integers have 64 bits and a sign. A quantity may be larger."""
LONGEST = 4096
"""Characters of a text that has a pattern: as long as a path may be. A longer one is refused, not matched."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip
_ARTICLES = {
    "object": "a mapping", "array": "a list", "string": "a string", "boolean": "true or false",
    "integer": "a whole number", "number": "a number", "null": "empty",
}  # fmt: skip


def check_shape(document: Document, schema: Schema, field: Path = ()) -> list[Finding]:
    """Everything in the document, from `field` down, that its schema does not allow; a null counts as absent."""
    data = document.data
    for part in field:
        data = data[part]
    walk = _Walk(document, schema)
    kept: list[Finding] = []
    more = 0
    for finding in walk.value(data, schema, field):
        if len(kept) < MAX_FINDINGS:
            kept.append(finding)
        else:
            walk.brief = True
            more += 1
    if more:
        message = f"and {more} more values that the schema does not allow"
        kept.append(kept[-1]._replace(message=message, field="", hint="correct the others first"))
    return kept


def without_unknown(document: Document, schema: Schema) -> tuple[Document, list[Finding]]:
    """A document that Helm rendered, as the API server keeps it: without unknown fields, each of which is a warning.

    Helm 3 installs such an object and prints a warning; Helm 4 and kubectl refuse it.
    """
    walk = _Walk(document, schema)
    dropped: list[Finding] = []
    data = walk.kept(document.data, schema, (), dropped)
    return (document._replace(data=data) if dropped else document), dropped


class _Walk:
    def __init__(self, document: Document, root: Schema) -> None:
        self.document = document
        self.root = root
        self.definitions = root.get("definitions", {})
        self.brief = False
        """Whether findings are only counted. Their hints are then not computed, because that takes long."""

    def value(self, data: Any, schema: Schema, field: Path) -> Iterator[Finding]:
        """Findings for one value; a wrong type ends the descent, nothing below it can be judged."""
        schema = self.resolved(schema)
        if not _is_type(data, schema.get("type")):
            yield self.wrong_type(data, schema, field)
        elif isinstance(data, dict):
            yield from self.mapping(data, schema, field)
        elif isinstance(data, list):
            yield from self.sequence(data, schema, field)
        else:
            problem = scalar_problem(data, schema)
            if problem:
                message = f"{_name(field)} must {problem}, not {shown(data)}"
                from nimhelm.hints import for_value

                yield self.at(
                    field,
                    "NH013",
                    message,
                    for_value(data, field, schema.get("enum", [])) or _example(schema),
                    inside=True,
                )

    def resolved(self, schema: Schema) -> Schema:
        """The definition that a schema refers to, or the schema itself."""
        return self.definitions[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema

    def mapping(self, data: dict[str, Any], schema: Schema, field: Path) -> Iterator[Finding]:
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for key, value in data.items():
            if key in properties:
                if value is not None:
                    yield from self.value(value, properties[key], (*field, key))
                elif key in schema.get("required", ()):
                    yield self.at((*field, key), "NH011", f"{key} is empty", f"give {key} a value")
            elif others is False:
                yield self.unknown(key, value, properties, field)
            elif isinstance(others, dict):
                yield from self.entry(key, value, schema, field)
        for key in schema.get("required", ()):
            if key not in data:
                hint = _example(properties.get(key, {})) or f"add {key}"
                yield self.at(field, "NH011", f"{key} is missing", hint, (*field, key))
        if len(data) < schema.get("minProperties", 0):
            yield self.at(field, "NH011", "empty mapping", _example(schema) or "fill it in or leave it out")

    def entry(self, key: str, value: Any, schema: Schema, field: Path) -> Iterator[Finding]:
        """One entry of a map whose keys are the user's own: labels, limits, node selectors."""
        names = schema.get("propertyNames")
        problem = scalar_problem(key, names) if names else ""
        if problem:
            from nimhelm.hints import for_key

            message = f"a key of {_name(field)} must {problem}, not {shown(key)}"
            yield self.at((*field, key), "NH013", message, for_key(key, field))
        if value is not None:
            yield from self.value(value, schema["additionalProperties"], (*field, key))
        elif not _is_type(None, self.resolved(schema["additionalProperties"]).get("type")):
            yield self.at(
                (*field, key), "NH012", f"{key} is empty", 'write "" for an empty string, or leave the key out'
            )

    def sequence(self, data: list[Any], schema: Schema, field: Path) -> Iterator[Finding]:
        low, high = schema.get("minItems", 0), schema.get("maxItems", len(data))
        if not low <= len(data) <= high:
            wanted = f"at least {low} is needed" if len(data) < low else f"at most {high} are possible"
            hint = "add one" if len(data) < low else ""
            yield self.at(field, "NH013", f"{_name(field)} has {len(data)} items, {wanted}", hint)
        for index, item in enumerate(data):
            yield from self.value(item, schema.get("items", {}), (*field, index))

    def wrong_type(self, data: Any, schema: Schema, field: Path) -> Finding:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        wanted = " or ".join(_ARTICLES[name] for name in types if name != "null" or len(types) == 1)
        text = self.document.mark(field).text
        from nimhelm.hints import for_type

        hint = for_type(data, schema, field, text) or _example(schema)
        kept = text if text and not isinstance(data, str) else shown(data)
        return self.at(
            field, "NH012", f"{_name(field)} must be {wanted}, not {_kind(data)} {kept}".rstrip(), hint, inside=True
        )

    def unknown(self, key: str, value: Any, properties: Schema, field: Path) -> Finding:
        from nimhelm.hints import for_unknown

        hint = "" if self.brief else for_unknown(key, value, properties, field, self.root)
        where = field_text(field) or "the document"
        return self.at((*field, key), "NH010", f"unknown field {key} in {where}", hint)

    def kept(self, data: Any, schema: Schema, field: Path, dropped: list[Finding]) -> Any:
        """The value without fields that its schema does not know; a warning at each of them goes to `dropped`."""
        schema = self.resolved(schema)
        if isinstance(data, list):
            items = schema.get("items", {})
            return [self.kept(item, items, (*field, index), dropped) for index, item in enumerate(data)]
        if not isinstance(data, dict):
            return data
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        known: dict[str, Any] = {}
        for key, value in data.items():
            if key in properties or others is not False:
                below = properties.get(key, others if isinstance(others, dict) else {})
                known[key] = self.kept(value, below, (*field, key), dropped)
            else:
                finding = self.unknown(key, value, properties, field)
                message = f"{finding.message}: not part of the chart"
                hint = "remove it: Helm 3 installs the object without it, Helm 4 and kubectl refuse the object"
                dropped.append(finding._replace(severity=WARNING, message=message, hint=hint))
        return known

    def at(
        self, field: Path, code: str, message: str, hint: str, named: Path | None = None, inside: bool = False
    ) -> Finding:
        """A finding at the key of a field, or at its value when the value itself is wrong (`inside`)."""
        mark = self.document.mark(field)
        line, column = (
            (mark.value_line, mark.value_column) if inside and mark.text is not None else (mark.line, mark.column)
        )
        return Finding(self.document.path, line, column, code, ERROR, message, field_text(named or field), hint)


def scalar_problem(data: Any, schema: Schema) -> str:
    """What a scalar must, and does not: `be one of A, B`; "" when its schema allows it."""
    if "enum" in schema and data not in schema["enum"]:
        return "be one of " + ", ".join(str(value) for value in schema["enum"] if value not in ("", None))
    if "const" in schema and data != schema["const"]:
        return f"be {schema['const']}"
    if isinstance(data, str):
        return _string_problem(data, schema)
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        whole = "integer" in schema.get("type", ()) and "string" not in schema["type"]
        return _number_problem(data, schema.get("minimum"), schema.get("maximum", LARGEST if whole else None))
    return ""


def _string_problem(data: str, schema: Schema) -> str:
    if len(data) < schema.get("minLength", 0):
        return "have a value"
    if len(data) > schema.get("maxLength", len(data)):
        return f"have at most {schema['maxLength']} characters"
    pattern = schema.get("pattern")
    if pattern and len(data) > LONGEST:
        return f"have at most {LONGEST} characters"
    if pattern and not _matcher(pattern)(data):
        return "be " + schema["description"].rstrip(".") if "description" in schema else f"match {pattern}"
    return ""


def _number_problem(data: float, low: float | None, high: float | None) -> str:
    if low is not None and high is not None and not low <= data <= high:
        return f"be {low} to {high}"
    if low is not None and data < low:
        return f"be {low} or more"
    if high is not None and data > high:
        return f"be {high} or less"
    return ""


@cache
def _matcher(pattern: str) -> Callable[[str], Any]:
    """`$` at the end means the end, as in RE2 and JSON Schema; Python's would let a final newline through."""
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") and not pattern.endswith(r"\$") else pattern).search


def _is_type(data: Any, wanted: Any) -> bool:
    if wanted is None:
        return True
    for name in (wanted,) if isinstance(wanted, str) else wanted:
        if isinstance(data, _TYPES[name]) and (name == "boolean" or not isinstance(data, bool)):
            return True
    return False


def _name(field: Path) -> str:
    name = next((str(part) for part in reversed(field) if isinstance(part, str)), "the document")
    return f"an item of {name}" if field and isinstance(field[-1], int) else name


def _kind(data: Any) -> str:
    if data is None:
        return "empty"
    return {dict: "a mapping", list: "a list", str: "the string", bool: "the boolean"}.get(type(data), "the number")


def shown(data: Any) -> str:
    """A value as it goes into a message: short, on one line."""
    if data is None or isinstance(data, (dict, list)):
        return ""
    text = (
        str(data).lower()
        if isinstance(data, bool)
        else repr(data).replace("'", '"')
        if isinstance(data, str)
        else str(data)
    )
    return text if len(text) <= 60 else text[:57] + "..."


def _example(schema: Schema) -> str:
    examples = schema.get("examples")
    if not examples or isinstance(examples[0], (dict, list)):
        return ""
    return f"for example {examples[0]}"
