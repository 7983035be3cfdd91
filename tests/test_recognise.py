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
    assert guarded(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (WRONG, "NH013"),
        ("a: 1\na: 2\n---\n" + WRONG, "NH013"),
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


def test_hidden_folders_are_left_out(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "wrong.yaml").write_text(WRONG)
    (tmp_path / "right.yaml").write_text(text(pipeline()))
    assert guarded(["validate", str(tmp_path)]) == 0
