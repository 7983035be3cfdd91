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


def in_mirror(reference: str, mirror: str, drop: bool = False) -> str:
    """The reference as the chart has it with global.nimhelm.imageRegistry: another host before the same path; under
    `drop` (imageRegistryPath) before the last part of the path alone."""
    path = reference.rsplit("/", 1)[-1] if drop else _HOST.sub("", reference, count=1)
    return f"{mirror.rstrip('/')}/{path}"
