"""Ways out of findings of the shape: what people write, and what they mean by it. Loaded only where something is wrong.

People write what they know: Kubernetes, Helm charts, Docker Compose. A name that they use for a field of a NIMService is
in one of the tables of hintwords.py; an exact name elsewhere beats a similar one here.
"""

from __future__ import annotations

import json
import re
import shlex
from difflib import get_close_matches
from itertools import takewhile
from typing import Any

from nimhelm.assets import schema as schema_named
from nimhelm.hintwords import (
    MEANT,
    MEANT_AT,
    NOWHERE,
    NOWHERE_AT,
    NUMBERS,
    OF_A_CACHE,
    OF_A_MODEL,
    OF_A_SERVICE,
    OF_ALL_PODS,
    OF_THE_POD,
    OTHER_CHARTS,
    PRIMARY,
    SECONDS,
    SHORT,
    UNITS,
)  # fmt: skip
from nimhelm.yamlread import Path, odd_blank
from nimhelm.yamlscalar import resolve

Schema = dict[str, Any]

LIKELY, POSSIBLE = 0.85, 0.6
"""How similar (by difflib, 0 to 1) two names are when one is surely, or perhaps, a slip of the other."""


def bare(name: str) -> str:
    """A word without what differs between camelCase, snake_case and kebab-case."""
    return name.replace("_", "").replace("-", "").lower()


_MEANT = {bare(name): field for name, field in MEANT.items()}
_NOWHERE = {bare(name): hint for name, hint in NOWHERE.items()}


def for_unknown(key: str, value: Any, properties: Schema, field: Path, root: Schema) -> str:
    """What was meant by an unknown key, with its value, of the mapping at `field`, whose schema has `properties`."""
    lower = {name.lower(): name for name in properties}
    if bare(key) in lower:
        return f"did you mean {lower[bare(key)]}?"
    if blank := odd_blank(key):
        return blank
    parent = next((part for part in reversed(field) if isinstance(part, str)), "")
    hint = (
        _of_a_document(key, field, root)
        or _image_of_a_source(key, value, properties)
        or _known(key, properties, parent)
        or _value_here(key, field, root)
        or _misplaced(key, value, properties, parent)
        or _of_each_service(key, value, field, root)
    )
    if hint:
        return hint
    likely = get_close_matches(key.lower(), lower, 1, LIKELY)
    if likely:
        return f"did you mean {lower[likely[0]]}?"
    begun = [name for name in lower if len(key) > 2 and name.startswith(bare(key))]
    if len(begun) == 1:
        return f"did you mean {lower[begun[0]]}?"
    if parent == "env" and isinstance(value, (str, int, float)):
        return f"write {_variable(key, value)}"
    if field and key != "enabled" and key in root.get("properties", {}) and "global" in root["properties"]:
        return "it belongs at the top of the file"
    found = places(key, root, field)
    if key == "enabled":
        here = ".".join(["", *(part for part in field if isinstance(part, str)), ""])
        found = [place for place in found if "." in place and f".{place}." in here][-1:]
        if not found:
            return f"remove it: {parent} itself is not switched on or off"
    if found:
        of_all = key in OF_ALL_PODS and "global" in root.get("properties", {}) and field in ((), ("global", "nimhelm"))
        for_all = f"; for all pods, set global.nimhelm.podTemplate.spec.{key}" if of_all else ""
        return "it belongs under " + " or ".join(found[:2]) + for_all
    possible = get_close_matches(key.lower(), lower, 1, POSSIBLE)
    if possible:
        return f"did you mean {lower[possible[0]]}?"
    names = sorted(properties)
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return "fields here: " + ", ".join(names[:12]) + more if names else "remove it"


def _of_a_document(key: str, field: Path, root: Schema) -> str:
    """What is meant by a key at the top, or in the spec, of a NIMService that is a document of its own, "" for nothing."""
    if root.get("properties", {}).get("kind", {}).get("const") == "NIMService" and field in ((), ("spec",)):
        if _MEANT.get(bare(key), key) == "dependencies":
            return 'write the annotation nimhelm.dev/depends-on: "NAME:PORT, ..." in metadata'
        if key in ("name", "namespace"):
            return "it belongs under metadata"
        if key in ("enabled", "disabled"):
            return "remove it: a NIMService is part of the pipeline when it is among the files"
        if key == "services":
            return "remove it, or write kind: NIMPipeline: a NIMService is one service"
        if key in ("metadata", "kind", "apiVersion") and field:
            return "it belongs at the top of the document"
    return ""


def _of_each_service(key: str, value: Any, field: Path, root: Schema) -> str:
    """What is meant by a value of a service that stands at the top of a values file, "" for nothing."""
    services = [
        name for name, each in root.get("properties", {}).items() if each.get("$ref") == "#/definitions/service"
    ]
    if not services or field not in ((), ("global", "nimhelm")):
        return ""
    properties = root["definitions"]["service"]["properties"]
    known_here = key in properties or "global.nimhelm" in places(key, root, ())
    hint = "" if known_here else _known(key, properties, services[0])
    if "extraObjects" in hint:
        return hint
    return (
        f"each service has its own, such as {services[0]}: {hint}" if hint.startswith(("write it as", "did")) else hint
    )


def _image_of_a_source(key: str, value: Any, properties: Schema) -> str:
    """The image of a service that is written as the source of a NIMCache is, "" for anything else."""
    source = value.get("ngc") if key == "source" and "image" in properties and isinstance(value, dict) else None
    image = source.get("modelPuller") if isinstance(source, dict) else None
    if not isinstance(image, str):
        return ""
    return f"a NIMCache has it; in a service {_from_text(image, 'image', '')}, and authSecret beside it"


def _known(key: str, properties: Schema, parent: str) -> str:
    """What the tables say of a key in a mapping of the name `parent`, "" for nothing."""
    if (parent, key) in NOWHERE_AT and "wait" not in properties:
        return NOWHERE_AT[parent, key]
    if "source" in properties and "filled" in properties and key in ("labels", "annotations"):
        return f"set global.nimhelm.common{key.capitalize()}, which is for all objects"
    if "source" in properties and key in OF_A_CACHE:
        return OF_A_CACHE[key]
    if parent == "model" and "qosProfile" in properties and key in OF_A_MODEL:
        return OF_A_MODEL[key]
    if parent == "resources" and properties.keys() == {"cpu", "memory"}:
        if key in ("limits", "requests"):
            return "write cpu and memory without it: they are request and limit"
        return "a NIMCache asks for no GPU: a service does" if "gpu" in key else ""
    if parent == "resources" and ("/" in key or key in ("cpu", "memory")) and "limits" in properties:
        return f'write it as resources.limits["{key}"]' if "/" in key else "it belongs under limits or requests"
    in_values = "podTemplate" in properties
    of_a_service = in_values or parent in ("spec", "services")
    beside_spec = parent == "services" and "spec" in properties and bare(key) not in _NOWHERE
    if beside_spec and _MEANT.get(bare(key), "dependencies") not in ("dependencies", "name"):
        return f"write it as spec.{_MEANT[bare(key)]}"
    if parent == "spec" and "image" in properties and key != _MEANT.get(bare(key)) == "dependencies" and not in_values:
        return "write it beside spec, as dependencies"
    meant = (MEANT_AT.get((parent, key)) if parent or "apiVersion" in properties else None) or (
        _MEANT.get(bare(key)) if of_a_service else None
    )
    if meant and (re.split(r"[.\[]", meant)[0] in properties or (parent, key) in MEANT_AT):
        return f"write it as {meant}" if "." in meant else f"did you mean {meant}?"
    if parent == "service" and key in OF_A_SERVICE and "port" in properties:
        key = "clusterIP" if key == "headless" else key
        if "overlay" in properties:
            return f"write it as expose.service.overlay.{key}"
        return f"a NIMService has no such field: set expose.service.overlay.{key} in the values of the chart"
    if parent == "podTemplate" and "spec" in properties:
        return f"write it as podTemplate.{'metadata' if key in ('labels', 'annotations') else 'spec'}.{key}"
    if (parent, key) == ("image", "digest"):
        return 'write it behind the tag: tag: "1.0.3@sha256:..."'
    if parent == "spec" and "services" in properties and key in ("name", "namespace", "labels", "annotations"):
        return "it belongs under metadata"
    if in_values:
        return f"set podTemplate.spec.{key}" if key in OF_THE_POD else OTHER_CHARTS.get(key, "")
    if "source" in properties or parent not in (
        "spec", "services", "service", "scale", "hpa", "storage", "initContainers", "sidecarContainers",
    ):  # fmt: skip
        return ""
    if bare(key) in _NOWHERE:
        return _NOWHERE[bare(key)]
    if key in OF_THE_POD:
        return f"a NIMService has no such field: set podTemplate.spec.{key} in the values of the chart"
    if parent == "spec" and "image" in properties:
        return _value_of_a_service(key, properties)
    return ""


def _value_here(key: str, field: Path, root: Schema) -> str:
    """Where a field belongs that the chart's values have in the same place and a NIMService has not, "" for nowhere."""
    names = [part for part in field if isinstance(part, str)]
    if "global" in root.get("properties", {}) or "spec" not in names:
        return ""
    inside = names[len(names) - names[::-1].index("spec") :]
    values = schema_named("values")
    node = values["definitions"]["service"]
    for name in inside:
        node = node.get("properties", {}).get(name, {})
        node = node.get("items", node)
        node = values["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
    if not inside or key not in node.get("properties", {}):
        return ""
    return f"a NIMService has no such field: set {'.'.join([*inside, key])} in the values of the chart"


def _value_of_a_service(key: str, properties: Schema) -> str:
    """Where a field belongs that the chart's values have for a service and a NIMService has not, "" for nowhere."""
    others = schema_named("values")["definitions"]["service"]["properties"].keys() - properties.keys()
    others -= {"global", "dependencies", "enabled"}
    if key in others:
        return "a NIMService has no such field: set it in the values of the chart"
    meant = _MEANT.get(bare(key), "")
    if meant.partition(".")[0] in others or meant.startswith("scale.keda"):
        return f"a NIMService has no such field: set {meant} in the values of the chart"
    near = get_close_matches(key, sorted(others), 1, LIKELY)
    if near and not get_close_matches(key, list(properties), 1, LIKELY):
        return f"a NIMService has no such field: set {near[0]} in the values of the chart"
    return ""


def _misplaced(key: str, value: Any, properties: Schema, parent: str) -> str:
    """A field one level too low or too high, a name in place of `name`, or a variable in place of a field."""
    if key == parent and isinstance(value, dict):
        return f"remove the second {key}: its fields belong one level higher"
    if parent == "spec" and "services" in properties and f"{key}s" not in properties:
        meant = _MEANT.get(bare(key), key)
        first = re.split(r"[.\[]", meant)[0]
        if first in ("dependencies", "enabled"):
            return f"each service has its own: write it in spec.services[] as {meant}"
        if first != "global" and first in schema_named("values")["definitions"]["service"]["properties"]:
            return f"each service has its own: write it in spec.services[].spec as {meant}"
    if parent == "services" and key == "namespace":
        return "all services are in the namespace of the pipeline: write it as metadata.namespace"
    if parent == "dependencies":
        if isinstance(value, int) and not isinstance(value, bool):
            return f"write {{name: {key}, port: {value}}}"
        if key in schema_named("values")["definitions"]["dependency"]["properties"]:
            return f"a pipeline has no such field: set {key} of this dependency in the values of the chart"
    is_variable = parent in ("spec", "services") and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", key)
    if is_variable and isinstance(value, (str, int, float)):
        return f"write it as a variable: env: [{_variable(key, value)}]"
    return ""


def for_key(key: str, field: Path) -> str:
    """The way out of a key that a map of the user's own names does not allow, "" for none: `gpu` is nvidia.com/gpu."""
    if field and field[-1] in ("limits", "requests"):
        if bare(key) in ("gpu", "gpus", "nvidiagpu", "nvidia.gpu"):
            return "write nvidia.com/gpu"
        if bare(key) in ("cpus", "mem", "ram"):
            return "write cpu" if bare(key) == "cpus" else "write memory"
    return ""


def places(key: str, root: Schema, field: Path) -> list[str]:
    """Where else a field of this name stands, those that are nearest to `field`: below it, if there are any."""
    found: list[str] = []
    _find(key, root, root.get("definitions", {}), "", found, 0)
    names = [part for part in field if isinstance(part, str)]
    here = ".".join(names)
    plain = {place: place.replace("[]", "") for place in set(found)}
    below = [place for place in plain if here and plain[place].startswith(f"{here}.")]
    near = [place for place in plain if _is_near(plain[place].split("."), names)]
    ranks = {place: (-_shared(plain[place].split("."), names), place.count(".")) for place in below or near}
    best = min(ranks.values(), default=(0, 0))
    return sorted(place.removeprefix("spec.services[].") for place, rank in ranks.items() if rank == best)


def _shared(place: list[str], names: list[str]) -> int:
    """How many names two places have in common from the top."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(place, names, strict=False)))


def _is_near(place: list[str], names: list[str]) -> bool:
    """Whether a field at `place` may be meant by somebody who writes it at `names`.

    A pod, a probe and an ingress have many fields of common names, and metadata has its own. Such a place is meant only
    where the writer is in the same part of the service already.
    """
    shared = _shared(place, names)
    deep = len(place) - place.index("spec", 1) if "spec" in place[1:] else len(place)
    return not names or ("metadata" not in place and (deep < 4 or shared >= len(place) - 2))


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


def for_type(data: Any, schema: Schema, field: Path, text: str | None) -> str:
    """The way out of a value of the wrong type, "" for none; `text` is the scalar as the file has it."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = [word for word in schema.get("enum", ()) if isinstance(word, str) and word]
    if words and "string" in types and isinstance(data, (bool, dict)):
        return f"write one of {', '.join(words)}" if len(words) > 1 else f"write {words[0]}"
    name = str(field[-1]) if field else ""
    above = str(field[-2]) if len(field) > 1 else ""
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], (str, int)) and "array" not in types:
        alone = for_type(data[0], schema, field, str(data[0])) if "object" in types else f"write it alone: {data[0]}"
        if alone:
            return alone
    if "object" in types:
        return _for_mapping(data, schema, name, above)
    if "array" in types and isinstance(data, dict):
        return _list_of(data, name)
    if "array" in types and isinstance(data, str):
        return f"write a list: [{_items(data, name)}]"
    if isinstance(data, dict):
        return _inside_alone(data, name)
    if isinstance(data, list) and data and all(isinstance(item, str) for item in data):
        return f'write one string: "{",".join(data)}"'
    if isinstance(data, str) and (blank := odd_blank(data)):
        return blank
    if isinstance(data, str) and "integer" in types and data.lower() in NUMBERS:
        return f"write {NUMBERS[data.lower()]}"
    if isinstance(data, str) and "integer" in types:
        seconds = _seconds(data) if name.endswith("Seconds") else ""
        if seconds:
            return f"write {seconds}"
    if isinstance(data, str) and types == ["boolean"] and data.lower() in ("yes", "no", "on", "off"):
        return f"write {str(data.lower() in ('yes', 'on')).lower()}"
    if isinstance(data, float) and above in ("limits", "requests") and "/" in name:
        return "write a whole number"
    if "string" in types and text is not None and not isinstance(data, str):
        unit = UNITS.get(name, "") if text.isdecimal() else ""
        return f"write the unit: {text}{unit}" if unit else f'quote it: "{text}"'
    if isinstance(data, str) and not {"integer", "number", "boolean"}.isdisjoint(types):
        value = resolve(data) if data else None
        wanted = (bool,) if "boolean" in types else (int,)
        return "write it without quotes" if isinstance(value, wanted) else ""
    return ""


def _seconds(text: str) -> str:
    """The seconds that a duration such as 10s, 5m or `30 seconds` stands for, "" for another text."""
    match = re.fullmatch(r"([0-9]{1,6}) ?([a-z]+)", text.lower())
    factor = SECONDS.get(match[2], 0) if match else 0
    return str(int(match[1]) * factor) if match and factor else ""


def _for_mapping(data: Any, schema: Schema, name: str, above: str) -> str:
    """The way out of a value that should be a mapping."""
    properties = schema.get("properties", {})
    if isinstance(data, bool):
        if "enabled" in properties:
            return f"write {name}: {{enabled: {str(data).lower()}}}"
        return f"write {name}: {{}}" if data else f"remove {name}"
    if isinstance(data, str) and name == "exec":
        return f"write exec: {{command: [{_items(data, 'command')}]}}"
    if isinstance(data, list) and name == "exec":
        return f"write exec: {{command: [{', '.join(_plain(str(item)) for item in data)}]}}"
    if isinstance(data, (str, int)):
        return _from_text(str(data), name, above) or _primary(str(data), above if name.isdecimal() else name)
    if above == "dependencies" and isinstance(data, list) and len(data) == 2 and isinstance(data[1], int):
        return f"write {{name: {data[0]}, port: {data[1]}}}"
    if isinstance(data, list) and not properties:
        pairs = [item.split("=", 1) for item in data if isinstance(item, str) and "=" in item]
        mappings = [item for item in data if isinstance(item, dict)]
        pairs += [list(map(str, pair)) for item in mappings for pair in _named(item) or item.items()]
        return f"write a mapping: {{{pairs[0][0]}: {json.dumps(pairs[0][1])}}}" if pairs else "write a mapping"
    if isinstance(data, list) and len(data) == 1 and isinstance(data[0], dict):
        return "write it without the dash"
    return ""


def _named(item: dict[str, Any]) -> list[tuple[Any, Any]]:
    """A variable, {name: A, value: b}, as a key and its value; [] for another mapping."""
    return [(item["name"], item["value"])] if item.keys() == {"name", "value"} else []


def _primary(text: str, name: str) -> str:
    """One word in place of a mapping, as the field that it stands for."""
    path = PRIMARY.get(name, "")
    if not path or (path.endswith(("port", "pipeline")) and not text.isdecimal()):
        return ""
    if name == "storage":
        size = re.fullmatch(r"[0-9.]+([KMGTP]i?)?", text)
        return f"write storage: {{pvc: {{create: true, size: {text}}}}}" if size else ""
    first, _, second = path.partition(".")
    if name in ("draResources", "envFrom"):
        return f"write {{{first}: {{{second}: {text}}}}}" if second else f"write {{{path}: {text}}}"
    return f"write {name}: {{{first}: {{{second}: {text}}}}}" if second else f"write {name}: {{{first}: {text}}}"


def _list_of(data: dict[str, Any], name: str) -> str:
    """The way out of a mapping that should be a list."""
    first, value = next(iter(data.items()), ("", None))
    if name == "env" and data:
        return f"write a list of variables, for example {_variable(first, value)}"
    if name == "dependencies" and isinstance(value, int):
        return f"write a list: [{{name: {first}, port: {value}}}]"
    if name in ("services", "dependencies") and isinstance(value, dict) and "name" not in data:
        return f"write a list of {name}, each with its name: - name: {first}"
    return "write a list: put a dash in front of each item"


def _items(text: str, name: str) -> str:
    """The items of a list that was written as one string."""
    if name in ("command", "args"):
        try:
            return ", ".join(map(_plain, shlex.split(text)))
        except ValueError:
            return json.dumps(text)
    if name in ("env", "dependencies", "tolerations"):
        return (_from_text(text, "", name)).removeprefix("write ") or text
    return text


def _plain(word: str) -> str:
    return (
        word
        if re.fullmatch(r"[\w./-]*[A-Za-z/][\w./-]*", word) and isinstance(resolve(word), str)
        else json.dumps(word)
    )


def _inside_alone(data: dict[str, Any], name: str = "") -> str:
    """The way out of a mapping that should be one word, the value of the field `name`."""
    if name == "value" and any(str(key).endswith("Ref") for key in data):
        return "write it as valueFrom"
    if name == "replicas":
        return "write a number, or scale.hpa with minReplicas and maxReplicas"
    if len(data) == 1:
        inner = next(iter(data.values()))
        if isinstance(inner, dict):
            return _inside_alone(inner)
    repository = data.get("repository", data.get("name") if "tag" in data else None)
    if isinstance(repository, str):
        return f"write it as one string: {repository}:{data.get('tag', 'TAG')}"
    for key in ("name", "path", "secretName", "value", "port", "size"):
        if isinstance(data.get(key), (str, int)):
            return f"write the {key} alone: {data[key]}"
    return ""


def _from_text(data: str, name: str, above: str) -> str:
    if name == "image":
        repository, colon, tag = data.rpartition(":")
        if colon and "/" not in tag:
            return f'write image: {{repository: {repository}, tag: "{tag}"}}'
        return f"write image: {{repository: {data}, tag: ...}}"
    if above == "env":
        name, sign, value = data.partition("=") if "=" in data else data.partition(": ")
        return f"write {_variable(name, value)}" if sign else f"write {{name: {data}, value: ...}}"
    if above == "dependencies":
        host, port = _host_and_port(data)
        return f"write {{name: {host.partition('.')[0]}, port: {port if port.isdecimal() else 8000}}}"
    if above == "tolerations":
        return f"write {_toleration(data)}"
    if name == "proxy" and "://" in data:
        return f"write proxy: {{httpProxy: {data}, httpsProxy: {data}}}"
    if name in ("nodeSelector", "labels", "annotations") and re.fullmatch(r"[^\s=:]+[=:] ?[^\s=]+", data):
        key, value = re.split(r"[=:] ?", data, maxsplit=1)
        return f"write {name}: {{{key}: {json.dumps(value)}}}"
    return ""


def _toleration(taint: str) -> str:
    """A toleration of what `kubectl taint` writes: key=value:effect, where value and effect may be absent."""
    rest, colon, effect = taint.rpartition(":")
    if not colon or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        rest, effect = taint, ""
    key, sign, value = rest.partition("=")
    match = f"operator: Equal, value: {json.dumps(value)}" if sign and value else "operator: Exists"
    return f"{{key: {key}, {match}{', effect: ' + effect if effect else ''}}}"


def _variable(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = str(value).lower()
    return f'{{name: {name}, value: "{value}"}}' if isinstance(value, (str, int, float)) else f"{{name: {name}, ...}}"


def for_value(data: Any, field: Path, allowed: list[Any]) -> str:
    """The way out of a value that its schema does not allow, "" for none: `always` is Always, `64GB` is 64G or 64Gi.

    `allowed` are the words of the schema, if it has a list of them.
    """
    if not isinstance(data, str):
        return ""
    if blank := odd_blank(data):
        return blank
    for word in allowed:
        if isinstance(word, str) and data and bare(data) == bare(word):
            return f"write {word}"
    short = SHORT.get(data.lower())
    if short and short in allowed:
        return f"write {short}"
    if data.lower() == "ingress" and "ClusterIP" in allowed:
        return "write ClusterIP, and set expose.router.ingress"
    near = get_close_matches(data.lower(), [word.lower() for word in allowed if isinstance(word, str)], 1, LIKELY)
    if near:
        return f"write {next(word for word in allowed if isinstance(word, str) and word.lower() == near[0])}"
    if field and field[-1] == "port" and data.isdecimal():
        return "write it without quotes"
    if field and field[-1] in ("interval", "scrapeTimeout") and data.isdecimal():
        return f"write the unit: {data}s"
    if field and "/" in str(field[-1]) and any(part in ("limits", "requests") for part in field[-2:-1]):
        return f"write {NUMBERS[data.lower()]}" if data.lower() in NUMBERS else "write a whole number, for example 1"
    filled = re.search(r"\$\{\w[^{}]*\}|\$\(\w+\)|\$\w+|{{.*?}}|<[^<>]+>", data)
    if filled:
        return f"nothing fills in {filled[0]} here: write the value itself"
    if data[:1] in "“”‘’«" and data:
        return f'write straight quotes: "{data.strip("“”‘’«»")}"'
    if field and field[-1] == "name" and "env" not in field:
        return _lower(data)
    if field and field[-1] == "imageRegistry" and "://" in data:
        return f"write {data.partition('://')[2].rstrip('/')}"
    if field and field[-1] == "repository" and re.fullmatch(r"(https?://)?[\w./:-]+", data):
        return _repository(re.sub("^https?://", "", data))
    if not any(part in ("limits", "requests", "size", "sizeLimit", "memory", "cpu") for part in field[-2:]):
        return ""
    comma = re.fullmatch(r"([0-9]{1,9}),([0-9]{1,3})([a-zA-Z]{0,2})", data)
    if comma:
        return f"write {comma[1]}.{comma[2]}{comma[3]}"
    cores = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(?:cores?|cpus?|vcpus?)", data, re.IGNORECASE)
    if cores:
        return f"write {cores[1]}"
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([kKmMgGtT])[iI]?(?:[bB]|[bB]ytes)?", data.replace(" ", ""))
    if match and match[1].strip("0."):
        digits, unit = match[1], match[2].upper()
        return f"write {digits}{'k' if unit == 'K' else unit} or {digits}{unit}i"
    return ""


def _host_and_port(address: str) -> tuple[str, str]:
    """http://llm:8000/v1 -> llm, 8000; a port that is not there is ""."""
    host, _, port = re.sub(r"^[a-z]+://", "", address).partition("/")[0].partition(":")
    return host, port


def _lower(text: str) -> str:
    """The name of an object that is closest to a text."""
    plain = _host_and_port(text)[0] if "://" in text else text
    name = re.sub(r"[^a-z0-9.-]+", "-", plain.lower()).strip("-.")
    return f"for example {name}" if name and name != text and len(name) <= 253 else ""


def _repository(text: str) -> str:
    """A repository that is written with its tag, or as a URL."""
    repository, colon, tag = text.rpartition(":")
    if colon and "/" not in tag:
        return f'write repository: {repository} and tag: "{tag}"'
    return f"write repository: {text}"
