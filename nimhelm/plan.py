"""Stage 3, plan: a checked pipeline -> Plan: start order, gates, timeouts, GPUs. Everything that is derived, once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from nimhelm.caches import PlannedCache, filled_by, planned_cache, resource_policy, with_cache
from nimhelm.layout import is_native_image
from nimhelm.pipeline import (
    KSERVE_PORT,
    Pipeline,
    Service,
    dig,
    is_knative,
    is_kserve,
    is_multi_node,
    max_replicas,
    nodes,
    pipeline_of,
    readiness_request,
    replicas,
    sleeps,
)  # fmt: skip
from nimhelm.rules.names import further_services
from nimhelm.rules.resources import gpus
from nimhelm.startup import (
    CACHE_WAIT_SECONDS,
    MIN_WAIT_SECONDS,
    cache_seconds,
    dependency_graph,
    startup_chains,
    startup_seconds,
    wait_seconds,
)
from nimhelm.wording import count
from nimhelm.yamlread import Document

ARTIFACT_HUB = "artifacthub.io/"
"""How the annotations begin that Artifact Hub reads from a Chart.yaml."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How a service waits for one dependency: HTTP when there is a path, else a TCP connect.

    It does not wait for one that is disabled, or that may scale to zero. For one that is in the chart and disabled it is
    `optional`: it waits once the values enable that service.
    """

    name: str
    port: int
    timeout_seconds: int
    path: str = ""
    scheme: str = "HTTP"
    host: str = ""
    wait_port: int = 0
    external: bool = False
    waits: bool = True
    optional: bool = False
    env_name: str = ""
    env_value: str = ""


@dataclass(frozen=True, slots=True)
class PlannedService:
    """One service of the chart."""

    name: str
    enabled: bool
    spec: dict[str, Any]
    wave: int
    gates: tuple[Gate, ...]
    replicas: int
    max_replicas: int
    gpus: dict[str, int]
    startup_seconds: int
    progress_deadline_seconds: int
    helm_waits: bool = True

    @property
    def waits_for(self) -> list[Gate]:
        """The gates that are shut until their dependency answers."""
        return [gate for gate in self.gates if gate.waits]

    @property
    def claims(self) -> list[str]:
        """The ResourceClaims and templates, made elsewhere, that its pods take devices from: nobody here can count these."""
        wanted = (
            dig(one, "resourceClaimName") or dig(one, "resourceClaimTemplateName") for one in self.resource_claims
        )
        return sorted({name for name in wanted if isinstance(name, str)})

    @property
    def resource_claims(self) -> list[Any]:
        """spec.draResources."""
        entries = self.spec.get("draResources")
        return entries if isinstance(entries, list) else []

    @property
    def devices(self) -> str:
        """What one pod asks for: `1 nvidia.com/gpu`, `the claim shared-gpu`, or "" for nothing."""
        parts = [f"{amount} {name}" for name, amount in self.gpus.items()]
        return ", ".join([*parts, *(f"the claim {name}" for name in self.claims)])


@dataclass(frozen=True, slots=True)
class Plan:
    """What the chart of one pipeline holds. `services` are in start order, `skipped` are the disabled ones left out."""

    name: str
    namespace: str
    services: tuple[PlannedService, ...]
    skipped: tuple[str, ...]
    timeout_seconds: int
    caches: dict[str, PlannedCache] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    """What the pipeline's annotations say to Artifact Hub, for Chart.yaml."""
    policy: str = ""
    """What the pipeline's annotation helm.sh/resource-policy says of the claims of its services."""
    from_pipeline: bool = True
    """Whether the documents hold a NIMPipeline. Else NIMServices or NIMCaches are gathered under `name`."""

    @property
    def waves(self) -> list[list[str]]:
        """Names of the services that may start together, wave after wave."""
        result: list[list[str]] = []
        for service in self.services:
            if service.wave == len(result):
                result.append([])
            result[service.wave].append(service.name)
        return result

    @property
    def members(self) -> str:
        """`1 service`, or `2 model caches` where there is no service at all."""
        if self.services or not self.caches:
            return count(len(self.services), "service")
        return count(len(self.caches), "model cache")

    @property
    def helm_wait(self) -> str:
        """The options by which helm waits for all that the chart starts; for a Job it does so only when it is told."""
        jobs = "" if self.services else " --wait-for-jobs"
        return f"--wait{jobs} --timeout {minutes(self.timeout_seconds)}"

    @property
    def unknown_to_helm(self) -> list[str]:
        """The enabled services for whose workload `helm --wait` does not wait: LeaderWorkerSets and InferenceServices."""
        return [service.name for service in self.services if service.enabled and not service.helm_waits]

    @property
    def gpus(self) -> dict[str, int]:
        """Extended resources by name that the enabled services ask for at the start, all replicas together."""
        return self._total({service.name: service.replicas for service in self.services})

    @property
    def max_gpus(self) -> dict[str, int]:
        """The same when every HPA has scaled as far as it may."""
        return self._total({service.name: max(service.replicas, service.max_replicas) for service in self.services})

    def _total(self, replicas: dict[str, int]) -> dict[str, int]:
        total: dict[str, int] = {}
        for service in self.services:
            for name, amount in service.gpus.items():
                if service.enabled:
                    total[name] = total.get(name, 0) + amount * replicas[service.name]
        return dict(sorted(total.items()))

    def gpu_totals(self) -> str:
        """`7 nvidia.com/gpu, up to 15 with autoscaling`; what comes by a claim is named; or `none`."""
        most = self.max_gpus
        parts = []
        for name, amount in self.gpus.items():
            grown = f", up to {most[name]} with autoscaling" if most[name] > amount else ""
            parts.append(f"{amount} {name}{grown}")
        claims = sorted({name for service in self.services if service.enabled for name in service.claims})
        parts += [f"those of the claim {name}" for name in claims]
        return "; ".join(parts) or "none"


def plan_pipeline(
    document: Document, caches: dict[str, Document] | None = None, include_disabled: bool = False
) -> Plan:
    """The plan of a NIMPipeline document without error findings; `caches` are the NIMCache documents by name."""
    pipeline = pipeline_of(document)
    pipeline = pipeline._replace(services=without_taken_names(pipeline.services))
    chosen = [service for service in pipeline.services if service.enabled or include_disabled]
    waves = start_waves(chosen)
    used = caches_of(chosen, caches or {})
    chains = startup_chains(chosen, used)
    order = sorted(chosen, key=lambda service: waves[service.name])
    services = tuple(_planned(service, pipeline, waves[service.name], chains, used) for service in order)
    enabled = [service for service in services if service.enabled]
    return Plan(
        pipeline.name,
        pipeline.namespace,
        services,
        tuple(service.name for service in pipeline.services if service not in chosen),
        max((service.progress_deadline_seconds for service in enabled), default=CACHE_WAIT_SECONDS if used else 0),
        used,
        artifact_hub(document),
        resource_policy(document),
        from_pipeline=not document.origins,
    )


def minutes(seconds: int) -> str:
    """Seconds as helm's --timeout, in whole minutes rounded up: 3276 -> `55m`."""
    return f"{max(1, -(-seconds // 60))}m"


def artifact_hub(document: Document) -> dict[str, str]:
    """The annotations of a pipeline that are for Artifact Hub, by name."""
    annotations = dig(document.data, "metadata", "annotations")
    items = annotations.items() if isinstance(annotations, dict) else ()
    return {name: text for name, text in sorted(items) if name.startswith(ARTIFACT_HUB) and isinstance(text, str)}


def without_taken_names(services: list[Service]) -> list[Service]:
    """The services, of which each has an expose.service.name only if it makes a further Service of that name."""
    kept = []
    for service, name in zip(services, further_services(services), strict=True):
        exposed = service.mapping("expose", "service")
        if exposed.get("name") and not name:
            bare = {key: value for key, value in exposed.items() if key != "name"}
            service = service._replace(spec={**service.spec, "expose": {**service.mapping("expose"), "service": bare}})
        kept.append(service)
    return kept


def caches_of(services: list[Service], documents: dict[str, Document]) -> dict[str, PlannedCache]:
    """The caches by name, each with who fills it."""
    caches = {}
    for name, document in sorted(documents.items()):
        users = [one for one in services if one.enabled and one.get("storage", "nimCache", "name") == name]
        cache = planned_cache(document)
        caches[name] = cache._replace(filled_by=filled_by(cache, users))
    return caches


def start_waves(services: list[Service]) -> dict[str, int]:
    """The wave of each service: 0 without dependencies, else one more than its latest dependency."""
    graph = dependency_graph(services)
    waves: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        waves[name] = 1 + max((waves[dependency] for dependency in graph[name]), default=-1)
    return waves


def _planned(
    service: Service, pipeline: Pipeline, wave: int, chains: dict[str, int], caches: dict[str, PlannedCache]
) -> PlannedService:
    gates = tuple(_gate(item, pipeline, chains) for item in service.dependencies)
    longest = max((gate.timeout_seconds for gate in gates), default=0)
    own = startup_seconds(service)
    deadline = longest + cache_seconds(service, caches) + wait_seconds(own)
    spec = with_cache(service, caches)
    if is_native_image(f"{service.get('image', 'repository')}:{service.get('image', 'tag')}"):
        spec = {**spec, "imageLayout": "native"}
    devices = gpus(service._replace(spec=spec))
    return PlannedService(
        service.name, service.enabled, spec, wave, gates, replicas(service), max_replicas(service),
        {name: amount * nodes(service) for name, amount in devices.items()}, own, deadline,
        helm_waits=not (is_multi_node(service) or is_kserve(service)),
    )  # fmt: skip


def _gate(dependency: dict[str, Any], pipeline: Pipeline, chains: dict[str, int]) -> Gate:
    name, port = dependency["name"], dependency["port"]
    target = pipeline.service(name)
    gate = Gate(
        name, port, MIN_WAIT_SECONDS,
        env_name=dependency.get("envName") or "", env_value=dependency.get("envValue") or "",
    )  # fmt: skip
    if target is None:
        return replace(gate, external=True)
    scheme, path = readiness_request(target, port)
    if is_kserve(target):
        gate = replace(gate, host=f"{name}-predictor", wait_port=KSERVE_PORT)
    return replace(
        gate,
        timeout_seconds=wait_seconds(chains.get(name, startup_seconds(target))),
        waits=target.enabled and (is_knative(target) or not sleeps(target)),
        optional=not target.enabled and name in chains,
        scheme=scheme,
        path=path,
    )
