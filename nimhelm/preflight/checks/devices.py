"""What a pod needs of the cluster to be scheduled at all: runtime and priority classes, device claims and their classes."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.allocation import Request, crowded, devices_of, requests_of
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import count, short

_SYSTEM_PRIORITIES = ("system-cluster-critical", "system-node-critical")


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Runtime classes, priority classes, and what device claims need."""
    found = []
    for workload in rendered.workloads:
        found += [*_runtime(rendered, cluster, workload), *_priority(rendered, cluster, workload)]
        found += _claims(rendered, cluster, workload)
    yield from found
    yield from _classes(rendered, cluster)
    named = {name for each in rendered.workloads if (name := ko.text(each.pod, "spec", "runtimeClassName"))}
    if named and cluster.knows("RuntimeClass") and not any(each.code == "RuntimeClassMissing" for each in found):
        yield holds(
            "GPUs", f"{count(len(named), 'runtime class')[:-1] + 'es' if len(named) > 1 else 'the runtime class'} exist"
        )


def _runtime(rendered: Rendered, cluster: Cluster, workload: Workload) -> Iterator[Check]:
    name = ko.text(workload.pod, "spec", "runtimeClassName")
    if (
        not name
        or not cluster.knows("RuntimeClass")
        or cluster.named("RuntimeClass", name)
        or rendered.has("RuntimeClass", name)
    ):
        return
    others = _listed(cluster, "RuntimeClass")
    text, effect = f"runtime class {short(name)} does not exist{others}", "the API server refuses its pods"
    step = cluster.reach.kubectl("get", "runtimeclasses", everywhere=True)
    yield Check("GPUs", FAILS, text, "RuntimeClassMissing", effect, (workload.service,), step)


def _priority(rendered: Rendered, cluster: Cluster, workload: Workload) -> Iterator[Check]:
    name = ko.text(workload.pod, "spec", "priorityClassName")
    if not name or name in _SYSTEM_PRIORITIES or not cluster.knows("PriorityClass"):
        return
    if not cluster.named("PriorityClass", name) and not rendered.has("PriorityClass", name):
        text = f"priority class {short(name)} does not exist{_listed(cluster, 'PriorityClass')}"
        step = cluster.reach.kubectl("get", "priorityclasses", everywhere=True)
        effect = "the API server refuses its pods"
        yield Check("GPUs", FAILS, text, "PriorityClassMissing", effect, (workload.service,), step)


def _listed(cluster: Cluster, kind: str) -> str:
    names = ", ".join(short(ko.name_of(each)) for each in cluster.of(kind)[:5])
    return f" (there are: {names})" if names else ""


def _claims(rendered: Rendered, cluster: Cluster, workload: Workload) -> Iterator[Check]:
    """The claims and templates that the pod names, unless the chart brings them."""
    for claim in ko.items(workload.pod, "spec", "resourceClaims"):
        for field, kind in (
            ("resourceClaimName", "ResourceClaim"),
            ("resourceClaimTemplateName", "ResourceClaimTemplate"),
        ):
            name = ko.text(claim, field)
            if name and cluster.knows(kind) and not rendered.has(kind, name) and not cluster.named(kind, name):
                text = f"{kind} {short(name)} does not exist"
                step = cluster.reach.kubectl("get", f"{kind.lower()}s")
                yield Check("GPUs", FAILS, text, "DeviceClaim", "its pods stay Pending", (workload.service,), step)


def _classes(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """The device classes that the chart's claims ask for, and whether any driver offers devices."""
    asked = 0
    for each in rendered.of("ResourceClaim", "ResourceClaimTemplate"):
        spec = ko.mapping(each, "spec", "spec") or ko.mapping(each, "spec")
        for request in ko.items(spec, "devices", "requests"):
            name = ko.text(request, "exactly", "deviceClassName") or ko.text(request, "deviceClassName")
            asked += bool(name)
            if name and cluster.knows("DeviceClass") and not cluster.named("DeviceClass", name):
                text = f"device class {short(name)} does not exist{_listed(cluster, 'DeviceClass')}"
                service = ko.label(each, "app.kubernetes.io/name") or ko.name_of(each)
                step = cluster.reach.kubectl("get", "deviceclasses", everywhere=True)
                yield Check("GPUs", FAILS, text, "DeviceClaim", "its pods stay Pending", (service,), step)
    if cluster.knows("ResourceSlice"):
        yield from _offered(rendered, cluster, asked)


def _offered(rendered: Rendered, cluster: Cluster, asked: int) -> Iterator[Check]:
    """Whether the drivers have enough devices that fit."""
    devices = devices_of(cluster)
    step = cluster.reach.kubectl("get", "resourceslices", everywhere=True)
    if not devices:
        if asked:
            effect = "claims are not allocated, and pods stay Pending"
            yield Check("GPUs", WARNS, "no DRA driver offers a device now", "DeviceClaim", effect, (), step)
        return
    requests = requests_of(rendered, cluster, devices)
    together = crowded(requests)
    found = [_too_few(each, len(devices), step) for each in requests if each.on_one_node < each.wanted]
    found += [_crowded(each, wanted, step) for each, wanted in together.items()]
    yield from found
    if requests and not found:
        yield holds("GPUs", f"{count(len(requests), 'device request')}; drivers offer {count(len(devices), 'device')}")


def _too_few(request: Request, offered: int, step: str) -> Check:
    asked = f"{count(request.wanted, 'device')} of class {short(request.class_name)}"
    if not request.fitting:
        have = f"none of the {offered} that drivers offer fits its selectors"
    else:
        have = f"{len(request.fitting)} of {offered} fit, at most {request.on_one_node} of them on one node"
    text = f"claim {short(request.claim)} asks for {asked}: {have}"
    return Check("GPUs", FAILS, text, "DeviceClaim", "its pods stay Pending", (request.service,), step)


def _crowded(request: Request, wanted: int, step: str) -> Check:
    text = (
        f"claims ask for {count(wanted, 'device')} like those of {short(request.claim)}: "
        f"{count(len(request.fitting), 'device')} fit"
    )
    return Check("GPUs", FAILS, text, "DeviceClaim", "pods stay Pending", (request.service,), step)
