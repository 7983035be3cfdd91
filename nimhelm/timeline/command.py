"""The command: read a release, or what was saved of one, and show where its start-up spent the time."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple

from nimhelm.status.snapshot import Snapshot
from nimhelm.timeline.compute import timeline_of
from nimhelm.timeline.text import Style


class Options(NamedTuple):
    """What the command line asks for. `request_timeout` is in seconds."""

    release: str
    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    output: str = "text"
    from_dir: str = ""
    request_timeout: float = 10.0


def show_timeline(options: Options) -> int:
    """Print the timeline. Returns 0: what is not ready is for `nimhelm status`. Raises NimhelmError."""
    sys.stdout.write(render(_read(options), options.output, _style()))
    return 0


def render(snapshot: Snapshot, output: str, style: Style) -> str:
    """The timeline of a snapshot as `text`, `json`, `html` or `svg`."""
    timeline = timeline_of(snapshot)
    if output == "json":
        from nimhelm.timeline.document import as_json

        return as_json(timeline)
    if output == "svg":
        from nimhelm.timeline.svg import svg

        return svg(timeline)
    if output == "html":
        from nimhelm.graph.release import picture_of_release
        from nimhelm.timeline.page import page

        return page(timeline, picture_of_release(snapshot))
    from nimhelm.timeline.text import text

    return text(timeline, style)


def _read(options: Options) -> Snapshot:
    if options.from_dir:
        from nimhelm.status.bundle import load_saved

        return load_saved(options.from_dir, options.release, options.namespace)
    from nimhelm.status.cluster import read_release

    return read_release(
        options.release, options.namespace, options.context, options.kubeconfig, options.request_timeout
    )


def _style() -> Style:
    """As wide as the terminal; ASCII where the output's encoding has no block characters."""
    try:
        "█┃".encode(sys.stdout.encoding or "utf-8")
        unicode = True
    except (UnicodeEncodeError, LookupError):
        unicode = False
    if not sys.stdout.isatty():
        return Style(unicode=unicode)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(max(60, shutil.get_terminal_size().columns), unicode, colour)
