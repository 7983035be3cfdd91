"""The site: it builds without a warning, and every page says what the files of the repository say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from tests.docs.page import blocks_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", folder]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert (run.returncode, run.stderr) == (0, "")
    return folder


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    assert {"index", "quickstart", "publishing", "ci"} <= {path.stem for path in site.glob("*.html")}
    assert (site / "codes" / "NH013.html").exists()


def test_a_reader_fetches_nothing_from_elsewhere(site: Path) -> None:
    """No font, script, style or picture of another server: the site works where there is no way out."""
    for page in site.glob("*.html"):
        text = page.read_text("utf-8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//[^"]*"', text), page.name
        assert not re.findall(r'<link[^>]* rel="(?:stylesheet|preload|preconnect)"[^>]* href="(?:https?:)?//', text), (
            page.name
        )


@pytest.mark.parametrize("broken", ["[x](nowhere.md)", "[x](upgrades.md#nowhere)"])
def test_a_broken_link_stops_the_build(broken: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / "gpus.md").open("a") as page:
        page.write(f"\n{broken}\n")
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "nowhere" in run.stderr


@pytest.mark.parametrize("name", ["argocd", "flux"])
def test_recipes_are_the_examples(name: str) -> None:
    shown = {block.text for block in blocks_of(ROOT / "docs" / "gitops.md")}
    assert (ROOT / "examples" / "gitops" / f"{name}.yaml").read_text() in shown
