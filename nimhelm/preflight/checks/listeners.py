"""Whether a Gateway takes a route: it is there, a controller answers for it, and one of its listeners lets the route in.

Source: https://gateway-api.sigs.k8s.io/reference/spec/ (AllowedRoutes, Listener, ParentReference)
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks.policing import matches
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

# What a listener without a list of its own takes; any other protocol belongs to an implementation.
_BY_PROTOCOL = {
    **dict.fromkeys(("HTTP", "HTTPS"), ("HTTPRoute", "GRPCRoute")),
    "TLS": ("TLSRoute", "TCPRoute"), "TCP": ("TCPRoute",), "UDP": ("UDPRoute",),
}  # fmt: skip
_SHOWN = 3
_EFFECT = "its route is not served from outside"


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Every Gateway that a route of the chart names."""
    if not cluster.knows("Gateway"):
        return
    for route in rendered.of("HTTPRoute", "GRPCRoute"):
        for parent in ko.items(route, "spec", "parentRefs"):
            if ko.text(parent, "kind") in ("", "Gateway"):
                yield _judged(rendered, cluster, route, parent)


def _judged(rendered: Rendered, cluster: Cluster, route: ko.Object, parent: ko.Object) -> Check:
    name, place = ko.text(parent, "name"), ko.text(parent, "namespace") or cluster.reach.namespace
    services = (ko.label(route, "app.kubernetes.io/name") or ko.name_of(route),)
    shown = f"Gateway {short(place)}/{short(name)}"
    gateway = _gateway(rendered, cluster, name, place)
    if gateway is None:
        step = cluster.reach.kubectl("get", "gateways", "-A", everywhere=True)
        return Check("network", WARNS, f"{shown} does not exist", "GatewayMissing", _EFFECT, services, step)
    what = " ".join([ko.text(route, "kind"), ", ".join(ko.texts(route, "spec", "hostnames"))]).strip()
    reasons = [_reason(cluster, gateway, each, route, parent) for each in ko.items(gateway, "spec", "listeners")]
    if "" in reasons:
        return holds("network", f"{shown} has a listener for {short(what)}")
    said = "; ".join(reasons[:_SHOWN]) + (f" and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else "")
    text = f"no listener of {shown} takes {short(what)} from namespace {short(cluster.reach.namespace)} ({said})"
    step = cluster.reach.kubectl("get", "gateway", name, "-n", place, "-o", "yaml", everywhere=True)
    return Check("network", WARNS, text, "GatewayListener", _EFFECT, services, step)


def _gateway(rendered: Rendered, cluster: Cluster, name: str, place: str) -> ko.Object | None:
    """The Gateway of the cluster, or one that the chart brings."""
    every = [*cluster.of("Gateway"), *rendered.of("Gateway")]
    return next(
        (
            each
            for each in every
            if ko.name_of(each) == name and (ko.text(each, "metadata", "namespace") or cluster.reach.namespace) == place
        ),
        None,
    )


def _reason(cluster: Cluster, gateway: ko.Object, listener: ko.Object, route: ko.Object, parent: ko.Object) -> str:
    """Why the listener does not take the route, "" where it does."""
    name = short(ko.text(listener, "name"))
    wanted, port = ko.text(parent, "sectionName"), ko.number(parent, "port")
    if wanted not in ("", ko.text(listener, "name")):
        return f"{name} is not the listener {short(wanted)} that the route names"
    if port and port != ko.number(listener, "port"):
        return f"{name} has port {ko.number(listener, 'port')}, the route names {port}"
    state = next(
        (each for each in ko.items(gateway, "status", "listeners") if each.get("name") == listener.get("name")), {}
    )
    if refusing := _refusing(gateway) or _refusing(state):
        return f"{name} is not ready: {short(ko.text(refusing, 'message') or ko.text(refusing, 'reason'))}"
    kinds = _kinds(listener, state)
    if kinds and ko.text(route, "kind") not in kinds:
        return f"{name} takes {', '.join(map(short, kinds))} alone"
    host, hosts = ko.text(listener, "hostname"), ko.texts(route, "spec", "hostnames")
    if host and hosts and not any(_overlap(host, each) for each in hosts):
        return f"{name} is for {short(host)}"
    if not _lets_in(cluster, listener, ko.text(gateway, "metadata", "namespace")):
        return f"{name} takes no routes of this namespace"
    return ""


def _refusing(holder: ko.Object) -> ko.Object | None:
    """What says that the Gateway or its listener is not served. A controller that has not come to it yet says nothing."""
    return next(
        (
            each
            for each in ko.items(holder, "status", "conditions") + ko.items(holder, "conditions")
            if (ko.text(each, "type") in ("Accepted", "Programmed") and ko.text(each, "status") == "False")
            or (ko.text(each, "type") == "Conflicted" and ko.text(each, "status") == "True")
        ),
        None,
    )


def _kinds(listener: ko.Object, state: ko.Object) -> list[str]:
    """The kinds of routes that the listener takes, as its controller says, or by its list or its protocol."""
    if "supportedKinds" in state:
        return [ko.text(each, "kind") for each in ko.items(state, "supportedKinds")] or ["nothing"]
    given = [ko.text(each, "kind") for each in ko.items(listener, "allowedRoutes", "kinds")]
    return given or list(_BY_PROTOCOL.get(ko.text(listener, "protocol"), ()))


def _lets_in(cluster: Cluster, listener: ko.Object, place: str) -> bool:
    """Whether routes of the install's namespace may use a listener of a Gateway in `place`."""
    match ko.text(listener, "allowedRoutes", "namespaces", "from"):
        case "All":
            return True
        case "None":
            return False
        case "Selector":
            namespace = next(iter(cluster.of("Namespace")), {})
            labels = ko.mapping(namespace, "metadata", "labels")
            selector = ko.mapping(listener, "allowedRoutes", "namespaces", "selector")
            return not labels or matches(selector, labels)
    return place in ("", cluster.reach.namespace)


def _overlap(one: str, two: str) -> bool:
    if one.startswith("*.") and two.startswith("*."):
        return one.endswith(two[1:]) or two.endswith(one[1:])
    if one.startswith("*."):
        return two.endswith(one[1:])
    return one.endswith(two[1:]) if two.startswith("*.") else one == two
