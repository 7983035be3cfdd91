"""What the API server makes of a pod before anything counts it: defaults of limit ranges, its priority, its runtime class."""

from __future__ import annotations

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.limits import with_defaults
from nimhelm.preflight.render import Workload
from nimhelm.status import kubeobject as ko


def admitted(workload: Workload, cluster: Cluster) -> Workload:
    """The workload with the pods that come of its template."""
    pod = with_defaults(workload.pod, cluster.of("LimitRange"))
    spec = dict(ko.mapping(pod, "spec"))
    if priority := _priority_class(spec, cluster):
        spec["priorityClassName"] = ko.name_of(priority)
    runtime = cluster.named("RuntimeClass", ko.text(spec, "runtimeClassName"))
    if selector := ko.mapping(runtime, "scheduling", "nodeSelector"):
        spec["nodeSelector"] = ko.mapping(spec, "nodeSelector") | selector
    if tolerations := ko.items(runtime, "scheduling", "tolerations"):
        spec["tolerations"] = ko.items(spec, "tolerations") + tolerations
    if overhead := ko.mapping(runtime, "overhead", "podFixed"):
        spec["overhead"] = overhead
    return workload._replace(pod=pod | {"spec": spec})


def priority_of(workload: Workload, cluster: Cluster) -> int:
    """The priority of its pods; 0 where they push out nobody."""
    found = _priority_class(ko.mapping(workload.pod, "spec"), cluster)
    return 0 if ko.text(found, "preemptionPolicy") == "Never" else ko.number(found, "value")


def _priority_class(spec: ko.Object, cluster: Cluster) -> ko.Object | None:
    """The class that the pod names, or that of pods that name none."""
    if name := ko.text(spec, "priorityClassName"):
        return cluster.named("PriorityClass", name)
    return next((each for each in cluster.of("PriorityClass") if ko.true(each, "globalDefault")), None)
