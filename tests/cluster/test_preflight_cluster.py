"""What preflight says of claims, nodes, ways in and registries, and the install that shows whether it was right.

The table is read as that of test_preflight.py.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .bench import cluster as bench
from .bench.settings import INNER_KUBECONFIG
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, THIS_RUN, Release, build_documents, in_parallel, pipeline, service
from .test_preflight import (
    NAME,
    NO_PODS,
    NOT_STARTED,
    REFUSED,
    TEXTS,
    Case,
    Outcome,
    made,
    outcomes_of,
    predictions,
    preflight,
    stored,
)
from .test_preflight_pods import earlier
from .test_status import paste

PRIORITY = "nimhelm-preflight"
HELD = {"storage": {"pvc": {"name": "models"}}}
NO_ACCOUNT = ("llm.serviceAccount.create=false", "llm.serviceAccount.name=team")


def volume_of(name: str, node: str, cluster: Cluster, namespace: str) -> None:
    """A claim of that name on a volume of the node."""
    on_node = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    volume = f"{namespace}-{name}"
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "claimRef": {"namespace": namespace, "name": name},
        "hostPath": {"path": f"/var/tmp/{volume}", "type": "DirectoryOrCreate"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [on_node]}},
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
    }
    asked = {"accessModes": spec["accessModes"], "storageClassName": "", "volumeName": volume}
    claim = made("PersistentVolumeClaim", name, spec=asked | {"resources": {"requests": spec["capacity"]}})
    cluster.apply(made("PersistentVolume", volume, spec=spec), claim, namespace=namespace)
    wait_until(lambda: phase(cluster, namespace, name) == "Bound", what=f"the claim of {namespace}")


def phase(cluster: Cluster, namespace: str, name: str = "models") -> str:
    return str(cluster.get("pvc", name, namespace=namespace)["status"]["phase"])


def on_this_node(cluster: Cluster) -> str:
    return str(cluster.get("nodes")["items"][0]["metadata"]["labels"]["kubernetes.io/hostname"])


def lost_volume(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    """A claim whose volume is taken away."""
    volume_of("models", on_this_node(cluster), cluster, namespace)
    if broken:
        volume = f"{namespace}-models"
        cluster.kubectl("delete", "pv", volume, "--wait=false")
        cluster.kubectl("patch", "pv", volume, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        wait_until(lambda: phase(cluster, namespace) == "Lost", what=f"the volume of {namespace} is gone")


def volume_elsewhere(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    volume_of("models", "absent" if broken else on_this_node(cluster), cluster, namespace)


def earlier_install(cluster: Cluster, namespace: str, chart: Path, broken: bool) -> None:
    earlier(cluster, namespace, chart, "--set=llm.storage.pvc.size=1Gi")


CASES = {
    "priority class": Case(
        "PriorityClassMissing",
        NO_PODS,
        sets=("llm.priorityClassName=absent",),
        mended_sets=(f"llm.priorityClassName={PRIORITY}",),
    ),
    "service account": Case(
        "ServiceAccountMissing",
        NO_PODS,
        sets=NO_ACCOUNT,
        mended_sets=NO_ACCOUNT,
        mended_objects=(made("ServiceAccount", "team"),),
    ),
    "key of a configmap": Case(
        "ConfigMapKeyMissing",
        NOT_STARTED,
        TEXTS,
        objects=(made("ConfigMap", "extra", data={"other": "x"}),),
        mended_objects=(made("ConfigMap", "extra", data={"text": "x"}),),
    ),
    "claim lost": Case("ClaimLost", NOT_STARTED, HELD, before=lost_volume),
    "claim on another node": Case("VolumeElsewhere", NOT_STARTED, HELD, before=volume_elsewhere),
    "claim too small": Case(
        "ClaimSize",
        REFUSED,
        stored("bench-hostpath"),
        sets=("llm.storage.pvc.size=2Gi",),
        mended_sets=("llm.storage.pvc.size=1Gi",),
        before=earlier_install,
    ),
}


@pytest.fixture(scope="module")
def outcomes(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, bool], Outcome]]:
    """All cases with and without their cause; what they made beside namespaces goes."""
    cluster.apply(made("PriorityClass", PRIORITY, "scheduling.k8s.io/v1", value=1))
    yield from outcomes_of(cluster, CASES, tmp_path_factory)
    cluster.kubectl("delete", "priorityclass", PRIORITY, "--wait=false", check=False)
    left = [each["metadata"]["name"] for each in cluster.get("pv")["items"] if not each["spec"].get("storageClassName")]
    if left:
        cluster.kubectl("delete", "pv", *left, "--wait=false", check=False)


test_it_fails_as_preflight_says, test_it_comes_up_where_preflight_has_nothing_against_it = predictions(CASES)


KEEP_AWAY = {
    "Taint": (("taint", "node", "{node}", "team=other:NoSchedule"), ("taint", "node", "{node}", "team-")),
    "NodeCordoned": (("cordon", "{node}"), ("uncordon", "{node}")),
}


@pytest.mark.parametrize("code", KEEP_AWAY)
def test_a_node_that_takes_no_pods(code: str, cluster: Cluster, short_release: Callable[..., Release]) -> None:
    if not cluster.is_bench:
        pytest.skip("keeps pods away from the node")
    (node,) = cluster.get("nodes")["items"]
    away, back = ([word.format(node=node["metadata"]["name"]) for word in words] for words in KEEP_AWAY[code])
    release = short_release(service("llm"))
    assert release.preflight() == {}
    cluster.kubectl(*away)
    try:
        assert release.preflight() == {code: ["llm"]}
        release.install(wait=False)
        release.wait_for_cause("llm", code)
    finally:
        cluster.kubectl(*back)
    release.wait_until_ready()


INGRESS = {"service": {"port": 8000}, "router": {"hostDomainName": "x.test", "ingress": {"ingressClass": "absent"}}}
CLOSED = made(
    "NetworkPolicy",
    "closed",
    "networking.k8s.io/v1",
    spec={"podSelector": {"matchLabels": {"app": "llm"}}, "policyTypes": ["Ingress"], "ingress": []},
)
PENDING = made(
    "Service",
    "other",
    spec={"type": "LoadBalancer", "loadBalancerClass": "example.com/none", "ports": [{"port": 80}]},
)
BALANCER = ("llm.expose.service.type=LoadBalancer", "llm.expose.service.loadBalancerClass=example.com/none")
# Code of the warning -> fields of the service, objects that are there before, values; what it comes up as.
WARNED: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], ...], tuple[str, ...], str]] = {
    "IngressClassMissing": ({"expose": INGRESS}, (), (), "ingress class absent does not exist"),
    "NetworkPolicy": ({}, (CLOSED,), (), ""),
    "LoadBalancerPending": ({}, (PENDING,), BALANCER, ""),
}


@pytest.mark.parametrize("code", WARNED)
def test_what_stops_no_install_is_a_warning(
    code: str, cluster: Cluster, new_namespace: Callable[[], str], tmp_path: Path
) -> None:
    spec, objects, values, said = WARNED[code]
    chart = build_documents(tmp_path, pipeline(service("llm", **spec), service("after", "llm")))
    sets = [word for value in values for word in ("--set", value)]
    namespace, other = new_namespace(), new_namespace()
    if objects:
        cluster.apply(*objects, namespace=namespace)
    exit_code, checks = preflight(cluster, chart, namespace, *sets)
    assert exit_code == 0
    assert [(each["level"], each["code"]) for each in checks if each["code"]] == [("warning", code)]
    assert preflight(cluster, chart, namespace, *sets, "--strict")[0] == 1
    if objects:
        assert [each["code"] for each in preflight(cluster, chart, other, *sets)[1] if each["code"]] == []
    # Helm 4 does not wait for the address of a load balancer.
    release = Release(cluster, namespace, chart, helm_path=HELM3)
    release.install(*sets, wait=False)
    release.wait_until_ready(120)
    assert said in release.status().stdout
    if code == "LoadBalancerPending":
        waiting = ("--wait", "--timeout=10s", "--reset-then-reuse-values")
        assert release.helm("upgrade", NAME, str(chart), *waiting, check=False) == ""


# Repository on the bench's registry -> what --pull says.
PULLED = {
    f"localhost:5000/nim/{THIS_RUN}/fine": "",
    f"localhost:5000/private/{THIS_RUN}/login": "",
    f"localhost:5000/denied/{THIS_RUN}/llm": "ImagePullUnauthorized",
    f"localhost:5000/missing/{THIS_RUN}/llm": "ImageNotFound",
    f"localhost:5000/nim/{THIS_RUN}/for-arm": "ImagePlatform",
}


@pytest.fixture(scope="module")
def pulled(cluster: Cluster, new_release: Callable[..., Release]) -> dict[str, tuple[list[str], Release]]:
    """By repository what `preflight --pull` fails with, beside the registry, and the release that is then installed."""
    if not cluster.is_bench:
        pytest.skip("needs the bench's registry")

    def ask(repository: str) -> tuple[list[str], Release]:
        release = new_release(service("llm", image=f"{repository}:1.0"))
        where = ("-n", release.namespace, "--release", NAME, "--kubeconfig", str(INNER_KUBECONFIG))
        words = ("preflight", str(release.chart), *where, "--pull", "-o", "json", "--request-timeout", "60s")
        env = [f"{key}={cluster.env[key]}" for key in ("PATH", "KUBECACHEDIR")] + [f"HELM={HELM4}"]
        # Its exit code is 1 where it finds something.
        script = 'cd "$0" && { "$@" || test $? = 1; }'
        root = str(Path(__file__).parents[2])
        printed = bench.run_inside("env", *env, "sh", "-c", script, root, sys.executable, "-m", "nimhelm", *words)
        codes = [each["code"] for each in json.loads(printed)["checks"] if each["level"] == "fails"]
        release.install(wait=False)
        return codes, release

    return dict(zip(PULLED, in_parallel([partial(ask, each) for each in PULLED]), strict=True))


@pytest.mark.parametrize("repository", PULLED, ids=[each.split("/")[-1] + each.split("/")[1] for each in PULLED])
def test_the_registry_says_it_before_the_kubelet(repository: str, pulled: dict[str, tuple[list[str], Release]]) -> None:
    codes, release = pulled[repository]
    expected = PULLED[repository]
    assert codes == ([expected] if expected else [])
    if expected:
        release.wait_for_cause("llm", expected)
    else:
        release.wait_until_ready(120)


ENV = {"env": [{"name": "EXTRA", "valueFrom": {"secretKeyRef": {"name": "extra", "key": "NGC_API_KEY"}}}]}
# Code -> fields of the service, values, secrets of the namespace that go before. The printed step must mend it.
MENDED: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "SecretMissing": (ENV, (), ()),
    "ServiceAccountMissing": ({}, NO_ACCOUNT, ()),
    "PullSecretMissing": ({}, (), ("ngc-secret",)),
    "PullSecretHost": (
        {"image": {"repository": "quay.io/team/llm", "tag": "1", "pullSecrets": ["ngc-secret"]}},
        (),
        (),
    ),
}


@pytest.mark.parametrize("code", MENDED)
def test_the_step_mends_it(code: str, short_release: Callable[..., Release]) -> None:
    """A step that ends in a preflight with further values says what the install needs, too."""
    spec, values, gone = MENDED[code]
    llm = service("llm")
    llm["spec"] |= spec
    release = short_release(llm)
    for secret in gone:
        release.kubectl("delete", "secret", secret)
    sets = tuple(word for value in values for word in ("--set", value))
    _, checks = preflight(release.cluster, release.chart, release.namespace, *sets)
    (found,) = [each for each in checks if each["code"] == code]
    step = found["next"].replace("nimhelm ", f"{sys.executable} -m nimhelm ")
    paste(release, step)
    if "nimhelm preflight" in found["next"]:
        sets += ("--set", re.findall(r"--set '?(global[^' ]+)", found["next"])[-1])
    _, checks = preflight(release.cluster, release.chart, release.namespace, *sets)
    assert [each["code"] for each in checks if each["code"]] == []
    release.install(*sets)
