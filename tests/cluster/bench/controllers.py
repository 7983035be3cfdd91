"""Controllers beside those of Kubernetes, each a folder of ``tests/cluster/controllers``.

The folder has a Go module that pins the version, and ``controller.yaml``:

    group             the API group by which a cluster shows that it has the controller
    module, package   what to build: a folder with go.mod (the controller's own by default) and a package; without
                      a package there is no program, only CRDs
    clients           name -> package of the module: programs for tests, built beside it
    copies            name -> path in a module that is kept beside the program, such as a folder of CRDs
    crds, objects     copies, and objects, that are applied before the controller starts
    webhooks          a copied kustomization; its webhooks are pointed to a port on loopback
    apis              aggregated APIs, served on a port of the node's address
    files, arguments, env   configuration files and command line; without arguments nothing is started
    certificate       folder below {folder} for tls.crt and tls.key; {folder} itself by default
    etc               path below /etc -> folder that the program finds there; nobody else does
    listens, exists   addresses that accept connections, and kinds of which there is an object, once it works

In its texts ``{folder}`` is where the files are, ``{built}`` where the copies are, ``{state}``, ``{kubeconfig}``,
``{node}`` and ``{address}`` are those of the bench.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from . import pki
from .build import go_build, module_folder, source_key
from .settings import CACHE, CLUSTER_DIR, INNER_KUBECONFIG, NODE, NODE_IP, STATE

SOURCES = CLUSTER_DIR / "controllers"
RUNNING = STATE / "controllers"
NAMESPACE = "kube-system"
COMPLETE = "complete"
# Arguments: a folder for what is written, then a path below /etc and what it leads to, then the command.
_OWN_ETC = """
set -e
mkdir -p "$1/upper" "$1/work"
mount -t overlay bench -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc
mkdir -p "$(dirname "/etc/$2")"
ln -sfn "$3" "/etc/$2"
shift 3
exec "$@"
"""


@dataclass(frozen=True)
class Controller:
    """What ``controller.yaml`` says."""

    name: str
    group: str
    package: str = ""
    module: str = "."
    clients: dict[str, str] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    crds: tuple[str, ...] = ()
    objects: tuple[dict[str, Any], ...] = ()
    webhooks: dict[str, Any] = field(default_factory=dict)
    apis: tuple[dict[str, Any], ...] = ()
    files: dict[str, Any] = field(default_factory=dict)
    certificate: str = "."
    etc: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    listens: tuple[str, ...] = ()
    exists: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its files are while the bench runs."""
        return RUNNING / self.name

    @property
    def source(self) -> Path:
        """The folder of its Go module."""
        return (SOURCES / self.name / self.module).resolve()

    @property
    def built(self) -> Path:
        """The folder in the cache with its program and the copies."""
        made_of = f"{source_key(self.source)} {self._client_keys()} {self.package} {sorted(self.copies.items())}"
        return CACHE / "bin" / f"controller-{self.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"

    def _client_keys(self) -> list[str]:
        return [source_key(self.source / package) for package in self.clients.values()]

    @property
    def program(self) -> Path:
        """Where its program is, or will be once it is built."""
        return self.built / self.name

    def filled(self, value: Any) -> Any:
        """``value`` with the bench's own paths and names in all its texts."""
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.filled(item) for item in value]
        if isinstance(value, str):
            for key, text in self._names().items():
                value = value.replace("{" + key + "}", text)
        return value

    def _names(self) -> dict[str, str]:
        return {
            "folder": str(self.folder),
            "built": str(self.built),
            "state": str(STATE),
            "kubeconfig": str(INNER_KUBECONFIG),
            "node": NODE,
            "address": NODE_IP,
        }


def names() -> list[str]:
    """The controllers that there are."""
    return sorted(path.parent.name for path in SOURCES.glob("*/controller.yaml"))


@cache
def load(name: str) -> Controller:
    """Read ``controller.yaml`` of one of them."""
    if name not in names():
        raise RuntimeError(f"no controller {name}; there are: {', '.join(names())}")
    return Controller(name, **yaml.safe_load((SOURCES / name / "controller.yaml").read_text()))


def build(controller: Controller) -> None:
    """Build its program, and copy what it needs out of modules, unless that is done."""
    if (controller.built / COMPLETE).exists():
        return
    controller.built.mkdir(parents=True, exist_ok=True)
    for name, path in controller.copies.items():
        shutil.copytree(_in_module(controller, path), controller.built / name, dirs_exist_ok=True)
    for name, package in controller.clients.items():
        go_build(controller.source, controller.built / name, "-s -w", package)
    if controller.package:
        go_build(controller.source, controller.program, "-s -w", controller.package)
    (controller.built / COMPLETE).touch()


def _in_module(controller: Controller, path: str) -> Path:
    """A folder that holds the file or folder ``path``, which starts with the path of a module."""
    parts = path.split("/")
    for length in range(len(parts), 1, -1):
        if found := module_folder(controller.source, "/".join(parts[:length])):
            place = found.joinpath(*parts[length:])
            return place if place.is_dir() else place.parent
    raise RuntimeError(f"{controller.name}: no module of go.mod has {path}")


def write_files(controller: Controller) -> None:
    """Write its configuration, and a certificate for loopback and the node's address."""
    certificate = controller.folder / controller.certificate
    certificate.mkdir(parents=True, exist_ok=True)
    pki.create_server(certificate / "tls")
    for name, content in controller.files.items():
        target = controller.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, indent=2)
        target.write_text(controller.filled(text))


def write_command(controller: Controller) -> None:
    """Have the supervisor start it."""
    if controller.arguments:
        command = [str(controller.program), *controller.filled(controller.arguments)]
        for path, folder in controller.filled(controller.etc).items():
            scratch = str(STATE / "scratch" / f"etc-{controller.name}")
            command = ["unshare", "--mount", "sh", "-c", _OWN_ETC, "sh", scratch, path, folder, *command]
        document = {
            "command": command,
            "env": {"KUBECONFIG": str(INNER_KUBECONFIG)} | controller.filled(controller.env),
        }
        partial = controller.folder / "run.partial"
        partial.write_text(json.dumps(document))
        partial.rename(controller.folder / "run.json")


def wanted() -> dict[str, dict[str, Any]]:
    """What the supervisor is to run: name -> command and environment."""
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(RUNNING.glob("*/run.json"))}


def crd_files(controller: Controller) -> list[Path]:
    """The files with its CRDs."""
    folders = [controller.built / name for name in controller.crds]
    return [path for folder in folders for path in sorted(folder.glob("*.yaml")) if _is_crd(path)]


def _is_crd(path: Path) -> bool:
    return "kind: CustomResourceDefinition" in path.read_text()


def objects(controller: Controller, kubectl: Path) -> list[dict[str, Any]]:
    """Its objects: those it lists, its aggregated APIs, and its webhooks."""
    own = controller.filled(list(controller.objects))
    served = [item for api in controller.apis for item in _aggregated(**api)]
    return [*own, *served, *(_webhooks(controller, kubectl) if controller.webhooks else [])]


def _webhooks(controller: Controller, kubectl: Path) -> list[dict[str, Any]]:
    command = [str(kubectl), "kustomize", str(controller.built / controller.webhooks["kustomization"])]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [item for item in yaml.safe_load_all(text) if item["kind"].endswith("WebhookConfiguration")]
    only = controller.webhooks.get("only")
    for item in found:
        item["metadata"]["name"] = f"{controller.webhooks['names']}-{item['metadata']['name']}"
        item["webhooks"] = [hook for hook in item["webhooks"] if not only or hook["name"] in only]
        for hook in item["webhooks"]:
            url = f"https://127.0.0.1:{controller.webhooks['port']}{hook['clientConfig']['service']['path']}"
            hook["clientConfig"] = {"url": url, "caBundle": pki.authority()}
    return [item for item in found if item["webhooks"]]


def _aggregated(group: str, version: str, service: str, port: int) -> list[dict[str, Any]]:
    metadata = {"name": service, "namespace": NAMESPACE}
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata | {"labels": {"kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{"addresses": [NODE_IP]}],
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": f"{version}.{group}"},
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": metadata | {"port": port},
            },
        },
    ]
