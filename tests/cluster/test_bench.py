"""What the other cluster tests rely on is true of this cluster."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from .connection import Cluster, CommandError, wait_until

NIM = "nvcr.io/nim/meta/llama:1.0"
BUSYBOX = "docker.io/library/busybox:1.37"
READY = {"httpGet": {"path": "/v1/health/ready", "port": 8000}, "periodSeconds": 1}


def pod(name: str, image: str = NIM, env: dict[str, str] | None = None, **container: object) -> dict[str, Any]:
    """A pod with one container."""
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    main = {"name": "main", "image": image, "env": variables, **container}
    spec = {
        "containers": [main],
        "terminationGracePeriodSeconds": 1,
        "imagePullSecrets": [{"name": "ngc-secret"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def shell(name: str) -> dict[str, Any]:
    """A pod in which tests can run commands."""
    return pod(name, BUSYBOX, command=["sleep", "10000"])


def service(name: str) -> dict[str, Any]:
    """A Service in front of the pod of the same name."""
    spec = {"selector": {"app": name}, "ports": [{"port": 8000}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def claim(name: str, **spec: object) -> dict[str, Any]:
    """A claim for a volume."""
    body = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": body,
    }


def container_status(cluster: Cluster, name: str, namespace: str) -> Any:
    """The status of the only container of a pod; empty as long as there is none."""
    pod_status = cluster.get("pod", name, namespace=namespace)["status"]
    return pod_status.get("containerStatuses", [{}])[0]


def container_state(cluster: Cluster, name: str, namespace: str) -> Any:
    """The state of the only container of a pod, such as ``{"waiting": ...}``."""
    return container_status(cluster, name, namespace).get("state", {})


def pull_failure(cluster: Cluster, name: str, namespace: str) -> str:
    """Wait until the pull of a pod's image has failed, and return the message."""

    def message() -> str:
        waiting = container_state(cluster, name, namespace).get("waiting", {})
        return waiting.get("message", "") if waiting.get("reason") == "ErrImagePull" else ""

    return wait_until(message, what=f"a failed pull of {name}")


def pull_seconds(cluster: Cluster, name: str, namespace: str, image: str) -> float:
    """How long it takes until a pod with an image that is not on the node runs."""
    started = time.monotonic()
    cluster.apply(pod(name, image), namespace=namespace)
    cluster.wait_until_ready(f"pod/{name}", namespace=namespace)
    return time.monotonic() - started


def test_node_is_ready(cluster: Cluster) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=5s")


def test_nim_becomes_ready_and_its_service_resolves(cluster: Cluster, namespace: str) -> None:
    nim = pod("nim", env={"STANDIN_READY_AFTER": "2"}, readinessProbe=READY)
    cluster.apply(nim, service("nim"), shell("shell"), namespace=namespace)
    cluster.wait_until_ready("pod/nim", "pod/shell", namespace=namespace)
    url = f"http://nim.{namespace}.svc.cluster.local:8000/v1/health/ready"
    fetch = ("exec", "shell", "--", "timeout", "10", "wget", "-qO-", url)
    assert "ready" in wait_until(lambda: cluster.kubectl(*fetch, namespace=namespace, check=False))
    log = cluster.kubectl("logs", "nim", namespace=namespace)
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["started", "ready"]


def test_nim_image_has_no_shell(cluster: Cluster, namespace: str) -> None:
    cluster.apply(pod("nim"), namespace=namespace)
    cluster.wait_until_ready("pod/nim", namespace=namespace)
    with pytest.raises(CommandError, match="executable file not found"):
        cluster.kubectl("exec", "nim", "--", "sh", namespace=namespace)


def test_required_service_missing_is_a_crash(cluster: Cluster, namespace: str) -> None:
    cluster.apply(pod("nim", env={"STANDIN_REQUIRE": "http://nowhere.invalid/"}), namespace=namespace)
    wait_until(lambda: container_status(cluster, "nim", namespace).get("restartCount"), what="a restart")
    assert "dependency missing" in cluster.kubectl("logs", "nim", namespace=namespace)


def test_too_much_memory_is_an_oom_kill(cluster: Cluster, namespace: str) -> None:
    nim = pod("nim", env={"STANDIN_ALLOCATE_MIB": "200"}, resources={"limits": {"memory": "64Mi"}})
    nim["spec"]["restartPolicy"] = "Never"
    cluster.apply(nim, namespace=namespace)
    ended = wait_until(
        lambda: container_state(cluster, "nim", namespace).get("terminated"),
        what="the end of the pod",
    )
    assert ended["reason"] == "OOMKilled"


def test_download_command_fills_the_cache(cluster: Cluster, namespace: str) -> None:
    nim = pod("job", args=["download-to-cache", "--all"], env={"NIM_CACHE_PATH": "/tmp/model"})
    nim["spec"]["restartPolicy"] = "Never"
    cluster.apply(nim, namespace=namespace)
    cluster.kubectl(
        "wait",
        "--for=jsonpath={.status.phase}=Succeeded",
        "pod/job",
        "--timeout=30s",
        namespace=namespace,
    )
    assert "/tmp/model" in cluster.kubectl("logs", "job", namespace=namespace)


def test_second_gpu_pod_waits_for_the_only_gpu(cluster: Cluster, namespace: str, gpus: Callable[[int], None]) -> None:
    gpus(1)
    one_gpu = {"limits": {"nvidia.com/gpu": 1}}
    cluster.apply(pod("first", resources=one_gpu), namespace=namespace)
    cluster.wait_until_ready("pod/first", namespace=namespace)
    # Longer than the kubelet takes to report the node's status once more.
    time.sleep(7)
    cluster.apply(pod("second", resources=one_gpu), namespace=namespace)
    wait_until(
        lambda: any("Insufficient nvidia.com/gpu" in event["message"] for event in cluster.events("second", namespace)),
        what="an event about GPUs",
    )
    assert cluster.get("pod", "second", namespace=namespace)["status"]["phase"] == "Pending"


def test_claims_bind_and_pods_write_to_them(cluster: Cluster, namespace: str) -> None:
    box = pod("box", BUSYBOX, command=["sh", "-c", "echo weights > /model/file && sleep 10000"])
    box["spec"]["volumes"] = [{"name": "model", "persistentVolumeClaim": {"claimName": "bound"}}]
    box["spec"]["containers"][0]["volumeMounts"] = [{"name": "model", "mountPath": "/model"}]
    cluster.apply(claim("bound"), claim("unbound", storageClassName="bench-none"), box, namespace=namespace)
    cluster.wait_until_ready("pod/box", namespace=namespace)
    assert cluster.kubectl("exec", "box", "--", "cat", "/model/file", namespace=namespace) == "weights\n"
    assert cluster.get("pvc", "unbound", namespace=namespace)["status"]["phase"] == "Pending"


def test_loaded_image_needs_no_pull(cluster: Cluster, namespace: str) -> None:
    image = f"nvcr.io/loaded/{namespace}:1"
    cluster.load_image(image)
    cluster.apply(pod("nim", image, imagePullPolicy="Never"), namespace=namespace)
    cluster.wait_until_ready("pod/nim", namespace=namespace)


def test_registry_denies(cluster: Cluster, namespace: str) -> None:
    cluster.apply(pod("nim", "nvcr.io/denied/nim:1"), namespace=namespace)
    assert "401 Unauthorized" in pull_failure(cluster, "nim", namespace)


def test_registry_misses_a_tag(cluster: Cluster, namespace: str) -> None:
    cluster.apply(pod("nim", "nvcr.io/nim/meta/llama:missing"), namespace=namespace)
    assert "not found" in pull_failure(cluster, "nim", namespace)


def test_registry_asks_for_the_pull_secret(cluster: Cluster, namespace: str) -> None:
    without = pod("without", "nvcr.io/private/one:1")
    del without["spec"]["imagePullSecrets"]
    cluster.apply(without, pod("with", "nvcr.io/private/two:1"), namespace=namespace)
    cluster.wait_until_ready("pod/with", namespace=namespace)
    assert "401 Unauthorized" in pull_failure(cluster, "without", namespace)


def test_slow_pull_takes_longer(cluster: Cluster, namespace: str) -> None:
    fast = pull_seconds(cluster, "fast", namespace, f"localhost:5000/fast/{namespace}:1")
    slow = pull_seconds(cluster, "slow", namespace, f"localhost:5000/slow/{namespace}:1")
    # 50 MiB at 10 MiB/s.
    assert fast < 4
    assert slow > 5


def test_restricted_pod_security_is_enforced(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    with pytest.raises(CommandError, match="violates PodSecurity"):
        cluster.apply(pod("nim"), namespace=namespace)


def test_api_server_can_go_away(cluster: Cluster, namespace: str) -> None:
    command = [cluster.kubectl_path, "get", "pods", "--watch", "--namespace", namespace]
    with subprocess.Popen(command, env=cluster.env, stderr=subprocess.DEVNULL) as watch:
        try:
            time.sleep(1)
            assert watch.poll() is None
            with cluster.api_outage():
                assert watch.wait(timeout=10) is not None
                with pytest.raises(CommandError):
                    cluster.kubectl("get", "pods", namespace=namespace)
        finally:
            # It would go on for ever where the test is skipped, on a cluster that is not ours.
            watch.kill()
    cluster.kubectl("get", "pods", namespace=namespace)
