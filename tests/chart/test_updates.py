"""What a chart makes of the objects that a cluster has already. The cluster here is made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from apiserver import serving
from updates import made, updates

from .assemble import Object, objects, spec, umbrella
from .standing import Standing

if TYPE_CHECKING:
    from ..conftest import Helm

NAMESPACE = "nim-service"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Standing]:
    cluster = Standing()
    with serving(cluster):
        yield cluster


@pytest.fixture
def render(helm: Helm, tmp_path: Path, cluster: Standing) -> Callable[..., dict[tuple[str, str], Object]]:
    """render({name: values}, **further values) -> objects by kind and name, as for this cluster."""

    def run(services: dict[str, dict[str, Any]], **values: Any) -> dict[tuple[str, str], Object]:
        return objects(helm.template(umbrella(tmp_path, services, **values), *cluster.arguments(tmp_path)).stdout)

    return run


@pytest.fixture
def refusals(helm: Helm, tmp_path: Path, cluster: Standing) -> Callable[..., list[str]]:
    """The same -> what the guard says, a line each."""

    def run(services: dict[str, dict[str, Any]], **values: Any) -> list[str]:
        result = helm.template(umbrella(tmp_path, services, **values), *cluster.arguments(tmp_path), check=False)
        said = result.stderr.partition("guard.yaml:")[2].partition("\n\n")[0]
        assert bool(said) is bool(result.returncode), result.stderr
        return said.partition(": ")[2].splitlines()

    return run


def test_objects_of_the_user(cluster: Standing, refusals: Callable[..., list[str]]) -> None:
    """The guard refuses what Kubernetes does not change, and nothing else. tests/test_diff.py asks diff the same."""
    rows = updates()
    for row in rows:
        cluster.add(row.live, NAMESPACE)
    said = {
        match[1]: line
        for line in refusals({}, extraObjects=[row.new for row in rows])
        if (match := OF_USER.match(line))
    }
    for row in rows:
        line = said.get(row.new["metadata"]["name"], "")
        assert bool(line) is bool(row.refused), f"{row.title}: {line}"
        if line:
            assert row.said in line
            assert f"kubectl delete {row.new['kind'].lower()} {row.new['metadata']['name']}" in line


OF_USER = re.compile(r"the \w+ (x\d+) of extraObjects ")


CLAIM: dict[str, Any] = {"create": True, "size": "50Gi", "volumeAccessMode": "ReadWriteOnce"}
BOUND = {"spec resources requests storage": "50Gi", "spec accessModes": ["ReadWriteOnce"], "status phase": "Bound"}


def cache_with(storage: dict[str, Any]) -> dict[str, Any]:
    """The values of a cache with this claim."""
    return {"source": {"ngc": {"modelPuller": "nvcr.io/a:1"}}, "storage": {"pvc": {**CLAIM, **storage}}}


OWN: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], str]] = {
    "the same claim": ("v1/PersistentVolumeClaim", "llm-pvc", BOUND, {}, ""),
    "a smaller claim": (
        "v1/PersistentVolumeClaim", "llm-pvc", BOUND, {"storage": {"pvc": {**CLAIM, "size": "40Gi"}}},
        "the claim llm-pvc has 50Gi and cannot shrink to 40Gi: set llm.storage.pvc.size=50Gi, or choose another "
        "llm.storage.pvc.name for a new claim, or delete the claim llm-pvc and its data first",
    ),
    "a larger claim": ("v1/PersistentVolumeClaim", "llm-pvc", BOUND, {"storage": {"pvc": {**CLAIM, "size": "60Gi"}}}, ""),
    "a larger claim before it is bound": (
        "v1/PersistentVolumeClaim", "llm-pvc", {**BOUND, "status phase": "Pending"},
        {"storage": {"pvc": {**CLAIM, "size": "60Gi"}}},
        "the claim llm-pvc has 50Gi and cannot grow to 60Gi before it is bound: set llm.storage.pvc.size=50Gi, or choose",
    ),
    "a class that the values left out": ("v1/PersistentVolumeClaim", "llm-pvc", {**BOUND, "spec storageClassName": "a"}, {}, ""),
    "a class that the values gave": (
        "v1/PersistentVolumeClaim", "llm-pvc",
        {**BOUND, "spec storageClassName": "a", "metadata annotations nimhelm.dev/storage-class": "a"}, {},
        "the claim llm-pvc cannot change its storageClassName from a to null: set llm.storage.pvc.storageClass=a, or choose",
    ),
    "a volume that the cluster chose": (
        "v1/PersistentVolumeClaim", "llm-pvc",
        {**BOUND, "spec volumeName": "a", "metadata managedFields": [
            {"manager": "kube-controller-manager", "fieldsV1": {"f:spec": {"f:volumeName": {}}}}]}, {}, "",
    ),
    "a volume that the values gave": (
        "v1/PersistentVolumeClaim", "llm-pvc",
        {**BOUND, "spec volumeName": "a", "metadata managedFields": [
            {"manager": "helm", "fieldsV1": {"f:spec": {"f:volumeName": {}}}}]}, {},
        "the claim llm-pvc cannot change its volumeName from a to null: set llm.storage.pvc.volumeName=a, or choose",
    ),
    "another source": (
        "v1/PersistentVolumeClaim", "llm-pvc", {**BOUND, "spec dataSource": {"kind": "VolumeSnapshot", "name": "a"}},
        {"storage": {"pvc": {**CLAIM, "dataSource": {"kind": "VolumeSnapshot", "name": "b"}}}},
        "the claim llm-pvc cannot change its dataSource: set llm.storage.pvc.dataSource=",
    ),
    "nodes of a compute domain": (
        "resource.nvidia.com/v1beta1/ComputeDomain", "llm",
        {"spec numNodes": 2, "spec channel resourceClaimTemplate name": "cd-claimtemplate-df94b6548"},
        {"multiNode": {"backendType": "lws", "parallelism": {"pipeline": 4, "tensor": 1}, "computeDomain": {"create": True}}},
        "the ComputeDomain llm cannot change its numNodes from 2 to 4: set llm.multiNode.parallelism.pipeline=2, or delete",
    ),
    "an address": (
        "v1/Service", "llm", {"spec clusterIP": "10.0.0.1"},
        {"expose": {"service": {"port": 8000, "overlay": {"clusterIP": "None"}}}},
        "the Service llm cannot change its clusterIP from 10.0.0.1 to None: set llm.expose.service.overlay.clusterIP=10.0.0.1, "
        "or delete it first with kubectl delete service llm -n nim-service",
    ),
    "a class of balancers": (
        "v1/Service", "llm", {"spec type": "LoadBalancer", "spec loadBalancerClass": "a"},
        {"expose": {"service": {"port": 8000, "type": "LoadBalancer", "loadBalancerClass": "b"}}},
        "the Service llm cannot change its loadBalancerClass from a to b: set llm.expose.service.loadBalancerClass=a, or delete",
    ),
    "a class of balancers in the overlay": (
        "v1/Service", "llm", {"spec type": "LoadBalancer", "spec loadBalancerClass": "a"},
        {"expose": {"service": {"port": 8000, "type": "LoadBalancer", "overlay": {"loadBalancerClass": "b"}}}},
        "the Service llm cannot change its loadBalancerClass from a to b: set llm.expose.service.overlay.loadBalancerClass=a, or",
    ),
    "the mode of KServe": (
        "serving.kserve.io/v1beta1/InferenceService", "llm",
        {"metadata annotations serving.kserve.io/deploymentMode": "Knative"}, {"inferencePlatform": "kserve"},
        "the InferenceService llm cannot change its serving.kserve.io/deploymentMode from Knative to Standard: "
        "set llm.annotations.serving.kserve.io/deploymentMode=Knative, or delete",
    ),
}  # fmt: skip
"""What the cluster has of a service, its values now -> what the guard says."""


@pytest.mark.parametrize("case", OWN)
def test_objects_of_a_service(cluster: Standing, refusals: Callable[..., list[str]], case: str) -> None:
    api, name, fields, values, said = OWN[case]
    cluster.add(made(api, name, fields), NAMESPACE)
    found = refusals({"llm": spec(**values)})
    assert len(found) == bool(said)
    assert not said or found[0].startswith(said)


def test_claims_of_caches(cluster: Standing, refusals: Callable[..., list[str]]) -> None:
    cluster.add(made("v1/PersistentVolumeClaim", "base-pvc", BOUND), NAMESPACE)
    assert refusals({}, nimCaches={"base": cache_with({})}) == []
    (said,) = refusals({}, nimCaches={"base": cache_with({"size": "1Gi"})})
    assert "set nimCaches.base.storage.pvc.size=50Gi, or choose another nimCaches.base.storage.pvc.name" in said


def test_where_an_update_is_none(cluster: Standing, refusals: Callable[..., list[str]]) -> None:
    """Helm makes hooks anew, and an object in another namespace is another object."""
    live, new = ({"addressType": each} for each in ("IPv4", "FQDN"))
    slices = "discovery.k8s.io/v1/EndpointSlice"
    cluster.add(made(slices, "hook", live), NAMESPACE)
    cluster.add(made(slices, "elsewhere", live), NAMESPACE)
    hook = made(slices, "hook", {**new, "metadata annotations helm.sh/hook": "pre-install"})
    elsewhere = made(slices, "elsewhere", {**new, "metadata namespace": "other"})
    assert refusals({}, extraObjects=[hook, elsewhere]) == []
    cluster.add(made(slices, "elsewhere", live), "other")
    (said,) = refusals({}, extraObjects=[hook, elsewhere])
    assert said.endswith("delete it first with kubectl delete endpointslice elsewhere -n other")


SCALED = spec(scale={"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}})
UNSCALED = spec(scale={"enabled": False, "hpa": {"minReplicas": 2, "maxReplicas": 4}})


@pytest.mark.parametrize(
    ("values", "live", "replicas"),
    [(SCALED, None, 2), (SCALED, 3, 3), (SCALED, 1, 2), (UNSCALED, 3, 3), (UNSCALED, None, 1), ({**UNSCALED, "replicas": 2}, 3, 2),
     (spec(), 3, 1)],
)  # fmt: skip
def test_the_autoscaler_has_the_last_word(
    cluster: Standing, render: Callable[..., Any], values: dict[str, Any], live: int | None, replicas: int
) -> None:
    cluster.add(made("v1/ConfigMap", "kube-root-ca.crt", {}), NAMESPACE)
    if live:
        cluster.add(made("apps/v1/Deployment", "llm", {"spec replicas": live}), NAMESPACE)
    assert render({"llm": values})["Deployment", "llm"]["spec"]["replicas"] == replicas


def test_the_key_of_a_group_stays(cluster: Standing, render: Callable[..., Any]) -> None:
    group = spec(multiNode={"backendType": "lws", "parallelism": {"pipeline": 2, "tensor": 1}, "mpi": {}})
    assert render({"llm": group})["Secret", "llm-ssh-pk"]["data"]["private.key"] not in ("", "b2xk")
    cluster.add(made("v1/Secret", "llm-ssh-pk", {"data": {"private.key": "b2xk"}}), NAMESPACE)
    assert render({"llm": group})["Secret", "llm-ssh-pk"]["data"]["private.key"] == "b2xk"


def test_a_failed_download_is_tried_again(cluster: Standing, render: Callable[..., Any]) -> None:
    """A job that runs or is complete stays, one that has failed gets another name, and so does the next one that fails."""

    def job() -> str:
        (name,) = (name for kind, name in render({}, nimCaches={"base": cache_with({})}) if kind == "Job")
        return name

    def add(name: str, **conditions: str) -> None:
        status = [{"type": kind, "status": status} for kind, status in conditions.items()]
        cluster.add(made("batch/v1/Job", name, {"metadata uid": name, "status conditions": status}), NAMESPACE)

    first = job()
    add("base-job-00000000", Failed="True")
    add(first, Complete="True", Failed="False")
    assert job() == first
    cluster.lists.clear()
    add(first, Failed="True")
    second = job()
    assert re.fullmatch(rf"{first}-[a-z0-9]{{4}}", second)
    add(second)
    assert job() == second
    cluster.lists["jobs"].pop()
    add(second, Failed="True")
    assert job() not in (first, second)
