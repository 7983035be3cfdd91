"""YAML out: what is written is what was meant, to every reader, and pleasant to read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from conftest import Helm
from echo import as_helm_holds, values_of_helm
from ruamel.yaml import YAML
from test_yamlread import SCALARS

from nimhelm.yamlread import read
from nimhelm.yamlwrite import dump

STRINGS = [
    *SCALARS, "", " ", "\t", "\n", " a", "a ", "a\n", "\na", "a\n\n", "a\nb", "a\nb\n", "a\n b", " a\nb", "a \nb", "a\tb\nc",
    "a\r\nb", "\r", "{{ .Values.x }}", "{{- include \"a\" . -}}", "# no comment", "a # b", "a: b", "- a", "? a", "[a]",
    "{a}", "a, b", "*a", "&a", "!a", "%a", "@a", "`a`", "'a'", '"a"', "it's", 'say "hi" it\'s', "\\n", "C:\\dir", "---",
    "--- a", "...", "a\n---\nb", "a\n...\nb", "a\n# b", "=", "<<", "|", ">", "é", "日本語", "😀", "\u200b", "\ufeff", "\ufeffa",
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "a\u2028b\nc", "a\x85b", "\ufffe", "\uffff",
    "\U0010ffff", "x" * 5000, "word " * 500, "1_000", "0b1", "0x", "+", "-", ".inf", "-.INF", ".nan", "1e400", "00",
    "12:30:45", "0o17", "~", "NULL", "{\"a\": [1, \"b\\\\\"]}", "^(a|b)\\d+$", "#!/bin/sh\nset -e\necho \"$HOME\"\n",
]  # fmt: skip


@pytest.mark.parametrize("text", STRINGS)
def test_a_string_is_the_same_to_every_reader(text: str) -> None:
    written = dump({"key": text, "list": [text], "deep": {"er": [{"key": text}]}})
    for data in (read("f.yaml", written)[0][0].data, yaml.safe_load(written), YAML(typ="rt").load(written)):
        assert data["key"] == data["list"][0] == data["deep"]["er"][0]["key"] == text


def test_strings_as_keys() -> None:
    data = {text: index for index, text in enumerate(STRINGS) if text != "<<"}
    written = dump(data)
    assert read("f.yaml", written)[0][0].data == data == yaml.safe_load(written)


def test_helm_reads_the_same_strings(helm: Helm, tmp_path: Any) -> None:
    values = {f"k{index}": text for index, text in enumerate(STRINGS)}
    assert values_of_helm(helm, tmp_path, dump(values)) == as_helm_holds(values, helm)


@pytest.mark.parametrize(
    "value", [0, 1, -1, 2**53, 0.5, -1.5, 1e100, 1e-7, 1e16, 123456789.25, True, False, {}, [], [[]], [{}], {"a": {}}]
)
def test_other_values(value: Any, helm4: Helm, tmp_path: Any) -> None:
    written = dump({"key": value})
    found = read("f.yaml", written)[0][0].data["key"]
    assert (found, type(found)) == (value, type(value))
    assert values_of_helm(helm4, tmp_path, written) == as_helm_holds({"key": value}, helm4)


def test_how_it_looks() -> None:
    data = {
        "plain": "nvcr.io/nim/llm:1.0",
        "quoted": "1.0",
        "word": "yes",
        "script": "set -e\nexit 0\n",
        "json": '{"a": 1}',
        "numbers": [1, 0.5],
        "nested": [{"name": "a", "on": True}],
    }
    comments = {("quoted",): "\nabove", ("nested",): "two\nlines"}
    assert dump(data, comments, "# head\n") == (
        """\
# head
plain: nvcr.io/nim/llm:1.0

# above
quoted: "1.0"
word: "yes"
script: |
  set -e
  exit 0
json: '{"a": 1}'
numbers:
  - 1
  - 0.5
# two
# lines
nested:
  - name: a
    "on": true
"""
    )


def test_comments_below_a_key() -> None:
    assert dump({"a": {"b": 1, "c": 2}}, {("a", "c"): "why"}) == "a:\n  b: 1\n  # why\n  c: 2\n"


def test_one_value_in_two_places_is_written_twice() -> None:
    shared = {"a": [1]}
    assert dump({"one": shared, "two": shared}) == "one:\n  a:\n    - 1\ntwo:\n  a:\n    - 1\n"


def test_no_line_is_broken() -> None:
    assert len(dump({"key": "word " * 500 + "end"}).splitlines()) == 1
