"""What is kept of an object that was read: no value of a secret or of a ConfigMap, and of 10,000 pods only what they ask for."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from sys import intern
from typing import Any

from nimhelm.imagereference import Reference
from nimhelm.status import kubeobject as ko
from nimhelm.status.owners import owners_of

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
SYSTEM_NAMESPACES = ("kube-system", "openshift-dns")
"""Where the pods of the cluster's DNS are."""
PULL_TYPES = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}


def reduced(value: ko.Object) -> ko.Object:
    """The object without what no check looks at."""
    make = _REDUCE.get(ko.text(value, "kind"))
    if make:
        return make(value)
    kept = {key: item for key, item in value.items() if key != "metadata"}
    return kept | {"metadata": _metadata(value), **_owners(value)}


def _owners(value: ko.Object) -> ko.Object:
    """Who set which field."""
    managed = ko.items(value, "metadata", "managedFields")
    if managed:
        return {"fieldOwners": owners_of(managed)}
    return {key: item for key, item in value.items() if key == "fieldOwners"}


def _metadata(value: ko.Object) -> ko.Object:
    wanted = ("name", "namespace", "labels", "ownerReferences", "deletionTimestamp")
    kept = {key: item for key, item in ko.mapping(value, "metadata").items() if key in wanted}
    annotations = ko.mapping(value, "metadata", "annotations")
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return kept | ({"annotations": annotations} if annotations else {})


def _pod(pod: ko.Object) -> ko.Object:
    """Where it is and what it asks for: its requests are kept as they are written."""
    labels = {intern(key): intern(str(value)) for key, value in ko.mapping(pod, "metadata", "labels").items()}
    spec: ko.Object = {"nodeName": intern(ko.text(pod, "spec", "nodeName"))}
    if priority := ko.number(pod, "spec", "priority"):
        spec["priority"] = priority
    if avoided := ko.items(pod, "spec", "affinity", "podAntiAffinity", _REQUIRED):
        spec["affinity"] = {"podAntiAffinity": {_REQUIRED: avoided}}
    for key in ("priorityClassName", "activeDeadlineSeconds", "resources", "overhead"):
        if key in ko.mapping(pod, "spec"):
            spec[key] = pod["spec"][key]
    if claims := [each for each in ko.items(pod, "spec", "volumes") if "persistentVolumeClaim" in each]:
        spec["volumes"] = claims
    for place in ("containers", "initContainers"):
        if asked := [_asked(each) for each in ko.items(pod, "spec", place)]:
            spec[place] = asked
    metadata = {"name": ko.name_of(pod), "namespace": intern(ko.text(pod, "metadata", "namespace")), "labels": labels}
    status: ko.Object = {"phase": intern(ko.text(pod, "status", "phase"))}
    if metadata["namespace"] in SYSTEM_NAMESPACES and (ready := ko.condition(pod, "Ready")):
        status["conditions"] = [{"type": "Ready", "status": ko.text(ready, "status")}]
    return {"kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _asked(container: ko.Object) -> ko.Object:
    kept: ko.Object = {}
    for side in ("requests", "limits"):
        if amounts := ko.mapping(container, "resources", side):
            kept[side] = {intern(key): intern(str(amount)) for key, amount in amounts.items()}
    always = {"restartPolicy": "Always"} if ko.text(container, "restartPolicy") == "Always" else {}
    ports = [each for each in ko.items(container, "ports") if "hostPort" in each]
    return ({"resources": kept} if kept else {}) | always | ({"ports": ports} if ports else {})


def _node(node: ko.Object) -> ko.Object:
    metadata = {"name": ko.name_of(node), "labels": ko.mapping(node, "metadata", "labels")}
    spec = {key: item for key, item in ko.mapping(node, "spec").items() if key in ("taints", "unschedulable")}
    ready = [each for each in ko.items(node, "status", "conditions") if ko.text(each, "type") == "Ready"]
    images = [intern(name) for each in ko.items(node, "status", "images") for name in ko.texts(each, "names")]
    status = {
        "allocatable": ko.mapping(node, "status", "allocatable"),
        "conditions": ready,
        **({"images": [{"names": images}]} if images else {}),
    }
    return {"kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def _secret(secret: ko.Object) -> ko.Object:
    """The names of its keys, its type, and the registries of a pull secret."""
    keys = dict.fromkeys(ko.mapping(secret, "data"), "")
    kept = {"kind": "Secret", "metadata": _metadata(secret), "type": ko.text(secret, "type"), "data": keys}
    known = secret.get("registries")
    return kept | {"registries": known if isinstance(known, list) else sorted(logins_of(secret))}


def _configmap(configmap: ko.Object) -> ko.Object:
    kept = {place: dict.fromkeys(ko.mapping(configmap, place), "") for place in ("data", "binaryData")}
    return {"kind": "ConfigMap", "metadata": _metadata(configmap), **kept}


def _slice(value: ko.Object) -> ko.Object:
    """Which devices of which driver, where, and what selectors ask of them."""
    spec = ko.mapping(value, "spec")
    # The API had attributes and capacity in `basic` before resource.k8s.io/v1.
    entries = [ko.mapping(each, "basic") | each for each in ko.items(spec, "devices")]
    devices = [{key: each[key] for key in ("name", "attributes", "capacity") if key in each} for each in entries]
    kept = {"driver": spec.get("driver"), "devices": devices}
    kept |= {key: spec[key] for key in ("nodeName", "pool") if key in spec}
    return {"kind": "ResourceSlice", "metadata": {"name": ko.name_of(value)}, "spec": kept}


def _owned(value: ko.Object) -> ko.Object:
    """An object of a kind that the chart has: only whose it is counts, and what was changed in it by hand."""
    owners = _owners(value)
    wanted = ("apiVersion", "kind", "spec") if owners else ("apiVersion", "kind")
    return {key: value.get(key) for key in wanted} | {"metadata": _metadata(value), **owners}


def logins_of(secret: ko.Object) -> dict[str, str]:
    """Registry -> "user:password" in base 64, of a pull secret; {} for any other secret, or one that cannot be read."""
    key = PULL_TYPES.get(ko.text(secret, "type"), "")
    try:
        held: Any = json.loads(base64.b64decode(ko.text(secret, "data", key)))
    except (ValueError, RecursionError):
        return {}
    entries = ko.mapping(held, "auths") if key == ".dockerconfigjson" else ko.mapping(held)
    return {place_of(server): _login(entry) for server, entry in entries.items()}


def _login(entry: Any) -> str:
    if given := ko.text(entry, "auth"):
        return given
    plain = f"{ko.text(entry, 'username')}:{ko.text(entry, 'password')}"
    return base64.b64encode(plain.encode(errors="replace")).decode()


def host_of(server: str) -> str:
    """The registry of an entry: "https://index.docker.io/v1/" -> "docker.io", "nvcr.io" -> "nvcr.io"."""
    return place_of(server).partition("/")[0]


def place_of(server: str) -> str:
    """The registry of an entry with its path: "https://corp:5000/team" -> "corp:5000/team", without that of the API, /v1/."""
    host, _, path = (server.partition("://")[2] or server).partition("/")
    path = path[3:] if path.startswith(("v1/", "v2/")) else path
    host = "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host
    return f"{host}/{path}" if path else host


def covers(place: str, image: Reference) -> bool:
    """Whether the kubelet uses a login of that place for the image.

    `*` stands for one part of a host's name, and a path for all that is under it.
    """
    host, _, path = place.partition("/")
    (name, _, port), (own_name, _, own_port) = host.partition(":"), host_of(image.host).partition(":")
    parts, own = name.split("."), own_name.split(".")
    alike = len(parts) == len(own) and all(fnmatchcase(*each) for each in zip(own, parts, strict=True))
    return alike and port == own_port and image.repository.startswith(path)


_REDUCE: dict[str, Callable[[ko.Object], ko.Object]] = {
    "Pod": _pod,
    "Node": _node,
    "Secret": _secret,
    "ConfigMap": _configmap,
    "ResourceSlice": _slice,
    "Deployment": _owned,
    "StatefulSet": _owned,
    "Job": _owned,
}
