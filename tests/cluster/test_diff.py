"""What `nimhelm diff` says an upgrade will do, against what the upgrade then does."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .release import HELM3, HELM4, Release, build_documents, in_parallel, pipeline, put_up, service

CLAIM = {"pvc": {"create": True, "size": "2Gi", "volumeAccessMode": "ReadWriteOnce"}}


def services() -> dict[str, dict[str, Any]]:
    """Three services, of which one has a claim and one waits for another."""
    return {
        "first": service("first"),
        "second": service("second", "first", storage=CLAIM),
        "third": service("third", env={"LEVEL": "1"}),
    }


def with_spec(name: str, **fields: Any) -> dict[str, dict[str, Any]]:
    changed = services()
    changed[name]["spec"] |= fields
    return changed


def without(*names: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in services().items() if name not in names}


UPGRADES = {
    "an image": (partial(with_spec, "first", image={"repository": "nvcr.io/nim/test/first", "tag": "2.0"}), {"first"}),
    "a variable": (partial(with_spec, "third", env=[{"name": "STANDIN_READY_AFTER", "value": "0"}]), {"third"}),
    "resources": (partial(with_spec, "third", resources={"limits": {"memory": "2Gi"}}), {"third"}),
    "replicas": (partial(with_spec, "third", replicas=2), set()),
    "labels of the Service": (partial(with_spec, "first", expose={"service": {"annotations": {"a": "1"}}}), None),
    "a service that goes": (partial(without, "third"), {"third"}),
}
"""What is changed, and which services have other pods afterwards (None: whatever the plan says, and only that)."""


@pytest.fixture(scope="module")
def installed(new_release: Callable[..., Release]) -> dict[str, Release]:
    """The same release for each change, so that no upgrade hides what the next one does."""
    made = {name: new_release(*services().values()) for name in UPGRADES}
    for number, release in enumerate(made.values()):
        release.helm_path = HELM3 if number % 2 else HELM4
    in_parallel(partial(put_up, release) for release in made.values())
    return made


def plan(release: Release, chart: Path) -> Any:
    done = release.run_nimhelm(
        "diff",
        "--release",
        release.name,
        "-n",
        release.namespace,
        str(chart),
        "-o",
        "json",
        HELM=str(release.helm_path),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def uids(release: Release) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pod in release.pods():
        found.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(pod["metadata"]["uid"])
    return found


@pytest.mark.parametrize("what", UPGRADES)
def test_the_pods_that_restart_are_those_that_were_named(
    what: str, installed: dict[str, Release], tmp_path: Path
) -> None:
    release = installed[what]
    make, expected = UPGRADES[what]
    before = uids(release)
    chart = build_documents(tmp_path, pipeline(*make().values()))
    said = plan(release, chart)
    named = {each["service"] for each in said["effects"] if each["code"] == "restart"}
    alone = {one["service"] for each in said["changes"] for one in each["effects"] if one["code"] == "restart"}
    assert alone == named
    release.chart = chart
    release.upgrade()
    after = uids(release)
    replaced = {name for name in before if not before[name] <= after.get(name, set())}
    assert replaced == named | set(said["removed"])
    if expected is not None:
        assert replaced == expected
    assert plan(release, chart)["changed"] is False


def test_what_kubernetes_refuses_is_said_before(new_release: Callable[..., Release], tmp_path: Path) -> None:
    """A claim that shrinks: the plan names it, the upgrade fails with it."""
    release = new_release(*services().values())
    put_up(release)
    smaller = with_spec("second", storage={"pvc": CLAIM["pvc"] | {"size": "1Gi"}})
    chart = build_documents(tmp_path, pipeline(*smaller.values()))
    (refused,) = [each for each in plan(release, chart)["effects"] if each["code"] == "refused"]
    assert refused["object"] == "PersistentVolumeClaim/second-pvc"
    release.chart = chart
    with pytest.raises(AssertionError, match="the claim second-pvc has 2Gi and cannot shrink to 1Gi"):
        release.upgrade()


def test_a_claim_goes_with_its_data_unless_the_way_out_is_taken(
    new_release: Callable[..., Release], tmp_path: Path
) -> None:
    release = new_release(*services().values(), service("fourth", storage=CLAIM))
    put_up(release, "--set", "global.nimhelm.keepClaims=false")
    chart = build_documents(tmp_path, pipeline(services()["first"]))
    lost = {each["object"]: each for each in plan(release, chart)["effects"] if each["code"] == "deleteData"}
    assert set(lost) == {"PersistentVolumeClaim/second-pvc", "PersistentVolumeClaim/fourth-pvc"}
    step = lost["PersistentVolumeClaim/fourth-pvc"]["first"].removeprefix("to keep it: ")
    assert step.startswith("kubectl annotate pvc fourth-pvc ")
    release.cluster.run("sh", "-c", step)
    release.chart = chart
    release.upgrade()
    left = {
        each["metadata"]["name"] for each in release.get("pvc")["items"] if "deletionTimestamp" not in each["metadata"]
    }
    assert left == {"fourth-pvc"}
