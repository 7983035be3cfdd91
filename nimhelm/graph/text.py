"""A picture as text: services by wave, each with its ports, GPUs and what it waits for."""

from __future__ import annotations

from nimhelm.graph.picture import CACHE, EXTERNAL, Edge, Node, Picture
from nimhelm.wording import clean


def text(picture: Picture) -> str:
    """One line for each service, below its wave; what is outside and the caches come first."""
    lines = [clean(picture.name)]
    for title, kind in (("outside the pipeline", EXTERNAL), ("model caches", CACHE)):
        nodes = [node for node in picture.nodes if node.kind == kind]
        if nodes:
            lines += [f"  {title}", *(f"    {_named(node)}" for node in nodes)]
    for number, wave in enumerate(picture.waves):
        services = [node for node in wave if node.kind not in (EXTERNAL, CACHE)]
        if services:
            lines.append(f"  wave {number + 1}")
        for node in services:
            lines.append(f"    {_named(node)}")
            lines += [f"      {_waits(edge)}" for edge in picture.edges if edge.dependent == node.name]
    return "\n".join([*lines, f"  GPUs: {gpu_total(picture)}"]) + "\n"


def gpu_total(picture: Picture) -> str:
    """`7 nvidia.com/gpu, up to 15 with autoscaling`, or "none"."""
    most = picture.max_gpus
    parts = [
        f"{amount} {name}" + (f", up to {most[name]} with autoscaling" if most[name] > amount else "")
        for name, amount in picture.gpus.items()
    ]
    return "; ".join(parts) or "none"


def facts(node: Node) -> list[str]:
    """What is said of a node beside its name: ports, devices, replicas, state."""
    ports = ", ".join(_port(name, number) for name, number in node.ports.items())
    alone = f"{node.many} replicas" if node.many != "1" and not node.gpus else ""
    found = [ports, node.devices, alone, "" if node.enabled else "disabled", node.state]
    return [clean(fact) for fact in dict.fromkeys(found) if fact]


def _port(name: str, number: int) -> str:
    """`port 8000` for the API, `grpc 8001` for others."""
    return f"port {number}" if name == "api" or name.startswith("port ") else f"{name} {number}"


def _named(node: Node) -> str:
    return "  ".join([clean(node.name), *facts(node)])


def _waits(edge: Edge) -> str:
    port = f":{edge.port}" if edge.port else ""
    how = f" ({edge.asks})" if edge.asks not in ("", "waits") else ""
    return f"{'waits for' if edge.asks else 'uses, without waiting,'} {clean(edge.dependency)}{port}{how}"
