"""A page of the documentation, as steps that can be run.

A ```console block holds commands after `$ ` and what they print. A line `...` stands for any lines, and `...`
at the end of a line for the rest of it. A block with
`title="NAME"` is a file that the reader saves. A comment above a block says what is special about it:
`<!-- walk: cluster -->` needs a cluster, `skip, WHY` is not run, `saved PATH` reads a saved release instead of a
cluster, `registry` replaces localhost:5000 by a registry that runs, and `copy FROM TO` takes a file of the repository along.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WALK = re.compile(r"<!-- walk: (.*?) -->\n\Z")


class Block(NamedTuple):
    """A fenced block: its language, the file that it is, its text, the line where it starts, and its directive."""

    language: str
    title: str
    text: str
    line: int
    walk: str


class Command(NamedTuple):
    """A command, and the lines that it is said to print."""

    line: str
    printed: list[str]


def blocks_of(path: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = path.read_text("utf-8")
    found = []
    for match in BLOCK.finditer(text):
        walk = WALK.search(text[: match.start()])
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(match[1], match[2] or "", match[3], line, walk[1] if walk else ""))
    return found


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block. A backslash at the end of a line continues the command."""
    commands: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:], []))
        elif commands and commands[-1].line.endswith("\\"):
            commands[-1] = commands[-1]._replace(line=f"{commands[-1].line}\n{line}")
        else:
            assert commands, f"line {block.line}: output without a command"
            commands[-1].printed.append(line)
    return commands


def agrees(printed: list[str], shown: list[str]) -> bool:
    """Whether what was printed is what a page shows; `...` in the page stands for any number of lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(agrees(printed[start:], shown[1:]) for start in range(len(printed) + 1))
    return bool(printed) and same(printed[0], shown[0]) and agrees(printed[1:], shown[1:])


def same(printed: str, shown: str) -> bool:
    """Whether a line is the one that is shown; `...` at its end stands for the rest of the line."""
    start, dots, _ = shown.rstrip().partition("...")
    if dots and shown.rstrip().endswith("..."):
        return printed.startswith(start)
    return printed.rstrip() == shown.rstrip()
