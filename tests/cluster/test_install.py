"""The three published pipelines, from their files to pods that are Ready, with helm 3 and helm 4."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, QUICK_PROBES, ROOT, Release, in_parallel, put_up, service

HELMS = {"helm3": HELM3, "helm4": HELM4}
PIPELINES = ("rag-pipeline", "multimodal-pipeline", "optional-services-pipeline")
# With the probes of the published values: these wait 30 seconds before they ask for the first time.
AS_PUBLISHED = ("helm4", "rag-pipeline")
NEW_TAG = "1.0.1"
# What Kubernetes itself puts into a namespace, and what the fixtures do.
NOT_OURS = ("default", "kube-root-ca.crt", "ngc-api-key", "ngc-secret")


@pytest.fixture(scope="module")
def releases(
    new_release: Callable[..., Release], many_gpus: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Release]:
    """All pipelines with both helms, each in a namespace of its own, installed at once."""
    folder = tmp_path_factory.mktemp("values")
    made = {
        (helm, name): new_release(ROOT / "examples" / f"{name}.yaml", name=name, helm_path=HELMS[helm])
        for helm in HELMS
        for name in PIPELINES
    }
    in_parallel(
        partial(put_up, release, *([] if key == AS_PUBLISHED else ["-f", str(quick_values(release, folder))]))
        for key, release in made.items()
    )
    return made


def quick_values(release: Release, folder: Path) -> Path:
    """A values file that has all services of a release asked each second whether they are ready."""
    names = [path.name for path in (release.chart / "charts").iterdir()]
    path = folder / f"{release.name}.yaml"
    path.write_text(json.dumps(dict.fromkeys(names, QUICK_PROBES)))
    return path


def restarts(release: Release) -> list[int]:
    """How often the containers of a release were restarted."""
    statuses = [status for pod in release.pods() for status in pod["status"]["containerStatuses"]]
    return [status["restartCount"] for status in statuses]


def names_of_pods(release: Release) -> dict[str, set[str]]:
    """The pods of each service."""
    found: dict[str, set[str]] = {}
    for pod in release.pods():
        found.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(pod["metadata"]["name"])
    return found


def leftovers(cluster: Cluster, namespace: str) -> list[str]:
    """What is in a namespace beside what Kubernetes and the fixtures put there; events say what was."""
    kinds = cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    wanted = ",".join(kind for kind in kinds if not kind.startswith("events"))
    names = cluster.kubectl("get", wanted, "-o", "name", "--ignore-not-found", namespace=namespace).split()
    return [name for name in names if name.partition("/")[2] not in NOT_OURS]


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("name", PIPELINES)
def test_starts_in_order_and_is_ready(releases: dict[tuple[str, str], Release], helm: str, name: str) -> None:
    release = releases[helm, name]
    enabled = [each for each in release.graph()["services"] if each["enabled"]]
    assert sum(each["replicas"] for each in enabled) == len(release.pods())
    assert release.order_violations() == []
    assert set(restarts(release)) == {0}
    assert release.status().returncode == 0


def test_published_values_are_what_was_installed(releases: dict[tuple[str, str], Release]) -> None:
    release = releases[AS_PUBLISHED]
    assert release.helm("get", "values", release.name, "-o", "json").strip() in ("null", "{}")


def test_disabled_service_is_absent(releases: dict[tuple[str, str], Release]) -> None:
    release = releases["helm4", "optional-services-pipeline"]
    assert "guardrails" not in release.kubectl("get", "deployments,services,pods", "-o", "name")


def test_helm_3_waits_for_a_single_replica(new_release: Callable[..., Release]) -> None:
    """What a rolling update may do without, it would not wait for; of one replica that must not be this one."""
    release = new_release(service("llm", ready_after=6), helm_path=HELM3)
    release.install()
    assert list(release.ready_conditions()) == ["llm"]


@pytest.mark.parametrize("helm", HELMS)
def test_upgrade_and_rollback_replace_what_changes(releases: dict[tuple[str, str], Release], helm: str) -> None:
    release = releases[helm, "multimodal-pipeline"]
    before = names_of_pods(release)
    release.upgrade("--reuse-values")
    assert names_of_pods(release) == before
    release.upgrade("--reuse-values", "--set", f"feature-processor.image.tag={NEW_TAG}")
    changed = names_of_pods(release)
    assert {name for name in before if before[name] != changed[name]} == {"feature-processor"}
    assert image_of(release, "feature-processor").endswith(f":{NEW_TAG}")
    release.helm("rollback", release.name, "2", "--wait", "--timeout=120s")
    assert image_of(release, "feature-processor").endswith(":1.0.0")
    assert set(restarts(release)) == {0}


def image_of(release: Release, service: str) -> Any:
    """The image that the only pod of a service runs."""
    (pod,) = release.pods(service)
    return pod["spec"]["containers"][0]["image"]


def test_two_releases_do_not_see_each_other(releases: dict[tuple[str, str], Release]) -> None:
    """One goes, and leaves nothing but its claims; the other one stays as it is."""
    gone, stays = releases["helm3", "rag-pipeline"], releases["helm4", "rag-pipeline"]
    before = names_of_pods(stays)
    gone.helm("uninstall", gone.name, "--wait")
    wait_until(lambda: only_claims(leftovers(gone.cluster, gone.namespace)), what="a namespace with claims alone")
    assert names_of_pods(stays) == before
    assert stays.status().returncode == 0


def only_claims(names: list[str]) -> bool:
    """Whether nothing is left but the claims that hold models."""
    return bool(names) and all(name.startswith("persistentvolumeclaim/") for name in names)


def test_uninstall_keeps_claims_when_told_so(releases: dict[tuple[str, str], Release]) -> None:
    release = releases["helm4", "optional-services-pipeline"]
    release.upgrade("--reuse-values", "--set", "global.nimhelm.keepClaims=true")
    release.helm("uninstall", release.name, "--wait")
    claim = ["persistentvolumeclaim/core-llm-pvc"]
    wait_until(lambda: leftovers(release.cluster, release.namespace) == claim, what="nothing but the claim")
