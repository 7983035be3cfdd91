"""The standard streams of this process: closed, full, or without a reader, none of them breaks a command.

A closed stream becomes the null device. When a pipe has no reader any more, the rest of the output is dropped and the
command finishes its work. Standard output that cannot be written, as on a full disk, raises OutputError.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

from nimhelm.errors import NimhelmError

_ESCAPE = "nimhelm.escape"


class OutputError(NimhelmError):
    """Standard output cannot be written."""


class _Outlet(io.FileIO):
    """A file descriptor for output. `lost` means that it has no reader, or that the disk is full."""

    lost = False

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        """Write all or raise OutputError. Nothing is written of nothing: click tries a stream in that way."""
        if not len(data):
            return 0
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            self._drop()
            return len(data)
        except OSError as error:
            self._drop()
            if self.fileno() == 2:
                return len(data)
            reason = error.strerror or str(error)
            raise OutputError(f"standard output cannot be written: {reason}", "what was done so far stays") from None

    def _drop(self) -> None:
        """Send all further output to the null device: the interpreter flushes once more at its end."""
        self.lost = True
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def prepare() -> None:
    """Make the standard streams safe to use. Characters that an encoding lacks are written as JSON escapes."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is this one: no file that is opened later takes its place.
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    codecs.register_error(_ESCAPE, _escaped)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _safe(sys.stdout, 1)
    sys.stderr = _safe(sys.stderr, 2)


def finish() -> None:
    """Write what is still buffered. Raises OutputError."""
    sys.stdout.flush()
    sys.stderr.flush()


def is_read() -> bool:
    """Whether standard output still goes somewhere, as far as the last write tells."""
    buffer = getattr(sys.stdout, "buffer", None)
    return not getattr(getattr(buffer, "raw", buffer), "lost", False)


def _safe(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(_Outlet(number, "wb", closefd=False)), "utf-8", _ESCAPE)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    # JSON and SARIF have to be readable whatever the environment says: UTF-16 and its like are not.
    encoding = stream.encoding if "{".encode(stream.encoding) == b"{" else "utf-8"
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if type(raw) is not io.FileIO:  # the console of Windows
        stream.reconfigure(errors=_ESCAPE, encoding=encoding)
        return stream
    outlet = _Outlet(number, "wb", closefd=False)
    buffer = outlet if stream.write_through else io.BufferedWriter(outlet)
    return io.TextIOWrapper(
        buffer,
        encoding,
        _ESCAPE,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""`é` as `\u00e9` where the encoding lacks it: in the strings of JSON that means the same."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[place : place + 2], "big") for place in range(0, len(units), 2))
    return "".join(f"\\u{code:04x}" for code in codes), error.end
