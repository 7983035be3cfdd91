"""``nimhelm status`` where GPUs are short, which the bench's node has as many of as a test wants."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

from .connection import wait_until
from .release import Release, service
from .test_status import GPU, paste


def test_no_gpu_left(short_release: Callable[..., Release], gpus: Callable[[int], None]) -> None:
    gpus(1)
    release = short_release(
        service("first", resources={"limits": {GPU: 1}}),
        service("second", "first", resources={"limits": {GPU: 1}}),
        service("large", resources={"limits": {GPU: 4}}),
    )
    release.install("--set", "second.wait.enabled=false", wait=False)
    codes = {"large": "GPUTooMany"}
    loser = wait_until(lambda: pending(release, "first", "second"), what="a service without a GPU")
    codes[loser] = "InsufficientGPU"
    for name, code in codes.items():
        found = release.wait_for_cause(name, code)
        assert found["state"] == "Pending"
        assert "bench   1" in paste(release, found["next"])
    gpus(6)
    release.wait_until_ready()


def pending(release: Release, *names: str) -> str:
    """Which of these services has a pod that no node takes; nothing as long as none has."""
    lost = (name for name in names for pod in release.pods(name) if is_unschedulable(pod))
    return next(lost, "")


def is_unschedulable(pod: Any) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(GPU in each.get("message", "") for each in conditions if each["type"] == "PodScheduled")


def test_no_gpu_at_all(short_release: Callable[..., Release], gpus: Callable[[int], None]) -> None:
    gpus(0)
    release = short_release(service("llm", resources={"limits": {GPU: 1}}))
    release.install(wait=False)
    assert "device plugin" in release.wait_for_cause("llm", "NoGPUNode")["cause"]["text"]


def test_gpu_held_by_a_waiting_dependant(short_release: Callable[..., Release], gpus: Callable[[int], None]) -> None:
    """The pod that waits got the only GPU: that is a deadlock, and the step is the way out."""
    gpus(1)
    release = short_release(
        service("base", resources={"limits": {GPU: 1}}), service("top", "base", resources={"limits": {GPU: 1}})
    )
    release.install("--set", "base.nodeSelector.not=yet", wait=False)
    wait_until(lambda: release.states()["top"]["cause"]["code"] == "Waiting", what="the waiting service on its GPU")
    # By a value, as the upgrade of the step would put one back that kubectl removed.
    values = ("--reset-then-reuse-values", "--set", "base.nodeSelector=null")
    release.helm("upgrade", release.name, str(release.chart), *values)
    found = release.wait_for_cause("base", "GPUHeldByWaiter")
    assert "--replicas" not in found["next"]  # a scaled-down service would stay so if the step is broken off
    assert "top holds 1 while waiting for this service" in found["cause"]["text"]
    paste(release, found["next"], timeout=150)
    assert release.states()["base"]["state"] == "Ready"
    assert release.wait_for_cause("top", "InsufficientGPU")["root"] is True
    gpus(2)
    release.wait_until_ready()


def test_a_step_that_is_broken_off_strands_no_service(
    short_release: Callable[..., Release], gpus: Callable[[int], None]
) -> None:
    """The terminal's interrupt ends the waiting, and the service that was sent away comes back all the same."""
    gpus(1)
    release = short_release(
        service("base", ready_after="never", resources={"limits": {GPU: 1}}),
        service("top", "base", resources={"limits": {GPU: 1}}),
    )
    release.install("--set", "base.nodeSelector.not=yet", wait=False)
    wait_until(lambda: release.states()["top"]["cause"]["code"] == "Waiting", what="the waiting service on its GPU")
    release.helm(
        "upgrade", release.name, str(release.chart), "--reset-then-reuse-values", "--set", "base.nodeSelector=null"
    )
    step = release.wait_for_cause("base", "GPUHeldByWaiter")["next"]
    env = release.cluster.env | {"PATH": f"{release.helm_path.parent}:{release.cluster.env['PATH']}"}
    words = ["bash", "-c", step]
    with subprocess.Popen(words, cwd=release.chart.parent, env=env, start_new_session=True) as typed:
        wait_until(lambda: not release.pods("top"), what="the waiting service is sent away")
        wait_until(lambda: release.pods("base")[0]["spec"].get("nodeName"), what="the other has the GPU")
        os.killpg(typed.pid, signal.SIGINT)
        typed.wait(60)
    assert release.get("deployment", "top")["spec"]["replicas"] == 1
