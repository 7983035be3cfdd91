"""Claims and volumes: unbound, refused, attached elsewhere, not mountable."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, PENDING, Cause
from nimhelm.status.causes import refusals
from nimhelm.status.causes.containers import absent_object
from nimhelm.status.evidence import Case, event_time, has_ended, message_of
from nimhelm.status.fit import fits_of
from nimhelm.wording import duration, short

_CLAIM_ABSENT = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_CLAIM_LEAVING = re.compile(r'persistentvolumeclaim "([^"]+)" is being deleted')
_CLASS_ABSENT = re.compile(r'storageclass(?:\.storage\.k8s\.io)? "([^"]+)" not found')
_MULTI_ATTACH = re.compile(r'Multi-Attach error for volume "([^"]+)"(?:.*used by pod\(s\) (.+))?', re.DOTALL)
_KEY_GONE = re.compile(r'for volume "([^"]+)".*references non-existent (secret|config) key: (\S+)', re.DOTALL)
_ACCOUNT_GONE = re.compile(r'serviceaccounts? "([^"]+)" not found')
_NO_CSI = re.compile(r"driver name (\S+) not found in the list of registered CSI drivers")
# Held as long as a pod on a node has the claim.
_IN_USE = "kubernetes.io/pvc-protection"
# An external provisioner that is silent for so long is not running.
_PROVISIONER_PATIENCE = 120
# The kubelet and the attach controller try again at growing distances, of two minutes and a little in the end; an event
# that much older is of something that went well since.
_MOUNT_RETRY = 600
_MOUNT_SETTLES = 20


def claim_of_message(case: Case, pod: ko.Object, message: str) -> Cause | None:
    """The claim that keeps the scheduler from placing the pod, None if claims are not what it names."""
    if match := _CLAIM_LEAVING.search(message):
        return leaving_claim(case, match[1])
    if match := _CLAIM_ABSENT.search(message):
        return _absent_claim(case, match[1])
    if "unbound immediate PersistentVolumeClaims" not in message and "unbound PersistentVolumeClaims" not in message:
        return None
    claims = claims_of(pod)
    found = [cause for claim in claims if (cause := pending_claim(case, claim))]
    if found:
        return found[0]
    named = short(claims[0] if claims else case.service.claim) or "of the pod"
    return Cause("ClaimUnbound", f"claim {named} is not bound", PENDING, next=steps.describe(case, "pvc", named))


def _absent_claim(case: Case, claim: str) -> Cause:
    """The claim was never made, or was deleted. Helm's record may hold why it was refused."""
    look = steps.command(case.evidence, "get", "pvc")
    step = steps.made_again(case.evidence, "PersistentVolumeClaim", claim, look)
    text = f"claim {short(claim)} does not exist"
    if refused := refusals.by_helm(case, "PersistentVolumeClaim", claim):
        text, step = f"{text}: {refused.text}", refused.step or step
    return Cause("ClaimMissing", text, FAILED, next=step)


def leaving_claim(case: Case, claim: str) -> Cause:
    """The claim is being deleted: no pod may use it any more, and its name is not free yet."""
    text = f"claim {short(claim)} is being deleted"
    held = ko.texts(case.evidence.claims.get(claim), "metadata", "finalizers")
    if held == [_IN_USE] and (used := _used(case, claim)):
        return Cause("ClaimTerminating", f"{text}, {used[0]}", FAILED, next=used[1])
    if held:
        text += f", held by {', '.join(short(each) for each in held)}"
    fields = "custom-columns=CLAIM:.metadata.name,DELETED:.metadata.deletionTimestamp,HELD_BY:.metadata.finalizers"
    step = steps.command(case.evidence, "get", "pvc", claim, "-o", fields)
    return Cause("ClaimTerminating", text, FAILED, next=step)


def _used(case: Case, claim: str) -> tuple[str, str] | None:
    """Which pod of the release keeps a claim that is being deleted, and what shows it or sends it away."""
    evidence = case.evidence
    for cache, pods in evidence.cache_pods.items():
        ended = [pod for pod in pods if has_ended(pod) and claim in claims_of(pod)]
        job = evidence.graph.caches[cache].job if cache in evidence.graph.caches else ""
        if ended and job:  # its pods are kept to be looked at, and count all the same
            text = f"and pod {short(ko.name_of(ended[0]))} of the caching job, which has ended, keeps it"
            return text, steps.command(evidence, "delete", "job", job)
    for pods in evidence.pods.values():
        for pod in pods:
            if ko.text(pod, "spec", "nodeName") and claim in claims_of(pod):
                return f"and pod {short(ko.name_of(pod))} keeps it", steps.describe(case, "pvc", claim)
    return None


def pending_claim(case: Case, claim: str) -> Cause | None:
    """Why a claim is not bound; None if it is, or if it only waits for its pod to be placed."""
    held = case.evidence.claims.get(claim)
    phase = ko.text(held, "status", "phase")
    look = steps.describe(case, "pvc", claim)
    if phase == "Lost":
        return Cause("ClaimLost", f"claim {short(claim)} has lost its volume", FAILED, next=look)
    if held is None or phase != "Pending":
        return None
    events = case.evidence.events_of("PersistentVolumeClaim", claim)
    for event in events:
        if cause := _claim_event(case, claim, event):
            return cause._replace(detail=short(message_of(event), 600))
        if ko.text(event, "reason") in ("WaitForFirstConsumer", "WaitForPodScheduled"):
            return None
    return _silent_claim(case, claim, held)


def _claim_event(case: Case, claim: str, event: ko.Object) -> Cause | None:
    """What an event about the claim means, None if it does not report a fault."""
    reason, message = ko.text(event, "reason"), message_of(event)
    if match := _CLASS_ABSENT.search(message):
        return _class_absent(case, claim, match[1])
    if "no storage class is set" in message:
        return _no_class(case, claim)
    if reason == "ProvisioningFailed":
        text = f"claim {short(claim)} cannot be provisioned: {short(message)}"
        return Cause("ProvisioningFailed", text, FAILED, next=steps.describe(case, "pvc", claim))
    if reason in ("ExternalProvisioning", "Provisioning"):
        return _provisioning(case, claim)
    if reason == "FailedBinding":
        text = f"claim {short(claim)} cannot be bound: {short(message)}"
        return Cause("FailedBinding", text, FAILED, next=steps.describe(case, "pvc", claim))
    return None


def _provisioning(case: Case, claim: str) -> Cause:
    held = case.evidence.claims.get(claim)
    age = ko.seconds_since(ko.moment(held, "metadata", "creationTimestamp"), case.now)
    by = ko.text(held, "metadata", "annotations", "volume.kubernetes.io/storage-provisioner") or "the provisioner"
    text = f"claim {short(claim)}: waiting {duration(age)} for {short(by)} to make the volume"
    late = age > _PROVISIONER_PATIENCE
    return Cause("Provisioning", text, PENDING, next=steps.describe(case, "pvc", claim) if late else "", problem=late)


def _silent_claim(case: Case, claim: str, held: ko.Object) -> Cause | None:
    """A pending claim whose events are gone."""
    if ko.text(held, "metadata", "annotations", "volume.kubernetes.io/selected-node"):
        return _provisioning(case, claim)
    wanted = ko.dig(held, "spec", "storageClassName")
    if wanted == "":
        return _no_class(case, claim, "asks for no storage class and finds no volume")
    if not isinstance(wanted, str):
        return _no_class(case, claim)
    if ko.text(held, "metadata", "annotations", "volume.kubernetes.io/storage-provisioner"):
        return _provisioning(case, claim)
    text = f"claim {short(claim)} (storage class {short(wanted)}) is not bound"
    return Cause("ClaimUnbound", text, PENDING, next=steps.cluster(case.evidence, "get", "storageclass", wanted))


def _no_class(case: Case, claim: str, why: str = "names no storage class and the cluster has no default one") -> Cause:
    step = steps.cluster(case.evidence, "get", "storageclass")
    return Cause("NoStorageClass", f"claim {short(claim)} {why}", FAILED, next=step)


def _class_absent(case: Case, claim: str, wanted: str) -> Cause:
    text = f"claim {short(claim)}: storage class {short(wanted)} does not exist"
    return Cause("StorageClassMissing", text, FAILED, next=steps.cluster(case.evidence, "get", "storageclass"))


def elsewhere(case: Case, pod: ko.Object, message: str) -> Cause | None:
    """The volume of a bound claim ties the pod to a node that does not take it."""
    if not is_elsewhere(message):
        return None
    for claim in claims_of(pod):
        if not (place := _place_of(case, claim)):
            continue
        where, node = place
        why = _why_not(case, pod, node, message)
        text = f"the volume of claim {short(claim)} is on {where}" + (f", which {why}" if why else "")
        known = node in case.evidence.nodes
        step = steps.cluster(case.evidence, "describe", "node", node) if known else _look_at_claim(case, claim)
        return Cause("VolumeElsewhere", text, PENDING, next=step)
    claim = next(iter(claims_of(pod)), case.service.claim)
    text = f"the volume of claim {short(claim)} is on a node or in a zone that does not take the pod"
    return Cause("VolumeElsewhere", text, PENDING, next=_look_at_claim(case, claim))


def is_elsewhere(message: str) -> bool:
    """Whether the scheduler says that a volume is out of reach of the nodes: by its node affinity, or by its zone."""
    said = ("PersistentVolume's node affinity", "volume node affinity conflict", "no available volume zone")
    return any(each in message for each in said)


def claims_of(pod: ko.Object) -> list[str]:
    """The claims that the pod mounts."""
    names = (ko.text(each, "persistentVolumeClaim", "claimName") for each in ko.items(pod, "spec", "volumes"))
    return [name for name in names if name]


def _look_at_claim(case: Case, claim: str) -> str:
    return steps.describe(case, "pvc", claim) if claim else steps.command(case.evidence, "get", "pvc")


def _place_of(case: Case, claim: str) -> tuple[str, str] | None:
    """Where the claim's volume is, in words and as the name of a node; None if nothing tells."""
    held = case.evidence.claims.get(claim)
    volume_name = ko.text(held, "spec", "volumeName")
    found = case.evidence.snapshot.named("persistentvolumes", volume_name)
    for term in ko.items(found, "spec", "nodeAffinity", "required", "nodeSelectorTerms"):
        for each in ko.items(term, "matchExpressions"):
            key, values = ko.text(each, "key"), ko.texts(each, "values")
            if key == "kubernetes.io/hostname" and values:
                return f"node {short(values[0])}", values[0]
            if values:
                return f"nodes with {short(key)}={short(values[0])}", ""
    node = ko.text(held, "metadata", "annotations", "volume.kubernetes.io/selected-node")
    return (f"node {short(node)}", node) if node else None


def _why_not(case: Case, pod: ko.Object, node: str, message: str) -> str:
    """Why that node does not take the pod."""
    if not node or not case.evidence.nodes:
        return ""
    if node not in case.evidence.nodes:
        return "is gone"
    fit = fits_of(pod, [case.evidence.nodes[node]])[0]
    if fit.blocked:
        return f"is {fit.blocked}"
    if not fit.matches:
        return "has not the labels that the pod asks for"
    lacking = re.findall(r"Insufficient ([A-Za-z0-9][-A-Za-z0-9._/]*)", message)
    return f"has not enough {lacking[0].rstrip('.')} free" if lacking else "does not take the pod"


def volume(case: Case, pod: ko.Object) -> Cause | None:
    """A volume of a placed pod that cannot be attached or mounted. Gone once a container has started."""
    if ko.text(ko.condition(pod, "PodReadyToStartContainers"), "status") == "True" or _has_begun(pod):
        return None
    events = case.evidence.events_of("Pod", ko.name_of(pod), "FailedAttachVolume", "FailedMount", "FailedMapVolume")
    causes = [_volume_event(case, pod, event) for event in events if _still_counts(case, event)]
    # "timed out waiting for the condition" comes beside the message that says why.
    telling = [cause for cause in causes if cause.code != "FailedMount"] or causes
    return telling[0] if telling else None


def _has_begun(pod: ko.Object) -> bool:
    every = ko.items(pod, "status", "initContainerStatuses") + ko.items(pod, "status", "containerStatuses")
    return any(ko.mapping(each, "state", "running") or ko.mapping(each, "state", "terminated") for each in every)


def _still_counts(case: Case, event: ko.Object) -> bool:
    """Whether it still fails. The first seconds, in which a claim gets bound, see failures that pass."""
    tried = ko.seconds_since(event_time(event), case.now)
    first = ko.seconds_since(ko.moment(event, "firstTimestamp"), case.now)
    return tried < _MOUNT_RETRY and (first > _MOUNT_SETTLES or "not found" in message_of(event))


def _volume_event(case: Case, pod: ko.Object, event: ko.Object) -> Cause:
    reason, message = ko.text(event, "reason"), message_of(event)
    look = steps.describe(case, "pod", ko.name_of(pod))
    detail = short(message, 600)
    if match := _MULTI_ATTACH.search(message):
        return _multi_attach(case, pod, match[1], match[2] or "")._replace(detail=detail)
    if cause := absent_object(case, pod, message):
        return cause._replace(detail=detail)
    if match := _NO_CSI.search(message):
        text = f"the node has no CSI driver {short(match[1])}"
        return Cause("CSIDriverMissing", text, FAILED, detail, steps.cluster(case.evidence, "get", "csidrivers"))
    if cause := _absent_part(case, pod, message):
        return cause._replace(detail=detail)
    text = f"a volume cannot be {'attached' if 'Attach' in reason else 'mounted'}: {short(_bare(message), 300)}"
    return Cause(reason, text, NOT_READY, detail, look)


def _bare(message: str) -> str:
    """What the mount program or the driver says, without the command line before it."""
    said = re.sub(r"(?s)^(MountVolume\.\w+|AttachVolume\.\w+) failed for volume \"[^\"]*\" ?: (?=\S)", "", message)
    said = re.sub(r"rpc error: code = \w+ desc = ", "", said)
    return re.sub(r"(?s)^mount failed: exit status \d+\s.*?Output: ", "", said)


def _absent_part(case: Case, pod: ko.Object, message: str) -> Cause | None:
    """A key that a volume of a secret or ConfigMap asks for, or the account of the pod's token, is missing."""
    if match := _ACCOUNT_GONE.search(message):
        text = f"service account {short(match[1])} does not exist"
        return Cause("ServiceAccountMissing", text, FAILED, next=steps.upgrade(case.evidence))
    match = _KEY_GONE.search(message)
    found = [each for each in ko.items(pod, "spec", "volumes") if match and ko.text(each, "name") == match[1]]
    if not match or not found:
        return None
    key = short(match[3].rstrip("."))
    name = ko.text(found, 0, "secret", "secretName") or ko.text(found, 0, "configMap", "name")
    if not name:
        return None
    if match[2] == "secret":
        return Cause(
            "SecretKeyMissing",
            f"Secret {short(name)} has no key {key}",
            FAILED,
            next=steps.describe(case, "secret", name),
        )
    return Cause(
        "ConfigMapKeyMissing",
        f"ConfigMap {short(name)} has no key {key}",
        FAILED,
        next=steps.describe(case, "configmap", name),
    )


def _multi_attach(case: Case, pod: ko.Object, volume_name: str, used_by: str) -> Cause:
    """The volume is on another node. It never comes when a pod that is to stay holds it."""
    holders = [name.strip() for name in used_by.replace(" and ", ",").split(",") if name.strip()]
    own = [ko.name_of(each) for each in case.pods if each is not pod and ko.text(each, "spec", "nodeName")]
    staying = [name for name in holders if name in own] or (own if not holders else [])
    claim = case.service.claim or volume_name
    text = f"Multi-Attach: claim {short(claim)} is attached to another node"
    if staying or holders:
        other = "" if staying or _is_own(case, holders) else " of another workload"
        text += f" by pod {short((staying or holders)[0])}{other}"
    if staying and case.service.replicas > 1:
        step = steps.set_values(case, ("replicas", 1))
    elif holders or staying:
        step = steps.command(case.evidence, "get", "pod", (staying or holders)[0], "-o", "wide")
    else:
        step = steps.cluster(case.evidence, "get", "volumeattachments")
    return Cause("MultiAttach", text, FAILED if staying or not _is_own(case, holders) else NOT_READY, next=step)


def _is_own(case: Case, holders: list[str]) -> bool:
    """Whether an old pod of this service holds the volume, which ends by itself; another workload's keeps it."""
    return not holders or any(name.startswith(f"{case.name}-") for name in holders)
