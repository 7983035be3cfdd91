"""Would callers and gates get through: ingress classes, gateways, load balancers, network policies, DNS.

None of these stops an install, so nothing here is more than a warning.
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks import listeners
from nimhelm.preflight.checks.policing import closed_gates, is_gated
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.reduce import SYSTEM_NAMESPACES
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import count, short

_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_OLD_CLASS = "kubernetes.io/ingress.class"


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Ways in from outside, then ways between the services."""
    yield from _ingresses(rendered, cluster)
    yield from listeners.check(rendered, cluster)
    yield from _load_balancers(rendered, cluster)
    yield from closed_gates(rendered, cluster)
    yield from _dns(rendered, cluster)


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


def _dns(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Gates find their services by name."""
    if not cluster.knows("Pod"):
        return
    pods = [each for each in cluster.of("Pod") if _answers_names(each)]
    if any(ko.text(ko.condition(each, "Ready"), "status") == "True" for each in pods):
        yield holds("network", "the cluster's DNS runs")
    elif pods:
        place = ko.text(pods[0], "metadata", "namespace")
        text = f"none of the {count(len(pods), 'pod')} of the cluster's DNS in {place} is ready"
        step = cluster.reach.kubectl("get", "pods", "-n", place, everywhere=True)
        effect = "gates do not find what they wait for, and no service finds another"
        services = tuple(dict.fromkeys(each.service for each in rendered.workloads if is_gated(each)))
        yield Check("network", WARNS, text, "DNSNotReady", effect, services, step)


def _answers_names(pod: ko.Object) -> bool:
    """CoreDNS by its usual label or names, and DNS of OpenShift; not what scales it."""
    name, place = ko.name_of(pod), ko.text(pod, "metadata", "namespace")
    usual = ko.label(pod, "k8s-app") == "kube-dns" or name.startswith(("coredns-", "kube-dns-", "dns-default-"))
    return place in SYSTEM_NAMESPACES and usual and "autoscaler" not in name
