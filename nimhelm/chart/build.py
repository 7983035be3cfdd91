"""Stage 4, chart: Plan -> Chart, the umbrella as a mapping of relative paths to bytes. Nothing is written here.

Templates are copied byte for byte from chart-template/; what differs between pipelines and services is data:
Chart.yaml, values.yaml, values.schema.json, README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nimhelm.assets import folder
from nimhelm.chart.record import with_record
from nimhelm.pipeline import dig
from nimhelm.plan import Plan, PlannedService

DEFAULT_VERSION = "0.1.0"
KUBE_VERSION = ">=1.28.0-0"
PIPELINE_ANNOTATION = "nimhelm.dev/pipeline"
ORDER_ANNOTATION = "nimhelm.dev/start-order"
IMAGES_ANNOTATIONS = ("artifacthub.io/images", "helm.sh/images")
WAVE_ANNOTATION = "nimhelm.dev/wave"
VALUES_DIGEST_ANNOTATION = "nimhelm.dev/values-digest"
SCHEMA_LINE = "# yaml-language-server: $schema=values.schema.json\n"


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in memory. `files` maps paths below the chart's folder (with `/`) to their bytes, the record among them."""

    name: str
    version: str
    files: dict[str, bytes]


def build_chart(plan: Plan, version: str = DEFAULT_VERSION, app_version: str = "") -> Chart:
    """The umbrella chart of a plan. The same plan gives the same bytes on any machine."""
    from nimhelm.chart.readme import readme
    from nimhelm.chart.schema import values_schema
    from nimhelm.chart.values import values_comments, values_tree
    from nimhelm.images.named import annotation, images_in
    from nimhelm.yamlwrite import dump

    tree = values_tree(plan)
    files = dict(template_files("umbrella"))
    files["values.yaml"] = dump(tree, values_comments(plan), SCHEMA_LINE).encode()
    files["values.schema.json"] = values_schema([service.name for service in plan.services])
    files["README.md"] = readme(plan, version, tree).encode()
    shared = {path: content for path, content in template_files("service").items() if path != "Chart.yaml"}
    for service in plan.services:
        base = f"charts/{service.name}/"
        files.update((base + path, content) for path, content in shared.items())
        files[base + "Chart.yaml"] = dump(subchart_yaml(service, plan.name, version)).encode()
    umbrella = chart_yaml(plan, version, app_version, annotation(images_in(tree)))
    umbrella["annotations"][VALUES_DIGEST_ANNOTATION] = dig(tree, "global", "nimhelm", "valuesDigest")
    files["Chart.yaml"] = dump(umbrella).encode()
    return Chart(plan.name, version, with_record(version, files))


@cache
def template_files(name: str) -> dict[str, bytes]:
    """`service` or `umbrella` -> the files of that chart template by relative path."""
    root = Path(folder("chart-template"), name)
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def chart_yaml(plan: Plan, version: str, app_version: str, images: str) -> dict[str, Any]:
    """The umbrella's Chart.yaml as data; `images` is the list of its images as YAML."""
    data: dict[str, Any] = {
        "apiVersion": "v2",
        "name": plan.name,
        "description": f"The NIMPipeline {plan.name}: {plan.members}" if plan.from_pipeline else f"NIM: {plan.members}",
        "type": "application",
        "version": version,
    }
    if app_version:
        data["appVersion"] = app_version
    return data | {
        "kubeVersion": KUBE_VERSION,
        "keywords": ["nvidia", "nim", "inference"],
        "annotations": {
            **plan.annotations,
            PIPELINE_ANNOTATION: plan.name,
            ORDER_ANNOTATION: json.dumps(plan.waves, separators=(",", ":")),
            **dict.fromkeys(IMAGES_ANNOTATIONS, images),
        },
        "dependencies": [
            {"name": service.name, "version": version, "repository": "", "condition": f"{service.name}.enabled"}
            for service in plan.services
        ],
    }


def subchart_yaml(service: PlannedService, pipeline: str, version: str) -> dict[str, Any]:
    """A subchart's Chart.yaml as data; its appVersion is the tag of the image."""
    image = service.spec.get("image") or {}
    return {
        "apiVersion": "v2",
        "name": service.name,
        "description": f"NIM {image.get('repository', '')}",
        "version": version,
        "appVersion": str(image.get("tag", "")),
        "annotations": {PIPELINE_ANNOTATION: pipeline, WAVE_ANNOTATION: str(service.wave)},
    }
