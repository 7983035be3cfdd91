"""Gates in pods whose TCP goes through the proxy of a mesh, which is not up yet, and wants all to come from a proxy.

The redirection is that of a mesh: rules in the network of the pod, past which the user of the proxy alone comes. The proxy
is `mesh_proxy.py`. What injects both changes the objects on their way to the API server, as a webhook of a mesh does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .connection import wait_until
from .release import HELM3, HELM4, Release, service

PROXY = Path(__file__).with_name("mesh_proxy.py")
RULES = """
GATEWAY=$(ip route | awk '/^default/ {print $3}')
nft "
table ip mesh {
  chain out { type nat hook output priority -100; meta skuid %d return; oifname lo return; ip protocol tcp redirect to :15001; }
  chain in { type nat hook prerouting priority -100; ip saddr $GATEWAY return; tcp dport 8000 redirect to :15006; }
}"
"""
"""The probes of the kubelet come from the gateway of the pod. A mesh rewrites them; here they pass."""


def container(name: str, script: str, **more: Any) -> dict[str, Any]:
    """A container that runs programs of the node in the network of the pod."""
    return {
        "name": name,
        "image": "nvcr.io/test/busybox:1.0",
        "command": ["chroot", "/host", "sh", "-c", script],
        "securityContext": {"privileged": True, "runAsUser": 0, "runAsNonRoot": False},
        "volumeMounts": [{"name": "host", "mountPath": "/host"}],
        **more,
    }


def inject(workload: dict[str, Any], user: int, native: bool) -> None:
    """Add the redirection, and the proxy before the gates or, if it is no native sidecar, beside the NIM."""
    pod = workload["spec"]["template"]["spec"]
    rules = container("mesh-rules", RULES % user)
    proxy = container("mesh-proxy", f"exec {sys.executable} {PROXY} {user}")
    pod["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    first = [rules, {**proxy, "restartPolicy": "Always"}] if native else [rules]
    pod["initContainers"] = [*first, *pod.get("initContainers", [])]
    if not native:
        pod["containers"].append(proxy)


def put_up(release: Release, user: int, native: bool, mesh: str) -> None:
    """Apply the chart with proxies in its pods."""
    words = ["template", release.name, str(release.chart), "--namespace", release.namespace, "--no-hooks"]
    text = release.cluster.run(str(release.helm_path), *words, f"--set=global.nimhelm.mesh={mesh}")
    objects = [each for each in yaml.safe_load_all(text) if each]
    for each in objects:
        if each["kind"] == "Deployment":
            inject(each, user, native)
    release.cluster.apply(*objects, namespace=release.namespace)


def says(release: Release, container: str, wanted: str) -> bool:
    """Whether a container of a service's pod says that."""
    pod, _, name = container.partition("/")
    return wanted in release.kubectl("logs", "-l", f"app={pod}", "-c", name, "--tail=-1", check=False)


@pytest.mark.parametrize(
    ("mesh", "user", "native"),
    [("istio", 1337, False), ("linkerd", 2102, False), ("", 1337, True)],
    ids=["istio", "linkerd", "native-sidecars"],
)
@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_the_order_is_kept(
    short_release: Callable[..., Release], helm: Path, mesh: str, user: int, native: bool
) -> None:
    release = short_release(service("embedding", ready_after=6), service("llm", "embedding"), helm_path=helm)
    put_up(release, user, native, mesh)
    release.wait_until_ready(90)
    assert release.order_violations() == []
    # A gate with the value comes to the proxy of its dependency as a stranger who asks for nothing.
    if mesh:
        wait_until(
            lambda: says(release, "embedding/mesh-proxy", "refused b''"), what="a connection without a certificate"
        )


def test_without_the_value_a_gate_meets_its_proxy(short_release: Callable[..., Release]) -> None:
    release = short_release(service("embedding"), service("llm", "embedding"))
    put_up(release, 1337, False, "")
    wait_until(lambda: says(release, "llm/wait-for-embedding", "Connection refused"), what="a gate without an answer")
    assert not says(release, "llm/wait-for-embedding", "\nready after")
