"""Ways out of findings of the shape: what people write, and what they mean by it. Loaded only where something is wrong."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from nimhelm.yamlread import Path
from nimhelm.yamlscalar import resolve

Schema = dict[str, Any]

LIKELY, POSSIBLE = 0.85, 0.6
"""How similar (by difflib, 0 to 1) two names are when one is surely, or perhaps, a slip of the other."""

MEANT = {
    "pullSecrets": "image.pullSecrets",
    "imagePullSecrets": "image.pullSecrets",
    "imagePullPolicy": "image.pullPolicy",
    "port": "expose.service.port",
    "ports": "expose.service.port",
    "service": "expose.service",
    "ingress": "expose.router.ingress",
    "gateway": "expose.router.gateway",
    "gpu": 'resources.limits["nvidia.com/gpu"]',
    "gpus": 'resources.limits["nvidia.com/gpu"]',
    "minReplicas": "scale.hpa.minReplicas",
    "maxReplicas": "scale.hpa.maxReplicas",
    "autoscaling": "scale",
    "dependsOn": "dependencies",
    "depends_on": "dependencies",
    "secret": "authSecret",
    "runAsUser": "userID",
    "fsGroup": "groupID",
}
"""Names from Kubernetes and other charts, and the field of a NIMService that they stand for."""

MEANT_AT = {
    ("multiNode", "size"): "multiNode.parallelism.pipeline",
    ("multiNode", "nodes"): "multiNode.parallelism.pipeline",
    ("multiNode", "gpusPerNode"): "multiNode.parallelism.tensor",
    ("service", "ports"): "expose.service.port",
    ("service", "targetPort"): "expose.service.port",
    ("nimCache", "create"): "storage.pvc.create",
    ("pvc", "accessModes"): "storage.pvc.volumeAccessMode",
    ("pvc", "storageClassName"): "storage.pvc.storageClass",
    ("pvc", "claimName"): "storage.pvc.name",
}
NOWHERE = {
    "nodePort": "a NIMService has no such field: the cluster chooses the port of the node",
    "source": "a NIMService has no such field: a NIMCache has it",
    "terminationGracePeriodSeconds": "a NIMService has no such field: set it in the values of the chart",
    "serviceAccountName": "a NIMService has no such field: set serviceAccount.name in the values of the chart",
    "volumes": "a NIMService has no such field: set it in the values of the chart",
    "volumeMounts": "there is no such field: every container gets the volumes of the main one",
}


def for_unknown(key: str, properties: Schema, field: Path, root: Schema) -> str:
    """What was meant by an unknown key of the mapping at `field`, whose schema has `properties`."""
    lower = {name.lower(): name for name in properties}
    if _bare(key) in lower:
        return f"did you mean {lower[_bare(key)]}?"
    parent = next((part for part in reversed(field) if isinstance(part, str)), "")
    meant = MEANT_AT.get((parent, key)) or (MEANT.get(key) if parent in ("spec", "services") else None)
    if meant and (meant.partition(".")[0] in properties or (parent, key) in MEANT_AT):
        return f"write it as {meant}" if meant.partition(".")[0] != meant else f"did you mean {meant}?"
    if key in NOWHERE and parent in ("spec", "service", "initContainers", "sidecarContainers"):
        return NOWHERE[key]
    likely = get_close_matches(key.lower(), lower, 1, LIKELY)
    if likely:
        return f"did you mean {lower[likely[0]]}?"
    found = places(key, root, field)
    if found:
        nearest = found[:1] if len({place.count(".") for place in found[:2]}) > 1 else found[:2]
        return "it belongs under " + " or ".join(nearest)
    possible = get_close_matches(key.lower(), lower, 1, POSSIBLE)
    if possible:
        return f"did you mean {lower[possible[0]]}?"
    return "fields here: " + ", ".join(sorted(properties)[:12]) if properties else "remove it"


def _bare(name: str) -> str:
    """A word without what differs between camelCase, snake_case and kebab-case."""
    return name.replace("_", "").replace("-", "").lower()


def places(key: str, root: Schema, field: Path) -> list[str]:
    """Where else a field of this name stands, the nearest to `field` first: those below it, if there are any."""
    found: list[str] = []
    _find(key, root, root.get("definitions", {}), "", found, 0)
    names = [part for part in field if isinstance(part, str)]
    here = ".".join(names)
    plain = {place: place.replace("[]", "").replace("spec.services.", "spec.services.") for place in set(found)}
    below = [place for place in plain if here and plain[place].startswith(f"{here}.")]
    chosen = sorted(below or plain, key=lambda place: (place.count("."), place))
    return [place.removeprefix("spec.services[].") for place in chosen]


def _find(key: str, schema: Schema, definitions: Schema, path: str, found: list[str], depth: int) -> None:
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    if depth > 7:
        return
    if key in schema.get("properties", {}) and path:
        found.append(path)
    for name, child in schema.get("properties", {}).items():
        _find(key, child, definitions, f"{path}.{name}" if path else name, found, depth + 1)
    if "items" in schema:
        _find(key, schema["items"], definitions, path + "[]", found, depth + 1)


def for_type(data: Any, types: list[str], field: Path, text: str | None) -> str:
    """The way out of a value of the wrong type, "" for none; `text` is the scalar as the file has it."""
    name = str(field[-1]) if field else ""
    above = str(field[-2]) if len(field) > 1 else ""
    if isinstance(data, str) and "object" in types:
        return _from_text(data, name, above)
    if "array" in types and isinstance(data, dict):
        if name == "env":
            return "write a list of variables, for example " + ", ".join(
                _variable(*one) for one in list(data.items())[:1]
            )
        return "write a list: put a dash in front of each item"
    if "array" in types and isinstance(data, str):
        return f"write a list: [{data}]"
    if types == ["string"] and isinstance(data, dict) and isinstance(data.get("name"), str):
        return f"write the name alone: {data['name']}"
    if isinstance(data, float) and above in ("limits", "requests") and "/" in name:
        return "write a whole number"
    if "string" in types and text is not None and not isinstance(data, str):
        return f"write the unit: {text}Gi" if name == "size" and text.isdecimal() else f'quote it: "{text}"'
    if isinstance(data, str) and not {"integer", "number", "boolean"}.isdisjoint(types):
        value = resolve(data) if data else None
        wanted = (bool,) if "boolean" in types else (int,)
        return "write it without quotes" if isinstance(value, wanted) else ""
    return ""


def _from_text(data: str, name: str, above: str) -> str:
    if name == "image":
        repository, colon, tag = data.rpartition(":")
        if colon and "/" not in tag:
            return f'write image: {{repository: {repository}, tag: "{tag}"}}'
        return f"write image: {{repository: {data}, tag: ...}}"
    if above == "env":
        return f"write {_variable(*data.split('=', 1))}" if "=" in data else f"write {{name: {data}, value: ...}}"
    if above == "dependencies":
        host, _, port = data.partition(":")
        return f"write {{name: {host}, port: {port if port.isdecimal() else 8000}}}"
    return ""


def _variable(name: str, value: Any) -> str:
    return f'{{name: {name}, value: "{value}"}}' if isinstance(value, (str, int, float)) else f"{{name: {name}, ...}}"


def for_value(data: Any, field: Path, allowed: list[Any]) -> str:
    """The way out of a value that its schema does not allow, "" for none: `always` is Always, `64GB` is 64G or 64Gi.

    `allowed` are the words of the schema, if it has a list of them.
    """
    for word in allowed:
        if isinstance(data, str) and isinstance(word, str) and data and _bare(data) == _bare(word):
            return f"write {word}"
    if not isinstance(data, str) or not any(
        part in ("limits", "requests", "size", "sizeLimit", "memory") for part in field[-2:]
    ):
        return ""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kKmMgGtT])[iI]?(?:[bB]|[bB]ytes)?", data)
    if match and match[1].strip("0."):
        digits, unit = match[1], match[2].upper()
        return f"write {digits}{'k' if unit == 'K' else unit} or {digits}{unit}i"
    return ""
