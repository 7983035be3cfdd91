"""`nimhelm build`: convert, then write or compare, and say what was made."""

from __future__ import annotations

import sys
from pathlib import Path

from nimhelm.convert import Converted, Options, convert_files, write
from nimhelm.finding import has_errors
from nimhelm.report import text
from nimhelm.summary import summary


def build_files(
    paths: list[str], options: Options, folder: Path, *, package: bool = False, force: bool = False, check: bool = False
) -> int:
    """Build the charts of all files below `folder`; findings go to standard error, what was made to standard output.

    Returns 0, or 1 when a finding is an error, or when `check` found another chart on disk. Raises NimhelmError.
    """
    converted = convert_files(paths, options)
    sys.stderr.write(text(converted.findings))
    if has_errors(converted.findings):
        print("nothing was written", file=sys.stderr)
        return 1
    if check:
        return compare(converted, folder, package)
    for plan, path in zip(converted.plans, write(converted.charts, folder, package, force), strict=True):
        sys.stdout.write(summary(plan, path))
    return 0


def compare(converted: Converted, folder: Path, package: bool = False) -> int:
    """Print how the charts on disk differ from what the pipelines generate; returns 1 when one does."""
    from nimhelm.chart.drift import drift
    from nimhelm.chart.write import chart_path, package_path

    place = package_path if package else chart_path
    differences = "".join(drift(chart, place(chart, folder)) for chart in converted.charts)
    sys.stdout.write(differences)
    return 1 if differences else 0
