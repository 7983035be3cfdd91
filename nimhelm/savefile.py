"""Files that nimhelm writes: each is made in a workspace beside its place and then swapped in, whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from nimhelm.workspace import clear_leftovers, workspace

_PART = "part"
_ACCESS_LIST = "system.posix_acl_access"
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


class Terms(NamedTuple):
    """How a file is written.

    `new`: nothing may stand in its place. `private`: for its owner alone, and a link in its place is replaced, not
    followed. `was`: the content that is replaced; another one means that somebody saved meanwhile.
    """

    new: bool = False
    private: bool = False
    was: bytes | None = None


_PLAIN = Terms()


def save(path: Path, content: bytes, terms: Terms = _PLAIN) -> None:
    """Write a file. One that stands there keeps its owner and mode, and a link stays one; a device is written to.

    Raises OSError: PermissionError for a file that is read-only, FileExistsError under `terms.new`, and BlockingIOError
    when the content is not `terms.was` any more.
    """
    about = _about(path, follow=not terms.private)
    if about is not None and stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if about is not None and not stat.S_ISREG(about.st_mode) and not stat.S_ISLNK(about.st_mode):
        with open(path, "wb") as stream:
            stream.write(content)
        return
    if about is not None and stat.S_ISREG(about.st_mode) and not terms.private and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    if terms.new and os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    target = path if terms.private else Path(os.path.realpath(path))
    with workspace(target.parent, target.name) as place:
        part = place / _PART
        _write(part, content, 0o600 if terms.private else 0o666, None if terms.private else about)
        if terms.was is not None and target.read_bytes() != terms.was:
            raise BlockingIOError(errno.EAGAIN, "it was changed meanwhile", str(path))
        _put(part, target, terms.new)


def json_bytes(document: Any) -> bytes:
    """A document as a file of JSON. Half a character, which only an escape can write, stays an escape."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def tidy(path: Path) -> None:
    """Remove what a killed process left beside a file that it was to write."""
    target = Path(os.path.realpath(path))
    clear_leftovers(target.parent, target.name)


def save_private(folder: Path, files: dict[str, bytes], gone: Iterable[str] = ()) -> None:
    """Write files of one folder for their owner alone, and remove those of the names `gone`. Raises OSError.

    All are written before the first is put in its place, in the order of `files`.
    """
    with workspace(folder, folder.name) as place:
        for number, content in enumerate(files.values()):
            _write(place / str(number), content, 0o600)
        for number, name in enumerate(files):
            os.replace(place / str(number), folder / name)
        for name in gone:
            (folder / name).unlink(missing_ok=True)


def _about(path: Path, follow: bool) -> os.stat_result | None:
    """What stands there; None for nothing and for a link to nothing. Raises OSError for a loop of links."""
    with suppress(FileNotFoundError):
        return path.stat(follow_symlinks=follow)
    return None


def _write(part: Path, content: bytes, mode: int, like: os.stat_result | None = None) -> None:
    """A new file on the disk, with owner and mode of the one that it will replace."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        if like is not None:
            _dress(descriptor, like)


def _dress(descriptor: int, like: os.stat_result) -> None:
    if hasattr(os, "fchown"):
        with suppress(PermissionError):  # only root gives files away
            os.fchown(descriptor, like.st_uid, like.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))


def _put(part: Path, target: Path, new: bool) -> None:
    if new:
        try:
            os.link(part, target)
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
    elif sys.platform == "linux" and target.exists():
        with suppress(OSError):
            os.setxattr(part, _ACCESS_LIST, os.getxattr(target, _ACCESS_LIST))
    os.replace(part, target)


def settle(folder: Path) -> None:
    """Have the disk hold what was written to the file system of a folder, where the kernel can do that for one file system."""
    if not sys.platform.startswith("linux"):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).syncfs(descriptor)
    finally:
        os.close(descriptor)
