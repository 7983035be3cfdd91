"""The wheel: installed somewhere else, it builds the same charts from any folder."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import EXAMPLES, ROOT

from nimhelm import __version__
from nimhelm.chart.read import read_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: the wheel cannot be built without network")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `nimhelm` of a virtual environment that holds the wheel; what it depends on is lent by the running one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    (next(folder.glob("lib/python*/site-packages")) / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "nimhelm"


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
