"""What the templates derive from values is what `nimhelm build` derived from the pipeline."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from conftest import EXAMPLES, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import cache, loaded, pipeline, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.check import caches_by_name
from nimhelm.convert import Options, convert_files
from nimhelm.pipeline import gate_name
from nimhelm.plan import Plan, plan_pipeline
from nimhelm.quantity import count, nanos

from .assemble import Object, containers, env_of, objects, pod_specs

if TYPE_CHECKING:
    from ..conftest import Helm

Rendered = dict[tuple[str, str], Object]


def check(plan: Plan, rendered: Rendered) -> None:
    """The graph, the gates and the check of `helm test` say what the plan says."""
    data = next(each["data"] for (kind, _), each in rendered.items() if kind == "ConfigMap" and is_graph(each))
    services = {each["name"]: each for each in json.loads(data["pipeline.json"])["services"]}
    scripts = next(each["data"] for (kind, _), each in rendered.items() if kind == "ConfigMap" and is_scripts(each))
    assert list(services) == [one.name for one in plan.services], "start order"
    for one in plan.services:
        graph = services[one.name]
        assert graph["wave"] == one.wave
        assert graph["replicas"] == one.replicas
        assert graph["startupSeconds"] == one.startup_seconds, one.spec
        assert {name: int(count) for name, count in graph["gpus"].items()} == one.gpus, one.spec
        waits = {each["name"]: each["timeoutSeconds"] for each in graph["dependencies"] if each["wait"]}
        assert waits == {gate.name: gate.timeout_seconds for gate in one.gates}
        for gate in one.gates if one.enabled else ():
            assert f"{one.name}.{gate_name(gate.name)}" in scripts
    for owner, pod in pod_specs(rendered):
        name = owner.split("/")[0].removesuffix("-lws")
        gates = next((one.gates for one in plan.services if one.name == name), ())
        asked = {each: asked_in_the_end(scripts[f"{name}.{each}"]) for each in containers(pod) if is_gate(each)}
        wanted = {gate_name(gate.name): target(gate) for gate in gates}
        assert asked.keys() == wanted.keys()
        for each, url in wanted.items():
            assert asked[each] in (url, connection(url))
    checks = next(
        (env_of(pod["containers"][0])["CHECKS"] for _, pod in pod_specs(rendered) if "CHECKS" in str(pod)), ""
    )
    asked_first = {}
    for line in checks.splitlines():
        name, url = line.split(" ")
        asked_first.setdefault(name, url)
    with_headers = {one.name for one in plan.services if "httpHeaders" in str(one.spec.get("readinessProbe"))}
    for one in plan.services:
        for gate in one.gates:
            if gate.path and gate.name in asked_first:
                url = replace(gate, path="") if gate.name in with_headers else gate
                assert asked_first[gate.name] == connection(target(url))


def target(gate: Any) -> str:
    address = f"{gate.host or gate.name}:{gate.wait_port or gate.port}"
    return f"{gate.scheme.lower()}://{address}{gate.path}" if gate.path else f"tcp://{address}"


def connection(url: str) -> str:
    """What stands for HTTPS, see the template of the gates."""
    return re.sub(r"^https://([^/]+)/.*", r"tcp://\1", url)


def is_graph(one: Object) -> bool:
    return bool(one["metadata"]["labels"].get("nimhelm.dev/graph"))


def is_scripts(one: Object) -> bool:
    return "wait.sh" in one["data"]


def is_gate(name: str) -> bool:
    return name.startswith("wait-for-") and not name.startswith("wait-for-cache-")


def render(helm: Helm, chart: Path) -> Rendered:
    return objects(helm.template(chart).stdout)


@pytest.mark.parametrize("source", [*EXAMPLES, ROOT / "tests" / "everything.yaml"], ids=lambda path: path.stem)
@pytest.mark.parametrize("whole", [False, True])
def test_pipelines(helm4: Helm, source: Path, whole: bool, tmp_path: Path) -> None:
    converted = convert_files([str(source)], Options(include_disabled=whole))
    check(converted.plans[0], render(helm4, write_chart(converted.charts[0], tmp_path)))


GET = {"httpGet": {"path": "/ready", "port": "api"}}
KNATIVE = {"serving.kserve.io/deploymentMode": "Knative"}
PROBES = st.sampled_from([
    {}, {"probe": {**GET, "failureThreshold": 6, "periodSeconds": 20, "initialDelaySeconds": 5}}, {"probe": GET},
    {"enabled": False}, {"enabled": False, "probe": {**GET, "failureThreshold": 900}}, {"probe": {"tcpSocket": {"port": 1}}},
])  # fmt: skip
AMOUNTS = st.sampled_from([1, "2", "2000m", "1k", 8, "3"])
RESOURCES = st.dictionaries(
    st.sampled_from(["nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "mykubernetes.io/x", "x.kubernetes.io/y", "rdma/hca"]),
    AMOUNTS,
    max_size=2,
).map(lambda amounts: {"limits": {**amounts, "memory": "8Gi"}})
DEVICES = st.sampled_from([[], [{"claimCreationSpec": {"devices": [{"name": "a", "count": 3}, {"name": "b"}]}}]])
NODES = {"multiNode": {"parallelism": {"pipeline": 2, "tensor": 8}}}
SCALE = {"scale": {"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 3}}}
PLATFORMS = st.sampled_from([
    {}, {}, {"annotations": KNATIVE}, {"inferencePlatform": "kserve"},
    {"inferencePlatform": "kserve", "annotations": KNATIVE}, NODES, SCALE, {"replicas": 3},
])  # fmt: skip
PORTS = st.sampled_from([{}, {"port": 9000}, {"grpcPort": 50051}, {"port": 9000, "metricsPort": 8002}])
READY = st.sampled_from([
    {}, {"probe": GET}, {"probe": {"httpGet": {"path": "x", "port": "api", "scheme": "HTTPS"}}}, {"enabled": False},
    {"probe": {"tcpSocket": {"port": "api"}}}, {"probe": {"httpGet": {"path": "/other", "port": 1}}},
])  # fmt: skip


@st.composite
def pipelines(draw: Any) -> list[Any]:
    """Services with all that facts are derived from, each after some of those before it."""
    names = [f"s{index}" for index in range(8)] + ["x" * 55, "x" * 54 + "-y"]
    made: list[Any] = []
    ports: dict[str, int] = {}
    for index, name in enumerate(names):
        exposed = draw(PORTS)
        ports[name] = exposed.get("port", 8000)
        before = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        spec = {
            "resources": draw(RESOURCES),
            "draResources": draw(DEVICES),
            "startupProbe": draw(PROBES),
            "readinessProbe": draw(READY),
            "expose": {"service": exposed},
            **draw(PLATFORMS),
        }
        if draw(st.booleans()):
            spec["storage"] = {"nimCache": {"name": "weights"}}
        after = [{"name": one, "port": ports[one]} for one in before]
        made.append({**service(name, **spec), "dependencies": after})
    return made


@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(pipelines())
def test_any_pipeline(helm4: Helm, tmp_path_factory: pytest.TempPathFactory, services: list[Any]) -> None:
    files = loaded(pipeline(*services), cache("weights"))
    plan = plan_pipeline(files.pipelines[0], caches_by_name(files))
    check(plan, render(helm4, write_chart(build_chart(plan), tmp_path_factory.mktemp("facts"))))


def asked_in_the_end(text: str) -> str:
    """What a gate asks by its settings, whatever the revision."""
    settings = dict(line.split("=", 1) for line in text.splitlines())
    return settings.get("any", settings["target"])


QUANTITIES = [
    "0", "1", "+2", ".5", "1.", "0.1", "250n", "3u", "500m", "2000m", "1k", "12345678Mi", "1.5Gi", "7P", "5E", "1Ei",
    "1e3", "1E3", "1e+06", "1e-3", 2, 1000000, 12345678901, 1.5,
]  # fmt: skip
READINGS = """\
read:
{{- range .Values.quantities }}
- [{{ include "nimhelm.v3.quantity" . }}, {{ include "nimhelm.v3.count" . }}]
{{- end }}
"""


def test_quantities_read_alike(helm: Helm, tmp_path: Path) -> None:
    """As nimhelm.quantity reads them: the guard compares sizes, and the graph counts devices."""
    chart = tmp_path / "quantities"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: quantities, version: 0.1.0}")
    (chart / "values.yaml").write_text(json.dumps({"quantities": QUANTITIES}))
    shutil.copy(ROOT / "chart-template/umbrella/templates/_values.tpl", chart / "templates")
    (chart / "templates/read.yaml").write_text(READINGS)
    read = yaml.safe_load(helm.template(chart).stdout)["read"]
    for quantity, (number, whole) in zip(QUANTITIES, read, strict=True):
        assert float(number) == pytest.approx((nanos(quantity) or 0) / 1e9), quantity
        assert int(whole) == count(quantity), quantity
