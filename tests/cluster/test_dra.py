"""Device claims with a real driver, whose four GPUs of 80Gi are not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, put_up, service
from .test_status import paste

DEVICES = 4


@pytest.fixture(scope="module", autouse=True)
def driver(cluster: Cluster) -> None:
    """The driver runs, and nobody has claims on its GPUs."""
    cluster.need("dra")
    wait_until(lambda: not taken(cluster), what="claims of others to be gone")


def taken(cluster: Cluster) -> list[str]:
    """The devices that claims have, in all namespaces."""
    claims = cluster.get("resourceclaims", "--all-namespaces")["items"]
    results = [each.get("status", {}).get("allocation", {}).get("devices", {}).get("results", []) for each in claims]
    return [result["device"] for found in results for result in found]


def device(count: int = 1, memory: str = "40Gi", **fields: Any) -> dict[str, Any]:
    """A request for A100s with so much memory."""
    product = {"key": "productName", "op": "Equal", "value": {"stringValue": "NVIDIA A100"}}
    capacity = {"key": "memory", "op": "GreaterThanOrEqual", "value": memory}
    selectors = {"attributeSelectors": [product], "capacitySelectors": [capacity]}
    return {"name": "gpu", "count": count, **selectors, **fields}


def created(*devices: dict[str, Any]) -> list[dict[str, Any]]:
    """draResources with one claim for each replica."""
    return [{"claimCreationSpec": {"devices": list(devices)}}]


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_each_replica_gets_a_claim_of_its_own(helm: Path, short_release: Callable[..., Release]) -> None:
    release = short_release(
        service("llm", draResources=created(device()), replicas=2), service("front", "llm"), helm_path=helm
    )
    assert release.preflight() == {}
    put_up(release)
    claims = release.get("resourceclaims")["items"]
    found = [claim["status"]["allocation"]["devices"]["results"][0]["device"] for claim in claims]
    assert len(found) == len(set(found)) == 2
    reserved = {user["name"] for claim in claims for user in claim["status"]["reservedFor"]}
    assert reserved == {pod["metadata"]["name"] for pod in release.pods("llm")}
    seen = release.states()["llm"]
    assert (seen["state"], seen["ready"], seen["gpus"]) == ("Ready", 2, {"gpu.nvidia.com": 2})
    (llm,) = [line for line in release.status().stdout.splitlines() if line.startswith("llm")]
    assert llm.split()[:4] == ["llm", "Ready", "2/2", "2"]
    tracks = release.timeline()
    assert tracks["llm"]["ready"] <= tracks["front"]["ready"]
    assert release.order_violations() == []
    less = json.dumps(created(device(memory="20Gi")))
    release.upgrade("--set-json", f"llm.draResources={less}")
    release.wait_until_ready()
    after = {claim["metadata"]["uid"] for claim in release.get("resourceclaims")["items"]}
    assert not after & {claim["metadata"]["uid"] for claim in claims}


def test_more_replicas_than_devices(short_release: Callable[..., Release]) -> None:
    """Each pod fits by itself; the last one waits."""
    release = short_release(service("llm", draResources=created(device()), replicas=DEVICES + 1))
    assert release.preflight() == {"DeviceClaim": ["llm"]}
    release.install(wait=False)
    wait_until(lambda: release.states()["llm"]["ready"] == DEVICES, what="all devices are in use")
    release.wait_for_cause("llm", "DeviceClaim")


def test_services_share_a_claim(short_release: Callable[..., Release]) -> None:
    shared = [{"resourceClaimName": "shared"}]
    release = short_release(service("first", draResources=shared), service("second", "first", draResources=shared))
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 1}}
    claim = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "shared"},
        "spec": {"devices": {"requests": [request]}},
    }
    assert release.preflight() == {"DeviceClaim": ["first", "second"]}
    release.cluster.apply(claim, namespace=release.namespace)
    assert release.preflight() == {}
    put_up(release)
    (found,) = release.get("resourceclaims")["items"]
    assert {user["name"] for user in found["status"]["reservedFor"]} == {
        pod["metadata"]["name"] for pod in release.pods()
    }


UNALLOCATABLE = {
    "too-large": created(device(memory="141Gi")),
    "too-many": created(device(count=DEVICES + 1)),
    "other-driver": created(device(driverName="gpu.example.com")),
    "no-class": created(device(deviceClassName="gpu.missing.com")),
    "no-claim": [{"resourceClaimName": "missing"}],
    "no-template": [{"resourceClaimTemplateName": "missing"}],
}

# What is missing is said by its name.
MISSING = {"no-class": "gpu.missing.com", "no-claim": "missing", "no-template": "missing"}


@pytest.fixture(scope="module")
def hopeless(cluster: Cluster, new_release: Callable[..., Release]) -> Release:
    """A release of services none of which can get what it claims; preflight says so before it is installed."""
    release = new_release(*(service(name, draResources=resources) for name, resources in UNALLOCATABLE.items()))
    assert sorted(release.preflight()["DeviceClaim"]) == sorted(UNALLOCATABLE)
    release.install(wait=False)
    return release


@pytest.mark.parametrize("name", UNALLOCATABLE)
def test_a_claim_that_cannot_be_had_is_named(name: str, hopeless: Release) -> None:
    cause = hopeless.wait_for_cause(name, "DeviceClaim", timeout=30)["cause"]
    assert MISSING.get(name, "") in cause["text"]


def test_a_claim_template_that_was_deleted_is_made_again_by_the_step(short_release: Callable[..., Release]) -> None:
    release = short_release(service("llm", draResources=created(device())))
    put_up(release)
    release.kubectl("delete", "resourceclaimtemplate", "--all")
    release.kubectl("delete", "pod", "-l", "app=llm", "--wait=false")
    paste(release, release.wait_for_cause("llm", "DeviceClaim")["next"], timeout=120)
    release.wait_until_ready()
