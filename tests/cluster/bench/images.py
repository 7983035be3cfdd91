"""OCI images made on the spot: pause, busybox and the stand-in NIM."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import controllers
from .build import standin_binary
from .settings import STATE

BLOBS = STATE / "blobs"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
MEBIBYTE = 1 << 20
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What an image holds that has more than its own program.
LAYERS = {"nim-shell": ("nim", "busybox"), "nim-openssl": ("nim", "openssl"), "nim-arm": ("arm",)}
NIM_COMMANDS = ("download-to-cache", "create-model-store", "huggingface-cli", "hf")


@dataclass(frozen=True)
class Blob:
    """Content in the blob folder, by its digest."""

    digest: str
    size: int

    @property
    def path(self) -> Path:
        """The file with the content."""
        return BLOBS / self.digest.removeprefix("sha256:")

    def descriptor(self, media_type: str) -> dict[str, Any]:
        """How a manifest refers to this blob."""
        return {"mediaType": media_type, "digest": self.digest, "size": self.size}


def manifest(kind: str, pad_mib: int = 0, pad_seed: str = "") -> bytes:
    """The manifest of an image of a kind, with its blobs ready to be served.

    ``pad_mib`` adds a layer of random bytes that depend on ``pad_seed``: two
    images with different seeds share nothing but the program.
    """
    layers = [_layer(part) for part in LAYERS.get(kind, (kind,))]
    if pad_mib:
        layers.append(_pad_layer(pad_mib, pad_seed))
    config = _store(json.dumps(_config(kind, layers)).encode())
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.descriptor(CONFIG_TYPE),
        "layers": [layer.descriptor(LAYER_TYPE) for layer in layers],
    }
    return json.dumps(document).encode()


def _config(kind: str, layers: list[Blob]) -> dict[str, Any]:
    nim = {"Entrypoint": ["/bin/standin"], "ExposedPorts": {"8000/tcp": {}}, "User": "1000:1000"}
    processes: dict[str, dict[str, Any]] = {
        "pause": {"Entrypoint": ["/pause"]},
        "busybox": {"Cmd": ["sh"]},
        "nim": nim,
        "nim-shell": nim,
        "nim-openssl": nim,
        "nim-arm": nim,
        "epp": {"Entrypoint": ["/bin/epp"], "User": "65532:65532"},
    }
    return {
        "architecture": "arm64" if kind.endswith("-arm") else "amd64",
        "os": "linux",
        "config": {"Env": [PATH], **processes[kind]},
        # Uncompressed layers: the digest of the layer is that of its content.
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }


@cache
def _layer(kind: str) -> Blob:
    builders = {
        "pause": _pause_files,
        "busybox": _busybox_files,
        "nim": _nim_files,
        "openssl": _openssl_files,
        "arm": _arm_files,
        "epp": _picker_files,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        builders[kind](archive)
    return _store(buffer.getvalue())


def _pause_files(archive: tarfile.TarFile) -> None:
    _add_program(archive, "pause", standin_binary())


def _busybox_files(archive: tarfile.TarFile) -> None:
    _add_folder(archive, "tmp", 0o1777)
    _add_program(archive, "bin/busybox", Path("/bin/busybox"))
    listing = subprocess.run(["/bin/busybox", "--list"], check=True, capture_output=True, text=True)
    for applet in listing.stdout.split():
        if applet != "busybox":
            _add_link(archive, f"bin/{applet}", "bin/busybox")


def _nim_files(archive: tarfile.TarFile) -> None:
    # No shell, no libc: what runs in this image runs in any image.
    _add_folder(archive, "tmp", 0o1777)
    _add_folder(archive, "opt/nim/.cache", 0o777)
    _add_program(archive, "bin/standin", standin_binary())
    for command in NIM_COMMANDS:
        _add_link(archive, f"bin/{command}", "bin/standin")


def _openssl_files(archive: tarfile.TarFile) -> None:
    """The machine's own, with the libraries that it loads."""
    program = Path(shutil.which("openssl") or "openssl")
    loaded = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for path in (str(program), *re.findall(r"(/\S+) \(", loaded)):
        _add_program(archive, path.lstrip("/"), Path(path))


def _arm_files(archive: tarfile.TarFile) -> None:
    """A program whose header says that it is for arm64: the kernel of any other processor refuses it."""
    program = bytearray(standin_binary().read_bytes())
    program[18:20] = b"\xb7\x00"
    entry = tarfile.TarInfo("bin/standin")
    entry.size, entry.mode = len(program), 0o755
    archive.addfile(entry, io.BytesIO(program))


def _picker_files(archive: tarfile.TarFile) -> None:
    _add_folder(archive, "tmp", 0o1777)
    _add_program(archive, "bin/epp", controllers.load("epp").program)


def _add_program(archive: tarfile.TarFile, name: str, source: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = source.stat().st_size, 0o755
    with source.open("rb") as content:
        archive.addfile(entry, content)


def _add_folder(archive: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def _add_link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = tarfile.LNKTYPE, target, 0o755
    archive.addfile(entry)


@cache
def _pad_layer(mebibytes: int, seed: str) -> Blob:
    BLOBS.mkdir(parents=True, exist_ok=True)
    numbers = random.Random(seed)
    with tempfile.NamedTemporaryFile(dir=BLOBS, delete=False) as file:
        entry = tarfile.TarInfo("model-weights")
        entry.size, entry.mode = mebibytes * MEBIBYTE, 0o644
        file.write(entry.tobuf())
        for _ in range(mebibytes):
            file.write(numbers.randbytes(MEBIBYTE))
        file.write(bytes(2 * tarfile.BLOCKSIZE))
    return _adopt(Path(file.name))


def _store(content: bytes) -> Blob:
    blob = Blob("sha256:" + hashlib.sha256(content).hexdigest(), len(content))
    BLOBS.mkdir(parents=True, exist_ok=True)
    if not blob.path.exists():
        partial = blob.path.with_suffix(".partial")
        partial.write_bytes(content)
        partial.rename(blob.path)
    return blob


def _adopt(path: Path) -> Blob:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(MEBIBYTE):
            digest.update(chunk)
    blob = Blob(f"sha256:{digest.hexdigest()}", path.stat().st_size)
    shutil.move(path, blob.path)
    return blob
