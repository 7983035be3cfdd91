"""NIM caches: the claim, the job that fills it once, and its script."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nimhelm.chart.schema import schema_of
from nimhelm.load import read_content
from nimhelm.validate_values import check_merged

from .assemble import GRAPH_NAME, SCRIPTS, Object, containers, dependency, env_of, spec
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
        ({"ngc": {**NGC, "model": {"lora": True}}}, ["download-to-cache"]),
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
    optional = {"optional": True} if "ngc" in source else {}
    assert container["envFrom"] == [{"secretRef": {"name": "ngc-api-secret", **optional}}]
    env = env_of(container)
    hub = (env.get("HF_ENDPOINT"), env.get("HF_HUB_OFFLINE"))
    assert hub == ((None, None) if "ngc" in source else ("https://huggingface.co", "0"))


def test_the_image_may_be_told_to_stay_offline(render: Render) -> None:
    own = {**cache(hf={**HUB, "modelName": "m"}), "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}]}
    container = job(render({"llm": spec()}, nimCaches={"c": own}))["containers"][0]
    assert env_of(container)["HF_HUB_OFFLINE"] == "1"
    assert [entry["name"] for entry in container["env"]].count("HF_HUB_OFFLINE") == 1


@pytest.mark.parametrize("source", ["hf", "dataStore"])
def test_an_image_for_any_model(render: Render, source: str) -> None:
    values = {**cache(**{source: {**HUB, "modelName": "m"}}), "modelFree": True}
    container = job(render({"llm": spec()}, nimCaches={"c": values}))["containers"][0]
    assert container["args"] == [
        "download-to-cache", "--model-uri", "hf://nvidia/m", "--manifest-file", "/model-store/model_manifest.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({}, {}),
        ({"profiles": ["a"], "engine": "vllm"}, {}),
        ({"profiles": ["all"]}, {}),
        ({"engine": "tensorrt_llm"}, {"WANT_ENGINE": "tensorrt_llm"}),
        (
            {"precision": "fp8", "tensorParallelism": "2", "qosProfile": "latency"},
            {"WANT_PRECISION": "fp8", "WANT_TP": "2", "WANT_QOS": "latency"},
        ),
        ({"lora": False, "buildable": True}, {"WANT_LORA": "false", "WANT_BUILDABLE": "true"}),
        (
            {"gpus": [{"product": "h100", "ids": ["2330", "2331"]}, {"product": "A100 SXM"}]},
            {"WANT_GPUS": "h100:2330,2331 A100-SXM:"},
        ),
    ],
)
def test_profiles_are_selected_in_the_image(render: Render, model: dict[str, Any], expected: dict[str, str]) -> None:
    container = job(render({"llm": spec()}, nimCaches={"c": cache(ngc={**NGC, "model": model})}))["containers"][0]
    env = {name: value for name, value in env_of(container).items() if name.startswith("WANT_") and value}
    assert env == expected
    assert ("CACHE_SELECT" in env_of(container)) == bool(expected)


NATIVE = spec(storage={"nimCache": {"name": "c"}}, imageLayout="native")


@pytest.mark.parametrize(
    ("services", "values"),
    [
        ({"a": NATIVE}, {}),
        ({"a": spec()}, {"imageLayout": "native"}),
        ({"a": NATIVE}, {"filledBy": "service"}),
        ({"a": {**NATIVE, "authSecret": None}}, {}),
    ],
    ids=["by its service", "by itself", "not by its service", "without a key"],
)
def test_a_native_image_runs_itself(render: Render, services: dict[str, Any], values: dict[str, Any]) -> None:
    pod = job(render(services, nimCaches={"c": {**cache(ngc={**NGC, "model": {"engine": "vllm"}}), **values}}))
    (download,) = pod["initContainers"]
    (mark,) = pod["containers"]
    assert download["image"] == NGC["modelPuller"]
    assert "command" not in download
    assert "args" not in download
    assert env_of(download) == {"NIM_ENGINE_MODEL_PATH": "/model/c", "NIM_ENGINE_MODEL_DOWNLOAD_ONLY": "1"}
    assert [(mount["mountPath"], mount.get("subPath")) for mount in download["volumeMounts"][:2]] == [
        ("/model", "sub"),
        ("/opt/cache", "sub"),
    ]
    assert download["envFrom"]
    assert (mark["command"], mark.get("args")) == (["/bin/busybox", "sh", "/nimhelm-scripts/fill-cache.sh"], None)
    assert env_of(mark)["CACHE_MARKER"] == "/model/.nimhelm-complete-c"


def test_nothing_of_its_own_keeps_a_native_image_from_only_downloading(render: Render) -> None:
    env = [
        {"name": "NIM_ENGINE_MODEL_DOWNLOAD_ONLY", "value": "0"},
        {"name": "NIM_ENGINE_MODEL_PATH", "value": "/model/x"},
    ]
    values = {**cache(ngc=NGC), "env": env, "imageLayout": "native"}
    (download,) = job(render({"a": spec()}, nimCaches={"c": values}))["initContainers"]
    assert env_of(download)["NIM_ENGINE_MODEL_DOWNLOAD_ONLY"] == "1"
    assert env_of(download)["NIM_ENGINE_MODEL_PATH"] == "/model/x"


GATED = {"name": "c", "claimName": "c-pvc", "wait": {"enabled": True}}
FILLER = spec(
    storage={"nimCache": {**GATED, "fill": {"enabled": True, "env": [{"name": "A", "value": "b"}]}}},
    resources={"limits": {"nvidia.com/gpu": 2}},
    image={"repository": "nvcr.io/nim/x", "tag": "1"},
    initContainers=[{"name": "own", "image": {"repository": "busybox", "tag": "1"}}],
    dependencies=[dependency("first")],
)  # fmt: skip


def test_pods_fill_the_cache_with_their_own_devices(render: Render) -> None:
    waiter = spec(storage={"nimCache": GATED})
    services = {"first": spec(), "filler": FILLER, "waiter": waiter}
    caches = {"c": {**cache(ngc=NGC), "filledBy": "service"}}
    rendered = render(services, nimCaches=caches)
    document = read_content("values.yaml", json.dumps({**services, "nimCaches": caches}).encode())[0][0]
    assert "NH165" not in {one.code for one in check_merged(document, schema_of(list(services)))}
    assert not [name for kind, name in rendered if kind == "Job"]
    pod = rendered["Deployment", "filler"]["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["initContainers"]] == ["fill-cache-c", "wait-setup", "wait-for-first", "own"]
    filling = pod["initContainers"][0]
    assert filling["resources"] == pod["containers"][0]["resources"]
    assert filling["command"] == ["/bin/sh", "/nimhelm-scripts/fill-cache.sh"]
    env = env_of(filling)
    assert (env["A"], env["CACHE_KEY"], env["CACHE_MARKER"]) == (
        "b",
        "nvcr.io/nim/x:1",
        "/model-store/.nimhelm-complete-c",
    )
    assert "NGC_API_KEY" in env
    other = rendered["Deployment", "waiter"]["spec"]["template"]["spec"]["initContainers"]
    assert [one["name"] for one in other] == ["wait-setup", "wait-for-cache-c"]
    graph = json.loads(rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])
    assert [one["job"] for one in graph["caches"]] == [""]


def test_a_pod_that_fills_its_cache_needs_no_gate_to_have_the_script(render: Render) -> None:
    filler = {**FILLER, "dependencies": []}
    rendered = render({"filler": filler}, nimCaches={"c": {**cache(ngc=NGC), "filledBy": "service"}})
    pod = rendered["Deployment", "filler"]["spec"]["template"]["spec"]
    mounted = {mount["name"] for each in containers(pod).values() for mount in each["volumeMounts"]}
    assert "nimhelm-scripts" in mounted <= {volume["name"] for volume in pod["volumes"]}


def test_a_cache_that_no_pod_fills_is_refused(refusal: Callable[..., str]) -> None:
    waiter = spec(storage={"nimCache": {"name": "c", "wait": {"enabled": True}}})
    said = refusal({"waiter": waiter}, nimCaches={"c": {**cache(ngc=NGC), "filledBy": "service"}})
    assert "set nimCaches.c.filledBy=job, or waiter.storage.nimCache.fill.enabled=true" in said


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
        "podTemplate": {"spec": {"priorityClassName": "low"}},
        "initContainers": [
            {"name": "own", "image": {"repository": "busybox", "tag": "1"}, "command": ["true"], "workingDir": "/w"},
            {"name": "after", "image": {"repository": "busybox", "tag": "1", "pullPolicy": "Always"}},
        ],
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
    assert (pod["serviceAccountName"], pod["priorityClassName"]) == ("r-demo-nim-cache", "low")
    assert main["resources"] == {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"cpu": "2", "memory": "8Gi"}}
    assert pod["tolerations"] == values["tolerations"]
    assert (pod["nodeSelector"], pod["runtimeClassName"]) == ({"gpu": "true"}, "nvidia")
    assert env_of(main)["A"] == " yes"
    assert env_of(main)["http_proxy"] == env_of(main)["HTTP_PROXY"] == "http://p"
    assert [each["name"] for each in pod["initContainers"]] == ["update-ca-certificates", "own", "after"]
    assert (pod["initContainers"][1]["command"], pod["initContainers"][1]["workingDir"]) == (["true"], "/w")
    assert [each.get("imagePullPolicy") for each in pod["initContainers"]] == [None, None, "Always"]
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
    pods = [
        {"key": "app.kubernetes.io/name", "operator": "In", "values": ["a", "b"]},
        {"key": "app", "operator": "NotIn", "values": ["a-epp", "b-epp"]},
        {"key": "nimhelm.dev/cache", "operator": "DoesNotExist"},
        {"key": "nimhelm.dev/check", "operator": "DoesNotExist"},
    ]
    term = {"labelSelector": {"matchExpressions": pods}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert pod.get("affinity") == (affinity if bound else None)
    assert pod["tolerations"] == [*own, GPU] if bound else own


def test_argocd_makes_a_cache_with_the_first_service_that_uses_it(render: Render) -> None:
    """One that is off uses nothing."""
    services = {"off": {**USER, "enabled": False}, "other": spec(), "first": USER, "second": USER}
    one = {**cache(ngc=NGC), "storage": {"pvc": {"create": True, "size": "1Gi"}}}
    rendered = render(services, nimhelm={"orderFor": "argocd"}, nimCaches={"c": one, "unused": one})
    waves = {
        each["metadata"]["labels"]["nimhelm.dev/cache"]: each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]
        for (kind, _), each in rendered.items()
        if kind == "Job"
    }
    assert waves == {"c": "3", "unused": "0"}


def fill(folder: Path, *command: str, key: str = "k", **more: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}/tools:/usr/bin:/bin"
    env = {"CACHE_MARKER": str(folder / "cache/.marker"), "CACHE_KEY": key, "PATH": path, **more}
    (folder / "cache").mkdir(exist_ok=True)
    return subprocess.run(
        ["/bin/sh", str(SCRIPTS / "fill-cache.sh"), *command], env=env, capture_output=True, text=True, check=False
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
    assert not (tmp_path / "cache/.marker").exists()
    assert fill(tmp_path, "true").returncode == 0
    assert fill(tmp_path, "false", key="another").returncode == 1
    assert not (tmp_path / "cache/.marker").exists(), "of the old download nothing is said any more"


@pytest.mark.parametrize("name", ["a" * 49 + "-b", "a" * 49 + ".b"])
def test_the_job_of_a_long_name(render: Render, name: str) -> None:
    (found,) = (made for kind, made in render({"llm": spec()}, nimCaches={name: cache(ngc=NGC)}) if kind == "Job")
    assert re.fullmatch("a{49}-job-[0-9a-f]{8}", found)


def test_times_of_a_job(render: Render) -> None:
    cache = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}
    times = {"activeDeadlineSeconds": 9, "ttlSecondsAfterFinished": 0}
    for given in ({}, {"job": times}):
        rendered = render({"llm": spec()}, nimCaches={"weights": cache | given})
        [job] = [each for (kind, _), each in rendered.items() if kind == "Job"]
        assert {key: job["spec"].get(key) for key in times} == (times if given else dict.fromkeys(times))
        graph = json.loads(rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])
        assert [each.get("expires") for each in graph["caches"]] == [True if given else None]


def test_another_download_is_another_job(render: Render) -> None:
    """A job can never change, so an upgrade with other settings needs one of another name; the same gives the same."""
    names = []
    for profiles in (["a"], ["b"], ["b"]):
        rendered = render({"llm": spec()}, nimCaches={"c": cache(ngc={**NGC, "model": {"profiles": profiles}})})
        name = job_object(rendered)["metadata"]["name"]
        assert f'"job": "{name}"' in rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"]
        names.append(name)
    assert names[0] != names[1] == names[2]


def test_either_key_of_a_marker_counts(tmp_path: Path) -> None:
    """A cache that a job filled is complete for the pods that would fill it themselves."""
    assert fill(tmp_path, "true", CACHE_IMAGE="nvcr.io/nim/x:1").returncode == 0
    assert "nothing to download" in fill(tmp_path, "false", key="nvcr.io/nim/x:1").stdout
    assert fill(tmp_path, "false", key="nvcr.io/nim/x:2").returncode == 1


def test_what_the_operator_filled_is_complete(tmp_path: Path) -> None:
    assert fill(tmp_path, "false", CACHE_FILLED="yes").returncode == 1, "an empty claim is not believed"
    (tmp_path / "cache/lost+found").mkdir()
    assert fill(tmp_path, "false", CACHE_FILLED="yes").returncode == 1
    (tmp_path / "cache/ngc").mkdir()
    assert "the NIM Operator has filled the cache" in fill(tmp_path, "false", CACHE_FILLED="yes").stdout
    assert "nothing to download" in fill(tmp_path, "false").stdout


def test_without_a_download_it_marks_what_was_downloaded(tmp_path: Path) -> None:
    assert fill(tmp_path).returncode == 0
    assert "nothing to download" in fill(tmp_path, "false").stdout


@pytest.mark.slow
def test_pods_download_one_after_the_other(tmp_path: Path) -> None:
    download = ("sh", "-c", f"echo x >> {tmp_path}/runs; sleep 1")
    (tmp_path / "cache").mkdir()
    script = ["/bin/sh", str(SCRIPTS / "fill-cache.sh"), *download]
    env = {"CACHE_MARKER": str(tmp_path / "cache/.marker"), "CACHE_KEY": "k", "PATH": "/usr/bin:/bin"}
    running = [subprocess.Popen(script, env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [each.communicate(timeout=60)[0] for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert (tmp_path / "runs").read_text() == "x\n"
    assert sum("another pod fills the cache" in text for text in said) == 2
    assert not (tmp_path / "cache/.marker.lock").exists()


@pytest.mark.slow
def test_the_lock_of_a_pod_that_died_is_taken(tmp_path: Path) -> None:
    (tmp_path / "cache/.marker.lock").mkdir(parents=True)
    (tmp_path / "cache/.marker.lock/beat").write_text("1000\n")
    ran = fill(tmp_path, "true")
    assert (ran.returncode, "going on in its place" in ran.stdout) == (0, True)


@pytest.mark.parametrize(("age", "waited"), [(100, 5), (130, 1), (None, 24)])
def test_a_lock_is_taken_when_nobody_has_touched_it_for_two_minutes(
    tmp_path: Path, age: int | None, waited: int
) -> None:
    """One without a time may be a moment old. Here each pause of five seconds passes at once, and the fifth ends a turn."""
    lock = tmp_path / "cache/.marker.lock"
    lock.mkdir(parents=True)
    if age is not None:
        (lock / "beat").write_text(f"{int(time.time()) - age}\n")
    (tmp_path / "tools").mkdir()
    sleep = tmp_path / "tools/sleep"
    fifth = f"[ -e {lock}/beat ] && [ $(wc -l < {tmp_path}/pauses) = 5 ] && echo k > {tmp_path}/cache/.marker; exit 0"
    sleep.write_text(f'#!/bin/sh\n[ "$1" = 5 ] || exec /bin/sleep "$1"\necho "$1" >> {tmp_path}/pauses\n{fifth}\n')
    sleep.chmod(0o755)
    ran = fill(tmp_path, "true")
    assert ran.returncode == 0
    assert ("going on in its place" in ran.stdout) == (age != 100)
    assert len((tmp_path / "pauses").read_text().split()) == waited


def test_a_failed_download_leaves_no_lock(tmp_path: Path) -> None:
    assert fill(tmp_path, "false").returncode == 1
    assert not (tmp_path / "cache/.marker.lock").exists()


def test_a_pod_that_is_deleted_ends_its_download(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    env = {"CACHE_MARKER": str(tmp_path / "cache/.marker"), "CACHE_KEY": "k", "PATH": "/usr/bin:/bin"}
    ended = tmp_path / "ended"
    download = f"trap 'touch {ended}; exit' TERM; echo began; sleep 60 & wait"
    script = ["/bin/sh", str(SCRIPTS / "fill-cache.sh"), "sh", "-c", download]
    running = subprocess.Popen(script, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stdout
    assert running.stdout.readline().startswith("running sh -c trap")
    assert running.stdout.readline() == "began\n"
    running.terminate()
    assert running.wait(timeout=5) == 143
    deadline = time.monotonic() + 5
    while not ended.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.stdout.close()
    assert ended.exists(), "the download is told"
    assert not (tmp_path / "cache/.marker.lock").exists()


MANIFEST = """\
schema_version: '2.0'
profiles:
- id: one
  tags: {llm_engine: vllm, tp: '1'}
- id: two
  tags: {llm_engine: tensorrt_llm, tp: '1'}
"""
WANT = dict.fromkeys(
    ("WANT_ENGINE", "WANT_PRECISION", "WANT_TP", "WANT_QOS", "WANT_LORA", "WANT_BUILDABLE", "WANT_GPUS"), ""
)


@pytest.mark.parametrize(("wanted", "code", "last"), [
    ({"WANT_ENGINE": "vllm"}, 0, "running echo download-to-cache --profiles one"),
    ({"WANT_TP": "1"}, 0, "running echo download-to-cache --profiles one two"),
    ({"WANT_TP": "8"}, 1, "no profile of the image fits tensorParallelism 8"),
])  # fmt: skip
def test_exactly_the_selected_profiles_are_downloaded(
    tmp_path: Path, wanted: dict[str, str], code: int, last: str
) -> None:
    (tmp_path / "manifest.yaml").write_text(MANIFEST)
    env = {**WANT, **wanted, "CACHE_SELECT": "yes", "NIM_MANIFEST_PATH": str(tmp_path / "manifest.yaml")}
    ran = fill(tmp_path, "echo", "download-to-cache", **env)
    assert (ran.returncode, ran.stderr) == (code, "")
    assert last in ran.stdout
    assert (tmp_path / "cache/.marker").exists() == (code == 0)
