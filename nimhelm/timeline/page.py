"""A timeline as one HTML page that needs nothing else: it opens from disk, in light and dark, and runs no script."""

from __future__ import annotations

from html import escape

from nimhelm.graph.picture import Picture
from nimhelm.graph.svg import STYLE as GRAPH_STYLE
from nimhelm.graph.svg import svg as graph_svg
from nimhelm.timeline.model import Timeline
from nimhelm.timeline.svg import STYLE as TIMELINE_STYLE
from nimhelm.timeline.svg import path_text
from nimhelm.timeline.svg import svg as timeline_svg
from nimhelm.timeline.text import headline, seconds, table_rows

_STYLE = """
:root{color-scheme:light dark}body{margin:2rem auto;max-width:1100px;padding:0 1rem;background:#fff;color:#1f2328;
font:15px/1.5 system-ui,sans-serif}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
.wide{overflow-x:auto}svg{display:block}table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid #d0d7de;vertical-align:top}code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}th,td{border-color:#30363d}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script, no picture and no font from anywhere, whatever the names in a cluster hold."""


def page(timeline: Timeline, picture: Picture) -> str:
    """The whole page."""
    style = _STYLE + TIMELINE_STYLE + GRAPH_STYLE
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{_text(headline(timeline))}</title><style>{style}</style></head><body>",
        f"<h1>{_text(headline(timeline))}</h1>",
        f'<div class="wide" id="timeline">{timeline_svg(timeline, embedded=True)}</div>',
        *_section("Services", _table(table_rows(timeline))),
        *_section("Critical path", _table([("TIME", "SERVICE", "WHAT"), *path_text(timeline)])),
        *_section("What would make it shorter", _table(_gains(timeline))),
        f'<h2>Graph</h2><div class="wide" id="graph">{graph_svg(picture, embedded=True)}</div>',
        *(f"<p>{_text(note)}</p>" for note in timeline.notes),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _section(title: str, table: str) -> list[str]:
    return [f"<h2>{title}</h2>", f'<div class="wide">{table}</div>'] if table else []


def _gains(timeline: Timeline) -> list[tuple[str, ...]]:
    saved = [("?" if g.seconds is None else f"-{seconds(g.seconds)}", g.text, g.how) for g in timeline.gains]
    return [("GAIN", "WHAT", "HOW"), *saved]


def _table(rows: list[tuple[str, ...]]) -> str:
    """A table with a head; "" without a row below it."""
    if len(rows) < 2:
        return ""
    head = "".join(f"<th>{_text(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(said: str) -> str:
    return escape("".join(one if one.isprintable() else "?" for one in said))
