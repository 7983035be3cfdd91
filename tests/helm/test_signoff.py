"""What a chart's README and NOTES tell the person who signs it off is what helm makes of the chart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import EXAMPLES, ROOT, Helm

from nimhelm.chart.write import write_chart
from nimhelm.convert import Options, convert_files

FILES = [*EXAMPLES, ROOT / "tests" / "everything.yaml"]
OF_EVERY_CLUSTER = {
    "ConfigMap", "Deployment", "Job", "PersistentVolumeClaim", "Pod", "Role", "RoleBinding", "Service", "ServiceAccount",
}  # fmt: skip


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    [chart] = convert_files([str(request.param)], Options()).charts
    return write_chart(chart, tmp_path_factory.mktemp("signoff"))


def objects(helm: Helm, chart: Path) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(helm.template(chart).stdout, Loader=yaml.CSafeLoader) if one]


def section(readme: str, title: str) -> str:
    return readme.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_claims(made: Path, helm4: Helm) -> None:
    readme = (made / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| `(\S+)` \| (\S+) \| (\S+) \| (.+?) \|", section(readme, "Claims"), re.MULTILINE)
    rendered = [one for one in objects(helm4, made) if one["kind"] == "PersistentVolumeClaim"]
    assert sorted(said) == sorted(
        (
            one["metadata"]["name"],
            one["spec"]["resources"]["requests"]["storage"],
            one["spec"]["accessModes"][0],
            one["spec"].get("storageClassName", "the default one"),
        )
        for one in rendered
    )
    deleted = re.findall(r"kubectl delete pvc .*", readme) + re.findall(r"kubectl delete pvc .*", notes(helm4, made))
    for command in deleted:
        assert set(command.split()[5:]) == {name for name, *_ in said}
    assert len(deleted) == 2 * bool(said)


def test_apis(made: Path, helm4: Helm) -> None:
    said = section((made / "README.md").read_text(encoding="utf-8"), "What the cluster needs")
    for kind in {one["kind"] for one in objects(helm4, made)} - OF_EVERY_CLUSTER:
        assert kind.removesuffix("Template") in said
    assert ("No API beside those" in said) == ("- " not in said)


def test_gates(made: Path, helm4: Helm) -> None:
    """Each row is an init container, and tells the path and port of its first target."""
    told = section((made / "README.md").read_text(encoding="utf-8"), "Gates")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (accept|answer) .*?(?:GET (\S+)` )?at port (\d+)", told, re.MULTILINE)
    settings = next(one for one in objects(helm4, made) if one["metadata"]["name"].endswith("-scripts"))["data"]
    targets = {
        key: re.search(r"^target=(\w+)://.*:(\d+)(/\S*)?$", text, re.MULTILINE)
        for key, text in settings.items()
        if ".wait-for-" in key
    }
    asked = sorted((match[1] == "tcp", match[3] or "", match[2]) for match in targets.values() if match)
    assert bool(asked) == bool(told)
    assert sorted((word == "accept", path, port) for _, _, word, path, port in rows) == asked


def test_what_uninstall_deletes(made: Path, helm4: Helm) -> None:
    told = notes(helm4, made, "--set", "global.nimhelm.keepClaims=false")
    assert "kubectl delete pvc" not in told
    assert "helm uninstall deletes the models" in told


def notes(helm: Helm, chart: Path, *words: str) -> str:
    return helm.run(
        "install", "r", chart, "--dry-run=client", "--set", "global.nimhelm.skipMissingKinds=true", *words
    ).stdout
