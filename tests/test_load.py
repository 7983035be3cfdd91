"""Files in: several documents, Lists, what kubectl prints, and files that are not pipelines at all."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pipelines import cache, loaded, pipeline, service, text

from nimhelm.check import check_documents
from nimhelm.convert import convert_files
from nimhelm.errors import LoadError
from nimhelm.finding import NOTE
from nimhelm.load import MAX_BYTES, Loaded, load_files, load_text, read_content


def names(*documents: dict[str, Any] | str) -> list[Any]:
    files = loaded(*documents)
    assert [one for one in files.findings if one.severity != NOTE] == []
    return [document.data["metadata"]["name"] for document in (*files.pipelines, *files.caches)]


def test_several_documents_and_kinds() -> None:
    others = "apiVersion: v1\nkind: Secret\n---\n# nothing\n---\n"
    assert names(others + text(pipeline(name="a"), cache("c"), pipeline(name="b"))) == ["a", "b", "c"]


def test_a_list() -> None:
    items = [pipeline(name="a"), {"apiVersion": "v1", "kind": "Service"}, cache("c")]
    for kind, version in (("List", "v1"), ("NIMPipelineList", "apps.nvidia.com/v1alpha1")):
        listed = {"apiVersion": version, "kind": kind, "items": items}
        assert names(listed) == ["a", "c"]
        assert names({"apiVersion": "v1", "kind": "List", "items": [listed, cache("d")]}) == ["a", "c", "d"]


def test_an_item_that_is_nothing() -> None:
    found = loaded("apiVersion: v1\nkind: List\nitems: [null, 5]\n").findings
    assert [one.message for one in found] == [f"not a Kubernetes object, but {what}" for what in ("null", "a number")]


def test_places_in_a_list_are_those_of_the_file() -> None:
    document = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [pipeline(name="a"), pipeline(service(replicas=-1), name="b")],
    }
    files = loaded(document)
    row = text(document).splitlines().index("            replicas: -1") + 1
    assert [(one.line, one.field) for one in check_documents(files) if one.code == "NH013"] == [
        (row, "spec.services[0].spec.replicas")
    ]


FROM_KUBECTL = {
    **pipeline(service("llm", replicas=1), namespace="nim"),
    "status": {
        "conditions": [{"type": "NIM_PIPELINE_READY", "status": "True"}],
        "state": "Ready",
        "states": {"llm": "Ready"},
    },
}
FROM_KUBECTL["metadata"] |= {
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"apiVersion":"apps.nvidia.com/v1alpha1"}\n'},
    "creationTimestamp": "2026-08-01T12:00:00Z",
    "finalizers": ["nimpipeline.finalizers.nvidia.com"],
    "generation": 3,
    "managedFields": [
        {
            "apiVersion": "apps.nvidia.com/v1alpha1",
            "fieldsV1": {"f:spec": {".": {}, "f:services": {}}},
            "manager": "kubectl",
        }
    ],
    "resourceVersion": "12345",
    "uid": "0d4c0d3e-8a1f-4f3b-9a53-2f6c0f7d8f0e",
}


def test_what_kubectl_prints() -> None:
    files = loaded(FROM_KUBECTL)
    assert check_documents(files) == []
    listed = {"apiVersion": "v1", "items": [FROM_KUBECTL], "kind": "List", "metadata": {"resourceVersion": ""}}
    assert check_documents(loaded(listed)) == []


def test_what_kubectl_prints_builds_the_same_chart(tmp_path: Path) -> None:
    plain, printed = tmp_path / "plain.yaml", tmp_path / "printed.yaml"
    plain.write_text(text(pipeline(service("llm", replicas=1), namespace="nim")))
    printed.write_text(text(FROM_KUBECTL))
    assert convert_files([str(plain)]).charts == convert_files([str(printed)]).charts


def test_json_is_yaml(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        '{"apiVersion": "apps.nvidia.com/v1alpha1",\n\t"kind": "NIMPipeline", "metadata": {"name": "a"}}'
    )
    assert len(load_files([str(tmp_path / "p.json")]).pipelines) == 1


def test_line_ends_and_marks_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text(pipeline(service(replicas=-1))).replace("\n", "\r\n").encode())
    plain = check_documents(loaded(pipeline(service(replicas=-1))))
    assert [one[1:] for one in check_documents(load_files([str(path)]))] == [one[1:] for one in plain]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text(pipeline(service(replicas=-1))).encode())))
    assert {one.path for one in check_documents(load_files(["-"]))} == {"<stdin>"}


@pytest.mark.parametrize(
    ("name", "message"), [("absent.yaml", "cannot read .*: No such file"), (".", "no YAML file in the folder")]
)
def test_a_file_that_cannot_be_read(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=message) as error:
        load_files([str(tmp_path / name)])
    assert error.value.hint


def test_a_folder_is_its_yaml_files(tmp_path: Path) -> None:
    for name, document in (
        ("b.yml", pipeline(name="b")),
        ("a.yaml", pipeline(name="a")),
        ("c.txt", pipeline(name="c")),
    ):
        (tmp_path / name).write_text(text(document))
    (tmp_path / "deeper").mkdir()
    found = load_files([str(tmp_path)]).pipelines
    assert [(document.path, document.data["metadata"]["name"]) for document in found] == [
        (str(tmp_path / "a.yaml"), "a"),
        (str(tmp_path / "b.yml"), "b"),
    ]


def test_other_kinds_are_named_and_left_alone() -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: ngc-api-key}\n---\n"
    found = check_documents(loaded(secret + text(pipeline())))
    assert [(one.line, one.severity, one.code, one.message) for one in found] == [
        (1, "note", "NH008", "Secret ngc-api-key: not part of the chart")
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xfe\x00a", "1:1 NH003 not UTF-8 text: byte 0xFF"),
        (b"a: 1\nb: \xc3\x28\n", "2:4 NH003 not UTF-8 text: byte 0xC3"),
        ("ä: 😀\r\n😀ä: ".encode() + b"\x9a", "2:5 NH003 not UTF-8 text: byte 0x9A"),
        ("\ufeffa: ä\r".encode() + b"b\x9a", "2:2 NH003 not UTF-8 text: byte 0x9A"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "1:1 NH003 not UTF-8 text: byte 0x89"),
        (b"\x7fELF\x02\x01\x01\0", "1:1 NH003 the character U+007F is not allowed in YAML"),
        (b"\0" * 100, "1:1 NH003 the character U+0000 is not allowed in YAML"),
        (b"\x1f\x8b\x08\0", "1:2 NH003 not UTF-8 text: byte 0x8B"),
        (b"{" * 20_000, "1:1001 NH003 nested deeper than 100 levels"),
        (b"[" * 20_000, "1:1001 NH003 nested deeper than 100 levels"),
        (b"- " * 20_000, "1:201 NH003 nested deeper than 100 levels"),
        (b"\n".join(b" " * level + b"a:" for level in range(20_000))[:4_000_000], "101:101 NH003 nested deeper than 100 levels"),
        (b"a" * (MAX_BYTES + 1), "1:1 NH003 larger than 20 MB: no pipeline is"),
        (b"a: &a [*a, *a]\n", "1:8 NH001 the alias *a has no anchor before it"),
        (b"? " * 20_000, "1:3 NH004 a mapping or a list cannot be a key"),
        (b"&a " * 1_000, "1:4 NH001 not valid YAML"),
        (b"!" * 1_000, "1:1 NH004 the YAML tag !"),
        (b'"' + b"\\" * 100_001, "1:100002 NH001 not valid YAML"),
        (b"a: " * 20_000, "1:5 NH001 not valid YAML"),
        (b"%" * 1_000, "1:2 NH001 not valid YAML"),
    ],
    ids=[
        "utf-16", "utf-8", "utf-8-after-others", "utf-8-after-a-mark", "png", "elf", "nul", "gzip", "flow-mappings", "flow-lists",
        "block-lists", "indentation",
        "large", "alias-of-itself", "keys", "anchors", "tags", "escapes", "colons", "directives",
    ],
)  # fmt: skip
def test_hostile_files(content: bytes, expected: str) -> None:
    documents, findings = read_content("f.yaml", content)
    assert documents == []
    assert [f"{one.line}:{one.column} {one.code} {one.message}"[: len(expected)] for one in findings] == [expected]


@pytest.mark.slow
def test_a_very_wide_file() -> None:
    content = b"apiVersion: v1\nkind: ConfigMap\ndata:\n" + b"".join(b"  k%d: v\n" % index for index in range(50_000))
    assert read_content("f.yaml", content)[1] == []


def test_random_bytes_end_in_findings() -> None:
    chance = Random(1)
    for size in (1, 7, 100, 3000):
        for _ in range(50):
            for content in (chance.randbytes(size), bytes(chance.choices(MARKS, k=size))):
                files = Loaded.nothing()
                load_text("f.yaml", content, files)
                assert all(one.line >= 1 and one.column >= 1 and one.message for one in files.findings)


MARKS = b" \n\t-:?[]{},&*!|>'\"%@`#ab01~.=<"


TEXTS = ("2026-01-01", "''")
"""Kinds that are strings to YAML."""


@pytest.mark.parametrize("kind", ["[a]", "{a: b}", "12", "true", "~", "2026-01-01", "''"])
@pytest.mark.parametrize("version", ["[a]", "{a: b}", "1", "v1", "apps.nvidia.com/v1alpha1", "~"])
def test_any_kind_and_version(kind: str, version: str) -> None:
    found = loaded(f"apiVersion: {version}\nkind: {kind}\nitems: 1\n").findings
    expected = {"apps.nvidia.com/v1alpha1": ["NH006"], "v1": ["NH008"] if kind in TEXTS else []}
    assert [one.code for one in found] == expected.get(version, [])
