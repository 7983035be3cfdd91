"""What `validate` accepts, both helms render and the API server takes: mutated pipelines, sent with --dry-run=server."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.server import Server, complaints, refused

from .connection import Cluster

SEED = 11
ACCEPTED = 60
"""A chart takes about a second; `python -m tests.fuzz.server --accepted 500` is for longer runs with other seeds."""


def test_no_accepted_mutant_is_refused(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    outcomes = list(refused(server, SEED, ACCEPTED, tmp_path))
    assert len(outcomes) == ACCEPTED
    assert [f"input {each.number}: {each.reason}" for each in outcomes if each] == []


def test_what_the_server_refuses_is_seen(cluster: Cluster, namespace: str) -> None:
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"port": 0}]}}
    assert "spec.ports[0].port" in " ".join(complaints(server, [service]))
