"""Services that wait in a queue of the real Kueue, by the recipe of docs/kueue.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, ROOT, Release, service

RECIPE = ROOT / "examples" / "kueue"
VALUES = str(RECIPE / "values.yaml")
GPU = "nvidia.com/gpu"
ONE = {"limits": {GPU: 1}}
KEEP_REQUESTS = ("--set-json", 'global.nimhelm.helperResources={"requests":{"cpu":"10m","memory":"16Mi"}}')
HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])


@pytest.fixture(scope="module", autouse=True)
def kueue(cluster: Cluster) -> None:
    """The controller runs."""
    cluster.need("kueue")


@pytest.fixture
def queues(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Makes the recipe's queues for a namespace, with a ClusterQueue of its own and so many GPUs."""
    made: list[dict[str, Any]] = []

    def make(release: Release, gpus: int) -> None:
        flavor, wide, local = yaml.safe_load_all((RECIPE / "queues.yaml").read_text())
        wide["metadata"]["name"] = local["spec"]["clusterQueue"] = release.namespace
        wide["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]["nominalQuota"] = gpus
        local["metadata"]["namespace"] = release.namespace
        cluster.apply(flavor, wide, local)
        made.append(wide)

    yield make
    for each in made:
        cluster.kubectl("delete", "clusterqueue", each["metadata"]["name"], "--wait=false", check=False)


def chain(short_release: Callable[..., Release], helm: Path = HELM4) -> Release:
    """Three services in a row, a GPU each."""
    return short_release(
        service("embed", resources=ONE),
        service("llm", "embed", resources=ONE),
        service("front", "llm", resources=ONE),
        helm_path=helm,
    )


def preflight(release: Release, *options: str) -> str:
    """What ``nimhelm preflight`` says with the recipe's values."""
    command = ("preflight", str(release.chart), "-n", release.namespace, "--release", release.name, "-f", VALUES)
    return release.run_nimhelm(*command, *options, HELM=str(release.helm_path)).stdout


@HELMS
def test_a_queue_of_gpus_alone_lets_gates_pass_that_ask_for_nothing(
    helm: Path, short_release: Callable[..., Release], queues: Callable[..., None]
) -> None:
    release = chain(short_release, helm)
    queues(release, 3)
    assert "queue nims has quota for the pods" in preflight(release)
    release.install("-f", VALUES)
    release.wait_until_ready()
    assert release.order_violations() == []
    admitted = release.get("workloads.kueue.x-k8s.io")["items"]
    assert len(admitted) == 3
    assert all(each["spec"]["queueName"] == "nims" for each in admitted)


def test_gates_that_ask_for_something_are_held_and_the_next_step_frees_them(
    short_release: Callable[..., Release], queues: Callable[..., None]
) -> None:
    release = chain(short_release)
    queues(release, 3)
    said = preflight(release, "--set", "global.nimhelm.helperResources.requests.cpu=10m")
    assert "has no quota for cpu, which only the gates ask for" in said
    release.install("-f", VALUES, *KEEP_REQUESTS, wait=False)
    held = release.wait_for_cause("llm", "SchedulingGated")
    text = "Kueue holds it in queue nims: it has no quota for {}, which only the gates ask for"
    assert held["cause"]["text"] in (text.format("cpu"), text.format("memory"))
    assert release.states()["embed"]["state"] != "Pending"
    # The command of the next step, pasted where the chart is.
    step = held["next"].replace("./demo", str(release.chart)).removeprefix("helm ")
    release.cluster.run("sh", "-c", f"{release.helm_path} {step}")
    release.wait_until_ready(120)


def test_a_full_queue_and_one_that_is_missing_are_named(
    short_release: Callable[..., Release], queues: Callable[..., None]
) -> None:
    release = chain(short_release)
    assert "LocalQueue nims does not exist" in preflight(release)
    release.install("-f", VALUES, wait=False)
    cause = release.wait_for_cause("embed", "SchedulingGated")["cause"]
    wait_until(lambda: "no such LocalQueue" in release.states()["embed"]["cause"]["text"], 30, str(cause))
    queues(release, 2)
    assert "the pods ask for 3 nvidia.com/gpu together" in preflight(release)

    def held() -> list[str]:
        causes = [each["cause"]["text"] for each in release.states().values() if each.get("cause")]
        return [text for text in causes if f"1 more {GPU} needed" in text or "while waiting for this service" in text]

    assert len(wait_until(held, 60, "the third is held for want of quota")) == 1
