"""A chart in memory -> the objects that helm makes of it, with the user's own helm."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nimhelm.chart.build import Chart
from nimhelm.helm import objects_of, run_helm

Object = dict[str, Any]

API_VERSIONS = (
    "gateway.networking.k8s.io/v1",
    "inference.networking.k8s.io/v1",
    "leaderworkerset.x-k8s.io/v1",
    "monitoring.coreos.com/v1",
    "resource.k8s.io/v1",
    "resource.nvidia.com/v1beta1",
    "serving.kserve.io/v1beta1",
)
"""APIs that a rendering without a cluster takes for granted, so that no object is left out."""


def has_helm() -> bool:
    """Whether there is a helm to run."""
    return shutil.which(os.environ.get("HELM") or "helm") is not None


def render(chart: Chart, values: dict[str, Any], release: str = "", namespace: str = "") -> list[Object]:
    """The objects of a chart with exactly these values, hooks included. Raises HelmError with what helm says."""
    with unpacked(chart) as folder:
        return render_folder(folder, values, release or chart.name, namespace)


@contextmanager
def unpacked(chart: Chart) -> Iterator[Path]:
    """The chart as a folder without values of its own: those that are passed are all that count."""
    with TemporaryDirectory(prefix="nimhelm-") as place:
        folder = Path(place, "chart")
        for path, content in {**chart.files, "values.yaml": b"{}\n"}.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield folder


def render_folder(folder: Path, values: dict[str, Any], release: str, namespace: str = "") -> list[Object]:
    """The objects of a chart's folder with these values. May run several times at once."""
    with TemporaryDirectory(prefix="nimhelm-") as place:
        file = Path(place, "values.json")
        file.write_text(json.dumps(values), encoding="utf-8")
        words = ["template", f"--namespace={namespace or 'default'}"]
        words += [f"--api-versions={version}" for version in API_VERSIONS]
        return objects_of(run_helm(*words, names=(release, str(folder)), values=[str(file)]))
