"""The schemas as editors get them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import EXAMPLES, ROOT, run_nimhelm
from pipelines import cache, pipeline, service

pytestmark = pytest.mark.slow

PICKED = [*EXAMPLES, ROOT / "tests" / "everything.yaml"]


def printed(kind: str) -> Any:
    return json.loads(run_nimhelm("schema", kind, check=True).stdout)


def errors(schema: Any, document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(document)]


@pytest.mark.parametrize("path", PICKED, ids=lambda path: path.stem)
def test_the_schema_of_values_takes_every_generated_file(path: Path, tmp_path: Path) -> None:
    run_nimhelm("build", path, "-o", tmp_path, check=True)
    schema = printed("values")
    for values in tmp_path.glob("*/values.yaml"):
        tree = yaml.safe_load(values.read_text())
        assert errors(schema, tree) == []
        name = next(key for key in tree if key not in ("global", "nimCaches"))
        assert errors(schema, {name: {**tree[name], "replica": 1}})
        assert errors(schema, {"global": {"nimhelm": {"waitImages": "x"}}})


@pytest.mark.parametrize("path", PICKED, ids=lambda path: path.stem)
def test_the_schema_of_a_file_takes_every_document(path: Path) -> None:
    schema = printed("file")
    for document in yaml.safe_load_all(path.read_text()):
        assert errors(schema, document) == []


def test_the_schema_of_a_file_goes_by_kind() -> None:
    schema = printed("file")
    jsonschema.Draft7Validator.check_schema(schema)
    alone = {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMService",
        "metadata": {"name": "a"},
        "spec": service()["spec"],
    }
    assert errors(schema, alone) == []
    for good in (pipeline(), cache(), {"apiVersion": "v1", "kind": "Secret", "data": {}}, {"a": 1}):
        assert errors(schema, good) == []
    for document in (
        pipeline(service(replica=1)),
        cache(sources={}),
        {**alone, "spec": {**alone["spec"], "images": {}}},
    ):
        assert errors(schema, document)


@pytest.mark.parametrize("kind", ["file", "pipeline", "nimservice", "nimcache", "values"])
def test_what_schemastore_asks_for(kind: str) -> None:
    """Draft 7, an id, a title, and no reference to anywhere else."""
    schema = printed(kind)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["$id"].startswith("https://")
    assert schema["title"]
    assert schema["description"]
    text = json.dumps(schema)
    assert text.count('"$ref": "') == text.count('"$ref": "#/')
