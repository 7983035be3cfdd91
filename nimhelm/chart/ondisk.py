"""What stands where a chart goes, and whether nimhelm may replace it."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from nimhelm.chart.build import Chart
from nimhelm.chart.read import read_archive
from nimhelm.chart.record import RECORD, Record, chart_version, edited, is_beside, read_record
from nimhelm.errors import LoadError, WriteError

ELSEWHERE = "move it away, or choose another -o"
MOST_NAMES = 10


class OnDisk(NamedTuple):
    """A chart that stands at `path`: its version, nimhelm's record, and its own files; None is a file that is gone."""

    path: Path
    version: str
    record: Record | None
    files: dict[str, bytes | None]

    @property
    def edited(self) -> list[str]:
        """Files that nimhelm wrote and that were changed or removed since."""
        return edited(self.record, self.files) if self.record else []

    def holds(self, chart: Chart) -> bool:
        """Whether the chart on disk is this one."""
        return (
            self.record is not None
            and {path: content for path, content in self.files.items() if content is not None} == chart.files
        )


def look_at_folder(folder: Path, generated: Iterable[str] = ()) -> OnDisk:
    """The chart in a folder: what its record names, and what is `generated`. Nothing is read through a link."""
    record = read_record(content_of(folder, RECORD))
    paths = {RECORD, "Chart.yaml", *generated, *(record.files if record else ())}
    files = {path: content_of(folder, path) for path in sorted(paths)}
    return OnDisk(
        folder, chart_version(files["Chart.yaml"] or b"") or (record.version if record else ""), record, files
    )


def look_at_packages(folder: Path, name: str) -> OnDisk | None:
    """The newest package of a chart in a folder, by the version in its name; None when there is none of nimhelm's."""
    from semver import Version

    found = []
    for path in folder.glob(f"{name}-*.tgz"):
        version = path.name[len(name) + 1 : -len(".tgz")]
        if path.is_file() and Version.is_valid(version):
            found.append((Version.parse(version), path))
    seen = (look_at_package(path) for _, path in sorted(found, reverse=True))
    return next((one for one in seen if one and one.path.name == f"{name}-{one.version}.tgz"), None)


def look_at_package(path: Path) -> OnDisk | None:
    """The chart in a .tgz; None when nimhelm did not write it."""
    try:
        files = read_archive(path)
    except (LoadError, OSError, tarfile.TarError):
        return None
    record = read_record(files.get(RECORD))
    version = chart_version(files.get("Chart.yaml", b""))
    return OnDisk(path, version, record, {**files}) if record and version else None


def content_of(folder: Path, path: str) -> bytes | None:
    """A regular file's content; None for anything else, and for what only a link leads to."""
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink():
            return None
    place = folder / path
    try:
        return place.read_bytes() if stat.S_ISREG(place.lstat().st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return None


def guard(chart: Chart, disk: OnDisk, force: bool, inputs: Iterable[str] = ()) -> None:
    """Raise WriteError for what may not be replaced: files of others whatever the flag, own edited ones without force.

    Files of others in the folder of a service that goes are refused as well, because Helm could not load the chart.
    """
    target = disk.path
    if not os.path.lexists(target):
        return
    if target.is_symlink():
        raise WriteError(
            f"{target} is a link, and a chart is a folder", "choose the folder it leads to as -o, or remove it"
        )
    if not target.is_dir():
        raise WriteError(f"{target} is not a folder that nimhelm wrote", ELSEWHERE)
    if disk.record is None:
        others = sorted(entry.name for entry in os.scandir(target) if not is_beside(entry.name))
        if others:
            raise WriteError(f"{target} was not written by nimhelm: it holds {listed(others)}", ELSEWHERE)
    refuse_inputs(target, {*chart.files, *(disk.record.files if disk.record else ())}, inputs)
    strangers = sorted(path for path in chart.files if is_in_the_way(disk, path, chart.files[path]))
    if strangers:
        hint = "rename or move them: the chart needs these names, and nimhelm removes only files that it wrote"
        raise WriteError(f"{target} holds files that nimhelm did not write: {listed(strangers)}", hint)
    if left := sorted(_left_alone(chart, disk)):
        hint = "move them out of charts/, or remove them: Helm loads no chart whose charts/ has a folder without a Chart.yaml"
        raise WriteError(f"{target} holds files of yours in the folder of a service that goes: {listed(left)}", hint)
    if disk.edited and not force:
        names = [name if disk.files.get(name) is not None else f"{name} (removed)" for name in disk.edited]
        hint = "keep your changes in a values file of your own (helm -f), then replace these files with --force"
        raise WriteError(f"{target} was changed since nimhelm wrote it: {listed(names)}", hint)


def refuse_inputs(target: Path, own: Iterable[str], inputs: Iterable[str]) -> None:
    """Raise WriteError when an input would be replaced by a file of the chart."""
    for given in inputs:
        for path in own:
            place = target / path
            if given != "-" and os.path.exists(given) and place.exists() and os.path.samefile(given, place):
                raise WriteError(f"{place} is an input of this build", "move the input, or choose another -o")


def is_in_the_way(disk: OnDisk, path: str, content: bytes) -> bool:
    """Whether something that the record does not name stands where a file of the chart goes, with other content."""
    if disk.record and (path in disk.record.files or path == RECORD):
        return False
    parts = path.split("/")
    for depth in range(1, len(parts)):
        parent = disk.path.joinpath(*parts[:depth])
        if os.path.lexists(parent) and (parent.is_symlink() or not parent.is_dir()):
            return True
    return os.path.lexists(disk.path / path) and disk.files.get(path) != content


def _left_alone(chart: Chart, disk: OnDisk) -> Iterator[str]:
    """Files of others in folders of subcharts that the chart no longer has, but for those that Helm ignores."""
    rules = chart.files.get(".helmignore", b"").decode().splitlines()
    unseen = [rule.rstrip("/") for rule in rules if not rule.startswith("#")]
    recorded = disk.record.files if disk.record else {}
    for path in recorded:
        folder, _, name = path.rpartition("/")
        if name != "Chart.yaml" or not folder or path in chart.files:
            continue
        for root, _, names in os.walk(disk.path / folder):
            for each in (Path(root, name).relative_to(disk.path) for name in names):
                ignored = any(fnmatchcase(part, rule) for part in each.parts for rule in unseen)
                if each.as_posix() not in recorded and not ignored:
                    yield each.as_posix()


def listed(names: list[str]) -> str:
    """Names in one line, the first ten of them."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
