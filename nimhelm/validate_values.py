"""`nimhelm validate --values CHART`: values files held against the chart they are for, before Helm does it.

Each file is merged over the chart's own values.yaml as Helm merges (-f): mappings key by key, everything else replaced,
null removes. The result must fit the chart's values.schema.json, and what the schema cannot say: the rules of services,
and of dependencies that the file switches off. Places are those of the values file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nimhelm.chart.read import read_chart
from nimhelm.check import check_service
from nimhelm.errors import LoadError
from nimhelm.finding import ERROR, Finding, has_errors
from nimhelm.load import read_bytes, read_content
from nimhelm.pipeline import Service, dig, replicas, served_ports
from nimhelm.report import REPORTERS
from nimhelm.schema_check import Schema, check_shape
from nimhelm.yamlread import Document

NOT_SERVICES = ("global", "nimCaches", "tags")


def validate_values(
    chart: Path, paths: list[str], strict: bool = False, output: str = "text", layers: bool = False
) -> int:
    """Print the findings of all values files, each merged over the chart's values on its own; as `layers`, each also
    over the files before it, like several -f of one install.

    Returns 0, or 1 when a finding is an error (under strict: a warning). Raises LoadError.
    """
    base, schema = chart_values(chart)
    findings = []
    for path in paths:
        found, merged = check_values_file(path, base, schema)
        findings += found
        base = merged if layers else base
    findings = sorted(set(findings))
    sys.stdout.write(REPORTERS[output](findings))
    return 1 if has_errors(findings, strict) else 0


def chart_values(chart: Path) -> tuple[dict[str, Any], Schema]:
    """A chart's own values and its schema. Raises LoadError when it has no schema."""
    files = read_chart(chart)
    if "values.schema.json" not in files:
        raise LoadError(f"{chart} has no values.schema.json", "build it with nimhelm")
    documents, _ = read_content(f"{chart}/values.yaml", files.get("values.yaml", b""))
    base = documents[0].data if documents else {}
    try:
        schema = json.loads(files["values.schema.json"])
    except ValueError as error:
        raise LoadError(
            f"{chart}/values.schema.json is no JSON: {error}", "build the chart anew with nimhelm"
        ) from error
    return (base if isinstance(base, dict) else {}), schema


def check_values_file(path: str, base: dict[str, Any], schema: Schema) -> tuple[list[Finding], dict[str, Any]]:
    """The findings of one values file, and its values merged over `base`; what `base` has wrong is not repeated."""
    documents, findings = read_content(path, read_bytes(path))
    shown = "<stdin>" if path == "-" else path
    if len(documents) > 1:
        mark = documents[1].mark()
        hint = "keep one document: Helm reads only the first"
        findings.append(
            Finding(shown, mark.line, mark.column, "NH005", ERROR, "several documents in a values file", "", hint)
        )
    if not documents:
        return findings, base
    document = documents[0]
    if not isinstance(document.data, dict):
        wrong = document.finding(ERROR, "NH005", (), "a values file must be a mapping", "write key: value")
        return [*findings, wrong], base
    merged = document._replace(data=merge(base, document.data))
    known = {
        (finding.code, finding.field, finding.message) for finding in check_merged(merged._replace(data=base), schema)
    }
    new = [item for item in check_merged(merged, schema) if (item.code, item.field, item.message) not in known]
    return findings + new, merged.data


def merge(base: Any, over: Any) -> Any:
    """Values as Helm merges them. `merge({"a": {"b": 1, "c": 2}}, {"a": {"b": None}})` -> `{"a": {"c": 2}}`."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    result = dict(base)
    for key, value in over.items():
        if value is None and key in base:
            del result[key]
        else:
            result[key] = merge(base.get(key), value)
    return result


def check_merged(document: Document, schema: Schema) -> list[Finding]:
    """Shape and rules of a whole values tree."""
    known = schema.get("properties", {})
    services = list(_services(document, known))
    findings = check_shape(document, schema) + [_emptied(document, name) for name in known if _is_gone(document, name)]
    for service in services:
        findings += check_service(service)
    return findings + list(check_graph(document, {service.name: service for service in services}))


def _is_gone(document: Document, name: str) -> bool:
    return name not in NOT_SERVICES and name not in document.data


def _emptied(document: Document, name: str) -> Finding:
    """A service whose whole block is taken away with null: its subchart stays, and has no image."""
    message = f"{name} has no values left, but its subchart stays"
    return document.finding(ERROR, "NH011", (name,), message, f"write {name}.enabled: false")


def _services(document: Document, known: Schema) -> Iterator[Service]:
    for name, block in document.data.items():
        if name in NOT_SERVICES or name not in known or not isinstance(block, dict):
            continue
        listed = block.get("dependencies")
        dependencies = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        yield Service(document, name, block.get("enabled") is not False, block, dependencies, (name,), (name,))


def check_graph(document: Document, services: dict[str, Service]) -> Iterator[Finding]:
    """Every dependency of an enabled service that is waited for runs, and serves the port."""
    if dig(document.data, "global", "nimhelm", "waitEnabled") is False:
        return
    for service in services.values():
        if not service.enabled or dig(service.spec, "wait", "enabled") is False:
            continue
        for index, dependency in enumerate(service.dependencies):
            name = str(dependency.get("name"))
            known = name in services or name not in document.data  # a service that is no mapping has its finding
            if known and dig(dependency, "wait", "enabled") is not False and dependency.get("external") is not True:
                yield from _dependency(document, service, index, services.get(name))


def _dependency(document: Document, service: Service, index: int, target: Service | None) -> Iterator[Finding]:
    dependency = service.dependencies[index]
    name, port = dependency.get("name"), dependency.get("port")
    off = f"set {service.name}.wait.enabled: false to start without waiting"
    if target is None:
        field = service.dependency_field(index, "name")
        yield document.finding(
            ERROR, "NH023", field, f"{service.name} waits for {name}, which the chart does not have", off
        )
    elif not target.enabled:
        message = f"{service.name} waits for {name}, which is switched off"
        yield document.finding(
            ERROR, "NH024", (target.name, "enabled"), message, f"switch {service.name} off too, or {off}"
        )
    elif replicas(target) == 0:
        message = f"{service.name} waits for {name}, which has 0 replicas"
        yield document.finding(ERROR, "NH025", (target.name, "replicas"), message, off)
    elif not _asks_elsewhere(dependency) and isinstance(port, int) and port not in served_ports(target).values():
        listed = ", ".join(str(number) for number in served_ports(target).values())
        message = f"{service.name} waits for port {port} of {name}, which serves {listed}"
        yield document.finding(
            ERROR, "NH026", (target.name, "expose", "service", "port"), message, "change both, or neither"
        )


def _asks_elsewhere(dependency: dict[str, Any]) -> bool:
    """Whether the gate has a host or a port of its own, so that the Service's ports do not matter."""
    return bool(dig(dependency, "wait", "host") or dig(dependency, "wait", "port"))
