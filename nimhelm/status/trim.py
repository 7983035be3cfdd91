"""What of an object is kept: 10,000 pods as the API server prints them are 110 MB, and most of that is not needed here."""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any

from nimhelm.status import kubeobject as ko
from nimhelm.status.owners import owners_of

_METADATA = (
    "name",
    "namespace",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
)
_COPIES = "kubectl.kubernetes.io/last-applied-configuration"
_CONTAINER = (
    "name",
    "image",
    "restartPolicy",
    "resources",
    "ports",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
    "volumeMounts",
)
_POD_SPEC = (
    "nodeName",
    "nodeSelector",
    "affinity",
    "topologySpreadConstraints",
    "tolerations",
    "imagePullSecrets",
    "schedulingGates",
    "resourceClaims",
    "readinessGates",
    "serviceAccountName",
    "restartPolicy",
    "priorityClassName",
)
_POD_STATUS = (
    "phase",
    "reason",
    "message",
    "conditions",
    "startTime",
    "podIP",
    "initContainerStatuses",
    "containerStatuses",
    "resize",
)
_EVENT = (
    "type",
    "reason",
    "message",
    "note",
    "involvedObject",
    "regarding",
    "count",
    "series",
    "eventTime",
    "firstTimestamp",
    "lastTimestamp",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
    "deprecatedCount",
)


def trimmed(kind: str, value: ko.Object) -> ko.Object:
    """The object without what no cause is found by; `kind` is the name that kubectl has for the list."""
    kept = dict(value)
    kept["metadata"] = _some(ko.mapping(value, "metadata"), _METADATA)
    if annotations := ko.mapping(kept, "metadata", "annotations"):
        annotations.pop(_COPIES, None)
        kept["metadata"]["annotations"] = annotations
    if managed := ko.items(value, "metadata", "managedFields"):
        kept["fieldOwners"] = owners_of(managed)
    if _TRIMS.get(kind):
        kept = _TRIMS[kind](kept)
    shared: ko.Object = _shared(kept)
    return shared


def _some(value: ko.Object, keys: tuple[str, ...]) -> ko.Object:
    return {key: value[key] for key in keys if key in value}


def _pod(pod: ko.Object) -> ko.Object:
    """A pod that is ready is looked at for its restarts, ports and GPUs, and not for how it came to be placed."""
    spec, status = ko.mapping(pod, "spec"), ko.mapping(pod, "status")
    ready = ko.text(ko.condition(pod, "Ready"), "status") == "True"
    kept = _some(spec, _POD_SPEC)
    for place in ("initContainers", "containers"):
        if place in spec:
            kept[place] = [_container(each) for each in ko.items(spec, place)]
    if volumes := ko.items(spec, "volumes"):
        kept["volumes"] = [each for each in volumes if "projected" not in each]
    if ready:
        kept.pop("tolerations", None)
        kept["volumes"] = [
            each for each in ko.items(kept, "volumes") if "persistentVolumeClaim" in each or "emptyDir" in each
        ]
        kept["initContainers"] = [
            _some(each, ("name", "image", "restartPolicy")) for each in ko.items(kept, "initContainers")
        ]
    metadata = dict(pod["metadata"])
    if ready:
        metadata.pop("ownerReferences", None)
    return {"kind": "Pod", "metadata": metadata, "spec": kept, "status": _some(status, _POD_STATUS)}


def _container(container: ko.Object) -> ko.Object:
    """Of the environment the names and where values come from; a value may be secret."""
    kept = _some(container, _CONTAINER)
    mounts = ko.items(container, "volumeMounts")
    if mounts:
        kept["volumeMounts"] = [
            each for each in mounts if not ko.text(each, "mountPath").startswith("/var/run/secrets/kubernetes.io")
        ]
    references = [each for each in ko.items(container, "env") if "valueFrom" in each]
    if references:
        kept["env"] = references
    if "envFrom" in container:
        kept["envFrom"] = container["envFrom"]
    return kept


def _event(event: ko.Object) -> ko.Object:
    metadata = _some(ko.mapping(event, "metadata"), ("name", "namespace", "creationTimestamp"))
    return {"kind": "Event", "metadata": metadata} | _some(event, _EVENT)


def _node(node: ko.Object) -> ko.Object:
    metadata = _some(ko.mapping(node, "metadata"), ("name", "uid", "creationTimestamp", "deletionTimestamp", "labels"))
    spec = _some(ko.mapping(node, "spec"), ("taints", "unschedulable"))
    status = _some(ko.mapping(node, "status"), ("allocatable", "conditions"))
    return {"kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def _workload(workload: ko.Object) -> ko.Object:
    """Without the pods' template: the pods tell what it made."""
    spec = {key: value for key, value in ko.mapping(workload, "spec").items() if key not in _TEMPLATES}
    return workload | {"spec": spec}


def _deployment(deployment: ko.Object) -> ko.Object:
    """Of the template what its containers ask for: a pod may have been resized since."""
    containers = ko.items(deployment, "spec", "template", "spec", "containers")
    kept = [_some(each, ("name", "resources")) for each in containers]
    spec = ko.mapping(deployment, "spec") | {"template": {"spec": {"containers": kept}}}
    return deployment | {"spec": spec}


def _registered(webhooks: ko.Object) -> ko.Object:
    """The names alone: the certificates are long."""
    named = [_some(each, ("name",)) for each in ko.items(webhooks, "webhooks")]
    return {key: webhooks[key] for key in ("kind", "metadata") if key in webhooks} | {"webhooks": named}


def _queued(workload: ko.Object) -> ko.Object:
    """Kueue's object for a pod, without its copy of the pod."""
    kept = {key: workload[key] for key in ("kind", "metadata") if key in workload}
    status = _some(ko.mapping(workload, "status"), ("conditions", "admissionChecks"))
    return kept | {"spec": _some(ko.mapping(workload, "spec"), ("queueName",)), "status": status}


_TEMPLATES = ("template", "leaderWorkerTemplate", "predictor")

_TRIMS: dict[str, Callable[[ko.Object], ko.Object]] = {
    "pods": _pod,
    "events": _event,
    "nodes": _node,
    "deployments": _deployment,
    "jobs": _workload,
    "leaderworkersets": _workload,
    "inferenceservices": _workload,
    "workloads": _queued,
    "validatingwebhookconfigurations": _registered,
    "mutatingwebhookconfigurations": _registered,
}


def _shared(value: Any) -> Any:
    """The same with each key and each short string once in memory."""
    if isinstance(value, dict):
        return {intern(key): _shared(item) for key, item in value.items() if isinstance(key, str)}
    if isinstance(value, list):
        return [_shared(each) for each in value]
    if isinstance(value, str) and len(value) < 80:
        return intern(value)
    return value
