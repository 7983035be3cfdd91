"""A picture as a Mermaid flow chart, which GitHub, GitLab and most documentation tools draw."""

from __future__ import annotations

from nimhelm.graph.picture import CACHE, EXTERNAL, Node, Picture
from nimhelm.graph.text import facts

_SHAPES = {EXTERNAL: ("([", "])"), CACHE: ("[(", ")]")}
_STATES = {"Ready": "ready", "Failed": "failed", "NotReady": "waiting", "Pending": "waiting", "Disabled": "off"}
_COLOURS = {
    "ready": "fill:#d4f0d4,stroke:#2e7d32,color:#111",
    "failed": "fill:#f9d6d5,stroke:#c62828,color:#111",
    "waiting": "fill:#fdecc8,stroke:#b26a00,color:#111",
    "off": "fill:#eee,stroke:#999,color:#555,stroke-dasharray:4",
}


def mermaid(picture: Picture) -> str:
    """The text of the chart, without a Markdown fence around it."""
    ids = {node.name: f"n{number}" for number, node in enumerate(picture.nodes)}
    lines = ["flowchart LR"]
    lines += [f"  {line}" for node in picture.nodes if node.kind in _SHAPES for line in [_node(node, ids)]]
    for number, wave in enumerate(picture.waves):
        services = [node for node in wave if node.kind not in _SHAPES]
        if services:
            lines += [f'  subgraph w{number} ["wave {number + 1}"]']
            lines += [f"    {_node(node, ids)}" for node in services]
            lines += ["  end"]
    for edge in picture.edges:
        if edge.dependency in ids:
            arrow = "-->" if edge.asks else "-.->"
            label = f'|"{edge.port}"|' if edge.port else ""
            lines.append(f"  {ids[edge.dependency]} {arrow}{label} {ids[edge.dependent]}")
    return "\n".join([*lines, *_classes(picture, ids)]) + "\n"


def _node(node: Node, ids: dict[str, str]) -> str:
    left, right = _SHAPES.get(node.kind, ("[", "]"))
    label = "<br/>".join(_escaped(part) for part in [node.name, *facts(node)])
    return f'{ids[node.name]}{left}"{label}"{right}'


def _classes(picture: Picture, ids: dict[str, str]) -> list[str]:
    """Colours for what is switched off, and for states where they are known."""
    members: dict[str, list[str]] = {}
    for node in picture.nodes:
        kind = _STATES.get(node.state, "") or ("" if node.enabled else "off")
        if kind:
            members.setdefault(kind, []).append(ids[node.name])
    lines = []
    for kind, names in members.items():
        lines += [f"  classDef {kind} {_COLOURS[kind]}", f"  class {','.join(names)} {kind}"]
    return lines


def _escaped(label: str) -> str:
    """Text that ends neither the label nor the chart."""
    kept = "".join(one if one.isalnum() or one in " -._/:," else f"#{ord(one)};" for one in label)
    return kept.replace("--", "-#45;")
