"""A pipeline as the NIM Operator runs it: its custom resources, and the objects that it makes of them.

The operator itself is not here; what matters to a release that takes over is what it leaves in the cluster.
"""

from __future__ import annotations

from typing import Any

from .release import probe

GROUP = "apps.nvidia.com"
VERSION = "v1alpha1"
FINALIZER = "finalizer.nimservice.apps.nvidia.com"
Object = dict[str, Any]
SPEC: Object = {
    "image": {"repository": "nvcr.io/nim/moved", "tag": "1.0.0", "pullSecrets": ["ngc-secret"]},
    "authSecret": "ngc-api-key",
    "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
    "resources": {"limits": {"nvidia.com/gpu": "1"}},
    "expose": {"service": {"type": "ClusterIP", "port": 8000}},
    "replicas": 1,
    "readinessProbe": probe(),
    "startupProbe": probe(),
}
"""A NIMService that starts soon."""

MODE = "serving.kserve.io/deploymentMode"
SERVED = {
    MODE: "Standard",
    "serving.kserve.io/enable-metric-aggregation": "true",
    "serving.kserve.io/enable-prometheus-scraping": "true",
}


def definition(kind: str) -> Object:
    """A CustomResourceDefinition that takes anything, where the operator's own is not at hand."""
    plural = kind.lower() + "s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def resource(kind: str, name: str, spec: Object) -> Object:
    """A custom resource of the operator, with its finalizer."""
    metadata = {"name": name, "finalizers": [FINALIZER]}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, "metadata": metadata, "spec": spec}


def labels(name: str) -> dict[str, str]:
    """The operator's standard labels; its shipped chart leaves the version empty."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/operator-version": "",
        "app.kubernetes.io/part-of": "nim-service",
        "app.kubernetes.io/managed-by": "k8s-nim-operator",
    }


def objects(name: str, spec: Object, uid: str, namespace: str, env: list[Object]) -> list[Object]:
    """What the operator makes of a NIMService with a claim of its own; `uid` is that of the NIMService."""
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "NIMService",
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }

    def made(version: str, kind: str, **fields: Any) -> Object:
        annotations = {"nvidia.com/last-applied-hash": "69874fdc8f"}
        metadata = {"name": name, "labels": labels(name), "annotations": annotations, "ownerReferences": [owner]}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}

    port = spec["expose"]["service"]["port"]
    rbac = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": ["security.openshift.io"],
        "resources": ["securitycontextconstraints"],
        "resourceNames": ["nonroot"],
        "verbs": ["use"],
    }
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    ports = [{"name": "api", "port": port, "targetPort": "api", "protocol": "TCP"}]
    result = [
        made("v1", "ServiceAccount"),
        made(f"{rbac}/v1", "Role", rules=[rule]),
        made(f"{rbac}/v1", "RoleBinding", roleRef={"apiGroup": rbac, "kind": "Role", "name": name}, subjects=[subject]),
        made("v1", "Service", spec={"type": "ClusterIP", "selector": {"app": name}, "ports": ports}),
        claim(name, spec, owner),
        made("apps/v1", "Deployment", spec=deployment_spec(name, spec, port, env)),
    ]
    result[3]["metadata"]["annotations"]["openshift.io/required-scc"] = "nonroot"
    result[5]["metadata"]["annotations"]["openshift.io/required-scc"] = "nonroot"
    return result


def group_objects(name: str, spec: Object, uid: str, namespace: str) -> list[Object]:
    """What the operator makes of a NIMService over several nodes that MPI starts."""
    *result, deployment = objects(name, spec, uid, namespace, [])
    selector = {"app": f"{name}-lws", "nim-llm-role": "leader"}
    next(each for each in result if each["kind"] == "Service")["spec"]["selector"] = selector
    owned = {key: deployment["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}

    def made(version: str, kind: str, suffix: str, **fields: Any) -> Object:
        return {"apiVersion": version, "kind": kind, "metadata": {**owned, "name": f"{name}-{suffix}"}, **fields}

    nodes = spec["multiNode"]["parallelism"]["pipeline"]
    hosts = ["localhost", *(f"{name}-lws-0-{node}.{name}-lws.{namespace}.svc" for node in range(1, nodes))]
    hostfile = "".join(f"{host} slots=1\n" for host in hosts)
    return [
        *result,
        made("v1", "ConfigMap", "mpi-config", data={"hostfile-0": hostfile}),
        made("v1", "ConfigMap", "mpi-start-script", data={"start-mpi-cluster.sh": "#!/bin/bash\n"}),
        made("v1", "Secret", "ssh-pk", stringData={"private.key": "of-the-operator"}),
        made("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "lws", spec=group_spec(name, deployment, nodes)),
    ]


def inference_objects(name: str, spec: Object, uid: str, namespace: str) -> list[Object]:
    """What the operator makes of a NIMService for KServe's standard mode, without autoscaling."""
    *result, deployment = objects(name, spec, uid, namespace, [])
    template = deployment["spec"]["template"]
    metadata = deployment["metadata"]
    metadata["annotations"] |= SERVED
    predictor = {
        **template["spec"],
        "annotations": template["metadata"]["annotations"] | {MODE: "Standard"},
        "labels": {"app": name},
        "deploymentStrategy": deployment["spec"]["strategy"],
        "minReplicas": spec["replicas"],
    }
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": metadata}
    return [*(each for each in result if each["kind"] != "Service"), service | {"spec": {"predictor": predictor}}]


def group_spec(name: str, deployment: Object, nodes: int) -> Object:
    """The LeaderWorkerSet; its pods have no service account and no pull policy, its workers no labels."""
    rollout = {"type": "RollingUpdate", "rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0}}
    return {
        "replicas": 1,
        "startupPolicy": "LeaderCreated",
        "networkConfig": {"subdomainPolicy": "Shared"},
        "rolloutStrategy": rollout,
        "leaderWorkerTemplate": {
            "size": nodes,
            "restartPolicy": "RecreateGroupOnPodRestart",
            **{f"{role}Template": group_pod(name, role, deployment, nodes) for role in ("leader", "worker")},
        },
    }


def group_pod(name: str, role: str, deployment: Object, nodes: int) -> Object:
    """The template of a leader or a worker, made of that of a pod of its own."""
    template = deployment["spec"]["template"]
    spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName"}
    left_out = {"imagePullPolicy"} if role == "leader" else {"imagePullPolicy", *PROBES}
    container = {key: value for key, value in spec["containers"][0].items() if key not in left_out}
    container["name"] = f"nim-{role}"
    container["env"] = [*container["env"], *group_env(nodes), *ROLE_ENV[role]]
    container["volumeMounts"] = [
        *container["volumeMounts"],
        {"name": "mpi-config", "mountPath": "/etc/mpi"}
        if role == "leader"
        else {"name": "ssh-confs", "mountPath": "/ssh-confs"},
        {"name": "ssh-dotfiles", "mountPath": "/opt/nim/llm/.ssh"},
        {"name": "ssh-pk", "mountPath": "/opt/nim/llm/pk"},
        {
            "name": "start-mpi-script",
            "mountPath": "/opt/nim/start-mpi-cluster.sh",
            "subPath": "start-mpi-cluster.sh",
        },
    ]
    volumes = [
        *spec["volumes"],
        {"name": "mpi-config", "configMap": {"name": f"{name}-mpi-config"}}
        if role == "leader"
        else {"name": "ssh-confs", "emptyDir": {}},
        {"name": "ssh-dotfiles", "emptyDir": {}},
        {"name": "ssh-pk", "secret": {"secretName": f"{name}-ssh-pk", "defaultMode": 256}},
        {"name": "start-mpi-script", "configMap": {"name": f"{name}-mpi-start-script"}},
    ]
    own = {"labels": {**template["metadata"]["labels"], "app": f"{name}-lws", "nim-llm-role": "leader"}}
    metadata = {"annotations": template["metadata"]["annotations"], **(own if role == "leader" else {})}
    return {"metadata": metadata, "spec": {**spec, "containers": [container], "volumes": volumes}}


PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def from_field(name: str, path: str) -> Object:
    """A variable that holds a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def group_env(nodes: int) -> list[Object]:
    """What leader and workers know."""
    values = {
        "NIM_MPI_ALLOW_RUN_AS_ROOT": "0",
        "NIM_NUM_COMPUTE_NODES": str(nodes),
        "NIM_MULTI_NODE": "1",
        "NIM_TENSOR_PARALLEL_SIZE": "1",
        "NIM_PIPELINE_PARALLEL_SIZE": str(nodes),
    }
    rank = from_field("NIM_NODE_RANK", f"metadata.labels['{LWS}/worker-index']")
    return [*({"name": name, "value": value} for name, value in values.items()), rank]


LWS = "leaderworkerset.sigs.k8s.io"
ROLE_ENV: dict[str, list[Object]] = {
    "leader": [
        {"name": "NIM_LEADER_ROLE", "value": "1"},
        {"name": "OMPI_MCA_orte_keep_fqdn_hostnames", "value": "true"},
        {"name": "OMPI_MCA_plm_rsh_args", "value": "-o ConnectionAttempts=20"},
        {"name": "GPUS_PER_NODE", "value": "1"},
        {"name": "CLUSTER_START_TIMEOUT", "value": "300"},
        from_field("CLUSTER_SIZE", f"metadata.annotations['{LWS}/size']"),
        from_field("GROUP_INDEX", f"metadata.labels['{LWS}/group-index']"),
    ],
    "worker": [
        {"name": "NIM_LEADER_ROLE", "value": "0"},
        from_field("LEADER_NAME", f"metadata.annotations['{LWS}/leader-name']"),
        from_field("NAMESPACE", "metadata.namespace"),
        from_field("LWS_NAME", f"metadata.labels['{LWS}/name']"),
    ],
}
"""What each of them knows beside."""


def claim(name: str, spec: Object, owner: Object) -> Object:
    """The claim that the operator creates once."""
    pvc = spec["storage"]["pvc"]
    own = {
        "app": "k8s-nim-operator",
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/managed-by": "k8s-nim-operator",
    }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{name}-pvc", "labels": own, "ownerReferences": [owner]},
        "spec": {"accessModes": [pvc["volumeAccessMode"]], "resources": {"requests": {"storage": pvc["size"]}}},
    }


def deployment_spec(name: str, spec: Object, port: int, env: list[Object]) -> Object:
    """The Deployment of a standalone service."""
    standard = {
        "NIM_CACHE_PATH": "/model-store",
        "OUTLINES_CACHE_DIR": "/tmp/outlines",
        "NIM_SERVER_PORT": str(port),
        "NIM_HTTP_API_PORT": str(port),
        "NIM_JSONL_LOGGING": "1",
        "NIM_LOG_LEVEL": "INFO",
    }
    key = {"name": spec["authSecret"], "key": "NGC_API_KEY"}
    container = {
        "name": f"{name}-ctr",
        "image": f"{spec['image']['repository']}:{spec['image']['tag']}",
        "imagePullPolicy": "IfNotPresent",
        "env": [
            *env,
            *({"name": one, "value": value} for one, value in standard.items()),
            {"name": "NGC_API_KEY", "valueFrom": {"secretKeyRef": key}},
        ],
        "ports": [{"name": "api", "containerPort": port, "protocol": "TCP"}],
        "resources": spec["resources"],
        "livenessProbe": probe_of(spec, "livenessProbe", "live", 15, 3),
        "readinessProbe": probe_of(spec, "readinessProbe", "ready", 15, 3),
        "startupProbe": probe_of(spec, "startupProbe", "ready", 30, 120),
        "volumeMounts": [
            {"name": "model-store", "mountPath": "/model-store"},
            {"name": "dshm", "mountPath": "/dev/shm"},
        ],
    }
    return {
        "replicas": spec["replicas"],
        "selector": {"matchLabels": {"app": name}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 0}},
        "template": {
            "metadata": {
                "labels": {"app": name, **labels(name)},
                "annotations": {"openshift.io/required-scc": "nonroot"},
            },
            "spec": {
                "serviceAccountName": name,
                "securityContext": {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 2000},
                "imagePullSecrets": [{"name": one} for one in spec["image"]["pullSecrets"]],
                "containers": [container],
                "volumes": [
                    {"name": "dshm", "emptyDir": {"medium": "Memory"}},
                    {"name": "model-store", "persistentVolumeClaim": {"claimName": f"{name}-pvc"}},
                ],
            },
        },
    }


def probe_of(spec: Object, kind: str, path: str, delay: int, tries: int) -> Object:
    """The probe of the pipeline, or the one that the operator gives where there is none."""
    default = {
        "httpGet": {"path": f"/v1/health/{path}", "port": "api"},
        "initialDelaySeconds": delay,
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": tries,
    }
    probe: Object = spec.get(kind, {}).get("probe", default)
    return probe


def filled_claim(cache: str, uid: str) -> Object:
    """The claim that the operator makes of a NIMCache; `uid` is that of the NIMCache."""
    owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "NIMCache", "name": cache, "uid": uid, "controller": True}
    metadata = {"name": f"{cache}-pvc", "labels": labels(cache), "ownerReferences": [owner]}
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def writer(claim: str) -> Object:
    """A pod that puts a model into a claim."""
    container = {
        "name": "writer",
        "image": "docker.io/library/busybox:1.37",
        "command": ["sh", "-c", "mkdir -p /model/ngc && echo weights > /model/ngc/model"],
        "volumeMounts": [{"name": "model", "mountPath": "/model"}],
    }
    volume = {"name": "model", "persistentVolumeClaim": {"claimName": claim}}
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [volume]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "writer"}, "spec": spec}
