"""Which gates a pod has, what they ask, and what they may do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .assemble import (
    GRAPH_NAME,
    SCRIPTS_NAME,
    Object,
    containers,
    dependency,
    env_of,
    gate_seconds,
    gate_settings,
    spec,
)
from .conftest import Render

DEPENDANT = {"a": spec(), "b": spec(), "llm": spec(dependencies=[dependency("b", envName="B_URL"), dependency("a")])}


def pod(rendered: dict[tuple[str, str], Object], name: str = "llm") -> Object:
    return rendered["Deployment", name]["spec"]["template"]["spec"]  # type: ignore[no-any-return]


def targets(rendered: dict[tuple[str, str], Object], key: str = "target") -> dict[str, str]:
    gates = [name for name in containers(pod(rendered)) if name.startswith("wait-for-")]
    return {name: gate_settings(rendered, "llm", name).get(key, "") for name in gates}


def test_one_for_each_dependency_in_order_before_all_others(render: Render) -> None:
    own = {"name": "own", "image": {"repository": "busybox", "tag": "1"}}
    services = {**DEPENDANT, "llm": {**DEPENDANT["llm"], "initContainers": [own], "proxy": {"certConfigMap": "certs"}}}
    names = [container["name"] for container in pod(render(services))["initContainers"]]
    assert names == ["wait-setup", "wait-for-b", "wait-for-a", "update-ca-certificates", "own"]


def test_it_runs_in_the_services_own_image(render: Render) -> None:
    every = containers(pod(render(DEPENDANT)))
    assert every["wait-setup"]["image"] == "docker.io/library/busybox:1.37.0-musl"
    assert every["wait-setup"]["command"] == ["cp", "/bin/busybox", "/nimhelm/busybox"]
    gate = every["wait-for-b"]
    assert gate["image"] == every["llm-ctr"]["image"]
    assert gate["command"] == ["/nimhelm/busybox", "sh", "/nimhelm-scripts/wait.sh"]
    assert env_of(gate)["BUSYBOX"] == "/nimhelm/busybox"
    assert gate["volumeMounts"] == [
        {"name": "nimhelm-scripts", "mountPath": "/nimhelm-scripts", "readOnly": True},
        {"name": "nimhelm-wait", "mountPath": "/nimhelm", "readOnly": True},
    ]


def test_without_pulling_meanwhile_it_runs_in_its_own_image(render: Render) -> None:
    rendered = pod(render(DEPENDANT, "--set", "global.nimhelm.pullWhileWaiting=false"))
    gate = containers(rendered)["wait-for-b"]
    assert "wait-setup" not in containers(rendered)
    assert gate["image"] == "docker.io/library/busybox:1.37.0-musl"
    assert gate["command"] == ["/bin/busybox", "sh", "/nimhelm-scripts/wait.sh"]
    assert [mount["name"] for mount in gate["volumeMounts"]] == ["nimhelm-scripts"]
    assert "nimhelm-wait" not in [volume["name"] for volume in rendered["volumes"]]


def test_it_passes_pod_security_restricted_and_sees_no_gpu_and_no_secret(render: Render) -> None:
    for name, container in containers(pod(render(DEPENDANT))).items():
        if name.startswith("wait-"):
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True
            assert context["runAsUser"] == 65532
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}
            assert set(container["resources"]["limits"]) == set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
        if name.startswith("wait-for-"):
            assert env_of(container)["NVIDIA_VISIBLE_DEVICES"] == "void"
            assert "NGC_API_KEY" not in env_of(container)


@pytest.mark.parametrize(
    ("wait", "target"),
    [
        ({}, "http://a-ready:8000/v1/health/ready"),
        ({"path": "healthz"}, "http://a-ready:8000/healthz"),
        ({"path": "/x?y=1&z={{ 2 }}"}, "http://a-ready:8000/x?y=1&z={{ 2 }}"),
        ({"scheme": "HTTPS"}, "tcp://a-ready:8000"),
        ({"scheme": "HTTPS", "text": "ok"}, "https://a-ready:8000/v1/health/ready"),
        ({"scheme": "HTTPS", "host": "gateway"}, "https://gateway:8000/v1/health/ready"),
        ({"path": ""}, "tcp://a-ready:8000"),
        ({"path": "", "scheme": "HTTPS"}, "tcp://a-ready:8000"),
        ({"host": "a-predictor", "port": 80}, "http://a-ready:80/v1/health/ready"),
        ({"host": "fd00::1"}, "http://[fd00::1]:8000/v1/health/ready"),
        ({"host": "[fd00::1]", "path": ""}, "tcp://[fd00::1]:8000"),
    ],
)
def test_what_it_asks(render: Render, wait: dict[str, Any], target: str) -> None:
    rendered = render({"a": spec(), "llm": spec(dependencies=[dependency("a", wait=wait)])})
    assert targets(rendered) == {"wait-for-a": target}


def test_it_asks_with_headers(render: Render) -> None:
    headers = [{"name": "Host", "value": "x"}, {"name": "Authorization", "value": 'Bearer {{ y }}: "z"'}]
    rendered = render({"a": spec(), "llm": spec(dependencies=[dependency("a", wait={"httpHeaders": headers})])})
    lines = rendered["ConfigMap", SCRIPTS_NAME]["data"]["llm.wait-for-a"].splitlines()
    assert [line for line in lines if line.startswith("header=")] == [
        "header=Host: x",
        'header=Authorization: Bearer {{ y }}: "z"',
    ]


PROBE = {"path": "/r", "port": "api"}


@pytest.mark.parametrize(
    ("probe", "wait", "target", "check"),
    [
        ({}, {}, "http://a-ready:8000/v1/health/ready", "http://a:8000/v1/health/ready"),
        ({"probe": {"httpGet": PROBE}}, {}, "http://a-ready:8000/r", "http://a:8000/r"),
        ({"probe": {"httpGet": {**PROBE, "port": 8000}}}, {}, "http://a-ready:8000/r", "http://a:8000/r"),
        ({"probe": {"httpGet": {"port": "api"}}}, {}, "http://a-ready:8000/", "http://a:8000/"),
        ({"probe": {"httpGet": {**PROBE, "port": 9000}}}, {}, "tcp://a-ready:8000", "tcp://a:8000"),
        ({"probe": {"httpGet": {**PROBE, "scheme": "HTTPS"}}}, {}, "tcp://a-ready:8000", "tcp://a:8000"),
        (
            {"probe": {"httpGet": {**PROBE, "scheme": "HTTPS"}}},
            {"text": "ok"},
            "https://a-ready:8000/r",
            "tcp://a:8000",
        ),
        ({"probe": {"tcpSocket": {"port": 8000}}}, {}, "tcp://a-ready:8000", "tcp://a:8000"),
        ({"probe": {"exec": {"command": ["x"]}}}, {}, "tcp://a-ready:8000", "tcp://a:8000"),
        (
            {"probe": {"httpGet": PROBE}, "enabled": False},
            {},
            "http://a-ready:8000/v1/health/ready",
            "http://a:8000/v1/health/ready",
        ),
        ({"probe": {"httpGet": PROBE}}, {"path": "/own"}, "http://a-ready:8000/own", "http://a:8000/r"),
        ({"probe": {"httpGet": PROBE}}, {"path": ""}, "tcp://a-ready:8000", "http://a:8000/r"),
    ],
)
def test_it_follows_the_readiness_probe(
    render: Render, probe: dict[str, Any], wait: dict[str, Any], target: str, check: str
) -> None:
    """As `helm test` does."""
    services = {"a": spec(readinessProbe=probe), "llm": spec(dependencies=[{"name": "a", "port": 8000, "wait": wait}])}
    rendered = render(services)
    assert targets(rendered) == {"wait-for-a": target}
    checks = env_of(rendered["Pod", "r-demo-test"]["spec"]["containers"][0])["CHECKS"].splitlines()
    assert checks[0] == f"a {check}"


def test_it_sends_the_headers_of_the_readiness_probe(render: Render) -> None:
    probe = {"httpGet": {**PROBE, "httpHeaders": [{"name": "X", "value": "1"}]}}
    services = {"a": spec(readinessProbe={"probe": probe}), "llm": spec(dependencies=[{"name": "a", "port": 8000}])}
    rendered = render(services)
    assert targets(rendered, "header") == {"wait-for-a": "X: 1"}
    checks = env_of(rendered["Pod", "r-demo-test"]["spec"]["containers"][0])["CHECKS"].splitlines()
    assert checks[0] == "a tcp://a:8000", "the check sends none"


def test_a_port_without_that_probe_and_a_host_outside_are_asked_for_a_connection(render: Render) -> None:
    outside = {"name": "a.example.com", "port": 8000, "external": True}
    grpc = spec(expose={"service": {"grpcPort": 9000}})
    rendered = render({"a": grpc, "llm": spec(dependencies=[{"name": "a", "port": 9000}, outside])})
    assert targets(rendered) == {
        "wait-for-a": "tcp://a-ready:9000",
        "wait-for-a-example-com": "tcp://a.example.com:8000",
    }


def test_one_that_is_optional_opens_at_once_until_its_dependency_is_on(render: Render) -> None:
    """The pod is the same one, so it need not restart when the dependency is switched on."""
    services = {"a": spec(enabled=False), "llm": spec(dependencies=[dependency("a", wait={"optional": True})])}
    off, on = render(services), render(services, "--set", "a.enabled=true")
    assert targets(off, "asleep") == {"wait-for-a": "a"}
    assert targets(on) == {"wait-for-a": "http://a-ready:8000/v1/health/ready"}
    assert targets(on, "asleep") == {"wait-for-a": ""}
    assert off["Deployment", "llm"] == on["Deployment", "llm"]
    graph = [json.loads(each["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"]) for each in (off, on)]
    assert [one["services"][-1]["dependencies"][0]["wait"] for one in graph] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ([], "1800"),
        (["--set", "global.nimhelm.waitTimeoutSeconds=3600"], "3600"),
        (["--set", "global.nimhelm.waitTimeoutSeconds=3600", "--set", "llm.wait.timeoutSeconds=60"], "60"),
    ],
)
def test_how_long_it_waits(render: Render, arguments: list[str], seconds: str) -> None:
    assert gate_seconds(render(DEPENDANT, *arguments), "llm", "wait-for-a") == (int(seconds), 1)


@pytest.mark.parametrize("switch", ["llm.wait.enabled=false", "global.nimhelm.waitEnabled=false"])
def test_all_gates_of_a_service_can_be_switched_off(render: Render, switch: str) -> None:
    rendered = pod(render(DEPENDANT, "--set", switch))
    assert "initContainers" not in rendered
    assert env_of(rendered["containers"][0])["B_URL"] == "http://b:8000", "the address stays"


def test_one_gate_can_be_switched_off(render: Render) -> None:
    dependencies = [dependency("b", wait={"enabled": False}), dependency("a")]
    rendered = render({**DEPENDANT, "llm": spec(dependencies=dependencies)})
    assert list(targets(rendered)) == ["wait-for-a"]


def test_a_name_longer_than_a_container_may_have(render: Render) -> None:
    long, longer = "xx" + "-y" * 28, "xx" + "-y" * 28 + "-z"
    rendered = render({long: spec(), longer: spec(), "llm": spec(dependencies=[dependency(long), dependency(longer)])})
    names = list(targets(rendered))
    assert len(set(names)) == 2
    assert all(len(name) <= 63 for name in names)
    assert not [name for name in names if "--" in name], "it is cut behind a dash"


def test_services_without_dependencies_have_no_gate(render: Render) -> None:
    assert "initContainers" not in pod(render({"llm": spec()}))


def test_a_cache_is_waited_for_first(render: Render) -> None:
    storage = {"nimCache": {"name": "llama", "subPath": "models", "wait": {"enabled": True, "timeoutSeconds": 60}}}
    caches = {
        "llama": {
            "source": {"ngc": {"modelPuller": "nvcr.io/nim/x:1"}},
            "storage": {"pvc": {"create": True, "size": "1Gi"}},
        }
    }
    services = {"a": spec(), "llm": spec(storage=storage, dependencies=[dependency("a")])}
    rendered = render(services, nimCaches=caches)
    assert next(iter(targets(rendered).items())) == ("wait-for-cache-llama", "cache://llama")
    gate = containers(pod(rendered))["wait-for-cache-llama"]
    assert {"name": "model-store", "mountPath": "/cache", "subPath": "models", "readOnly": True} in gate["volumeMounts"]
    assert gate_seconds(rendered, "llm", "wait-for-cache-llama") == (60, 1)


def test_names_with_dots_make_names_of_containers(render: Render) -> None:
    storage = {"nimCache": {"name": "llama-3.1-8b", "wait": {"enabled": True}}}
    caches = {
        "llama-3.1-8b": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}
    }
    llm = spec(storage=storage, dependencies=[dependency("milvus.db.svc", 19530, external=True)])
    asked = targets(render({"llm": llm}, nimCaches=caches))
    assert asked == {
        "wait-for-cache-llama-3-1-8b": "cache://llama-3.1-8b",
        "wait-for-milvus-db-svc": "http://milvus.db.svc:19530/v1/health/ready",
    }


SERVED = ("--api-versions", "security.openshift.io/v1")
CACHES = {"c": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}}


def test_nobody_has_to_grant_anything_elsewhere(render: Render) -> None:
    """A Role that grants the use of a constraint could be made only by who holds that: no admin of a namespace does."""
    for arguments in ((), SERVED):
        rendered = render(DEPENDANT, *arguments, nimCaches=CACHES)
        assert not [key for key in rendered if key[0] in ("Role", "RoleBinding")]
        assert "openshift" not in str(rendered)


def test_on_openshift_the_range_of_the_namespace_applies(render: Render) -> None:
    rendered = str(render(DEPENDANT, *SERVED, nimCaches=CACHES))
    assert not [field for field in ("runAsUser", "runAsGroup", "fsGroup") if field in rendered]
    elsewhere = str(render(DEPENDANT, *SERVED, "--set", "global.nimhelm.openshift=off", nimCaches=CACHES))
    assert "'runAsUser': 65532" in elsewhere
    assert "'fsGroup': 2000" in elsewhere


def test_constraints_of_openshift_refuse_pods_that_say_too_much(render: Render) -> None:
    there = render(DEPENDANT, *SERVED, "--set", "global.nimhelm.openshift=scc", nimCaches=CACHES)
    assert "seccompProfile" not in str(there)
    assert there["Role", "llm"]["rules"][0]["resourceNames"] == ["nonroot"]
    assert there["Role", "r-demo-nim-cache"]["rules"][0]["resourceNames"] == ["nonroot"]
    assert there["Pod", "r-demo-test"]["spec"]["securityContext"] == {"runAsNonRoot": True}


@pytest.mark.parametrize(
    "change",
    [
        "global.nimhelm.waitTimeoutSeconds=60",
        "global.nimhelm.waitPeriodSeconds=7",
        "llm.wait.timeoutSeconds=60",
        "llm.wait.onTimeout=start",
        "global.nimhelm.waitOnTimeout=start",
        "b.startupProbe.probe.failureThreshold=900",
    ],
)
def test_how_long_and_how_often_it_asks_is_no_reason_to_restart_a_pod(render: Render, change: str) -> None:
    before, after = render(DEPENDANT), render(DEPENDANT, "--set", change)
    assert before["Deployment", "llm"] == after["Deployment", "llm"]
    assert before["ConfigMap", SCRIPTS_NAME] != after["ConfigMap", SCRIPTS_NAME]


def test_its_settings_are_where_it_looks_for_them(render: Render) -> None:
    rendered = render(DEPENDANT)
    volume = next(each for each in pod(rendered)["volumes"] if each["name"] == "nimhelm-scripts")
    assert volume["configMap"]["name"] == SCRIPTS_NAME
    for name, container in containers(pod(rendered)).items():
        if name.startswith("wait-for-"):
            assert container["args"] == [f"/nimhelm-scripts/llm.{name}"]
            assert f"llm.{name}" in rendered["ConfigMap", SCRIPTS_NAME]["data"]


def test_it_asks_the_present_revision_of_a_dependency(render: Render) -> None:
    """The Service that it asks selects the pods of the revision, by a label that changes with their template."""
    before, after = render(DEPENDANT), render(DEPENDANT, "--set", "a.userID=4711")
    assert targets(before, "any") == {
        "wait-for-b": "http://b:8000/v1/health/ready",
        "wait-for-a": "http://a:8000/v1/health/ready",
    }
    for rendered in (before, after):
        labels = rendered["Deployment", "a"]["spec"]["template"]["metadata"]["labels"]
        selector = rendered["Service", "a-ready"]["spec"]["selector"]
        assert selector.items() <= labels.items()
        assert selector["nimhelm.dev/revision"]
    assert before["Service", "a-ready"]["spec"]["selector"] != after["Service", "a-ready"]["spec"]["selector"]
    for name in ("b", "llm"):
        assert before["Deployment", name] == after["Deployment", name], "who does not change does not restart"


def test_it_accepts_an_older_revision_later(render: Render) -> None:
    rendered = render(DEPENDANT)
    settings = gate_settings(rendered, "llm", "wait-for-a")
    assert settings["patience"] == "1230", "the start-up budget of the default probe"
    assert settings["peer"] == "tcp://llm-ready:8000"
    quick = render({**DEPENDANT, "a": spec(startupProbe={"probe": {"periodSeconds": 2, "failureThreshold": 30}})})
    assert gate_settings(quick, "llm", "wait-for-a")["patience"] == "60"


def test_a_service_that_nobody_waits_for_and_that_waits_for_nobody_has_no_further_service(render: Render) -> None:
    rendered = render({**DEPENDANT, "alone": spec()})
    assert ("Service", "llm-ready") in rendered
    assert ("Service", "alone-ready") not in rendered


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "fail"),
        (["--set", "global.nimhelm.waitOnTimeout=start"], "start"),
        (["--set", "global.nimhelm.waitOnTimeout=start", "--set", "llm.wait.onTimeout=fail"], "fail"),
    ],
)
def test_what_it_does_at_its_timeout(render: Render, arguments: list[str], expected: str) -> None:
    rendered = render(DEPENDANT, *arguments)
    assert targets(rendered, "ontimeout") == {"wait-for-b": expected, "wait-for-a": expected}
    services = json.loads(rendered["ConfigMap", GRAPH_NAME]["data"]["pipeline.json"])["services"]
    said = {each.get("onTimeout", "fail") for service in services for each in service["dependencies"]}
    assert said == {expected}, "nimhelm status reads it there"


def test_what_one_gate_does_at_its_timeout(render: Render) -> None:
    """Whatever the service and the chart say."""
    waits = [dependency("a", wait={"onTimeout": "start"}), dependency("b")]
    services = {"a": spec(), "b": spec(), "llm": spec(dependencies=waits, wait={"onTimeout": "fail"})}
    assert targets(render(services), "ontimeout") == {"wait-for-a": "start", "wait-for-b": "fail"}


def test_a_line_break_in_a_value_starts_no_other_setting(render: Render) -> None:
    header = {"name": "X", "value": "a\ntarget=http://evil/"}
    rendered = render({"a": spec(), "llm": spec(dependencies=[dependency("a", wait={"httpHeaders": [header]})])})
    assert targets(rendered) == {"wait-for-a": "http://a-ready:8000/v1/health/ready"}


@pytest.mark.parametrize("tool", ["argocd", "kapp", "nelm"])
def test_another_tool_keeps_the_order(render: Render, tool: str) -> None:
    """By annotations of its own; the gates between services go, and the one on a dependency outside stays."""
    services = {**DEPENDANT, "llm": spec(dependencies=[dependency("a"), dependency("milvus", 19530, external=True)])}
    rendered = render(services, "--set", f"global.nimhelm.orderFor={tool}")
    assert list(targets(rendered)) == ["wait-for-milvus"]
    annotations = rendered["Deployment", "llm"]["metadata"]["annotations"]
    assert {
        "argocd": {"argocd.argoproj.io/sync-wave": "1"},
        "kapp": {
            "kapp.k14s.io/change-group": "nimhelm.dev/llm",
            "kapp.k14s.io/change-rule.a": "upsert after upserting nimhelm.dev/a",
        },
        "nelm": {"werf.io/weight": "10", "werf.io/no-activity-timeout": "3276s"},
    }[tool].items() <= annotations.items()
    claim = rendered["PersistentVolumeClaim", "llm-pvc"]["metadata"].get("annotations", {})
    assert ("argocd.argoproj.io/sync-wave" in claim) == (tool == "argocd"), "a claim is bound once its pod is there"
