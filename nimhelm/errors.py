"""Failures of a tool or of the machine. What is wrong with a document is a Finding, never an exception."""

from __future__ import annotations

import sys
from typing import NoReturn


class NimhelmError(Exception):
    """Something other than the user's documents prevents the work.

    `hint` is the way out, one sentence. `exit_code` is what the command ends with: 3, the environment.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LoadError(NimhelmError):
    """A file cannot be read: absent, a directory, no permission."""


def unreadable(error: OSError, path: object = "") -> LoadError:
    """What the system says about a file or a folder, as a sentence. `path` is for an error that names none."""
    return LoadError(
        f"cannot read {error.filename or path}: {error.strerror or error}", "check the path and its permissions"
    )


def refuse(error: OSError) -> NoReturn:
    """For os.walk, which skips a folder that it cannot read unless it is told what to do."""
    raise unreadable(error) from error


class WriteError(NimhelmError):
    """A chart cannot be written: a foreign directory in its place, no space, no permission."""


class HelmError(NimhelmError):
    """helm is missing, or failed."""


class ChartRefusalError(HelmError):
    """The chart refuses its values, by what its guard says: `problems`, a sentence each."""

    def __init__(self, problems: list[str], message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.problems = problems


class KubectlError(NimhelmError):
    """kubectl is missing, the cluster is out of reach, or it refused to answer."""


def complain(error: Exception) -> int:
    """Say what went wrong on standard error; returns the exit code."""
    from nimhelm.report import printable

    if isinstance(error, OSError) and error.filename is not None:  # no command expected it: still no bug of nimhelm
        error = NimhelmError(f"{error.filename}: {error.strerror or error}", "check its permissions and the free space")
    if isinstance(error, NimhelmError):
        hint = f"\n  {printable(error.hint)}" if error.hint else ""
        message = "\n".join(map(printable, str(error).splitlines()))
        print(f"nimhelm: {message}{hint}", file=sys.stderr)
        return error.exit_code
    print(f"nimhelm: internal error: {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
    print("  this is a bug of nimhelm; NIMHELM_DEBUG=1 shows where", file=sys.stderr)
    return NimhelmError.exit_code
