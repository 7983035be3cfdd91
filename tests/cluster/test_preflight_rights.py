"""Preflight with few rights: a namespace admin, a reader, nobody; and the install that shows whether it was right."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .connection import Cluster
from .release import HELM4, build_documents, pipeline, service
from .test_preflight import NAME, made, preflight, watched


@pytest.fixture
def as_user(cluster: Cluster, namespace: str, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """The environment of a service account that is bound to a role of the namespace, "" for none."""

    def make(role: str) -> dict[str, str]:
        account = role or "nobody"
        cluster.apply(made("ServiceAccount", account), namespace=namespace)
        if role:
            subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
            binding = made(
                "RoleBinding", account, "rbac.authorization.k8s.io/v1", subjects=[subject], roleRef=reference
            )
            cluster.apply(binding, namespace=namespace)
        token = cluster.kubectl("create", "token", account, namespace=namespace).strip()
        config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
        path = tmp_path / f"{account}.kubeconfig"
        path.write_text(json.dumps(config))
        return {"KUBECONFIG": str(path)}

    return make


def test_a_namespace_admin(
    cluster: Cluster, namespace: str, as_user: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """Nothing stands in the way of an install, and what an admin may not read is said once."""
    environment = as_user("admin")
    chart = build_documents(tmp_path, pipeline(service("llm")))
    code, checks = preflight(cluster, chart, namespace, env=environment)
    assert (code, [check for check in checks if check["code"]]) == (0, [])
    skipped = [check["text"] for check in checks if check["level"] == "not checked"]
    assert sum("forbidden to list nodes" in text for text in skipped) == 1
    assert len(skipped) == len(set(skipped))
    assert "the API server accepts the objects and a pod of each workload in a dry run" in {
        check["text"] for check in checks
    }
    arguments = [str(HELM4), "install", NAME, str(chart), "-n", namespace]
    done = subprocess.run(arguments, env=cluster.env | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert watched(cluster, namespace, False, 1) == (True, "")


@pytest.mark.parametrize("role", ["view", ""])
def test_who_may_not_create(
    role: str, cluster: Cluster, namespace: str, as_user: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    environment = as_user(role)
    chart = build_documents(tmp_path, pipeline(service("llm")))
    code, checks = preflight(cluster, chart, namespace, env=environment)
    assert code == 1
    assert "RightsMissing" in [check["code"] for check in checks if check["level"] == "fails"]
    texts = [check["text"] for check in checks]
    assert len(texts) == len(set(texts))
    arguments = [str(HELM4), "install", NAME, str(chart), "-n", namespace]
    assert subprocess.run(arguments, env=cluster.env | environment, capture_output=True, check=False).returncode
