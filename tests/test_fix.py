"""validate --fix: edits that cannot change what is meant, and nothing else of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from nimhelm.__main__ import guarded

BEFORE = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline # the kind
metadata: {name: demo}
spec:
  services:
    - name: llm
      Enabled: true   # on
      spec:
        image: {repository: x, tag: 1.10, pullsecrets: [a]}
        authsecret : s
        nodeSelector: {a: yes , b: on}
        env:
          - name: A
            value: 8 # eight
        storage: {emptydir: {}}
"""
AFTER = (
    BEFORE.replace("Enabled:", "enabled:").replace("1.10", '"1.10"').replace("pullsecrets", "pullSecrets")
    .replace("authsecret", "authSecret").replace("yes ,", '"yes" ,').replace("b: on}", 'b: "on"}')
    .replace("value: 8 #", 'value: "8" #').replace("emptydir", "emptyDir")
)  # fmt: skip


def test_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(BEFORE)
    assert guarded(["validate", "--fix", str(path)]) == 0
    assert path.read_text() == AFTER
    assert "8 edits made" in capsys.readouterr().err
    assert guarded(["validate", "--fix", str(path)]) == 0
    assert path.read_text() == AFTER


@pytest.mark.parametrize("line", ["replicas: -1", "frobnicate: 1", "resources: {limits: {nvidia.com/gpu: 0.5}}"])
def test_what_has_no_safe_edit_stays(line: str, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(AFTER + f"        {line}\n")
    assert guarded(["validate", "--fix", str(path)]) == 1
    assert path.read_text() == AFTER + f"        {line}\n"
