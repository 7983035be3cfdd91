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
