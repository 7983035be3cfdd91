"""A chart on disk, folder or .tgz, as a mapping of relative paths to bytes."""

from __future__ import annotations

import gzip
import io
import os
import shlex
import tarfile
import zlib
from pathlib import Path

from nimhelm.chart.record import is_beside
from nimhelm.errors import LoadError, refuse, unreadable

MAX_BYTES = 100 * 1024 * 1024
"""Helm's own limit for a chart."""
MAX_FILES = 10_000
"""Far above a chart's: each service brings a dozen."""


def read_chart(path: Path) -> dict[str, bytes]:
    """The files of a chart. Raises LoadError when there is no chart at `path`."""
    if not path.exists():
        raise LoadError(f"{path} does not exist", "give the folder of a chart, or its .tgz")
    try:
        if path.suffix in (".yaml", ".yml", ".json") and path.is_file():
            raise LoadError(
                f"{path} is a YAML file, not a chart",
                f"make a chart of it first: nimhelm build {shlex.quote(str(path))}",
            )
        files = read_folder(path) if path.is_dir() else read_archive(path)
    except PermissionError as error:
        raise unreadable(error, path) from error
    except (OSError, tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise LoadError(
            f"cannot read the chart {path}: {error}", "is it a chart packaged by helm or nimhelm?"
        ) from error
    if "Chart.yaml" not in files:
        raise LoadError(f"{path} is not a chart: it has no Chart.yaml", "give the folder of a chart, or its .tgz")
    return files


def is_chart(path: Path) -> bool:
    """Whether a path looks like a chart rather than like a pipeline file, or a folder of them."""
    return (path / "Chart.yaml").exists() or path.suffix in (".tgz", ".gz")


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file of a chart's folder by relative path; what Helm would not read, such as `.git`, is left out."""
    files: dict[str, bytes] = {}
    total = 0
    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not is_beside(name))
        for name in sorted(names):
            place = Path(root, name)
            if is_beside(name) or not place.is_file():
                continue
            total += place.stat().st_size
            if total > MAX_BYTES or len(files) >= MAX_FILES:
                raise too_large(folder)
            files[place.relative_to(folder).as_posix()] = place.read_bytes()
    return dict(sorted(files.items()))


def read_archive(path: Path) -> dict[str, bytes]:
    """Every file of a .tgz below its one folder. Raises LoadError for one that is larger than Helm takes, OSError."""
    files: dict[str, bytes] = {}
    with gzip.open(path) as packed:
        plain = packed.read(MAX_BYTES + 1)
    if len(plain) > MAX_BYTES:
        raise too_large(path)
    total = 0
    with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as tar:
        for count, entry in enumerate(tar):
            total += entry.size
            if count >= MAX_FILES or total > MAX_BYTES:  # a sparse entry is larger than the archive
                raise too_large(path)
            stream = tar.extractfile(entry) if entry.isfile() else None
            if stream is not None:
                files[_below(entry.name)] = stream.read()
        if plain[tar.offset :].strip(b"\0"):
            raise tarfile.ReadError("an entry is damaged")
    return files


def _below(name: str) -> str:
    """An entry's path below the chart's folder: `rag/values.yaml` -> `values.yaml`. Such files are unpacked again."""
    path = name.removeprefix("./").partition("/")[2]
    if not path or "\\" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise tarfile.ReadError(f"the entry {name} is in no chart's folder")
    return path


def too_large(path: Path) -> LoadError:
    """The error for what is beyond Helm's own limits."""
    return LoadError(f"{path} is larger than a chart may be (100 MiB, {MAX_FILES:,} files)", "is it a chart?")
