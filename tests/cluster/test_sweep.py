"""One value at a time, at every place of a chart's values: `validate --values`, both helms and an API server agree.

What `validate` accepts is rendered by both helms alike, and the server takes it. What it refuses is refused by helm or by
the server as well, or UNSEEN says why neither of them can see it. As many values are tried as fit into
$NIMHELM_SWEEP_SECONDS; $NIMHELM_SWEEP_SEED repeats a sweep.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import pytest
import yaml

from nimhelm.chart.schema import described_schema
from nimhelm.finding import ERROR, Finding
from nimhelm.rules.kubernetes import FIELDS
from nimhelm.validate_values import chart_values, check_values_file, layer
from tests.fuzz.server import HELMS, Server, comparable, complaints, served
from tests.schema.places import ENTRY, ITEM, Place, load, places
from tests.schema.samples import accepted, around, refused

from .connection import Cluster
from .release import build_documents, pipeline, service

pytestmark = pytest.mark.heavy
SECONDS = float(os.environ.get("NIMHELM_SWEEP_SECONDS", "200"))
BATCH = 32
SHAPES: tuple[Any, ...] = (None, {}, [], [None], "", 0, -1, 2**31, True)


class Unseen(NamedTuple):
    """A finding that neither helm nor a dry run confirms: its code, patterns of field and message, and why."""

    code: str
    field: str
    message: str
    why: str


SOURCE, STORAGE = r"nimCaches\.weights\.source", r"nimCaches\.weights\.storage"
NOT_USED = "a claim without name and size is not used, whatever else it says"
UNSEEN = (
    Unseen("NH162", STORAGE, "a NIMCache needs storage.pvc.*", "its pods wait for a claim that may be made later"),
    Unseen("NH160", rf"{SOURCE}\.(hf|dataStore)", ".*", "the download fails, not the install"),
    Unseen("NH102", r".*\.port", ".*", "the kubelet looks a port up by its name"),
    Unseen("NH099", ".*nodeAffinity.*", ".*one whole number", "Gt and Lt are read only when a pod is placed"),
    Unseen("NH05[123]", r"llm\.storage\..*", ".*", NOT_USED),
    Unseen("NH099", r"(llm|nimCaches\.weights)\.storage\.pvc\..*", ".*", NOT_USED),
    Unseen("NH162", rf"{STORAGE}\.pvc", ".*needs a name", NOT_USED),
    Unseen(".*", r"llm\.scale\.keda\..*", ".*", "the cluster has no KEDA"),
    Unseen(".*", r"llm\.storage\.nimCache\.fill\..*", ".*", "no service of this pipeline fills its cache"),
    Unseen("NH011", r"llm\.scale\.hpa\..*", ".* is empty", "an autoscaler that is off is not sent"),
    Unseen("NH013", r".*\.podTemplate\..*\.image", ".*", "the API server reads the image of a pod, not of a template"),
    Unseen("NH011", r".*\.image\.(repository|tag)", ".* is empty", "the kubelet finds no image of such a name"),
    Unseen("NH011", r".*\.eppConfig\.containerSpec\.name", ".*", "the chart calls the container epp"),
)
OF_THIS_SERVER = ("unknown field", "not configured for dual-stack", 'Unsupported value: "MountOption"')
"""Parts of what the server says of a field that a newer Kubernetes, or another network, takes."""

CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"global": {"nimhelm": {"restricted": True, "networkPolicy": {"enabled": True}, "prePull": True}}},
    {"llm": {"expose": {"router": {"hostDomainName": "example.com", "ingress": {"ingressClass": "nginx"}}}}},
    {"llm": {"replicas": None, "scale": {"enabled": True, "hpa": {"maxReplicas": 3}}}},
    {
        "llm": {
            "podDisruptionBudget": {"minAvailable": 1},
            "storage": {"emptyDir": None, "pvc": {"create": True, "size": "1Gi"}},
        }
    },
)
"""Values that switch on what a value alone would not reach."""


class Case(NamedTuple):
    """Values, and what they say about themselves when they fail."""

    values: dict[str, Any]
    title: str


class Sweep(NamedTuple):
    """What every case is held against."""

    chart: Path
    base: dict[str, Any]
    schema: dict[str, Any]
    server: Server
    kinds: set[str]
    folder: Path


def cases(random: Random, schema: dict[str, Any]) -> Iterator[Case]:
    """Endlessly: each place of the schema once, in an order of chance, with a value, then all of them again."""
    found = list(every_place(schema))
    while True:
        random.shuffle(found)
        for place, root, inner in found:
            good, bad = list(accepted(inner.schema, root)), [each.value for each in refused(inner.schema, root)]
            value = random.choice(random.choice([each for each in (good, bad, SHAPES) if each]))
            context = random.choice(CONTEXTS)
            if place is not inner:
                value = around(root["start"], inner.path, value, root)
                name_container(value, place.path[0] == "llm", inner.path)
            if place.path[:2] == ("nimCaches", ENTRY):
                cache = {"$ref": "#/definitions/nimCache"}
                values = {"nimCaches": {"weights": around(cache, place.path[2:], value, schema)}}
            else:
                values = around(schema, place.path, value, schema)
            title = f"{place} {'' if place is inner else inner}"
            yield Case(layer(context, values), title)


def every_place(schema: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any], Place]]:
    """Each place of the values of llm, of all pods and of caches; fields of Kubernetes' own types with their places."""
    definitions = load("schema/kubernetes.schema.json")["definitions"]
    types = {each.field: each for each in FIELDS}
    for place in places(schema):
        if "embedding" in place.path[:1]:
            continue
        yield place, schema, place
        below = types.get(place.path[1:] if place.path[:1] == ("llm",) else place.path[2:])
        if below:
            one = {"$ref": f"#/definitions/{below.type}"}
            start = {"type": "array", "items": one} if below.listed else one
            root = {"definitions": definitions, "start": start}
            for inner in bounded(root, start, ()):
                yield place, root, inner


def name_container(overlay: Any, of_service: bool, path: tuple[str, ...]) -> None:
    """An overlay finds the container by its name: call it as one that is there."""
    names = ("llm-ctr", "wait-for-embedding") if of_service else ("nim-cache-ctr", "nim-cache-ctr")
    for kind, name in zip(("containers", "initContainers"), names, strict=True):
        if path[:2] == (kind, ITEM) and path[2:] and path[2:] != ("name",):
            overlay[kind][0]["name"] = name


def bounded(root: dict[str, Any], start: dict[str, Any], path: tuple[str, ...]) -> Iterator[Place]:
    for place in places(root, start, path):
        if len(place.path) <= 5:
            yield place


def judge(sweep: Sweep, number: int, case: Case) -> str:
    """What the three disagree about, or nothing."""
    file = sweep.folder / f"{number}.yaml"
    file.write_text(yaml.safe_dump(case.values), "utf-8")
    try:
        found, _ = check_values_file(str(file), sweep.base, sweep.schema)
    except Exception as error:  # a rule must accept any data
        return f"{error!r}: {case.title}\n  {json.dumps(case.values)}"
    errors = [each for each in found if each.severity == ERROR]
    said = rendered_and_sent(sweep, file)
    if not errors and any(part in each for each in said for part in OF_THIS_SERVER):
        return ""
    unseen = [each for each in errors if any(map(partial(is_unseen, each), UNSEEN))]
    if bool(errors) == bool(said) or (errors and len(unseen) == len(errors)):
        file.unlink()
        return ""
    verdict = "refused" if errors else "accepted"
    return (
        f"{verdict} by validate: {case.title}\n  {json.dumps(case.values)}\n  {shown(errors)}\n  {chr(10).join(said)}"
    )


def is_unseen(finding: Finding, unseen: Unseen) -> bool:
    said = finding.code, finding.field, finding.message
    return all(map(re.fullmatch, unseen[:3], said))


def shown(errors: list[Finding]) -> str:
    return "; ".join(f"{each.code} {each.message}" for each in errors)


def rendered_and_sent(sweep: Sweep, file: Path) -> list[str]:
    """What helm 4 or the server say against values, and what helm 3 makes of them otherwise."""
    manifests = []
    for helm in reversed(HELMS):
        words = [str(helm), "template", "r", str(sweep.chart), "--namespace", sweep.server.namespace, "-f", str(file)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"{helm.parent.name}: {done.stderr.strip()}"]
        manifests.append([each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each])
    four, three = manifests
    if without_hooks(three) != without_hooks(four):
        return ["helm 3 and helm 4 render different objects"]
    return complaints(sweep.server, [each for each in four if f"{each['apiVersion']}/{each['kind']}" in sweep.kinds])


def without_hooks(objects: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Objects to compare. When the check of `helm test` is deleted depends on the helm."""
    return comparable([each for each in objects if "helm.sh/hook" not in each["metadata"].get("annotations", {})])


def test_one_value_at_a_time(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("NIMHELM_SWEEP_SEED") or SystemRandom().randrange(10**6))
    print(f"NIMHELM_SWEEP_SEED={seed}")
    weights = {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMCache",
        "metadata": {"name": "weights"},
        "spec": {
            "source": {"ngc": {"modelPuller": "nvcr.io/nim/test/llm:1.0", "authSecret": "ngc-api-key"}},
            "storage": {"pvc": {"create": True, "size": "1Gi"}},
        },
    }
    cached = service("embedding", storage={"nimCache": {"name": "weights"}})
    chart = build_documents(tmp_path, pipeline(cached, service("llm", "embedding")), weights)
    base, schema = chart_values(chart)
    folder = tmp_path / "values"
    folder.mkdir()
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    sweep = Sweep(chart, base, schema, server, served(server), folder)
    endless = enumerate(cases(Random(seed), described_schema(["llm", "embedding"])))
    until = time.monotonic() + SECONDS
    failures: list[str] = []
    tried = 0
    while time.monotonic() < until:
        batch = list(itertools.islice(endless, BATCH))
        with ThreadPoolExecutor(4) as pool:
            found = [each for each in pool.map(lambda numbered: judge(sweep, *numbered), batch) if each]
        print(*found, sep="\n", end="", flush=True)
        failures += found
        tried += len(batch)
    print(f"{tried} values")
    assert failures == [], f"seed {seed}, {tried} values:\n" + "\n".join(failures)
