"""Installs in namespaces that give a team little: its admin's rights, Pod Security, bounds, quotas and policies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, INSTALL_TIMEOUT, ROOT, Release, build, put_up, service

EXAMPLES = ROOT / "examples"
HELMS = {"helm3": HELM3, "helm4": HELM4}
RESOURCES = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "128Mi"}}
HELPERS = ("--set-json", f"global.nimhelm.helperResources={json.dumps(RESOURCES)}")
EVERY_CONTAINER = "(object.spec.containers + object.spec.?initContainers.orValue([]))"
HELPERS_ONLY = "object.spec.?initContainers.orValue([]).filter(c, c.name.startsWith('wait-'))"


def two_services() -> tuple[dict[str, Any], dict[str, Any]]:
    """One that waits for another, both with requests and limits."""
    return service("embedding", resources=RESOURCES), service("llm", "embedding", resources=RESOURCES)


@pytest.fixture
def policy(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Denies the pods, or objects, of one namespace for which one of the expressions is false; gone after the test."""
    made: list[str] = []

    def make(namespace: str, *expressions: str, resources: tuple[str, ...] = ("pods",)) -> None:
        kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
        name = f"{namespace}-{len(made)}"
        metadata = {"metadata": {"name": name}}
        where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
        created = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": list(resources)}
        spec = {
            "matchConstraints": where | {"resourceRules": [created]},
            "validations": [{"expression": each} for each in expressions],
        }
        binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
        cluster.apply(
            kind | metadata | {"kind": "ValidatingAdmissionPolicy", "spec": spec},
            kind | metadata | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
        )
        made.append(name)
        bad = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}}
        bad["spec"] = {"containers": [{"name": "bad", "image": "busybox:latest"}], "securityContext": {"runAsUser": 1}}
        # A policy takes effect some moments after it is made.
        wait_until(lambda: is_refused(cluster, namespace, bad), what=f"the policy of {namespace}")

    yield make
    for name in made:
        kinds = "validatingadmissionpolicybinding,validatingadmissionpolicy"
        cluster.kubectl("delete", kinds, name, "--wait=false", check=False)


def is_refused(cluster: Cluster, namespace: str, pod: dict[str, Any]) -> bool:
    """Whether the API server refuses a pod."""
    command = ("create", "--dry-run=server", "-o", "name", "-f", "-")
    return not cluster.kubectl(*command, namespace=namespace, stdin=json.dumps(pod), check=False)


@pytest.mark.parametrize("helm", HELMS)
def test_namespace_admin_installs(short_release: Callable[..., Release], helm: str) -> None:
    ingress = {"router": {"hostDomainName": "example.com", "ingress": {"ingressClass": "none"}}}
    release = short_release(service("embedding"), service("llm", "embedding", expose=ingress), helm_path=HELMS[helm])
    binding = ("create", "rolebinding", "team", "--clusterrole=admin", "--user=team")
    release.kubectl(*binding)
    # The user may do nothing outside the namespace.
    assert release.kubectl("auth", "can-i", "create", "namespaces", "--as=team", check=False).strip() == "no"
    put_up(release, "--kube-as-user=team")
    assert release.order_violations() == []


def test_pod_security_restricted(short_release: Callable[..., Release]) -> None:
    release = short_release(*two_services())
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")]
    release.cluster.kubectl("label", "namespace", release.namespace, *levels)
    put_up(release, "--set=global.nimhelm.restricted=true")


@pytest.mark.parametrize(
    "limits",
    [
        {"min": {"cpu": "50m", "memory": "64Mi"}},
        {"max": {"cpu": "100m", "memory": "128Mi"}},
        {"maxLimitRequestRatio": {"cpu": "2", "memory": "2"}},
    ],
    ids=["min", "max", "ratio"],
)
def test_limit_range(short_release: Callable[..., Release], limits: dict[str, Any]) -> None:
    release = short_release(*two_services())
    spec = {"limits": [{"type": "Container", **limits}]}
    bounds = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "bounds"}, "spec": spec}
    release.cluster.apply(bounds, namespace=release.namespace)
    put_up(release, *HELPERS)


def test_quota_on_everything(short_release: Callable[..., Release]) -> None:
    release = short_release(*two_services())
    amounts = {"requests.cpu": "1", "limits.cpu": "1", "requests.memory": "1Gi", "limits.memory": "1Gi"}
    hard = amounts | {"requests.nvidia.com/gpu": "1", "persistentvolumeclaims": "1", "requests.storage": "1Gi"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": hard}}
    release.cluster.apply(quota, namespace=release.namespace)
    put_up(release, *HELPERS)


def test_policy_of_a_platform_team(short_release: Callable[..., Release], policy: Callable[..., None]) -> None:
    """What the chart adds has limits and a read-only root; nothing is `latest`, and each pod has the team's label."""
    release = short_release(*two_services())
    policy(
        release.namespace,
        "object.metadata.?labels.team.orValue('') == 'ml'",
        f"{EVERY_CONTAINER}.all(c, has(c.resources.limits) && !c.image.endsWith(':latest') && c.image.contains(':'))",
        f"{HELPERS_ONLY}.all(c, c.?securityContext.readOnlyRootFilesystem.orValue(false))",
        "object.spec.?automountServiceAccountToken.orValue(true) == false",
        "object.spec.containers.all(c, has(c.readinessProbe))",
    )
    put_up(release, "--set=global.nimhelm.commonLabels.team=ml", *HELPERS)


LIMITED = {each: {**amounts, "ephemeral-storage": "64Mi"} for each, amounts in RESOURCES.items()}
BASELINE = (
    "['name', 'instance', 'managed-by', 'part-of'].all(l, ('app.kubernetes.io/' + l) in object.metadata.?labels.orValue({}))",
    "object.metadata.?annotations.owner.orValue('') == 'ml'",
    "object.spec.?priorityClassName.orValue('') == 'system-node-critical'",
    "object.spec.serviceAccountName != 'default'",
    "object.spec.?automountServiceAccountToken.orValue(true) == false",
    "!object.spec.?hostNetwork.orValue(false) && object.spec.?volumes.orValue([]).all(v, !has(v.hostPath))",
    "object.spec.?volumes.orValue([]).all(v, !has(v.emptyDir) || has(v.emptyDir.sizeLimit))",
    "object.spec.containers.all(c, has(c.livenessProbe) && has(c.readinessProbe) && c.livenessProbe != c.readinessProbe)",
    *(
        f"{EVERY_CONTAINER}.all(c, {each})"
        for each in (
            "['cpu', 'memory', 'ephemeral-storage'].all(r, r in c.resources.?limits.orValue({}))",
            "['cpu', 'memory', 'ephemeral-storage'].all(r, r in c.resources.?requests.orValue({}))",
            "c.?securityContext.readOnlyRootFilesystem.orValue(false)",
            "c.?securityContext.allowPrivilegeEscalation.orValue(true) == false",
            "c.?securityContext.capabilities.drop.orValue([]).exists(d, d == 'ALL')",
            "c.?securityContext.runAsNonRoot.orValue(object.spec.?securityContext.runAsNonRoot.orValue(false))",
            "[c, object.spec].exists(o, o.?securityContext.seccompProfile.type.orValue('') == 'RuntimeDefault')",
            "c.imagePullPolicy == 'Always' && c.image.contains(':') && !c.image.endsWith(':latest')",
        )
    ),
)
"""What a baseline of Kyverno or Gatekeeper asks of every pod."""


@pytest.mark.parametrize("helm", HELMS)
def test_baseline_of_a_policy_engine(
    short_release: Callable[..., Release], policy: Callable[..., None], helm: str
) -> None:
    """Gates, pre-pulls and the check of `helm test` keep to it as well as the services."""
    release = short_release(*two_services(), helm_path=HELMS[helm])
    release.kubectl("create", "serviceaccount", "team")
    policy(release.namespace, *BASELINE)
    fields = {"priorityClassName": "system-node-critical", "serviceAccountName": "team"}
    shared = {
        "commonLabels": {f"app.kubernetes.io/{each}": "ml" for each in ("name", "managed-by", "part-of")},
        "commonAnnotations": {"owner": "ml"},
        "helperResources": LIMITED,
        "podTemplate": {"spec": fields},
        "prePull": True,
        "restricted": True,
        "waitImagePullPolicy": "Always",
    }
    own = {
        "image": {"pullPolicy": "Always"},
        "livenessProbe": {"enabled": True},
        "resources": LIMITED,
        "securityContext": {"readOnlyRootFilesystem": True},
        "storage": {"emptyDir": {"sizeLimit": "1Gi"}, "sharedMemorySizeLimit": "64Mi"},
    }
    values = {"global": {"nimhelm": shared}, "embedding": own, "llm": own}
    put_up(release, *(f"--set-json={key}={json.dumps(value)}" for key, value in values.items()))
    release.helm("test", release.name)


@pytest.mark.parametrize("helm", HELMS)
def test_fields_of_every_pod(short_release: Callable[..., Release], policy: Callable[..., None], helm: str) -> None:
    """A policy that wants a priority class and an account of the team's, of the check of `helm test` as well."""
    release = short_release(*two_services(), helm_path=HELMS[helm])
    release.kubectl("create", "serviceaccount", "team")
    policy(
        release.namespace,
        "object.spec.?priorityClassName.orValue('') == 'system-node-critical'",
        "object.spec.serviceAccountName != 'default'",
    )
    settings = {"priorityClassName": "system-node-critical", "serviceAccountName": "team"}
    put_up(release, f"--set-json=global.nimhelm.podTemplate.spec={json.dumps(settings)}")
    release.helm("test", release.name)
    release.upgrade('--set-json=global.nimhelm.podTemplate.spec={"priorityClassName":"system-node-critical"}')
    with pytest.raises(AssertionError, match="denied"):  # the check has no account of its own
        release.helm("test", release.name)


def test_users_of_the_namespace_only(short_release: Callable[..., Release], policy: Callable[..., None]) -> None:
    """The policy refuses what OpenShift's restricted-v2 refuses: users and groups that the namespace did not give."""
    release = short_release(*two_services())
    users = ("runAsUser", "runAsGroup", "fsGroup")
    pod = [f"!has(object.spec.securityContext.{each})" for each in users]
    containers = [f"{EVERY_CONTAINER}.all(c, !has(c.securityContext.{each}))" for each in users[:2]]
    policy(
        release.namespace,
        f"!has(object.spec.securityContext) || ({' && '.join(pod)})",
        *(each.replace("!has(c", "!has(c.securityContext) || !has(c") for each in containers),
    )
    # OpenShift would choose a user now; here the images of the gates have none but root, so these pods only get in.
    release.install("--set=global.nimhelm.openshift=restricted", wait=False)
    wait_until(lambda: len(release.pods()) == 2, what="two pods that were let in")


GPU = {
    "requests": {**RESOURCES["requests"], "nvidia.com/gpu": "1"},
    "limits": {**RESOURCES["limits"], "nvidia.com/gpu": "1"},
}


def bounded(kind: str, **spec: Any) -> dict[str, Any]:
    """An object that bounds a namespace."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "team"}, "spec": spec}


def test_quota_on_gpus_and_claims(short_release: Callable[..., Release]) -> None:
    stored = {"pvc": {"create": True, "size": "1Gi", "storageClass": "bench-hostpath"}}
    release = short_release(service("llm", resources=GPU, storage=stored))
    hard = {"requests.nvidia.com/gpu": "1", "persistentvolumeclaims": "1", "requests.storage": "1Gi"}
    release.cluster.apply(bounded("ResourceQuota", hard=hard), namespace=release.namespace)
    assert not {"QuotaExceeded", "QuotaNeedsLimits"} & set(release.preflight())
    put_up(release)
    used = release.get("resourcequota", "team")["status"]["used"]
    assert used == hard


@pytest.mark.parametrize("helm", HELMS)
def test_quota_of_what_the_release_needs(short_release: Callable[..., Release], tmp_path: Path, helm: str) -> None:
    """Nothing is left over, so that an upgrade has room where the old pods were alone; preflight foretells both."""
    stored = {"pvc": {"create": True, "size": "1Gi", "storageClass": "bench-hostpath"}}
    services = service("embedding", resources=GPU, storage=stored), service("llm", "embedding", resources=GPU)
    release = short_release(*services, helm_path=HELMS[helm])
    hard = {
        **{"requests.cpu": "100m", "limits.cpu": "200m", "requests.memory": "128Mi", "limits.memory": "256Mi"},
        **{"requests.nvidia.com/gpu": "2", "persistentvolumeclaims": "1", "requests.storage": "1Gi", "pods": "2"},
        **{"count/deployments.apps": "2", "count/jobs.batch": "0", "services": "4", "configmaps": "3"},
    }
    (tmp_path / "values.json").write_text(json.dumps({"global": {"nimhelm": {"helperResources": RESOURCES}}}))
    helpers = ("-f", str(tmp_path / "values.json"))
    release.cluster.apply(bounded("ResourceQuota", hard=hard), namespace=release.namespace)
    assert release.preflight(*helpers) == {}
    put_up(release, *helpers)
    used = release.get("resourcequota", "team")["status"]["used"]
    assert used == hard
    for changed in ("embedding", "llm"):
        options = (*helpers, f"--set={changed}.extraEnv.A=b")
        assert release.preflight(*options) == {}
        release.upgrade(*options)
        release.wait_until_ready()
    more = (*helpers, "--set=llm.replicas=2")
    assert set(release.preflight(*more)) == {"QuotaExceeded"}


def test_claim_of_a_release_that_is_gone(short_release: Callable[..., Release]) -> None:
    """Another release takes it over by the step of preflight, which leaves the claim of a release that runs alone."""
    stored = {"pvc": {"create": True, "size": "1Gi", "storageClass": "bench-hostpath"}}
    release = short_release(service("llm", storage=stored))
    put_up(release)
    other = replace(release, name="other")

    def follow() -> None:
        command = ("preflight", str(other.chart), "-n", other.namespace, "--release", other.name, "-o", "json")
        checks = json.loads(other.run_nimhelm(*command, HELM=str(HELM4)).stdout)["checks"]
        (step,) = [each["next"] for each in checks if "llm-pvc exists" in each["text"]]
        path = f"{HELM4.parent}:{other.cluster.env['PATH']}"
        other.cluster.run("env", f"PATH={path}", "sh", "-c", step)

    follow()
    assert "NameTaken" in other.preflight()
    release.helm("uninstall", release.name, "--wait")
    assert other.preflight() == {"NameTaken": ["llm"]}
    follow()
    put_up(other)


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (bounded("LimitRange", limits=[{"type": "Container", "min": {"cpu": "50m", "memory": "64Mi"}}]), "LimitRange"),
        (bounded("LimitRange", limits=[{"type": "Container", "maxLimitRequestRatio": {"memory": "2"}}]), "LimitRange"),
        (bounded("ResourceQuota", hard={"requests.nvidia.com/gpu": "0"}), "QuotaExceeded"),
        (bounded("ResourceQuota", hard={"limits.cpu": "4"}), "QuotaNeedsLimits"),
        (None, "PodSecurity"),
    ],
    ids=["min", "ratio", "gpus", "limits", "restricted"],
)
def test_refused_without_the_value(
    short_release: Callable[..., Release], bounds: dict[str, Any] | None, code: str
) -> None:
    """The same kind of chart with the values that it has: preflight predicts that no pod is let in, and none is."""
    resources = {"limits": {"nvidia.com/gpu": "1"}} if code in ("QuotaExceeded", "QuotaNeedsLimits") else RESOURCES
    release = short_release(service("embedding"), service("llm", "embedding", resources=resources))
    if bounds:
        release.cluster.apply(bounds, namespace=release.namespace)
    else:
        release.cluster.kubectl(
            "label", "namespace", release.namespace, "pod-security.kubernetes.io/enforce=restricted"
        )
    assert "llm" in release.preflight().get(code, ())
    release.install(wait=False)
    refused = "involvedObject.kind=ReplicaSet,reason=FailedCreate"
    wait_until(
        lambda: [
            each for each in release.get("events", f"--field-selector={refused}")["items"] if "llm" in each["message"]
        ],
        what="a pod of llm that is refused",
    )
    assert release.pods("llm") == []


TEAM = {"team": "ml", "cost-center": "7"}
OBJECTS = (
    *("pods", "services", "persistentvolumeclaims", "configmaps", "secrets", "serviceaccounts", "deployments"),
    *("replicasets", "jobs", "networkpolicies"),
)
STRICT = (
    f"{EVERY_CONTAINER}.all(c, ['cpu', 'memory'].all(r, r in c.resources.?limits.orValue({{}})))",
    f"{EVERY_CONTAINER}.all(c, c.image.contains(':') && !c.image.endsWith(':latest'))",
    "object.spec.?initContainers.orValue([]).all(c, c.?securityContext.readOnlyRootFilesystem.orValue(false))",
    "object.spec.?automountServiceAccountToken.orValue(true) == false",
)


def admin_of(release: Release, folder: Path) -> Release:
    """The same release in the hands of an account that is admin of the namespace, and nothing else."""
    release.kubectl("create", "serviceaccount", "team")
    release.kubectl(
        "create", "rolebinding", "team", "--clusterrole=admin", f"--serviceaccount={release.namespace}:team"
    )
    config = json.loads(release.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    config["users"][0]["user"] = {"token": release.kubectl("create", "token", "team").strip()}
    (folder / "kubeconfig").write_text(json.dumps(config))
    return replace(release, cluster=replace(release.cluster, kubeconfig=folder / "kubeconfig"))


def amounts(gpus: int = 0) -> dict[str, dict[str, str]]:
    """Requests and limits within the LimitRange of ``fence``."""
    device = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {each: {"cpu": "100m", "memory": "128Mi", **device} for each in ("requests", "limits")}


def fence(release: Release, policy: Callable[..., None], **hard: str) -> None:
    """All that bounds a team, at once."""
    release.cluster.kubectl("label", "namespace", release.namespace, "pod-security.kubernetes.io/enforce=restricted")
    small, large = {"cpu": "50m", "memory": "64Mi"}, {"cpu": "1", "memory": "1Gi"}
    bounds = {"type": "Container", "min": small, "max": large, "default": large, "defaultRequest": large}
    bounds["maxLimitRequestRatio"] = {"cpu": "2", "memory": "2"}
    release.cluster.apply(
        bounded("LimitRange", limits=[bounds]), bounded("ResourceQuota", hard=hard), namespace=release.namespace
    )
    policy(release.namespace, *STRICT)
    labels = "object.metadata.?labels.orValue({})"
    policy(release.namespace, *(f"{labels}[?'{key}'].orValue('') == '{TEAM[key]}'" for key in TEAM), resources=OBJECTS)


def ready_by(path: str, port: str = "api") -> dict[str, Any]:
    """A probe of a stand-in that asks often."""
    return {"probe": {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, "failureThreshold": 600}}


SHARED = {"commonLabels": TEAM, "helperResources": RESOURCES, "restricted": True}
RAG = {
    "global": {"nimhelm": SHARED},
    **{f"{each}-service": {"resources": amounts(1)} for each in ("embedding", "rerank", "llm")},
}
RESEARCH = {
    "global": {"nimhelm": SHARED},
    "embedding": {"resources": amounts(1), "metrics": {"enabled": False}},
    "retriever": {"resources": amounts(), "readinessProbe": ready_by("/v1/health/ready")},
    "assistant": {
        "resources": amounts(4),
        "dependencies": [{"name": "retriever", "port": 8080, "envName": "RETRIEVER_URL"}],
        "nodeSelector": None,
        "expose": {"router": None},
        "startupProbe": ready_by("/v1/health/ready"),
    },
}
HARD = {
    **{"requests.cpu": "4", "limits.cpu": "4", "requests.memory": "4Gi", "limits.memory": "4Gi"},
    **{"requests.nvidia.com/gpu": "10", "persistentvolumeclaims": "5", "pods": "12", "services": "14"},
    **{"configmaps": "5", "secrets": "10"},
}
LABELS = "--labels=" + ",".join(f"{key}={value}" for key, value in TEAM.items())


@pytest.mark.parametrize("helm", HELMS)
def test_everything_at_once(
    short_release: Callable[..., Release],
    policy: Callable[..., None],
    many_gpus: None,
    helm: str,
    tmp_path: Path,
) -> None:
    """Two examples in one namespace, by its admin, within Pod Security, a LimitRange, a quota and policies."""
    owned = short_release(EXAMPLES / "rag-pipeline.yaml", name="rag-pipeline", helm_path=HELMS[helm])
    milvus = {"selector": {"app": "embedding"}, "ports": [{"port": 19530, "targetPort": 8000}]}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    owned.cluster.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "milvus"}, "spec": milvus},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "llama-70b-model"}, "spec": claim},
        namespace=owned.namespace,
    )
    rag = admin_of(owned, tmp_path)
    fence(owned, policy, **HARD)
    research = replace(rag, name="research", chart=build(EXAMPLES / "research-assistant.yaml", tmp_path / "charts"))
    assert {"PodSecurity", "LimitRange", "AdmissionPolicy"} <= set(rag.preflight())
    for release, values in ((rag, RAG), (research, RESEARCH)):
        file = tmp_path / f"{release.name}.json"
        file.write_text(json.dumps(values))
        options = ("-f", str(file), LABELS)
        assert release.preflight(*options) == {}
        put_up(release, *options)
        release.helm("test", release.name)
        first = next(each for each in values if each != "global")
        release.upgrade(*options, f"--set={first}.extraEnv.A=b")
        release.helm("rollback", release.name, "--wait", f"--timeout={INSTALL_TIMEOUT}s")
        release.wait_until_ready()
    for release in (research, rag):
        release.helm("uninstall", release.name)
    assert set(rag.kubectl("get", "deployments,services,configmaps", "-o", "name").split()) == {
        "service/milvus",
        "configmap/kube-root-ca.crt",
    }
