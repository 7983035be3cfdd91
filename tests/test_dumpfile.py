"""Files of a saved cluster that somebody else wrote: a right reading, or one sentence that says what is wrong."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import run_nimhelm

from nimhelm.dumpfile import documents
from nimhelm.errors import LoadError
from nimhelm.preflight.cluster import Reach
from nimhelm.preflight.dump import load
from nimhelm.status.dump import load_dump

BOMB = "n0: &a0 [1, 2, 3]\n" + "".join(f"n{i}: &a{i} [{f'*a{i - 1}, ' * 10}]\n" for i in range(1, 30))
MERGES = "n0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\n"
MERGES += "".join(f"n{i}: &a{i} {{<<: [{f'*a{i - 1}, ' * 9}], m{i}: 1}}\n" for i in range(1, 60))

READ = {
    "an alias": ("a: &x {b: 1}\nc: *x\n", [{"a": {"b": 1}, "c": {"b": 1}}]),
    "a merge": ("a: &x {b: 1}\nc: {<<: *x, d: 2}\n", [{"a": {"b": 1}, "c": {"b": 1, "d": 2}}]),
    "dates": ("at: 2026-01-02T03:04:05Z\nday: 2026-01-02\n", [{"at": "2026-01-02T03:04:05Z", "day": "2026-01-02"}]),
    "a long number": ("1" * 5000, ["1" * 5000]),
    "several": ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
    "a byte order mark": ('\ufeff{"a": 1}', [{"a": 1}]),
    "nothing": ("", []),
    "JSON": (json.dumps({"items": [{"kind": "Pod"}]}), [{"items": [{"kind": "Pod"}]}]),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_right_reading(name: str, tmp_path: Path) -> None:
    text, expected = READ[name]
    assert documents(written(tmp_path, text)) == expected


REFUSED = {
    "an alias bomb": (BOMB, "f.yaml:7:50 is neither JSON nor YAML: the document expands to more than 5000000 values"),
    "a merge bomb": (MERGES, "the document expands to more than 5000000 values"),
    "an alias of itself": ("a: &x [*x]\n", "f.yaml:1:8 is neither JSON nor YAML: the alias *x has no anchor"),
    "deep YAML": ("[" * 5000, "nested"),
    "deep block YAML": ("".join(" " * level + "a:\n" for level in range(500)), "nested deeper than 100 levels"),
    "deep JSON": ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    "JSON that is a little too deep": ('{"a":' * 101 + "1" + "}" * 101, "nested too deeply"),
    "a tag": ("a: !!python/name:os.system x\n", "f.yaml:1:4 is neither JSON nor YAML: the YAML tag"),
    "a key that is not a string": ("1: a\n", "is not a string"),
    "a list as a key": ("? [a]\n: 1\n", "cannot be a key"),
    "a control character": ("# \u00e9\na: \x07\n", "f.yaml:2:4 is neither JSON nor YAML: the character U+0007"),
    "no YAML": ("a: {b\n", "f.yaml:1:4 is neither JSON nor YAML"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_sentence(name: str, tmp_path: Path) -> None:
    text, expected = REFUSED[name]
    started = time.process_time()
    with pytest.raises(LoadError) as caught:
        documents(written(tmp_path, text))
    assert expected in str(caught.value)
    assert time.process_time() - started < 5


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(LoadError, match="not UTF-8"):
        documents(path)


@pytest.mark.parametrize("name", REFUSED)
def test_every_reader_of_a_dump_says_so(name: str, tmp_path: Path) -> None:
    (tmp_path / "preflight.json").write_text("{}")
    written(tmp_path, REFUSED[name][0])
    with pytest.raises(LoadError):
        load_dump(str(tmp_path), "rag")
    with pytest.raises(LoadError):
        load(str(tmp_path), Reach("chart", "rag", "nim"))


ABOUT: list[Any] = [
    [], 1, "a", None, {"answers": 1}, {"answers": [[1]]}, {"answers": [[[], 1, 2, 3]]}, {"refusals": [1]}, {"helm": "a"},
    {"helm": [[]]}, {"helm": ["a", "b"]}, {"release": "rag", "helm": ["a", "b"]}, {"refusals": [[1, 2, 3, 4, 5, 6, 7]]},
]  # fmt: skip


@pytest.mark.parametrize("about", ABOUT, ids=str)
def test_a_preflight_record_of_another_shape(about: Any, tmp_path: Path) -> None:
    (tmp_path / "preflight.json").write_text(json.dumps(about))
    with suppress(LoadError):
        load(str(tmp_path), Reach("chart", "rag", "nim"))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "timeline", "graph"])
def test_commands_end_with_a_sentence(command: str, tmp_path: Path) -> None:
    written(tmp_path, BOMB)
    ran = run_nimhelm(command, "rag", "--from-dir", tmp_path)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "f.yaml:7:50" in ran.stderr
    assert "internal error" not in ran.stderr


def written(folder: Path, text: str) -> Path:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    return path
