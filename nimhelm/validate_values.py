"""`nimhelm validate --values CHART`: check values files for their chart, before Helm does.

Each file is merged over the chart's own values.yaml as Helm merges (-f): mappings key by key, everything else replaced,
null removes. The result must fit the chart's values.schema.json, and what the schema cannot say: the rules of services
and caches, and of dependencies that the file switches off. Places are those of the values file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nimhelm.chart.read import read_chart
from nimhelm.chart.schema import described_schema, is_own, service_names
from nimhelm.check import check_service
from nimhelm.errors import LoadError
from nimhelm.finding import ERROR, Finding
from nimhelm.load import read_bytes, read_content, shown_path
from nimhelm.pipeline import NOT_SERVICES, Cache, Service, dependencies_of
from nimhelm.rules.cache import check_cache
from nimhelm.rules.overlay import check_kubernetes
from nimhelm.rules.replaced import check_replaced
from nimhelm.rules.values import check_values
from nimhelm.schema_check import Schema, check_shape
from nimhelm.validate import PLAIN, Wishes, show
from nimhelm.yamlread import Document

OVERLAYS = ("podTemplate", "overlay")
OPERATORS_OWN = ("NH080",)
"""What the operator's webhook refuses of a document, and neither the chart nor the API server of values."""


def validate_values(
    chart: Path, paths: list[str], strict: bool = False, wishes: Wishes = PLAIN, layers: bool = False
) -> int:
    """Print the findings of all values files, each merged over the chart's values on its own; as `layers`, each also
    over the files before it, like several -f of one install.

    Returns 0, or 1 when a finding is an error (under strict: a warning). Raises LoadError.
    """
    base, schema = chart_values(chart)
    findings = []
    below: dict[str, Any] = {}
    for path in paths:
        found, merged = check_values_file(path, base, schema, below)
        findings += found
        below = merged if layers else below
    return show(sorted(set(findings)), strict, wishes)


def chart_values(chart: Path) -> tuple[dict[str, Any], Schema]:
    """A chart's own values and its schema. Raises LoadError when it has no schema."""
    files = read_chart(chart)
    if "values.schema.json" not in files:
        from nimhelm.chart.obtain import charts_inside

        inside = charts_inside(str(chart), files)
        hint = f"a chart inside it has one, for the values below its name: {' or '.join(inside)}" if inside else ""
        raise LoadError(f"{chart} has no values.schema.json", hint or "build it with nimhelm")
    documents, _ = read_content(f"{chart}/values.yaml", files.get("values.yaml", b""))
    base = documents[0].data if documents else {}
    try:
        schema = json.loads(files["values.schema.json"])
    except (ValueError, RecursionError) as error:
        raise LoadError(
            f"{chart}/values.schema.json is not JSON: {error}", "build the chart anew with nimhelm"
        ) from error
    return (base if isinstance(base, dict) else {}), schema


def check_values_file(
    path: str, base: dict[str, Any], schema: Schema, below: dict[str, Any] | None = None
) -> tuple[list[Finding], dict[str, Any]]:
    """The findings of one values file over a chart's values, and the file merged over `below`, the files before it.

    What is wrong without this file is not repeated.
    """
    below = below or {}
    documents, findings = read_content(path, read_bytes(path))
    shown = shown_path(path)
    if len(documents) > 1:
        mark = documents[1].mark()
        hint = "keep one document: Helm reads only the first"
        findings.append(
            Finding(shown, mark.line, mark.column, "NH005", ERROR, "several documents in a values file", "", hint)
        )
    if not documents:
        return findings, below
    document = documents[0]
    if not isinstance(document.data, dict):
        wrong = document.finding(ERROR, "NH005", (), "a values file must be a mapping", "write key: value")
        return [*findings, wrong], below
    layered = layer(below, document.data)
    before = document._replace(data=merge(base, below))
    known = {(finding.code, finding.field, finding.message) for finding in check_merged(before, schema)}
    found = check_merged(document._replace(data=merge(base, layered)), schema)
    new = [item for item in found if (item.code, item.field, item.message) not in known]
    return [*findings, *new, *check_replaced(document, before.data)], layered


def layer(below: Any, over: Any) -> Any:
    """A values file over the one before it, as Helm reads several -f: a null stays, for the chart's own values."""
    if not isinstance(below, dict) or not isinstance(over, dict):
        return over
    return {**below, **{key: layer(below.get(key), value) for key, value in over.items()}}


def merge(base: Any, over: Any) -> Any:
    """Values over a chart's own, as Helm merges them.

    `merge({"a": {"b": 1, "c": 2}}, {"a": {"b": None}})` -> `{"a": {"c": 2}}`.
    """
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
    known = service_names(schema)
    shape = check_values_shape(document, schema)
    settled = document._replace(data=_without_empty_items(document.data))
    if settled.data != document.data:
        shape += [finding for finding in check_values_shape(settled, schema) if finding not in shape]
    document = settled
    services = list(_services(document, known))
    caches = list(_caches(document))
    findings = shape + [_emptied(document, name) for name in known if _is_gone(document, name)]
    for service in services:
        findings += [finding for finding in check_service(service) if finding.code not in OPERATORS_OWN]
        findings += check_kubernetes(service)
    for cache in caches:
        findings += check_cache(cache)
    return findings + list(check_values(document, services, caches))


def _without_empty_items(data: Any) -> Any:
    """The values with each list of nothing but nulls empty: the chart takes nulls out of lists, but not of overlays."""
    if isinstance(data, dict):
        return {key: value if key in OVERLAYS else _without_empty_items(value) for key, value in data.items()}
    if not isinstance(data, list):
        return data
    return [_without_empty_items(item) for item in data] if any(item is not None for item in data) else []


def check_values_shape(document: Document, schema: Any) -> list[Finding]:
    """What the chart's schema does not allow. Raises LoadError when the schema is not nimhelm's and cannot be used."""
    if is_own(schema):
        return check_shape(document, described_schema(service_names(schema)))
    from nimhelm.foreign_schema import check_foreign

    return check_foreign(document, schema)


def _is_gone(document: Document, name: str) -> bool:
    return name not in document.data


def _emptied(document: Document, name: str) -> Finding:
    """A service whose whole block is taken away with null: its subchart stays, and has no image."""
    message = f"{name} has no values left, but its subchart stays"
    return document.finding(ERROR, "NH011", (name,), message, f"write {name}.enabled: false")


def _services(document: Document, known: list[str]) -> Iterator[Service]:
    for name, block in document.data.items():
        if name in NOT_SERVICES or name not in known or not isinstance(block, dict):
            continue
        enabled = block.get("enabled") is not False
        yield Service(document, name, enabled, block, dependencies_of(block), (name,), (name,))


def _caches(document: Document) -> Iterator[Cache]:
    caches = document.data.get("nimCaches")
    for name, block in caches.items() if isinstance(caches, dict) else ():
        if isinstance(block, dict) and block.get("enabled") is not False:
            yield Cache(document, name, block, ("nimCaches", name))
