"""The pods that the chart makes, as far as values meet in them: names, sources of volumes, mounts, probes, rights.

What values add to a pod or lay over it is held against what the chart has there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.assets import schema
from nimhelm.finding import ERROR, Finding
from nimhelm.pipeline import Block, Cache, Service, container_name, dig, is_knative, is_kserve, is_multi_node
from nimhelm.rules.kubernetes import (
    FIELDS,
    PICKER_TEMPLATE,
    POD_TEMPLATE,
    Fault,
    Typed,
    check_settings,
    check_typed,
    faults,
    kept_running,
    listed,
    propagated,
    typed,
    without_volume,
)
from nimhelm.rules.probes import HANDLERS, PROBES
from nimhelm.rules.resources import amounts
from nimhelm.yamlread import Document, Path

Pod = dict[str, Any]
"""The spec of a pod, with as much of each volume and container as another value can clash with."""

PICKER: Path = ("expose", "router", "eppConfig")
SHARED: Path = ("global", "nimhelm")
LISTS = ("volumes", "initContainers", "containers")
CONFINED = {"securityContext": {"allowPrivilegeEscalation": False}}
"""What gates and downloads have, and with global.nimhelm.restricted the other containers too."""


def service_pod(service: Service) -> Pod:
    """The pod of a service. That of a group has the containers and volumes of both roles."""
    further = {kind: [each for _, each in service.items(kind)] for kind in ("initContainers", "sidecarContainers")}
    confined = _confined(service)
    volumes, mounts = _volumes(service, needs_scratch=any(further.values()))
    main: Pod = {
        "securityContext": {**confined.get("securityContext", {}), **service.mapping("securityContext")},
        "volumeMounts": [{"mountPath": path} for path in mounts],
    }
    default = "grpc" if is_knative(service) and service.get("expose", "service", "grpcPort") else "httpGet"
    for kind in PROBES:
        if service.get(kind, "enabled") is not False:
            main[kind] = _handlers(service.mapping(kind, "probe") or {default: {}})
    cache = service.mapping("storage", "nimCache")
    before = [{"name": name, **CONFINED} for _, name in service.gates()]
    before += [{"name": "wait-setup", **CONFINED}] if "nimhelm-wait" in _names({"v": volumes}, "v") else []
    before += [{"name": "update-ca-certificates"}] if service.get("proxy", "certConfigMap") else []
    if dig(cache, "fill", "enabled") is True:
        before.append({"name": container_name(f"fill-cache-{cache.get('name')}"), **confined})
    return {
        "volumes": [*volumes, *(each for _, each in service.items("volumes"))],
        "initContainers": [*before, *({"name": each.get("name"), **confined} for each in further["initContainers"])],
        "containers": [
            *({"name": name, **main} for name in service.main_containers()),
            *({"name": each.get("name"), **confined} for each in further["sidecarContainers"]),
        ],
    }


def _volumes(service: Service, *, needs_scratch: bool) -> tuple[list[Pod], list[str]]:
    """The volumes of the chart's own, and where the NIM has them."""
    storage = service.mapping("storage")
    sources = {"image": dig(storage, "image", "reference"), "emptyDir": isinstance(storage.get("emptyDir"), dict)}
    if dig(storage, "nimCache", "name") or dig(storage, "pvc", "create") or dig(storage, "pvc", "name"):
        sources = {"persistentVolumeClaim": True}
    found = {"dshm": "emptyDir", "model-store": next((key for key in sources if sources[key]), "hostPath")}
    mounts = ["/model", "/opt/cache"] if service.get("imageLayout") == "native" else ["/model-store"]
    mounts.append("/dev/shm")
    if needs_scratch:
        found["scratch"] = "emptyDir"
        mounts.append("/scratch")
    if service.get("proxy", "certConfigMap"):
        found |= {"ca-cert-volume": "emptyDir", "custom-ca": "configMap"}
        mounts.append("/etc/ssl")
    if service.gates() or service.get("proxy", "certConfigMap"):
        found["nimhelm-scripts"] = "configMap"
    if service.gates() and dig(service.document.data, *SHARED, "pullWhileWaiting") is not False:
        found["nimhelm-wait"] = "emptyDir"
    if is_multi_node(service) and not is_kserve(service) and not isinstance(service.get("multiNode", "ray"), dict):
        found |= {"mpi-config": "configMap", "ssh-confs": "emptyDir", "ssh-dotfiles": "emptyDir", "ssh-pk": "secret"}
        found["start-mpi-script"] = "configMap"
        mounts += ["/etc/mpi", "/ssh-confs", "/opt/nim/llm/.ssh", "/opt/nim/llm/pk", "/opt/nim/start-mpi-cluster.sh"]
    return [{"name": name, source: {}} for name, source in found.items()], mounts


def picker_pod(service: Service) -> Pod:
    """The pod of the endpoint picker of a service."""
    epp = service.mapping(*PICKER)
    probes = {
        kind: _handlers(epp.get(kind) or {"grpc": {}}) for kind in PROBES if kind != "startupProbe" or epp.get(kind)
    }
    volumes = [{"name": "epp-config", "configMap": {}}] if epp.get("config") or epp.get("configMapRef") else []
    return {"containers": [{"name": "epp", **probes, **_confined(service)}], "volumes": volumes}


def cache_pod(cache: Cache) -> Pod:
    """The pod of a download. The layout of its services decides which of its containers ends it."""
    source = "hostPath" if cache.get("storage", "hostPath") else "persistentVolumeClaim"
    found = {"nim-cache-volume": source, "scratch": "emptyDir", "nimhelm-scripts": "configMap"}
    before = [{"name": each.get("name"), **CONFINED} for _, each in cache.items("initContainers")]
    if cache.get("certConfig"):
        found["cert-volume"] = "configMap"
    if cache.get("proxy", "certConfigMap"):
        found |= {"ca-cert-volume": "emptyDir", "custom-ca": "configMap"}
        before.append({"name": "update-ca-certificates"})
    return {
        "volumes": [{"name": name, source: {}} for name, source in found.items()],
        "initContainers": before,
        "containers": [{"name": name, **CONFINED} for name in ("nim-cache-ctr", "mark-complete")],
    }


def _confined(service: Service) -> Pod:
    return CONFINED if dig(service.document.data, *SHARED, "restricted") is True else {}


def _handlers(probe: dict[str, Any]) -> Pod:
    return {name: {} for name in HANDLERS if probe.get(name) is not None}


def merged(base: Any, over: Any) -> Any:
    """A value over another as the chart merges an overlay: lists of named items by name, mounts by their path."""
    if isinstance(base, dict) and isinstance(over, dict):
        kept = {key: each for key, each in base.items() if over.get(key, each) is not None}
        return kept | {key: merged(base.get(key), each) for key, each in over.items() if each is not None}
    first = over[0] if isinstance(over, list) and over else None
    if not isinstance(base, list) or not isinstance(first, dict) or "name" not in first:
        return over
    by = "mountPath" if "mountPath" in first else "name"
    result = list(base)
    for item in over:
        index = next((index for index, each in enumerate(result) if dig(each, by) == dig(item, by)), len(result))
        result[index:] = [merged(dict(enumerate(result)).get(index), item), *result[index + 1 :]]
    return result


def _refused(pod: Pod) -> Iterator[Fault]:
    """What the API server holds against items of a pod."""
    definitions = schema("kubernetes")["definitions"]
    for below, name, value in typed(pod, {"$ref": "#/definitions/PodSpec"}, definitions):
        yield from (((*below, *place), message, hint) for place, message, hint in faults(name, value))
    names = {str(dig(each, "name")) for each in listed(pod.get("containers"))}
    for index, each in enumerate(listed(pod.get("initContainers"))):
        if str(dig(each, "name")) in names:
            yield ("initContainers", index, "name"), f"the container name {dig(each, 'name')} is taken", "rename it"


def check_merged(document: Document, field: Path, over: Pod, under: Pod, above: Pod) -> Iterator[Finding]:
    """What an overlay makes of a pod that it lies over (`under`), or that lies over it (`above`)."""
    whole = merged(merged(under, over), above)
    alone = {(place[0], dig(over, *place[:2], "name")) for place, *_ in _refused(over)}
    for place, message, hint in _refused(whole):
        name = dig(whole, *place[:2], "name")
        for kind in {place[0]: 0, "containers": 0} if place[0] in LISTS else ():
            index, item = _named(over, str(kind), name)
            if item and (kind, name) not in alone:
                there, given = (dig(_named(pod, str(kind), name)[1], *place[2:-1]) for pod in (under, over))
                nulls = [f"{key}: null" for key in there or () if key not in given and key in message and key != "name"]
                way = f"add {nulls[0]}" if nulls else hint
                yield document.finding(ERROR, "NH112", (*field, kind, index, *place[2:]), message, way)


def _named(pod: Pod, kind: str, name: Any) -> tuple[int, Pod]:
    """The item of that name, or none, with its index in a list of a pod."""
    found = ((index, each) for index, each in enumerate(listed(pod.get(kind))) if dig(each, "name") == name)
    return next(found, (-1, {}))


def check_kubernetes(service: Service) -> Iterator[Finding]:
    """Every field of a service's values that has a type of Kubernetes. Most services have none."""
    given = [each for each in FIELDS if service.get(*each.field)]
    for each in given:
        yield from _check(service, each)
    further: list[Path] = [
        (kind, index) for kind in ("initContainers", "sidecarContainers") for index, _ in service.items(kind)
    ]
    for field in (*further, (*PICKER, "containerSpec")):
        for place, message, hint in amounts(service.get(*field, "resources")):
            yield service.error("NH042", (*field, "resources", *place), message, hint)
    if service.get("volumes") or service.get("volumeMounts"):
        yield from check_volumes(service)
    yield from check_overlaid(service)
    yield from check_rights(service)
    yield from check_settings(service)


def _check(service: Service, each: Typed) -> Iterator[Finding]:
    field = (*service.spec_field, *each.field)
    for place, message, hint in kept_running(service.mapping(*each.field)) if each.type == "PodSpec" else ():
        yield service.error("NH112", (*each.field, *place), message, hint)
    known = own_names(service) if each.overlay else None
    yield from check_typed(service.document, field, each.type, service.get(*each.field), each.listed, known)


def check_pods(document: Document, services: list[Service], caches: list[Cache]) -> Iterator[Finding]:
    """The overlays of pods that are not a service's own: that of all pods, and those of downloads."""
    field = (*SHARED, *POD_TEMPLATE)
    value = dig(document.data, *field)
    yield from check_typed(document, field, "PodSpec", value, known=set()) if value else ()
    for place, message, hint in kept_running(value) if isinstance(value, dict) else ():
        yield document.finding(ERROR, "NH112", (*field, *place), message, hint)
    for key in ("containers", "initContainers", "ephemeralContainers"):
        if dig(value, key) is not None:
            hint = f"set <service>.podTemplate.spec.{key}, or nimCaches.<name>.podTemplate.spec.{key}"
            yield document.finding(ERROR, "NH112", (*field, key), "each pod has other containers", hint)
    if volumes := listed(dig(value, "volumes")):
        above = [*map(service_pod, services), *map(picker_pod, services), *map(cache_pod, caches)]
        clashes = (check_merged(document, field, {"volumes": volumes}, {}, pod) for pod in above)
        yield from {found.field: found for each in clashes for found in each}.values()
    for cache in caches:
        if value := cache.get(*POD_TEMPLATE):
            pod = cache_pod(cache)
            names = set(_names(pod, *LISTS))
            where = (*cache.spec_field, *POD_TEMPLATE)
            yield from check_typed(document, where, "PodSpec", value, known=names)
            yield from _resized(cache)
            yield from check_added(cache, POD_TEMPLATE, pod, "the download is called nim-cache-ctr")


def _resized(cache: Cache) -> Iterator[Finding]:
    """The pod of a Job never restarts a container, so it cannot do so to resize one."""
    for kind in ("containers", "initContainers"):
        for index, container in cache.items(*POD_TEMPLATE, kind):
            for position, each in enumerate(listed(container.get("resizePolicy"))):
                if dig(each, "restartPolicy") == "RestartContainer":
                    message = "a container of a Job is not restarted to be resized"
                    field = (*POD_TEMPLATE, kind, index, "resizePolicy", position, "restartPolicy")
                    yield cache.error("NH112", field, message, "write NotRequired")


def check_added(block: Block, template: Path, pod: Pod, hint: str) -> Iterator[Finding]:
    """What an overlay adds to a pod: containers and probes must be whole, and what is mounted or claimed is there."""
    over, document = block.mapping(*template), block.document
    shared = dig(document.data, *SHARED, *POD_TEMPLATE)
    yield from check_merged(document, (*block.spec_field, *template), over, pod, {})
    volumes = {name for each in (pod, over, shared) for name in _names(each, "volumes")}
    claims = set(_names(over, "resourceClaims"))
    for kind in ("containers", "initContainers"):
        for index, container in block.items(*template, kind):
            name = container.get("name")
            _, there = _named(pod, kind, name)
            if isinstance(name, str) and not there and not container.get("image"):
                message = f"the pod has no container {name}, and a new one needs an image"
                yield block.error("NH112", (*template, kind, index, "name"), message, hint)
            privileged = dig(merged(there, container), "securityContext", "privileged") is True
            for fault, message, way in (*without_volume(container, volumes), *propagated(container, privileged)):
                yield block.error("NH112", (*template, kind, index, *fault), message, way)
            for position, claim in enumerate(listed(dig(container, "resources", "claims"))):
                if str(dig(claim, "name")) not in claims and not block.get("draResources"):
                    message = f"the pod has no claim {dig(claim, 'name')}"
                    way = f"add it to {'.'.join(map(str, template))}.resourceClaims"
                    yield block.error("NH112", (*template, kind, index, "resources", "claims", position), message, way)
            for probe in PROBES:
                given = container.get(probe)
                asks = any(dig(given, handler, "command" if handler == "exec" else "port") for handler in HANDLERS)
                if isinstance(given, dict) and not asks and not there.get(probe):
                    message = f"{name} has no {probe}, and a new one asks nothing"
                    yield block.error(
                        "NH112", (*template, kind, index, probe), message, "add httpGet, exec or tcpSocket"
                    )


def _names(pod: Any, *kinds: str) -> Iterator[str]:
    """What the items of lists in a pod are called."""
    yield from (str(dig(each, "name")) for kind in kinds for each in listed(dig(pod, kind)))


def own_names(service: Service) -> set[str]:
    """What the items of lists in the chart's pods and Service are called: containers, volumes, ports."""
    return {"api", "grpc", "metrics", *_names(service_pod(service), *LISTS), *_names(picker_pod(service), *LISTS)}


def check_volumes(service: Service) -> Iterator[Finding]:
    """Further volumes have names of their own; further mounts name a volume, and a place that is free."""
    further = {"initContainers", "sidecarContainers"}
    own, mounts = _volumes(service, needs_scratch=any(service.sequence(kind) for kind in further))
    names = {each["name"] for each in own}
    for index, volume in service.items("volumes"):
        name = volume.get("name")
        if isinstance(name, str) and name in names:
            message = f"the volume name {name} is taken"
            yield service.error("NH112", ("volumes", index, "name"), message, "rename it")
        names.add(str(name))
    names.update(_names(service.get(*POD_TEMPLATE), "volumes"))
    names.update(_names(dig(service.document.data, *SHARED, *POD_TEMPLATE), "volumes"))
    taken = set(mounts)
    for index, mount in service.items("volumeMounts"):
        name, path = mount.get("name"), mount.get("mountPath")
        if isinstance(name, str) and name not in names:
            message = f"no volume is called {name}"
            yield service.error("NH112", ("volumeMounts", index, "name"), message, f"add {name} to volumes")
        if isinstance(path, str) and path in taken:
            message = f"something is mounted at {path} already"
            yield service.error("NH112", ("volumeMounts", index, "mountPath"), message, "choose another path")
        taken.add(str(path))


def check_overlaid(service: Service) -> Iterator[Finding]:
    """The overlays of the pod of a service, and of its endpoint picker."""
    if service.get(*POD_TEMPLATE):
        yield from check_added(service, POD_TEMPLATE, service_pod(service), f"the NIM is called {service.name}-ctr")
    if service.get(*PICKER_TEMPLATE):
        yield from check_added(service, PICKER_TEMPLATE, picker_pod(service), "the picker is called epp")


def check_rights(service: Service) -> Iterator[Finding]:
    """The security context of the NIM, over the one that restricted pods have."""
    given = service.mapping("securityContext")
    both = {**_confined(service).get("securityContext", {}), **given}
    for place, message, hint in faults("SecurityContext", both) if both != given else ():
        yield service.error("NH112", ("securityContext", *place), message, hint)
