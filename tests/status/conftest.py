"""A cluster to read, with the real kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from apiserver import Cluster, service_object, serving, slice_object

from tests.status.casefile import read_case, snapshot_of

KUBECTL = Path(__file__).parents[2] / ".tools" / "helm4" / "kubectl"
CASES = Path(__file__).parent / "cases"


def cluster_of(case: str) -> Cluster:
    """A cluster with the objects of a case."""
    snapshot = snapshot_of(read_case(CASES / f"{case}.yaml"))
    graph = json.loads(snapshot.of("configmaps")[0]["data"]["pipeline.json"])
    names = [service["name"] for service in graph["services"]]
    made = {
        "services": [service_object(name) for name in names],
        "endpointslices": [slice_object(name) for name in names],
    }
    return Cluster({**snapshot.lists, **made, "namespaces": [{"metadata": {"name": "nim-service"}}]})


@pytest.fixture
def real_kubectl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The real kubectl as the one that is run, with a home of its own (it caches discovery there)."""
    if not KUBECTL.exists():
        pytest.fail("no kubectl under .tools: python tools/get_helm.py")
    monkeypatch.setenv("KUBECTL", str(KUBECTL))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return KUBECTL


@pytest.fixture
def cluster(real_kubectl: Path) -> Iterator[Cluster]:
    """The example pipeline with an image that cannot be pulled, served on loopback."""
    with serving(cluster_of("image_pull_401")) as served:
        yield served
