"""The wheel: installed somewhere else, it builds the same charts from any folder."""

from __future__ import annotations

import email
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from conftest import EXAMPLES, ROOT

from nimhelm import __version__
from nimhelm.chart.read import read_folder

pytestmark = pytest.mark.slow


def test_what_the_wheel_holds(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    for name in ("chart-template", "schema"):
        files = {path: content for path, content in read_folder(ROOT / name).items() if "__pycache__" not in path}
        prefix = f"nimhelm/_assets/{name}/"
        assert {
            path.removeprefix(prefix): content for path, content in held.items() if path.startswith(prefix)
        } == files
    assert not [name for name in held if name.startswith(("tests", "tools", "examples"))]
    assert f"nimhelm-{__version__}.dist-info/licenses/LICENSE" in held
    assert "nimhelm/py.typed" in held


def test_what_an_index_shows(wheel: Path) -> None:
    """Classifiers, licence and the README, and no link to a site that may not exist."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"nimhelm-{__version__}.dist-info/METADATA").decode()
    fields = email.message_from_string(metadata)
    assert not fields.get_all("Project-URL", [])
    assert "Typing :: Typed" in fields.get_all("Classifier", [])
    assert fields["Description-Content-Type"] == "text/markdown"
    assert fields["License-Expression"] == "Apache-2.0"
    assert f"## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_it_builds_the_same_charts_from_another_folder(installed: Path, built: Path, tmp_path: Path) -> None:
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for example in EXAMPLES:
        (tmp_path / example.name).write_bytes(example.read_bytes())
        command = [installed, "build", example.name]
        subprocess.run(command, check=True, cwd=tmp_path, env=clean, capture_output=True)
        assert read_folder(tmp_path / example.stem) == read_folder(built / example.stem)
    ran = subprocess.run([installed, "-V"], check=True, cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert ran.stdout == f"nimhelm {__version__}\n"
    program = "import nimhelm; print(nimhelm.__file__)"
    where = subprocess.check_output([installed.parent / "python", "-c", program], cwd=tmp_path, env=clean, text=True)
    assert where.startswith(str(installed.parent.parent))
