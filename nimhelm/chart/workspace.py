"""A chart that is made in a workspace and takes the place of another: what goes along, and what comes back after a kill."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nimhelm import workspace
from nimhelm.chart.ondisk import content_of, look_at_folder
from nimhelm.chart.record import RECORD, read_record

PART = "part"
"""The chart that is being made; after an exchange the one that stood there before."""
ASIDE = "aside"
"""The chart that stood there before, where the kernel cannot exchange two folders."""


@contextmanager
def chart_workspace(folder: Path, name: str) -> Iterator[Path]:
    """A workspace in `folder`, which is made when it is absent. A chart that a killed build took away comes back first."""
    folder.mkdir(parents=True, exist_ok=True)
    with workspace.workspace(folder, name, partial(_recover, folder / name)) as place:
        yield place


def clear_leftovers(folder: Path, name: str) -> None:
    """Remove what killed builds of this chart left, after saving what only they hold; running builds keep theirs."""
    workspace.clear_leftovers(folder, name, partial(_recover, folder / name))


def _recover(target: Path, leftover: Path) -> None:
    aside, part = leftover / ASIDE, leftover / PART
    if aside.is_dir():
        if not os.path.lexists(target):
            aside.rename(target)
        else:
            dissolve(aside, target)
    if part.is_dir() and target.is_dir() and not is_staged(part):
        dissolve(part, target)


def stage(place: Path) -> Path:
    """A new empty folder in a workspace, and beside it a mark by which it is known after an exchange."""
    part = place / PART
    part.mkdir()
    (place / f"staged-{part.stat().st_ino}").touch()
    return part


def is_staged(part: Path) -> bool:
    """Whether a folder is the one that was staged, rather than the one it was exchanged for."""
    return next(part.iterdir(), None) is None or (part.parent / f"staged-{part.stat().st_ino}").exists()


def carry(old: Path, new: Path, own: set[str], base: str = "") -> None:
    """Give a new chart what is in the old one beside nimhelm's `own` files, as hard links where that can be."""
    folders = {path.rpartition("/")[0] for path in own}
    parents = {"/".join(folder.split("/")[:depth]) for folder in folders for depth in range(1, folder.count("/") + 2)}
    for entry in os.scandir(old / base):
        path = f"{base}/{entry.name}".removeprefix("/")
        if entry.is_dir(follow_symlinks=False):
            if path in parents:
                carry(old, new, own, path)
            else:
                _link_tree(old / path, new / path)
        elif path not in own and not os.path.lexists(new / path):
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            _link(old / path, new / path)


def _link_tree(old: Path, new: Path) -> None:
    new.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(old):
        if entry.is_dir(follow_symlinks=False):
            _link_tree(old / entry.name, new / entry.name)
        elif not os.path.lexists(new / entry.name):
            _link(old / entry.name, new / entry.name)
    shutil.copystat(old, new, follow_symlinks=False)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links, or another user's file
        shutil.copy2(old, new, follow_symlinks=False)


def dissolve(old: Path, target: Path) -> None:
    """Remove a chart that was replaced. What came into it meanwhile, and nimhelm did not write, goes into the new one."""
    own = {RECORD, *(record.files if (record := read_record(content_of(old, RECORD))) else ())}
    for root, _, names in os.walk(old):
        for name in names:
            file = Path(root, name)
            path = file.relative_to(old).as_posix()
            if path not in own and _is_news(file, target / path):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                file.replace(target / path)
    shutil.rmtree(old)


def _is_news(old: Path, new: Path) -> bool:
    if not os.path.lexists(new):
        return True
    one, two = old.lstat(), new.lstat()
    if (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino):
        return False
    return stat.S_ISREG(one.st_mode) and stat.S_ISREG(two.st_mode) and one.st_mtime_ns > two.st_mtime_ns


def own_files(folder: Path) -> set[str]:
    """The paths that are nimhelm's in a chart."""
    record = look_at_folder(folder).record
    return {RECORD, *record.files} if record else set()
