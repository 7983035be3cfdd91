"""No name that a user gives becomes an option of kubectl or helm."""

from __future__ import annotations

from pathlib import Path

import pytest

from nimhelm.cli import run_click
from nimhelm.errors import KubectlError


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "-n", "--kubeconfig=evil", "r"],
        ["status", "--context", "--kubeconfig=evil", "r"],
        ["status", "--", "--kubeconfig=evil"],
        ["timeline", "-n", "--kubeconfig=evil", "r"],
        ["adopt", "-n", "ns", "--", "--post-renderer=evil", "chart"],
        ["adopt", "-n", "ns", "--", "r", "--post-renderer=evil"],
        ["adopt", "-n", "--post-renderer=evil", "r", "chart"],
        ["adopt", "-n", "ns", "--context", "--post-renderer=evil", "r", "chart"],
        ["adopt", "-n", "ns", "--timeout", "--post-renderer=evil", "r", "chart"],
    ],
)
def test_names_are_no_options(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a tool was started")

    monkeypatch.setattr("subprocess.Popen", never)
    assert run_click(arguments) == 2
    assert "evil" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["--kubeconfig=evil", "-evil", "evil,app", "evil in (a)"])
def test_a_picture_is_of_a_file_or_a_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a tool was started")

    monkeypatch.setattr("subprocess.Popen", never)
    with pytest.raises(KubectlError, match="neither a file nor a release"):
        run_click(["graph", "--", name])


@pytest.mark.parametrize("value", ["!!str {b: c}", "!!int [1]", "!own {b: c}", "!!map [1]"])
def test_a_tag_on_a_mapping_or_list_is_a_finding_or_nothing(value: str) -> None:
    from nimhelm.yamlread import read

    documents, findings = read("x", f"a: {value}\n")
    assert documents or [(one.code, one.line, one.column) for one in findings] == [("NH004", 1, 4)]


def test_saved_files_are_private(tmp_path: Path) -> None:
    from nimhelm.savefile import save_private

    (tmp_path / "pods.json").write_text("old")
    save_private(tmp_path, {"pods.json": b"{}"}, set())
    assert (tmp_path / "pods.json").stat().st_mode & 0o777 == 0o600
