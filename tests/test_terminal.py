"""Findings at a terminal: colour, source and caret, a summary; a pipe gets plain lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipelines import pipeline, service, text

from nimhelm.__main__ import guarded
from nimhelm.terminal import coloured


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text(text(pipeline(service(replicas=-1), {"name": "off"})))
    return path


def test_the_line_of_the_file_with_a_caret(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["validate", "--show-source", str(wrong)]) == 1
    rows = capsys.readouterr().out.splitlines()
    row = next(index for index, one in enumerate(rows) if "replicas: -1" in one)
    assert rows[row + 1].index("^") == rows[row].index("-1")
    assert rows[-1] == "1 error, 1 warning in 1 file"
    assert "\x1b" not in "".join(rows)


def test_colour_and_quiet(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["validate", "--color", "always", "-q", str(wrong)]) == 1
    said = capsys.readouterr().out
    assert ": \x1b[1;31merror\x1b[0m NH013" in said
    assert "warning" not in said


def test_a_pipe_gets_plain_lines(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["validate", str(wrong)]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_when_there_is_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("auto", True)
    assert not coloured("auto", False)
    assert coloured("always", False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured("auto", True)
    assert not coloured("never", True)
