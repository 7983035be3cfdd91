"""A CustomResourceDefinition's schema as plain draft-07, the way the API server applies it."""

from __future__ import annotations

from pathlib import Path

import yaml

from .places import Schema

KEPT = ("type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems")


def load_crd(path: Path) -> Schema:
    """The schema of the first version of a CRD file."""
    crd = yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return converted(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def converted(node: Schema) -> Schema:
    """A schema without Kubernetes' extensions: unknown fields are refused, and fields with a default are not required.

    The API server drops the former instead, and fills in the latter before it looks for what is missing.
    """
    result = {key: node[key] for key in KEPT if key in node}
    if node.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if "properties" in node:
        result["properties"] = {name: converted(child) for name, child in node["properties"].items()}
        result["required"] = [name for name in node.get("required", ()) if "default" not in node["properties"][name]]
        result["additionalProperties"] = bool(node.get("x-kubernetes-preserve-unknown-fields"))
    if "items" in node:
        result["items"] = converted(node["items"])
    if isinstance(node.get("additionalProperties"), dict):
        result["additionalProperties"] = converted(node["additionalProperties"])
    return result
