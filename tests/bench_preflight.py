"""How long a preflight of 60 services takes on 500 nodes with 10,000 pods: python tests/bench_preflight.py

kubectl is a stub that prints lists as large as the API server's own; helm is real. Fails when nimhelm itself takes more than 3 s or
300 MB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SERVICES, NODES, PODS = 60, 500, 10_000
SECONDS, MEGABYTES = 3.0, 300
GROUPS = ("apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "autoscaling/v2", "storage.k8s.io/v1",
          "node.k8s.io/v1", "scheduling.k8s.io/v1")  # fmt: skip
TABLE = """configmaps cm v1 true ConfigMap
secrets v1 true Secret
serviceaccounts sa v1 true ServiceAccount
services svc v1 true Service
pods po v1 true Pod
nodes no v1 false Node
persistentvolumeclaims pvc v1 true PersistentVolumeClaim
persistentvolumes pv v1 false PersistentVolume
limitranges limits v1 true LimitRange
resourcequotas quota v1 true ResourceQuota
deployments deploy apps/v1 true Deployment
jobs batch/v1 true Job
networkpolicies netpol networking.k8s.io/v1 true NetworkPolicy
ingressclasses networking.k8s.io/v1 false IngressClass
roles rbac.authorization.k8s.io/v1 true Role
rolebindings rbac.authorization.k8s.io/v1 true RoleBinding
horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler
storageclasses sc storage.k8s.io/v1 false StorageClass
runtimeclasses node.k8s.io/v1 false RuntimeClass
priorityclasses pc scheduling.k8s.io/v1 false PriorityClass
"""
STUB = """#!/bin/sh
here="${0%/*}"
case "$1 $2" in
  "api-resources "*) exec cat "$here/table" ;;
  "api-versions "*) exec cat "$here/versions" ;;
  "version "*) echo '{"serverVersion": {"gitVersion": "v1.34.4"}}' ;;
  "create --raw"*) exec cat "$here/rules" ;;
  "get pods") exec cat "$here/pods" ;;
  "get nodes") exec cat "$here/nodes" ;;
  "get namespace"*) echo '{"kind": "Namespace", "metadata": {"name": "rag"}}' ;;
  "get secrets") case "$*" in *owner=helm*) ;; *) exec cat "$here/secrets" ;; esac ;;
  "get "*) exec cat "$here/others" ;;
esac
"""


def pod(number: int) -> dict[str, Any]:
    """A pod as large as the API server prints them: 11 KB."""
    container = {
        "name": "main",
        "image": "registry.example.com/team/app:1",
        "env": [{"name": f"VARIABLE_{index}", "value": "v" * 40} for index in range(50)],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
        "volumeMounts": [{"name": f"v{index}", "mountPath": f"/mnt/{index}"} for index in range(10)],
        "livenessProbe": {"httpGet": {"path": "/live", "port": 8000}},
    }
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "message": "m" * 200}] * 8}
    labels = {"app": f"app-{number % 300}", "app.kubernetes.io/instance": f"release-{number % 100}"}
    metadata = {
        "name": f"app-{number}",
        "namespace": f"team-{number % 50}",
        "labels": labels,
        "annotations": {"note": "a" * 2500},
    }
    spec = {
        "nodeName": f"node-{number % NODES}",
        "containers": [container],
        "tolerations": [{"key": "a", "operator": "Exists"}] * 6,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def node(number: int) -> dict[str, Any]:
    """A node with 8 GPUs in every fifth case, and many labels and images."""
    gpus = {"nvidia.com/gpu": "8"} if number % 5 == 0 else {}
    labels = {f"feature.node.kubernetes.io/cpu-{index}": "true" for index in range(100)} | {
        "kubernetes.io/arch": "amd64"
    }
    images = [
        {"names": [f"registry.example.com/image-{index}@sha256:{'a' * 64}"], "sizeBytes": index} for index in range(50)
    ]
    allocatable = {"cpu": "64", "memory": "512Gi", "pods": "110", "ephemeral-storage": "1Ti"} | gpus
    status = {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}], "images": images}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": labels},
        "spec": {},
        "status": status,
    }


def prepare(folder: Path, services: int = SERVICES, nodes: int = NODES, pods: int = PODS) -> int:
    """The stub and its lists, and a chart of so many services."""
    secrets = [{"kind": "Secret", "metadata": {"name": "ngc"}, "type": "Opaque", "data": {"NGC_API_KEY": "eA=="}}]
    others = [
        {
            "kind": "StorageClass",
            "metadata": {"name": "s", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        },
        *({"kind": "Service", "metadata": {"name": f"other-{index}"}} for index in range(200)),
    ]
    rules = {"status": {"resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}}
    lists = {
        "pods": list(map(pod, range(pods))),
        "nodes": list(map(node, range(nodes))),
        "secrets": secrets,
        "others": others,
    }
    for name, objects in lists.items():
        (folder / name).write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=1))
    (folder / "rules").write_text(json.dumps(rules))
    (folder / "table").write_text(TABLE)
    (folder / "versions").write_text("v1\n" + "\n".join(GROUPS) + "\n")
    (folder / "kubectl").write_text(STUB)
    (folder / "kubectl").chmod(0o755)
    listed = [
        f"    - name: s{number}\n      enabled: true\n"
        + (f"      dependencies: [{{name: s{number - 1}, port: 8000}}]\n" if number % 3 else "")
        + '      spec:\n        image: {repository: nvcr.io/nim/llm, tag: "1.0"}\n        authSecret: ngc\n'
        + "        storage: {pvc: {create: true, size: 50Gi}}\n        resources: {limits: {nvidia.com/gpu: 4}}\n"
        for number in range(services)
    ]
    head = "apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMPipeline\nmetadata: {name: rag}\nspec:\n  services:\n"
    (folder / "pipeline.yaml").write_text(head + "".join(listed))
    command = [sys.executable, "-m", "nimhelm", "build", folder / "pipeline.yaml", "-o", folder, "--force"]
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return 0


def measure(folder: Path) -> int:
    """Run the preflight in this process, and say what it took without the programs that it started."""
    sys.path.insert(0, str(ROOT))
    os.environ["KUBECTL"] = str(folder / "kubectl")
    os.environ.setdefault("HELM", str(ROOT / ".tools" / "helm4" / "helm"))
    from nimhelm.__main__ import guarded

    begun = time.perf_counter()
    code = guarded(["preflight", str(folder / "rag"), "-n", "rag", "--request-timeout", "60s"])
    whole = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"{whole:.2f} s with helm and the stub, {seconds:.2f} s of them in nimhelm; {megabytes:.0f} MB")
    return 0 if code == 0 and seconds <= SECONDS and megabytes <= MEGABYTES else 1


def main() -> int:
    """Each part in a process of its own: what one has in memory would be counted for the next."""
    if len(sys.argv) == 3:
        folder = Path(sys.argv[2])
        return measure(folder) if sys.argv[1] == "measure" else prepare(folder)
    print(f"{SERVICES} services, {NODES} nodes, {PODS} pods")
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, __file__, "prepare", name], check=True)
        done = subprocess.run(
            [sys.executable, __file__, "measure", name], stdout=subprocess.PIPE, text=True, check=False
        )
    print(done.stdout, end="")
    return 0 if done.returncode == 0 and "240 asked for" in done.stdout else 1


if __name__ == "__main__":
    sys.exit(main())
