"""What the user may not list, said once for each kind, with what is not known for want of it."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.result import Check, skipped

_LOST = {
    "Node": ("GPUs", "nodes", "whether the pods find a node"),
    "Pod": ("GPUs", "pods", "what is free on the nodes"),
    "Namespace": ("policies", "the namespace", "its Pod Security level"),
    "Secret": ("secrets", "secrets", "whether they exist and hold their keys"),
    "ConfigMap": ("secrets", "ConfigMaps", "whether they exist and hold their keys"),
    "ServiceAccount": ("secrets", "service accounts", "whether they exist"),
    "StorageClass": ("storage", "storage classes", "whether claims find theirs"),
    "PersistentVolumeClaim": ("storage", "claims", "whether they exist and are bound"),
    "PersistentVolume": ("storage", "volumes", "which node or zone a claim is bound to"),
    "LimitRange": ("policies", "limit ranges", "whether the containers keep to them"),
    "ResourceQuota": ("policies", "quotas", "whether they suffice"),
    "NetworkPolicy": ("network", "network policies", "whether one closes a gate"),
    "IngressClass": ("network", "ingress classes", "whether a controller serves the Ingress"),
    "Gateway": ("network", "gateways", "whether one takes the routes"),
    "RuntimeClass": ("GPUs", "runtime classes", "whether they exist"),
    "PriorityClass": ("GPUs", "priority classes", "whether they exist"),
    "DeviceClass": ("GPUs", "device classes", "whether they exist"),
    "LocalQueue": ("GPUs", "queues of Kueue", "whether the one of the pods exists"),
    "ClusterQueue": ("GPUs", "cluster queues of Kueue", "whether they have quota for the pods"),
    "ResourceSlice": ("GPUs", "resource slices", "which devices the drivers offer"),
}


def unread(cluster: Cluster) -> Iterator[Check]:
    """A line for each kind that is forbidden."""
    for kind in sorted(cluster.forbidden):
        section, plural, lost = _LOST.get(kind, ("names", f"{kind} objects", "whether they exist already"))
        yield skipped(section, f"not checked: forbidden to list {plural}; {lost} is not known")
