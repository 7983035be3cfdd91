"""Case files: the objects of a release as a cluster had them, and what is to be said of them."""

from __future__ import annotations

import json
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from nimhelm.status import kubeobject as ko
from nimhelm.status.dump import LIST_OF
from nimhelm.status.graph import GRAPH_LABEL, RELEASE_LABEL
from nimhelm.status.snapshot import HelmRecord, Log, Snapshot

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def read_case(path: Path) -> dict[str, Any]:
    """The document of a case, for the caller alone; a dozen tests read each, so the file is parsed once."""
    document: dict[str, Any] = pickle.loads(_parsed(path))
    return document


@cache
def _parsed(path: Path) -> bytes:
    case = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if "like" in case:
        case = _changed(read_case(path.with_name(f"{case['like']}.yaml")), case)
    return pickle.dumps(case)


def _changed(base: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """The case that differs from another in a few objects: `gone` are left out, `objects` are merged in or added."""
    gone = {tuple(each.split("/")) for each in case.get("gone", ())}
    objects = {(each["kind"], each["metadata"]["name"]): each for each in base["objects"]}
    objects = {key: each for key, each in objects.items() if key not in gone}
    for each in case.get("objects", ()):
        key = (each["kind"], each["metadata"]["name"])
        objects[key] = _merged(objects.get(key, {}), each)
    return base | case | {"objects": list(objects.values())}


def _merged(old: Any, new: Any) -> Any:
    """As a merge patch has it: mappings are merged, null removes, all else takes the place of what was there."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    both = old | {key: _merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in both.items() if value is not None}


def graph_configmap(graph: dict[str, Any], namespace: str = "nim-service") -> dict[str, Any]:
    """The ConfigMap that the chart makes of the graph."""
    release = graph["release"]
    labels = {
        "app.kubernetes.io/name": graph["pipeline"],
        RELEASE_LABEL: release,
        GRAPH_LABEL: "true",
        "helm.sh/chart": f"{graph['pipeline']}-{graph['chartVersion']}",
        "nimhelm.dev/pipeline": graph["pipeline"],
    }
    metadata = {"name": f"{release}-nimpipeline", "namespace": namespace, "labels": labels}
    metadata["creationTimestamp"] = "2026-11-24T02:58:48Z"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"pipeline.json": json.dumps(graph)}}


def snapshot_of(case: dict[str, Any]) -> Snapshot:
    """The case as if it had been read from a cluster."""
    lists: dict[str, list[ko.Object]] = {"configmaps": [graph_configmap(case["graph"])]}
    manifest = case.get("manifest")
    if "edited" in case:  # what somebody made of the graph in the cluster
        manifest = [*(manifest or []), graph_configmap(case["graph"])]
        lists["configmaps"][0]["data"] = {"pipeline.json": case["edited"]}
    for each in case["objects"]:
        lists.setdefault(LIST_OF[each["kind"]], []).append(each)
    now = ko.moment(case, "now")
    assert now
    helm = HelmRecord(**case["helm"]) if "helm" in case else None
    for kind in case.get("read", ()):  # read, and nothing found
        lists.setdefault(kind, [])
    return Snapshot(
        case["graph"]["release"],
        "nim-service",
        now,
        lists,
        helm,
        tuple(case.get("notes", ())),
        manifest=manifest,
        absent=tuple((kind, name) for kind, name in case.get("absent", ())),
        logs=tuple(Log(*each) for each in case.get("logs", ())),
    )
