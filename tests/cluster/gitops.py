"""A chart out of a Git repository, rendered as Argo CD does and synchronised by gitops-engine, the part of it that does so.

Argo CD renders with ``helm template`` and what the cluster serves. Its engine runs hooks of an install before or after the
rest, leaves out hooks of ``helm test``, applies wave after wave, and waits for a wave to be healthy before the next.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .bench import controllers
from .release import Release


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


def rendered(release: Release, chart: Path, *options: str) -> list[dict[str, Any]]:
    """What Argo CD gets of the chart: no Helm reads the cluster here, it is only told what that serves."""
    served = release.kubectl("api-versions").split()
    kinds = [f"--api-versions={each}" for each in served]
    version = json.loads(release.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    words = (*kinds, "--include-crds", f"--kube-version={version}", *options)
    text = release.helm("template", release.name, str(chart), *words)
    return [each for each in yaml.safe_load_all(text) if each]


def sync(release: Release, items: Iterable[dict[str, Any]], timeout: float = 150) -> list[str]:
    """Have Argo CD's engine apply the objects and wait until they are healthy; what it did with each, a line for each."""
    engine = controllers.load("argo")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as manifests:
        yaml.safe_dump_all(items, manifests)
        manifests.flush()
        place = (f"--namespace={release.namespace}", f"--application={release.name}", f"--manifests={manifests.name}")
        limit = f"--timeout={timeout:g}s"
        return release.cluster.run(str(engine.program), *place, limit, timeout=timeout + 30).splitlines()
