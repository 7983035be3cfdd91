"""A chart on disk, folder or .tgz, as a mapping of relative paths to bytes."""

from __future__ import annotations

import tarfile
from pathlib import Path

from nimhelm.chart.write import read_folder
from nimhelm.errors import LoadError

MAX_BYTES = 100 * 1024 * 1024
"""Helm's own limit for a chart."""


def read_chart(path: Path) -> dict[str, bytes]:
    """The files of a chart. Raises LoadError when there is no chart at `path`."""
    if not path.exists():
        raise LoadError(f"no chart at {path}", "give the chart's folder or its .tgz")
    try:
        files = read_folder(path) if path.is_dir() else _read_archive(path)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise LoadError(
            f"cannot read the chart {path}: {error}", "is it a chart packaged by helm or nimhelm?"
        ) from error
    if "Chart.yaml" not in files:
        raise LoadError(f"{path} has no Chart.yaml", "give the chart's folder or its .tgz")
    return files


def is_chart(path: Path) -> bool:
    """Whether a path looks like a chart rather than like a pipeline file."""
    return path.is_dir() or path.suffix in (".tgz", ".gz")


def _read_archive(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    with tarfile.open(path) as tar:
        for entry in tar:
            stream = tar.extractfile(entry) if entry.isfile() else None
            total += entry.size
            if total > MAX_BYTES:
                raise LoadError(f"{path} is larger than a chart may be (100 MiB)", "is it a chart?")
            if stream is not None:
                files[entry.name.partition("/")[2]] = stream.read()
    return files
