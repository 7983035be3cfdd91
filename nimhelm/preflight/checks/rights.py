"""May this user create here what the chart holds, keep Helm's record, and grant what its Roles grant."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds, skipped
from nimhelm.preflight.rights import Right, allows, later_rights, may, namespace_rights, wanted_rights
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

_RBAC = "rbac.authorization.k8s.io"


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """The namespace, then one line for all rights, or one for what is missing."""
    if not cluster.namespace_exists:
        yield _no_namespace(cluster)
    lacking = [right for right in namespace_rights(cluster) if cluster.answers.get(right) is False]
    if lacking:
        yield Check(
            "rights",
            FAILS,
            f"this user may not {_said(lacking)}",
            "RightsMissing",
            "helm install stops at --create-namespace, whether or not the namespace exists",
            (),
            cluster.reach.kubectl("auth", "can-i", lacking[0][0], "namespaces", everywhere=True),
        )
    wanted = wanted_rights(rendered, cluster)
    answers = {right: may(cluster, right) for right in wanted}
    missing = [right for right, answer in answers.items() if answer is False]
    unknown = [right for right, answer in answers.items() if answer is None]
    if missing:
        yield _missing(cluster, missing)
    elif unknown:
        yield skipped("rights", "not checked: the API server does not say what this user may do")
    elif wanted:
        yield holds(
            "rights", f"this user may read and create the {len({right[2] for right in wanted})} kinds of the chart"
        )
    if not missing:
        yield from _later(rendered, cluster)
    yield from _escalation(rendered, cluster)


def _later(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """An upgrade of what is installed already needs these at once; an install does not."""
    lacking = [right for right in later_rights(rendered, cluster) if may(cluster, right) is False]
    if not lacking:
        return
    upgrades = cluster.helm is not None and any(verb == "patch" for verb, _, _ in lacking)
    yield Check(
        "rights",
        FAILS if upgrades else WARNS,
        f"this user may not {_said(lacking)}",
        "RightsMissing",
        "an upgrade stops at the first object that it may not change"
        if upgrades
        else "the install works, an upgrade or an uninstall stops; ask an administrator for the role admin or edit here",
        (),
        _ask(cluster, lacking[0]),
    )


def _no_namespace(cluster: Cluster) -> Check:
    """helm install makes it if it is told to; what an administrator's tools put into a new one is not known."""
    name, made = cluster.reach.namespace, cluster.reach.create_namespace
    return Check(
        "rights",
        WARNS if made else FAILS,
        f"namespace {short(name)} does not exist",
        "NamespaceMissing",
        "helm install creates it; secrets, quotas and policies in it are not known yet"
        if made
        else "helm install stops, unless it and this preflight are given --create-namespace",
        (),
        cluster.reach.kubectl("create", "namespace", name, everywhere=True),
    )


def _missing(cluster: Cluster, missing: list[Right]) -> Check:
    return Check(
        "rights",
        FAILS,
        f"this user may not {_said(missing)}",
        "RightsMissing",
        "helm stops at the first object that it may not create; ask an administrator for the role admin or edit here",
        (),
        _ask(cluster, missing[0]),
    )


def _said(lacking: list[Right]) -> str:
    """ "get/create deployments.apps, delete secrets" """
    verbs: dict[str, list[str]] = {}
    for verb, group, resource in lacking:
        verbs.setdefault(f"{resource}.{group}" if group else resource, []).append(verb)
    return short(", ".join(f"{'/'.join(each)} {resource}" for resource, each in verbs.items()), 400)


def _ask(cluster: Cluster, right: Right) -> str:
    verb, group, resource = right
    return cluster.reach.kubectl("auth", "can-i", verb, f"{resource}.{group}" if group else resource)


def _escalation(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Nobody may grant what he does not hold, unless with the verbs escalate and bind."""
    roles = rendered.of("Role")
    if not roles or cluster.rights is None or allows(cluster.rights, ("escalate", _RBAC, "roles")):
        return
    beyond = {ko.name_of(role): lacking for role in roles if (lacking := _lacking(cluster, role))}
    for name, lacking in beyond.items():
        yield Check(
            "rights",
            FAILS,
            f"Role {short(name)} grants what this user does not hold: {short(', '.join(lacking), 300)}",
            "RightsEscalation",
            "the API server refuses the Role, and helm stops",
            (_service(rendered, name),),
            cluster.reach.kubectl("auth", "can-i", *lacking[0].split(" ")),
        )
    if not beyond:
        yield holds("rights", "this user holds what the chart's Roles grant")


def _service(rendered: Rendered, name: str) -> str:
    role = next(each for each in rendered.of("Role") if ko.name_of(each) == name)
    return ko.label(role, "app.kubernetes.io/name") or name


def _lacking(cluster: Cluster, role: ko.Object) -> list[str]:
    """ "create pods/exec", for each right of the role that the user does not hold."""
    lacking = []
    for rule in ko.items(role, "rules"):
        for verb in ko.texts(rule, "verbs"):
            for group in ko.texts(rule, "apiGroups"):
                for resource in ko.texts(rule, "resources"):
                    names = ko.texts(rule, "resourceNames") or [""]
                    held = all(allows(cluster.rights or (), (verb, group, resource), name) for name in names)
                    if not held:
                        base, slash, sub = resource.partition("/")
                        shown = f"{base}.{group}{slash}{sub}" if group not in ("", "*") else resource
                        lacking.append(f"{verb} {shown}")
    return lacking
