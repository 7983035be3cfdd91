"""The charts of the examples as a reviewer reads them, and the objects that they render; `make golden` writes them anew.

golden/rag-pipeline/ is a chart as it is generated, with one service's folder whole. Of all else only the data is kept
that is a pipeline's own: the templates and the schema of another chart are the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import EXAMPLES, Helm

from nimhelm.chart.read import read_folder
from nimhelm.chart.record import RECORD
from nimhelm.chart.write import write_chart
from nimhelm.convert import convert_files

FOLDER = Path(__file__).parent / "golden"
WHOLE = "rag-pipeline"


def kept(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a chart that its golden folder holds. The record changes with every byte of every other file."""
    files = {path: content for path, content in files.items() if path != RECORD}
    first = min((path.split("/")[1] for path in files if path.startswith("charts/")), default="")
    return {path: content for path, content in files.items() if is_data(path) or is_shown(name, path, first)}


def is_data(path: str) -> bool:
    return path in ("values.yaml", "README.md") or path.endswith("Chart.yaml")


def is_shown(name: str, path: str, first: str) -> bool:
    return name == WHOLE and (not path.startswith("charts/") or path.startswith(f"charts/{first}/"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_charts(example: Path, request: pytest.FixtureRequest) -> None:
    (chart,) = convert_files([str(example)]).charts
    folder, files = FOLDER / example.stem, kept(chart.name, chart.files)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(folder, ignore_errors=True)
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    assert read_folder(folder) == files, f"{folder} differs; if rightly so: make golden, and read the diff"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_rendered_objects(example: Path, built: Path, helm4: Helm, golden: Callable[[Path, str], None]) -> None:
    golden(FOLDER / f"{example.stem}.rendered.yaml", helm4.template(built / example.stem).stdout)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_both_helms_render_the_same(example: Path, built: Path, helm: Helm) -> None:
    """All but when the pod of `helm test` is deleted: helm 3 looks for its logs afterwards."""
    kept, deleted = "before-hook-creation", "before-hook-creation,hook-succeeded"
    rendered = helm.template(built / example.stem).stdout
    if helm.major == 3:
        assert deleted not in rendered
        rendered = rendered.replace(f"hook-delete-policy: {kept}\n", f"hook-delete-policy: {deleted}\n")
    wanted = (FOLDER / f"{example.stem}.rendered.yaml").read_text(encoding="utf-8")
    assert objects(rendered) == objects(wanted)


SOURCES = Path(__file__).parent
WITH_VALUES: dict[str, tuple[str, list[str]]] = {
    "everything": ("everything", []),
    "everything-values": ("everything", ["-f", str(SOURCES / "everything.values.yaml")]),
    "everything-as-operator": ("everything", ["--set", "global.nimhelm.keepOperatorPods=true"]),
    "platforms": ("platforms", []),
    "platforms-as-operator": ("platforms", ["--set", "global.nimhelm.keepOperatorPods=true"]),
    "platforms-restricted": ("platforms", ["-f", str(SOURCES / "restricted.values.yaml")]),
    "platforms-values": ("platforms", ["-f", str(SOURCES / "platforms.values.yaml")]),
}
"""Golden files that hold every field and value, for what the examples do not show: the pipeline, and helm's arguments.

They leave out the scripts and the dashboard, which are files of the chart, and the keys that Helm makes anew for MPI.
"""


@pytest.mark.parametrize("name", WITH_VALUES)
def test_rendered_values(name: str, helm4: Helm, golden: Callable[[Path, str], None], tmp_path: Path) -> None:
    source, arguments = WITH_VALUES[name]
    chart = write_chart(convert_files([str(SOURCES / f"{source}.yaml")]).charts[0], tmp_path)
    rendered = helm4.template(chart, *arguments).stdout
    shown = [text for text in rendered.split("\n---\n") if not is_copied(text) and "private.key:" not in text]
    golden(FOLDER / f"{name}.rendered.yaml", "\n---\n".join(shown))


NOTES: dict[str, tuple[str, list[str]]] = {
    "everything": ("everything", ["--set", "global.nimhelm.keepClaims=false"]),
    "platforms": ("platforms", []),
    "rag-pipeline": ("../examples/rag-pipeline", []),
}
"""What Helm says after an install: the chart, and helm's arguments."""


@pytest.mark.parametrize("name", NOTES)
def test_notes(name: str, helm4: Helm, golden: Callable[[Path, str], None], tmp_path: Path) -> None:
    source, arguments = NOTES[name]
    chart = write_chart(convert_files([str(SOURCES / f"{source}.yaml")]).charts[0], tmp_path)
    said = helm4.run("install", "r", chart, "-n", "ns", "--dry-run=client", *arguments).stdout
    golden(FOLDER / f"{name}.notes.txt", said.partition("NOTES:\n")[2])


def is_copied(text: str) -> bool:
    """Whether an object holds files of the chart as they are: the scripts and the dashboard."""
    return "kind: ConfigMap" in text and ("wait.sh:" in text or "dashboard.json:" in text)


def objects(rendered: str) -> list[object]:
    return list(yaml.load_all(rendered, Loader=yaml.CSafeLoader))


def test_no_golden_is_left_over() -> None:
    stems = {example.stem for example in EXAMPLES}
    rendered = {f"{stem}.rendered.yaml" for stem in [*stems, *WITH_VALUES]}
    notes = {f"{stem}.notes.txt" for stem in NOTES}
    assert {path.name for path in FOLDER.iterdir()} == stems | rendered | notes
