"""A service's image is pulled while the service waits, although the registry is slow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from .connection import Cluster
from .release import HELM3, HELM4, THIS_RUN, Release, in_parallel, moment, put_up, service

CHAIN = ("first", "second", "third")
READY_AFTER = 5
# 60 MiB at 10 MiB/s: each pull takes six seconds, and another one beside it does not slow it down.
PULL_SECONDS = 6
OFF = ("--set", "global.nimhelm.pullWhileWaiting=false")


class Chains(NamedTuple):
    """The same chain twice: with pulls while waiting, and without."""

    on: Release
    off: Release


@pytest.fixture(scope="module")
def chains(new_release: Callable[..., Release], cluster: Cluster) -> Chains:
    """Both chains, from images that are nowhere on the node, installed at the same time."""
    if not cluster.is_bench:
        pytest.skip("needs the bench: the registry of another cluster is not slow at will")
    releases = [new_release(*chain_of(mode), helm_path=helm) for mode, helm in (("on", HELM4), ("off", HELM3))]
    in_parallel([partial(put_up, releases[0]), partial(put_up, releases[1], *OFF)])
    return Chains(*releases)


def chain_of(mode: str) -> list[dict[str, Any]]:
    """Each service after the one before it, from an image that only this chain uses."""
    return [
        service(
            name,
            *CHAIN[max(0, number - 1) : number],
            ready_after=READY_AFTER,
            image=f"nvcr.io/slow/{THIS_RUN}/{mode}/{name}:1",
        )
        for number, name in enumerate(CHAIN)
    ]


def pull_times(release: Release, service: str) -> tuple[datetime, datetime]:
    """When the pull of a service's own image began and ended."""
    (pod,) = release.pods(service)
    events = release.cluster.events(pod["metadata"]["name"], release.namespace)
    # In whole seconds, as the kubelet has it.
    times = {
        event["reason"]: moment(event["firstTimestamp"])
        for event in events
        if f"/{service}:1" in event["message"]
        and ("Pulling" in event["reason"] or "Successfully pulled" in event["message"])
    }
    return times["Pulling"], times["Pulled"]


def ready_time(release: Release, service: str) -> datetime:
    """When the only pod of a service became Ready."""
    return release.ready_conditions()[service][0]


def seconds_to_ready(release: Release) -> float:
    """From the first pod to the last service that is ready."""
    created = [moment(pod["metadata"]["creationTimestamp"]) for pod in release.pods()]
    return (ready_time(release, CHAIN[-1]) - min(created)).total_seconds()


def init_containers(release: Release, service: str) -> list[Any]:
    (pod,) = release.pods(service)
    return list(pod["spec"]["initContainers"])


def test_order_is_kept_either_way(chains: Chains) -> None:
    assert chains.on.order_violations() == []
    assert chains.off.order_violations() == []


@pytest.mark.parametrize(("before", "name"), list(pairwise(CHAIN)))
def test_pull_overlaps_with_the_wait(chains: Chains, before: str, name: str) -> None:
    begun, _ = pull_times(chains.on, name)
    assert begun < ready_time(chains.on, before)
    begun, _ = pull_times(chains.off, name)
    assert begun >= ready_time(chains.off, before)


def test_chain_is_ready_sooner(chains: Chains) -> None:
    """Two of the three pulls cost no time any more."""
    saved = seconds_to_ready(chains.off) - seconds_to_ready(chains.on)
    print(f"to Ready: {seconds_to_ready(chains.off):g} s before, {seconds_to_ready(chains.on):g} s with it")
    assert saved > 1.5 * PULL_SECONDS


def test_gates_run_in_an_image_without_a_shell(chains: Chains) -> None:
    gate = init_containers(chains.on, "second")[-1]
    assert gate["name"] == "wait-for-first"
    assert "/on/second" in gate["image"]
    (pod,) = chains.on.pods("second")
    refused = chains.on.kubectl("exec", pod["metadata"]["name"], "--", "sh", "-c", "true", check=False)
    assert refused == ""
    assert "ready after" in chains.on.kubectl("logs", pod["metadata"]["name"], "-c", "wait-for-first")


def test_gates_run_in_the_wait_image_when_switched_off(chains: Chains) -> None:
    (gate,) = init_containers(chains.off, "second")
    assert (gate["name"], "busybox" in gate["image"]) == ("wait-for-first", True)


def test_gates_see_no_gpu(chains: Chains) -> None:
    for release in chains:
        for gate in init_containers(release, "third"):
            variables = {each["name"]: each.get("value") for each in gate.get("env", [])}
            if gate["name"].startswith("wait-for-"):
                assert variables["NVIDIA_VISIBLE_DEVICES"] == "void"
            assert "nvidia.com/gpu" not in gate["resources"].get("limits", {})
