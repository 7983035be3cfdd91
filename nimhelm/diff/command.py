"""`nimhelm diff`: read both sides, compare them, print the plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from nimhelm.chart.obtain import document_of
from nimhelm.chart.render import has_helm
from nimhelm.diff.document import as_json
from nimhelm.diff.effects import DELETE_DATA, REFUSED
from nimhelm.diff.markdown import markdown
from nimhelm.diff.plan import Difference, Upgrade, difference
from nimhelm.diff.sides import Cluster, Side, own_values, release_side, side_of
from nimhelm.diff.text import problems, text
from nimhelm.errors import NimhelmError, complain
from nimhelm.load import read_bytes

OUTPUTS: dict[str, Callable[[Difference], str]] = {"text": text, "json": as_json, "markdown": markdown}
CHANGED, DETAILED_ERROR, DETAILED_CHANGED = 1, 1, 2


class Options(NamedTuple):
    """What the command line asks for. `values` go with both sides, `old_values` only with the old one."""

    output: str = "text"
    values: tuple[str, ...] = ()
    old_values: tuple[str, ...] = ()
    release: str = ""
    cluster: Cluster = Cluster()
    exit_code: bool = False
    detailed: bool = False
    quiet: bool = False


def show_diff(paths: tuple[str, ...], options: Options) -> int:
    """Print what an upgrade would do. Returns 0; 1 for a change under `exit_code`; under `detailed` 0, 2 for a change
    and 1 for an error, as terraform plan -detailed-exitcode. Raises NimhelmError.
    """
    try:
        plan = compare(paths, options)
    except NimhelmError as error:
        if not options.detailed:
            raise
        complain(error)
        return DETAILED_ERROR
    if not options.quiet:
        sys.stdout.write(OUTPUTS[options.output](plan))
    elif options.output == "text":
        sys.stdout.write(problems(plan))
    elif plan.having(REFUSED) or plan.having(DELETE_DATA):
        sys.stdout.write(OUTPUTS[options.output](plan))
    if plan.is_empty:
        return 0
    return DETAILED_CHANGED if options.detailed else CHANGED if options.exit_code else 0


def compare(paths: tuple[str, ...], options: Options) -> Difference:
    """The difference between two paths, or between a release and one path. Raises NimhelmError."""
    unknown = "" if has_helm() else "helm is not on the PATH (install it, or name it in HELM)"
    if not options.release:
        old, new = paths
        before = options.old_values or options.values
        return difference(side_of(old, before), side_of(new, options.values), unknown=unknown)
    (new,) = paths
    old_side = release_side(options.release, options.cluster)
    return difference(old_side, _next(new, options), Upgrade(options.release, options.cluster))


def _next(path: str, options: Options) -> Side:
    """The new side of an upgrade. Helm uses the values that the release was given again, unless a file of -f has any."""
    if any(document_of(each, read_bytes(each)) for each in options.values):
        return side_of(path, options.values)
    return side_of(path, over=own_values(options.release, options.cluster))
