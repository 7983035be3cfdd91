"""Everything that is rendered is valid against the Kubernetes schemas of three minor versions."""

from __future__ import annotations

import copy
import warnings

import pytest

from .assemble import Object, dependency, pod_specs, spec
from .conftest import Render

BESIDE = {
    "name": "beside",
    "image": {"repository": "busybox", "tag": "1"},
    "env": [{"name": "A", "value": "1"}],
    "workingDir": "/",
}
EPP = {
    "containerSpec": {"name": "epp", "image": {"repository": "epp", "tag": "v1"}},
    "config": {"plugins": [{"type": "x"}]},
}
SERVICES = {
    "a": spec(
        expose={
            "service": {"name": "alias", "grpcPort": 50051, "metricsPort": 9},
            "router": {
                "hostDomainName": "x.io",
                "ingress": {"ingressClass": "c", "tlsSecretName": "t"},
                "eppConfig": EPP,
            },
        },
        scale={
            "enabled": True,
            "hpa": {
                "maxReplicas": 3,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
                    }
                ],
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
            },
        },
        proxy={"httpProxy": "http://p", "certConfigMap": "certs"},
        resources={"limits": {"nvidia.com/gpu": 1, "memory": "0.5Gi"}},
        tolerations=[{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1000660000}],
        initContainers=[BESIDE],
        sidecarContainers=[{**BESIDE, "name": "side"}],
        nodeSelector={"gpu": "true"},
    ),
    "b": spec(
        storage={"emptyDir": {"sizeLimit": "1Gi"}, "sharedMemorySizeLimit": "16Gi"},
        dependencies=[dependency("a", envName="A_URL")],
    ),
    "c": spec(storage={"hostPath": "/data"}, draResources=[{"claimCreationSpec": {"devices": [{"name": "gpu"}]}}]),
}
CACHES = {
    "cache": {
        "source": {"ngc": {"modelPuller": "x:1", "authSecret": "s"}},
        "storage": {"pvc": {"create": True, "size": "1Gi"}},
    }
}


GROUPS = {
    "nodes": spec(
        multiNode={"parallelism": {"pipeline": 2, "tensor": 8}},
        sidecarContainers=[BESIDE],
        dependencies=[dependency("a")],
    ),
    "served": spec(inferencePlatform="kserve", initContainers=[BESIDE], dependencies=[dependency("a")]),
}
ADD_ONS = ("InferencePool", "LeaderWorkerSet", "InferenceService")
NEITHER_POD = {"deploymentStrategy", "minReplicas", "maxReplicas", "labels", "annotations"}


@pytest.mark.parametrize("version", ["1.30", "1.34", "1.37"])
@pytest.mark.parametrize("restricted", [False, True])
def test_schemas(render: Render, version: str, restricted: bool) -> None:
    services = {**SERVICES, **GROUPS}
    if restricted:
        services["a"] = {**services["a"], "proxy": {"httpProxy": "http://p"}}
        services["c"] = {**services["c"], "storage": {"emptyDir": {}}}
    if version == "1.30":
        del services["c"]  # devices came with 1.34
    rendered = render(services, nimhelm={"restricted": restricted, "imagePullSecrets": ["x"]}, nimCaches=CACHES)
    for document in rendered.values():
        if document["kind"] not in ADD_ONS:
            validate(document, version)
    for name, pod in pod_specs(rendered):
        fields = {key: value for key, value in pod.items() if key not in NEITHER_POD}
        validate(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name.replace("/", "-").lower()}, "spec": fields},
            version,
        )


def validate(document: Object, version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import kubernetes_validate

        kubernetes_validate.validate(copy.deepcopy(document), version, strict=True)
