"""What a chart's README and NOTES tell the person who signs it off is what helm makes of the chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import EXAMPLES, ROOT, Helm
from pipelines import plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart
from nimhelm.convert import Options, convert_files

FILES = [*EXAMPLES, ROOT / "tests" / "everything.yaml"]
NAMING = [
    ROOT / "tests" / "nimservices" / f"{name}.yaml" for name in ("shared-claim-dra", "blueprint-services", "proxied")
]
OF_EVERY_CLUSTER = {
    "ConfigMap", "Deployment", "Job", "PersistentVolumeClaim", "Pod", "Role", "RoleBinding", "Service", "ServiceAccount",
}  # fmt: skip


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    [chart] = convert_files([str(request.param)], Options()).charts
    return write_chart(chart, tmp_path_factory.mktemp("signoff"))


def objects(helm: Helm, chart: Path, *words: str) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(helm.template(chart, *words).stdout, Loader=yaml.CSafeLoader) if one]


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


@pytest.mark.parametrize(
    ("policies", "sentence"),
    [
        ((None, None), "With `global.nimhelm.keepClaims=false` they are deleted."),
        (("keep", "keep"), "Their annotation `helm.sh/resource-policy` decides that."),
        ((None, "keep"), "they are deleted, but for `b-pvc`, which have an annotation"),
    ],
)
def test_what_becomes_of_claims(policies: tuple[str | None, ...], sentence: str, helm4: Helm, tmp_path: Path) -> None:
    """The sentence of the README, and what helm renders with keepClaims=false."""
    services = []
    for name, policy in zip("ab", policies, strict=True):
        annotations = {"annotations": {"helm.sh/resource-policy": policy}} if policy else {}
        services.append(service(name, storage={"pvc": {"create": True, "size": "1Gi", **annotations}}))
    chart = write_chart(build_chart(plan(*services)), tmp_path)
    assert sentence in section((chart / "README.md").read_text(encoding="utf-8"), "Claims")
    rendered = objects(helm4, chart, "--set", "global.nimhelm.keepClaims=false")
    kept = [one["metadata"].get("annotations", {}) for one in rendered if one["kind"] == "PersistentVolumeClaim"]
    assert [each.get("helm.sh/resource-policy") for each in kept] == list(policies)


def test_apis(made: Path, helm4: Helm) -> None:
    said = section((made / "README.md").read_text(encoding="utf-8"), "What the cluster needs")
    for kind in {one["kind"] for one in objects(helm4, made)} - OF_EVERY_CLUSTER:
        assert kind.removesuffix("Template") in said
    assert ("Only APIs that every cluster has" in said) == ("- " not in said.partition("These objects")[0])


def pods(rendered: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The specs of all pods of the services, wherever they stand in an object."""
    for one in rendered:
        if one["kind"] == "LeaderWorkerSet":
            group = one["spec"]["leaderWorkerTemplate"]
            yield from (group[key]["spec"] for key in ("leaderTemplate", "workerTemplate"))
        elif one["kind"] == "InferenceService":
            yield one["spec"]["predictor"]
        elif one["kind"] == "Deployment":
            yield one["spec"]["template"]["spec"]


def named(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, name) of the objects that a pod needs, beside secrets and accounts."""
    for volume in spec.get("volumes", []):
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        if "configMap" in volume and not volume["configMap"].get("optional"):
            yield "ConfigMap", volume["configMap"]["name"]
    for claim in spec.get("resourceClaims", []):
        for field in ("ResourceClaim", "ResourceClaimTemplate"):
            if name := claim.get(f"r{field[1:]}Name"):
                yield field, name
    if "runtimeClassName" in spec:
        yield "RuntimeClass", spec["runtimeClassName"]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {}).get("configMapKeyRef", {})
            if source and not source.get("optional"):
                yield "ConfigMap", source["name"]


@pytest.mark.parametrize("path", [*FILES, *NAMING], ids=lambda path: path.stem)
def test_objects(path: Path, helm4: Helm, tmp_path: Path) -> None:
    """What pods name and the chart does not make is in the README, and nothing else is."""
    [chart] = convert_files([str(path)], Options()).charts
    made = write_chart(chart, tmp_path)
    rendered = objects(helm4, made)
    own = {(one["kind"], one["metadata"]["name"]) for one in rendered}
    own |= {  # the driver makes it
        ("ResourceClaimTemplate", one["spec"]["channel"]["resourceClaimTemplate"]["name"])
        for one in rendered
        if one["kind"] == "ComputeDomain"
    }
    told = section((made / "README.md").read_text(encoding="utf-8"), "What the cluster needs")
    told = told.partition("These objects")[2]
    said = set(re.findall(r"^- (\w+) `(\S+)`", told, re.MULTILINE))
    assert said == {each for spec in pods(rendered) for each in named(spec)} - own


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
    assert "delete the models with their claims" in told


def test_a_claim_with_a_policy_of_its_own(tmp_path: Path, helm4: Helm) -> None:
    """The build, the chart's README and its NOTES tell claims that are kept from those that are not, as they are rendered."""

    def claim(policy: str) -> dict[str, Any]:
        return {"storage": {"pvc": {"create": True, "size": "1Gi", "annotations": {"helm.sh/resource-policy": policy}}}}

    three = plan(service("a", **claim("keep")), service("b", **claim("delete")),
                 service("c", storage={"pvc": {"create": True, "size": "1Gi"}}))  # fmt: skip
    chart = write_chart(build_chart(three), tmp_path)
    for words, kept in (((), {"a-pvc", "c-pvc"}), (("--set", "global.nimhelm.keepClaims=false"), {"a-pvc"})):
        rendered = [one for one in objects(helm4, chart, *words) if one["kind"] == "PersistentVolumeClaim"]
        assert kept == {one["metadata"]["name"] for one in rendered
                        if one["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"}  # fmt: skip
        told = notes(helm4, chart, *words)
        (command,) = re.findall(r"kubectl delete pvc .*", told)
        assert set(command.split()[5:]) == kept
        (lost,) = re.findall(r"delete the models with their claims: (.*)\.", told)
        assert set(lost.split(", ")) == {"a-pvc", "b-pvc", "c-pvc"} - kept
    readme = section((chart / "README.md").read_text(encoding="utf-8"), "Claims")
    assert "kubectl delete pvc a-pvc c-pvc\n" in readme
    assert "delete `b-pvc` with the data" in readme


def notes(helm: Helm, chart: Path, *words: str) -> str:
    return helm.run(
        "install", "r", chart, "--dry-run=client", "--set", "global.nimhelm.skipMissingKinds=true", *words
    ).stdout
