"""Fields of the chart that somebody changed by hand: an upgrade sets them back, or stops at them."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.diff.effects import REFUSED, RESTART, SET_BACK, Effect, Object, service_of, title
from nimhelm.pipeline import dig
from nimhelm.status.owners import is_applied, owners_of, taken_over

_HELM_KNOWS = ("", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io")
"""API groups that Helm's client knows. Of an object of another group Helm compares only what it rendered before and now,
unless it applies it on the server: a change by hand stays.
"""
_TEMPLATE = "spec.template."


def by_hand(new: list[Object], live: list[Object], helm: int) -> Iterator[Effect]:
    """What an upgrade to the new objects by this major version of helm does with the changes by hand in the live ones."""
    there = {title(each): each for each in live}
    for each in new:
        found = there.get(title(each), {})
        owned = {**found, "fieldOwners": owners_of(dig(found, "metadata", "managedFields") or [])}
        fields = taken_over(owned, each)
        group = str(each.get("apiVersion")).rpartition("/")[0]
        if fields and helm >= 4 and is_applied(owned):
            first = "to set it back: helm upgrade with --force-conflicts"
            yield _effect(each, REFUSED, fields, "helm 4 stops there", first)
        elif any(field.startswith(_TEMPLATE) for field in fields):
            yield _effect(each, RESTART, fields, "the upgrade sets it back, and the pods restart")
        elif fields and group in _HELM_KNOWS:
            yield _effect(each, SET_BACK, fields, "the upgrade sets it back")


def _effect(new: Object, code: str, fields: list[str], text: str, first: str = "") -> Effect:
    return Effect(code, service_of(new), title(new), f"changed by hand: {', '.join(fields)}; {text}", first)
