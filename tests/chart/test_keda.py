"""A ScaledObject of KEDA: what is rendered, what is refused, and what waits for a service that may scale to zero."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import Helm
from pipelines import plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.preflight.render import _parsed
from nimhelm.validate_values import chart_values, check_values_file
from nimhelm.yamlwrite import dump

from .assemble import GRAPH_NAME, SCRIPTS_NAME, dependency, spec
from .conftest import Render

CRD = yaml.safe_load((Path(__file__).parent / "scaledobject.yaml").read_text())
QUEUE = {
    "type": "prometheus",
    "metadata": {"serverAddress": "http://prometheus:9090", "query": "{{ up }}", "threshold": "5"},
}
CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
ON_CLUSTER = ("--api-versions", "apiregistration.k8s.io/v1")
KEDA = ("--api-versions", "keda.sh/v1alpha1/ScaledObject")


def scaled(**keda: Any) -> dict[str, Any]:
    """Values of scale with a ScaledObject."""
    return {"scale": {"keda": {"enabled": True, "maxReplicaCount": 4, "triggers": [QUEUE], **keda}}}


def test_a_scaled_object_takes_the_place_of_the_autoscaler(render: Render) -> None:
    assert not [kind for kind, _ in render({"llm": spec()}) if kind == "ScaledObject"]
    more = {"fallback": {"failureThreshold": 3, "replicas": 2}, "advanced": {"restoreToOriginalReplicaCount": True}}
    times = {"pollingInterval": 15, "cooldownPeriod": 2000000, "initialCooldownPeriod": 900, "idleReplicaCount": 0}
    named = {**QUEUE, "name": "queue", "authenticationRef": {"name": "a", "kind": "ClusterTriggerAuthentication"}}
    values = scaled(minReplicaCount=2, triggers=[named, CPU], **times, **more)
    values["scale"]["annotations"] = {"autoscaling.keda.sh/paused": "true"}
    rendered = render({"llm": spec(**values, annotations={"team": "ml"})})
    made = rendered["ScaledObject", "llm"]
    jsonschema.validate(made["spec"], CRD)
    assert made["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llm"}
    assert made["spec"]["triggers"][0]["metadata"]["query"] == "{{ up }}"
    assert {"minReplicaCount": 2, "maxReplicaCount": 4, **times, **more}.items() <= made["spec"].items()
    assert made["metadata"]["annotations"] == {"autoscaling.keda.sh/paused": "true", "team": "ml"}
    assert ("HorizontalPodAutoscaler", "llm") not in rendered
    assert rendered["Deployment", "llm"]["spec"]["replicas"] == 2


def test_one_pod_stays_unless_somebody_says_otherwise(render: Render) -> None:
    rendered = render({"llm": spec(**scaled())})
    jsonschema.validate(rendered["ScaledObject", "llm"]["spec"], CRD)
    assert rendered["ScaledObject", "llm"]["spec"]["minReplicaCount"] == 1


def test_an_upgrade_leaves_the_number_of_pods_to_keda(render: Render) -> None:
    on_cluster = render({"llm": spec(**scaled())}, *ON_CLUSTER, *KEDA)["Deployment", "llm"]["spec"]
    assert "replicas" not in on_cluster
    assert on_cluster["strategy"]["type"] == "RollingUpdate"


REFUSED = {
    "an HPA as well": ({"scale": {**scaled()["scale"], "enabled": True, "hpa": {"maxReplicas": 2}}}, "two autoscalers"),
    "a fixed number": ({**scaled(), "replicas": 2}, "set llm.replicas=null, or .scale.keda.enabled=false"),
    "no upper bound": (scaled(maxReplicaCount=None), "set llm.scale.keda.maxReplicaCount"),
    "bounds": (scaled(minReplicaCount=2, maxReplicaCount=1), "minReplicaCount 2 above maxReplicaCount 1"),
    "idle at the minimum": (scaled(minReplicaCount=0, idleReplicaCount=0), "leave out llm.scale.keda.idleReplicaCount"),
    "no trigger": (scaled(triggers=[]), "set llm.scale.keda.triggers"),
    "nothing left to measure": (scaled(minReplicaCount=0, triggers=[CPU]), "or set .minReplicaCount=1"),
    "nodes": ({**scaled(), "multiNode": {"parallelism": {"pipeline": 2, "tensor": 1}}}, "llm is a LeaderWorkerSet"),
    "KServe": ({**scaled(), "inferencePlatform": "kserve"}, "llm is a InferenceService"),
    "a shared device": (
        {**scaled(), "draResources": [{"resourceClaimName": "x"}]},
        "shares one claim among several replicas",
    ),
}


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = plan(service("base", replicas=None), service("llm", "base"))
    return write_chart(build_chart(made), tmp_path_factory.mktemp("keda"))


@pytest.mark.parametrize("case", REFUSED)
def test_refused(refusal: Callable[..., str], chart: Path, tmp_path: Path, case: str) -> None:
    values, sentence = REFUSED[case]
    assert sentence in refusal({"llm": spec(**values)})
    found = findings(chart, tmp_path, {"llm": values})
    assert {one.code for one in found if one.severity == "error"} & {"NH060", "NH064", "NH120", "NH131"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"maxReplicas": 4},
        {"minReplicaCount": "1"},
        {"triggers": [{"type": "cron"}]},
        {"triggers": [{"type": "cron", "metadata": {"desiredReplicas": 4}}]},
        {"triggers": [{**CPU, "metricType": "Average"}]},
        {"idleReplicaCount": 1},
    ],
    ids=str,
)
def test_its_values_are_strict(
    refusal: Callable[..., str], chart: Path, tmp_path: Path, wrong: dict[str, Any], helm: Helm
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump({"llm": scaled(**wrong)}))
    assert helm.template(chart, "-f", path, check=False).returncode
    assert [
        one
        for one in check_values_file(str(path), *chart_values(chart))[0]
        if one.code in ("NH010", "NH011", "NH012", "NH013")
    ]


def test_a_cluster_without_keda(refusal: Callable[..., str], render: Render) -> None:
    assert "llm needs keda.sh/v1alpha1/ScaledObject" in refusal({"llm": spec(**scaled())}, *ON_CLUSTER)
    left_out = render({"llm": spec(**scaled())}, *ON_CLUSTER, nimhelm={"skipMissingKinds": True})
    assert ("ScaledObject", "llm") not in left_out


@pytest.mark.parametrize(
    ("values", "sleeps"),
    [
        (scaled(), False),
        (scaled(minReplicaCount=0), True),
        (scaled(minReplicaCount=2, idleReplicaCount=0), True),
        ({"scale": {"enabled": True, "hpa": {"minReplicas": 0, "maxReplicas": 2}}}, True),
        ({"scale": {"enabled": True, "hpa": {"minReplicas": 1, "maxReplicas": 2}}}, False),
    ],
    ids=str,
)
def test_a_gate_on_what_may_scale_to_zero_opens_at_once(render: Render, values: dict[str, Any], sleeps: bool) -> None:
    rendered = render({"base": spec(**values), "llm": spec(dependencies=[dependency("base")])})
    asked = rendered["ConfigMap", SCRIPTS_NAME]["data"]["llm.wait-for-base"]
    assert (asked == "asleep=base\n") == sleeps
    graph = json.loads(rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])
    of = {each["name"]: each for each in graph["services"]}
    assert of["llm"]["dependencies"][0]["wait"] is not sleeps
    assert of["base"].get("sleeps", False) is sleeps
    assert of["base"]["autoscaled"]
    [test] = [each for (kind, _), each in rendered.items() if kind == "Pod"]
    assert ("base http" in test["spec"]["containers"][0]["env"][0]["value"]) is not sleeps


def test_a_gate_with_a_host_of_its_own_asks_it(render: Render) -> None:
    asked = {
        "base": spec(**scaled(minReplicaCount=0)),
        "llm": spec(dependencies=[dependency("base", wait={"host": "x"})]),
    }
    assert "asleep" not in render(asked)["ConfigMap", SCRIPTS_NAME]["data"]["llm.wait-for-base"]


def findings(chart: Path, folder: Path, values: dict[str, Any]) -> list[Any]:
    path = folder / "spoiled.yaml"
    path.write_text(dump(values))
    return check_values_file(str(path), *chart_values(chart))[0]


@pytest.mark.parametrize("least", [0, 1])
def test_a_values_file_that_lets_a_dependency_scale_to_zero(chart: Path, tmp_path: Path, least: int) -> None:
    found = findings(chart, tmp_path, {"base": scaled(minReplicaCount=least)})
    assert [(one.code, one.severity, one.field) for one in found] == [
        ("NH036", "warning", "base.scale.keda.minReplicaCount")
    ] * (not least)
    assert not least or "set scale.keda" not in str(found)


def test_two_triggers_of_one_name(chart: Path, tmp_path: Path) -> None:
    twice = scaled(triggers=[{**QUEUE, "name": "a"}, {**CPU, "name": "a"}])
    [found] = findings(chart, tmp_path, {"llm": twice})
    assert (found.code, found.message) == ("NH064", "two triggers have the name a")


def test_preflight_counts_up_to_the_maximum(chart: Path, tmp_path: Path, helm4: Helm) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump({"llm": scaled(minReplicaCount=0)}))
    rendered = _parsed(helm4.template(chart, "-f", path, *ON_CLUSTER, *KEDA).stdout)
    [workload] = [each for each in rendered.workloads if each.name == "llm"]
    assert (workload.replicas, workload.maximum) == (0, 4)
