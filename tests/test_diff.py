"""What changes for the cluster between two pipelines or charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pipelines import cache, pipeline, plan, service, text

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import package_chart, write_chart
from nimhelm.diff import diff_paths, differences, read_state
from nimhelm.errors import LoadError

GPU = "nvidia.com/gpu"


def gpus(amount: int) -> dict[str, Any]:
    return {"limits": {GPU: amount}}


def image(repository: str, tag: str, **more: str) -> dict[str, Any]:
    return service("a", image={"repository": repository, "tag": tag, **more})


def edge(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "port": 8000, **fields}


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ([service("a")], [service("a")], []),
        ([service("a"), service("b")], [service("b"), service("a")], []),
        (
            [service("a"), service("b", resources=gpus(1), replicas=2)],
            [service("a")],
            ["- b: removed", f"= GPUs in all: 2 -> 0 {GPU}"],
        ),
        (
            [service("a")],
            [service("a"), service("b", "a", resources=gpus(1), replicas=2)],
            [f"+ b: added, nvcr.io/nim/llm:1.0, 1 {GPU}, replicas 2, wave 2", f"= GPUs in all: 0 -> 2 {GPU}"],
        ),
        ([service("a"), service("b")], [service("a"), service("b", enabled=False)], ["- b: removed"]),
        ([image("r", "1")], [image("r", "2")], ["~ a: image tag 1 -> 2"]),
        ([image("r", "1")], [image("s", "1")], ["~ a: image r:1 -> s:1"]),
        (
            [image("r", "1")],
            [image("r", "1", pullPolicy="Always")],
            ["~ a: also image.pullPolicy"],
        ),
        ([service("a")], [service("a", replicas=3)], ["~ a: replicas 1 -> 3"]),
        ([service("a")], [service("a", scale={"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}})], [
            "~ a: replicas 1 -> 2", "~ a: also scale"]),
        ([service("a", resources=gpus(1))], [service("a", resources=gpus(2))], [
            f"~ a: {GPU} 1 -> 2", f"= GPUs in all: 1 -> 2 {GPU}"]),
        ([service("a", resources=gpus(8))],
         [service("a", resources=gpus(8), multiNode={"parallelism": {"pipeline": 2}})],
         ["~ a: also multiNode", f"= GPUs in all: 8 -> 16 {GPU}"]),
        ([service("a"), service("b")], [service("a"), service("b", "a")], ["~ b: wave 1 -> 2", "~ b: waits for nothing -> a:8000"]),
        ([service("a"), service("b", edge("a"))], [service("a"), service("b", edge("a", envName="X"))], ["~ b: also dependencies"]),
        ([service("a")], [service("a", env=[{"name": "A", "value": "1"}], userID=5)], ["~ a: also env, userID"]),
        ([service("a")], [service("a", labels=dict.fromkeys("abcdefgh", "1"), userID=1)], ["~ a: also labels, userID"]),
        ([service("a", labels=dict.fromkeys("abcdefghi", "1"))], [service("a", labels=dict.fromkeys("abcdefghi", "2"))], [
            "~ a: also " + ", ".join(f"labels.{name}" for name in "abcdefgh") + " ..."]),
        ([service("a", labels={"a": "1", "b": "2"})], [service("a", labels={"a": "2", "b": "2"})], ["~ a: also labels.a"]),
        ([service("a", startupProbe={"enabled": True})],
         [service("a", startupProbe={"enabled": True, "probe": {"httpGet": {"port": "api"}, "failureThreshold": 9999}})],
         ["~ a: also startupProbe.probe"]),
    ],
)  # fmt: skip
def test_between_pipelines_and_between_charts(
    old: list[dict[str, Any]], new: list[dict[str, Any]], lines: list[str], tmp_path: Path
) -> None:
    states = []
    for name, services in (("old", old), ("new", new)):
        file = tmp_path / f"{name}.yaml"
        file.write_text(text(pipeline(*services)))
        folder = write_chart(build_chart(plan(*services)), tmp_path / name)
        archive = package_chart(build_chart(plan(*services)), tmp_path / name)
        states.append([read_state(str(path)) for path in (file, folder, archive)])
    for one in states[0]:
        for other in states[1]:
            assert differences(one, other) == lines


def test_what_all_share(tmp_path: Path) -> None:
    using = pipeline(service(storage={"nimCache": {"name": "weights"}}))
    for name, size in (("old", "50Gi"), ("new", "90Gi")):
        (tmp_path / name).write_text(text(using, cache(storage={"pvc": {"create": True, "size": size}})))
    lines = differences(read_state(str(tmp_path / "old")), read_state(str(tmp_path / "new")))
    assert lines == ["~ nimCaches.weights.storage.pvc.size"]
    chart = write_chart(build_chart(plan(service())), tmp_path)
    before = read_state(str(chart))
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace('storageClass: ""', "storageClass: fast"))
    assert differences(before, read_state(str(chart))) == ["~ global.nimhelm.storageClass"]


def test_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, tag in (("old", "1"), ("new", "2")):
        (tmp_path / name).write_text(text(pipeline(service(image={"repository": "r", "tag": tag}))))
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    assert diff_paths(old, new) == 0
    assert diff_paths(old, new, exit_code=True) == 1
    assert capsys.readouterr().out == "~ llm: image tag 1 -> 2\n" * 2
    assert diff_paths(old, old, exit_code=True) == 0
    assert capsys.readouterr().out == "no change for the cluster\n"


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(text(pipeline(service(replicas=-1))))
    with pytest.raises(LoadError, match=r"wrong\.yaml cannot be compared:\n.*NH013"):
        read_state(str(tmp_path / "wrong.yaml"))
    (tmp_path / "other.yaml").write_text("a: 1\n")
    with pytest.raises(LoadError, match="cannot be compared"):
        read_state(str(tmp_path / "other.yaml"))
    with pytest.raises(LoadError, match=r"no chart at"):
        read_state(str(tmp_path / "absent.tgz"))
    for written in (
        "",
        "annotations: 1\n",
        "annotations: {nimhelm.dev/start-order: 5}\n",
        "annotations: {nimhelm.dev/start-order: '5'}\n",
    ):
        (tmp_path / "foreign").mkdir(exist_ok=True)
        (tmp_path / "foreign" / "Chart.yaml").write_text("name: a\n" + written)
        with pytest.raises(LoadError, match="was not generated by nimhelm"):
            read_state(str(tmp_path / "foreign"))


def test_a_pipeline_with_what_a_chart_can_do_without(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a", enabled=False), service("b", "a"))))
    assert list(read_state(str(tmp_path / "p.yaml")).services) == ["b"]
