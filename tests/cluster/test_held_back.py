"""A hotfix of a service whose dependency is down: diff says before that its new pods will wait."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .connection import wait_until
from .release import HELM3, HELM4, Release, build_documents, pipeline, put_up, service


def held_back(release: Release, chart: Path, *options: str) -> list[Any]:
    command = ("diff", "--release", release.name, str(chart), "-n", release.namespace, "-o", "json", *options)
    result = release.run_nimhelm(*command, HELM=str(release.helm_path))
    assert result.returncode == 0, result.stderr
    found: list[Any] = json.loads(result.stdout)["waits"]
    return found


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_a_hotfix_while_its_dependency_is_down(helm: Path, new_release: Callable[..., Release], tmp_path: Path) -> None:
    release = new_release(service("first"), service("second", "first"))
    release.helm_path = helm
    put_up(release)
    hotfix = service("second", "first", image="nvcr.io/nim/test/second:1.1")
    chart = build_documents(tmp_path, pipeline(service("first"), hotfix))
    assert held_back(release, chart) == []
    release.kubectl("scale", "deployment/first", "--replicas=0")
    wait_until(lambda: not release.pods("first"), what="no pod of the dependency")
    assert held_back(release, release.chart) == []
    (held,) = held_back(release, chart)
    assert held["service"] == "second"
    assert "wait for first, which is scaled to 0 now" in held["text"]
    assert held["first"].endswith("--set second.wait.onTimeout=start")
    goes_on = tmp_path / "on.yaml"
    goes_on.write_text("second: {wait: {onTimeout: start}}")
    (held,) = held_back(release, chart, "-f", str(goes_on))
    assert "until the timeout of the gate" in held["text"]
    assert "first" not in held
