"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import inspect
import re
from typing import Any

import click

from nimhelm.completion import complete_contexts, complete_files, complete_namespaces


def semver(context: click.Context, parameter: click.Parameter, value: str | None) -> str:
    """Refuse a chart version that Helm would refuse; "" when none is given."""
    from semver import Version

    if value is None:
        return ""
    if not Version.is_valid(value):
        raise click.BadParameter(f"{value!r} is not a semantic version, for example 1.2.3")
    return value


def chart_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a name that no release and no chart can have."""
    from nimhelm.nimservice import NAME

    if value and (not NAME.fullmatch(value) or len(value) > 53):
        raise click.BadParameter(f"{value!r} is not a name for a chart, for example rag-pipeline")
    return value


def duration(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Seconds from what Go and Helm call a duration: `90`, `90s`, `30m`, `1h30m`."""
    number = r"[0-9]+(?:\.[0-9]+)?"
    if not value or not re.fullmatch(f"(?:{number}[hms])*(?:{number})?", value):
        raise click.BadParameter(f"{value!r} is not a duration, for example 90s, 30m or 1h30m")
    units = {"h": 3600, "m": 60, "s": 1, "": 1}
    seconds = sum(float(amount) * units[unit] for amount, unit in re.findall(f"({number})([hms]?)", value))
    if seconds > LONGEST * 3600:
        raise click.BadParameter(f"{value!r} is longer than {LONGEST}h")
    return seconds


def go_duration(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a duration that helm would refuse, which wants a unit: `10m` or `1h30m`."""
    duration(context, parameter, value)
    if not value.endswith(("h", "m", "s")):
        raise click.BadParameter(f"{value!r} is not a duration with a unit, for example 90s, 30m or 1h30m")
    return value


def mirror_registry(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Refuse a mirror that no image reference can start with: a URL, or a text with blanks."""
    if value and not re.fullmatch(r"[A-Za-z0-9][\w.-]*(:[0-9]+)?(/[\w.-]+)*", value):
        raise click.BadParameter(f"{value!r} is not a registry with a path, for example mirror.example.com/nim")
    return value


def examples(command: click.Command) -> str:
    """The part of a command's help that shows how it is called."""
    found = re.search(r"^Examples:\n(?:  .*(?:\n|\Z))+", inspect.cleandoc(command.help or ""), re.MULTILINE)
    return f"\n{found[0].rstrip()}" if found else ""


LONGEST = 500
"""Hours of a duration: what waits for the answer of a tool cannot wait much longer."""


class CheckedCommand(click.Command):
    """A command whose names are checked before it runs: kubectl and helm would read one that starts with `-` as an option."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises UsageError for a release, namespace, context, chart or timeout that cannot be one."""
        for key in ("release", "namespace"):
            value = ctx.params.get(key)
            if value and not NAME.fullmatch(str(value)):
                raise click.UsageError(
                    f"{value!r} is not a valid {key}: use lower-case letters, digits, and dashes or dots between them",
                    ctx,
                )
        for key in ("context", "chart", "timeout"):
            if str(ctx.params.get(key) or "").startswith("-"):
                raise click.UsageError(f"{ctx.params[key]!r} is not a valid {key}: it starts with a dash", ctx)
        return super().invoke(ctx)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of the help, whole: a narrow terminal wraps it."""
        return inspect.cleandoc(self.help or "").partition("\n\n")[0]


class CheckedGroup(click.Group):
    """A group all of whose commands are checked."""

    command_class = CheckedCommand


NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
NAMESPACE = click.option(
    "-n",
    "--namespace",
    default="",
    metavar="NAME",
    shell_complete=complete_namespaces,
    help="Namespace of the release; default: that of the current context.",
)
CONTEXT = click.option(
    "--context",
    default="",
    metavar="NAME",
    shell_complete=complete_contexts,
    help="Context of the kubeconfig to use; default: the current one.",
)
KUBECONFIG = click.option(
    "--kubeconfig",
    default="",
    metavar="FILE",
    shell_complete=complete_files,
    help="Kubeconfig to use instead of the default one.",
)
REQUEST_TIMEOUT = click.option(
    "--request-timeout",
    default="10s",
    callback=duration,
    metavar="DURATION",
    help="How long to wait for each answer of the cluster; default: 10s.",
)
QUIET = click.option("-q", "--quiet", is_flag=True, help="Print problems only: nothing when all is well.")
FROM_DIR = click.option(
    "--from-dir",
    default="",
    metavar="PATH",
    shell_complete=complete_files,
    help="Read what nimhelm status --save wrote, instead of a cluster.",
)
