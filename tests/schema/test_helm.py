"""The schemas in real Helm: what it accepts and refuses is what the schemas say, on both versions."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from .places import Schema, load, places
from .samples import accepted, around, minimal, refused
from .test_fields import SCHEMAS, with_services

CHART = "apiVersion: v2\nname: throwaway\nversion: 0.1.0\n"
TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: throwaway}\n"


def write_chart(folder: Path, schema: Schema) -> None:
    """A chart that is nothing but its schema."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(CHART, "utf-8")
    (folder / "values.schema.json").write_text(json.dumps(schema), "utf-8")
    (folder / "templates" / "configmap.yaml").write_text(TEMPLATE, "utf-8")


def template(helm: Path, chart: Path, values: Any) -> subprocess.CompletedProcess[str]:
    """`helm template` of a chart with values."""
    file = chart / "given.yaml"
    file.write_text(yaml.dump(values, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)), "utf-8")
    return subprocess.run([helm, "template", chart, "-f", file], capture_output=True, text=True, check=False)


def many(schema: Schema) -> Schema:
    """A schema of a map of documents that each follow the given one: one call of Helm then judges them all."""
    document = {key: value for key, value in schema.items() if key not in ("definitions", "$id", "$schema")}
    return {
        "$schema": schema["$schema"],
        "additionalProperties": {"$ref": "#/definitions/document"},
        "definitions": {**schema["definitions"], "document": document},
    }


@pytest.mark.parametrize("path", SCHEMAS)
def test_accepted_values(path: str, helm: Path, tmp_path: Path) -> None:
    root = with_services(load(path))
    write_chart(tmp_path / "chart", many(root))
    good = [around(root, place.path, value, root) for place in once(root) for value in accepted(place.schema, root)]
    run = template(helm, tmp_path / "chart", {f"d{number}": document for number, document in enumerate(good)})
    assert run.returncode == 0, run.stderr[:4000]


@pytest.mark.parametrize("path", SCHEMAS)
def test_refused_values(path: str, helm: Path, tmp_path: Path) -> None:
    root = with_services(load(path))
    write_chart(tmp_path / "chart", many(root))
    wrong = [(place, keyword, value) for place in once(root) for keyword, value in refused(place.schema, root)]
    bad = [around(root, place.path, value, root) for place, keyword, value in wrong if keyword != "propertyNames"]
    run = template(helm, tmp_path / "chart", {f"d{number}": document for number, document in enumerate(bad)})
    named = {int(number) for number in re.findall(r"/d(\d+)\b", run.stderr)}
    assert [document for number, document in enumerate(bad) if number not in named] == []


@pytest.mark.parametrize("path", SCHEMAS)
def test_refused_keys(path: str, helm: Path, tmp_path: Path) -> None:
    """One call each: Helm names a key that propertyNames refuses, and not where it stands."""
    root = with_services(load(path))
    write_chart(tmp_path / "chart", root)
    for place in once(root):
        for value in [value for keyword, value in refused(place.schema, root) if keyword == "propertyNames"]:
            run = template(helm, tmp_path / "chart", around(root, place.path, value, root))
            assert "invalid propertyName" in run.stderr, (str(place), value)


def once(root: Schema) -> list[Any]:
    """Every place of a schema that has a schema of its own, one path for each."""
    return list({id(place.schema): place for place in places(root)}.values())


def test_a_wrong_value_of_a_service_is_reported_once(helm: Path, tmp_path: Path) -> None:
    """As in a generated chart: the umbrella's schema judges the block with what Helm adds; the subchart has none."""
    umbrella = with_services(load("schema/values.schema.json"))
    write_chart(tmp_path / "chart", umbrella)
    write_chart(tmp_path / "chart" / "charts" / "llm", {})
    (tmp_path / "chart" / "charts" / "llm" / "values.schema.json").unlink()
    (tmp_path / "chart" / "charts" / "llm" / "Chart.yaml").write_text(CHART.replace("throwaway", "llm"), "utf-8")
    dependency = "dependencies:\n- {name: llm, version: 0.1.0, repository: '', condition: llm.enabled}\n"
    (tmp_path / "chart" / "Chart.yaml").write_text(CHART + dependency, "utf-8")
    block = {**minimal(umbrella["definitions"]["service"], umbrella), "enabled": True, "replicas": 2}
    values = {"llm": block, "global": {"nimhelm": {"waitEnabled": False}, "other": 1}, "tags": {"a": True}}
    assert template(helm, tmp_path / "chart", {**values, "enabled": True}).returncode == 0
    for wrong in ({"replica": 2}, {"replicas": "2"}, {"image": {"repository": "a", "tag": 1.1}}):
        run = template(helm, tmp_path / "chart", {**values, "llm": {**block, **wrong}})
        assert run.returncode != 0
        assert len(re.findall(r"^- at '/?llm", run.stderr, re.MULTILINE)) == 1, run.stderr
