"""The CI examples: the servers' own schemas accept them, and every command of theirs runs in a Git repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from conftest import HELMS, ROOT

from tests.docs.page import blocks_of
from tests.docs.registry import Content, registry

EXAMPLES = ROOT / "examples" / "ci"
PIPELINE = next(block.text for block in blocks_of(ROOT / "docs" / "quickstart.md") if block.title == "pipeline.yaml")
GH = """#!/bin/sh
echo "$GH_TOKEN" "$@" >> "$CALLS"
test -s diff.md
"""
# Both clients ask for TLS; the registry of the test is on loopback and has none.
HELM = """#!/bin/sh
case "$1" in push|registry) exec {helm} "$@" --plain-http ;; *) exec {helm} "$@" ;; esac
"""

pytestmark = pytest.mark.slow


class Checkout(NamedTuple):
    """A clone on a branch that changes a tag, the environment of its jobs, and the servers that they talk to."""

    folder: Path
    env: dict[str, str]
    server: Content


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def checkout(installed: Path, tmp_path: Path) -> Iterator[Checkout]:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, text in (("gh", GH), ("helm", HELM.format(helm=HELMS["helm4"]))):
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    path = os.pathsep.join([str(bin_folder), str(installed.parent), "/usr/bin", "/bin"])
    origin, folder = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    with registry() as server:
        env = {"PATH": path, "HOME": str(tmp_path), "CALLS": str(tmp_path / "calls")}
        (origin / "pipeline.yaml").write_text(PIPELINE.replace("80001", "8000"))
        (origin / "values").mkdir()
        (origin / "values" / "production.yaml").write_text("llm: {nodeSelector: {zone: a}}\n")
        commit(origin, env, "first")
        git(tmp_path, "clone", "-q", str(origin), str(folder))
        git(folder, "checkout", "-q", "-b", "change")
        (folder / "pipeline.yaml").write_text(PIPELINE.replace("80001", "8000").replace("1.0.3", "1.0.4"))
        commit(folder, env, "second")
        yield Checkout(folder, env, server)


def commit(folder: Path, env: dict[str, str], message: str) -> None:
    """Build the chart as its owner does, and commit it."""
    subprocess.run(
        ["nimhelm", "build", "pipeline.yaml", "-o", "charts"], cwd=folder, env=env, check=True, capture_output=True
    )
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def run(checkout: Checkout, script: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=checkout.folder,
        env=checkout.env | env,
        text=True,
        capture_output=True,
    )


def github_steps(job: str, host: str) -> list[tuple[str, dict[str, str]]]:
    """The commands of a job with their environment; what GitHub puts in place of `${{ }}` is made up."""
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yaml").read_text())
    known = {
        "github.base_ref": "main",
        "github.token": "t0ken",
        "github.event.number": "7",
        "secrets.GITHUB_TOKEN": "t0ken",
    }
    shared = {"GITHUB_ACTOR": "jane", "REGISTRY": f"{host}/example/charts"}
    steps = []
    for step in workflow["jobs"][job]["steps"]:
        if "run" not in step or step["name"] == "Install nimhelm":
            continue
        assert "${{" not in step["run"], "a value in the text of a script can hold commands: it goes through env"
        env = {name: known[re.fullmatch(r"\$\{\{ (.*) \}\}", text)[1]] for name, text in step.get("env", {}).items()}  # type: ignore[index]
        steps.append((step["run"], shared | env))
    return steps


def gitlab_steps(job: str, host: str, base: str) -> list[tuple[str, dict[str, str]]]:
    """The commands of a job; the variables that GitLab sets are made up."""
    config = yaml.safe_load((EXAMPLES / "gitlab-ci.yaml").read_text())
    env = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "GITLAB_TOKEN": "t0ken", "CI_API_V4_URL": f"http://{host}/api/v4",
        "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7", "CI_REGISTRY": host, "CI_REGISTRY_USER": "jane",
        "CI_REGISTRY_PASSWORD": "t0ken", "CI_REGISTRY_IMAGE": f"{host}/example",
    }  # fmt: skip
    return [(command, env) for command in config[job]["script"]]


def run_all(checkout: Checkout, steps: list[tuple[str, dict[str, str]]]) -> None:
    assert steps
    for script, env in steps:
        done = run(checkout, script, **env)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


def test_github_checks_a_pull_request(checkout: Checkout) -> None:
    run_all(checkout, github_steps("check", checkout.server.host))
    assert json.loads((checkout.folder / "nimhelm.sarif").read_text())["version"] == "2.1.0"
    assert "1.0.3" in (checkout.folder / "diff.md").read_text()
    assert (
        Path(checkout.env["CALLS"]).read_text()
        == "t0ken pr comment 7 --body-file diff.md --edit-last --create-if-none\n"
    )


def test_gitlab_checks_a_merge_request(checkout: Checkout) -> None:
    run_all(checkout, gitlab_steps("check", checkout.server.host, "origin/main"))
    [(path, token, body)] = checkout.server.notes
    assert (path, token) == ("/api/v4/projects/3/merge_requests/7/notes", "t0ken")
    assert b"1.0.4" in body


@pytest.mark.parametrize("server", ["github", "gitlab"])
def test_a_tag_is_published(server: str, checkout: Checkout, tmp_path: Path) -> None:
    host = checkout.server.host
    run_all(checkout, github_steps("publish", host) if server == "github" else gitlab_steps("publish", host, ""))
    assert "/v2/example/charts/rag/manifests/0.1.0" in checkout.server.held


@pytest.mark.parametrize(
    ("file", "old", "new", "failing"),
    [
        ("pipeline.yaml", "gpu: 1", "gpu: 0.5", 0),
        ("values/production.yaml", "nodeSelector", "nodeSelectors", 1),
        ("charts/rag/values.yaml", "1.0.4", "1.0.5", 2),
    ],
)
def test_what_is_wrong_stops_the_job(file: str, old: str, new: str, failing: int, checkout: Checkout) -> None:
    path = checkout.folder / file
    path.write_text(path.read_text().replace(old, new))
    for steps in (
        github_steps("check", checkout.server.host),
        gitlab_steps("check", checkout.server.host, "origin/main"),
    ):
        codes = [run(checkout, script, **env).returncode for script, env in steps[: failing + 1]]
        assert codes == [0] * failing + [1]


@pytest.mark.parametrize(("file", "schema"), [("github-actions", "github-workflows"), ("gitlab-ci", "gitlab-ci")])
def test_the_servers_schema_accepts_it(file: str, schema: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    if schema == "gitlab-ci":
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run([*command, EXAMPLES / f"{file}.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "broken.yaml"
    shutil.copy(EXAMPLES / f"{file}.yaml", broken)
    broken.write_text(broken.read_text().replace("runs-on:", "run-on:").replace("script:", "scripts:"))
    assert subprocess.run([*command, broken], capture_output=True).returncode == 1


def test_the_jobs_have_the_rights_that_they_need_and_no_more() -> None:
    workflow: dict[str, Any] = yaml.safe_load((EXAMPLES / "github-actions.yaml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert "packages" not in workflow["jobs"]["check"]["permissions"]
