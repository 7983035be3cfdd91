"""Build the programs the bench runs: Kubernetes with CoreDNS, and the stand-in NIM.

Everything comes from the Go module proxy and is kept in the cache under a key
made of the sources and the versions in them; what is there is not built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from .settings import APT_PACKAGES, CACHE, CLUSTER_DIR

KUBE_SOURCE = CLUSTER_DIR / "kube"
STANDIN_SOURCE = CLUSTER_DIR / "standin"
GO_CACHE = CACHE / "go"


def kubernetes_version() -> str:
    """The version that kube/go.mod requires, such as ``1.34.4``."""
    text = (KUBE_SOURCE / "go.mod").read_text()
    match = re.search(r"k8s\.io/kubernetes v(\S+)", text)
    if match is None:
        raise RuntimeError("kube/go.mod does not require k8s.io/kubernetes")
    return match[1]


def source_key(folder: Path) -> str:
    """A short hash of the Go sources in ``folder`` and of the Go version."""
    digest = hashlib.sha256(_output("go", "env", "GOVERSION").encode())
    for path in sorted(folder.glob("*")):
        if path.suffix in (".go", ".mod", ".sum"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def kube_binary() -> Path:
    """Where the Kubernetes binary is, or will be once it is built."""
    return CACHE / "bin" / f"kube-{kubernetes_version()}-{source_key(KUBE_SOURCE)}" / "kube"


def standin_binary() -> Path:
    """Where the stand-in server is, or will be once it is built."""
    return CACHE / "bin" / f"standin-{source_key(STANDIN_SOURCE)}" / "standin"


def build() -> None:
    """Build what is missing."""
    if shutil.which("go") is None:
        raise RuntimeError("Go is needed to build the cluster: https://go.dev/dl/")
    go_build(STANDIN_SOURCE, standin_binary(), "-s -w")
    go_build(KUBE_SOURCE, kube_binary(), _kube_ldflags(kubernetes_version()))


def _kube_ldflags(version: str) -> str:
    major, minor, _ = version.split(".")
    package = "k8s.io/component-base/version"
    stamps = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {package}.{name}={value}" for name, value in stamps.items())


def go_build(source: Path, target: Path, ldflags: str, package: str = ".") -> None:
    """Build a package of the module in ``source``, unless ``target`` is there."""
    if target.exists():
        return
    print(f"building {target.parent.name} ...", flush=True)
    started = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    command = ["go", "build", "-ldflags", ldflags, "-o", str(partial), package]
    subprocess.run(command, cwd=source, env=_go_env(), check=True)
    partial.rename(target)
    print(f"built {target.parent.name} in {time.monotonic() - started:.0f} s", flush=True)


def module_folder(source: Path, module: str) -> Path | None:
    """Where the cache has a module that go.mod in ``source`` requires; None if it requires no such module."""
    match = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        return None
    command = ["go", "mod", "download", "-json", f"{module}@{match[1]}"]
    # Not in the module's folder: there Go would want all that the module depends on as well.
    answer = subprocess.run(command, cwd=CACHE, env=_go_env(), check=True, capture_output=True, text=True).stdout
    return Path(json.loads(answer)["Dir"])


def _go_env() -> dict[str, str]:
    # Go's own caches live in ours, so that one folder is all there is to keep or delete.
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOMODCACHE": str(GO_CACHE / "mod"),
        "GOCACHE": str(GO_CACHE / "build"),
        "GOFLAGS": "-buildvcs=false -trimpath -modcacherw",
    }


def install_packages() -> None:
    """Install the Debian packages whose programs are not on this machine."""
    missing = [name for name, path in APT_PACKAGES.items() if not Path(path).exists()]
    if not missing:
        return
    print("installing " + " ".join(missing), flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-q", "update"], env=env, check=True, stdout=subprocess.DEVNULL)
    command = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing]
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
