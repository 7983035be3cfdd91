"""What preflight says before an install, and the install that shows whether it was right.

Each case is installed twice: in a namespace where preflight must say × with its code and the install must not come up, and in one
where the cause is fixed, preflight has no objection and the install becomes Ready. All run at once.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import make_namespace, remove_namespace
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, build_documents, in_parallel, nimhelm, pipeline, service

Objects = tuple[dict[str, Any], ...]
NAME = "demo"


def made(kind: str, name: str, version: str = "v1", **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **fields}


def variable(**source: dict[str, str]) -> dict[str, Any]:
    return {"env": [{"name": "EXTRA", "valueFrom": source}, {"name": "STANDIN_READY_AFTER", "value": "1"}]}


def claim(name: str, of_class: str) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": of_class,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return made("PersistentVolumeClaim", name, spec=spec)


def quota(**hard: str) -> dict[str, Any]:
    return made("ResourceQuota", "team", spec={"hard": {key.replace("__", "."): value for key, value in hard.items()}})


def limits(**item: Any) -> dict[str, Any]:
    return made("LimitRange", "team", spec={"limits": [{"type": "Container", **item}]})


def stored(of_class: str, mode: str = "ReadWriteOnce") -> dict[str, Any]:
    pvc = {"create": True, "size": "1Gi", "storageClass": of_class, "volumeAccessMode": mode}
    return {"storage": {"pvc": pvc}}


@dataclass(frozen=True)
class Case:
    """`spec` is of the service; `objects` are in its namespace before, `sets` are values; the fixed ones are for what holds.

    `before` readies the namespace, given also the chart and whether it is the one that fails.

    `way` is how the install fails: helm refuses, no pods are made, or pods do not start. `warned`: preflight only warns of it.
    """

    code: str
    way: str
    spec: dict[str, Any] = field(default_factory=dict)
    objects: Objects = ()
    labels: dict[str, str] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    mended: dict[str, Any] | None = None
    mended_objects: Objects = ()
    mended_sets: tuple[str, ...] = ()
    more: tuple[dict[str, Any], ...] = ()
    before: Callable[[Cluster, str, Path, bool], object] | None = None
    warned: bool = False


REFUSED, NO_PODS, NOT_STARTED = "helm refuses", "no pods", "not started"
HELD_BACK = {"CreateContainerConfigError", "ErrImagePull", "ImagePullBackOff"}
MEMORY = {"resources": {"requests": {"memory": "1Gi"}}}
SELECTED = {"nodeSelector": {"kubernetes.io/os": "linux"}}
SECRET = variable(secretKeyRef={"name": "extra", "key": "token"})
TEXTS = variable(configMapKeyRef={"name": "extra", "key": "text"})
METRICS = {"metrics": {"enabled": True, "serviceMonitor": {"interval": "30s"}}}
GATED = (service("after", "llm"),)

CASES = {
    "secret": Case("SecretMissing", NOT_STARTED, SECRET, mended_objects=(made("Secret", "extra", stringData={"token": "x"}),)),
    "key": Case(
        "SecretKeyMissing",
        NOT_STARTED,
        SECRET,
        objects=(made("Secret", "extra", stringData={"other": "x"}),),
        mended_objects=(made("Secret", "extra", stringData={"token": "x"}),),
    ),
    "configmap": Case("ConfigMapMissing", NOT_STARTED, TEXTS, mended_objects=(made("ConfigMap", "extra", data={"text": "x"}),)),
    "storage class": Case("StorageClassMissing", NOT_STARTED, stored("absent"), mended=stored("bench-hostpath")),
    "claim": Case(
        "ClaimMissing",
        NOT_STARTED,
        {"storage": {"pvc": {"name": "models"}}},
        mended_objects=(claim("models", "bench-hostpath"),),
    ),
    "unbound": Case(
        "ClaimUnbound",
        NOT_STARTED,
        {"storage": {"pvc": {"name": "models"}}},
        objects=(claim("models", "bench-none"),),
        mended_objects=(claim("models", "bench-hostpath"),),
    ),
    "access mode": Case("AccessMode", NOT_STARTED, stored("preflight-ebs", "ReadWriteMany"), mended=stored("bench-hostpath")),
    "too many GPUs": Case("GPUTooMany", NOT_STARTED, {"resources": {"limits": {"nvidia.com/gpu": 9999}}}, mended={}),
    "no such GPU": Case("NoGPUNode", NOT_STARTED, {"resources": {"limits": {"nvidia.com/mig-7g.80gb": 1}}}, mended={}),
    "memory": Case("Insufficient", NOT_STARTED, {"resources": {"requests": {"memory": "90Ti"}}}, mended=MEMORY),
    "selector": Case("NodeSelector", NOT_STARTED, {"nodeSelector": {"absent": "yes"}}, mended=SELECTED),
    "runtime class": Case("RuntimeClassMissing", NO_PODS, {"runtimeClassName": "absent"}, mended={}),
    "pod security": Case(
        "PodSecurity",
        NO_PODS,
        labels={"pod-security.kubernetes.io/enforce": "restricted"},
        mended={"userID": 1000},
        mended_sets=("global.nimhelm.restricted=true",),
    ),
    "limit range": Case(
        "LimitRange", NO_PODS, MEMORY, objects=(limits(max={"memory": "512Mi"}, default={"memory": "256Mi"}),),
        mended_objects=(limits(max={"memory": "2Gi"}, default={"memory": "2Gi"}),),
    ),
    "quota of pods": Case("QuotaExceeded", NO_PODS, objects=(quota(pods="0"),), mended_objects=(quota(pods="5"),)),
    "quota with gates": Case(
        "QuotaNeedsLimits", NO_PODS, objects=(quota(limits__cpu="8"),), more=GATED,
        mended_objects=(quota(limits__cpu="8"), limits(default={"cpu": "1"}, defaultRequest={"cpu": "10m"})),
    ),
    "quota of storage": Case(
        "QuotaExceeded", REFUSED, stored("bench-hostpath"), objects=(quota(requests__storage="500Mi"),),
        mended_objects=(quota(requests__storage="2Gi"),),
    ),
    "name": Case("NameTaken", REFUSED, objects=(made("Service", "llm", spec={"ports": [{"port": 80}]}),)),
    "kind": Case("APIMissing", REFUSED, METRICS, mended_sets=("global.nimhelm.skipMissingKinds=true",)),
    "policy": Case("AdmissionPolicy", REFUSED, labels={"nimhelm.dev/preflight-test": "policy"}),
}  # fmt: skip

POLICY = made(
    "ValidatingAdmissionPolicy",
    "preflight-test",
    "admissionregistration.k8s.io/v1",
    spec={
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
            ]
        },
        "validations": [{"expression": "has(object.metadata.labels.team)", "message": "label team is required"}],
    },
)
BINDING = made(
    "ValidatingAdmissionPolicyBinding",
    "preflight-test",
    "admissionregistration.k8s.io/v1",
    spec={
        "policyName": "preflight-test",
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchLabels": {"nimhelm.dev/preflight-test": "policy"}}},
    },
)
EBS = made("StorageClass", "preflight-ebs", "storage.k8s.io/v1", provisioner="ebs.csi.aws.com")


@dataclass
class Outcome:
    """What preflight said, what of its reading steps failed when pasted, and what became of the install."""

    exit_code: int
    checks: list[dict[str, Any]]
    came_up: bool
    way: str
    unread: str = ""

    def failing(self) -> list[str]:
        return [check["code"] for check in self.checks if check["level"] == "fails"]

    def assert_failed_as_said(self, case: Case) -> None:
        """Preflight named the cause, or warned of it, and the install failed: that way, unless no way was seen in time."""
        said = [check for check in self.checks if check["code"] == case.code]
        assert said, [check["code"] for check in self.checks if check["code"]]
        assert all(check["effect"] and check["next"] for check in said)
        assert (case.code in self.failing(), self.exit_code) == (not case.warned, 0 if case.warned else 1)
        assert not self.came_up
        assert self.way in (case.way, "")
        assert self.unread == ""

    def assert_came_up_as_said(self) -> None:
        """Preflight had nothing against the install, and it came up."""
        assert (self.failing(), self.exit_code, self.came_up) == ([], 0, True)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Iterator[None]:
    """Objects of the cluster that cases need."""
    cluster.apply(POLICY, BINDING, EBS)
    yield
    for each in (BINDING, POLICY, EBS):
        cluster.kubectl("delete", each["kind"], each["metadata"]["name"], "--wait=false", check=False)


@pytest.fixture(scope="module")
def outcomes(
    cluster: Cluster, shared: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, bool], Outcome]]:
    yield from outcomes_of(cluster, CASES, tmp_path_factory)


def outcomes_of(
    cluster: Cluster, cases: dict[str, Case], folders: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, bool], Outcome]]:
    """All cases with and without their cause, at once."""
    keys = [(name, broken) for name in cases for broken in (True, False)]
    namespaces = dict(zip(keys, in_parallel([partial(make_namespace, cluster) for _ in keys]), strict=True))
    calls = [partial(outcome, cluster, cases[key[0]], key[1], namespaces[key], folders.mktemp("case")) for key in keys]
    yield dict(zip(keys, in_parallel(calls), strict=True))
    in_parallel([partial(remove_namespace, cluster, each) for each in namespaces.values()])


def outcome(cluster: Cluster, case: Case, broken: bool, namespace: str, folder: Path) -> Outcome:
    spec = case.spec if broken or case.mended is None else case.mended
    llm = service("llm")
    llm["spec"] |= spec
    chart = build_documents(folder, pipeline(llm, *case.more))
    if objects := case.objects if broken else case.mended_objects:
        cluster.apply(*objects, namespace=namespace)
    if case.labels and (broken or case.mended_sets):
        cluster.kubectl("label", "namespace", namespace, *(f"{key}={value}" for key, value in case.labels.items()))
    if case.before:
        case.before(cluster, namespace, chart, broken)
    wait_until_settled(cluster, namespace, objects)
    sets = [word for value in (case.sets if broken else case.mended_sets) for word in ("--set", value)]
    exit_code, checks = preflight(cluster, chart, namespace, *sets)
    unread = "".join(pasted(cluster, chart, each["next"]) for each in checks if each["level"] == "fails")
    helm = HELM3 if len(namespace) % 2 else HELM4
    arguments = ("install", NAME, str(chart), "-n", namespace, *sets)
    done = subprocess.run([str(helm), *arguments], env=cluster.env, capture_output=True, text=True, check=False)
    if done.returncode:
        return Outcome(exit_code, checks, False, REFUSED, unread)
    came_up, way = watched(cluster, namespace, broken, 2 if case.more else 1)
    return Outcome(exit_code, checks, came_up, way, unread)


def pasted(cluster: Cluster, chart: Path, step: str) -> str:
    """What a step that only reads complains about, "" if it does not. `helm template` may fail on what is to be seen."""
    if not re.match(r"kubectl (?:get|describe|auth|explain) |helm (?:status|show|history) ", step):
        return ""
    env = cluster.env | {"PATH": f"{HELM4.parent}:{cluster.env['PATH']}"}
    done = subprocess.run(["bash", "-c", step], cwd=chart.parent, env=env, capture_output=True, text=True, check=False)
    return f"{step}: {done.stderr}" if done.returncode else ""


def wait_until_settled(cluster: Cluster, namespace: str, objects: Objects) -> None:
    """Quotas are counted and claims are bound by controllers."""
    for each in objects:
        kind, name = each["kind"], each["metadata"]["name"]
        if kind == "ResourceQuota":
            wait_until(
                lambda name=name: cluster.get("resourcequota", name, namespace=namespace).get("status", {}).get("hard")
            )
        if kind == "PersistentVolumeClaim" and each["spec"]["storageClassName"] == "bench-hostpath":
            wait_until(lambda name=name: cluster.get("pvc", name, namespace=namespace)["status"]["phase"] == "Bound")


def preflight(
    cluster: Cluster, chart: Path, namespace: str, *options: str, env: dict[str, str] | None = None
) -> tuple[int, Any]:
    command = nimhelm(
        "preflight", str(chart), "-n", namespace, "--release", NAME, "-o", "json", "--request-timeout", "60s", *options
    )
    environment = cluster.env | {"HELM": str(HELM4)} | (env or {})
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)["checks"]


def watched(cluster: Cluster, namespace: str, broken: bool, services: int) -> tuple[bool, str]:
    """(whether every Deployment came up, how it did not): a failure must last for some seconds."""

    def up() -> bool:
        found = cluster.get("deployments", namespace=namespace)["items"]
        return len(found) == services and all(
            each.get("status", {}).get("readyReplicas", 0) >= each["spec"].get("replicas", 1) > 0 for each in found
        )

    if not broken:
        try:
            return bool(wait_until(up, 120)), ""
        except AssertionError:  # of one case, which its own test reports
            return False, ""

    def failing() -> str:
        deployments = cluster.get("deployments", namespace=namespace)["items"]
        conditions = [each for deployment in deployments for each in deployment.get("status", {}).get("conditions", [])]
        if any(each["type"] == "ReplicaFailure" and each["status"] == "True" for each in conditions):
            return NO_PODS
        if any(each.get("reason") == "ReplicaSetCreateError" for each in conditions):
            return NO_PODS
        pods = cluster.get("pods", namespace=namespace)["items"]
        conditions = [each for pod in pods for each in pod.get("status", {}).get("conditions", [])]
        unplaced = any(each["type"] == "PodScheduled" and each["status"] == "False" for each in conditions)
        statuses = [each for pod in pods for each in pod.get("status", {}).get("containerStatuses", [])]
        reasons = {each.get("state", {}).get("waiting", {}).get("reason") for each in statuses}
        return NOT_STARTED if unplaced or reasons & HELD_BACK else ""

    try:
        way = wait_until(failing, 60)
    except AssertionError:  # of one case, which its own test reports
        way = ""
    return up(), way


def predictions(cases: dict[str, Case]) -> tuple[Callable[..., None], Callable[..., None]]:
    """The two tests of a table of cases, for a module that has their outcomes as a fixture."""

    @pytest.mark.parametrize("name", cases)
    def fails(name: str, outcomes: dict[tuple[str, bool], Outcome]) -> None:
        outcomes[name, True].assert_failed_as_said(cases[name])

    @pytest.mark.parametrize("name", cases)
    def comes_up(name: str, outcomes: dict[tuple[str, bool], Outcome]) -> None:
        outcomes[name, False].assert_came_up_as_said()

    return fails, comes_up


test_it_fails_as_preflight_says, test_it_comes_up_where_preflight_has_nothing_against_it = predictions(CASES)


def test_gpus_that_others_hold(cluster: Cluster, new_namespace: Callable[[], str], tmp_path: Path) -> None:
    """One GPU in use makes a pod that asks for all of them wait."""
    all_gpus = int(cluster.get("nodes")["items"][0]["status"]["allocatable"]["nvidia.com/gpu"])
    holder, waiting = new_namespace(), new_namespace()
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    container = {"name": "holder", "image": "nvcr.io/nim/test/holder:1.0", "resources": resources}
    cluster.apply(made("Pod", "holder", spec={"containers": [container]}), namespace=holder)
    wait_until(lambda: cluster.get("pod", "holder", namespace=holder)["spec"].get("nodeName"))
    chart = build_documents(tmp_path, pipeline(service("llm", resources={"limits": {"nvidia.com/gpu": all_gpus}})))
    code, checks = preflight(cluster, chart, waiting)
    assert (code, [check["code"] for check in checks if check["level"] == "fails"]) == (1, ["InsufficientGPU"])
    cluster.run(str(HELM4), "install", NAME, str(chart), "-n", waiting)
    assert watched(cluster, waiting, True, 1) == (False, NOT_STARTED)


def test_a_new_pod_beside_the_old_one(cluster: Cluster, new_namespace: Callable[[], str], tmp_path: Path) -> None:
    """A strategy that keeps the old pod needs room for both. The chart's own does not, nor does a template that stays."""
    all_gpus = int(cluster.get("nodes")["items"][0]["status"]["allocatable"]["nvidia.com/gpu"])
    namespace = new_namespace()
    chart = build_documents(tmp_path, pipeline(service("llm", resources={"limits": {"nvidia.com/gpu": all_gpus}})))
    helm = [str(HELM4), "upgrade", "--install", NAME, str(chart), "-n", namespace]
    cluster.run(*helm, "--wait", "--timeout", "2m")
    rolling = "llm.updateStrategy.rollingUpdate"
    kept = values(
        **{"llm.updateStrategy.type": "RollingUpdate", f"{rolling}.maxUnavailable": 0, f"{rolling}.maxSurge": 1}
    )
    changed = values(**{"llm.podTemplate.spec.terminationGracePeriodSeconds": 40})
    for words in (kept, changed):
        assert preflight(cluster, chart, namespace, *words)[0] == 0
        cluster.run(*helm, *words, "--wait", "--timeout", "2m")
    changed = values(**{"llm.podTemplate.spec.terminationGracePeriodSeconds": 50})
    code, checks = preflight(cluster, chart, namespace, *kept, *changed)
    assert (code, [check["code"] for check in checks if check["level"] == "fails"]) == (1, ["InsufficientGPU"])
    cluster.run(*helm, *kept, *changed)

    def phases() -> list[str]:
        return sorted(each["status"]["phase"] for each in cluster.get("pods", namespace=namespace)["items"])

    wait_until(lambda: phases() == ["Pending", "Running"])
    cluster.run("sleep", "10")
    assert phases() == ["Pending", "Running"]


def values(**given: object) -> list[str]:
    return [word for key, value in given.items() for word in ("--set", f"{key}={value}")]


def test_an_interrupted_install_is_found(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    chart = build_documents(tmp_path, pipeline(service("llm", ready_after="never")))
    arguments = [str(HELM4), "install", NAME, str(chart), "-n", namespace, "--wait", "--timeout", "5m"]
    with subprocess.Popen(arguments, env=cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as helm:
        wait_until(lambda: cluster.get("deployments", namespace=namespace)["items"])
        helm.send_signal(signal.SIGKILL)
    code, checks = preflight(cluster, chart, namespace)
    assert code == 1
    (pending,) = [check for check in checks if check["code"] == "ReleasePending"]
    refused = subprocess.run(
        [*arguments[:1], "upgrade", *arguments[2:]], env=cluster.env, capture_output=True, text=True, check=False
    )
    assert refused.returncode
    assert "another operation" in refused.stderr
    cluster.run("sh", "-c", pending["next"].replace("helm ", f"{HELM4} ", 1))
    code, checks = preflight(cluster, chart, namespace)
    assert code == 0, [check for check in checks if check["level"] == "fails"]


def test_nothing_is_written(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    chart = build_documents(tmp_path, pipeline(service("llm", **stored("bench-hostpath"))))
    kinds = "deployments,services,pods,serviceaccounts,configmaps,secrets,pvc,roles,rolebindings,events"
    before = cluster.kubectl("get", kinds, "-o", "name", namespace=namespace)
    preflight(cluster, chart, namespace)
    assert cluster.kubectl("get", kinds, "-o", "name", namespace=namespace) == before
