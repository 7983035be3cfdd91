"""Gates under a mesh: past the proxy of their own pod, and through that of a dependency that wants mutual TLS."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .assemble import SCRIPTS_NAME, dependency, spec
from .conftest import Render
from .test_gate_script import BUSYBOX

SERVICES = {"base": spec(), "llm": spec(dependencies=[dependency("base"), dependency("db", 19530, external=True)])}
CACHE = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}
DISABLED = {"linkerd.io/inject": "disabled"}


def settings(rendered: dict[tuple[str, str], Any], gate: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in rendered["ConfigMap", SCRIPTS_NAME]["data"][gate].splitlines())


@pytest.mark.parametrize(("mesh", "user"), [("", 65532), ("istio", 1337), ("linkerd", 2102)])
def test_a_gate_goes_past_the_proxy_of_its_pod(render: Render, mesh: str, user: int) -> None:
    rendered = render(SERVICES, nimhelm={"mesh": mesh, "prePull": True}, nimCaches={"weights": CACHE})
    pod = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
    gates = {each["name"]: each["securityContext"]["runAsUser"] for each in pod["initContainers"]}
    assert gates == {"wait-setup": 65532, "wait-for-base": user, "wait-for-db": user}
    assert pod["containers"][0].get("securityContext", {}).get("runAsUser") is None
    asked = settings(rendered, "llm.wait-for-base")
    path = "" if mesh else "/v1/health/ready"
    assert asked["target"] == f"{'tcp' if mesh else 'http'}://base-ready:8000{path}"
    assert asked["any"] == f"{'tcp' if mesh else 'http'}://base:8000{path}"
    assert settings(rendered, "llm.wait-for-db")["target"] == "http://db:19530/v1/health/ready", "nothing of the mesh"
    for kind, name in rendered:
        if kind in ("Pod", "Job", "DaemonSet"):
            made = rendered[kind, name]
            metadata = made["metadata"] if kind == "Pod" else made["spec"]["template"]["metadata"]
            assert metadata["labels"]["sidecar.istio.io/inject"] == "false"
            assert (DISABLED.items() <= metadata.get("annotations", {}).items()) == (mesh == "linkerd"), name
    [test] = [each for (kind, _), each in rendered.items() if kind == "Pod"]
    checks = test["spec"]["containers"][0]["env"][0]["value"]
    assert ("tcp://base:8000" in checks) == bool(mesh)


def test_a_gate_that_reads_the_answer_still_sends_a_request(render: Render) -> None:
    reading = {"base": spec(), "llm": spec(dependencies=[dependency("base", wait={"text": "healthy"})])}
    asked = settings(render(reading, nimhelm={"mesh": "istio"}), "llm.wait-for-base")
    assert asked["target"].startswith("http://")


def test_what_openshift_forbids_is_refused(refusal: Callable[..., str]) -> None:
    said = refusal(SERVICES, nimhelm={"mesh": "istio", "openshift": "restricted"})
    assert "leave out global.nimhelm.mesh and use native sidecars" in said


@pytest.mark.skipif(not BUSYBOX, reason="needs a busybox (apt-get install busybox-static)")
def test_a_connection_opens_a_gate_behind_a_proxy_that_wants_mutual_tls(render: Render, tmp_path: Path) -> None:
    """The stand-in for such a proxy accepts a connection, and closes it as soon as it reads what is no TLS."""
    proxy = socket.create_server(("127.0.0.1", 0))
    read: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = proxy.accept()
            except OSError:
                return
            with connection:
                read.append(connection.recv(64))

    threading.Thread(target=serve, daemon=True).start()
    scripts = render(SERVICES, nimhelm={"mesh": "istio"})["ConfigMap", SCRIPTS_NAME]["data"]
    address = f"127.0.0.1:{proxy.getsockname()[1]}"
    for asked, opens in ((scripts["llm.wait-for-base"], True), (f"target=http://{address}/ready\n", False)):
        file = tmp_path / "settings"
        text = "".join(f"{line}\n" for line in asked.splitlines() if line.startswith("target="))
        file.write_text(text.replace("base-ready:8000", address) + "timeout=1\n")
        command = [str(BUSYBOX), "sh", "-c", scripts["wait.sh"], "wait.sh", str(file)]
        ran = subprocess.run(command, env={"BUSYBOX": str(BUSYBOX)}, capture_output=True, text=True, timeout=30)
        assert (ran.returncode == 0) is opens, ran.stdout
    proxy.close()
    assert read[0] == b""
    assert any(sent.startswith(b"GET ") for sent in read)
