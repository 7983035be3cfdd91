"""Scrape targets: what the Prometheus operator makes of the chart's ServiceMonitors."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from .connection import Cluster, wait_until
from .release import Release, put_up, service

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module", autouse=True)
def operator(cluster: Cluster) -> None:
    """The operator runs."""
    cluster.need("prometheus")


def scrape_configs(release: Release) -> Any:
    """The scrape jobs of the Prometheus in the namespace."""
    secret = release.cluster.kubectl(
        *("get", "secret", "prometheus-bench", "-o", "jsonpath={.data.prometheus\\.yaml\\.gz}"),
        namespace=release.namespace,
        check=False,
    )
    text = gzip.decompress(base64.b64decode(secret)) if secret else b"{}"
    return yaml.safe_load(text).get("scrape_configs") or []


def test_a_service_monitor_becomes_a_scrape_job(new_release: Callable[..., Release]) -> None:
    monitor = {"additionalLabels": {"release": "bench"}, "interval": "30s", "scrapeTimeout": "10s"}
    release = new_release(service("llm", metrics={"enabled": True, "serviceMonitor": monitor}), service("plain"))
    prometheus = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": "bench"},
        "spec": {"replicas": 0, "serviceMonitorSelector": {"matchLabels": {"release": "bench"}}},
    }
    release.cluster.apply(prometheus, namespace=release.namespace)
    put_up(release)
    (job,) = wait_until(lambda: scrape_configs(release), 60, "a scrape job")
    assert job["job_name"].startswith(f"serviceMonitor/{release.namespace}/llm/")
    assert job["metrics_path"] == "/v1/metrics"
    assert (job["scrape_interval"], job["scrape_timeout"]) == ("30s", "10s")
    # What the job keeps is what the Service of the chart has.
    (found,) = release.get("service", "llm")["spec"]["ports"]
    kept = {rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"}
    assert found["name"] in kept
    status = release.status()
    assert status.returncode == 0, status.stdout
