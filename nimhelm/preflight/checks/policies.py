"""Does the namespace admit the pods: Pod Security, limit ranges, quotas; and what the API server's dry run says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nimhelm.kubectl import LIST_WEBHOOKS
from nimhelm.preflight.cluster import Cluster, Refusal
from nimhelm.preflight.demand import shown
from nimhelm.preflight.limits import claim_refusals, refusals, with_defaults
from nimhelm.preflight.podsecurity import violations
from nimhelm.preflight.quotas import own_use, shares
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds, skipped
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.wording import count, short

_ENFORCE = "pod-security.kubernetes.io/enforce"
_REFUSED = "the API server refuses its pods"
# What the API server says and the code that stands for it; what a check of its own has found already is not repeated.
_MEANINGS = (
    (r"exceeded quota", "QuotaExceeded"),
    (r"failed quota", "QuotaNeedsLimits"),
    (r"violates PodSecurity", "PodSecurity"),
    (r"security context constraint", "SecurityContextConstraint"),
    (r'serviceaccount "[^"]+" not found', "ServiceAccountMissing"),
    (r"RuntimeClass .*not found", "RuntimeClassMissing"),
    (r"no PriorityClass with name", "PriorityClassMissing"),
    (r"failed calling webhook", "WebhookUnreachable"),
    (r"admission webhook", "WebhookDenied"),
    (r"ValidatingAdmissionPolicy", "AdmissionPolicy"),
    (r"(?:maximum|minimum) \S+ usage per|max limit to request ratio", "LimitRange"),
    (r"Limit must be set for non overcommitable", "GPULimitMissing"),
    (r"must be equal to \S+ limit", "GPULimitUnequal"),
    (r"attempting to grant RBAC permissions", "RightsEscalation"),
    (r"field is immutable|cannot be changed|is immutable|may not change", "ImmutableField"),
)
# A webhook may look for the ReplicaSet that the pods of the dry run name, as that of Kueue does.
_HARMLESS = re.compile(
    r"unable to handle dry run|does not support dry run|AlreadyExists|namespaces? \"[^\"]+\" not found"
    r"|\"nimhelm-preflight\" not found"
)


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Each policy that can be read, then whatever else the dry run brings up."""
    namespace = next(iter(cluster.of("Namespace")), {})
    if ko.text(namespace, "metadata", "deletionTimestamp"):
        text = f"namespace {short(cluster.reach.namespace)} is being deleted"
        step = cluster.reach.kubectl("get", "namespace", cluster.reach.namespace, "-o", "yaml", everywhere=True)
        yield Check("policies", FAILS, text, "NamespaceTerminating", "nothing can be created in it", (), step)
        return
    found = [*_pod_security(rendered, cluster), *_limit_ranges(rendered, cluster), *_quotas(rendered, cluster)]
    yield from found
    told = {each.code for each in found if each.level == FAILS}
    yield from _dry_run(rendered, cluster, told)


def _pod_security(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    if not cluster.of("Namespace") or not rendered.workloads:
        return
    level = ko.label(cluster.of("Namespace")[0], _ENFORCE)
    if level not in ("baseline", "restricted"):
        yield holds(
            "policies",
            "the namespace enforces no Pod Security level" if not level else f"Pod Security level {short(level)}",
        )
        return
    clean = True
    for workload in rendered.workloads:
        broken = violations(workload.pod, level)
        if broken:
            clean = False
            more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
            text = f"Pod Security level {level} forbids: {short(', '.join(broken[:3]), 300)}{more}"
            step = cluster.reach.again("global.nimhelm.restricted=true")
            yield Check("policies", FAILS, text, "PodSecurity", _REFUSED, (workload.service,), step)
    if clean:
        yield holds("policies", f"every pod keeps to the Pod Security level {level}")


def _limit_ranges(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    ranges = cluster.of("LimitRange")
    if not ranges:
        return
    step = cluster.reach.kubectl("describe", "limitrange")
    clean = True
    for workload in rendered.workloads:
        for said in dict.fromkeys(refusals(with_defaults(workload.pod, ranges), ranges)):
            clean = False
            yield Check(
                "policies", FAILS, f"LimitRange: {short(said)}", "LimitRange", _REFUSED, (workload.service,), step
            )
    for claim in rendered.of("PersistentVolumeClaim"):
        for said in claim_refusals(claim, ranges):
            clean = False
            service = ko.label(claim, "app.kubernetes.io/name") or ko.name_of(claim)
            effect = "the API server refuses the claim, and helm stops"
            yield Check("policies", FAILS, f"LimitRange: {short(said)}", "LimitRange", effect, (service,), step)
    if clean:
        yield holds("policies", f"containers and claims keep to {count(len(ranges), 'limit range')}")


def _quotas(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    for quota in cluster.of("ResourceQuota"):
        found = [*_unset(rendered, cluster, quota), *_exceeded(rendered, cluster, quota, own_use(cluster, quota))]
        yield from found
        if not found:
            yield holds("policies", f"quota {short(ko.name_of(quota))} has room for the install, gates included")


def _unset(rendered: Rendered, cluster: Cluster, quota: ko.Object) -> Iterator[Check]:
    name = ko.name_of(quota)
    for share in shares(rendered, cluster, quota):
        if share.open:
            text = f"quota {short(name)} wants every container to set {', '.join(share.open)}"
            step = cluster.reach.kubectl("describe", "resourcequota", name)
            yield Check("policies", FAILS, text, "QuotaNeedsLimits", _REFUSED, (share.service,), step)


def _exceeded(rendered: Rendered, cluster: Cluster, quota: ko.Object, own: dict[str, int]) -> Iterator[Check]:
    name = ko.name_of(quota)
    every = shares(rendered, cluster, quota)
    hard = ko.mapping(quota, "status", "hard") or ko.mapping(quota, "spec", "hard")
    for key, value in hard.items():
        bound = nanos(value) or 0
        used = max(0, (nanos(ko.dig(quota, "status", "used", key)) or 0) - own.get(key, 0))
        total = sum(share.adds.get(key, 0) for share in every)
        if total and used + total > bound:
            stopped = tuple(dict.fromkeys(share.service for share in every if share.adds.get(key) and share.service))
            left = shown(key, max(0, bound - used))
            asked = f"the install asks for {shown(key, total)} of {short(key)}"
            text = f"quota {short(name)}: {asked}, {left} of {shown(key, bound)} are left"
            effect = "the API server refuses the pods that go beyond it"
            effect = effect if stopped else "the API server refuses the object, and helm stops"
            step = cluster.reach.kubectl("describe", "resourcequota", name)
            yield Check("policies", FAILS, text, "QuotaExceeded", effect, stopped, step)


def _dry_run(rendered: Rendered, cluster: Cluster, told: set[str]) -> Iterator[Check]:
    """What the API server refuses of the objects and of a pod of each workload."""
    if cluster.refusals is None:
        if cluster.namespace_exists and rendered.objects:
            yield skipped("policies", "not checked: no dry run was made; admission policies and webhooks are not known")
        return
    found = [each for refusal in cluster.refusals if (each := _refused(rendered, cluster, refusal, told))]
    if cluster.pod_refusals is None:
        yield skipped(
            "policies", "not checked: this user may not create pods, so none was tried; policies for pods are not known"
        )
    for refusal in cluster.pod_refusals or ():
        if each := _refused(rendered, cluster, refusal, told):
            found.append(each)
    yield from found
    if not found and cluster.refusals == () and not cluster.pod_refusals:
        tried = "the objects and a pod of each workload" if cluster.pod_refusals is not None else "the objects"
        yield holds("policies", f"the API server accepts {tried} in a dry run")


def _refused(rendered: Rendered, cluster: Cluster, refusal: Refusal, told: set[str]) -> Check | None:
    if _HARMLESS.search(refusal.message):
        return None
    matches = (code for pattern, code in _MEANINGS if re.search(pattern, refusal.message, re.IGNORECASE))
    code = next(matches, "ObjectRefused")
    if "LimitRange" in told and "must be less than or equal to" in refusal.message:
        return None  # the limit is a default of the range
    if code in told or "is not yet ready to handle request" in refusal.message:
        return None
    is_pod = refusal.name.startswith("nimhelm-preflight-")
    if code == "QuotaExceeded" and is_pod and _makes_room(cluster, refusal):
        return None
    # kubectl cannot reach the server: that is no answer.
    level = WARNS if (code == "ObjectRefused" and not refusal.name) or refusal.about_user else FAILS
    said = re.sub(r"^Error from server[^:]*: (?:error when \w+ \"[^\"]*\": )?", "", refusal.message)
    said = re.sub(r'^pods "nimhelm-preflight-\d+" is forbidden: ', "", said)
    said = re.sub(
        r'(?:The )?(?:Pod|pods|ReplicaSet|replicasets(?:\.apps)?) "nimhelm-preflight-\d+" is', "its pods are", said
    )
    if refusal.about_user:
        effect = "the policy looks at who asks: pods are made by a controller, which it may let through"
    elif is_pod:
        effect = _REFUSED
    else:
        effect = "the API server refuses the object, and helm stops"
    return Check(
        "policies", level, short(said, 500), code, effect, _services(rendered, refusal), _step(cluster, code, refusal)
    )


def _makes_room(cluster: Cluster, refusal: Refusal) -> bool:
    """Whether pods of the release count in the quota: the dry run adds its pod to them, and an upgrade puts it in their place."""
    named = re.search(r"exceeded quota: ([^\s,]+)", refusal.message)
    return any(
        named and ko.name_of(quota) == named[1] and own_use(cluster, quota) for quota in cluster.of("ResourceQuota")
    )


def _services(rendered: Rendered, refusal: Refusal) -> tuple[str, ...]:
    number = refusal.name.removeprefix("nimhelm-preflight-")
    if number != refusal.name and number.isdecimal() and int(number) < len(rendered.workloads):
        return (rendered.workloads[int(number)].service,)
    named = [each for each in rendered.objects if ko.name_of(each) == refusal.name]
    return tuple(dict.fromkeys(ko.label(each, "app.kubernetes.io/name") or ko.name_of(each) for each in named))[:1]


def _step(cluster: Cluster, code: str, refusal: Refusal) -> str:
    reach = cluster.reach
    if code == "AdmissionPolicy" and (match := re.search(r"ValidatingAdmissionPolicy '([^']+)'", refusal.message)):
        return reach.kubectl("get", "validatingadmissionpolicy", match[1], "-o", "yaml", everywhere=True)
    if code in ("WebhookDenied", "WebhookUnreachable"):
        return reach.kubectl(*LIST_WEBHOOKS, everywhere=True)
    if code in ("QuotaExceeded", "QuotaNeedsLimits"):
        return reach.kubectl("describe", "resourcequota")
    if code == "LimitRange":
        return reach.kubectl("describe", "limitrange")
    if code == "PodSecurity":
        return reach.again("global.nimhelm.restricted=true")
    return reach.helm("template", reach.release, *reach.chart_with())
