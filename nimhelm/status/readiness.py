"""Whether a service is ready, counted from its Deployment or, for other workloads, from its pods."""

from __future__ import annotations

from datetime import datetime

from nimhelm.status import kubeobject as ko
from nimhelm.status.evidence import Case, is_ready
from nimhelm.status.graph import INFERENCE_SERVICE, LEADER_WORKER_SET

_LWS = "leaderworkerset.sigs.k8s.io/"


def readiness(case: Case) -> tuple[int, int, bool]:
    """(replicas ready, replicas wanted, whether the service is ready)."""
    ready, wanted, settled = _counted(case)
    return ready, wanted, settled and not is_being_deleted(case)


def workload_of(case: Case) -> ko.Object:
    """The object of the release that makes the service's pods, {} if there is none or it was not read."""
    lists = {LEADER_WORKER_SET: "leaderworkersets", INFERENCE_SERVICE: "inferenceservices"}
    if case.service.workload not in lists:
        return case.deployment or {}
    name = case.name + ("-lws" if case.service.workload == LEADER_WORKER_SET else "")
    return case.evidence.snapshot.named(lists[case.service.workload], name)


def is_being_deleted(case: Case) -> bool:
    """Whether the workload is on its way out, so that nothing replaces its pods."""
    return bool(ko.dig(workload_of(case), "metadata", "deletionTimestamp"))


def _counted(case: Case) -> tuple[int, int, bool]:
    if case.service.workload == LEADER_WORKER_SET:
        return _of_groups(case)
    if case.deployment is not None and (case.service.workload != INFERENCE_SERVICE or case.pods):
        return _of_deployment(case, case.deployment)
    ready = sum(is_ready(pod) for pod in case.pods)
    wanted = case.service.replicas
    return ready, wanted, case.service.workload == INFERENCE_SERVICE and ready >= wanted


def _of_deployment(case: Case, deployment: ko.Object) -> tuple[int, int, bool]:
    """As `kubectl rollout status` and the operator judge: seen, updated, none of the old left, available."""
    spec, status = ko.mapping(deployment, "spec"), ko.mapping(deployment, "status")
    wanted = ko.number(spec, "replicas") if "replicas" in spec else 1
    updated, available = ko.number(status, "updatedReplicas"), ko.number(status, "availableReplicas")
    seen = ko.number(status, "observedGeneration") >= ko.number(deployment, "metadata", "generation")
    settled = seen and updated >= wanted and ko.number(status, "replicas") <= updated and available >= wanted
    # The lists are not read at the same moment: a pod that was not ready in one of them may be about to fail again.
    settled = settled and sum(is_ready(pod) for pod in case.pods) >= wanted
    # Meant to have no replicas, a service is as ready as it gets; scaled down by hand, it is missing. An HPA leaves a
    # Deployment alone that has none.
    if wanted == 0 and case.service.replicas > 0 and not case.service.sleeps:
        settled = False
    return ko.number(status, "readyReplicas"), wanted, settled


def _of_groups(case: Case) -> tuple[int, int, bool]:
    """A replica of a multi-node service is a group: one leader and its workers, ready when all of them are."""
    groups: dict[str, list[ko.Object]] = {}
    for pod in case.pods:
        groups.setdefault(ko.label(pod, _LWS + "group-index"), []).append(pod)
    ready, wanted = sum(_is_whole(pods) for pods in groups.values()), case.service.replicas
    own = workload_of(case) or None
    if case.evidence.snapshot.has("leaderworkersets") and not _is_rolled_out(own, wanted):
        return ready, wanted, False
    return ready, wanted, ready >= wanted


def _is_rolled_out(own: ko.Object | None, wanted: int) -> bool:
    """Whether the controller has seen the newest template and no group of an older one is left."""
    if own is None:
        return False
    status = ko.mapping(own, "status")
    return ko.number(status, "updatedReplicas") >= wanted and ko.number(status, "readyReplicas") >= wanted


def _is_whole(pods: list[ko.Object]) -> bool:
    size = max((ko.number(pod, "metadata", "annotations", _LWS + "size") for pod in pods), default=0)
    return all(is_ready(pod) for pod in pods) and len(pods) >= max(size, 1)


def since(case: Case, settled: bool) -> datetime | None:
    """When the service got ready, or stopped being so; None if nothing tells."""
    available = ko.condition(case.deployment, "Available")
    changed = ko.moment(available, "lastTransitionTime")
    if changed and ko.text(available, "status") == ("True" if settled else "False"):
        return changed
    moments = [_turned(pod) for pod in case.pods if is_ready(pod) == settled]
    known = [each for each in moments if each]
    if known:
        return max(known) if settled else min(known)
    return ko.moment(case.deployment, "metadata", "creationTimestamp")


def _turned(pod: ko.Object) -> datetime | None:
    """When the pod got ready or unready."""
    return ko.moment(ko.condition(pod, "Ready"), "lastTransitionTime") or ko.moment(
        pod, "metadata", "creationTimestamp"
    )
