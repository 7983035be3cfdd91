"""Rules of values that are fields of Kubernetes' own objects: volumes, security contexts, overlays of pod and Service.

Their shape is held against schema/kubernetes.schema.json, which Kubernetes publishes. A table of rules by type adds
what the API server refuses beyond that, wherever in the values a field of the type stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, NamedTuple

from nimhelm.assets import schema
from nimhelm.finding import Finding
from nimhelm.pipeline import Service, dig, number
from nimhelm.rules.annotations import is_range
from nimhelm.rules.resources import above_limits
from nimhelm.schema_check import Schema, check_shape
from nimhelm.yamlread import Path

Fault = tuple[Path, str, str]
"""Where, below a value; what the API server says; the way out."""


class Typed(NamedTuple):
    """A field of a service's values: its type in Kubernetes, and whether it is merged over what the chart has."""

    field: Path
    type: str
    listed: bool = False
    overlay: bool = False


FIELDS = (
    Typed(("podSecurityContext",), "PodSecurityContext"),
    Typed(("securityContext",), "SecurityContext"),
    Typed(("envFrom",), "EnvFromSource", listed=True),
    Typed(("lifecycle",), "Lifecycle"),
    Typed(("volumes",), "Volume", listed=True),
    Typed(("volumeMounts",), "VolumeMount", listed=True),
    Typed(("topologySpreadConstraints",), "TopologySpreadConstraint", listed=True),
    Typed(("hostAliases",), "HostAlias", listed=True),
    Typed(("dnsConfig",), "PodDNSConfig"),
    Typed(("updateStrategy",), "DeploymentStrategy"),
    Typed(("podTemplate", "spec"), "PodSpec", overlay=True),
    Typed(("expose", "service", "overlay"), "ServiceSpec", overlay=True),
)
RESERVED_VOLUMES = {
    "dshm", "scratch", "model-store", "ca-cert-volume", "custom-ca", "nimhelm-scripts", "nimhelm-wait", "mpi-config",
    "ssh-confs", "ssh-dotfiles", "ssh-pk", "start-mpi-script",
}  # fmt: skip
"""Volumes of the chart's own; a mount may use them, a further volume may not take their names."""
MOUNTED = {"legacy": {"/model-store", "/dev/shm"}, "native": {"/model", "/opt/cache", "/dev/shm"}}
"""Where the chart mounts its own volumes in the main container, by imageLayout."""


def check_kubernetes(service: Service) -> Iterator[Finding]:
    """Every field of a service's values that has a type of Kubernetes. Most services have none."""
    given = [each for each in FIELDS if service.get(*each.field)]
    for each in given:
        yield from _check(service, each)
    for kind in ("initContainers", "sidecarContainers"):
        for index, container in service.items(kind):
            for place, message, hint in above_limits(dig(container, "resources")):
                yield service.error("NH042", (kind, index, "resources", *place), message, hint)
    if service.get("volumes") or service.get("volumeMounts"):
        yield from check_volumes(service)
    yield from check_overlaid(service)
    yield from check_settings(service)


def _check(service: Service, each: Typed) -> Iterator[Finding]:
    definitions = schema("kubernetes")["definitions"]
    one: Schema = {"$ref": f"#/definitions/{each.type}"}
    root = {"type": "array", "items": one} if each.listed else one
    field = (*service.spec_field, *each.field)
    shape = check_shape(service.document, {**root, "definitions": definitions}, field)
    yield from (finding for finding in shape if not (each.overlay and _is_partial(finding)))
    for below, name, value in typed(service.get(*each.field), root, definitions):
        for place, message, hint in _faults(name, value):
            yield service.error("NH112", (*each.field, *below, *place), message, hint)


def _is_partial(finding: Finding) -> bool:
    """Whether a field is missing that the chart has. An item of a list is found by its name, so that must be there."""
    return finding.code == "NH011" and not finding.field.endswith(".name")


def typed(data: Any, shape: Schema, definitions: Schema, field: Path = ()) -> Iterator[tuple[Path, str, Any]]:
    """Every mapping in a value whose type has a name: its place, the name of the type, and the mapping."""
    reference = shape.get("$ref", "").rpartition("/")[2]
    shape = definitions[reference] if reference else shape
    if isinstance(data, list) and "items" in shape:
        for index, item in enumerate(data):
            yield from typed(item, shape["items"], definitions, (*field, index))
    elif isinstance(data, dict):
        if reference:
            yield field, reference, data
        for key, value in data.items():
            below = shape.get("properties", {}).get(key)
            if below is not None and isinstance(value, (dict, list)):
                yield from typed(value, below, definitions, (*field, key))


def _faults(name: str, value: dict[str, Any]) -> Iterator[Fault]:
    if name in ONE_OF:
        yield from _one_of(value, *ONE_OF[name])
    if name in RULES:
        yield from RULES[name](value)


def _one_of(value: dict[str, Any], what: str, besides: str, needed: str) -> Iterator[Fault]:
    """A mapping that holds one of several sources."""
    set_ = [key for key, each in value.items() if key != besides and each is not None]
    if len(set_) > 1:
        yield (set_[1],), f"{what} has {' and '.join(set_)}, and takes one of them", f"remove {set_[0]} or {set_[1]}"
    elif not set_ and needed:
        yield (), f"{what} has no source", f"add {needed}"


ONE_OF = {
    "Volume": ("a volume", "name", ""),  # without a source it is an emptyDir
    "EnvFromSource": ("an entry of envFrom", "prefix", "secretRef or configMapRef"),
    "LifecycleHandler": ("a hook", "", "exec, httpGet or sleep"),
}
"""Types that hold one of their keys: how a message calls them, the key that does not count, what to add to none."""


def _security_context(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("privileged") is True and value.get("allowPrivilegeEscalation") is False:
        message = "a privileged container cannot have allowPrivilegeEscalation: false"
        yield ("allowPrivilegeEscalation",), message, "remove one of the two"
    yield from _user(value)


def _user(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("runAsNonRoot") is True and value.get("runAsUser") == 0:
        yield ("runAsUser",), "runAsUser is root, which runAsNonRoot forbids", "give runAsUser another ID"


def _profile(value: dict[str, Any]) -> Iterator[Fault]:
    local = value.get("type") == "Localhost"
    if local and not value.get("localhostProfile"):
        yield (), "a profile of type Localhost needs localhostProfile", "add localhostProfile"
    elif not local and value.get("localhostProfile"):
        yield ("localhostProfile",), "only a profile of type Localhost has localhostProfile", "write type: Localhost"


def _spread(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("minDomains") is not None and value.get("whenUnsatisfiable") != "DoNotSchedule":
        yield ("minDomains",), "minDomains needs whenUnsatisfiable: DoNotSchedule", "remove one of the two"


def _strategy(value: dict[str, Any]) -> Iterator[Fault]:
    rolling = value.get("rollingUpdate")
    if value.get("type") == "Recreate" and rolling:
        yield ("rollingUpdate",), "the strategy Recreate has no rollingUpdate", "remove rollingUpdate"
    elif isinstance(rolling, dict):
        for key in ("maxSurge", "maxUnavailable"):
            if key in rolling and _share(rolling[key]) is None:
                message = f"{key} is a number of pods or a percentage, not {rolling[key]}"
                yield ("rollingUpdate", key), message, "for example 1 or 25%"
        if _share(rolling.get("maxUnavailable", "25%")) == 0 == _share(rolling.get("maxSurge", "25%")):
            yield ("rollingUpdate",), "maxSurge and maxUnavailable are both 0", "allow one pod more or less"


def _share(value: Any) -> int | None:
    """`25%` -> 25, `1` -> 1; None for what is neither a number of pods nor a percentage."""
    text = str(value).removesuffix("%") if isinstance(value, str) and value.endswith("%") else value
    if isinstance(text, str):
        return int(text) if text.isdecimal() and len(text) < 10 and text is not value else None
    return text if isinstance(text, int) and not isinstance(text, bool) and text >= 0 else None


def _host_alias(value: dict[str, Any]) -> Iterator[Fault]:
    if not _is_address(value.get("ip")):
        yield ("ip",), f"{value.get('ip')} is not an IP address", "for example 10.0.0.1"


def _dns(value: dict[str, Any]) -> Iterator[Fault]:
    for index, server in enumerate(_listed(value.get("nameservers"))):
        if not _is_address(server):
            yield ("nameservers", index), f"{server} is not an IP address", "for example 10.0.0.10"
    for index, option in enumerate(_listed(value.get("options"))):
        if isinstance(option, dict) and not option.get("name"):
            yield ("options", index), "an option without a name", "add name"


def _listed(value: Any) -> list[Any]:
    """A list; what else stands there has its finding from the schema."""
    return value if isinstance(value, list) else []


def _is_address(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(ip_address(text))
    except ValueError:
        return False


def _pod(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("activeDeadlineSeconds") is not None:
        yield ("activeDeadlineSeconds",), "the pods of a Deployment have no activeDeadlineSeconds", "remove it"


RULES: dict[str, Callable[[dict[str, Any]], Iterator[Fault]]] = {
    "SecurityContext": _security_context,
    "PodSecurityContext": _user,
    "SeccompProfile": _profile,
    "AppArmorProfile": _profile,
    "TopologySpreadConstraint": _spread,
    "DeploymentStrategy": _strategy,
    "HostAlias": _host_alias,
    "PodDNSConfig": _dns,
    "PodSpec": _pod,
    "ResourceRequirements": above_limits,
}
"""What the API server refuses of a type beyond its schema."""


def check_volumes(service: Service) -> Iterator[Finding]:
    """Further volumes have names of their own; further mounts name a volume, and a place that is free."""
    names = set(RESERVED_VOLUMES)
    for index, volume in service.items("volumes"):
        name = volume.get("name")
        if isinstance(name, str) and name in names:
            message = f"the volume name {name} is taken"
            yield service.error("NH112", ("volumes", index, "name"), message, "rename it")
        names.add(str(name))
    names.update(str(volume.get("name")) for _, volume in service.items("podTemplate", "spec", "volumes"))
    taken = set(MOUNTED["native" if service.get("imageLayout") == "native" else "legacy"])
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
    """A container of the overlay is one of the pod's, or a whole one."""
    known = {
        *service.own_containers(),
        "nim-leader",
        "nim-worker",
        f"fill-cache-{service.get('storage', 'nimCache', 'name')}",
    }
    for kind in ("initContainers", "sidecarContainers"):
        known.update(str(container.get("name")) for _, container in service.items(kind))
    for kind in ("containers", "initContainers"):
        for index, container in service.items("podTemplate", "spec", kind):
            name = container.get("name")
            if isinstance(name, str) and name not in known and not container.get("image"):
                message = f"the pod has no container {name}, and a new one needs an image"
                hint = f"the NIM is called {service.name}-ctr"
                yield service.error("NH112", ("podTemplate", "spec", kind, index, "name"), message, hint)


def check_settings(service: Service) -> Iterator[Finding]:
    """Settings of a service that exclude each other, or that another one must allow."""
    budget = service.mapping("podDisruptionBudget")
    if budget.get("minAvailable") is not None and budget.get("maxUnavailable") is not None:
        message = "a PodDisruptionBudget has minAvailable or maxUnavailable, not both"
        yield service.error("NH112", ("podDisruptionBudget", "maxUnavailable"), message, "remove one of the two")
    for key in ("minAvailable", "maxUnavailable"):
        share = budget.get(key)
        if share is not None and (_share(share) is None or (isinstance(share, str) and (_share(share) or 0) > 100)):
            message = f"{key} is a number of pods or a percentage, not {share}"
            yield service.error("NH112", ("podDisruptionBudget", key), message, "for example 1 or 50%")
    least, deadline = number(service.get("minReadySeconds"), 0), number(service.get("progressDeadlineSeconds"), 0)
    if least >= (deadline or 600) and least > 0:
        message = f"minReadySeconds is {least}, and must be below progressDeadlineSeconds, which is {deadline or 600}"
        yield service.error("NH112", ("minReadySeconds",), message, "raise progressDeadlineSeconds")
    if service.get("dnsPolicy") == "None" and not service.get("dnsConfig", "nameservers"):
        message = "dnsPolicy None leaves the pods without a name server"
        yield service.error("NH112", ("dnsPolicy",), message, "add dnsConfig.nameservers")
    yield from check_reach(service)


NEEDS = {
    "loadBalancerClass": ("LoadBalancer",), "loadBalancerSourceRanges": ("LoadBalancer",),
    "externalTrafficPolicy": ("NodePort", "LoadBalancer"), "nodePort": ("NodePort", "LoadBalancer"),
}  # fmt: skip
"""Fields of a Service, and the types that have them."""


def check_reach(service: Service) -> Iterator[Finding]:
    """Fields of a Service that its type does not have, and ranges that are none."""
    kind = service.get("expose", "service", "type") or "ClusterIP"
    for key, types in NEEDS.items():
        if service.get("expose", "service", key) and kind not in types:
            message = f"{key} needs a Service of type {' or '.join(types)}, and this one is {kind}"
            yield service.error("NH112", ("expose", "service", key), message, f"write type: {types[-1]}, or remove it")
    for index, text in enumerate(service.sequence("expose", "service", "loadBalancerSourceRanges")):
        if not isinstance(text, str) or not is_range(text):
            field: Path = ("expose", "service", "loadBalancerSourceRanges", index)
            yield service.error("NH112", field, f"{text} is not an address range", "for example 10.0.0.0/8")
