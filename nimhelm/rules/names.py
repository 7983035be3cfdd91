"""Rules of names: of services, of the objects that they bring, of pipelines that share a namespace."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import Pipeline, Service, dig, is_knative, is_kserve, is_multi_node
from nimhelm.rules.cache import created_claim

RESERVED = frozenset(("global", "tags", "exports"))
"""Keys of a chart's values that mean something to Helm itself."""

MAX_LABEL = 63
MAX_RELEASE = 53
MAX_NAME = 59
"""The container is called <name>-ctr, and a container's name is a DNS label of 63 characters at most."""


def check_services(pipeline: Pipeline) -> Iterator[Finding]:
    """Names and the enabled flags."""
    first: dict[str, Service] = {}
    document = pipeline.document
    for service in pipeline.services:
        field = (*service.item_field, "name")
        if service.name in first:
            message = f"two services are named {service.name} (the first {_place(first[service.name], service)})"
            yield document.finding(ERROR, "NH027", field, message, "rename one: both would own the same objects")
        elif service.name:
            first[service.name] = service
        if service.name in RESERVED:
            message = f"{service.name} is a key of Helm's own in values.yaml"
            hint = f"rename the service, for example {service.name}-service"
            yield document.finding(ERROR, "NH028", field, message, hint)
        if len(service.name) > MAX_NAME:
            message = f"the name has {len(service.name)} characters, {MAX_NAME} are possible (its container is called <name>-ctr)"
            yield document.finding(ERROR, "NH028", field, message, "shorten it")
        if "enabled" not in (document_item(service) or {"enabled": 0}):
            message = f"{service.name or 'the service'} has no enabled field, which means disabled"
            yield document.finding(WARNING, "NH030", service.item_field, message, "write enabled: true (or false)")
    if pipeline.services and not any(service.enabled for service in pipeline.services):
        hint = "write enabled: true for those that should run"
        yield document.finding(WARNING, "NH029", ("spec", "services"), "no service is enabled", hint)


def _place(first: Service, second: Service) -> str:
    """Where the first of two services stands, with its file when the second is in another one."""
    (one, field), (two, _) = (service.document.origin((*service.item_field, "name")) for service in (first, second))
    line = one.mark(field).line
    return f"at line {line}" if one.path == two.path else f"in {one.path} at line {line}"


def check_pipeline_name(pipeline: Pipeline) -> Iterator[Finding]:
    """The name is a label of every object, and, as build proposes it, the name of a release."""
    field = ("metadata", "name")
    size = len(pipeline.name)
    if size > MAX_LABEL:
        message = f"the name has {size} characters, {MAX_LABEL} are possible (it is a label)"
        yield pipeline.document.finding(ERROR, "NH028", field, message, "shorten it")
    elif size > MAX_RELEASE:
        message = f"the name has {size} characters, and a release's name {MAX_RELEASE} at most"
        hint = "shorten it, or install it under another name"
        yield pipeline.document.finding(WARNING, "NH028", field, message, hint)


def check_derived_names(pipeline: Pipeline) -> Iterator[Finding]:
    """Some services bring objects with names of their own, which no other service may have."""
    names = {service.name: service for service in pipeline.services}
    waiting = gated(pipeline.services)
    for service in pipeline.services:
        ready = [("-ready", "a Service of its ready pods")] if service.name in waiting else []
        for suffix, reason in (*derived_suffixes(service), *ready):
            other = names.get(service.name + suffix)
            if other is None or not service.name:
                continue
            severity = ERROR if service.enabled and other.enabled else WARNING
            message = f"{service.name} brings {reason} called {other.name}"
            hint = "rename one: both would own the same objects"
            yield pipeline.document.finding(severity, "NH027", (*other.item_field, "name"), message, hint)


def gated(services: list[Service]) -> set[str]:
    """The services that wait for one, or are waited for. Each has a Service of the pods that are ready."""
    found = set()
    for service in services:
        for each in service.dependencies:
            if dig(each, "wait", "enabled") is not False and each.get("external") is not True:
                found |= {service.name, str(each.get("name"))}
    return found


def made_by(service: Service, shared: dict[str, Any], *, is_gated: bool) -> Iterator[tuple[str, str]]:
    """Kind and name of what an enabled service makes, where an object of the user may well have that name."""
    name, router = service.name, service.mapping("expose", "router")
    group = is_multi_node(service) and not is_kserve(service)
    if is_kserve(service):
        yield "InferenceService", name
    else:
        yield ("LeaderWorkerSet", f"{name}-lws") if group else ("Deployment", name)
        yield "Service", name
        if isinstance(further := service.get("expose", "service", "name"), str) and further not in ("", name):
            yield "Service", further
        if dig(router, "eppConfig", "containerSpec", "image", "repository"):
            for kind in ("Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"):
                yield kind, f"{name}-epp"
            yield "InferencePool", name
        if dig(router, "ingress", "ingressClass") or service.get("expose", "ingress", "enabled") is True:
            yield "Ingress", name
        gateway = service.mapping("expose", "router", "gateway") if dig(router, "gateway", "name") else {}
        if gateway and gateway.get("httpRoutesEnabled") is not False:
            yield "HTTPRoute", name
        if gateway.get("grpcRoutesEnabled") is True:
            yield "GRPCRoute", name
    if is_gated and not is_knative(service) and shared.get("keepOperatorPods") is not True:
        yield "Service", f"{name}-ready"
    if service.get("serviceAccount", "create") is not False:
        yield "ServiceAccount", str(service.get("serviceAccount", "name") or name)
    if claim := created_claim(service):
        yield "PersistentVolumeClaim", claim
    monitored = service.get("metrics", "enabled") is True and not is_knative(service)
    for kind, made in {
        "DaemonSet": shared.get("prePull") is True,
        "HorizontalPodAutoscaler": service.get("scale", "enabled") is True and not group and not is_kserve(service),
        "NetworkPolicy": dig(shared, "networkPolicy", "enabled") is True,
        "PodDisruptionBudget": bool(service.get("podDisruptionBudget")),
        "PrometheusRule": service.get("metrics", "prometheusRule", "enabled") is True,
        "ScaledObject": service.get("scale", "keda", "enabled") is True,
        "ServiceMonitor": monitored,
    }.items():
        if made:
            yield kind, f"{name}-pull" if kind == "DaemonSet" else name


def derived_suffixes(service: Service) -> Iterator[tuple[str, str]]:
    """What is appended to the service's name for further objects, and what they are."""
    if service.mapping("expose", "router", "eppConfig"):
        yield "-epp", "an endpoint picker"
    if is_multi_node(service):
        yield "-lws", "a LeaderWorkerSet"
    if is_kserve(service):
        yield "-predictor", "a predictor"


def check_further_services(pipeline: Pipeline) -> Iterator[Finding]:
    """expose.service.name makes a further Service where that name is free. The operator never reads it."""
    for index, name in enumerate(further_services(pipeline.services)):
        service = pipeline.services[index]
        wanted = service.get("expose", "service", "name")
        if name or not isinstance(wanted, str) or wanted in ("", service.name):
            continue
        field = (*service.spec_field, "expose", "service", "name")
        message = (
            f"the name {wanted} is taken, so it makes no further Service: {service.name} is reached under its own name"
        )
        yield pipeline.document.finding(WARNING, "NH033", field, message, "remove it, or write a name that is free")


def further_services(services: list[Service]) -> list[str]:
    """For each service the name of the further Service that it makes, "" for none. No other service may have that name."""
    wanted = [service.get("expose", "service", "name") for service in services]
    taken = {service.name for service in services}
    taken |= {service.name + suffix for service in services for suffix, _ in derived_suffixes(service)}
    return [name if isinstance(name, str) and name not in taken and wanted.count(name) == 1 else "" for name in wanted]


def document_item(service: Service) -> dict[str, Any] | None:
    """The mapping of spec.services that a service was made from."""
    item = dig(service.document.data, *service.item_field)
    return item if isinstance(item, dict) else None


def check_namespace(pipelines: list[Pipeline], caches: Container[str]) -> Iterator[Finding]:
    """Two pipelines of one namespace own objects of the same names: Helm installs the first and refuses the second.

    Without a namespace, those of one file count as neighbours. Pipelines of one name are variants of each other.
    """
    owners: dict[tuple[str, str, str], Pipeline] = {}
    for pipeline in pipelines:
        scope = pipeline.namespace or f"\0{pipeline.document.path}"
        for service in pipeline.services:
            if not service.enabled or not service.name:
                continue
            for kind, name in owned_objects(service, caches):
                first = owners.setdefault((scope, kind, name), pipeline)
                if first.name != pipeline.name:
                    where = f" in the namespace {pipeline.namespace}" if pipeline.namespace else ""
                    message = f"{pipeline.name} and {first.name} both have {kind} {name}{where}"
                    hint = "rename one, or install them into two namespaces"
                    field = (*service.item_field, "name")
                    yield pipeline.document.finding(WARNING, "NH032", field, message, hint)


def owned_objects(service: Service, caches: Container[str]) -> Iterator[tuple[str, str]]:
    """What a service is called in the cluster: itself, what it brings, its claim, and its cache if that is made too."""
    yield "a service", service.name
    for suffix, _ in derived_suffixes(service):
        yield "a service", service.name + suffix
    claim = created_claim(service)
    if claim and claim != f"{service.name}-pvc":
        yield "a claim", claim
    cache = service.get("storage", "nimCache", "name")
    if isinstance(cache, str) and cache in caches:
        yield "the NIMCache", cache


NAME_RULES = (check_pipeline_name, check_services, check_derived_names, check_further_services)
