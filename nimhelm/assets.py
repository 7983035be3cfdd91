"""Where chart-template/ and schema/ are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """`chart-template` or `schema` -> its folder. A wheel carries both under nimhelm/_assets."""
    packed = _PACKAGE / "_assets" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


@cache
def schema(name: str) -> dict[str, Any]:
    """`pipeline`, `nimcache` or `values` -> that JSON schema."""
    result: dict[str, Any] = json.loads((folder("schema") / f"{name}.schema.json").read_bytes())
    return result
