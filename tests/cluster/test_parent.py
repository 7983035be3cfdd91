"""Pipelines as subcharts of one parent chart: two different ones, and one of them twice under aliases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .connection import CommandError
from .release import HELM3, HELM4, Release, build_documents, pipeline, service

HELMS = {"helm3": HELM3, "helm4": HELM4}


def named(name: str, *services: dict[str, Any]) -> dict[str, Any]:
    """A pipeline of that name."""
    made = pipeline(*services)
    made["metadata"]["name"] = name
    return made


def parent(folder: Path, charts: dict[str, Path], dependencies: list[dict[str, str]], **values: Any) -> Path:
    """A chart of one's own around charts of pipelines."""
    chart = folder / "parent"
    for name, path in charts.items():
        shutil.copytree(path, chart / "charts" / name)
    versions = [{"version": "0.1.0", **each} for each in dependencies]
    described = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": versions}
    (chart / "Chart.yaml").write_text(json.dumps(described))
    (chart / "values.yaml").write_text(json.dumps(values))
    (chart / "templates").mkdir()
    return chart


@pytest.mark.parametrize("helm", HELMS)
def test_two_pipelines(short_release: Callable[..., Release], tmp_path: Path, helm: str) -> None:
    rag = named("rag", service("embed"), service("llm", "embed", ready_after=2))
    speech = named("speech", service("vad"), service("asr", "vad"))
    charts = {}
    for each in (rag, speech):
        name = each["metadata"]["name"]
        (tmp_path / name).mkdir()
        charts[name] = build_documents(tmp_path / name, each)
    release = short_release(service("unused"), helm_path=HELMS[helm])
    listed = [{"name": name, "condition": f"{name}.enabled"} for name in charts]
    shared = {"nimhelm": {"commonLabels": {"team": "ml"}}}
    release.chart = parent(tmp_path, charts, listed, rag={"enabled": True}, **{"global": shared})
    release.install()
    release.wait_until_ready()
    assert {pod["metadata"]["labels"]["app"] for pod in release.pods()} == {"embed", "llm", "vad", "asr"}
    assert {pod["metadata"]["labels"]["team"] for pod in release.pods()} == {"ml"}
    for _ in range(2):  # the second time over the pods of the first
        release.helm("test", release.name)
    before = {pod["metadata"]["labels"]["app"]: pod["metadata"]["uid"] for pod in release.pods()}
    release.upgrade('--set=speech.asr.env[0].name=STANDIN_READY_AFTER,speech.asr.env[0].value="2"')
    release.wait_until_ready()
    after = {pod["metadata"]["labels"]["app"]: pod["metadata"]["uid"] for pod in release.pods()}
    assert {name for name, uid in after.items() if before[name] != uid} == {"asr"}
    states = release.states()
    assert set(states) == {"embed", "llm", "vad", "asr"}
    release.upgrade("--set=speech.enabled=false")
    release.wait_until_ready()
    assert set(release.states()) == {"embed", "llm"}
    release.helm("rollback", release.name, "2", "--wait", "--timeout=120s")
    release.wait_until_ready()
    assert set(release.states()) == {"embed", "llm", "vad", "asr"}


@pytest.mark.parametrize("helm", HELMS)
def test_one_pipeline_under_two_aliases(short_release: Callable[..., Release], tmp_path: Path, helm: str) -> None:
    """Both at once are refused before anything is made; one can take the place of the other."""
    chart = build_documents(tmp_path, named("rag", service("embed"), service("llm", "embed")))
    release = short_release(service("unused"), helm_path=HELMS[helm])
    aliases = [{"name": "rag", "alias": each, "condition": f"{each}.enabled"} for each in ("one", "two")]
    release.chart = parent(tmp_path, {"rag": chart}, aliases)
    with pytest.raises(CommandError, match=r"(one|two)\.llm and llm both make the Deployment llm: rename one"):
        release.install()
    assert release.get("deployments,services,serviceaccounts", "-l=app=llm")["items"] == []
    release.install("--set=two.enabled=false")
    before = {each["metadata"]["uid"] for each in release.pods()}
    release.upgrade("--set=one.enabled=false")
    release.wait_until_ready()
    assert {each["metadata"]["uid"] for each in release.pods()} == before
    with pytest.raises(CommandError, match="rename one"):
        release.upgrade("--set=one.enabled=true")
