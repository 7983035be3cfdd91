"""A release of 200 services installs, and Helm's record of it fits into a Secret."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from .release import HELM3, HELM4, Release, in_parallel, service

SERVICES = 200
HELMS = {"helm3": HELM3, "helm4": HELM4}
# What the API server takes in one Secret.
LARGEST_RECORD = 1 << 20
NOWHERE = {"nimhelm.test/nowhere": "true"}


def many_services(count: int) -> list[dict[str, Any]]:
    """Services with storage, GPU and up to three dependencies each, for a node that there is not."""
    return [
        service(
            f"service-{number}",
            *(f"service-{number - distance}" for distance in (1, 7, 50) if number >= distance),
            nodeSelector=NOWHERE,
            storage={"pvc": {"create": True, "size": "10Gi", "storageClass": "bench-none"}},
            resources={"limits": {"nvidia.com/gpu": 1, "memory": "16Gi"}},
        )
        for number in range(count)
    ]


def record_size(release: Release) -> int:
    """The bytes of Helm's record, as the API server counts them."""
    secret = release.get("secret", f"sh.helm.release.v1.{release.name}.v1")
    return len(base64.b64decode(secret["data"]["release"]))


@pytest.fixture(scope="module")
def releases(new_release: Callable[..., Release]) -> dict[str, Release]:
    """The same large release with each helm, installed at the same time."""
    made = {helm: new_release(*many_services(SERVICES), helm_path=path) for helm, path in HELMS.items()}
    in_parallel(partial(release.install, wait=False) for release in made.values())
    return made


@pytest.mark.parametrize("helm", HELMS)
def test_200_services_install(releases: dict[str, Release], helm: str) -> None:
    release = releases[helm]
    deployments = release.get("deployments")["items"]
    assert len(deployments) == SERVICES
    size = record_size(release)
    print(f"{helm}: the record of {SERVICES} services has {size} bytes")
    assert size < LARGEST_RECORD
    states = release.states()
    assert len(states) == SERVICES
    assert {each["state"] for each in states.values()} == {"Pending"}
