"""Multi-node services with the real LeaderWorkerSet controller, and Helm, which does not know what it makes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, moment, service

GPU = "nvidia.com/gpu"


@pytest.fixture(scope="module", autouse=True)
def lws(cluster: Cluster, many_gpus: None) -> None:
    """The controller runs."""
    cluster.need("lws")


def multi_node(name: str, *after: str, nodes: int = 2, **spec: Any) -> dict[str, Any]:
    """A service over several nodes with a GPU each."""
    parallelism = {"pipeline": nodes, "tensor": 1}
    resources = {"limits": {GPU: 1}}
    return service(name, *after, multiNode={"parallelism": parallelism}, resources=resources, **spec)


@pytest.fixture(scope="module", params=[HELM3, HELM4], ids=["helm3", "helm4"])
def group(request: pytest.FixtureRequest, new_release: Callable[..., Release]) -> Release:
    """A leader and two workers, with a service in front and one behind."""
    services = (service("embed"), multi_node("llm", "embed", nodes=3), service("front", "llm"))
    release = new_release(*services, helm_path=request.param)
    assert release.preflight() == {}
    # Helm itself takes a LeaderWorkerSet for done as soon as it exists; the chart's own check does not.
    release.install()
    status = release.status()
    assert status.returncode == 0, status.stdout
    return release


def members(release: Release) -> dict[str, str]:
    """The pods of the group: name -> UID, of those that are ready."""
    pods = release.get("pods", "-l", "leaderworkerset.sigs.k8s.io/name=llm-lws")["items"]
    ready = [pod for pod in pods if _is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in ready}


def _is_ready(pod: Any) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))


def leader_ready(release: Release) -> datetime:
    """When the leader became ready."""
    (leader,) = release.get("pods", "-l", "nim-llm-role=leader")["items"]
    (ready,) = [each for each in leader["status"]["conditions"] if each["type"] == "Ready"]
    assert ready["status"] == "True"
    return moment(ready["lastTransitionTime"])


def test_the_group_starts_in_order_and_can_find_each_other(group: Release) -> None:
    assert sorted(members(group)) == ["llm-lws-0", "llm-lws-0-1", "llm-lws-0-2"]
    started = group.main_starts()
    assert min(started["llm"]) >= min(group.ready_conditions()["embed"])
    assert min(started["front"]) >= leader_ready(group)
    hosts = group.get("configmap", "llm-mpi-config")["data"]["hostfile-0"].split()
    named = {host.split(".")[0] for host in hosts if host.startswith("llm-lws")}
    assert named == {"llm-lws-0-1", "llm-lws-0-2"}
    group.helm("test", group.name)
    tracks = group.timeline()
    assert tracks["embed"]["ready"] < tracks["llm"]["ready"] < tracks["front"]["ready"]
    assert "gate" in {segment["kind"] for segment in tracks["llm"]["segments"]}
    seen = group.states()["llm"]
    assert (seen["state"], seen["gpus"]) == ("Ready", {GPU: 3})


def test_an_upgrade_without_changes_restarts_nobody(group: Release) -> None:
    before = members(group)
    group.upgrade()
    assert members(group) == before


def test_a_lost_worker_is_reported_and_comes_back(group: Release) -> None:
    """The controller restarts the whole group: a NIM does not go on without one of its nodes."""
    before = members(group)
    group.kubectl("delete", "pod", "llm-lws-0-2", "--wait=false")
    wait_until(lambda: members(group) != before, what="the loss shows")
    assert group.states()["llm"]["state"] != "Ready"
    after = wait_until(lambda: now if len(now := members(group)) == 3 else None, 90, "the group is back")
    assert not set(after.values()) & set(before.values())
    group.wait_until_ready()


def test_an_upgrade_reaches_every_node(group: Release) -> None:
    before = members(group)
    group.upgrade(
        "--set", "llm.nodeSelector=null", "--set-json", 'llm.env=[{"name":"STANDIN_READY_AFTER","value":"2"}]'
    )
    group.wait_until_ready(120)
    assert not set(members(group).values()) & set(before.values())


def test_a_group_that_crashes_again_and_again_has_failed(short_release: Callable[..., Release]) -> None:
    """The controller makes the pods again before any of them counts a restart, and for moments there is none."""
    crashing = {"STANDIN_CRASH_AFTER": "0.3", "STANDIN_CRASH_LOG": "no peer"}
    release = short_release(multi_node("llm", env=crashing))
    words = [str(release.helm_path), "install", release.name, str(release.chart), "-n", release.namespace]
    # The check of the chart waits for the group, for longer than this test.
    with subprocess.Popen(words, env=release.cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            wait_until(lambda: release.get("leaderworkersets")["items"], what="the group")
            found = release.wait_for_cause("llm", "GroupMadeAgain")
            assert (found["state"], found["root"]) == ("Failed", True)
            assert release.status("--wait", "--timeout", "60").returncode == 1
        finally:
            run.kill()
