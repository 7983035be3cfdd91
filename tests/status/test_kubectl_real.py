"""Reading with the real kubectl from a loopback API server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import Cluster, helm_secret, service_object, serving

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access
from nimhelm.kubectlerrors import UnreachableError
from nimhelm.status.cluster import read_release
from nimhelm.status.compute import compute
from nimhelm.status.overview import Listing, show
from nimhelm.status.snapshot import HelmRecord
from tests.status.conftest import cluster_of

pytestmark = pytest.mark.slow


def test_reads_what_the_status_needs(cluster: Cluster, tmp_path: Path) -> None:
    status = compute(read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path)))
    assert (status.name, status.namespace, status.state) == ("rag-pipeline", "nim-service", "Failed")
    failed = {service.name: service.cause.code for service in status.services if service.root and service.cause}
    assert failed == {"rerank-service": "ImagePullUnauthorized"}


FIRST_ROUND = [
    "configmaps",
    "deployments",
    "endpointslices",
    "events",
    "persistentvolumeclaims",
    "pods",
    "secrets",
    "services",
]


def test_lists_a_fixed_number_of_times_and_never_writes(cluster: Cluster, tmp_path: Path) -> None:
    read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert sorted(cluster.listed) == sorted([*FIRST_ROUND, "nodes"])
    assert cluster.writes == []


def test_reads_nodes_and_their_use_when_a_pod_finds_none(real_kubectl: Path, tmp_path: Path) -> None:
    with serving(cluster_of("gpu_insufficient")) as cluster:
        snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert sorted(cluster.listed) == sorted([*FIRST_ROUND, "nodes", "pods"])
    assert len(snapshot.of("nodes")) == 3
    assert any("requested" in node for node in snapshot.of("nodes"))


def test_one_round_does_when_all_is_ready(real_kubectl: Path, tmp_path: Path) -> None:
    with serving(cluster_of("all_ready")) as cluster:
        assert compute(read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))).state == "Ready"
    assert sorted(cluster.listed) == FIRST_ROUND


NAMES = ("embedding-service", "rerank-service", "llm-service")


def test_reads_the_newest_helm_record(cluster: Cluster, tmp_path: Path) -> None:
    cluster.lists["secrets"] = [helm_secret("rag", "superseded", 9), helm_secret("rag", "failed", 10, description="no")]
    snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert snapshot.helm == HelmRecord("failed", 10, "no", deployed=9)
    assert "s3cret" not in repr(snapshot)  # the record's values are not kept


def test_a_deleted_graph_is_found_in_helms_record(cluster: Cluster, tmp_path: Path) -> None:
    (graph,) = cluster.lists["configmaps"]
    manifest = f"---\n# Source: rag/templates/configmap.yaml\n{yaml.safe_dump(graph)}"
    cluster.lists |= {"configmaps": [], "secrets": [helm_secret("rag", "deployed", 1, manifest=manifest)]}
    status = compute(read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path)))
    assert (status.name, status.state, len(status.services)) == ("rag-pipeline", "Failed", 3)
    assert "ConfigMap rag-nimpipeline does not exist" in status.warnings[0].text


def test_what_the_release_should_hold_is_missed(cluster: Cluster, tmp_path: Path) -> None:
    wanted = [service_object(name) for name in NAMES]
    manifest = "".join(f"---\n{yaml.safe_dump(each)}" for each in wanted)
    cluster.lists |= {"services": wanted[:2], "secrets": [helm_secret("rag", "deployed", 1, manifest=manifest)]}
    snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert snapshot.absent == (("Service", "llm-service"),)


def test_kinds_that_may_not_be_listed_are_not_missed(cluster: Cluster, tmp_path: Path) -> None:
    manifest = f"---\n{yaml.safe_dump(service_object('llm-service'))}"
    cluster.lists |= {"services": [], "secrets": [helm_secret("rag", "deployed", 1, manifest=manifest)]}
    cluster.forbidden = {"services"}
    snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert snapshot.absent == ()
    assert not snapshot.has("services")


@pytest.mark.parametrize("kind", ["configmaps", "deployments", "pods"])
def test_says_which_right_is_missing(cluster: Cluster, tmp_path: Path, kind: str) -> None:
    cluster.forbidden = {kind}
    with pytest.raises(KubectlError, match=f"jane may not list {kind}") as caught:
        read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert caught.value.exit_code == 3
    assert f"kubectl auth can-i list {kind}" in caught.value.hint


def test_does_without_what_may_not_be_read(cluster: Cluster, tmp_path: Path) -> None:
    cluster.forbidden = {"events", "persistentvolumeclaims", "secrets", "nodes"}
    snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert compute(snapshot).state == "Failed"
    assert [note.split(":")[0] for note in snapshot.notes] == [
        "jane may not list persistentvolumeclaims in namespace nim-service",
        "jane may not list events in namespace nim-service",
        "jane may not list secrets in namespace nim-service",
        "jane may not list nodes in the cluster",
    ]


def test_nodes_forbidden_at_the_cluster_scope(real_kubectl: Path, tmp_path: Path) -> None:
    with serving(cluster_of("gpu_insufficient")) as cluster:
        cluster.forbidden = {"nodes"}
        snapshot = read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))
    assert snapshot.notes[0].startswith("jane may not list nodes in the cluster:")


def listed(cluster: Cluster, folder: Path, **listing: Any) -> str:
    """What status shows without a release."""
    out = io.StringIO()
    show(Access("", "", cluster.kubeconfig(folder), 10), Listing(**listing), out)
    return out.getvalue()


def test_a_listing_names_once_what_may_not_be_read(cluster: Cluster, tmp_path: Path) -> None:
    cluster.forbidden = {"events", "secrets", "nodes"}
    head, row, *warnings = listed(cluster, tmp_path).splitlines()
    assert head.startswith("NAMESPACE")
    assert "may not" not in row
    assert [each.split(":")[1] for each in warnings] == [
        " jane may not list events in namespace nim-service",
        " jane may not list secrets in namespace nim-service",
        " jane may not list nodes in the cluster",
    ]


def test_a_listing_of_what_is_ready_does_without_nodes(real_kubectl: Path, tmp_path: Path) -> None:
    with serving(cluster_of("all_ready")) as cluster:
        cluster.forbidden = {"nodes", "namespaces"}
        assert "warning" not in listed(cluster, tmp_path)
        cluster.forbidden = {"services"}
        _, row, warning = listed(cluster, tmp_path).splitlines()
    assert row.endswith("Ready  3/3")
    assert "may not list services" in warning


def test_a_listing_of_the_cluster_that_is_refused_names_the_smaller_one(cluster: Cluster, tmp_path: Path) -> None:
    cluster.forbidden = {"configmaps"}
    with pytest.raises(KubectlError, match="jane may not list configmaps in the cluster") as caught:
        listed(cluster, tmp_path, everywhere=True)
    assert "kubectl auth can-i list configmaps -A; without -A, -n looks in one namespace" in caught.value.hint


def test_unauthorized(cluster: Cluster, tmp_path: Path) -> None:
    cluster.unauthorized = True
    with pytest.raises(KubectlError, match=r"does not know you \(401\)"):
        read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))


def test_slow_server(cluster: Cluster, tmp_path: Path) -> None:
    cluster.delay = 30
    with pytest.raises(UnreachableError, match="did not answer"):
        read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path), timeout=1)


def test_server_that_answers_503(cluster: Cluster, tmp_path: Path) -> None:
    config = cluster.kubeconfig(tmp_path)
    read_release("rag", kubeconfig=config)  # discovery is cached from now on
    cluster.broken = 503
    with pytest.raises(UnreachableError, match="cannot answer now"):
        read_release("rag", kubeconfig=config)


def test_no_server(real_kubectl: Path, tmp_path: Path) -> None:
    cluster = Cluster({})
    cluster.address = "http://127.0.0.1:1"
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1 refuses the connection"):
        read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path))


def test_no_such_host(real_kubectl: Path, tmp_path: Path) -> None:
    cluster = Cluster({})
    cluster.address = "https://no-such-host.invalid"
    with pytest.raises(UnreachableError):
        read_release("rag", kubeconfig=cluster.kubeconfig(tmp_path), timeout=3)


def test_no_kubeconfig_at_all(real_kubectl: Path, tmp_path: Path) -> None:
    with pytest.raises(KubectlError) as caught:
        read_release("rag")
    assert "KUBECONFIG" in caught.value.hint


def test_no_such_kubeconfig(real_kubectl: Path, tmp_path: Path) -> None:
    with pytest.raises(KubectlError, match="the kubeconfig cannot be read"):
        read_release("rag", kubeconfig=str(tmp_path / "none"))


def test_no_such_context(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(KubectlError, match="there is no context prod"):
        read_release("rag", context="prod", kubeconfig=cluster.kubeconfig(tmp_path))


def test_login_plugin_that_is_missing(cluster: Cluster, tmp_path: Path) -> None:
    config = Path(cluster.kubeconfig(tmp_path))
    plugin = '{"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login", "interactiveMode": "Never"}}'
    config.write_text(config.read_text().replace('{"token": "t"}', plugin).replace("http://", "https://"))
    with pytest.raises(KubectlError, match="login plugin"):
        read_release("rag", kubeconfig=str(config))


def test_no_such_release_names_the_others(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(KubectlError, match="there is no release rga") as caught:
        read_release("rga", "nim-service", kubeconfig=cluster.kubeconfig(tmp_path))
    assert caught.value.hint == "pipelines there: rag"


def test_no_such_namespace(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(KubectlError, match="there is no namespace nim-servce"):
        read_release("rag", "nim-servce", kubeconfig=cluster.kubeconfig(tmp_path))


def test_release_of_another_chart(cluster: Cluster, tmp_path: Path) -> None:
    cluster.lists["secrets"] = [helm_secret("postgres", "deployed", 1)]
    with pytest.raises(KubectlError, match="was not installed from a chart that nimhelm built"):
        read_release("postgres", "nim-service", kubeconfig=cluster.kubeconfig(tmp_path))


def test_steps_carry_the_users_context(cluster: Cluster, tmp_path: Path) -> None:
    snapshot = read_release("rag", context="here", kubeconfig=cluster.kubeconfig(tmp_path))
    steps = [service.cause.next for service in compute(snapshot).services if service.root and service.cause]
    assert steps[0].startswith(f"kubectl --kubeconfig {snapshot.kubeconfig} --context here create secret")
