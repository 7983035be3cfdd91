"""Snapshot: what was read of a cluster at one moment. Status is computed from it and from nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from nimhelm.status.kubeobject import Object, name_of, text

# The lists a snapshot may hold, under the names kubectl has for them.
KINDS = (
    "configmaps",
    "deployments",
    "pods",
    "persistentvolumeclaims",
    "events",
    "services",
    "endpointslices",
    "nodes",
    "persistentvolumes",
    "jobs",
    "leaderworkersets",
    "inferenceservices",
    "ingresses",
    "ingressclasses",
    "workloads",
    "poddisruptionbudgets",
    "httproutes",
    "grpcroutes",
    "replicasets",
    "horizontalpodautoscalers",
    "namespaces",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
)


# The status of a release that Helm has made, and of which the namespace has no record any more.
UNRECORDED = "unrecorded"


class HelmRecord(NamedTuple):
    """How Helm's newest operation on the release ended: ("failed", 3, "context deadline exceeded").

    `deployed` is the newest revision that went well, 0 if none did or the older ones were not read. `failed_tests` are the
    hooks of the last `helm test` that failed.
    """

    status: str
    revision: int
    description: str = ""
    deployed: int = 0
    failed_tests: tuple[str, ...] = ()


class Log(NamedTuple):
    """The last lines of a container's log, each with the time at which it was written in front."""

    pod: str
    container: str
    text: str


class Snapshot(NamedTuple):
    """The objects of one release at the moment `now`; `notes` say what could not be read.

    `manifest` are the objects that the release should hold by Helm's record, None where that was not read. `absent` are
    those of them, as (kind, name), that the cluster does not have; kinds that may not be listed are never among them.
    """

    release: str
    namespace: str
    now: datetime
    lists: dict[str, list[Object]]
    helm: HelmRecord | None = None
    notes: tuple[str, ...] = ()
    context: str = ""
    kubeconfig: str = ""
    manifest: list[Object] | None = None
    absent: tuple[tuple[str, str], ...] = ()
    logs: tuple[Log, ...] = ()

    def of(self, kind: str) -> list[Object]:
        """The list of that kind, as in KINDS; empty if it was not read."""
        return self.lists.get(kind, [])

    def has(self, kind: str) -> bool:
        """Whether the list was read: only then does an object that is not in it not exist."""
        return kind in self.lists

    def named(self, kind: str, name: str) -> Object:
        """The object of that name in the list of the kind, {} if there is none or it was not read."""
        return next((each for each in self.of(kind) if name_of(each) == name), {})

    def recorded(self, kind: str, name: str) -> Object:
        """The object of that kind (`Service`) and name as Helm's record has it, {} if it does not, or was not read."""
        return next((one for one in self.manifest or [] if text(one, "kind") == kind and name_of(one) == name), {})

    def log_of(self, pod: str, container: str) -> str:
        """The last lines of the container, "" if they were not read."""
        return next((log.text for log in self.logs if (log.pod, log.container) == (pod, container)), "")
