"""The images that a chart's values name, found without helm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.images.mirror import Mirror
from nimhelm.pipeline import NOT_SERVICES, dig


def images_in(values: dict[str, Any]) -> list[str]:
    """The references of all services that are on, of the caches' jobs, and of the gates; each once, sorted."""
    found = {reference for name, block in values.items() if name not in NOT_SERVICES for reference in _of(block)}
    caches = values.get("nimCaches")
    for cache in caches.values() if isinstance(caches, dict) else ():
        found |= set(_of(cache))
    wait = dig(values, "global", "nimhelm", "waitImage")
    found |= {wait} if isinstance(wait, str) and wait else set()
    registry = dig(values, "global", "nimhelm", "imageRegistry")
    drop = dig(values, "global", "nimhelm", "imageRegistryPath") == "drop"
    mirror = Mirror(registry if isinstance(registry, str) else "", drop)
    return sorted({mirror.of(each) for each in found})


def _of(block: Any) -> Iterator[str]:
    if isinstance(block, dict) and block.get("enabled") is not False:
        yield from _images(block)


def _images(value: Any) -> Iterator[str]:
    """Every `image` with a repository, every `image` that is a string, every `modelPuller`."""
    if isinstance(value, list):
        for item in value:
            yield from _images(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if (key == "modelPuller" and isinstance(item, str) and item) or (
                key == "image" and isinstance(item, str) and item
            ):
                yield item
            elif key == "image" and isinstance(item, dict) and item.get("repository"):
                digest = f"@{item['digest']}" if item.get("digest") else ""
                yield f"{item['repository']}:{item.get('tag')}{digest}"
            else:
                yield from _images(item)


def annotation(references: list[str]) -> str:
    """The value of the annotations helm.sh/images and artifacthub.io/images: YAML, a list of name and image."""
    return "".join(f"- name: {_name(reference)}\n  image: {reference}\n" for reference in references)


def _name(reference: str) -> str:
    """The last part of the repository: `nvcr.io/nim/meta/llama3:1.0` -> `llama3`."""
    return reference.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]
