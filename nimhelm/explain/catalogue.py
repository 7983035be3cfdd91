"""Entries of the catalogue, read from the YAML files beside this module."""

from __future__ import annotations

import os
from functools import cache
from typing import Any, NamedTuple

import yaml

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Entry(NamedTuple):
    """One code. `seen` are the commands that show it. `example` is what brings it up: a document for a finding, else a line.

    `within` says where a document's example belongs: spec, pipeline, file or values. `instead` is the example put right,
    "" without one.
    """

    code: str
    title: str
    means: str
    why: str
    fix: str
    example: str
    instead: str = ""
    within: str = ""
    seen: tuple[str, ...] = ("validate",)


@cache
def catalogue() -> dict[str, Entry]:
    """All entries by code, findings first, each part in the order of its file."""
    from nimhelm.codes import CODES

    found = {
        code: Entry(code, CODES.get(code, ""), **({"within": "spec"} | fields))
        for code, fields in _read("findings").items()
    }
    for code, fields in _read("cluster").items():
        found[code] = Entry(code, **(fields | {"seen": tuple(fields["seen"])}))
    return found


def _read(name: str) -> dict[str, dict[str, Any]]:
    with open(os.path.join(_FOLDER, f"{name}.yaml"), encoding="utf-8") as stream:
        read: dict[str, dict[str, Any]] = yaml.load(stream, Loader=_LOADER)
    return read


PIPELINE = """apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata: {name: rag}
spec:
  services:
    - name: llm
      enabled: true
      spec:
        image: {repository: nvcr.io/nim/llm, tag: "1.0"}
        authSecret: ngc
        storage: {emptyDir: {}}
"""
"""What {pipeline} stands for in an example: a pipeline without any finding."""


def example_of(entry: Entry, text: str = "") -> str:
    """The example, or another text of the entry, as it is shown."""
    return (text or entry.example).replace("{pipeline}", PIPELINE)


def closest(code: str) -> list[str]:
    """The code itself in its right case, or codes that look like it."""
    from difflib import get_close_matches

    lower = {each.lower(): each for each in catalogue()}
    if code.lower() in lower:
        return [lower[code.lower()]]
    return [lower[each] for each in get_close_matches(code.lower(), lower, 3, 0.6)]
