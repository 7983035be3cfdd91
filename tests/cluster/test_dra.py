"""Device claims with a real driver, whose four GPUs of 80Gi are not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import Release, put_up, service

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


def test_each_replica_gets_a_claim_of_its_own(cluster: Cluster, short_release: Callable[..., Release]) -> None:
    release = short_release(service("llm", draResources=created(device()), replicas=2))
    put_up(release)
    claims = release.get("resourceclaims")["items"]
    found = [claim["status"]["allocation"]["devices"]["results"][0]["device"] for claim in claims]
    assert len(found) == len(set(found)) == 2
    reserved = {user["name"] for claim in claims for user in claim["status"]["reservedFor"]}
    assert reserved == {pod["metadata"]["name"] for pod in release.pods()}
    (llm,) = [line for line in release.status().stdout.splitlines() if line.startswith("llm")]
    assert "2/2" in llm


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
    release.cluster.apply(claim, namespace=release.namespace)
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
    """A release of services none of which can get what it claims."""
    release = new_release(*(service(name, draResources=resources) for name, resources in UNALLOCATABLE.items()))
    release.install(wait=False)
    return release


@pytest.mark.parametrize("name", UNALLOCATABLE)
def test_a_claim_that_cannot_be_had_is_named(name: str, hopeless: Release) -> None:
    cause = hopeless.wait_for_cause(name, "DeviceClaim", timeout=30)["cause"]
    assert MISSING.get(name, "") in cause["text"]
