"""A cluster that has objects already, so that `lookup` finds them when helm renders a chart."""

from __future__ import annotations

import json
from pathlib import Path

from apiserver import Cluster, is_of_cluster

from .assemble import TEMPLATES, Object

_NEWER = {"serving.kserve.io": "v1beta1", "resource.nvidia.com": "v1beta1"}
"""The versions of the groups that are not at v1 yet."""

_FURTHER = (
    "apiregistration.k8s.io/v1/APIService",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "v1/ServiceAccount",
    "v1/Pod",
)
"""What is served beside the kinds with fields that cannot change."""


class Standing(Cluster):
    """A cluster to which objects are added."""

    def __init__(self) -> None:
        names = list(_FURTHER)
        for name in json.loads((TEMPLATES / "umbrella/files/immutable.json").read_text()):
            group, _, kind = name.rpartition("/")
            names.append("/".join(filter(None, (group, _NEWER.get(group, "v1"), kind))))
        served: dict[str, dict[str, str]] = {}
        for name in names:
            version, _, kind = name.rpartition("/")
            served.setdefault(version, {})[_plural(kind)] = kind
        super().__init__({}, served)

    def add(self, thing: Object, namespace: str) -> None:
        """From now on the cluster has this object, in the namespace if its kind has one."""
        place = {} if is_of_cluster(thing["kind"]) else {"namespace": namespace}
        self.lists.setdefault(_plural(thing["kind"]), []).append({**thing, "metadata": {**thing["metadata"], **place}})

    def arguments(self, folder: Path) -> list[str]:
        """Arguments with which `helm template` asks the cluster. Helm 3 is told which APIs there are."""
        named = [f"{version}/{kind}" for version, kinds in self.resources.items() for kind in kinds.values()]
        given = [word for name in [*self.resources, *named] for word in ("--api-versions", name)]
        where = ["--kubeconfig", self.kubeconfig(folder)]
        return ["--dry-run=server", "--is-upgrade", "--disable-openapi-validation", *where, *given]


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("s") else "s")
