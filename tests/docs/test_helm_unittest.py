"""The example of tests for an owner's own templates, run by helm-unittest, which is built from its Go module."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, TOOLS, run_nimhelm

MODULE = "github.com/helm-unittest/helm-unittest@v1.0.3"
EXAMPLE = ROOT / "examples" / "helm-unittest"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unittest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built once; its go.mod replaces modules, which `go install` refuses, so it is built in its own folder."""
    program = TOOLS / "helm-unittest"
    if not program.exists():
        if shutil.which("go") is None:
            pytest.skip("helm-unittest is built with go, which is not on the PATH")
        env = {**os.environ, "GOFLAGS": "-mod=mod"}
        home = tmp_path_factory.mktemp("empty")
        found = subprocess.check_output(["go", "mod", "download", "-json", MODULE], env=env, cwd=home, text=True)
        source = tmp_path_factory.mktemp("source") / "module"
        shutil.copytree(json.loads(found)["Dir"], source)
        subprocess.run(["chmod", "-R", "u+w", source], check=True)
        subprocess.run(["go", "build", "-o", f"{program}.part", "./cmd/helm-unittest"], cwd=source, env=env, check=True)
        Path(f"{program}.part").rename(program)
    return program


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    run_nimhelm("build", ROOT / "examples" / "rag-pipeline.yaml", "-o", tmp_path, check=True)
    shutil.copytree(EXAMPLE, tmp_path / "rag-pipeline", dirs_exist_ok=True, ignore=shutil.ignore_patterns("README.md"))
    return tmp_path / "rag-pipeline"


def test_the_example_passes_and_survives_a_build(unittest: Path, chart: Path) -> None:
    run_nimhelm("build", ROOT / "examples" / "rag-pipeline.yaml", "-o", chart.parent, "--bump", "patch", check=True)
    done = subprocess.run([unittest, chart], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "3 passed, 3 total" in done.stdout


def test_it_fails_when_the_template_is_wrong(unittest: Path, chart: Path) -> None:
    template = chart / "templates" / "alerts.yaml"
    template.write_text(template.read_text().replace("service: {{ . | quote }}", "service: all"))
    assert subprocess.run([unittest, chart], capture_output=True).returncode == 1
