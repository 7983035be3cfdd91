"""Moving a running pipeline from the operator to a release: what would happen to each object, as a pure function.

Objects keep their names and selectors, so taking one over is a change of its owner: the operator's ownerReferences go,
Helm's marks come. Pods restart only where the pod template differs; which parts do is said before anything is done.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nimhelm.pipeline import dig
from nimhelm.yamlread import field_text

Object = dict[str, Any]

FIELD_MANAGER = "helm"
OPERATOR = "k8s-nim-operator"
OPERATOR_GROUP = "apps.nvidia.com/"
RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
MANAGED_BY = "app.kubernetes.io/managed-by"
LEFTOVERS = {
    "labels": ("app.kubernetes.io/operator-version",),
    "annotations": ("nvidia.com/last-applied-hash", "nvidia.com/parent-spec-hash"),
}
"""What the operator writes on its objects for itself. On the pods it stays: without it they would restart."""
POD_TEMPLATES = ("template", "leaderWorkerTemplate", "predictor")
"""Where a Deployment, a LeaderWorkerSet and an InferenceService hold what their pods are made from."""

CREATE, TAKE_OVER, KEEP, REFUSE = "create", "take over", "keep", "refuse"


class Change(NamedTuple):
    """What happens to one object of the chart. `restarts` are the parts of the pod template that differ."""

    kind: str
    name: str
    action: str
    reason: str = ""
    restarts: tuple[str, ...] = ()


def changes(
    rendered: list[Object], live: list[Object], applied: list[Object], release: str, namespace: str
) -> list[Change]:
    """The change of every rendered object.

    `live` are those that exist; `applied` what the API server would make of the workloads (a server-side dry run).
    """
    existing = {identity(item): item for item in live}
    outcome = {identity(item): item for item in applied}
    result = []
    for item in rendered:
        key = identity(item)
        if key not in existing:
            result.append(Change(*key, CREATE))
            continue
        action, reason = ownership(existing[key], release, namespace)
        result.append(Change(*key, action, reason, pod_differences(existing[key], outcome.get(key))))
    return result


def identity(item: Object) -> tuple[str, str]:
    """Kind and name."""
    return str(item.get("kind")), str(dig(item, "metadata", "name"))


def ownership(item: Object, release: str, namespace: str) -> tuple[str, str]:
    """What to do with an object that exists, by who owns it, and why. An object without a known owner may belong to anyone."""
    annotations = dig(item, "metadata", "annotations") or {}
    owner = annotations.get(RELEASE_NAME)
    if owner == release and annotations.get(RELEASE_NAMESPACE) == namespace:
        return KEEP, "belongs to this release"
    if owner:
        return REFUSE, f"belongs to the release {owner} in {annotations.get(RELEASE_NAMESPACE)}"
    owners = dig(item, "metadata", "ownerReferences") or []
    foreign = [one for one in owners if not str(one.get("apiVersion", "")).startswith(OPERATOR_GROUP)]
    if foreign:
        return REFUSE, f"belongs to {foreign[0].get('kind')} {foreign[0].get('name')}"
    if owners:
        return TAKE_OVER, f"from {owners[0].get('kind')} {owners[0].get('name')}"
    if annotations.get(RELEASE_NAME) is None and dig(item, "metadata", "labels", MANAGED_BY) == OPERATOR:
        return TAKE_OVER, "left by the operator"
    return REFUSE, "is not the operator's; delete it, or mark it as the release's own"


def pod_differences(before: Object, after: Object | None) -> tuple[str, ...]:
    """The fields of the pod template that differ: any difference restarts the pods.

    KServe gives the labels and annotations of an InferenceService to its pods.
    """
    if after is None:
        return ()
    found: list[str] = []
    if before.get("kind") == "InferenceService":
        for key in ("labels", "annotations"):
            one, two = (dig(item, "metadata", key) or {} for item in (before, after))
            found += differing(one, two, ("metadata", key))
    for name in POD_TEMPLATES:
        found += differing(dig(before, "spec", name), dig(after, "spec", name), ())
    return tuple(found)


def differing(one: Any, two: Any, path: tuple[str | int, ...]) -> list[str]:
    """The smallest parts that differ; lists of named items are compared by name."""
    if isinstance(one, dict) and isinstance(two, dict):
        keys = [*one, *(key for key in two if key not in one)]
        return [text for key in keys for text in differing(one.get(key), two.get(key), (*path, key))]
    if _is_named(one) and _is_named(two):
        left, right = ({item["name"]: item for item in items} for items in (one, two))
        parts = [
            text for name in {**left, **right} for text in differing(left.get(name), right.get(name), (*path, name))
        ]
        order = [item["name"] for item in one] != [item["name"] for item in two]
        return parts or ([f"order of {field_text(path)}"] if order else [])
    return [] if one == two else [field_text(path)]


def _is_named(items: Any) -> bool:
    return isinstance(items, list) and bool(items) and all(isinstance(item, dict) and "name" in item for item in items)


def ownership_patch(release: str, namespace: str) -> Object:
    """The merge patch that makes an object the release's own: without owners and leftovers, with Helm's marks."""
    return {
        "metadata": {
            "ownerReferences": None,
            "labels": {**dict.fromkeys(LEFTOVERS["labels"]), MANAGED_BY: "Helm"},
            "annotations": {
                **dict.fromkeys(LEFTOVERS["annotations"]),
                RELEASE_NAME: release,
                RELEASE_NAMESPACE: namespace,
            },
        }
    }


def field_patch(item: Object) -> Object | None:
    """The merge patch that leaves only Helm's claims to the fields of an object; None where there is nothing to do.

    The operator's claims would block every later upgrade that helm 4 applies on the server.
    """
    entries = dig(item, "metadata", "managedFields") or []
    ours = [entry for entry in entries if entry.get("manager") == FIELD_MANAGER]
    return {"metadata": {"managedFields": ours}} if ours and len(ours) < len(entries) else None


def report(found: list[Change]) -> str:
    """The changes as lines, objects of one kind and fate together; then what restarts and why."""
    lines = []
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in found:
        groups.setdefault((change.action, change.kind, change.reason if change.action == REFUSE else ""), []).append(
            change.name
        )
    for (action, kind, reason), names in groups.items():
        lines.append(f"  {action:<9}  {kind:<24} {', '.join(names)}{f' ({reason})' if reason else ''}")
    for change in found:
        if change.restarts:
            shown = ", ".join(change.restarts[:12]) + (" ..." if len(change.restarts) > 12 else "")
            lines.append(f"  restarts   {change.kind} {change.name}: {shown}")
    if not any(change.restarts for change in found):
        lines.append("  no pod restarts")
    return "".join(f"{line}\n" for line in lines)
