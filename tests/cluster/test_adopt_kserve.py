"""A service that the operator runs with KServe becomes part of a Helm release, with the real KServe controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import operator_pipeline as operator
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release
from .test_kserve import pods_of

pytestmark = pytest.mark.heavy


@pytest.fixture
def running(cluster: Cluster, operated: Callable[..., Release]) -> Release:
    """The service as the operator runs it, ready."""
    cluster.need("kserve")
    release = operated(operator.inference_objects, inferencePlatform="kserve", annotations={operator.MODE: "Standard"})
    release.kubectl("wait", "--for=condition=Ready", "inferenceservice/llm", "--timeout=120s")
    return release


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_an_inference_service_moves_as_the_plan_says(running: Release, helm: Path) -> None:
    (before,) = pods_of(running, "llm")
    shown = running.adopt(helm)
    running.adopt(helm, "--yes")
    wait_until(lambda: not running.get("nimservices")["items"], what="the operator's resources are gone")
    running.helm_path = helm
    # KServe reports the generation of its own Deployment, which Helm 4 takes for one that is not reached yet.
    wait = "--wait=legacy" if helm == HELM4 else "--wait"
    running.helm("upgrade", running.name, str(running.chart), "--reuse-values", wait, "--timeout=120s")
    wait_until(lambda: running.status().returncode == 0, timeout=120, what="the service is ready")
    (after,) = pods_of(running, "llm")
    restarted = before["metadata"]["uid"] != after["metadata"]["uid"]
    assert restarted == ("no pod restarts" not in shown), shown
