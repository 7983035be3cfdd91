"""Values for every place of a schema: some that it accepts, and for each of its keywords one that it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .places import ENTRY, ITEM, Schema, resolve, very_end

# Strings of many forms. Each pattern of the schemas accepts at least one and refuses at least one.
STRINGS = (
    "", "a", "1", "llm", "x" * 64, "x" * 254, "A", " ", "a b", "a\n", "a\nb", "é", "-", "a-b", "a-bc.de", "a.b", "a_b",
    "a/b", "/a", "/a/b", "..", "../a", "a/../b", "/a/..", ".a/..b", "0", "-1", "+1", "0.5", "10Gi", "1e3", "1E", "1Ki",
    "1n", "1.5.2", "1e-3", "1e1.5", "8000", "http", "HTTP", "http://h", "https://h/v1/hf", "true", "no", "TCP",
    "example.com", "example.com.", "*.example.com", "nvcr.io/nim/x", "nvcr.io/nim/x:1", "Nvcr.io:5000/x", "Nim/X",
    "example.com/a", "Always", "IfNotPresent", "30s", "1h30m", "1.2.3-rc.1+x", "a=b", "*", "x:1.0", "1.0.3", "memory",
    "ExternalName", "Service", "tcp-1", "a--b", "{{ .x }}", "sha256:" + "0" * 64,
    "iqn.2001-04.com.example:disk",
)  # fmt: skip
NUMBERS = (-(2**31) - 1, -1, 0, 1, 2, 100, 101, 3600, 3601, 65535, 65536, 2**31 - 1, 2**31)
OTHERS: tuple[Any, ...] = (True, 0.5, [], {}, ["a"], {"a": "b"}, {"a b": "c"}, {"nvidia.com/gpu": "1"}, {"gpu": "1"})
OF_TYPE: dict[str, Any] = {
    "string": "a", "integer": 3, "number": 0.5, "boolean": True, "array": ["a"], "object": {"a": "b"},
}  # fmt: skip

ANYTHING: dict[str, Any] = {"type": "string"}
"""What is in an object whose fields are left to the API server."""


class Refused(NamedTuple):
    """A value that a place refuses, and the keyword because of which it does."""

    keyword: str
    value: Any


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern accepts a text; `$` means the very end, as in RE2."""
    return re.search(very_end(pattern), text) is not None


def fits(schema: Schema, text: str) -> bool:
    """Whether a string schema accepts a text."""
    long_enough = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return long_enough and matches(schema.get("pattern", ""), text) and text in schema.get("enum", (text,))


def minimal(schema: Schema, root: Schema) -> Any:
    """The smallest value that a schema accepts."""
    schema, _ = resolve(schema, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else [value for value in schema["enum"] if value is not None][-1]
    kind = schema.get("type", "object")
    kind = kind if isinstance(kind, str) else kind[0]
    if kind == "object":
        return {name: minimal(schema["properties"][name], root) for name in schema.get("required", ())}
    if kind == "array":
        return [minimal(schema["items"], root)] * schema.get("minItems", 0)
    if kind == "string":
        return next(text for text in (*STRINGS, *schema.get("examples", ())) if text and fits(schema, text))
    return {"boolean": True}.get(kind, schema.get("minimum", 1))


def around(schema: Schema, path: tuple[str, ...], value: Any, root: Schema) -> Any:
    """The smallest document of a schema that holds a value at a path."""
    if not path:
        return value
    schema, _ = resolve(schema, root)
    if path[0] == ITEM:
        return [around(schema["items"], path[1:], value, root)]
    if path[0] == ENTRY:
        name = next(text for text in STRINGS if text and fits(schema.get("propertyNames", {}), text))
        return {name: around(schema.get("additionalProperties", ANYTHING), path[1:], value, root)}
    inner = around(schema["properties"][path[0]], path[1:], value, root)
    return {**minimal(schema, root), path[0]: inner}


def refused(schema: Schema, root: Schema) -> Iterator[Refused]:
    """For every keyword of a (resolved) schema, a value that only this keyword refuses, as far as there is one."""
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    for kind, value in OF_TYPE.items():
        if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds):
            yield Refused("type", value)
    if "enum" in schema or "const" in schema:
        yield Refused("enum" if "enum" in schema else "const", "Nope")
    if "string" in kinds and "enum" not in schema:
        yield from refused_texts(schema)
    if "minimum" in schema:
        yield Refused("minimum", schema["minimum"] - 1)
    if "maximum" in schema:
        yield Refused("maximum", schema["maximum"] + 1)
    if schema.get("minItems"):
        yield Refused("minItems", [])
    if "object" in kinds:
        yield from refused_maps(schema, root)


def refused_texts(schema: Schema) -> Iterator[Refused]:
    """Strings that a string schema refuses, by keyword."""
    without = {key: value for key, value in schema.items() if key not in ("minLength", "maxLength")}
    if schema.get("minLength") and fits(without, ""):
        yield Refused("minLength", "")
    if "maxLength" in schema:
        yield from (Refused("maxLength", text) for text in [long_text(schema)] if text)
    bare = {key: value for key, value in schema.items() if key != "pattern"}
    if "pattern" in schema:
        yield from [Refused("pattern", text) for text in STRINGS if fits(bare, text) and not fits(schema, text)][:3]


def long_text(schema: Schema) -> str:
    """A text that is too long and would otherwise be accepted; "" when the pattern itself bounds the length."""
    size = schema["maxLength"] + 1
    texts = ["x" * size, "a." * (size // 2 + 1) + "a", "a" * (size - 4) + ".com", "x" * 240 + "." + "x" * (size - 241)]
    texts += ["x/" + "x" * (size - 2), "1.1." + "1" * (size - 4), ("a" * 60 + ".") * 5 + "a" * 12 + "/" + "x"]
    return next((text for text in texts if len(text) >= size and matches(schema.get("pattern", ""), text)), "")


def refused_maps(schema: Schema, root: Schema) -> Iterator[Refused]:
    """Mappings that an object schema refuses, by keyword."""
    whole = minimal(schema, root)
    for name in schema.get("required", ()):
        yield Refused("required", {key: value for key, value in whole.items() if key != name})
    if schema.get("additionalProperties") is False:
        yield Refused("additionalProperties", {**whole, "misspelt": "a"})
    if "propertyNames" in schema:
        value = minimal(schema.get("additionalProperties", ANYTHING), root)
        names = schema["propertyNames"]
        yield from [Refused("propertyNames", {text: value}) for text in STRINGS if not fits(names, text)][:2]


def accepted(schema: Schema, root: Schema) -> Iterator[Any]:
    """Values that a (resolved) schema accepts: the smallest, every choice, both bounds, three texts, the examples."""
    yield minimal(schema, root)
    yield from schema.get("enum", ())
    yield from (schema[bound] for bound in ("minimum", "maximum") if bound in schema)
    yield from schema.get("examples", ())
    yield from [schema["default"]] if "default" in schema else []
    kinds = schema.get("type", [])
    if "string" in kinds and "enum" not in schema:
        yield from [text for text in STRINGS if fits(schema, text)][:3]
    if "boolean" in kinds:
        yield False
    if "null" in kinds:
        yield None
    if "array" in kinds:
        yield [minimal(schema["items"], root)] * 2
