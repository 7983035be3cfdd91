"""Charts that GitOps tools install: out of Git, rendered without a cluster, and applied without Helm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .connection import Cluster
from .gitops import Repository, rendered, sync
from .release import HELM3, HELM4, ROOT, Release, build_documents, pipeline, service

RECIPES = ROOT / "examples" / "gitops"
HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])


@pytest.mark.parametrize("recipe", ["argocd.yaml", "flux.yaml"])
def test_the_api_server_accepts_the_recipe(recipe: str, cluster: Cluster) -> None:
    """The schemas of the tools' own CRDs know every field, and the values of the recipe are values of a chart."""
    cluster.need("gitops")
    for namespace in ("argocd", "flux-system"):
        manifest = f'{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{namespace}"}}}}'
        cluster.kubectl("apply", "-f", "-", stdin=manifest)
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(RECIPES / recipe))


@HELMS
def test_a_commit_installs_and_the_next_one_upgrades(
    helm: Path, short_release: Callable[..., Release], tmp_path: Path
) -> None:
    release = short_release(
        service("embed", ready_after=3),
        service("llm", "embed", storage={"pvc": {"create": True, "size": "1Gi"}}),
        helm_path=helm,
    )
    repository = Repository.create(tmp_path)
    repository.commit(release.chart)
    sync(release, rendered(release, repository.checkout(tmp_path / "first") / release.chart.name))
    assert release.order_violations() == []
    assert release.status().returncode == 0, release.status().stdout
    before = {pod["metadata"]["labels"]["app"]: pod["metadata"]["uid"] for pod in release.pods()}

    changed = service("llm", "embed", storage={"pvc": {"create": True, "size": "1Gi"}}, env={"ADDED": "1"})
    folder = tmp_path / "changed"
    folder.mkdir()
    repository.commit(build_documents(folder, pipeline(service("embed", ready_after=3), changed)))
    items = rendered(release, repository.checkout(tmp_path / "second") / release.chart.name)
    sync(release, items)
    after = {pod["metadata"]["labels"]["app"]: pod["metadata"]["uid"] for pod in release.pods()}
    assert after["embed"] == before["embed"]
    assert after["llm"] != before["llm"]
    assert release.status().returncode == 0


@HELMS
def test_rendering_twice_gives_the_same(helm: Path, short_release: Callable[..., Release]) -> None:
    """Else the application would never be in sync."""
    release = short_release(service("embed"), service("llm", "embed", ready_after=2), helm_path=helm)
    first, second = (rendered(release, release.chart) for _ in range(2))
    assert yaml.safe_dump_all(first) == yaml.safe_dump_all(second)
