"""Saving a snapshot and reading it again, and reading what kubectl saved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from apiserver import helm_secret

from nimhelm.errors import KubectlError, LoadError, NimhelmError, WriteError
from nimhelm.status.compute import compute
from nimhelm.status.dump import load_dump, save
from nimhelm.status.output import document
from nimhelm.status.snapshot import HelmRecord
from tests.status.casefile import CASES, read_case, snapshot_of


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_dump_tells_the_same(path: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(path))
    save(snapshot, str(tmp_path))
    assert document(compute(load_dump(str(tmp_path), "rag"))) == document(compute(snapshot))


def test_a_dump_holds_no_values(tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(CASES[0]))
    secret = {
        "name": "c",
        "args": ["--key=s3cret"],
        "command": ["s3cret"],
        "env": [
            {"name": "TOKEN", "value": "s3cret"},
            {"name": "NGC_API_KEY", "valueFrom": {"secretKeyRef": {"name": "ngc-api-key", "key": "NGC_API_KEY"}}},
        ],
        "startupProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": "Bearer s3cret"}]}},
    }
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": '{"env": "s3cret"}', "kept": "yes"}
    pod = {"kind": "Pod", "metadata": {"name": "p", "annotations": annotations}, "spec": {"containers": [secret]}}
    save(snapshot._replace(lists={**snapshot.lists, "pods": [pod]}), str(tmp_path))
    saved = (tmp_path / "pods.json").read_text()
    assert "s3cret" not in saved
    assert "secretKeyRef" in saved
    assert "kept" in saved


def test_saves_again_over_a_dump_and_over_nothing_else(tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(CASES[0]))
    save(snapshot, str(tmp_path / "new" / "dump"))
    save(snapshot, str(tmp_path / "new" / "dump"))
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(WriteError, match="not empty"):
        save(snapshot, str(tmp_path))
    with pytest.raises(WriteError, match="cannot be written"):
        save(snapshot, str(tmp_path / "thesis.txt"))


def test_reads_what_kubectl_saved(tmp_path: Path) -> None:
    """`kubectl get deployments,pods,… -o yaml` writes a List; one kind at a time a PodList without kinds inside."""
    snapshot = snapshot_of(read_case(Path(__file__).parent / "cases" / "image_pull_401.yaml"))
    pods = [{key: value for key, value in pod.items() if key != "kind"} for pod in snapshot.of("pods")]
    others = [each for kind, objects in snapshot.lists.items() if kind != "pods" for each in objects]
    others.append(helm_secret("rag", "failed", 3))
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": others}))
    (tmp_path / "pods.yml").write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "PodList", "items": pods}))
    (tmp_path / "notes.txt").write_text("not: [yaml")
    loaded = load_dump(str(tmp_path), "rag")
    assert compute(loaded).state == "Failed"
    assert loaded.helm == HelmRecord("failed", 3)
    assert loaded.now.isoformat() == "2026-11-24T02:59:20+00:00"  # the newest thing in the files


def test_picks_the_release_and_its_namespace(tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(Path(__file__).parent / "cases" / "all_ready.yaml"))
    foreign = json.loads(
        json.dumps(snapshot.of("pods")).replace('"nim-service"', '"other"').replace('"True"', '"False"')
    )
    save(snapshot._replace(lists={**snapshot.lists, "pods": snapshot.of("pods") + foreign}), str(tmp_path))
    assert compute(load_dump(str(tmp_path), "rag")).state == "Ready"
    with pytest.raises(KubectlError, match="no release rag in namespace other"):
        load_dump(str(tmp_path), "rag", "other")
    with pytest.raises(KubectlError, match="no release gar") as caught:
        load_dump(str(tmp_path), "gar")
    assert caught.value.hint == "pipelines there: rag"


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.yaml", "a: [b"), ("x.json", "{"), ("x.txt", "a"), ("x.yaml", "1"), ("x.yaml", "\x00"), ("x.yaml", "[" * 5000)],
)
def test_what_is_no_dump(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(NimhelmError) as caught:
        load_dump(str(tmp_path), "rag")
    assert caught.value.exit_code == 3


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="is not a folder"):
        load_dump(str(tmp_path / "none"), "rag")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LoadError):
        load_dump(str(tmp_path), "rag")
