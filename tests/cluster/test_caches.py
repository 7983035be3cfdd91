"""Model caches: a job fills the claim once, and the services wait for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from .connection import wait_until
from .release import Release, moment, service

DOWNLOAD_SECONDS = 5
CLAIM = "model-pvc"


def cache(**env: str) -> dict[str, Any]:
    """A NIMCache whose download takes a while."""
    variables = {"STANDIN_DOWNLOAD_SECONDS": str(DOWNLOAD_SECONDS)} | env
    ngc = {"modelPuller": "nvcr.io/nim/llm-shell:1.0", "pullSecret": "ngc-secret", "authSecret": "ngc-api-key"}
    spec = {
        "source": {"ngc": ngc},
        "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return {"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMCache", "metadata": {"name": "model"}, "spec": spec}


def cached_service() -> dict[str, Any]:
    return service("llm", storage={"nimCache": {"name": "model"}})


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A service with a cache, and one after it."""
    made = new_release(cached_service(), service("after", "llm"), cache())
    made.install("--set", "global.nimhelm.keepClaims=true", wait=False)
    return made


def downloads(release: Release) -> list[tuple[str, datetime]]:
    """What the caching job says it did, and when."""
    log = release.kubectl("logs", "-l", "nimhelm.dev/cache=model", "--tail=-1")
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [(event["event"], moment(event["time"])) for event in events]


def test_services_wait_while_the_cache_is_filled(release: Release) -> None:
    found = release.wait_for_cause("llm", "CacheFilling")
    assert "model cache model" in found["cause"]["text"]
    release.wait_until_ready()
    finished = dict(downloads(release))["download finished"]
    assert finished <= min(release.log_times()["llm"]["started"])
    assert release.order_violations() == []


def test_service_finds_the_model(release: Release) -> None:
    """What the job wrote is in the claim that the service has."""
    release.wait_until_ready()
    (pod,) = release.pods("llm")
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    volumes = {each["name"]: each.get("persistentVolumeClaim", {}).get("claimName") for each in pod["spec"]["volumes"]}
    assert CLAIM in [volumes[mount["name"]] for mount in mounts]
    assert "standin-model" in look_into_claim(release)


def look_into_claim(release: Release) -> str:
    """The names of the files in the claim."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "look"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "look",
                    "image": "docker.io/library/busybox:1.37",
                    "command": ["ls", "-A", "/model"],
                    "volumeMounts": [{"name": "model", "mountPath": "/model"}],
                }
            ],
            "volumes": [{"name": "model", "persistentVolumeClaim": {"claimName": CLAIM}}],
        },
    }
    release.cluster.apply(pod, namespace=release.namespace)
    release.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/look", "--timeout=30s")
    return release.kubectl("logs", "look")


def test_reinstall_does_not_download_again(release: Release) -> None:
    release.wait_until_ready()
    release.helm("uninstall", release.name, "--wait")
    wait_until(lambda: not release.get("jobs")["items"], what="no job")
    assert release.get("pvc", CLAIM)["status"]["phase"] == "Bound"
    release.install("--set", "global.nimhelm.keepClaims=true")
    assert downloads(release) == []


def test_failed_download_is_the_root_cause(new_release: Callable[..., Release]) -> None:
    made = new_release(cached_service(), cache(STANDIN_DOWNLOAD_FAIL="401 Unauthorized: api.ngc.nvidia.com"))
    made.install(wait=False)
    found = made.wait_for_cause("llm", "CacheJobRetrying", "CacheJobFailed", timeout=90)
    assert found["root"] is True
    assert "401" in found["cause"]["text"]
    assert found["next"]
