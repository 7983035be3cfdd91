"""What the umbrella adds to its services: the graph, the test, the notes, and that it lints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .assemble import (
    GRAPH_NAME,
    SCRIPTS_NAME,
    TEMPLATES,
    clock,
    containers,
    dependency,
    env_of,
    objects,
    pauses,
    spec,
    umbrella,
)
from .conftest import Render

if TYPE_CHECKING:
    from ..conftest import Helm

CACHE = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"name": "models"}}}
SERVICES = {
    "emb": spec(
        resources={"requests": {"nvidia.com/gpu": "1", "memory": "8Gi"}},
        storage={"nimCache": {"name": "c", "claimName": "models"}},
    ),
    "llm": spec(
        replicas=2,
        dependencies=[dependency("emb"), dependency("milvus", 19530, external=True, wait={"enabled": False})],
        startupProbe={
            "probe": {
                "httpGet": {"path": "/x", "port": "api"},
                "failureThreshold": 6,
                "periodSeconds": 20,
                "initialDelaySeconds": 5,
            }
        },
    ),
    "big": spec(
        replicas=1, multiNode={"parallelism": {"pipeline": 2, "tensor": 8}}, resources={"limits": {"nvidia.com/gpu": 8}}
    ),
    "off": spec(
        enabled=False, inferencePlatform="kserve", scale={"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 3}}
    ),
}


def graph(rendered: Any) -> Any:
    document = rendered["ConfigMap", GRAPH_NAME]
    assert document["metadata"]["labels"]["nimhelm.dev/graph"] == "true"
    assert document["metadata"]["labels"]["app.kubernetes.io/name"] == "demo"
    return json.loads(document["data"]["pipeline.json"])


def test_the_graph(render: Render) -> None:
    found = graph(render(SERVICES, nimCaches={"c": CACHE, "unused": {**CACHE, "enabled": False}}))
    assert {key: found[key] for key in ("apiVersion", "pipeline", "release", "chartVersion")} == {
        "apiVersion": "nimhelm.dev/v1",
        "pipeline": "demo",
        "release": "r",
        "chartVersion": "0.1.0",
    }
    jobs = [each.pop("job") for each in found["caches"]]
    assert [job.rsplit("-", 1)[0] for job in jobs] == ["c-job", "unused-job"]
    assert found["caches"] == [
        {"name": "c", "enabled": True, "claim": "models"},
        {"name": "unused", "enabled": False, "claim": "models"},
    ]
    emb, llm, big, off = found["services"]
    assert llm == {
        "name": "llm",
        "enabled": True,
        "workload": "Deployment",
        "wave": 1,
        "replicas": 2,
        "autoscaled": False,
        "startupSeconds": 125,
        "gpus": {},
        "cache": "",
        "authSecret": "ngc-api-key",
        "pullSecrets": ["ngc-secret"],
        "image": "nvcr.io/nim/meta/llama3:1.0.0",
        "claim": "llm-pvc",
        "dependencies": [
            {"name": "emb", "port": 8000, "external": False, "wait": True, "timeoutSeconds": 1800},
            {"name": "milvus", "port": 19530, "external": True, "wait": False, "timeoutSeconds": 0},
        ],
    }
    assert (emb["gpus"], emb["cache"], emb["claim"], emb["startupSeconds"]) == (
        {"nvidia.com/gpu": "1"},
        "c",
        "models",
        1230,
    )
    assert (big["workload"], big["gpus"]) == ("LeaderWorkerSet", {"nvidia.com/gpu": "16"})
    assert (off["enabled"], off["workload"], off["replicas"], off["autoscaled"]) == (False, "InferenceService", 2, True)


def test_the_graph_follows_the_values_of_the_install(render: Render) -> None:
    changes = "llm.enabled=false,emb.replicas=3,global.nimhelm.imageRegistry=m,global.nimhelm.waitEnabled=false"
    emb, llm, *_ = graph(render(SERVICES, "--set", changes))["services"]
    assert (llm["enabled"], llm["dependencies"][0]["wait"]) == (False, False)
    assert (emb["replicas"], emb["image"]) == (3, "m/nim/meta/llama3:1.0.0")


def test_the_test_asks_every_service_that_runs(render: Render, helm: Helm) -> None:
    services = {
        "a": spec(
            expose={"service": {"port": 9000, "grpcPort": 50051}},
            readinessProbe={"probe": {"httpGet": {"path": "ok", "port": 9000, "scheme": "HTTPS"}}},
        ),
        "b": spec(readinessProbe={"probe": {"tcpSocket": {"port": "api"}}}),
        "c": spec(inferencePlatform="kserve"),
        "none": spec(replicas=0),
        "off": spec(enabled=False),
    }
    pod = render(services, nimhelm={"checkAfterInstall": False})["Pod", "r-demo-test"]
    assert pod["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        # helm 3 would find no logs of a pod that is deleted at once
        "helm.sh/hook-delete-policy": "before-hook-creation" + (",hook-succeeded" if helm.major > 3 else ""),
    }
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    check = containers(pod["spec"])["check"]
    assert env_of(check)["CHECKS"].splitlines() == [
        "a tcp://a:9000",
        "a tcp://a:50051",
        "b tcp://b:8000",
        "c http://c-predictor:80/v1/health/ready",
    ]
    assert env_of(check)["CHECK_TIMEOUT"] == "0"


def test_its_probes_are_there_and_differ(render: Render) -> None:
    check = containers(render({"a": spec()})["Pod", "r-demo-test"]["spec"])["check"]
    commands = [check[each]["exec"]["command"] for each in ("livenessProbe", "readinessProbe")]
    assert commands[0] != commands[1]


def test_the_test_can_run_after_each_install(render: Render) -> None:
    pod = render({"a": spec(progressDeadlineSeconds=4000)}, nimhelm={"checkAfterInstall": True})["Pod", "r-demo-test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test,post-install,post-upgrade"
    assert env_of(containers(pod["spec"])["check"])["CHECK_TIMEOUT"] == "4000"
    assert pod["spec"]["activeDeadlineSeconds"] > 4000


TWO_NODES = {"parallelism": {"pipeline": 2, "tensor": 1}}
HOOKS = "test,post-install,post-upgrade"


@pytest.mark.parametrize(
    ("service", "shared", "hook"),
    [
        ({}, {}, "test"),
        ({"multiNode": TWO_NODES}, {}, HOOKS),
        ({"inferencePlatform": "kserve"}, {}, HOOKS),
        ({"multiNode": TWO_NODES, "replicas": 0}, {}, "test"),
        ({"multiNode": TWO_NODES}, {"checkAfterInstall": False}, "test"),
        ({"multiNode": TWO_NODES}, {"keepOperatorPods": True}, "test"),
        ({"multiNode": TWO_NODES}, {"keepOperatorPods": True, "checkAfterInstall": True}, HOOKS),
    ],
)
def test_it_runs_by_itself_where_helm_does_not_wait(
    render: Render, service: dict[str, Any], shared: dict[str, Any], hook: str
) -> None:
    pod = render({"a": spec(**service), "b": spec()}, nimhelm=shared)["Pod", "r-demo-test"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == hook


BUSYBOX = shutil.which("busybox")


@pytest.mark.skipif(not BUSYBOX and not os.environ.get("CI"), reason="needs a busybox (apt-get install busybox-static)")
def test_what_the_test_says(tmp_path: Path) -> None:
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/ready" else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"127.0.0.1:{server.server_address[1]}"
        checks = [f"a http://{base}/ready", f"b http://{base}/broken", f"c tcp://{base}", "d tcp://127.0.0.1:1"]
        script = (TEMPLATES / "umbrella/files/check.sh").read_text().replace("/bin/busybox", str(BUSYBOX))
        begin = time.monotonic()
        result = subprocess.run(
            [str(BUSYBOX), "sh", "-c", script],
            env={"CHECKS": "\n".join(checks), "CHECK_TIMEOUT": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        server.shutdown()
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"ok   a  http://{base}/ready"
    assert lines[1].startswith(f"FAIL b  http://{base}/broken  wget: server returned error: HTTP/1.0 503")
    assert lines[2] == f"ok   c  tcp://{base}"
    assert lines[3].startswith("FAIL d  tcp://127.0.0.1:1  ")
    assert time.monotonic() - begin < 5


@pytest.mark.skipif(not BUSYBOX and not os.environ.get("CI"), reason="needs a busybox (apt-get install busybox-static)")
@pytest.mark.parametrize(("failures", "timeout", "code", "waited"), [
    (0, 0, 0, []), (9, 0, 1, []), (2, 60, 0, [5, 5]), (9, 10, 1, [5, 5]), (9, 12, 1, [5, 5, 5]),
])  # fmt: skip
@pytest.mark.parametrize("answer", ["wget: broken", ""])
def test_the_test_asks_again_until_its_time_is_over(
    tmp_path: Path, failures: int, timeout: int, code: int, waited: list[int], answer: str
) -> None:
    script = (
        (TEMPLATES / "umbrella/files/check.sh").read_text().replace("/bin/busybox", str(clock(tmp_path, str(BUSYBOX))))
    )
    # The first requests are answered by a wget that fails.
    left = tmp_path / "left"
    left.write_text(f"{failures}\n")
    wget = f"left=$(cat {left}); echo $((left - 1)) > {left}; [ $left -le 0 ] || {{ echo '{answer}'; exit 1; }}"
    (tmp_path / "busybox").write_text((tmp_path / "busybox").read_text().replace("  *)", f"  timeout) {wget} ;;\n  *)"))
    ran = subprocess.run(
        [str(BUSYBOX), "sh", "-c", script], capture_output=True, text=True, check=False,
        env={"CHECKS": "a http://a:8000/ready", "CHECK_TIMEOUT": str(timeout), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (ran.returncode, pauses(tmp_path)) == (code, waited)
    said = f"FAIL a  http://a:8000/ready  {answer or 'no answer within 5s'}\n"
    assert ran.stdout == (said if code else "ok   a  http://a:8000/ready\n")


@pytest.mark.skipif(not BUSYBOX and not os.environ.get("CI"), reason="needs a busybox (apt-get install busybox-static)")
def test_the_test_ends_at_once_when_its_pod_is_deleted() -> None:
    script = (TEMPLATES / "umbrella/files/check.sh").read_text().replace("/bin/busybox", str(BUSYBOX))
    env = {"CHECKS": "a tcp://127.0.0.1:1", "CHECK_TIMEOUT": "600"}
    running = subprocess.Popen([str(BUSYBOX), "sh", "-c", script], env=env, start_new_session=True)
    time.sleep(1)
    running.terminate()
    try:
        assert running.wait(timeout=3) == 143, "the first process of a container has no other end"
    finally:
        os.killpg(running.pid, signal.SIGKILL)


def test_the_notes(helm4: Helm, tmp_path: Path) -> None:
    # Helm 3 shows notes only where there is a cluster.
    chart = umbrella(tmp_path, {name: SERVICES[name] for name in ("emb", "llm")})
    notes = helm4.run("install", "r", chart, "-n", "ns", "--dry-run=client").stdout.partition("NOTES:")[2]
    assert "The pipeline demo is installed as r." in notes
    assert "2 replicas; after emb" in notes
    assert "the last may take 55 minutes" in notes
    for command in (
        "nimhelm status r -n ns --watch",
        "helm test r -n ns --logs",
        "kubectl port-forward -n ns service/llm 8000:8000",
    ):
        assert command in notes


def test_charts_lint(helm: Helm, tmp_path: Path) -> None:
    chart = umbrella(tmp_path, {**SERVICES, "off": spec()}, nimCaches={"c": CACHE})
    linted = helm.run("lint", "--strict", "--with-subcharts", chart).stdout
    assert f"{1 + len(SERVICES)} chart(s) linted, 0 chart(s) failed" in linted


@pytest.mark.parametrize("name", ["umbrella", "service"])
def test_the_templates_lint_as_they_stand(helm: Helm, name: str) -> None:
    helm.run("lint", "--strict", TEMPLATES / name)


def test_a_service_alone_says_that_it_is_a_part(helm: Helm) -> None:
    said = helm.template(TEMPLATES / "service", check=False)
    assert said.returncode
    assert "service is a part of an umbrella chart, which holds its templates: install that one" in said.stderr


def test_an_umbrella_whose_services_are_all_off_renders(render: Render) -> None:
    rendered = render({"a": spec(enabled=False)})
    assert set(rendered) == {("ConfigMap", GRAPH_NAME), ("ConfigMap", SCRIPTS_NAME)}


def test_a_hundred_services_render_in_linear_time(helm4: Helm, tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        names = [f"svc-{index:03d}" for index in range(count)]
        before = {
            name: [dependency(each) for each in names[max(0, index - 2) : index]] for index, name in enumerate(names)
        }
        chart = umbrella(tmp_path, {name: spec(dependencies=before[name]) for name in names})
        begin = time.monotonic()
        assert len(objects(helm4.template(chart).stdout)) > 5 * count
        return time.monotonic() - begin

    small, large = seconds(25), seconds(100)
    assert large < 10 * max(small, 0.5), f"{small:.1f}s for 25, {large:.1f}s for 100"
