"""The quickstart from its first command to its last, on a cluster, and the page on troubleshooting after it.

What the pages print is compared with what comes out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.page import blocks_of
from tests.docs.test_walk import SHOWN_REGISTRY, prepare, walk

from .conftest import API_KEY
from .connection import Cluster
from .release import HELM3, HELM4, ROOT, pipeline, service

NAMESPACE = "nim-service"
PRODUCT = "nvidia.com/gpu.product"


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_walk_with_a_cluster(helm: Path, cluster: Cluster, installed: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(installed.parent), str(helm.parent), cluster.env["PATH"]])
    env = cluster.env | {"PATH": path, "NGC_API_KEY": API_KEY, "LC_ALL": "C.UTF-8"}
    node = cluster.get("nodes")["items"][0]["metadata"]
    cluster.kubectl("label", "node", node["name"], f"{PRODUCT}=NVIDIA-H100-80GB-HBM3", "--overwrite")
    walked = 0
    try:
        for page in ("quickstart", "troubleshooting"):
            for block in blocks_of(ROOT / "docs" / f"{page}.md"):
                prepare(block, tmp_path)
                if block.language == "console" and not block.walk.startswith("skip"):
                    walk(block, tmp_path, env, SHOWN_REGISTRY)
                    walked += block.walk == "cluster"
    finally:
        was = node["labels"].get(PRODUCT)
        cluster.kubectl("label", "node", node["name"], f"{PRODUCT}={was}" if was else f"{PRODUCT}-", "--overwrite")
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=90s")
    assert walked == 3


@pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])
def test_the_commands_that_a_build_prints(helm: Path, cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """The first installs, the next upgrades and keeps what the user set; it installs as well."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(helm.parent), cluster.env["PATH"]])
    document = pipeline(service("llm"))
    document["metadata"]["namespace"] = namespace

    def run(command: str) -> str:
        env = cluster.env | {"PATH": path}
        ran = subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def built(tag: str) -> str:
        document["spec"]["services"][0]["spec"]["image"]["tag"] = tag
        (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(document))
        return run("nimhelm build pipeline.yaml").splitlines()[-1].strip()

    first = built("1.0")
    assert first.startswith("helm install ")
    run(f"{first} --set llm.labels.team=search")
    again = built("1.1")
    assert again.startswith("helm upgrade ")
    for before in ("true", f"helm uninstall demo -n {namespace}"):
        run(f"{before} && {again}")
        template = cluster.get("deployment/llm", namespace=namespace)["spec"]["template"]
        assert template["spec"]["containers"][0]["image"].endswith(":1.1")
        assert template["metadata"]["labels"].get("team") == ("search" if before == "true" else None)
