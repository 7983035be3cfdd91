"""Every rule: what it finds, and what it must leave alone. Places and texts are in documents/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES
from pipelines import cache, codes, findings, loaded, pipeline, service

from nimhelm.chart.readme import readme
from nimhelm.chart.values import values_tree
from nimhelm.check import caches_by_name, check_documents
from nimhelm.finding import has_errors
from nimhelm.load import Loaded, load_files
from nimhelm.plan import plan_pipeline
from nimhelm.summary import summary

SPEC = "spec.services[0].spec."
GPU = "nvidia.com/gpu"


def hpa(**fields: Any) -> dict[str, Any]:
    return {"enabled": True, "hpa": {"maxReplicas": 3, "metrics": [PODS], **fields}}


def router(**fields: Any) -> dict[str, Any]:
    return {"router": {"hostDomainName": "example.com", **fields}}


def metric(kind: str, target: dict[str, Any], **source: Any) -> dict[str, Any]:
    return {"type": kind, kind.lower(): {**source, "target": {"type": "AverageValue", **target}}}


def ingress(*paths: dict[str, Any]) -> dict[str, Any]:
    return {
        "ingress": {"enabled": True, "spec": {"rules": [{"host": "a.example.com", "http": {"paths": list(paths)}}]}}
    }


def path(**fields: Any) -> dict[str, Any]:
    return {"path": "/", "pathType": "Prefix", "backend": BACKEND, **fields}


def fields(key: str, operator: str, *values: str) -> dict[str, Any]:
    requirement = {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": [requirement]}]}}}


def node(operator: str, *values: str) -> dict[str, Any]:
    requirement = {"key": "a", "operator": operator, **({"values": list(values)} if values else {})}
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}}


PODS = {"type": "Pods", "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}}}
BACKEND = {"service": {"name": "llm", "port": {"number": 8000}}}
DEPRECATED = "warning NH075 expose.ingress"
PATHS = "expose.ingress.spec.rules[0].http.paths"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
TERM = f"nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"
FIELDS = TERM.replace("matchExpressions", "matchFields")
INGRESS = {"ingressClass": "nginx"}
GATEWAY = {"name": "shared", "namespace": "gateways"}
POOL = {"name": "x", "kind": "InferencePool", "group": "inference.networking.k8s.io"}
GET = {"httpGet": {"path": "/ready", "port": "api"}}
UTILIZATION = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
}
TWO_NODES = {"parallelism": {"pipeline": 2, "tensor": 8}}
KNATIVE = {"serving.kserve.io/deploymentMode": "Knative"}

ONE_SERVICE: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    # image, authSecret
    ({"authSecret": ""}, ["note NH090 spec.services[0].spec"]),
    ({"authSecret": "", "env": [{"name": "NGC_API_KEY", "value": "x"}]}, []),
    ({"image": {"repository": "registry.example.com:5000/nim/llm", "tag": "1.0"}}, []),
    ({"image": {"repository": "llm", "tag": "1.0"}}, []),
    # storage
    ({"storage": {}}, ["NH050 storage"]),
    ({"storage": {"pvc": {}}}, ["NH050 storage"]),
    ({"storage": {"pvc": {"create": False, "name": ""}}}, ["NH050 storage"]),
    ({"storage": {"nimCache": {}}}, ["NH050 storage"]),
    ({"storage": {"hostPath": ""}}, ["NH050 storage"]),
    ({"storage": {"emptyDir": {}}}, []),
    ({"storage": {"hostPath": "/models"}}, []),
    ({"storage": {"emptyDir": {}, "hostPath": "/models"}}, ["NH051 storage.hostPath"]),
    ({"storage": {"hostPath": "/models", "emptyDir": {}}}, ["NH051 storage.emptyDir"]),
    ({"storage": {"emptyDir": {}, "pvc": {}, "hostPath": ""}}, []),
    ({"storage": {"pvc": {"name": "models"}}}, []),
    ({"storage": {"pvc": {"create": True, "size": "1Gi"}}}, []),
    ({"storage": {"pvc": {"create": True}}}, ["NH053 storage.pvc"]),
    ({"storage": {"pvc": {"create": True, "size": ""}}}, ["NH053 storage.pvc"]),
    ({"storage": {"pvc": {"size": "1Gi"}}}, ["NH052 storage.pvc"]),
    ({"storage": {"pvc": {"create": False, "subPath": "a"}}}, ["NH052 storage.pvc"]),
    ({"storage": {"nimCache": {"profile": "h100"}}}, ["NH055 storage.nimCache"]),
    ({"storage": {"nimCache": {"name": "weights"}}}, ["warning NH163 storage.nimCache.name"]),
    ({"storage": {"pvc": {"create": True, "size": "1Gi"}}, "replicas": 2}, ["warning NH056 storage.pvc.volumeAccessMode"]),
    ({"storage": {"pvc": {"create": True, "size": "1Gi"}}, "scale": hpa()}, ["warning NH056 storage.pvc.volumeAccessMode"]),
    ({"storage": {"pvc": {"create": True, "size": "1Gi"}}, "scale": hpa(maxReplicas=1)}, []),
    ({"storage": {"pvc": {"name": "models"}}, "replicas": 2}, []),
    ({"storage": {"pvc": {"name": "models", "volumeAccessMode": "ReadWriteOnce"}}, "replicas": 2}, [
        "warning NH056 storage.pvc.volumeAccessMode"]),
    ({"storage": {"pvc": {"name": "models", "volumeAccessMode": "ReadWriteMany"}}, "replicas": 2}, []),
    ({"storage": {"pvc": {"name": "models", "volumeAccessMode": "ReadOnlyMany"}}, "replicas": 2}, []),
    (
        {"storage": {"pvc": {"name": "models", "volumeAccessMode": "ReadWriteOncePod"}}, "replicas": 2},
        ["NH056 storage.pvc.volumeAccessMode"],
    ),
    ({"storage": {"emptyDir": {}}, "replicas": 2}, []),
    ({"storage": {"emptyDir": {}, "sharedMemorySizeLimit": "16Gi"}}, []),
    ({"storage": {"emptyDir": {}, "sharedMemorySizeLimit": "0Gi"}}, ["NH013 storage.sharedMemorySizeLimit"]),
    # resources
    ({"resources": {"limits": {GPU: 1}}}, []),
    ({"resources": {"requests": {GPU: "1"}}}, []),
    ({"resources": {"requests": {GPU: 1}, "limits": {GPU: "1"}}}, []),
    ({"resources": {"requests": {GPU: "1000m"}, "limits": {GPU: 1}}}, []),
    ({"resources": {"requests": {GPU: 1}, "limits": {GPU: 2}}}, [f'NH040 resources.requests["{GPU}"]']),
    ({"resources": {"requests": {"hugepages-2Mi": "2Mi"}, "limits": {"hugepages-2Mi": "4Mi"}}}, [
        "NH040 resources.requests.hugepages-2Mi", "NH044 resources.requests.hugepages-2Mi"]),
    ({"resources": {"requests": {"example.com/x": 3}, "limits": {"example.com/x": 2}}}, [
        'NH040 resources.requests["example.com/x"]']),
    ({"resources": {"limits": {GPU: "0.5"}}}, [f'NH041 resources.limits["{GPU}"]']),
    ({"resources": {"requests": {GPU: "500m"}}}, [f'NH041 resources.requests["{GPU}"]']),
    ({"resources": {"limits": {"cpu": "0.5", "memory": "1.5Gi"}}}, []),
    ({"resources": {"requests": {"cpu": "-1"}}}, ["NH013 resources.requests.cpu"]),
    ({"resources": {"requests": {"cpu": 1}, "limits": {"cpu": "999m"}}}, ["NH042 resources.requests.cpu"]),
    ({"resources": {"requests": {"memory": "1G"}, "limits": {"memory": "1Gi"}}}, []),
    ({"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}}, ["NH042 resources.requests.memory"]),
    ({"resources": {"requests": {"memory": "1024Mi"}, "limits": {"memory": "1Gi"}}}, []),
    ({"resources": {"limits": {"gpu": 1}}}, ["NH013 resources.limits.gpu"]),
    ({"resources": {"claims": [{"name": "gpu"}]}}, ["NH043 resources.claims"]),
    ({"resources": {"claims": []}}, []),
    # scale
    ({"scale": {"enabled": False, "hpa": {"minReplicas": 5, "maxReplicas": 1}}, "replicas": 1}, []),
    ({"scale": hpa(), "replicas": 1}, ["NH060 replicas"]),
    ({"scale": {"enabled": True}}, ["NH061 scale.hpa"]),
    ({"scale": {"enabled": True, "hpa": {"maxReplicas": 0}}}, ["NH061 scale.hpa.maxReplicas"]),
    ({"scale": hpa(minReplicas=3)}, []),
    ({"scale": hpa(minReplicas=2, maxReplicas=1)}, ["NH061 scale.hpa.minReplicas"]),
    ({"scale": {"enabled": False, "hpa": {"maxReplicas": 1, "metrics": [{"type": "Pods"}, UTILIZATION]}}}, []),
    ({"scale": hpa(minReplicas=4)}, ["NH061 scale.hpa.minReplicas"]),
    ({"scale": hpa(metrics=[{"type": "Pods"}])}, ["NH062 scale.hpa.metrics[0]"]),
    ({"scale": hpa(metrics=[{"type": "Object"}, {"type": "External"}, {"type": "ContainerResource"}])}, [
        "NH062 scale.hpa.metrics[0]", "NH062 scale.hpa.metrics[1]", "NH062 scale.hpa.metrics[2]"]),
    ({"scale": hpa(metrics=[metric("Resource", {"averageUtilization": 1, "averageValue": "1"}, name="memory")])}, [
        "NH062 scale.hpa.metrics[0].resource.target"]),
    ({"scale": hpa(metrics=[metric("Resource", {}, name="memory"), metric("Pods", {"value": "1"}, metric={"name": "x"})])}, [
        "NH062 scale.hpa.metrics[0].resource.target", "NH062 scale.hpa.metrics[1].pods.target"]),
    ({"scale": hpa(metrics=[metric("Resource", {"averageValue": "1Gi"}, name="memory")])}, []),
    ({"scale": hpa(metrics=[metric("Pods", {"averageValue": "1"}, metric={"name": "x"})])}, []),
    ({"scale": hpa(metrics=[metric("External", {"value": "1"}, metric={"name": "x"})])}, []),
    ({"scale": hpa(metrics=[metric("External", {"value": "1", "averageValue": "1"}, metric={"name": "x"})])}, [
        "NH062 scale.hpa.metrics[0].external.target"]),
    ({"scale": hpa(metrics=[{**metric("Pods", {"averageValue": "1"}, metric={"name": "x"}),
        "resource": UTILIZATION["resource"]}])}, [
        "NH062 scale.hpa.metrics[0].resource"]),
    ({"scale": hpa(metrics=[UTILIZATION])}, ["warning NH063 scale.hpa.metrics[0].resource.name"]),
    ({"scale": hpa(metrics=[UTILIZATION]), "resources": {"requests": {"cpu": 1}}}, []),
    ({"scale": hpa(metrics=[UTILIZATION]), "resources": {"limits": {"cpu": 1}}}, []),
    # expose
    ({"expose": {"service": {"port": 8000, "grpcPort": 8001, "metricsPort": 8002}}}, []),
    ({"expose": {"service": {"grpcPort": 8000}}}, ["NH070 expose.service.grpcPort"]),
    ({"expose": {"service": {"port": 1, "grpcPort": 1, "metricsPort": 1}}}, [
        "NH070 expose.service.grpcPort", "NH070 expose.service.metricsPort"]),
    ({"expose": router()}, []),
    ({"expose": router(ingress=INGRESS)}, []),
    ({"expose": {"router": {"ingress": INGRESS}}}, ["NH071 expose.router"]),
    ({"expose": {"router": {"gateway": GATEWAY}}}, ["NH071 expose.router"]),
    ({"expose": router(ingress=INGRESS, gateway=GATEWAY)}, ["NH072 expose.router.gateway"]),
    ({"expose": {**router(ingress=INGRESS), "ingress": {"enabled": True, "spec": {"rules": [{"host": "a.example.com"}]}}}}, [
        "NH072 expose.router.ingress", "warning NH075 expose.ingress"]),
    ({"expose": {**router(ingress=INGRESS), "ingress": {"enabled": False}}}, []),
    ({"expose": {**router(gateway=GATEWAY), "service": {"type": "LoadBalancer"}}}, ["warning NH074 expose.service.type"]),
    ({"expose": {**router(gateway=GATEWAY), "service": {"type": "NodePort"}}}, []),
    ({"expose": router(gateway={**GATEWAY, "grpcRoutesEnabled": True})}, ["NH073 expose.router.gateway.grpcRoutesEnabled"]),
    ({"expose": {**router(gateway={**GATEWAY, "grpcRoutesEnabled": True}), "service": {"grpcPort": 9000}}},
        ["warning NH076 expose.router.gateway.grpcRoutesEnabled"]),
    ({"expose": {**router(gateway={**GATEWAY, "grpcRoutesEnabled": True, "httpRoutesEnabled": False}),
        "service": {"grpcPort": 9000}}}, []),
    ({"expose": router(gateway={**GATEWAY, "backendRef": {"name": "x"}})}, ["NH073 expose.router.gateway.backendRef"]),
    ({"expose": router(gateway={**GATEWAY, "backendRef": {"name": "x", "port": 80}})}, []),
    ({"expose": router(gateway={**GATEWAY, "backendRef": POOL})}, []),
    ({"expose": router(gateway={**GATEWAY, "httpRoutesEnabled": False})}, [
        "warning NH073 expose.router.gateway.httpRoutesEnabled"]),
    ({"expose": {"ingress": {"enabled": True, "spec": {}}}}, ["NH075 expose.ingress.spec", "warning NH075 expose.ingress"]),
    ({"expose": ingress(path())}, [DEPRECATED]),
    ({"expose": ingress(path(path="x", pathType="ImplementationSpecific"))}, [DEPRECATED]),
    ({"expose": ingress(path(path="x"))}, [DEPRECATED, f"NH075 {PATHS}[0].path"]),
    ({"expose": ingress(path(), path(backend={}))}, [DEPRECATED, f"NH075 {PATHS}[1].backend"]),
    ({"expose": ingress(path(backend={**BACKEND, "resource": {"kind": "Bucket", "name": "b"}}))}, [
        DEPRECATED, f"NH075 {PATHS}[0].backend"]),
    ({"expose": ingress(path(backend={"resource": {"kind": "Bucket", "name": "b"}}))}, [DEPRECATED]),
    ({"expose": ingress(path(backend={"service": {"name": "llm", "port": {"number": 1, "name": "api"}}}))}, [
        DEPRECATED, f"NH075 {PATHS}[0].backend.service.port"]),
    ({"expose": {"ingress": {"enabled": True, "spec": {"defaultBackend": {"service": {"name": "llm"}}}}}}, [
        DEPRECATED, "NH075 expose.ingress.spec.defaultBackend.service.port"]),
    ({"metrics": {"enabled": True}}, ["NH080 metrics"]),
    ({"metrics": {"enabled": True, "serviceMonitor": {}}}, []),
    ({"metrics": {"enabled": True, "serviceMonitor": None}}, ["NH080 metrics"]),
    ({"metrics": {"enabled": True, "serviceMonitor": {"interval": "30s"}}}, []),
    ({"metrics": {"enabled": False}}, []),
    # pod
    ({"env": [{"name": "A", "value": "1"}, {"name": "B"}]}, []),
    ({"env": [{"name": "A"}, {"name": "A"}, {"name": "A"}]}, ["NH094 env[1].name", "NH094 env[2].name"]),
    ({"env": [{"name": "A", "valueFrom": {}}]}, ["NH095 env[0].valueFrom"]),
    ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"key": "a"}}}]}, ["NH095 env[0].valueFrom.secretKeyRef"]),
    ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "a", "name": ""}}}]}, [
        "NH095 env[0].valueFrom.configMapKeyRef"]),
    ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "a", "name": "b"}}}]}, []),
    ({"env": [{"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}, []),
    ({"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}, ["NH095 env[0]"]),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nope"}}}]}, [
        "NH095 env[0].valueFrom.fieldRef.fieldPath"]),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}}]}, []),
    ({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.gpu"}}}]}, [
        "NH095 env[0].valueFrom.resourceFieldRef.resource"]),
    ({"affinity": node("In", "a", "b")}, []),
    ({"affinity": node("Exists")}, []),
    ({"affinity": node("Gt", "80")}, []),
    ({"affinity": node("NotIn")}, [f"NH099 affinity.{TERM}"]),
    ({"affinity": node("DoesNotExist", "a")}, [f"NH099 affinity.{TERM}.values"]),
    ({"affinity": node("Lt", "80", "90")}, [f"NH099 affinity.{TERM}"]),
    ({"affinity": node("Lt", "many")}, [f"NH099 affinity.{TERM}"]),
    ({"affinity": fields("metadata.name", "In", "a")}, []),
    ({"affinity": fields("metadata.labels", "In", "a")}, [f"NH099 affinity.{FIELDS}"]),
    ({"affinity": fields("metadata.name", "Exists")}, [f"NH099 affinity.{FIELDS}"]),
    ({"affinity": fields("metadata.name", "NotIn", "a", "b")}, [f"NH099 affinity.{FIELDS}"]),
    ({"podAffinity": {REQUIRED: [{"topologyKey": "a", "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}]}}, [
        "warning NH096 podAffinity", f"NH099 podAffinity.{REQUIRED}[0].labelSelector.matchExpressions[0]"]),
    ({"readinessProbe": {"probe": GET}}, []),
    ({"readinessProbe": {"enabled": True}}, []),
    ({"readinessProbe": {"probe": {"periodSeconds": 3}}}, ["NH100 readinessProbe.probe"]),
    ({"readinessProbe": {"enabled": False, "probe": {"periodSeconds": 3}}}, []),
    ({"startupProbe": {"probe": {**GET, "tcpSocket": {"port": 1}}}}, ["NH100 startupProbe.probe"]),
    ({"livenessProbe": {"probe": {"exec": {}}}}, ["NH100 livenessProbe.probe.exec"]),
    ({"livenessProbe": {"probe": {"exec": {"command": []}}}}, ["NH100 livenessProbe.probe.exec"]),
    ({"livenessProbe": {"probe": {"exec": {"command": ["true"]}}}}, []),
    ({"readinessProbe": {"probe": {**GET, "successThreshold": 2}}}, []),
    ({"livenessProbe": {"probe": {**GET, "successThreshold": 2}}}, ["NH101 livenessProbe.probe.successThreshold"]),
    ({"livenessProbe": {"probe": {"tcpSocket": {"port": "grpc"}}}}, ["NH102 livenessProbe.probe.tcpSocket.port"]),
    ({"livenessProbe": {"probe": {"tcpSocket": {"port": "grpc"}}}, "expose": {"service": {"grpcPort": 9000}}}, []),
    ({"livenessProbe": {"probe": {"tcpSocket": {"port": 12345}}}}, []),
    ({"sidecarContainers": [{"name": "llm-ctr", "image": {"repository": "a", "tag": "1"}}]}, ["NH110 sidecarContainers[0].name"]),
    ({"initContainers": [{"name": "wait-setup", "image": {"repository": "a", "tag": "1"}}]}, ["NH110 initContainers[0].name"]),
    (
        {
            "multiNode": {"parallelism": {"pipeline": 2}},
            "sidecarContainers": [{"name": "nim-leader", "image": {"repository": "a", "tag": "1"}}],
        },
        ["NH110 sidecarContainers[0].name"],
    ),
    ({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}}, ["warning NH096 podAffinity"]),
    ({"tolerations": [{"operator": "Exists"}, {"key": "a"}, {"key": "a", "value": "b", "operator": "Equal"}]}, []),
    ({"tolerations": [{"key": "a", "effect": "NoExecute", "tolerationSeconds": 5}]}, []),
    ({"tolerations": [{"key": "a", "tolerationSeconds": 5}]}, ["NH097 tolerations[0].tolerationSeconds"]),
    ({"tolerations": [{}]}, ["NH097 tolerations[0]"]),
    ({"tolerations": [{"operator": ""}]}, ["NH097 tolerations[0]"]),
    ({"livenessProbe": {"probe": {**GET, "successThreshold": None}}}, []),
    ({"proxy": {"httpProxy": "", "httpsProxy": "proxy:1", "noProxy": "a,b"}}, ["warning NH098 proxy.httpsProxy"]),
    # platforms
    ({"multiNode": TWO_NODES}, []),
    ({"multiNode": {"parallelism": {"tensor": 8}}}, ["warning NH123 multiNode"]),
    ({"multiNode": TWO_NODES, "scale": hpa()}, ["NH120 multiNode"]),
    ({"multiNode": TWO_NODES, "inferencePlatform": "kserve"}, ["NH120 multiNode"]),
    ({"multiNode": {**TWO_NODES, "mpi": {}}}, []),
    ({"multiNode": {**TWO_NODES, "mpi": {}, "ray": {}}}, ["NH121 multiNode.ray"]),
    ({"multiNode": {**TWO_NODES, "computeDomain": {"create": True}}}, []),
    ({"multiNode": {**TWO_NODES, "computeDomain": {"name": "rack"}}}, ["NH124 multiNode.computeDomain.name"]),
    ({"multiNode": {**TWO_NODES, "computeDomain": {"create": False}}}, ["NH122 multiNode.computeDomain"]),
    ({"draResources": [{"resourceClaimName": "a"}, {"resourceClaimName": "b"}]}, []),
    ({"draResources": [{"resourceClaimTemplateName": "a"}, {"resourceClaimTemplateName": "a"}], "replicas": 2}, []),
    ({"draResources": [{"resourceClaimName": "a"}], "scale": hpa()}, ["NH131 draResources[0].resourceClaimName"]),
    ({"draResources": [{"claimCreationSpec": {"devices": [{"name": "gpu", "count": 0}]}}]}, [
        "NH013 draResources[0].claimCreationSpec.devices[0].count"]),
    ({"inferencePlatform": "kserve"}, []),
    ({"inferencePlatform": "kserve", "scale": hpa(), "metrics": {"enabled": True, "serviceMonitor": {"interval": "30s"}}}, []),
    ({"inferencePlatform": "kserve", "annotations": KNATIVE}, []),
    ({"annotations": KNATIVE, "scale": hpa()}, []),
    ({"inferencePlatform": "kserve", "annotations": KNATIVE, "expose": router(gateway=GATEWAY)}, ["NH141 expose.router.gateway"]),
    ({"inferencePlatform": "kserve", "annotations": {"serving.kserve.io/deploymentMode": ""}}, [
        'NH140 annotations["serving.kserve.io/deploymentMode"]']),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), ONE_SERVICE)
def test_one_service(spec: dict[str, Any], expected: list[str]) -> None:
    found = [text.replace(SPEC, "") for text in codes(pipeline(service("llm", **spec)))]
    found = [text for text in found if text != "note NH048 resources"]  # few of them set all of cpu and memory
    assert sorted(found) == sorted(expected)


def selectors(*attributes: dict[str, Any], **device: Any) -> dict[str, Any]:
    device = {"name": "gpu", "attributeSelectors": list(attributes), **device}
    return pipeline(service("llm", draResources=[{"claimCreationSpec": {"devices": [device]}}]))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (selectors({"key": "a", "op": "Equal", "value": {"boolValue": False}}), []),
        (selectors({"key": "a", "op": "NotEqual", "value": {"stringValue": ""}}), []),
        (selectors({"key": "a", "op": "LessThan", "value": {"intValue": 0}}), []),
        (selectors({"key": "a", "op": "LessThan", "value": {"versionValue": "1.2.3"}}), []),
        (selectors({"key": "a", "op": "LessThan", "value": {"boolValue": True}}), ["NH133"]),
        (selectors({"key": "a", "op": "Equal", "value": {"versionValue": "1.2"}}), ["NH013"]),
        (selectors({"key": "a", "value": {}}), ["NH133"]),
        (selectors({"key": "a", "value": {"intValue": 1}}, capacitySelectors=[{"key": "a", "value": "1"}]), ["NH133"]),
        (
            selectors(
                {"key": "a", "value": {"intValue": 1}},
                driverName="x.example.com",
                capacitySelectors=[{"key": "gpu.nvidia.com/a", "value": "1"}],
            ),
            [],
        ),
        (selectors({"key": "a", "value": {"intValue": 1}}, celExpressions=["true"]), ["NH132"]),
        (selectors(capacitySelectors=[{"key": "a", "value": "1"}], celExpressions=["true"]), ["NH132"]),
        (selectors(celExpressions=["true"]), []),
    ],
)
def test_selectors_of_a_device(document: dict[str, Any], expected: list[str]) -> None:
    assert [text.split(" ")[0] for text in codes(document)] == expected


def test_what_would_stop_a_disabled_service_is_a_warning() -> None:
    document = pipeline(service("llm"), service("off", enabled=False, storage={}))
    assert codes(document) == ["warning NH050 spec.services[1].spec.storage"]


def edge(name: str, port: int = 8000, **fields: Any) -> dict[str, Any]:
    return {"name": name, "port": port, **fields}


NAMED_B = {"service": {"name": "b"}}
PICKER = {"containerSpec": {"name": "epp", "image": {"repository": "x", "tag": "1"}}}
PROXY = {"httpProxy": "http://proxy:3128"}
PORTS = {"service": {"port": 1, "grpcPort": 2, "metricsPort": 3}}

GRAPHS: list[tuple[dict[str, Any], list[str]]] = [
    (pipeline(service("a"), service("b", "a"), service("c", "a", "b")), []),
    (pipeline(service("b", "a"), service("a")), []),
    (pipeline(service("a", "a")), ["NH021 0"]),
    (pipeline(service("a", "b"), service("b", "a")), ["NH020 1"]),
    (pipeline(service("a"), service("b", "a", "a")), ["NH022 1"]),
    (pipeline(service("a", "x")), ["NH023 0"]),
    (pipeline(service("a", "x"), annotations={"nimhelm.dev/external-dependencies": "y, x ,y"}), ["warning NH031 y"]),
    (pipeline(service("a", "x"), annotations={"nimhelm.dev/external-dependencies": "x"}), []),
    (pipeline(service("a"), annotations={"nimhelm.dev/external-dependencies": "a"}), ["warning NH031 a"]),
    (pipeline(service("a", enabled=False), service("b", "a")), ["NH024 1"]),
    (pipeline(service("a", enabled=False), service("b", "a", enabled=False), service("c")), ["warning NH024 1"]),
    (pipeline(service("a", replicas=0), service("b", "a")), ["NH025 1"]),
    (pipeline(service("a", replicas=0), service("b", "a", enabled=False)), ["warning NH025 1"]),
    (pipeline(service("a", replicas=0, scale=hpa()), service("b", "a")), ["NH060 0"]),
    (pipeline(service("a", expose=PORTS), service("b", edge("a", 1), enabled=True)), []),
    (pipeline(service("a", expose=PORTS), service("b", edge("a", 2))), []),
    (pipeline(service("a", expose=PORTS), service("b", edge("a", 3))), []),
    (pipeline(service("a", expose=PORTS), service("b", edge("a", 4))), ["NH026 1"]),
    (pipeline(service("a", expose=PORTS, enabled=False), service("b", edge("a", 4))), ["NH024 1", "warning NH026 1"]),
    (pipeline(service("a"), service("b", edge("a", 80))), ["NH026 1"]),
    (pipeline(service("a"), service("b", edge("a", 80), enabled=False)), ["warning NH026 1"]),
    (pipeline(service("a", inferencePlatform="kserve"), service("b", edge("a", 80))), []),
    (pipeline(service("a", inferencePlatform="kserve"), service("b", edge("a", 81))), ["NH026 1"]),
    (pipeline(service("a"), service("c"), service("b", edge("a", envName="X"), edge("c", envName="X"))), ["warning NH091 2"]),
    (pipeline(service("a"), service("b", edge("a", envValue="x"))), ["warning NH092 1"]),
    (pipeline(service("a"), service("b", edge("a", envValue=""))), []),
    (pipeline(service("a"), service("a")), ["NH027 1"]),
    (pipeline(service("a", expose=NAMED_B)), []),
    (pipeline(service("b", expose=NAMED_B)), []),
    (pipeline(service("b"), service("a", expose=NAMED_B)), ["warning NH033 1"]),
    (pipeline(service("a", expose=NAMED_B), service("b")), ["warning NH033 0"]),
    (pipeline(service("a", expose=NAMED_B), service("c", expose=NAMED_B)), ["warning NH033 0", "warning NH033 1"]),
    (pipeline(service("b", enabled=False), service("a", expose=NAMED_B)), ["warning NH033 1"]),
    (pipeline(service("a", expose=router(eppConfig=PICKER)), service("a-epp")), ["NH027 1"]),
    (pipeline(service("a", multiNode=TWO_NODES), service("a-lws")), ["NH027 1"]),
    (pipeline(service("a", inferencePlatform="kserve"), service("a-predictor")), ["NH027 1"]),
    (pipeline(service("a"), service("b", "a"), service("a-ready"), service("b-ready")), ["NH027 2", "NH027 3"]),
    (pipeline(service("a"), service("a-epp"), service("a-lws"), service("a-predictor"), service("a-ready")), []),
    (pipeline(service("a"), service("b", edge("a", envName="X"), proxy=PROXY)), ["warning NH103 1"]),
    (pipeline(service("a"), service("b", edge("a", envName="X"), proxy={**PROXY, "noProxy": "x, a"})), []),
    (pipeline(service("a"), service("b", edge("a", envName="X"), proxy={**PROXY, "noProxy": "*"})), []),
    (pipeline(service("a"), service("b", edge("a", envName="X", envValue="http://x"), proxy=PROXY)), []),
    (pipeline(service("exports")), ["NH028 0"]),
    ({**pipeline(service("a")), "metadata": {"name": "a" * 53}}, []),
    ({**pipeline(service("a")), "metadata": {"name": "a" * 54}}, ["warning NH028 spec"]),
    ({**pipeline(service("a")), "metadata": {"name": "a" * 64}}, ["NH028 spec"]),
    (pipeline(service("a" * 59)), []),
    (pipeline(service("a" * 60)), ["NH028 0"]),
    (pipeline(service("a" * 50, multiNode=TWO_NODES)), []),
    (pipeline(service("a" * 51, multiNode=TWO_NODES)), ["NH028 0"]),
    (pipeline(service("a", enabled=False)), ["warning NH029 spec"]),
    (pipeline({"name": "a", "enabled": False}, service("b")), []),
    (pipeline({"name": "a", "enabled": True}), ["NH011 0"]),
    (pipeline({"name": "a"}, service("b")), ["warning NH030 0"]),
    (pipeline(service("a", storage={"pvc": {"create": True, "size": "1Gi"}}),
              service("b", storage={"pvc": {"create": True, "size": "1Gi", "name": "a-pvc"}})), ["NH057 1"]),
    (pipeline(service("a", storage={"pvc": {"create": True, "size": "1Gi", "name": "m"}}),
              service("b", storage={"pvc": {"name": "m"}})), []),
    (pipeline(service("a", storage={"pvc": {"create": True, "size": "1Gi", "name": "m"}}),
              service("b", enabled=False, storage={"pvc": {"create": True, "size": "1Gi", "name": "m"}})), ["warning NH057 1"]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), GRAPHS)
def test_several_services(document: dict[str, Any], expected: list[str]) -> None:
    found = findings(document)
    assert sorted(in_short(one) for one in found) == sorted(expected)


def in_short(one: Any) -> str:
    """`NH023 1`: the code and the index of the service, or what the annotation names."""
    place = one.field.partition("services[")[2].partition("]")[0]
    if one.code == "NH031":
        place = one.message.removeprefix("no service depends on ").split(" ")[0]
    return f"{'warning ' * (one.severity == 'warning')}{one.code} {place or 'spec'}"


def test_a_cycle_is_told_with_its_whole_path_once() -> None:
    document = pipeline(service("a", "d"), service("b", "a"), service("c", "b"), service("d", "c"), service("e", "a"))
    cycles = [one.message for one in findings(document) if one.code == "NH020"]
    assert cycles == ["the dependencies form a cycle: a → d → c → b → a"]


def test_a_cycle_among_disabled_services_is_an_error_too() -> None:
    document = pipeline(service("x"), service("a", "b", enabled=False), service("b", "a", enabled=False))
    assert "NH020 spec.services[2].dependencies[0].name" in codes(document)


@pytest.mark.slow
def test_a_chain_longer_than_the_stack_is_deep() -> None:
    chain = [service("s0"), *(service(f"s{index}", f"s{index - 1}") for index in range(1, 1200))]
    assert codes(pipeline(*chain)) == []
    chain[0] = service("s0", "s1199")
    assert [text.split()[0] for text in codes(pipeline(*chain))] == ["NH020"]


def test_caches_of_the_documents() -> None:
    using = pipeline(service("llm", storage={"nimCache": {"name": "weights"}}))
    assert codes(using, cache("weights")) == []
    assert codes(using, cache("other")) == ["warning NH163 spec.services[0].spec.storage.nimCache.name"]
    assert codes(cache("weights"), cache("weights")) == ["NH007 metadata.name"]
    assert codes(cache("c" * 59)) == []
    assert codes(cache("c" * 60)) == ["NH028 metadata.name"]


KEYS = {"modelPuller": "nvcr.io/nim/llm:1.0", "pullSecret": "ngc-secret", "authSecret": "ngc"}
NGC = {**KEYS, "model": {"profiles": ["all"]}}
HF = {
    "endpoint": "https://huggingface.co",
    "namespace": "meta",
    "modelPuller": "a/b:1",
    "pullSecret": "p",
    "authSecret": "hf",
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"source": {"ngc": NGC}}, []),
        ({"source": {"hf": {**HF, "modelName": "llama"}}}, []),
        ({"source": {"hf": {**HF, "datasetName": "wiki"}}}, []),
        ({"source": {"hf": HF}}, ["NH160 spec.source.hf"]),
        ({"source": {"hf": {**HF, "modelName": "llama", "datasetName": "wiki"}}}, ["NH160 spec.source.hf"]),
        ({"source": {"ngc": NGC, "hf": {**HF, "modelName": "llama"}}}, ["NH160 spec.source"]),
        ({"source": {"ngc": {**NGC, "model": {"profiles": ["all"]}}}}, []),
        ({"source": {"ngc": {**NGC, "model": {"profiles": ["a", "b"]}}}}, []),
        ({"source": {"ngc": {**NGC, "model": {"profiles": ["a", "all"]}}}}, ["NH160 spec.source.ngc.model.profiles"]),
        ({"source": {"ngc": {**NGC, "model": {"profiles": ["a"], "lora": True}}}}, ["NH160 spec.source.ngc.model.lora"]),
        *(
            ({"source": {"ngc": {**NGC, "model": {"profiles": ["a"], **one}}}}, [
                f"NH160 spec.source.ngc.model.{next(iter(one))}"])
            for one in ({"precision": "fp8"}, {"engine": "vllm"}, {"tensorParallelism": "2"}, {"qosProfile": "latency"},
                        {"gpus": [{"ids": ["2330"], "product": "h100"}]}, {"buildable": True})
        ),
        ({"source": {"ngc": {**NGC, "model": {"profiles": [], "lora": True}}}}, []),
        ({"source": {"ngc": {**NGC, "model": {"profiles": [""], "lora": True}}}}, [
            "warning NH160 spec.source.ngc.model.profiles[0]"]),
        ({"source": {"ngc": {**NGC, "model": {"profiles": ["a", ""]}}}}, ["warning NH160 spec.source.ngc.model.profiles[1]"]),
        ({"source": {"ngc": KEYS}}, ["warning NH164 spec.source.ngc"]),
        ({"source": {"ngc": {**KEYS, "modelEndpoint": "https://x.example.com"}}}, []),
        ({"source": {"ngc": {**NGC, "model": {"lora": True}, "modelEndpoint": "https://x.example.com"}}}, [
            "NH160 spec.source.ngc.modelEndpoint"]),
        ({"storage": {"pvc": {"name": "models"}}}, []),
        ({"storage": {"pvc": {"name": "models", "create": False}}}, []),
        ({"storage": {"pvc": {"create": True}}}, ["NH162 spec.storage.pvc"]),
        ({"storage": {"pvc": {"size": "1Gi"}}}, ["NH162 spec.storage.pvc"]),
        ({"storage": {"pvc": {}}}, ["NH162 spec.storage"]),
    ],
)  # fmt: skip
def test_a_cache(spec: dict[str, Any], expected: list[str]) -> None:
    assert codes(pipeline(), cache(**spec)) == expected


def test_everything_is_found_in_one_run_and_in_the_order_of_the_lines() -> None:
    documents = [pipeline(service("llm", "x", storage={}, replicas=-1)), cache("c", storage={}), pipeline(name="demo")]
    found = findings(*documents)
    assert {one.code for one in found} == {"NH023", "NH050", "NH013", "NH162", "NH007"}
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert found == sorted(set(found))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_have_no_errors(example: Any) -> None:
    found = check_documents(load_files([str(example)]))
    assert [one for one in found if one.severity == "error"] == []


EVERYTHING = Path(__file__).parent / "everything.yaml"
WRONG: list[Any] = [None, True, -1.5, "text", [], [None], [{}], [[]], {"x": [1]}]


def test_a_document_with_everything_has_no_errors() -> None:
    found = check_documents(load_files([str(EVERYTHING)]))
    assert [(one.code, one.severity) for one in found] == [
        ("NH048", "note"), ("NH063", "warning"), ("NH107", "note"), ("NH075", "warning"), ("NH096", "warning"),
        ("NH076", "warning"),
    ]  # fmt: skip


def places(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in below:
        yield from places(value, (*place, key))


def with_value(data: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of data with another value at a place; what lies beside it is shared."""
    if not place:
        return value
    changed: Any = dict(data) if isinstance(data, dict) else list(data)
    changed[place[0]] = with_value(data[place[0]], place[1:], value)
    return changed


@pytest.mark.slow
def test_rules_survive_any_value_anywhere() -> None:
    files = load_files([str(EVERYTHING)])
    for kind in ("pipelines", "caches"):
        document = getattr(files, kind)[0]
        for place in list(places(document.data)):
            for wrong in WRONG:
                changed = document._replace(data=with_value(document.data, place, wrong))
                if isinstance(changed.data, dict):
                    check_and_plan(files._replace(**{kind: [changed]}))


def check_and_plan(files: Loaded) -> None:
    """What has no errors must also be planned, described and put into values."""
    if not has_errors(check_documents(files)):
        plan = plan_pipeline(files.pipelines[0], caches_by_name(files))
        assert values_tree(plan)
        assert summary(plan, Path("chart"), "0.1.0", [], [])
        assert readme(plan, "0.1.0", values_tree(plan))


def test_a_null_counts_as_absent() -> None:
    bare = {"name": "a", "enabled": True, "dependencies": None, "spec": {
        "image": {"repository": "a", "tag": "1", "pullSecrets": None}, "authSecret": "ngc", "replicas": None, "env": None,
        "storage": {"emptyDir": {}, "pvc": None}, "scale": None, "expose": {"service": None, "router": None}}}  # fmt: skip
    assert codes(pipeline(bare)) == []
    assert loaded(pipeline(bare)).findings == []
