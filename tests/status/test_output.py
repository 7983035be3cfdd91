"""The table as people see it, and the other forms."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from nimhelm.status.cause import Cause
from nimhelm.status.causes.steadiness import Restarts
from nimhelm.status.compute import PipelineStatus, ServiceStatus, compute
from nimhelm.status.output import Style, changed_lines, display_width, rank, render
from nimhelm.status.watch import style_of
from tests.status.casefile import CASES, read_case, snapshot_of


def status(case: str) -> PipelineStatus:
    return compute(snapshot_of(read_case(Path(__file__).parent / "cases" / f"{case}.yaml")))


PULL = """\
rag-pipeline  Failed  1/3 services ready  (1m12s)
SERVICE            STATE     READY  GPU  WHY
rerank-service     Failed    0/1    1    ✗ image pull: 401 from nvcr.io for secret ngc-secret
llm-service        NotReady  0/2    2    waiting 58s of 30m for rerank-service ✗
embedding-service  Ready     1/1    1
next (rerank-service): kubectl create secret docker-registry pull-nvcr-io -n nim-service --docker-server=nvcr.io \
--docker-username='$oauthtoken' --docker-password="${NGC_API_KEY:?is not set}" --dry-run=client -o yaml | kubectl apply \
--server-side --force-conflicts --field-manager=nimhelm -f - -n nim-service && helm upgrade rag ./rag-pipeline \
--reset-then-reuse-values --set-json 'rerank-service.image.pullSecrets=["ngc-secret","pull-nvcr-io"]' -n nim-service
"""


def test_table() -> None:
    assert render(status("image_pull_401")) == PULL


def test_disabled_services_are_shown_as_such() -> None:
    rows = [row.split() for row in render(status("disabled_service")).splitlines()]
    assert ["rerank-service", "Disabled", "-", "-"] in rows


def test_rows_are_cut_to_the_terminal_and_steps_are_not() -> None:
    lines = render(status("image_pull_401"), "table", Style(width=60)).splitlines()
    assert all(display_width(line) <= 60 for line in lines[1:-1])
    assert lines[2].endswith("…")
    assert lines[-1] == PULL.splitlines()[-1]
    assert (
        " ".join(" ".join(lines[5:-1]).split()) == "rerank-service: image pull: 401 from nvcr.io for secret ngc-secret"
    )


def test_in_80_columns_the_root_cause_is_visible() -> None:
    lines = render(status("image_pull_401"), "table", Style(width=80)).splitlines()
    assert all(display_width(line) <= 80 for line in lines[:-1])
    assert "✗ image pull: 401 from nvcr.io" in lines[2]


def many(services: int) -> PipelineStatus:
    """As many ready services, and then the ones of a failed pull."""
    seen = status("image_pull_401")
    ready = next(each for each in seen.services if each.state == "Ready")
    return seen._replace(services=(*(ready._replace(name=f"s{number}") for number in range(services)), *seen.services))


def test_many_services_are_summed_up_below_the_roots() -> None:
    lines = render(many(60)).splitlines()
    assert lines[2].startswith("rerank-service ")
    assert len(lines) == 2 + 20 + 1
    assert lines[21] == "… 44 more: 44 Ready (--all shows them)"


def test_all_of_many_services_are_shown_when_asked_for() -> None:
    lines = render(many(60), "table", Style(everything=True)).splitlines()
    assert len(lines) == 2 + 63 + 1


def test_restarts_of_a_ready_service_are_shown() -> None:
    seen = status("all_ready")
    restarted = seen.services[0]._replace(restarts=Restarts(3, "OOMKilled", seen.now))
    shown = render(seen._replace(services=(restarted, *seen.services[1:])))
    assert "restarted 3 times, last: OOMKilled" in shown


def test_colour_marks_states_and_the_root() -> None:
    coloured = render(status("image_pull_401"), "table", Style(colour=True))
    assert "\x1b[31mFailed\x1b[0m" in coloured
    assert "\x1b[31m✗ image pull: 401 from nvcr.io for secret ngc-secret\x1b[0m" in coloured
    assert "\x1b[33mNotReady\x1b[0m  0/2" in coloured
    plain = coloured
    for code in ("31", "32", "33", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == PULL


def test_style_of_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert style_of(io.StringIO()) == Style()
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert style_of(ascii_only).marks == ("x", "..")
    render(status("image_pull_401"), "table", style_of(ascii_only)).encode("ascii")


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert style_of(Terminal()).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not style_of(Terminal()).colour


def test_shape_of_a_nimpipeline() -> None:
    document = json.loads(render(status("image_pull_401"), "json"))
    assert (document["apiVersion"], document["kind"]) == ("apps.nvidia.com/v1alpha1", "NIMPipeline")
    assert document["metadata"]["name"] == "rag-pipeline"
    assert document["status"]["state"] == "Failed"
    assert document["status"]["states"] == {
        "embedding-service": "Ready",
        "rerank-service": "Failed",
        "llm-service": "NotReady",
    }
    conditions = {each["type"]: each for each in document["status"]["conditions"]}
    assert conditions["NIM_PIPELINE_READY"]["status"] == "False"
    assert conditions["NIM_PIPELINE_FAILED"] == {
        "type": "NIM_PIPELINE_FAILED",
        "status": "True",
        "reason": "ServicesFailed",
        "message": "rerank-service: image pull: 401 from nvcr.io for secret ngc-secret",
        "lastTransitionTime": "2026-11-24T02:58:48Z",
    }


def words(value: Any) -> Any:
    """JSON with its booleans as YAML's base loader reads them: as text."""
    if isinstance(value, dict):
        return {key: words(each) for key, each in value.items()}
    if isinstance(value, list):
        return [words(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else value


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_yaml_and_json_say_the_same(path: Path) -> None:
    found = compute(snapshot_of(read_case(path)))
    as_yaml = yaml.load(render(found, "yaml"), Loader=yaml.BaseLoader)
    as_json = json.loads(render(found, "json"), parse_int=str)
    assert as_yaml == words(as_json)


def test_names_are_for_other_commands() -> None:
    assert (
        render(status("disabled_service"), "name") == "deployment.apps/embedding-service\ndeployment.apps/llm-service\n"
    )


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_steps_are_whole_shell_commands(path: Path) -> None:
    for service in compute(snapshot_of(read_case(path))).services:
        if service.cause and service.cause.next:
            # A step that must end with its last command goes on after Ctrl-C.
            words = shlex.split(service.cause.next.removeprefix("(trap : INT HUP; "))
            assert words[0] in ("kubectl", "helm", "docker")


def test_names_from_the_cluster_are_quoted_for_the_shell() -> None:
    case = read_case(Path(__file__).parent / "cases" / "crash_loop.yaml")
    for each in case["objects"]:
        if each["kind"] == "Pod" and each["metadata"]["name"].startswith("rerank"):
            each["status"]["containerStatuses"][0]["name"] = "x; rm -rf $HOME"
    cause = next(service.cause for service in compute(snapshot_of(case)).services if service.name == "rerank-service")
    assert cause
    assert "'x; rm -rf $HOME'" in cause.next
    assert shlex.split(cause.next)[4] == "x; rm -rf $HOME"


def test_wide_characters_keep_the_columns() -> None:
    found = status("image_pull_401")
    services = tuple(each._replace(name="埋め込み") if each.name.startswith("emb") else each for each in found.services)
    rows = render(found._replace(services=services)).splitlines()[2:5]
    starts = {
        display_width(row[: row.index(state)]) for row, state in zip(rows, ("Failed", "NotReady", "Ready"), strict=True)
    }
    assert len(starts) == 1


def test_what_others_wait_for_comes_before_what_only_is_not_steady() -> None:
    def row(name: str, state: str, ready: int, root: bool, problem: bool) -> ServiceStatus:
        return ServiceStatus(name, state, ready, 1, cause=Cause("Code", "why", state, problem=problem), root=root)

    rows = [
        row("unsteady", "NotReady", 1, root=True, problem=True),
        row("waits", "NotReady", 0, root=False, problem=False),
        row("starts", "NotReady", 0, root=True, problem=False),
        row("no-node", "Pending", 0, root=True, problem=True),
        row("broken", "Failed", 0, root=True, problem=True),
        ServiceStatus("serves", "Ready", 1, 1),
    ]
    assert [each.name for each in sorted(rows, key=rank)] == [
        "broken",
        "no-node",
        "unsteady",
        "starts",
        "waits",
        "serves",
    ]


def test_what_a_gate_hears_of_others_is_seen_at_80_columns() -> None:
    shown = render(status("gate_external_refused"), "table", Style(width=80))
    assert "the gate hears: milvus (10.0.0.9:19530): Connection refused" in " ".join(shown.split())


def test_a_log_of_the_watch_says_nothing_new_of_the_seconds_that_pass() -> None:
    case = read_case(next(path for path in CASES if path.stem == "flapping"))
    before, later = (compute(snapshot_of(case | {"now": f"2026-11-24T03:00:0{second}Z"})) for second in (0, 5))
    assert before.rows != later.rows
    assert changed_lines(before, later) == []
