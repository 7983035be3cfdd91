"""The parts of an image reference, by the rules of container registries."""

from __future__ import annotations

import re
from typing import NamedTuple

DOCKER = "docker.io"
_HOST = re.compile(r"(?:[^/]*[.:][^/]*|localhost)/")
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*\Z")
_VERSION = re.compile(r"\w[\w.-]{0,127}\Z|sha256:[0-9a-f]{64}\Z", re.ASCII)


class Reference(NamedTuple):
    """An image. `host` is docker.io where none is written, `tag` latest. `digest` is "" or `sha256:…`."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, if there is one, else the tag."""
        return self.digest or self.tag

    @property
    def valid(self) -> bool:
        """Whether a registry can have such an image."""
        return bool(_NAME.match(self.repository) and _VERSION.match(self.version))


def parsed(reference: str) -> Reference:
    """`busybox` -> docker.io, library/busybox, latest; `nvcr.io/nim/llm:1.0@sha256:…` with all its parts."""
    rest, _, digest = reference.partition("@")
    host, rest = split_host(rest)
    repository, _, tag = rest.partition(":")
    if host == DOCKER and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(host, repository, tag or "latest", digest)


def split_host(reference: str) -> tuple[str, str]:
    """The host of a reference, docker.io where none is written, and the rest of it."""
    match = _HOST.match(reference)
    return (match[0][:-1], reference[match.end() :]) if match else (DOCKER, reference)
