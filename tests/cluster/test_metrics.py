"""Autoscaling by what metrics-server measures, and by an external metric."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .bench import externalmetrics
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, PORT, Release, put_up, service

METRIC = "queue_depth"


@pytest.fixture(scope="module", autouse=True)
def metrics(cluster: Cluster) -> None:
    """metrics-server runs."""
    cluster.need("metrics")


def autoscaled(name: str, metric: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A service of one to three replicas that scales up at once, and down soon."""
    quick = {"stabilizationWindowSeconds": 0}
    behavior = {"scaleUp": quick, "scaleDown": quick}
    hpa = {"minReplicas": 1, "maxReplicas": 3, "metrics": [metric], "behavior": behavior}
    return service(name, scale={"enabled": True, "hpa": hpa}, **spec)


def replicas(release: Release, name: str) -> int:
    """How many replicas a Deployment has been told to have."""
    return int(release.get("deployment", name)["spec"]["replicas"])


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_cpu_scales_a_service_and_an_upgrade_keeps_it(helm: Path, new_release: Callable[..., Release]) -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    busy = autoscaled(
        "busy",
        {"type": "Resource", "resource": {"name": "cpu", "target": target}},
        resources={"requests": {"cpu": "50m"}, "limits": {"cpu": "200m"}},
    )
    release = new_release(busy, helm_path=helm)
    assert release.preflight() == {}
    put_up(release)
    assert replicas(release, "busy") == 1
    proxied = f"/api/v1/namespaces/{release.namespace}/services/busy:{PORT}/proxy/standin/burn?seconds=120"
    release.kubectl("get", "--raw", proxied)
    wait_until(lambda: replicas(release, "busy") > 1, 90, "the autoscaler adds a replica")
    release.wait_until_ready(90)
    assert release.states()["busy"]["state"] == "Ready"
    assert release.timeline()["busy"]["pods"] == replicas(release, "busy")
    before = replicas(release, "busy")
    release.helm("upgrade", release.name, str(release.chart), "--wait", "--timeout=120s")
    assert replicas(release, "busy") >= min(before, 2)


def test_an_external_metric_scales_a_service(cluster: Cluster, new_release: Callable[..., Release]) -> None:
    if not cluster.is_bench:
        pytest.skip("needs the external metrics of the bench")
    target = {"type": "AverageValue", "averageValue": "10"}
    external = {"metric": {"name": METRIC}, "target": target}
    externalmetrics.write({METRIC: "5"})
    release = new_release(autoscaled("queue", {"type": "External", "external": external}))
    assert release.preflight() == {}
    put_up(release)
    assert replicas(release, "queue") == 1
    externalmetrics.write({METRIC: "30"})
    wait_until(lambda: replicas(release, "queue") == 3, 60, "three replicas for a queue of thirty")
    release.wait_until_ready(90)
    externalmetrics.write({METRIC: "5"})
    wait_until(lambda: replicas(release, "queue") == 1, 90, "one replica for a queue of five")


def test_a_metric_that_nobody_serves_is_said(new_release: Callable[..., Release]) -> None:
    """The service is ready all the same: its status only warns."""
    target = {"type": "AverageValue", "averageValue": "10"}
    pods = {"metric": {"name": "gpu_cache_usage_perc"}, "target": target}
    release = new_release(autoscaled("blind", {"type": "Pods", "pods": pods}))
    assert release.preflight() == {"MetricsAPIMissing": ["blind"]}
    put_up(release)
    wait_until(lambda: "gpu_cache_usage_perc" in release.status().stdout, 60, "status names the metric")
