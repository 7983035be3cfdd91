"""Mutated pipelines: a real document, changed where its structure offers a place, then as text, then as bytes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *sorted((ROOT / "examples").glob("*.yaml")),
    *sorted((ROOT / "tests" / "nimservices").glob("*.yaml")),
    ROOT / "tests" / "everything.yaml",
]
Place = tuple[Any, Any]
"""A mapping or a list, and the key or index of one value in it."""

NUMBERS: list[Any] = [
    0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30, 0.5, -0.0, 1e15, 1e300, float("inf"),
    float("nan"), 65535, 65536,
]  # fmt: skip
TEXTS = [
    "", " ", "a", "0", "-", "/", ".", "..", "a/b", "A", "é", "漢字", "\U0001f600", "\u202e", "\u2028", "\x85", "\ufeff", "a\nb",
    "a\r\nb", "\t", "{{ .Values }}", "{{ fail `x` }}", "$(A)", "$(A)$(B)", "yes", "null", "~", "1e3", "0x10", "0o14", "1:30",
    "2026-01-01", "1Gi", "64GB", "-1Gi", "1e99", "500m", "http://a:1", "http://[::1", "http://a:99999", "https://", "a:b@c",
    "nvidia.com/gpu", "sha256:" + "a" * 64, "=", "<<", "--x", "%s", "a" * 64, "a" * 254, "9" * 5000, "a-" * 3000, "\x1b[31m",
    "::error::x", "../../x", "nimhelm.dev/depends-on", "RWX", "Always", "spec", "\U0010ffff",
]  # fmt: skip
SHAPES: list[Callable[[], Any]] = [
    lambda: None, lambda: True, lambda: False, dict, list, lambda: [None], lambda: [[]], lambda: [{}], lambda: {"a": None},
    lambda: {"name": "a"}, lambda: [{"name": "a"}, {"name": "a"}], lambda: {"": ""}, lambda: [1, "a", None],
    lambda: ["x"] * 300, lambda: {f"k{number}": number for number in range(300)},
]  # fmt: skip
SNIPPETS = [
    "&a ", "*a", "*a : 1\n", "<<: *a\n", "<<: [*a, *a]\n", "!!str ", "!!int ", "!!binary ", "!x ", "!!set ", "!<tag:x> ", "? ",
    "? [a]\n: b\n", "---\n", "...\n", "%YAML 1.1\n---\n", "%TAG ! tag:x:\n---\n", "|\n", ">-\n", "'", '"', "{", "}", "[", "]",
    ",", ": ", "- ", "\t", "#", "@", "`", "\x00", "\x07", "\x7f", "\ud7ff", "\ufffe", "\ufeff", "é", "\u2028", "\r", "\n",
    "0xFFFFFFFFFFFFFFFFFF", "0b" + "1" * 70,
    "01777777777777777777777777", ".inf", ".nan", "2026-01-01T00:00:00Z", "\\x", '"\\ud800"',
    "[" * 120, "{a: " * 120, "- " * 120, "a: 1\na: 2\n" * 120, "!!int", "&a &b ", "! ", "\U0001f600",
]  # fmt: skip


def sources() -> list[list[Any]]:
    """The documents of every real pipeline."""
    return [[each for each in yaml.safe_load_all(path.read_text("utf-8")) if each] for path in SOURCES]


def mutated(random: Random, originals: list[list[Any]]) -> bytes:
    """One mutant. The same state of `random` gives the same bytes."""
    documents = copy.deepcopy(random.choice(originals))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 8))):
        change(random, documents)
    text = yaml.dump_all(
        documents, Dumper=NoAliases, allow_unicode=True, sort_keys=False, default_flow_style=random.random() < 0.1
    )
    if random.random() < 0.3:
        text = changed_text(random, text)
    if random.random() < 0.2:
        text = f"# Source: fuzz/templates/all.yaml\n{text}"  # as Helm rendered it
    content = text.encode("utf-8", "surrogatepass")
    return changed_bytes(random, content) if random.random() < 0.1 else content


class NoAliases(yaml.SafeDumper):
    """A mutant has the aliases that a mutation puts there, and no others."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def places(value: Any) -> list[Place]:
    """Every place of a document, the deep ones too."""
    found: list[Place] = []
    open_values = [value]
    while open_values:
        holder = open_values.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                open_values.append(holder[key])
    return found


def change(random: Random, documents: list[Any]) -> None:
    """One structural mutation."""
    found = places(documents)
    if found:
        holder, key = random.choice(found)
        random.choice((replace, replace, replace, remove, rename, add, move, double, wrap, null))(
            random, holder, key, found
        )


def value_of(random: Random) -> Any:
    """A value that a reader of pipelines may not expect."""
    kind = random.random()
    if kind < 0.3:
        return random.choice(NUMBERS)
    return random.choice(TEXTS) if kind < 0.75 else random.choice(SHAPES)()


def replace(random: Random, holder: Any, key: Any, _: list[Place]) -> None:
    holder[key] = value_of(random)


def null(_random: Random, holder: Any, key: Any, _: list[Place]) -> None:
    holder[key] = None


def remove(_random: Random, holder: Any, key: Any, _: list[Place]) -> None:
    del holder[key]


def rename(random: Random, holder: Any, key: Any, found: list[Place]) -> None:
    if isinstance(holder, dict):
        names = [name for _, name in found if isinstance(name, str)]
        holder[random.choice([*TEXTS, *random.sample(names, min(40, len(names)))])] = holder.pop(key)


def add(random: Random, holder: Any, _key: Any, found: list[Place]) -> None:
    if isinstance(holder, dict):
        holder[random.choice([name for _, name in found if isinstance(name, str)] + TEXTS)] = value_of(random)
    else:
        holder.append(value_of(random))


def move(random: Random, holder: Any, key: Any, found: list[Place]) -> None:
    """A copy of another value of the document: the right shape in the wrong place."""
    other, name = random.choice(found)
    holder[key] = copy.deepcopy(other[name])


def double(_random: Random, holder: Any, key: Any, _: list[Place]) -> None:
    if isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))


def wrap(random: Random, holder: Any, key: Any, _: list[Place]) -> None:
    value = holder[key]
    holder[key] = random.choice(([value], {"name": value}, str(value), [[value]]))


def changed_text(random: Random, text: str) -> str:
    """Features and faults of YAML at random places of the text."""
    for _ in range(random.choice((1, 1, 2, 4))):
        place = random.randrange(len(text) + 1)
        if random.random() < 0.5:  # where a value starts: most features mean something there
            place = max(text.rfind(": ", 0, place) + 2, 0)
        end = min(len(text), place + random.choice((0, 0, 0, 1, 5, 200)))
        text = text[:place] + random.choice(SNIPPETS) + text[end:]
    return text


def changed_bytes(random: Random, content: bytes) -> bytes:
    """Bytes that are flipped, cut out or doubled."""
    data = bytearray(content)
    for _ in range(random.choice((1, 2, 8))):
        place = random.randrange(len(data) + 1)
        data[place : place + random.choice((0, 1, 1, 50))] = random.choice(
            (random.randbytes(1), random.randbytes(4), b"", bytes(data[place : place + 30]) * 2)
        )
    return bytes(data)
