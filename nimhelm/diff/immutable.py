"""Fields that Kubernetes, or the webhook of a kind's controller, does not let an update change, and the way around."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from typing import Any

from nimhelm.assets import folder
from nimhelm.pipeline import dig
from nimhelm.quantity import nanos

Object = dict[str, Any]
Refusal = tuple[str, str, str]
"""(field, why, what to do first)"""


_CLAIM = "PersistentVolumeClaim"


@cache
def _fields() -> dict[str, dict[str, dict[str, Any]]]:
    """Group and kind -> the fields that no update can change, with what the file says of each. The guard of every chart
    reads it, too, and describes it.
    """
    with open(
        os.path.join(folder("chart-template"), "umbrella", "files", "immutable.json"), encoding="utf-8"
    ) as stream:
        found: dict[str, dict[str, dict[str, Any]]] = json.load(stream)
    return found


def refusals(old: Object, new: Object) -> Iterator[Refusal]:
    """What the API server refuses of an update of one object."""
    kind, group = str(new.get("kind")), str(new.get("apiVersion")).rpartition("/")[0]
    key = f"{group}/{kind}" if group else kind
    for path, rule in _fields().get(key, {}).items():
        keys = path.split()
        one, two = (dig(each, *keys) for each in (old, new))
        if not (_stays(rule, one, two) or _may_change(rule, old, new)):
            yield ".".join(keys), "is immutable", _way_out(kind, new)
    if key == _CLAIM:
        yield from _smaller(old, new)
    elif key == "Service":
        yield from _service(old, new)
    elif key in ("ConfigMap", "Secret") and old.get("immutable") is True:
        for field, one, two in zip(("data", "binaryData", "immutable"), _kept(old), _kept(new), strict=True):
            if one != two:
                yield field, "is immutable", _way_out(kind, new)


def _kept(thing: Object) -> tuple[Any, ...]:
    """What an immutable ConfigMap or Secret keeps. The API server moves stringData to data."""
    texts = thing.get("stringData") or {}
    data = {key: b64encode(str(text).encode()).decode() for key, text in texts.items()}
    return (
        (thing.get("data") or {}) | data if data else thing.get("data"),
        thing.get("binaryData"),
        thing.get("immutable"),
    )


def _may_change(rule: dict[str, Any], old: Object, new: Object) -> bool:
    """Whether this is a field of a suspended job, or of an Indexed one that changes together with another field."""
    if "tandem" in rule and dig(old, "spec", "completionMode") == "Indexed":
        return bool(dig(new, "spec", "completions") == dig(new, "spec", rule["tandem"]))
    return "unless" in rule and dig(old, "spec", rule["unless"]) is True


def _stays(rule: dict[str, Any], old: Any, new: Any) -> bool:
    """Whether a field stays what it is. The API server keeps one that it fills in as a whole, when it is left out. Another
    may be set once.
    """
    if (new is None and rule.get("filled") == "whole") or (old is None and rule.get("filled") == "once"):
        return True
    one, two = (rule.get("default") if each is None else each for each in (old, new))
    same = _same_amounts(one, two) if "filled" in rule else one == two
    return bool(same or not (one or two))


def _same_amounts(one: Any, two: Any) -> bool:
    """Whether two values are the same. Quantities may have other units: 1Gi is 1024Mi."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same_amounts(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same_amounts, one, two))
    return bool(one == two or (nanos(one) is not None and nanos(one) == nanos(two)))


def _smaller(old: Object, new: Object) -> Iterator[Refusal]:
    path = ("spec", "resources", "requests", "storage")
    before, after = nanos(dig(old, *path)), nanos(dig(new, *path))
    if before is not None and after is not None and after < before:
        why = f"cannot become smaller ({dig(old, *path)} -> {dig(new, *path)})"
        yield ".".join(path), why, _way_out(_CLAIM, new)


def _service(old: Object, new: Object) -> Iterator[Refusal]:
    """Addresses of the cluster, and what a load balancer was made with. What is left out stays as it is."""
    kinds = [dig(each, "spec", "type") or "ClusterIP" for each in (old, new)]
    if "ExternalName" in kinds:
        return
    way = _way_out("Service", new)
    one, two = (dig(each, "spec", "clusterIP") or "" for each in (old, new))
    if one == "None" and not two:
        yield "spec.clusterIP", "stays None", way
    elif one != two and two:
        yield "spec.clusterIP", "is immutable", way
    families = [_first(dig(each, "spec", "ipFamilies")) for each in (old, new)]
    if all(families) and families[0] != families[1]:
        yield "spec.ipFamilies", "keeps its first family", way
    if kinds != ["LoadBalancer", "LoadBalancer"]:
        return
    one, two = (dig(each, "spec", "loadBalancerClass") for each in (old, new))
    if one != two:
        yield "spec.loadBalancerClass", "is immutable", way
    one, two = (dig(each, "spec", "healthCheckNodePort") for each in (old, new))
    if one != two and two and dig(old, "spec", "externalTrafficPolicy") == "Local":
        yield "spec.healthCheckNodePort", "is immutable", way


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, list) and found else None


def _way_out(kind: str, new: Object) -> str:
    """What to do before the upgrade."""
    name, namespace = dig(new, "metadata", "name"), dig(new, "metadata", "namespace")
    delete = f"kubectl delete {kind.lower()} {name}" + (f" -n {namespace}" if namespace else "")
    if kind == _CLAIM:
        return (
            "give the service another claim (storage.pvc.name), or lose the data: scale the service to 0, "
            f"{delete}, then upgrade"
        )
    if kind in ("Deployment", "InferenceService", "ComputeDomain"):
        return f"{delete} (its pods stop until the upgrade makes it anew)"
    return f"{delete}, then upgrade: helm makes it anew"
