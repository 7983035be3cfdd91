"""What the pages print is what comes out: every command is run in a fresh virtual environment, in another folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from conftest import HELMS, ROOT

from nimhelm.cli import cli
from tests.docs.page import BLOCK, Block, agrees, blocks_of, commands_of
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


PRINTED = re.compile(r"^ {4,}.*( (error|warning|note) NH\d{3}: |^ +[×√‼] |^ +next( \(|:))", re.MULTILINE)
EVERY_PAGE = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.stem)
def test_what_a_command_prints_is_never_only_indented(page: Path) -> None:
    """Output stands in a console block, where the walk compares it or a mark says why it does not."""
    found = PRINTED.search(unfenced(page))
    assert found is None, f"{page.name}: {found[0].strip()}"


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.stem)
def test_every_command_line_is_taken(page: Path) -> None:
    """Also those that need a cluster: their options and arguments exist."""
    for line in command_lines(page):
        command = cli.commands.get(line[0])
        if command is None or "--help" in line or "-h" in line:
            assert line[0].startswith("-") or command, f"{page.name}: nimhelm {' '.join(line)}"
            continue
        with click.Context(cli, info_name="nimhelm", **cli.context_settings) as parent:
            try:
                command.make_context(line[0], line[1:], parent=parent)
            except click.ClickException as error:
                raise AssertionError(f"{page.name}: nimhelm {' '.join(line)}: {error.format_message()}") from None


def unfenced(page: Path) -> str:
    """A page without its fenced blocks."""
    return BLOCK.sub("", page.read_text("utf-8"))


def command_lines(page: Path) -> list[list[str]]:
    """The words behind `nimhelm` of each command line in a console block or an indented block."""
    lines = [command.line for block in blocks_of(page) if block.language == "console" for command in commands_of(block)]
    lines += [line for line in unfenced(page).splitlines() if line.startswith("    ")]
    found = []
    for line in lines:
        match = re.match(r"\s*(?:.*\| )?nimhelm (?=[a-z-])(.*)", line.replace("\\\n", " "))
        if match:
            plain = re.split(r"\s+# | && | \|\|? | > |; ", match[1])[0]
            words = shlex.split(re.sub(r"[\[\]]|\| -A", "", plain))
            found.append(["rag" if word.isupper() and len(word) > 1 else word for word in words])
    return found


def test_command_lines_are_found() -> None:
    assert ["status", "rag", "-n", "nim-service"] in command_lines(ROOT / "README.md")
    assert ["graph", "pipeline.yaml"] in command_lines(ROOT / "docs" / "graph.md")


@pytest.mark.parametrize(
    ("printed", "shown", "same"),
    [
        (["a"], ["a"], True), (["a"], ["b"], False), (["a", "b"], ["a"], False), ([], ["a"], False),
        (["a", "b", "c"], ["a", "..."], True), (["a", "b", "c"], ["...", "c"], True), (["a"], ["...", "b"], False),
    ],
)  # fmt: skip
def test_a_difference_is_seen(printed: list[str], shown: list[str], same: bool) -> None:
    assert agrees(printed, shown) is same
