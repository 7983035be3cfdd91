"""In a folder and in a commit hook: what is about NIMs is checked, and of the rest nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipelines import cache, pipeline, service, text

from nimhelm.__main__ import guarded

WRONG = text(pipeline(service(replicas=-1)))
FOREIGN = {
    "workflow": "on: push\njobs: {a: {steps: [{run: 'echo kind: NIMPipeline'}]}}\n",
    "workflow with a manifest": "on: push\nrun: |\n  apiVersion: apps.nvidia.com/v1alpha1\n  kind: NIMPipeline\n",
    "template": "apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMPipeline\nmetadata: {name: {{ .Release.Name }}}\n",
    "template of a cache": "kind: NIMCache\nspec:\n  {{- toYaml .Values.spec | nindent 2 }}\n",
    "tags": "a: !Ref x\nb: !Sub y\n",
    "no YAML": "a: [\n",
    "a list": "- 1\n",
    "a text": "NIMPipeline\n",
    "keys twice": "a: 1\na: 2\n",
    "no kind": "spec: {services: [{name: a}]}\n",
    "another kind of the group": "apiVersion: apps.nvidia.com/v1alpha1\nkind: NemoGuardrail\nmetadata: {name: a}\n",
    "binary": "kind: X\n\x07\n",
    "empty": "",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_nothing_is_said_of_others(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pipeline.yml"
    path.write_text(content)
    assert guarded(["validate", "--own-only", str(path)]) == 0
    assert capsys.readouterr().out == ""
    assert guarded(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("\n") == 1, "the folder has nothing to check, and no file of it is named"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (WRONG, "NH013"),
        ("a: 1\na: 2\n---\n" + WRONG, "NH013"),
        ("on: push\n---\n" + WRONG, "NH013"),
        ("kind: ConfigMap\n---\napiVersion: apps.nvidia.com/v1alpha1\nkind: NIMPipeline\non: 1\n", "NH004"),
        (text(cache(storage={})), "NH162"),
        ("apiVersion: apps.nvidia.com/v1alpha1\nkind: NimService\nmetadata: {name: a}\n", "NH006"),
        ("apiVersion: apps.nvidia.com/v1\nkind: NIMPipeline\nmetadata: {name: a}\n", "NH006"),
        ("apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMPipeline\nmetadata: {name: a\nspec:\n", "NH001"),
        ("kind: ConfigMap\n---\napiVersion: apps.nvidia.com/v1alpha1\nkind: NIMPipeline\na: 1\na: 2\n", "NH002"),
        ('{"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMPipeline", "metadata": {"name": "a"}}', "NH011"),
    ],
)
def test_whatever_a_file_is_called(
    content: str, found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep" / "down" / "rag.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    for arguments in (["--own-only", str(path)], [str(tmp_path)]):
        assert guarded(["validate", *arguments]) == 1
        said = capsys.readouterr().out
        assert {line.split(" ")[2].rstrip(":") for line in said.splitlines()} >= {found}
        assert all(line.startswith(str(path)) for line in said.splitlines())


@pytest.mark.parametrize("broken", ["a: [\n", "a: !Ref x\n", 'a: "b\n', "kind: X\n\x07\n", "a: *b\n"])
def test_a_document_that_hides_a_later_one_is_named(
    broken: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "all.yaml").write_text(f"{broken}---\n{WRONG}")
    for arguments in (["--own-only", str(tmp_path / "all.yaml")], [str(tmp_path)]):
        assert guarded(["validate", *arguments]) == 1
        assert "all.yaml:" in capsys.readouterr().out


def test_hidden_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "wrong.yaml").write_text(WRONG)
    (tmp_path / "right.yaml").write_text(text(pipeline()))
    assert guarded(["validate", str(tmp_path)]) == 0


WORKFLOW = "on: push\njobs: {}\n"
SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n"
)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", SECRET, WORKFLOW, "services: {web: {image: x}}\n"])
def test_a_file_without_nims_is_named_once(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    for given, place in ((path, "file"), (tmp_path, "folder")):
        assert guarded(["validate", str(given)]) == 0
        [line] = capsys.readouterr().out.splitlines()
        assert line.startswith(f"{given}:1:1: warning NH005: no NIMPipeline, NIMService or NIMCache in this {place}")
    assert guarded(["validate", "--strict", str(path)]) == 1
    capsys.readouterr()
    assert guarded(["validate", "--own-only", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_a_file_that_is_given_twice_is_read_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text(pipeline(service())))
    (tmp_path / "b.yaml").write_text(WORKFLOW)
    assert guarded(["validate", str(tmp_path), str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_a_tag_of_yaml_that_does_not_fit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is wrong for every tool. A tag of a tool's own is left alone."""
    path = tmp_path / "a.yaml"
    path.write_text("# a file of nobody\na: !!str {b: c}\n")
    assert guarded(["validate", str(path)]) == 1
    assert capsys.readouterr().out.startswith(f"{path}:2:4: error NH004")
    assert guarded(["validate", "--own-only", str(path)]) == 0
    path.write_text("a: !Ref {b: c}\n")
    assert guarded(["validate", str(path)]) == 0


@pytest.mark.parametrize(
    ("place", "entry"),
    [
        ("patch.yaml", "patches: [{path: patch.yaml}]"),
        (
            "patches/size.yaml",
            "patches: [{patch: '- op: add'}, {path: ./patches/size.yaml, target: {kind: NIMService}}]",
        ),
        ("patch.yaml", "patchesStrategicMerge: [patch.yaml]"),
    ],
)
def test_a_patch_of_kustomize_is_no_document(
    place: str, entry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kustomization.yaml").write_text(f"resources: [base]\n{entry}\n")
    patch = tmp_path / place
    patch.parent.mkdir(exist_ok=True)
    start = "apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMService\nmetadata: {name: a}\nspec: {replicas: 2"
    patch.write_text(start + "}\n")
    assert guarded(["validate", "--own-only", str(patch)]) == 0
    assert capsys.readouterr().out == ""
    assert guarded(["validate", str(patch)]) == 1  # whoever names it means it
    (tmp_path / "whole.yaml").write_text(
        start + ", image: {repository: x, tag: '1'}, authSecret: s, storage: {emptyDir: {}}}\n"
    )
    assert guarded(["validate", str(tmp_path)]) == 0
