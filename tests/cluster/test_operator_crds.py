"""The operator's own CRDs accept the pipelines that this project accepts.

They are not part of this repository: put nimpipeline-crd.yaml, nimservice-crd.yaml and nimcache-crd.yaml of the
NIM Operator into a folder and name it in NIMHELM_CRDS.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from .connection import Cluster, CommandError
from .release import ROOT, nimhelm

FOLDER = Path(os.environ.get("NIMHELM_CRDS") or ROOT.parent / "shared" / "reference")
KINDS = ("NIMPipeline", "NIMCache")
NAMES = ("nimpipelines.apps.nvidia.com", "nimservices.apps.nvidia.com", "nimcaches.apps.nvidia.com")
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# Most of these are wrong in some way; those that only deserve a warning are accepted.
DOCUMENTS = sorted((ROOT / "tests" / "documents").glob("*.yaml"))


@pytest.fixture(scope="module")
def crds(cluster: Cluster) -> Iterator[None]:
    """The operator's CRDs, for as long as the module lasts."""
    files = sorted(FOLDER.glob("*-crd.yaml"))
    if not files:
        pytest.skip(f"no *-crd.yaml in {FOLDER}; NIMHELM_CRDS names another folder")
    known = cluster.kubectl("get", "crds", "-o", "name")
    for path in files:
        # On the server: what apply would note of a large one elsewhere does not fit into an annotation.
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", *(f"crd/{name}" for name in NAMES))
    yield
    ours = [name for name in NAMES if name not in known]
    cluster.kubectl("delete", "crd", "--ignore-not-found", *ours, check=False)


def server_accepts(cluster: Cluster, namespace: str, path: Path) -> None:
    """Have the API server judge every pipeline and cache of a file, without creating it."""
    for document in yaml.safe_load_all(path.read_text()):
        if document and document.get("kind") in KINDS:
            document["metadata"]["namespace"] = namespace
            arguments = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
            cluster.kubectl(*arguments, stdin=yaml.safe_dump(document))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_accepted(crds: None, cluster: Cluster, namespace: str, path: Path) -> None:
    server_accepts(cluster, namespace, path)


def test_what_we_accept_the_operator_accepts(crds: None, cluster: Cluster, namespace: str) -> None:
    accepted = [path for path in DOCUMENTS if is_valid(path)]
    assert len(accepted) > 10
    refused = []
    for path in accepted:
        try:
            server_accepts(cluster, namespace, path)
        except CommandError as error:
            refused.append(str(error))
    assert refused == []


def is_valid(path: Path) -> bool:
    """Whether `nimhelm validate` has nothing but warnings to say."""
    return subprocess.run(nimhelm("validate", str(path)), capture_output=True, cwd=ROOT, check=False).returncode == 0


def test_misspelt_field_is_refused(crds: None, cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """The check can fail."""
    path = tmp_path / "pipeline.yaml"
    path.write_text((ROOT / "examples" / "rag-pipeline.yaml").read_text().replace("replicas:", "replica:"))
    with pytest.raises(CommandError, match="replica"):
        server_accepts(cluster, namespace, path)
