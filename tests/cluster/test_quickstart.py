"""The quickstart from its first command to its last, on a cluster, and the page on troubleshooting after it.

What the pages print is compared with what comes out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.docs.page import blocks_of
from tests.docs.test_walk import SHOWN_REGISTRY, prepare, walk

from .conftest import API_KEY
from .connection import Cluster
from .release import HELM3, HELM4, ROOT

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
