"""Whether the drivers' devices are enough for what the chart's pods claim.

This reports only what certainly fails. A device counts as one that fits when a selector cannot be judged, and claims of
other namespaces are not counted.
"""

from __future__ import annotations

from typing import NamedTuple

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.selectors import Device, device_of, fits
from nimhelm.status import kubeobject as ko


class Request(NamedTuple):
    """A request of a claim, for `pods` claims that are alike. `fitting` are the devices that fit, or may."""

    service: str
    claim: str
    name: str
    wanted: int
    pods: int
    fitting: frozenset[tuple[str, str, str]]
    class_name: str

    @property
    def on_one_node(self) -> int:
        """The most devices of one pool that fit: a pod gets its devices on its node."""
        pools = [pool for _, pool, _ in self.fitting]
        return max((pools.count(pool) for pool in set(pools)), default=0)


def crowded(requests: list[Request]) -> dict[Request, int]:
    """Requests that fit one by one but not all together -> devices that all who need one of the same want."""
    found = {}
    for request in requests:
        rivals = [each for each in requests if each.fitting <= request.fitting]
        wanted = sum(each.wanted * each.pods for each in rivals)
        if request.on_one_node >= request.wanted and wanted > len(request.fitting):
            found[request] = wanted
    return found


def devices_of(cluster: Cluster) -> list[Device]:
    """The devices that the drivers offer."""
    found = []
    for each in cluster.of("ResourceSlice"):
        driver = ko.text(each, "spec", "driver")
        pool = ko.text(each, "spec", "nodeName") or ko.text(each, "spec", "pool", "name")
        found += [device_of(driver, pool, entry) for entry in ko.items(each, "spec", "devices")]
    return found


def requests_of(rendered: Rendered, cluster: Cluster, devices: list[Device]) -> list[Request]:
    """What the chart's pods claim: of each template as often as there are pods, of a claim once, with all its sharers."""
    found: dict[tuple[str, str], list[Request]] = {}
    for workload in rendered.workloads:
        for entry in ko.items(workload.pod, "spec", "resourceClaims"):
            template, claim = ko.text(entry, "resourceClaimTemplateName"), ko.text(entry, "resourceClaimName")
            kind, name = ("ResourceClaimTemplate", template) if template else ("ResourceClaim", claim)
            spec = _spec_of(kind, name, rendered, cluster)
            if not name or (claim and (kind, name) in found):
                continue
            pods = workload.replicas if template else 1
            found.setdefault((kind, name), []).extend(
                _request(workload.service, name, each, pods, (cluster, devices))
                for each in ko.items(spec, "devices", "requests")
            )
    return [request for requests in found.values() for request in requests if request.pods and request.wanted]


def _spec_of(kind: str, name: str, rendered: Rendered, cluster: Cluster) -> ko.Object:
    objects = [*rendered.of(kind), *(cluster.of(kind) if cluster.knows(kind) else [])]
    found = next((each for each in objects if ko.name_of(each) == name), {})
    if ko.mapping(found, "status", "allocation"):
        return {}
    return ko.mapping(found, "spec", "spec") or ko.mapping(found, "spec")


def _request(service: str, claim: str, request: ko.Object, pods: int, world: tuple[Cluster, list[Device]]) -> Request:
    cluster, devices = world
    exactly = ko.mapping(request, "exactly") or request
    class_name = ko.text(exactly, "deviceClassName")
    chosen = next((each for each in cluster.of("DeviceClass") if ko.name_of(each) == class_name), {})
    expressions = [
        ko.text(each, "cel", "expression")
        for selectors in (ko.items(chosen, "spec", "selectors"), ko.items(exactly, "selectors"))
        for each in selectors
    ]
    # A class that is missing has a check of its own, and alternatives (firstAvailable) are not judged.
    known = bool(chosen) and ko.text(exactly, "allocationMode") != "All"
    fitting = frozenset(each.key for each in devices if known and fits(each, expressions) is not False)
    wanted = (ko.number(exactly, "count") or 1) if known else 0
    return Request(service, claim, ko.text(request, "name"), wanted, pods, fitting, class_name)
