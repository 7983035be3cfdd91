"""Model caches: a service waits until the Job that fills its cache is done."""

from __future__ import annotations

from collections.abc import Callable

from nimhelm.pipeline import gate_name
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.gates import TIMED_OUT, failed_end, gate_status, waited
from nimhelm.status.causes.rollout import creation_refused
from nimhelm.status.evidence import Case, Evidence, current_pods, message_of
from nimhelm.status.graph import CACHE_LABEL, JOB, GraphCache, GraphService
from nimhelm.wording import count, duration, short

_GATE = "wait-for-cache-"
Explain = Callable[[Case, ko.Object], Cause | None]


def cache_gate(case: Case, pod: ko.Object, explain: Explain) -> Cause | None:
    """The pod waits for its model cache: why that is not filled. `explain` diagnoses a pod of the Job."""
    name, gate = _gate_of(case, pod)
    status = gate_status(pod, gate)
    if not name or not ("running" in ko.mapping(status, "state") or "waiting" in ko.mapping(status, "state")):
        return None
    job = _job_case(case.evidence, case.evidence.graph.caches.get(name, GraphCache(name)), case.service)
    if broken := _stopped(job, explain):
        return broken._replace(text=f"model cache {short(name)}: {broken.text}")
    if ended := failed_end(status):
        return _gave_up_waiting(case, pod, name, ended)
    if "running" not in ko.mapping(status, "state"):
        return None  # not its turn yet
    cause = _under_way(job, explain)
    if cause.problem:
        return cause._replace(text=f"model cache {short(name)}: {cause.text}")
    text = f"waiting {duration(waited(case, gate))} for model cache {short(name)}"
    return cause._replace(text=f"{text}, {cause.text}" if cause.text else text)


def unfilled(evidence: Evidence, cache: GraphCache, explain: Explain) -> Cause | None:
    """Why a cache that no service waits for is not filled, None if it is."""
    job = _job_case(evidence, cache, GraphService(cache.name))
    if _is_done(job) or (cache.expires and _gone(job)):
        return None
    cause = _stopped(job, explain) or _under_way(job, explain)
    return cause if cause.text else cause._replace(text="its caching job has no pod yet")


def _stopped(job: Case, explain: Explain) -> Cause | None:
    """Why no pod of the Job runs, or is about to."""
    return _gone(job) or _failed(job, explain) or _suspended(job) or creation_refused(job)


def _is_done(job: Case) -> bool:
    complete = ko.text(ko.condition(_object(job), "Complete"), "status") == "True"
    return complete or any(ko.text(pod, "status", "phase") == "Succeeded" for pod in job.pods)


def _under_way(job: Case, explain: Explain) -> Cause:
    """What stops the pod of a Job that still tries, or for how long it has been downloading: "" without a pod."""
    active = [each for each in job.pods if ko.text(each, "status", "phase") != "Succeeded"]
    if active and (cause := explain(job, active[0])) and cause.problem:
        return cause
    since = ko.moment(active[0], "status", "startTime") if active else None
    text = f"downloading for {duration(ko.seconds_since(since, job.now))}" if since else ""
    return Cause("CacheFilling", text, NOT_READY, problem=False)


def _gate_of(case: Case, pod: ko.Object) -> tuple[str, str]:
    """The model cache that the pod waits for and the gate's container; ("", "") if it waits for none."""
    ours = {gate_name(dependency.name) for dependency in case.service.dependencies}
    if case.service.cache:
        return case.service.cache, gate_name(f"cache-{case.service.cache}")
    gates = [ko.text(each, "name") for each in ko.items(pod, "spec", "initContainers")]
    found = next((gate for gate in gates if gate.startswith(_GATE) and gate not in ours), "")
    return found.removeprefix(_GATE), found


def _gave_up_waiting(case: Case, pod: ko.Object, name: str, ended: ko.Object) -> Cause:
    message = ko.text(ended, "message")
    timed_out = TIMED_OUT.search(message)
    after = f" after {duration(int(timed_out[1][:9]))}" if timed_out else ""
    text = f"gave up{after} of waiting for model cache {short(name)}"
    step = steps.command(case.evidence, "get", "pods,jobs", "-l", f"{CACHE_LABEL}={name}")
    return Cause("GateTimeout", text, FAILED, short(message, 600), step)


def _job_case(evidence: Evidence, cache: GraphCache, service: GraphService) -> Case:
    """The cache's Job as something that can be diagnosed like a service; `service` uses it."""
    pods = evidence.cache_pods.get(cache.name, [])
    as_service = GraphService(
        cache.job or f"{cache.name}-job",
        workload=JOB,
        claim=cache.claim,
        auth_secret=service.auth_secret,
        pull_secrets=service.pull_secrets,
    )
    failed = [pod for pod in pods if ko.text(pod, "status", "phase") == "Failed"]
    failed.sort(key=lambda pod: ko.text(pod, "metadata", "creationTimestamp"), reverse=True)
    return Case(evidence, as_service, current_pods(pods), failed, None)


def _object(job: Case) -> ko.Object:
    """The Job itself, {} if it does not exist or was not read."""
    return job.evidence.snapshot.named("jobs", job.name)


def _gone(job: Case) -> Cause | None:
    """The Job was deleted, so that nobody fills the cache."""
    evidence = job.evidence
    if not evidence.snapshot.has("jobs") or _object(job) or job.pods or job.departed:
        return None
    text = f"its caching job {short(job.name)} does not exist"
    return Cause("CacheJobMissing", text, FAILED, next=steps.upgrade(evidence))


def _suspended(job: Case) -> Cause | None:
    """Somebody has stopped the Job, or its queue does not let it start yet: it has no pods until it may go on."""
    there = _object(job)
    if not ko.true(there, "spec", "suspend"):
        return None
    queue = ko.label(there, "kueue.x-k8s.io/queue-name")
    said = f": queue {short(queue)} has not let it start" if queue else " and fills nothing"
    step = steps.command(job.evidence, "describe", "job", job.name) if queue else _anew(job)
    return Cause("CacheJobSuspended", f"its caching job {short(job.name)} is suspended{said}", NOT_READY, next=step)


def _anew(job: Case, *values: tuple[str, int]) -> str:
    """The chart's Job once more, with these values: an upgrade alone leaves one that is there as it is."""
    return f"{steps.command(job.evidence, 'delete', 'job', job.name)} && {steps.upgrade(job.evidence, *values)}"


def _longer(job: Case) -> list[tuple[str, int]]:
    """The value that doubles the deadline of a Job that ran out of it: another try would do the same."""
    there = _object(job)
    name, deadline = ko.label(there, CACHE_LABEL), ko.number(there, "spec", "activeDeadlineSeconds")
    if ko.text(ko.condition(there, "Failed"), "reason") != "DeadlineExceeded" or not (name and deadline):
        return []
    return [(steps.key("nimCaches", name, "job", "activeDeadlineSeconds"), 2 * deadline)]


def _failed(job: Case, explain: Explain) -> Cause | None:
    """The Job gave up, or its latest try failed and no other runs."""
    gave_up = _gave_up(job)
    if not gave_up and (job.pods or not job.departed):
        return None
    why = explain(job, job.departed[0]) if job.departed else None
    said = (why.text if why else gave_up) or short(ko.text(job.departed[0], "status", "message")) or "its pod failed"
    detail = why.detail if why else ""
    step = why.next if why else steps.command(job.evidence, "describe", "job", job.name)
    if not gave_up:
        text = f"{count(len(job.departed), 'try' if len(job.departed) == 1 else 'trie')} failed: {said}"
        return Cause("CacheJobRetrying", text, NOT_READY, detail, step)
    # A job that gave up never runs again, whatever is mended: it is made anew.
    again = _anew(job, *_longer(job))
    if why and why.code == "DiskFull":  # another try would fill the volume again: its size comes first
        again = steps.command(job.evidence, "get", "pvc", job.service.claim)
    elif why and " secret " in why.next:  # a command that fixes it; others only show
        again = f"{why.next} && {again}"
    return Cause("CacheJobFailed", f"job {job.name} failed: {said}", FAILED, detail or gave_up, again)


def _gave_up(job: Case) -> str:
    """What says that the Job tries no more, "" if it does."""
    failed = ko.condition(_object(job), "Failed")
    if ko.text(failed, "status") == "True":
        return short(ko.text(failed, "message")) or "failed"
    events = job.evidence.events_of("Job", job.name, "BackoffLimitExceeded", "DeadlineExceeded")
    return short(message_of(events[0])) if events else ""
