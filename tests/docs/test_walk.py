"""What the pages print is what comes out: every command is run in a fresh virtual environment, in another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import HELMS, ROOT

from tests.docs.page import Block, agrees, blocks_of, commands_of
from tests.docs.registry import registry

PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if any(block.language == "console" for block in blocks_of(page))
]
ELSEWHERE = ("cluster", "skip")
SHOWN_REGISTRY = "localhost:5000"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_walk(page: Path, installed: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(installed.parent), str(HELMS["helm4"].parent), "/usr/bin", "/bin"])
    env = {"PATH": path, "HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8"}
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    with registry() as server:
        for block in blocks_of(page):
            prepare(block, folder)
            if block.language == "console" and not block.walk.startswith(ELSEWHERE):
                walk(block, folder, env, server.host)
    if (tmp_path / "home" / ".gnupg").exists():
        subprocess.run(["gpgconf", "--kill", "all"], env=env, check=True)


def prepare(block: Block, folder: Path) -> None:
    """Put the files in place that a reader has by now."""
    if block.title and not block.walk.startswith("skip"):
        (folder / block.title).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.title).write_text(block.text)
    if block.walk.startswith("copy "):
        words = block.walk.split()[1:]
        for source, target in zip(words[::2], words[1::2], strict=True):
            shutil.copy(ROOT / source, folder / target)


def walk(block: Block, folder: Path, env: dict[str, str], host: str) -> None:
    for command in commands_of(block):
        line = command.line.replace(SHOWN_REGISTRY, host) if block.walk == "registry" else command.line
        if block.walk.startswith("saved "):
            assert " -n " in line, "a command on a saved release names a namespace, which gives way to --from-dir"
            before, _, after = line.partition(" -n ")
            line = f"{before} --from-dir {ROOT / block.walk.split()[1]} {after.partition(' ')[2]}"
        run = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        printed = run.stdout.replace(host, SHOWN_REGISTRY).splitlines()
        assert agrees(printed, command.printed), f"line {block.line}: $ {command.line}\n{run.stdout}"


def test_every_page_with_commands_for_a_reader_is_walked() -> None:
    assert {"README", "quickstart"} <= {page.stem for page in PAGES}


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        (["a"], ["a"], True), (["a"], ["b"], False), (["a", "b"], ["a"], False), ([], ["a"], False),
        (["a", "b", "c"], ["a", "..."], True), (["a", "b", "c"], ["...", "c"], True), (["a"], ["...", "b"], False),
    ],
)  # fmt: skip
def test_a_difference_is_seen(printed: list[str], shown: list[str], same: bool) -> None:
    assert agrees(printed, shown) is same
