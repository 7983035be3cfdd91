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


REPORTING = {"adopt", "build", "diff", "init", "preflight", "status", "validate"}
"""Commands that print a report: what they found and did, beside what they were asked for."""


@pytest.mark.parametrize("columns", [80, 60])
def test_the_list_of_commands_is_not_cut(columns: int) -> None:
    with click.Context(cli, info_name="nimhelm", terminal_width=columns, **cli.context_settings) as context:
        lines = cli.get_help(context).partition("Commands:\n")[2].splitlines()
    assert "..." not in "".join(lines)
    if columns == 80:
        assert len(lines) == len(cli.commands)
        assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_a_report_can_be_switched_off_with_one_option(name: str) -> None:
    helps = {one.help for one in cli.commands[name].params if isinstance(one, click.Option) and "-q" in one.opts}
    assert helps == ({"Print problems only: nothing when all is well."} if name in REPORTING else set())


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_examples_are_taken(name: str) -> None:
    command = cli.commands[name]
    shown = [words for words in examples(command) if words[0] == name] if name != "completion" else [[name, "bash"]]
    assert shown, f"nimhelm {name} --help shows no example"
    for words in shown:
        with click.Context(cli, info_name="nimhelm", **cli.context_settings) as parent:
            command.make_context(name, words[1:], parent=parent)
