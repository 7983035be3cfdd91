"""Which version a chart gets: the one on disk, unless the user gives or raises it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nimhelm.chart.build import DEFAULT_VERSION, Chart
from nimhelm.chart.ondisk import OnDisk
from nimhelm.chart.record import with_version
from nimhelm.errors import WriteError

BUMPS = ("patch", "minor", "major", "auto")


class Wish(NamedTuple):
    """What the user says of the version: `given`, or how to raise the one on disk; "" for neither."""

    given: str = ""
    bump: str = ""


def versioned(make: Callable[[str], Chart], disk: OnDisk | None, wish: Wish) -> Chart:
    """The chart under its version; `make` builds it under any. Raises WriteError when a version cannot be raised."""
    if wish.given or disk is None or not disk.version:
        return make(wish.given or DEFAULT_VERSION)
    same = make(disk.version)
    if not wish.bump or (wish.bump == "auto" and is_same_content(make, disk)):
        return same
    return make(raised(disk.version, "patch" if wish.bump == "auto" else wish.bump))


def is_same_content(make: Callable[[str], Chart], disk: OnDisk) -> bool:
    """Whether the chart on disk has what the pipeline generates, whatever its version."""
    if disk.record is None:
        return False
    made = make(disk.record.version).files
    return {path: content for path, content in at_recorded_version(disk).files.items() if content is not None} == made


def at_recorded_version(disk: OnDisk) -> OnDisk:
    """The chart on disk with the version under which nimhelm wrote it, where somebody has raised it in Chart.yaml."""
    chart_yaml = disk.files.get("Chart.yaml")
    if disk.record is None or chart_yaml is None:
        return disk
    files = {**disk.files, "Chart.yaml": with_version(chart_yaml, disk.record.version)}
    return disk._replace(files=files, version=disk.record.version)


def raised(version: str, part: str) -> str:
    """The next version: ("1.2.3", "minor") -> "1.3.0". Raises WriteError for what is not a semantic version."""
    from semver import Version

    try:
        parsed = Version.parse(version)
    except ValueError:
        raise WriteError(
            f"{version} is not a semantic version, so it cannot be raised", "give --chart-version"
        ) from None
    return str(parsed.next_version(part))


def is_lower(version: str, than: str) -> bool:
    """Whether a version goes below another one; False when either is not a semantic version."""
    from semver import Version

    return Version.is_valid(version) and Version.is_valid(than) and Version.parse(version) < Version.parse(than)
