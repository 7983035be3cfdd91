"""Pipelines for the tests, from a few words each."""

from __future__ import annotations

from typing import Any

from nimhelm.check import check_documents
from nimhelm.finding import Finding
from nimhelm.load import Loaded, load_text
from nimhelm.plan import Plan, plan_pipeline
from nimhelm.yamlwrite import dump

IMAGE = {"repository": "nvcr.io/nim/llm", "tag": "1.0"}


def service(name: str = "llm", *after: str | dict[str, Any], enabled: bool = True, **spec: Any) -> dict[str, Any]:
    """An item of spec.services that nothing is wrong with; `after` are its dependencies, on port 8000 by their names."""
    item: dict[str, Any] = {
        "name": name,
        "enabled": enabled,
        "spec": {"image": IMAGE, "authSecret": "ngc", "storage": {"emptyDir": {}}, **spec},
    }
    if after:
        item["dependencies"] = [{"name": one, "port": 8000} if isinstance(one, str) else one for one in after]
    return item


def pipeline(*services: dict[str, Any], name: str = "demo", **metadata: Any) -> dict[str, Any]:
    """A NIMPipeline of these services; without any, of one."""
    return {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMPipeline",
        "metadata": {"name": name, **metadata},
        "spec": {"services": list(services) or [service()]},
    }


def cache(name: str = "weights", **spec: Any) -> dict[str, Any]:
    """A NIMCache that nothing is wrong with."""
    model = {"profiles": ["h100-tp1"]}
    source = {"ngc": {"modelPuller": "nvcr.io/nim/llm:1.0", "pullSecret": "p", "authSecret": "ngc", "model": model}}
    storage = {"pvc": {"create": True, "size": "50Gi"}}
    return {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMCache",
        "metadata": {"name": name},
        "spec": {"source": source, "storage": storage, **spec},
    }


def text(*documents: dict[str, Any]) -> str:
    """Documents as one YAML file."""
    return "---\n".join(dump(document) for document in documents)


def loaded(*documents: dict[str, Any] | str) -> Loaded:
    """Documents, as data or as YAML, loaded as from the file pipeline.yaml."""
    result = Loaded.nothing()
    for document in documents:
        content = document if isinstance(document, str) else dump(document)
        load_text("pipeline.yaml", content.encode(), result)
    return result


def findings(*documents: dict[str, Any] | str) -> list[Finding]:
    """Everything that is wrong with the documents."""
    return check_documents(loaded(*documents))


def codes(*documents: dict[str, Any] | str) -> list[str]:
    """The findings in short: `NH012 spec.services[0].name`, with `warning` or `note` before those that are only that."""
    return [
        " ".join(filter(None, (found.severity * (found.severity != "error"), found.code, found.field)))
        for found in findings(*documents)
    ]


def plan(*services: dict[str, Any], include_disabled: bool = False, **metadata: Any) -> Plan:
    """The plan of a pipeline of these services."""
    document = loaded(pipeline(*services, **metadata)).pipelines[0]
    return plan_pipeline(document, include_disabled=include_disabled)
