"""No name that a user gives becomes an option of kubectl or helm."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
import pytest
from conftest import Helm

from nimhelm.cli import run_click
from nimhelm.errors import KubectlError, NimhelmError
from nimhelm.helm import run_helm
from nimhelm.options import duration, go_duration, mirror_registry


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


VALUES = b"llm-service: {replicas: 2}\n"


def on_standard_input(_: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(VALUES)))
    return "-"


def in_a_pipe(folder: Path, _: pytest.MonkeyPatch) -> str:
    os.mkfifo(folder / "pipe")
    threading.Thread(target=(folder / "pipe").write_bytes, args=[VALUES], daemon=True).start()
    return str(folder / "pipe")


def called(name: str) -> Callable[[Path, pytest.MonkeyPatch], str]:
    def make(folder: Path, _: pytest.MonkeyPatch) -> str:
        (folder / name).write_bytes(VALUES)
        return str(folder / name)

    return make


@pytest.mark.parametrize(
    "make", [on_standard_input, in_a_pipe, *map(called, ["a,b.yaml", 'a".yaml', "a b.yaml", "a\nb", "50%", "漢"])]
)
def test_values_are_read_from_everywhere_by_every_run_of_helm(
    make: Callable[[Path, pytest.MonkeyPatch], str],
    helm: Helm,
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HELM", str(helm.binary))
    path, chart = make(tmp_path, monkeypatch), str(built / "rag-pipeline")
    assert run_click(["diff", "-o", "json", chart, chart, "-f", path]) == 0
    assert json.loads(capsys.readouterr().out)["changes"] == []
    for _ in range(2):
        assert "replicas: 2" in run_helm("template", names=("r", chart), values=[path])


@pytest.mark.parametrize("name", ["tmp,x", 'tmp"x', "50%"])
def test_a_folder_for_temporary_files_of_any_name(
    name: str, helm: Helm, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / name))
    monkeypatch.setenv("HELM", str(helm.binary))
    assert run_click(["images", str(built / "rag-pipeline")]) == 0


@pytest.mark.parametrize("command", [["adopt", "-n", "ns", "r"], ["preflight"], ["graph"], ["images"], ["timeline"]])
@pytest.mark.parametrize("name", ["Chart.yaml", "values.yaml"])
@pytest.mark.parametrize("content", ["name: [a\n", "- a\n", "a: !!binary x\n", "? [a]\n: b\n", "\0", "a: !x b\n", ""])
def test_a_damaged_chart_is_a_sentence(
    content: str, name: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECTL", "absent")
    (tmp_path / "Chart.yaml").write_text("name: a\nannotations: {nimhelm.dev/pipeline: a, nimhelm.dev/order: a}\n")
    (tmp_path / "values.yaml").write_text("{}\n")
    (tmp_path / name).write_text(content)
    with suppress(NimhelmError):
        run_click([*command, str(tmp_path)])


@pytest.mark.slow
@pytest.mark.parametrize("command", [["status", "rag"], ["status", "rag", "-o", "json"], ["timeline", "rag"]])
@pytest.mark.parametrize("saved", ["saved", "saved.tgz"])
def test_half_a_character_is_saved_as_it_was_read(saved: str, command: list[str], tmp_path: Path) -> None:
    recorded = Path(__file__).parent / "timeline" / "recorded" / "waiting"
    (tmp_path / "dump").mkdir()
    for path in recorded.iterdir():
        (tmp_path / "dump" / path.name).write_text(path.read_text().replace('"image": "', '"image": "\\ud800'))
    run_click(["status", "rag", "--from-dir", str(tmp_path / "dump"), "--save", str(tmp_path / saved)])
    assert run_click([*command, "--from-dir", str(tmp_path / saved)]) in (0, 1)
    if saved == "saved":
        assert '"image": "\\ud800' in (tmp_path / saved / "pods.json").read_text()


def test_a_pipe_beside_a_saved_cluster_is_left_alone(tmp_path: Path) -> None:
    from nimhelm.preflight.cluster import Reach
    from nimhelm.preflight.dump import load

    (tmp_path / "preflight.json").write_text('{"kinds": []}')
    os.mkfifo(tmp_path / "pods.json")
    assert load(str(tmp_path), Reach("chart", "r", "ns")).lists == {}


@pytest.mark.parametrize("mirror", ["--evil", "-x/nim", ".hidden", "mirror.example.com:１"])
def test_a_mirror_is_no_option_of_the_tools_that_copy(mirror: str) -> None:
    with pytest.raises(click.BadParameter):
        mirror_registry(None, None, mirror)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["500h1s", "9" * 5000, "1e3s", "１０m", "", "h", "1.m", "-1m"])
def test_durations_that_no_tool_takes(value: str) -> None:
    for read in (duration, go_duration):
        with pytest.raises(click.BadParameter):
            read(None, None, value)  # type: ignore[arg-type]
