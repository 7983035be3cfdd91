"""NIM caches: the claim, the job that fills it once, and its script."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .assemble import GRAPH_NAME, TEMPLATES, Object, containers, env_of, spec
from .conftest import Render

NGC = {"modelPuller": "nvcr.io/nim/x:1", "pullSecret": "ngc-secret", "authSecret": "ngc-api-secret"}
HUB = {**NGC, "namespace": "nvidia", "endpoint": "https://huggingface.co"}
CLAIM = {"pvc": {"create": True, "size": "50Gi", "subPath": "sub"}}


def job(rendered: dict[tuple[str, str], Object], name: str = "c") -> Object:
    return job_object(rendered, name)["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def job_object(rendered: dict[tuple[str, str], Object], name: str = "c") -> Object:
    """The job of a cache; its name ends in a hash of what it does."""
    return next(each for (kind, own), each in rendered.items() if kind == "Job" and own.startswith(f"{name}-job-"))


def cache(**source: Any) -> dict[str, Any]:
    return {"source": source, "storage": CLAIM}


@pytest.mark.parametrize(
    ("source", "command"),
    [
        ({"ngc": NGC}, ["download-to-cache"]),
        ({"ngc": {**NGC, "model": {"profiles": ["a", "b"]}}}, ["download-to-cache", "--profiles", "a", "b"]),
        ({"ngc": {**NGC, "model": {"profiles": ["all"]}}}, ["download-to-cache", "--all"]),
        ({"ngc": {**NGC, "model": {"lora": True}}}, ["download-to-cache", "--lora"]),
        (
            {"ngc": {**NGC, "modelEndpoint": "ngc://x"}},
            ["create-model-store", "--model-repo", "ngc://x", "--model-store", "/model-store"],
        ),
        (
            {"hf": {**HUB, "modelName": "m"}},
            ["huggingface-cli", "download", "nvidia/m", "--local-dir", "/model-store", "--repo-type", "model"],
        ),
        (
            {"dataStore": {**HUB, "datasetName": "d", "revision": "v1"}},
            [
                "huggingface-cli",
                "download",
                "nvidia/d",
                "--local-dir",
                "/model-store",
                "--repo-type",
                "dataset",
                "--revision",
                "v1",
            ],
        ),
    ],
)
def test_what_is_downloaded(render: Render, source: dict[str, Any], command: list[str]) -> None:
    container = job(render({"llm": spec()}, nimCaches={"c": cache(**source)}))["containers"][0]
    assert container["command"] == ["/bin/sh", "/nimhelm-scripts/fill-cache.sh"]
    assert container["args"] == command
    assert container["envFrom"] == [{"secretRef": {"name": "ngc-api-secret"}}]
    assert env_of(container).get("HF_ENDPOINT") == (None if "ngc" in source else "https://huggingface.co")


def test_the_job(render: Render) -> None:
    values = {
        **cache(ngc=NGC),
        "resources": {"cpu": "2", "memory": "8Gi"},
        "nodeSelector": {"gpu": "true"},
        "userID": 1000660000,
        "groupID": 7,
        "tolerations": [{"operator": "Exists", "tolerationSeconds": 5}],
        "runtimeClassName": "nvidia",
        "env": [{"name": "A", "value": " yes"}],
        "proxy": {"httpProxy": "http://p", "certConfigMap": "certs"},
        "initContainers": [{"name": "own", "image": {"repository": "busybox", "tag": "1"}, "command": ["true"]}],
    }
    rendered = render({"llm": spec()}, nimCaches={"c": values})
    pod = job(rendered)
    main = pod["containers"][0]
    assert (
        job_object(rendered)["spec"]["template"]["metadata"]["labels"].items()
        >= {
            "app.kubernetes.io/name": "c",
            "nimhelm.dev/cache": "c",
            "sidecar.istio.io/inject": "false",
        }.items()
    )
    assert "helm.sh/chart" not in job_object(rendered)["spec"]["template"]["metadata"]["labels"], "a job never changes"
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000660000,
        "runAsGroup": 7,
        "fsGroup": 7,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["serviceAccountName"] == "r-demo-nim-cache"
    assert main["resources"] == {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"cpu": "2", "memory": "8Gi"}}
    assert pod["tolerations"] == values["tolerations"]
    assert (pod["nodeSelector"], pod["runtimeClassName"]) == ({"gpu": "true"}, "nvidia")
    assert env_of(main)["A"] == " yes"
    assert env_of(main)["http_proxy"] == env_of(main)["HTTP_PROXY"] == "http://p"
    assert [each["name"] for each in pod["initContainers"]] == ["update-ca-certificates", "own"]
    assert main["volumeMounts"][0] == {"name": "nim-cache-volume", "mountPath": "/model-store", "subPath": "sub"}
    mounts = {mount["name"] for each in containers(pod).values() for mount in each["volumeMounts"]}
    assert mounts <= {volume["name"] for volume in pod["volumes"]}


def test_an_existing_claim_and_a_cache_that_is_off(render: Render) -> None:
    caches = {
        "c": {**cache(ngc=NGC), "storage": {"pvc": {"name": "there"}}},
        "off": {**cache(ngc=NGC), "enabled": False},
    }
    rendered = render({"llm": spec()}, nimCaches=caches)
    assert {name[:5] for kind, name in rendered if kind == "Job"} == {"c-job"}
    assert {name for kind, name in rendered if kind == "PersistentVolumeClaim"} == {"llm-pvc"}
    assert job(rendered)["volumes"][0]["persistentVolumeClaim"] == {"claimName": "there"}
    assert not [kind for kind, name in render({"llm": spec()}) if name == "r-demo-nim-cache"]


GPU = {"key": "nvidia.com/gpu", "operator": "Exists"}
USER = spec(storage={"nimCache": {"name": "c"}}, tolerations=[GPU])


@pytest.mark.parametrize(("mode", "bound"), [("", True), ("ReadWriteOnce", True), ("ReadWriteMany", False)])
def test_a_claim_of_one_node_is_filled_on_the_node_of_its_services(render: Render, mode: str, bound: bool) -> None:
    """The pod of the service mounts the claim before its gate waits for the job."""
    claim = {"pvc": {"create": True, "size": "50Gi", "volumeAccessMode": mode}}
    services = {
        "a": USER,
        "b": USER,
        "off": {**USER, "enabled": False},
        "none": {**USER, "replicas": 0},
        "else": spec(),
    }
    own = [{"key": "x", "operator": "Exists"}]
    pod = job(render(services, nimCaches={"c": {**cache(ngc=NGC), "storage": claim, "tolerations": own}}))
    term = {
        "labelSelector": {
            "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["a", "b"]}]
        },
        "topologyKey": "kubernetes.io/hostname",
    }
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert pod.get("affinity") == (affinity if bound else None)
    assert pod["tolerations"] == [*own, GPU] if bound else own


SCRIPT = (TEMPLATES / "umbrella/files/fill-cache.sh").read_text()


def fill(folder: Path, *command: str, key: str = "k") -> subprocess.CompletedProcess[str]:
    env = {"CACHE_MARKER": str(folder / ".marker"), "CACHE_KEY": key, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", SCRIPT, "fill-cache", *command], env=env, capture_output=True, text=True, check=False
    )


def test_a_download_runs_once(tmp_path: Path) -> None:
    download = ("sh", "-c", f"echo x >> {tmp_path}/runs")
    runs = tmp_path / "runs"
    assert fill(tmp_path, *download).returncode == 0
    assert "nothing to download" in fill(tmp_path, *download).stdout
    assert runs.read_text() == "x\n"
    assert fill(tmp_path, *download, key="another").returncode == 0
    assert runs.read_text() == "x\nx\n"


def test_a_download_that_fails_leaves_no_mark(tmp_path: Path) -> None:
    assert fill(tmp_path, "sh", "-c", "exit 3").returncode == 3
    assert not (tmp_path / ".marker").exists()
    assert fill(tmp_path, "true").returncode == 0
    assert fill(tmp_path, "false", key="another").returncode == 1
    assert not (tmp_path / ".marker").exists(), "of the old download nothing is said any more"


def test_another_download_is_another_job(render: Render) -> None:
    """A job can never change, so an upgrade with other settings needs one of another name; the same gives the same."""
    names = []
    for profiles in (["a"], ["b"], ["b"]):
        rendered = render({"llm": spec()}, nimCaches={"c": cache(ngc={**NGC, "model": {"profiles": profiles}})})
        name = job_object(rendered)["metadata"]["name"]
        assert f'"job": "{name}"' in rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"]
        names.append(name)
    assert names[0] != names[1] == names[2]
