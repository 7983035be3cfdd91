"""Words that people write for fields and values of a NIMService: from Kubernetes, Compose, other charts and speech."""

from __future__ import annotations

DEVICES = 'resources.limits["nvidia.com/gpu"]'
MEANT = {
    "pullSecrets": "image.pullSecrets", "pullSecret": "image.pullSecrets", "imagePullSecret": "image.pullSecrets",
    "imagePullSecrets": "image.pullSecrets", "imagePullPolicy": "image.pullPolicy",
    "port": "expose.service.port", "ports": "expose.service.port", "containerPort": "expose.service.port",
    "service": "expose.service", "serviceType": "expose.service.type",
    "ingress": "expose.router.ingress", "gateway": "expose.router.gateway", "hostname": "expose.router.hostDomainName",
    "gpu": DEVICES, "gpus": DEVICES, "gpuCount": DEVICES, "nvidia.com/gpu": DEVICES,
    "minReplicas": "scale.hpa.minReplicas", "maxReplicas": "scale.hpa.maxReplicas",
    "autoscaling": "scale", "replicaCount": "replicas",
    "dependsOn": "dependencies", "depends_on": "dependencies", "needs": "dependencies",
    "requires": "dependencies", "after": "dependencies", "waitFor": "dependencies", "dependency": "dependencies",
    "environment": "env", "envVars": "env", "entrypoint": "command",
    "secret": "authSecret", "secretName": "authSecret",
    "ngcSecret": "authSecret", "ngcAPISecret": "authSecret", "runtime": "runtimeClassName",
    "runAsUser": "userID", "user": "userID", "runAsGroup": "groupID", "fsGroup": "groupID",
    "persistence": "storage.pvc", "persistentVolumeClaim": "storage.pvc", "cache": "storage.nimCache",
    "shmSize": "storage.sharedMemorySizeLimit", "shm_size": "storage.sharedMemorySizeLimit",
    "sharedMemory": "storage.sharedMemorySizeLimit",
    "limits": "resources.limits", "requests": "resources.requests", "probe": "readinessProbe",
    "resourceClaims": "draResources", "deviceClaims": "draResources", "claims": "draResources",
    "tensorParallel": "multiNode.parallelism.tensor", "pipelineParallel": "multiNode.parallelism.pipeline",
    "components": "services", "microservices": "services", "nims": "services", "nimServices": "services",
    "serviceName": "name", "claimName": "storage.pvc.name", "storageClass": "storage.pvc.storageClass",
    "healthcheck": "readinessProbe", "serviceMonitor": "metrics.serviceMonitor", "scheduler": "schedulerName",
    "pdb": "podDisruptionBudget", "strategy": "updateStrategy", "serviceAccountName": "serviceAccount.name",
    "extraVolumes": "volumes", "extraVolumeMounts": "volumeMounts", "extraEnvFrom": "envFrom",
    "podSpec": "podTemplate.spec", "template": "podTemplate",
}  # fmt: skip
"""Names from Kubernetes, Compose and other charts, and the field of a service, or its value, that they stand for."""

MEANT_AT = {
    ("multiNode", "size"): "multiNode.parallelism.pipeline",
    ("multiNode", "nodes"): "multiNode.parallelism.pipeline",
    ("multiNode", "gpusPerNode"): "multiNode.parallelism.tensor",
    ("expose", "serviceType"): "expose.service.type",
    ("expose", "type"): "expose.service.type",
    ("service", "ports"): "expose.service.port",
    ("service", "targetPort"): "expose.service.port",
    ("service", "openaiPort"): "port",
    ("nimCache", "create"): "storage.pvc.create",
    ("pvc", "accessModes"): "storage.pvc.volumeAccessMode",
    ("pvc", "storageClassName"): "storage.pvc.storageClass",
    ("pvc", "claimName"): "storage.pvc.name",
    ("pvc", "storage"): "storage.pvc.size",
    ("pvc", "capacity"): "storage.pvc.size",
    ("storage", "persistentVolumeClaim"): "storage.pvc",
    ("storage", "pvcName"): "storage.pvc.name",
    ("storage", "claimName"): "storage.pvc.name",
    ("storage", "cache"): "storage.nimCache.name",
    ("storage", "nimCacheName"): "storage.nimCache.name",
    ("storage", "sharedMemory"): "storage.sharedMemorySizeLimit",
    ("storage", "shmSize"): "storage.sharedMemorySizeLimit",
    ("hpa", "min"): "minReplicas",
    ("hpa", "max"): "maxReplicas",
    ("scale", "min"): "scale.hpa.minReplicas",
    ("scale", "max"): "scale.hpa.maxReplicas",
    ("secretKeyRef", "secretName"): "name",
    ("configMapKeyRef", "configMapName"): "name",
    ("image", "name"): "image.repository",
    ("image", "registry"): "image.repository",
    ("image", "version"): "image.tag",
    ("", "service"): "spec.services",
    ("env", "key"): "name",
    ("dependencies", "service"): "name",
    ("dependencies", "host"): "name",
    ("dependencies", "env"): "envName",
    ("resources", "gpu"): DEVICES,
    ("resources", "gpus"): DEVICES,
    ("ingress", "host"): "expose.router.hostDomainName",
    ("ingress", "className"): "expose.router.ingress.ingressClass",
    ("ingress", "ingressClassName"): "expose.router.ingress.ingressClass",
    ("router", "host"): "expose.router.hostDomainName",
}
"""The same for names that mean something only in one mapping."""

ONE_CONTAINER = "a service is one container: write image, command, args and env in spec"
SAYS_ITSELF = "Kubernetes does that by itself: remove it"
NOWHERE = {
    "nodePort": "a NIMService has no such field: set expose.service.nodePort in the values of the chart",
    "keda": "a NIMService has no such field: set scale.keda in the values of the chart",
    "scaledObject": "a NIMService has no such field: set scale.keda in the values of the chart",
    "networkPolicy": "a NIMService has no such field: set global.nimhelm.networkPolicy in the values of the chart",
    "prometheusRule": "a NIMService has no such field: set metrics.prometheusRule in the values of the chart",
    "source": "a NIMService has no such field: a NIMCache has it",
    "model": "a NIMService has no such field: the image is the model",
    "modelName": "a NIMService has no such field: the image is the model",
    "strategy": "a NIMService has no such field: set updateStrategy in the values of the chart",
    "probes": "write startupProbe, livenessProbe and readinessProbe",
    "nodeName": "write nodeSelector: {kubernetes.io/hostname: NODE}",
    "serviceAccountName": "a NIMService has no such field: set serviceAccount.name in the values of the chart",
    "volumeMounts": "there is no such field: every container gets the volumes of the main one",
    "containers": ONE_CONTAINER, "template": ONE_CONTAINER,
    "restart": SAYS_ITSELF, "restartPolicy": SAYS_ITSELF, "networks": SAYS_ITSELF,
    "metadata": "the name belongs beside spec; labels and annotations are fields of spec",
    "deploy": "write replicas and resources in spec",
    "disabled": "write enabled: false",
}  # fmt: skip
"""Names without a matching field, and what to do instead."""

OF_THE_POD = {
    "hostNetwork", "hostIPC", "hostPID", "hostUsers", "shareProcessNamespace", "enableServiceLinks", "subdomain",
    "overhead", "preemptionPolicy", "readinessGates", "activeDeadlineSeconds", "setHostnameAsFQDN",
}  # fmt: skip
"""Fields of a pod that only the chart's overlay of the pod template sets."""

OWN_NAMES = "objects have the name of their service: rename the service in the pipeline"
OTHER_CHARTS = {
    "nameOverride": OWN_NAMES, "fullnameOverride": OWN_NAMES,
    "extraManifests": "did you mean extraObjects, at the top of the file?",
    "extraDeploy": "did you mean extraObjects, at the top of the file?",
}  # fmt: skip
"""Values of other charts that no value of a service stands for."""

PRIMARY = {"pvc": "name", "nimCache": "name", "service": "port", "storage": "pvc.size", "expose": "service.port"}
"""The field that people mean when they write one word in place of a mapping."""

SHORT = {
    "rwo": "ReadWriteOnce", "rwx": "ReadWriteMany", "rox": "ReadOnlyMany", "rwop": "ReadWriteOncePod",
    "lb": "LoadBalancer",
}  # fmt: skip
"""Abbreviations of values."""

NUMBERS = {word: str(number) for number, word in enumerate(("zero", "one", "two", "three", "four", "five", "six"))}
"""Numbers as words."""
