"""Start order, gates, timeouts, GPUs: everything that is derived from a pipeline."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import EXAMPLES
from pipelines import cache, loaded, pipeline, plan, service

from nimhelm.check import caches_by_name
from nimhelm.load import load_files
from nimhelm.plan import Gate, Plan, PlannedService, plan_pipeline, wait_seconds

GPU = "nvidia.com/gpu"
SCALED = {"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}}


def slow(name: str, seconds: int, *after: Any, **spec: Any) -> dict[str, Any]:
    """A service that may take that many seconds to start."""
    probe = {"httpGet": {"path": "/", "port": "api"}, "periodSeconds": 1, "failureThreshold": seconds}
    return service(name, *after, startupProbe={"probe": probe}, **spec)


def planned(plan: Plan, name: str) -> PlannedService:
    return next(service for service in plan.services if service.name == name)


def gate(plan: Plan, name: str, dependency: str) -> Gate:
    return next(gate for gate in planned(plan, name).gates if gate.name == dependency)


def test_waves_and_start_order() -> None:
    made = plan(service("d", "b", "c"), service("c", "a"), service("a"), service("b"), service("e"))
    assert made.waves == [["a", "b", "e"], ["c"], ["d"]]
    assert [one.name for one in made.services] == ["a", "b", "e", "c", "d"]
    assert [one.wave for one in made.services] == [0, 0, 0, 1, 2]


def test_a_wave_is_one_more_than_the_latest_dependency() -> None:
    assert plan(service("a"), service("b", "a"), service("c", "b"), service("d", "a", "c")).waves == [
        ["a"],
        ["b"],
        ["c"],
        ["d"],
    ]


def test_gates_stand_in_the_order_of_the_dependencies() -> None:
    made = plan(service("a"), service("b"), service("c", "b", "a"))
    assert [one.name for one in planned(made, "c").gates] == ["b", "a"]


def test_disabled_services_are_skipped() -> None:
    services = (
        service("b", "a", enabled=False),
        service("a"),
        service("c", enabled=False, resources={"limits": {GPU: 1}}),
    )
    made = plan(*services)
    assert made.waves == [["a"]]
    assert made.skipped == ("b", "c")
    everything = plan(*services, include_disabled=True)
    assert everything.waves == [["a", "c"], ["b"]]
    assert everything.skipped == ()
    assert everything.gpus == {}
    assert [one.enabled for one in everything.services] == [True, False, False]


@pytest.mark.parametrize(
    ("probe", "seconds"),
    [
        ({}, 1230),
        ({"enabled": True}, 1230),
        ({"enabled": False}, 1230),
        ({"enabled": False, "probe": {"periodSeconds": 1, "failureThreshold": 1}}, 1230),
        ({"probe": {"httpGet": {"port": "api"}}}, 30),
        ({"probe": {"initialDelaySeconds": 7, "periodSeconds": 10, "failureThreshold": 6}}, 67),
        (
            {"probe": {"initialDelaySeconds": 60, "periodSeconds": 10, "failureThreshold": 360, "timeoutSeconds": 99}},
            3660,
        ),
    ],
)
def test_the_start_up_of_a_service(probe: dict[str, Any], seconds: int) -> None:
    assert plan(service("a", startupProbe=probe)).services[0].startup_seconds == seconds


@pytest.mark.parametrize(
    ("platform", "mode", "seconds"),
    [
        ("kserve", "Knative", 330),
        ("kserve", "Serverless", 330),
        ("kserve", "RawDeployment", 1230),
        ("standalone", "Knative", 1230),
    ],
)
def test_the_start_up_under_kserve(platform: str, mode: str, seconds: int) -> None:
    annotations = {"serving.kserve.io/deploymentMode": mode}
    assert (
        plan(service("a", inferencePlatform=platform, annotations=annotations)).services[0].startup_seconds == seconds
    )


@pytest.mark.parametrize(
    ("chain", "seconds"), [(0, 1800), (1230, 1800), (1500, 1800), (1501, 1802), (2460, 2952), (3661, 4394)]
)
def test_a_gate_waits_a_fifth_longer_and_half_an_hour_at_least(chain: int, seconds: int) -> None:
    assert wait_seconds(chain) == seconds


def test_a_gate_outlasts_the_longest_chain_up_to_its_dependency() -> None:
    made = plan(slow("a", 2000), slow("b", 500), slow("c", 1000, "b", "a"), slow("d", 100, "c", "b"))
    assert gate(made, "c", "a").timeout_seconds == 2400
    assert gate(made, "c", "b").timeout_seconds == 1800
    assert gate(made, "d", "c").timeout_seconds == 3600  # 1.2 x (2000 + 1000)
    assert gate(made, "d", "b").timeout_seconds == 1800


def test_progress_covers_the_gates_and_the_own_start_up() -> None:
    made = plan(slow("a", 2000), slow("c", 3000, "a"), slow("d", 100, "c", "a"))
    assert {one.name: one.progress_deadline_seconds for one in made.services} == {
        "a": 2400,  # 1.2 x 2000
        "c": 2400 + 3600,  # its gate, then 1.2 x 3000
        "d": 6000 + 1800,  # 1.2 x (2000 + 3000), then half an hour at least
    }
    assert made.timeout_seconds == 7800


def test_the_timeout_does_not_count_disabled_services() -> None:
    services = (slow("a", 100), slow("b", 9000, enabled=False))
    assert plan(*services, include_disabled=True).timeout_seconds == 1800
    assert plan(service("b", enabled=False)).timeout_seconds == 0


def edge(name: str, port: int = 8000, **fields: Any) -> dict[str, Any]:
    return {"name": name, "port": port, **fields}


PORTS = {"service": {"port": 8000, "grpcPort": 8001, "metricsPort": 8002}}


@pytest.mark.parametrize(
    ("target", "port", "asked"),
    [
        ({}, 8000, "http://a:8000/v1/health/ready"),
        ({"expose": {"service": {"port": 9000}}}, 9000, "http://a:9000/v1/health/ready"),
        ({"expose": PORTS}, 8001, "tcp://a:8001"),
        ({"expose": PORTS}, 8002, "tcp://a:8002"),
        (
            {"readinessProbe": {"probe": {"httpGet": {"path": "/healthz", "port": "api"}}}},
            8000,
            "http://a:8000/healthz",
        ),
        ({"readinessProbe": {"probe": {"httpGet": {"path": "healthz", "port": 8000}}}}, 8000, "http://a:8000/healthz"),
        ({"readinessProbe": {"probe": {"httpGet": {"port": 8000}}}}, 8000, "http://a:8000/"),
        (
            {"readinessProbe": {"probe": {"httpGet": {"path": "/r", "port": "api", "scheme": "HTTPS"}}}},
            8000,
            "https://a:8000/r",
        ),
        ({"readinessProbe": {"probe": {"httpGet": {"path": "/r", "port": 8080}}}}, 8000, "tcp://a:8000"),
        (
            {"expose": PORTS, "readinessProbe": {"probe": {"httpGet": {"path": "/r", "port": "api"}}}},
            8001,
            "tcp://a:8001",
        ),
        ({"readinessProbe": {"probe": {"tcpSocket": {"port": 8000}}}}, 8000, "tcp://a:8000"),
        ({"readinessProbe": {"probe": {"exec": {"command": ["x"]}}}}, 8000, "tcp://a:8000"),
        (
            {"readinessProbe": {"enabled": False, "probe": {"httpGet": {"path": "/r", "port": "api"}}}},
            8000,
            "http://a:8000/v1/health/ready",
        ),
        ({"inferencePlatform": "kserve"}, 8000, "http://a-predictor:80/v1/health/ready"),
        ({"inferencePlatform": "kserve"}, 80, "http://a-predictor:80/v1/health/ready"),
    ],
)
def test_what_a_gate_asks(target: dict[str, Any], port: int, asked: str) -> None:
    assert asks(gate(plan(service("a", **target), service("b", edge("a", port))), "b", "a")) == asked


def asks(found: Gate) -> str:
    """What a gate asks, as a URL."""
    host, port = found.host or found.name, found.wait_port or found.port
    return f"{found.scheme.lower()}://{host}:{port}{found.path}" if found.path else f"tcp://{host}:{port}"


def test_an_external_dependency_is_a_tcp_connect() -> None:
    made = plan(service("b", edge("milvus", 19530)), annotations={"nimhelm.dev/external-dependencies": "milvus"})
    assert made.waves == [["b"]]
    found = gate(made, "b", "milvus")
    assert (asks(found), found.external, found.timeout_seconds) == ("tcp://milvus:19530", True, 1800)


def test_the_variable_of_a_dependency() -> None:
    made = plan(service("a"), service("b", edge("a", envName="A", envValue="x")), service("c", edge("a", envName="A")))
    assert (gate(made, "b", "a").env_name, gate(made, "b", "a").env_value) == ("A", "x")
    assert (gate(made, "c", "a").env_name, gate(made, "c", "a").env_value) == ("A", "")


@pytest.mark.parametrize(
    ("spec", "one_pod", "total"),
    [
        ({}, {}, {}),
        ({"resources": {"requests": {GPU: "1"}}}, {GPU: 1}, {GPU: 1}),
        ({"resources": {"limits": {GPU: 2}}, "replicas": 3}, {GPU: 2}, {GPU: 6}),
        ({"resources": {"limits": {GPU: 0}}}, {}, {}),
        ({"resources": {"limits": {GPU: 2}}, "replicas": 0}, {GPU: 2}, {GPU: 0}),
        ({"resources": {"limits": {"cpu": 4, "hugepages-2Mi": "4Mi", "nvidia.com/mig-1g.5gb": 2}}}, {"nvidia.com/mig-1g.5gb": 2},
         {"nvidia.com/mig-1g.5gb": 2}),
            ({"resources": {"limits": {GPU: 1}}, "scale": SCALED}, {GPU: 1}, {GPU: 2}),
        ({"resources": {"limits": {GPU: 8}}, "multiNode": {"parallelism": {"pipeline": 3}}}, {GPU: 24}, {GPU: 24}),
        ({"resources": {"limits": {GPU: 8}}, "multiNode": {"parallelism": {"pipeline": 1}}}, {GPU: 8}, {GPU: 8}),
    ],
)  # fmt: skip
def test_gpus(spec: dict[str, Any], one_pod: dict[str, int], total: dict[str, int]) -> None:
    made = plan(service("a", **spec))
    assert made.services[0].gpus == one_pod
    assert made.gpus == total


def test_replicas() -> None:
    made = plan(
        service("a"),
        service("b", replicas=3),
        service("c", scale=SCALED),
        service("d", scale={"enabled": True, "hpa": {"maxReplicas": 4}}),
        service("e", scale={**SCALED, "enabled": False}),
    )
    assert [(one.replicas, one.max_replicas) for one in made.services] == [(1, 1), (3, 3), (2, 4), (1, 4), (1, 1)]


@pytest.mark.parametrize(("most", "replicas"), [("3", 3), ("0", 1), ("", 1), ("many", 1), (None, 1)])
def test_knative_grows_to_max_scale(most: str | None, replicas: int) -> None:
    mode = {"serving.kserve.io/deploymentMode": "Knative", "autoscaling.knative.dev/max-scale": most}
    annotations = {key: value for key, value in mode.items() if value is not None}
    (made,) = plan(service("a", inferencePlatform="kserve", annotations=annotations)).services
    assert (made.replicas, made.max_replicas) == (1, replicas)


def with_cache(document: dict[str, Any], wanted: dict[str, Any], **spec: Any) -> Plan:
    files = loaded(pipeline(service("llm", **{"storage": {"nimCache": wanted}, **spec})), document)
    return plan_pipeline(files.pipelines[0], caches_by_name(files))


PROFILES = {
    "profiles": [
        {"name": "tp4", "config": {"tp": "4"}},
        {"name": "old", "config": {"tensorParallelism": "2"}},
        {"name": "x"},
    ]
}


@pytest.mark.parametrize(
    ("profile", "spec", "wanted"),
    [
        ("tp4", {}, {GPU: 4}),
        ("old", {}, {GPU: 2}),
        ("x", {}, {GPU: 1}),
        ("unlisted", {}, {}),
        ("tp4", {"resources": {"limits": {GPU: 1}}}, {GPU: 1}),
        ("tp4", {"draResources": [{"resourceClaimName": "a"}]}, {}),
    ],
)
def test_gpus_of_a_cached_profile(profile: str, spec: dict[str, Any], wanted: dict[str, int]) -> None:
    document = {**cache(), "status": PROFILES}
    made = with_cache(document, {"name": "weights", "profile": profile}, **spec)
    assert made.services[0].gpus == wanted
    if wanted == {GPU: 4}:
        assert made.services[0].spec["resources"] == {"limits": {GPU: "4"}, "requests": {GPU: "4"}}


HF = {
    "endpoint": "https://huggingface.co",
    "namespace": "meta",
    "modelName": "llama",
    "modelPuller": "a/b:1",
    "pullSecret": "p",
    "authSecret": "s",
}


@pytest.mark.parametrize(
    ("spec", "link"),
    [
        ({}, {"claimName": "weights-pvc", "source": "ngc"}),
        (
            {"storage": {"pvc": {"name": "shared", "subPath": "a"}}},
            {"claimName": "shared", "subPath": "a", "source": "ngc"},
        ),
        ({"source": {"hf": HF}}, {"claimName": "weights-pvc", "source": "hf", "modelPath": "hf://meta/llama"}),
        ({"source": {"dataStore": HF}}, {"claimName": "weights-pvc", "source": "dataStore"}),
        (
            {"source": {"ngc": {"modelPuller": "a:1", "authSecret": "s", "modelEndpoint": "https://x.example.com"}}},
            {"claimName": "weights-pvc", "source": "ngcModelEndpoint"},
        ),
    ],
)
def test_what_a_service_knows_of_its_cache(spec: dict[str, Any], link: dict[str, str]) -> None:
    made = with_cache(cache(**spec), {"name": "weights"})
    wait = {"enabled": True, "timeoutSeconds": 7200}
    assert made.services[0].spec["storage"]["nimCache"] == {"name": "weights", **link, "wait": wait}
    assert list(made.caches) == ["weights"]


def test_a_cache_that_the_chart_fills_is_waited_for() -> None:
    using = slow("llm", 2000, storage={"nimCache": {"name": "weights"}})
    files = loaded(pipeline(using, slow("last", 100, "llm")), cache())
    made = plan_pipeline(files.pipelines[0], caches_by_name(files))
    assert planned(made, "llm").progress_deadline_seconds == 7200 + 2400
    assert gate(made, "last", "llm").timeout_seconds == 11040  # 1.2 x (7200 + 2000)
    assert planned(made, "last").progress_deadline_seconds == 11040 + 1800
    alone = plan(using)
    assert planned(alone, "llm").progress_deadline_seconds == 2400


def test_a_cache_that_is_elsewhere_changes_nothing() -> None:
    assert plan(service("a", storage={"nimCache": {"name": "x"}})).services[0].spec["storage"] == {
        "nimCache": {"name": "x"}
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_pipeline_itself_is_left_as_it_was(example: Any) -> None:
    document = load_files([str(example)]).pipelines[0]
    before = repr(document.data)
    made = plan_pipeline(document)
    assert repr(document.data) == before
    metadata = document.data["metadata"]
    assert (made.name, made.namespace) == (metadata["name"], metadata["namespace"])


def test_gpus_at_the_start_and_at_most() -> None:
    gpu = {"limits": {"nvidia.com/gpu": 2}}
    scaled = {"enabled": True, "hpa": {"minReplicas": 1, "maxReplicas": 4}}
    made = plan(service("a", resources=gpu, replicas=2), service("b", resources=gpu, scale=scaled))
    assert made.gpu_totals() == "6 nvidia.com/gpu, up to 12 with autoscaling"
    assert plan(service("a", resources=gpu)).gpu_totals() == "2 nvidia.com/gpu"
    assert plan(service("a")).gpu_totals() == "none"
