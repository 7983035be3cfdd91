"""A small client of the registry HTTP API: the digest of an image, with the logins of docker's configuration.

It reads `auths` of $DOCKER_CONFIG/config.json or ~/.docker/config.json. Credential helpers are programs of others and are
not run. Only registries on this machine are asked without TLS.
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
from urllib.request import HTTPRedirectHandler, Request, build_opener

from nimhelm.images.reference import Reference

_ACCEPTED = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_LOCAL = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?\Z")
_LARGEST_ANSWER = 1 << 20


class RegistryError(Exception):
    """A registry does not say; the message has why, and the way out."""


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the login to another host."""

    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirect)


def digest_of(reference: Reference, timeout: float = 20.0) -> str:
    """The digest that the registry has for the tag: of the index where there is one. Raises RegistryError."""
    host = "registry-1.docker.io" if reference.host == "docker.io" else reference.host
    scheme = "http" if _LOCAL.match(host) else "https"
    url = f"{scheme}://{host}/v2/{reference.repository}/manifests/{reference.version}"
    login = login_of(reference.host)
    headers = {"Accept": _ACCEPTED}
    try:
        answer = _head(url, headers, timeout)
    except HTTPError as error:
        if error.code != 401:
            raise _refused(reference, error.code) from None
        headers["Authorization"] = _authorization(
            reference, error.headers.get("WWW-Authenticate") or "", login, timeout
        )
        try:
            answer = _head(url, headers, timeout)
        except HTTPError as again:
            raise _refused(reference, again.code) from None
    except (URLError, OSError, ValueError) as error:
        raise RegistryError(f"{reference.host} cannot be reached: {getattr(error, 'reason', error)}") from None
    found = answer.get("Docker-Content-Digest") or ""
    if not _DIGEST.match(found):
        raise RegistryError(f"{reference.host} answers without a digest")
    return str(found)


def _head(url: str, headers: dict[str, str], timeout: float) -> Any:
    with _OPENER.open(Request(url, headers=headers, method="HEAD"), timeout=timeout) as answer:
        return answer.headers


def _refused(reference: Reference, code: int) -> RegistryError:
    if code in (401, 403):
        return RegistryError(
            f"{reference.host} wants a login for {reference.repository}: docker login {reference.host}"
        )
    if code == 404:
        return RegistryError(f"{reference.host} has no {reference.repository}:{reference.version}")
    return RegistryError(f"{reference.host} answers with status {code}")


def _authorization(reference: Reference, challenge: str, login: str, timeout: float) -> str:
    """The header for the second try: the login itself, or a token that it buys; anonymous where there is none."""
    if not challenge.lower().startswith("bearer"):
        if not login:
            raise _refused(reference, 401)
        return f"Basic {login}"
    asked = dict(_CHALLENGE.findall(challenge))
    realm = asked.get("realm", "")
    if urlsplit(realm).scheme != "https" and not _LOCAL.match(urlsplit(realm).netloc):
        raise RegistryError(f"{reference.host} wants the login sent without TLS, to {realm}")
    scope = asked.get("scope") or f"repository:{reference.repository}:pull"
    query = urlencode({key: value for key, value in (("service", asked.get("service", "")), ("scope", scope)) if value})
    headers = {"Authorization": f"Basic {login}"} if login else {}
    try:
        with _OPENER.open(Request(f"{realm}?{query}", headers=headers), timeout=timeout) as answer:
            data = json.loads(answer.read(_LARGEST_ANSWER))
    except HTTPError as error:
        raise _refused(reference, 401 if error.code in (400, 401, 403) else error.code) from None
    except (URLError, OSError, ValueError) as error:
        raise RegistryError(f"no token from {urlsplit(realm).netloc}: {getattr(error, 'reason', error)}") from None
    token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
    if not isinstance(token, str):
        raise RegistryError(f"{urlsplit(realm).netloc} answers without a token")
    return f"Bearer {token}"


def login_of(host: str) -> str:
    """The login for a registry as docker keeps it: base64 of user:password; "" without one."""
    folder = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    try:
        config = json.loads(Path(folder, "config.json").read_bytes())
    except (OSError, ValueError):
        return ""
    auths = config.get("auths") if isinstance(config, dict) else None
    names = [host, f"https://{host}", f"https://{host}/v1/", f"https://{host}/v2/"]
    names += ["https://index.docker.io/v1/", "index.docker.io"] if host == "docker.io" else []
    for name in names:
        entry = auths.get(name) if isinstance(auths, dict) else None
        if isinstance(entry, dict) and isinstance(entry.get("auth"), str) and entry["auth"]:
            return str(entry["auth"])
        if isinstance(entry, dict) and entry.get("username"):
            return base64.b64encode(f"{entry['username']}:{entry.get('password', '')}".encode()).decode()
    return ""
