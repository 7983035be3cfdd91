"""The whole command, with a kubectl that prints lists and keeps a record of what it was asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nimhelm.__main__ import guarded
from nimhelm.preflight import rights
from nimhelm.preflight.cluster import Reach, Refusal
from nimhelm.preflight.read import apis_of
from nimhelm.preflight.render import render
from nimhelm.preflight.rights import _messages, _refusal, allows
from tests.bench_preflight import prepare
from tests.conftest import HELMS

FORBIDDEN = (
    'Error from server (Forbidden): {0} is forbidden: User "u" cannot list resource "{0}" in API group "" at the scope'
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    prepare(folder, services=3, nodes=10, pods=20)
    script = (folder / "kubectl").read_text().replace("#!/bin/sh\n", '#!/bin/sh\necho "$*" >> "${0%/*}/asked"\n')
    (folder / "kubectl").write_text(script)
    return folder


@pytest.fixture
def run(world: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("KUBECTL", str(world / "kubectl"))
    monkeypatch.setenv("HELM", str(HELMS["helm4"]))

    def call(*arguments: str) -> tuple[int, str, str]:
        (world / "asked").unlink(missing_ok=True)
        code = guarded(["preflight", str(world / "rag"), "-n", "rag", *arguments])
        return (code, *capsys.readouterr())

    return call


def test_it_holds(run: Any, world: Path) -> None:
    code, out, _ = run()
    assert code == 0
    assert "nvidia.com/gpu: 12 asked for (wave 1: 4, wave 2: 4, wave 3: 4); 16 of 16 are free now" in out
    asked = (world / "asked").read_text().splitlines()
    assert len([line for line in asked if line.startswith("get")]) == 6
    writing = [line for line in asked if line.split()[0] not in ("get", "api-resources", "api-versions", "version")]
    assert all("--dry-run=server" in line or "selfsubject" in line for line in writing)


def test_without_a_dry_run_no_object_is_sent(run: Any, world: Path) -> None:
    run("--offline-objects")
    assert "apply" not in (world / "asked").read_text()


def test_what_was_saved_is_judged_alike_and_holds_no_secret(run: Any, world: Path, tmp_path: Path) -> None:
    _, live, _ = run("-o", "json", "--save", str(tmp_path / "saved"))
    _, saved, _ = run("-o", "json", "--from-dir", str(tmp_path / "saved"))
    assert json.loads(saved) == json.loads(live)
    assert not (world / "asked").exists()
    texts = [path.read_text() for path in (tmp_path / "saved").iterdir()]
    assert not any("eA==" in text or "vvvv" in text for text in texts)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    assert run("--save", str(tmp_path / "other"))[0] == 3
    assert run("--from-dir", str(tmp_path / "other"))[0] == 3


@pytest.mark.parametrize("kind", ["nodes", "pods", "secrets"])
def test_what_is_forbidden_is_said_once(kind: str, run: Any, world: Path) -> None:
    script = (world / "kubectl").read_text()
    refusal = f"  \"get {kind}\") echo '{FORBIDDEN.format(kind)}' >&2; exit 1 ;;\n"
    (world / "kubectl").write_text(script.replace('  "get pods")', refusal + '  "get pods")', 1))
    try:
        code, out, _ = run()
    finally:
        (world / "kubectl").write_text(script)
    assert code in (0, 1)
    assert out.count(f"not checked: forbidden to list {kind}") == 1


@pytest.mark.parametrize(
    "script", ["echo '{' ; exit 0", "echo 'The connection to the server x:1 was refused' >&2; exit 1", "exit 7"]
)
def test_a_kubectl_that_fails_is_an_environment_error(
    script: str, run: Any, world: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    binary = tmp_path / "kubectl"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    monkeypatch.setenv("KUBECTL", str(binary))
    code, out, err = run()
    assert (code, out) == (3, "")
    assert "internal error" not in err
    assert "Traceback" not in err


def test_names_that_look_like_options_are_names(run: Any) -> None:
    code, _, err = run("--release", "--post-renderer=/bin/false")
    assert code in (1, 2, 3)
    assert "internal error" not in err


def test_the_table_of_kinds_is_read() -> None:
    table = "pods po v1 true Pod\nbindings v1 true Binding\ncronjobs cj batch/v2 true CronJob\n"
    found = apis_of(table, ["v1", "batch/v1", "batch/v2"], "v1.34.0")
    assert found.plurals == {
        "/Pod": "pods",
        "/Binding": "bindings",
        "batch/CronJob": "cronjobs",
    }
    assert "batch/v1/CronJob" in found.served


def test_refusals_are_told_apart() -> None:
    said = (
        "Warning: would violate\n"
        'Error from server (Forbidden): error when creating "STDIN": pods "nimhelm-preflight-1" is forbidden: exceeded quota\n'
        'The Service "llm" is invalid: \n* spec.a: bad\n* spec.b: bad\n'
    )
    found = [_refusal(message) for message in _messages(said)]
    assert [(each.kind, each.name) for each in found] == [("pods", "nimhelm-preflight-1"), ("Service", "llm")]
    assert "spec.b" in found[1].message


def test_rules_with_names_allow_only_these() -> None:
    rules = ({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]},)
    assert allows(rules, ("get", "", "secrets"), "a")
    assert not allows(rules, ("get", "", "secrets"), "b")
    assert not allows(rules, ("get", "", "secrets"))


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ("llm-service.metrics.enabled=true", "llm-service needs monitoring.coreos.com/v1/ServiceMonitor"),
        ("embedding-service.enabled=false", "llm-service depends on embedding-service, which is disabled"),
        ("llm-service.replicas=many", "replicas"),
    ],
)
def test_a_chart_that_refuses_is_rendered_as_if_the_cluster_were_unknown(
    sets: str, said: str, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else prevents the install is found in the same run."""
    monkeypatch.setenv("HELM", str(HELMS["helm4"]))
    reach = Reach(str(built / "rag-pipeline"), "rag", "team", sets=(sets,))
    rendered = render(reach, "v1.34.0", frozenset({"v1/Pod", "apiregistration.k8s.io/v1/APIService"}))
    assert said in rendered.refusal
    assert bool(rendered.of("ServiceMonitor")) == ("metrics" in sets)


def test_labels_of_the_record_need_values(run: Any) -> None:
    code, _, err = run("--labels", "team=ml,cost-center")
    assert (code, "--labels needs KEY=VALUE,..." in err) == (2, True)


def test_rules_behind_a_webhook_that_looks_for_a_controller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kueue's webhook looks for the ReplicaSet, which a dry run does not have. What other rules say comes after it."""

    def refusals(_: object, pods: list[dict[str, Any]]) -> tuple[Refusal, ...]:
        owned = any(owner["controller"] for pod in pods for owner in pod["metadata"]["ownerReferences"])
        said = 'ReplicaSet.apps "nimhelm-preflight" not found' if owned else "exceeded quota"
        return (Refusal("pods", "nimhelm-preflight-0", said),)

    monkeypatch.setattr(rights, "_refusals", refusals)
    pod = {
        "kind": "Pod",
        "metadata": {"name": "nimhelm-preflight-0", "ownerReferences": [{"controller": True}]},
        "spec": {},
    }
    (found,) = rights._refused_pods(None, [pod])  # type: ignore[arg-type]
    assert found.message == "exceeded quota"
    monkeypatch.setattr(rights, "_refusals", lambda *_: ())
    assert rights._refused_pods(None, [pod]) == ()  # type: ignore[arg-type]
