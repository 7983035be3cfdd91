"""A pipeline that the operator runs becomes a Helm release: same names, same pods, nothing left of the operator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import operator_pipeline as operator
from .connection import Cluster, wait_until

ROOT = Path(__file__).resolve().parents[2]
HELMS = {name: ROOT / ".tools" / name / "helm" for name in ("helm3", "helm4")}
PIPELINE = """
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata: {name: moved}
spec:
  services:
    - name: first
      enabled: true
      spec: &spec
        image: {repository: nvcr.io/nim/moved, tag: "1.0.0", pullPolicy: IfNotPresent, pullSecrets: [ngc-secret]}
        authSecret: ngc-api-key
        storage: {pvc: {create: true, size: 1Gi, volumeAccessMode: ReadWriteOnce}}
        resources: {limits: {nvidia.com/gpu: "1"}}
        expose: {service: {type: ClusterIP, port: 8000}}
        replicas: 1
        readinessProbe: &soon
          probe: {httpGet: {path: /v1/health/ready, port: api}, periodSeconds: 1}
        startupProbe: *soon
    - name: second
      enabled: true
      spec: *spec
      dependencies:
        - {name: first, port: 8000, envName: FIRST_URL, envValue: "http://first:8000/v1"}
"""
FIRST_URL = {"name": "FIRST_URL", "value": "http://first:8000/v1"}


@pytest.fixture
def running(cluster: Cluster, namespace: str, definitions: None) -> Iterator[dict[str, str]]:
    """The pipeline as the operator runs it; name -> uid of each pod, all of them ready."""
    pipeline = yaml.safe_load(PIPELINE)
    cluster.apply(operator.resource("NIMPipeline", "moved", pipeline["spec"]), namespace=namespace)
    for service in pipeline["spec"]["services"]:
        name, spec = service["name"], service["spec"]
        cluster.apply(operator.resource("NIMService", name, spec), namespace=namespace)
        uid = cluster.get("nimservice", name, namespace=namespace)["metadata"]["uid"]
        env = [FIRST_URL] if service.get("dependencies") else []
        cluster.apply(*operator.objects(name, spec, uid, namespace, env), namespace=namespace)
    for name in ("first", "second"):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s", namespace=namespace)
    yield pods(cluster, namespace)
    for one in left_over(cluster, namespace):
        no_finalizers = '{"metadata":{"finalizers":null}}'
        cluster.kubectl("patch", one, "--type=merge", "-p", no_finalizers, namespace=namespace, check=False)


def pods(cluster: Cluster, namespace: str) -> dict[str, str]:
    listed = cluster.get("pods", namespace=namespace)["items"]
    return {
        pod["metadata"]["name"]: pod["metadata"]["uid"]
        for pod in listed
        if not pod["metadata"].get("deletionTimestamp")
    }


def nimhelm(cluster: Cluster, helm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**cluster.env, "HELM": str(helm), "KUBECTL": cluster.kubectl_path, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "nimhelm", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def chart(tmp_path: Path) -> str:
    source = tmp_path / "pipeline.yaml"
    source.write_text(PIPELINE)
    command = [sys.executable, "-m", "nimhelm", "build", str(source), "-o", str(tmp_path)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    return str(tmp_path / "moved")


@pytest.mark.parametrize("helm", sorted(HELMS))
def test_a_running_pipeline_moves_without_a_restart(
    cluster: Cluster, namespace: str, running: dict[str, str], chart: str, helm: str
) -> None:
    dry = nimhelm(cluster, HELMS[helm], "adopt", "moved", chart, "-n", namespace)
    assert dry.returncode == 0, dry.stderr
    assert "no pod restarts" in dry.stdout, dry.stdout
    assert owners(cluster, namespace, "deployment/first") == ["NIMService"]

    done = nimhelm(cluster, HELMS[helm], "adopt", "moved", chart, "-n", namespace, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr

    wait_until(lambda: not left_over(cluster, namespace), what="the operator's resources are gone")
    assert pods(cluster, namespace) == running
    assert owners(cluster, namespace, "deployment/first") == []
    assert owners(cluster, namespace, "persistentvolumeclaim/first-pvc") == []
    assert_gates_can_come(cluster, namespace, HELMS[helm], chart)
    again = nimhelm(cluster, HELMS[helm], "adopt", "moved", chart, "-n", namespace)
    assert "take over" not in again.stdout
    status = nimhelm(cluster, HELMS[helm], "status", "moved", "-n", namespace, "-o", "json")
    assert status.returncode == 0, status.stdout + status.stderr
    assert json.loads(status.stdout)["status"]["states"] == {"first": "Ready", "second": "Ready"}


def assert_gates_can_come(cluster: Cluster, namespace: str, helm: Path, chart: str) -> None:
    """An ordinary upgrade gives the pods the chart's own form, when that suits."""
    keep = "global.nimhelm.keepOperatorPods=false"
    cluster.run(str(helm), "upgrade", "moved", chart, "-n", namespace, "--set", keep, "--dry-run=server")
    cluster.run(str(helm), "upgrade", "moved", chart, "-n", namespace, "--set", keep)
    pod = cluster.get("deployment", "second", namespace=namespace)["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["initContainers"]] == ["wait-setup", "wait-for-first"]
    cluster.kubectl("rollout", "status", "deployment/second", "--timeout=180s", namespace=namespace)


def test_gates_come_with_new_pods(cluster: Cluster, namespace: str, running: dict[str, str], chart: str) -> None:
    dry = nimhelm(cluster, HELMS["helm4"], "adopt", "moved", chart, "-n", namespace, "--new-pods")
    assert dry.returncode == 0, dry.stderr
    assert "restarts   Deployment second: " in dry.stdout
    assert "spec.initContainers" in dry.stdout, dry.stdout


def test_what_another_release_owns_is_left_alone(
    cluster: Cluster, namespace: str, running: dict[str, str], chart: str
) -> None:
    marks = ("meta.helm.sh/release-name=other", f"meta.helm.sh/release-namespace={namespace}")
    cluster.kubectl("annotate", "service", "first", *marks, namespace=namespace)
    refused = nimhelm(cluster, HELMS["helm4"], "adopt", "moved", chart, "-n", namespace, "--yes")
    assert refused.returncode == 1
    assert "refuse" in refused.stdout
    assert "belongs to the release other" in refused.stdout
    assert owners(cluster, namespace, "deployment/first") == ["NIMService"]


def test_a_running_operator_is_stopped_first(
    cluster: Cluster, namespace: str, running: dict[str, str], chart: str
) -> None:
    labels = {"app.kubernetes.io/name": "k8s-nim-operator"}
    pod = {"containers": [{"name": "manager", "image": "nvcr.io/nvidia/k8s-nim-operator:v3"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec: dict[str, Any] = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": "k8s-nim-operator", "labels": labels}
    cluster.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}, namespace=namespace
    )
    refused = nimhelm(cluster, HELMS["helm4"], "adopt", "moved", chart, "-n", namespace, "--yes")
    assert refused.returncode == 3
    assert f"kubectl scale deployment k8s-nim-operator -n {namespace} --replicas=0" in refused.stderr
    assert owners(cluster, namespace, "deployment/first") == ["NIMService"]


def owners(cluster: Cluster, namespace: str, name: str) -> list[str]:
    references = cluster.get(name, namespace=namespace)["metadata"].get("ownerReferences", [])
    return [reference["kind"] for reference in references]


def left_over(cluster: Cluster, namespace: str) -> list[str]:
    listed = cluster.get("nimpipelines,nimservices", namespace=namespace)["items"]
    return [f"{item['kind'].lower()}/{item['metadata']['name']}" for item in listed]


CACHE: dict[str, Any] = {
    "source": {"ngc": {
        "modelPuller": "nvcr.io/nim/moved-shell:1.0.0", "authSecret": "ngc-api-key", "pullSecret": "ngc-secret",
        "model": {"profiles": ["p"]},
    }},
    "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteMany"}},
}  # fmt: skip


@pytest.fixture
def alone(cluster: Cluster, namespace: str, definitions: None) -> Iterator[dict[str, str]]:
    """NIMServices without a pipeline, and a cache that the operator has filled; name -> uid of each pod."""
    for service in yaml.safe_load(PIPELINE)["spec"]["services"]:
        name, spec = service["name"], service["spec"]
        cluster.apply(operator.resource("NIMService", name, spec), namespace=namespace)
        uid = cluster.get("nimservice", name, namespace=namespace)["metadata"]["uid"]
        cluster.apply(*operator.objects(name, spec, uid, namespace, []), namespace=namespace)
    cluster.apply(
        {**operator.resource("NIMCache", "weights", CACHE), "status": {"state": "Ready"}}, namespace=namespace
    )
    uid = cluster.get("nimcache", "weights", namespace=namespace)["metadata"]["uid"]
    cluster.apply(operator.filled_claim("weights", uid), operator.writer("weights-pvc"), namespace=namespace)
    cluster.kubectl(
        "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s", namespace=namespace
    )
    cluster.kubectl("delete", "pod", "writer", namespace=namespace)
    for name in ("first", "second"):
        cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=120s", namespace=namespace)
    yield pods(cluster, namespace)
    for one in left_over(cluster, namespace):
        no_finalizers = '{"metadata":{"finalizers":null}}'
        cluster.kubectl("patch", one, "--type=merge", "-p", no_finalizers, namespace=namespace, check=False)


def test_single_nimservices_and_a_filled_cache_move(
    cluster: Cluster, namespace: str, alone: dict[str, str], tmp_path: Path
) -> None:
    listed = cluster.kubectl("get", "nimservices,nimcaches", "-o", "yaml", namespace=namespace)
    (tmp_path / "services.yaml").write_text(listed)
    ordered = str(tmp_path / "pipeline.yaml")
    assert nimhelm(cluster, HELMS["helm4"], "init", str(tmp_path / "services.yaml"), "-o", ordered).returncode == 0
    # An address for the chart's pods alone: the operator's have no such variable, and do not restart for it.
    pipeline = yaml.safe_load(Path(ordered).read_text().split("\n---\n")[0])
    (second,) = (one for one in pipeline["spec"]["services"] if one["name"] == "second")
    second["dependencies"] = [{"name": "first", "port": 8000, "envName": "FIRST_URL"}]
    cache = yaml.safe_load(Path(ordered).read_text().split("\n---\n")[1])
    Path(ordered).write_text(yaml.safe_dump_all([pipeline, cache]))
    built = nimhelm(cluster, HELMS["helm4"], "build", ordered, "-o", str(tmp_path))
    assert built.returncode == 0, built.stderr
    chart = str(tmp_path / namespace)
    dry = nimhelm(cluster, HELMS["helm4"], "adopt", "moved", chart, "-n", namespace)
    assert dry.returncode == 0, dry.stderr
    assert "no pod restarts" in dry.stdout, dry.stdout
    assert "keeps      NIMCache weights: the operator has filled it" in dry.stdout

    done = nimhelm(cluster, HELMS["helm4"], "adopt", "moved", chart, "-n", namespace, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    wait_until(lambda: not left_over(cluster, namespace), what="the operator's resources are gone")
    kept = pods(cluster, namespace)
    assert {name: kept.get(name) for name in alone} == alone
    selector = "nimhelm.dev/cache=weights"
    cluster.kubectl("wait", "--for=condition=Complete", "job", "-l", selector, "--timeout=60s", namespace=namespace)
    said = cluster.kubectl("logs", "-l", selector, "--tail=-1", namespace=namespace)
    assert "the NIM Operator has filled the cache, nothing to download" in said
    labels = cluster.get("deployment", "first", namespace=namespace)["metadata"]
    assert "app.kubernetes.io/operator-version" not in labels["labels"]
    assert "nvidia.com/last-applied-hash" not in labels["annotations"]
