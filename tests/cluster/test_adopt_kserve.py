"""A service that the operator runs with KServe becomes part of a Helm release, with the real KServe controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import operator_pipeline as operator
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, probe
from .test_kserve import pods_of

pytestmark = pytest.mark.heavy
SPEC: dict[str, Any] = {
    "image": {"repository": "nvcr.io/nim/moved", "tag": "1.0.0", "pullSecrets": ["ngc-secret"]},
    "authSecret": "ngc-api-key",
    "inferencePlatform": "kserve",
    "annotations": {operator.MODE: "Standard"},
    "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteOnce"}},
    "resources": {"limits": {"nvidia.com/gpu": "1"}},
    "expose": {"service": {"type": "ClusterIP", "port": 8000}},
    "replicas": 1,
    "readinessProbe": probe(),
    "startupProbe": probe(),
}
PIPELINE = {"services": [{"name": "llm", "enabled": True, "spec": SPEC}]}


@pytest.fixture
def running(
    cluster: Cluster, short_release: Callable[..., Release], definitions: None, many_gpus: None
) -> Iterator[Release]:
    """The service as the operator runs it, ready, and the chart of its pipeline, not installed."""
    cluster.need("kserve")
    release = short_release(*PIPELINE["services"])
    resources = (operator.resource("NIMPipeline", "demo", PIPELINE), operator.resource("NIMService", "llm", SPEC))
    cluster.apply(*resources, namespace=release.namespace)
    uid = release.get("nimservice", "llm")["metadata"]["uid"]
    cluster.apply(*operator.inference_objects("llm", SPEC, uid, release.namespace), namespace=release.namespace)
    release.kubectl("wait", "--for=condition=Ready", "inferenceservice/llm", "--timeout=120s")
    yield release
    for kind in ("nimpipeline", "nimservice"):
        for name in release.kubectl("get", kind, "-o", "name").split():
            release.kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', check=False)


def adopt(release: Release, helm: Path, *options: str) -> str:
    """Run ``nimhelm adopt`` and return what it shows."""
    command = ("adopt", release.name, str(release.chart), "-n", release.namespace, *options)
    result = release.run_nimhelm(*command, HELM=str(helm))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_an_inference_service_moves_as_the_plan_says(running: Release, helm: Path) -> None:
    (before,) = pods_of(running, "llm")
    shown = adopt(running, helm)
    adopt(running, helm, "--yes")
    wait_until(lambda: not running.get("nimservices")["items"], what="the operator's resources are gone")
    running.helm_path = helm
    # KServe reports the generation of its own Deployment, which Helm 4 takes for one that is not reached yet.
    wait = "--wait=legacy" if helm == HELM4 else "--wait"
    running.helm("upgrade", running.name, str(running.chart), "--reuse-values", wait, "--timeout=120s")
    wait_until(lambda: running.status().returncode == 0, timeout=120, what="the service is ready")
    (after,) = pods_of(running, "llm")
    restarted = before["metadata"]["uid"] != after["metadata"]["uid"]
    assert restarted == ("no pod restarts" not in shown), shown
