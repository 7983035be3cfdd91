"""What the user may do, and what the API server says to a dry run. Every request here is one that stores nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, end, partial, run, start
from nimhelm.kubectlerrors import ForbiddenError
from nimhelm.preflight.cluster import Cluster, Refusal
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.status import kubeobject as ko

Right = tuple[str, str, str]
"""(verb, group, resource)"""

_OF_RIGHT = ("verb", "group", "resource")
_OWNER = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "nimhelm-preflight",
    "uid": "00000000-0000-0000-0000-000000000000",
    "controller": True,
}
"""Policies that forbid pods without a controller are not what a pod of a Deployment meets."""
_NO_OWNER = re.compile(r'"nimhelm-preflight" not found')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']+)'")
_API_ERROR = re.compile(r"^(?:Error from server|The [A-Z]\w+ |error: |Error: )")
_SUBJECTS = (
    re.compile(r'The ([A-Z]\w+) "([^"]+)" is invalid'),
    re.compile(r'\b([a-z][a-z0-9]*)(?:\.[a-z0-9.-]+)? "([^"]+)" (?:is )?(?:forbidden|invalid|not found)'),
)


def wanted_rights(rendered: Rendered, cluster: Cluster) -> list[Right]:
    """What helm needs in the namespace to install: to keep its record, and to read and make each kind of the chart.

    Helm 4 makes objects by server-side apply, for which the API server wants the right to patch as well.
    """
    found = _of_records(cluster, "list", "get", "create", "update")
    verbs = ("get", "create", "patch") if cluster.helm_major >= 4 else ("get", "create")
    found += [(verb, *kind) for kind in _kinds(rendered, cluster.plurals) for verb in verbs]
    return list(dict.fromkeys(found))


def later_rights(rendered: Rendered, cluster: Cluster) -> list[Right]:
    """What an upgrade and an uninstall need beside that: to change and delete what the install made."""
    found = _of_records(cluster, "delete")
    found += [(verb, *kind) for kind in _kinds(rendered, cluster.plurals) for verb in ("patch", "delete")]
    return list(dict.fromkeys(found))


def namespace_rights(cluster: Cluster) -> list[Right]:
    """What helm install --create-namespace needs: it asks for the namespace anew, also where there is one."""
    if not cluster.reach.create_namespace:
        return []
    return [(verb, "", "namespaces") for verb in ("create", *(["patch"] if cluster.helm_major >= 4 else []))]


def _of_records(cluster: Cluster, *verbs: str) -> list[Right]:
    return [(verb, "", f"{cluster.record_kind.lower()}s") for verb in verbs if cluster.record_kind]


def _kinds(rendered: Rendered, plurals: Any) -> list[tuple[str, str]]:
    """(group, resource) of each kind of the chart that the cluster serves."""
    named = [(ko.text(each, "apiVersion").rpartition("/")[0], ko.text(each, "kind")) for each in rendered.objects]
    return [(group, plurals[f"{group}/{kind}"]) for group, kind in dict.fromkeys(named) if f"{group}/{kind}" in plurals]


def with_rights(access: Access, cluster: Cluster, rendered: Rendered) -> Cluster:
    """The cluster with one rules review, and an access review for each right that it does not show."""
    cluster = cluster._replace(rights=_rules(access))
    needed = {*wanted_rights(rendered, cluster), *later_rights(rendered, cluster)}
    asked = sorted(right for right in needed if not allows(cluster.rights or (), right))
    # The rules of a namespace do not say what holds for namespaces.
    asked += namespace_rights(cluster)
    return cluster._replace(answers=_answers(access, cluster, asked)) if asked else cluster


def _rules(access: Access) -> tuple[ko.Object, ...] | None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": access.namespace},
    }
    words = ["create", "--raw=/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "-f", "-"]
    try:
        answer = json.loads(run(access, "a review of rights", *words, given=json.dumps(review)))
    except (ForbiddenError, ValueError):
        return None
    except KubectlError as error:
        if "404" in str(error) or "NotFound" in str(error) or "not find" in str(error):
            return None
        raise
    return tuple(ko.items(answer, "status", "resourceRules"))


def _answers(access: Access, cluster: Cluster, rights: list[Right]) -> dict[Right, bool]:
    reviews = [
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": _place(cluster, right) | dict(zip(_OF_RIGHT, right, strict=True))},
        }
        for right in rights
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    running = start(
        access, "reviews of rights", ["create", "-f", "-", "-o", "json", "--validate=false"], has_input=True
    )
    try:
        printed, _ = partial(access, running, given.encode())
    finally:
        end([running])
    answers: dict[Right, bool] = {}
    for each in _documents(printed):
        attributes = ko.mapping(each, "spec", "resourceAttributes")
        right = (ko.text(attributes, "verb"), ko.text(attributes, "group"), ko.text(attributes, "resource"))
        answers[right] = ko.true(each, "status", "allowed")
    return answers


def _place(cluster: Cluster, right: Right) -> dict[str, str]:
    namespace = cluster.reach.namespace
    if right[1:] != ("", "namespaces"):
        return {"namespace": namespace}
    return {} if right[0] == "create" else {"namespace": namespace, "name": namespace}


def _documents(printed: str) -> list[ko.Object]:
    """The objects that kubectl prints, as a List or one after the other."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while place < len(printed):
        try:
            value, place = decoder.raw_decode(printed, place)
        except ValueError:
            break
        found += ko.items(value, "items") or [value]
        place += len(printed[place:]) - len(printed[place:].lstrip())
    return [each for each in found if isinstance(each, dict)]


def allows(rules: tuple[ko.Object, ...], right: Right, name: str = "") -> bool:
    """Whether the rules hold the right, for every name, or for the one that is given."""
    verb, group, resource = right
    return any(
        _among(verb, ko.texts(rule, "verbs"))
        and _among(group, ko.texts(rule, "apiGroups"))
        and _holds_resource(resource, ko.texts(rule, "resources"))
        and (not ko.texts(rule, "resourceNames") or name in ko.texts(rule, "resourceNames"))
        for rule in rules
    )


def _among(value: str, allowed: list[str]) -> bool:
    return "*" in allowed or value in allowed


def _holds_resource(resource: str, allowed: list[str]) -> bool:
    _, slash, sub = resource.partition("/")
    return _among(resource, allowed) or bool(slash and f"*/{sub}" in allowed)


def may(cluster: Cluster, right: Right) -> bool | None:
    """Whether the user has the right; None where neither review says so."""
    if cluster.rights is not None and allows(cluster.rights, right):
        return True
    return cluster.answers.get(right)


def dry_run(access: Access, cluster: Cluster, rendered: Rendered) -> Cluster:
    """The cluster with what its API server says to the objects and to the pods, which it checks and does not store."""
    objects = [
        each
        for each in (*_record(cluster), *rendered.objects)
        if _can_apply(cluster, each) and not _binds_new_role(rendered, each)
    ]
    pods = [_pod(rendered, workload, number) for number, workload in enumerate(rendered.workloads)]
    sets = [_replica_set(pod) for pod, each in zip(pods, rendered.workloads, strict=True) if each.kind == "Deployment"]
    pods += [each for each in sets if _can_apply(cluster, each)]
    return cluster._replace(
        refusals=_refusals(access, objects),
        pod_refusals=_judged(access, _refused_pods(access, pods)) if _may_make_pods(cluster) else None,
    )


def _record(cluster: Cluster) -> Iterator[ko.Object]:
    """The object in which helm keeps its record: a policy may forbid that, too."""
    if not cluster.record_kind:
        return
    revision = (cluster.helm[1] if cluster.helm else 0) + 1
    labels = dict(pair.split("=", 1) for each in cluster.reach.labels for pair in each.split(","))
    labels |= {"owner": "helm", "name": cluster.reach.release, "status": "pending-install", "version": str(revision)}
    metadata = {"name": f"sh.helm.release.v1.{cluster.reach.release}.v{revision}", "labels": labels}
    of_helm = {"type": "helm.sh/release.v1"} if cluster.record_kind == "Secret" else {}
    yield {"apiVersion": "v1", "kind": cluster.record_kind, "metadata": metadata, **of_helm}


def _replica_set(pod: ko.Object) -> ko.Object:
    """The ReplicaSet between a Deployment and its pods."""
    metadata = {key: item for key, item in pod["metadata"].items() if key in ("labels", "annotations")}
    selector = {"matchLabels": ko.mapping(metadata, "labels")}
    owned = pod["metadata"] | {"ownerReferences": [_OWNER | {"kind": "Deployment"}]}
    spec = {"replicas": 1, "selector": selector, "template": {"metadata": metadata, "spec": pod["spec"]}}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": owned, "spec": spec}


def _judged(access: Access, refusals: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
    """With what policies look at who asks: this user asks for the pods here, a controller does in an install."""
    denied = {each: match[1] for each in refusals if (match := _POLICY.search(each.message))}
    if not denied:
        return refusals
    words = ["get", "validatingadmissionpolicies", *dict.fromkeys(denied.values()), "-o", "json"]
    try:
        answer = json.loads(run(access, "policies", *words))
    except (KubectlError, ValueError):  # not for this user to read
        return refusals
    policies = ko.items(answer, "items") or [answer]
    about_users = {ko.name_of(each) for each in policies if "userInfo" in json.dumps(each.get("spec"))}
    return tuple(each._replace(about_user=denied.get(each) in about_users) for each in refusals)


def _binds_new_role(rendered: Rendered, value: ko.Object) -> bool:
    """Whether it is bound to a Role that a dry run does not store: what the Role grants is judged from the rules instead."""
    return ko.text(value, "kind") == "RoleBinding" and rendered.has("Role", ko.text(value, "roleRef", "name"))


def _may_make_pods(cluster: Cluster) -> bool:
    rules = cluster.rights or ()
    return all(allows(rules, (verb, "", "pods")) for verb in ("create", "patch"))


def _can_apply(cluster: Cluster, value: ko.Object) -> bool:
    """Whether the kind is served, and the user may create and patch it: what is missing is reported elsewhere."""
    version, kind = ko.text(value, "apiVersion"), ko.text(value, "kind")
    group = version.rpartition("/")[0]
    plural = cluster.plurals.get(f"{group}/{kind}", "")
    rules = cluster.rights or ()
    served = f"{version}/{kind}" in cluster.apis
    return served and all(allows(rules, (verb, group, plural)) for verb in ("create", "patch"))


def _pod(rendered: Rendered, workload: Workload, number: int) -> ko.Object:
    """A pod of the template. A service account that the install would bring is not there yet: the default one stands in."""
    metadata = {
        key: item for key, item in ko.mapping(workload.pod, "metadata").items() if key in ("labels", "annotations")
    }
    name = f"nimhelm-preflight-{number}"
    spec = ko.mapping(workload.pod, "spec")
    if rendered.has("ServiceAccount", ko.text(spec, "serviceAccountName")):
        spec["serviceAccountName"] = "default"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | {"name": name, "ownerReferences": [_OWNER]},
        "spec": spec,
    }


def _refusals(access: Access, objects: list[ko.Object]) -> tuple[Refusal, ...]:
    """What is refused; every object is asked about, also after a refusal."""
    if not objects:
        return ()
    words = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
        "--field-manager=helm",
        "-o",
        "name",
        "-f",
        "-",
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    running = start(access, "dry run", words, has_input=True)
    try:
        _, complaint = partial(access, running, given.encode())
    finally:
        end([running])
    return tuple(_refusal(message) for message in _messages(complaint))


def _refused_pods(access: Access, pods: list[ko.Object]) -> tuple[Refusal, ...]:
    """What is refused of pods. A webhook that looks for their controller, as that of Kueue does, hides the rules behind it.
    So these pods are asked about again, with an owner that is no controller.
    """
    refusals = _refusals(access, pods)
    if not any(_NO_OWNER.search(each.message) for each in refusals):
        return refusals
    owners = [_OWNER | {"controller": False}]
    return _refusals(access, [pod | {"metadata": pod["metadata"] | {"ownerReferences": owners}} for pod in pods])


def _messages(complaint: str) -> list[str]:
    """One message for each refused object; the lines of a longer one belong together."""
    found: list[str] = []
    for line in complaint.splitlines():
        if line.startswith("Warning: "):
            continue
        if _API_ERROR.match(line) or not found:
            found.append(line)
        else:
            found[-1] += f" {line.strip()}"
    return [message for message in found if message.strip()]


def _refusal(message: str) -> Refusal:
    for pattern in _SUBJECTS:
        if match := pattern.search(message):
            return Refusal(match[1], match[2], message)
    return Refusal("", "", message)
