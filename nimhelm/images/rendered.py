"""The images in rendered objects: containers of every kind, init containers, sidecars, image volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.pipeline import dig

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


class Image(NamedTuple):
    """One image reference. `used` are its containers: `Deployment/llm-service llm-service-ctr`."""

    reference: str
    used: tuple[str, ...] = ()
    digest: str = ""
    trouble: str = ""


def images_of(objects: list[dict[str, Any]]) -> list[Image]:
    """Each image once, sorted by its reference."""
    used: dict[str, list[str]] = {}
    for each in objects:
        title = f"{each.get('kind')}/{dig(each, 'metadata', 'name')}"
        for reference, container in _references(each):
            used.setdefault(reference, []).append(f"{title} {container}".strip())
    return [Image(reference, tuple(dict.fromkeys(used[reference]))) for reference in sorted(used)]


def _references(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Image and container, wherever a pod's template stands: a custom resource holds it where its kind wants it."""
    if isinstance(value, list):
        for item in value:
            if key in _CONTAINERS and isinstance(item, dict) and isinstance(item.get("image"), str):
                yield item["image"], str(item.get("name") or "")
            elif key == "volumes" and isinstance(dig(item, "image", "reference"), str):
                yield item["image"]["reference"], f"volume {item.get('name')}"
            yield from _references(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _references(item, str(name))
