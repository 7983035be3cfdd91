"""What helm makes of the chart for this cluster: objects, and the pods that come of them.

`helm template` with the cluster's version and API versions needs no rights at all, unlike `helm install --dry-run=server`,
which reads the release's records and every object. What a chart looks up in the cluster it does not find here.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nimhelm.errors import ChartRefusalError, HelmError, LoadError
from nimhelm.helm import objects_of, run_helm
from nimhelm.preflight.cluster import Reach
from nimhelm.status import kubeobject as ko

GRAPH_LABEL = "nimhelm.dev/graph"
GATE_PREFIX = "wait-for-"
# What a predictor has beside the fields of a pod:
# https://kserve.github.io/website/docs/reference/crd-api#componentextensionspec
_OF_PREDICTOR = frozenset(
    [
        "model",
        "workerSpec",
        "minReplicas",
        "maxReplicas",
        "scaleTarget",
        "scaleMetric",
        "scaleMetricType",
        "autoScaling",
        "containerConcurrency",
        "timeout",
        "canaryTrafficPercent",
        "logger",
        "batcher",
        "labels",
        "annotations",
        "deploymentStrategy",
    ]
)


class Workload(NamedTuple):
    """Pods of one template. `pod` has the metadata and the spec of the template.

    `replicas` counts pods at the start and `maximum` at most, with the autoscaler; `wave` counts from 0, -1 is before all.
    `beside` of the pods start while old ones of the release keep running.
    """

    service: str
    kind: str
    name: str
    pod: ko.Object
    replicas: int
    maximum: int
    wave: int
    beside: int = 0


class Rendered(NamedTuple):
    """The objects of an install without its tests, and their pods. `refusal` is helm's complaint, "" if it rendered."""

    objects: list[ko.Object]
    workloads: list[Workload]
    refusal: str = ""

    def of(self, *kinds: str) -> list[ko.Object]:
        """The objects of these kinds."""
        return [each for each in self.objects if each.get("kind") in kinds]

    def has(self, kind: str, name: str) -> bool:
        """Whether the chart itself brings the object."""
        return any(ko.name_of(each) == name for each in self.of(kind))


def render(reach: Reach, version: str, apis: frozenset[str]) -> Rendered:
    """The chart as it would be installed. Raises HelmError when helm itself is missing or slow.

    A chart that refuses this cluster is rendered once more as if nothing were known about the cluster, so that everything that
    prevents the install is found at once.
    """
    served = sorted(apis | {api.rpartition("/")[0] for api in apis})
    words = [f"--kube-version={version}", *(f"--api-versions={api}" for api in served)] if version else []
    try:
        return _parsed(_template(reach, words))
    except ChartRefusalError as refusal:
        said = "; ".join(refusal.problems)
    except HelmError as refusal:
        if "template failed" not in str(refusal):
            raise
        said = str(refusal).partition("template failed: ")[2]
    try:
        return _parsed(_template(reach, []))._replace(refusal=said)
    except HelmError:
        return Rendered([], [], said)


def _template(reach: Reach, words: list[str]) -> str:
    given = [f"--set={value}" for value in reach.sets]
    place = [f"--namespace={reach.namespace}"] if reach.namespace else []
    return run_helm(
        "template", "--skip-tests", *place, *words, *given, names=(reach.release, reach.chart), values=reach.values
    )


def _parsed(printed: str) -> Rendered:
    objects = [each for each in objects_of(printed) if "test" not in _hooks(each)]
    return Rendered(objects, list(_workloads(objects)))


def _hooks(value: ko.Object) -> list[str]:
    return [hook.strip() for hook in ko.text(value, "metadata", "annotations", "helm.sh/hook").split(",")]


def _workloads(objects: list[ko.Object]) -> Iterator[Workload]:
    waves, maxima = graph_waves(objects), _maxima(objects)
    for each in objects:
        name, service = ko.name_of(each), ko.label(each, "app.kubernetes.io/name") or ko.name_of(each)
        replicas = ko.number(each, "spec", "replicas") if "replicas" in ko.mapping(each, "spec") else 1
        if ko.text(each, "kind") in ("Job", "DaemonSet"):
            replicas = 1
        floor, ceiling = maxima.get(name, (replicas, replicas))
        start = max(replicas, floor) if "replicas" in ko.mapping(each, "spec") else floor
        wave = waves.get(service, -1 if each["kind"] == "Job" else 0)
        for pod, many in _templates(each):
            yield Workload(service, each["kind"], name, pod, start * many, max(start, ceiling) * many, wave)


def _templates(value: ko.Object) -> Iterator[tuple[ko.Object, int]]:
    """(template, pods of it for each replica)."""
    match value["kind"]:
        case "Deployment" | "StatefulSet" | "ReplicaSet" | "DaemonSet" | "Job":
            yield ko.mapping(value, "spec", "template"), 1
        case "Pod":
            yield value, 1
        case "LeaderWorkerSet":
            group = ko.mapping(value, "spec", "leaderWorkerTemplate")
            size = ko.number(group, "size") or 1
            leader = ko.mapping(group, "leaderTemplate")
            yield leader or ko.mapping(group, "workerTemplate"), 1
            if size > 1:
                yield ko.mapping(group, "workerTemplate"), size - 1
        case "InferenceService":
            predictor = ko.mapping(value, "spec", "predictor")
            spec = {key: item for key, item in predictor.items() if key not in _OF_PREDICTOR}
            if spec.get("containers"):
                metadata = {key: predictor[key] for key in ("labels", "annotations") if key in predictor}
                yield {"metadata": metadata, "spec": spec}, max(1, ko.number(predictor, "minReplicas"))


def graph_of(objects: list[ko.Object]) -> ko.Object:
    """The lists of the graph that the chart carries, or of all graphs of a parent chart; {} for a chart without one."""
    found: dict[str, Any] = {}
    for each in objects:
        if ko.label(each, GRAPH_LABEL) == "true":
            with contextlib.suppress(ValueError):
                graph = json.loads(ko.text(each, "data", "pipeline.json"))
                for key in ("services", "caches", "secrets"):
                    found.setdefault(key, []).extend(ko.items(graph, key))
    return found


def graph_waves(objects: list[ko.Object]) -> dict[str, int]:
    """The wave of each service, from the graph."""
    return {ko.text(each, "name"): ko.number(each, "wave") for each in ko.items(graph_of(objects), "services")}


def _maxima(objects: list[ko.Object]) -> dict[str, tuple[int, int]]:
    """(least, most) replicas by the name of the workload that an autoscaler scales."""
    found = {}
    for each in objects:
        if each["kind"] == "HorizontalPodAutoscaler":
            target = ko.text(each, "spec", "scaleTargetRef", "name")
            found[target] = (ko.number(each, "spec", "minReplicas"), ko.number(each, "spec", "maxReplicas") or 1)
        elif each["kind"] == "ScaledObject":
            target = ko.text(each, "spec", "scaleTargetRef", "name")
            found[target] = (
                ko.number(each, "spec", "minReplicaCount"),
                ko.number(each, "spec", "maxReplicaCount") or 1,
            )
    return found


def release_of(chart: str) -> str:
    """The name that `nimhelm build` suggests for the release: that of the chart. Raises LoadError without a chart."""
    from nimhelm.chart.obtain import document_of
    from nimhelm.chart.read import read_chart

    if "://" in chart:
        return chart.rstrip("/").rpartition("/")[2].partition(":")[0]
    content = read_chart(Path(chart))["Chart.yaml"]
    about = {}
    with contextlib.suppress(LoadError):  # helm says what is wrong with the chart
        about = document_of(chart, content)
    return ko.text(about, "name") or Path(chart).name
