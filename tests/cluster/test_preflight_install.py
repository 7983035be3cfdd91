"""What preflight says of how helm is called: its namespace, where it keeps records, and images that nodes have already."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, build_documents, pipeline, service
from .test_preflight import NAME, made, preflight
from .test_preflight_rights import as_user as as_user

HELMS = pytest.mark.parametrize("helm", [HELM3, HELM4], ids=["helm3", "helm4"])


def installs(helm: Path, cluster: Cluster, chart: Path, namespace: str, *options: str, **env: str) -> bool:
    words = (str(helm), "install", NAME, str(chart), "-n", namespace, *options)
    return not subprocess.run(words, env=cluster.env | env, capture_output=True, check=False).returncode


def codes(found: tuple[int, list[dict[str, str]]], level: str = "fails") -> list[str]:
    return [each["code"] for each in found[1] if each["level"] == level]


@HELMS
@pytest.mark.parametrize("options", [(), ("--create-namespace",)], ids=["as it is", "made by helm"])
def test_a_namespace_that_does_not_exist(
    helm: Path, options: tuple[str, ...], cluster: Cluster, tmp_path: Path
) -> None:
    namespace = f"nimhelm-{secrets.token_hex(4)}"
    llm = service("llm")
    del llm["spec"]["authSecret"], llm["spec"]["image"]["pullSecrets"]
    chart = build_documents(tmp_path, pipeline(llm))
    found = preflight(cluster, chart, namespace, *options, env={"HELM": str(helm)})
    try:
        assert codes(found) == ([] if options else ["NamespaceMissing"])
        assert installs(helm, cluster, chart, namespace, *options) == bool(options)
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false", check=False)


@HELMS
def test_who_may_not_make_namespaces(
    helm: Path, cluster: Cluster, namespace: str, as_user: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """helm asks for the namespace anew, although it is there."""
    chart = build_documents(tmp_path, pipeline(service("llm")))
    env = as_user("admin")
    found = preflight(cluster, chart, namespace, "--create-namespace", env=env | {"HELM": str(helm)})
    assert codes(found) == ["RightsMissing"]
    assert not installs(helm, cluster, chart, namespace, "--create-namespace", **env)
    assert codes(preflight(cluster, chart, namespace, env=env | {"HELM": str(helm)})) == []
    assert installs(helm, cluster, chart, namespace, **env)


@HELMS
def test_records_elsewhere(helm: Path, cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """A quota on secrets does not concern records in ConfigMaps, and a release is found where its records are."""
    env = {"HELM_DRIVER": "configmap"}
    hard = {"count/secrets": "2"}
    cluster.apply(made("ResourceQuota", "team", spec={"hard": hard}), namespace=namespace)
    chart = build_documents(tmp_path, pipeline(service("llm")))
    found = preflight(cluster, chart, namespace, env=env | {"HELM": str(helm)})
    assert codes(found) == []
    assert installs(helm, cluster, chart, namespace, **env)
    _, checks = preflight(cluster, chart, namespace, env=env | {"HELM": str(helm)})
    assert any("judged as an upgrade" in each["text"] for each in checks)
    (tmp_path / "records").write_text("[]")
    env = {"HELM_DRIVER": "memory", "HELM_MEMORY_DRIVER_DATA": str(tmp_path / "records"), "HELM": str(helm)}
    _, checks = preflight(cluster, chart, namespace, env=env)
    assert not any("judged as an upgrade" in each["text"] for each in checks)


@pytest.mark.parametrize("policy", ["", "Always"], ids=["once", "always"])
def test_an_image_that_the_node_has(policy: str, cluster: Cluster, short_release: Callable[..., Release]) -> None:
    """The registry refuses it from here; the kubelet asks only where the policy is Always."""
    name = f"nvcr.io/kept/{secrets.token_hex(3)}"
    release = short_release(service("llm", image=f"{name}:1.0"))
    release.install()
    release.helm("uninstall", NAME, "--wait")

    def listed() -> bool:
        (node,) = cluster.get("nodes")["items"]
        return any(f"{name}:1.0" in image.get("names", []) for image in node["status"].get("images", []))

    wait_until(listed, timeout=360, what="the image in the status of the node")
    sets = ("--set", f"llm.image.pullPolicy={policy}") if policy else ()
    _, checks = preflight(cluster, release.chart, release.namespace, "--pull", *sets)
    said = [each["level"] for each in checks if each["section"] == "images" and name in str(each)]
    assert bool(said) == bool(policy)
