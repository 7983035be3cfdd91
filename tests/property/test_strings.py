"""Any string of a pipeline reaches the cluster as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Helm
from echo import as_helm_holds, values_of_helm
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import pipeline, service

from nimhelm.convert import convert_files, write
from nimhelm.yamlread import read
from nimhelm.yamlwrite import dump

PIECES = [
    "{{", "}}", "{{ .Values }}", "\n", "\n\n", " ", "  ", "\t", "\r\n", "\r", ": ", " #", "- ", "? ", "---", "...", "'", '"', "\\",
    "%", "yes", "no", "null", "~", "1e3", "0o14", "0x1f", "1_0", ".5", "2026-01-01", "12:30", "<<", "=", "*a", "&a", "!a", "|",
    ">", "[", "{", "${A}", "$(A)", "`", "@", "\0", "\x1b", "\x7f", "\x85", "\xa0", "\u2028", "\ufeff", "é", "日本", "😀", "a", "B",
    "0", "_", "-", ".",
]  # fmt: skip
CHARACTERS = st.characters(exclude_categories=["Cs"])
STRINGS = st.one_of(
    st.text(CHARACTERS, max_size=20),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join),
    st.text("0123456789+-._eExXoObBnNyYaAfF:", min_size=1, max_size=6),
)
MANY = st.lists(STRINGS, min_size=150, max_size=300)
few = settings(max_examples=10, deadline=None, derandomize=True, database=None)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(MANY)
def test_written_and_read(strings: list[str]) -> None:
    data = {
        "values": strings,
        "keys": {text: 1 for text in strings if text != "<<"},
        "deep": [{"a": [{"b": strings[:5]}]}],
    }
    written = dump(data)
    documents, findings = read("f.yaml", written)
    assert findings == []
    assert documents[0].data == data == yaml.load(written, Loader=yaml.CSafeLoader)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("strings")


@few
@given(MANY)
def test_written_and_read_by_helm(helm: Helm, folder: Path, strings: list[str]) -> None:
    data = {"values": strings, "keys": dict.fromkeys((text for text in strings if text != "<<"), 1)}
    assert values_of_helm(helm, folder, dump(data)) == as_helm_holds(data, helm)


@few
@given(
    st.lists(
        st.text("0123456789+-._eExXoObBnNyYaAfF:~", min_size=1, max_size=6), min_size=200, max_size=200, unique=True
    )
)
def test_plain_scalars_mean_to_us_what_they_mean_to_helm(helm4: Helm, folder: Path, scalars: list[str]) -> None:
    plain = [text for text in scalars if is_plain(text)]
    text = "values:\n" + "".join(f"  - {one}\n" for one in plain)
    documents, findings = read("f.yaml", text)
    assert findings == []
    assert values_of_helm(helm4, folder, text) == as_helm_holds(documents[0].data, helm4)


def is_plain(text: str) -> bool:
    """Whether a list item of this text is a scalar, and one that JSON can hold."""
    if text.lower().lstrip("+-") in (".inf", ".nan") or text.startswith("---"):
        return False
    try:
        found = yaml.load(f"- {text}\n", Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return False
    return bool(found == [text])


@few
@given(MANY)
def test_from_the_pipeline_to_the_objects(helm4: Helm, folder: Path, strings: list[str]) -> None:
    spec = {
        "args": strings,
        "command": strings[:10],
        "env": [{"name": f"V{index}", "value": text} for index, text in enumerate(strings)],
        "annotations": {f"note-{index}": text for index, text in enumerate(strings[:50])},
        "schedulerName": strings[0],
    }
    path = folder / "pipeline.yaml"
    path.write_text(dump(pipeline(service("llm", **spec))), encoding="utf-8", newline="")
    converted = convert_files([str(path)])
    (chart,) = write(converted.charts, folder, force=True)
    objects = [one for one in yaml.load_all(helm4.template(chart).stdout, Loader=yaml.CSafeLoader) if one]
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    variables: dict[str, Any] = {one["name"]: one.get("value") for one in container["env"]}
    assert container["args"] == strings
    assert container["command"] == strings[:10]
    assert [variables[f"V{index}"] or "" for index in range(len(strings))] == strings
    assert [deployment["metadata"]["annotations"][f"note-{index}"] for index in range(len(strings[:50]))] == strings[
        :50
    ]
    assert deployment["spec"]["template"]["spec"].get("schedulerName", "") == strings[0]
