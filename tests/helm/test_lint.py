"""helm accepts every chart: lint, template, package."""

from __future__ import annotations

from pathlib import Path

import yaml
from conftest import Helm

from nimhelm.chart.read import read_chart


def test_lint(helm: Helm, chart: Path, whole_chart: Path, package: Path) -> None:
    subcharts = sorted((whole_chart / "charts").iterdir())
    linted = helm.run("lint", "--strict", chart, package, whole_chart, *subcharts).stdout
    assert f"{3 + len(subcharts)} chart(s) linted, 0 chart(s) failed" in linted
    assert "[WARNING]" not in linted


def test_lint_with_a_value(helm: Helm, whole_chart: Path, package: Path) -> None:
    """Helm then gives each subchart that it looks at alone some of the shared values."""
    settings = ("--set", "global.nimhelm.waitEnabled=false", "--with-subcharts")
    linted = helm.run("lint", "--strict", whole_chart, package, *settings).stdout
    assert ", 0 chart(s) failed" in linted
    assert "[WARNING]" not in linted


def test_the_archive_renders_as_the_folder_does(helm: Helm, chart: Path, package: Path) -> None:
    assert helm.template(package).stdout.count("\nkind:") == helm.template(chart).stdout.count("\nkind:") > 0


def test_what_helm_packages_is_what_nimhelm_packages(helm: Helm, chart: Path, package: Path, tmp_path: Path) -> None:
    """Chart.yaml aside, which helm writes anew: no file is lost, none is too large, none has a name that helm skips."""
    helm.run("package", chart, "-d", tmp_path)
    packed = [read_chart(path) for path in (next(tmp_path.glob("*.tgz")), package)]
    for files in packed:
        for path in [path for path in files if path.endswith(("Chart.yaml", "Chart.lock"))]:
            del files[path]
    assert packed[0] == packed[1]


def test_disabled_services_render_nothing_until_they_are_switched_on(
    helm4: Helm, chart: Path, whole_chart: Path
) -> None:
    values = yaml.safe_load((whole_chart / "values.yaml").read_text())
    off = [name for name, block in values.items() if block.get("enabled") is False]
    plain = [line for line in helm4.template(chart).stdout.splitlines() if line.startswith("# Source:")]
    whole = [line for line in helm4.template(whole_chart).stdout.splitlines() if line.startswith("# Source:")]
    assert whole == plain
    if off:
        switched_on = helm4.template(whole_chart, *(f"--set={name}.enabled=true" for name in off)).stdout
        for name in off:
            assert f"/charts/{name}/templates/service.yaml" in switched_on


def test_nothing_but_data_differs_between_releases_and_namespaces(helm4: Helm, chart: Path) -> None:
    """Objects are named after the services: the release's name is in labels, and in the hash of a Job's name."""
    names = []
    for release in ("r", "another-release"):
        rendered = helm4.run("template", release, chart, "--namespace", "ns").stdout
        objects = [one for one in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if one]
        names.append([(one["kind"], one["metadata"]["name"]) for one in objects if not is_of_the_release(one)])
    assert names[0] == names[1]


def is_of_the_release(one: dict[str, object]) -> bool:
    metadata = one["metadata"]
    named_after_it = isinstance(metadata, dict) and str(metadata["name"]).startswith(("r-", "another-release"))
    return named_after_it or one["kind"] == "Job"
