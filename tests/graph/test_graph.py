"""The graph of files, charts and releases, in every output."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from chromium import measured
from conftest import EXAMPLES, ROOT, run_nimhelm
from pipelines import cache, pipeline, service, text

from nimhelm.__main__ import guarded
from nimhelm.chart.obtain import charts_of, values_of
from nimhelm.errors import LoadError
from nimhelm.graph.command import OUTPUTS, Where, pictures
from nimhelm.graph.picture import CACHE, EXTERNAL, Picture
from nimhelm.graph.source import picture_of_values

RECORDED = ROOT / "tests" / "timeline" / "recorded" / "waiting"
GPU = "nvidia.com/gpu"


def drawn(tmp_path: Path, *services: dict[str, Any], more: tuple[dict[str, Any], ...] = (), **metadata: Any) -> Picture:
    (tmp_path / "p.yaml").write_text(text(pipeline(*services, **metadata), *more))
    (chart,) = charts_of(str(tmp_path / "p.yaml"))
    return picture_of_values(chart.name, values_of(chart))


def test_waves_ports_gpus_and_who_waits(tmp_path: Path) -> None:
    resources = {"limits": {GPU: 2}}
    probe = {"probe": {"httpGet": {"path": "/up", "port": "api"}}}
    scale = {"enabled": True, "hpa": {"minReplicas": 1, "maxReplicas": 4}}
    found = drawn(
        tmp_path,
        service("llm", "embed", resources=resources, scale=scale),
        service("ranker", {"name": "embed", "port": 9001}),
        service("embed", readinessProbe=probe, resources=resources, replicas=2,
                expose={"service": {"port": 8000, "grpcPort": 9001}}),
    )  # fmt: skip
    assert [[node.name for node in wave] for wave in found.waves] == [["embed"], ["llm", "ranker"]]
    assert [(edge.dependent, edge.dependency, edge.port, edge.asks) for edge in found.edges] == [
        ("llm", "embed", 8000, "HTTP /up"),
        ("ranker", "embed", 9001, "TCP"),
    ]
    assert found.nodes[0].ports == {"api": 8000, "grpc": 9001}
    assert (found.gpus, found.max_gpus) == ({GPU: 6}, {GPU: 12})
    assert f"GPUs: 6 {GPU}, up to 12 with autoscaling" in OUTPUTS["text"](found)


def test_what_is_outside_and_caches(tmp_path: Path) -> None:
    external = {"annotations": {"nimhelm.dev/external-dependencies": "milvus"}}
    found = drawn(
        tmp_path,
        service("a", {"name": "milvus", "port": 19530}, storage={"nimCache": {"name": "weights"}}),
        more=(cache(),),
        **external,
    )
    assert {(node.name, node.kind) for node in found.nodes} == {
        ("a", "service"), ("milvus", EXTERNAL), ("cache/weights", CACHE),
    }  # fmt: skip
    assert [node.wave for node in found.nodes] == [0, 0, 0]
    printed = OUTPUTS["text"](found)
    assert "outside the pipeline\n    milvus  port 19530" in printed
    assert "waits for cache/weights (its job)" in printed


def test_values_switch_waits_and_services_off(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a"), service("b", "a"))))
    (tmp_path / "v.yaml").write_text("b: {wait: {enabled: false}}\na: {enabled: false}\n")
    (found,) = pictures(str(tmp_path / "p.yaml"), values=(str(tmp_path / "v.yaml"),))
    assert found.edges[0].asks == ""
    assert not found.nodes[0].enabled
    assert "uses, without waiting, a:8000" in OUTPUTS["text"](found)
    assert "-.->" in OUTPUTS["mermaid"](found)
    assert "style=dashed" in OUTPUTS["dot"](found)


@pytest.mark.slow
def test_a_file_and_its_chart_have_one_graph(built: Path) -> None:
    for example in EXAMPLES:
        from_file = pictures(str(example))
        assert from_file == pictures(str(built / example.stem)), example


def test_a_release_has_states() -> None:
    (found,) = pictures("rag", where=Where(from_dir=str(RECORDED)))
    states = {node.name: node.state for node in found.nodes}
    assert states["embedding-service"] == "Ready"
    assert states["guardrails-service"] == "NotReady"
    assert "class n" in OUTPUTS["mermaid"](found)


def test_the_readme_of_a_chart_draws_it(built: Path) -> None:
    readme = (built / "rag-pipeline" / "README.md").read_text()
    (chart,) = re.findall(r"```mermaid\n(.*?)```", readme, re.DOTALL)
    assert chart == OUTPUTS["mermaid"](pictures(str(built / "rag-pipeline"))[0])


@pytest.mark.parametrize("output", sorted(OUTPUTS))
@pytest.mark.slow
def test_every_output_from_the_command_line(output: str) -> None:
    printed = run_nimhelm("graph", ROOT / "examples" / "research-assistant.yaml", "-o", output, check=True).stdout
    for name in ("milvus", "embedding", "retriever", "assistant"):
        assert name in printed


def test_names_cannot_leave_their_label(tmp_path: Path) -> None:
    hostile = 'x"];\nend --> <b> & `{{'
    found = drawn(tmp_path, service("a"))
    found = found._replace(name=hostile, nodes=(found.nodes[0]._replace(name=hostile, image=hostile),))
    assert len(OUTPUTS["mermaid"](found).splitlines()) == 4
    assert len(OUTPUTS["dot"](found).splitlines()) == 5
    ElementTree.fromstring(OUTPUTS["svg"](found))


@pytest.mark.slow
def test_a_picture_in_a_browser(tmp_path: Path) -> None:
    services = [service(f"s{number}", *(f"s{before}" for before in range(number)), resources={"limits": {GPU: 1}})
                for number in range(6)]  # fmt: skip
    page = tmp_path / "page.html"
    page.write_text(f"<body>{OUTPUTS['svg'](drawn(tmp_path, *services))}</body>")
    script = """
      const boxes = [...document.querySelectorAll('.node rect')].map(each => each.getBoundingClientRect());
      const over = boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom));
      return {over, lefts: new Set(boxes.map(box => box.left)).size, edges: document.querySelectorAll('.edge').length};
    """
    assert measured(page, tmp_path, script) == {"over": False, "lefts": 6, "edges": 15}


@pytest.mark.slow
def test_a_word_that_is_no_file_is_a_release(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"cannot read absent\.yaml"):
        pictures("absent.yaml")
    stub = tmp_path / "kubectl"
    stub.write_text('#!/bin/sh\necho "$@" >> %s\necho refused >&2; exit 1\n' % (tmp_path / "asked"))
    stub.chmod(0o755)
    done = run_nimhelm("graph", "rag", "-n", "nim", env={"KUBECTL": str(stub)})
    assert done.returncode == 3
    assert "--namespace=nim" in (tmp_path / "asked").read_text()


@pytest.mark.slow
def test_json_free_text_has_every_service_once(built: Path) -> None:
    for example in EXAMPLES:
        order = json.loads(re.search(r"start-order: '?(\[.*\])", (built / example.stem / "Chart.yaml").read_text())[1])  # type: ignore[index]
        (found,) = pictures(str(built / example.stem))
        assert [[n.name for n in wave if n.kind == "service"] for wave in found.waves] == order


def test_services_and_caches_in_files_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.yaml").write_text(text(pipeline(service("a", storage={"nimCache": {"name": "weights"}}))))
    (tmp_path / "c.yaml").write_text(text(cache("weights")))
    files = [str(tmp_path / "s.yaml"), str(tmp_path / "c.yaml")]
    assert guarded(["graph", *files]) == 0
    assert "waits for cache/weights (its job)" in capsys.readouterr().out
    assert guarded(["images", *files]) == 0
    assert "nvcr.io/" in capsys.readouterr().out
