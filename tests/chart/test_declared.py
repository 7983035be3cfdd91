"""Values, schema and templates know the same fields: what is allowed is read, what is read is allowed, once each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from nimhelm.assets import schema
from nimhelm.chart.values import shared_values

from .assemble import SERVICE_DEFAULTS, TEMPLATES

DEFINITIONS: dict[str, Any] = schema("values")["definitions"]
TEXT = "\n".join(path.read_text() for path in sorted((TEMPLATES / "umbrella").rglob("*")) if path.is_file())
CODE = re.sub(r"\{\{-? ?/\*.*?\*/ ?-?\}\}", "", TEXT, flags=re.DOTALL)

PRINTED_WHOLE = {
    "affinity", "podAffinity", "behavior", "ingressSpec", "resources", "toleration", "probe", "metricSpec", "envVar",
    "pickerConfig", "cacheModel", "httpHeader", "labelSelector", "kedaTrigger",
}  # fmt: skip
"""Definitions of Kubernetes' own objects, and those whose inside only the API server or a program reads."""

UNREAD = {
    "backendType": "only one value is allowed",
    "global": "Helm puts it there",
    "enabled": "Helm's condition",
    "limits": "printed with what is around it",
    "requests": "printed with what is around it",
    "apiGroup": "printed with the source of a claim",
    "hostIP": "printed with the port",
    "hostPort": "printed with the port",
    "minAvailable": "printed with the budget",
    "unhealthyPodEvictionPolicy": "printed with the budget",
}


def target(node: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A schema with the definition that it refers to, and that one's name."""
    name = node.get("$ref", "").rsplit("/", 1)[-1]
    return name, DEFINITIONS[name] if name else node


def fields(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """(path, name) of every field of a block, and of the blocks in it; lists included."""
    for name, site in node.get("properties", {}).items():
        path = f"{above}.{name}"
        yield path, name
        kind, below = target(site)
        kind, below = target(below["items"]) if "items" in below else (kind, below)
        # A block of which nothing is read by name is printed whole.
        if kind not in PRINTED_WHOLE and any(map(is_read, below.get("properties", {}))):
            yield from fields(below, path)


def is_read(name: str) -> bool:
    """Whether a template reads a field of that name."""
    return bool(re.search(rf'[."]{name}\b', CODE))


def test_what_is_allowed_is_read() -> None:
    idle = {path for path, name in fields(DEFINITIONS["service"]) if not is_read(name)}
    assert {path for path in idle if path.rsplit(".", 1)[-1] not in UNREAD} == set()


def test_what_is_read_is_allowed() -> None:
    read = set(re.findall(r"\.Values\.(\w+)", CODE)) | set(re.findall(r"\$values\.(\w+)", CODE))
    assert read <= set(DEFINITIONS["service"]["properties"]) | {"extraObjects", "global", "nimCaches"}
    shared = set(re.findall(r"\bglobal\.(\w+)", CODE)) - {"nimhelm"}
    assert shared == set(DEFINITIONS["shared"]["properties"]), "global.nimhelm"


def test_defaults_are_allowed() -> None:
    from jsonschema import Draft7Validator

    service = {**DEFINITIONS["service"], "required": [], "definitions": DEFINITIONS}
    assert not list(Draft7Validator(service).iter_errors(SERVICE_DEFAULTS))


def test_what_all_services_share_has_a_default_and_a_description() -> None:
    assert {key: default for key, (default, _) in shared_values().items()} == SERVICE_DEFAULTS["global"]["nimhelm"]
    assert all(text for _, text in shared_values().values())


DEFINED = re.findall(r'define "([^"]+)"', CODE)
CALLED = re.findall(r'(?:include|"defaults") \(?(?:printf )?"([^"]+)"', CODE)
SERVICE_FILES = sorted((TEMPLATES / "service" / "templates").iterdir())
OBJECTS = re.search(r'define "nimhelm\.v\d+\.objects".*?range list(.*?)\}\}', CODE, re.DOTALL)
CONCERNS = re.findall(r'"(\w+)"', OBJECTS[1] if OBJECTS else "")


def test_names_of_templates_carry_their_generation() -> None:
    assert len(DEFINED) == len(set(DEFINED)), "a template is defined twice"
    assert all(re.match(r"nimhelm\.v\d+\.", name) for name in DEFINED)
    assert len({name.split(".")[1] for name in DEFINED}) == 1


def test_every_template_is_called_and_every_call_has_its_template() -> None:
    from_services = {f"nimhelm.v3.{concern}" for concern in CONCERNS}
    called = {name for name in (*CALLED, *from_services) if "%s" not in name}
    assert called - set(DEFINED) == set()
    assert set(DEFINED) - called == set()


def test_a_service_has_one_file_and_the_umbrella_lists_its_concerns() -> None:
    assert [path.name for path in SERVICE_FILES] == ["service.yaml"]
    assert CONCERNS
    assert sorted(set(CONCERNS)) == CONCERNS


def test_strings_stay_as_they_were_written() -> None:
    """Nothing uses tpl. Only the printer calls toYaml, which cannot carry every string; few places look something up."""
    assert not re.search(r"\btpl\b", CODE)
    assert len(re.findall(r"\btoYaml\b", CODE)) == 1
    assert len(re.findall(r"\blookup\b", CODE)) == 6


def test_facts_do_not_go_through_strings() -> None:
    """Where a template reads YAML, it was text before: defaults, variables, a pod that is overlaid or checked, an update."""
    parsed = [line for line in CODE.splitlines() if re.search(r"\bfrom(Json|Yaml)\w*", line) and "Files" not in line]
    assert len(parsed) <= 9, "\n".join(parsed)


def test_templates_take_named_arguments() -> None:
    assert not re.findall(r"index \. \d", CODE)
    assert not re.findall(r'include "(?!nimhelm\.v2\.yaml")[^"]+" \(list', CODE)


def test_defaults_are_json() -> None:
    assert json.dumps(SERVICE_DEFAULTS)
