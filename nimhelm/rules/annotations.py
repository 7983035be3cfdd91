"""Annotations that the API server reads, and how much of them it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from nimhelm.finding import Finding
from nimhelm.pipeline import Block
from nimhelm.yamlread import Path

MOST_BYTES = 256 << 10
"""What the API server takes in one object, keys and values together."""
_OF_OTHERS = 2 << 10
"""Room for the annotations of the chart, of Helm and of controllers."""

_PLACES: tuple[Path, ...] = (
    ("annotations",),
    ("expose", "service", "annotations"),
    ("expose", "ingress", "annotations"),
    ("expose", "router", "annotations"),
    ("storage", "pvc", "annotations"),
    ("serviceAccount", "annotations"),
    ("podTemplate", "metadata", "annotations"),
)
_OF_PODS: tuple[Path, ...] = (("annotations",), ("podTemplate", "metadata", "annotations"))
_APPARMOR, _SECCOMP = "container.apparmor.security.beta.kubernetes.io/", "seccomp.security.alpha.kubernetes.io/pod"
_RANGES, _CLASS = "service.beta.kubernetes.io/load-balancer-source-ranges", "kubernetes.io/ingress.class"
_PROFILES = re.compile(r"runtime/default|docker/default|unconfined|localhost/.+")


def check_annotations(block: Block) -> Iterator[Finding]:
    """The size of annotations, and the few whose values the API server checks."""
    for place in _PLACES:
        found = block.get(*place)
        if not isinstance(found, dict) or not found:
            continue
        size = sum(len(str(text).encode("utf-8", "replace")) for pair in found.items() for text in pair)
        if size > MOST_BYTES - _OF_OTHERS:
            message = (
                f"the annotations of {block.title} have {size >> 10} KiB; an object may have {MOST_BYTES >> 10} KiB"
            )
            yield block.error("NH013", place, message, "keep such data in a ConfigMap or an image")
    yield from _profiles(block)
    yield from _ranges(block)
    yield from _classes(block)


def _profiles(block: Block) -> Iterator[Finding]:
    """Security profiles in their old form, by annotations of the pod."""
    containers = block.own_containers() | {
        str(item.get("name")) for kind in ("initContainers", "sidecarContainers") for _, item in block.items(kind)
    }
    for kind in ("containers", "initContainers"):
        containers |= {str(item.get("name")) for _, item in block.items("podTemplate", "spec", kind)}
    for place in _OF_PODS:
        for key, value in block.mapping(*place).items():
            if key.startswith(_APPARMOR) and key.removeprefix(_APPARMOR) not in containers:
                message = f"{key} names no container of {block.title}"
                yield block.error("NH013", (*place, key), message, f"for example {_APPARMOR}{block.name}-ctr")
            elif (key.startswith(_APPARMOR) or key == _SECCOMP) and not _PROFILES.fullmatch(str(value)):
                message = f"{value} is no security profile"
                yield block.error("NH013", (*place, key), message, "runtime/default, unconfined or localhost/NAME")


def _ranges(block: Block) -> Iterator[Finding]:
    place: Path = ("expose", "service", "annotations", _RANGES)
    value = block.get(*place)
    if not isinstance(value, str) or not value.strip():
        return
    if block.get("expose", "service", "type") != "LoadBalancer":
        message = "source ranges are for a Service of type LoadBalancer"
        yield block.error("NH013", place, message, "remove the annotation, or write type: LoadBalancer")
    for each in value.split(","):
        if not is_range(each.strip()):
            yield block.error("NH013", place, f"{each.strip()} is no range of addresses", "for example 10.0.0.0/8")


def is_range(text: str) -> bool:
    """Whether a text is a range of addresses, such as 10.0.0.0/8."""
    from ipaddress import ip_network

    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _classes(block: Block) -> Iterator[Finding]:
    """Beside a class in the spec, the annotation of old must say the same."""
    named: tuple[tuple[str, Any], ...] = (
        ("router", block.get("expose", "router", "ingress", "ingressClass")),
        ("ingress", block.get("expose", "ingress", "spec", "ingressClassName")),
    )
    for place, given in named:
        old = block.get("expose", place, "annotations", _CLASS)
        if old and given and old != given:
            message = f"the annotation {_CLASS} says {old}, and the class of the ingress is {given}"
            yield block.error("NH013", ("expose", place, "annotations", _CLASS), message, "remove the annotation")
