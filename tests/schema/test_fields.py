"""Every field of every schema: values that it accepts and values that it refuses."""

from __future__ import annotations

import pytest
from jsonschema import Draft7Validator

from .places import Place, Schema, load, places, strict_end
from .samples import accepted, around, minimal, refused

pytestmark = pytest.mark.slow

SCHEMAS = (
    "schema/pipeline.schema.json", "schema/nimcache.schema.json", "schema/values.schema.json",
)  # fmt: skip


TESTED = {"type", "enum", "const", "pattern", "minimum", "maximum", "minItems", "required", "propertyNames"}


def with_services(schema: Schema) -> Schema:
    """The umbrella's schema with one service in it, as nimhelm adds them; other schemas as they are."""
    if "service" not in schema["definitions"]:
        return schema
    return {**schema, "properties": {**schema["properties"], "llm": {"$ref": "#/definitions/service"}}}


def is_open(place: Place) -> bool:
    """Whether a place takes anything: what the cluster writes, and parameters that only a plugin knows."""
    return not set(place.schema) - {"description"}


@pytest.mark.parametrize("path", SCHEMAS)
def test_every_field_accepts_and_refuses(path: str) -> None:
    root = with_services(load(path))
    check = Draft7Validator(strict_end(root))
    assert check.is_valid(minimal(root, root))
    for place in places(root):
        good = around(root, place.path, minimal(place.schema, root), root)
        assert check.is_valid(good), (str(place), good)
        bad = [around(root, place.path, wrong.value, root) for wrong in refused(place.schema, root)][:1]
        assert bad or is_open(place), str(place)
        assert not any(check.is_valid(document) for document in bad), (str(place), bad)


@pytest.mark.parametrize("path", SCHEMAS)
def test_every_keyword_refuses(path: str) -> None:
    """Once per definition or field, not once per path: all accepted values, and a refused one for each keyword."""
    root = with_services(load(path))
    check = Draft7Validator(strict_end(root))
    for place in {id(place.schema): place for place in places(root)}.values():
        for value in accepted(place.schema, root):
            assert check.is_valid(around(root, place.path, value, root)), (str(place), value)
        wrong = list(refused(place.schema, root))
        for keyword, value in wrong:
            assert not check.is_valid(around(root, place.path, value, root)), (str(place), keyword, value)
        tested = {keyword for keyword, _ in wrong}
        assert set(place.schema) & TESTED <= tested, (str(place), tested)
