"""What kubectl is asked, and what becomes of its answers: with a stub in its place."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nimhelm import kubectl
from nimhelm.errors import KubectlError
from nimhelm.kubectlerrors import ForbiddenError, Request, UnreachableError, explain
from nimhelm.status.cluster import read_release
from tests.status.casefile import read_case, snapshot_of

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
STUB = """#!{python}
import json, os, sys
folder = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(folder, "asked"), "a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
{body}
"""
ANSWERS = """
path = os.path.join(folder, sys.argv[2] + ".json")
print(open(path).read() if os.path.exists(path) else '{"items": []}')
"""


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a kubectl with the given body; with none it answers from the case image_pull_401."""

    def install(body: str = ANSWERS) -> Path:
        binary = tmp_path / "kubectl"
        binary.write_text(STUB.format(python=sys.executable, body=body))
        binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
        for kind, objects in snapshot_of(read_case(CASES / "image_pull_401.yaml")).lists.items():
            (tmp_path / f"{kind}.json").write_text(json.dumps({"items": objects}))
        monkeypatch.setenv("KUBECTL", str(binary))
        return tmp_path

    return install


def asked(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "asked").read_text().splitlines()]


def test_passes_on_what_the_user_says(stub: Any) -> None:
    folder = stub()
    read_release("rag", "ai", "prod", "/etc/kube", 7)
    for words in asked(folder):
        assert words[0] == "get"
        assert {"--context=prod", "--namespace=ai", "--kubeconfig=/etc/kube", "--request-timeout=7s"} <= set(words)
        assert "--chunk-size=0" in words or "--raw" in words


def test_leaves_to_kubectl_what_the_user_does_not_say(stub: Any) -> None:
    folder = stub()
    read_release("rag")
    assert not [word for words in asked(folder) for word in words if word.startswith(("--context", "--name", "--kube"))]


def test_selects_only_the_release(stub: Any) -> None:
    folder = stub()
    read_release("rag")
    selectors = {words[1]: words[words.index("-l") + 1] for words in asked(folder) if "-l" in words}
    assert selectors == {
        "configmaps": "nimhelm.dev/graph=true",
        "deployments": "app.kubernetes.io/instance=rag",
        "services": "app.kubernetes.io/instance=rag",
        "secrets": "owner=helm,name=rag",
    }


def test_no_kubectl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL", "no-such-kubectl")
    with pytest.raises(KubectlError, match="there is no no-such-kubectl") as caught:
        read_release("rag")
    assert "--from-dir" in caught.value.hint


def test_kubectl_that_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL", str(tmp_path))
    with pytest.raises(KubectlError, match="cannot be run"):
        read_release("rag")


def test_answers_that_are_not_json(stub: Any) -> None:
    stub('print("hello")')
    with pytest.raises(UnreachableError, match="not JSON"):
        read_release("rag")


def test_hangs(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stub("import time; time.sleep(60)")
    monkeypatch.setattr("nimhelm.kubectl.GRACE", 0.2)
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match=r"within 0\.3 s"):
        read_release("rag", timeout=0.3)
    assert time.monotonic() - begun < 5


ALL_AT_ONCE = """
import time
open(os.path.join(folder, f"{os.getpid()}.started"), "w").close()
end = time.monotonic() + 20
while sum(name.endswith(".started") for name in os.listdir(folder)) < 9:
    if time.monotonic() > end:
        sys.exit("nobody else asks")
    time.sleep(0.02)
"""
"""Seven lists, Helm's record and the clock. Each waits until all have been asked for."""


def test_asks_for_everything_at_once(stub: Any) -> None:
    stub(ALL_AT_ONCE + ANSWERS)
    assert not read_release("rag").notes


@pytest.mark.parametrize(("minutes", "said"), [(10, "10m behind"), (-10, "10m ahead of")])
def test_the_clock_of_the_cluster_counts(stub: Any, minutes: int, said: str) -> None:
    dated = f"""
import datetime, email.utils
there = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes={minutes})
print("\\tDate: " + email.utils.format_datetime(there, usegmt=True), file=sys.stderr)
"""
    stub(dated + ANSWERS)
    found = read_release("rag")
    assert abs((found.now - datetime.now(UTC)).total_seconds() - 60 * minutes) < 10
    (note,) = [note for note in found.notes if "clock" in note]
    assert f"the clock of this machine is {said} the cluster's" in note


@pytest.mark.parametrize("date", ["Date: yesterday", "no date", ""])
def test_without_the_clock_of_the_cluster_that_of_this_machine_counts(stub: Any, date: str) -> None:
    stub(f"print({date!r}, file=sys.stderr)\n" + ANSWERS)
    found = read_release("rag")
    assert abs((found.now - datetime.now(UTC)).total_seconds()) < 10
    assert not [note for note in found.notes if "clock" in note]


def test_much_output_does_not_block(stub: Any) -> None:
    stub('print(json.dumps({"items": [{"metadata": {"name": "x" * 1000}}] * 3000}))')
    with pytest.raises(KubectlError, match="no release"):
        read_release("rag")


@pytest.mark.parametrize(
    ("complaint", "kind", "sentence"),
    [
        ("error: You must be logged in to the server (Unauthorized)", KubectlError, "does not know you"),
        ('error: context "prod" does not exist', KubectlError, "there is no context prod"),
        ("Error in configuration: context was not found for specified context: prod", KubectlError, "no context prod"),
        (
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
            UnreachableError,
            "10.0.0.1:6443 refuses",
        ),
        (
            "Unable to connect to the server: dial tcp: lookup api.corp on 10.0.0.2:53: no such host",
            UnreachableError,
            "api.corp",
        ),
        ("Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout", UnreachableError, "did not answer"),
        ("Unable to connect to the server: net/http: TLS handshake timeout", UnreachableError, "did not answer"),
        (
            "Error from server (Timeout): the server was unable to return a response in the time allotted",
            UnreachableError,
            "answer",
        ),
        ("Unable to connect to the server: EOF", UnreachableError, "broke"),
        (
            "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            KubectlError,
            "not trusted",
        ),
        (
            "Unable to connect to the server: getting credentials: exec: executable aws failed with exit code 255",
            KubectlError,
            "login",
        ),
        (
            "Error from server (TooManyRequests): the server has received too many requests",
            UnreachableError,
            "cannot answer now",
        ),
        (
            'Error from server (Forbidden): deployments.apps is forbidden: User "system:serviceaccount:ai:bot" cannot list '
            'resource "deployments" in API group "apps" in the namespace "ai"',
            ForbiddenError,
            "system:serviceaccount:ai:bot may not list deployments.apps in namespace ai",
        ),
        ("Error from server (Forbidden): no", ForbiddenError, "you may not list pods"),
        (
            'error: the server doesn\'t have a resource type "pods"',
            KubectlError,
            "kubectl cannot list pods: the server",
        ),
        ("", KubectlError, "it ended with 1 and said nothing"),
        ("E1124 03:00:00.1 1 memcache.go:265] couldn't\nerror: \x1b[31mred", KubectlError, "cannot list pods: red"),
    ],
)
def test_complaints(complaint: str, kind: type[KubectlError], sentence: str) -> None:
    error = explain(complaint, Request("pods"), 1)
    assert type(error) is kind
    assert sentence in str(error)
    assert error.hint
    assert error.exit_code == 3


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
def test_ctrl_c_in_the_middle_of_a_start_leaves_no_kubectl(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Popen that is interrupted would forget the process that it started."""
    stub("import time; time.sleep(60)")
    processes: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            processes.append(self)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(kubectl.subprocess, "Popen", Interrupted)  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        kubectl.start(kubectl.Access(), "pods", ["get", "pods"])
    assert [each.process for each in kubectl._started] == processes
    kubectl._end_all()
    assert processes[0].returncode == -signal.SIGKILL
    assert kubectl._started == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
