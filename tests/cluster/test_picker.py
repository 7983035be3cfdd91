"""The endpoint picker of an InferencePool: the real one, in the pod that the chart makes for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .bench import cluster as bench
from .bench import controllers
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, PORT, Release, probe, put_up, service

PICKER = {
    "containerSpec": {
        "name": "epp",
        "image": {"repository": "registry.k8s.io/gateway-api-inference-extension/epp", "tag": "v1.3.0"},
    },
    "config": {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [{"type": "queue-scorer"}, {"type": "max-score-picker"}],
        "schedulingProfiles": [
            {"name": "default", "plugins": [{"pluginRef": "queue-scorer"}, {"pluginRef": "max-score-picker"}]}
        ],
    },
}


@pytest.fixture(scope="module", params=[HELM3, HELM4], ids=["helm3", "helm4"])
def release(request: pytest.FixtureRequest, cluster: Cluster, new_release: Callable[..., Release]) -> Release:
    """A pool of two replicas with its picker, and a service that must not be picked."""
    cluster.need("epp")
    exposed = {"service": {"port": PORT}, "router": {"eppConfig": PICKER}}
    pool = service("llm", replicas=2, expose=exposed, readinessProbe=probe(failures=1))
    made = new_release(pool, service("other"), helm_path=request.param)
    # The picker's image is not in the registry of the pull secret: a warning.
    assert made.preflight() == {"PullSecretHost": ["llm"]}
    put_up(made)
    assert {each["state"] for each in made.timeline().values()} == {"Ready"}
    return made


def ask(release: Release) -> str:
    """The endpoint that the picker chooses for a request, or what is wrong."""
    client = controllers.load("epp").built / "ask"
    address = release.get("service", "llm-epp")["spec"]["clusterIP"]
    try:
        return bench.run_inside(str(client), f"{address}:9002").strip()
    except RuntimeError as error:
        return str(error)


def endpoints(release: Release) -> set[str]:
    """The addresses of the replicas."""
    return {f"{pod['status']['podIP']}:{PORT}" for pod in release.pods("llm")}


def test_the_picker_chooses_replicas_of_the_pool(cluster: Cluster, release: Release) -> None:
    if not cluster.is_bench:
        pytest.skip("needs a client in the cluster's network")
    expected = endpoints(release)
    assert len(expected) == 2
    wait_until(lambda: ask(release) in expected, 30, f"an endpoint of {expected}, not {ask(release)}")
    assert {ask(release) for _ in range(20)} <= expected


def test_the_picker_leaves_out_a_replica_that_is_not_ready(cluster: Cluster, release: Release) -> None:
    if not cluster.is_bench:
        pytest.skip("needs a client in the cluster's network")
    first, second = release.pods("llm")
    switch = f"/api/v1/namespaces/{release.namespace}/pods/{first['metadata']['name']}:{PORT}/proxy/standin/ready"
    left = f"{second['status']['podIP']}:{PORT}"
    release.kubectl("get", "--raw", f"{switch}?value=false")
    wait_until(lambda: {ask(release) for _ in range(5)} == {left}, 30, f"only {left} is chosen")
    seen = release.states()["llm"]
    assert (seen["state"], seen["ready"], seen["desired"]) == ("NotReady", 1, 2), seen
    release.kubectl("get", "--raw", f"{switch}?value=true")
    wait_until(lambda: len({ask(release) for _ in range(5)}) == 2, 30, "both replicas are chosen again")
    # A probe that failed within the last minute still counts.
    assert release.states()["llm"]["cause"]["code"] == "Unsteady"
