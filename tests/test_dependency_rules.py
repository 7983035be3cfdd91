"""One table of cases for what is said of a dependency in three places: of a pipeline, of a values file, at the install.

The pipeline's rules are in rules/dependencies.py, those of values in validate_values.py, and those of the install in the
chart's guard.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Helm
from pipelines import findings, pipeline, plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.finding import Finding
from nimhelm.validate_values import chart_values, check_values_file
from nimhelm.yamlwrite import dump


class Case(NamedTuple):
    """llm depends on `name`:`port`; `target` is the spec of embed. What is wrong, or "" for nothing."""

    name: str
    port: int
    target: dict[str, Any]
    code: str
    enabled: bool = True
    said_at_install: str = ""
    optional: bool = False


METRIC = {
    "type": "External",
    "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "1"}},
}
SCALED = {"enabled": True, "hpa": {"minReplicas": 1, "maxReplicas": 2, "metrics": [METRIC]}}
# A dependency that the values add makes the start of llm longer.
PATIENT = {"progressDeadlineSeconds": 9000}
CASES = {
    "all is well": Case("embed", 8000, {}, ""),
    "not there": Case("gone", 8000, {}, "NH023", said_at_install="which is not a service of this chart"),
    "switched off": Case("embed", 8000, {}, "NH024", enabled=False, said_at_install="which is disabled"),
    "switched off, and waited for once it is on": Case("embed", 9000, {}, "", enabled=False, optional=True),
    "no replicas": Case("embed", 8000, {"replicas": 0}, "NH025", said_at_install="which has no replicas"),
    "scaled, whatever replicas says": Case("embed", 8000, {"scale": SCALED}, ""),
    "another port": Case("embed", 9000, {}, "NH026", said_at_install="which serves 8000"),
    "its port": Case("embed", 9000, {"expose": {"service": {"port": 9000}}}, ""),
    "its gRPC port": Case("embed", 50051, {"expose": {"service": {"grpcPort": 50051}}}, ""),
    "its metrics port": Case("embed", 8002, {"expose": {"service": {"metricsPort": 8002}}}, ""),
    "KServe's port": Case("embed", 80, {"inferencePlatform": "kserve"}, ""),
}


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.mark.parametrize("case", [name for name, one in CASES.items() if not one.optional], indirect=True)
def test_of_a_pipeline(case: Case) -> None:
    embed = service("embed", enabled=case.enabled, **case.target)
    llm = {**service("llm"), "dependencies": [{"name": case.name, "port": case.port}]}
    said = [one.code for one in findings(pipeline(embed, llm)) if "NH023" <= one.code <= "NH026"]
    assert said == [case.code] * bool(case.code)


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chart in which nothing is wrong, for values files to spoil."""
    made = plan(service("embed"), service("llm"))
    return write_chart(build_chart(made), tmp_path_factory.mktemp("dependencies"))


def spoiled(case: Case, folder: Path) -> Path:
    """The values file of a case."""
    wait = {"host": "embed-predictor", "port": 80} if case.target.get("inferencePlatform") else {}
    wait |= {"optional": True} if case.optional else {}
    dependency = {"name": case.name, "port": case.port, "wait": {"enabled": True, **wait}}
    values = {"embed": {"enabled": case.enabled, **case.target}, "llm": {"dependencies": [dependency], **PATIENT}}
    path = folder / "values.yaml"
    path.write_text(dump(values))
    return path


def test_of_a_values_file(case: Case, chart: Path, tmp_path: Path) -> None:
    path = spoiled(case, tmp_path)
    said = [one.code for one in check_values_file(str(path), *chart_values(chart))[0]]
    assert said == [case.code] * bool(case.code)


def test_at_the_install(case: Case, chart: Path, tmp_path: Path, helm4: Helm) -> None:
    path = spoiled(case, tmp_path)
    result = helm4.template(chart, "-f", path, check=False)
    assert bool(result.returncode) == bool(case.code)
    assert case.said_at_install in result.stderr


@pytest.mark.parametrize("wait", [{"enabled": False}, {"host": "elsewhere"}, {"port": 8000}])
def test_a_gate_that_asks_nothing_or_something_else(
    wait: dict[str, Any], chart: Path, tmp_path: Path, helm4: Helm
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump({"llm": {"dependencies": [{"name": "embed", "port": 9000, "wait": wait}], **PATIENT}}))
    assert check_values_file(str(path), *chart_values(chart))[0] == []
    helm4.template(chart, "-f", path)


def test_an_entry_of_another_type_leaves_the_others_their_place() -> None:
    llm = {**service("llm"), "dependencies": ["embed", None, {"name": "gone", "port": 80}]}
    [one] = [each for each in findings(pipeline(service("embed"), llm)) if each.code == "NH023"]
    assert "dependencies[2].name" in one.field


@pytest.mark.parametrize(
    ("name", "namespace", "hint"),
    [
        ("embed.rag.svc.cluster.local", "rag", "write embed, the name of the service"),
        ("embed.rag.svc", "", "write embed, the name of the service"),
        ("http://embed", "rag", "write embed, the name of the service"),
        ("EMBED", "rag", "write embed, the name of the service"),
        ("embed:8000", "rag", "write embed, the name of the service"),
        ("embed.other.svc.cluster.local", "rag", "add the service, or annotate the pipeline with "),
    ],
)
def test_an_address_in_place_of_a_name(name: str, namespace: str, hint: str) -> None:
    written = pipeline(service("embed"), {**service("llm"), "dependencies": [{"name": name, "port": 8000}]})
    written["metadata"]["namespace"] = namespace
    [one] = [each for each in findings(written) if each.code == "NH023"]
    assert one.hint.startswith(hint)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("embed.rag.svc", "write embed, the name of the service"),
        (
            "milvus",
            "write external: true if it is outside the chart, or set llm.wait.enabled: false to start without waiting",
        ),
    ],
)
def test_the_way_out_in_a_values_file(name: str, hint: str, chart: Path, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump({"llm": {"dependencies": [{"name": name, "port": 9000}], **PATIENT}}))
    assert [(one.code, one.hint) for one in check_values_file(str(path), *chart_values(chart))[0]] == [("NH023", hint)]


SLOW = {"startupProbe": {"probe": {"httpGet": {"path": "/r", "port": "api"}, "failureThreshold": 500}}}
WAITS = {"dependencies": [{"name": "embed", "port": 8000}]}


TOP = "global.nimhelm.waitTimeoutSeconds"


@pytest.mark.parametrize(
    ("values", "hints"),
    [
        ({"embed": SLOW, "llm": {**WAITS, **PATIENT}}, [f"set {TOP}: 6000", "set embed.progressDeadlineSeconds: 6000"]),
        ({"embed": {**SLOW, **PATIENT}, "llm": {**WAITS, **PATIENT}}, [f"set {TOP}: 6000"]),
        (
            {"embed": {**SLOW, **PATIENT}, "llm": {**WAITS, **PATIENT, "wait": {"timeoutSeconds": 60}}},
            ["set llm.wait.timeoutSeconds: 6000"],
        ),
        (
            {"embed": {**SLOW, **PATIENT}, "llm": {**WAITS, "wait": {"timeoutSeconds": 9000}}},
            ["set llm.progressDeadlineSeconds: 7476"],
        ),
        ({"embed": {**SLOW, **PATIENT}, "llm": {**WAITS, "wait": {"enabled": False}}}, []),
        ({"embed": {**SLOW, **PATIENT}, "llm": WAITS, "global": {"nimhelm": {"waitEnabled": False}}}, []),
        ({"embed": {**SLOW, **PATIENT}, "llm": WAITS, "global": {"nimhelm": {"orderFor": "argocd"}}}, []),
        ({"embed": {**SLOW, **PATIENT, "enabled": False}}, []),
        ({"embed": {"inferencePlatform": "kserve", **SLOW}}, []),
        ({"embed": SLOW | PATIENT, "llm": WAITS | PATIENT, "global": {"nimhelm": {"waitTimeoutSeconds": 5000}}}, []),
    ],
)
def test_a_start_that_outlasts_what_waits_for_it(
    values: dict[str, Any], hints: list[str], chart: Path, tmp_path: Path
) -> None:
    assert [one.hint for one in slow_starts(values, chart, tmp_path)] == hints
    for hint in hints:  # it helps
        places, _, seconds = hint.removeprefix("set ").partition(": ")
        for place in places.split(", "):
            *path, key = place.split(".")
            block = values
            for each in path:
                block = block.setdefault(each, {})
            block[key] = int(seconds)
    assert slow_starts(values, chart, tmp_path) == []


def slow_starts(values: dict[str, Any], chart: Path, folder: Path) -> list[Finding]:
    path = folder / "values.yaml"
    path.write_text(dump(values))
    return [one for one in check_values_file(str(path), *chart_values(chart))[0] if one.code == "NH108"]
