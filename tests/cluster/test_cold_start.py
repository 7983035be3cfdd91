"""Settings against a slow start: pods come up with them."""

from __future__ import annotations

from collections.abc import Callable

from .connection import wait_until
from .release import Release, put_up, service

CLAIM = {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteOnce"}}


def test_kernel_caches_lie_on_the_claim(new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm", storage=CLAIM))
    put_up(release, "--set", "llm.storage.compileCache=true")
    (pod,) = release.pods("llm")
    (container,) = pod["spec"]["containers"]
    mounts = [each["mountPath"] for each in container["volumeMounts"]]
    values = {each["value"] for each in container["env"] if "value" in each}
    folders = {value for value in values if ".nimhelm-compiled" in value}
    assert folders
    assert all(any(folder.startswith(mount) for mount in mounts) for folder in folders), (folders, mounts)


def test_images_are_pulled_beforehand(new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm"))
    put_up(release, "--set", "global.nimhelm.prePull=true")

    def pulled() -> bool:
        (found,) = release.get("daemonsets")["items"]
        status = found["status"]
        return bool(status["desiredNumberScheduled"]) and status.get("numberReady") == status["desiredNumberScheduled"]

    wait_until(pulled, timeout=90, what="a pod of the DaemonSet on every node that fits")
