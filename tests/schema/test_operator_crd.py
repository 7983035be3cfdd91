"""The operator's CRDs against the schemas: the same fields, and a written reason for every difference in values."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from jsonschema import Draft7Validator

from .crd import load_crd
from .places import ENTRY, ITEM, ROOT, Place, Schema, children, dotted, load, places, resolve, strict_end, sub_validator
from .samples import NUMBERS, OTHERS, STRINGS, around, minimal

pytestmark = pytest.mark.slow

REASONS = yaml.safe_load((ROOT / "schema/stricter.yaml").read_text("utf-8"))
PROBES = (*STRINGS, *NUMBERS, *OTHERS, 2**63 - 1, None, [None], [{"type": "Resource"}] * 6)
KINDS = {"nimpipeline": "schema/pipeline.schema.json", "nimcache": "schema/nimcache.schema.json"}


class Pair(NamedTuple):
    """A field in the CRD and in ours."""

    theirs: Schema
    ours: Place


def reason(place: Place) -> str:
    """The entry of stricter.yaml that covers a place, or ""."""
    if place.definition in REASONS["definitions"]:
        return place.definition
    path = dotted(place.path)
    return next((end for end in REASONS["paths"] if path == end or path.endswith("." + end)), "")


def pairs(theirs: Schema, ours: Schema, root: Schema, path: tuple[str, ...]) -> Iterator[Pair]:
    """Every field that both have, from the given ones down."""
    schema, name = resolve(ours, root)
    yield Pair(theirs, Place(path, schema, name))
    below = dict(children(schema))
    for key, child in children(theirs):
        if key in below:
            yield from pairs(child, below[key], root, (*path, key))


@pytest.fixture(params=KINDS, scope="module")
def both(request: pytest.FixtureRequest, facts: Path) -> tuple[Schema, Schema]:
    """A CRD's schema and ours for the same kind."""
    return both_of(request.param, facts)


def both_of(kind: str, facts: Path) -> tuple[Schema, Schema]:
    """The CRD's schema and ours for a kind."""
    theirs = load_crd(facts / "reference" / f"{kind}-crd.yaml")
    renew(theirs)
    return theirs, load(KINDS[kind])


def renew(schema: Schema, path: tuple[str, ...] = ()) -> None:
    """Take out of a CRD what the operator has given up since: the fields of `newer` are optional and have no minimum."""
    for key, child in children(schema):
        if any(dotted((*path, key)).endswith("." + end) for end in REASONS["newer"]):
            child.pop("minimum", None)
            schema["required"] = [name for name in schema.get("required", ()) if name != key]
        renew(child, (*path, key))


def spec_pairs(both: tuple[Schema, Schema]) -> list[Pair]:
    theirs, ours = both
    return list(pairs(theirs["properties"]["spec"], ours["properties"]["spec"], ours, ("spec",)))


def test_same_fields(both: tuple[Schema, Schema]) -> None:
    for theirs, ours in spec_pairs(both):
        assert {key for key, _ in children(theirs)} == {key for key, _ in children(ours.schema)}, str(ours)
        more = set(ours.schema.get("required", ())) - set(theirs.get("required", ()))
        assert set(theirs.get("required", ())) <= set(ours.schema.get("required", ())), str(ours)
        assert all(dotted((*ours.path, name)) in REASONS["paths"] for name in more), (str(ours), more)


def test_every_value_of_every_field(both: tuple[Schema, Schema]) -> None:
    """What we refuse and the CRD accepts has a reason; what we accept, the CRD accepts."""
    seen = set()
    for theirs, ours in spec_pairs(both):
        if (known := (str(theirs), id(ours.schema))) in seen:
            continue
        seen.add(known)
        their_check, our_check = sub_validator(theirs, {}), sub_validator(ours.schema, both[1])
        for value in PROBES:
            if their_check.is_valid(value) and not our_check.is_valid(value):
                assert reason(ours) or required_reason(ours), (str(ours), ours.definition, value)
            assert their_check.is_valid(value) or not our_check.is_valid(value), (str(ours), value)


def required_reason(place: Place) -> bool:
    """Whether the fields that we require at a place are in the list."""
    return any(dotted((*place.path, name)) in REASONS["paths"] for name in place.schema.get("required", ()))


def test_sampled_documents(both: tuple[Schema, Schema]) -> None:
    """Whole documents with a value at one field that the CRD accepts: each of our errors is at a field with a reason."""
    theirs, ours = both
    draw = random.Random(7)
    check = Draft7Validator(strict_end(ours["properties"]["spec"]) | {"definitions": strict_end(ours["definitions"])})
    for place in places(theirs["properties"]["spec"]):
        good = [value for value in PROBES if value is not None and sub_validator(place.schema, {}).is_valid(value)]
        for value in draw.sample(good, min(len(good), 4)):
            document = around(theirs["properties"]["spec"], place.path, value, {})
            for error in check.iter_errors(document):
                where = place_of(ours, ("spec", *error.absolute_path))
                assert reason(where) or required_reason(where), (str(where), error.message)


def place_of(root: Schema, path: tuple[Any, ...]) -> Place:
    """The place of a concrete path: ("spec", "services", 0) -> spec.services[]."""
    schema, name = root, ""
    general: tuple[str, ...] = ()
    for part in path:
        schema, _ = resolve(schema, root)
        key = ITEM if isinstance(part, int) else part if part in schema.get("properties", {}) else ENTRY
        schema, general = dict(children(schema))[key], (*general, key)
    schema, name = resolve(schema, root)
    return Place(general, schema, name)


def test_our_documents_are_the_operators(both: tuple[Schema, Schema]) -> None:
    """A document around each of our fields is one that the CRD accepts."""
    theirs, ours = both
    check = Draft7Validator(strict_end(theirs["properties"]["spec"]))
    for place in places(ours, ours["properties"]["spec"]):
        document = around(ours["properties"]["spec"], place.path, minimal(place.schema, ours), ours)
        assert check.is_valid(document), str(place)


def test_every_reason_is_needed(facts: Path) -> None:
    used = set()
    for kind in KINDS:
        theirs, ours = both_of(kind, facts)
        for pair in spec_pairs((theirs, ours)):
            their_check, our_check = sub_validator(pair.theirs, {}), sub_validator(pair.ours.schema, ours)
            if any(their_check.is_valid(value) and not our_check.is_valid(value) for value in PROBES):
                used.add(reason(pair.ours))
            used |= {dotted((*pair.ours.path, name)) for name in pair.ours.schema.get("required", ())}
    assert set(REASONS["definitions"]) | set(REASONS["paths"]) <= used
