"""Stage 5, write: Chart -> a directory or a .tgz, whole or not at all.

A chart is made in a private folder beside its place and then swapped in, so that a crash at any moment leaves the old
chart or the new one. Only files that nimhelm wrote are replaced or removed; ondisk.py says which may be.
"""

from __future__ import annotations

import ctypes
import gzip
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from nimhelm.chart.build import Chart
from nimhelm.chart.ondisk import ELSEWHERE, guard, look_at_folder, look_at_package, refuse_inputs
from nimhelm.chart.workspace import ASIDE, carry, chart_workspace, clear_leftovers, dissolve, own_files, stage
from nimhelm.errors import WriteError
from nimhelm.savefile import save, settle, tidy

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def chart_path(chart: Chart, folder: Path) -> Path:
    """The chart's own folder below `folder`."""
    return folder / chart.name


def package_path(chart: Chart, folder: Path) -> Path:
    """The chart's .tgz below `folder`, under the name that helm gives it."""
    return folder / f"{chart.name}-{chart.version}.tgz"


def write_chart(chart: Chart, folder: Path, force: bool = False, inputs: Iterable[str] = ()) -> Path:
    """Write the chart as `folder`/<name>/ and return that path; what the folder holds of others stays in it.

    Raises WriteError for files of others in its place, for own files that were edited (unless `force`), for `inputs`
    that it would replace, and when the disk refuses.
    """
    target = chart_path(chart, folder)
    try:
        disk = look_at_folder(target, chart.files)
        guard(chart, disk, force, inputs)
        if disk.holds(chart):
            clear_leftovers(folder, chart.name)
            return target
        refuse_locked(target)
        with chart_workspace(folder, chart.name) as place:
            part = stage(place)
            write_files(part, chart.files)
            settle(part)
            if target.exists():
                carry(target, part, own_files(target))
                shutil.copymode(target, part)
            swap(part, target)
    except OSError as error:
        raise refused(target, error) from error
    return target


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files by relative path. Raises OSError. A chart of a hundred services has a thousand: each folder is made once."""
    for parent in sorted({path.rpartition("/")[0] for path in files}):
        os.makedirs(os.path.join(folder, parent), exist_ok=True)
    for path, content in files.items():
        with open(os.path.join(folder, path), "wb", buffering=0) as stream:
            stream.write(content)


def package_chart(chart: Chart, folder: Path, force: bool = False, inputs: Iterable[str] = ()) -> Path:
    """Write the chart as `folder`/<name>-<version>.tgz and return that path. An existing file of other content needs `force`."""
    target = package_path(chart, folder)
    content = archive(chart)
    try:
        if os.path.lexists(target):
            if holds_package(target, content):
                clear_leftovers(folder, chart.name)
                tidy(target)
                return target
            guard_package(target, force, inputs)
        folder.mkdir(parents=True, exist_ok=True)
        clear_leftovers(folder, chart.name)
        save(target, content)
    except OSError as error:
        raise refused(target, error) from error
    return target


def check_place(chart: Chart, folder: Path, package: bool, force: bool, inputs: Iterable[str]) -> None:
    """Raise the WriteError with which write_chart or package_chart would refuse, and write nothing."""
    target = package_path(chart, folder)
    try:
        if not package:
            place = chart_path(chart, folder)
            disk = look_at_folder(place, chart.files)
            guard(chart, disk, force, inputs)
            if not disk.holds(chart):
                refuse_locked(place)
        elif os.path.lexists(target) and not holds_package(target, archive(chart)):
            guard_package(target, force, inputs)
    except OSError as error:
        raise refused(target, error) from error


def refuse_locked(target: Path) -> None:
    """Raise WriteError for a folder of the old chart that may not be written: it could be replaced but not removed."""
    for root, names, _ in os.walk(target):
        for folder in (root, *(each for name in names if not os.path.islink(each := os.path.join(root, name)))):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise WriteError(
                    f"cannot write {folder}: Permission denied", "chmod u+w it, or choose a folder with -o"
                )


def holds_package(target: Path, content: bytes) -> bool:
    """Whether a regular file has this content."""
    return not target.is_symlink() and target.is_file() and target.read_bytes() == content


def guard_package(target: Path, force: bool, inputs: Iterable[str]) -> None:
    """Raise WriteError for a package that may not be replaced: one of others, an input, one of other content."""
    if target.is_symlink() or not target.is_file() or look_at_package(target) is None:
        raise WriteError(f"{target} was not written by nimhelm", ELSEWHERE)
    refuse_inputs(target.parent, [target.name], inputs)
    if not force:
        hint = "raise the version with --bump auto, or overwrite it with --force"
        raise WriteError(f"{target} exists with other content", hint)


def refused(target: Path, error: OSError) -> WriteError:
    """What the disk said, as a sentence."""
    file = next((parent for parent in target.parents if parent.is_file()), None)
    if file is not None:
        return WriteError(f"cannot write {target}: {file} is a file", "choose a folder with -o")
    return WriteError(f"cannot write {target}: {error.strerror or error}", "check the permissions and the free space")


def archive(chart: Chart) -> bytes:
    """The chart as a .tgz: entries sorted, no owner, no clock, so that the same chart gives the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in chart.files.items():
            entry = tarfile.TarInfo(f"{chart.name}/{path}")
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            tar.addfile(entry, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as stream:  # gzip.compress names the system in the header
        stream.write(plain.getvalue())
    return packed.getvalue()


def swap(part: Path, target: Path) -> None:
    """Put `part`, in a workspace, in the place of `target`. Where the kernel can, in one step; else in two."""
    if not os.path.lexists(target):
        part.rename(target)
    elif _exchange(part, target):
        dissolve(part, target)
    else:
        aside = part.with_name(ASIDE)
        target.rename(aside)
        part.rename(target)
        dissolve(aside, target)


def _exchange(one: Path, other: Path) -> bool:
    """renameat2(2) with RENAME_EXCHANGE: both names are swapped at once. False where it does not exist."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    code: int = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return code == 0
