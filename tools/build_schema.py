#!/usr/bin/env python3
"""Builds the JSON schemas and the charts' defaults from schema/source. `--check` only tells whether they are up to date."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from nimhelm.chart.schema import laid_out

Schema = dict[str, Any]
HERE = Path(__file__).resolve().parent.parent
REF = "#/definitions/"
PREFIX = "nimhelm.v3"
DEFAULTS = "chart-template/umbrella/templates/_defaults.tpl"
BLOCKS_OF_THE_CHART = ("service", "global", "shared")
BASE_URL = "https://nimhelm.dev/schema/"


NAMED = ("properties", "definitions")
UNCHECKED = ("$id", "title", "description", "default", "examples")
DOCUMENTS = ("pipeline", "nimservice", "nimcache")


class Target(NamedTuple):
    """A schema to build: the source of its root, the definitions at hand, and those kept though no ref names them."""

    path: str
    root: Schema
    definitions: dict[str, Schema]
    entries: tuple[str, ...] = ()

    @property
    def schema(self) -> Schema:
        """The schema with the definitions that it needs."""
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": schema_id(self.path),
            **self.root,
            "definitions": reachable(self.root, self.entries, self.definitions),
        }


class Source(NamedTuple):
    """schema/source: definitions of documents, definitions of values (which differ in some leaves), roots by name."""

    document: dict[str, Schema]
    values: dict[str, Schema]
    roots: dict[str, Schema]


def read_source(folder: Path) -> Source:
    """The YAML files of a folder as one Source; values.yaml is laid over the definitions of the others."""
    files = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))}
    overlay = files.pop("values")
    document = {name: schema for file in files.values() for name, schema in file.get("definitions", {}).items()}
    values = overlaid(document, overlay["definitions"])
    roots = {name: file["root"] for name, file in files.items() if "root" in file}
    roots["values"] = nullable(overlay["root"], whole=False)
    values = {name: nullable(schema, name not in BLOCKS_OF_THE_CHART) for name, schema in values.items()}
    return Source(document, values, roots)


def overlaid(base: dict[str, Schema], overlay: dict[str, Schema]) -> dict[str, Schema]:
    """Base definitions with the overlay's added; an overlay entry may extend the base definition of its own name."""
    return base | {name: extended(schema, base) for name, schema in overlay.items()}


def extended(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """{extends: a, properties: {b: …}} -> a with the property b added or replaced. An empty `required` is dropped."""
    if "extends" not in schema:
        return schema
    parent = definitions[schema["extends"]]
    own = {key: value for key, value in schema.items() if key != "extends"}
    result = parent | own
    if "properties" in parent:
        result["properties"] = parent["properties"] | own.get("properties", {})
    if result.get("required") == []:
        del result["required"]
    return result


def nullable(schema: Schema, whole: bool = True) -> Schema:
    """A schema that takes null as well (unless not `whole`) and wherever it has schemas: null takes a value back."""
    result = dict(schema)
    if whole and "type" in schema:
        kinds = schema["type"]
        result["type"] = [*(kinds if isinstance(kinds, list) else [kinds]), "null"]
    if whole and "enum" in schema:
        result["enum"] = [*schema["enum"], None]
    if "properties" in schema:
        result["properties"] = {name: nullable(child) for name, child in schema["properties"].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            result[keyword] = nullable(schema[keyword])
    return result


def refs(node: object) -> Iterator[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str):
            yield ref.removeprefix(REF)
        for child in node.values():
            yield from refs(child)
    elif isinstance(node, list):
        for child in node:
            yield from refs(child)


def reachable(root: Schema, entries: tuple[str, ...], definitions: dict[str, Schema]) -> dict[str, Schema]:
    """The definitions that the root or the entries lead to, directly or through others."""
    found: dict[str, Schema] = {}
    pending = [*entries, *refs(root)]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = definitions[name]
            pending.extend(refs(definitions[name]))
    return found


def targets(source: Source) -> list[Target]:
    """Every schema that is built from the source."""
    types, definitions = kubernetes_definitions(HERE / "schema", source.values)
    return [
        Target("schema/kubernetes.schema.json", {}, definitions, types),
        *(Target(f"schema/{name}.schema.json", source.roots[name], source.document) for name in DOCUMENTS),
        Target("schema/values.schema.json", source.roots["values"], source.values, ("service",)),
    ]


def checked(node: Any) -> Any:
    """A schema without what a validator needs not look at: descriptions, defaults, examples, and the type of a choice."""
    if isinstance(node, list):
        return [checked(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: checked(schema) for name, schema in child.items()} if key in NAMED else checked(child)
        for key, child in node.items()
        if key not in UNCHECKED and not (key == "type" and "enum" in node)
    }


def schemas(source: Source) -> dict[str, Schema]:
    """Path -> schema. A chart carries what the schema of values refuses, and `nimhelm schema values` prints the whole."""
    built = {target.path: target.schema for target in targets(source)}
    return built | {"schema/chart.schema.json": checked(built["schema/values.schema.json"])}


def defaults(schema: Schema, definitions: dict[str, Schema]) -> dict[str, Any]:
    """The defaults of a schema's properties. A default of {} stands for the defaults of the block's own properties."""
    found: dict[str, Any] = {}
    for name, site in schema.get("properties", {}).items():
        below = definitions[site["$ref"].removeprefix(REF)] if "$ref" in site else site
        default = site.get("default", below.get("default"))
        if default is not None:
            found[name] = defaults(below, definitions) if default == {} else default
    return found


def default_templates(source: Source) -> str:
    """The text of _defaults.tpl: the defaults of a chart's values, as the templates read them."""
    shared = f'{{{{ include "{PREFIX}.defaults.global" . }}}}'
    parts = {
        "global": defaults(source.values["global"], source.values),
        "service": {"global": shared} | defaults(source.values["service"], source.values),
        "umbrella": {"global": shared} | defaults(source.roots["values"], source.values),
    }
    text = (
        "{{- /* Made by tools/build_schema.py from schema/source, where defaults stand. Do not change it here. */}}\n"
    )
    for name, values in parts.items():
        printed = laid_out(values).replace(json.dumps(shared), shared)
        text += f'\n{{{{- define "{PREFIX}.defaults.{name}" -}}}}\n{printed}\n{{{{- end }}}}\n'
    return text


def kubernetes_definitions(folder: Path, leaves: dict[str, Schema]) -> tuple[tuple[str, ...], dict[str, Schema]]:
    """The types that schema/kubernetes.yaml names, and the definitions of all that they hold.

    They come from the OpenAPI document of Kubernetes, as the package kubernetes-validate carries it. Definitions lose
    their group (`io.k8s.api.core.v1.Volume` -> `Volume`) and the texts; what the API server requires beyond it is added.
    """
    wanted = yaml.safe_load((folder / "kubernetes.yaml").read_text("utf-8"))
    package = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    document = package / f"{wanted['release']}-local-strict" / "_definitions.json"
    published = json.loads(document.read_text("utf-8"))["$defs"]
    bared = {name: {} if short(name) in wanted["described"] else bare(schema) for name, schema in published.items()}
    found = reachable({}, tuple(wanted["types"]), bared)
    definitions = {short(name): renamed(schema) for name, schema in found.items()}
    if len(definitions) < len(found):
        raise SystemExit("two types of one name in schema/kubernetes.yaml")
    definitions["Quantity"] = leaves["quantity"]
    definitions["IntOrString"] = {"type": ["integer", "string"]}
    definitions |= {name: leaves[leaf] for name, leaf in wanted["described"].items()}
    for name in definitions:
        if set(definitions[name].get("properties", ())) >= {"apiVersion", "kind", "status"}:
            del definitions[name]["properties"]["status"]
    for place, more in wanted["stricter"].items():
        name, _, field = place.partition(".")
        if not field:
            definitions[name] = definitions[name] | more
            continue
        schema = definitions[name]["properties"][field]
        definitions[name]["properties"][field] = more if "$ref" in more else schema | more
    for name in definitions:
        if name.endswith("VolumeSource"):  # the API server takes an empty text of these for an absent one
            held = definitions[name]["properties"]
            for field in definitions[name].get("required", ()):
                if held[field].get("type") == "string":
                    held[field] = {"minLength": 1} | held[field]
    return tuple(map(short, wanted["types"])), leaves | definitions


def short(name: str) -> str:
    """`io.k8s.api.core.v1.Volume` -> `Volume`."""
    return name.rsplit(".", 1)[1]


def bare(schema: Schema) -> Schema:
    """A schema of the OpenAPI document without its texts and formats; a null counts as absent anyway."""
    if "$ref" in schema:
        return {"$ref": REF + schema["$ref"].rsplit("/", 1)[1]}
    kept: Schema = {key: schema[key] for key in ("type", "required", "enum", "additionalProperties") if key in schema}
    if schema.get("format") == "int32":
        kept["maximum"] = 2**31 - 1
    if isinstance(kept.get("type"), list):
        kept["type"] = next(kind for kind in kept["type"] if kind != "null")
    if "properties" in schema:
        kept["properties"] = {name: bare(child) for name, child in schema["properties"].items()}
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            kept[keyword] = bare(schema[keyword])
    return kept


def renamed(node: Any) -> Any:
    """The same with short names in its references."""
    if isinstance(node, dict):
        return {key: REF + short(value) if key == "$ref" else renamed(value) for key, value in node.items()}
    return [renamed(item) for item in node] if isinstance(node, list) else node


def schema_id(path: str) -> str:
    """schema/pipeline.schema.json -> https://nimhelm.dev/schema/pipeline.schema.json"""
    return BASE_URL + Path(path).name


def is_stale(file: Path, text: str) -> bool:
    """Whether a file is missing or has another content."""
    return not file.is_file() or file.read_text("utf-8") != text


def main(arguments: list[str] | None = None) -> int:
    """Write the schemas that changed, or with --check report them and return 1."""
    parser = argparse.ArgumentParser(description="Build the JSON schemas from schema/source.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not up to date")
    check = parser.parse_args(arguments).check
    source = read_source(HERE / "schema" / "source")
    files = {path: laid_out(schema) + "\n" for path, schema in schemas(source).items()}
    files[DEFAULTS] = default_templates(source)
    stale = [(HERE / path, text) for path, text in files.items() if is_stale(HERE / path, text)]
    for file, text in stale:
        if check:
            print(f"{file.relative_to(HERE)} is not up to date: run tools/build_schema.py", file=sys.stderr)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
            print(f"wrote {file.relative_to(HERE)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
