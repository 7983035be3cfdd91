"""kubectl and helm as stubs: every kind of failure is a sentence, and nothing that a user writes becomes an option."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from nimhelm.__main__ import guarded
from nimhelm.adopt.changes import TAKE_OVER, Change
from nimhelm.adopt.command import Target, adopt, take
from nimhelm.errors import KubectlError, NimhelmError
from nimhelm.kubectlerrors import Request, explain

pytestmark = pytest.mark.slow

RAG = ROOT / "examples" / "rag-pipeline.yaml"
EVIL = "--post-renderer=evil"
HELM = """#!/bin/sh
case "$1" in version) echo v4.3.0;; template) echo 'kind: ConfigMap
apiVersion: v1
metadata: {name: x}';; esac
"""
RECORDING = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
words = sys.argv[1:]
answers = {{"version": "v4.3.0", "template": "kind: ConfigMap\\nmetadata: {{name: x}}"}}
print(answers.get(words[0], '{{"items": []}}'))
"""
FAILURES = {
    "fails in silence": "exit 1",
    "an odd exit code": "exit 255",
    "killed": "kill -9 $$",
    "garbage": "echo '<html>502</html>'",
    "binary": r"printf '\377\000\376'",
    "cut off": 'echo \'{"items": [{"kind": \'',
    "another type": "echo '[1, 2'",
    "huge complaint": "head -c 3000000 /dev/zero | tr '\\0' e >&2; exit 1",
    "many lines": "yes '::error::x' | head -20000 >&2; exit 1",
    "hangs": "exec sleep 20",
    "forbidden": 'echo \'Error from server (Forbidden): pods is forbidden: User "jane" cannot list resource "pods" in API group ""'
    ' in the namespace "ai"\' >&2; exit 1',
    "forbidden by a webhook": "echo 'Error from server (Forbidden): no' >&2; exit 1",
    "unauthorized": "echo 'error: You must be logged in to the server (Unauthorized)' >&2; exit 1",
    "untrusted": "echo 'Unable to connect to the server: x509: certificate signed by unknown authority' >&2; exit 1",
    "no such host": "echo 'Unable to connect to the server: dial tcp: lookup api.corp: no such host' >&2; exit 1",
    "refused": "echo 'The connection to the server localhost:8080 was refused' >&2; exit 1",
    "escapes": r"printf 'error: \033[31mred\n::error::x\n' >&2; exit 1",
}
COMMANDS = {
    "status": ["status", "rag", "-n", "ai", "--request-timeout", "0.2s"],
    "overview": ["status", "-n", "ai", "--request-timeout", "0.2s"],
    "timeline": ["timeline", "rag", "-n", "ai", "--request-timeout", "0.2s"],
    "graph": ["graph", "rag", "-n", "ai", "--request-timeout", "0.2s"],
    "preflight": ["preflight", "CHART", "-n", "ai", "--request-timeout", "0.2s"],
    "adopt": ["adopt", "rag", "CHART", "-n", "ai"],
}


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("built")
    assert guarded(["build", str(RAG), "-o", str(folder)]) == 0
    return str(folder / "rag-pipeline")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("failure", FAILURES)
def test_every_failure_of_kubectl_is_a_sentence(
    command: str,
    failure: str,
    chart: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECTL", script(tmp_path / "kubectl", f"#!/bin/sh\n{FAILURES[failure]}\n"))
    monkeypatch.setenv("HELM", script(tmp_path / "helm", HELM))
    monkeypatch.setattr("nimhelm.kubectl.GRACE", 0.0)
    monkeypatch.setattr("nimhelm.adopt.command.REQUEST_SECONDS", 0.2)
    monkeypatch.setattr("nimhelm.adopt.resources.REQUEST_SECONDS", 0.2)
    capsys.readouterr()
    code = guarded([word.replace("CHART", chart) for word in COMMANDS[command]])
    said = capsys.readouterr().err
    assert code == 3, said
    assert said.startswith("nimhelm: ")
    assert "internal error" not in said
    assert len(said) < 2000
    assert said.rstrip("\n").replace("\n", "").isprintable()
    assert not any(row.strip().startswith("::") for row in said.splitlines())
    if command == "adopt":
        assert "--request-timeout" not in said
        assert "--kubeconfig" not in said
        assert "--from-dir" not in said


@pytest.mark.parametrize("tool", ["KUBECTL", "HELM"])
@pytest.mark.parametrize("kind", ["absent", "not executable", "a folder", "no program"])
def test_a_tool_that_cannot_run(
    tool: str, kind: str, chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tool"
    if kind == "a folder":
        path.mkdir()
    elif kind != "absent":
        path.write_text("\x00\x01")
        path.chmod(0o755 if kind == "no program" else 0o644)
    monkeypatch.setenv("KUBECTL", script(tmp_path / "kubectl", "#!/bin/sh\nexit 1\n"))
    monkeypatch.setenv("HELM", script(tmp_path / "helm", HELM))
    monkeypatch.setenv(tool, str(path))
    for command in ("preflight", "adopt"):
        if (tool, command) != ("HELM", "preflight"):
            assert guarded([word.replace("CHART", chart) for word in COMMANDS[command]]) == 3
    if tool == "HELM":
        assert guarded(["diff", "--release", "rag", chart]) == 3


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the tools were asked: a list of their words for each call."""
    log = tmp_path / "asked"
    for tool in ("KUBECTL", "HELM"):
        text = RECORDING.format(python=sys.executable, log=str(log))
        monkeypatch.setenv(tool, script(tmp_path / tool, text))
    return lambda: [json.loads(row) for row in log.read_text().splitlines()]


def test_no_word_of_a_user_is_an_option_of_a_tool(asked: Any, chart: str, tmp_path: Path) -> None:
    """Behind the checks of the command line, where the tools are started."""
    import click

    from nimhelm.completion import complete_releases
    from nimhelm.diff.sides import Cluster, own_values, release_side
    from nimhelm.graph.command import Where, show_graph
    from nimhelm.preflight.command import Options, preflight
    from nimhelm.status.cluster import read_release

    def preflight_here(options: Options) -> None:
        """With the values file in the folder: preflight reads it before it asks a tool."""
        folder = tmp_path / "here"
        folder.mkdir()
        (folder / EVIL).write_text("{}")
        with contextlib.chdir(folder):
            preflight(options)

    target = Target(EVIL, chart, EVIL, EVIL, (EVIL,))
    change = Change("Deployment", EVIL, TAKE_OVER)
    context = click.Context(click.Command("x"))
    context.params = {"namespace": EVIL, "context": EVIL, "kubeconfig": EVIL}
    cluster = Cluster(EVIL, EVIL, EVIL)
    where = Where(namespace=EVIL, context=EVIL, kubeconfig=EVIL, from_dir="", request_timeout=5.0)
    wanted: Any = {
        **dict.fromkeys(("namespace", "release", "context", "kubeconfig"), EVIL), "values": (EVIL,), "sets": (EVIL,),
        "labels": (f"x={EVIL}",),
        **dict.fromkeys(("strict", "pull", "offline_objects", "create_namespace"), False), "save": "", "from_dir": "",
        "chart": chart, "output": "text", "request_timeout": 5.0,
    }  # fmt: skip
    calls = [
        lambda: adopt(target),
        lambda: take(target, [], [change], [f"nimservices.apps.nvidia.com/{EVIL}"], EVIL),
        lambda: release_side(EVIL, cluster),
        lambda: own_values(EVIL, cluster),
        lambda: read_release(EVIL, EVIL, EVIL, EVIL, 5.0),
        lambda: show_graph(("rag",), "text", where, ()),  # it asks for no word that is not a release
        lambda: preflight_here(Options(**wanted)),
        lambda: complete_releases(context, click.Option(["-x"]), ""),
    ]
    for call in calls:
        before = len(asked()) if (tmp_path / "asked").exists() else 0
        with contextlib.suppress(NimhelmError):
            call()
        new = asked()[before:]
        assert new
        for words in new:
            options = words[: words.index("--")] if "--" in words else words
            assert EVIL not in options, words
        assert any(EVIL in word for words in new for word in words)


@pytest.mark.parametrize(
    ("request_", "complaint", "sentence", "hint"),
    [
        (
            Request("deployment llm", "patch"),
            "error: broken",
            "kubectl cannot patch deployment llm: broken",
            "cluster-info",
        ),
        (
            Request("pods", by_hand="kubectl get pods"),
            "error: x",
            "kubectl cannot list pods: x",
            "by hand: kubectl get pods",
        ),
        (Request("x", "patch"), "Error from server (Forbidden): no", "you may not patch x", "can-i --list"),
        (
            Request("deployment llm", "patch"),
            'Error from server (Forbidden): deployments.apps "llm" is forbidden: User "jane" cannot patch resource "deployments"'
            ' in API group "apps" in the namespace "ai"',
            "jane may not patch deployments.apps in namespace ai",
            "kubectl auth can-i patch deployments.apps -n ai",
        ),
        (Request("x"), "dial tcp 1.2.3.4:6443: i/o timeout", "did not answer", "try again"),
        (Request("x", flags=("request-timeout",)), "i/o timeout", "did not answer", "with --request-timeout"),
        (
            Request("x", flags=("kubeconfig",)),
            "The connection to the server localhost:8080 was refused",
            "",
            "--kubeconfig",
        ),
    ],
)
def test_errors_carry_the_verb(request_: Request, complaint: str, sentence: str, hint: str) -> None:
    error = explain(complaint, request_, 1)
    assert sentence in str(error)
    assert hint in error.hint


def test_adopt_says_what_it_could_not_do(chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL", script(tmp_path / "kubectl", "#!/bin/sh\necho 'error: broken' >&2; exit 1\n"))
    with pytest.raises(KubectlError, match="kubectl cannot patch deployment llm: broken") as caught:
        take(Target("rag", chart, "ai", "prod"), [], [Change("Deployment", "llm", TAKE_OVER)], [], "10m")
    hand = "try it by hand: kubectl get deployment/llm --output=yaml --context=prod --namespace=ai"
    assert caught.value.hint == hand
