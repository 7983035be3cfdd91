"""A timeline as SVG: a bar for each service, the critical path framed, the arrows of the gates that waited."""

from __future__ import annotations

from html import escape

from nimhelm.timeline.model import GATE, MEANING, Segment, Timeline, Track
from nimhelm.timeline.text import headline, seconds, step_text, stretches

STYLE = """
.paper{fill:#fff}.label{fill:#1f2328}.dim,.tick{fill:#57606a}.grid{stroke:#d0d7de}.hot{fill:none;stroke:#cf222e;stroke-width:2}
.wait{stroke:#cf222e;fill:none;stroke-dasharray:3 3}.schedule{fill:#afb8c1}.prepare{fill:#8c959f}.pull{fill:#54aeff}
.gate{fill:#eac54f}.init{fill:#a475f9}.start{fill:#6e7781}.startup{fill:#2da44e}.restart{fill:#cf222e}.fill{fill:#bf8700}
.create{fill:none}.retry{fill:#fa4549}.lost{fill:#818b98}
@media (prefers-color-scheme:dark){.paper{fill:#0d1117}.label{fill:#e6edf3}.dim,.tick{fill:#9ea7b3}.grid{stroke:#30363d}
.hot,.wait{stroke:#ff7b72}.schedule{fill:#484f58}.prepare{fill:#6e7681}.pull{fill:#388bfd}.gate{fill:#bb8009}
.init{fill:#986ee2}.start{fill:#8b949e}.startup{fill:#2ea043}.restart{fill:#f85149}.fill{fill:#9e6a03}}
"""

_LETTER, _ROW, _BAR, _TOP, _EDGE, _WIDTH = 7.3, 30, 16, 60, 16, 720
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def svg(timeline: Timeline, embedded: bool = False) -> str:
    """The timeline as one SVG element; an `embedded` one leaves its style sheet to the page."""
    left = _EDGE + 10 + _LETTER * max((len(track.name) for track in timeline.tracks), default=10)
    width = left + _WIDTH + 70
    bottom = _TOP + _ROW * len(timeline.tracks)
    height = bottom + 56 + 18 * (len(_legend_rows(timeline, width)) - 1)
    scale = _WIDTH / max(timeline.total, 1.0)
    style = "" if embedded else f"<style>{STYLE}</style>"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="12" role="img">',
        f"<title>{_text(headline(timeline))}</title>{style}",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        ""
        if embedded
        else f'<text class="label" x="{_EDGE}" y="24" font-weight="600">{_text(headline(timeline))}</text>',
        *_grid(timeline, left, scale, bottom),
        *(_track(timeline, track, row, left, scale) for row, track in enumerate(timeline.tracks)),
        *_handovers(timeline, left, scale),
        *_legend(timeline, width, bottom + 30),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid(timeline: Timeline, left: float, scale: float, bottom: float) -> list[str]:
    step = next((each for each in _STEPS if timeline.total / each <= 10), _STEPS[-1])
    lines = []
    for number in range(int(timeline.total // step) + 1):
        x = left + number * step * scale
        lines.append(
            f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{bottom:.0f}"/>'
            f'<text class="tick" x="{x:.1f}" y="{_TOP - 14}" text-anchor="middle">{seconds(number * step)}</text>'
        )
    return lines


def _track(timeline: Timeline, track: Track, row: int, left: float, scale: float) -> str:
    y = _TOP + row * _ROW + 6
    bars = [_bar(segment, left, scale, y) for segment in track.segments]
    hot = [
        f'<rect class="hot" x="{left + start * scale:.1f}" y="{y - 2}" '
        f'width="{max(1.0, (end - start) * scale):.1f}" height="{_BAR + 4}"/>'
        for name, start, end in stretches(timeline.path)
        if name == track.name
    ]
    end = left + (track.segments[-1].end if track.segments else 0) * scale + 8
    ready = seconds(track.ready) if track.ready is not None else "…"
    return (
        f'<g><text class="label" x="{_EDGE}" y="{y + 12}">{_text(track.name)}</text>{"".join(bars)}{"".join(hot)}'
        f'<text class="dim" x="{end:.1f}" y="{y + 12}">{ready}</text></g>'
    )


def _bar(segment: Segment, left: float, scale: float, y: float) -> str:
    what = MEANING[segment.kind] + (f": {segment.on}" if segment.on else "")
    height, lower = (_BAR, 0) if segment.kind != GATE else (_BAR // 2, _BAR // 4)
    return (
        f'<rect class="{segment.kind}" x="{left + segment.start * scale:.1f}" y="{y + lower}" '
        f'width="{max(0.5, segment.seconds * scale):.1f}" height="{height}">'
        f"<title>{_text(what)}, {seconds(segment.seconds)}</title></rect>"
    )


def _handovers(timeline: Timeline, left: float, scale: float) -> list[str]:
    """Where the critical path goes from one service to the next."""
    rows = {track.name: row for row, track in enumerate(timeline.tracks)}
    lines = []
    for one, two in zip(timeline.path, timeline.path[1:], strict=False):
        if one.track != two.track:
            x = left + one.end * scale
            y1, y2 = (_TOP + rows[name] * _ROW + 6 + _BAR / 2 for name in (one.track, two.track))
            lines.append(f'<line class="wait" x1="{x:.1f}" y1="{y1}" x2="{x:.1f}" y2="{y2}"/>')
    return lines


def _legend_rows(timeline: Timeline, width: float) -> list[list[str]]:
    """The kinds that occur, in rows that fit."""
    rows: list[list[str]] = [[]]
    x = float(_EDGE)
    for kind in MEANING:
        if not any(track.spent(kind) for track in timeline.tracks):
            continue
        x += 36 + _LETTER * len(MEANING[kind])
        if x > width - _EDGE and rows[-1]:
            rows.append([])
            x = _EDGE + 36 + _LETTER * len(MEANING[kind])
        rows[-1].append(kind)
    return rows


def _legend(timeline: Timeline, width: float, top: float) -> list[str]:
    lines = []
    for number, row in enumerate(_legend_rows(timeline, width)):
        x, y = float(_EDGE), top + 18 * number
        for kind in row:
            lines.append(
                f'<rect class="{kind}" x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12"/>'
                f'<text class="dim" x="{x + 18:.0f}" y="{y:.0f}">{MEANING[kind]}</text>'
            )
            x += 36 + _LETTER * len(MEANING[kind])
    return lines


def path_text(timeline: Timeline) -> list[tuple[str, str, str]]:
    """The steps of the critical path as (seconds, service, what)."""
    return [(seconds(step.end - step.start), step.track, step_text(step)) for step in timeline.path]


def _text(said: str) -> str:
    return escape("".join(one if one.isprintable() else "?" for one in said))
