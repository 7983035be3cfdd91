"""External metrics for autoscalers: the numbers that a test sets, served as ``external.metrics.k8s.io``."""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import pki
from .settings import NODE_IP, STATE

PORT = 18444
VALUES = STATE / "external-metrics.json"
GROUP = "external.metrics.k8s.io"


def write(values: dict[str, str]) -> None:
    """Say how large each metric is from now on, as Kubernetes writes quantities."""
    partial = VALUES.with_suffix(".partial")
    partial.write_text(json.dumps(values))
    partial.rename(VALUES)


def serve() -> None:
    """Answer the API server until the process ends."""
    server = ThreadingHTTPServer((NODE_IP, PORT), _Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki.FOLDER / "apiserver.crt", pki.FOLDER / "apiserver.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    """Discovery, and ``/apis/external.metrics.k8s.io/v1beta1/namespaces/NAMESPACE/METRIC``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the list of one metric's values."""
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts == ["apis", GROUP, "v1beta1"]:
            self._reply(HTTPStatus.OK, _discovery())
        elif parts[:4] == ["apis", GROUP, "v1beta1", "namespaces"] and len(parts) == 6:
            self._reply(HTTPStatus.OK, _values(parts[5]))
        else:
            self._reply(HTTPStatus.NOT_FOUND, {"kind": "Status", "apiVersion": "v1", "code": HTTPStatus.NOT_FOUND})

    def _reply(self, code: HTTPStatus, body: dict[str, object]) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: autoscalers ask every few seconds."""


def _discovery() -> dict[str, object]:
    resource = {
        "name": "*",
        "singularName": "",
        "namespaced": True,
        "kind": "ExternalMetricValueList",
        "verbs": ["get"],
    }
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{GROUP}/v1beta1",
        "resources": [resource],
    }


def _values(metric: str) -> dict[str, object]:
    known = json.loads(VALUES.read_text()) if VALUES.exists() else {}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = (
        [{"metricName": metric, "metricLabels": {}, "timestamp": now, "value": known[metric]}]
        if metric in known
        else []
    )
    return {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/v1beta1", "metadata": {}, "items": items}
