"""NetworkPolicies where something enforces them: those of the chart let all through that it needs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, put_up, service

pytestmark = pytest.mark.heavy

HELMS = {"helm3": HELM3, "helm4": HELM4}
POLICIES = "--set=global.nimhelm.networkPolicy.enabled=true"


@pytest.fixture(scope="module", autouse=True)
def firewall(cluster: Cluster) -> None:
    """Something enforces NetworkPolicies."""
    cluster.need("netpol")


def ask(release: Release, name: str, **labels: str) -> str:
    """How a pod of the namespace with these labels ends that connects to llm."""
    # The static busybox of the bench cannot look up names, and its wget needs to.
    address = release.get("service", "llm")["spec"]["clusterIP"]
    command = ["nc", "-w", "5", address, "8000"]
    container = {"name": "ask", "image": "docker.io/library/busybox:1.37", "command": command}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}}
    release.cluster.apply(
        {**pod, "spec": {"restartPolicy": "Never", "containers": [container]}}, namespace=release.namespace
    )
    ended = ("Succeeded", "Failed")

    def phase() -> str:
        found = str(release.get("pod", name)["status"]["phase"])
        return found if found in ended else ""

    return wait_until(phase, what=f"the end of {name}")


@pytest.mark.parametrize("helm", HELMS)
def test_a_pipeline_behind_its_policies(short_release: Callable[..., Release], helm: str) -> None:
    services = service("embedding"), service("llm", "embedding"), service("guard", "llm", "embedding")
    release = short_release(*services, helm_path=HELMS[helm])
    assert "NetworkPolicy" not in release.preflight(POLICIES)
    put_up(release, POLICIES)
    assert release.order_violations() == []
    release.helm("test", release.name)
    assert ask(release, "stranger") == "Failed"
    release.upgrade("--set=global.nimhelm.networkPolicy.enabled=false")
    tries = count()
    wait_until(lambda: ask(release, f"friend-{next(tries)}") == "Succeeded", 120, "an answer without policies")


CLOSED: dict[str, dict[str, Any]] = {
    "nothing out": {"podSelector": {}, "policyTypes": ["Egress"]},
    "no names": {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": {}}]}],
    },
    "nothing in": {"podSelector": {"matchLabels": {"app": "embedding"}}, "policyTypes": ["Ingress"]},
}
OPEN: dict[str, dict[str, Any]] = {
    "names and services": {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"protocol": "UDP", "port": 53}]}, {"to": [{"podSelector": {}}]}],
    },
}


@pytest.mark.parametrize("rules", [*CLOSED, *OPEN])
def test_policies_of_the_namespace(short_release: Callable[..., Release], rules: str) -> None:
    """Preflight says of a policy that it closes a gate, exactly where it does."""
    release = short_release(service("embedding"), service("llm", "embedding"))
    spec = {**CLOSED, **OPEN}[rules]
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "team"}, "spec": spec}
    release.cluster.apply(policy, namespace=release.namespace)
    assert ("llm" in release.preflight().get("NetworkPolicy", ())) is (rules in CLOSED)
    if rules in OPEN:
        put_up(release)
        return
    release.install("--set=llm.wait.timeoutSeconds=12", wait=False)
    release.wait_for_cause("llm", "GateTimeout", timeout=90)
