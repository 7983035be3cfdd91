"""Findings as text, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from nimhelm.codes import CODES
from nimhelm.finding import Finding, has_errors
from nimhelm.report import REPORTERS, as_json, dumped, github, printable, sarif, text

ERROR = Finding("a.yaml", 14, 9, "NH023", "error", "llm depends on x", "spec.services[0]", "did you mean y?")
WARNING = Finding("dir/b.yaml", 1, 1, "NH029", "warning", "no service is enabled")
NASTY = Finding("a,b:c%\n.yaml", 2, 3, "NH010", "error", "unknown\x1b[31m field\r\n::error::%", "", "100%\n")


def test_text() -> None:
    assert text([ERROR, WARNING]) == (
        "a.yaml:14:9: error NH023: llm depends on x (spec.services[0]); did you mean y?\n"
        "dir/b.yaml:1:1: warning NH029: no service is enabled\n"
    )
    assert text([]) == ""


def test_text_cannot_steer_a_terminal() -> None:
    shown = text([NASTY])
    assert shown == "a,b:c%\\n.yaml:2:3: error NH010: unknown\\x1b[31m field\\r\\n::error::%; 100%\\n\n"
    assert printable("é 日本 →\u202e\u2028\x07") == "é 日本 →\\u202e\\u2028\\x07"


def test_json() -> None:
    assert json.loads(as_json([ERROR, WARNING, NASTY])) == [one._asdict() for one in (ERROR, WARNING, NASTY)]
    assert json.loads(as_json([])) == []
    assert list(json.loads(as_json([ERROR]))[0]) == [
        "path", "line", "column", "code", "severity", "message", "field", "hint",
    ]  # fmt: skip


def test_github() -> None:
    assert github([ERROR, WARNING]) == (
        "::error file=a.yaml,line=14,col=9,title=NH023::llm depends on x; did you mean y?\n"
        "::warning file=dir/b.yaml,line=1,col=1,title=NH029::no service is enabled\n"
    )


def test_a_github_annotation_cannot_be_broken_out_of() -> None:
    shown = github([NASTY])
    assert shown == (
        "::error file=a%2Cb%3Ac%25%0A.yaml,line=2,col=3,title=NH010::unknown\\x1b[31m field%0D%0A::error::%25; 100%25%0A\n"
    )


@pytest.mark.parametrize("path", ["::error::x", " ::error::x", "##[error]x", "a ##vso[task.setvariable]x", "\u2028::x"])
def test_no_line_is_a_command_of_a_runner(path: str) -> None:
    shown = text([ERROR._replace(path=path)]) + github([ERROR._replace(path=path, message="##[group]x")])
    assert not any(row.strip().startswith("::") for row in text([ERROR._replace(path=path)]).splitlines())
    assert len(shown.splitlines()) == 2
    assert "##[" not in shown
    assert "##vso[" not in shown


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b#c%.yaml", "a%20b%23c%25.yaml"),
        ("d/é.yaml", "d/%C3%A9.yaml"),
        ("a:b?.yaml", "a%3Ab%3F.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("back\\slash", "back%5Cslash"),
        ("\udcff.yaml", "%FF.yaml"),
    ],
)
def test_a_path_is_a_uri(path: str, uri: str) -> None:
    (run,) = json.loads(sarif([ERROR._replace(path=path)]))["runs"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize(
    ("path", "named", "at_home"),
    [
        ("./a.yaml", "deploy/a.yaml", "a.yaml"),
        ("x/../a.yaml", "deploy/a.yaml", "a.yaml"),
        ("../a.yaml", "a.yaml", "../a.yaml"),
        ("{root}/deploy/a.yaml", "deploy/a.yaml", "{root}/deploy/a.yaml"),
        ("../../elsewhere/a.yaml", "../../elsewhere/a.yaml", "../../elsewhere/a.yaml"),
        ("<stdin>", "<stdin>", "<stdin>"),
    ],
)
def test_github_gets_paths_from_the_folder_of_the_checkout(
    path: str, named: str, at_home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deploy").mkdir()
    monkeypatch.chdir(tmp_path / "deploy")
    finding = ERROR._replace(path=path.format(root=tmp_path))
    for root, expected in ((str(tmp_path), named), ("", at_home.format(root=tmp_path))):
        monkeypatch.setenv("GITHUB_WORKSPACE", root)
        assert github([finding]).startswith(f"::error file={expected},line=14,")
        (run,) = json.loads(sarif([finding]))["runs"]
        uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(uri) == expected


def test_json_is_ascii_and_has_whole_characters() -> None:
    finding = ERROR._replace(path="\udcff", message="é 😀")
    for shown in (as_json([finding]), sarif([finding])):
        assert shown.isascii()
        json.dumps(json.loads(shown), ensure_ascii=False).encode()
    assert json.loads(as_json([finding]))[0]["message"] == "é 😀"


def test_sarif() -> None:
    document = json.loads(sarif([ERROR, WARNING, ERROR]))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert rules == [{"id": code, "shortDescription": {"text": CODES[code]}} for code in ("NH023", "NH029")]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("NH023", "error"), ("NH029", "warning"), ("NH023", "error"),
    ]  # fmt: skip
    assert run["results"][0]["message"] == {"text": "llm depends on x; did you mean y?"}
    assert run["results"][1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "dir/b.yaml"},
                "region": {"startLine": 1, "startColumn": 1},
            }
        }
    ]


def test_sarif_without_findings_is_still_a_run() -> None:
    (run,) = json.loads(sarif([]))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["name"] == "nimhelm"


def test_every_reporter_takes_any_finding() -> None:
    for code in CODES:
        for report in REPORTERS.values():
            assert code in report([ERROR._replace(code=code)])


def test_findings_sort_by_place() -> None:
    places = [("b", 1, 1), ("a", 10, 1), ("a", 9, 2), ("a", 9, 1)]
    found = sorted(Finding(path, line, column, "NH001", "error", "") for path, line, column in places)
    assert [one[:3] for one in found] == sorted(places)


def test_what_stops() -> None:
    assert has_errors([WARNING, ERROR])
    assert not has_errors([WARNING])
    assert has_errors([WARNING], strict=True)
    assert not has_errors([], strict=True)


@pytest.mark.parametrize("given", ["\udcff", "a\ud800b", "\U0001f600é\u2028\x1b", '"\\ud800"'])
def test_json_is_ascii_and_strict(given: str) -> None:
    """A message may name a file, and a file's name may hold any byte."""
    printed = dumped({"a": [given]})
    assert printed.isascii()
    read = json.loads(printed)["a"][0]
    assert read == re.sub("[\ud800-\udfff]", "\ufffd", given)
    read.encode()
