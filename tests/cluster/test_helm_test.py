"""``helm test``, and the Pod Security level that the chart's pods pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from .connection import CommandError
from .release import HELM3, HELM4, READY_PATH, Release, service

HELMS = {"helm3": HELM3, "helm4": HELM4}
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
CACHE = {
    "apiVersion": "apps.nvidia.com/v1alpha1",
    "kind": "NIMCache",
    "metadata": {"name": "model"},
    "spec": {
        "source": {
            "ngc": {"modelPuller": "nvcr.io/nim/llm-shell:1.0", "pullSecret": "ngc-secret", "authSecret": "ngc-api-key"}
        },
        "storage": {"pvc": {"create": True, "size": "1Gi"}},
    },
}


@pytest.mark.parametrize("helm", HELMS)
def test_passes_on_a_healthy_release(new_release: Callable[..., Release], helm: str) -> None:
    ports = {"service": {"port": 8000, "grpcPort": 8001}}
    release = new_release(service("llm", expose=ports), service("after", "llm"), helm_path=HELMS[helm])
    release.install()
    shown = release.helm("test", release.name, "--logs", "--timeout=60s")
    for line in (f"ok   llm  http://llm:8000{READY_PATH}", "ok   llm  tcp://llm:8001", "ok   after  http"):
        assert line in shown


@pytest.mark.parametrize("helm", HELMS)
def test_fails_and_names_the_service(new_release: Callable[..., Release], helm: str) -> None:
    broken = new_release(service("llm", ready_after="never"), service("other"), helm_path=HELMS[helm])
    broken.install(wait=False)
    broken.kubectl("rollout", "status", "deployment/other", "--timeout=60s")
    with pytest.raises(CommandError, match=f"FAIL llm  http://llm:8000{READY_PATH}") as failure:
        broken.helm("test", broken.name, "--logs", "--timeout=60s")
    assert "FAIL other" not in str(failure.value)
    assert "ok   other" in str(failure.value)


def test_check_after_install_waits_for_the_services(new_release: Callable[..., Release]) -> None:
    """As a hook it ends the install only when all answer, also without --wait."""
    made = new_release(service("llm", ready_after=3))
    made.install("--set", "global.nimhelm.checkAfterInstall=true", wait=False)
    assert made.kubectl("get", "deployment/llm", "-o", "jsonpath={.status.readyReplicas}") == "1"


@pytest.fixture(scope="module")
def restricted(new_release: Callable[..., Release]) -> Release:
    """A pipeline with a cache, gates and two kinds of service, in a namespace that enforces "restricted"."""
    made = new_release(service("llm", storage={"nimCache": {"name": "model"}}), service("after", "llm"), CACHE)
    made.cluster.kubectl("label", "namespace", made.namespace, RESTRICTED)
    return made


def rendered(release: Release, *options: str) -> list[Any]:
    """The objects of a release, its hooks included, as helm would send them."""
    text = release.helm("template", release.name, str(release.chart), *options)
    return [document for document in yaml.safe_load_all(text) if document]


def pod_of(document: Any) -> dict[str, Any]:
    """What a workload makes its pods of, as a pod."""
    template = document if document["kind"] == "Pod" else document["spec"]["template"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": copy.deepcopy(template["spec"])}


def admit(release: Release, pod: dict[str, Any]) -> None:
    """Have the API server judge a pod, without creating it."""
    # The service account is not there yet; which does not concern security.
    pod["spec"].pop("serviceAccountName", None)
    release.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))


def test_pods_of_the_chart_are_restricted(restricted: Release) -> None:
    """The pod of helm test and the caching job, as they are."""
    documents = [each for each in rendered(restricted) if each["kind"] in ("Pod", "Job")]
    assert [each["kind"] for each in documents] == ["Job", "Pod"]
    for document in documents:
        admit(restricted, pod_of(document))


def test_gates_are_restricted(restricted: Release) -> None:
    """The containers that the chart adds to pods whose other containers are not its own."""
    gates = 0
    for document in rendered(restricted):
        if document["kind"] != "Deployment":
            continue
        pod = pod_of(document)
        ours = [each for each in pod["spec"]["initContainers"] if each["name"].startswith("wait-")]
        admit(restricted, pod | {"spec": {"containers": ours, "volumes": pod["spec"]["volumes"]}})
        gates += len(ours)
    # A setup and one gate in each.
    assert gates == 4


def test_whole_services_are_refused_without_the_setting(restricted: Release) -> None:
    """The check can fail: a NIM says nothing of capabilities by itself."""
    deployments = [each for each in rendered(restricted) if each["kind"] == "Deployment"]
    with pytest.raises(CommandError, match="violates PodSecurity"):
        admit(restricted, pod_of(deployments[0]))


def test_whole_services_run_restricted(restricted: Release) -> None:
    restricted.install("--set", "global.nimhelm.restricted=true")
    assert restricted.order_violations() == []
    restricted.helm("test", restricted.name, "--timeout=60s")
