"""A multi-node service that the operator runs becomes part of a Helm release, with the real LeaderWorkerSet controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import operator_pipeline as operator
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release

HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
NODES = 2


@pytest.fixture
def running(cluster: Cluster, operated: Callable[..., Release]) -> Release:
    """The service as the operator runs it, all its nodes ready."""
    cluster.need("lws")
    release = operated(operator.group_objects, multiNode={"parallelism": {"pipeline": NODES, "tensor": 1}})
    wait_until(lambda: len(members(release)) == NODES, what="the operator's group is ready")
    return release


def members(release: Release) -> dict[str, str]:
    """The pods of the group that are ready: name -> UID."""
    pods = release.get("pods", "-l", f"{operator.LWS}/name=llm-lws")["items"]
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in pods
        if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
    }


@HELMS
def test_a_group_moves_without_a_restart(running: Release, helm: Path) -> None:
    before = members(running)
    revisions = running.kubectl("get", "controllerrevisions", "-o", "name")
    assert "no pod restarts" in (shown := running.adopt(helm)), shown
    running.adopt(helm, "--yes")
    wait_until(lambda: not running.get("nimservices")["items"], what="the operator's resources are gone")
    running.helm_path = helm
    # Whatever restarted the group would come with a new revision of it.
    running.helm("upgrade", running.name, str(running.chart), "--reuse-values")
    assert running.kubectl("get", "controllerrevisions", "-o", "name") == revisions
    assert members(running) == before
    assert running.get("secret", "llm-ssh-pk")["data"]["private.key"] == "b2YtdGhlLW9wZXJhdG9y"
    assert running.states()["llm"]["state"] == "Ready", running.status().stdout


def test_what_restarts_a_group_is_said_before(running: Release) -> None:
    shown = running.adopt(HELM4, "--new-pods")
    assert "restarts   LeaderWorkerSet llm-lws: " in shown, shown
    assert "no pod restarts" not in shown
