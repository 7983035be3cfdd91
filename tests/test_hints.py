"""The way out of what people really write."""

from __future__ import annotations

from typing import Any

import pytest
from pipelines import cache, findings, pipeline, service


def hints(document: dict[str, Any]) -> dict[str, str]:
    """The hint of each finding of the shape, by the end of its field."""
    found = (one for one in findings(document) if one.code in ("NH010", "NH012", "NH013"))
    return {one.field.removeprefix("spec.services[0].").removeprefix("spec."): one.hint for one in found}


@pytest.mark.parametrize(
    ("spec", "field", "hint"),
    [
        ({"image": "nvcr.io/nim/x:1.0"}, "image", 'write image: {repository: nvcr.io/nim/x, tag: "1.0"}'),
        ({"image": "localhost:5000/x"}, "image", "write image: {repository: localhost:5000/x, tag: ...}"),
        ({"env": {"A": "b"}}, "env", 'write a list of variables, for example {name: A, value: "b"}'),
        ({"env": ["A=b=c"]}, "env[0]", 'write {name: A, value: "b=c"}'),
        ({"image": {"repository": "x", "tag": "1", "pullSecrets": [{"name": "s"}]}}, "image.pullSecrets[0]",
         "write the name alone: s"),
        ({"resources": {"limits": {"memory": "64GB"}}}, "resources.limits.memory", "write 64G or 64Gi"),
        ({"resources": {"limits": {"memory": "1.5 gib"}}}, "resources.limits.memory", "write 1.5G or 1.5Gi"),
        ({"storage": {"pvc": {"create": True, "size": 100}}}, "storage.pvc.size", "write the unit: 100Gi"),
        ({"tolerations": {"key": "a"}}, "tolerations", "write a list: put a dash in front of each item"),
        ({"multiNode": {"size": 2, "parallelism": {}}}, "multiNode.size", "write it as multiNode.parallelism.pipeline"),
        (
            {"multiNode": {"gpusPerPod": 8, "parallelism": {}}},
            "multiNode.gpusPerPod",
            "write it as multiNode.parallelism.tensor",
        ),
        ({"draResources": [{"claimSpec": {}}]}, "draResources[0].claimSpec", "did you mean claimCreationSpec?"),
        ({"imagePullSecrets": []}, "imagePullSecrets", "write it as image.pullSecrets"),
        ({"nimCache": {}}, "nimCache", "it belongs under spec.storage"),
        ({"metrics": {"serviceMonitor": {"enabled": True}}}, "metrics.serviceMonitor.enabled", "it belongs under spec.metrics"),
        ({"expose": {"enabled": True}}, "expose.enabled", "remove it: expose itself is not switched on or off"),
        ({"expose": {"service": {"openaiPort": 8000}}}, "expose.service.openaiPort", "did you mean port?"),
        ({"startupProbe": {"httpGet": {}}}, "startupProbe.httpGet", "it belongs under spec.startupProbe.probe"),
        ({"livenessProbe": {"httpGet": {}}}, "livenessProbe.httpGet", "it belongs under spec.livenessProbe.probe"),
        ({"livenessProbe": {"probe": {"httpget": {}}}}, "livenessProbe.probe.httpget", "did you mean httpGet?"),
        ({"replica": 2}, "replica", "did you mean replicas?"),
        ({"extraVolumes": []}, "extraVolumes", "a NIMService has no such field: set volumes in the values of the chart"),
        ({"statefulSet": {}}, "statefulSet", "remove it: a service is a Deployment, or a LeaderWorkerSet with multiNode"),
        ({"logLevel": "x"}, "logLevel", "write it as a variable: env: [{name: NIM_LOG_LEVEL, value: INFO}]"),
        ({"nodeAffinity": {}}, "nodeAffinity", "write it as affinity.nodeAffinity"),
        ({"scale": {"type": "hpa"}}, "scale.type", "remove it: scale has an HPA"),
        ({"expose": {"service": {"type": "Ingress"}}}, "expose.service.type",
         "write ClusterIP, and set expose.router.ingress"),
        ({"expose": {"service": {"headless": True}}}, "expose.service.headless",
         "a NIMService has no such field: set expose.service.overlay.clusterIP in the values of the chart"),
        ({"storage": {"pvc": {"dataSource": {}}}}, "storage.pvc.dataSource",
         "a NIMService has no such field: set storage.pvc.dataSource in the values of the chart"),
        ({"metrics": {"prometheusRule": {}}}, "metrics.prometheusRule",
         "a NIMService has no such field: set metrics.prometheusRule in the values of the chart"),
        ({"engine": "vllm"}, "engine", "a NIMService has no such field: the model of a NIMCache has it"),
        ({"accelerator": "h100"}, "accelerator", "write nodeSelector: {nvidia.com/gpu.product: PRODUCT}"),
        ({"podSpec": {}}, "podSpec", "a NIMService has no such field: set podTemplate in the values of the chart"),
        ({"configMap": "c"}, "configMap", "write each of its keys as a variable, with valueFrom.configMapKeyRef"),
        ({"kserve": True}, "kserve", "write inferencePlatform: kserve"),
        ({"inferencePlatform": "knative"}, "inferencePlatform", "write kserve"),
        ({"multiNode": {"workers": 2, "parallelism": {}}}, "multiNode.workers", "write it as multiNode.parallelism.pipeline"),
        ({"replicas": "2"}, "replicas", "write it without quotes"),
        ({"image": {"repository": "x", "tag": 1.1}}, "image.tag", 'quote it: "1.1"'),
        ({"resources": {"limits": {"nvidia.com/gpu": 0.5}}}, 'resources.limits["nvidia.com/gpu"]', "write a whole number"),
        ({"command": "run"}, "command", "write a list: [run]"),
        ({"command": "python -m 'my server' 8"}, "command", 'write a list: [python, -m, "my server", "8"]'),
        ({"environment": {"A": "b"}}, "environment", "did you mean env?"),
        ({"envFrom": []}, "envFrom", "a NIMService has no such field: set it in the values of the chart"),
        ({"hostNetwork": True}, "hostNetwork",
         "a NIMService has no such field: set podTemplate.spec.hostNetwork in the values of the chart"),
        ({"image": {"name": "x", "tag": "1"}}, "image.name", "write it as image.repository"),
        ({"image": {"repository": "x", "tag": "1", "digest": "sha256:a"}}, "image.digest",
         'write it behind the tag: tag: "1.0.3@sha256:..."'),
        ({"image": {"repository": "nvcr.io/x:1.0"}}, "image.repository", 'write repository: nvcr.io/x and tag: "1.0"'),
        ({"image": {"repository": "x", "tag": "1", "pullPolicy": "if-not-present"}}, "image.pullPolicy", "write IfNotPresent"),
        ({"restart": "always"}, "restart", "Kubernetes does that by itself: remove it"),
        ({"containers": []}, "containers", "a service is one container: write image, command, args and env in spec"),
        ({"nvidia.com/gpu": 1}, 'spec["nvidia.com/gpu"]', 'write it as resources.limits["nvidia.com/gpu"]'),
        ({"resources": {"nvidia.com/gpu": 1}}, 'resources["nvidia.com/gpu"]', 'write it as resources.limits["nvidia.com/gpu"]'),
        ({"resources": {"gpu": 1}}, "resources.gpu", 'write it as resources.limits["nvidia.com/gpu"]'),
        ({"resources": {"cpu": 1}}, "resources.cpu", "it belongs under limits or requests"),
        ({"resources": {"limits": {"gpu": 1}}}, "resources.limits.gpu", "write nvidia.com/gpu"),
        ({"resources": {"limits": {"cpu": "4 cores"}}}, "resources.limits.cpu", "write 4"),
        ({"storage": "50Gi"}, "storage", "write storage: {pvc: {create: true, size: 50Gi}}"),
        ({"storage": {"pvc": "models"}}, "storage.pvc", "write pvc: {name: models}"),
        ({"storage": {"nimCache": "llama"}}, "storage.nimCache", "write nimCache: {name: llama}"),
        ({"storage": {"hostPath": {"path": "/x"}}}, "storage.hostPath", "write the path alone: /x"),
        ({"storage": {"emptyDir": True}}, "storage.emptyDir", "write emptyDir: {}"),
        ({"expose": 8000}, "expose", "write expose: {service: {port: 8000}}"),
        ({"expose": {"service": 8000}}, "expose.service", "write service: {port: 8000}"),
        ({"expose": {"router": {"host": "x"}}}, "expose.router.host", "write it as expose.router.hostDomainName"),
        ({"livenessProbe": False}, "livenessProbe", "write livenessProbe: {enabled: false}"),
        ({"env": "A=b"}, "env", 'write a list: [{name: A, value: "b"}]'),
        ({"env": [{"A": True}]}, "env[0].A", 'write {name: A, value: "true"}'),
        ({"env": [{"key": "A", "value": "b"}]}, "env[0].key", "did you mean name?"),
        ({"nodeSelector": ["a=b"]}, "nodeSelector", 'write nodeSelector: {a: "b"}'),
        ({"nodeSelector": "gpu=true"}, "nodeSelector", 'write nodeSelector: {gpu: "true"}'),
        ({"tolerations": ["nvidia.com/gpu"]}, "tolerations[0]", "write {key: nvidia.com/gpu, operator: Exists}"),
        ({"tolerations": [{"operator": "exists"}]}, "tolerations[0].operator", "write Exists"),
        ({"shm_size": "16Gi"}, "shm_size", "write it as storage.sharedMemorySizeLimit"),
        ({"pullPolicy": "Always"}, "pullPolicy", "it belongs under spec.image"),
        ({"env": ["A: b"]}, "env[0]", 'write {name: A, value: "b"}'),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"secretName": "s", "key": "k"}}}]},
         "env[0].valueFrom.secretKeyRef.secretName", "did you mean name?"),
        ({"resources": {"limits": {"nvidia.com/gpu": "one"}}}, 'resources.limits["nvidia.com/gpu"]', "write 1"),
        ({"resources": {"limits": {"nvidia.com/gpu": "all"}}}, 'resources.limits["nvidia.com/gpu"]',
         "write a whole number, for example 1"),
        ({"limits": {"nvidia.com/gpu": 1}}, "limits", "write it as resources.limits"),
        ({"requests": {"cpu": 1}}, "requests", "write it as resources.requests"),
        ({"replicas": "two"}, "replicas", "write 2"),
        ({"replicas": {"min": 1, "max": 3}}, "replicas", "write a number, or scale.hpa with minReplicas and maxReplicas"),
        ({"metrics": {"enabled": "yes"}}, "metrics.enabled", "write true"),
        ({"expose": {"serviceType": "NodePort"}}, "expose.serviceType", "write it as expose.service.type"),
        ({"expose": {"service": {"type": "lb", "port": 1}}}, "expose.service.type", "write LoadBalancer"),
        ({"imagePullSecret": "x"}, "imagePullSecret", "write it as image.pullSecrets"),
        ({"pullSecret": "x"}, "pullSecret", "write it as image.pullSecrets"),
        ({"secretName": "x"}, "secretName", "did you mean authSecret?"),
        ({"authSecret": "${SECRET}"}, "authSecret", "nothing fills in ${SECRET} here: write the value itself"),
        ({"authSecret": "<your-secret>"}, "authSecret", "nothing fills in <your-secret> here: write the value itself"),
        ({"resources": {"limits": {"memory": "32 G i"}}}, "resources.limits.memory", "write 32G or 32Gi"),
        ({"source": {"ngc": {"modelPuller": "nvcr.io/nim/x:1.0", "pullSecret": "s"}}}, "source",
         'a NIMCache has it; in a service write image: {repository: nvcr.io/nim/x, tag: "1.0"}, and authSecret beside it'),
        ({"authSecret": "“ngc”"}, "authSecret", 'write straight quotes: "ngc"'),
        ({"authSecret": "ngc\u00a0"}, "authSecret", "write a plain blank for U+00A0 (no-break space)"),
        ({"replicas": "2\u200b"}, "replicas", "remove U+200B (zero width space)"),
        ({"replicas\u3000": 2}, "replicas\u3000", "write a plain blank for U+3000 (ideographic space)"),
        ({"authSecret": {"name": "meta/x", "tag": "1"}}, "authSecret", "write it as one string: meta/x:1"),
        ({"storage": {"pvcName": "x"}}, "storage.pvcName", "write it as storage.pvc.name"),
        ({"storage": {"nimCacheName": "x"}}, "storage.nimCacheName", "write it as storage.nimCache.name"),
        ({"storage": {"shmSize": "1Gi"}}, "storage.shmSize", "write it as storage.sharedMemorySizeLimit"),
        ({"storage": {"pvc": {"create": True, "storage": "1Gi"}}}, "storage.pvc.storage", "write it as storage.pvc.size"),
        ({"storage": {"pvc": {"name": "a", "volumeAccessMode": "RWX"}}}, "storage.pvc.volumeAccessMode",
         "write ReadWriteMany"),
        ({"scale": {"enabled": True, "hpa": {"max": 3}}}, "scale.hpa.max", "did you mean maxReplicas?"),
        ({"deviceClaims": []}, "deviceClaims", "did you mean draResources?"),
        ({"strategy": {}}, "strategy", "a NIMService has no such field: set updateStrategy in the values of the chart"),
        ({"probes": {}}, "probes", "write startupProbe, livenessProbe and readinessProbe"),
        ({"proxy": "http://p:1"}, "proxy", "write proxy: {httpProxy: http://p:1, httpsProxy: http://p:1}"),
        ({"NIM_CACHE_PATH": "/x"}, "NIM_CACHE_PATH", 'write it as a variable: env: [{name: NIM_CACHE_PATH, value: "/x"}]'),
        ({"spec": {"replicas": 1}}, "spec", "remove the second spec: its fields belong one level higher"),
        ({"model": "x"}, "model", "a NIMService has no such field: the image is the model"),
        ({"image": {"repo": "x", "tag": "1"}}, "image.repo", "did you mean repository?"),
        ({"image": ["x:1"]}, "image", 'write image: {repository: x, tag: "1"}'),
        ({"env": [{"name": "A", "value": {"secretKeyRef": {"name": "s", "key": "k"}}}]}, "env[0].value", "write it as valueFrom"),
        ({"resources": {"limits": {"cpu": "4,5"}}}, "resources.limits.cpu", "write 4.5"),
        ({"resources": {"limits": {"memory": "1,5Gi"}}}, "resources.limits.memory", "write 1.5Gi"),
        ({"num_gpus": 2}, "num_gpus", 'write it as resources.limits["nvidia.com/gpu"]'),
        ({"tensorParallelism": 2}, "tensorParallelism", "write it as multiNode.parallelism.tensor"),
        ({"http_port": 8000}, "http_port", "write it as expose.service.port"),
        ({"expose": {"ingress": {"spec": {"host": "x"}}}}, "expose.ingress.spec.host",
         "fields here: defaultBackend, ingressClassName, rules, tls"),
        ({"readinessProbe": {"probe": {"httpGet": {"path": "/", "port": "8000"}}}}, "readinessProbe.probe.httpGet.port",
         "write it without quotes"),
        ({"readinessProbe": {"probe": {"periodSeconds": "2 minutes"}}}, "readinessProbe.probe.periodSeconds", "write 120"),
        ({"readinessProbe": {"probe": {"exec": "cat /x"}}}, "readinessProbe.probe.exec",
         "write exec: {command: [cat, /x]}"),
        ({"readinessProbe": {"probe": {"exec": ["cat", "/x"]}}}, "readinessProbe.probe.exec",
         "write exec: {command: [cat, /x]}"),
        ({"readinessProbe": {"probe": {"httpGet": "/v1/ready"}}}, "readinessProbe.probe.httpGet",
         "write httpGet: {path: /v1/ready}"),
        ({"nodeSelector": {"a": ["b"]}}, "nodeSelector.a", "write it alone: b"),
        ({"tolerations": [{"operator": "Equals"}]}, "tolerations[0].operator", "write Equal"),
        ({"tolerations": ["gpu=yes:NoSchedule"]}, "tolerations[0]",
         'write {key: gpu, operator: Equal, value: "yes", effect: NoSchedule}'),
        ({"tolerations": "gpu:NoExecute"}, "tolerations", "write a list: [{key: gpu, operator: Exists, effect: NoExecute}]"),
        ({"authSecret": {"secretKeyRef": {"name": "x", "key": "y"}}}, "authSecret", "write the name alone: x"),
        ({"authSecret": ["x"]}, "authSecret", "write it alone: x"),
        ({"proxy": {"noProxy": ["a", "b"]}}, "proxy.noProxy", 'write one string: "a,b"'),
        ({"certConfig": {}}, "certConfig", "write it as proxy.certConfigMap"),
        ({"metrics": {"serviceMonitor": {"labels": {}}}}, "metrics.serviceMonitor.labels", "did you mean additionalLabels?"),
        ({"metrics": {"serviceMonitor": {"interval": 30}}}, "metrics.serviceMonitor.interval", "write the unit: 30s"),
        ({"metrics": {"serviceMonitor": {"interval": "30"}}}, "metrics.serviceMonitor.interval", "write the unit: 30s"),
        ({"multiNode": 2}, "multiNode", "write multiNode: {parallelism: {pipeline: 2}}"),
        ({"draResources": ["x"]}, "draResources[0]", "write {resourceClaimName: x}"),
        ({"ngcApiKey": "nvapi-x"}, "ngcApiKey", "put the key in a Secret, and write the name of the Secret as authSecret"),
        ({"terminationGracePeriod": 10}, "terminationGracePeriod",
         "a NIMService has no such field: set terminationGracePeriodSeconds in the values of the chart"),
        ({"dshm": "1Gi"}, "dshm", "write it as storage.sharedMemorySizeLimit"),
        ({"expose": {"service": {"publishNotReadyAddresses": True}}}, "expose.service.publishNotReadyAddresses",
         "a NIMService has no such field: set expose.service.overlay.publishNotReadyAddresses in the values of the chart"),
        ({"dependsOn": ["a"]}, "dependsOn", "write it beside spec, as dependencies"),
        ({"storage": {"nfs": {"server": "x"}}}, "storage.nfs", "write pvc: {name: CLAIM}, the name of a claim for the share"),
    ],
)  # fmt: skip
def test_in_a_service(spec: dict[str, Any], field: str, hint: str) -> None:
    assert hints(pipeline(service("llm", **spec)))[field] == hint


def test_what_no_service_has() -> None:
    found = hints(
        pipeline(service("llm", source={}, terminationGracePeriodSeconds=60, expose={"service": {"nodePort": 1}}))
    )
    assert all(hint.startswith("a NIMService has no such field") for hint in found.values())
    assert len(found) == 3


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("b", "write a list: [{name: b, port: 8000}]"), ({"b": 9000}, "write a list: [{name: b, port: 9000}]"),
        ({"name": "b", "port": 1}, "write a list: put a dash in front of each item"),
    ],
)  # fmt: skip
def test_dependencies_that_are_no_list(written: Any, hint: str) -> None:
    assert hints(pipeline({**service("a"), "dependencies": written}, service("b"))) == {"dependencies": hint}


@pytest.mark.parametrize("text", ["http://b:9000/v1", "b:9000", "b.nim.svc.cluster.local:9000"])
def test_a_dependency_as_an_address(text: str) -> None:
    found = hints(pipeline({**service("a"), "dependencies": [text]}, service("b")))
    assert found == {"dependencies[0]": "write {name: b, port: 9000}"}


def test_services_by_name() -> None:
    document = pipeline(service("a"))
    document["spec"]["services"] = {"a": {"enabled": True}}
    assert hints(document)["services"] == "write a list of services, each with its name: - name: a"


@pytest.mark.parametrize(
    ("place", "key", "hint"),
    [((), "name", "it belongs under metadata"), (("spec",), "namespace", "it belongs under metadata"),
     ((), "services", "it belongs under spec"), ((), "service", "write it as spec.services")],
)  # fmt: skip
def test_above_the_services(place: tuple[str, ...], key: str, hint: str) -> None:
    document = pipeline(service("a"))
    (document["spec"] if place else document)[key] = "x"
    assert hint in hints(document).values()


def test_dependencies() -> None:
    item = {**service("a"), "dependencies": ["b:9000"], "dependsOn": ["b"]}
    assert hints(pipeline(item, service("b"))) == {
        "dependencies[0]": "write {name: b, port: 9000}", "dependsOn": "did you mean dependencies?",
    }  # fmt: skip


def test_a_storage_that_is_misspelt_is_said_once() -> None:
    found = findings(pipeline(service("llm", storage={"nimcache": {"name": "x"}})))
    assert [one.code for one in found] == ["NH010"]


@pytest.mark.parametrize(
    ("written", "field", "hint"),
    [
        ({"dependencies": [{"b": 8000}]}, "dependencies[0].b", "write {name: b, port: 8000}"),
        ({"dependencies": [["b", 8000]]}, "dependencies[0]", "write {name: b, port: 8000}"),
        ({"dependencies": [{"name": "b", "port": 8000, "wait": False}]}, "dependencies[0].wait",
         "a pipeline has no such field: set wait of this dependency in the values of the chart"),
        ({"dependencies": [{"name": "b", "port": 8000, "healthPath": "/x"}]}, "dependencies[0].healthPath",
         "a pipeline has no such field: set wait of this dependency in the values of the chart"),
        ({"dependencies": [{"name": "b", "port": 8000, "namespace": "x"}]}, "dependencies[0].namespace",
         "a pipeline has no such field: set wait.host of this dependency in the values of the chart"),
        ({"port": 8000}, "port", "write it as spec.expose.service.port"),
        ({"after": ["b"]}, "after", "did you mean dependencies?"),
        ({"wave": 2}, "wave", "remove it: the order follows from dependencies"),
        ({"type": "llm"}, "type", "remove it: the image is the model"),
        ({"template": {}}, "template", "a service is one container: write image, command, args and env in spec"),
        ({"serviceName": "a"}, "serviceName", "did you mean name?"),
        ({"enabled": "no"}, "enabled", "write false"),
        ({"name": "LLM_1"}, "name", "for example llm-1"),
        ({"namespace": "x"}, "namespace",
         "all services are in the namespace of the pipeline: write it as metadata.namespace"),
    ],
)  # fmt: skip
def test_beside_the_spec_of_a_service(written: dict[str, Any], field: str, hint: str) -> None:
    assert hints(pipeline({**service("a"), **written}, service("b")))[field] == hint


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("authSecret", "each service has its own: write it in spec.services[].spec as authSecret"),
        ("imagePullSecrets", "each service has its own: write it in spec.services[].spec as image.pullSecrets"),
        ("components", "did you mean services?"),
        ("dependencies", "each service has its own: write it in spec.services[] as dependencies"),
        ("global", "fields here: services"),
        ("caches", "a NIMCache is a document of its own: write it below the pipeline, after a line of ---"),
    ],
)
def test_fields_of_a_service_beside_the_services(key: str, hint: str) -> None:
    document = pipeline(service("a"))
    document["spec"][key] = "x"
    assert hints(document)[key] == hint


NO_GPU = "a NIMCache asks for no GPU: a service does"


@pytest.mark.parametrize(
    ("spec", "field", "hint"),
    [
        ({"source": {"huggingFace": {}}}, "source.huggingFace", "did you mean hf?"),
        ({"source": {"hf": {"repo": "meta/x"}}}, "source.hf.repo", "did you mean modelName?"),
        ({"source": {"dataStore": {"url": "x"}}}, "source.dataStore.url", "did you mean endpoint?"),
        ({"source": {"ngc": {"image": "x"}}}, "source.ngc.image", "did you mean modelPuller?"),
        ({"source": {"ngc": {"model": {"gpus": [{"name": "h100"}]}}}}, "source.ngc.model.gpus[0].name", "did you mean product?"),
        ({"resources": {"limits": {"cpu": 1}}}, "resources.limits", "write cpu and memory without it: they are request and limit"),
        ({"resources": {"gpu": 1}}, "resources.gpu", NO_GPU),
        ({"gpu": 1}, "gpu", NO_GPU),
        ({"imagePullSecrets": ["a"]}, "imagePullSecrets", "write it in the source, for example as source.ngc.pullSecret"),
        ({"image": "x"}, "image", "write it in the source, for example as source.ngc.modelPuller"),
        ({"replicas": 1}, "replicas", "a NIMCache has no such field: a service has it"),
        ({"annotations": {}}, "annotations", "it belongs under metadata"),
        ({"certConfig": {"configMap": "x"}}, "certConfig.configMap", "did you mean name?"),
        ({"runAsUser": 1}, "runAsUser", "did you mean userID?"),
        (
            {"source": {"ngc": {"modelPuller": "nvcr.io/x:1", "pullSecret": "a", "model": {"name": "meta/x"}}}},
            "source.ngc.model.name", "remove it: modelPuller is the image of the model",
        ),
        (
            {"source": {"ngc": {"modelPuller": "nvcr.io/x:1", "pullSecret": "a", "model": {"autoDetect": True}}}},
            "source.ngc.model.autoDetect", "remove it: without profiles and filters, the profiles follow the GPUs",
        ),
    ],
)  # fmt: skip
def test_in_a_cache(spec: dict[str, Any], field: str, hint: str) -> None:
    assert hints(cache(**spec))[field] == hint


@pytest.mark.parametrize(
    ("spec", "also"),
    [
        ({"storage": {"pvc": {"claimName": "x"}}}, []),
        ({"storage": {"pvc": {"create": "true", "size": "1Gi"}}}, []),
        ({"storage": {"nfs": {"server": "x"}}}, []),
        ({"readinessProbe": {"probe": {"exec": "cat /x"}}}, []),
        ({"readinessProbe": {"probe": {"periodSeconds": "10s"}}}, ["NH100"]),
        ({"multiNode": {"parallelism": {"pipeline": "2"}}}, []),
        ({"draResources": [{"claimName": "x"}]}, []),
        ({"draResources": [{"request": "x"}]}, ["NH130"]),
    ],
)  # fmt: skip
def test_what_is_written_wrongly_is_not_missing_too(spec: dict[str, Any], also: list[str]) -> None:
    found = sorted(one.code for one in findings(pipeline(service("llm", **spec))))
    assert [code for code in found if code not in ("NH010", "NH012")] == also
    assert len(found) == len(also) + 1


DEPENDS_ON = 'write the annotation nimhelm.dev/depends-on: "NAME:PORT, ..." in metadata'


@pytest.mark.parametrize(
    ("place", "key", "hint"),
    [
        ("spec", "name", "it belongs under metadata"),
        ("spec", "dependencies", DEPENDS_ON),
        ("spec", "dependsOn", DEPENDS_ON),
        ("", "dependencies", DEPENDS_ON),
        ("spec", "enabled", "remove it: a NIMService is part of the pipeline when it is among the files"),
        ("spec", "metadata", "it belongs at the top of the document"),
        ("spec", "services", "remove it, or write kind: NIMPipeline: a NIMService is one service"),
        ("spec", "volumes", "a NIMService has no such field: set it in the values of the chart"),
    ],
)
def test_in_a_nimservice(place: str, key: str, hint: str) -> None:
    spec = service("llm")["spec"]
    document = {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMService",
        "metadata": {"name": "llm"},
        "spec": spec,
    }
    (spec if place else document)[key] = "x"
    assert hint in hints(document).values()
