"""Words that people write for fields and values of a NIMService: from Kubernetes, Compose, other charts and speech."""

from __future__ import annotations

DEVICES = 'resources.limits["nvidia.com/gpu"]'
MEANT = {
    "pullSecrets": "image.pullSecrets", "pullSecret": "image.pullSecrets", "imagePullSecret": "image.pullSecrets",
    "imagePullSecrets": "image.pullSecrets", "imagePullPolicy": "image.pullPolicy",
    "port": "expose.service.port", "ports": "expose.service.port", "containerPort": "expose.service.port",
    "service": "expose.service", "serviceType": "expose.service.type",
    "ingress": "expose.router.ingress", "gateway": "expose.router.gateway", "hostname": "expose.router.hostDomainName",
    "httpPort": "expose.service.port", "targetPort": "expose.service.port", "openaiPort": "expose.service.port",
    "gpu": DEVICES, "gpus": DEVICES, "gpuCount": DEVICES, "numGPUs": DEVICES, "nGPUs": DEVICES, "gpuLimit": DEVICES,
    "nvidia.com/gpu": DEVICES,
    "minReplicas": "scale.hpa.minReplicas", "maxReplicas": "scale.hpa.maxReplicas",
    "autoscaling": "scale", "replicaCount": "replicas",
    "dependsOn": "dependencies", "needs": "dependencies",
    "requires": "dependencies", "after": "dependencies", "waitFor": "dependencies", "dependency": "dependencies",
    "environment": "env", "envVars": "env", "entrypoint": "command",
    "secret": "authSecret", "secretName": "authSecret",
    "ngcSecret": "authSecret", "ngcAPISecret": "authSecret", "apiKeySecret": "authSecret",
    "runtime": "runtimeClassName", "certConfig": "proxy.certConfigMap", "certConfigMap": "proxy.certConfigMap",
    "runAsUser": "userID", "user": "userID", "runAsGroup": "groupID", "fsGroup": "groupID",
    "persistence": "storage.pvc", "persistentVolumeClaim": "storage.pvc", "cache": "storage.nimCache",
    "shm": "storage.sharedMemorySizeLimit", "shmSize": "storage.sharedMemorySizeLimit",
    "sharedMemory": "storage.sharedMemorySizeLimit", "dshm": "storage.sharedMemorySizeLimit",
    "limits": "resources.limits", "requests": "resources.requests", "probe": "readinessProbe",
    "resourceClaims": "draResources", "deviceClaims": "draResources", "claims": "draResources",
    "tensorParallel": "multiNode.parallelism.tensor", "pipelineParallel": "multiNode.parallelism.pipeline",
    "tensorParallelism": "multiNode.parallelism.tensor", "pipelineParallelism": "multiNode.parallelism.pipeline",
    "components": "services", "microservices": "services", "nims": "services", "nimServices": "services", "stages": "services",
    "serviceName": "name", "claimName": "storage.pvc.name", "storageClass": "storage.pvc.storageClass",
    "healthcheck": "readinessProbe", "serviceMonitor": "metrics.serviceMonitor", "scheduler": "schedulerName",
    "pdb": "podDisruptionBudget", "strategy": "updateStrategy", "serviceAccountName": "serviceAccount.name",
    "extraVolumes": "volumes", "extraVolumeMounts": "volumeMounts", "extraEnvFrom": "envFrom",
    "podSpec": "podTemplate.spec", "template": "podTemplate", "gate": "wait", "gates": "wait",
    "modelProfile": "storage.nimCache.profile", "podAnnotations": "annotations", "podLabels": "labels",
    "containerSecurityContext": "securityContext", "modelCache": "storage", "monitoring": "metrics",
    "nodeAffinity": "affinity.nodeAffinity", "podAntiAffinity": "affinity.podAntiAffinity",
    "gracePeriod": "terminationGracePeriodSeconds", "gracePeriodSeconds": "terminationGracePeriodSeconds",
    "preStop": "lifecycle.preStop", "postStart": "lifecycle.postStart", "dns": "dnsConfig",
    "kedaScaledObject": "scale.keda", "scaledObject": "scale.keda", "keda": "scale.keda",
}  # fmt: skip
"""Names from Kubernetes, Compose and other charts, and the field of a service, or its value, that they stand for."""

MEANT_AT = {
    ("multiNode", "size"): "multiNode.parallelism.pipeline",
    ("multiNode", "nodes"): "multiNode.parallelism.pipeline",
    ("multiNode", "workers"): "multiNode.parallelism.pipeline",
    ("parallelism", "pp"): "pipeline",
    ("parallelism", "tp"): "tensor",
    ("router", "tls"): "expose.router.ingress.tlsSecretName",
    ("multiNode", "gpusPerNode"): "multiNode.parallelism.tensor",
    ("multiNode", "gpusPerPod"): "multiNode.parallelism.tensor",
    ("expose", "serviceType"): "expose.service.type",
    ("expose", "type"): "expose.service.type",
    ("service", "ports"): "expose.service.port",
    ("service", "targetPort"): "expose.service.port",
    ("service", "openaiPort"): "port",
    ("service", "servicePort"): "port",
    ("nimCache", "create"): "storage.pvc.create",
    ("pvc", "accessModes"): "storage.pvc.volumeAccessMode",
    ("pvc", "storageClassName"): "storage.pvc.storageClass",
    ("pvc", "claimName"): "storage.pvc.name",
    ("pvc", "existingClaim"): "storage.pvc.name",
    ("storage", "existingClaim"): "storage.pvc.name",
    ("pvc", "storage"): "storage.pvc.size",
    ("pvc", "capacity"): "storage.pvc.size",
    ("pvc", "resources"): "storage.pvc.size",
    ("pvc", "dataSourceRef"): "dataSource",
    ("storage", "persistentVolumeClaim"): "storage.pvc",
    ("storage", "pvcName"): "storage.pvc.name",
    ("storage", "claimName"): "storage.pvc.name",
    ("storage", "cache"): "storage.nimCache.name",
    ("storage", "nimCacheName"): "storage.nimCache.name",
    ("storage", "modelCache"): "storage.pvc",
    ("storage", "sharedMemory"): "storage.sharedMemorySizeLimit",
    ("storage", "shmSize"): "storage.sharedMemorySizeLimit",
    ("hpa", "min"): "minReplicas",
    ("hpa", "max"): "maxReplicas",
    ("scale", "min"): "scale.hpa.minReplicas",
    ("scale", "max"): "scale.hpa.maxReplicas",
    ("secretKeyRef", "secretName"): "name",
    ("configMapKeyRef", "configMapName"): "name",
    ("image", "name"): "image.repository",
    ("image", "version"): "image.tag",
    ("", "service"): "spec.services",
    ("env", "key"): "name",
    ("dependencies", "service"): "name",
    ("dependencies", "host"): "name",
    ("dependencies", "env"): "envName",
    ("dependencies", "envVar"): "envName",
    ("dependencies", "variable"): "envName",
    ("dependencies", "value"): "envValue",
    ("resources", "gpu"): DEVICES,
    ("resources", "gpus"): DEVICES,
    ("multiNode", "tensor"): "multiNode.parallelism.tensor",
    ("multiNode", "pipeline"): "multiNode.parallelism.pipeline",
    ("serviceMonitor", "labels"): "additionalLabels",
    ("ngc", "image"): "modelPuller",
    ("hf", "image"): "modelPuller",
    ("dataStore", "image"): "modelPuller",
    ("ngc", "puller"): "modelPuller",
    **{
        ("ngc", key): f"source.ngc.model.{key}"
        for key in ("profiles", "engine", "precision", "tensorParallelism", "qosProfile", "gpus", "lora", "buildable")
    },
    ("ngc", "apiKeySecret"): "authSecret",
    ("hf", "tokenSecret"): "authSecret",
    **{
        (source, key): "modelName"
        for source in ("hf", "dataStore")
        for key in ("model", "repo", "repoId", "modelId", "name")
    },
    ("hf", "url"): "endpoint",
    ("dataStore", "url"): "endpoint",
    ("dataStore", "dataset"): "datasetName",
    ("hf", "dataset"): "datasetName",
    ("hf", "tag"): "revision",
    ("hf", "branch"): "revision",
    ("source", "huggingface"): "hf",
    ("source", "huggingFace"): "hf",
    ("source", "nemoDataStore"): "dataStore",
    ("source", "nemo"): "dataStore",
    ("source", "nvcr"): "ngc",
    ("gpus", "name"): "product",
    ("gpus", "model"): "product",
    ("gpus", "type"): "product",
    ("certConfig", "configMap"): "name",
    ("certConfig", "configMapName"): "name",
    ("certConfig", "path"): "mountPath",
    ("httpGet", "url"): "path",
    ("gateway", "gatewayName"): "name",
    ("gateway", "parentRefs"): "expose.router.gateway.name",
    ("ingress", "hosts"): "expose.router.hostDomainName",
    ("metrics", "port"): "expose.service.metricsPort",
    ("networkPolicy", "create"): "enabled",
    ("nimhelm", "labels"): "commonLabels",
    ("nimhelm", "annotations"): "commonAnnotations",
    **{("nimhelm", key): "waitTimeoutSeconds" for key in ("timeout", "waitTimeout", "gateTimeout", "timeoutSeconds")},
    **{("nimhelm", key): "imageRegistry" for key in ("mirror", "registryMirror", "privateRegistry")},
    **{("nimhelm", key): f"mesh: {key}" for key in ("istio", "linkerd")},
    **{("nimhelm", key): f"orderFor: {key.lower()}" for key in ("argocd", "argoCD", "kapp", "nelm")},
    **{("nimhelm", key): "helperResources" for key in ("resources", "waitResources", "gateResources", "initResources")},
    **{("nimhelm", key): "imagePullSecrets" for key in ("pullSecrets", "pullSecret", "imagePullSecret")},
    **{
        ("networkPolicy", key): "gatewayNamespaces"
        for key in ("allowFrom", "allowedNamespaces", "ingressNamespaces", "namespaces", "fromNamespaces")
    },
    ("proxy", "http"): "httpProxy",
    ("proxy", "https"): "httpsProxy",
    ("draResources", "name"): "resourceClaimName",
    ("draResources", "claimSpec"): "claimCreationSpec",
    ("ingress", "host"): "expose.router.hostDomainName",
    ("ingress", "className"): "expose.router.ingress.ingressClass",
    ("ingress", "ingressClassName"): "expose.router.ingress.ingressClass",
    ("router", "host"): "expose.router.hostDomainName",
}
"""The same for names that mean something only in one mapping."""

OWN_CLAIM = "create the claim yourself, and write its name as storage.pvc.name"
KEPT = "remove it: the chart keeps its claims, unless global.nimhelm.keepClaims is false"
AT_THE_CACHE = "a NIMCache has it: write it there"
AS_VOLUMES = "set it as one of volumes, in the values of the chart"
OWN_POLICY = "write a NetworkPolicy of your own in extraObjects, at the top of the file"
OWN_MONITOR = "write a ServiceMonitor of your own in extraObjects, at the top of the file of values"
BY_DEPENDENCIES = "remove it: the order follows from dependencies"
OF_A_GATE = "a pipeline has no such field: set wait of this dependency in the values of the chart"
NOWHERE_AT = {
    ("pvc", "volumeMode"): "remove it: a model needs a file system",
    ("pvc", "mountPath"): "remove it: the image knows the folder of its models",
    **{("pvc", key): OWN_CLAIM for key in ("finalizers", "volumeAttributesClassName", "volumeAttributesClass", "spec")},
    **{("pvc", key): KEPT for key in ("keep", "retain", "reclaimPolicy", "persistentVolumeReclaimPolicy", "retainPolicy")},
    **{("nimCache", key): AT_THE_CACHE for key in ("size", "storageClass", "pvc", "profiles", "source", "modelPuller")},
    **{("storage", key): AS_VOLUMES for key in ("configMap", "secret", "csi", "ephemeral", "projected", "iscsi")},
    **{
        ("networkPolicy", key): OWN_POLICY
        for key in (
            "ingress", "egress", "policyTypes", "podSelector", "namespaceSelector", "ipBlock", "extraIngress",
            "extraEgress", "ingressRules", "egressRules", "allowExternal",
        )
    },
    **{
        ("dependencies", key): OF_A_GATE
        for key in (
            "path", "healthPath", "protocol", "scheme", "condition", "timeout", "timeoutSeconds", "optional", "required", "type",
        )
    },
    ("dependencies", "namespace"): "a pipeline has no such field: set wait.host of this dependency in the values of the chart",
    ("dependencies", "url"): "write name and port",
    **{("services", key): BY_DEPENDENCIES for key in ("order", "wave", "weight", "stage", "step", "priority")},
    ("services", "type"): "remove it: the image is the model",
    ("services", "url"): "remove it: the address is the name of the service and its port",
    ("services", "condition"): "write enabled",
    ("services", "optional"): "write enabled: false to leave the service out",
    **{("wait", key): "set global.nimhelm.waitTimeoutSeconds" for key in ("timeout", "timeoutSeconds")},
    ("scale", "type"): "remove it: scale has an HPA",
    ("image", "registry"): "write it in front of the repository: repository: nvcr.io/nim/...",
    ("service", "portName"): "remove it: the port is named api",
    **{
        ("spec", key): "a NIMCache is a document of its own: write it below the pipeline, after a line of ---"
        for key in ("caches", "nimCaches")
    },
    ("serviceMonitor", "namespace"): "remove it: it is in the namespace of the release",
    ("serviceMonitor", "path"): "remove it: the chart knows the path of the metrics",
    **{
        ("serviceMonitor", key): OWN_MONITOR
        for key in ("jobLabel", "relabelings", "metricRelabelings", "honorLabels", "endpoints", "port", "scheme")
    },
}  # fmt: skip
"""Names that have no field in one mapping, and what to do instead."""

AT_THE_SERVICE = "a NIMCache has no such field: a service has it"
OF_THE_SOURCE = "write it in the source, for example as source.ngc."
OF_A_CACHE = {
    "imagePullSecrets": OF_THE_SOURCE + "pullSecret", "imagePullSecret": OF_THE_SOURCE + "pullSecret",
    "pullSecrets": OF_THE_SOURCE + "pullSecret", "pullSecret": OF_THE_SOURCE + "pullSecret",
    "authSecret": OF_THE_SOURCE + "authSecret", "ngcSecret": OF_THE_SOURCE + "authSecret",
    "image": OF_THE_SOURCE + "modelPuller", "modelPuller": OF_THE_SOURCE + "modelPuller",
    "model": OF_THE_SOURCE + "model", "profiles": OF_THE_SOURCE + "model.profiles",
    "gpu": "a NIMCache asks for no GPU: a service does", "gpus": OF_THE_SOURCE + "model.gpus, or ask for a GPU in a service",
    "labels": "it belongs under metadata", "annotations": "it belongs under metadata",
    **dict.fromkeys(("replicas", "expose", "scale", "metrics", "livenessProbe", "readinessProbe"), AT_THE_SERVICE),
    **dict.fromkeys(
        (
            "timeout", "backoffLimit", "ttlSecondsAfterFinished", "serviceAccount", "volumeMounts", "command", "args",
            "restartPolicy", "imagePullPolicy",
        ),
        "remove it: the job that fills a cache has no such setting",
    ),
    **{
        key: f"set nimCaches.NAME.podTemplate.spec.{key} in the values of the chart"
        for key in (
            "affinity", "activeDeadlineSeconds", "securityContext", "priorityClassName", "schedulerName", "volumes",
            "topologySpreadConstraints", "serviceAccountName", "hostNetwork", "dnsConfig", "dnsPolicy",
        )
    },
    "keep": KEPT,
}  # fmt: skip
"""What people write in the spec of a NIMCache, and the way out."""

THE_PULLER_NAMES_IT = "remove it: modelPuller is the image of the model"
OF_A_MODEL = {
    **dict.fromkeys(("name", "modelName", "repoName", "repository"), THE_PULLER_NAMES_IT),
    "autoDetect": "remove it: without profiles and filters, the profiles follow the GPUs",
}
"""The same in the model of a source ngc, where older versions of the operator had fields."""

ONE_CONTAINER = "a service is one container: write image, command, args and env in spec"
SAYS_ITSELF = "Kubernetes does that by itself: remove it"
ONLY_ABOVE = "the document alone has apiVersion and kind: remove it"
NO_KEYS = "put the key in a Secret, and write the name of the Secret as authSecret"
METRICS_OF_HPA = (
    "write metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]"
)
OF_THE_IMAGE = {
    **dict.fromkeys(
        ("statefulSet", "deployment", "workload"),
        "remove it: a service is a Deployment, or a LeaderWorkerSet with multiNode",
    ),
    "logLevel": "write it as a variable: env: [{name: NIM_LOG_LEVEL, value: INFO}]",
    "jsonLogging": 'write it as a variable: env: [{name: NIM_JSONL_LOGGING, value: "1"}]',
}
"""Settings of other charts that are variables here, or none."""

NOWHERE = {
    "networkPolicy": "a NIMService has no such field: set global.nimhelm.networkPolicy in the values of the chart",
    "prometheusRule": "a NIMService has no such field: set metrics.prometheusRule in the values of the chart",
    "source": "a NIMService has no such field: a NIMCache has it",
    "model": "a NIMService has no such field: the image is the model",
    "modelName": "a NIMService has no such field: the image is the model",
    "strategy": "a NIMService has no such field: set updateStrategy in the values of the chart",
    **dict.fromkeys(
        ("engine", "precision", "qosProfile", "lora", "buildable", "profiles"),
        "a NIMService has no such field: the model of a NIMCache has it",
    ),
    **dict.fromkeys(
        ("gpuType", "gpuModel", "gpuProduct", "accelerator"), "write nodeSelector: {nvidia.com/gpu.product: PRODUCT}"
    ),
    **dict.fromkeys(("podSpec", "pod"), "a NIMService has no such field: set podTemplate in the values of the chart"),
    **dict.fromkeys(("configMap", "configMaps"), "write each of its keys as a variable, with valueFrom.configMapKeyRef"),
    "kserve": "write inferencePlatform: kserve",
    "probes": "write startupProbe, livenessProbe and readinessProbe",
    "nodeName": "write nodeSelector: {kubernetes.io/hostname: NODE}",
    "serviceAccountName": "a NIMService has no such field: set serviceAccount.name in the values of the chart",
    "volumeMounts": "there is no such field: every container gets the volumes of the main one",
    "containers": ONE_CONTAINER, "template": ONE_CONTAINER,
    **OF_THE_IMAGE,
    "restart": SAYS_ITSELF, "restartPolicy": SAYS_ITSELF, "networks": SAYS_ITSELF,
    "metadata": "the name belongs beside spec; labels and annotations are fields of spec",
    "deploy": "write replicas and resources in spec",
    "disabled": "write enabled: false",
    "nfs": "write pvc: {name: CLAIM}, the name of a claim for the share",
    "targetCPUUtilizationPercentage": METRICS_OF_HPA, "targetMemoryUtilizationPercentage": METRICS_OF_HPA,
    "targetCPU": METRICS_OF_HPA, "targetMemory": METRICS_OF_HPA,
    "kind": ONLY_ABOVE, "apiVersion": ONLY_ABOVE, "status": "the operator writes status: remove it",
    "ngcApiKey": NO_KEYS, "apiKey": NO_KEYS, "hfToken": NO_KEYS, "nvidiaApiKey": NO_KEYS, "token": NO_KEYS,
}  # fmt: skip
"""Names without a matching field, and what to do instead."""

OF_THE_POD = {
    "hostNetwork", "hostIPC", "hostPID", "hostUsers", "shareProcessNamespace", "enableServiceLinks", "subdomain",
    "overhead", "preemptionPolicy", "readinessGates", "activeDeadlineSeconds", "setHostnameAsFQDN",
}  # fmt: skip
"""Fields of a pod that only the chart's overlay of the pod template sets."""

OF_ALL_PODS = {
    "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName", "runtimeClassName",
    "schedulerName", "hostAliases", "dnsPolicy", "dnsConfig", "terminationGracePeriodSeconds",
}  # fmt: skip
"""Values of a service that the overlay of all pods can set for every service."""

OF_A_SERVICE = {
    "publishNotReadyAddresses", "internalTrafficPolicy", "sessionAffinityConfig", "trafficDistribution", "externalIPs",
    "allocateLoadBalancerNodePorts", "healthCheckNodePort", "loadBalancerIP", "clusterIP", "clusterIPs", "headless",
}  # fmt: skip
"""Fields of a Service that only the chart's overlay of it sets."""

OWN_NAMES = "objects have the name of their service: rename the service in the pipeline"
FURTHER = "write the object in extraObjects, at the top of the file"
OTHER_CHARTS = {
    **OF_THE_IMAGE,
    "nameOverride": OWN_NAMES, "fullnameOverride": OWN_NAMES,
    "namespaceOverride": "Helm chooses the namespace: helm install -n NAMESPACE",
    **dict.fromkeys(("extraManifests", "extraDeploy", "extraResources"), "did you mean extraObjects, at the top of the file?"),
    **dict.fromkeys(("vpa", "verticalPodAutoscaler", "rbac", "podMonitor", "configMap", "configMaps"), FURTHER),
    **dict.fromkeys(("ngcApiKey", "ngcAPIKey", "apiKey", "hfToken", "nvidiaApiKey", "token"), NO_KEYS),
    "model": "the image is the model, and the Secret of its key is authSecret: remove it",
    **dict.fromkeys(("grafana", "dashboard", "dashboards"), "set global.nimhelm.grafanaDashboard"),
    **dict.fromkeys(("sidecars", "extraContainers", "additionalContainers"), "did you mean sidecarContainers?"),
    **dict.fromkeys(("podAffinityPreset", "podAntiAffinityPreset", "nodeAffinityPreset"), "did you mean affinity?"),
    **dict.fromkeys(("extraEnvVarsCM", "extraEnvVarsSecret", "envFromSecret"), "did you mean envFrom?"),
    "rollingUpdate": "write it as updateStrategy.rollingUpdate", "existingClaim": "write it as storage.pvc.name",
    **dict.fromkeys(("accessMode", "accessModes"), "write it as storage.pvc.volumeAccessMode"),
    **dict.fromkeys(("route", "httpRoute", "gatewayAPI"), "write it as expose.router.gateway"),
    "ingressClassName": "write it as expose.router.ingress.ingressClass", "tls": "write it as expose.router.ingress.tls",
}  # fmt: skip
"""Values of other charts, and what the values of a service have in their place."""

PRIMARY = {
    "pvc": "name", "nimCache": "name", "service": "port", "storage": "pvc.size", "expose": "service.port",
    "multiNode": "parallelism.pipeline", "httpGet": "path", "emptyDir": "sizeLimit", "draResources": "resourceClaimName",
    "updateStrategy": "type", "podDisruptionBudget": "minAvailable", "envFrom": "secretRef.name", "serviceAccount": "name",
}  # fmt: skip
"""The field that people mean when they write one word in place of a mapping."""

SHORT = {
    "rwo": "ReadWriteOnce", "rwx": "ReadWriteMany", "rox": "ReadOnlyMany", "rwop": "ReadWriteOncePod",
    "lb": "LoadBalancer", "knative": "kserve", "serverless": "kserve", "rawdeployment": "kserve",
    "argo": "argocd", "argo-cd": "argocd", "carvel": "kapp", "werf": "nelm",
}  # fmt: skip
"""Abbreviations of values."""

NUMBERS = {word: str(number) for number, word in enumerate(("zero", "one", "two", "three", "four", "five", "six"))}
"""Numbers as words."""

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1), **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
}  # fmt: skip
"""Units of time in seconds."""

UNITS = {"size": "Gi", "sizeLimit": "Gi", "sharedMemorySizeLimit": "Gi", "interval": "s", "scrapeTimeout": "s"}
"""The unit that people mean when they write a bare number."""
