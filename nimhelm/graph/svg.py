"""A picture as SVG: waves are columns, arrows go from a dependency to who waits for it. Light and dark."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from nimhelm.graph.picture import CACHE, EXTERNAL, Edge, Node, Picture
from nimhelm.graph.text import facts, gpu_total

STYLE = """
.paper{fill:#fff}.box{fill:#f6f8fa;stroke:#57606a}.name{fill:#1f2328;font-weight:600}.fact,.wave{fill:#57606a}
.edge{stroke:#57606a;fill:none}.tip{fill:#57606a}.loose{stroke-dasharray:5 4}.port{fill:#57606a}
.Ready .box{fill:#dafbe1;stroke:#1a7f37}.Failed .box{fill:#ffebe9;stroke:#cf222e}
.NotReady .box,.Pending .box{fill:#fff8c5;stroke:#9a6700}.off .box{stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){.paper{fill:#0d1117}.box{fill:#161b22;stroke:#8b949e}.name{fill:#e6edf3}
.fact,.wave,.port,.tip{fill:#9ea7b3}.edge{stroke:#8b949e}.Ready .box{fill:#12261e;stroke:#3fb950}
.Failed .box{fill:#2d1214;stroke:#f85149}.NotReady .box,.Pending .box{fill:#272115;stroke:#d29922}}
"""
"""Colours with a contrast of 4.5 and more in both schemes."""

_LETTER, _LINE, _GAP, _BETWEEN, _TOP, _EDGE = 7.3, 16, 24, 90, 48, 16


class Place(NamedTuple):
    """Where a node stands, in pixels."""

    x: float
    y: float
    width: float
    height: float


def svg(picture: Picture, embedded: bool = False) -> str:
    """The picture as one SVG element; an `embedded` one leaves its style sheet to the page."""
    columns = _columns(picture)
    places = _places(columns)
    width = max((place.x + place.width for place in places.values()), default=200) + _EDGE
    height = max((place.y + place.height for place in places.values()), default=_TOP) + 40
    style = "" if embedded else f"<style>{STYLE}</style>"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="12" role="img">',
        f"<title>{_text(picture.name)}</title>{style}",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
        *_headings(columns, places),
        *(_edge(edge, places) for edge in picture.edges if edge.dependency in places),
        *(_node(node, places[node.name]) for node in picture.nodes),
        f'<text class="fact" x="{_EDGE}" y="{height - 12:.0f}">GPUs: {_text(gpu_total(picture))}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _columns(picture: Picture) -> list[tuple[str, list[Node]]]:
    """Title and nodes of each column: what is outside and the caches, then the waves."""
    before = [node for node in picture.nodes if node.kind in (EXTERNAL, CACHE)]
    columns = [("before", before)] if before else []
    for number, wave in enumerate(picture.waves):
        services = [node for node in wave if node.kind not in (EXTERNAL, CACHE)]
        if services:
            columns.append((f"wave {number + 1}", services))
    return columns


def _places(columns: list[tuple[str, list[Node]]]) -> dict[str, Place]:
    places: dict[str, Place] = {}
    x = float(_EDGE)
    tallest = max((sum(_height(node) + _GAP for node in nodes) for _, nodes in columns), default=0)
    for _, nodes in columns:
        width = max(_width(node) for node in nodes)
        y = _TOP + (tallest - sum(_height(node) + _GAP for node in nodes)) / 2
        for node in nodes:
            places[node.name] = Place(x, y, width, _height(node))
            y += _height(node) + _GAP
        x += width + _BETWEEN
    return places


def _width(node: Node) -> float:
    return 24 + _LETTER * max(len(line) for line in [node.name, *facts(node)])


def _height(node: Node) -> float:
    return 14 + _LINE * (1 + len(facts(node)))


def _headings(columns: list[tuple[str, list[Node]]], places: dict[str, Place]) -> list[str]:
    return [
        f'<text class="wave" x="{places[nodes[0].name].x:.0f}" y="24">{_text(title)}</text>' for title, nodes in columns
    ]


def _node(node: Node, place: Place) -> str:
    state = node.state if node.state in ("Ready", "Failed", "NotReady", "Pending") else ""
    classes = " ".join(part for part in ("node", state, "" if node.enabled else "off") if part)
    corner = 16 if node.kind == EXTERNAL else 6
    lines = [
        f'<text class="{"fact" if row else "name"}" x="{place.x + 12:.0f}" y="{place.y + 20 + row * _LINE:.0f}">'
        f"{_text(said)}</text>"
        for row, said in enumerate([node.name, *facts(node)])
    ]
    box = (
        f'<rect class="box" x="{place.x:.0f}" y="{place.y:.0f}" width="{place.width:.0f}" '
        f'height="{place.height:.0f}" rx="{corner}"/>'
    )
    return f'<g class="{classes}"><title>{_text(node.image or node.name)}</title>{box}{"".join(lines)}</g>'


def _edge(edge: Edge, places: dict[str, Place]) -> str:
    start, end = places[edge.dependency], places[edge.dependent]
    x1, y1 = start.x + start.width, start.y + start.height / 2
    x2, y2 = end.x, end.y + end.height / 2
    bend = max(30.0, (x2 - x1) / 2)
    loose = "" if edge.asks else " loose"
    path = (
        f'<path class="edge{loose}" marker-end="url(#tip)" d="M{x1:.0f} {y1:.0f} C{x1 + bend:.0f} {y1:.0f} '
        f'{x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )
    port = f'<text class="port" x="{x1 + 6:.0f}" y="{y1 - 5:.0f}">{edge.port}</text>' if edge.port else ""
    return f"<g><title>{_text(_said(edge))}</title>{path}{port}</g>"


def _said(edge: Edge) -> str:
    asks = f" ({edge.asks})" if edge.asks not in ("", "waits") else ""
    return f"{edge.dependent} {'waits for' if edge.asks else 'uses'} {edge.dependency}{asks}"


def _text(said: str) -> str:
    return escape("".join(one if one.isprintable() else "?" for one in said))
