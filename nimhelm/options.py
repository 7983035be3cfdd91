"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from typing import Any

import click

from nimhelm.completion import complete_namespaces


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
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", value)
    if not value or match is None:
        raise click.BadParameter(f"{value!r} is not a duration, for example 90s, 30m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


class CheckedCommand(click.Command):
    """A command whose names are checked before it runs: kubectl and helm would read one that starts with `-` as an option."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises UsageError for a release, namespace, context, chart or timeout that cannot be one."""
        for key in ("release", "namespace"):
            value = ctx.params.get(key)
            if value and not NAME.fullmatch(str(value)):
                raise click.UsageError(f"{value!r} is no {key}: lower-case letters, digits, inner dashes and dots")
        for key in ("context", "chart", "timeout"):
            if str(ctx.params.get(key) or "").startswith("-"):
                raise click.UsageError(f"{ctx.params[key]!r} is no {key}: it starts with a dash")
        return super().invoke(ctx)


class CheckedGroup(click.Group):
    """A group all of whose commands are checked."""

    command_class = CheckedCommand


NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
NAMESPACE = click.option(
    "-n",
    "--namespace",
    default="",
    shell_complete=complete_namespaces,
    help="Namespace of the release; default: that of the context.",
)
CONTEXT = click.option("--context", default="", help="Context of the kubeconfig.")
KUBECONFIG = click.option("--kubeconfig", default="", metavar="FILE", help="Another kubeconfig.")
REQUEST_TIMEOUT = click.option(
    "--request-timeout",
    default="10s",
    callback=duration,
    metavar="DURATION",
    help="How long the cluster may take to answer; default: 10s.",
)
FROM_DIR = click.option(
    "--from-dir", default="", metavar="PATH", help="Read what nimhelm status --save wrote, instead of a cluster."
)
