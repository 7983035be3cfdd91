"""Reads, computes and shows the status: once, until the release is settled, or until the user stops it.

Exit codes: 0 Ready; 1 Failed, and without --wait also NotReady; 3 the cluster cannot be read; 4 the timeout of
--wait; 130 interrupted.

--wait ends with 1 only if the pipeline has been Failed for ten seconds without a break. A pull secret that is created a
moment after the chart, or a first crash before a database is up, does not end it.

It ends with 0 when the release has been Ready for five seconds, so that a service that flaps does not count as ready.

If the server stops answering under --wait or --watch, it is asked again for half a minute, with a note. After that it is
an error.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

from nimhelm.kubectl import Access
from nimhelm.kubectlerrors import UnreachableError
from nimhelm.status.cluster import read_release
from nimhelm.status.compute import FAILED, READY, PipelineStatus, compute
from nimhelm.status.output import Style, Table, changed_lines, display_width, render, table_of
from nimhelm.status.snapshot import Snapshot
from nimhelm.streams import is_read
from nimhelm.wording import clean

OK, NOT_OK, TIMED_OUT, INTERRUPTED = 0, 1, 4, 130
PERIOD = 2.0
FAILED_FOR = 10.0
GONE_FOR = 30.0
STEADY_FOR = 5.0


class Options(NamedTuple):
    """What the command line asks for. `timeout` and `request_timeout` are in seconds; timeout 0 means no limit."""

    release: str
    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    output: str = "table"
    wait: bool = False
    watch: bool = False
    timeout: float = 0.0
    from_dir: str = ""
    save: str = ""
    request_timeout: float = 10.0
    everything: bool = False
    all_namespaces: bool = False
    quiet: bool = False


class Screen(NamedTuple):
    """Where to write: `out` has the status, `err` what is said beside it."""

    out: TextIO
    err: TextIO

    def note(self, sentence: str) -> None:
        """Says something beside the status."""
        print(sentence, file=self.err, flush=True)

    def write(self, text: str) -> None:
        """Writes of the status."""
        self.out.write(text)
        self.out.flush()


def run(options: Options, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Shows the status as asked, and returns the exit code. Raises NimhelmError where there is nothing to show."""
    screen = Screen(out or sys.stdout, err or sys.stderr)
    try:
        if (options.wait or options.watch) and not options.from_dir:
            return _follow(options, screen)
        return _once(options, screen)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _give_up_output(screen.out)
        return NOT_OK


def _once(options: Options, screen: Screen) -> int:
    if not options.release:
        from nimhelm.status.overview import Listing, show

        access = Access(options.namespace, options.context, options.kubeconfig, options.request_timeout)
        return show(
            access,
            Listing(options.all_namespaces, options.output, options.quiet),
            screen.out,
            style_of(screen.out).width,
        )
    snapshot = _read(options)
    if options.save:
        _save(options, snapshot, screen)
    status = compute(snapshot)
    if not (options.quiet and status.state == READY):
        screen.write(render(status, options.output, style_of(screen.out, options.everything)))
    return OK if status.state == READY else NOT_OK


def _read(options: Options) -> Snapshot:
    if options.from_dir:
        from nimhelm.status.bundle import load_saved

        return load_saved(options.from_dir, options.release, options.namespace)
    return read_release(
        options.release, options.namespace, options.context, options.kubeconfig, options.request_timeout
    )


def _save(options: Options, snapshot: Snapshot, screen: Screen) -> None:
    from nimhelm.status.bundle import is_bundle, save_bundle
    from nimhelm.status.dump import save

    if is_bundle(options.save):
        for missing in save_bundle(snapshot, options.save, options.request_timeout, bool(options.from_dir)):
            screen.note(f"left out: {missing}")
    else:
        save(snapshot, options.save)
    screen.note(f"saved to {options.save}; read it with: nimhelm status {options.release} --from-dir {options.save}")


def style_of(stream: TextIO, everything: bool = False) -> Style:
    """Colour and cut rows for a terminal, neither for a file or a pipe. NO_COLOR and a poor encoding are heeded."""
    marks = Style().marks
    try:
        "".join(marks).encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        marks = ("x", "..")
    if not _is_terminal(stream):
        return Style(marks=marks, everything=everything)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(colour, shutil.get_terminal_size().columns, marks, everything)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _follow(options: Options, screen: Screen) -> int:
    """Reads again and again, until what was asked for has come."""
    show = _shower(options, screen)
    failed_since: float | None = None
    ready_since: float | None = None
    last: PipelineStatus | None = None
    for seen in _readings(options, screen):
        if seen is None:
            return _timed_out(options, screen, last)
        if isinstance(seen, UnreachableError):
            screen.note(f"{seen}; trying again")
            show = (
                _live(screen, options.everything) if _is_live(options, screen) else show
            )  # a new table below the note
            continue
        show(seen)
        if not (options.wait or is_read()):
            return OK if seen.state == READY else NOT_OK
        now, last = time.monotonic(), seen
        failed_since = (failed_since or now) if seen.state == FAILED else None
        ready_since = (ready_since or now) if seen.state == READY else None
        steady = ready_since is not None and max(seen.elapsed, now - ready_since) >= STEADY_FOR
        if options.wait and steady:
            return _settled(options, screen, seen, OK)
        if options.wait and failed_since is not None and now - failed_since >= FAILED_FOR:
            return _settled(options, screen, seen, NOT_OK)
    raise AssertionError("the readings do not end")


def _readings(options: Options, screen: Screen) -> Iterator[PipelineStatus | UnreachableError | None]:
    """The status every period, what keeps it from being read, and None at the timeout."""
    started = answered = time.monotonic()
    known = False
    while True:
        begun = time.monotonic()
        try:
            snapshot = _read(options)
        except UnreachableError as error:
            if not known or time.monotonic() - answered >= GONE_FOR:
                raise
            yield error
        else:
            if options.save and not known:
                _save(options, snapshot, screen)
            answered, known = time.monotonic(), True
            yield compute(snapshot)
        left = options.timeout - (time.monotonic() - started) if options.timeout else PERIOD
        if left <= 0:
            yield None
        # A cluster that is slow to answer is asked less often.
        time.sleep(max(0.0, min(left, max(PERIOD, time.monotonic() - begun))))


def _timed_out(options: Options, screen: Screen, last: PipelineStatus | None) -> int:
    """The final state is shown, with what keeps it from being ready and the next step."""
    if last is not None:
        _settled(options, screen, last, TIMED_OUT)
    screen.note(f"{options.release} is not ready after {options.timeout:g} s")
    return TIMED_OUT


def _settled(options: Options, screen: Screen, status: PipelineStatus, code: int) -> int:
    """The whole status at the end, where only changes, or nothing, were shown so far."""
    if not _is_live(options, screen) and not (options.quiet and status.state == READY):
        screen.write(render(status, options.output, style_of(screen.out, options.everything)))
    return code


def _is_live(options: Options, screen: Screen) -> bool:
    return options.output == "table" and _is_terminal(screen.out) and not options.quiet


def _shower(options: Options, screen: Screen) -> Callable[[PipelineStatus], None]:
    if options.quiet:
        return lambda status: None
    return _live(screen, options.everything) if _is_live(options, screen) else _plain(options, screen)


def _live(screen: Screen, everything: bool) -> Callable[[PipelineStatus], None]:
    """Draws the table over the one before, cut to the height of the terminal."""
    drawn = 0

    def show(status: PipelineStatus) -> None:
        nonlocal drawn
        size = shutil.get_terminal_size()
        rows = _fitting(table_of(status, style_of(screen.out, everything)), size)
        back = f"\x1b[{drawn}A" if drawn else ""
        screen.write(back + "".join(f"\x1b[2K{row}\n" for row in rows) + "\x1b[J")
        drawn = sum(_height(row, size.columns) for row in rows)

    return show


def _fitting(drawn: Table, size: os.terminal_size) -> list[str]:
    """The rows that fit on the screen: a first next step stays, further ones and the last services go."""
    listed, tail = list(drawn.rows), list(drawn.tail)
    room = size.lines - 1 - len(drawn.head)

    def over() -> bool:
        return len(listed) + sum(_height(row, size.columns) for row in tail) > room

    while over() and len(tail) > 1:
        tail.pop()
    hidden = 0
    while over() and len(listed) > 1:
        listed.pop()
        hidden += 1
        # The row that says so takes the place of one more.
        listed[-1] = f"… {hidden + 1} more, too many for the screen"
    return drawn.head + listed + tail


def _height(row: str, columns: int) -> int:
    """The lines a row takes in the terminal: next steps are not cut, and wrap."""
    return max(1, -(-display_width(clean(row)) // max(1, columns)))


def _plain(options: Options, screen: Screen) -> Callable[[PipelineStatus], None]:
    """Appends a line for each change. For json and yaml these go to stderr under --wait: stdout is one document."""
    before: PipelineStatus | None = None

    def show(status: PipelineStatus) -> None:
        nonlocal before
        lines = changed_lines(before, status)
        before = status
        if not lines:
            return
        if options.output == "table":
            screen.write("".join(f"{_clock(status)}  {line}\n" for line in lines))
        elif options.watch and not options.wait:
            separator = "---\n" if options.output == "yaml" else ""
            screen.write(separator + render(status, options.output, style_of(screen.out, options.everything)))
        else:
            for line in lines:
                screen.note(f"{_clock(status)}  {line}")

    return show


def _clock(status: PipelineStatus) -> str:
    return status.now.strftime("%H:%M:%SZ")


def _give_up_output(out: TextIO) -> None:
    """The reader is gone (`| head`): nothing more, not even at exit."""
    if out is sys.stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
