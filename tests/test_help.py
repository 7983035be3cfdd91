"""Every command's help shows how it is used, with command lines that it takes."""

from __future__ import annotations

import shlex

import click
import pytest

from nimhelm.cli import cli


def examples(command: click.Command) -> list[list[str]]:
    """The command lines in the help, as words after `nimhelm`; what leads in a pipe before it is left out."""
    found = []
    for line in (command.help or "").splitlines():
        start = line.partition("nimhelm ")
        if line.strip().startswith("nimhelm ") or (start[0].endswith("| ") and start[1]):
            found.append(shlex.split(start[2].partition(" > ")[0]))
    return found


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_examples_are_taken(name: str) -> None:
    command = cli.commands[name]
    shown = [words for words in examples(command) if words[0] == name] if name != "completion" else [[name, "bash"]]
    assert shown, f"nimhelm {name} --help shows no example"
    for words in shown:
        with click.Context(cli, info_name="nimhelm", **cli.context_settings) as parent:
            command.make_context(name, words[1:], parent=parent)
