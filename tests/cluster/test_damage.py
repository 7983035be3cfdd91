"""What people break by hand in a release that runs: it is named, and the printed step repairs it for good.

For good means that an upgrade works afterwards, with helm 3 and with helm 4.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .connection import wait_until
from .release import HELM3, HELM4, Release, service
from .test_status import paste

HELMS = {"helm 3": HELM3, "helm 4": HELM4}
BROKEN: dict[str, tuple[tuple[str, ...], str]] = {
    "service deleted": (("delete", "service", "llm"), "ServiceMissing"),
    "selector edited": (
        ("patch", "service", "llm", "-p", '{"spec":{"selector":{"track":"blue"}}}'),
        "ServiceSelector",
    ),
    "port edited": (
        (
            *("patch", "service", "llm", "--type=json"),
            '-p=[{"op":"replace","path":"/spec/ports/0/targetPort","value":9999}]',
        ),
        "ServicePort",
    ),
    "port renumbered": (
        ("patch", "service", "llm", "--type=json", '-p=[{"op":"replace","path":"/spec/ports/0/port","value":9000}]'),
        "ServicePort",
    ),
    "name of a host": (
        (
            *("patch", "service", "llm", "--type=merge", "-p"),
            '{"spec":{"type":"ExternalName","externalName":"example.com","clusterIP":"","clusterIPs":null}}',
        ),
        "ServiceSelector",
    ),
    "selector taken away": (("patch", "service", "llm", "-p", '{"spec":{"selector":null}}'), "ServiceSelector"),
    "service account deleted": (("delete", "serviceaccount", "llm"), "ObjectMissing"),
    "deployment deleted": (("delete", "deployment", "llm"), "WorkloadMissing"),
    "pods orphaned": (("delete", "deployment", "llm", "--cascade=orphan"), "WorkloadMissing"),
    "label lost": (("label", "deployment", "llm", "app.kubernetes.io/instance-"), "OtherRelease"),
    "scaled away": (("scale", "deployment/llm", "--replicas=0"), "ScaledToZero"),
}


@pytest.fixture(scope="module", params=HELMS)
def running(request: pytest.FixtureRequest, new_release: Callable[..., Release]) -> Release:
    """Two services that are ready, by each helm; each test leaves it as it was."""
    release = new_release(service("llm"), service("after", "llm"), helm_path=HELMS[request.param])
    release.install()
    release.wait_until_ready()
    return release


@pytest.mark.parametrize("way", BROKEN)
def test_damage_is_named_and_the_step_mends_it(running: Release, way: str) -> None:
    command, code = BROKEN[way]
    running.kubectl(*command)
    found = running.wait_for_cause("llm", code)
    assert running.status().returncode == 1
    paste(running, found["next"], timeout=120)
    running.wait_until_ready()
    running.upgrade("--reset-then-reuse-values")


def test_what_another_release_took_over_is_named(running: Release) -> None:
    """It is there, and its owner is said; the first release takes it back with an upgrade."""
    running.helm("install", "rival", str(running.chart), "--take-ownership")
    found = running.wait_for_cause("llm", "OtherRelease")
    assert found["cause"]["text"] == "Deployment llm belongs to release rival, not to this one"
    assert "rival" in paste(running, found["next"])
    running.helm("uninstall", "rival")
    running.wait_for_cause("llm", "ServiceMissing", "WorkloadMissing")
    running.upgrade("--reset-then-reuse-values")
    running.wait_until_ready()


def test_a_release_without_a_record_is_recorded_again(running: Release) -> None:
    running.kubectl("delete", "secrets", "-l", "owner=helm,name=demo")
    assert "no record of demo" in running.status().stdout
    assert running.helm("upgrade", "demo", str(running.chart), check=False) == ""
    paste(running, warned(running)["next"], timeout=120)
    running.wait_until_ready()
    assert "no record" not in running.status().stdout
    running.upgrade("--reset-then-reuse-values")


def test_a_graph_that_was_deleted_is_read_from_helms_record(running: Release) -> None:
    running.kubectl("delete", "configmap", "demo-nimpipeline")
    result = running.status()
    assert result.returncode == 0
    assert "ConfigMap demo-nimpipeline does not exist" in result.stdout
    paste(running, warned(running)["next"], timeout=120)
    assert running.graph()["services"]


EMPTY = '{"apiVersion":"nimhelm.dev/v1","pipeline":"demo","services":[]}'


@pytest.mark.parametrize("graph", ["{oops", EMPTY], ids=["no JSON", "no services"])
def test_a_graph_that_was_edited_is_read_from_helms_record(running: Release, graph: str) -> None:
    running.kubectl("patch", "configmap", "demo-nimpipeline", "-p", json.dumps({"data": {"pipeline.json": graph}}))
    result = running.status()
    assert result.returncode == 0
    assert "2/2 services ready" in result.stdout
    paste(running, warned(running)["next"], timeout=120)
    assert running.graph()["services"]
    assert "changed by hand" not in running.status().stdout


def test_what_a_dependency_that_is_down_holds_back_is_said(running: Release) -> None:
    """And it is true: the next pod of the dependant waits, for as long as the dependency is down."""
    running.kubectl("scale", "deployment/llm", "--replicas=0")
    found = running.wait_for_cause("llm", "ScaledToZero")
    said = [each["text"] for each in json.loads(running.status("-o", "json").stdout)["status"]["warnings"]]
    assert any(text.startswith("after would wait up to 30m for llm if rescheduled now") for text in said)
    running.kubectl("delete", "pod", "-l", "app=after", "--wait=false")
    running.wait_for_cause("after", "Waiting")
    paste(running, found["next"], timeout=120)
    running.wait_until_ready()
    assert "rescheduled" not in running.status().stdout


def test_a_field_that_was_added_is_named(running: Release) -> None:
    """It is none of the chart's: a plain upgrade works, and leaves it."""
    running.kubectl("set", "env", "deployment/after", "DEBUG=1")
    running.wait_until_ready()
    said = "fields set by hand: spec.template.spec.containers[after-ctr].env[DEBUG] (kubectl-set)"
    assert said in running.status().stdout
    running.upgrade("--reset-then-reuse-values")
    running.kubectl("set", "env", "deployment/after", "DEBUG-")
    running.wait_until_ready()
    assert "DEBUG" not in running.status().stdout


def test_a_field_that_was_patched_is_named_with_the_way_out(running: Release) -> None:
    if running.helm_path != HELM4:
        pytest.skip("helm 3 overwrites what was changed by hand")
    running.kubectl("set", "image", "deployment/llm", "llm-ctr=nvcr.io/nim/test/llm:1.1")
    wait_until(lambda: "changed by hand" in running.status().stdout, what="the conflict")
    assert running.helm("upgrade", running.name, str(running.chart), check=False) == ""
    paste(running, warned(running)["next"], timeout=120)
    running.upgrade("--reset-then-reuse-values")
    assert "changed by hand" not in running.status().stdout


def test_a_paused_rollout_is_named_before_an_upgrade_comes_to_nothing(running: Release) -> None:
    running.kubectl("rollout", "pause", "deployment/llm")
    assert warned(running)["text"] == "the rollout of llm is paused: no upgrade changes its pods"
    paste(running, warned(running)["next"])
    assert "paused" not in running.status().stdout
    running.upgrade("--reset-then-reuse-values")
    running.wait_until_ready()


RESIZE = {
    "containers": [{"name": "after-ctr", "resources": {"limits": {"memory": "3Gi"}, "requests": {"memory": "3Gi"}}}]
}


def test_a_pod_that_was_resized_is_named_and_the_step_keeps_its_size(running: Release) -> None:
    bounds = [f"after.resources.{side}.memory=2Gi" for side in ("requests", "limits")]
    running.upgrade("--reset-then-reuse-values", *(word for bound in bounds for word in ("--set", bound)))
    running.wait_until_ready()
    (pod,) = running.pods("after")
    resize = ("patch", "pod", pod["metadata"]["name"], "--subresource=resize", "-p", json.dumps({"spec": RESIZE}))
    running.kubectl(*resize)
    wait_until(lambda: "was resized to" in running.status().stdout, what="the resize to be done")
    paste(running, warned(running)["next"], timeout=120)
    running.wait_until_ready()
    assert "resized" not in running.status().stdout
    (pod,) = running.pods("after")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == "3Gi"
    running.upgrade("--reset-then-reuse-values")


def test_what_others_put_behind_a_service_is_named(running: Release) -> None:
    """A copy of the Deployment, and an EndpointSlice that somebody made: both get requests that are the service's."""
    copy = running.get("deployment", "llm")
    labels = copy["spec"]["template"]["metadata"]["labels"] | {"track": "canary"}
    template = copy["spec"]["template"] | {"metadata": {"labels": labels}}
    canary = {"selector": {"matchLabels": {"track": "canary"}}, "template": template}
    metadata = {"name": "llm-canary", "labels": copy["metadata"]["labels"]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": canary}
    entered = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "mine", "labels": {"kubernetes.io/service-name": "llm"}},
        "addressType": "IPv4",
        "ports": [{"name": "api", "port": 8000}],
        "endpoints": [{"addresses": ["192.0.2.7"]}],
    }
    for thing, said in ((deployment, "pod llm-canary-"), (entered, "192.0.2.7 (EndpointSlice mine)")):
        running.cluster.apply(thing, namespace=running.namespace)
        found = running.wait_for_cause("llm", "OthersEndpoints")
        assert said in found["cause"]["text"]
        paste(running, found["next"])
        running.kubectl("delete", thing["kind"].lower(), thing["metadata"]["name"], "--wait")
        running.wait_until_ready()


def test_an_upgrade_that_would_undo_what_helm_forgot_is_named(running: Release) -> None:
    """The newest record is gone: the one before has the values that --reset-then-reuse-values takes."""
    running.upgrade("--reset-then-reuse-values", "--set", "llm.userID=1003")
    found = running.get("secrets", "-l", "owner=helm,name=demo,status=deployed")["items"]
    running.kubectl("delete", "secret", found[0]["metadata"]["name"])
    said = warned(running)
    assert "was deleted, and helm upgrade goes by the values of" in said["text"]
    assert "1003" not in paste(running, said["next"])
    running.upgrade("--reset-then-reuse-values", "--set", "llm.userID=1003")
    assert "was deleted" not in running.status().stdout


def warned(release: Release) -> Any:
    """The first warning."""
    return json.loads(release.status("-o", "json").stdout)["status"]["warnings"][0]
