"""Bad documents: each file of documents/ says in its first lines what must be found in it, and where.

    # expect: NH023 14:9 error

documents/expected.txt holds the whole output for all of them, so that a change of a text is reviewed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

from nimhelm.__main__ import guarded
from nimhelm.check import check_documents
from nimhelm.codes import CODES
from nimhelm.convert import convert_files, soften
from nimhelm.load import load_files

FOLDER = Path(__file__).parent / "documents"
DOCUMENTS = sorted(FOLDER.glob("*.yaml"))
EXPECT = re.compile(r"# expect: (NH\d{3}) (\d+):(\d+) (error|warning|note)\n")


def expected(path: Path) -> list[tuple[str, int, int, str]]:
    found = EXPECT.findall(path.read_text(encoding="utf-8"))
    return [(code, int(line), int(column), severity) for code, line, column, severity in found]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_findings(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = expected(path)
    exit_code = guarded(["validate", "--format", "json", str(path)])
    found = json.loads(capsys.readouterr().out)
    assert [(one["code"], one["line"], one["column"], one["severity"]) for one in found] == wanted
    assert path.stem.split("-")[0] in {one[0] for one in wanted}
    assert exit_code == any(one[3] == "error" for one in wanted)
    assert guarded(["validate", "--strict", str(path)]) == any(one[3] != "note" for one in wanted)


@pytest.mark.slow
def test_texts(
    golden: Callable[[Path, str], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    for path in DOCUMENTS:
        guarded(["validate", path.name])
    golden(FOLDER / "expected.txt", capsys.readouterr().out)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_nothing_is_built_from_a_document_with_an_error(path: Path) -> None:
    found = check_documents(load_files([str(path)]))
    stops = any(soften(one).severity == "error" for one in found)
    has_pipeline = bool(re.search("^ *kind: NIM(Pipeline|Service)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert bool(convert_files([str(path)]).charts) == (has_pipeline and not stops)


def test_what_a_chart_can_do_without() -> None:
    """The codes that a build goes on with, and for NH160 the fields: one of a cache's filters beside its profiles."""
    softened = {
        (one.code, one.field.rpartition("]")[2])
        for path in DOCUMENTS
        for one in check_documents(load_files([str(path)]))
        if one.severity == "error" and soften(one).severity == "warning"
    }
    assert {code for code, _ in softened} == {"NH024", "NH060", "NH094", "NH124", "NH160"}
    assert {field for code, field in softened if code == "NH160"} == {
        "spec.source.ngc.model.lora", "spec.source.ngc.model.precision",
    }  # fmt: skip


def test_every_code_has_a_document() -> None:
    assert set(CODES) == {path.stem.split("-")[0] for path in (*DOCUMENTS, *(FOLDER / "values").glob("*.yaml"))}


def test_the_docs_list_every_code() -> None:
    text = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| (NH\d{3}) \| (.*) \|$", text, re.MULTILINE)) == CODES
