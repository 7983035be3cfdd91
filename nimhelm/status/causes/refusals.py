"""What the API server refuses, in other words: the pods of a workload, and the objects that Helm makes."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.kubectl import LIST_WEBHOOKS
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.evidence import Case
from nimhelm.status.snapshot import HelmRecord
from nimhelm.wording import short

# An administrator's own words are the ones that help: they are shown whole.
WHOLE = 500
WEBHOOKS = ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")

# What the API server says, the cause's code, and how it is put; {0} and so on are the pattern's groups,
# {what} is what was refused.
REFUSALS = (
    (
        r"unable to create new content in namespace (\S+) because it is being terminated",
        "NamespaceTerminating",
        "namespace {0} is being deleted",
    ),
    (
        r"Limit must be set for non overcommitable resources",
        "GPULimitMissing",
        "GPU requests without an equal limit are refused",
    ),
    (
        r"must be equal to ([A-Za-z0-9][-A-Za-z0-9._/]*) limit",
        "GPULimitUnequal",
        "request and limit of {0} differ",
    ),
    (
        r"exceeded quota: ([^\s,]+), requested: ([^,]+)",
        "QuotaExceeded",
        "quota {0} is used up: asks for {1}",
    ),
    (r"failed quota: ([^\s:]+): must specify (.+)", "QuotaNeedsLimits", "quota {0} wants {1} to be set"),
    (
        r'violates PodSecurity "([^"]+)": (.+)',
        "PodSecurity",
        "the namespace's PodSecurity level {0} forbids: {1}",
    ),
    (
        r"unable to validate against any security context constraint",
        "SecurityContextConstraint",
        "no security context constraint (OpenShift) allows {what}",
    ),
    (r'serviceaccount "([^"]+)" not found', "ServiceAccountMissing", "service account {0} does not exist"),
    (r'RuntimeClass "?([^"\s]+)"? not found', "RuntimeClassMissing", "runtime class {0} does not exist"),
    (
        r"no PriorityClass with name (\S+) was found",
        "PriorityClassMissing",
        "priority class {0} does not exist",
    ),
    (
        r'admission webhook "([^"]+)" denied the request: ?(.*)',
        "WebhookDenied",
        "webhook {0} denies {what}: {1}",
    ),
    (
        r'failed calling webhook "([^"]+)".*(x509: .*)',
        "WebhookUnreachable",
        "the API server does not trust webhook {0}: {1}",
    ),
    (
        r'failed calling webhook "([^"]+)": ?(.*(?:\bPost "|deadline exceeded|refused|timeout|not found).*)',
        "WebhookUnreachable",
        "webhook {0} does not answer: {1}",
    ),
    (r'failed calling webhook "([^"]+)": ?(.*)', "WebhookUnreachable", "webhook {0} gives no valid answer: {1}"),
    (
        r"ValidatingAdmissionPolicy '([^']+)'(?: with binding '[^']+')? denied request: ?(.*)",
        "AdmissionPolicy",
        "admission policy {0} denies {what}: {1}",
    ),
    (
        r"(?:(?:maximum|minimum) \S+ usage per|\S+ max limit to request ratio per) (?:Container|Pod|PersistentVolumeClaim) is .*",
        "LimitRange",
        "the namespace's LimitRange forbids it: {whole}",
    ),
)

# How Helm 3 and 4 begin the line of an object, and the API server what it says of one.
_FRAME = re.compile(
    r"^(?:\* )?(?:(?:Release|Upgrade) \"[^\"]*\" failed: )?(?:\d+ errors? occurred:)?(?:failed to create resource: )?"
    r"(?:server-side apply failed for object \S+ \S+, Kind=\w+: )?(?:Internal error occurred: )?"
)
_OBJECT = re.compile(r'\w "[^"]+" (?:is (?:forbidden|invalid)|with kind)|^\S+ is forbidden')


class Refusal(NamedTuple):
    """`said` is the part of the message that was understood, `step` "" where nothing shows more of it."""

    code: str
    text: str
    step: str
    said: str


def understood(case: Case, message: str, what: str = "the pod") -> Refusal | None:
    """The refusal that a message tells of, None for one that nobody has seen yet."""
    for pattern, code, text in REFUSALS:
        if match := re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            groups = [short(group or "", WHOLE) for group in match.groups()]
            said = text.format(*groups, whole=short(match[0], WHOLE), what=what)
            return Refusal(code, said, _step(case, code, groups), match[0])
    return None


def by_helm(case: Case, kind: str, name: str) -> Refusal | None:
    """Why Helm could not make the object, where its record says so.

    Helm 3 does not always name the object. Then what it says without any name is about all that is missing.
    """
    lines = refused_lines(case.evidence.snapshot.helm)
    kind, own = re.escape(kind), re.escape(name)
    named = re.compile(
        rf'/{own} \S+, Kind={kind}:|\b{kind.lower()}s(?:\.\S+)? (?:"{own}" |is forbidden)|"{own}" with kind {kind}\b'
    )
    found = [said for whole, said in lines if named.search(whole)]
    for said in found or [said for whole, said in lines if not _OBJECT.search(said) and "Kind=" not in whole]:
        if refused := understood(case, said, "it"):
            return refused
        if "forbidden" in said:
            return Refusal("", short(re.sub(rf'^\S+(?: "{own}")? is forbidden: ', "", said), WHOLE), "", said)
    return None


def refused_lines(helm: HelmRecord | None) -> list[tuple[str, str]]:
    """The lines of the record of an operation that failed, one for each object, and each without what Helm puts before it."""
    if helm is None or helm.status != "failed":
        return []
    lines = [(line, _FRAME.sub("", line.strip()).strip()) for line in helm.description.splitlines()]
    return [(line, said) for line, said in lines if said]


def _step(case: Case, code: str, found: list[str]) -> str:
    evidence = case.evidence
    if code in ("GPULimitMissing", "GPULimitUnequal"):  # the chart makes both equal: something else changed them
        kind, _, name = steps.workload(case).partition("/")
        return steps.command(evidence, "get", kind, name, "-o", "jsonpath={..containers[*].resources}")
    if code == "PodSecurity" and found[0].startswith("restricted"):
        return steps.upgrade(evidence, ("global.nimhelm.restricted", True))
    if code == "AdmissionPolicy":
        return steps.cluster(evidence, "get", "validatingadmissionpolicy", found[0], "-o", "yaml")
    if code == "ServiceAccountMissing" and _is_ours(case, "ServiceAccount", found[0]):
        return steps.upgrade(evidence)
    named = {
        "QuotaExceeded": ("describe", "resourcequota"),
        "QuotaNeedsLimits": ("describe", "resourcequota"),
        "ServiceAccountMissing": ("create", "serviceaccount"),
    }
    if code in named:
        return steps.command(evidence, *named[code], found[0])
    listed = {
        "RuntimeClassMissing": "runtimeclasses",
        "PriorityClassMissing": "priorityclasses",
    }
    if code in ("WebhookDenied", "WebhookUnreachable"):
        return _show_webhook(case, found[0])
    if code in listed:
        return steps.cluster(evidence, "get", listed[code])
    if code == "NamespaceTerminating":
        return steps.cluster(evidence, "get", "namespace", found[0], "-o", "yaml")
    if code == "LimitRange":
        return steps.command(evidence, "describe", "limitrange")
    return ""


def _show_webhook(case: Case, name: str) -> str:
    """The object that registers the webhook; all of them where they may not be read."""
    for kind in WEBHOOKS:
        for each in case.evidence.snapshot.of(kind):
            if any(ko.text(webhook, "name") == name for webhook in ko.items(each, "webhooks")):
                return steps.cluster(case.evidence, "get", kind, ko.name_of(each), "-o", "yaml")
    return steps.cluster(case.evidence, *LIST_WEBHOOKS)


def _is_ours(case: Case, kind: str, name: str) -> bool:
    """Whether the chart makes it: helm refuses to take over what somebody else makes in its place."""
    snapshot = case.evidence.snapshot
    return name == case.name if snapshot.manifest is None else bool(snapshot.recorded(kind, name))
