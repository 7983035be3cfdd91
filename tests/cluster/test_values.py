"""What `nimhelm validate --values` says of values that become fields of a pod or a Service, before an API server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from tests.cel_expressions import REFUSED as CEL_REFUSED
from tests.cel_expressions import TAKEN as CEL_TAKEN
from tests.fuzz.server import HELMS, ROOT, Server, complaints
from tests.kubernetes_values import ACCEPTED, OBJECTS_ACCEPTED, OBJECTS_REFUSED, REFUSED, REFUSED_LATER, rows

from .connection import Cluster
from .release import build, in_parallel

KINDS = (
    "Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "Ingress", "PersistentVolumeClaim",
)  # fmt: skip


def judge(values: dict[str, object], chart: Path, server: Server, folder: Path) -> list[str]:
    """What helm or the API server says against the objects of llm-service with these values."""
    path = folder / "values.yaml"
    folder.mkdir()
    path.write_text(yaml.safe_dump({"llm-service": values}))
    words = [str(HELMS[1]), "template", "r", str(chart), "--namespace", server.namespace, "--no-hooks", "-f", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        return [done.stderr]
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    own = [each for each in objects if each["kind"] in KINDS and is_of_llm(each["metadata"])]
    return complaints(server, own)


def is_of_llm(metadata: dict[str, dict[str, str]]) -> bool:
    """Whether an object is llm-service's, by its name or by the label of its subchart."""
    return "llm-service" in {metadata["name"], *metadata.get("labels", {}).values()}


def test_the_api_server_says_the_same(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    chart = build(ROOT / "examples" / "rag-pipeline.yaml", tmp_path)
    table = [*rows(REFUSED), *rows(REFUSED_LATER), *rows(ACCEPTED)]
    said = in_parallel(
        [
            lambda values=values, index=index: judge(values, chart, server, tmp_path / str(index))
            for index, values in enumerate(table)
        ]
    )
    refused = len(rows(REFUSED))
    taken = [values for values, words in zip(table[:refused], said[:refused], strict=True) if not words]
    assert "\n".join(map(str, taken)) == "", "validate refuses what the API server takes"
    assert [words for words in said[refused:] if words] == []


def test_the_api_server_says_the_same_of_further_objects(cluster: Cluster, namespace: str) -> None:
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    refused = [each for each in rows(OBJECTS_REFUSED) if "example.com" not in str(each["apiVersion"])]
    accepted = [each for each in rows(OBJECTS_ACCEPTED) if "namespace" not in str(each["metadata"])]
    said = in_parallel([lambda each=each: complaints(server, [each]) for each in [*refused, *accepted]])
    taken = [each for each, words in zip(refused, said[: len(refused)], strict=True) if not words]
    assert taken == []
    assert [words for words in said[len(refused) :] if words] == []


def test_the_api_server_says_the_same_of_expressions(cluster: Cluster, namespace: str) -> None:
    server = Server(cluster.kubectl_path, cluster.env, namespace)
    table = [*CEL_REFUSED, *CEL_TAKEN]
    said = in_parallel([lambda each=each: complaints(server, [claim_template(each)]) for each in table])
    assert [each for each, words in zip(CEL_REFUSED, said[: len(CEL_REFUSED)], strict=True) if not words] == []
    assert [words for words in said[len(CEL_REFUSED) :] if words] == []


def claim_template(expression: str) -> dict[str, object]:
    """A claim template whose only device is selected by the expression."""
    device = {"deviceClassName": "gpu.nvidia.com", "selectors": [{"cel": {"expression": expression}}]}
    spec = {"devices": {"requests": [{"name": "gpu", "exactly": device}]}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "claim"},
        "spec": {"spec": spec},
    }
