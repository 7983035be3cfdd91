"""How many pods of each workload there are at once: on the nodes of this cluster, and during an upgrade."""

from __future__ import annotations

from nimhelm.preflight.admission import admitted
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.rollout import keeps_old_pods
from nimhelm.status import kubeobject as ko
from nimhelm.status.evidence import is_beside
from nimhelm.status.fit import fits_of

_REVISION = "nimhelm.dev/revision"


def counted(rendered: Rendered, cluster: Cluster) -> Rendered:
    """The chart with the pods of a DaemonSet on the nodes that may run them, and with those that an upgrade adds.

    It adds one for each workload that ends no old pod before a new one is ready. Other pods of the release make room for their
    successors. A workload whose template does not change starts none.
    """
    by_name = {(ko.text(each, "kind"), ko.name_of(each)): each for each in rendered.objects}
    running: dict[str, set[str]] = {}
    for pod in cluster.of("Pod"):
        if cluster.owns(pod) and not is_beside(pod):
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
