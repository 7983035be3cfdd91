"""Charts that GitOps tools install: out of Git, rendered without a cluster, and applied without Helm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .connection import Cluster, CommandError
from .gitops import Repository, rendered, sync
from .release import HELM3, HELM4, ROOT, Release, build_documents, pipeline, service

RECIPES = ROOT / "examples" / "gitops"
heavy = pytest.mark.heavy
HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])


@pytest.mark.parametrize("recipe", ["argocd.yaml", "flux.yaml"])
def test_the_api_server_accepts_the_recipe(recipe: str, cluster: Cluster) -> None:
    """The schemas of the tools' own CRDs know every field, and the values of the recipe are values of a chart."""
    cluster.need("gitops")
    for namespace in ("argocd", "flux-system"):
        manifest = f'{{"apiVersion": "v1", "kind": "Namespace", "metadata": {{"name": "{namespace}"}}}}'
        cluster.kubectl("apply", "-f", "-", stdin=manifest)
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(RECIPES / recipe))


@heavy
@HELMS
def test_a_commit_installs_and_the_next_one_upgrades(
    helm: Path, cluster: Cluster, short_release: Callable[..., Release], tmp_path: Path
) -> None:
    release = short_release(
        service("embed", ready_after=3),
        service("llm", "embed", storage={"pvc": {"create": True, "size": "1Gi"}}),
        helm_path=helm,
    )
    repository = Repository.create(tmp_path)
    repository.commit(release.chart)
    cluster.need("argo")
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


@heavy
@HELMS
def test_waves_keep_the_order_where_gates_are_left_out(
    helm: Path, cluster: Cluster, short_release: Callable[..., Release]
) -> None:
    """Argo CD starts the services itself: install, and an upgrade that changes all of them."""
    cluster.need("argo")
    release = short_release(
        service("embed", ready_after=3), service("llm", "embed", ready_after=3), service("front", "llm"), helm_path=helm
    )
    for options in ((), ("--set", "global.nimhelm.commonAnnotations.changed=yes")):
        items = rendered(release, release.chart, "--set", "global.nimhelm.orderFor=argocd", *options)
        pods = [each["spec"]["template"]["spec"] for each in items if each["kind"] == "Deployment"]
        assert not [one for pod in pods for one in pod.get("initContainers", []) if one["name"].startswith("wait-for-")]
        before = {pod["metadata"]["uid"] for pod in release.pods()}
        sync(release, items)
        assert release.order_violations() == []
        assert not before & {pod["metadata"]["uid"] for pod in release.pods()}
        assert release.status().returncode == 0, release.status().stdout


@heavy
@HELMS
def test_a_service_that_does_not_start_holds_the_next_wave(
    helm: Path, cluster: Cluster, short_release: Callable[..., Release]
) -> None:
    """And nothing that depends on it starts."""
    cluster.need("argo")
    broken = service("embed", ready_after="never", image="localhost:5000/missing/embed:1.0")
    release = short_release(broken, service("llm", "embed"), helm_path=helm)
    items = rendered(release, release.chart, "--set", "global.nimhelm.orderFor=argocd")
    with pytest.raises(CommandError):
        sync(release, items, timeout=20)
    assert {pod["metadata"]["labels"]["app"] for pod in release.pods()} == {"embed"}


@HELMS
def test_rendering_twice_gives_the_same(helm: Path, short_release: Callable[..., Release]) -> None:
    """Else the application would never be in sync."""
    release = short_release(service("embed"), service("llm", "embed", ready_after=2), helm_path=helm)
    first, second = (rendered(release, release.chart) for _ in range(2))
    assert yaml.safe_dump_all(first) == yaml.safe_dump_all(second)
