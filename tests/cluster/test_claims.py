"""Claims when their service goes and comes back: what diff says is what happens, and the data is found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .connection import CommandError, wait_until
from .release import HELM3, HELM4, Release, build_documents, pipeline, put_up, service

CLAIM = {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteOnce"}}
FIRST = service("first")
SECOND = service("second", "first", storage=CLAIM, image="nvcr.io/nim/test/second-shell:1.0")
NAME = "second-pvc"
MODEL = "/model-store/model"


def plan(release: Release, chart: Path, *options: str) -> dict[str, Any]:
    command = ("diff", "--release", release.name, str(chart), "-n", release.namespace, "-o", "json", *options)
    result = release.run_nimhelm(*command, HELM=str(release.helm_path))
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def of_claims(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Code, advice and text of each effect on the claim."""
    about = f"PersistentVolumeClaim/{NAME}"
    return [(each["code"], each.get("first", ""), each["text"]) for each in found["effects"] if each["object"] == about]


def claims(release: Release) -> list[str]:
    """The uids of claims that are not on their way out."""
    return [
        each["metadata"]["uid"] for each in release.get("pvc")["items"] if "deletionTimestamp" not in each["metadata"]
    ]


def shell(release: Release, *words: str) -> str:
    (pod,) = release.pods("second")
    return release.kubectl("exec", pod["metadata"]["name"], "-c", "second-ctr", "--", *words)


def upgrade(release: Release, chart: Path) -> None:
    release.chart = chart
    release.upgrade("--reset-then-reuse-values")


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_a_service_that_goes_and_comes_back_finds_its_claim(
    helm: Path, new_release: Callable[..., Release], tmp_path: Path
) -> None:
    release = new_release(FIRST, SECOND)
    release.helm_path = helm
    whole = release.chart
    (tmp_path / "less").mkdir()
    less = build_documents(tmp_path / "less", pipeline(FIRST))
    put_up(release)
    kept = claims(release)
    assert len(kept) == 1
    shell(release, "sh", "-c", f"echo weights > {MODEL}")

    ((code, advice, told),) = of_claims(plan(release, less))
    assert code == "keepData"
    assert advice == f"to delete it for good: kubectl delete pvc -n {release.namespace} {NAME}"
    upgrade(release, less)
    wait_until(lambda: not release.pods("second"), what="no pod of the service")
    assert claims(release) == kept

    ((code, *_),) = of_claims(plan(release, whole))
    assert code == "create"
    upgrade(release, whole)
    assert (claims(release), shell(release, "cat", MODEL)) == (kept, "weights\n")

    release.helm("rollback", release.name, "2", "--wait", "--timeout=120s")
    wait_until(lambda: not release.pods("second"), what="no pod of the service")
    assert claims(release) == kept
    if helm == HELM3:  # it finds a claim that the current revision does not have, and stops
        assert "helm upgrade to the old chart" in told
        with pytest.raises(CommandError, match=f'no PersistentVolumeClaim with the name "{NAME}"'):
            release.helm("rollback", release.name, "3", "--wait", "--timeout=120s")
        upgrade(release, whole)
    else:
        release.helm("rollback", release.name, "3", "--wait", "--timeout=120s")
    assert (claims(release), shell(release, "cat", MODEL)) == (kept, "weights\n")

    upgrade(release, less)
    release.cluster.run("sh", "-c", advice.partition(": ")[2])
    assert claims(release) == []


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_without_keep_claims_the_claim_goes_and_diff_says_so(
    helm: Path, new_release: Callable[..., Release], tmp_path: Path
) -> None:
    release = new_release(FIRST, SECOND)
    release.helm_path = helm
    less = build_documents(tmp_path, pipeline(FIRST))
    put_up(release, "--set", "global.nimhelm.keepClaims=false")
    ((code, *_),) = of_claims(plan(release, less))
    assert code == "deleteData"
    upgrade(release, less)
    wait_until(lambda: not claims(release), what="no claim")


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_a_volume_that_was_made_by_hand(helm: Path, new_release: Callable[..., Release]) -> None:
    """The cluster has a default class, which a claim of such a volume must not get."""
    release = new_release(FIRST, SECOND)
    release.helm_path = helm
    volume = f"by-hand-{release.namespace}"
    size = {"storage": "1Gi"}
    path = {"path": f"/var/tmp/{volume}", "type": "DirectoryOrCreate"}
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": size,
        "hostPath": path,
        "persistentVolumeReclaimPolicy": "Retain",
    }
    release.cluster.apply(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}, "spec": spec},
        namespace=release.namespace,
    )
    try:
        options = ("--set", f"second.storage.pvc.volumeName={volume}")
        without = ("--set", "second.storage.pvc.storageClass=-")
        found = release.run_nimhelm("preflight", str(release.chart), "-n", release.namespace, *options, HELM=str(helm))
        assert f"no free volume {volume} of the storage class" in found.stdout
        put_up(release, *options, *without)
        (claim,) = release.get("pvc")["items"]
        assert (claim["spec"]["storageClassName"], claim["spec"]["volumeName"]) == ("", volume)
        release.upgrade(*options, *without)
        with pytest.raises(CommandError, match="cannot change its storageClassName from - to null: set second"):
            release.upgrade(*options)
    finally:
        release.cluster.kubectl("delete", "pv", volume, "--wait=false")
