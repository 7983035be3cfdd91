"""Helm's record of a release: how its last operation ended, and which objects the release should hold.

Of the record only this is kept. The values in it, which may hold secrets, are not looked at.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from nimhelm.status import kubeobject as ko
from nimhelm.status.graph import is_graph
from nimhelm.status.snapshot import HelmRecord

# What Helm itself accepts as a record is 1 MiB, and manifests compress well.
_LARGEST = 64 << 20
# Of these the specification is compared with what the cluster has, or counted.
_WITH_SPEC = ("Service", "Ingress", "ResourceClaimTemplate")
# Of these the text is kept, to look up whether the chart sets a field; it is never saved.
_WITH_TEXT = ("Deployment", "Service")
_TOP_KEY = re.compile(r"([A-Za-z][A-Za-z0-9]*):")


def read_record(secret: ko.Object) -> tuple[HelmRecord | None, list[ko.Object]]:
    """The record in one of Helm's secrets, and the objects of its manifest; (None, []) for what is not a record."""
    release = _content(ko.text(secret, "data", "release"))
    if not release:
        return None, []
    failed = [
        ko.text(hook, "name")
        for hook in ko.items(release, "hooks")
        if "test" in ko.texts(hook, "events") and ko.text(hook, "last_run", "phase") == "Failed"
    ]
    record = HelmRecord(
        status=ko.text(release, "info", "status"),
        revision=ko.number(release, "version"),
        description=ko.text(release, "info", "description"),
        failed_tests=tuple(failed),
    )
    namespace = ko.text(release, "namespace")
    return record, list(_objects(ko.text(release, "manifest"), namespace))


def _content(stored: str) -> ko.Object:
    """Kubernetes and Helm encode with base64, and Helm compresses before."""
    try:
        packed = base64.b64decode(base64.b64decode(stored))
        if packed[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=_reader(packed)) as unpacked:
                packed = unpacked.read(_LARGEST)
        found = json.loads(packed)
    except (ValueError, OSError, EOFError, zlib.error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reader(packed: bytes) -> Any:
    from io import BytesIO

    return BytesIO(packed)


def _objects(manifest: str, namespace: str) -> Iterator[ko.Object]:
    import yaml

    from nimhelm.yamlread import GoLoader

    for document in re.split(r"^---.*$", manifest, flags=re.MULTILINE):
        try:
            found = yaml.load(_head(document), Loader=GoLoader)
            if ko.text(found, "kind") in _WITH_SPEC or is_graph(found):
                found = yaml.load(document, Loader=GoLoader)
        except (yaml.YAMLError, RecursionError):
            continue
        if not isinstance(found, dict) or not ko.name_of(found):
            continue
        metadata = {"namespace": namespace} | ko.mapping(found, "metadata")
        text = {"text": document} if ko.text(found, "kind") in _WITH_TEXT else {}
        yield found | {"metadata": metadata} | text


def whole(value: ko.Object) -> ko.Object:
    """An object of the manifest with its specification, which only some are loaded with."""
    text = ko.text(value, "text")
    if "spec" in value or not text:
        return value
    import yaml

    from nimhelm.yamlread import GoLoader

    try:
        found = yaml.load(text, Loader=GoLoader)
    except (yaml.YAMLError, RecursionError):
        return value
    return value | found if isinstance(found, dict) else value


def _head(document: str) -> str:
    """What says which object it is. Loading whole manifests would take longer than all else."""
    kept, keep = [], False
    for line in document.splitlines():
        if match := _TOP_KEY.match(line):
            keep = match[1] in ("apiVersion", "kind", "metadata")
        if keep:
            kept.append(line)
    return "\n".join(kept)
