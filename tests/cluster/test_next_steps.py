"""Each next step that changes something, pasted as printed: the cause goes, and upgrades work afterwards with the same helm.

tests/status/test_steps.py holds that no further step changes anything.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import HELM3, HELM4, Release, in_parallel, service
from .test_caches import cache, cached_service
from .test_status import BACK_OFF, paste

HELMS = {"helm 3": HELM3, "helm 4": HELM4}
Sets = tuple[str, ...]


def nothing(_: Release) -> None:
    """Nothing needs to be done."""


@dataclass(frozen=True)
class Row:
    """`documents` make the chart. `before` readies the namespace, `after` breaks what was installed.

    `meanwhile` is done before the step is pasted: what a stand-in has to be told.
    """

    code: str
    documents: tuple[dict[str, Any], ...]
    sets: Sets = ()
    service: str = "llm"
    before: Callable[[Release], object] = nothing
    after: Callable[[Release], object] = nothing
    meanwhile: Callable[[Release], object] = nothing


def shell(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A service that runs a line of shell before the server."""
    image = f"nvcr.io/nim/test/{name}-shell:1.0"
    return service(name, image=image, command=["sh", "-c", f"{script}; exec /bin/standin"], **spec)


def limit_range(**item: Any) -> dict[str, Any]:
    spec = {"limits": [{"type": "Container", **item}]}
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "team"}, "spec": spec}


def small(release: Release) -> None:
    bounds = limit_range(
        min={"memory": "128Mi"},
        default={"cpu": "100m", "memory": "256Mi"},
        defaultRequest={"cpu": "50m", "memory": "128Mi"},
        maxLimitRequestRatio={"cpu": "2"},
    )
    release.cluster.apply(bounds, namespace=release.namespace)


def restricted(release: Release) -> None:
    release.kubectl("label", "namespace", release.namespace, "pod-security.kubernetes.io/enforce=restricted")


def refusing_download(release: Release) -> None:
    """The job fails as long as this is there, once it has failed for good."""
    words = "--from-literal=words=401 Unauthorized: NGC_API_KEY is invalid"
    release.kubectl("create", "secret", "generic", "refusal", words)


def caching_job(release: Release) -> str:
    """The job as kubectl takes it; its name ends in a hash of what it does."""
    (job,) = wait_until(lambda: release.get("jobs")["items"], what="the caching job")
    return f"job/{job['metadata']['name']}"


def gives_up_at_once(release: Release) -> None:
    release.kubectl("patch", caching_job(release), "-p", '{"spec":{"backoffLimit":0}}')


def no_refusal(release: Release) -> None:
    release.kubectl("delete", "secret", "refusal")


def without_account(release: Release) -> None:
    release.wait_until_ready(120)
    release.kubectl("delete", "serviceaccount", "llm")
    release.kubectl("delete", "pod", "-l", "app=llm", "--wait=false")


def without_claim(release: Release) -> None:
    release.wait_until_ready(120)
    release.kubectl("delete", "pvc", "llm-pvc", "--wait=false")
    release.kubectl("delete", "pod", "-l", "app=llm", "--wait=false")


def without_scripts(release: Release) -> None:
    release.wait_until_ready(120)
    release.kubectl("delete", "configmap", f"{release.name}-scripts")
    release.kubectl("delete", "pod", "-l", "app=after", "--wait=false")


def paused(release: Release) -> None:
    release.wait_until_ready(120)
    release.kubectl("rollout", "pause", "deployment/llm")
    release.helm("upgrade", release.name, str(release.chart), "--reset-then-reuse-values", "--set", "llm.userID=1001")


def job_deleted(release: Release) -> None:
    release.kubectl("delete", caching_job(release))


def job_suspended(release: Release) -> None:
    release.kubectl("patch", caching_job(release), "-p", '{"spec":{"suspend":true}}')


def cache_that_is_refused() -> dict[str, Any]:
    made = cache(STANDIN_DOWNLOAD_SECONDS="1")
    words = {"name": "refusal", "key": "words", "optional": True}
    made["spec"]["env"].append({"name": "STANDIN_DOWNLOAD_FAIL", "valueFrom": {"secretKeyRef": words}})
    return made


KEYLESS = 'test -n "$NGC_API_KEY" || { echo NGC_API_KEY is not set; exit 1; }'
WRITES = "touch /model-store/probe || exit 1"
PVC = {"pvc": {"create": True, "size": "1Gi"}, "readOnly": True}
PAIR = (service("llm"), service("after", "llm"))

ROWS = {
    "user is root": Row("RunsAsRoot", (service("llm", userID=0),), ("llm.securityContext.runAsNonRoot=true",)),
    "restricted namespace": Row("PodSecurity", (service("llm", userID=1000),), before=restricted),
    "gates too small": Row("LimitRange", PAIR, service="after", before=small),
    "gates' image": Row("ImageNotFound", PAIR, ("global.nimhelm.waitImage=nvcr.io/missing/busybox:1",), "after"),
    "no key": Row("APIKeyMissing", (shell("llm", KEYLESS, authSecret="absent"),)),
    "read-only volume": Row("ReadOnly", (shell("llm", WRITES, storage=PVC),)),
    "download refused": Row(
        "CacheJobFailed",
        (cached_service(), cache_that_is_refused()),
        before=refusing_download,
        after=gives_up_at_once,
        meanwhile=no_refusal,
    ),
    "caching job deleted": Row(
        "CacheJobMissing", (cached_service(), cache(STANDIN_DOWNLOAD_SECONDS="20")), after=job_deleted
    ),
    "caching job suspended": Row(
        "CacheJobSuspended", (cached_service(), cache(STANDIN_DOWNLOAD_SECONDS="20")), after=job_suspended
    ),
    "account of the chart": Row("ServiceAccountMissing", (service("llm"),), after=without_account),
    "claim of the chart": Row(
        "ClaimMissing", (service("llm", storage={"pvc": {"create": True, "size": "1Gi"}}),), after=without_claim
    ),
    "scripts of the gates": Row("ConfigMapMissing", PAIR, service="after", after=without_scripts),
    "account of somebody": Row(
        "ServiceAccountMissing",
        (service("llm"),),
        ("llm.serviceAccount.create=false", "llm.serviceAccount.name=team"),
    ),
    "memory too small to start": Row("OOMKilled", (service("llm"),), ("llm.resources.limits.memory=1Mi",)),
    "rollout paused": Row("RolloutPaused", (service("llm"),), after=paused),
}


def outcome(row: Row, release: Release) -> str:
    """What went wrong from the install to the upgrade after the step, "" if nothing did."""
    try:
        row.before(release)
        release.install(*(word for value in row.sets for word in ("--set", value)), wait=False)
        row.after(release)
        step = release.wait_for_cause(row.service, row.code, timeout=BACK_OFF)["next"]
        row.meanwhile(release)
        paste(release, step, timeout=120)
        wait_until(lambda: release.status().returncode == 0, 2 * BACK_OFF, interval=3)
        release.upgrade("--reset-then-reuse-values")
        release.wait_until_ready()
    except (AssertionError, subprocess.SubprocessError) as error:
        return f"{error}\n{release.status().stdout}"
    return ""


@pytest.fixture(scope="module")
def outcomes(cluster: Cluster, new_release: Callable[..., Release]) -> dict[tuple[str, str], str]:
    """All rows with both helms, at once."""
    if not cluster.is_bench:
        pytest.skip("needs the bench: another cluster's registry and classes are as they are")
    keys = [(row, helm) for row in ROWS for helm in HELMS]
    releases = [new_release(*ROWS[row].documents, helm_path=HELMS[helm]) for row, helm in keys]
    calls = [partial(outcome, ROWS[row], release) for (row, _), release in zip(keys, releases, strict=True)]
    return dict(zip(keys, in_parallel(calls), strict=True))


@pytest.mark.parametrize("helm", HELMS)
@pytest.mark.parametrize("row", ROWS)
def test_the_step_mends_it_and_upgrades_work(outcomes: dict[tuple[str, str], str], row: str, helm: str) -> None:
    assert outcomes[row, helm] == ""


@pytest.fixture
def tainted(cluster: Cluster) -> Iterator[None]:
    if not cluster.is_bench:
        pytest.skip("taints the node")
    (node,) = cluster.get("nodes")["items"]
    cluster.kubectl("taint", "node", node["metadata"]["name"], "team=other:NoSchedule")
    yield
    cluster.kubectl("taint", "node", node["metadata"]["name"], "team-", check=False)


@pytest.mark.parametrize("helm", HELMS)
def test_a_taint_is_tolerated_by_the_step(short_release: Callable[..., Release], tainted: None, helm: str) -> None:
    release = short_release(service("llm"), helm_path=HELMS[helm])
    assert outcome(Row("Taint", ()), release) == ""


@pytest.mark.parametrize("helm", HELMS)
def test_an_interrupted_install_is_ended_by_the_step(short_release: Callable[..., Release], helm: str) -> None:
    release = short_release(service("llm", ready_after=6), helm_path=HELMS[helm])
    words = [str(release.helm_path), "install", release.name, str(release.chart), "-n", release.namespace, "--wait"]
    with subprocess.Popen(words, env=release.cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_until(lambda: release.get("deployments")["items"], what="the Deployment")
        run.send_signal(signal.SIGKILL)
    release.wait_until_ready()
    (warning,) = json.loads(release.status("-o", "json").stdout)["status"]["warnings"]
    assert "pending-install" in warning["text"]
    paste(release, warning["next"], timeout=120)
    release.upgrade("--reset-then-reuse-values")
    assert release.status().returncode == 0
    assert "pending" not in release.status().stdout


@pytest.mark.parametrize("verb", ["upgrade", "rollback"])
@pytest.mark.parametrize("helm", HELMS)
def test_an_interrupted_change_is_ended_by_the_step(
    short_release: Callable[..., Release], helm: str, verb: str
) -> None:
    """What was before the upgrade is there again; a rollback gets where it was to lead."""
    release = short_release(service("llm", ready_after=4), helm_path=HELMS[helm])
    release.install()
    change = ("--reset-then-reuse-values", "--set", "llm.userID=1001")
    words = ["upgrade", release.name, str(release.chart), *change]
    if verb == "rollback":
        release.upgrade(*change)
        words = ["rollback", release.name, "1"]
    words = [str(release.helm_path), *words, "-n", release.namespace, "--wait"]
    with subprocess.Popen(words, env=release.cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        pending = ("secrets", "-l", f"status=pending-{verb}")
        wait_until(lambda: release.get(*pending)["items"], what="the record")
        run.send_signal(signal.SIGKILL)
    release.wait_until_ready()
    (warning,) = json.loads(release.status("-o", "json").stdout)["status"]["warnings"]
    assert f"pending-{verb}" in warning["text"]
    paste(release, warning["next"], timeout=120)
    release.wait_until_ready()
    assert "pending" not in release.status().stdout
    assert "1001" not in release.helm("get", "values", release.name)
    release.upgrade("--reset-then-reuse-values")


@pytest.mark.parametrize("helm", HELMS)
def test_what_an_upgrade_set_that_failed_is_kept_by_the_step(short_release: Callable[..., Release], helm: str) -> None:
    """Helm takes the values to reuse from the revision that went well, which is the one before."""
    release = short_release(service("llm", ready_after=5), helm_path=HELMS[helm])
    release.install()
    change = ("--reset-then-reuse-values", "--set", "llm.userID=1001", "--wait", "--timeout=1s")
    release.helm("upgrade", release.name, str(release.chart), *change, check=False)
    release.wait_until_ready()
    (warning,) = json.loads(release.status("-o", "json").stdout)["status"]["warnings"]
    assert "revision 2 is recorded as failed: Helm gave up waiting, and all services are ready now" in warning["text"]
    paste(release, warning["next"])
    release.wait_until_ready()
    assert "recorded as failed" not in release.status().stdout
    release.upgrade("--reset-then-reuse-values")
    assert "1001" in release.helm("get", "values", release.name)


@pytest.mark.parametrize("record", ["pending", "deleted"])
@pytest.mark.parametrize("helm", HELMS)
def test_a_step_that_helm_would_refuse_mends_its_record_first(
    short_release: Callable[..., Release], helm: str, record: str
) -> None:
    starved = service("llm", env={"STANDIN_ALLOCATE_MIB": "80"}, resources={"limits": {"memory": "64Mi"}})
    release = short_release(starved, helm_path=HELMS[helm])
    words = [str(release.helm_path), "install", release.name, str(release.chart), "-n", release.namespace, "--wait"]
    with subprocess.Popen(words, env=release.cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_until(lambda: release.get("deployments")["items"], what="the Deployment")
        run.send_signal(signal.SIGKILL)
    if record == "deleted":
        release.kubectl("delete", "secret", "-l", "owner=helm")
    said = release.wait_for_cause("llm", "OOMKilled")
    paste(release, said["next"], timeout=120)
    release.wait_until_ready(BACK_OFF)
    release.upgrade("--reset-then-reuse-values")
    assert release.status().returncode == 0


@pytest.mark.parametrize("helm", HELMS)
def test_a_release_of_which_the_history_was_kept_comes_back_by_the_step(
    short_release: Callable[..., Release], helm: str
) -> None:
    release = short_release(service("llm"), helm_path=HELMS[helm])
    release.install()
    release.helm("uninstall", release.name, "--keep-history", "--wait")
    assert "is uninstalled, its history was kept" in release.status().stdout
    said = release.wait_for_cause("llm", "ServiceMissing")
    paste(release, said["next"], timeout=120)
    release.wait_until_ready()
    release.upgrade("--reset-then-reuse-values")
    assert "uninstalled" not in release.status().stdout


@pytest.mark.parametrize("helm", HELMS)
def test_an_interrupted_uninstall_names_no_upgrade(short_release: Callable[..., Release], helm: str) -> None:
    """Helm refuses one; the uninstall that status names instead ends it."""
    release = short_release(service("llm"), service("after", "llm"), helm_path=HELMS[helm])
    release.install(wait=False)
    release.kubectl("patch", "service", "llm", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/hold"]}}')
    words = [str(release.helm_path), "uninstall", release.name, "-n", release.namespace, "--wait"]
    with subprocess.Popen(words, env=release.cluster.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_until(lambda: len(release.get("services")["items"]) == 1, what="the Services to go")
        run.send_signal(signal.SIGKILL)
    said = release.wait_for_cause("llm", "ServiceMissing")
    assert "held by finalizer example.com/hold" in said["cause"]["text"]
    assert "is being uninstalled" in release.status().stdout
    assert "helm upgrade demo" not in release.status().stdout
    release.kubectl("patch", "service", "llm", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    release.helm("uninstall", release.name, "--wait")
    assert release.helm("history", release.name, check=False) == ""


@pytest.mark.parametrize("helm", HELMS)
def test_a_failed_upgrade_is_ended_by_the_step(short_release: Callable[..., Release], helm: str) -> None:
    release = short_release(service("llm", ready_after=8), helm_path=HELMS[helm])
    release.helm("install", release.name, str(release.chart), "--wait", "--timeout=3s", check=False)
    (warning,) = json.loads(release.status("-o", "json").stdout)["status"]["warnings"]
    assert "is recorded as failed" in warning["text"]
    paste(release, warning["next"], timeout=120)
    release.wait_until_ready()
    assert "recorded as failed" not in release.status().stdout


@pytest.mark.parametrize("helm", HELMS)
def test_a_claim_that_its_caching_job_keeps_comes_back_by_the_steps(
    short_release: Callable[..., Release], helm: str
) -> None:
    """The pod of the job has ended and counts as a user of the claim; without the claim its model is gone as well."""
    release = short_release(cached_service(), cache(STANDIN_DOWNLOAD_SECONDS="1"), helm_path=HELMS[helm])
    release.install()
    release.kubectl("delete", "pvc", "model-pvc", "--wait=false")
    release.kubectl("delete", "pod", "-l", "app=llm", "--wait=false")
    for code in ("ClaimTerminating", "ClaimMissing"):
        said = release.wait_for_cause("llm", code)
        paste(release, said["next"], timeout=120)
    release.wait_until_ready()
    release.upgrade("--reset-then-reuse-values")
