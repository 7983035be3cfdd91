"""Rules of the pod: containers, placement, proxy. They serve services and downloads alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import ERROR, Finding
from nimhelm.pipeline import Block, Cache, Service
from nimhelm.rules.annotations import check_annotations
from nimhelm.rules.variables import check_dynamo, check_env, check_listening
from nimhelm.yamlread import Path


def check_containers(block: Block) -> Iterator[Finding]:
    """Names of containers are unique in a pod."""
    seen = block.own_containers()
    for kind in ("initContainers", "sidecarContainers"):
        for index, container in block.items(kind):
            name = container.get("name")
            if isinstance(name, str) and name in seen:
                yield block.error("NH110", (kind, index, "name"), f"the container name {name} is taken", "rename it")
            seen.add(str(name))


def check_gates(service: Service) -> Iterator[Finding]:
    """A gate for each dependency, and one for the cache; two names can make one of the same name."""
    seen: dict[str, str] = {}
    for index, name in service.gates():
        waited = str(service.dependencies[index].get("name")) if index is not None else "the cache"
        if index is not None and seen.get(name, waited) != waited:
            message = f"the init container {name} waits for {seen[name]} and for {waited}"
            hint = "rename one of them, or set wait.enabled: false for one"
            yield service.document.finding(ERROR, "NH110", service.dependency_field(index, "name"), message, hint)
        seen.setdefault(name, waited)


def check_tolerations(block: Block) -> Iterator[Finding]:
    """Tolerations as the API server has them."""
    yield from _tolerations(block, ("tolerations",))
    yield from _tolerations(block, ("podTemplate", "spec", "tolerations"))


def _tolerations(block: Block, listed: Path) -> Iterator[Finding]:
    for index, toleration in block.items(*listed):
        field: Path = (*listed, index)
        operator = toleration.get("operator") or "Equal"
        if operator == "Exists" and toleration.get("value"):
            message = "a toleration with operator Exists takes no value"
            yield block.error("NH097", (*field, "value"), message, "remove the value")
        elif operator != "Exists" and not toleration.get("key"):
            message = "a toleration without a key needs operator: Exists"
            yield block.error("NH097", field, message, "add key, or operator: Exists")
        elif operator in ("Lt", "Gt") and not re.fullmatch(r"-?(0|[1-9][0-9]*)", str(toleration.get("value"))):
            message = f"a toleration with operator {operator} takes a whole number"
            yield block.error("NH097", field, message, 'for example value: "80"')
        elif operator in ("Lt", "Gt"):
            message = (
                f"the operator {operator} needs Kubernetes 1.35 with the feature TaintTolerationComparisonOperators"
            )
            hint = "other API servers refuse the pod; use Equal or Exists, or nodeAffinity with Gt or Lt"
            yield block.warning("NH097", (*field, "operator"), message, hint)
        if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
            message = "tolerationSeconds needs effect: NoExecute"
            yield block.error("NH097", (*field, "tolerationSeconds"), message, "write effect: NoExecute, or remove it")


def check_affinity(block: Block) -> Iterator[Finding]:
    """The deprecated podAffinity, and requirements with the values that their operators take."""
    if block.get("podAffinity"):
        message = "podAffinity is deprecated"
        yield block.warning("NH096", ("podAffinity",), message, "write it as affinity.podAffinity")
    for field in REQUIRING:
        yield from _requirements(block, field, block.get(*field))


REQUIRING: tuple[Path, ...] = (
    ("affinity",), ("podAffinity",), ("topologySpreadConstraints",), ("storage", "pvc", "selector"), ("volumes",),
    ("selector",),
    ("podTemplate", "spec", "affinity"), ("podTemplate", "spec", "topologySpreadConstraints"),
)  # fmt: skip
"""Fields that choose nodes, pods or volumes by their labels."""


def _requirements(block: Block, field: Path, data: Any) -> Iterator[Finding]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _requirements(block, (*field, index), item)
    elif isinstance(data, dict):
        if "key" in data and "operator" in data:
            yield from _requirement(block, field, data)
        if data.get("matchLabelKeys") or data.get("mismatchLabelKeys"):
            yield from _label_keys(block, field, data)
        for key, value in data.items():
            yield from _requirements(block, (*field, key), value)


def _label_keys(block: Block, field: Path, term: dict[str, Any]) -> Iterator[Finding]:
    """Keys by which a term of an affinity finds pods that are like the own one, beside a selector alone."""
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        if term.get(name) and term.get("labelSelector") is None:
            yield block.error("NH099", (*field, name), f"{name} needs a labelSelector beside it", "add labelSelector")
    keys, others = (term.get(name) for name in ("matchLabelKeys", "mismatchLabelKeys"))
    if isinstance(keys, list) and isinstance(others, list):
        for key in (key for key in keys if key in others):
            message = f"{key} is in matchLabelKeys and in mismatchLabelKeys"
            yield block.error("NH099", (*field, "mismatchLabelKeys"), message, "keep one of the two")


def _requirement(block: Block, field: Path, requirement: dict[str, Any]) -> Iterator[Finding]:
    operator, values = requirement["operator"], requirement.get("values") or []
    if not isinstance(values, list):
        return  # the schema's finding
    if "matchFields" in field:
        if requirement["key"] != "metadata.name" or operator not in ("In", "NotIn") or len(values) != 1:
            message = "matchFields takes the key metadata.name, In or NotIn, and one value"
            yield block.error("NH099", field, message, "use matchExpressions")
    elif operator in ("In", "NotIn") and not values:
        yield block.error("NH099", field, f"the operator {operator} needs values", "add values")
    elif operator in ("Exists", "DoesNotExist") and values:
        yield block.error("NH099", (*field, "values"), f"the operator {operator} takes no values", "remove values")
    elif operator in ("Gt", "Lt") and not (len(values) == 1 and str(values[0]).lstrip("-").isdecimal()):
        message = f"the operator {operator} takes one whole number"
        yield block.error("NH099", field, message, 'for example values: ["80"]')
    elif operator in ("In", "NotIn") and "nodeAffinity" in field and (wrong := _no_label_values(values)):
        message = f'"{wrong[0]}" is no label value, and no node has it'
        yield block.error(
            "NH099", (*field, "values"), message, "at most 63 letters, digits, inner dashes, dots and underscores"
        )


def _no_label_values(values: Any) -> list[Any]:
    listed = values if isinstance(values, list) else []
    return [each for each in listed if not _LABEL_VALUE.fullmatch(str(each))]


def check_proxy(service: Service) -> Iterator[Finding]:
    """Proxies are URLs. Those of a NIMCache are held to it by its schema, as its webhook does."""
    for name in ("httpProxy", "httpsProxy"):
        url = service.get("proxy", name)
        if isinstance(url, str) and url and not url.startswith(("http://", "https://")):
            message = f"{url} does not start with http:// or https://"
            yield service.warning("NH098", ("proxy", name), message, f"write http://{url}")


_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

EXEMPT = re.compile(
    r"\.?[a-zA-Z0-9.-]+|([0-9]{1,3}\.){3}[0-9]{1,3}(:[0-9]+|/[0-9]{1,2})?|\[[0-9a-fA-F:]+\](:[0-9]+|/[0-9]{1,3})?"
)
"""An entry of noProxy that the webhook of NIMCaches takes: a host, an address with or without a port, or a range."""


def check_exempt(cache: Cache) -> Iterator[Finding]:
    """The webhook of NIMCaches takes hosts, addresses and ranges in noProxy. That of NIMServices takes anything."""
    listed = cache.get("proxy", "noProxy")
    for entry in listed.split(",") if isinstance(listed, str) else ():
        if entry.strip() and not EXEMPT.fullmatch(entry.strip()):
            message = f"{entry.strip()} in noProxy is no host, address or range"
            hint = "for example .svc,.cluster.local,10.0.0.0/8; a leading dot stands for every host below"
            yield cache.error("NH106", ("proxy", "noProxy"), message, hint)


def check_ranges(block: Block) -> Iterator[Finding]:
    """A range of addresses that is none: clients ignore it, so that what is in it goes through the proxy."""
    listed = block.get("proxy", "noProxy")
    for entry in listed.split(",") if isinstance(listed, str) and "/" in listed else ():
        # The webhook of NIMCaches wants brackets around addresses of IPv6.
        if "/" in entry and not _is_range(entry.strip().replace("[", "").replace("]", "")):
            message = f"{entry.strip()} in noProxy is no range of addresses"
            hint = "for example 10.0.0.0/8: at most /32 for IPv4, /128 for IPv6"
            yield block.warning("NH106", ("proxy", "noProxy"), message, hint)


def _is_range(entry: str) -> bool:
    from ipaddress import ip_network

    try:
        # A mask such as 10.0.0.0/255.0.0.0 is for Python alone.
        return entry.rpartition("/")[2].isdecimal() and bool(ip_network(entry, strict=False))
    except ValueError:
        return False


def check_no_proxy(service: Service) -> Iterator[Finding]:
    """A dependency is asked by its bare name, which only noProxy keeps from the proxy."""
    if not service.get("proxy", "httpProxy"):
        return
    listed = service.get("proxy", "noProxy")
    exempt = {name.strip() for name in listed.split(",")} if isinstance(listed, str) else set()
    asked = [item.get("name") for item in service.dependencies if item.get("envName") and not item.get("envValue")]
    missing = [name for name in asked if isinstance(name, str) and name not in exempt]
    if missing and "*" not in exempt:
        message = f"calls of {service.name} to {', '.join(missing)} go through the proxy"
        yield service.warning("NH103", ("proxy", "noProxy"), message, f"add {','.join(missing)} to noProxy")


BLOCK_RULES = (check_env, check_containers, check_tolerations, check_affinity, check_annotations, check_ranges)
"""For services and downloads alike."""

POD_RULES = (check_gates, check_proxy, check_no_proxy, check_dynamo, check_listening)
