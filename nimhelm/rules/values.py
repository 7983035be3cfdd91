"""Rules of a values file: what it can make impossible in a chart that was fine when it was built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.assets import schema
from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import (
    Block,
    Cache,
    Service,
    dig,
    is_knative,
    is_kserve,
    is_multi_node,
    least_field,
    number,
    served_ports,
    sleeps,
)
from nimhelm.rules.cache import created_claim
from nimhelm.rules.dependencies import asleep, fault_of, is_external, meant_by, unserved
from nimhelm.rules.kubernetes import listed
from nimhelm.rules.names import gated, made_by
from nimhelm.rules.objects import PODS, Pod, check_objects
from nimhelm.rules.overlay import SHARED, check_pods
from nimhelm.rules.pod import check_affinity, check_tolerations
from nimhelm.rules.resources import amounts
from nimhelm.startup import MIN_WAIT_SECONDS, startup_chains, startup_seconds, wait_seconds
from nimhelm.yamlread import Document, Path


def check_values(document: Document, services: list[Service], caches: list[Cache]) -> Iterator[Finding]:
    """Every rule over the values of a chart as a whole: its services, and the caches that are on."""
    by_name = {service.name: service for service in services}
    yield from check_repeated(services)
    yield from check_made(document, services, caches)
    if document.data.get("extraObjects"):
        yield from check_objects(document)
    yield from check_pods(document, services, caches)
    if isinstance(shared := dig(document.data, *SHARED), dict):
        every = Pod(document, "every pod", shared, SHARED, set())
        for rule in (check_tolerations, check_affinity):
            yield from rule(every)
    for key in ("helperResources", "containerResources"):
        for place, message, hint in amounts(dig(document.data, *SHARED, key)):
            yield document.finding(ERROR, "NH042", (*SHARED, key, *place), message, hint)
    if dig(document.data, *SHARED, "waitEnabled") is not False:
        yield from check_waits(document, by_name)
        yield from check_caches(services, {cache.name: cache for cache in caches})
    yield from check_budgets(document, services, {cache.name for cache in caches})
    running = [service for service in services if service.enabled]
    for service in running:
        yield from check_image_and_storage(service)
        yield from check_blocks(service)
    if dig(document.data, *SHARED, "restricted") is True:
        for service in running:
            yield from check_restricted(service)
        for cache in caches:
            yield from check_restricted(cache)
    if dig(document.data, *SHARED, "openshift") == "restricted":
        for service in running:
            yield from check_openshift(service, has_mesh=bool(dig(document.data, *SHARED, "mesh")))


BLOCKS = {
    "eppConfig": ("expose", "router", "eppConfig"),
    "pickerConfig": ("expose", "router", "eppConfig", "config"),
    "pickerConfigMap": ("expose", "router", "eppConfig", "configMapRef"),
    "backendRef": ("expose", "router", "gateway", "backendRef"),
}
"""Blocks of values that may be empty: the name of each in the schema of a NIMService, and its place."""


def check_blocks(service: Service) -> Iterator[Finding]:
    """A block with anything in it has what a NIMService must have there. A values file alone may hold a part of it."""
    definitions = schema("nimservice")["definitions"]
    for name, field in BLOCKS.items():
        block = service.mapping(*field)
        if name == "backendRef" and not service.get("expose", "router", "gateway", "name"):
            continue  # no routes
        for key in definitions[name]["required"] if any(each is not None for each in block.values()) else ():
            if block.get(key) in (None, "", {}):
                yield service.error("NH011", (*field, key), f"{key} is missing", f"add {key}")


def check_repeated(services: list[Service]) -> Iterator[Finding]:
    """A dependency that is listed twice would be two init containers of one name."""
    for service in services:
        seen: set[str] = set()
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("name")
            if isinstance(name, str) and name in seen:
                message = f"{service.name} lists the dependency {name} twice"
                field = service.dependency_field(index, "name")
                yield service.document.finding(ERROR, "NH022", field, message, "keep one of the two")
            seen.add(str(name))


def check_made(document: Document, services: list[Service], caches: list[Cache]) -> Iterator[Finding]:
    """Two objects of one kind and name, of services, of downloads and of the user: the second of them cannot be made."""
    shared = dig(document.data, *SHARED)
    enabled = [service for service in services if service.enabled]
    waiting = gated(enabled) if dig(shared, "waitEnabled") is not False else set()
    owners: dict[tuple[str, str], str] = {}
    for service in enabled:
        for made in made_by(service, shared if isinstance(shared, dict) else {}, is_gated=service.name in waiting):
            other = owners.setdefault(made, service.name)
            if other != service.name:
                field: Path = {
                    service.get("expose", "service", "name"): ("expose", "service", "name"),
                    created_claim(service): ("storage", "pvc", "name"),
                }.get(made[1], ())
                message = f"{other} and {service.name} both make the {made[0]} {made[1]}"
                yield service.error("NH027", field, message, "rename one")
    for cache in caches:
        claim = cache.get("storage", "pvc", "name") or f"{cache.name}-pvc"
        if cache.get("storage", "pvc", "create") is True:
            owner = owners.setdefault(("PersistentVolumeClaim", str(claim)), cache.name)
            if owner != cache.name:
                message = f"{owner} makes the claim {claim} itself"
                yield cache.error("NH057", ("storage", "pvc", "name"), message, "give it a name of its own")
    for index, each in enumerate(listed(document.data.get("extraObjects"))):
        kind, name = str(dig(each, "kind")), str(dig(each, "metadata", "name"))
        elsewhere = dig(each, "metadata", "namespace") or "helm.sh/hook" in (dig(each, "metadata", "annotations") or ())
        if elsewhere:
            continue
        if owner := owners.get((kind, name), ""):
            message = f"{owner} makes a {kind} of this name itself"
            hint = "rename it, or change that of the service in its values"
            yield document.finding(ERROR, "NH027", ("extraObjects", index, "metadata", "name"), message, hint)
        path = PODS.get(kind)
        label = dig(each, *path[:-1], "metadata", "labels", "app") if path else None
        if path and ("Service", str(label)) in owners:
            message = f"the Service {label} selects app: {label}, so it sends requests to these pods too"
            field = ("extraObjects", index, *path[:-1], "metadata", "labels", "app")
            yield document.finding(WARNING, "NH027", field, message, "give the pods another label app")


def check_waits(document: Document, services: dict[str, Service]) -> Iterator[Finding]:
    """Every dependency of an enabled service that is waited for runs, and serves the port."""
    for service in services.values():
        if not service.enabled or dig(service.spec, "wait", "enabled") is False:
            continue
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("name")
            if not isinstance(name, str):
                continue  # the schema's finding
            known = name in services or name not in document.data  # a service that is not a mapping has its finding
            if known and dig(dependency, "wait", "enabled") is not False and not is_external(dependency, ()):
                yield from _dependency(document, service, index, services)


def _dependency(document: Document, service: Service, index: int, services: dict[str, Service]) -> Iterator[Finding]:
    dependency = service.dependencies[index]
    target = services.get(str(dependency.get("name")))
    if target is not None and not target.enabled and dig(dependency, "wait", "optional") is True:
        return
    name, port = dependency.get("name"), dependency.get("port")
    off = f"set {service.name}.wait.enabled: false to start without waiting"
    fault = fault_of(dependency, target)
    if fault is not None:
        outside = (
            meant_by(str(name), list(services), "") or f"write external: true if it is outside the chart, or {off}"
        )
        message, field, hint = {
            "NH023": ("the chart does not have", service.dependency_field(index, "name"), outside),
            "NH024": ("is switched off", (str(name), "enabled"), f"switch {service.name} off too, or {off}"),
            "NH025": ("has 0 replicas", (str(name), "replicas"), off),
        }[fault.code]
        yield document.finding(ERROR, fault.code, field, f"{service.name} waits for {name}, which {message}", hint)
    elif target is not None and not asks_elsewhere(dependency) and unserved(dependency, target):
        listed = ", ".join(str(one) for one in served_ports(target).values())
        message = f"{service.name} waits for port {port} of {name}, which serves {listed}"
        field = (target.name, "expose", "service", "port")
        yield document.finding(ERROR, "NH026", field, message, "change both, or neither")
    elif target is not None and sleeps(target) and not is_knative(target) and not asks_elsewhere(dependency):
        yield document.finding(WARNING, "NH036", (target.name, *least_field(target)), *asleep(service, target))


def check_budgets(document: Document, services: list[Service], caches: set[str]) -> Iterator[Finding]:
    """Gates and rollouts outlast the start-up probes. The build makes them so; values may give a probe more time."""
    running = {service.name: service for service in services if service.enabled}
    if not running:
        return
    gates = {name: gate_timeouts(document, service) for name, service in running.items()}
    waiting = [
        service._replace(dependencies=[each for each in service.dependencies if str(each.get("name")) in gates[name]])
        for name, service in running.items()
    ]
    try:
        chains = startup_chains(waiting, caches)
    except ValueError:
        return  # a cycle never starts, whatever its probes say
    slowest = max(waiting, key=startup_seconds)
    field = (slowest.name, "startupProbe", "probe")
    early: dict[str, int] = {}
    for name, timeouts in gates.items():
        late = [chains[each] for each, timeout in timeouts.items() if timeout < chains.get(each, 0)]
        if late:
            early[name] = max(late)
    if early:
        own = [
            f"{name}.wait.timeoutSeconds" for name in early if number(running[name].get("wait", "timeoutSeconds"), 0)
        ]
        places = [*own, "global.nimhelm.waitTimeoutSeconds"] if len(own) < len(early) else own
        yield _too_early(document, field, "the gates of {} give up before what they wait for", early, places)
    stuck = {name: chains[name] for name, service in running.items() if 0 < rollout_deadline(service) < chains[name]}
    if stuck:
        places = [f"{name}.progressDeadlineSeconds" for name in stuck]
        yield _too_early(document, field, "the rollouts of {} count as failed before their pods", stuck, places)


def _too_early(document: Document, field: Path, what: str, late: dict[str, int], places: list[str]) -> Finding:
    seconds = max(late.values())
    message = f"{what.format(_few(list(late)))} may be ready, {seconds} s after the install"
    return document.finding(WARNING, "NH108", field, message, f"set {_few(places)}: {wait_seconds(seconds)}")


def _few(names: list[str]) -> str:
    """The first names of a list that may be as long as a pipeline."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def gate_timeouts(document: Document, service: Service) -> dict[str, int]:
    """After how many seconds each gate on a service of the chart gives up, by the name of the dependency."""
    shared = dig(document.data, *SHARED)
    shared = shared if isinstance(shared, dict) else {}
    off = False in (shared.get("waitEnabled"), service.get("wait", "enabled"))
    if off or shared.get("orderFor") or shared.get("keepOperatorPods") is True:
        return {}
    all_gates = number(service.get("wait", "timeoutSeconds"), 0) or number(shared.get("waitTimeoutSeconds"), 0)
    return {
        str(each.get("name")): all_gates or number(dig(each, "wait", "timeoutSeconds"), 0) or MIN_WAIT_SECONDS
        for each in service.dependencies
        if dig(each, "wait", "enabled") is not False and not is_external(each, ())
    }


def rollout_deadline(service: Service) -> int:
    """After how many seconds Kubernetes calls the rollout of a service failed; 0 where it never does."""
    if is_multi_node(service) or is_kserve(service):
        return 0
    return number(service.get("progressDeadlineSeconds"), 0) or 600


def asks_elsewhere(dependency: dict[str, Any]) -> bool:
    """Whether the gate has a host or a port of its own, so that the Service's ports do not matter."""
    return bool(dig(dependency, "wait", "host") or dig(dependency, "wait", "port"))


def check_caches(services: list[Service], on: dict[str, Cache]) -> Iterator[Finding]:
    """A service waits for the download of its cache, so something must download it, into the claim of the service."""
    filled = {
        str(service.get("storage", "nimCache", "name"))
        for service in services
        if service.enabled and service.get("storage", "nimCache", "fill", "enabled") is True
    }
    for service in services:
        cache = service.mapping("storage", "nimCache")
        name = cache.get("name")
        if not service.enabled or not isinstance(name, str) or not name:
            continue
        waits = dig(cache, "wait", "enabled") is True and service.get("wait", "enabled") is not False
        off = f"{service.name}.storage.nimCache.wait.enabled: false"
        place: Path = ("nimCaches", name, "enabled")
        if waits and name not in on:
            message = f"{service.name} waits for the cache {name}, which the chart does not fill"
            hint = f"set nimCaches.{name}.enabled: true, or {off}"
            yield service.document.finding(ERROR, "NH165", place, message, hint)
        elif (
            waits and on[name].get("filledBy") == "service" and name not in filled and not _is_native(service, on[name])
        ):
            message = f"{service.name} waits for the cache {name}, which a service is to fill, and none does"
            hint = f"set nimCaches.{name}.filledBy: job, or {service.name}.storage.nimCache.fill.enabled: true"
            yield service.document.finding(ERROR, "NH165", ("nimCaches", name, "filledBy"), message, hint)
        if name in on and not on[name].get("storage", "hostPath"):
            kept = on[name].get("storage", "pvc", "name") or f"{name}-pvc"
            claim = cache.get("claimName") or f"{name}-pvc"
            if claim != kept:
                message = f"{service.name} looks for the cache {name} in the claim {claim}, and it is filled in {kept}"
                hint = f"set {service.name}.storage.nimCache.claimName: {kept}"
                yield service.error("NH165", ("storage", "nimCache", "claimName"), message, hint)


def _is_native(service: Service, cache: Cache) -> bool:
    return "native" in (service.get("imageLayout"), cache.get("imageLayout"))


def check_image_and_storage(service: Service) -> Iterator[Finding]:
    """Values that a pipeline does not have, beside those that it has: a digest, and compiled code."""
    tag = service.get("image", "tag")
    if service.get("image", "digest") and isinstance(tag, str) and "@" in tag:
        message = f"the image of {service.name} has two digests, in tag and in digest"
        yield service.error("NH112", ("image", "digest"), message, "remove one of the two")
    is_read_only = service.get("storage", "readOnly") is True or service.get("storage", "image", "reference")
    if service.get("storage", "compileCache") is True and is_read_only:
        message = f"{service.name} keeps compiled code beside its model, which is read-only"
        yield service.error("NH058", ("storage", "compileCache"), message, "write compileCache: false")


def _needs_rights(block: Block) -> list[tuple[Path, str, str]]:
    """What every restricted pod may not do: the field, what it does, and the way out."""
    found: list[tuple[Path, str, str]] = []
    if block.get("storage", "hostPath"):
        found.append((("storage", "hostPath"), "keeps its model in a folder of the node", "use a claim"))
    if block.get("proxy", "certConfigMap"):
        found.append((("proxy", "certConfigMap"), "adds certificates as root", "leave out proxy.certConfigMap"))
    return found


def check_restricted(block: Block) -> Iterator[Finding]:
    """What the Pod Security level "restricted" forbids of a service or a download."""
    found = _needs_rights(block)
    if number(block.get("userID"), 1000) == 0:
        found.append((("userID",), "runs as root", f"set {'.'.join(map(str, block.spec_field))}.userID"))
    for below, what, way in found:
        field: Path = (*block.spec_field, *below)
        message = f"{block.title} {what}, which Pod Security restricted forbids"
        place = field if block.document.holds(field) else (*SHARED, "restricted")
        yield block.document.finding(ERROR, "NH111", place, message, f"{way}, or set global.nimhelm.restricted: false")


def check_openshift(service: Service, *, has_mesh: bool) -> Iterator[Finding]:
    """What the constraint restricted-v2 of OpenShift forbids, where the values ask to keep to it."""
    found = _needs_rights(service)
    waits = [each for each in service.dependencies if dig(each, "wait", "enabled") is not False]
    if has_mesh and waits and service.get("wait", "enabled") is not False:
        what = "has gates that run as the user of the mesh's proxy"
        found.append((("dependencies",), what, "leave out global.nimhelm.mesh and use native sidecars"))
    for below, what, way in found:
        message = f"{service.title} {what}, which OpenShift's restricted-v2 forbids"
        yield service.error("NH111", below, message, f"{way}, or set global.nimhelm.openshift: scc")
