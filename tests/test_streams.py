"""Standard streams that are closed, full, or not read; and JSON in every encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from pipelines import pipeline, service, text

pytestmark = pytest.mark.slow

RAG = ROOT / "examples" / "rag-pipeline.yaml"
FULL = Path("/dev/full")


def shell(line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in a folder; `$nimhelm` runs the command."""
    nimhelm = f"{sys.executable} -m nimhelm"
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "",
        "PYTHONPATH": str(ROOT),
        "nimhelm": nimhelm,
        "RAG": str(RAG),
        **env,
    }
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, capture_output=True, check=False
    )


@pytest.mark.parametrize(
    ("line", "code", "built"),
    [
        ("$nimhelm build $RAG | true", 0, True),
        ("$nimhelm build $RAG 2>&1 | true", 0, True),
        ("$nimhelm build $RAG >&-", 0, True),
        ("$nimhelm build $RAG <&- >&- 2>&-", 0, True),
        ("$nimhelm build - <&-", 1, False),
        ("$nimhelm schema values | true", 0, False),
        ("$nimhelm validate wrong.yaml | true", 1, False),
        ("$nimhelm validate --format json wrong.yaml 2>&- | true", 1, False),
        ("$nimhelm --help | true", 0, False),
    ],
)
def test_a_missing_reader_changes_no_exit_code(line: str, code: int, built: bool, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(text(pipeline(service(replicas=-1))))
    done = shell(line, tmp_path)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr
    assert b"internal error" not in done.stderr
    assert (tmp_path / "rag-pipeline" / "Chart.yaml").is_file() == built


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("command", ["schema values", "validate $RAG --format json", "build $RAG", "--help"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_said(command: str, unbuffered: str, tmp_path: Path) -> None:
    done = shell(f"$nimhelm {command} > /dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 3
    assert b"nimhelm: standard output cannot be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert shell("$nimhelm validate $RAG 2> /dev/full", tmp_path).returncode == 0


@pytest.mark.parametrize("output", ["json", "sarif"])
@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "utf-16"},
        {"PYTHONIOENCODING": "cp037"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONUNBUFFERED": "1"},
    ],
)
def test_json_in_every_encoding(output: str, env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "é #1.yaml"
    path.write_text(text(pipeline(service("a", "b"), service("b", "a"), {"name": "é"})))
    done = shell(f"$nimhelm validate --format {output} *.yaml", tmp_path, **env)
    assert done.returncode == 1
    json.loads(done.stdout.decode("utf-8"))


def test_what_an_encoding_lacks_is_an_escape_of_json() -> None:
    from nimhelm.streams import _escaped

    shown, place = _escaped(UnicodeEncodeError("ascii", "aé😀\udcff", 1, 4, ""))
    assert (shown, place) == ("\\u00e9\\ud83d\\ude00\\udcff", 4)
