"""``nimhelm status`` on pipelines that fail in the ways that can be had here.

For each: the right cause on the right service, and a next step that does what it promises when it is pasted.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from .conftest import API_KEY
from .connection import Cluster, wait_until
from .release import HELM3, HELM4, READY_PATH, THIS_RUN, Release, in_parallel, nimhelm, probe, service

GPU = "nvidia.com/gpu"
# How long the kubelet may take until it tries again.
BACK_OFF = 150
# A failing service: its settings, and what is said to `helm install`.
Failing = tuple[dict[str, Any], tuple[str, ...]]
# What the person at the keyboard has in the environment when a printed command is pasted.
TYPED = {
    "NGC_API_KEY": API_KEY,
    "REGISTRY_USER": "$oauthtoken",
    "REGISTRY_PASSWORD": API_KEY,
    "WAIT_IMAGE": "docker.io/library/busybox:1.36",
}


def claim_of_class(name: str) -> dict[str, Any]:
    return {"pvc": {"create": True, "size": "1Gi", "storageClass": name}}


def never_ready_within(failures: int, ready_after: int) -> dict[str, Any]:
    """A service whose start-up probe gives up before it is ready."""
    return service("llm", ready_after=ready_after, startupProbe=probe(failures))


# Each is one service `llm`, unless it says otherwise; `after` waits for it in all of them.
FAILING: dict[str, Failing] = {
    "denied": (service("llm", image="nvcr.io/denied/llm:1"), ()),
    "no pull secret": (service("llm", image=f"nvcr.io/private/{THIS_RUN}/llm:1"), ()),
    "wrong pull secret": (
        service("llm", image=f"nvcr.io/private/{THIS_RUN}/other:1"),
        ("--set", "llm.image.pullSecrets={old-secret}"),
    ),
    "image missing": (service("llm", image="nvcr.io/nim/meta/llama:missing"), ()),
    "secret missing": (service("llm", authSecret="absent"), ("--set", "global.nimhelm.requireKeys=true")),
    "key missing": (service("llm", authSecret="keyless"), ("--set", "global.nimhelm.requireKeys=true")),
    "class missing": (service("llm", storage=claim_of_class("absent")), ()),
    "claim unbound": (service("llm", storage=claim_of_class("bench-none")), ()),
    "crash loop": (
        service("llm", env={"STANDIN_CRASH_AFTER": "0.3", "STANDIN_CRASH_LOG": "weights are broken"}),
        (),
    ),
    "out of memory": (
        service("llm", env={"STANDIN_ALLOCATE_MIB": "80"}, resources={"limits": {"memory": "64Mi"}}),
        (),
    ),
    "startup probe": (never_ready_within(5, ready_after=7), ()),
    "progress deadline": (service("llm", ready_after="never"), ("--set", "llm.progressDeadlineSeconds=3")),
    "quota": (service("llm", resources={"limits": {GPU: 1}}), ()),
    "node selector": (service("llm", nodeSelector={"gpu": "h100"}), ()),
}

# Their causes, and the state that these make of the service. A claim without a volume only looks wrong after a while.
CAUSES = {
    "denied": ("ImagePullUnauthorized", "Failed"),
    "no pull secret": ("ImagePullUnauthorized", "Failed"),
    "wrong pull secret": ("ImagePullUnauthorized", "Failed"),
    "image missing": ("ImageNotFound", "Failed"),
    "secret missing": ("SecretMissing", "Failed"),
    "key missing": ("SecretKeyMissing", "Failed"),
    "class missing": ("StorageClassMissing", "Failed"),
    "claim unbound": ("Provisioning", "Pending"),
    "crash loop": ("CrashLoop", "Failed"),
    "out of memory": ("OOMKilled", "Failed"),
    "startup probe": ("StartupProbe", "Failed"),
    "progress deadline": ("ProgressDeadline", "Failed"),
    "quota": ("QuotaExceeded", "Failed"),
    "node selector": ("NodeSelector", "Pending"),
}
# After these one only has to wait.
MENDED_BY_THE_STEP = (
    "no pull secret",
    "wrong pull secret",
    "secret missing",
    "key missing",
    "out of memory",
    "startup probe",
)
# These only show more; what they must show.
SHOWN_BY_THE_STEP = {
    "class missing": "bench-hostpath",
    "crash loop": "weights are broken",
    "quota": "requests.nvidia.com/gpu",
    "node selector": "kubernetes.io/hostname=bench",
    "progress deadline": "started",
}


@pytest.fixture(scope="module")
def failing(new_release: Callable[..., Release], cluster: Cluster) -> dict[str, Release]:
    """A release for each way to fail, all of them installed at once."""
    if not cluster.is_bench:
        pytest.skip("needs the bench: another cluster's registry, classes and node are as they are")
    made = {way: new_release(failing, service("after", "llm")) for way, (failing, _) in FAILING.items()}
    prepare(made)
    in_parallel(partial(release.install, *FAILING[way][1], wait=False) for way, release in made.items())
    return made


def prepare(made: dict[str, Release]) -> None:
    """What must be wrong in the namespaces before the charts come."""
    made["no pull secret"].kubectl("delete", "secret", "ngc-secret")
    login = ("--docker-server=nvcr.io", "--docker-username=me", "--docker-password=expired")
    made["wrong pull secret"].kubectl("create", "secret", "docker-registry", "old-secret", *login)
    made["key missing"].kubectl("create", "secret", "generic", "keyless", "--from-literal=NGC_CLI_API_KEY=x")
    made["quota"].kubectl("create", "quota", "gpus", "--hard=requests.nvidia.com/gpu=0")


def paste(release: Release, command: str, timeout: float = 60) -> str:
    """Run a printed command as a person would who has the API key in the environment."""
    helm = str(release.helm_path.parent)
    env = release.cluster.env | TYPED
    env["PATH"] = f"{helm}:{env['PATH']}"
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=release.chart.parent,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.mark.parametrize("way", FAILING)
def test_cause_is_named(failing: dict[str, Release], way: str) -> None:
    release = failing[way]
    code, state = CAUSES[way]
    found = release.wait_for_cause("llm", code)
    assert (found["state"], found["root"]) == (state, True)
    assert found["next"] or way == "claim unbound"
    waiting = release.wait_for_cause("after", "Waiting")
    assert waiting["root"] is False
    assert [each["name"] for each in waiting["waitsFor"]] == ["llm"]


@pytest.mark.parametrize("way", ["denied", "secret missing", "crash loop"])
def test_table_names_the_root_cause_first_and_one_step(failing: dict[str, Release], way: str) -> None:
    release = failing[way]
    release.wait_for_cause("llm", CAUSES[way][0])
    result = release.status()
    assert result.returncode == 1
    llm, after = (next(row for row in result.stdout.splitlines() if row.startswith(name)) for name in ("llm", "after"))
    assert "✗" in llm
    assert "✗ " not in after
    assert len([line for line in result.stdout.splitlines() if line.startswith("next (llm): ")]) == 1


@pytest.mark.parametrize("way", SHOWN_BY_THE_STEP)
def test_next_step_shows_more(failing: dict[str, Release], way: str) -> None:
    release = failing[way]
    found = release.wait_for_cause("llm", CAUSES[way][0])
    assert SHOWN_BY_THE_STEP[way] in paste(release, found["next"])


@pytest.fixture(scope="module")
def mended(failing: dict[str, Release]) -> dict[str, str]:
    """Whether the next steps mended the releases, all of them pasted at once: what went wrong, or nothing."""

    def mend(way: str) -> str:
        release = failing[way]
        try:
            paste(release, release.wait_for_cause("llm", CAUSES[way][0])["next"])
            # Not with --wait: until the kubelet tries again, what has failed is still what there is.
            wait_until(lambda: release.status().returncode == 0, BACK_OFF, interval=2)
        except AssertionError as error:
            return f"{error}\n{release.status().stdout}"
        return ""

    return dict(zip(MENDED_BY_THE_STEP, in_parallel(partial(mend, way) for way in MENDED_BY_THE_STEP), strict=True))


@pytest.mark.parametrize("way", MENDED_BY_THE_STEP)
def test_next_step_mends_it(mended: dict[str, str], way: str) -> None:
    assert mended[way] == ""


def test_wait_ends_with_the_failure(failing: dict[str, Release]) -> None:
    started = time.monotonic()
    result = failing["denied"].status("--wait", "--timeout", "60s")
    assert result.returncode == 1
    assert "401 from nvcr.io" in result.stdout
    assert time.monotonic() - started < 30


def test_wait_ends_at_the_timeout(failing: dict[str, Release]) -> None:
    """A node may still come, so it is not a failure that nobody takes the pod."""
    result = failing["node selector"].status("--wait", "--timeout", "3s")
    assert result.returncode == 4
    assert "not ready after 3 s" in result.stderr


def test_gate_timeout_on_an_external_dependency(new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm", "milvus"), annotations={"nimhelm.dev/external-dependencies": "milvus"})
    release.install("--set", "global.nimhelm.waitTimeoutSeconds=2", wait=False)
    found = release.wait_for_cause("llm", "GateTimeout")
    name = "waiting for milvus:8000 (external): bad address 'milvus' (no such name, or no DNS)"
    assert f"gave up after 2s of {name}" in found["cause"]["text"]
    assert "llm" in paste(release, found["next"])


def test_last_words_of_a_container_that_leaves_none_in_its_pod(new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm"))
    command = ["/bin/busybox", "sh", "-c", "echo cannot reach istiod; exit 1"]
    proxy = {"name": "proxy", "image": TYPED["WAIT_IMAGE"], "command": command}
    release.install("--set-json", f"llm.podTemplate.spec.containers={json.dumps([proxy])}", wait=False)

    def said() -> bool:
        return "cannot reach istiod" in release.wait_for_cause("llm", "CrashLoop")["cause"]["text"]

    wait_until(said, what="the last line of the proxy's log")


def test_readiness_probe_of_a_wrong_port(new_release: Callable[..., Release]) -> None:
    get = {"path": READY_PATH, "port": 9999}
    release = new_release(service("llm", readinessProbe={"probe": {"httpGet": get, "periodSeconds": 1}}))
    release.install(wait=False)
    found = release.wait_for_cause("llm", "ProbePort")
    assert "the readiness probe asks port 9999, and the container has 8000" in found["cause"]["text"]
    assert "9999" in paste(release, found["next"])


def test_service_switched_off(new_release: Callable[..., Release]) -> None:
    """Refused as long as another one needs it; else it is shown, and does not count."""
    release = new_release(service("llm"), service("after", "llm"))
    refused = release.helm("install", release.name, str(release.chart), "--set", "llm.enabled=false", check=False)
    assert refused == ""
    release.install("--set", "after.enabled=false")
    assert release.states()["after"]["state"] == "Disabled"
    assert release.status().returncode == 0


def test_helm_gives_up_first(new_release: Callable[..., Release]) -> None:
    """Helm's timeout is no end of the services, and status says so."""
    release = new_release(service("llm", ready_after=10), helm_path=HELM3)
    release.helm("install", release.name, str(release.chart), "--wait", "--timeout=3s", check=False)
    assert "is recorded as failed" in release.status().stdout
    release.wait_until_ready()


def test_unequal_gpu_request_is_refused_at_install(new_release: Callable[..., Release]) -> None:
    """The API server would take no pod of it, so no chart with it is installed."""
    release = new_release(service("llm", resources={"requests": {GPU: 1}, "limits": {GPU: 1}}))
    with pytest.raises(AssertionError, match=GPU):
        release.install("--set", r"llm.resources.limits.nvidia\.com/gpu=2")


# What the README asks for: three kinds that must be readable, those that tell more, and of the cluster its nodes.
REQUIRED = {"": ["configmaps", "pods"], "apps": ["deployments"]}
OPTIONAL = {
    "": ["configmaps", "pods", "services", "persistentvolumeclaims", "events", "secrets"],
    "apps": ["deployments"],
    "discovery.k8s.io": ["endpointslices"],
}


def account(release: Release, name: str, rights: dict[str, list[str]], cluster_role: str = "") -> str:
    """A service account that may list these kinds and nothing else; returns a kubeconfig with its token."""
    rules = [{"apiGroups": [group], "resources": kinds, "verbs": ["list"]} for group, kinds in rights.items()]
    person = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    role = rbac("Role", name, rules=rules)
    release.cluster.apply(person, role, binding_of("Role", name, release), namespace=release.namespace)
    if cluster_role:
        nodes = rbac(
            "ClusterRole", cluster_role, rules=[{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
        )
        release.cluster.apply(nodes, binding_of("ClusterRole", cluster_role, release, name))
    token = release.kubectl("create", "token", name).strip()
    config = json.loads(release.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"][0]["user"] = {"token": token}
    path = release.chart.parent / f"{name}.kubeconfig"
    path.write_text(json.dumps(config))
    return str(path)


def rbac(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **fields}


def binding_of(kind: str, name: str, release: Release, person: str = "") -> dict[str, Any]:
    """Gives the role to the service account, which has the same name unless another is given."""
    return rbac(
        f"{kind}Binding",
        name,
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        subjects=[{"kind": "ServiceAccount", "name": person or name, "namespace": release.namespace}],
    )


@pytest.fixture
def node_role(cluster: Cluster, namespace: str) -> Iterator[str]:
    """The name of a role for the whole cluster, which is gone after the test."""
    yield namespace
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", namespace, "--ignore-not-found")


@pytest.fixture(scope="module")
def healthy(new_release: Callable[..., Release]) -> Release:
    """A release with a service after another, both of them ready."""
    release = new_release(service("llm"), service("after", "llm"), helm_path=HELM4)
    release.install()
    return release


def test_documented_rights_are_enough(failing: dict[str, Release], healthy: Release, node_role: str) -> None:
    result = healthy.status("--kubeconfig", account(healthy, "reader", OPTIONAL))
    assert result.returncode == 0, result.stderr
    assert "may not" not in result.stdout + result.stderr
    release = failing["class missing"]
    result = release.status("--kubeconfig", account(release, "reader", OPTIONAL, node_role))
    assert result.returncode == 1, result.stderr
    assert "may not" not in result.stdout + result.stderr
    assert "storage class absent does not exist" in result.stdout


def test_fewer_rights_tell_less_and_say_so(failing: dict[str, Release]) -> None:
    release = failing["denied"]
    result = release.status("--kubeconfig", account(release, "stranger", REQUIRED))
    assert result.returncode == 1
    assert "401 from nvcr.io" in result.stdout
    assert "may not list events" in result.stdout


def test_too_few_rights_are_named(healthy: Release) -> None:
    kubeconfig = account(healthy, "nobody", {"": ["configmaps"]})
    result = healthy.status("--kubeconfig", kubeconfig)
    assert result.returncode == 3
    assert "may not list" in result.stderr
    assert f"kubectl auth can-i list deployments.apps -n {healthy.namespace}" in result.stderr or (
        f"kubectl auth can-i list pods -n {healthy.namespace}" in result.stderr
    )


def test_watch_survives_an_outage(healthy: Release, cluster: Cluster) -> None:
    command = nimhelm("status", healthy.name, "-n", healthy.namespace, "--watch")
    with subprocess.Popen(
        command, env=cluster.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as watch:
        try:
            assert watch.stdout is not None
            read_until(watch.stdout, "2/2 services ready")
            with cluster.api_outage():
                read_until(watch.stdout, "trying again")
            (pod,) = healthy.pods("after")
            healthy.kubectl("delete", "pod", pod["metadata"]["name"])
            read_until(watch.stdout, "after  NotReady")
            read_until(watch.stdout, "2/2 services ready")
            assert watch.poll() is None
        finally:
            watch.kill()


def read_until(lines: Any, words: str) -> None:
    """Read lines until one has these words in it; the test's own time limit ends a vain search."""
    assert any(words in line for line in lines), f"the output ended without {words!r}"


def test_no_cluster_is_an_error_at_once(healthy: Release, cluster: Cluster) -> None:
    with cluster.api_outage():
        result = healthy.status("--request-timeout", "5s")
    assert result.returncode == 3
    assert result.stdout == ""
    assert "cluster" in result.stderr


def test_output_is_shaped_like_a_pipeline(healthy: Release) -> None:
    document = json.loads(healthy.status("-o", "json").stdout)
    assert (document["kind"], document["status"]["state"]) == ("NIMPipeline", "Ready")
    assert document["status"]["states"] == {"llm": "Ready", "after": "Ready"}
    conditions = {each["type"]: each["status"] for each in document["status"]["conditions"]}
    assert conditions == {"NIM_PIPELINE_READY": "True", "NIM_PIPELINE_FAILED": "False"}


def test_dump_says_the_same(failing: dict[str, Release], tmp_path: Any) -> None:
    release = failing["image missing"]
    release.wait_for_cause("llm", "ImageNotFound")
    release.status("--save", str(tmp_path / "dump"))
    saved = release.run_nimhelm("status", release.name, "--from-dir", str(tmp_path / "dump"), KUBECONFIG="/dev/null")
    assert saved.returncode == 1
    assert "nvcr.io/nim/meta/llama:missing not found" in saved.stdout


def test_wrong_path_of_a_gate_is_found(new_release: Callable[..., Release]) -> None:
    """The dependency is ready and the gate asks for something that it does not have."""
    wrong = {"path": READY_PATH.replace("ready", "absent"), "port": "api"}
    base = service("base", readinessProbe={"enabled": False}, startupProbe={"enabled": False})
    release = new_release(base, service("top", "base"))
    release.install(
        "--set",
        "global.nimhelm.waitTimeoutSeconds=2",
        "--set",
        f"top.dependencies[0].wait.path={wrong['path']}",
        "--set",
        "top.dependencies[0].name=base",
        "--set",
        "top.dependencies[0].port=8000",
        wait=False,
    )
    found = release.wait_for_cause("top", "GateTimeout")
    assert "404" in found["cause"]["text"]
    assert found["root"] is True


def test_a_node_that_was_silent_is_forgotten_when_it_answers(new_release: Callable[..., Release]) -> None:
    release = new_release(service("llm"), service("after", "llm"))
    release.install()
    with release.cluster.silent_node():
        said = release.wait_for_cause("llm", "NodeNotReady")
        assert said["next"] == "kubectl describe node bench"
        assert release.status().returncode == 1
    release.wait_until_ready()
    wait_until(lambda: "NodeNotReady" in release.kubectl("get", "events"), what="the event that stays")
    assert release.status().returncode == 0
