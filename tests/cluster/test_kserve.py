"""Services that KServe runs, with the real controller in its standard mode, and Helm, which does not know its kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, moment, service

pytestmark = pytest.mark.heavy
SERVED = "serving.kserve.io/inferenceservice"


@pytest.fixture(scope="module", autouse=True)
def kserve(cluster: Cluster) -> None:
    """The controller runs."""
    cluster.need("kserve")


def served(name: str, *after: str, **spec: Any) -> dict[str, Any]:
    """A service that KServe runs."""
    return service(name, *after, inferencePlatform="kserve", **spec)


@pytest.fixture(scope="module", params=[HELM3, HELM4], ids=["helm3", "helm4"])
def release(request: pytest.FixtureRequest, new_release: Callable[..., Release]) -> Release:
    """Two services of KServe and a Deployment between them, in a row."""
    services = (served("embed", ready_after=3), service("llm", "embed"), served("front", "llm"))
    made = new_release(*services, helm_path=request.param)
    assert made.preflight() == {}
    # Helm itself takes an InferenceService for done as soon as it exists; the chart's own check does not.
    made.install()
    assert made.status().returncode == 0, made.status().stdout
    return made


def pods_of(release: Release, name: str) -> list[Any]:
    """The pods of an InferenceService, without those on their way out."""
    found = release.get("pods", "-l", f"{SERVED}={name}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def uids(release: Release) -> dict[str, set[str]]:
    """The pods of each service."""
    found: dict[str, set[str]] = {
        name: {pod["metadata"]["uid"] for pod in pods_of(release, name)} for name in ("embed", "front")
    }
    return found | {"llm": {pod["metadata"]["uid"] for pod in release.pods("llm")}}


def span(pod: Any) -> tuple[Any, Any]:
    """When the main container of a pod started, and when the pod became ready."""
    (ready,) = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    assert ready["status"] == "True"
    (main,) = pod["status"]["containerStatuses"]
    return moment(main["state"]["running"]["startedAt"]), moment(ready["lastTransitionTime"])


def test_inference_services_are_ready_in_order(release: Release) -> None:
    for each in release.get("inferenceservices")["items"]:
        conditions = {one["type"]: one["status"] for one in each["status"]["conditions"]}
        assert conditions["Ready"] == "True", conditions
    (embed,), (llm,), (front,) = pods_of(release, "embed"), release.pods("llm"), pods_of(release, "front")
    assert span(llm)[0] >= span(embed)[1]
    assert span(front)[0] >= span(llm)[1]
    assert {name: each["state"] for name, each in release.states().items()} == dict.fromkeys(
        ("embed", "llm", "front"), "Ready"
    )


def test_the_timeline_has_them_in_order(release: Release) -> None:
    tracks = release.timeline()
    assert tracks["embed"]["ready"] <= tracks["llm"]["ready"] <= tracks["front"]["ready"]
    assert "gate" in {segment["kind"] for segment in tracks["front"]["segments"]}


def test_helm_test_asks_the_predictors(release: Release) -> None:
    release.helm("test", release.name)


def test_an_upgrade_without_changes_restarts_nobody(release: Release) -> None:
    before = uids(release)
    release.upgrade()
    assert uids(release) == before


def test_an_upgrade_reaches_the_service_that_changed(release: Release) -> None:
    before = uids(release)
    release.upgrade("--set-json", 'front.env=[{"name":"STANDIN_READY_AFTER","value":"2"}]')
    wait_until(lambda: len(pods_of(release, "front")) == 1, 60, "one pod of front is left")
    release.wait_until_ready(90)
    after = uids(release)
    assert (after["embed"], after["llm"]) == (before["embed"], before["llm"])
    assert not after["front"] & before["front"]


def test_status_says_what_a_service_of_kserve_waits_for(short_release: Callable[..., Release]) -> None:
    release = short_release(served("embed", ready_after="never"), service("llm", "embed"))
    release.install("--no-hooks", wait=False)
    wait_until(lambda: pods_of(release, "embed"), 60, "KServe makes a pod")
    states = release.states()
    assert states["embed"]["state"] == "NotReady"

    def said() -> str:
        return str(release.states()["llm"].get("cause", {}).get("text", ""))

    wait_until(lambda: "for embed" in said(), 60, "llm waits for embed")


BROKEN = {
    "crash": (
        served("llm", env={"STANDIN_CRASH_AFTER": "1", "STANDIN_CRASH_LOG": "CUDA error: out of memory", "STANDIN_EXIT_CODE": "1"}),
        "CUDA error: out of memory",
    ),
    "image missing": (served("llm", image="nvcr.io/nim/meta/llama:missing"), "not found"),
    "no GPU left": (served("llm", resources={"limits": {"nvidia.com/gpu": 1000}}), "nvidia.com/gpu"),
    "secret missing": (served("llm", authSecret="absent"), "absent"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_status_names_the_cause_of_a_predictor(short_release: Callable[..., Release], name: str) -> None:
    broken, text = BROKEN[name]
    release = short_release(broken, service("front", "llm"))
    release.install("--no-hooks", "--set", "global.nimhelm.requireKeys=true", wait=False)

    def named() -> Any:
        llm = release.states()["llm"]
        return llm["state"] in ("Failed", "Pending") and text in llm["cause"]["text"] and llm["next"]

    wait_until(named, 60, f"status names {text}")
    wait_until(lambda: "for llm" in release.states()["front"]["cause"]["text"], 60, "front waits for llm")
