"""Rules of multi-node services, devices claimed with DRA, endpoint pickers and KServe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Service, has_keda, is_kserve, is_multi_node, is_scaled, nodes, number
from nimhelm.yamlread import Path

CLAIM_SOURCES = ("resourceClaimName", "resourceClaimTemplateName", "claimCreationSpec")
SELECTORS = ("attributeSelectors", "capacitySelectors")
MODES = ("Standard", "RawDeployment", "Knative", "Serverless", "ModelMesh")
KNATIVE = ("Knative", "Serverless")
MOST_DEVICES = 32
"""The scheduler allocates no more to one claim."""
MOST_SELECTORS = 31
"""A request has 32; the chart's own selects the driver."""
MOST_NODES = 4096
"""Of all groups together that MPI starts: the names of more, in a long namespace, do not fit into one ConfigMap."""


def check_multi_node(service: Service) -> Iterator[Finding]:
    """What a LeaderWorkerSet needs, and excludes."""
    node = service.get("multiNode")
    if not isinstance(node, dict):
        return
    if is_scaled(service):
        yield service.error("NH120", ("multiNode",), "multiNode and scale.enabled exclude each other", "remove one")
    if has_keda(service):
        yield service.error("NH120", ("multiNode",), "multiNode and scale.keda exclude each other", "remove one")
    if is_kserve(service):
        yield service.error(
            "NH120", ("multiNode",), "KServe cannot run a multi-node service", "remove inferencePlatform: kserve"
        )
    if node.get("mpi") is not None and node.get("ray") is not None:
        yield service.error(
            "NH121", ("multiNode", "ray"), "multiNode.mpi and multiNode.ray exclude each other", "keep one"
        )
    domain = node.get("computeDomain")
    if isinstance(domain, dict) and (domain.get("create") is True) == bool(domain.get("name")):
        message = "a compute domain is either created or named" + (", not both" if domain.get("name") else "")
        yield service.error(
            "NH122", ("multiNode", "computeDomain"), message, "write create: true, or the name of an existing one"
        )
    elif isinstance(domain, dict) and domain.get("name") and not domain.get("claimTemplateName"):
        message = f"the claim template of the compute domain {domain['name']} is not known without a cluster"
        hint = f"set {service.title}.multiNode.computeDomain.claimTemplateName in the chart's values, or write create: true"
        yield service.error("NH124", ("multiNode", "computeDomain", "name"), message, hint)
    if not is_multi_node(service):
        message = "multiNode with parallelism.pipeline of 1 is one node: a plain Deployment is made"
        yield service.warning("NH123", ("multiNode",), message, "raise parallelism.pipeline, or remove multiNode")
    elif len(service.name) > 50:
        message = f"a multi-node service's name has 50 characters at most, this one {len(service.name)}"
        yield service.error("NH028", ("multiNode",), message, "shorten the name")
    elif node.get("ray") is None and (many := nodes(service) * number(service.get("replicas"), 1)) > MOST_NODES:
        message = f"{service.name} spans {many} nodes, and their names do not fit into one ConfigMap for MPI"
        hint = f"at most {MOST_NODES}, all replicas together; or start the group with ray"
        yield service.error("NH125", ("multiNode", "parallelism", "pipeline"), message, hint)


def check_dra(service: Service) -> Iterator[Finding]:
    """The webhook's rules of draResources."""
    names: set[Any] = set()
    many = is_scaled(service) or has_keda(service) or number(service.get("replicas"), 1) > 1
    for index, resource in service.items("draResources"):
        field: Path = ("draResources", index)
        sources = [name for name in CLAIM_SOURCES if resource.get(name)]
        if len(sources) != 1:
            message = f"draResources[{index}] needs exactly one of {', '.join(CLAIM_SOURCES)}"
            yield service.error("NH130", field, message, "keep one" if sources else "add one")
        name = resource.get("resourceClaimName")
        if name and many:
            message = f"several replicas cannot share the claim {name}"
            yield service.error("NH131", (*field, "resourceClaimName"), message, "use resourceClaimTemplateName")
        if name and str(name) in names:
            yield service.error("NH131", (*field, "resourceClaimName"), f"the claim {name} is listed twice", "keep one")
        names.add(str(name))
        yield from _created_claim(service, (*field, "claimCreationSpec"), resource.get("claimCreationSpec"))
        yield from _requests(service, field, resource)


def _created_claim(service: Service, field: Path, spec: Any) -> Iterator[Finding]:
    if not isinstance(spec, dict):
        return
    names: set[str] = set()
    total = 0
    for index, device in service.items(*field, "devices"):
        place: Path = (*field, "devices", index)
        name = device.get("name")
        if isinstance(name, str) and name in names:
            yield service.error("NH134", (*place, "name"), f"two devices are named {name}", "rename one")
        names.add(str(name))
        total += number(device.get("count"), 1)
        if device.get("celExpressions") and (device.get("attributeSelectors") or device.get("capacitySelectors")):
            message = "celExpressions exclude attributeSelectors and capacitySelectors"
            yield service.error("NH132", (*place, "celExpressions"), message, "keep one of them")
        yield from _selectors(service, place, device)
    if max(total, len(names)) > MOST_DEVICES:
        message = f"a claim has {MOST_DEVICES} devices at most, this one {max(total, len(names))}"
        yield service.error("NH134", (*field, "devices"), message, "split it into several claims")


def _requests(service: Service, field: Path, resource: dict[str, Any]) -> Iterator[Finding]:
    """The requests that containers use: each once, and each one of the claim's, where that is made here."""
    made = [device.get("name") for _, device in service.items(*field, "claimCreationSpec", "devices")]
    seen: set[str] = set()
    for index, request in enumerate(service.sequence(*field, "requests")):
        place: Path = (*field, "requests", index)
        if not isinstance(request, str):
            continue
        if request in seen:
            yield service.error("NH134", place, f"the request {request} is listed twice", "keep one")
        elif made and request.partition("/")[0] not in made:
            listed = ", ".join(str(name) for name in made)
            yield service.error("NH134", place, f"the claim has no device {request}", f"one of {listed}")
        seen.add(request)


def _selectors(service: Service, place: Path, device: dict[str, Any]) -> Iterator[Finding]:
    from nimhelm.rules.cel import WORDS, refusal

    keys: set[str] = set()
    expressions = service.sequence(*place, "celExpressions")
    for index, expression in enumerate(expressions):
        if isinstance(expression, str) and (refused := refusal(expression)):
            yield service.error("NH133", (*place, "celExpressions", index), *refused)
    many = {kind: len(service.sequence(*place, kind)) for kind in ("celExpressions", *SELECTORS)}
    if sum(many.values()) > MOST_SELECTORS:
        message = f"a device has {MOST_SELECTORS} selectors at most, this one {sum(many.values())}"
        yield service.error("NH133", (*place, max(many, key=many.__getitem__)), message, "join conditions with &&")
    for kind in SELECTORS:
        for index, selector in service.items(*place, kind):
            field: Path = (*place, kind, index)
            key = selector.get("key")
            qualified = (
                key if isinstance(key, str) and "/" in key else f"{device.get('driverName') or 'gpu.nvidia.com'}/{key}"
            )
            if qualified.rpartition("/")[2] in WORDS:
                message = f"{key} is a word of CEL, and the selector becomes an expression"
                yield service.error("NH133", (*field, "key"), message, "use celExpressions, with the key in [ ]")
            if qualified in keys:
                yield service.error("NH133", (*field, "key"), f"the selector {key} is listed twice", "keep one")
            keys.add(qualified)
            if kind == "attributeSelectors":
                yield from _attribute(service, field, selector, selector.get("value"))


def _attribute(service: Service, field: Path, selector: dict[str, Any], value: Any) -> Iterator[Finding]:
    kinds = [
        name
        for name in ("boolValue", "intValue", "stringValue", "versionValue")
        if isinstance(value, dict) and value.get(name) is not None
    ]
    if len(kinds) != 1:
        message = "an attribute selector's value is exactly one of boolValue, intValue, stringValue, versionValue"
        yield service.error("NH133", (*field, "value"), message, "keep one" if kinds else "add one")
    elif kinds[0] in ("boolValue", "stringValue") and selector.get("op", "Equal") not in ("Equal", "NotEqual"):
        yield service.error("NH133", (*field, "op"), f"{selector['op']} cannot compare a {kinds[0]}", "use Equal")


def check_kserve(service: Service) -> Iterator[Finding]:
    """What KServe's serverless mode does itself cannot be asked of the chart as well."""
    if not is_kserve(service):
        return
    mode = service.mapping("annotations").get("serving.kserve.io/deploymentMode")
    if mode is not None and mode not in MODES:
        field: Path = ("annotations", "serving.kserve.io/deploymentMode")
        yield service.error("NH140", field, f"{mode} is not a deployment mode of KServe", "one of " + ", ".join(MODES))
    elif mode == "RawDeployment":
        message = "KServe 0.16 and later refuse RawDeployment beside a deployment strategy, which the service has"
        hint = "write Standard, the new name of this mode; KServe before 0.16 knows RawDeployment alone"
        yield service.warning("NH140", ("annotations", "serving.kserve.io/deploymentMode"), message, hint)
    yield from _predictor_target(service)
    if mode not in KNATIVE:
        return
    for field in (("scale", "enabled"), ("expose", "ingress", "enabled"), ("metrics", "enabled")):
        if service.get(*field) is True:
            yield service.error(
                "NH141", field, f"{'.'.join(map(str, field))} is not possible in KServe's {mode} mode", "remove it"
            )
    for name in ("ingress", "gateway"):
        if service.get("expose", "router", name):
            yield service.error(
                "NH141",
                ("expose", "router", name),
                f"router.{name} is not possible in KServe's {mode} mode",
                "remove it",
            )


def _predictor_target(service: Service) -> Iterator[Finding]:
    """KServe's scaleTarget is one whole number, taken from the first cpu or memory metric."""
    for index, metric in service.items("scale", "hpa", "metrics"):
        resource = metric.get("resource")
        target = resource.get("target") if isinstance(resource, dict) else None
        if (
            not isinstance(target, dict)
            or not isinstance(resource, dict)
            or resource.get("name") not in ("cpu", "memory")
        ):
            continue
        value = target.get("averageValue")
        if target.get("averageUtilization") is None and value is not None and not str(value).isdigit():
            field: Path = ("scale", "hpa", "metrics", index, "resource", "target", "averageValue")
            message = f"KServe scales on a whole number, not on {value}"
            yield service.error("NH142", field, message, "use averageUtilization")
        return


def check_picker(service: Service) -> Iterator[Finding]:
    """An endpoint picker takes its configuration from one place."""
    config = service.mapping("expose", "router", "eppConfig")
    if config.get("config") and config.get("configMapRef"):
        field: Path = ("expose", "router", "eppConfig", "configMapRef")
        yield service.error(
            "NH150", field, "eppConfig.config and eppConfig.configMapRef exclude each other", "keep one"
        )


PLATFORM_RULES = (check_multi_node, check_dra, check_kserve, check_picker)
