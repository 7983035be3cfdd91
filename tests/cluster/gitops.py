"""A chart out of a Git repository, synchronised by Argo CD's documented rules, without Argo CD.

Argo CD renders with ``helm template`` and what the cluster serves, runs hooks of an install before or after the rest,
leaves out hooks of ``helm test``, applies wave after wave, and waits for a wave to be healthy before the next.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from .connection import wait_until
from .release import Release

HOOK = "helm.sh/hook"
WAVE = "argocd.argoproj.io/sync-wave"
PHASES = {"pre-install": "PreSync", "pre-upgrade": "PreSync", "post-install": "PostSync", "post-upgrade": "PostSync"}


@dataclass
class Repository:
    """A bare Git repository, and a clone in which commits are made."""

    folder: Path

    def git(self, *arguments: str) -> None:
        """Run git in the clone."""
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=self.folder / "clone", check=True, capture_output=True)

    @classmethod
    def create(cls, folder: Path) -> Repository:
        """An empty one."""
        subprocess.run(["git", "init", "--bare", "-b", "main", str(folder / "bare")], check=True, capture_output=True)
        subprocess.run(["git", "clone", str(folder / "bare"), str(folder / "clone")], check=True, capture_output=True)
        return cls(folder)

    def commit(self, chart: Path) -> None:
        """Commit and push the chart as it is now."""
        target = self.folder / "clone" / chart.name
        subprocess.run(["rm", "-rf", str(target)], check=True)
        subprocess.run(["cp", "-r", str(chart), str(target)], check=True)
        self.git("add", "-A")
        self.git("commit", "-m", "chart")
        self.git("push", "origin", "HEAD:main")

    def checkout(self, folder: Path) -> Path:
        """A new clone of main."""
        command = ["git", "clone", "--depth=1", f"file://{self.folder / 'bare'}", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return folder


def rendered(release: Release, chart: Path) -> list[dict[str, Any]]:
    """What Argo CD gets of the chart: no Helm reads the cluster here, it is only told what that serves."""
    served = release.kubectl("api-versions").split()
    kinds = [f"--api-versions={each}" for each in served]
    version = json.loads(release.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    text = release.helm("template", release.name, str(chart), "--include-crds", f"--kube-version={version}", *kinds)
    return [each for each in yaml.safe_load_all(text) if each]


def phase(item: dict[str, Any]) -> str:
    """When Argo CD applies an object; empty for a hook that it does not know."""
    hooks = item["metadata"].get("annotations", {}).get(HOOK)
    if hooks is None:
        return "Sync"
    return next((PHASES[each] for each in hooks.split(",") if each in PHASES), "")


def sync(release: Release, items: Iterable[dict[str, Any]], timeout: float = 150) -> None:
    """Apply phase after phase and wave after wave, each when the one before is healthy."""
    known = list(items)
    for name in ("PreSync", "Sync", "PostSync"):
        members = sorted((each for each in known if phase(each) == name), key=wave)
        for _, group in groupby(members, key=wave):
            _apply(release, list(group), is_hook=name != "Sync")
            wait_until(lambda: not unhealthy(release), timeout, f"{name} is healthy, not {unhealthy(release)}", 1)


def wave(item: dict[str, Any]) -> int:
    """The wave of an object."""
    return int(item["metadata"].get("annotations", {}).get(WAVE, 0))


def _apply(release: Release, items: list[dict[str, Any]], *, is_hook: bool) -> None:
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    if is_hook:
        release.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=document)
    release.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=document)


def unhealthy(release: Release) -> list[str]:
    """What is not healthy by Argo CD's rules: Deployments that roll out, claims that are unbound, hooks that run."""
    found = []
    for each in release.get("deployments,persistentvolumeclaims,pods")["items"]:
        kind, status = each["kind"], each["status"]
        name = f"{kind}/{each['metadata']['name']}"
        if kind == "Deployment":
            conditions = {item["type"]: item.get("reason") for item in status.get("conditions", [])}
            assert conditions.get("Progressing") != "ProgressDeadlineExceeded", f"{name} is Degraded"
            wanted, current = each["spec"]["replicas"], status.get("observedGeneration", 0)
            counts = {status.get(key, 0) for key in ("updatedReplicas", "availableReplicas", "replicas")}
            if current < each["metadata"]["generation"] or counts != {wanted}:
                found.append(name)
        elif kind == "PersistentVolumeClaim" and status["phase"] != "Bound":
            found.append(name)
        elif kind == "Pod" and HOOK in each["metadata"].get("annotations", {}):
            assert status["phase"] != "Failed", f"{name} is Degraded"
            if status["phase"] != "Succeeded":
                found.append(name)
    return found
