"""Fixtures that all tests share: the real helm binaries, the command line, the examples."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(os.environ.get("NIMHELM_TOOLS", ROOT / ".tools"))
HELMS = {"helm3": TOOLS / "helm3" / "helm", "helm4": TOOLS / "helm4" / "helm"}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    """Fetch the pinned helm and kubectl once; without them the tests that need them fail, they are never skipped."""
    # A shell starts a job in the background with interrupts ignored, and the programs under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not all(path.exists() for path in HELMS.values()):
        subprocess.run([sys.executable, str(ROOT / "tools" / "get_helm.py"), str(TOOLS)], check=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs helm, so that `make fast` can leave it out."""
    for item in items:
        if {"helm", "helm4"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("helm")


class Helm:
    """One helm binary, without the user's own configuration."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.binary = binary
        self.major = int(binary.parent.name[-1])
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HELM_CACHE_HOME": str(home / "cache"),
            "HELM_CONFIG_HOME": str(home / "config"),
            "HELM_DATA_HOME": str(home / "data"),
        }

    def run(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm; under `check` a failure fails the test with helm's own words."""
        command = [str(self.binary), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, env=self.env, check=False)
        if check and result.returncode:
            pytest.fail(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
        return result

    def template(self, chart: Path, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Render a chart as release r in its own namespace."""
        return self.run("template", "r", chart, "--namespace", "nim-service", *arguments, check=check)


@pytest.fixture(scope="session", params=sorted(HELMS))
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """helm 3 and helm 4 in turn."""
    return Helm(HELMS[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def helm4(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """helm 4 alone, where both would only say the same twice."""
    return Helm(HELMS["helm4"], tmp_path_factory.mktemp("helm4"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the charts of all examples."""
    folder = tmp_path_factory.mktemp("charts")
    for example in EXAMPLES:
        run_nimhelm("build", example, "-o", folder, check=True)
    return folder


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: the wheel cannot be built without network")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `nimhelm` of a virtual environment that holds the wheel; what it depends on is lent by the running one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    (next(folder.glob("lib/python*/site-packages")) / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "nimhelm"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a file of the repository; under --update-golden write the file instead."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; if rightly so: make golden"

    return compare


def run_nimhelm(*arguments: object, check: bool = False, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "nimhelm", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}  # type: ignore[dict-item]
    result = subprocess.run(command, capture_output=True, text=True, env=env, check=False, **options)  # type: ignore[call-overload]
    if check and result.returncode:
        pytest.fail(f"{' '.join(command)}\n{result.stdout}{result.stderr}")
    return result  # type: ignore[no-any-return]
