"""A chart that renders NIMServices only where the CRDs of the NIM Operator are, as NVIDIA's blueprints do."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Helm, run_nimhelm

NIM = """\
{{- if .Capabilities.APIVersions.Has "apps.nvidia.com/v1alpha1" }}
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: llm}
spec:
  image: {repository: nvcr.io/nim/meta/llama, tag: 1.8.0}
  storage: {emptyDir: {}}
{{- end }}
"""
ASKS = "helm template --api-versions apps.nvidia.com/v1alpha1"


@pytest.fixture
def blueprint(tmp_path: Path) -> Path:
    chart = tmp_path / "blueprint"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: blueprint\nversion: 1.0.0\n")
    (chart / "templates" / "llm.yaml").write_text(NIM)
    (chart / "templates" / "secret.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: ngc}\n")
    return chart


def test_rendered_as_the_readme_says(blueprint: Path, helm: Helm, tmp_path: Path) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(helm.template(blueprint, "--api-versions", "apps.nvidia.com/v1alpha1").stdout)
    ran = run_nimhelm("init", rendered, check=True, cwd=tmp_path)
    assert "1 service" in ran.stdout
    assert ASKS not in ran.stderr


@pytest.mark.parametrize("command", ["build", "init", "validate"])
def test_rendered_without_the_crds(blueprint: Path, helm: Helm, tmp_path: Path, command: str) -> None:
    (tmp_path / "rendered.yaml").write_text(helm.template(blueprint).stdout)
    ran = run_nimhelm(command, "rendered.yaml", cwd=tmp_path)
    assert (ran.stdout + ran.stderr).count(ASKS) == 1
    (tmp_path / "secret.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: ngc}\n")
    ran = run_nimhelm(command, "secret.yaml", cwd=tmp_path)
    assert ASKS not in ran.stdout + ran.stderr
