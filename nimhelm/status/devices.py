"""Devices of dynamic resource allocation: GPUs that a service claims, rather than asks for as a resource."""

from __future__ import annotations

from nimhelm.status import kubeobject as ko
from nimhelm.status.evidence import Case
from nimhelm.status.graph import SERVICE_LABEL


def devices_of(case: Case) -> dict[str, int]:
    """What one replica claims, by device class; a claim of which nothing more is known counts as one device."""
    templates = {
        ko.name_of(each): each
        for each in case.evidence.snapshot.manifest or []
        if ko.text(each, "kind") == "ResourceClaimTemplate" and ko.label(each, SERVICE_LABEL) == case.name
    }
    found: dict[str, int] = {}
    claimed = {
        ko.text(each, "resourceClaimTemplateName") or ko.text(each, "resourceClaimName")
        for pod in case.pods
        for each in ko.items(pod, "spec", "resourceClaims")
    }
    for template in templates.values():
        for request in ko.items(template, "spec", "spec", "devices", "requests"):
            exactly = ko.mapping(request, "exactly") or request
            kind = ko.text(exactly, "deviceClassName") or "device"
            found[kind] = found.get(kind, 0) + (ko.number(exactly, "count") or 1)
    others = claimed - templates.keys() - {""}
    if others:
        found["claims"] = len(others)
    return found
