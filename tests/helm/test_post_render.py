"""What no value sets: kustomize over a rendered chart and as helm's post-renderer, as docs/post-renderers.md has it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Helm

PAGE = (ROOT / "docs" / "post-renderers.md").read_text()
BLOCKS = dict(re.findall(r"^`([\w./-]+)`:\n\n((?:    .*\n|\n)+)", PAGE, re.MULTILINE))
"""The files that the page shows, by name."""


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(line.removeprefix("    ") for line in BLOCKS[name].splitlines()) + "\n")
        path.chmod(0o755)


def deployments(manifest: str) -> list[dict[str, object]]:
    return [each for each in yaml.safe_load_all(manifest) if each and each["kind"] == "Deployment"]


def check(manifest: str, plain: str) -> None:
    """The patch is there, and nothing else is different: no object is lost, and braces in a string stay."""
    changed = deployments(manifest)
    assert len(changed) == len(deployments(plain)) > 1
    for each in changed:
        assert each["spec"]["template"]["spec"]["hostNetwork"] is True  # type: ignore[index]
        del each["spec"]["template"]["spec"]["hostNetwork"]  # type: ignore[attr-defined]
    as_was = {each["metadata"]["name"]: each for each in deployments(plain)}  # type: ignore[index]
    assert {each["metadata"]["name"]: each for each in changed} == as_was  # type: ignore[index]
    kinds = sorted(re.findall(r"^kind: (\w+)", plain, re.MULTILINE))
    assert sorted(re.findall(r"^kind: (\w+)", manifest, re.MULTILINE)) == kinds


def test_kustomize_over_a_rendered_chart(helm: Helm, built: Path, tmp_path: Path) -> None:
    write(tmp_path, "kustomization.yaml")
    plain = helm.template(built / "rag-pipeline").stdout
    (tmp_path / "rendered.yaml").write_text(plain)
    kubectl = str(helm.binary.with_name("kubectl"))
    made = subprocess.run([kubectl, "kustomize", str(tmp_path)], capture_output=True, text=True, check=True)
    check(made.stdout, plain)


def test_kustomize_as_a_post_renderer(helm: Helm, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "nim-kustomize"
    folder.mkdir()
    write(folder, "kustomization.yaml", "kustomize.sh", "plugin.yaml")
    monkeypatch.setitem(helm.env, "PATH", f"{helm.binary.parent}:{helm.env['PATH']}")
    plain = helm.template(built / "rag-pipeline", "--skip-tests").stdout
    if helm.major == 3:
        renderer: object = folder / "kustomize.sh"
    else:
        helm.run("plugin", "install", folder)
        renderer = "nim-kustomize"
    made = helm.template(built / "rag-pipeline", "--skip-tests", "--post-renderer", renderer).stdout
    if helm.major == 4:
        helm.run("plugin", "uninstall", renderer)
    check(made, plain)
