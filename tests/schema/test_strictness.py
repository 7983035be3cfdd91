"""What a service's settings must and must not look like, written by hand: the schemas are held to intentions here."""

from __future__ import annotations

from typing import Any

import pytest

from .places import load, sub_validator
from .samples import around

PIPELINE, VALUES = load("schema/pipeline.schema.json"), load("schema/values.schema.json")
LEFT_TO_THE_CLUSTER = {
    "image.pullPolicy": "", "authSecret": "", "storage.pvc.size": "", "storage.pvc.volumeAccessMode": "",
    "expose.service.type": "", "priorityClassName": "", "storage.hostPath": "", "metrics.serviceMonitor.interval": "",
}  # fmt: skip
ACCEPTED = [
    ("image.repository", "localhost:5000/nim/x"), ("image.repository", "nvcr.io/nim/x@sha256"),
    ("image.tag", "1.0.3-rc.1"), ("image.tag", "a" * 64), ("image.tag", "1.0@sha256:" + "0" * 64),
    ("env", [{"name": "A.b-c d", "value": "{{ yes }}\n"}]), ("replicas", 0), ("userID", 0), ("scale.hpa", {"maxReplicas": 0}),
    ("resources.limits", {"nvidia.com/gpu": 1, "cpu": "500m", "memory": "1.5Gi", "nvidia.com/mig-1g.5gb": "1"}),
    ("resources.requests", {"memory": "1e9", "hugepages-2Mi": "4Mi", "ephemeral-storage": 0}),
    ("resources.claims", [{"name": "a", "request": "b"}]), ("podAffinity", {}), ("expose.service.name", "other"),
    ("tolerations", [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]),
    ("nodeSelector", {"nvidia.com/gpu.present": "true", "kubernetes.io/hostname": ""}), ("annotations", {"on": "off"}),
    ("readinessProbe", {"probe": {"httpGet": {"port": "api", "path": "/v1"}}}), ("storage.pvc.subPath", "a/..b/.c/"),
    ("expose.router.hostDomainName", "demo.my-site.example.com"), ("multiNode", {"parallelism": {}, "ray": {}, "mpi": {}}),
    ("draResources", [{"claimCreationSpec": {"devices": [{"name": "gpu"}]}}]),
]  # fmt: skip
REFUSED = [
    ("imagee", {}), ("image.tag", 1.1), ("image.tag", ""), ("image.tag", "a b"), ("image.repository", "nim/x:1.0"),
    ("image.repository", "https://nvcr.io/nim/x"), ("image.pullPolicy", "always"), ("image.pullSecrets", ["a_b"]),
    ("image.pullSecrets", "ngc-secret"), ("env", [{"name": "A", "value": 1}]), ("env", [{"name": "A=B"}]),
    ("env", {"A": "b"}), ("replicas", -1), ("replicas", "2"), ("replicas", 1.5), ("userID", -1),
    ("resources.limits", {"gpu": 1}), ("resources.limits", {"memory": "8GB"}), ("resources.limits", {"cpu": "-1"}),
    ("resources.limits", {"memory": "1e1.5"}), ("resources.limit", {}), ("storage.sharedMemorySizeLimit", "0"),
    ("storage.pvc.size", 50), ("storage.pvc.size", "50GB"), ("storage.pvc.volumeAccessMode", "RWO"),
    ("storage.pvc.subPath", "/a"), ("storage.pvc.subPath", "a/../b"), ("storage.hostPath", "models"),
    ("expose.service.port", 0), ("expose.service.port", 65536), ("expose.service.port", "8000"),
    ("expose.service.type", "ExternalName"), ("expose.service.type", "Loadbalancer"), ("expose.port", 8000),
    ("expose.router.hostDomainName", "https://example.com"), ("expose.router.hostDomainName", "example.com."),
    ("expose.router.gateway.name", "A"), ("tolerations", [{"effect": "noSchedule"}]), ("labels", {"a": True}),
    ("nodeSelector", {"a b": "c"}), ("labels", {"a": "x" * 64}), ("annotations", {"a": 1}), ("authSecret", "My_Secret"),
    ("livenessProbe", {"httpGet": {"port": 1}}), ("livenessProbe", {"probe": {"httpGet": {"port": "8000"}}}),
    ("livenessProbe", {"enabled": "false"}), ("scale.hpa", {"maxReplicas": -1}), ("scale.hpa.minReplicas", -1),
    ("inferencePlatform", "knative"), ("metrics.serviceMonitor.interval", "30 s"), ("multiNode.backendType", "mpi"),
    ("initContainers", [{"name": "A", "image": {"repository": "a", "tag": "a"}}]), ("initContainers", [{"name": "a"}]),
    ("affinity", {"nodeAffinty": {}}), ("serviceAccountName", "a"), ("router", {}),
]  # fmt: skip
OFF = [
    ("storage.sharedMemorySizeLimit", ""), ("storage.emptyDir", {"sizeLimit": ""}), ("multiNode", {}), ("scale.hpa", {}),
    ("expose.router", {"hostDomainName": "", "ingress": {"ingressClass": ""}, "gateway": {"name": "", "namespace": ""}}),
    ("expose.router.eppConfig", {}), ("expose.router.gateway", {"backendRef": {}}), ("expose.service.grpcPort", 0),
    ("resources.limits", {"cpu": 0.5}), ("replicas", None), ("storage.pvc", None), ("resources.limits", {"cpu": None}),
    ("labels", {"a": None}), ("imageLayout", None), ("wait", None), ("tolerations", None), ("image.pullPolicy", None),
]  # fmt: skip


def service(schema: dict[str, Any], definition: str, field: str, value: Any) -> bool:
    """Whether a schema accepts a service with one field set to a value."""
    spec = schema["definitions"][definition]
    path = tuple(field.split("."))
    try:
        document = around(spec, path, value, schema)
    except KeyError:  # a field that no schema has: put it where it was written
        document = {**around(spec, path[:-1], {path[-1]: value}, schema), "image": {"repository": "a", "tag": "a"}}
    return sub_validator(spec, schema).is_valid(document)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "definition"), [(PIPELINE, "serviceSpec"), (VALUES, "service")], ids=["pipeline", "values"]
)
def test_strictness(schema: dict[str, Any], definition: str) -> None:
    for field, value in [*ACCEPTED, *LEFT_TO_THE_CLUSTER.items()]:
        assert service(schema, definition, field, value), (field, value)
    for field, value in REFUSED:
        assert not service(schema, definition, field, value), (field, value)


def test_values_can_switch_off_what_a_document_leaves_out() -> None:
    for field, value in OFF:
        assert service(VALUES, "service", field, value), (field, value)
        assert not service(PIPELINE, "serviceSpec", field, value), (field, value)
