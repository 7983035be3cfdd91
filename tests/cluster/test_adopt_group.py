"""A multi-node service that the operator runs becomes part of a Helm release, with the real LeaderWorkerSet controller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import operator_pipeline as operator
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, probe

HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
NODES = 2
SPEC: dict[str, Any] = {
    "image": {"repository": "nvcr.io/nim/moved", "tag": "1.0.0", "pullSecrets": ["ngc-secret"]},
    "authSecret": "ngc-api-key",
    "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
    "multiNode": {"parallelism": {"pipeline": NODES, "tensor": 1}},
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
    """The service as the operator runs it, all its nodes ready, and the chart of its pipeline, not installed."""
    cluster.need("lws")
    release = short_release(*PIPELINE["services"])
    resources = (operator.resource("NIMPipeline", "demo", PIPELINE), operator.resource("NIMService", "llm", SPEC))
    cluster.apply(*resources, namespace=release.namespace)
    uid = release.get("nimservice", "llm")["metadata"]["uid"]
    cluster.apply(*operator.group_objects("llm", SPEC, uid, release.namespace), namespace=release.namespace)
    wait_until(lambda: len(members(release)) == NODES, what="the operator's group is ready")
    yield release
    for kind in ("nimpipeline", "nimservice"):
        for name in release.kubectl("get", kind, "-o", "name").split():
            release.kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', check=False)


def members(release: Release) -> dict[str, str]:
    """The pods of the group that are ready: name -> UID."""
    pods = release.get("pods", "-l", f"{operator.LWS}/name=llm-lws")["items"]
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in pods
        if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
    }


def adopt(release: Release, helm: Path, *options: str) -> str:
    """Run ``nimhelm adopt`` and return what it shows."""
    command = ("adopt", release.name, str(release.chart), "-n", release.namespace, *options)
    result = release.run_nimhelm(*command, HELM=str(helm))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@HELMS
def test_a_group_moves_without_a_restart(running: Release, helm: Path) -> None:
    before = members(running)
    revisions = running.kubectl("get", "controllerrevisions", "-o", "name")
    assert "no pod restarts" in (shown := adopt(running, helm)), shown
    adopt(running, helm, "--yes")
    wait_until(lambda: not running.get("nimservices")["items"], what="the operator's resources are gone")
    running.helm_path = helm
    # Whatever restarted the group would come with a new revision of it.
    running.helm("upgrade", running.name, str(running.chart), "--reuse-values")
    assert running.kubectl("get", "controllerrevisions", "-o", "name") == revisions
    assert members(running) == before
    assert running.get("secret", "llm-ssh-pk")["data"]["private.key"] == "b2YtdGhlLW9wZXJhdG9y"
    assert running.states()["llm"]["state"] == "Ready", running.status().stdout


def test_what_restarts_a_group_is_said_before(running: Release) -> None:
    shown = adopt(running, HELM4, "--new-pods")
    assert "restarts   LeaderWorkerSet llm-lws: " in shown, shown
    assert "no pod restarts" not in shown
