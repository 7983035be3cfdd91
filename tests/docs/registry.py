"""An OCI registry on loopback for `helm push` and `helm pull`, which also takes the notes of GitLab's API."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Content(ThreadingHTTPServer):
    """What was pushed, by path, and what was posted elsewhere."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.held: dict[str, tuple[str, bytes]] = {}
        self.notes: list[tuple[str, str, bytes]] = []

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """The part of the distribution API that helm uses: uploads in one piece, manifests by tag and by digest."""

    protocol_version = "HTTP/1.1"
    server: Content

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/v2/":
            return self.answer(200)
        if path not in self.server.held:
            return self.answer(404)
        kind, body = self.server.held[path]
        return self.answer(200, body, kind, digest_of(body))

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.body()
        if not self.path.startswith("/v2/"):
            self.server.notes.append((self.path, self.headers.get("PRIVATE-TOKEN", ""), body))
            return self.answer(201, b"{}")
        return self.answer(202, location=urlsplit(self.path).path + "one")

    def do_PUT(self) -> None:
        body, parts = self.body(), urlsplit(self.path)
        digest = digest_of(body)
        repository = re.sub("/(blobs/uploads/one|manifests/[^/]+)$", "", parts.path)
        if parts.path.endswith("/blobs/uploads/one"):
            if parse_qs(parts.query).get("digest") != [digest]:
                return self.answer(400)
            self.server.held[f"{repository}/blobs/{digest}"] = ("application/octet-stream", body)
        else:
            kind = self.headers["Content-Type"]
            for reference in (parts.path.rsplit("/", 1)[1], digest):
                self.server.held[f"{repository}/manifests/{reference}"] = (kind, body)
        return self.answer(201, digest=digest)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, code: int, body: bytes = b"", kind: str = "", digest: str = "", location: str = "") -> None:
        self.send_response(code)
        for name, value in (("Content-Type", kind), ("Docker-Content-Digest", digest), ("Location", location)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@contextmanager
def registry() -> Iterator[Content]:
    """A registry that runs until the block ends."""
    server = Content()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
