"""An autoscaler that is switched off leaves the number of pods that it chose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .connection import wait_until
from .release import HELM3, HELM4, Release, put_up, service

SCALE = {"enabled": True, "hpa": {"minReplicas": 3, "maxReplicas": 4, "metrics": [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}}  # fmt: skip


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_what_the_autoscaler_chose_stays(helm: Path, new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm", scale=SCALE, resources={"requests": {"cpu": "10m"}}))
    release.helm_path = helm
    put_up(release)
    wait_until(lambda: len(release.pods("llm")) == 3, what="the pods that the autoscaler asks for")
    release.wait_until_ready()
    before = {pod["metadata"]["uid"] for pod in release.pods("llm")}
    for _ in range(2):
        release.upgrade("--reset-then-reuse-values", "--set", "llm.scale.enabled=false")
        assert release.get("hpa")["items"] == []
        assert release.get("deployment", "llm")["spec"]["replicas"] == 3
        assert {pod["metadata"]["uid"] for pod in release.pods("llm")} == before
    release.upgrade("--reset-then-reuse-values", "--set", "llm.replicas=2")
    assert release.get("deployment", "llm")["spec"]["replicas"] == 2
