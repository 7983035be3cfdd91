"""Gates, and the check of `helm test`, on services that speak HTTPS with a certificate that nobody signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from .release import PORT, READY_PATH, Release, service

# Only the probe of a port can pass where the server asks the kubelet for a certificate.
PROBES: dict[str, dict[str, Any]] = {
    "1.2": {"httpGet": {"path": READY_PATH, "port": "api", "scheme": "HTTPS"}},
    "1.3": {"httpGet": {"path": READY_PATH, "port": "api", "scheme": "HTTPS"}},
    "mutual": {"tcpSocket": {"port": "api"}},
}
SERVERS = {f"tls-{kind.replace('.', '-')}": kind for kind in PROBES}
IMAGES = {"without": "nvcr.io/nim/test/llm:1.0", "with": "nvcr.io/nim/test/llm-openssl:1.0"}


@pytest.fixture(scope="module")
def release(new_release: Callable[..., Release]) -> Release:
    """A service with openssl and one without, each behind gates on servers of the pipeline and outside of it."""
    servers = []
    for name, kind in SERVERS.items():
        each = {"probe": {**PROBES[kind], "periodSeconds": 1, "failureThreshold": 600}}
        servers.append(service(name, env={"STANDIN_TLS": kind}, startupProbe=each, readinessProbe=each))
    made = new_release(*servers, *(service(name, *SERVERS, image=image) for name, image in IMAGES.items()))
    asked = {"path": READY_PATH, "scheme": "HTTPS", "timeoutSeconds": 1, "onTimeout": "start"}
    outside = [
        {"name": f"outside-{name}", "port": PORT, "external": True, "wait": {"host": name, **asked}} for name in SERVERS
    ]
    values = yaml.safe_load((made.chart / "values.yaml").read_text())
    made.install(
        *(f"--set-json={name}.dependencies={json.dumps(values[name]['dependencies'] + outside)}" for name in IMAGES)
    )
    return made


def log(release: Release, service: str, gate: str) -> str:
    """The log of a gate of a service."""
    return release.kubectl("logs", f"deployment/{service}", "-c", f"wait-for-{gate}")


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("server", SERVERS)
def test_a_service_of_the_pipeline_opens_a_gate_whatever_its_tls(release: Release, image: str, server: str) -> None:
    told = log(release, image, server)
    assert told.startswith(f"waiting for tcp://{server}-ready:{PORT} ")
    assert told.splitlines()[-1].startswith("ready after ")


@pytest.mark.parametrize(
    ("image", "server", "opens"),
    [
        ("with", "tls-1-2", True),
        ("with", "tls-1-3", True),
        ("with", "tls-mutual", False),
        ("without", "tls-1-2", True),
        ("without", "tls-1-3", False),
        ("without", "tls-mutual", False),
    ],
)
def test_a_server_outside_of_it_opens_a_gate_that_speaks_its_tls(
    release: Release, image: str, server: str, opens: bool
) -> None:
    told = log(release, image, f"outside-{server}")
    assert told.startswith(f"waiting for https://{server}:{PORT}{READY_PATH} ")
    assert ("\nready after " in told) is opens
    assert ("leave out wait.path" in told) is not opens


def test_the_check_passes_whatever_their_tls(release: Release) -> None:
    shown = release.helm("test", release.name, "--logs", "--timeout=60s")
    for server in SERVERS:
        assert f"ok   {server}  tcp://{server}:{PORT}" in shown
