"""A loopback API server that holds objects, so that `lookup` finds them when helm renders a chart."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .assemble import TEMPLATES, Object

NEWER = {"serving.kserve.io": "v1beta1", "resource.nvidia.com": "v1beta1"}
"""The versions of the groups that are not at v1 yet."""

FURTHER = {
    "apiregistration.k8s.io/v1": ["APIService"],
    "autoscaling/v2": ["HorizontalPodAutoscaler"],
    "v1": ["ServiceAccount", "Pod"],
}
"""What is served beside the kinds with fields that cannot change."""


class Standing:
    """The objects of a cluster. `arguments` make helm ask it."""

    def __init__(self, folder: Path) -> None:
        self.objects: list[Object] = []
        self.kubeconfig = folder / "kubeconfig"

    @cached_property
    def kinds(self) -> dict[str, list[str]]:
        """The kinds that are served, by group and version."""
        served = {each: list(kinds) for each, kinds in FURTHER.items()}
        for name in json.loads((TEMPLATES / "umbrella/files/immutable.json").read_text()):
            group, _, kind = name.rpartition("/")
            version = "/".join(filter(None, (group, NEWER.get(group, "v1"))))
            served.setdefault(version, []).append(kind)
        return served

    def add(self, thing: Object, namespace: str) -> None:
        """From now on the cluster has this object, in the namespace if its kind has one."""
        place = {} if is_of_cluster(thing["kind"]) else {"namespace": namespace}
        self.objects.append({**thing, "metadata": {**thing["metadata"], **place}})

    @property
    def arguments(self) -> list[str]:
        """Arguments of `helm template`. Helm 4 asks the cluster for the APIs; helm 3 is told."""
        named = [f"{version}/{kind}" for version, kinds in self.kinds.items() for kind in kinds]
        given = [word for name in [*self.kinds, *named] for word in ("--api-versions", name)]
        return [
            "--dry-run=server",
            "--is-upgrade",
            "--disable-openapi-validation",
            "--kubeconfig",
            str(self.kubeconfig),
            *given,
        ]

    def answer(self, path: str) -> tuple[int, Any]:
        """The status and the body that a GET of the path gets."""
        words = path.strip("/").split("/")
        if words == ["version"]:
            return 200, {"major": "1", "minor": "34", "gitVersion": "v1.34.4"}
        if words == ["api"]:
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if words == ["apis"]:
            versions = [{"groupVersion": name, "version": Path(name).name} for name in self.kinds if "/" in name]
            groups = [
                {"name": each["groupVersion"].split("/")[0], "versions": [each], "preferredVersion": each}
                for each in versions
            ]
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        length = 2 if words[0] == "api" else 3
        version, rest = "/".join(words[1:length]), words[length:]
        kinds = self.kinds.get(version, [])
        if not rest:
            resources = [
                {"name": plural(kind), "kind": kind, "namespaced": not is_of_cluster(kind), "verbs": ["get", "list"]}
                for kind in kinds
            ]
            return 200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}
        namespace = rest[1] if rest[0] == "namespaces" else ""
        resource, *name = rest[2:] if namespace else rest
        kind = next((each for each in kinds if plural(each) == resource), "")
        found = [
            each
            for each in self.objects
            if (each["apiVersion"], each["kind"]) == (version, kind)
            and each["metadata"].get("namespace", "") == namespace
        ]
        if not name:
            return 200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": found}
        for each in found:
            if each["metadata"]["name"] == name[0]:
                return 200, each
        reason = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        return 404, reason


def plural(kind: str) -> str:
    """The name of the resource in a path."""
    word = kind.lower()
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("s") else "s")


def is_of_cluster(kind: str) -> bool:
    """Whether objects of the kind have no namespace."""
    return kind.startswith("Cluster") or kind.endswith("Class") or kind in ("PersistentVolume", "APIService")


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """A cluster without objects, which answers until the block ends. Its kubeconfig is in the folder."""
    cluster = Standing(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            status, body = cluster.answer(self.path.split("?")[0])
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    context = {"name": "here", "context": {"cluster": "here", "user": "nobody", "namespace": "default"}}
    cluster.kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "clusters": [{"name": "here", "cluster": {"server": address}}],
                "users": [{"name": "nobody", "user": {"token": "none"}}],
                "contexts": [context],
            }
        )
    )
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
