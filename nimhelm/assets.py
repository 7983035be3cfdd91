"""Where chart-template/ and schema/ are: beside the package in a checkout, inside it in a wheel.

A path here is a string: importing pathlib costs a commit hook 4 ms.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


@cache
def folder(name: str) -> str:
    """`chart-template` or `schema` -> its folder. A wheel carries both under nimhelm/_assets."""
    packed = os.path.join(_PACKAGE, "_assets", name)
    return packed if os.path.isdir(packed) else os.path.join(os.path.dirname(_PACKAGE), name)


def schema_text(name: str) -> str:
    """`pipeline`, `nimservice`, `nimcache` or `values` -> the text of that JSON schema."""
    with open(os.path.join(folder("schema"), f"{name}.schema.json"), encoding="utf-8") as stream:
        return stream.read()


@cache
def schema(name: str) -> dict[str, Any]:
    """`pipeline`, `nimservice`, `nimcache` or `values` -> that JSON schema."""
    result: dict[str, Any] = json.loads(schema_text(name))
    return result
