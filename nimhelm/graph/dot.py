"""A picture in Graphviz's language, for `dot -Tsvg` and other tools of that kind."""

from __future__ import annotations

from nimhelm.graph.picture import CACHE, EXTERNAL, Node, Picture
from nimhelm.graph.text import facts

_SHAPES = {EXTERNAL: "ellipse", CACHE: "cylinder"}


def dot(picture: Picture) -> str:
    """A digraph from left to right; the services of a wave are in one column."""
    lines = [f"digraph {_quoted(picture.name)} {{", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    lines += [f"  {_node(node)};" for node in picture.nodes]
    for wave in picture.waves:
        services = [_quoted(node.name) for node in wave if node.kind not in _SHAPES]
        if len(services) > 1:
            lines.append(f"  {{ rank=same; {'; '.join(services)}; }}")
    known = {node.name for node in picture.nodes}
    for edge in picture.edges:
        if edge.dependency in known:
            style = "" if edge.asks else ", style=dashed"
            label = _quoted(str(edge.port) if edge.port else "")
            lines.append(f"  {_quoted(edge.dependency)} -> {_quoted(edge.dependent)} [label={label}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _node(node: Node) -> str:
    label = "\\n".join(_quoted(part)[1:-1] for part in [node.name, *facts(node)])
    shape = f", shape={_SHAPES[node.kind]}" if node.kind in _SHAPES else ""
    style = "" if node.enabled else ', style="rounded,dashed"'
    return f'{_quoted(node.name)} [label="{label}"{shape}{style}]'


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
