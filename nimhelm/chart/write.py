"""Stage 5, write: Chart -> a directory or a .tgz, whole or not at all.

A chart is written beside its place under a name of its own and then swapped in, so that a crash at any moment leaves
the old chart or the new one. What nimhelm did not write, or what was edited since, is not overwritten without force.
"""

from __future__ import annotations

import ctypes
import gzip
import io
import os
import re
import shutil
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

from nimhelm.chart.build import DIGEST_ANNOTATION, Chart, content_digest
from nimhelm.errors import WriteError

_DIGEST_LINE = re.compile(rb"^  %s: .*\n" % re.escape(DIGEST_ANNOTATION).encode(), re.MULTILINE)
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def chart_path(chart: Chart, folder: Path) -> Path:
    """The chart's own folder below `folder`."""
    return folder / chart.name


def package_path(chart: Chart, folder: Path) -> Path:
    """The chart's .tgz below `folder`, under the name that helm gives it."""
    return folder / f"{chart.name}-{chart.version}.tgz"


def write_chart(chart: Chart, folder: Path, force: bool = False) -> Path:
    """Write the chart as `folder`/<name>/ and return that path.

    Raises WriteError when something else stands there (unless `force`), or when the disk refuses.
    """
    target = chart_path(chart, folder)
    try:
        guard(target, force)
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        part = part_of(target)
        write_files(part, chart.files)
        swap(part, target)
    except OSError as error:
        shutil.rmtree(part_of(target), ignore_errors=True)
        raise refused(target, error) from error
    return target


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files by relative path. Raises OSError. A chart of a hundred services has a thousand: each folder is made once."""
    for parent in sorted({path.rpartition("/")[0] for path in files}):
        os.makedirs(os.path.join(folder, parent), exist_ok=True)
    for path, content in files.items():
        with open(os.path.join(folder, path), "wb", buffering=0) as stream:
            stream.write(content)


def package_chart(chart: Chart, folder: Path, force: bool = False) -> Path:
    """Write the chart as `folder`/<name>-<version>.tgz and return that path. An existing file of other content needs `force`."""
    target = package_path(chart, folder)
    content = archive(chart)
    try:
        if target.exists() and target.read_bytes() != content and not force:
            hint = "raise --chart-version, or overwrite it with --force"
            raise WriteError(f"{target} exists with other content", hint)
        folder.mkdir(parents=True, exist_ok=True)
        part = part_of(target)
        part.write_bytes(content)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part_of(target).unlink()
        raise refused(target, error) from error
    return target


def refused(target: Path, error: OSError) -> WriteError:
    """What the disk said, as a sentence."""
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


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def guard(target: Path, force: bool) -> None:
    """Refuse to replace what nimhelm did not write, or what somebody changed since."""
    if force or (not target.exists() and not target.is_symlink()):
        return
    if target.is_symlink() or not target.is_dir():
        raise WriteError(f"{target} is not a directory", "choose another -o, or overwrite it with --force")
    files = read_folder(target)
    written = _DIGEST_LINE.search(files.get("Chart.yaml", b""))
    if files and not written:
        raise WriteError(f"{target} was not written by nimhelm", "choose another -o, or overwrite it with --force")
    if (
        files
        and written
        and content_digest({**files, "Chart.yaml": _DIGEST_LINE.sub(b"", files["Chart.yaml"])}).encode()
        not in written[0]
    ):
        hint = "keep your changes in a values file outside the chart (helm -f), then overwrite the chart with --force"
        raise WriteError(f"{target} was changed since nimhelm wrote it", hint)


def part_of(target: Path) -> Path:
    """The name under which this process prepares a target."""
    return target.with_name(f".{target.name}.nimhelm-{os.getpid()}")


def remove_leftovers(target: Path) -> None:
    """Remove what killed builds of this target left behind; a build that still runs keeps its own."""
    for leftover in target.parent.glob(f".{target.name}.nimhelm-*"):
        pid = leftover.name.removesuffix("-old").rsplit("-", 1)[1]
        if pid == str(os.getpid()) or (pid.isdigit() and not _is_alive(int(pid))):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def swap(part: Path, target: Path) -> None:
    """Put `part` in the place of `target`. Where the kernel can, in one step; else the old chart is first put aside."""
    if not target.exists() and not target.is_symlink():
        part.rename(target)
    elif _exchange(part, target):
        _discard(part)
    else:
        aside = target.with_name(f"{part.name}-old")
        target.rename(aside)
        part.rename(target)
        _discard(aside)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


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
