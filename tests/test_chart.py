"""The chart in memory: copied templates, Chart.yaml, schema, digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, ROOT
from pipelines import pipeline, plan, service

from nimhelm.chart.build import VALUES_DIGEST_ANNOTATION, Chart, build_chart
from nimhelm.chart.read import read_folder
from nimhelm.chart.record import RECORD, with_record
from nimhelm.chart.schema import described_schema, schema_of
from nimhelm.convert import Options, convert_files
from nimhelm.nimservice import pipeline as gathered_pipeline
from nimhelm.plan import plan_pipeline
from nimhelm.summary import summary
from nimhelm.yamlread import read
from nimhelm.yamlwrite import dump
from tools.build_schema import checked

SERVICE = read_folder(ROOT / "chart-template" / "service")
UMBRELLA = read_folder(ROOT / "chart-template" / "umbrella")
EXAMPLE = ROOT / "examples" / "rag-pipeline.yaml"


def parsed(chart: Chart, path: str) -> Any:
    return read(path, chart.files[path].decode())[0][0].data


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_templates_are_copied_byte_for_byte(example: Any) -> None:
    for include in (True, False):
        converted = convert_files([str(example)], Options(include_disabled=include))
        chart, made = converted.charts[0], converted.plans[0]
        copied = {path: content for path, content in chart.files.items() if not path.startswith("charts/")}
        for path in ("values.yaml", "values.schema.json", "README.md", RECORD):
            del copied[path]
        assert {**copied, "Chart.yaml": b""} == {**UMBRELLA, "Chart.yaml": b""}
        for one in made.services:
            base = f"charts/{one.name}/"
            copied = {
                path.removeprefix(base): content for path, content in chart.files.items() if path.startswith(base)
            }
            assert {**copied, "Chart.yaml": b""} == {**SERVICE, "Chart.yaml": b""}
        assert {path.split("/")[1] for path in chart.files if path.startswith("charts/")} == {
            one.name for one in made.services
        }


IMAGES = """\
- name: busybox
  image: docker.io/library/busybox:1.37.0-musl
- name: llm
  image: nvcr.io/nim/llm:1.0
"""


def test_the_umbrellas_chart_yaml() -> None:
    chart = build_chart(plan(service("embed"), service("llm", "embed"), name="demo"), "1.2.3-rc.1+b", "24.10")
    digest = parsed(chart, "values.yaml")["global"]["nimhelm"]["valuesDigest"]
    assert parsed(chart, "Chart.yaml") == {
        "apiVersion": "v2",
        "name": "demo",
        "description": "The NIMPipeline demo: 2 services",
        "type": "application",
        "version": "1.2.3-rc.1+b",
        "appVersion": "24.10",
        "kubeVersion": ">=1.28.0-0",
        "keywords": ["nvidia", "nim", "inference"],
        "annotations": {
            "nimhelm.dev/pipeline": "demo",
            "nimhelm.dev/start-order": '[["embed"],["llm"]]',
            "artifacthub.io/images": IMAGES,
            "helm.sh/images": IMAGES,
            VALUES_DIGEST_ANNOTATION: digest,
        },
        "dependencies": [
            {"name": "embed", "version": "1.2.3-rc.1+b", "repository": "", "condition": "embed.enabled"},
            {"name": "llm", "version": "1.2.3-rc.1+b", "repository": "", "condition": "llm.enabled"},
        ],
    }


def test_a_subcharts_chart_yaml() -> None:
    image = {"repository": "nvcr.io/nim/llm", "tag": "1.10"}
    chart = build_chart(plan(service("llm", image=image)), "2.0.0")
    assert parsed(chart, "charts/llm/Chart.yaml") == {
        "apiVersion": "v2",
        "name": "llm",
        "description": "NIM nvcr.io/nim/llm",
        "version": "2.0.0",
        "appVersion": "1.10",
        "annotations": {"nimhelm.dev/pipeline": "demo", "nimhelm.dev/wave": "0"},
    }


def test_no_app_version_unless_given() -> None:
    assert "appVersion" not in parsed(build_chart(plan(service("a"))), "Chart.yaml")
    assert parsed(build_chart(plan(service("a"))), "Chart.yaml")["version"] == "0.1.0"


def test_names_that_yaml_readers_misread_are_quoted() -> None:
    chart = build_chart(plan(service("on"), service("y", "on"), name="null"))
    assert parsed(chart, "Chart.yaml")["name"] == "null"
    assert [one["name"] for one in parsed(chart, "Chart.yaml")["dependencies"]] == ["on", "y"]
    assert list(parsed(chart, "values.yaml")) == ["global", "on", "y"]


def test_the_chart_of_the_example_stays_small() -> None:
    (chart,) = convert_files([str(EXAMPLE)]).charts
    files = with_record(chart.version, chart.files)
    largest = sorted(((len(content), path) for path, content in files.items()), reverse=True)[:8]
    assert sum(map(len, files.values())) <= 300_000, largest


def test_the_schema_of_a_chart_is_the_printed_one_without_descriptions() -> None:
    assert schema_of(["a", "b"]) == checked(described_schema(["a", "b"]))


def test_the_schema_knows_the_services_and_no_others() -> None:
    schema = json.loads(build_chart(plan(service("embed"), service("llm"))).files["values.schema.json"])
    assert schema["additionalProperties"] is False
    services = [name for name, one in schema["properties"].items() if one.get("$ref", "").endswith("/service")]
    assert services == ["embed", "llm"]


def test_the_record_names_every_file_with_its_digest() -> None:
    chart = build_chart(plan(service("a")), "1.2.3")
    others = {path: content for path, content in chart.files.items() if path != RECORD}
    assert json.loads(chart.files[RECORD]) == {
        "version": "1.2.3",
        "files": {path: hashlib.sha256(content).hexdigest() for path, content in others.items()},
    }


def test_the_values_carry_the_digest_that_the_chart_is_annotated_with() -> None:
    def digests(tag: str, version: str = "0.1.0") -> tuple[str, str]:
        chart = build_chart(plan(service("a", image={"repository": "nim", "tag": tag})), version)
        annotations = parsed(chart, "Chart.yaml")["annotations"]
        return annotations[VALUES_DIGEST_ANNOTATION], parsed(chart, "values.yaml")["global"]["nimhelm"]["valuesDigest"]

    one, two, raised = digests("1"), digests("2"), digests("1", "0.2.0")
    assert one[0] == one[1] != two[0] == two[1]
    assert one == raised, "the version alone makes no other values"


def test_the_files_are_sorted_and_end_in_a_newline() -> None:
    chart = build_chart(plan(service("b"), service("a")))
    assert list(chart.files) == sorted(chart.files)
    for path in ("values.yaml", "Chart.yaml", "values.schema.json", "README.md", "charts/a/Chart.yaml"):
        assert chart.files[path].endswith(b"\n"), path
    assert chart.files["values.yaml"].startswith(b"# yaml-language-server: $schema=values.schema.json\n")


def test_the_readme_of_a_chart() -> None:
    made = plan(
        service(
            "embed",
            image={"repository": "a", "tag": "1", "pullSecrets": ["pull"]},
            resources={"limits": {"nvidia.com/gpu": 1}},
        ),
        service("llm", "embed", scale={"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}}),
        service("off", enabled=False),
        namespace="nim",
    )
    text = build_chart(made).files["README.md"].decode()
    assert "helm install demo . --namespace nim --create-namespace --wait --timeout 60m" in text
    assert "| 1 | embed | `a:1` | 1 nvidia.com/gpu | 1 | - |" in text
    assert "| 2 | llm | `nvcr.io/nim/llm:1.0` | none | 2–4 | embed:8000 |" in text
    assert "Left out, because the pipeline disables them: off." in text
    assert "- `pull`: pulls from " in text
    assert "- `ngc`: with the key `NGC_API_KEY`, for " in text
    assert '    kubectl create secret generic ngc -n nim --from-literal=NGC_API_KEY="${NGC_API_KEY:?}"\n' in text


@pytest.mark.parametrize("gathered", [False, True])
def test_a_chart_says_what_it_was_made_from(gathered: bool) -> None:
    document = read("p", dump(pipeline(service())))[0][0]
    if gathered:
        lone = {"kind": "NIMService", "metadata": {"name": "llm"}, "spec": service()["spec"]}
        document = gathered_pipeline([read("s", dump(lone))[0][0]], "demo", "")
    chart = build_chart(plan_pipeline(document))
    readme = chart.files["README.md"].decode()
    assert ("the NIMPipeline `demo`. " in readme) is not gathered
    assert ("\nNIMServices. " in readme) is gathered
    assert parsed(chart, "Chart.yaml")["description"] == (
        "NIM: 1 service" if gathered else "The NIMPipeline demo: 1 service"
    )
    assert "wait-for-" not in readme, "nothing waits in it"


def test_what_a_pipeline_says_to_artifact_hub_is_in_chart_yaml() -> None:
    document = pipeline(service())
    document["metadata"]["annotations"] = {
        "artifacthub.io/license": "Apache-2.0",
        "artifacthub.io/images": "not the list of the chart",
        "team": "search",
    }
    chart = build_chart(plan_pipeline(read("p", dump(document))[0][0]))
    annotations = parsed(chart, "Chart.yaml")["annotations"]
    assert annotations["artifacthub.io/license"] == "Apache-2.0"
    assert annotations["artifacthub.io/images"] == annotations["helm.sh/images"]
    assert "team" not in annotations


@pytest.mark.parametrize(
    ("target", "disabled"),
    [
        (service("b", enabled=False), False),
        (service("b", enabled=False), True),
        (service("b", scale={"enabled": True, "hpa": {"minReplicas": 0, "maxReplicas": 2}}), False),
    ],
    ids=["disabled", "disabled and brought along", "may scale to zero"],
)
def test_what_is_not_waited_for_is_nowhere_said_to_be(target: dict[str, Any], disabled: bool) -> None:
    made = plan(service("a", "b"), target, service("c", "a"), include_disabled=disabled)
    chart = build_chart(made)
    (row,) = [line for line in chart.files["README.md"].decode().splitlines() if "| a | `" in line]
    assert row.endswith("| - |")
    assert "| a | b |" not in chart.files["README.md"].decode()
    assert ", after b" not in chart.files["values.yaml"].decode()
    assert ", after a" in chart.files["values.yaml"].decode()
    assert "waits for b" not in summary(made, Path("x"), "0.1.0", [], [])
