"""No upgrade stops halfway: what Kubernetes would refuse is refused before anything changes, and `nimhelm diff` says it first."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .connection import CommandError
from .release import HELM3, HELM4, Release, build_documents, in_parallel, pipeline, service

HELMS = {"helm3": HELM3, "helm4": HELM4}
CLAIM = {"create": True, "size": "2Gi", "volumeAccessMode": "ReadWriteOnce", "storageClass": "bench-hostpath"}
CASES = {
    "size": ("second.storage.pvc.size=1Gi", "the claim second-pvc has 2Gi and cannot shrink to 1Gi"),
    "class": (
        "second.storage.pvc.storageClass=bench-none",
        "the claim second-pvc cannot change its storageClassName from bench-hostpath to bench-none: "
        "set second.storage.pvc.storageClass=bench-hostpath, or choose another",
    ),
    "class left out": (
        "second.storage.pvc.storageClass=",
        "the claim second-pvc cannot change its storageClassName from bench-hostpath to null: "
        "set second.storage.pvc.storageClass=bench-hostpath, or choose another",
    ),
    "mode": (
        "second.storage.pvc.volumeAccessMode=ReadWriteMany",
        "the claim second-pvc cannot change its accessModes from ReadWriteOnce to ReadWriteMany: "
        "set second.storage.pvc.volumeAccessMode=ReadWriteOnce",
    ),
    "volume": (
        "second.storage.pvc.volumeName=other",
        r"the claim second-pvc cannot change its volumeName from \S+ to other: set second.storage.pvc.volumeName=",
    ),
    "selector": (
        "second.storage.pvc.selector.matchLabels.disk=fast",
        "the claim second-pvc cannot change its selector: set second.storage.pvc.selector=null",
    ),
    "an address": (
        "first.expose.service.overlay.clusterIP=10.96.200.200",
        r"the Service first cannot change its clusterIP from \S+ to 10.96.200.200: set first.expose.service.overlay.clusterIP=",
    ),
    "no address any more": (
        "first.expose.service.overlay.clusterIP=None",
        r"the Service first cannot change its clusterIP from \S+ to None: set first.expose.service.overlay.clusterIP=",
    ),
    "the family of the address": (
        "first.expose.service.overlay.ipFamilies={IPv6}",
        "the Service first cannot change its ipFamilies from IPv4 to IPv6: set first.expose.service.overlay.ipFamilies=IPv4",
    ),
    "an address after none": (
        "headless.expose.service.overlay.clusterIP=null",
        "the Service headless cannot change its clusterIP from None to null: "
        "set headless.expose.service.overlay.clusterIP=None",
    ),
    "a balancer's class": (
        "balanced.expose.service.loadBalancerClass=bench.io/b",
        "the Service balanced cannot change its loadBalancerClass from bench.io/a to bench.io/b: "
        "set balanced.expose.service.loadBalancerClass=bench.io/a",
    ),
    "no balancer's class": (
        "balanced.expose.service.loadBalancerClass=null",
        "the Service balanced cannot change its loadBalancerClass from bench.io/a to null",
    ),
    "a port of health checks": (
        "balanced.expose.service.overlay.healthCheckNodePort=31999",
        r"the Service balanced cannot change its healthCheckNodePort from \d+ to 31999",
    ),
    "a local policy of no balancer": (
        "first.expose.service.externalTrafficPolicy=Local",
        "externalTrafficPolicy needs a Service of type NodePort or LoadBalancer",
    ),
}
"""A value -> what is said against it. Each upgrade also gives the first service another image."""


def services(level: str = "1") -> list[dict[str, Any]]:
    return [
        service("first", env={"LEVEL": level}),
        service("second", "first", storage={"pvc": CLAIM}),
        service("headless"),
        service("balanced", expose={"service": {"type": "LoadBalancer", "port": 8000}}),
    ]


AS_INSTALLED = (
    "headless.expose.service.overlay.clusterIP=None",
    "balanced.expose.service.loadBalancerClass=bench.io/a",
    "balanced.expose.service.externalTrafficPolicy=Local",
)
SETTINGS = [word for each in AS_INSTALLED for word in ("--set", each)]


@pytest.fixture(scope="module")
def releases(new_release: Callable[..., Release]) -> dict[str, Release]:
    made = {name: new_release(*services(), helm_path=path) for name, path in HELMS.items()}
    in_parallel(partial(start, release) for release in made.values())
    return made


def start(release: Release) -> None:
    """Install it, and be the load balancer that helm 3 waits for."""
    release.install(*SETTINGS, wait=False)
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    release.kubectl("patch", "service", "balanced", "--subresource=status", f"--patch={json.dumps(address)}")
    release.wait_until_ready()


def generations(release: Release) -> dict[str, tuple[str, int]]:
    """The uid and the generation of everything that an upgrade could have changed."""
    found = release.get("deployments,services,configmaps,persistentvolumeclaims")["items"]
    return {
        f"{each['kind']}/{each['metadata']['name']}": (each["metadata"]["uid"], each["metadata"]["resourceVersion"])
        for each in found
        # Their status goes on changing.
        if each["kind"] not in ("Deployment", "PersistentVolumeClaim")
    } | {
        f"{each['kind']}/{each['metadata']['name']}": (each["metadata"]["uid"], each["metadata"].get("generation", 0))
        for each in found
        if each["kind"] == "Deployment"
    }


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("helm", HELMS)
def test_what_cannot_change(releases: dict[str, Release], helm: str, case: str) -> None:
    release = releases[helm]
    value, said = CASES[case]
    before = generations(release)
    with pytest.raises(AssertionError, match=said):
        release.upgrade(*SETTINGS, "--set", value, "--set", "first.image.tag=2.0")
    assert generations(release) == before


@pytest.mark.parametrize("helm", HELMS)
def test_values_of_another_build(releases: dict[str, Release], helm: str, tmp_path: Path) -> None:
    """--reuse-values would render the old pipeline with the new chart; --reset-then-reuse-values is what is meant."""
    release = releases[helm]
    before = generations(release)
    old, release.chart = release.chart, build_documents(tmp_path, pipeline(*services(level="2")))
    try:
        with pytest.raises(AssertionError, match=r"--reset-then-reuse-values"):
            release.upgrade("--reuse-values")
        assert generations(release) == before
        release.upgrade("--reset-then-reuse-values")
        (pod,) = release.pods("first")
        assert {"name": "LEVEL", "value": "2"} in pod["spec"]["containers"][0]["env"]
    finally:
        release.chart = old


@pytest.mark.parametrize("helm", HELMS)
def test_values_of_a_service_that_is_gone(helm: str, short_release: Callable[..., Release], tmp_path: Path) -> None:
    """Helm refuses them whole, and a null drops them from the release for good."""
    release = short_release(service("first"), service("second"), helm_path=HELMS[helm])
    release.install("--set", "second.replicas=1", "--set", "first.revisionHistoryLimit=3")
    release.chart = build_documents(tmp_path, pipeline(service("first")))
    with pytest.raises(CommandError, match="additional properties 'second' not allowed"):
        release.upgrade("--reset-then-reuse-values")
    release.upgrade("--reset-then-reuse-values", "--set", "second=null")
    release.upgrade("--reset-then-reuse-values")
    assert json.loads(release.helm("get", "values", release.name, "-o", "json")) == {
        "first": {"revisionHistoryLimit": 3}
    }


@pytest.mark.parametrize("helm", HELMS)
def test_diff_says_it_first(releases: dict[str, Release], helm: str, tmp_path: Path) -> None:
    release = releases[helm]
    for case, (value, said) in CASES.items():
        files = []
        for number, each in enumerate((*AS_INSTALLED, value)):
            path, _, setting = each.partition("=")
            file = tmp_path / f"{case.replace(' ', '-')}-{number}.yaml"
            file.write_text(nested(path.split("."), SPELLED.get(setting, setting)))
            files += ["-f", str(file)]
        words = ["--release", release.name, "-n", release.namespace, str(release.chart), *files]
        done = release.run_nimhelm("diff", *words, HELM=str(release.helm_path))
        if "needs a Service of type" in said:  # wrong in any cluster: neither side can be rendered
            assert done.returncode
            assert said in done.stderr
            continue
        assert " refuses it: " in done.stdout, (said, done)
        assert "1 refused by Kubernetes" in done.stdout, (said, done.stdout)
        if "second-pvc" in said:
            assert "PersistentVolumeClaim/second-pvc: Kubernetes refuses it" in done.stdout
            assert "first: set second.storage.pvc." in done.stdout
        else:
            assert "first: set " in done.stdout, (said, done.stdout)


SPELLED: dict[str, Any] = {"{IPv6}": ["IPv6"], "null": None}
"""What --set reads as something else than a string."""


def nested(keys: list[str], value: Any) -> str:
    """A values file with one value."""
    for key in reversed(keys):
        value = {key: value}
    return json.dumps(value)


def of_the_user(namespace: str, **change: Any) -> list[dict[str, Any]]:
    """Objects that a user adds, of kinds with fields that never change."""
    name, rbac = f"guard-{namespace[-8:]}", "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": change.get("role", "view")}
    subject = {"kind": "ServiceAccount", "name": change.get("subject", "default"), "namespace": namespace}
    size = {"requests": {"storage": change.get("size", "1Gi")}}
    # Of a class that nobody serves: the claim is never bound.
    modes = {"accessModes": [change.get("mode", "ReadWriteOnce")], "resources": size, "storageClassName": "none"}
    given = {key: value for key, value in change.items() if key in ("reclaimPolicy", "type")}
    of_class, of_secret = (
        {key: each for key, each in given.items() if key == one} for one in ("reclaimPolicy", "type")
    )
    objects = [
        {
            "kind": "StorageClass",
            "apiVersion": "storage.k8s.io/v1",
            "provisioner": change.get("provisioner", "a"),
            **of_class,
        },
        {"kind": "PriorityClass", "apiVersion": "scheduling.k8s.io/v1", "value": change.get("value", 1000000)},
        {"kind": "RoleBinding", "apiVersion": f"{rbac}/v1", "roleRef": role, "subjects": [subject]},
        {"kind": "Secret", "apiVersion": "v1", "stringData": {"a": change.get("text", "b")}, **of_secret},
        {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "immutable": True,
            "data": {"a": change.get("fixed", "b")},
            "binaryData": {"b": change.get("bytes", "Yg==")},
        },
        {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "spec": modes},
        {
            "kind": "ResourceQuota",
            "apiVersion": "v1",
            "spec": {"hard": {"pods": change.get("pods", "9")}, "scopes": [change.get("scope", "NotTerminating")]},
        },
        {
            "kind": "PersistentVolume",
            "apiVersion": "v1",
            "spec": {
                "capacity": {"storage": change.get("capacity", "1Gi")},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "bench-none",
                "hostPath": {"path": change.get("folder", "/a")},
            },
        },
        {
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "addressType": change.get("family", "IPv4"),
            "endpoints": [],
        },
        *workloads(**change),
    ]
    return [each | {"metadata": {"name": name}} for each in objects]


def workloads(**change: Any) -> list[dict[str, Any]]:
    """The same of what runs pods, and of what leads to them. No pod of these is ever started."""
    labels = {"app": change.get("label", "a")}
    limits = {"limits": {"cpu": change.get("cpu", "1000m"), "memory": "1024Mi"}}
    main = {"name": "main", "image": f"registry.example.com/a:{change.get('tag', 1)}", "resources": limits}
    pod = {
        "metadata": {"labels": labels},
        "spec": {"schedulingGates": [{"name": "example.com/never"}], "containers": [main]},
    }
    own = {"selector": {"matchLabels": labels}, "template": pod}
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": change.get("data", "1Gi")}}},
    }
    job = {
        **pod,
        "spec": {**pod["spec"], "restartPolicy": "Never", "nodeSelector": {"disk": change.get("disk", "any")}},
    }
    ways = {"policyTypes": ["Ingress"], "podSelector": {"matchLabels": labels}}
    device = {"deviceClassName": change.get("device", "gpu.example.com")}
    claims = {"devices": {"requests": [{"name": "gpu", "exactly": device}]}}
    address = {"clusterIP": change.get("address", "None")}
    port = [{"port": 80, "targetPort": change.get("port", 80)}]
    return [
        {"kind": "Deployment", "apiVersion": "apps/v1", "spec": own},
        {"kind": "StatefulSet", "apiVersion": "apps/v1", "spec": {
            **own, "serviceName": change.get("service", "a"), "volumeClaimTemplates": change.get("claims", [claim]),
            "replicas": change.get("replicas", 0)}},
        {"kind": "Job", "apiVersion": "batch/v1", "spec": {
            "template": job, "suspend": True, "completionMode": "Indexed",
            "completions": change.get("completions", 1), "parallelism": change.get("parallelism", 1)}},
        {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "spec": ways},
        {"kind": "PodDisruptionBudget", "apiVersion": "policy/v1", "spec": {
            "minAvailable": 1, "selector": {"matchLabels": labels}}},
        {"kind": "IngressClass", "apiVersion": "networking.k8s.io/v1", "spec": {
            "controller": change.get("controller", "example.com/a")}},
        {"kind": "ResourceClaimTemplate", "apiVersion": "resource.k8s.io/v1", "spec": {"spec": claims}},
        {"kind": "Service", "apiVersion": "v1", "spec": {**address, "ports": port, "selector": labels}},
    ]  # fmt: skip


# A change -> the kind that Kubernetes refuses, "" for what it allows.
OF_THE_USER: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, ""),
    "what may change": ({"subject": "other", "text": "c", "reclaimPolicy": "Delete", "type": "Opaque"}, ""),
    "provisioner": ({"provisioner": "b"}, "StorageClass"),
    "policy of a class": ({"reclaimPolicy": "Retain"}, "StorageClass"),
    "priority": ({"value": 5}, "PriorityClass"),
    "role": ({"role": "edit"}, "RoleBinding"),
    "type of a secret": ({"type": "example.com/other"}, "Secret"),
    "fixed text": ({"fixed": "c"}, "ConfigMap"),
    "fixed bytes": ({"bytes": "Yw=="}, "ConfigMap"),
    "hard limits and capacity": ({"pods": "8", "capacity": "2Gi"}, ""),
    "scope": ({"scope": "BestEffort"}, "ResourceQuota"),
    "folder": ({"folder": "/b"}, "PersistentVolume"),
    "kind of addresses": ({"family": "FQDN"}, "EndpointSlice"),
    "more runs of an indexed job": ({"completions": 3, "parallelism": 3}, ""),
    "more runs than at a time": ({"completions": 4, "parallelism": 3}, "Job"),
    "nodes of a suspended job": ({"disk": "fast"}, ""),
    "mode of a claim": ({"mode": "ReadWriteMany"}, "PersistentVolumeClaim"),
    "size of a claim": ({"size": "512Mi"}, "PersistentVolumeClaim"),
    "size of a claim that is not bound": ({"size": "2Gi"}, "PersistentVolumeClaim"),
    "how a quantity is written": ({"cpu": "1", "size": "1024Mi", "data": "1024Mi"}, ""),
    "replicas and ports": ({"replicas": 1, "port": 81}, ""),
    "governing service": ({"service": "b"}, "StatefulSet"),
    "claims of a set": ({"data": "2Gi"}, "StatefulSet"),
    "no claims of a set": ({"claims": []}, "StatefulSet"),
    "controller": ({"controller": "example.com/b"}, "IngressClass"),
    "devices": ({"device": "other.example.com"}, "ResourceClaimTemplate"),
    "address": ({"address": "10.96.200.200"}, "Service"),
    "image": ({"tag": 2}, "Job"),
    "labels": ({"label": "b"}, "Deployment"),
}


@pytest.mark.parametrize("helm", HELMS)
def test_objects_of_the_user(helm: str, short_release: Callable[..., Release], tmp_path: Path) -> None:
    release = short_release(service("first"), helm_path=HELMS[helm])
    values = tmp_path / "values.yaml"

    def give(**change: Any) -> tuple[str, str]:
        values.write_text(json.dumps({"extraObjects": of_the_user(release.namespace, **change)}))
        return "-f", str(values)

    release.install(*give(), wait=False)
    for change, kind in OF_THE_USER.values():
        for each in of_the_user(release.namespace, **change):
            server = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
            if each["kind"] == kind:  # the prediction is true
                with pytest.raises(CommandError, match=r"Forbidden|Invalid|immutable|cannot change"):
                    release.kubectl(*server, stdin=json.dumps(each))
        upgrade = partial(release.helm, "upgrade", release.name, str(release.chart), *give(**change))
        if kind:
            with pytest.raises(AssertionError, match=f"the {kind} guard-.* (?:cannot|is immutable)"):
                upgrade()
        else:
            upgrade()
    release.helm("uninstall", release.name)


PORT_BY_HAND = '[{"op":"replace","path":"/spec/ports/0/targetPort","value":9999}]'


def by_hand(release: Release) -> list[tuple[str, str]]:
    """What diff says of changes by hand, when the chart of the release stays as it is: (code, object)."""
    words = ("--release", release.name, "-n", release.namespace, str(release.chart), "-o", "json")
    done = release.run_nimhelm("diff", *words, HELM=str(release.helm_path))
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["changed"] is bool(plan["byHand"])
    return [(each["code"], each["object"]) for each in plan["byHand"]]


@pytest.mark.parametrize("helm", HELMS)
def test_what_was_changed_by_hand(helm: str, short_release: Callable[..., Release]) -> None:
    """Helm 4 stops at it, preflight and diff say so first, and the flag of the step helps. Helm 3 sets it back, as diff says."""
    release = short_release(service("first"), helm_path=HELMS[helm])
    release.install()
    assert "ChangedByHand" not in release.preflight()
    assert by_hand(release) == []
    release.kubectl("set", "image", "deployment/first", "first-ctr=nvcr.io/nim/test/first:by-hand")
    release.kubectl("annotate", "--overwrite", "service/first", "mine=1")
    assert release.preflight().get("ChangedByHand", []) == (["first"] if helm == "helm4" else [])
    assert by_hand(release) == [("refused" if helm == "helm4" else "restart", "Deployment/first")]
    upgrade = partial(release.upgrade, "--set", "first.image.tag=2.0")
    if helm == "helm4":
        with pytest.raises(AssertionError, match='conflict with "kubectl-set"'):
            upgrade()
        upgrade("--force-conflicts")
    else:
        upgrade()
    release.wait_until_ready()
    assert release.get("deployment", "first")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(
        "first:2.0"
    )


@pytest.mark.parametrize("helm", HELMS)
def test_an_upgrade_sets_back_what_diff_names(helm: str, short_release: Callable[..., Release]) -> None:
    """Replicas, a port and labels of objects that helm 3 sets back and helm 4 takes back when it is told to."""
    release = short_release(service("first"), helm_path=HELMS[helm])
    release.install()
    release.kubectl("scale", "deployment/first", "--replicas=2")
    release.kubectl("patch", "service", "first", "--type=json", "-p", PORT_BY_HAND)
    release.kubectl("label", "--overwrite", "serviceaccount/first", "app.kubernetes.io/part-of=other")
    code = "refused" if helm == "helm4" else "setBack"
    objects = ["Deployment/first", "Service/first", "ServiceAccount/first"]
    assert sorted(by_hand(release)) == [(code, each) for each in objects]
    release.upgrade(*(["--force-conflicts"] if helm == "helm4" else []))
    assert by_hand(release) == []
    assert release.get("deployment", "first")["spec"]["replicas"] == 1
    assert release.get("service", "first")["spec"]["ports"][0]["targetPort"] != 9999
