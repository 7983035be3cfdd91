"""The lists of a values file. Helm merges mappings, and replaces a list as a whole: what the chart had in it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import WARNING, Finding
from nimhelm.pipeline import dig
from nimhelm.yamlread import Document, Path

MERGED_ELSEWHERE = {
    "env": "set variables under extraEnv, which merges by name",
    "initContainers": "change them under podTemplate.spec.initContainers, which merges by name",
    "sidecarContainers": "change them under podTemplate.spec.containers, which merges by name",
}
"""Lists for which another value merges."""

WRITTEN_AS_A_WHOLE = ("dependencies",)
"""Lists that people shorten on purpose: a service that is left out is one that is not waited for."""


def check_replaced(document: Document, base: dict[str, Any]) -> Iterator[Finding]:
    """A warning for each list of mappings in a values file that lacks entries of the list that it replaces.

    `base` are the values below the file. Entries with a name are the same when their names are.
    """
    yield from _below(document, document.data, base, ())


def _below(document: Document, data: Any, base: Any, field: Path) -> Iterator[Finding]:
    if isinstance(data, dict) and isinstance(base, dict):
        for key, value in data.items():
            yield from _below(document, value, base.get(key), (*field, key))
    elif isinstance(data, list) and isinstance(base, list):
        name = str(field[-1])
        dropped = [] if name in WRITTEN_AS_A_WHOLE else _dropped(data, base)
        if dropped:
            way = MERGED_ELSEWHERE.get(name)
            hint = f"{way}, or repeat what is to stay" if way else "repeat what is to stay"
            message = f"{name} replaces the list of the chart, and drops {', '.join(dropped)}"
            yield document.finding(WARNING, "NH014", field, message, hint)


def _dropped(data: list[Any], base: list[Any]) -> list[str]:
    """Names, or positions (`entry 1`), of the mappings in `base` that are not in `data`."""
    names = [dig(item, "name") for item in data]
    lost = []
    for number, item in enumerate(base, 1):
        if isinstance(item, dict) and item not in data and not (item.get("name") and item["name"] in names):
            lost.append(str(item.get("name") or f"entry {number}"))
    return lost
