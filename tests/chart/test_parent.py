"""Charts of pipelines as subcharts of somebody's own chart."""

from __future__ import annotations

import re
import shutil
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


def with_dependencies(folder: Path, charts: Path, *dependencies: dict[str, object]) -> Path:
    """A chart with these charts of a folder alone: helm renders those below charts/ that nobody lists as well."""
    chart = folder / "parent"
    for name in {str(each["name"]) for each in dependencies}:
        shutil.copytree(charts / name, chart / "charts" / name)
    listed = [{"version": "0.1.0", **each} for each in dependencies]
    described = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": listed}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(described))
    (chart / "templates").mkdir()
    return chart


def test_a_pipeline_under_two_aliases_is_refused(helm: Helm, parent: Path, tmp_path: Path) -> None:
    aliases = [{"name": "rag", "alias": each, "condition": f"{each}.enabled"} for each in ("one", "two")]
    chart = with_dependencies(tmp_path, parent / "charts", *aliases)
    said = helm.template(chart, check=False).stderr
    for made in ("Deployment llm", "Service llm-ready", "ConfigMap r-rag-scripts"):
        assert re.search(f"(one|two)\\.[a-z]+ and [a-z]+ both make the {made}: rename one", said), said
    for each in ("one", "two"):  # in turn, they are no matter
        rendered = objects(helm.template(chart, "--set", f"{each}.enabled=false").stdout)
        assert {name for kind, name in rendered if kind == "Deployment"} == {"rag-embed", "llm"}


def test_two_pipelines_with_a_service_of_one_name_are_refused(helm: Helm, tmp_path: Path) -> None:
    for name in ("rag", "other"):
        files = loaded(pipeline(service("llm"), service(name), name=name))
        write_chart(build_chart(plan_pipeline(files.pipelines[0], caches_by_name(files))), tmp_path / "built")
    chart = with_dependencies(tmp_path, tmp_path / "built", {"name": "rag"}, {"name": "other"})
    said = helm.template(chart, check=False).stderr
    assert "rag.llm and llm both make the Deployment llm: rename one" in said
    assert "ConfigMap" not in said


def test_tags_switch_pipelines(helm: Helm, parent: Path, tmp_path: Path) -> None:
    listed = [{"name": "rag", "tags": ["text"]}, {"name": "speech", "tags": ["sound"], "alias": "voice"}]
    chart = with_dependencies(tmp_path, parent / "charts", *listed)
    settings = ("--set", "tags.text=false,voice.asr.replicas=2")
    rendered = objects(helm.template(chart, *settings).stdout)
    assert {name for kind, name in rendered if kind == "Deployment"} == {"speech-embed", "asr"}
    assert rendered["Deployment", "asr"]["spec"]["replicas"] == 2
