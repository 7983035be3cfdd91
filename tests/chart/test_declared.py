"""Every value that the templates read is in values.yaml with its default, and every value there is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from nimhelm.chart.values import GLOBAL

from .assemble import TEMPLATES

SERVICE = TEMPLATES / "service"
# Read by name of a variable, by Helm itself, or as a part of a list that is printed as a whole.
INDIRECTLY = {"livenessProbe", "readinessProbe", "startupProbe", "enabled"}


def declared() -> set[str]:
    """The paths of values.yaml; `# name: default` is a value that is left out by default."""
    text = re.sub(r"^( *)# (?=[A-Za-z]+: )", r"\1", (SERVICE / "values.yaml").read_text(), flags=re.MULTILINE)
    return set(paths(yaml.safe_load(text)))


def paths(tree: Any, above: str = "") -> list[str]:
    found = []
    for key, value in tree.items():
        path = f"{above}.{key}" if above else key
        found.append(path)
        if isinstance(value, dict):
            found += paths(value, path)
    return found


def used() -> set[str]:
    """What follows .Values in the templates, also by way of a variable and of `dig`."""
    found = set()
    for path in SERVICE.glob("templates/**/*"):
        if path.is_file():
            for part in re.split(r"\{\{-? ?define ", path.read_text()):
                found |= used_in(part)
    return found


def used_in(text: str) -> set[str]:
    names = {"": ".Values"}
    for name, value in re.findall(r"\$(\w+) := (?:\.|\$root\.|\(first \.\)\.|\$\.)?(\$?[\w.]+)", text):
        head, _, rest = value.lstrip("$").partition(".")
        if head == "Values":
            names[name] = ".Values." + rest
        elif head in names and value.startswith("$"):
            names[name] = f"{names[head]}.{rest}".rstrip(".")
    found = set(re.findall(r"\.Values\.([A-Za-z][\w.]*)", text))
    for name, path in names.items():
        if name and path.startswith(".Values."):
            found |= {f"{path[8:]}.{rest}" for rest in re.findall(rf"\${name}\.([A-Za-z][\w.]*)", text)}
    for keys, last in re.findall(r'dig ((?:"\w+" )+)\S+ \(?(?:\$root|\.|\$)?\.?Values\.([\w.]+)', text):
        found.add(f"{last}." + ".".join(re.findall(r'"(\w+)"', keys)))
    return {each.rstrip(".") for each in found}


# Items of lists, objects without defaults, and a field that is read only to be refused.
OPEN = (
    "dependencies",
    "draResources.",
    "resources.claims",
    "expose.router.eppConfig.",
    "multiNode.",
    "proxy.",
    "scale.hpa.metrics",
    "expose.router.gateway.backendRef",
)


def test_what_is_read_is_declared() -> None:
    known = declared()
    missing = {each for each in used() if each not in known and not each.startswith(OPEN)}
    assert not missing


def test_what_is_declared_is_read() -> None:
    read = used()
    parts = {each for path in read for each in (path, *(path[: m.start()] for m in re.finditer(r"\.", path)))}
    idle = {
        path
        for path in declared()
        if path not in parts
        and not any(path.startswith(each + ".") for each in read)
        and path.split(".")[0] not in INDIRECTLY
    }
    assert not idle


# The condition of the umbrella, a switch that only the umbrella reads, and a field that is read only to be refused.
NOT_DECLARED = {"enabled", "global.nimhelm.checkAfterInstall", "resources.claims"}


def allowed() -> set[str]:
    """The paths that the schema knows, lists aside."""
    root = json.loads((SERVICE / "values.schema.json").read_text())

    def walk(schema: dict[str, Any], above: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        for key, child in schema.get("properties", {}).items():
            path = f"{above}.{key}" if above else key
            yield path
            if path.count(".") < 5:  # what is deeper belongs to Kubernetes
                yield from walk(child, path)

    return set(walk(root, ""))


def test_what_is_declared_is_allowed() -> None:
    assert declared() <= allowed()


def test_what_is_allowed_is_declared() -> None:
    """But for the inside of blocks that are empty by default: there, to be present means something."""
    known = declared()
    blocks = {path for path in known if not any(other.startswith(f"{path}.") for other in known)}
    missing = {path for path in allowed() - known if not any(path.startswith(f"{block}.") for block in blocks)}
    assert missing == NOT_DECLARED


def test_the_shared_values_are_those_of_the_schema() -> None:
    shared = {path.removeprefix("global.nimhelm.") for path in allowed() if path.startswith("global.nimhelm.")}
    assert shared == set(GLOBAL)
