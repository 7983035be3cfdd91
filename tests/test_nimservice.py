"""NIMService documents: alone or many, and after public files of every kind, they become one pipeline."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Helm
from pipelines import cache, pipeline, service, text

from nimhelm.check import check_documents
from nimhelm.convert import Options, convert_files, write
from nimhelm.load import load_files
from nimhelm.pipeline import dig, pipeline_of

FOLDER = Path(__file__).parent / "nimservices"
INPUTS = sorted(FOLDER.iterdir())
EXPECT = re.compile(r"chart: (\S+); services: ([^\n\"]+)")


def nimservice(name: str, after: str = "", **metadata: Any) -> dict[str, Any]:
    if after:
        metadata["annotations"] = {"nimhelm.dev/depends-on": after}
    return {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMService",
        "metadata": {"name": name, **metadata},
        "spec": service(name)["spec"],
    }


def charts(folder: Path, *documents: dict[str, Any], name: str = "") -> list[str]:
    path = folder / "services.yaml"
    path.write_text(text(*documents))
    converted = convert_files([str(path)], Options(name=name))
    assert [one for one in converted.findings if one.severity == "error"] == []
    return [chart.name for chart in converted.charts]


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_public_kinds_of_files_build(path: Path, helm4: Helm, tmp_path: Path) -> None:
    content = "".join(file.read_text() for file in (sorted(path.iterdir()) if path.is_dir() else [path]))
    converted = convert_files([str(path)])
    assert [one for one in converted.findings if one.severity == "error"] == []
    (chart,) = converted.charts
    name, services = EXPECT.findall(content)[0]
    assert chart.name == name
    assert {f"charts/{one.strip()}/Chart.yaml" for one in services.split(",")} == {
        file for file in chart.files if file.endswith("/Chart.yaml")
    }
    notes = re.search(r"# notes: (\d+)", content)
    assert sum(one.code == "NH008" for one in converted.findings) == (int(notes[1]) if notes else 0)
    (folder,) = write(converted.charts, tmp_path)
    rendered = helm4.template(folder, "--include-crds", "--set", "global.nimhelm.skipMissingKinds=true").stdout
    assert all(f'name: "{one.strip()}"' in rendered for one in services.split(","))


def test_slips_that_helm_installs_are_warnings_in_what_helm_rendered_alone(tmp_path: Path) -> None:
    content = (FOLDER / "rendered-slips.yaml").read_text()
    converted = convert_files([str(FOLDER / "rendered-slips.yaml")])
    slips = [(one.code, one.line, one.severity) for one in converted.findings if one.code in ("NH002", "NH010")]
    assert slips == [
        ("NH010", 23, "warning"),
        ("NH010", 38, "warning"),
        ("NH010", 41, "warning"),
        ("NH002", 44, "warning"),
    ]
    values = yaml.safe_load(converted.charts[0].files["values.yaml"])
    assert values["slips-ranker"]["replicas"] == 2, "the last one, as Helm and the API server take it"
    assert "storage" not in values["slips-ranker"]["resources"]
    written = tmp_path / "written.yaml"
    written.write_text(content.replace("# Source:", "# From:"))
    found = convert_files([str(written)]).findings
    assert [(one.code, one.severity) for one in found if one.code in ("NH002", "NH010")] == [
        ("NH002", "error"), ("NH010", "error"), ("NH010", "error"), ("NH010", "error"), ("NH002", "error"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("services", "name", "expected"),
    [
        ([nimservice("llm")], "", "llm"),
        ([nimservice("llm")], "chat", "chat"),
        ([nimservice("rag-llm"), nimservice("rag-embedding")], "", "rag"),
        ([nimservice("rag-llm"), nimservice("rag-embedding")], "other", "other"),
        ([nimservice("rag-a-llm"), nimservice("rag-a-rank")], "", "rag-a"),
        ([nimservice(name, labels={"app.kubernetes.io/instance": "shop"}) for name in ("a", "b")], "", "shop"),
        (
            [nimservice(name, labels={"app.kubernetes.io/instance": "Shop_1"}) for name in ("a", "b")],
            "",
            "nim-services",
        ),
        ([nimservice("a", labels={"app.kubernetes.io/instance": "shop"}), nimservice("b")], "", "nim-services"),
        ([nimservice("a", namespace="rag"), nimservice("b", namespace="rag")], "", "rag"),
        ([nimservice("a"), nimservice("b")], "", "nim-services"),
    ],
)
def test_the_name_of_the_chart(services: list[dict[str, Any]], name: str, expected: str, tmp_path: Path) -> None:
    assert charts(tmp_path, *services, name=name) == [expected]


def test_each_namespace_has_a_chart(tmp_path: Path) -> None:
    services = [nimservice("llm", namespace="test"), nimservice("llm", namespace="live")]
    path = tmp_path / "services.yaml"
    path.write_text(text(*services))
    converted = convert_files([str(path)], Options(name="chat"))
    assert [(plan.name, plan.namespace) for plan in converted.plans] == [("chat-test", "test"), ("chat-live", "live")]


def test_depends_on_gives_the_order(tmp_path: Path) -> None:
    path = tmp_path / "services.yaml"
    path.write_text(
        text(
            nimservice("llm", "embedding, rerank : 8000 ,milvus:19530"),
            nimservice("embedding"),
            nimservice("rerank", "embedding:8000"),
        )
    )
    (plan,) = convert_files([str(path)]).plans
    assert plan.waves == [["embedding"], ["rerank"], ["llm"]]
    assert [(gate.name, gate.port, gate.external) for gate in plan.services[2].gates] == [
        ("embedding", 8000, False),
        ("rerank", 8000, False),
        ("milvus", 19530, True),
    ]


@pytest.mark.parametrize(
    ("address", "external"),
    [
        ("embedding.rag:8000", False),
        ("embedding.rag.svc.cluster.local", False),
        ("embedding.live.svc:8000", True),
        ("milvus.rag.svc:19530", True),
    ],
)
def test_depends_on_takes_the_address_of_a_service(address: str, external: bool, tmp_path: Path) -> None:
    path = tmp_path / "services.yaml"
    path.write_text(text(nimservice("llm", address, namespace="rag"), nimservice("embedding", namespace="rag")))
    (plan,) = convert_files([str(path)]).plans
    [gate] = next(each for each in plan.services if each.name == "llm").gates
    assert (gate.name, gate.external) == (address.partition(":")[0] if external else "embedding", external)


@pytest.mark.parametrize(
    ("written", "way_out"),
    [
        ("http://embedding:8000/v1", "write embedding:8000"),
        ("embedding:8000; milvus:19530", "write embedding:8000, milvus:19530"),
        ("embedding:8000 milvus:19530", "write embedding:8000, milvus:19530"),
        ("embedding:99999", "write for example embedding:8000, milvus:19530"),
        ("[::1]:8000", "write for example embedding:8000, milvus:19530"),
    ],
)
def test_depends_on_as_people_write_it(written: str, way_out: str, tmp_path: Path) -> None:
    path = tmp_path / "services.yaml"
    path.write_text(text(nimservice("llm", written), nimservice("embedding")))
    assert {one.hint for one in check_documents(load_files([str(path)])) if one.code == "NH035"} == {way_out}


def test_a_pipeline_keeps_its_own_children(tmp_path: Path) -> None:
    child = nimservice("llm", ownerReferences=[{"kind": "NIMPipeline", "name": "demo"}])
    assert charts(tmp_path, pipeline(service("llm"), name="demo"), child) == ["demo"]
    assert charts(tmp_path, pipeline(service("llm"), name="other"), child) == ["other", "llm"]


@pytest.mark.parametrize("name", [{"a": 1}, ["a"], 1, None, ""])
def test_a_name_of_another_type_owns_nothing(name: Any, tmp_path: Path) -> None:
    own = pipeline(service("llm"))
    own["metadata"]["name"] = name
    child = nimservice("embedding", ownerReferences=[{"kind": "NIMPipeline", "name": name}])
    path = tmp_path / "p.yaml"
    path.write_text(text(own, child))
    assert [document.data["metadata"]["name"] for document in load_files([str(path)]).pipelines][1:] == ["embedding"]


def test_findings_stand_in_the_file_of_the_service(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(text(nimservice("llm")))
    broken = nimservice("embedding")
    broken["spec"]["replicas"] = -1
    broken["spec"]["storage"] = {}
    two.write_text("# a comment\n---\n" + text({"apiVersion": "v1", "kind": "List", "items": [broken]}))
    rows = two.read_text().splitlines()
    found = check_documents(load_files([str(one), str(two)]))
    assert [(one.path, one.line, one.code, one.field) for one in found] == [
        (str(two), rows.index("      storage: {}") + 1, "NH050", "spec.storage"),
        (str(two), rows.index("      replicas: -1") + 1, "NH013", "spec.replicas"),
    ]


def test_one_name_twice_names_both_files(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        path.write_text(text(nimservice("llm")))
    (found,) = check_documents(load_files([str(one), str(two)]))
    assert (found.path, found.line, found.code) == (str(two), 4, "NH027")
    assert f"in {one} at line 4" in found.message


def test_the_service_of_a_cache_finds_it(tmp_path: Path) -> None:
    user = nimservice("llm")
    user["spec"]["storage"] = {"nimCache": {"name": "weights"}}
    path = tmp_path / "services.yaml"
    path.write_text(text(user, cache("weights")))
    (plan,) = convert_files([str(path)]).plans
    assert dig(plan.services[0].spec, "storage", "nimCache", "claimName") == "weights-pvc"


@pytest.mark.parametrize("value", ["{a: b}", "[a]", "7", "~", "{name: [a]}", "{name: a, annotations: [b]}"])
def test_any_metadata(value: str, tmp_path: Path) -> None:
    path = tmp_path / "services.yaml"
    path.write_text(f"apiVersion: apps.nvidia.com/v1alpha1\nkind: NIMService\nmetadata: {value}\nspec: 1\n")
    loaded = load_files([str(path)])
    assert check_documents(loaded)
    assert [service.spec for service in pipeline_of(loaded.pipelines[0]).services] == [{}]


NGC = {"modelPuller": "nvcr.io/nim/llm:1.0", "pullSecret": "p", "authSecret": "ngc"}
HUB = {**NGC, "endpoint": "https://huggingface.co", "namespace": "meta", "modelName": "m"}
ALONE = {
    "nothing-of-a-model": {"ngc": NGC},
    "no-filter": {"ngc": {**NGC, "model": {}}},
    "filter": {"ngc": {**NGC, "model": {"engine": "tensorrt_llm", "gpus": [{"product": "h100"}]}}},
    "profiles": {"ngc": {**NGC, "model": {"profiles": ["a"]}}},
    "every-profile": {"ngc": {**NGC, "model": {"profiles": ["all"]}}},
    "endpoint": {"ngc": {**NGC, "modelEndpoint": "ngc://x"}},
    "hub": {"hf": HUB},
    "data-store": {"dataStore": {**HUB, "endpoint": "http://store:8000/v1/hf"}},
}


@pytest.mark.parametrize("name", ALONE)
def test_a_cache_alone_becomes_a_chart(name: str, helm: Helm, tmp_path: Path) -> None:
    path = tmp_path / "cache.yaml"
    path.write_text(text(cache(name, source=ALONE[name])))
    converted = convert_files([str(path)])
    assert [one for one in converted.findings if one.severity == "error"] == []
    (folder,) = write(converted.charts, tmp_path)
    assert folder.name == name
    helm.run("lint", "--strict", folder)
    kinds = re.findall(
        "^kind: (Job|PersistentVolumeClaim|Deployment|Service)$", helm.template(folder).stdout, re.MULTILINE
    )
    assert kinds == ["PersistentVolumeClaim", "Job"]
    readme = (folder / "README.md").read_text()
    assert "--wait --wait-for-jobs --timeout 120m" in readme
    assert "Services in start order" not in readme


def test_caches_alone_share_a_chart_in_each_namespace(tmp_path: Path) -> None:
    def of(name: str, namespace: str) -> dict[str, Any]:
        return {**cache(name), "metadata": {"name": name, "namespace": namespace}}

    assert charts(tmp_path, of("llama-8b", "a"), of("llama-70b", "a")) == ["llama"]
    assert charts(tmp_path, of("llama-8b", "a"), of("embed", "a"), name="models") == ["models"]
    path = tmp_path / "two.yaml"
    path.write_text(text(of("llama", "a"), of("embed", "b")))
    converted = convert_files([str(path)], Options(name="models"))
    assert {plan.name: list(plan.caches) for plan in converted.plans} == {"models-a": ["llama"], "models-b": ["embed"]}
    assert charts(tmp_path, of("llama", "a"), nimservice("llm")) == ["llm"]
