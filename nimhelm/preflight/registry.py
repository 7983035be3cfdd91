"""Asks a registry for a manifest, as a node would before it pulls: the OCI distribution protocol, with bearer or basic login.

Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

from nimhelm.status import kubeobject as ko

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?\Z")
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*\Z")
_TAG = re.compile(r"\w[\w.-]{0,127}\Z|sha256:[0-9a-f]{64}\Z", re.ASCII)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_LARGEST = 4 << 20

FOUND, MISSING, UNAUTHORIZED, FORBIDDEN, UNKNOWN = "found", "missing", "unauthorized", "forbidden", "unknown"


class Answer(NamedTuple):
    """What the registry says of an image. `state` is FOUND, MISSING, UNAUTHORIZED, FORBIDDEN or UNKNOWN (see `said`).

    `platforms` are such as "linux/amd64", empty where they could not be read.
    """

    state: str
    said: str = ""
    platforms: tuple[str, ...] = ()


class Image(NamedTuple):
    """The parts of a reference. `valid` is whether a registry can be asked for it."""

    host: str
    name: str
    reference: str
    valid: bool


def parse(image: str) -> Image:
    """ "nvcr.io/nim/llm:1.0" -> nvcr.io, nim/llm, 1.0; "busybox" -> docker.io, library/busybox, latest."""
    rest, _, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    has_host = slash and ("." in first or ":" in first or first == "localhost")
    host, path = (first, path) if has_host else ("docker.io", rest)
    name, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        name, tag = path, "latest"
    if host == "docker.io" and "/" not in name:
        name = f"library/{name}"
    reference = digest or tag
    return Image(host, name, reference, bool(_NAME.match(name) and _TAG.match(reference)))


class Registry:
    """One registry with one login; `login` is "user:password" in base 64, "" for none."""

    def __init__(self, host: str, login: str = "", timeout: float = 10.0) -> None:
        scheme = "http" if _LOOPBACK.match(host) else "https"
        self._base = f"{scheme}://{'registry-1.docker.io' if host == 'docker.io' else host}/v2"
        self._login = login
        self._timeout = timeout
        self._authorization = ""

    def ask(self, image: Image) -> Answer:
        """Whether the image can be pulled with this login, and for which platforms. Never raises."""
        try:
            manifest = self._get(f"{image.name}/manifests/{image.reference}", image.name)
            return Answer(FOUND, "", self._platforms(image, manifest))
        except urllib.error.HTTPError as error:
            states = {404: MISSING, 401: UNAUTHORIZED, 403: FORBIDDEN, 402: FORBIDDEN}
            return Answer(states.get(error.code, UNKNOWN), f"HTTP {error.code}")
        except urllib.error.URLError as error:
            return Answer(UNKNOWN, str(error.reason))
        except (OSError, ValueError, ssl.SSLError) as error:
            return Answer(UNKNOWN, str(error) or type(error).__name__)

    def _platforms(self, image: Image, manifest: Any) -> tuple[str, ...]:
        listed = ko.items(manifest, "manifests")
        if listed:
            platforms = [
                f"{ko.text(each, 'platform', 'os')}/{ko.text(each, 'platform', 'architecture')}" for each in listed
            ]
            return tuple(dict.fromkeys(each for each in platforms if "unknown" not in each and each != "/"))
        digest = ko.text(manifest, "config", "digest")
        try:
            config = self._get(f"{image.name}/blobs/{digest}", image.name)
        except (OSError, ValueError):  # that the image is there is known already
            return ()
        made_for = ko.text(config, "os"), ko.text(config, "architecture")
        return (f"{made_for[0]}/{made_for[1]}",) if all(made_for) else ()

    def _get(self, path: str, name: str) -> Any:
        try:
            return self._fetch(f"{self._base}/{path}", self._authorization)
        except urllib.error.HTTPError as refusal:
            if refusal.code != 401 or self._authorization:
                raise
            self._authorization = self._authorize(refusal.headers.get("WWW-Authenticate", ""), name)
            if not self._authorization:
                raise
        return self._fetch(f"{self._base}/{path}", self._authorization)

    def _authorize(self, challenge: str, name: str) -> str:
        """The header that answers the registry's challenge, "" where there is nothing to answer it with."""
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return f"Basic {self._login}" if self._login else ""
        parameters = dict(_PARAMETER.findall(rest))
        realm = urllib.parse.urlsplit(parameters.get("realm", ""))
        if kind.lower() != "bearer" or not (realm.scheme == "https" or _LOOPBACK.match(realm.netloc)):
            return ""
        scope = parameters.get("scope") or f"repository:{name}:pull"
        query = urllib.parse.urlencode({"service": parameters.get("service", ""), "scope": scope})
        answer = self._fetch(f"{realm.geturl()}?{query}", f"Basic {self._login}" if self._login else "")
        token = ko.text(answer, "token") or ko.text(answer, "access_token")
        return f"Bearer {token}" if token else ""

    def _fetch(self, url: str, authorization: str) -> Any:
        request = urllib.request.Request(url, headers={"Accept": _ACCEPT, "User-Agent": "nimhelm"})
        if authorization:
            # Not sent to where a registry redirects to: its storage must not see the login.
            request.add_unredirected_header("Authorization", authorization)
        with urllib.request.urlopen(request, timeout=self._timeout) as answer:
            return json.loads(answer.read(_LARGEST))
