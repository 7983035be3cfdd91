"""The hooks that are shipped, run by pre-commit in a repository of a user, from a tag of a clone of this one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, run_nimhelm

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
RAG = (ROOT / "examples" / "rag-pipeline.yaml").read_text(encoding="utf-8")
CYCLE = RAG.replace(
    "    # Reranking service", "      dependencies: [{name: llm-service, port: 8002}]\n    # Reranking service"
)


def run(command: list[Any], folder: Path, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PRE_COMMIT_COLOR": "never"}
    who = {
        f"GIT_{who}_{what}": f"{what.lower()}@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    ran = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **quiet, **who, **env},
        check=False,
    )
    if check and ran.returncode:
        pytest.fail(f"{shlex.join(map(str, command))}\n{ran.stdout}{ran.stderr}")
    return ran


@pytest.fixture(scope="module")
def nimhelm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the files of this checkout, the tag v0.1.0 on them."""
    folder = tmp_path_factory.mktemp("nimhelm")
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], ROOT).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commit_all(folder)
    run(["git", "tag", "v0.1.0"], folder)
    return folder


def commit_all(folder: Path) -> None:
    run(["git", "init", "--quiet", "--initial-branch", "main"], folder)
    run(["git", "add", "--all", "--force"], folder)
    run(["git", "commit", "--quiet", "--message", "all"], folder)


@pytest.fixture(scope="module")
def repository(nimhelm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of a user: a pipeline, its chart, values for it, and the hooks as the README has them."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "deploy").mkdir()
    (folder / "deploy" / "rag-pipeline.yaml").write_text(RAG)
    (folder / "deploy" / "cycle-pipeline.yaml").write_text(CYCLE)
    (folder / "deploy" / "values-good.yaml").write_text("llm-service: {replicas: 1}\n")
    (folder / "deploy" / "values-wrong.yaml").write_text("llm-service: {replica: 1}\n")
    (folder / "other.yaml").write_text("- 1\n")
    (folder / "rag.yaml").write_text(RAG.replace("port: 8000", "port: 80000"))
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "pipeline.yml").write_text("on: push\njobs: {}\n")
    (folder / "deploy" / "template-pipeline.yaml").write_text(RAG.replace("rag-pipeline", "{{ .Release.Name }}"))
    run_nimhelm("build", "deploy/rag-pipeline.yaml", "-o", "charts", check=True, cwd=folder)
    (folder / "pipeline.yaml").write_text(RAG)
    run_nimhelm("build", "pipeline.yaml", check=True, cwd=folder)
    hooks = [
        {"id": "nimhelm-validate"},
        {"id": "nimhelm-values", "args": ["--values", "charts/rag-pipeline"]},
        {"id": "nimhelm-drift", "args": ["deploy/rag-pipeline.yaml", "-o", "charts"]},
    ]
    config = {"repos": [{"repo": str(nimhelm), "rev": "v0.1.0", "hooks": hooks}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    commit_all(folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where pre-commit keeps the one environment that it makes from the tag."""
    return str(tmp_path_factory.mktemp("pre-commit"))


def pre_commit(folder: Path, home: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "pre_commit", *arguments], folder, check=False, PRE_COMMIT_HOME=home)


def hook(folder: Path, home: str, name: str, *files: str) -> subprocess.CompletedProcess[str]:
    return pre_commit(folder, home, "run", name, "--verbose", "--files", *files)


def test_try_repo(nimhelm: Path, repository: Path, home: str) -> None:
    files = ("pipeline.yaml", "other.yaml", ".github/workflows/pipeline.yml", "deploy/template-pipeline.yaml")
    ran = pre_commit(repository, home, "try-repo", str(nimhelm), "--verbose", "--files", *files)
    outcome = {line.split(".")[0]: line.rsplit(".", 1)[1] for line in ran.stdout.splitlines() if "...." in line}
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert outcome == {
        "nimhelm validate": "Passed",
        "nimhelm validate --values": "(no files to check)Skipped",
        "nimhelm build --check": "Passed",
    }


def test_pipelines(repository: Path, home: str) -> None:
    ran = hook(repository, home, "nimhelm-validate", "deploy/rag-pipeline.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Passed" in ran.stdout
    ran = hook(
        repository, home, "nimhelm-validate", "deploy/rag-pipeline.yaml", "deploy/cycle-pipeline.yaml", "other.yaml"
    )
    assert ran.returncode == 1
    assert (
        "error NH020: the dependencies form a cycle: embedding-service → llm-service → embedding-service" in ran.stdout
    )
    assert "other.yaml" not in ran.stdout
    ran = hook(repository, home, "nimhelm-validate", "other.yaml", "rag.yaml")
    assert ran.returncode == 1
    assert "rag.yaml:" in ran.stdout
    assert "other.yaml" not in ran.stdout


def test_values(repository: Path, home: str) -> None:
    ran = hook(repository, home, "nimhelm-values", "deploy/values-good.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = hook(repository, home, "nimhelm-values", "deploy/values-good.yaml", "deploy/values-wrong.yaml")
    assert ran.returncode == 1
    assert "deploy/values-wrong.yaml:1:15: error NH010: unknown field replica in llm-service" in ran.stdout


def test_drift(repository: Path, home: str) -> None:
    ran = hook(repository, home, "nimhelm-drift", "other.yaml")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    pipeline, values = (
        repository / "deploy" / "rag-pipeline.yaml",
        repository / "charts" / "rag-pipeline" / "values.yaml",
    )
    for path, old, new in ((pipeline, "replicas: 2", "replicas: 3"), (values, "replicas: 2", "replicas: 4")):
        before = path.read_text()
        path.write_text(before.replace(old, new))
        ran = hook(repository, home, "nimhelm-drift", str(path.relative_to(repository)))
        path.write_text(before)
        assert ran.returncode == 1
        assert "differ from what the pipeline generates" in ran.stdout or "differs from what the pipeline" in ran.stdout


def test_one_process_for_all_files() -> None:
    for name in ("nimhelm-validate", "nimhelm-values"):
        assert HOOKS[name]["require_serial"] is True
        assert "yaml" in HOOKS[name].get("types", HOOKS[name].get("types_or"))
    assert all(one["language"] == "python" for one in HOOKS.values())
    assert set(HOOKS) == {"nimhelm-validate", "nimhelm-values", "nimhelm-drift"}


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("rag-pipeline/values.yaml", True),
        ("deploy/values-production.yaml", True),
        ("rag-pipeline/Chart.yaml", False),
        ("pipeline.yaml", False),
    ],
)
def test_which_files_the_hook_of_values_takes(name: str, taken: bool) -> None:
    assert bool(re.search(HOOKS["nimhelm-values"]["files"], name)) == taken
    assert "files" not in HOOKS["nimhelm-validate"]


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_the_entry_is_a_command_of_nimhelm(name: str, tmp_path: Path) -> None:
    program, *command = shlex.split(HOOKS[name]["entry"])
    assert program == "nimhelm"
    ran = run_nimhelm(*command, "--help", cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"Usage: nimhelm {command[0]}")


def test_this_repository_passes_its_own_hooks() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    own = {hook["id"]: hook for hook in config["repos"][0]["hooks"]}
    assert set(own) >= {"nimhelm-validate", "nimhelm-drift"}
    validate = shlex.split(own["nimhelm-validate"]["entry"])[3:]
    assert run_nimhelm(*validate, *sorted((ROOT / "examples").glob("*.yaml"))).returncode == 0
