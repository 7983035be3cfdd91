"""The built schemas: up to date, valid draft-07, and made of nothing but the keywords that nimhelm's checker reads."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from jsonschema import Draft7Validator

from .places import PREFIX, ROOT, Schema, load

BUILT = (
    "schema/pipeline.schema.json", "schema/nimcache.schema.json", "schema/values.schema.json",
)  # fmt: skip
CONSTRAINTS = {
    "type", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum", "items", "minItems", "maxItems",
    "properties", "required", "additionalProperties", "propertyNames", "minProperties",
}  # fmt: skip
ANNOTATIONS = {"description", "default", "examples", "title"}
ROOT_ONLY = {"$schema", "$id", "definitions"}
# (?… starts look-around, named and atomic groups and flags, \1 refers back, *+ is possessive. None is needed here.
NOT_IN_RE2 = re.compile(r"\(\?|\\[1-9bBAzZ]|[*+?}]\+")


@pytest.fixture(params=BUILT)
def schema(request: pytest.FixtureRequest) -> Schema:
    return load(request.param)


def subschemas(schema: Schema, where: str = "#") -> Iterator[tuple[str, Schema]]:
    """Every schema in a schema, with its place in the file."""
    yield where, schema
    for keyword in ("properties", "definitions"):
        for name, child in schema.get(keyword, {}).items():
            yield from subschemas(child, f"{where}/{keyword}/{name}")
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(keyword), dict):
            yield from subschemas(schema[keyword], f"{where}/{keyword}")


def patterns(schema: Schema) -> Iterator[tuple[str, str]]:
    return ((where, sub["pattern"]) for where, sub in subschemas(schema) if "pattern" in sub)


@pytest.mark.slow
def test_built_files_are_up_to_date() -> None:
    run = subprocess.run([sys.executable, ROOT / "tools/build_schema.py", "--check"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_is_valid_draft_07(schema: Schema) -> None:
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)


def test_uses_only_keywords_that_the_checker_reads(schema: Schema) -> None:
    for where, sub in subschemas(schema):
        allowed = {"$ref"} | ANNOTATIONS if "$ref" in sub else CONSTRAINTS | ANNOTATIONS
        allowed = allowed | ROOT_ONLY if where == "#" else allowed
        allowed = {"pattern", "maxLength", "description"} if where.endswith("/propertyNames") else allowed
        assert set(sub) <= allowed, where


def test_every_definition_is_used_and_every_ref_resolves(schema: Schema) -> None:
    used = {sub["$ref"] for _, sub in subschemas(schema) if "$ref" in sub}
    entries = {f"{PREFIX}service"} if "nimCaches" in schema["properties"] else set()
    assert used | entries == {PREFIX + name for name in schema["definitions"]}


def test_objects_with_fields_are_closed(schema: Schema) -> None:
    open_on_purpose = {"#/definitions/global", "#/definitions/pickerConfig"}
    open_on_purpose |= {"#/definitions/extraObject", "#/definitions/extraObject/properties/metadata"}
    for where, sub in subschemas(schema):
        if "properties" in sub:
            assert (sub.get("additionalProperties") is False) != (where in open_on_purpose), where


def test_patterns_are_anchored_and_mean_the_same_in_re2(schema: Schema) -> None:
    for where, pattern in patterns(schema):
        assert re.fullmatch(r"\^.*\$", pattern), where
        assert not NOT_IN_RE2.search(pattern), where
        assert all(int(count) <= 1000 for count in regex_counts(pattern)), where


def regex_counts(pattern: str) -> list[str]:
    """The numbers in {m,n} of a pattern; RE2 takes up to 1000."""
    return [number for part in pattern.split("{")[1:] for number in part.split("}")[0].split(",") if number.isdigit()]


def test_patterns_take_no_time_on_hostile_text(schema: Schema) -> None:
    units = ("a", "a-", "a.", "a.b-", "/.", "..", "1", "0-", "x/")
    hostile = [unit * (400 // len(unit)) + end for unit in units for end in ("!", "")]
    matchers = [re.compile(pattern) for pattern in {pattern for _, pattern in patterns(schema)}]
    start = time.process_time()
    for matcher in matchers:
        for text in hostile:
            matcher.search(text)
    assert time.process_time() - start < 2


def test_forms_say_what_they_want(schema: Schema) -> None:
    """A message reads "… is not allowed here: <description>", so a pattern needs a description next to it."""
    for where, sub in subschemas(schema):
        if "pattern" in sub:
            assert sub.get("description"), where
            assert sub["description"][-1] != ".", where


def test_fields_are_described(schema: Schema) -> None:
    """An editor shows what a field is for, whether it is the operator's, Kubernetes' or nimhelm's own."""
    bare = [
        where
        for where, sub in subschemas(schema)
        if where.split("/")[-2:-1] == ["properties"]
        and not (
            sub.get("description")
            or schema["definitions"].get(sub.get("$ref", "")[len(PREFIX) :], {}).get("description")
        )
    ]
    assert bare == []


def test_defaults_and_examples_are_accepted(schema: Schema) -> None:
    for where, sub in subschemas(schema):
        alone = {key: value for key, value in sub.items() if key not in ROOT_ONLY}
        check = Draft7Validator({**alone, "definitions": schema["definitions"]} if "$ref" not in alone else {
            "allOf": [{"$ref": alone["$ref"]}], "definitions": schema["definitions"]})  # fmt: skip
        for value in [*sub.get("examples", ()), *([sub["default"]] if "default" in sub else [])]:
            assert not list(check.iter_errors(value)), (where, value)
