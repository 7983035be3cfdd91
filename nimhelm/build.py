"""`nimhelm build`: convert, then write or compare, and say what was made."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from nimhelm.chart.build import Chart, build_chart
from nimhelm.chart.claims import Claim, claims
from nimhelm.chart.drift import drift
from nimhelm.chart.obtain import document_of, values_of
from nimhelm.chart.ondisk import OnDisk, look_at_folder, look_at_package, look_at_packages
from nimhelm.chart.version import Wish, at_recorded_version, is_lower, versioned
from nimhelm.chart.write import chart_path, package_path
from nimhelm.convert import Options, convert_files, write
from nimhelm.errors import LoadError
from nimhelm.finding import ERROR, has_errors
from nimhelm.load import files_of
from nimhelm.plan import Plan
from nimhelm.report import text
from nimhelm.summary import summary


class Place(NamedTuple):
    """Where charts go and how: as folders or packages, over own files that were edited or not."""

    folder: Path
    package: bool = False
    force: bool = False
    wish: Wish = Wish()


class Build(NamedTuple):
    """A chart to write, the plan that it comes from, and what is in its place."""

    plan: Plan
    chart: Chart
    disk: OnDisk | None


def build_files(paths: list[str], options: Options, place: Place, check: bool = False, quiet: bool = False) -> int:
    """Build the charts of all files; findings go to standard error, what was made to standard output.

    Under `quiet` only errors and the differences of `check` are printed. Returns 0, or 1 when a finding is an error, or
    when `check` found another chart on disk. Raises NimhelmError.
    """
    converted = convert_files(paths, options)
    sys.stderr.write(text([one for one in converted.findings if not quiet or one.severity == ERROR]))
    if has_errors(converted.findings):
        print("nothing was written", file=sys.stderr)
        return 1
    if check:
        return compare(converted.plans, options, place)
    builds = [prepared(plan, options, place) for plan in converted.plans]
    charts = [build.chart for build in builds]
    written = write(charts, place.folder, place.package, place.force, files_of(paths))
    for build, path in zip(builds, written, strict=True) if not quiet else ():
        report(build, path, place.package)
    return 0


def prepared(plan: Plan, options: Options, place: Place) -> Build:
    """A plan's chart under its version."""
    make = partial(made, plan, options)
    disk = standing(plan.name, make(place.wish.given or options.version), place)
    return Build(plan, versioned(make, disk, place.wish), disk)


def made(plan: Plan, options: Options, version: str) -> Chart:
    """A plan's chart under a version."""
    return build_chart(plan, version, options.app_version)


def standing(name: str, chart: Chart, place: Place) -> OnDisk | None:
    """The chart on disk that a build would replace or follow; None when there is none."""
    if place.package:
        return look_at_packages(place.folder, name)
    path = place.folder / name
    return look_at_folder(path, chart.files) if path.is_dir() and not path.is_symlink() else None


def report(build: Build, path: Path, package: bool) -> None:
    """Say what became of one chart."""
    chart, disk = build.chart, build.disk
    if disk and is_lower(chart.version, disk.version):
        print(f"warning: {chart.name} goes down from version {disk.version} to {chart.version}", file=sys.stderr)
    for name in disk.edited if disk and not package else []:
        print(f"replaced {path / name}, which was changed since nimhelm wrote it", file=sys.stderr)
    if disk and disk.path == path and disk.holds(chart):
        print(f"{chart.name} {chart.version}: unchanged, {path}")
    else:
        before = claims_on(disk) if disk else None
        sys.stdout.write(summary(build.plan, path, chart.version, claims(values_of(chart)), before))


def claims_on(disk: OnDisk) -> list[Claim]:
    """The claims of the chart that was replaced; [] when its values were edited into what cannot be read."""
    content = disk.files.get("values.yaml")
    try:
        return claims(document_of("values.yaml", content)) if content else []
    except LoadError:
        return []


def compare(plans: list[Plan], options: Options, place: Place) -> int:
    """Print how the charts on disk differ from what the pipelines generate; returns 1 when one does.

    The version counts only when one is given.
    """
    differences = "".join(difference(plan, options, place) for plan in plans)
    sys.stdout.write(differences)
    return 1 if differences else 0


def difference(plan: Plan, options: Options, place: Place) -> str:
    """How one chart on disk differs from what its pipeline generates; "" when it does not."""
    chart = made(plan, options, place.wish.given or options.version)
    target = (package_path if place.package else chart_path)(chart, place.folder)
    disk = look_at_package(target) if place.wish.given and place.package else standing(plan.name, chart, place)
    if disk is None:
        return f"{target}: missing; run nimhelm build\n"
    if not place.wish.given:
        disk = at_recorded_version(disk)
        chart = made(plan, options, disk.version or options.version)
    return drift(chart, disk)
