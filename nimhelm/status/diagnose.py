"""Why a service is not ready: every cause there is, in two tables, and the choice of the one to show."""

from __future__ import annotations

from collections.abc import Callable

from nimhelm.status import kubeobject as ko
from nimhelm.status.cause import FAILED, NOT_READY, Cause, gravest
from nimhelm.status.causes import (
    caching,
    containers,
    controllers,
    crashes,
    devices,
    gates,
    images,
    nodes,
    progress,
    rollout,
    scheduling,
    serving,
    steadiness,
    storage,
)
from nimhelm.status.evidence import Case, Evidence, current_pods, is_ready
from nimhelm.status.graph import DEPLOYMENT, JOB, GraphCache
from nimhelm.status.readiness import readiness
from nimhelm.wording import duration

# Of the workload as a whole. Of two that are equally grave the upper one is shown.
WORKLOAD_CAUSES: tuple[Callable[[Case], Cause | None], ...] = (
    rollout.namespace_leaving,
    rollout.creation_refused,
    rollout.scaled_away,
    rollout.workload_missing,
    rollout.workload_leaving,
    controllers.custom_missing,
    rollout.old_pods_stay,
    controllers.inference_service,
    rollout.no_pods_yet,
)

# Of a service whose replicas are all ready.
READY_CAUSES: tuple[Callable[[Case], Cause | None], ...] = (
    rollout.namespace_leaving,
    serving.service_missing,
    nodes.under_ready_pods,
    serving.wrong_selector,
    serving.port_not_served,
    serving.no_endpoints,
    serving.others_endpoints,
    serving.object_missing,
    controllers.inference_service,
    steadiness.unsteady,
)

# Of one pod that is not ready.
POD_CAUSES: tuple[Callable[[Case, ko.Object], Cause | None], ...] = (
    scheduling.unbound_claim,
    devices.device_claim,
    scheduling.unschedulable,
    scheduling.unnoticed,
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


# Pods of one service fail alike: of thousands the newest tell enough.
_MANY_PODS = 50


def diagnose(case: Case) -> Cause:
    """The cause of a service that is not ready: always one, for an unknown failure the cluster's own words."""
    return controllers.of_group(case, _diagnosed(case))


def _diagnosed(case: Case) -> Cause:
    causes = [found for explain in WORKLOAD_CAUSES if (found := explain(case))]
    unready = [pod for pod in case.pods if not is_ready(pod)][:_MANY_PODS]
    causes += [cause for pod in unready if (cause := diagnose_pod(case, pod))]
    if missing := serving.service_missing(case):
        causes.append(missing)
    cause = gravest(causes) or steadiness.unsteady(case) or _rolling_out(case)
    if cause.problem or cause.code == "Waiting":
        return cause
    # The pod of now only starts; what became of those before it may say why that takes so long.
    later = [
        nodes.departed_pods(case),
        rollout.deadline_exceeded(case),
        *(nodes.unknown_warning(case, pod) for pod in case.pods),
    ]
    return gravest([cause, *(found for found in later if found and found.problem)]) or cause


def hindered(case: Case) -> Cause | None:
    """What keeps a service from serving although all its replicas are ready, None if nothing does."""
    found = [cause for explain in READY_CAUSES if (cause := explain(case))]
    if picker := _picker(case):
        found.append(picker)
    return gravest(found)


def _picker(case: Case) -> Cause | None:
    """The endpoint picker of the service's InferencePool is not ready: requests through the pool find no pod."""
    deployment = case.evidence.pickers.get(case.name)
    if deployment is None:
        return None
    own = case.service._replace(name=ko.name_of(deployment), workload=DEPLOYMENT, replicas=1, dependencies=(), cache="")
    pods = case.evidence.picker_pods.get(case.name, [])
    picker = Case(case.evidence, own, current_pods(pods), [], deployment)
    cause = steadiness.unsteady(picker) if readiness(picker)[2] else diagnose(picker)
    return cause and cause._replace(text=f"endpoint picker {own.name}: {cause.text}")


def diagnose_pod(case: Case, pod: ko.Object) -> Cause | None:
    """The gravest cause that one pod shows."""
    causes = [found for explain in POD_CAUSES if (found := explain(case, pod))]
    if case.service.workload != JOB and (cached := caching.cache_gate(case, pod, diagnose_pod)):
        causes.insert(0, cached)
    return gravest(causes)


def cache_unfilled(evidence: Evidence, cache: GraphCache) -> Cause | None:
    """Why a model cache that no service waits for is not filled, None if it is."""
    return caching.unfilled(evidence, cache, diagnose_pod)


def _rolling_out(case: Case) -> Cause:
    """All pods that are there are ready, and more are to come or others to go."""
    if deadline := rollout.deadline_exceeded(case):
        return deadline._replace(state=FAILED)
    updated, wanted = (
        ko.number(case.deployment, "status", "updatedReplicas"),
        ko.number(case.deployment, "spec", "replicas"),
    )
    text = f"rolling out: {updated} of {wanted} updated" if updated < wanted else "rolling out"
    settle = ko.number(case.deployment, "spec", "minReadySeconds")
    if settle and updated >= wanted:
        text = f"rolling out: a pod counts once it is ready for {duration(settle)} (minReadySeconds)"
    return Cause("RollingOut", text, NOT_READY, problem=False)
