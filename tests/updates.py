"""Updates of objects, and what Kubernetes refuses of them. The chart's guard and `nimhelm diff` both answer the same rows."""

from __future__ import annotations

from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Object = dict[str, Any]


class Update(NamedTuple):
    """`old` is what was applied, `live` the same with what the cluster added. `refused` is the field that stays, "" for none,
    and `said` is what the guard says of it.
    """

    title: str
    old: Object
    live: Object
    new: Object
    refused: str
    said: str


def updates() -> list[Update]:
    """The rows of updates.yaml, each of an object with a name of its own."""
    rows = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    listed = [(api, title, row) for api, of_api in rows.items() for title, row in of_api.items()]
    found = []
    for number, (api, title, row) in enumerate(listed):
        name, added = f"x{number}", row.get("added", {})
        old, live, new = (made(api, name, fields) for fields in (row["old"], row["old"] | added, row["new"]))
        refused = row.get("refused", "")
        said = row.get("said", f"cannot change its {refused}")
        found.append(Update(f"{api}: {title}", old, live, new, refused, said))
    return found


def made(api: str, name: str, fields: Object) -> Object:
    """An object with these fields, which are given by their paths. `api` is `apps/v1/Deployment`."""
    version, _, kind = api.rpartition("/")
    thing: Object = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    for path, value in fields.items():
        *parents, last = path.split()
        block = reduce(lambda one, key: one.setdefault(key, {}), parents, thing)
        block[last] = deepcopy(value)
    return thing
