"""The charts of the examples as a reviewer reads them, and the objects that they render; `make golden` writes them anew.

golden/rag-pipeline/ is a whole chart, as it is generated. Of the other examples only what differs from chart-template/
is kept: the rest is there already.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import EXAMPLES, ROOT, Helm

from nimhelm.chart.write import read_folder
from nimhelm.convert import convert_files

FOLDER = Path(__file__).parent / "golden"
WHOLE = "rag-pipeline"


def of_the_templates() -> dict[str, bytes]:
    """Where a file of chart-template stands in a chart, with `*` for the name of a service, and its bytes."""
    service = {
        f"charts/*/{path}": content for path, content in read_folder(ROOT / "chart-template" / "service").items()
    }
    return {**service, **read_folder(ROOT / "chart-template" / "umbrella")}


def kept(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a chart that its golden folder holds."""
    if name == WHOLE:
        return files
    copied = of_the_templates()
    return {path: content for path, content in files.items() if copied.get(any_service(path)) != content}


def any_service(path: str) -> str:
    """`charts/llm/values.yaml` -> `charts/*/values.yaml`."""
    parts = path.split("/")
    return "/".join(["charts", "*", *parts[2:]]) if parts[0] == "charts" else path


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


def objects(rendered: str) -> list[object]:
    return list(yaml.load_all(rendered, Loader=yaml.CSafeLoader))


def test_a_golden_chart_is_one_for_helm(helm: Helm) -> None:
    helm.run("lint", "--strict", FOLDER / WHOLE)


def test_no_golden_is_left_over() -> None:
    stems = {example.stem for example in EXAMPLES}
    assert {path.name for path in FOLDER.iterdir()} == stems | {f"{stem}.rendered.yaml" for stem in stems}
