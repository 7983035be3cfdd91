"""The parts of an image reference, by the rules of container registries and of the chart's own mirror setting."""

from __future__ import annotations

import re
from typing import NamedTuple

_HOST = re.compile(r"(?:[^/]*[.:][^/]*|localhost)/")
_DOCKER = "docker.io"


class Reference(NamedTuple):
    """`host` is docker.io where none is written, `tag` latest. `digest` is "" or `sha256:…`."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, if there is one, else the tag."""
        return self.digest or self.tag


def parsed(reference: str) -> Reference:
    """`busybox` -> docker.io, library/busybox, latest; `nvcr.io/nim/llm:1.0@sha256:…` with all its parts."""
    rest, _, digest = reference.partition("@")
    match = _HOST.match(rest)
    host = match[0][:-1] if match else _DOCKER
    rest = rest[match.end() :] if match else rest
    repository, _, tag = rest.partition(":")
    if host == _DOCKER and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(host, repository, tag or "latest", digest)


class Mirror(NamedTuple):
    """Where the chart looks for images: global.nimhelm.imageRegistry, and whether imageRegistryPath is drop."""

    registry: str = ""
    drop: bool = False

    def of(self, reference: str) -> str:
        """A reference as the chart has it: another host before the same path, or with `drop` before its last part alone."""
        path = reference.rsplit("/", 1)[-1] if self.drop else _HOST.sub("", reference, count=1)
        return f"{self.registry.rstrip('/')}/{path}" if self.registry else reference
