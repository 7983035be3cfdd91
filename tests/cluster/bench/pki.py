"""The certificates of the cluster, made with openssl."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from .settings import API_SERVICE_IP, NODE_IP, STATE

FOLDER = STATE / "pki"
DAYS = "30"
EC_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
SERVER_NAMES = (
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
    "DNS:kubernetes.default.svc.cluster.local,DNS:localhost,"
    f"IP:127.0.0.1,IP:{NODE_IP},IP:{API_SERVICE_IP}"
)


def create() -> None:
    """One CA, a server and an administrator certificate, and the token key."""
    FOLDER.mkdir(parents=True)
    _openssl(
        "req",
        "-x509",
        *EC_KEY,
        "-subj",
        "/CN=nimhelm-bench",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        DAYS,
    )
    _sign(
        "apiserver",
        "/CN=kube-apiserver",
        f"subjectAltName={SERVER_NAMES}",
        "extendedKeyUsage=serverAuth",
    )
    _sign("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    _sign("front-proxy", "/CN=front-proxy", "extendedKeyUsage=clientAuth")
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "service-accounts.key")


def create_server(path: Path) -> None:
    """A certificate for programs on loopback and on the node's address: ``path``.crt and ``path``.key."""
    names = f"subjectAltName=DNS:localhost,IP:127.0.0.1,IP:{NODE_IP}"
    _sign(str(path), "/CN=controller", names, "extendedKeyUsage=serverAuth")


def authority() -> str:
    """The certificate of the CA, as a ``caBundle`` has it."""
    return _base64("ca.crt")


def write_kubeconfig(path: Path, port: int) -> None:
    """A kubeconfig of the administrator that is complete in one file."""
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority-data": _base64("ca.crt"),
    }
    user = {
        "client-certificate-data": _base64("admin.crt"),
        "client-key-data": _base64("admin.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": cluster}],
        "users": [{"name": "bench", "user": user}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))


def _sign(name: str, subject: str, *extensions: str) -> None:
    added = [part for extension in extensions for part in ("-addext", extension)]
    _openssl(
        *("req", "-x509", "-CA", "ca.crt", "-CAkey", "ca.key", *EC_KEY, "-subj", subject),
        *("-addext", "basicConstraints=critical,CA:FALSE", *added),
        *("-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", DAYS),
    )


def _base64(name: str) -> str:
    return base64.b64encode((FOLDER / name).read_bytes()).decode()


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=FOLDER, check=True, capture_output=True)
