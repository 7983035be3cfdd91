"""Snapshot: what was read of a cluster at one moment. Status is computed from it and from nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from nimhelm.status.kubeobject import Object

# The lists a snapshot may hold, under the names kubectl has for them. The last three are used when a dump has them.
KINDS = (
    "configmaps",
    "deployments",
    "pods",
    "persistentvolumeclaims",
    "events",
    "nodes",
    "replicasets",
    "jobs",
    "horizontalpodautoscalers",
)


class HelmRecord(NamedTuple):
    """What the labels of Helm's newest release secret say: ("failed", 3)."""

    status: str
    revision: int


class Snapshot(NamedTuple):
    """The objects of one release at the moment `now`; `notes` say what could not be read."""

    release: str
    namespace: str
    now: datetime
    lists: dict[str, list[Object]]
    helm: HelmRecord | None = None
    notes: tuple[str, ...] = ()
    context: str = ""
    kubeconfig: str = ""

    def of(self, kind: str) -> list[Object]:
        """The list of that kind, as in KINDS; empty if it was not read."""
        return self.lists.get(kind, [])
