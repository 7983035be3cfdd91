"""A loopback API server for reads: discovery, objects, lists with label selectors, and the ways in which a real one fails."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

_RESOURCES = {
    "v1": {
        "configmaps": "ConfigMap",
        "pods": "Pod",
        "persistentvolumeclaims": "PersistentVolumeClaim",
        "events": "Event",
        "secrets": "Secret",
        "nodes": "Node",
        "namespaces": "Namespace",
        "services": "Service",
        "persistentvolumes": "PersistentVolume",
    },
    "apps/v1": {"deployments": "Deployment"},
    "discovery.k8s.io/v1": {"endpointslices": "EndpointSlice"},
}
_CLUSTER_WIDE = ("Node", "Namespace", "PersistentVolume", "APIService")


class Cluster:
    """What the server holds and how it behaves. Change it while it runs."""

    def __init__(
        self, lists: dict[str, list[dict[str, Any]]], resources: dict[str, dict[str, str]] = _RESOURCES
    ) -> None:
        """`lists` are objects by resource. `resources` are the kinds that are served, by version and resource."""
        self.lists = lists
        self.resources = resources
        self.forbidden: set[str] = set()
        self.unauthorized = False
        self.delay = 0.0
        self.broken = 0
        self.listed: list[str] = []
        self.tables: list[str] = []
        self.writes: list[str] = []
        self.address = ""

    def kubeconfig(self, folder: Path, namespace: str = "nim-service") -> str:
        """A kubeconfig file for this server with the one context `here`."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)


def is_of_cluster(kind: str) -> bool:
    """Whether objects of the kind have no namespace."""
    return kind in _CLUSTER_WIDE or kind.startswith("Cluster") or kind.endswith("Class")


@contextmanager
def serving(cluster: Cluster, port: int = 0) -> Iterator[Cluster]:
    """The cluster, served until the block ends."""
    handler = type("Bound", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    cluster.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster
    protocol_version = "HTTP/1.0"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlparse(self.path)
        parts = url.path.strip("/").split("/")
        if self.cluster.unauthorized:
            return self._fail(401, "Unauthorized", "Unauthorized")
        if self.cluster.broken:
            return self._fail(self.cluster.broken, "ServiceUnavailable", "apiserver is shutting down")
        if discovery := self._discovery(parts):
            return self._send(200, discovery)
        self._read(parts, parse_qs(url.query))

    def do_POST(self) -> None:
        self.cluster.writes.append(self.path)
        self._fail(405, "MethodNotAllowed", "no writes here")

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

    def _discovery(self, parts: list[str]) -> dict[str, Any] | None:
        if parts == ["version"]:
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.4"}
        if parts == ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        served = self.cluster.resources
        if parts == ["apis"]:
            groups = []
            for group, version in (name.split("/") for name in served if "/" in name):
                at = {"groupVersion": f"{group}/{version}", "version": version}
                groups.append({"name": group, "versions": [at], "preferredVersion": at})
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if (version_name := "/".join(parts[1:])) in served and parts[0] in ("api", "apis"):
            found = [
                {"name": name, "kind": kind, "namespaced": not is_of_cluster(kind), "verbs": ["get", "list"]}
                for name, kind in served[version_name].items()
            ]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version_name, "resources": found}
        return None

    def _read(self, parts: list[str], query: dict[str, list[str]]) -> None:
        if parts[0] not in ("api", "apis"):
            return self._fail(404, "NotFound", "the server could not find the requested resource")
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        if rest[0] == "namespaces" and len(rest) == 2:
            return self._namespace(rest[1])
        resource = rest[2] if namespace else rest[0]
        if name := rest[3 if namespace else 1 :]:
            return self._object(resource, namespace, name[0])
        self.cluster.listed.append(resource)
        time.sleep(self.cluster.delay)
        if resource in self.cluster.forbidden:
            group = "apps" if resource == "deployments" else ""
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            said = (
                f'{resource} is forbidden: User "jane" cannot list resource "{resource}" in API group "{group}" {where}'
            )
            return self._fail(403, "Forbidden", said)
        found = [each for each in self.cluster.lists.get(resource, []) if _selected(each, query)]
        found = [each for each in found if not namespace or each["metadata"].get("namespace") == namespace]
        if "as=Table" in self.headers.get("Accept", ""):
            self.cluster.tables.append(resource)
            return self._send(200, _table(found))
        kind = next(kinds[resource] for kinds in self.cluster.resources.values() if resource in kinds)
        self._send(
            200, {"kind": f"{kind}List", "apiVersion": "/".join(parts[1 : -len(rest)]), "metadata": {}, "items": found}
        )

    def _object(self, resource: str, namespace: str, name: str) -> None:
        for each in self.cluster.lists.get(resource, []):
            if (each["metadata"]["name"], each["metadata"].get("namespace", "")) == (name, namespace):
                return self._send(200, each)
        self._fail(404, "NotFound", f'{resource} "{name}" not found')

    def _namespace(self, name: str) -> None:
        if name in {each["metadata"]["name"] for each in self.cluster.lists.get("namespaces", [])}:
            return self._send(200, {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}})
        self._fail(404, "NotFound", f'namespaces "{name}" not found')

    def _fail(self, code: int, reason: str, message: str) -> None:
        self._send(
            code,
            {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": reason,
                "message": message,
                "code": code,
            },
        )

    def _send(self, code: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        try:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a client that had enough


def _selected(each: dict[str, Any], query: dict[str, list[str]]) -> bool:
    labels = each["metadata"].get("labels", {})
    wanted = [pair.partition("=") for pair in query.get("labelSelector", [""])[0].split(",") if pair]
    fields = [pair.partition("=") for pair in query.get("fieldSelector", [""])[0].split(",") if pair]
    named = all(each["metadata"]["name"] == value for key, _, value in fields if key == "metadata.name")
    return named and all(labels.get(key) == value for key, _, value in wanted)


def _table(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What a real server answers to a request for a table of secrets: metadata, and no content."""
    columns = [
        {"name": name, "type": "string", "format": "", "description": "", "priority": 0}
        for name in ("Name", "Type", "Data", "Age")
    ]
    rows = [
        {
            "cells": [each["metadata"]["name"], "helm.sh/release.v1", 1, "5m"],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": each["metadata"]},
        }
        for each in found
    ]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows}


def service_object(name: str) -> dict[str, Any]:
    """A Service as the chart makes it."""
    labels = {"app.kubernetes.io/instance": "rag", "app.kubernetes.io/name": name}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "nim-service", "labels": labels},
        "spec": {"selector": {"app": name}, "ports": [{"port": 8000}]},
    }


def slice_object(name: str) -> dict[str, Any]:
    """A slice with one ready endpoint of the Service."""
    labels = {"app.kubernetes.io/instance": "rag", "kubernetes.io/service-name": name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {"name": f"{name}-1", "namespace": "nim-service", "labels": labels},
        "endpoints": [
            {
                "addresses": ["10.0.0.1"],
                "conditions": {"ready": True},
                "targetRef": {"kind": "Pod", "name": f"{name}-5f6d8c7b9d-x7k2p"},
            }
        ],
        "ports": [],
    }


def helm_secret(
    release: str, status: str, revision: int, namespace: str = "nim-service", description: str = "", manifest: str = ""
) -> dict[str, Any]:
    """A record as Helm stores it."""
    labels = {"owner": "helm", "name": release, "status": status, "version": str(revision), "modifiedAt": "1763952000"}
    metadata = {"name": f"sh.helm.release.v1.{release}.v{revision}", "namespace": namespace, "labels": labels}
    content = {
        "name": release,
        "namespace": namespace,
        "version": revision,
        "info": {"status": status, "description": description},
        "config": {"llm": {"env": [{"name": "TOKEN", "value": "s3cret"}]}},
        "manifest": manifest,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(content).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "helm.sh/release.v1",
        "data": {"release": base64.b64encode(packed).decode()},
    }
