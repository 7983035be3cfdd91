"""A registry on loopback that has every image, and fails as it is told.

containerd sends the pulls of all registries here, so that nothing in a chart
has to be renamed: ``nvcr.io/nim/meta/llama:1.0`` is the stand-in NIM under that
name.  What a pull does is decided by rules on how the repository's name starts.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from . import controllers, images
from .settings import REGISTRY_PORT, REGISTRY_RULES

CHUNK = 1 << 16
TOKEN = "nimhelm-bench"


@dataclass(frozen=True)
class Rule:
    """How pulls go of the repositories whose names start with ``prefix``.

    The name is that in the image reference without the registry's host.
    """

    prefix: str
    bytes_per_second: int = 0
    pad_mib: int = 0
    denied: bool = False
    missing: bool = False
    password: str = ""


_KINDS = {"shell": "nim-shell", "openssl": "nim-openssl", "arm": "nim-arm"}
DEFAULT_RULES = (
    Rule("slow/", bytes_per_second=10 << 20, pad_mib=50),
    Rule("big/", pad_mib=100),
    # A node names one image five times at most: these are images of their own.
    Rule("kept/", pad_mib=1),
    Rule("denied/", denied=True),
    Rule("missing/", missing=True),
    Rule("private/", password="nvapi-bench"),
)


def write_rules(rules: list[Rule]) -> None:
    """Replace the rules that come before the default ones."""
    partial = REGISTRY_RULES.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(rule) for rule in rules]))
    partial.rename(REGISTRY_RULES)


def read_rules() -> list[Rule]:
    """The rules that ``write_rules`` has written last."""
    if not REGISTRY_RULES.exists():
        return []
    return [Rule(**fields) for fields in json.loads(REGISTRY_RULES.read_text())]


def rule_for(repository: str) -> Rule:
    """The first rule that applies; without any, the pull is fast and succeeds."""
    rules = [*read_rules(), *DEFAULT_RULES]
    return next((rule for rule in rules if repository.startswith(rule.prefix)), Rule(""))


def serve() -> None:
    """Answer requests until the process ends."""
    server = ThreadingHTTPServer(("127.0.0.1", REGISTRY_PORT), Handler)
    server.daemon_threads = True
    server.serve_forever()


def image(repository: str, tag: str, pad_mib: int) -> bytes:
    """The manifest for a repository: its last name says what kind of image it is."""
    name = repository.rsplit("/", 1)[-1]
    kind = name if name in ("pause", "busybox") else _KINDS.get(name.rpartition("-")[2], "nim")
    # Without a picker in the cache, the stand-in is good enough to be deployed.
    if name == "epp" and controllers.load("epp").program.exists():
        kind = "epp"
    return _manifest(kind, pad_mib, f"{repository}:{tag}")


@cache
def _manifest(kind: str, pad_mib: int, pad_seed: str) -> bytes:
    return images.manifest(kind, pad_mib, pad_seed)


class Handler(BaseHTTPRequestHandler):
    """The part of the OCI distribution protocol that a pull uses."""

    protocol_version = "HTTP/1.1"
    manifests: ClassVar[dict[str, bytes]] = {}

    def do_HEAD(self) -> None:
        """Answer like GET, without the body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer the version check, a token request, a manifest or a blob."""
        path = self.path.split("?")[0]
        if path == "/v2/":
            self._reply(HTTPStatus.OK, b"{}")
        elif path.startswith("/token/"):
            self._token(path.removeprefix("/token/"))
        elif match := re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path):
            self._content(*match.groups())
        else:
            self._error(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN")

    def do_POST(self) -> None:
        """Clients that ask for a token like this then ask with GET."""
        # The body was not read, so what follows on this connection is not a request.
        self.close_connection = True
        self._error(HTTPStatus.METHOD_NOT_ALLOWED, "UNSUPPORTED")

    def _content(self, repository: str, what: str, reference: str) -> None:
        rule = rule_for(repository)
        if (rule.denied or rule.password) and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            realm = f'Bearer realm="http://localhost:{REGISTRY_PORT}/token/{repository}",service="bench"'
            self._error(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", {"WWW-Authenticate": realm})
        elif what == "blobs":
            self._blob(reference, rule)
        else:
            self._manifest(repository, reference, rule)

    def _token(self, repository: str) -> None:
        rule = rule_for(repository)
        _, _, encoded = self.headers.get("Authorization", "").partition(" ")
        password = base64.b64decode(encoded).decode().partition(":")[2]
        if rule.denied or password != rule.password:
            self._error(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED")
        else:
            self._reply(HTTPStatus.OK, json.dumps({"token": TOKEN}).encode())

    def _manifest(self, repository: str, reference: str, rule: Rule) -> None:
        if rule.missing or reference.startswith("missing"):
            self._error(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN")
            return
        if reference in self.manifests:
            content = self.manifests[reference]
        else:
            content = image(repository, reference, rule.pad_mib)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.manifests[digest] = content
        self._reply(
            HTTPStatus.OK,
            content,
            {"Content-Type": images.MANIFEST_TYPE, "Docker-Content-Digest": digest},
        )

    def _blob(self, digest: str, rule: Rule) -> None:
        path = images.BLOBS / digest.removeprefix("sha256:")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest) or not path.exists():
            self._error(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN")
            return
        self._headers(HTTPStatus.OK, path.stat().st_size, {"Content-Type": "application/octet-stream"})
        if self.command == "GET":
            with path.open("rb") as file:
                for chunk in _throttled(iter(lambda: file.read(CHUNK), b""), rule.bytes_per_second):
                    self.wfile.write(chunk)

    def _error(self, status: HTTPStatus, code: str, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"errors": [{"code": code, "message": status.phrase}]})
        self._reply(status, body.encode(), headers)

    def _reply(self, status: HTTPStatus, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._headers(status, len(body), {"Content-Type": "application/json"} | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _headers(self, status: HTTPStatus, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log to the supervisor's file."""
        print(f"registry: {format % args}", flush=True)


def _throttled(chunks: Iterator[bytes], bytes_per_second: int) -> Iterator[bytes]:
    started, sent = time.monotonic(), 0
    for chunk in chunks:
        if bytes_per_second:
            time.sleep(max(0.0, started + sent / bytes_per_second - time.monotonic()))
        sent += len(chunk)
        yield chunk
