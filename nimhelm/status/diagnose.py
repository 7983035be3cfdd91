"""Why a service is not ready: every cause there is, in two tables, and the choice of the one to show."""

from __future__ import annotations

from collections.abc import Callable

from nimhelm.status import kubeobject as ko
from nimhelm.status.cause import FAILED, NOT_READY, Cause, gravest
from nimhelm.status.causes import (
    caching,
    containers,
    crashes,
    devices,
    gates,
    images,
    nodes,
    progress,
    rollout,
    scheduling,
    storage,
)
from nimhelm.status.evidence import Case, is_ready
from nimhelm.status.graph import JOB

# Of the workload as a whole. Of two that are equally grave the upper one is shown.
WORKLOAD_CAUSES: tuple[Callable[[Case], Cause | None], ...] = (
    rollout.creation_refused,
    rollout.scaled_away,
    rollout.workload_missing,
    rollout.old_pods_stay,
    rollout.no_pods_yet,
)

# Of one pod that is not ready.
POD_CAUSES: tuple[Callable[[Case, ko.Object], Cause | None], ...] = (
    scheduling.unbound_claim,
    devices.device_claim,
    scheduling.unschedulable,
    nodes.node_not_ready,
    images.image_pull,
    containers.container_not_created,
    storage.volume,
    nodes.sandbox,
    gates.setup_failed,
    gates.gate_closed,
    crashes.crash,
    containers.unknown_waiting,
    progress.on_its_way,
)


def diagnose(case: Case) -> Cause:
    """The cause of a service that is not ready: always one, for an unknown failure the cluster's own words."""
    causes = [found for explain in WORKLOAD_CAUSES if (found := explain(case))]
    causes += [cause for pod in case.pods if not is_ready(pod) if (cause := diagnose_pod(case, pod))]
    cause = gravest(causes) or _rolling_out(case)
    if cause.problem or cause.code == "Waiting":
        return cause
    # The pod of now only starts; what became of those before it may say why that takes so long.
    later = [
        nodes.departed_pods(case),
        rollout.deadline_exceeded(case),
        *(nodes.unknown_warning(case, pod) for pod in case.pods),
    ]
    return gravest([cause, *(found for found in later if found and found.problem)]) or cause


def diagnose_pod(case: Case, pod: ko.Object) -> Cause | None:
    """The gravest cause that one pod shows."""
    causes = [found for explain in POD_CAUSES if (found := explain(case, pod))]
    if case.service.workload != JOB and (cached := caching.cache_gate(case, pod, diagnose_pod)):
        causes.insert(0, cached)
    return gravest(causes)


def _rolling_out(case: Case) -> Cause:
    """All pods that are there are ready, and more are to come or others to go."""
    if deadline := rollout.deadline_exceeded(case):
        return deadline._replace(state=FAILED)
    updated, wanted = (
        ko.number(case.deployment, "status", "updatedReplicas"),
        ko.number(case.deployment, "spec", "replicas"),
    )
    text = f"rolling out: {updated} of {wanted} updated" if updated < wanted else "rolling out"
    return Cause("RollingOut", text, NOT_READY, problem=False)
