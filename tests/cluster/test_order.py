"""The order of random graphs, and what becomes of it when a dependency dies or never gets ready."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, in_parallel, put_up, service

SEEDS = (1, 2, 3, 4)
GATE_TIMEOUT = 4


def random_services(seed: int) -> list[dict[str, Any]]:
    """5 to 15 services, each after some of those before it, with delays of up to five seconds."""
    chance = random.Random(seed)
    names = [f"s{number}" for number in range(chance.randint(5, 15))]
    services = []
    for number, name in enumerate(names):
        after = chance.sample(names[:number], k=min(number, chance.randint(0, 3)))
        services.append(service(name, *after, ready_after=round(chance.uniform(0, 5), 1)))
    chance.shuffle(services)
    return services


@pytest.fixture(scope="module")
def random_graphs(new_release: Callable[..., Release]) -> dict[int, Release]:
    """A release for each seed, installed at the same time."""
    made = {seed: new_release(*random_services(seed)) for seed in SEEDS}
    in_parallel(partial(put_up, release) for release in made.values())
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_a_random_graph_is_kept(random_graphs: dict[int, Release], seed: int) -> None:
    assert random_graphs[seed].order_violations() == []


def test_graphs_are_worth_the_test(random_graphs: dict[int, Release]) -> None:
    services = [each for release in random_graphs.values() for each in release.graph()["services"]]
    assert len(services) >= 5 * len(SEEDS)
    assert max(each["wave"] for each in services) >= 3


class Small(NamedTuple):
    """Releases of two or three services, one for each thing that may happen to them."""

    without_gates: Release
    dying: Release
    never: Release
    late: Release


@pytest.fixture(scope="module")
def small(new_release: Callable[..., Release]) -> Small:
    """All of them, installed at the same time."""
    made = Small(
        without_gates=new_release(service("a", ready_after=4), service("b", "a")),
        dying=new_release(service("a"), service("b", "a"), service("c", "b")),
        never=new_release(service("a", ready_after="never"), service("b", "a"), service("c", "b")),
        late=new_release(service("a", ready_after=10), service("b", "a")),
    )
    short = ("--set", f"global.nimhelm.waitTimeoutSeconds={GATE_TIMEOUT}")
    in_parallel(
        [
            partial(made.without_gates.install, "--set", "global.nimhelm.waitEnabled=false"),
            partial(made.dying.install),
            partial(made.never.install, *short, wait=False),
            partial(made.late.install, *short),
        ]
    )
    return made


def test_without_gates_the_order_is_violated(small: Small) -> None:
    """The check can fail: a service that does not wait starts before what it depends on."""
    assert len(small.without_gates.order_violations()) == 1


def test_dependants_outlive_a_dependency(small: Small) -> None:
    release = small.dying
    before = {name: release.pods(name)[0] for name in ("b", "c")}
    (dead,) = release.pods("a")
    release.kubectl("delete", "pod", dead["metadata"]["name"], "--force", "--grace-period=0")
    wait_until(lambda: release.pods("a")[0]["metadata"]["uid"] != dead["metadata"]["uid"], what="another pod")
    release.wait_until_ready()
    for name, pod in before.items():
        (now,) = release.pods(name)
        assert now["metadata"]["uid"] == pod["metadata"]["uid"]
        assert now["status"]["containerStatuses"] == pod["status"]["containerStatuses"]


def test_gate_gives_up_with_a_message(small: Small) -> None:
    """A dependency that never gets ready is the root cause; the gate's timeout is only its consequence."""
    release = small.never
    message = wait_until(lambda: last_words(release, "b", "wait-for-a"), what="the end of the gate")
    assert f"timed out after {GATE_TIMEOUT}s waiting for http://a-ready:8000/v1/health/ready: " in message
    states = release.states()
    assert [name for name, state in states.items() if state["root"]] == ["a"]
    assert "gave up" in release.wait_for_cause("b", "GateTimeout")["cause"]["text"]
    assert states["a"]["cause"]["code"] == "Starting"
    assert states["c"]["waitsFor"][0]["name"] == "b"


def last_words(release: Release, service: str, gate: str) -> str:
    """The message with which a gate has ended, or nothing as long as it has not."""
    for pod in release.pods(service):
        for status in pod["status"].get("initContainerStatuses", []):
            ended = status["state"].get("terminated") or status.get("lastState", {}).get("terminated")
            if status["name"] == gate and ended:
                return str(ended.get("message", ""))
    return ""


def test_gate_passes_when_the_dependency_gets_ready_late(small: Small) -> None:
    """A gate that gave up is started anew by Kubernetes: the pipeline still comes up."""
    release = small.late
    assert release.order_violations() == []
    (pod,) = release.pods("b")
    gate = next(each for each in pod["status"]["initContainerStatuses"] if each["name"] == "wait-for-a")
    assert gate["restartCount"] >= 1


def test_external_dependency_is_waited_for(new_release: Callable[..., Release], cluster: Cluster) -> None:
    """It is none of the pipeline's, so its port is all that is known of it."""
    annotations = {"nimhelm.dev/external-dependencies": "milvus"}
    release = new_release(service("a", "milvus"), annotations=annotations)
    release.install(wait=False)
    release.wait_for_cause("a", "Waiting")
    pod = {"name": "milvus", "labels": {"app": "milvus"}}
    container = {"name": "main", "image": "nvcr.io/other/milvus:1", "readinessProbe": {"tcpSocket": {"port": 8000}}}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": {"containers": [container]}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "milvus"},
            "spec": {"selector": {"app": "milvus"}, "ports": [{"port": 8000}]},
        },
        namespace=release.namespace,
    )
    release.wait_until_ready()


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_a_service_that_is_switched_on_later_is_waited_for(helm: Path, new_release: Callable[..., Release]) -> None:
    """By the gate that its dependant has had since the install, so that no pod restarts for it."""
    off = service("first") | {"enabled": False}
    release = new_release(off, service("second", "first"), options=("--include-disabled",), helm_path=helm)
    release.install()
    (before,) = release.pods("second")
    assert "first is off" in gate_log(release, before)
    release.upgrade("--set", "first.enabled=true")
    assert [pod["metadata"]["uid"] for pod in release.pods("second")] == [before["metadata"]["uid"]]
    release.kubectl("delete", "pod", before["metadata"]["name"])
    release.wait_until_ready()
    (after,) = release.pods("second")
    assert "waiting for http://first-ready:8000/v1/health/ready" in gate_log(release, after)


def gate_log(release: Release, pod: dict[str, Any]) -> str:
    return str(release.kubectl("logs", pod["metadata"]["name"], "-c", "wait-for-first"))
