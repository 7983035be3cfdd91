"""`nimhelm build` over a chart that is there already: its version, what is said, what `--check` minds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipelines import pipeline, service, text

from nimhelm.build import Place, build_files
from nimhelm.chart.read import read_chart
from nimhelm.chart.version import Wish
from nimhelm.convert import Options
from nimhelm.errors import WriteError

pytestmark = pytest.mark.slow


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return change(tmp_path, "1.0")


def change(folder: Path, tag: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(text(pipeline(service("llm", image={"repository": "nim", "tag": tag}))))
    return path


def build(path: Path, bump: str = "", version: str = "", check: bool = False, **place: Any) -> int:
    return build_files([str(path)], Options(), Place(path.parent, wish=Wish(version, bump), **place), check)


def version(folder: Path, package: bool = False) -> str:
    chart = max(folder.glob("demo-*.tgz"), key=lambda path: path.name) if package else folder / "demo"
    return str(yaml.safe_load(read_chart(chart)["Chart.yaml"])["version"])


@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize(
    ("bump", "same", "changed"),
    [("", "1.2.3", "1.2.3"), ("auto", "1.2.3", "1.2.4"), ("patch", "1.2.4", "1.2.4"), ("minor", "1.3.0", "1.3.0"),
     ("major", "2.0.0", "2.0.0")],
)  # fmt: skip
def test_the_version_stays_or_is_raised(bump: str, same: str, changed: str, package: bool, given: Path) -> None:
    for tag, expected in (("1.0", same), ("2.0", changed)):
        for old in given.parent.glob("demo*"):
            old.unlink() if old.is_file() else None
        build(change(given.parent, "1.0"), version="1.2.3", package=package)
        build(change(given.parent, tag), bump, package=package, force=True)
        assert version(given.parent, package) == expected, tag


def test_the_first_version(given: Path) -> None:
    build(given, "major")
    assert version(given.parent) == "0.1.0"


def test_a_version_raised_by_hand_stays_and_is_no_edit(given: Path) -> None:
    build(given)
    chart = given.parent / "demo" / "Chart.yaml"
    chart.write_text(chart.read_text().replace('version: "0.1.0"', "version: 0.7.0", 1))
    assert build(given, check=True) == 0
    build(change(given.parent, "2.0"))
    assert version(given.parent) == "0.7.0"


@pytest.mark.parametrize("wrong", ["../../x", "latest", "1.0\\nicon: x"])
def test_a_version_that_is_none(wrong: str, given: Path) -> None:
    build(given)
    chart = given.parent / "demo" / "Chart.yaml"
    chart.write_text(chart.read_text().replace('version: "0.1.0"', f'version: "{wrong}"', 1))
    build(change(given.parent, "2.0"), force=True)
    assert version(given.parent) == "0.1.0"


def test_a_version_that_cannot_be_raised(given: Path) -> None:
    build(given)
    chart = given.parent / "demo" / "Chart.yaml"
    chart.write_text(chart.read_text().replace('version: "0.1.0"', "version: v1.0", 1))
    with pytest.raises(WriteError, match=r"v1\.0 is not a semantic version"):
        build(given, "patch")


def test_going_down_is_warned_of(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(given, version="0.2.0")
    build(given, version="0.1.9")
    assert "warning: demo goes down from version 0.2.0 to 0.1.9" in capsys.readouterr().err
    assert version(given.parent) == "0.1.9"
    build(given, version="0.10.0")
    assert "goes down" not in capsys.readouterr().err


@pytest.mark.parametrize("package", [False, True])
def test_an_unchanged_rebuild_says_so(package: bool, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(given, package=package)
    assert ": unchanged, " not in capsys.readouterr().out
    build(given, package=package)
    assert ": unchanged, " in capsys.readouterr().out
    build(change(given.parent, "2.0"), package=package, force=True)
    assert ": unchanged, " not in capsys.readouterr().out


def test_check_minds_the_version_only_when_one_is_given(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(given, version="1.2.3")
    assert build(given, check=True) == 0
    assert build(given, check=True, version="1.2.3") == 0
    capsys.readouterr()
    assert build(given, check=True, version="1.2.4") == 1
    assert '+version: "1.2.4"' in capsys.readouterr().out
    assert build(change(given.parent, "2.0"), check=True) == 1


def test_check_of_packages(given: Path) -> None:
    assert build(given, check=True, package=True) == 1
    build(given, version="1.2.3", package=True)
    assert build(given, check=True, package=True) == 0
    assert build(given, check=True, package=True, version="1.2.3") == 0
    assert build(given, check=True, package=True, version="1.2.4") == 1
    assert build(change(given.parent, "2.0"), check=True, package=True) == 1


def test_force_says_what_it_replaces(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(given)
    (given.parent / "demo" / "values.yaml").write_text("mine: true\n")
    (given.parent / "demo" / "README.md").unlink()
    with pytest.raises(WriteError, match=r": README\.md \(removed\), values\.yaml$"):
        build(given)
    build(given, force=True)
    said = capsys.readouterr().err
    assert f"replaced {given.parent / 'demo' / 'values.yaml'}, which was changed since nimhelm wrote it" in said
    assert build(given, check=True) == 0


def test_all_charts_are_written_or_none(given: Path) -> None:
    given.write_text(text(pipeline(service(), name="one"), pipeline(service(), name="two")))
    (given.parent / "two").mkdir()
    (given.parent / "two" / "notes.txt").write_text("mine")
    with pytest.raises(WriteError, match="two was not written by nimhelm"):
        build(given)
    assert not (given.parent / "one").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_pipeline_in_a_folder_of_the_charts_name(force: bool, given: Path) -> None:
    own = given.parent / "demo" / "pipeline.yaml"
    own.parent.mkdir()
    own.write_text(given.read_text())
    with pytest.raises(WriteError, match="was not written by nimhelm"):
        build_files([str(own)], Options(), Place(given.parent, force=force))
    assert own.read_text() == given.read_text()


def test_pipelines_of_one_namespace_with_the_same_names_are_warned_of(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for name, namespace in (("one", "nim"), ("two", "nim"), ("three", "elsewhere")):
        document = pipeline(service("llm"))
        document["metadata"] = {"name": name, "namespace": namespace}
        paths.append(given.parent / f"{name}.yaml")
        paths[-1].write_text(text(document))
    assert build_files([str(path) for path in paths], Options(), Place(given.parent)) == 0
    said = [row for row in capsys.readouterr().err.splitlines() if "NH032" in row]
    assert ["two and one both have a service llm in the namespace nim" in row for row in said] == [True]


def claim(size: str, **annotations: str) -> dict[str, Any]:
    return {"storage": {"pvc": {"create": True, "size": size, "annotations": annotations}}}


POLICY = "helm.sh/resource-policy"
LOSES = {POLICY: "delete"}
BUILDS = {
    "made": ([], [service("a", **claim("1Gi")), service("b", **claim("2Gi"))], [
        "claims   a-pvc (1Gi), b-pvc (2Gi): kept when a service or the release goes. To delete for good: "
        "kubectl delete pvc a-pvc b-pvc"]),
    "none": ([], [service("a", storage={"emptyDir": {}})], []),
    "one that its annotation gives up": ([], [service("a", **claim("1Gi", **LOSES))], [
        "claims   a-pvc (1Gi): deleted with the data when a service or the release goes"]),
    "a service goes": ([service("a", **claim("1Gi")), service("b", **claim("2Gi"))], [service("a", **claim("1Gi"))], [
        "claims   a-pvc (1Gi): kept when a service or the release goes. To delete for good: kubectl delete pvc a-pvc",
        "kept     b-pvc (2Gi): no longer in the chart; kept by an upgrade. To delete for good: kubectl delete pvc b-pvc"]),
    "one goes that nothing keeps": ([service("a"), service("b", **claim("2Gi", **LOSES))], [service("a")], [
        "deleted  b-pvc (2Gi): no longer in the chart; deleted by an upgrade with the data",
        f"to keep it: kubectl annotate pvc b-pvc --overwrite {POLICY}=keep"]),
    "another name": ([service("a", **claim("1Gi"))], [service("a", storage={"pvc": {"name": "x"}})], [
        "kept     a-pvc (1Gi): no longer in the chart; kept by an upgrade. To delete for good: kubectl delete pvc a-pvc"]),
}  # fmt: skip


@pytest.mark.parametrize("package", [False, True])
@pytest.mark.parametrize("name", BUILDS)
def test_the_summary_names_claims(name: str, package: bool, given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, expected = BUILDS[name]
    for services in filter(None, (before, after)):
        given.write_text(text(pipeline(*services)))
        capsys.readouterr()
        assert build(given, "auto", package=package) == 0
    wrapped = re.compile(r"\n {11}(?!to )")
    lines = [line.strip() for line in wrapped.sub(" ", capsys.readouterr().out).splitlines()]
    words = ("claims ", "kept ", "deleted ", "to keep")
    assert [line for line in lines if line.startswith(words)] == expected
