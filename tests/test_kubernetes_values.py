"""Values that become fields of a pod, a Deployment or a Service are held against what Kubernetes takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_values import (
    ACCEPTED,
    LOST,
    OBJECTS_ACCEPTED,
    OBJECTS_REFUSED,
    PODS_ACCEPTED,
    PODS_REFUSED,
    REFUSED,
    REFUSED_BY_KEDA,
    REFUSED_LATER,
    rows,
)

from nimhelm.assets import schema
from nimhelm.rules.kubernetes import FIELDS, ONE_OF, RULES
from nimhelm.rules.objects import check_objects
from nimhelm.validate_values import chart_values, check_values_file
from nimhelm.yamlread import Document, Mark

Rag = tuple[Any, ...]
"""A chart's values, schema and all that goes with them, as chart_values reads them."""


@pytest.fixture(scope="module")
def rag(built: Path) -> Rag:
    return chart_values(built / "rag-pipeline")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all rows: to make one for each takes as long as to check it."""
    return tmp_path_factory.mktemp("values")


def errors(values: object, chart: Rag, folder: Path, key: str = "llm-service") -> list[Any]:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump({key: values}))
    found = check_values_file(str(path), *chart)[0]
    return [one for one in found if one.severity == "error"]


@pytest.mark.parametrize("values", rows(REFUSED) + rows(LOST) + rows(REFUSED_BY_KEDA) + rows(REFUSED_LATER), ids=str)
def test_refused(values: dict[str, Any], rag: Rag, folder: Path) -> None:
    """Each with one finding, at the field that is wrong. A value of the wrong kind needs no further way out."""
    found = errors(values, rag, folder)
    assert len(found) == 1, found
    assert found[0].field.startswith(f"llm-service.{next(iter(values))}"), found
    assert found[0].hint or " must " in found[0].message or "at most" in found[0].message, found
    assert found[0].line > 1


@pytest.mark.parametrize("values", rows(ACCEPTED), ids=str)
def test_accepted(values: dict[str, Any], rag: Rag, folder: Path) -> None:
    assert errors(values, rag, folder) == []


CACHE = {"source": {"ngc": {"modelPuller": "a:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}


def pod_errors(values: dict[str, Any], chart: Rag, folder: Path) -> list[Any]:
    """The errors of a values file with fields of the cache `c`, or of all services."""
    for cache in values.get("nimCaches", {}).values():
        cache.update(CACHE)
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return [one for one in check_values_file(str(path), *chart)[0] if one.severity == "error"]


@pytest.mark.parametrize("values", rows(PODS_REFUSED), ids=str)
def test_overlays_of_other_pods_refused(values: dict[str, Any], rag: Rag, folder: Path) -> None:
    found = pod_errors(values, rag, folder)
    assert len(found) == 1, found
    assert found[0].hint or " must " in found[0].message, found


@pytest.mark.parametrize("values", rows(PODS_ACCEPTED), ids=str)
def test_overlays_of_other_pods_accepted(values: dict[str, Any], rag: Rag, folder: Path) -> None:
    assert pod_errors(values, rag, folder) == []


@pytest.mark.parametrize("each", rows(OBJECTS_REFUSED), ids=str)
def test_objects_refused(each: dict[str, Any], rag: Rag, folder: Path) -> None:
    found = errors([each], rag, folder, "extraObjects")
    assert len(found) == 1, found
    assert found[0].field.startswith("extraObjects[0]."), found


def test_objects_accepted(rag: Rag, folder: Path) -> None:
    objects = rows(OBJECTS_ACCEPTED)
    assert errors(objects, rag, folder, "extraObjects") == []
    twice = errors([*objects, objects[0]], rag, folder, "extraObjects")
    assert [one.field for one in twice] == [f"extraObjects[{len(objects)}].metadata.name"]


def test_the_tables_name_types_and_fields_that_exist() -> None:
    types = schema("kubernetes")["definitions"]
    assert {each.type for each in FIELDS} | set(ONE_OF) | set(RULES) <= set(types)
    for each in FIELDS:
        below = schema("values")["definitions"]["service"]
        for part in each.field:
            below = below["properties"][part]
            below = schema("values")["definitions"][below["$ref"].rpartition("/")[2]] if "$ref" in below else below
        assert below["type"][0] == ("array" if each.listed else "object"), each


def test_every_free_value_has_a_type() -> None:
    """A value of a service that takes any mapping is held against a type of Kubernetes."""
    free = set(free_values(schema("values")["definitions"]["service"], ())) - {("global",)}
    assert free == {each.field for each in FIELDS}


def free_values(shape: dict[str, Any], field: tuple[str, ...]) -> Any:
    definitions = schema("values")["definitions"]
    shape = definitions[shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
    if "object" in shape.get("type", ()) and not {"properties", "additionalProperties"} & set(shape):
        yield field
    for name, child in shape.get("properties", {}).items():
        yield from free_values(child, (*field, name))
    if isinstance(shape.get("items"), dict):
        yield from free_values(shape["items"], field)


ODD = [5, "x", True, 1.5, [], [5], [[1]], ["x", None], {}, {"x": 1}, {"name": [1]}, {"type": {"a": 1}}]
KEYS = (
    "type", "name", "ip", "nameservers", "options", "rollingUpdate", "limits", "requests", "resources", "containers",
    "initContainers", "volumes", "preStop", "secretRef", "capabilities", "minDomains", "ports", "runAsUser",
)  # fmt: skip


def nested(field: tuple[str, ...], value: object) -> dict[str, Any]:
    return {field[0]: nested(field[1:], value) if len(field) > 1 else value}


@pytest.mark.slow
@pytest.mark.parametrize("field", [each.field for each in FIELDS], ids=".".join)
def test_rules_survive_any_value(field: tuple[str, ...], rag: Rag, folder: Path) -> None:
    """A value of the wrong kind is a finding of the schema; no rule trips over it."""
    for value in ODD:
        errors(nested(field, value), rag, folder)
        errors(nested(field, dict.fromkeys(KEYS, value)), rag, folder)
        errors(nested(field, [dict.fromkeys(KEYS, value)]), rag, folder)


ODD: tuple[Any, ...] = (None, 5, "a", True, [], {}, [None], ["a"], [5], {"a": None}, {"name": []}, 1.5, [[]], [{}])


@pytest.mark.slow
@pytest.mark.parametrize("each", rows(OBJECTS_ACCEPTED), ids=str)
def test_objects_of_any_shape_stop_nothing(each: dict[str, Any]) -> None:
    """Every value of an object is replaced by odd ones, one after the other; whatever is said of it, it is a finding."""
    for odd in ODD:
        for changed in replaced(each, odd):
            document = Document("values.yaml", {"extraObjects": [changed]}, {(): Mark(1, 1, 1, 1)})
            assert all(found.message for found in check_objects(document))


def replaced(value: Any, odd: Any) -> Iterator[Any]:
    yield odd
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        for changed in replaced(child, odd):
            if isinstance(value, dict):
                yield {**value, key: changed}
            else:
                yield [*value[:key], changed, *value[key + 1 :]]
