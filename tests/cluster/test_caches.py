"""Model caches: a job fills the claim once, and the services wait for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, moment, service

DOWNLOAD_SECONDS = 5
CLAIM = "model-pvc"


def cache(**env: str) -> dict[str, Any]:
    """A NIMCache whose download takes a while."""
    variables = {"STANDIN_DOWNLOAD_SECONDS": str(DOWNLOAD_SECONDS)} | env
    ngc = {**NGC, "model": {"profiles": ["p"]}}
    spec = {
        "source": {"ngc": ngc},
        "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
        "env": [{"name": name, "value": value} for name, value in variables.items()],
    }
    return {"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMCache", "metadata": {"name": "model"}, "spec": spec}


def cached_service() -> dict[str, Any]:
    return service("llm", storage={"nimCache": {"name": "model"}})


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A service with a cache, and one after it."""
    made = new_release(cached_service(), service("after", "llm"), cache(STANDIN_DOWNLOAD_SECONDS="20"))
    made.install("--set", "global.nimhelm.keepClaims=true", wait=False)
    return made


def downloads(release: Release) -> list[tuple[str, datetime]]:
    """What the caching job says it did, and when."""
    log = release.kubectl("logs", "-l", "nimhelm.dev/cache=model", "--tail=-1")
    events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [(event["event"], moment(event["time"])) for event in events]


def test_services_wait_while_the_cache_is_filled(release: Release) -> None:
    found = release.wait_for_cause("llm", "CacheFilling")
    assert "model cache model" in found["cause"]["text"]
    release.wait_until_ready()
    finished = dict(downloads(release))["download finished"]
    assert finished <= min(release.log_times()["llm"]["started"])
    assert release.order_violations() == []


def test_service_finds_the_model(release: Release) -> None:
    """What the job wrote is in the claim that the service has."""
    release.wait_until_ready()
    (pod,) = release.pods("llm")
    mounts = pod["spec"]["containers"][0]["volumeMounts"]
    volumes = {each["name"]: each.get("persistentVolumeClaim", {}).get("claimName") for each in pod["spec"]["volumes"]}
    assert CLAIM in [volumes[mount["name"]] for mount in mounts]
    assert "standin-model" in look_into_claim(release)


def look_into_claim(release: Release) -> str:
    """The names of the files in the claim."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "look"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "look",
                    "image": "docker.io/library/busybox:1.37",
                    "command": ["ls", "-A", "/model"],
                    "volumeMounts": [{"name": "model", "mountPath": "/model"}],
                }
            ],
            "volumes": [{"name": "model", "persistentVolumeClaim": {"claimName": CLAIM}}],
        },
    }
    release.cluster.apply(pod, namespace=release.namespace)
    release.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/look", "--timeout=30s")
    return release.kubectl("logs", "look")


MANIFEST = """\
schema_version: '2.0'
profiles:
- id: vllm-one
  tags: {llm_engine: vllm, precision: bf16, tp: '1', feat_lora: 'false'}
- id: trt-two
  tags: {llm_engine: tensorrt_llm, precision: fp8, tp: '2', gpu: H100, gpu_device: '2330:10de'}
- id: trt-one
  tags: {llm_engine: tensorrt_llm, precision: fp8, tp: '1', gpu: H100, gpu_device: '2330:10de'}
"""
OLD_MANIFEST = """\
model_profile: small
manifest:
- vllm-one:
    model: org/small
    tags: {llm_engine: vllm, precision: bf16, tp: '1', feat_lora: 'false'}
- trt-one:
    model: org/small
    tags: {llm_engine: tensorrt_llm, precision: fp8, tp: '1', gpu: H100, gpu_device: '2330:10de'}
"""
HUB = {"endpoint": "https://hub.example.com", "namespace": "org", "modelName": "small", "authSecret": "ngc-api-key"}
NGC = {"authSecret": "ngc-api-key", "pullSecret": "ngc-secret", "modelPuller": "nvcr.io/nim/llm-shell:1.0"}
FREE, NATIVE = "nvcr.io/nim/model-free-shell:3.0", "nvcr.io/nim/nvidia/nemotron-ocr-v2:2.0.0"
HF = {**HUB, "pullSecret": "ngc-secret", "modelPuller": NGC["modelPuller"]}
SELECTED = {"NIM_MANIFEST_PATH": "/scratch/manifest.yaml"}

SOURCES: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    "profiles": ({"ngc": {**NGC, "model": {"profiles": ["p"]}}}, {}, ["download-to-cache", "--profiles p"]),
    "selected": ({"ngc": {**NGC, "model": {"engine": "tensorrt_llm", "tensorParallelism": "1"}}}, SELECTED, [
        "selected trt-one: tensorrt_llm precision fp8", "--profiles trt-one"]),
    "old-manifest": (
        {"ngc": {**NGC, "model": {"engine": "tensorrt_llm", "precision": "fp8"}}}, {**SELECTED, "MANIFEST": OLD_MANIFEST}, [
        "selected trt-one: tensorrt_llm precision fp8", "--profiles trt-one"]),
    "by-gpu": ({"ngc": {**NGC, "model": {"gpus": [{"product": "h100", "ids": ["2330"]}]}}}, SELECTED, [
        "--profiles trt-two trt-one"]),
    "endpoint": ({"ngc": {**NGC, "modelEndpoint": "ngc://org/model"}}, {}, ["create-model-store --model-repo ngc://org/model"]),
    "hf": ({"hf": HF}, {}, ["huggingface-cli download org/small"]),
    "data-store": ({"dataStore": {**HF, "endpoint": "https://hub.example.com/v1/hf"}}, {}, ["huggingface-cli download org/small"]),
    "model-free": ({"hf": {**HF, "modelPuller": FREE}}, {}, [
        "download-to-cache --model-uri hf://org/small --manifest-file /model-store/model_manifest.json"]),
    "native": ({"ngc": {**NGC, "modelPuller": NATIVE}}, {}, ['"folder":"/model/native"']),
}  # fmt: skip
"""Name of a cache -> its source, its variables, and what its job says."""

FAILING: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "nothing-fits": ({"ngc": {**NGC, "model": {"tensorParallelism": "8"}}}, SELECTED, (
        "no profile of the image fits tensorParallelism 8")),
    "no-manifest": ({"ngc": {**NGC, "model": {"engine": "vllm"}}}, {}, "the image has no model manifest"),
    "hf-refused": ({"hf": HF}, {"STANDIN_DOWNLOAD_FAIL": "403 Forbidden"}, "403 Forbidden"),
    "native-refused": ({"ngc": {**NGC, "modelPuller": NATIVE}}, {"STANDIN_DOWNLOAD_FAIL": "401 Unauthorized"}, "401 Unauthorized"),
}  # fmt: skip


def sourced(name: str, source: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    """A NIMCache with a source, whose pods have a manifest beside them: MANIFEST, unless the variables hold another."""
    write_manifest = {
        "name": "manifest",
        "image": {"repository": "docker.io/library/busybox", "tag": "1.37"},
        "command": ["sh", "-c", 'echo "$MANIFEST" > /scratch/manifest.yaml'],
        "env": [{"name": "MANIFEST", "value": env.get("MANIFEST", MANIFEST)}],
    }
    spec = {
        "source": source,
        "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
        "initContainers": [write_manifest],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    return {"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMCache", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def sources(new_release: Callable[..., Release]) -> Release:
    """A cache of every source, and of every way to fail."""
    caches = [sourced(name, source, env) for name, (source, env, _) in {**SOURCES, **FAILING}.items()]
    made = new_release(service("llm"), *caches)
    made.install(wait=False)
    return made


def log(release: Release, cache: str) -> str:
    """What the newest pod of a caching job wrote, all its containers together."""
    pods = release.get("pods", "-l", f"nimhelm.dev/cache={cache}")["items"]
    newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))["metadata"]["name"]
    return release.kubectl("logs", newest, "--all-containers", "--tail=-1", check=False)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_fills_its_cache(sources: Release, name: str) -> None:
    sources.kubectl("wait", "--for=condition=Complete", "job", "-l", f"nimhelm.dev/cache={name}", "--timeout=120s")
    said = log(sources, name)
    assert [text for text in SOURCES[name][2] if text not in said] == [], said
    assert "download finished" in said
    assert "the cache is complete" in said


@pytest.mark.parametrize("name", FAILING)
def test_a_download_that_fails_says_why(sources: Release, name: str) -> None:
    text = FAILING[name][2]

    def reason() -> bool:
        pods = sources.get("pods", "-l", f"nimhelm.dev/cache={name}")["items"]
        return text in json.dumps([pod.get("status", {}) for pod in pods])

    wait_until(reason, timeout=90, what=f"{text} in the status of a pod")
    assert "the cache is complete" not in log(sources, name)


def test_the_pod_with_the_last_gpu_fills_its_cache(new_release: Callable[..., Release], cluster: Cluster) -> None:
    """Without a filter the devices of the service decide, and a job of its own could never have one of them."""
    (node,) = cluster.get("nodes")["items"]
    everything = node["status"]["allocatable"]["nvidia.com/gpu"]
    source = {"ngc": {**NGC, "modelPuller": "nvcr.io/nim/fill-shell:1.0"}}
    document = sourced("model", source, {"STANDIN_DOWNLOAD_SECONDS": "2"})
    del document["spec"]["initContainers"]
    user = service(
        "llm",
        image="nvcr.io/nim/fill-shell:1.0",
        storage={"nimCache": {"name": "model"}},
        resources={"limits": {"nvidia.com/gpu": everything}},
    )
    made = new_release(user, document)
    made.install()
    assert made.get("jobs")["items"] == []
    (pod,) = made.pods("llm")
    assert [container["name"] for container in pod["spec"]["initContainers"]][:1] == ["fill-cache-model"]
    said = made.kubectl("logs", pod["metadata"]["name"], "-c", "fill-cache-model")
    assert "download finished" in said
    assert "the cache is complete" in said
    made.kubectl("delete", "pod", pod["metadata"]["name"])
    made.wait_until_ready()
    (pod,) = made.pods("llm")
    again = made.kubectl("logs", pod["metadata"]["name"], "-c", "fill-cache-model")
    assert "the cache is complete, nothing to download" in again


def test_reinstall_does_not_download_again(release: Release) -> None:
    release.wait_until_ready()
    release.helm("uninstall", release.name, "--wait")
    wait_until(lambda: not release.get("jobs")["items"], what="no job")
    assert release.get("pvc", CLAIM)["status"]["phase"] == "Bound"
    release.install("--set", "global.nimhelm.keepClaims=true")
    assert downloads(release) == []


def test_failed_download_is_the_root_cause(new_release: Callable[..., Release]) -> None:
    made = new_release(cached_service(), cache(STANDIN_DOWNLOAD_FAIL="401 Unauthorized: api.ngc.nvidia.com"))
    made.install(wait=False)
    found = made.wait_for_cause("llm", "CacheJobRetrying", "CacheJobFailed", timeout=90)
    assert found["root"] is True
    assert "401" in found["cause"]["text"]
    assert found["next"]


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_a_cache_alone(new_release: Callable[..., Release], tmp_path: Path, helm: Path) -> None:
    """Helm ends when the cache is filled; status waits for it as well, and says so when it cannot be filled."""
    source = tmp_path / "cache.yaml"
    source.write_text(json.dumps(cache(STANDIN_DOWNLOAD_SECONDS="8")))
    release = new_release(source, helm_path=helm)
    release.install(wait=False)
    first = release.status()
    assert first.returncode == 1
    assert "0/1 caches filled" in first.stdout
    release.upgrade("--wait-for-jobs")
    assert "model  Ready  1/1 caches filled" in release.status().stdout
    assert "standin-model" in look_into_claim(release)
    release.kubectl("delete", "job", "--all")
    assert "its caching job" in release.status().stdout
