"""How many pods of each workload there are at once: on the nodes of this cluster, and during an upgrade.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
"""

from __future__ import annotations

from typing import Any

from nimhelm.preflight.admission import admitted
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.status import kubeobject as ko
from nimhelm.status.fit import fits_of

_REVISION = "nimhelm.dev/revision"
_MODE = "serving.kserve.io/deploymentMode"


def counted(rendered: Rendered, cluster: Cluster) -> Rendered:
    """The chart with the pods of a DaemonSet on the nodes that may run them, and with those that an upgrade adds.

    It adds one for each workload that ends no old pod before a new one is ready. Other pods of the release make room for their
    successors. A workload whose template does not change starts none.
    """
    by_name = {(ko.text(each, "kind"), ko.name_of(each)): each for each in rendered.objects}
    running: dict[str, set[str]] = {}
    for pod in cluster.of("Pod"):
        if cluster.owns(pod):
            running.setdefault(ko.label(pod, "app.kubernetes.io/name"), set()).add(ko.label(pod, _REVISION))

    def beside(workload: Workload) -> int:
        wanted = ko.label(workload.pod, _REVISION)
        others = running.get(workload.service, set()) - {wanted}
        return int(bool(wanted and others) and keeps_old_pods(by_name[workload.kind, workload.name]))

    workloads = []
    for each in rendered.workloads:
        if each.kind == "DaemonSet" and cluster.knows("Node"):
            fits = fits_of(admitted(each, cluster).pod, cluster.of("Node"))
            many = sum(fit.matches and not fit.blocked for fit in fits)
            workloads.append(each._replace(replicas=many, maximum=many))
        else:
            more = beside(each)
            workloads.append(each._replace(beside=more, replicas=each.replicas + more, maximum=each.maximum + more))
    return rendered._replace(workloads=workloads)


def keeps_old_pods(workload: ko.Object) -> bool:
    """Whether a roll-out ends no old pod before a new one is ready."""
    if workload["kind"] == "InferenceService":  # a new revision of Knative, before it gets traffic
        return ko.text(workload, "metadata", "annotations", _MODE) in ("Knative", "Serverless")
    strategy = ko.mapping(workload, "spec", "strategy")
    if workload["kind"] != "Deployment" or ko.text(strategy, "type") == "Recreate":
        return False
    rolling = ko.mapping(strategy, "rollingUpdate")
    replicas = ko.number(workload, "spec", "replicas") if "replicas" in ko.mapping(workload, "spec") else 1
    surge, unavailable = (rolling.get(key, "25%") for key in ("maxSurge", "maxUnavailable"))
    # A share of a pod is a whole one more and none less. Where both are none, Kubernetes ends one pod first.
    return _hundredths(surge, replicas) > 0 and _hundredths(unavailable, replicas) < 100


def _hundredths(value: Any, replicas: int) -> int:
    """Pods, in hundredths of one: 1 -> 100, and 25% of 3 -> 75. The API server takes nothing else."""
    text = str(value)
    return int(text.removesuffix("%")) * replicas if text.endswith("%") else int(text) * 100
