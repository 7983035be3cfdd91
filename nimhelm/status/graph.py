"""The graph of a release, as its chart stored it in a ConfigMap with the label nimhelm.dev/graph."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from nimhelm.status import kubeobject as ko

RELEASE_LABEL = "app.kubernetes.io/instance"
SERVICE_LABEL = "app.kubernetes.io/name"
GRAPH_LABEL = "nimhelm.dev/graph"
CACHE_LABEL = "nimhelm.dev/cache"
GRAPH_KEY = "pipeline.json"
# Kinds of the Gateway API, and their lists.
ROUTES = {"HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes"}
GRAPH_VERSION = "nimhelm.dev/v1"
DEPLOYMENT, LEADER_WORKER_SET, INFERENCE_SERVICE = "Deployment", "LeaderWorkerSet", "InferenceService"
JOB = "Job"  # what fills a model cache; no service is one


class Dependency(NamedTuple):
    """What a service waits for. `timeout` is in seconds; without `wait` there is no gate. `starts`: after the timeout the
    service starts all the same."""

    name: str
    port: int = 0
    external: bool = False
    wait: bool = True
    timeout: int = 0
    starts: bool = False


class GraphService(NamedTuple):
    """A service as the chart was rendered with it. `gpus` is per replica."""

    name: str
    enabled: bool = True
    workload: str = DEPLOYMENT
    replicas: int = 1
    autoscaled: bool = False
    sleeps: bool = False
    startup_seconds: int = 0
    gpus: Mapping[str, int] = MappingProxyType({})
    cache: str = ""
    auth_secret: str = ""
    pull_secrets: tuple[str, ...] = ()
    image: str = ""
    claim: str = ""
    dependencies: tuple[Dependency, ...] = ()


class GraphCache(NamedTuple):
    """A model cache of the chart. `job` fills it; "" where a service does, or nobody has to. One may go when it `expires`."""

    name: str
    claim: str = ""
    job: str = ""
    enabled: bool = True
    expires: bool = False


class Graph(NamedTuple):
    """Services in start order. `trouble` says what of the ConfigMap could not be read, "" if all could."""

    pipeline: str
    release: str
    namespace: str = ""
    chart: str = ""
    services: tuple[GraphService, ...] = ()
    caches: Mapping[str, GraphCache] = MappingProxyType({})
    trouble: str = ""


def releases_of(configmaps: list[ko.Object]) -> list[str]:
    """The releases whose graph is among the ConfigMaps, sorted."""
    return sorted({ko.label(each, RELEASE_LABEL) for each in configmaps if is_graph(each)} - {""})


def is_graph(configmap: ko.Object) -> bool:
    """Whether the ConfigMap is one that carries a graph."""
    return ko.label(configmap, GRAPH_LABEL) == "true"


def graphs_of(objects: list[ko.Object], release: str) -> dict[str, ko.Object]:
    """The ConfigMaps among the objects that carry the release's graphs, by name: one for each pipeline."""
    found = [each for each in objects if is_graph(each) and ko.label(each, RELEASE_LABEL) == release]
    return {ko.name_of(each): each for each in found}


def read_graphs(configmaps: Iterable[ko.Object], release: str) -> Graph:
    """The graph of a release. A parent chart may hold several pipelines: their graphs as one."""
    first, *more = [read_graph(each, release) for each in configmaps] or [read_graph({}, release)]
    services = [service for each in (first, *more) for service in each.services]
    return first._replace(
        pipeline=", ".join(dict.fromkeys([first.pipeline, *(each.pipeline for each in more)])),
        services=tuple({each.name: each for each in services}.values()),
        caches={name: cache for each in (first, *more) for name, cache in each.caches.items()},
        trouble=next((each.trouble for each in (first, *more) if each.trouble), ""),
    )


def read_graph(configmap: ko.Object, release: str) -> Graph:
    """The graph in the ConfigMap. One that cannot be read gives no services and says why in `trouble`."""
    data, trouble = _parse(ko.text(configmap, "data", GRAPH_KEY))
    services = tuple(_service(each) for each in ko.items(data, "services") if ko.text(each, "name"))
    caches = [
        GraphCache(
            ko.text(each, "name"),
            ko.text(each, "claim"),
            ko.text(each, "job"),
            ko.dig(each, "enabled") is not False,
            ko.true(each, "expires"),
        )
        for each in ko.items(data, "caches")
    ]
    return Graph(
        pipeline=ko.text(data, "pipeline") or ko.label(configmap, "nimhelm.dev/pipeline") or release,
        release=release,
        namespace=ko.text(configmap, "metadata", "namespace"),
        # helm.sh/chart is <chart>-<version>
        chart=ko.label(configmap, "helm.sh/chart").removesuffix("-" + ko.text(data, "chartVersion").replace("+", "_")),
        services=tuple({each.name: each for each in services}.values()),
        caches={each.name: each for each in caches if each.name},
        trouble=trouble,
    )


def _parse(document: str) -> tuple[Any, str]:
    if not document:
        return {}, f"the release's graph has no {GRAPH_KEY}"
    try:
        data = json.loads(document)
    except (ValueError, RecursionError):
        return {}, f"the release's graph ({GRAPH_KEY}) is not JSON"
    version = ko.text(data, "apiVersion")
    if version != GRAPH_VERSION:
        return data, f"the release's graph is of version {version or 'unknown'}, this nimhelm reads {GRAPH_VERSION}"
    return data, ""


def _service(entry: ko.Object) -> GraphService:
    gpus = {name: ko.number(entry, "gpus", name) for name in ko.mapping(entry, "gpus")}
    return GraphService(
        name=ko.text(entry, "name"),
        enabled=ko.dig(entry, "enabled") is not False,
        workload=ko.text(entry, "workload") or DEPLOYMENT,
        replicas=ko.number(entry, "replicas") if "replicas" in entry else 1,
        autoscaled=ko.true(entry, "autoscaled"),
        sleeps=ko.true(entry, "sleeps"),
        startup_seconds=ko.number(entry, "startupSeconds"),
        gpus={name: amount for name, amount in gpus.items() if amount > 0},
        cache=ko.text(entry, "cache"),
        auth_secret=ko.text(entry, "authSecret"),
        pull_secrets=tuple(ko.texts(entry, "pullSecrets")),
        image=ko.text(entry, "image"),
        claim=ko.text(entry, "claim"),
        dependencies=tuple(_dependency(each) for each in ko.items(entry, "dependencies") if ko.text(each, "name")),
    )


def _dependency(entry: ko.Object) -> Dependency:
    return Dependency(
        name=ko.text(entry, "name"),
        port=ko.number(entry, "port"),
        external=ko.true(entry, "external"),
        wait=ko.dig(entry, "wait") is not False,
        timeout=ko.number(entry, "timeoutSeconds"),
        starts=ko.text(entry, "onTimeout") == "start",
    )
