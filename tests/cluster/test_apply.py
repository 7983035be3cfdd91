"""`helm template | kubectl apply`, client-side and server-side: installs and upgrades keep their order without Helm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .release import HELM3, HELM4, Release, build_documents, pipeline, service
from .test_upgrade_order import uids

WAYS = {"apply": (HELM3, ()), "server-side": (HELM4, ("--server-side",))}


def services(level: str) -> list[dict[str, Any]]:
    """A chain of three, of which an upgrade changes the first and the last."""
    return [
        service("first", ready_after=4, env={"LEVEL": level}),
        service("second", "first", ready_after=2),
        service("third", "first", "second", ready_after=1, env={"LEVEL": level}),
    ]


def apply(release: Release, flags: tuple[str, ...]) -> None:
    """Render without a cluster, as a pipeline of a CI does, apply, and wait until all is ready and what was is gone."""
    words = ["template", release.name, str(release.chart), "--namespace", release.namespace, "--no-hooks"]
    manifest = release.cluster.run(str(release.helm_path), *words)
    release.kubectl("apply", *flags, "-f", "-", stdin=manifest)
    for name in ("first", "second", "third"):
        release.kubectl("rollout", "status", f"deployment/{name}", "--timeout=110s")
    release.wait_until_ready(110)


@pytest.mark.parametrize("way", WAYS)
def test_order_is_kept(new_release: Callable[..., Release], tmp_path: Path, way: str) -> None:
    helm, flags = WAYS[way]
    release = new_release(*services("1"), helm_path=helm)
    apply(release, flags)
    assert release.order_violations() == []
    before = uids(release)
    release.chart = build_documents(tmp_path, pipeline(*services("2")))
    apply(release, flags)
    after = uids(release)
    assert {name for name in before if before[name] != after[name]} == {"first", "third"}
    assert release.order_violations({"first", "third"}) == []


PRUNE = (
    "--prune",
    *(f"--prune-allowlist=core/v1/{kind}" for kind in ("Service", "ServiceAccount", "ConfigMap")),
    "--prune-allowlist=apps/v1/Deployment",
    "--prune-allowlist=autoscaling/v2/HorizontalPodAutoscaler",
)
KINDS = "deployments,services,serviceaccounts,hpa,configmaps,pvc"
CLAIM = {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteOnce", "storageClass": "bench-hostpath"}}
METRIC = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}
SCALE = {"hpa": {"minReplicas": 1, "maxReplicas": 2, "metrics": [{"type": "Resource", "resource": METRIC}]}}


@pytest.mark.parametrize("way", WAYS)
def test_a_service_that_goes_leaves_its_claim(new_release: Callable[..., Release], tmp_path: Path, way: str) -> None:
    """With the commands of docs/gitops.md."""
    helm, flags = WAYS[way]
    scaled = {"scale": {"enabled": True, **SCALE}, "resources": {"requests": {"cpu": "10m"}}}
    release = new_release(service("stays"), service("goes", "stays", storage=CLAIM, **scaled), helm_path=helm)
    label = f"app.kubernetes.io/instance={release.name}"

    def manifest(chart: Path) -> str:
        words = ["template", release.name, str(chart), "--namespace", release.namespace, "--no-hooks"]
        return release.cluster.run(str(release.helm_path), *words)

    release.kubectl("apply", *flags, "-f", "-", stdin=manifest(release.chart))
    release.wait_until_ready(110)
    less = manifest(build_documents(tmp_path, pipeline(service("stays"))))
    if flags:
        release.kubectl("apply", *flags, "-f", "-", stdin=less)
        release.kubectl("delete", "deployment,service,serviceaccount,hpa", "-l", "app.kubernetes.io/name=goes")
    else:
        release.kubectl("apply", "-f", "-", "-l", label, *PRUNE, stdin=less)
    left = [
        f"{each['kind']}/{each['metadata']['name']}"
        for each in release.get(KINDS, "-l", label)["items"]
        if "deletionTimestamp" not in each["metadata"] and "goes" in each["metadata"]["name"]
    ]
    assert left == ["PersistentVolumeClaim/goes-pvc"]
    release.wait_until_ready()
    assert set(release.states()) == {"stays"}
