"""The gate itself, run as in a pod: a busybox, its script from a rendered chart, and nothing else in its environment."""

from __future__ import annotations

import http.server
import itertools
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .assemble import SCRIPTS_NAME, clock, dependency, objects, pauses, spec, umbrella

BUSYBOX = shutil.which("busybox")
pytestmark = pytest.mark.skipif(
    not BUSYBOX and not os.environ.get("CI"), reason="needs a busybox (apt-get install busybox-static)"
)
Answer = Callable[[http.server.BaseHTTPRequestHandler], int]


@pytest.fixture(scope="module")
def script(helm4, tmp_path_factory) -> str:  # type: ignore[no-untyped-def]
    """The script as a pod mounts it."""
    chart = umbrella(tmp_path_factory.mktemp("gate"), {"a": spec(), "b": spec(dependencies=[dependency("a")])})
    return str(objects(helm4.template(chart).stdout)["ConfigMap", SCRIPTS_NAME]["data"]["wait.sh"])


@pytest.fixture
def server() -> Iterator[Callable[[Answer], int]]:
    """server(answer) -> port; `answer` gives the status for each request."""
    running = []

    def start(answer: Answer) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status = answer(self)
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        running.append(listening)
        return listening.server_address[1]

    yield start
    for each in running:
        each.shutdown()
        each.server_close()


@pytest.fixture(autouse=True)
def settings(tmp_path: Path) -> Path:
    """The folder of the file with a gate's settings."""
    Settings.folder = tmp_path
    return tmp_path


class Settings:
    folder: Path


def write_settings(target: str, timeout: int, period: int = 1, **more: str) -> Path:
    """Write the file that a gate reads; of `more`, each line of a value is a setting of its own."""
    file = Settings.folder / "settings"
    given = [("target", target), ("timeout", str(timeout)), ("period", str(period))]
    given += [(key, line) for key, value in more.items() for line in value.split("\n")]
    file.write_text("".join(f"{key}={value}\n" for key, value in given))
    return file


def gate(
    script: str, target: str, timeout: int = 2, period: int = 1, env: dict[str, str] | None = None, **more: str
) -> subprocess.Popen[str]:
    file = write_settings(target, timeout, period, **more)
    environment = {"BUSYBOX": str(BUSYBOX), **(env or {})}
    return subprocess.Popen(
        [str(BUSYBOX), "sh", "-c", script, "wait.sh", str(file)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def run(
    script: str, target: str, timeout: int = 2, env: dict[str, str] | None = None, **more: str
) -> tuple[int, list[str]]:
    """-> (exit code, lines of the log)."""
    process = gate(script, target, timeout, env=env, **more)
    log, _ = process.communicate(timeout=30)
    return process.returncode, log.splitlines()


def opened(target: str) -> list[tuple[int, list[str]]]:
    """What a gate says of a target that answers at once. On a busy machine the first answer comes in the next second."""
    return [(0, [f"waiting for {target} (timeout 2s)", f"ready after {seconds}s"]) for seconds in (0, 1)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_200_opens_it(script: str, server: Callable[[Answer], int]) -> None:
    url = f"http://127.0.0.1:{server(lambda _: 200)}/v1/health/ready"
    assert run(script, url) in opened(url)


def test_it_waits_for_the_200(script: str, server: Callable[[Answer], int]) -> None:
    start = time.monotonic()
    port = server(lambda _: 200 if time.monotonic() > start + 2.5 else 503)
    code, log = run(script, f"http://127.0.0.1:{port}/ready", timeout=20)
    assert code == 0
    assert log[1] in ("not ready after 0s: status 503", "not ready after 1s: status 503")
    assert len(log) == 3, "the same answer is logged once a minute"
    assert log[2] in ("ready after 3s", "ready after 4s")


def test_its_last_line_says_why_it_gave_up(script: str, server: Callable[[Answer], int]) -> None:
    url = f"http://127.0.0.1:{server(lambda _: 503)}/ready"
    code, log = run(script, url)
    assert code == 1
    assert log[-1] == f"timed out after 2s waiting for {url}: status 503"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_opens_it(script: str, server: Callable[[Answer], int], status: int) -> None:
    """As it does the kubelet's probe."""
    assert run(script, f"http://127.0.0.1:{server(lambda _: status)}/ready", timeout=1)[0] == 0


@pytest.mark.parametrize("status", [304, 400, 401, 404, 500])
def test_nothing_else_opens_it(script: str, server: Callable[[Answer], int], status: int) -> None:
    code, log = run(script, f"http://127.0.0.1:{server(lambda _: status)}/ready", timeout=1)
    assert code == 1
    assert log[-1].endswith(f": status {status}" + (", a redirect" if status == 304 else ""))


def test_a_redirect_counts_as_where_it_leads(script: str, server: Callable[[Answer], int]) -> None:
    assert run(script, f"http://127.0.0.1:{server(lambda r: 302 if r.path == '/ready' else 200)}/ready")[0] == 0
    assert run(script, f"http://127.0.0.1:{server(lambda r: 302 if r.path == '/ready' else 503)}/ready", 1)[0] == 1


def test_nobody_there(script: str) -> None:
    code, log = run(script, f"http://127.0.0.1:{free_port()}/ready", timeout=1)
    assert code == 1
    assert log[-1].endswith("wget: can't connect to remote host (127.0.0.1): Connection refused")


def test_no_such_name(script: str) -> None:
    code, log = run(script, "http://no-such-service.invalid:8000/ready", timeout=1)
    assert code == 1
    assert "bad address" in log[-1]


def test_a_server_that_never_answers_does_not_hold_it(script: str, server: Callable[[Answer], int]) -> None:
    def never(_: http.server.BaseHTTPRequestHandler) -> int:
        time.sleep(8)
        return 200

    code, log = run(script, f"http://127.0.0.1:{server(never)}/ready", timeout=3)
    assert code == 1
    assert log[-1].endswith(": no answer within 5s")
    assert "Terminated" not in log


def test_a_text_of_the_body(script: str) -> None:
    """A frontend may answer 200 while none of its workers is there."""
    bodies = [b'{"status": "unhealthy"}', b'{"status": "healthy"}']
    asked: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[min(len(asked) // 2, 1)]
            asked.append(body)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    target = f"http://127.0.0.1:{listening.server_address[1]}/health"
    code, lines = run(script, target, timeout=20, text='"healthy"')
    assert code == 0
    assert any('status 200, without the text "healthy"' in line for line in lines)
    assert run(script, target, text="absent")[0] == 1
    listening.shutdown()
    listening.server_close()


def test_headers_and_no_proxy(script: str, server: Callable[[Answer], int]) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: http.server.BaseHTTPRequestHandler) -> int:
        seen.append(dict(request.headers))
        return 200

    url = f"http://127.0.0.1:{server(answer)}/ready"
    headers = "Authorization: Bearer a b*c $HOME\nX-Empty: "
    assert run(script, url, env={"http_proxy": "http://127.0.0.1:1"}, header=headers)[0] == 0
    assert seen[0]["Authorization"] == "Bearer a b*c $HOME"
    assert "X-Empty" in seen[0]


def test_a_port(script: str, server: Callable[[Answer], int]) -> None:
    target = f"tcp://127.0.0.1:{server(lambda _: 503)}"
    assert run(script, target) in opened(target)


def test_a_port_that_is_closed(script: str) -> None:
    target = f"tcp://127.0.0.1:{free_port()}"
    code, log = run(script, target, timeout=1)
    assert code == 1
    assert log[-1].startswith(f"timed out after 1s waiting for {target}: ")


def test_ipv6(script: str) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
        assert run(script, f"tcp://[::1]:{listening.getsockname()[1]}")[0] == 0


def test_a_cache(script: str, tmp_path: Path) -> None:
    script = script.replace("/cache/", f"{tmp_path}/")
    assert run(script, "cache://llama", timeout=1)[1][-1] == (
        "timed out after 1s waiting for cache://llama: the caching job has not finished"
    )
    (tmp_path / ".nimhelm-complete-llama").touch()
    assert run(script, "cache://llama") in opened("cache://llama")


def test_it_ends_at_once_when_its_pod_is_deleted(script: str) -> None:
    process = gate(script, f"tcp://127.0.0.1:{free_port()}", timeout=600, period=60)
    time.sleep(1)
    begin = time.monotonic()
    process.terminate()
    try:
        assert process.wait(timeout=10) == 143
        assert time.monotonic() - begin < 2
    finally:
        # What it left behind, the end of a container takes along.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_another_timeout_counts_at_once(script: str) -> None:
    """The ConfigMap of a release changes under the pods that wait."""
    target = f"tcp://127.0.0.1:{free_port()}"
    process = gate(script, target, timeout=600)
    time.sleep(1.5)
    write_settings(target, 1)
    log, _ = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "timed out after 1s" in log.splitlines()[-1]


def test_a_long_wait_asks_less_often_and_says_so_once_a_minute(script: str, tmp_path: Path) -> None:
    process = gate(script, "cache://c", timeout=700, env={"BUSYBOX": str(clock(tmp_path, str(BUSYBOX)))})
    log = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 1
    between = pauses(tmp_path)
    assert (between[0], max(between), between[-1]) == (1, 10, 10)
    # A pause begins before the time of the last question is read, so that time may have it or not.
    assert sum(between[: between.index(2)]) in (120, 121)
    said = [int(re.search(r"after (\d+)s", line)[1]) for line in log[1:-1]]  # type: ignore[index]
    assert all(60 <= later - earlier < 80 for earlier, later in itertools.pairwise(said))


def test_no_wait_is_shorter_than_its_period(script: str, tmp_path: Path) -> None:
    busybox = str(clock(tmp_path, str(BUSYBOX)))
    process = gate(script, "cache://c", timeout=60, period=15, env={"BUSYBOX": busybox})
    process.communicate(timeout=30)
    assert set(pauses(tmp_path)) == {15}


def test_it_may_go_on_without_the_dependency(script: str) -> None:
    code, log = run(script, f"tcp://127.0.0.1:{free_port()}", timeout=1, ontimeout="start")
    assert code == 0
    assert log[-2].startswith("timed out after 1s waiting for ")
    assert log[-1] == "starting without it"


def test_an_older_revision_does_not_open_it(script: str, server: Callable[[Answer], int]) -> None:
    old = f"http://127.0.0.1:{server(lambda _: 200)}/ready"
    new = f"http://127.0.0.1:{free_port()}/ready"
    nobody = f"tcp://127.0.0.1:{free_port()}"
    assert run(script, new, timeout=2, any=old, peer=nobody, patience="600")[0] == 1


def test_an_older_revision_will_do_when_a_peer_runs(script: str, server: Callable[[Answer], int]) -> None:
    """A pod that is added, or moved to another node, is not made by an upgrade."""
    port = server(lambda _: 200)
    new = f"http://127.0.0.1:{free_port()}/ready"
    more = {"any": f"http://127.0.0.1:{port}/ready", "peer": f"tcp://127.0.0.1:{port}", "patience": "600"}
    code, log = run(script, new, timeout=9, **more)
    assert code == 0
    assert log[-1].endswith(": another pod of this service runs already")


def test_an_older_revision_will_do_when_the_new_one_has_not_come(script: str, server: Callable[[Answer], int]) -> None:
    old = f"http://127.0.0.1:{server(lambda _: 200)}/ready"
    new = f"http://127.0.0.1:{free_port()}/ready"
    code, log = run(script, new, timeout=9, any=old, patience="2")
    assert code == 0
    assert "the new revision of the dependency is not ready after" in log[-1]


def test_a_pod_of_an_older_revision_has_to_answer_as_well(script: str, server: Callable[[Answer], int]) -> None:
    old = f"http://127.0.0.1:{server(lambda _: 500)}/ready"
    new = f"http://127.0.0.1:{free_port()}/ready"
    code, log = run(script, new, timeout=1, any=old, patience="0")
    assert code == 1
    assert log[-1].startswith(f"timed out after 1s waiting for {new}: ")
    assert log[-1].endswith("Connection refused"), "of the new one it says why"


def test_a_dependency_that_may_scale_to_zero(script: str) -> None:
    code, log = run(script, f"tcp://127.0.0.1:{free_port()}", timeout=9, asleep="base")
    assert (code, log) == (
        0,
        ["base is off or may scale to zero: starting without waiting for it"],
    )


def test_a_dependency_that_may_scale_to_zero_after_an_upgrade(script: str) -> None:
    """A gate that waits already reads it in the ConfigMap."""
    target = f"tcp://127.0.0.1:{free_port()}"
    process = gate(script, target, timeout=600)
    time.sleep(1.5)
    write_settings(target, 600, asleep="base")
    log, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert log.splitlines()[-1].startswith("base is off or may scale to zero")


@contextmanager
def https(folder: Path, **context: Any) -> Iterator[str]:
    """The URL of a server with a private certificate, which answers 204."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=elsewhere", "-days", "2", "-nodes", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject], check=True, capture_output=True)
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(certificate, key)
    settings.load_verify_locations(certificate)
    for name, value in context.items():
        setattr(settings, name, value)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.socket = settings.wrap_socket(listening.socket, server_side=True)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listening.server_address[1]}/ready"
    finally:
        listening.shutdown()
        listening.server_close()


def test_https_with_a_private_certificate(script: str, tmp_path: Path) -> None:
    """Where an image brings an openssl, wget of busybox leaves TLS to it, and that would verify."""
    with https(tmp_path) as url:
        assert run(script, url, timeout=5, env={"PATH": os.environ["PATH"]})[0] == 0


def test_https_that_a_gate_cannot_speak_names_the_way_out(script: str, tmp_path: Path) -> None:
    with https(tmp_path, verify_mode=ssl.CERT_REQUIRED) as url:
        for path in (os.environ["PATH"], "/nowhere"):
            code, log = run(script, url, timeout=2, env={"PATH": path})
            assert code == 1
            assert log[-1].endswith("If TLS is the reason, leave out wait.path")
        port = url.removeprefix("https://").removesuffix("/ready")
        assert run(script, f"tcp://{port}", timeout=5)[0] == 0
    code, log = run(script, url, timeout=1, env={"PATH": "/nowhere"})
    assert code == 1
    assert "wait.path" not in log[-1], "nobody is there"
