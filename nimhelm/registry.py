"""A small client of container registries: what a registry says of an image.

Only registries on this machine are asked without TLS. A login is sent to the registry, or to the token service that it
names, and not to where either of them redirects to.
Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

from nimhelm.imagereference import DOCKER, Reference

_ACCEPTED = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?\Z")
_LARGEST = 4 << 20


class RegistryError(Exception):
    """A registry does not say; the message has why. `status` is its HTTP status, 0 where it gave no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        return None


_open_here = build_opener(_NoRedirect).open


class Registry:
    """One registry with one login: "user:password" in base 64, "" for none. A request takes `timeout` seconds at most.

    Every method raises RegistryError.
    """

    def __init__(self, host: str, login: str = "", timeout: float = 10.0) -> None:
        self.host = host
        name = "registry-1.docker.io" if host == DOCKER else host
        self._base = f"{'http' if _LOOPBACK.match(name) else 'https'}://{name}/v2"
        self._login = login
        self._timeout = timeout
        self._authorization = ""

    def digest(self, image: Reference) -> str:
        """The digest that the registry has for the version: of the index where there is one."""
        headers, _ = self._ask(image, f"manifests/{image.version}", "HEAD")
        found = headers.get("Docker-Content-Digest") or ""
        if not _DIGEST.match(found):
            raise RegistryError(f"{self.host} answers without a digest")
        return str(found)

    def manifest(self, image: Reference) -> Any:
        """The manifest, or the index, as data."""
        return _data(self.host, self._ask(image, f"manifests/{image.version}")[1])

    def blob(self, image: Reference, digest: str) -> Any:
        """A blob of the image, such as its configuration, as data."""
        return _data(self.host, self._ask(image, f"blobs/{digest}")[1])

    def _ask(self, image: Reference, path: str, method: str = "GET") -> tuple[Any, bytes]:
        url = f"{self._base}/{image.repository}/{path}"
        try:
            return self._fetch(url, self._authorization, method)
        except HTTPError as error:
            with error:
                refusal = error
            if refusal.code != 401 or self._authorization:
                raise self._refused(image, refusal.code) from None
        self._authorization = self._authorize(image, refusal.headers.get("WWW-Authenticate") or "")
        try:
            return self._fetch(url, self._authorization, method)
        except HTTPError as error:
            with error:
                raise self._refused(image, error.code) from None

    def _authorize(self, image: Reference, challenge: str) -> str:
        """The header for the second try: the login itself, or a token that it buys; anonymous where there is none."""
        if not challenge.lower().startswith("bearer"):
            if not self._login:
                raise self._refused(image, 401)
            return f"Basic {self._login}"
        asked = dict(_PARAMETER.findall(challenge))
        realm = asked.get("realm", "")
        if urlsplit(realm).scheme != "https" and not _LOOPBACK.match(urlsplit(realm).netloc):
            raise RegistryError(f"{self.host} wants the login sent without TLS, to {realm}", 401)
        wanted = {
            "service": asked.get("service", ""),
            "scope": asked.get("scope") or f"repository:{image.repository}:pull",
        }
        query = urlencode({key: value for key, value in wanted.items() if value})
        try:
            _, body = self._fetch(f"{realm}?{query}", f"Basic {self._login}" if self._login else "")
        except HTTPError as error:
            with error:
                raise self._refused(image, 401 if error.code in (400, 401, 403) else error.code) from None
        data = _data(urlsplit(realm).netloc, body)
        token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
        if not isinstance(token, str):
            raise RegistryError(f"{urlsplit(realm).netloc} answers without a token")
        return f"Bearer {token}"

    def _fetch(self, url: str, authorization: str, method: str = "GET") -> tuple[Any, bytes]:
        """The headers and the body of an answer; an HTTPError is the caller's to judge."""
        try:
            request = Request(url, headers={"Accept": _ACCEPTED, "User-Agent": "nimhelm"}, method=method)
            if authorization:
                # Storage that a registry redirects to must not see the login.
                request.add_unredirected_header("Authorization", authorization)
            with (urlopen if method == "GET" else _open_here)(request, timeout=self._timeout) as answer:
                return answer.headers, answer.read(_LARGEST)
        except HTTPError:
            raise
        except (URLError, OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
            raise RegistryError(f"{urlsplit(url).netloc} cannot be reached: {reason}") from None

    def _refused(self, image: Reference, status: int) -> RegistryError:
        if status in (401, 403):
            return RegistryError(f"{self.host} wants a login for {image.repository}: docker login {self.host}", status)
        if status == 404:
            return RegistryError(f"{self.host} has no {image.repository}:{image.version}", status)
        return RegistryError(f"{self.host} answers with status {status}", status)


def _data(host: str, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise RegistryError(f"{host} answers with something else than JSON") from None


def login_of(host: str) -> str:
    """The login for a registry as docker keeps it: base64 of user:password; "" without one.

    It stands among the `auths` of $DOCKER_CONFIG/config.json or ~/.docker/config.json. Credential helpers are programs of
    others and are not run.
    """
    folder = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    try:
        config = json.loads(Path(folder, "config.json").read_bytes())
    except (OSError, ValueError):
        return ""
    auths = config.get("auths") if isinstance(config, dict) else None
    names = [host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/"]
    names += ["https://index.docker.io/v1/", "index.docker.io"] if host == DOCKER else []
    for name in names:
        entry = auths.get(name) if isinstance(auths, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("auth"), str) and entry["auth"]:
            return str(entry["auth"])
        if isinstance(entry, dict) and entry.get("username"):
            return base64.b64encode(f"{entry['username']}:{entry.get('password', '')}".encode()).decode()
    return ""
