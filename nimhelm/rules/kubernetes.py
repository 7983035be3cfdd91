"""Rules of values that are fields of Kubernetes' own objects: volumes, security contexts, overlays of pod and Service.

Their shape is held against schema/kubernetes.schema.json, which Kubernetes publishes. A table of rules by type adds
what the API server refuses beyond that, wherever in the values a field of the type stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any, NamedTuple

from nimhelm.assets import schema
from nimhelm.finding import ERROR, Finding
from nimhelm.pipeline import Service, dig, number, served_ports
from nimhelm.quantity import nanos
from nimhelm.rules.annotations import is_range
from nimhelm.rules.probes import HANDLERS
from nimhelm.rules.resources import amounts
from nimhelm.rules.variables import READABLE
from nimhelm.schema_check import Schema, check_shape
from nimhelm.yamlread import Document, Path, field_text

Fault = tuple[Path, str, str]
"""Where, below a value; what the API server says; the way out."""


class Typed(NamedTuple):
    """A field of a service's values: its type in Kubernetes, and whether it is merged over what the chart has."""

    field: Path
    type: str
    listed: bool = False
    overlay: bool = False


POD_TEMPLATE: Path = ("podTemplate", "spec")
PICKER_TEMPLATE: Path = ("expose", "router", "eppConfig", *POD_TEMPLATE)

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
    Typed(PICKER_TEMPLATE, "PodSpec", overlay=True),
    Typed(("expose", "service", "overlay"), "ServiceSpec", overlay=True),
)


def check_typed(
    document: Document, field: Path, name: str, value: Any, listed: bool = False, known: set[str] | None = None
) -> Iterator[Finding]:
    """A value, or a list of values, of a type of Kubernetes. An overlay takes `known`: the names of the items below it."""
    definitions = schema("kubernetes")["definitions"]
    one: Schema = {"$ref": f"#/definitions/{name}"}
    root = {"type": "array", "items": one} if listed else one
    for finding in check_shape(document, {**root, "definitions": definitions}, field):
        if known is None or not _is_partial(value, field, known, finding):
            yield finding
    for below, type_, inner in typed(value, root, definitions):
        for place, message, hint in faults(type_, inner):
            yield document.finding(ERROR, "NH112", (*field, *below, *place), message, hint)
    for place in _empty_items(value) if known is not None else ():
        yield document.finding(ERROR, "NH112", (*field, *place), "an item of a list is empty", "remove it")


def _empty_items(value: Any) -> Iterator[Path]:
    """A null in a list. The chart takes it out of the other values, and leaves overlays as they are."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if item is None and isinstance(value, list):
            yield (key,)
        yield from ((key, *place) for place in _empty_items(item))


def _is_partial(value: Any, field: Path, known: set[str], finding: Finding) -> bool:
    """Whether a field is missing that the chart has. An item of a list is found by its name, so that must be there."""
    if finding.code != "NH011" or finding.field.endswith(".name"):
        return False
    inside = finding.field.removeprefix(f"{field_text(field)}.")
    for part in re.findall(r"[^.\[\]]+", inside):
        if part == "lifecycle":  # the chart's containers have no hooks
            return False
        if isinstance(value, list):
            value = value[int(part)] if part.isdecimal() and int(part) < len(value) else None
            if not isinstance(value, dict) or str(value.get("name")) not in known:
                return False
        else:
            value = dig(value, part)
    return True


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


def faults(name: str, value: dict[str, Any]) -> Iterator[Fault]:
    """What the API server refuses of a mapping of this type, wherever it stands."""
    if name in ONE_OF:
        yield from _one_of(value, *ONE_OF[name])
    for field, key in UNIQUE.get(name, ()):
        yield from twice(value, field, key)
    if name in RULES:
        yield from RULES[name](value)


def _one_of(value: dict[str, Any], what: str, besides: str, needed: str) -> Iterator[Fault]:
    """A mapping that holds one of several sources."""
    set_ = [key for key, each in value.items() if key not in besides.split() and each is not None]
    if len(set_) > 1:
        yield (set_[1],), f"{what} has {' and '.join(set_)}, and takes one of them", f"remove {set_[0]} or {set_[1]}"
    elif not set_ and needed:
        yield (), f"{what} has no source", f"add {needed}"


ONE_OF = {
    "Volume": ("a volume", "name", ""),  # without a source it is an emptyDir
    "EnvFromSource": ("an entry of envFrom", "prefix", "secretRef or configMapRef"),
    "LifecycleHandler": ("a hook", "", "exec, httpGet or sleep"),
    "VolumeProjection": ("a source of a projected volume", "", ""),
    "DownwardAPIVolumeFile": ("a file of downwardAPI", "path mode", "fieldRef or resourceFieldRef"),
    "FlockerVolumeSource": ("a flocker volume", "", "datasetName"),
    "FCVolumeSource": ("a fibre channel volume", "fsType lun readOnly", "targetWWNs or wwids"),
    "PodResourceClaim": ("a resource claim", "name", "resourceClaimName or resourceClaimTemplateName"),
}
"""Types that hold one of their keys: how a message calls them, the keys that do not count, what to add to none."""

UNIQUE = {
    "Container": (("ports", "name"), ("volumeMounts", "mountPath")),
    "PodSpec": tuple(
        (field, "name") for field in ("containers", "initContainers", "volumes", "schedulingGates", "resourceClaims")
    ),
    "PodSecurityContext": (("sysctls", "name"),),
    "ServiceSpec": (("ipFamilies", ""),),
}
"""Lists of a type whose items differ: the field, and the key by which they do."""


def twice(value: dict[str, Any], field: str, key: str, hint: str = "keep one") -> Iterator[Fault]:
    """The items of a list that an earlier one has been: by their `key`, or as a whole when it is ""."""
    seen: list[Any] = []
    for index, item in enumerate(listed(value.get(field))):
        given = dig(item, key) if key else item
        if given is not None and given in seen:
            yield (field, index, key) if key else (field, index), f"{field} has {given} twice", hint
        seen.append(given)


def _security_context(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("privileged") is True and value.get("allowPrivilegeEscalation") is False:
        message = "a privileged container cannot have allowPrivilegeEscalation: false"
        yield ("allowPrivilegeEscalation",), message, "remove one of the two"
    added = dig(value, "capabilities", "add")
    if "CAP_SYS_ADMIN" in listed(added) and value.get("allowPrivilegeEscalation") is False:
        message = "a container with CAP_SYS_ADMIN cannot have allowPrivilegeEscalation: false"
        yield ("allowPrivilegeEscalation",), message, "remove one of the two"
    yield from _user(value)


def _user(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("runAsNonRoot") is True and value.get("runAsUser") == 0:
        yield ("runAsUser",), "runAsUser is root, which runAsNonRoot forbids", "give runAsUser another ID"


def _profile(value: dict[str, Any]) -> Iterator[Fault]:
    local = value.get("type") == "Localhost"
    if local and not value.get("localhostProfile"):
        yield (), "a profile of type Localhost needs localhostProfile", "add localhostProfile"
    elif not local and value.get("localhostProfile") is not None:
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
    return text if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 2**31 else None


def _host_alias(value: dict[str, Any]) -> Iterator[Fault]:
    if not _is_address(value.get("ip")):
        yield ("ip",), f"{value.get('ip')} is not an IP address", "for example 10.0.0.1"


def _dns(value: dict[str, Any]) -> Iterator[Fault]:
    for index, server in enumerate(listed(value.get("nameservers"))):
        if not _is_address(server):
            yield ("nameservers", index), f"{server} is not an IP address", "for example 10.0.0.10"
    for index, option in enumerate(listed(value.get("options"))):
        if isinstance(option, dict) and not option.get("name"):
            yield ("options", index), "an option without a name", "add name"


def listed(value: Any) -> list[Any]:
    """A list; what else stands there has its finding from the schema."""
    return value if isinstance(value, list) else []


def _is_address(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(ip_address(text))
    except ValueError:
        return False


def _pod(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("ephemeralContainers") is not None:
        yield ("ephemeralContainers",), "containers of this kind are added to pods that run", "remove them"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if value.get("hostUsers") is False and value.get(key) is True:
            yield (key,), f"{key} is not possible with hostUsers: false", "remove one of the two"
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(listed(value.get(kind))):
            if dig(container, "securityContext", "procMount") == "Unmasked" and value.get("hostUsers") is not False:
                message = "procMount: Unmasked needs hostUsers: false"
                yield (kind, index, "securityContext", "procMount"), message, "add hostUsers: false to the pod"
    for index, container in enumerate(listed(value.get("initContainers"))):
        for key in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
            if dig(container, key) is not None and dig(container, "restartPolicy") != "Always":
                message = f"an init container has {key} only with restartPolicy: Always"
                yield ("initContainers", index, key), message, f"remove {key}, or write restartPolicy: Always"


def kept_running(value: dict[str, Any]) -> Iterator[Fault]:
    """What the pods of a Deployment, a StatefulSet or a DaemonSet do not have."""
    if value.get("activeDeadlineSeconds") is not None:
        yield ("activeDeadlineSeconds",), "pods that are replaced have no activeDeadlineSeconds", "remove it"
    if value.get("restartPolicy") not in (None, "Always"):
        message = f"restartPolicy must be Always, not {value['restartPolicy']}: the pods are kept running"
        yield ("restartPolicy",), message, "remove it, or use a Job"


def _container(value: dict[str, Any]) -> Iterator[Fault]:
    for kind in ("livenessProbe", "startupProbe"):
        if number(dig(value, kind, "successThreshold"), 1) not in (0, 1):
            yield (kind, "successThreshold"), f"successThreshold of {kind} must be 1", "write 1, or leave it out"


def _probe(value: dict[str, Any]) -> Iterator[Fault]:
    handlers = [name for name in HANDLERS if value.get(name) is not None]
    if len(handlers) > 1:
        yield (handlers[1],), f"a probe has {' and '.join(handlers)}, and takes one of them", "keep one"


def _mount(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("subPath") and value.get("subPathExpr"):
        yield ("subPathExpr",), "subPath and subPathExpr exclude each other", "keep one"
    if value.get("recursiveReadOnly") in ("Enabled", "IfPossible") and value.get("readOnly") is not True:
        yield ("recursiveReadOnly",), "recursiveReadOnly needs readOnly: true", "add it"


def _azure_disk(value: dict[str, Any]) -> Iterator[Fault]:
    start = "/subscriptions/" if value.get("kind") == "Managed" else "https://"
    if isinstance(value.get("diskURI"), str) and not value["diskURI"].startswith(start):
        yield ("diskURI",), f"diskURI must start with {start}", "only a disk of kind Managed is in /subscriptions/"


def _iscsi(value: dict[str, Any]) -> Iterator[Fault]:
    for key in ("chapAuthDiscovery", "chapAuthSession"):
        if value.get(key) is True and not value.get("secretRef"):
            yield (key,), f"{key} needs secretRef", "add secretRef"


def _fibre_channel(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("targetWWNs") and value.get("lun") is None:
        yield ("targetWWNs",), "targetWWNs needs lun", "add lun"


def _downward_file(value: dict[str, Any]) -> Iterator[Fault]:
    """A file takes fewer fields of the pod than a variable does."""
    path, version = dig(value, "fieldRef", "fieldPath"), dig(value, "fieldRef", "apiVersion")
    if isinstance(path, str) and not re.fullmatch(
        r"metadata\.(name|namespace|uid|labels|annotations)(\['.+'\])?", path
    ):
        yield ("fieldRef", "fieldPath"), f"a file cannot hold {path}", "for example metadata.labels"
    if version not in (None, "", "v1"):
        yield ("fieldRef", "apiVersion"), f"the API server reads fields of version v1, not {version}", "remove it"
    resource = dig(value, "resourceFieldRef", "resource")
    if isinstance(resource, str) and not re.fullmatch(READABLE[1][2], resource):
        yield ("resourceFieldRef", "resource"), f"a file cannot hold {resource}", READABLE[1][3]
    if isinstance(dig(value, "resourceFieldRef"), dict) and not dig(value, "resourceFieldRef", "containerName"):
        yield ("resourceFieldRef",), "a file has the amount of a container", "add containerName"


def _claim(value: dict[str, Any]) -> Iterator[Fault]:
    storage = dig(value, "resources", "requests", "storage")
    if isinstance(dig(value, "resources", "requests"), dict) and not nanos(storage):
        yield ("resources", "requests"), "a claim needs requests.storage above zero", "for example storage: 50Gi"
    modes = listed(value.get("accessModes"))
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield ("accessModes",), "ReadWriteOncePod stands alone", "remove the other modes"


def _secret(value: dict[str, Any]) -> Iterator[Fault]:
    data = value.get("data")
    for key, text in data.items() if isinstance(data, dict) else ():
        if isinstance(text, str) and not _is_base64(text):
            yield ("data", key), f"{key} is not base64", "write the plain text under stringData"


def _is_base64(text: str) -> bool:
    from base64 import b64decode

    try:
        return b64decode(re.sub(r"[\r\n]", "", text), validate=True) is not None
    except ValueError:
        return False


def _config_map(value: dict[str, Any]) -> Iterator[Fault]:
    data, more = value.get("data"), value.get("binaryData")
    both = isinstance(data, dict) and isinstance(more, dict)
    for key in more or () if both else ():
        if key in (data or {}):
            yield ("binaryData", key), f"{key} is in data already", "keep one"
    yield from (
        (("binaryData", *place[1:]), message, "write the plain text under data")
        for place, message, _ in _secret({"data": more})
    )


def _budget(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("minAvailable") is not None and value.get("maxUnavailable") is not None:
        message = "a PodDisruptionBudget has minAvailable or maxUnavailable, not both"
        yield ("maxUnavailable",), message, "remove one of the two"
    for key in ("minAvailable", "maxUnavailable"):
        share = value.get(key)
        if share is not None and (_share(share) is None or (isinstance(share, str) and (_share(share) or 0) > 100)):
            yield (key,), f"{key} is a number of pods or a percentage, not {share}", "for example 1 or 50%"


def _network(value: dict[str, Any]) -> Iterator[Fault]:
    """The addresses of a NetworkPolicy are ranges, and what is left out lies within."""
    block = value.get("ipBlock")
    if isinstance(block, dict):
        given = [("cidr", block.get("cidr")), *(("except", each) for each in listed(block.get("except")))]
        for key, text in given:
            if not isinstance(text, str) or not is_range(text):
                yield ("ipBlock", key), f"{text} is not an address range", "for example 10.0.0.0/8"
        if value.get("podSelector") is not None or value.get("namespaceSelector") is not None:
            yield ("ipBlock",), "ipBlock stands alone", "remove the selectors"


def _reach(value: dict[str, Any]) -> Iterator[Fault]:
    """Addresses of a Service."""
    address = value.get("clusterIP")
    if address and address != "None" and not _is_address(address):
        yield ("clusterIP",), f"{address} is not an IP address", "remove it: the cluster chooses one"
    if value.get("clusterIPs") and not value.get("clusterIP"):
        yield ("clusterIPs",), "clusterIPs begins with clusterIP, which is left out", "add clusterIP, or remove both"
    for index, text in enumerate(listed(value.get("externalIPs"))):
        if not _is_address(text):
            yield ("externalIPs", index), f"{text} is not an IP address", "for example 192.0.2.1"
        elif (one := ip_address(text)).is_loopback or one.is_link_local or one.is_unspecified or one.is_multicast:
            yield ("externalIPs", index), f"no client reaches a Service at {text}", "for example 192.0.2.1"
    for index, text in enumerate(listed(value.get("loadBalancerSourceRanges"))):
        if not isinstance(text, str) or not is_range(text):
            yield ("loadBalancerSourceRanges", index), f"{text} is not an address range", "for example 10.0.0.0/8"


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
    "Container": _container,
    "Probe": _probe,
    "VolumeMount": _mount,
    "AzureDiskVolumeSource": _azure_disk,
    "FCVolumeSource": _fibre_channel,
    "ISCSIVolumeSource": _iscsi,
    "DownwardAPIVolumeFile": _downward_file,
    "PersistentVolumeClaimSpec": _claim,
    "ServiceSpec": _reach,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "PodDisruptionBudgetSpec": _budget,
    "NetworkPolicyPeer": _network,
    "ResourceRequirements": amounts,
}
"""What the API server refuses of a type beyond its schema."""


def propagated(container: dict[str, Any], privileged: bool = False) -> Iterator[Fault]:
    """Only a privileged container hands what it mounts to the node."""
    if privileged or dig(container, "securityContext", "privileged") is True:
        return
    for index, mount in enumerate(listed(container.get("volumeMounts"))):
        if dig(mount, "mountPropagation") == "Bidirectional":
            message = "mountPropagation Bidirectional needs a privileged container"
            yield ("volumeMounts", index, "mountPropagation"), message, "write HostToContainer"


def without_volume(container: dict[str, Any], volumes: set[str]) -> Iterator[Fault]:
    """What a container mounts, or has as a device, is a volume of the pod."""
    for key in ("volumeMounts", "volumeDevices"):
        for index, each in enumerate(listed(container.get(key))):
            name = dig(each, "name")
            if isinstance(name, str) and name not in volumes:
                yield (key, index, "name"), f"no volume is called {name}", f"add {name} to volumes"


def check_settings(service: Service) -> Iterator[Finding]:
    """Settings of a service that exclude each other, or that another one must allow."""
    for place, message, hint in _budget(service.mapping("podDisruptionBudget")):
        yield service.error("NH112", ("podDisruptionBudget", *place), message, hint)
    least, deadline = number(service.get("minReadySeconds"), 0), number(service.get("progressDeadlineSeconds"), 0)
    if least >= (deadline or 600) and least > 0:
        message = f"minReadySeconds is {least}, and must be below progressDeadlineSeconds, which is {deadline or 600}"
        yield service.error("NH112", ("minReadySeconds",), message, "raise progressDeadlineSeconds")
    grace = service.get("podTemplate", "spec", "terminationGracePeriodSeconds")
    grace = number(service.get("terminationGracePeriodSeconds"), 30) if grace is None else number(grace, 30)
    for hook in ("preStop", "postStart"):
        slept = number(service.get("lifecycle", hook, "sleep", "seconds"), 0)
        if slept > grace >= 0:
            message = f"{hook} sleeps for {slept} seconds, and the pod gets {grace} to end"
            hint = f"raise terminationGracePeriodSeconds above {slept}"
            yield service.error("NH112", ("lifecycle", hook, "sleep", "seconds"), message, hint)
    unmasked = service.get("securityContext", "procMount") == "Unmasked"
    if unmasked and service.get("podTemplate", "spec", "hostUsers") is not False:
        message = "procMount: Unmasked needs podTemplate.spec.hostUsers: false"
        yield service.error("NH112", ("securityContext", "procMount"), message, "add it")
    for spread in (("topologySpreadConstraints",), ("podTemplate", "spec", "topologySpreadConstraints")):
        seen: list[tuple[Any, Any]] = []
        for index, each in service.items(*spread):
            both = each.get("topologyKey"), each.get("whenUnsatisfiable")
            if both in seen:
                message = f"{both[0]} with {both[1]} stands twice"
                yield service.error("NH112", (*spread, index), message, "keep one")
            seen.append(both)
    if service.get("dnsPolicy") == "None" and not service.get("dnsConfig", "nameservers"):
        message = "dnsPolicy None leaves the pods without a name server"
        yield service.error("NH112", ("dnsPolicy",), message, "add dnsConfig.nameservers")
    yield from check_reach(service)


def _overlaid_ports(service: Service, field: Path) -> Iterator[Finding]:
    """An overlay finds a port of the Service by its name, or adds one; each has a name and a number of its own."""
    numbers: dict[str, Any] = {name: (port, "TCP") for name, port in served_ports(service).items()}
    for index, port in service.items(*field):
        name = port.get("name")
        if not name:
            message = "an overlay finds the port of a Service by its name, and this one has none"
            yield service.error("NH112", (*field, index), message, "add name")
        elif isinstance(name, str):
            before = numbers.get(name, (None, "TCP"))
            numbers[name] = (port.get("port") or before[0], port.get("protocol") or before[1])
            other = next((each for each in numbers if each != name and numbers[each] == numbers[name]), None)
            if other:
                message = f"the ports {other} and {name} of the Service are both {numbers[name][0]}"
                yield service.error("NH112", (*field, index), message, "change one of them")


NEEDS = {
    "loadBalancerClass": ("LoadBalancer",), "loadBalancerSourceRanges": ("LoadBalancer",),
    "externalTrafficPolicy": ("NodePort", "LoadBalancer"), "nodePort": ("NodePort", "LoadBalancer"),
    "allocateLoadBalancerNodePorts": ("LoadBalancer",), "healthCheckNodePort": ("LoadBalancer",),
}  # fmt: skip
"""Fields of a Service, and the types that have them."""


def check_reach(service: Service) -> Iterator[Finding]:
    """Fields of a Service that its type does not have, and ranges that are none."""
    over: Path = ("expose", "service", "overlay")
    kind = service.get(*over, "type") or service.get("expose", "service", "type") or "ClusterIP"
    if kind == "ExternalName":
        message = "a Service of type ExternalName leads away from the pods"
        yield service.error("NH112", (*over, "type"), message, "use extraObjects for a Service of its own")
    for place in (("expose", "service"), over):
        for key, types in NEEDS.items():
            if service.get(*place, key) and kind not in types:
                message = f"{key} needs a Service of type {' or '.join(types)}, and this one is {kind}"
                yield service.error("NH112", (*place, key), message, f"write type: {types[-1]}, or remove it")
    if service.get(*over, "clusterIP") == "None" and kind != "ClusterIP":
        message = f"a Service of type {kind} needs an address of its own"
        yield service.error("NH112", (*over, "clusterIP"), message, "write type: ClusterIP, or remove clusterIP")
    affinity = service.get(*over, "sessionAffinity") or service.get("expose", "service", "sessionAffinity")
    if service.get(*over, "sessionAffinityConfig") and affinity != "ClientIP":
        message = "sessionAffinityConfig needs sessionAffinity: ClientIP"
        yield service.error(
            "NH112", (*over, "sessionAffinityConfig"), message, "add it, or remove sessionAffinityConfig"
        )
    policy = service.get(*over, "externalTrafficPolicy") or service.get("expose", "service", "externalTrafficPolicy")
    if service.get(*over, "healthCheckNodePort") and policy != "Local":
        message = "healthCheckNodePort needs externalTrafficPolicy: Local"
        yield service.error("NH112", (*over, "healthCheckNodePort"), message, "add it")
    for index, port in service.items(*over, "ports"):
        if port.get("nodePort") and kind == "ClusterIP":
            message = "a Service of type ClusterIP has no nodePort"
            yield service.error("NH112", (*over, "ports", index, "nodePort"), message, "write type: NodePort")
    yield from _overlaid_ports(service, (*over, "ports"))
    for fault, message, hint in _reach(service.mapping("expose", "service")):
        yield service.error("NH112", ("expose", "service", *fault), message, hint)
