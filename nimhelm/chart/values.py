"""The umbrella's values: Plan -> the tree of values.yaml and the comments in it."""

from __future__ import annotations

import hashlib
import json
from textwrap import wrap
from typing import Any

from nimhelm.assets import schema
from nimhelm.caches import JOB, RESOURCE_POLICY, PlannedCache
from nimhelm.pipeline import dig
from nimhelm.plan import Gate, Plan, PlannedService
from nimhelm.quantity import canonical

COMMENTED = ("wait", "progressDeadlineSeconds")
"""The fields of a service's block that only the chart has, and whose descriptions are beside them."""

UNWRITTEN = ("helperResources",)
"""Keys of global.nimhelm that values.yaml leaves to the templates: Helm merges maps, so {} over a default would change nothing."""


def shared_values() -> dict[str, tuple[Any, str]]:
    """Key -> (default, comment) of global.nimhelm, as schema/source describes them."""
    properties = schema("values")["definitions"]["shared"]["properties"]
    return {key: (one["default"], comment(one["description"])) for key, one in properties.items()}


def field_comment(key: str) -> str:
    """The comment of a field of a service's block."""
    definitions = schema("values")["definitions"]
    field = definitions["service"]["properties"][key]
    described = field if "description" in field else definitions[field["$ref"].rsplit("/", 1)[1]]
    return comment(described["description"])


def comment(description: str) -> str:
    """A description as it stands behind a `#`: in lines of 100 columns, without the full stop at its end."""
    return "\n".join(wrap(description.removesuffix("."), 100, break_long_words=False, break_on_hyphens=False))


def values_tree(plan: Plan) -> dict[str, Any]:
    """The whole of values.yaml as data: global, the caches, one block per service in start order."""
    shared = {key: default for key, (default, _) in shared_values().items() if key not in UNWRITTEN}
    tree: dict[str, Any] = {"global": {"nimhelm": shared}}
    if plan.caches:
        users = {dig(service.spec, "storage", "nimCache", "name") for service in plan.services if service.enabled}
        tree["nimCaches"] = {name: cache_values(cache, name in users) for name, cache in plan.caches.items()}
    for service in plan.services:
        tree[service.name] = service_values(service)
        with_policy(dig(tree[service.name], "storage", "pvc"), plan.policy)
    tree["global"]["nimhelm"]["valuesDigest"] = values_digest(tree)
    return tree


def values_digest(tree: dict[str, Any]) -> str:
    """A digest of generated values, so that a chart can tell its own from those of an earlier build."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:16]


def service_values(service: PlannedService) -> dict[str, Any]:
    """One service's block: the pipeline's own spec, its dependencies with how to ask them, and the deadlines.

    `replicas` is left out beside an HPA.
    """
    block: dict[str, Any] = {"enabled": service.enabled, **settled(cleaned(service.spec))}
    if dig(service.spec, "scale", "enabled") is True:
        block.pop("replicas", None)
    if service.gates:
        block["dependencies"] = [dependency_values(gate) for gate in service.gates]
        block["wait"] = {"enabled": True, "timeoutSeconds": 0}
    block["progressDeadlineSeconds"] = service.progress_deadline_seconds
    return block


def cache_values(cache: PlannedCache, used: bool) -> dict[str, Any]:
    """One cache's block: the NIMCache's spec, and how it is filled. A service that uses a cache says how it is laid out."""
    block: dict[str, Any] = {"enabled": True, **cleaned(cache.spec)}
    with_policy(dig(block, "storage", "pvc"), cache.policy)
    if cache.filled_by != JOB:
        block["filledBy"] = cache.filled_by
    if cache.model_free:
        block["modelFree"] = True
    if cache.native and not used:
        block["imageLayout"] = "native"
    return block


def with_policy(claim: Any, policy: str) -> None:
    """Give a claim that the chart creates what Helm is to do with it, unless its own annotations say so."""
    if policy and isinstance(claim, dict) and claim.get("create") is True:
        claim["annotations"] = {RESOURCE_POLICY: policy, **(claim.get("annotations") or {})}


def dependency_values(gate: Gate) -> dict[str, Any]:
    """One entry of dependencies: the CRD's fields, and under wait what differs from the dependency's readiness probe.

    The chart takes path, scheme and headers from that probe, so that a change of the values moves the gate as well.
    """
    entry: dict[str, Any] = {"name": gate.name, "port": gate.port}
    if gate.env_name:
        entry["envName"] = gate.env_name
    if gate.env_value:
        entry["envValue"] = gate.env_value
    if gate.external:
        entry["external"] = True
    asking: dict[str, Any] = {"enabled": gate.waits or gate.optional}
    if gate.optional:
        asking["optional"] = True
    if gate.host:
        asking |= {"host": gate.host, "port": gate.wait_port}
    asking["timeoutSeconds"] = gate.timeout_seconds
    return {**entry, "wait": asking}


def cleaned(data: Any) -> Any:
    """A copy without nulls: to Kubernetes a null is an absent field, and Helm 3 and 4 treat one differently."""
    if isinstance(data, dict):
        return {key: cleaned(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [cleaned(item) for item in data if item is not None]
    return data


QUANTITIES = (
    ("resources", "limits", "*"),
    ("resources", "requests", "*"),
    ("storage", "pvc", "size"),
    ("storage", "emptyDir", "sizeLimit"),
    ("storage", "sharedMemorySizeLimit"),
    ("scale", "hpa", "metrics", "*", "*", "target", "value"),
    ("scale", "hpa", "metrics", "*", "*", "target", "averageValue"),
    ("draResources", "*", "claimCreationSpec", "devices", "*", "capacitySelectors", "*", "value"),
)
"""Where a spec holds quantities that the API server writes in its own way; `*` stands for any key or index."""


def settled(spec: dict[str, Any]) -> dict[str, Any]:
    """A spec whose quantities are written as the API server writes them."""
    for path in QUANTITIES:
        spec = _canonical_at(spec, path)
    return spec


def _canonical_at(data: Any, path: tuple[str, ...]) -> Any:
    if not path:
        return canonical(data)
    key, rest = path[0], path[1:]
    if isinstance(data, list) and key == "*":
        return [_canonical_at(item, rest) for item in data]
    if isinstance(data, dict):
        return {name: _canonical_at(item, rest) if key in ("*", name) else item for name, item in data.items()}
    return data


def values_comments(plan: Plan) -> dict[tuple[str, ...], str]:
    """Comments by path: what each global is for, and what each service waits for and asks of the cluster."""
    comments: dict[tuple[str, ...], str] = {("global",): "What all services share."}
    for key, (_, text) in shared_values().items():
        if key not in UNWRITTEN:
            comments["global", "nimhelm", key] = text
    if plan.caches:
        comments[("nimCaches",)] = "\nModel caches: a claim and a job that fills it once."
    for service in plan.services:
        comments[(service.name,)] = "\n" + service_comment(service)
        for key in COMMENTED:
            if key != "wait" or service.gates:
                comments[service.name, key] = field_comment(key)
    return comments


def service_comment(service: PlannedService) -> str:
    """`Wave 2, after embedding-service, rerank-service; nvidia.com/gpu: 1 for each of 2 replicas.`"""
    parts = [f"Wave {service.wave + 1}"]
    if service.waits_for:
        parts[0] += ", after " + ", ".join(gate.name for gate in service.waits_for)
    if service.gpus:
        many = f" for each of {service.replicas} replicas" if service.replicas != 1 else ""
        parts.append(", ".join(f"{name}: {amount}" for name, amount in service.gpus.items()) + many)
    if not service.enabled:
        parts.append("disabled in the pipeline")
    return "; ".join(parts) + "."
