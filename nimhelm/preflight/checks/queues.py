"""Would Kueue let the pods pass: their queue exists, covers what they ask for, and has quota for all of them.

Source: https://kueue.sigs.k8s.io/docs/concepts/cluster_queue/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.demand import amounts, shown
from nimhelm.preflight.limits import with_defaults
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

LABEL = "kueue.x-k8s.io/queue-name"
GROUP = "kueue.x-k8s.io"
KINDS = (f"{GROUP}/LocalQueue", f"{GROUP}/ClusterQueue")
_CODE = "SchedulingGated"
# Each by itself: helperResources=null would bring the default back where a values file sets them.
_WITHOUT_REQUESTS = tuple(f"global.nimhelm.helperResources.{side}=null" for side in ("limits", "requests"))
_HELD = "Kueue holds its pods"


def queue_of(rendered: Rendered, workload: Workload) -> str:
    """The queue that the pods, or what makes them, name; "" for none."""
    if own := ko.label(workload.pod, LABEL):
        return own
    makers = (each for each in rendered.of(workload.kind) if ko.name_of(each) == workload.name)
    return ko.label(next(makers, {}), LABEL)


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Every queue that the chart's pods name."""
    queues: dict[str, list[Workload]] = defaultdict(list)
    for each in rendered.workloads:
        if name := queue_of(rendered, each):
            queues[name].append(each)
    if queues and KINDS[0] not in cluster.plurals:
        yield _without_kueue(cluster, queues)
    elif cluster.knows("LocalQueue"):
        for name, workloads in queues.items():
            yield from _queue(cluster, name, workloads)


def _without_kueue(cluster: Cluster, queues: dict[str, list[Workload]]) -> Check:
    text = f"pods name the queue {short(next(iter(queues)))}, and the cluster has no Kueue"
    services = tuple(each.service for workloads in queues.values() for each in workloads)
    step = cluster.reach.kubectl("api-resources", f"--api-group={GROUP}", everywhere=True)
    return Check("GPUs", WARNS, text, _CODE, "they start without a queue", services, step)


def _queue(cluster: Cluster, name: str, workloads: list[Workload]) -> Iterator[Check]:
    local = cluster.named("LocalQueue", name)
    services = tuple(each.service for each in workloads)
    if local is None:
        text = f"LocalQueue {short(name)} does not exist in the namespace"
        step = cluster.reach.kubectl("get", "localqueues.kueue.x-k8s.io")
        yield Check("GPUs", FAILS, text, _CODE, _HELD, services, step)
        return
    wide = ko.text(local, "spec", "clusterQueue")
    if not cluster.knows("ClusterQueue"):
        return
    step = cluster.reach.kubectl("get", "clusterqueues.kueue.x-k8s.io", wide, "-o", "yaml", everywhere=True)
    found = cluster.named("ClusterQueue", wide)
    if found is None:
        text = f"ClusterQueue {short(wide)} of queue {short(name)} does not exist"
        yield Check("GPUs", FAILS, text, _CODE, _HELD, services, step)
        return
    problems = [*_uncovered(cluster, found, workloads, step), *_scarce(cluster, found, workloads, step)]
    yield from problems or [holds("GPUs", f"queue {short(name)} has quota for the pods")]


def _uncovered(cluster: Cluster, queue: ko.Object, workloads: list[Workload], step: str) -> Iterator[Check]:
    """A resource that a pod asks for and the queue does not count keeps the pod out, however small the amount."""
    covered = _quota(queue)
    for each in workloads:
        lacking = sorted(name for name, amount in _asks(cluster, each).items() if amount and name not in covered)
        if not lacking:
            continue
        own = amounts({"spec": {"containers": ko.items(each.pod, "spec", "containers")}})
        only_gates = not any(own.get(name) for name in lacking)
        text = f"ClusterQueue {short(ko.name_of(queue))} has no quota for {short(', '.join(lacking))}"
        asked = ", which only the gates ask for" if only_gates else ", which the pods ask for"
        way_out = cluster.reach.again(*_WITHOUT_REQUESTS) if only_gates else step
        yield Check("GPUs", FAILS, text + asked, _CODE, _HELD, (each.service,), way_out)


def _scarce(cluster: Cluster, queue: ko.Object, workloads: list[Workload], step: str) -> Iterator[Check]:
    """Less quota than all pods together: the last to be let in may be the one that the others wait for."""
    total: dict[str, int] = defaultdict(int)
    for each in workloads:
        for name, amount in _asks(cluster, each).items():
            total[name] += amount * each.replicas
    quota = _quota(queue)
    cohort = ko.text(queue, "spec", "cohortName") or ko.text(queue, "spec", "cohort")
    for name, amount in sorted(total.items()):
        if name not in quota or amount <= quota[name] or cohort:
            continue
        own = ko.name_of(queue)
        text = (
            f"the pods ask for {shown(name, amount)} {short(name)} together, ClusterQueue {short(own)} has "
            f"{shown(name, quota[name])}"
        )
        effect = "those that Kueue lets in may wait for one that it holds"
        services = tuple(each.service for each in workloads if _asks(cluster, each).get(name))
        yield Check("GPUs", WARNS, text, _CODE, effect, services, step)


def _asks(cluster: Cluster, workload: Workload) -> dict[str, int]:
    return amounts(with_defaults(workload.pod, cluster.of("LimitRange")))


def _quota(queue: ko.Object) -> dict[str, int]:
    """What the queue has of each resource that it covers, over all its flavors."""
    found: dict[str, int] = defaultdict(int)
    for group in ko.items(queue, "spec", "resourceGroups"):
        for name in ko.texts(group, "coveredResources"):
            found[name] += 0
        for flavor in ko.items(group, "flavors"):
            for each in ko.items(flavor, "resources"):
                found[ko.text(each, "name")] += nanos(each.get("nominalQuota", 0)) or 0
    return dict(found)
