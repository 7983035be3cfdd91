"""YAML in: scalars as helm reads them, the place of every field, and files that are meant to hurt."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Helm
from echo import as_helm_holds, values_of_helm

from nimhelm.finding import Finding
from nimhelm.yamlread import MAX_DEPTH, MAX_NODES, MAX_REPEATED, GoLoader, field_text, read
from nimhelm.yamlscalar import resolve

SCALARS = {
    "y": True, "Y": True, "yes": True, "Yes": True, "YES": True, "on": True, "On": True, "ON": True,
    "n": False, "N": False, "no": False, "No": False, "NO": False, "off": False, "Off": False, "OFF": False,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "tRUE": "tRUE", "yES": "yES", "oN": "oN",
    "~": None, "null": None, "Null": None, "NULL": None, "nULL": "nULL", "none": "none", "None": "None",
    "0": 0, "-0": 0, "1": 1, "+12": 12, "-12": -12, "1_000": 1000, "0x1F": 31, "-0x1f": -31, "0b101": 5, "0o14": 12,
    "014": 12, "-014": -12, "08": 8, "09.5": 9.5, "0x": "0x", "0xZZ": "0xZZ", "0o9": "0o9", "1__0": 10,
    "1.0": 1, "1.": 1, ".5": 0.5, "+.5": 0.5, "-1.5": -1.5, "1e3": 1000, "1E3": 1000, "1e+3": 1000, "1.5e-3": 0.0015,
    "1e": "1e", "e3": "e3", "1.2.3": "1.2.3", "v1": "v1", "1Gi": "1Gi", "500m": "500m", ".": ".", "+": "+", "-x": "-x",
    "9223372036854775807": 9223372036854775807, "18446744073709551616": 18446744073709551616.0,
    "18446744073709551615": 18446744073709551615, "18446744073709551617": 18446744073709551616.0,
    "-9223372036854775808": -9223372036854775808, "-9223372036854775809": -9223372036854775808.0,
    "+9223372036854775807": 9223372036854775807, "+18446744073709551615": 18446744073709551616.0,
    "0xFFFFFFFFFFFFFFFF": 18446744073709551615, "0XffffffffffffffffF": "0XffffffffffffffffF",
    "-0x8000000000000000": -9223372036854775808, "-0x8000000000000001": "-0x8000000000000001",
    "0o1777777777777777777777": 18446744073709551615, "0o2000000000000000000000": "0o2000000000000000000000",
    "01777777777777777777777": 18446744073709551615, "02000000000000000000000": 2e21,
    "0b" + "1" * 64: 18446744073709551615, "0b" + "1" * 65: "0b" + "1" * 65, "0x" + "0" * 90 + "a": 10, "0x0": 0, "00": 0,
    "0b0b1": "0b0b1", "00o7": "00o7", "0x-1": "0x-1", "-+1": "-+1", "1" * 400: "1" * 400, "1e400": "1e400", "-1e400": "-1e400",
    "0x\u0661": "0x\u0661", "\u0661": "\u0661", ".iNf": ".iNf", "+.nan": "+.nan",
    "1:30": "1:30", "190:20:30": "190:20:30", "2026-01-01": "2026-01-01", "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "2026-01-01 10:00:00": "2026-01-01 10:00:00", "1,000": "1,000", "=": "=", "http://a:1": "http://a:1",
}  # fmt: skip


@pytest.mark.parametrize("written", SCALARS)
def test_what_helm_prints(written: str) -> None:
    """The quick reading of rendered manifests agrees with that of documents; a quoted text stays one."""
    printed = f'a: {written}\nb: "{written}"\n'
    found = yaml.load(printed, Loader=GoLoader)
    assert (found["a"], type(found["a"])) == (SCALARS[written], type(SCALARS[written]))
    assert found["b"] == written


@pytest.mark.parametrize(("scalar", "value"), SCALARS.items())
def test_scalar(scalar: str, value: Any) -> None:
    found = resolve(scalar)
    assert (found, type(found)) == (value, type(value))


def test_helm_reads_the_same_scalars(helm: Helm, tmp_path: Path) -> None:
    lines = [f"k{index}: {scalar}\n" for index, scalar in enumerate(SCALARS)]
    values = {f"k{index}": value for index, value in enumerate(SCALARS.values())}
    assert values_of_helm(helm, tmp_path, "".join(lines)) == as_helm_holds(values, helm)


STYLES = {
    "'y'": "y", '"1e3"': "1e3", "!!str 12": "12", '!!int "12"': 12, "!!float 3": 3, "!!bool yes": True, "! 12": "12",
    "|\n  1\n": "1\n", "|+\n  1\n\n": "1\n\n", ">-\n  1\n  2\n": "1 2", "one\n  two": "one two", '""': "", "''": "",
    '"\\u00e9\\x41\\t"': "\u00e9A\t", "{}": {}, "[]": [], "!!map {}": {}, "!!seq [1]": [1], "! {b: 1}": {"b": 1},
    "[1, [y, 'y'], {b: 0o17}]": [1, [True, "y"], {"b": 15}],
    "&x 1": 1, "{a: &z [1], b: *z}": {"a": [1], "b": [1]}, "a # b": "a", "a#b": "a#b", "-1": -1,
}  # fmt: skip


@pytest.mark.parametrize(("written", "value"), STYLES.items())
def test_styles_and_tags(written: str, value: Any) -> None:
    assert data(f"a: {written}") == {"a": value}


def test_helm_reads_the_same_styles(helm: Helm, tmp_path: Path) -> None:
    text = "".join(f"k{index}: {written.rstrip()}\n" for index, written in enumerate(STYLES))
    assert values_of_helm(helm, tmp_path, text) == as_helm_holds(data(text), helm)


def data(text: str) -> Any:
    """The data of a text that nothing is wrong with."""
    documents, findings = read("f.yaml", text)
    assert findings == []
    return documents[0].data


def test_several_documents_and_empty_ones() -> None:
    documents, findings = read("f.yaml", "a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n")
    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert findings == []
    assert read("f.yaml", "") == ([], [])


POSITIONS = """\
# a comment
spec:
  services:
    - name: llm
      "port": 8000
      args: [a, "b c"]
    -
      name: other
"""


@pytest.mark.parametrize(
    ("field", "key", "value", "text"),
    [
        (("spec",), (2, 1), (3, 3), None),
        (("spec", "services"), (3, 3), (4, 5), None),
        (("spec", "services", 0), (4, 7), (4, 7), None),
        (("spec", "services", 0, "name"), (4, 7), (4, 13), "llm"),
        (("spec", "services", 0, "port"), (5, 7), (5, 15), "8000"),
        (("spec", "services", 0, "args", 1), (6, 17), (6, 17), "b c"),
        (("spec", "services", 1), (8, 7), (8, 7), None),
    ],
)
def test_positions(field: tuple[str | int, ...], key: tuple[int, int], value: tuple[int, int], text: str) -> None:
    mark = read("f.yaml", POSITIONS)[0][0].mark(field)
    assert ((mark.line, mark.column), (mark.value_line, mark.value_column), mark.text) == (key, value, text)


def test_an_absent_field_stands_where_its_nearest_ancestor_does() -> None:
    document = read("f.yaml", POSITIONS)[0][0]
    assert document.mark(("spec", "services", 0, "expose", "service", "port"))[:2] == (4, 7)
    assert document.mark(("status",))[:2] == (2, 1)


def test_anchors_and_merges(helm: Helm, tmp_path: Path) -> None:
    text = "base: &b {x: 1, v: 2}\nmore: &m {z: 3}\none: {<<: *b, x: 9}\ntwo:\n  <<: [*m, *b]\n  w: *b\n"
    assert data(text) == {
        "base": {"x": 1, "v": 2},
        "more": {"z": 3},
        "one": {"x": 9, "v": 2},
        "two": {"z": 3, "x": 1, "v": 2, "w": {"x": 1, "v": 2}},
    }
    assert values_of_helm(helm, tmp_path, text) == as_helm_holds(data(text), helm)


def test_a_merge_goes_over_what_stands_above_it_and_the_last_anchor_counts(helm: Helm, tmp_path: Path) -> None:
    base = "base: &b {x: 1, v: 2}\nmore: &m {x: 5}\n"
    text = f"{base}one: {{x: 9, <<: *b}}\ntwo: {{<<: *b, <<: *m}}\n&b three: *b\n"
    documents, findings = read("f.yaml", text)
    assert documents[0].data["one"] == {"x": 1, "v": 2}
    assert documents[0].data["two"] == {"x": 5, "v": 2}
    assert documents[0].data["three"] == "three"
    assert values_of_helm(helm, tmp_path, text) == as_helm_holds(documents[0].data, helm)
    assert [in_short(one) for one in findings] == [
        "3:13 NH002 the key x appears twice in this mapping (first at line 3)"
    ]


def test_a_field_behind_an_alias_stands_where_the_alias_does() -> None:
    document = read("f.yaml", "a: &x\n  b: 1\nc: *x\nd:\n  <<: *x\n")[0][0]
    assert document.mark(("c", "b"))[:2] == (3, 1)
    assert document.mark(("d", "b"))[:2] == (4, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1 NH002 the key a appears twice in this mapping (first at line 1)"),
        ("s:\n  - {a: 1,\n     a: 2}\n", "3:6 NH002 the key a appears twice in this mapping (first at line 2)"),
        ("a:\n\t- b\n", "2:1 NH001 a tab cannot indent YAML"),
        ("a:\n  b: 1\n\tc: 2\n", "3:1 NH001 a tab cannot indent YAML"),
        (
            "a: [1, 2\nb: 3\n",
            "2:2 NH001 not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that starts at line 1",
        ),
        ("a: 'x\n", "1:4 NH001 not valid YAML"),
        ("a: 'x\nb: 1\nc: 2\n", "1:4 NH001 not valid YAML: this quote is never closed"),
        ('a: 1\nb: "x\nc: 1\n---\nd: 1\n', "2:4 NH001 not valid YAML: this quote is never closed"),
        (
            'a: "x\nb: 1\nc: "y"\n',
            "1:4 NH001 not valid YAML: this quote is closed only at line 3, where the text goes on",
        ),
        ("- 'x\n- it's\n", "1:3 NH001 not valid YAML: this quote is closed only at line 2, where the text goes on"),
        (
            "a: {b: 'x,\n  c: 'y'}\n",
            "1:8 NH001 not valid YAML: this quote is closed only at line 2, where the text goes on",
        ),
        ('a: "x\n\tb: 1\n', "1:4 NH001 not valid YAML: this quote is never closed"),
        ("a: 'x\n  y'\nb: c: d\n", "3:5 NH001 not valid YAML: mapping values"),
        ("a: b: c\n", "1:5 NH001 not valid YAML"),
        ("a: {b: 1\n", "1:4 NH001 not valid YAML"),
        ("%YAML 9.9\n---\na: 1\n", "1:1 NH001 not valid YAML"),
        ("a: @b\n", "1:4 NH001 not valid YAML"),
        ("a: *b\n", "1:4 NH001 the alias *b has no anchor before it"),
        ("a: &x [1, *x]\n", "1:11 NH001 the alias *x has no anchor before it"),
        ("a: 1\n<<: 2\n", "2:1 NH001 << merges mappings only"),
        ("a: 1\n<<: [{b: 1}, 2]\n", "2:1 NH001 << merges mappings only"),
        ("a: \x00\n", "1:4 NH003 the character U+0000 is not allowed in YAML"),
        ("a: 1\nb: \x1b[31m\n", "2:4 NH003 the character U+001B is not allowed in YAML"),
        ("a: \ufffe\n", "1:4 NH003 the character U+FFFE is not allowed in YAML"),
        ("# \u00e9\na: \x07\n", "2:4 NH003 the character U+0007 is not allowed in YAML"),
        ("\u00e9\u6f22\U0001f600: \x07\n", "1:6 NH003 the character U+0007 is not allowed in YAML"),
        ("a: \u00e9\r\nb: '\u00e9\u00e9\x7f'\r\n", "2:7 NH003 the character U+007F is not allowed in YAML"),
        ("\u00e9: 1\n" * 9 + "# \x9f", "10:3 NH003 the character U+009F is not allowed in YAML"),
        ("\u00e9: '\u2028\x01'\n", "2:1 NH003 the character U+0001 is not allowed in YAML"),
        ("a: 1\n2: b\n", "2:1 NH004 the key '2' is not a string"),
        ("y: 1\n", "1:1 NH004 the key 'y' is not a string"),
        ("~: 1\n", "1:1 NH004 the key '~' is not a string"),
        ("? [a]\n: 1\n", "1:3 NH004 a mapping or a list cannot be a key"),
        ("a: !!binary aGk=\n", "1:4 NH004 the YAML tag !!binary has no meaning in a Kubernetes document"),
        ("a: !!set {b}\n", "1:4 NH004 the YAML tag !!set has no meaning in a Kubernetes document"),
        ("# \u00e9\na: !!str {b: c}\n", "2:4 NH004 the YAML tag !!str has no meaning in a Kubernetes document"),
        ("a:\n  - !!int\n    b: c\n", "2:5 NH004 the YAML tag !!int has no meaning in a Kubernetes document"),
        ("!x\na: 1\n", "1:1 NH004 the YAML tag !x has no meaning in a Kubernetes document"),
        ("a: !!seq {b: c}\n", "1:4 NH004 the YAML tag !!seq has no meaning in a Kubernetes document"),
        ("a: !!map [b]\n", "1:4 NH004 the YAML tag !!map has no meaning in a Kubernetes document"),
        ("a: !!str [b]\n", "1:4 NH004 the YAML tag !!str has no meaning in a Kubernetes document"),
        ("%TAG !e! tag:e.org,1:\n---\na: !e!b {c: d}\n", "3:4 NH004 the YAML tag tag:e.org,1:b has no meaning in"),
        ("? !!map {a: 1}\n: 1\n", "1:3 NH004 a mapping or a list cannot be a key"),
        ("a: &x {b: 1}\n*x : 1\n", "2:1 NH004 the key *x is not a string"),
        ("a: !!int b\n", "1:4 NH004 the value is not what its YAML tag !!int says"),
        ("a: !!bool 1\n", "1:4 NH004 the value is not what its YAML tag !!bool says"),
        ("a: !!int 0xFFFFFFFFFFFFFFFFFF\n", "1:4 NH004 the value is not what its YAML tag !!int says"),
        ("a: .inf\n", "1:4 NH004 .inf is no number in JSON"),
        ("a: [1, -.INF]\n", "1:8 NH004 -.INF is no number in JSON"),
        (".nan: 1\n", "1:1 NH004 .nan is no number in JSON"),
        ("a: !!float .nan\n", "1:4 NH004 .nan is no number in JSON"),
        ("a: !Ref b\n", "1:4 NH004 the YAML tag !Ref has no meaning in a Kubernetes document"),
        ("a: !!python/object/apply:os.system [id]\n", "1:4 NH004 the YAML tag !!python/object/apply:os.system has"),
    ],
)
def test_what_is_no_yaml_of_kubernetes(text: str, expected: str) -> None:
    found = read("f.yaml", text)[1]
    assert [in_short(finding)[: len(expected)] for finding in found] == [expected]
    assert found[0].hint


def in_short(finding: Finding) -> str:
    return f"{finding.line}:{finding.column} {finding.code} {finding.message}"


def test_the_last_of_two_keys_counts_and_reading_goes_on() -> None:
    documents, found = read("f.yaml", "a: 1\na: {b: 2}\nc: 3\nc: 4\n")
    assert documents[0].data == {"a": {"b": 2}, "c": 4}
    assert [finding.line for finding in found] == [2, 4]


def test_documents_before_a_syntax_error_are_returned() -> None:
    documents, found = read("f.yaml", "a: 1\n---\nb: [\n")
    assert [document.data for document in documents] == [{"a": 1}]
    assert [finding.code for finding in found] == ["NH001"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "a:\n"])
def test_deep_nesting(opening: str) -> None:
    if opening == "a:\n":
        text = "".join(" " * level + "a:\n" for level in range(3000))
    else:
        text = opening * 20_000
    found = read("f.yaml", text)[1]
    assert [(finding.code, finding.message) for finding in found] == [
        ("NH003", f"nested deeper than {MAX_DEPTH} levels")
    ]


def test_the_deepest_nesting_that_is_allowed() -> None:
    assert read("f.yaml", "[" * MAX_DEPTH + "]" * MAX_DEPTH)[1] == []
    assert len(read("f.yaml", "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))[1]) == 1


@pytest.mark.parametrize(
    "bomb", ["[*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]", "{x: *a, v: *a, z: *a, p: *a, q: *a, r: *a}"]
)
def test_alias_bomb(bomb: str) -> None:
    lines = ["n0: &a0 [1, 2, 3]"]
    lines += [f"n{i}: &a{i} {bomb.replace('*a', f'*a{i - 1}')}" for i in range(1, 30)]
    found = read("f.yaml", "\n".join(lines))[1]
    assert [(finding.code, finding.message) for finding in found] == [
        ("NH003", f"the document expands to more than {MAX_NODES} values")
    ]


def test_merge_bomb() -> None:
    lines = ["n0: &a0 {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}"]
    lines += [f"n{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], m{i}: 1}}" for i in range(1, 60)]
    documents, found = read("f.yaml", "\n".join(lines))
    assert [finding.code for finding in found] == ["NH003"]
    assert documents == []


def test_many_wide_values_are_no_bomb() -> None:
    assert read("f.yaml", "a: &a [1, 2]\nb: [" + "*a, " * 1000 + "]\n")[1] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("spec", "services", 2, "name"), "spec.services[2].name"),
        (("metadata", "annotations", "a.b/c"), 'metadata.annotations["a.b/c"]'),
        ((0, "a"), "[0].a"),
        ((), ""),
    ],
)
def test_field_text(path: tuple[str | int, ...], text: str) -> None:
    assert field_text(path) == text


@pytest.mark.parametrize(
    "text",
    ["a: 1\nb:\n\u00a0 c: {d: 1}\n  e: 2\n", "a:\n  b:\u00a01\n  c: 2\n", "a:\n  # \u00a0\n  b:\u00a02\n  c: 3\n"],
)
def test_blanks_of_web_pages_are_named(text: str) -> None:
    (finding,) = read("f.yaml", text)[1]
    assert finding.hint.startswith("write a plain blank for U+00A0 (no-break space) in line ")
    line = int(finding.hint.rpartition(" ")[2])
    assert "\u00a0" in text.splitlines()[line - 1].partition("#")[0]


def test_reading_goes_on_after_a_key_that_is_no_string() -> None:
    documents, findings = read("f.yaml", "a: {on: 1, 5: 2}\n---\nb: 1\nb: 2\n")
    assert [(one.code, one.line, one.field) for one in findings] == [
        ("NH004", 1, "a.on"),
        ("NH004", 1, "a.5"),
        ("NH002", 4, "b"),
    ]
    assert [document.data for document in documents] == [{"a": {"on": 1, "5": 2}}, {"b": 2}]


def test_keys_that_are_no_strings_are_counted_in_bounded_memory() -> None:
    repeated = "a: 1\n" * (MAX_REPEATED + 5)
    found = read("f.yaml", "".join(f"{number}: 1\n" for number in range(20_000)))[1]
    assert len(found) == MAX_REPEATED + 1
    mixed = read("f.yaml", "1: 1\n" + repeated)[1]
    assert (mixed[-1].code, mixed[-1].message) == ("NH002", "and 4 more keys appear twice")


@pytest.mark.slow
def test_repeated_keys_are_counted_in_bounded_memory() -> None:
    tracemalloc.start()
    found = read("f.yaml", "a: 1\n" * 20_000)[1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == MAX_REPEATED + 1
    assert found[-1].message == f"and {20_000 - 1 - MAX_REPEATED} more keys appear twice"
    assert peak < 5_000_000
