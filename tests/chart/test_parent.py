"""Charts of pipelines as subcharts of somebody's own chart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from pipelines import cache, loaded, pipeline, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.check import caches_by_name
from nimhelm.plan import plan_pipeline

from .assemble import gate_seconds, objects, pod_specs

if TYPE_CHECKING:
    from ..conftest import Helm


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart with two pipelines, each with a cache."""
    folder = tmp_path_factory.mktemp("parent") / "parent"
    for name, one in (("rag", "llm"), ("speech", "asr")):
        cached = {"nimCache": {"name": f"{name}-weights"}}
        files = loaded(
            pipeline(service(f"{name}-embed"), service(one, f"{name}-embed", storage=cached), name=name),
            cache(f"{name}-weights"),
        )
        write_chart(build_chart(plan_pipeline(files.pipelines[0], caches_by_name(files))), folder / "charts")
    dependencies = [{"name": name, "version": "0.1.0", "condition": f"{name}.enabled"} for name in ("rag", "speech")]
    described = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": dependencies}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(described))
    (folder / "values.yaml").write_text("rag: {enabled: true}\n")
    (folder / "templates").mkdir()
    return folder


def test_two_pipelines_in_one_release(helm: Helm, parent: Path) -> None:
    """`objects` refuses an object that is rendered twice."""
    rendered = objects(helm.template(parent).stdout)
    names = {name for kind, name in rendered if kind == "ConfigMap"}
    assert names == {f"r-{one}-{what}" for one in ("rag", "speech") for what in ("nimpipeline", "scripts")}
    for owner, pod in pod_specs(rendered):
        for volume in pod.get("volumes", ()):
            mounted = volume.get("configMap", {}).get("name")
            assert mounted is None or ("ConfigMap", mounted) in rendered, owner


def test_lint(helm: Helm, parent: Path) -> None:
    settings = ("--set", "global.nimhelm.waitEnabled=false", "--with-subcharts")
    assert ", 0 chart(s) failed" in helm.run("lint", parent, *settings).stdout


def test_each_can_be_switched_off_and_set(helm: Helm, parent: Path) -> None:
    settings = ("--set", "speech.enabled=false,rag.llm.replicas=2,rag.global.nimhelm.waitPeriodSeconds=7")
    rendered = objects(helm.template(parent, *settings).stdout)
    assert {name for kind, name in rendered if kind == "Deployment"} == {"rag-embed", "llm"}
    assert rendered["Deployment", "llm"]["spec"]["replicas"] == 2
    assert gate_seconds(rendered, "llm", "wait-for-rag-embed", "r-rag-scripts") == (1800, 7)


def test_globals_of_the_parent_reach_both(helm: Helm, parent: Path) -> None:
    rendered = objects(helm.template(parent, "--set", "global.nimhelm.imageRegistry=mirror.local").stdout)
    images = {each["image"] for _, pod in pod_specs(rendered) for each in pod["containers"]}
    assert all(image.startswith("mirror.local/") for image in images)


def test_a_misspelt_value_is_refused(helm: Helm, parent: Path) -> None:
    assert helm.template(parent, "--set", "rag.llm.replica=2", check=False).returncode
    assert helm.template(parent, "--set", "rag.enable=true", check=False).returncode


def test_a_release_named_like_its_pipeline_has_short_names(helm4: Helm, parent: Path) -> None:
    rendered = objects(helm4.run("template", "rag", parent / "charts" / "rag").stdout)
    assert {name for kind, name in rendered if kind == "ConfigMap"} == {"rag-nimpipeline", "rag-scripts"}
