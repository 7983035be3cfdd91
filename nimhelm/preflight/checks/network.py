"""Would callers and gates get through: ingress classes, gateways, load balancers, network policies, DNS.

None of these stops an install, so nothing here is more than a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks.policing import closed_gates
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_OLD_CLASS = "kubernetes.io/ingress.class"


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Ways in from outside, then ways between the services."""
    yield from _ingresses(rendered, cluster)
    yield from _routes(rendered, cluster)
    yield from _load_balancers(rendered, cluster)
    yield from closed_gates(rendered, cluster)
    yield from _dns(cluster)


def _service(value: ko.Object) -> tuple[str, ...]:
    return (ko.label(value, "app.kubernetes.io/name") or ko.name_of(value),)


def _ingresses(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    if not cluster.knows("IngressClass"):
        return
    names = [ko.name_of(each) for each in cluster.of("IngressClass")]
    default = any(ko.text(each, "metadata", "annotations", _DEFAULT) == "true" for each in cluster.of("IngressClass"))
    for each in rendered.of("Ingress"):
        wanted = ko.text(each, "spec", "ingressClassName") or ko.text(each, "metadata", "annotations", _OLD_CLASS)
        if wanted and wanted in names:
            yield holds("network", f"ingress class {short(wanted)} exists")
            continue
        if not wanted and default:
            continue
        known = f" (there are: {', '.join(map(short, names[:5]))})" if names else ""
        text = f"ingress class {short(wanted)} does not exist{known}"
        text = (
            text
            if wanted
            else f"Ingress {short(ko.name_of(each))} names no class, and the cluster has no default{known}"
        )
        step = cluster.reach.kubectl("get", "ingressclasses", everywhere=True)
        yield Check(
            "network", WARNS, text, "IngressClassMissing", "nothing serves its host from outside", _service(each), step
        )


def _routes(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    if not cluster.knows("Gateway"):
        return
    for route in rendered.of("HTTPRoute", "GRPCRoute"):
        for parent in ko.items(route, "spec", "parentRefs"):
            if ko.text(parent, "kind") in ("", "Gateway"):
                yield _route(rendered, cluster, route, parent)


def _route(rendered: Rendered, cluster: Cluster, route: ko.Object, parent: ko.Object) -> Check:
    name, place = ko.text(parent, "name"), ko.text(parent, "namespace") or cluster.reach.namespace
    gateway = next(
        (
            each
            for each in cluster.of("Gateway")
            if ko.name_of(each) == name and ko.text(each, "metadata", "namespace") == place
        ),
        None,
    )
    shown = f"Gateway {short(place)}/{short(name)}"
    step = cluster.reach.kubectl("get", "gateways", "-A", everywhere=True)
    effect = "its route is not served from outside"
    if gateway is None:
        return Check("network", WARNS, f"{shown} does not exist", "GatewayMissing", effect, _service(route), step)
    section, hosts = ko.text(parent, "sectionName"), ko.texts(route, "spec", "hostnames")
    listeners = [
        each for each in ko.items(gateway, "spec", "listeners") if not section or ko.text(each, "name") == section
    ]
    if not any(_admits(each, hosts, place, cluster) for each in listeners):
        what = short(", ".join(hosts) or "a route")
        said = f"no listener of {shown} takes {what} from namespace {short(cluster.reach.namespace)}"
        step = cluster.reach.kubectl("get", "gateway", name, "-n", place, "-o", "yaml", everywhere=True)
        return Check("network", WARNS, said, "GatewayListener", effect, _service(route), step)
    return holds("network", f"{shown} has a listener for {short(', '.join(hosts) or 'the route')}")


def _admits(listener: ko.Object, hosts: list[str], place: str, cluster: Cluster) -> bool:
    own = ko.text(listener, "hostname")
    if hosts and own and not any(_overlap(own, host) for host in hosts):
        return False
    match ko.text(listener, "allowedRoutes", "namespaces", "from"):
        case "" | "Same":
            return place == cluster.reach.namespace
        case "Selector":
            labels = ko.mapping(next(iter(cluster.of("Namespace")), {}), "metadata", "labels")
            wanted = ko.mapping(listener, "allowedRoutes", "namespaces", "selector", "matchLabels")
            # What an expression selects is not judged: it counts as letting in.
            return not labels or all(labels.get(key) == value for key, value in wanted.items())
    return True


def _overlap(one: str, two: str) -> bool:
    if one.startswith("*.") and two.startswith("*."):
        return one.endswith(two[1:]) or two.endswith(one[1:])
    if one.startswith("*."):
        return two.endswith(one[1:])
    return one.endswith(two[1:]) if two.startswith("*.") else one == two


def _load_balancers(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Services of that type elsewhere in the namespace show whether anything gives them an address."""
    wanted = [each for each in rendered.of("Service") if ko.text(each, "spec", "type") == "LoadBalancer"]
    if not wanted or not cluster.knows("Service"):
        return
    others = [each for each in cluster.of("Service") if ko.text(each, "spec", "type") == "LoadBalancer"]
    served = [each for each in others if ko.items(each, "status", "loadBalancer", "ingress")]
    services = tuple(name for each in wanted for name in _service(each))
    if served:
        yield holds("network", f"load balancers get addresses here ({len(served)} of {len(others)} Services have one)")
    elif others:
        text = f"{len(others)} Services of type LoadBalancer wait for an address in this namespace"
        step = cluster.reach.kubectl("get", "services")
        effect = "nobody outside reaches a Service without an address, and helm install --wait of Helm 3 does not end"
        yield Check("network", WARNS, text, "LoadBalancerPending", effect, services, step)
    else:
        text = "whether this cluster gives load balancers an address does not show: the namespace has none"
        yield Check("network", "not checked", text)


def _dns(cluster: Cluster) -> Iterator[Check]:
    """Gates find their services by name."""
    if not cluster.knows("Pod"):
        return
    pods = [
        each for each in cluster.of("Pod") if ko.text(each, "metadata", "namespace") in ("kube-system", "openshift-dns")
    ]
    running = any("dns" in ko.name_of(each) and ko.text(each, "status", "phase") == "Running" for each in pods)
    if running:
        yield holds("network", "the cluster's DNS runs")
