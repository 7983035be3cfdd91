"""A NIMPipeline as the stages see it: services over the document's own data, with safe look-ups and places.

Nothing is converted or defaulted in the data: it goes into values.yaml as the user wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.finding import ERROR, NOTE, WARNING, Finding
from nimhelm.yamlread import Document, Path

EXTERNAL_ANNOTATION = "nimhelm.dev/external-dependencies"
MAX_CONTAINER_NAME = 63
DEFAULT_PORT = 8000
"""The CRD's default of spec.expose.service.port."""
KSERVE_PORT = 80
"""KServe's predictor Service listens here whatever the container's port is."""
READY_PATH = "/v1/health/ready"
"""What every NIM answers when it is ready."""


class Block:
    """A spec inside a document: safe look-ups below it, and findings at its fields.

    What a service and a NIMCache have in common, so that one rule serves both.
    """

    __slots__ = ()
    document: Document
    name: str
    spec: dict[str, Any]
    spec_field: Path

    @property
    def title(self) -> str:
        """How a message calls it; its name may be missing."""
        raise NotImplementedError

    def own_containers(self) -> set[str]:
        """The names of the containers that the chart itself puts into the pod."""
        raise NotImplementedError

    def get(self, *field: str | int) -> Any:
        """The value at a path below spec, or None when any part is absent or of another type."""
        below = self.spec.get(str(field[0]))  # most fields are absent
        return below if below is None or len(field) == 1 else dig(below, *field[1:])

    def mapping(self, *field: str | int) -> dict[str, Any]:
        """The mapping at a path below spec; {} when it is absent or something else."""
        value = self.get(*field)
        return value if isinstance(value, dict) else {}

    def sequence(self, *field: str | int) -> list[Any]:
        """The list at a path below spec; [] when it is absent or something else."""
        value = self.get(*field)
        return value if isinstance(value, list) else []

    def items(self, *field: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Index and item of a list of mappings below spec."""
        for index, item in enumerate(self.sequence(*field)):
            if isinstance(item, dict):
                yield index, item

    def error(self, code: str, field: Path, message: str, hint: str) -> Finding:
        """An error at a field below spec."""
        return self.document.finding(ERROR, code, (*self.spec_field, *field), message, hint)

    def warning(self, code: str, field: Path, message: str, hint: str) -> Finding:
        """A warning at a field below spec."""
        return self.document.finding(WARNING, code, (*self.spec_field, *field), message, hint)

    def note(self, code: str, field: Path, message: str, hint: str) -> Finding:
        """A note at a field below spec."""
        return self.document.finding(NOTE, code, (*self.spec_field, *field), message, hint)


class _ServiceFields(NamedTuple):
    document: Document
    name: str
    enabled: bool
    spec: dict[str, Any]
    dependencies: list[dict[str, Any]]
    item_field: Path
    spec_field: Path


class Service(_ServiceFields, Block):
    """One item of spec.services, or one service's block of a values file. `spec` is the NIMService spec, {} when absent."""

    __slots__ = ()

    @property
    def title(self) -> str:
        """How a message calls the service, whose name may be missing."""
        return self.name or "the service"

    def main_containers(self) -> list[str]:
        """The container of the NIM, or those of the leader and of the workers of a group."""
        return ["nim-leader", "nim-worker"] if is_multi_node(self) and not is_kserve(self) else [f"{self.name}-ctr"]

    def gates(self) -> list[tuple[int | None, str]]:
        """The gates of the service, by the index of their dependency. That of its cache has none."""
        cache = self.get("storage", "nimCache", "name")
        found: list[tuple[int | None, str]] = []
        if cache and self.get("storage", "nimCache", "wait", "enabled") is not False:
            found.append((None, gate_name(f"cache-{cache}")))
        for index, each in enumerate(self.dependencies):
            if dig(each, "wait", "enabled") is not False:
                found.append((index, gate_name(str(each.get("name")))))
        return found if self.get("wait", "enabled") is not False else []

    def own_containers(self) -> set[str]:
        """The containers of the NIM, the init containers of the chart, and the gates."""
        own = {*self.main_containers(), "update-ca-certificates", "wait-setup", *(name for _, name in self.gates())}
        cache = self.mapping("storage", "nimCache")
        if dig(cache, "fill", "enabled") is True and dig(cache, "wait", "enabled") is True:
            own.add(container_name(f"fill-cache-{cache.get('name')}"))
        return own

    def dependency_field(self, index: int, *field: str) -> Path:
        """The path, in the document, of one dependency or of a field of it."""
        return (*self.item_field, "dependencies", index, *field)


class _CacheFields(NamedTuple):
    document: Document
    name: str
    spec: dict[str, Any]
    spec_field: Path = ("spec",)


class Cache(_CacheFields, Block):
    """One NIMCache document, or one entry of nimCaches in a values file."""

    __slots__ = ()

    @property
    def title(self) -> str:
        """How a message calls the download, whose name may be missing."""
        return f"the download of {self.name}" if self.name else "the download"

    def own_containers(self) -> set[str]:
        """The containers of a download of either layout, and the init container that adds certificates."""
        return {"nim-cache-ctr", "mark-complete", "update-ca-certificates"}


class Pipeline(NamedTuple):
    """A NIMPipeline document. `services` has every item that is a mapping, in the order of the file."""

    document: Document
    name: str
    namespace: str
    services: list[Service]
    external: frozenset[str]

    def service(self, name: str) -> Service | None:
        """The service of that name; with duplicates the last one, as the operator has it."""
        return next((service for service in reversed(self.services) if service.name == name), None)


def pipeline_of(document: Document) -> Pipeline:
    """A document of kind NIMPipeline -> Pipeline, however wrong its fields are."""
    metadata = dig(document.data, "metadata")
    services = dig(document.data, "spec", "services")
    external = dig(metadata, "annotations", EXTERNAL_ANNOTATION)
    names = external.split(",") if isinstance(external, str) else []
    return Pipeline(
        document,
        _text(dig(metadata, "name")),
        _text(dig(metadata, "namespace")),
        [_service(document, index, item) for index, item in enumerate(_list(services)) if isinstance(item, dict)],
        frozenset(name.strip() for name in names if name.strip()),
    )


def cache_of(document: Document) -> Cache:
    """A document of kind NIMCache -> Cache, however wrong its fields are."""
    spec = dig(document.data, "spec")
    return Cache(document, _text(dig(document.data, "metadata", "name")), spec if isinstance(spec, dict) else {})


def _service(document: Document, index: int, item: dict[str, Any]) -> Service:
    field: Path = ("spec", "services", index)
    spec = item.get("spec")
    return Service(
        document,
        _text(item.get("name")),
        item.get("enabled") not in (None, False),
        spec if isinstance(spec, dict) else {},
        dependencies_of(item),
        field,
        (*field, "spec"),
    )


NOT_SERVICES = ("global", "nimCaches", "extraObjects", "tags")
"""Keys of a chart's values that are not services."""


def claim_name(owner: str, spec: object) -> str:
    """The claim of a service or cache, by its name and spec: storage.pvc.name, else `<owner>-pvc`."""
    return str(dig(spec, "storage", "pvc", "name") or f"{owner}-pvc")


def dependencies_of(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The dependencies of a service. An entry that is not a mapping is {}, so that the others keep their index."""
    return [entry if isinstance(entry, dict) else {} for entry in _list(item.get("dependencies"))]


def dig(data: Any, *field: str | int) -> Any:
    """data[field[0]][field[1]]…, or None as soon as a part is absent or is not a mapping or list."""
    for part in field:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def number(value: Any, default: int) -> int:
    """A whole number as it is, anything else as `default`."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def api_port(service: Service) -> int:
    """The port of the service's HTTP API, also that of its container."""
    return number(service.get("expose", "service", "port"), DEFAULT_PORT)


def served_ports(service: Service) -> dict[str, int]:
    """The named ports of the Kubernetes Service: api always, grpc and metrics when given."""
    ports = {"api": api_port(service)}
    for name in ("grpc", "metrics"):
        port = service.get("expose", "service", f"{name}Port")
        if isinstance(port, int) and port:
            ports[name] = port
    return ports


def is_scaled(service: Service) -> bool:
    """Whether an HPA sets the replicas."""
    return service.get("scale", "enabled") is True


def has_keda(service: Service) -> bool:
    """Whether a ScaledObject of KEDA sets the replicas, which only values can ask for."""
    return service.get("scale", "keda", "enabled") is True


def least_field(service: Service) -> Path:
    """Where the least number of pods of an autoscaled service stands."""
    return ("scale", "hpa", "minReplicas") if is_scaled(service) else ("scale", "keda", "minReplicaCount")


def replicas(service: Service) -> int:
    """How many pods the service starts with: the autoscaler's minimum, spec.replicas, or the cluster's default of 1."""
    autoscaled = is_scaled(service) or has_keda(service)
    return number(service.get(*least_field(service)) if autoscaled else service.get("replicas"), 1)


def max_replicas(service: Service) -> int:
    """How many pods the service may grow to. Knative has no bound without max-scale, or where it is 0."""
    if is_knative(service):
        most = str(service.mapping("annotations").get("autoscaling.knative.dev/max-scale") or "")[:9]
        return max(int(most) if most.isdecimal() else 0, replicas(service))
    if is_scaled(service):
        return number(service.get("scale", "hpa", "maxReplicas"), 1)
    return number(service.get("scale", "keda", "maxReplicaCount"), 1) if has_keda(service) else replicas(service)


def is_multi_node(service: Service) -> bool:
    """Whether the service is a LeaderWorkerSet: more than one pipeline-parallel rank, as the operator decides."""
    return number(service.get("multiNode", "parallelism", "pipeline"), 1) > 1


def nodes(service: Service) -> int:
    """How many nodes one replica of the service spans, each with the devices of its resources."""
    return number(service.get("multiNode", "parallelism", "pipeline"), 1) if is_multi_node(service) else 1


def is_kserve(service: Service) -> bool:
    """Whether KServe runs the service."""
    return bool(service.get("inferencePlatform") == "kserve")


def readiness_request(service: Service, port: int) -> tuple[str, str]:
    """What the readiness probe asks at a port: the scheme and the path of its HTTP request; no path if it sends none."""
    probe = service.mapping("readinessProbe", "probe")
    own = api_port(service)
    get = probe.get("httpGet")
    if port not in (own, KSERVE_PORT if is_kserve(service) else own):
        return "HTTP", ""
    if service.get("readinessProbe", "enabled") is False or not probe:
        return "HTTP", READY_PATH
    if not isinstance(get, dict) or get.get("port") not in ("api", own, str(own)):
        return "HTTP", ""
    return get.get("scheme") or "HTTP", "/" + str(get.get("path") or "").removeprefix("/")


def gate_name(dependency: str) -> str:
    """The init container that waits for a dependency: `milvus.db` -> `wait-for-milvus-db`."""
    return container_name(f"wait-for-{dependency}")


def name_here(host: str, namespace: str) -> str:
    """The service that a host names, without the namespace behind it: llm.nim.svc -> llm. "" for one of another namespace."""
    name, _, rest = host.lower().partition(".")
    here = not rest or (namespace and rest in (f"{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local")))
    return name if here else ""


def container_name(whole: str) -> str:
    """A container's name has no dots and at most 63 characters; the chart cuts a longer one and appends a hash."""
    name = whole.replace(".", "-")
    if len(name) <= MAX_CONTAINER_NAME:
        return name
    from hashlib import sha256  # loads a library that a commit hook can do without

    return f"{name[:54].removesuffix('-')}-{sha256(whole.encode(errors='replace')).hexdigest()[:8]}"


def is_knative(service: Service) -> bool:
    """Whether KServe runs the service serverless, where Knative decides how many pods it has."""
    mode = service.mapping("annotations").get("serving.kserve.io/deploymentMode")
    return is_kserve(service) and mode in ("Knative", "Serverless")


def sleeps(service: Service) -> bool:
    """Whether an autoscaler may leave the service without a pod: Knative does so unless it is told otherwise."""
    if is_knative(service):
        return str(service.mapping("annotations").get("autoscaling.knative.dev/min-scale") or "0").strip() == "0"
    idle = has_keda(service) and service.get("scale", "keda", "idleReplicaCount") == 0
    return idle or ((is_scaled(service) or has_keda(service)) and replicas(service) == 0)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
