"""What the namespace admits."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import policies
from nimhelm.preflight.cluster import Refusal
from nimhelm.preflight.limits import claim_refusals, refusals, with_defaults
from nimhelm.preflight.podsecurity import violations
from nimhelm.preflight.render import _templates

from .world import cluster, codes, found, named, rendered, workload

SAFE = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(*contexts: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "spec": {"containers": [{"name": f"c{index}", "securityContext": each} for index, each in enumerate(contexts)]}
        | spec
    }


@pytest.mark.parametrize(
    ("context", "spec", "level", "wanted"),
    [
        ({}, {}, "privileged", []),
        ({}, {}, "baseline", []),
        ({"privileged": True}, {}, "baseline", ["container c0: privileged"]),
        ({"capabilities": {"add": ["SYS_ADMIN"]}}, {}, "baseline", ["container c0: capability SYS_ADMIN"]),
        ({"capabilities": {"add": ["CHOWN"]}}, {}, "baseline", []),
        ({}, {"hostNetwork": True}, "baseline", ["hostNetwork"]),
        ({}, {"volumes": [{"name": "m", "hostPath": {"path": "/"}}]}, "baseline", ["hostPath volume m"]),
        ({"seccompProfile": {"type": "Unconfined"}}, {}, "baseline", ["container c0: seccompProfile Unconfined"]),
        (SAFE, {}, "restricted", []),
        (SAFE | {"runAsNonRoot": False}, {}, "restricted", ["container c0: runAsNonRoot is not true"]),
        (SAFE | {"runAsUser": 0}, {}, "restricted", ["container c0: runAsUser 0"]),
        (SAFE | {"capabilities": {}}, {}, "restricted", ["container c0: capabilities.drop lacks ALL"]),
        (SAFE | {"seccompProfile": None}, {}, "restricted", ["container c0: seccompProfile is not RuntimeDefault"]),
        (
            SAFE | {"seccompProfile": None},
            {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
            "restricted",
            [],
        ),
        (
            SAFE | {"allowPrivilegeEscalation": True},
            {},
            "restricted",
            ["container c0: allowPrivilegeEscalation is not false"],
        ),
        (SAFE, {"volumes": [{"name": "m", "nfs": {}}]}, "restricted", ["volume m of type nfs"]),
    ],
)
def test_pod_security(context: dict[str, Any], spec: dict[str, Any], level: str, wanted: list[str]) -> None:
    assert violations(pod(context, **spec), level) == wanted


def container(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests or {}, "limits": limits or {}}}


def limit_range(kind: str = "Container", **item: Any) -> dict[str, Any]:
    return named("LimitRange", "team", spec={"limits": [{"type": kind, **item}]})


@pytest.mark.parametrize(
    ("given", "item", "refused"),
    [
        (container({"memory": "1Gi"}, {"memory": "1Gi"}), {"max": {"memory": "512Mi"}}, True),
        (container({"memory": "1Gi"}, {"memory": "1Gi"}), {"max": {"memory": "1Gi"}}, False),
        (container({"memory": "1Gi"}), {"max": {"memory": "2Gi"}}, True),
        (container({"memory": "1Gi"}), {"max": {"memory": "2Gi"}, "default": {"memory": "2Gi"}}, False),
        (container({"memory": "1Mi"}), {"min": {"memory": "2Mi"}}, True),
        (container(), {"min": {"memory": "2Mi"}, "defaultRequest": {"memory": "2Mi"}}, False),
        (container({"cpu": "1"}, {"cpu": "4"}), {"maxLimitRequestRatio": {"cpu": "2"}}, True),
        (container({"cpu": "2"}, {"cpu": "4"}), {"maxLimitRequestRatio": {"cpu": "2"}}, False),
    ],
)
@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_limit_ranges(given: dict[str, Any], item: dict[str, Any], refused: bool, place: str) -> None:
    """Gates are init containers, and count like any other."""
    ranges = [limit_range(**item)]
    assert bool(list(refusals(with_defaults({"spec": {place: [given]}}, ranges), ranges))) == refused


def test_limits_of_pods_and_claims() -> None:
    ranges = [limit_range("Pod", max={"memory": "1Gi"})]
    two = {"spec": {"containers": [container({"memory": "600Mi"}, {"memory": "600Mi"})] * 2}}
    assert len(list(refusals(two, ranges))) == 1
    claim = named("PersistentVolumeClaim", "m", spec={"resources": {"requests": {"storage": "50Gi"}}})
    assert len(list(claim_refusals(claim, [limit_range("PersistentVolumeClaim", max={"storage": "10Gi"})]))) == 1
    assert list(claim_refusals(claim, [limit_range("PersistentVolumeClaim", max={"storage": "50Gi"})])) == []


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return named("ResourceQuota", "team", spec={"hard": hard, **spec}, status={"hard": hard, "used": used or {}})


CLAIM = named(
    "PersistentVolumeClaim", "m", spec={"storageClassName": "fast", "resources": {"requests": {"storage": "50Gi"}}}
)
BALANCER = named("Service", "s", spec={"type": "LoadBalancer", "ports": [{"port": 1}]})


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        (quota({"requests.nvidia.com/gpu": "7"}), ["QuotaExceeded"]),
        (quota({"requests.nvidia.com/gpu": "8"}), []),
        (quota({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": "1"}), ["QuotaExceeded"]),
        (quota({"pods": "1"}), ["QuotaExceeded"]),
        (quota({"pods": "2"}), []),
        (quota({"limits.cpu": "10"}), ["QuotaNeedsLimits"]),
        (quota({"memory": "10Gi"}), ["QuotaNeedsLimits"]),
        (quota({"requests.storage": "49Gi"}), ["QuotaExceeded"]),
        (quota({"fast.storageclass.storage.k8s.io/requests.storage": "49Gi"}), ["QuotaExceeded"]),
        (quota({"slow.storageclass.storage.k8s.io/requests.storage": "1Gi"}), []),
        (quota({"persistentvolumeclaims": "0"}), ["QuotaExceeded"]),
        (quota({"services.loadbalancers": "0"}), ["QuotaExceeded"]),
        (quota({"services.nodeports": "1"}), []),
        (quota({"count/secrets": "0"}), ["QuotaExceeded"]),
        (quota({"pods": "0"}, scopes=["BestEffort"]), []),
        (quota({"pods": "0"}, scopes=["NotBestEffort"]), ["QuotaExceeded"]),
        (quota({"pods": "0"}, scopes=["Terminating"]), []),
        (
            quota(
                {"pods": "0"},
                scopeSelector={"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]},
            ),
            [],
        ),
    ],
)
def test_quotas(limit: dict[str, Any], wanted: list[str]) -> None:
    checks = policies.check(
        rendered(workload(gpus=4, replicas=2), objects=(CLAIM, BALANCER)), cluster(limit, refusals=())
    )
    assert codes(checks) == wanted


def test_a_quota_does_not_count_the_release_twice() -> None:
    resources = {"resources": {"limits": {"nvidia.com/gpu": "8"}}}
    own = named(
        "Pod", "llm", namespace="team", labels={"app.kubernetes.io/instance": "rag"}, spec={"containers": [resources]}
    )
    full = quota({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": "8"})
    assert codes(policies.check(rendered(workload(gpus=8)), cluster(full, own, refusals=()))) == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (
            "deployments.apps \"llm\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no",
            "AdmissionPolicy",
        ),
        ('admission webhook "a.b" denied the request: no', "WebhookDenied"),
        ('Internal error occurred: failed calling webhook "a.b": connection refused', "WebhookUnreachable"),
        ('The Deployment "llm" is invalid: spec.selector: Invalid value: field is immutable', "ImmutableField"),
        ('The Deployment "llm" is invalid: spec.x: Required value', "ObjectRefused"),
    ],
)
def test_what_the_dry_run_says(message: str, code: str) -> None:
    llm = named("Deployment", "llm", labels={"app.kubernetes.io/name": "llm"})
    checks = policies.check(rendered(objects=(llm,)), cluster(refusals=(Refusal("Deployment", "llm", message),)))
    assert found(checks) == [("fails", code, ("llm",))]


def test_a_server_that_does_not_answer_is_a_warning() -> None:
    checks = policies.check(rendered(), cluster(refusals=(Refusal("", "", "connection refused"),)))
    assert [level for level, *_ in found(checks)] == ["warning"]


ACCEPTED = "the API server accepts"
REFUSED = (Refusal("Deployment", "llm", "no"),)


@pytest.mark.parametrize(
    ("refusals", "pod_refusals", "told"),
    [
        ((), (), [f"{ACCEPTED} the objects and a pod of each workload in a dry run"]),
        ((), None, [f"{ACCEPTED} the objects in a dry run"]),
        (REFUSED, (), []),
        ((), (Refusal("", "nimhelm-preflight-0", "no"),), []),
        (None, None, []),
    ],
)
def test_what_a_dry_run_accepts(refusals: Any, pod_refusals: Any, told: list[str]) -> None:
    checks = policies.check(rendered(), cluster(refusals=refusals, pod_refusals=pod_refusals))
    assert [check.text for check in checks if ACCEPTED in check.text] == told


def test_a_quota_that_is_used_up_has_nothing_left() -> None:
    full = quota({"requests.nvidia.com/gpu": "4"}, {"requests.nvidia.com/gpu": "6"})
    (check,) = [each for each in policies.check(rendered(workload(gpus=8)), cluster(full, refusals=())) if each.code]
    assert "0 of 4 are left" in check.text


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("exceeded quota: team", "describe resourcequota"),
        ("failed quota: team: must specify limits.cpu", "describe resourcequota"),
        ("maximum memory usage per Container is 1Gi", "describe limitrange"),
        ('violates PodSecurity "restricted:latest"', "--set global.nimhelm.restricted=true"),
    ],
)
def test_the_step_looks_at_what_refused(message: str, step: str) -> None:
    said = Refusal("", "nimhelm-preflight-0", f'pods "nimhelm-preflight-0" is forbidden: {message}')
    checks = policies.check(rendered(workload()), cluster(refusals=(), pod_refusals=(said,)))
    assert [step in check.next for check in checks if check.code] == [True]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({}, "the namespace enforces no Pod Security level"),
        ({"pod-security.kubernetes.io/enforce": "privileged"}, "Pod Security level privileged"),
        ({"pod-security.kubernetes.io/enforce": "baseline"}, "every pod keeps to the Pod Security level baseline"),
        ({"pod-security.kubernetes.io/enforce": "restricted"}, "every pod keeps to the Pod Security level restricted"),
    ],
)
def test_a_level_of_pod_security_that_holds(labels: dict[str, str], told: str) -> None:
    safe = workload()._replace(pod=pod(SAFE))
    checks = policies.check(rendered(safe), cluster(named("Namespace", "team", labels=labels), refusals=()))
    assert told in [check.text for check in checks]


def test_a_cause_is_told_once() -> None:
    """The pods' dry run repeats what the quota's own arithmetic has found."""
    said = Refusal("pods", "nimhelm-preflight-0", 'pods "nimhelm-preflight-0" is forbidden: exceeded quota: team')
    world = cluster(quota({"pods": "0"}), refusals=(), pod_refusals=(said,))
    assert codes(policies.check(rendered(workload(gpus=1)), world)) == ["QuotaExceeded"]
    assert codes(policies.check(rendered(workload(gpus=1)), cluster(refusals=(), pod_refusals=(said,)))) == [
        "QuotaExceeded"
    ]


def test_a_webhook_that_looks_for_the_made_up_owner_refuses_nothing() -> None:
    said = 'admission webhook "mpod.kb.io" denied the request: ReplicaSet.apps "nimhelm-preflight" not found'
    known = cluster(refusals=(), pod_refusals=(Refusal("", "nimhelm-preflight", said),))
    assert found(policies.check(rendered(), known)) == []


def test_the_pod_of_a_predictor_has_fields_of_a_pod_alone() -> None:
    predictor = {
        "minReplicas": 2,
        "deploymentStrategy": {"type": "Recreate"},
        "labels": {"app": "llm"},
        "annotations": {"a": "b"},
        "serviceAccountName": "llm",
        "containers": [{"name": "kserve-container"}],
    }
    served = {"kind": "InferenceService", "metadata": {"name": "llm"}, "spec": {"predictor": predictor}}
    ((pod, replicas),) = _templates(served)
    assert pod["spec"] == {"serviceAccountName": "llm", "containers": [{"name": "kserve-container"}]}
    assert (pod["metadata"], replicas) == ({"labels": {"app": "llm"}, "annotations": {"a": "b"}}, 2)


def test_the_dry_run_of_an_upgrade_adds_to_a_quota_what_takes_the_place_of_pods() -> None:
    one, full = (
        {"requests.nvidia.com/gpu": "1"},
        quota({"requests.nvidia.com/gpu": "1"}, {"requests.nvidia.com/gpu": "1"}),
    )
    own = {"namespace": "team", "labels": {"app.kubernetes.io/instance": "rag"}}
    running = named("Pod", "llm-1", spec=workload(gpus=1).pod["spec"], **own)

    def told(name: str, quota: dict[str, Any], *pods: dict[str, Any]) -> list[str]:
        message = f'pods "nimhelm-preflight-0" is forbidden: exceeded quota: {name}, requested: {one}'
        said = (Refusal("pods", "nimhelm-preflight-0", message),)
        return codes(policies.check(rendered(workload(gpus=1)), cluster(quota, *pods, refusals=(), pod_refusals=said)))

    assert told("team", full, running) == []
    assert told("team", full) == ["QuotaExceeded"]
    assert told("another", full, running) == ["QuotaExceeded"]
