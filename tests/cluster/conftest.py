"""Fixtures: a cluster for the session, a namespace for each test."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import operator_pipeline as operator
from .bench import cluster as bench
from .bench.registry import Rule
from .bench.settings import KUBECONFIG
from .connection import Cluster, wait_until
from .release import Release, build, build_documents, pipeline

EXTERNAL = "external"
REGISTRIES = ("nvcr.io", "localhost:5000")
API_KEY = "nvapi-bench"
OPERATOR_KINDS = ("NIMPipeline", "NIMService", "NIMCache")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster of $KUBECONFIG if NIMHELM_CLUSTER=external, and else the bench.

    A bench that runs already is used and left running.  That it cannot start
    is an error of the tests that need it, never a reason to skip them.
    """
    if os.environ.get("NIMHELM_CLUSTER") == EXTERNAL:
        yield _external_cluster()
        return
    was_up = bench.is_up()
    bench.up()
    try:
        yield Cluster(KUBECONFIG, str(bench.kubectl_path()), is_bench=True)
    finally:
        if not was_up:
            bench.down()


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace with the two secrets that every pipeline needs."""
    name = make_namespace(cluster)
    yield name
    remove_namespace(cluster, name)


@pytest.fixture
def new_namespace(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """For tests that need more than one: each call makes one more."""
    made: list[str] = []

    def make() -> str:
        made.append(make_namespace(cluster))
        return made[-1]

    yield make
    for name in made:
        remove_namespace(cluster, name)


@pytest.fixture
def gpus(cluster: Cluster) -> Iterator[Callable[[int], None]]:
    """Sets the number of GPUs; after the test there are as many as before."""
    yield cluster.gpus
    if cluster.is_bench:
        cluster.gpus(bench.DEFAULT_GPUS)


@pytest.fixture
def registry(cluster: Cluster) -> Iterator[Callable[..., None]]:
    """Sets the rules of the registry; after the test only the default ones apply."""

    def set_rules(*rules: Rule) -> None:
        cluster.registry_rules(rules)

    yield set_rules
    if cluster.is_bench:
        cluster.registry_rules([])


@pytest.fixture(scope="module")
def new_release(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Release]]:
    """Makes charts of pipelines, each to be released in a new namespace; these last as long as the module.

    The pipeline is a file, or its services; further keywords are fields of ``Release``.
    """
    yield from _releases(cluster, tmp_path_factory)


@pytest.fixture
def short_release(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Release]]:
    """The same, for releases that must leave the node at the end of the test."""
    yield from _releases(cluster, tmp_path_factory)


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> Iterator[None]:
    """The kinds of the operator; left alone where they are already."""
    have = cluster.kubectl("get", "crds", "-o", "name")
    missing = [operator.definition(kind) for kind in OPERATOR_KINDS if f"{kind.lower()}s.apps.nvidia.com" not in have]
    if missing:
        cluster.apply(*missing)
    for kind in OPERATOR_KINDS:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{kind.lower()}s.apps.nvidia.com")
    yield
    for one in missing:
        cluster.kubectl("delete", "crd", one["metadata"]["name"], "--wait=false", check=False)


@pytest.fixture
def operated(
    cluster: Cluster, short_release: Callable[..., Release], definitions: None, many_gpus: None
) -> Iterator[Callable[..., Release]]:
    """Runs the service llm with what the operator makes of it, and builds the chart of its pipeline, which is not installed.

    The arguments are what makes the operator's objects, and what the service's spec has beside ``operator.SPEC``.
    """
    made: list[Release] = []

    def run(objects: Callable[..., list[dict[str, Any]]], **own: Any) -> Release:
        spec = operator.SPEC | own
        services = [{"name": "llm", "enabled": True, "spec": spec}]
        release = short_release(*services)
        made.append(release)
        pipeline_of_it = operator.resource("NIMPipeline", "demo", {"services": services})
        cluster.apply(pipeline_of_it, operator.resource("NIMService", "llm", spec), namespace=release.namespace)
        uid = release.get("nimservice", "llm")["metadata"]["uid"]
        cluster.apply(*objects("llm", spec, uid, release.namespace), namespace=release.namespace)
        return release

    yield run
    for release in made:
        for kind in ("nimpipeline", "nimservice"):
            for name in release.kubectl("get", kind, "-o", "name").split():
                release.kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', check=False)


@pytest.fixture(scope="module")
def many_gpus(cluster: Cluster) -> Iterator[None]:
    """GPUs enough for all releases of a module at once."""
    if cluster.is_bench:
        cluster.gpus(64)
    yield
    if cluster.is_bench:
        cluster.gpus(bench.DEFAULT_GPUS)


def _releases(cluster: Cluster, folders: pytest.TempPathFactory) -> Iterator[Callable[..., Release]]:
    made: list[str] = []

    def make(
        *source: Any, annotations: dict[str, str] | None = None, options: tuple[str, ...] = (), **fields: Any
    ) -> Release:
        folder = folders.mktemp("release")
        if isinstance(source[0], Path):
            chart = build(source[0], folder, *options)
        else:
            services = [each for each in source if "kind" not in each]
            others = [each for each in source if "kind" in each]
            chart = build_documents(folder, pipeline(*services, **(annotations or {})), *others, options=options)
        made.append(make_namespace(cluster))
        return Release(cluster, made[-1], chart, **fields)

    yield make
    for name in made:
        remove_namespace(cluster, name)


def make_namespace(cluster: Cluster) -> str:
    """Create a namespace in which pods can be created at once."""
    name = f"nimhelm-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    wait_until(
        lambda: cluster.kubectl("get", "serviceaccount", "default", namespace=name, check=False),
        what=f"the service account of {name}",
    )
    cluster.apply(_api_key_secret(), _pull_secret(), namespace=name)
    return name


def remove_namespace(cluster: Cluster, name: str) -> None:
    """Delete a namespace: its pods at once, the rest in the background."""
    cluster.kubectl("delete", "namespace", name, "--wait=false")
    # As one request, whatever their number.
    cluster.kubectl("delete", "--raw", f"/api/v1/namespaces/{name}/pods?gracePeriodSeconds=0", check=False)


def _external_cluster() -> Cluster:
    kubeconfig, kubectl = os.environ.get("KUBECONFIG"), shutil.which("kubectl")
    if not kubeconfig or not kubectl:
        pytest.fail("NIMHELM_CLUSTER=external needs $KUBECONFIG and kubectl on the path")
    return Cluster(Path(kubeconfig), kubectl, is_bench=False)


def _api_key_secret() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "ngc-api-key"},
        "stringData": {"NGC_API_KEY": API_KEY},
    }


def _pull_secret() -> dict[str, Any]:
    user = "$oauthtoken"
    login = {
        "username": user,
        "password": API_KEY,
        "auth": base64.b64encode(f"{user}:{API_KEY}".encode()).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": "ngc-secret"},
        "stringData": {".dockerconfigjson": json.dumps({"auths": dict.fromkeys(REGISTRIES, login)})},
    }
