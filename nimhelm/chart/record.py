"""Which files of a chart are nimhelm's: a record of their digests inside the chart.

A chart's folder holds more than what nimhelm writes: `.git`, `Chart.lock`, values files, templates of the user's own.
Only what the record names is ever replaced or removed, and only what still has its digest counts as untouched.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, NamedTuple

RECORD = ".nimhelm.json"
VERSION = re.compile(r"v?[0-9]+(\.[0-9]+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?\Z")
"""What Helm takes for the version of a chart."""

_OWN = frozenset(("Chart.yaml", "values.yaml", "values.schema.json", "README.md", ".helmignore", RECORD))
_OWN_FOLDERS = ("templates", "charts", "files")
_VERSION_LINE = re.compile(rb"^version: *(.*?) *\r?$", re.MULTILINE)
_BESIDE = (
    ".git", ".gitignore", ".gitattributes", ".gitkeep", ".DS_Store", ".idea", ".vscode", ".hg", ".svn", ".bzr",
    "*.bak", "*.orig", "*.tmp", "*.swp", "*.swo", "*~", "#*#", ".#*", "*.tgz", "*.tgz.prov", "Chart.lock",
    "values-*.yaml", "values.*.yaml", "Thumbs.db", "desktop.ini",
)  # fmt: skip


class Record(NamedTuple):
    """The version under which a chart was written, and the sha256 of each file by its path."""

    version: str
    files: dict[str, str]


def with_record(version: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a chart, sorted, and the record of them."""
    record = {"version": version, "files": {path: digest(files[path]) for path in sorted(files)}}
    return dict(sorted({**files, RECORD: (json.dumps(record, indent=0) + "\n").encode()}.items()))


def digest(content: bytes) -> str:
    """sha256 as hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_record(content: bytes | None) -> Record | None:
    """The record in a file's content; None if the content is not a record. Paths that nimhelm never writes are left out."""
    try:
        data: Any = json.loads(content or b"")
        version, files = data["version"], data["files"]
        owned = {path: text for path, text in files.items() if is_own_path(path) and isinstance(text, str)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Record(version, owned) if isinstance(version, str) and VERSION.match(version) else None


def is_own_path(path: str) -> bool:
    """Whether nimhelm could have written a path below a chart's folder: a record may come from a stranger."""
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") or "\0" in part or "\\" in part for part in parts):
        return False
    return path in _OWN or (len(parts) > 1 and parts[0] in _OWN_FOLDERS)


def edited(record: Record, on_disk: Mapping[str, bytes | None]) -> list[str]:
    """The recorded files that are no longer as nimhelm wrote them, sorted; None in `on_disk` is a file that is gone.

    Another version in Chart.yaml is not an edit: release tools write it.
    """
    return [path for path in sorted(record.files) if not is_untouched(record, path, on_disk.get(path))]


def is_untouched(record: Record, path: str, content: bytes | None) -> bool:
    """Whether a recorded file is as nimhelm wrote it."""
    if content is None:
        return False
    if path == "Chart.yaml":
        content = with_version(content, record.version)
    return digest(content) == record.files[path]


def chart_version(chart_yaml: bytes) -> str:
    """The version in a Chart.yaml; "" when it has none that Helm takes."""
    match = _VERSION_LINE.search(chart_yaml)
    text = match[1].decode("utf-8", "replace").strip("\"'") if match else ""
    return text if VERSION.match(text) else ""


def with_version(chart_yaml: bytes, version: str) -> bytes:
    """A Chart.yaml with another version of the chart itself."""
    from nimhelm.yamlwrite import dump

    return _VERSION_LINE.sub(lambda _: dump({"version": version}).rstrip().encode(), chart_yaml, count=1)


def is_beside(path: str) -> bool:
    """Whether a path is not part of a chart: version control, editors, locks, packages, values files."""
    return any(fnmatchcase(part, pattern) for part in PurePosixPath(path).parts for pattern in _BESIDE)
