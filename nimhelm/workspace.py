"""A private folder beside a file or a chart in which its next version is made, and what is left of such folders after a kill.

Its name is random and its owner the only one to enter it, so that nobody can plant a link there. It is locked while
it is in use: the kernel frees the lock with the process, and the next write to the same place then clears up.
"""

from __future__ import annotations

import glob
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

_MARK = ".nimhelm-"
_LONGEST = 100
"""Characters of a name that go into the name of its workspace: with all of them it could be longer than a name may be."""

Rescue = Callable[[Path], None]


@contextmanager
def workspace(folder: Path, name: str, rescue: Rescue | None = None) -> Iterator[Path]:
    """A new private folder in `folder` for the file or chart `name`; removed at the end. Signals wait until then.

    `rescue` gets each leftover of a killed process before it is removed. Raises OSError.
    """
    with _signals_wait():
        clear_leftovers(folder, name, rescue)
        place, lock = _locked_folder(folder, name)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            os.close(lock)


def is_workspace(name: str) -> bool:
    """Whether a name is that of a workspace."""
    return name.startswith(".") and _MARK in name


@contextmanager
def _signals_wait() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prefix(name: str) -> str:
    return f".{name[:_LONGEST]}{_MARK}"


def _locked_folder(folder: Path, name: str) -> tuple[Path, int]:
    while True:
        place = Path(tempfile.mkdtemp(prefix=_prefix(name), dir=folder))
        lock = os.open(place, os.O_RDONLY)
        if _is_locked(lock) and place.exists():
            return place, lock
        os.close(lock)  # another process took the new folder for a leftover


def _is_locked(descriptor: int) -> bool:
    """Whether this process has the lock now."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear_leftovers(folder: Path, name: str, rescue: Rescue | None = None) -> None:
    """Remove what killed processes left of this name, after `rescue` took what only they hold; what is in use stays."""
    for leftover in folder.glob(f"{glob.escape(_prefix(name))}*"):
        with suppress(OSError):
            lock = os.open(leftover, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                about = os.fstat(lock)
                if fcntl is not None and about.st_uid == os.geteuid() and _is_locked(lock):
                    if rescue:
                        rescue(leftover)
                    shutil.rmtree(leftover)
            finally:
                os.close(lock)
