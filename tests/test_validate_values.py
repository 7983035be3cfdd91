"""Values files held against the chart of the published example.

Each file of documents/values/ says in its first lines what must be found in it; documents/values/expected.txt holds
the whole output.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Helm, run_nimhelm
from echo import as_helm_holds, values_of_helm
from pipelines import plan, service
from test_documents import FOLDER, expected

from nimhelm import foreign_schema
from nimhelm.__main__ import guarded
from nimhelm.chart.build import build_chart
from nimhelm.chart.schema import is_own
from nimhelm.chart.write import package_chart, write_chart
from nimhelm.convert import convert_files
from nimhelm.errors import LoadError
from nimhelm.validate_values import chart_values, check_values_file, layer, merge
from nimhelm.yamlwrite import dump

DOCUMENTS = sorted((FOLDER / "values").glob("*.yaml"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_findings(path: Path, built: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = expected(path)
    exit_code = guarded(["validate", "--values", str(built / "rag-pipeline"), "--format", "json", str(path)])
    found = json.loads(capsys.readouterr().out)
    assert [(one["code"], one["line"], one["column"], one["severity"]) for one in found] == wanted
    assert path.stem.split("-")[0] in {one[0] for one in wanted}
    assert exit_code == any(one[3] == "error" for one in wanted)


@pytest.mark.slow
def test_texts(
    golden: Callable[[Path, str], None],
    built: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(FOLDER / "values")
    for path in DOCUMENTS:
        guarded(["validate", "--values", str(built / "rag-pipeline"), path.name])
    golden(FOLDER / "values" / "expected.txt", capsys.readouterr().out)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_helm_refuses_what_its_schema_and_the_guard_can_see(path: Path, built: Path, helm: Helm) -> None:
    visible = {"NH001", "NH010", "NH012", "NH013", "NH024", "NH025"}
    refused = helm.template(built / "rag-pipeline", "-f", path, check=False).returncode != 0
    if {code for code, *_ in expected(path)} & visible:
        assert refused
    elif all(severity == "warning" for *_, severity in expected(path)):
        assert not refused


EPP = {"name": "epp", "image": {"repository": "epp", "tag": "v1"}}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def found_in(values: dict[str, Any], chart: Path, folder: Path) -> list[str]:
    """The findings in short: `NH013 llm-service.replicas`."""
    path = folder / "values.yaml"
    path.write_text(dump(values))
    return [f"{one.code} {one.field}" for one in check_values_file(str(path), *chart_values(chart))[0]]


LLM, EMBED = "llm-service", "embedding-service"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"global": {"nimhelm": {"imageRegistry": "registry.example.com:5000"}, "other": {"any": 1}}}, []),
        ({LLM: {"replicas": 1}}, []),
        ({LLM: {"storage": {"pvc": None, "image": {"reference": "a.b/model:1"}}}}, []),
        ({LLM: {"enabled": False}}, []),
        ({EMBED: {"enabled": False}, LLM: {"enabled": False}}, []),
        ({EMBED: {"enabled": False}, LLM: {"wait": {"enabled": False}}}, []),
        ({EMBED: {"enabled": False}, LLM: {"dependencies": []}}, []),
        (
            {
                EMBED: {"replicas": 0},
                LLM: {"dependencies": [{"name": EMBED, "port": 8000, "wait": {"enabled": False}}]},
            },
            [],
        ),
        ({LLM: {"dependencies": [{"name": "milvus", "port": 1, "external": True}]}}, []),
        ({EMBED: {"expose": {"service": {"port": 9000}}}, LLM: {"dependencies": [{"name": EMBED, "port": 9000}]}}, []),
        (
            {LLM: {"dependencies": [{"name": EMBED, "port": 9000}]}},
            ["NH026 embedding-service.expose.service.port"],
        ),
        ({LLM: {"dependencies": [{"name": EMBED, "port": 9000, "wait": {"port": 8000}}]}}, []),
        (
            {
                EMBED: {"expose": {"service": {"grpcPort": 9000}}},
                LLM: {"dependencies": [{"name": EMBED, "port": 9000}]},
            },
            [],
        ),
        ({LLM: {"resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 2}}}}, []),
        ({LLM: {"resources": {"limits": {"nvidia.com/gpu": 2}, "requests": None}}}, []),
        ({LLM: {"expose": {"service": {"grpcPort": 0, "metricsPort": 0}}}}, []),
        ({LLM: {"storage": {"pvc": None, "emptyDir": {}}}}, []),
        ({LLM: {"storage": {"pvc": {"create": False}}}}, ["NH052 llm-service.storage.pvc"]),
        ({LLM: None}, ["NH011 llm-service"]),
        ({LLM: {"metrics": {"enabled": True}}}, []),
        ({LLM: {"expose": {"service": {"name": EMBED}}}}, ["NH027 llm-service.expose.service.name"]),
        ({LLM: {"expose": {"service": {"name": "llm"}}}}, []),
        ({LLM: {"userID": 0}, "global": {"nimhelm": {"restricted": False}}}, []),
        (
            {LLM: {"storage": {"pvc": None, "hostPath": "/m"}}, "global": {"nimhelm": {"restricted": True}}},
            ["NH111 llm-service.storage.hostPath"],
        ),
        ({"global": {"nimhelm": {"waitImage": None}}}, []),
        (
            {LLM: {"expose": {"router": {"eppConfig": {"config": {"kind": "a"}}}}}},
            [
                f"NH011 llm-service.expose.router.eppConfig.{field}"
                for field in ("containerSpec", "config.plugins", "config.schedulingProfiles")
            ],
        ),
        (
            {
                LLM: {
                    "expose": {
                        "service": {"type": "ClusterIP"},
                        "router": {"hostDomainName": "x.io", "gateway": {"name": "g", "backendRef": {"port": 8000}}},
                    }
                }
            },
            ["NH011 llm-service.expose.router.gateway.backendRef.name"],
        ),
        (  # a part of a router that routes nothing, and of a cache that is not used
            {
                LLM: {
                    "expose": {"router": {"gateway": {"backendRef": {"port": 1}}, "ingress": {"tls": []}}},
                    "storage": {"nimCache": {"fill": {"enabled": False}}},
                }
            },
            [],
        ),
        (
            {
                LLM: {
                    "expose": {
                        "router": {"eppConfig": {"containerSpec": {**EPP, "resources": {"requests": {"a/b": 1}}}}}
                    }
                }
            },
            ['NH042 llm-service.expose.router.eppConfig.containerSpec.resources.requests["a/b"]'],
        ),
        (
            {LLM: {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [None]}}}}},
            [f"NH013 llm-service.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"],
        ),
        (
            {LLM: {"startupProbe": {"enabled": True, "probe": {"exec": {"command": [None]}}}}},
            ["NH100 llm-service.startupProbe.probe.exec"],
        ),
    ],
)
def test_what_a_values_file_may_say(values: dict[str, Any], expected: list[str], built: Path, tmp_path: Path) -> None:
    assert found_in(values, built / "rag-pipeline", tmp_path) == expected


SOURCES = Path(__file__).parent


@pytest.mark.parametrize(
    ("pipeline", "name"), [("everything", "everything"), ("platforms", "platforms"), ("platforms", "restricted")]
)
def test_what_the_golden_files_render_has_no_errors(pipeline: str, name: str, tmp_path: Path) -> None:
    chart = write_chart(convert_files([str(SOURCES / f"{pipeline}.yaml")]).charts[0], tmp_path)
    found = check_values_file(str(SOURCES / f"{name}.values.yaml"), *chart_values(chart))[0]
    assert [one for one in found if one.severity == "error"] == []


TOP = "it belongs at the top of the file"
HINTS = {
    "extraVolumes": "did you mean volumes?",
    "extraEnvFrom": "did you mean envFrom?",
    "serviceAccountName": "write it as serviceAccount.name",
    "containerSecurityContext": "did you mean securityContext?",
    "strategy": "did you mean updateStrategy?",
    "gracePeriod": "did you mean terminationGracePeriodSeconds?",
    "preStop": "write it as lifecycle.preStop",
    "jsonLogging": 'write it as a variable: env: [{name: NIM_JSONL_LOGGING, value: "1"}]',
    "wait.timeout": "set global.nimhelm.waitTimeoutSeconds",
    "podTemplate.hostNetwork": "write it as podTemplate.spec.hostNetwork",
    "image.registry": "write it in front of the repository: repository: nvcr.io/nim/...",
    "service": "write it as expose.service",
    "ingress": "write it as expose.router.ingress",
    "persistence": "write it as storage.pvc",
    "pdb": "did you mean podDisruptionBudget?",
    "networkPolicy": "it belongs under global.nimhelm",
    "autoscaling": "did you mean scale?",
    "prometheusRule": f"it belongs under {LLM}.metrics",
    "imagePullSecrets": "write it as image.pullSecrets",
    "imagePullPolicy": "write it as image.pullPolicy",
    "podAnnotations": "did you mean annotations?",
    "replicaCount": "did you mean replicas?",
    "hostNetwork": "set podTemplate.spec.hostNetwork",
    "shareProcessNamespace": "set podTemplate.spec.shareProcessNamespace",
    "loadBalancerClass": f"it belongs under {LLM}.expose.service",
    "digest": f"it belongs under {LLM}.image",
    "gpus": 'write it as resources.limits["nvidia.com/gpu"]',
    "dataSource": f"it belongs under {LLM}.storage.pvc",
    "commonLabels": "it belongs under global.nimhelm",
    "extraObjects": TOP,
    "extraManifests": "did you mean extraObjects, at the top of the file?",
    "fullnameOverride": "objects have the name of their service: rename the service in the pipeline",
    "gate": "did you mean wait?",
    "modelProfile": "write it as storage.nimCache.profile",
    "configMaps": "write the object in extraObjects, at the top of the file",
    "ngcAPIKey": "put the key in a Secret, and write the name of the Secret as authSecret",
    "storage.volumes": f"it belongs under {LLM}",
    "storage.csi": "set it as one of volumes, in the values of the chart",
    "storage.pvc.volumeMode": "remove it: a model needs a file system",
    "storage.pvc.finalizers": "create the claim yourself, and write its name as storage.pvc.name",
    "storage.pvc.volumeAttributesClassName": "create the claim yourself, and write its name as storage.pvc.name",
    "storage.pvc.retain": "remove it: the chart keeps its claims, unless global.nimhelm.keepClaims is false",
    "storage.pvc.resources": "write it as storage.pvc.size",
    "storage.pvc.readOnly": f"it belongs under {LLM}.storage",
    "storage.pvc.dataSourceRef": "did you mean dataSource?",
    "expose.service.loadBalancerIP": "write it as expose.service.overlay.loadBalancerIP",
    "expose.router.ingress.annotations": f"it belongs under {LLM}.expose.router",
    "metrics.port": "write it as expose.service.metricsPort",
    "metrics.serviceMonitor.relabelings": "write a ServiceMonitor of your own in extraObjects, at the top of the file of values",
}


def nested(path: str) -> dict[str, Any]:
    """A value of 1 at a path with dots."""
    first, _, rest = path.partition(".")
    return {first: nested(rest) if rest else 1}


POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1"}]}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "llm-service"}}, [("error", "metadata.name")]),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "llm-service"}}, []),
        ({**POD, "metadata": {"name": "a", "labels": {"app": "llm-service"}}}, [("warning", "metadata.labels.app")]),
        ({**POD, "metadata": {"name": "a", "labels": {"app": "mine"}}}, []),
    ],
)  # fmt: skip
def test_objects_beside_a_service(
    given: dict[str, Any], expected: list[tuple[str, str]], built: Path, tmp_path: Path
) -> None:
    if given["kind"] == "Service":
        given = {**given, "spec": {"ports": [{"port": 80}]}}
    path = tmp_path / "values.yaml"
    path.write_text(dump({"extraObjects": [given]}))
    found, _ = check_values_file(str(path), *chart_values(built / "rag-pipeline"))
    assert [(one.severity, one.field) for one in found] == [
        (each, f"extraObjects[0].{place}") for each, place in expected
    ]


@pytest.mark.slow
def test_values_of_other_charts(built: Path, tmp_path: Path) -> None:
    """What people know from other charts gets the name that it has here."""
    path = tmp_path / "values.yaml"
    hints = {}
    for key in HINTS:
        path.write_text(dump({LLM: nested(key)}))
        found = check_values_file(str(path), *chart_values(built / "rag-pipeline"))[0]
        hints |= {one.field.removeprefix(f"{LLM}."): one.hint for one in found if one.code == "NH010"}
    assert hints == HINTS


OF_EACH = "each service has its own, such as embedding-service: "
AT_THE_TOP = {
    "replicaCount": OF_EACH + "did you mean replicas?",
    "service": OF_EACH + "write it as expose.service",
    "existingClaim": OF_EACH + "write it as storage.pvc.name",
    "image": "it belongs under embedding-service or llm-service",
    "imagePullSecrets": "it belongs under global.nimhelm",
    "extraDeploy": "did you mean extraObjects, at the top of the file?",
    "podAnnotations": OF_EACH + "did you mean annotations?",
    "model": "the image is the model, and the Secret of its key is authSecret: remove it",
    "tolerations": "it belongs under embedding-service or llm-service; "
    "for all pods, set global.nimhelm.podTemplate.spec.tolerations",
    "global.nimhelm.waitTimeout": "did you mean waitTimeoutSeconds?",
    "global.nimhelm.mirror": "did you mean imageRegistry?",
    "global.nimhelm.istio": "did you mean mesh: istio?",
    "global.nimhelm.labels": "did you mean commonLabels?",
    "global.nimhelm.timeout": "did you mean waitTimeoutSeconds?",
    "global.nimhelm.networkPolicy.create": "did you mean enabled?",
    "global.nimhelm.networkPolicy.allowedNamespaces": "did you mean gatewayNamespaces?",
    "global.nimhelm.networkPolicy.ingress": "write a NetworkPolicy of your own in extraObjects, at the top of the file",
    "nimCaches.c.labels": "set global.nimhelm.commonLabels, which is for all objects",
    "nimCaches.c.backoffLimit": "remove it: the job that fills a cache has no such setting",
    "nimCaches.c.priorityClassName": "set nimCaches.NAME.podTemplate.spec.priorityClassName in the values of the chart",
    "nimCaches.c.modelPuller": "write it in the source, for example as source.ngc.modelPuller",
    "nimCaches.c.source.ngc.profiles": "write it as source.ngc.model.profiles",
    "fullnameOverride": "objects have the name of their service: rename the service in the pipeline",
}


@pytest.mark.slow
def test_values_of_other_charts_at_the_top(built: Path, tmp_path: Path) -> None:
    """Other charts have one service, whose values stand at the top."""
    path = tmp_path / "values.yaml"
    hints = {}
    for key in AT_THE_TOP:
        path.write_text(dump(nested(key)))
        found = check_values_file(str(path), *chart_values(built / "rag-pipeline"))[0]
        hints |= {one.field: one.hint for one in found if one.code == "NH010"}
    assert hints == AT_THE_TOP


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"global": {"nimhelm": {"mesh": {"enabled": True}}}}, "write one of istio, linkerd"),
        ({LLM: {"updateStrategy": "Recreate"}}, "write updateStrategy: {type: Recreate}"),
        ({LLM: {"podDisruptionBudget": 1}}, "write podDisruptionBudget: {minAvailable: 1}"),
        ({LLM: {"envFrom": ["llm"]}}, "write {secretRef: {name: llm}}"),
        ({"global": {"nimhelm": {"waitImage": {"repository": "a.b/c", "tag": "1"}}}}, "write it as one string: a.b/c:1"),
        ({"global": {"nimhelm": {"openshift": True}}}, "write one of auto, restricted, scc, off"),
        ({LLM: {"extraEnv": [{"name": "A", "value": "b"}]}}, 'write a mapping: {A: "b"}'),
        ({LLM: {"dependencies": {"milvus": {"port": 1}}}}, "write a list of dependencies, each with its name: - name: milvus"),
    ],
)  # fmt: skip
def test_values_of_the_wrong_type(values: dict[str, Any], hint: str, built: Path, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump(values))
    found = check_values_file(str(path), *chart_values(built / "rag-pipeline"))[0]
    assert {one.hint for one in found if one.code == "NH012"} == {hint}


@pytest.mark.parametrize("written", ["https://mirror.example.com:5000/nim", "http://mirror.example.com:5000/nim/"])
def test_a_registry_is_no_address(written: str, built: Path, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(dump({"global": {"nimhelm": {"imageRegistry": written}}}))
    found = check_values_file(str(path), *chart_values(built / "rag-pipeline"))[0]
    assert [(one.code, one.hint) for one in found] == [("NH013", "write mirror.example.com:5000/nim")]


def test_what_the_chart_already_has_wrong_is_not_repeated(tmp_path: Path) -> None:
    chart = write_chart(build_chart(plan(service("a", authSecret=None), service("b"))), tmp_path)
    assert found_in({"b": {"replicas": 2}}, chart, tmp_path) == []
    assert found_in({"a": {"replicas": 2}, "b": {"authSecret": ""}}, chart, tmp_path) == ["NH090 b"]


def test_folders_and_archives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = build_chart(plan(service("a")))
    values = tmp_path / "v.yaml"
    values.write_text("a: {replica: 1}\n")
    for path in (write_chart(chart, tmp_path), package_chart(chart, tmp_path)):
        assert guarded(["validate", "--values", str(path), str(values)]) == 1
        assert f"{values}:1:5: error NH010: unknown field replica in a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"has no Chart\.yaml"),
        ({"Chart.yaml": "name: a\n"}, r"has no values\.schema\.json"),
        ({"Chart.yaml": "name: a\n", "values.schema.json": "{"}, r"values\.schema\.json is not JSON"),
    ],
)
def test_what_is_no_chart_of_nimhelm(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(LoadError, match=message):
        chart_values(tmp_path)
    with pytest.raises(LoadError, match="does not exist"):
        chart_values(tmp_path / "absent")


BASE = {"a": {"b": 1, "c": {"d": [1, 2]}, "e": "x"}, "f": [1], "g": "y"}


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"a": {"b": 2}},
        {"a": {"c": {"d": [3]}}},
        {"a": {"c": {"z": 1}}},
        {"a": {"b": None}},
        {"a": {"c": None}},
        {"a": {"e": {"deep": 1}}},
        {"f": [], "g": {"deep": 1}},
        {"h": {"i": [None, {"j": None}]}},
    ],
)
def test_merged_as_helm_merges(over: dict[str, Any], helm4: Helm, tmp_path: Path) -> None:
    values = tmp_path / "over.yaml"
    values.write_text(dump(over))
    merged = values_of_helm(helm4, tmp_path / "chart", dump(BASE), "-f", values)
    assert as_helm_holds(merge(BASE, over), helm4) == merged
    assert merge(BASE, {}) == BASE


LAYERS = [
    [{"a": {"b": None}}, {"a": {"b": 3}}],
    [{"a": {"b": 3}}, {"a": {"b": None}}],
    [{"a": None}, {"a": {"c": {"z": 1}}}],
    [{"a": {"c": {"z": 1}}}, {"a": {"c": None}}],
    [{"h": {"i": 1}}, {"h": {"i": None, "j": 2}}],
    [{"f": [2]}, {"f": None}, {"f": [3]}],
    [{"a": {"e": {"deep": 1}}}, {"a": {"e": "x"}}],
    [{"a": {"c": "text"}}, {"a": {"c": {"d": [9]}}}],
]


@pytest.mark.parametrize("files", LAYERS, ids=str)
def test_layers_are_merged_as_helm_merges(files: list[dict[str, Any]], helm4: Helm, tmp_path: Path) -> None:
    """A null takes away the chart's own value, and only that: a later file starts from the chart's again."""
    arguments: list[Any] = []
    layered: Any = {}
    for index, values in enumerate(files):
        path = tmp_path / f"{index}.yaml"
        path.write_text(dump(values))
        arguments += ["-f", path]
        layered = layer(layered, values)
    merged = values_of_helm(helm4, tmp_path / "chart", dump(BASE), *arguments)
    assert as_helm_holds(merge(BASE, layered), helm4) == merged


def test_standard_input_and_absent_files(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(["validate", "--values", str(built / "rag-pipeline"), str(tmp_path / "absent.yaml")]) == 3
    assert "cannot read" in capsys.readouterr().err
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert guarded(["validate", "--values", str(built / "rag-pipeline"), str(tmp_path / "empty.yaml")]) == 0


@pytest.mark.slow
def test_layers_are_the_files_of_one_install(built: Path, tmp_path: Path) -> None:
    """The second file is right only over the first, as with several -f."""
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(dump({"llm-service": {"wait": {"enabled": False}}}))
    second.write_text(dump({"embedding-service": {"enabled": False}}))
    command = ["validate", "--values", built / "rag-pipeline", first, second]
    assert run_nimhelm(*command).returncode == 1
    assert run_nimhelm(*command, "--layers").returncode == 0
    assert run_nimhelm(*command[:-2], second, first, "--layers").returncode == 1


def with_schema(built: Path, tmp_path: Path, schema: Any) -> Path:
    """The example's chart with another values.schema.json."""
    chart = tmp_path / "chart"
    shutil.copytree(built / "rag-pipeline", chart)
    (chart / "values.schema.json").write_text(schema if isinstance(schema, str) else json.dumps(schema))
    return chart


@pytest.mark.parametrize(
    ("schema", "values", "expected"),
    [
        ({}, "own: 1\n", []),
        (True, "own: 1\n", []),
        (False, "own: 1\n", []),  # what the chart has wrong itself is not repeated
        ({"properties": {"own": {"type": "string"}}}, "a: 1\nown: 1\n", ["NH012 2 own"]),
        ({"properties": {"own": {"not": {"const": 1}}}}, "own: 1\n", ["NH013 1 own"]),
        ({"properties": {"own": {"oneOf": [{"type": "string"}, {"minimum": 5}]}}}, "own: 1\n", ["NH013 1 own"]),
        ({"properties": {"own": {"required": ["b"]}}}, "own:\n  a: 1\n", ["NH011 1 own"]),
        (
            {"properties": {"own": {"patternProperties": {"^x": True}, "additionalProperties": False}}},
            "own:\n  xa: 1\n  b: 2\n",
            ["NH010 3 own.b"],
        ),
        ({"if": {"required": ["own"]}, "then": {"required": ["other"]}}, "own: 1\n", ["NH011 1 "]),
        ({"properties": {"own": {"items": {"multipleOf": 2}}}}, "own: [2, 3]\n", ["NH013 1 own[1]"]),
        ({"dependentRequired": {"own": ["other"]}}, "own: 1\n", ["NH013 1 "]),
    ],
)
def test_a_foreign_schema_is_judged_by_the_standard(
    schema: Any, values: str, expected: list[str], built: Path, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text(values)
    chart = with_schema(built, tmp_path, schema)
    found, _ = check_values_file(str(tmp_path / "values.yaml"), *chart_values(chart))
    assert [f"{one.code} {one.line} {one.field}" for one in found] == expected


@pytest.mark.slow
def test_an_edited_schema_of_ours_keeps_its_checks(built: Path, tmp_path: Path) -> None:
    schema = json.loads((built / "rag-pipeline" / "values.schema.json").read_text())
    assert is_own(schema)
    schema["properties"]["team"] = {"type": "string", "not": {"const": "none"}}
    assert not is_own(schema)
    (tmp_path / "values.yaml").write_text("team: none\nmisspelt: 1\nllm-service: {replicas: -1}\n")
    found, _ = check_values_file(str(tmp_path / "values.yaml"), *chart_values(with_schema(built, tmp_path, schema)))
    assert [f"{one.code} {one.field}" for one in sorted(found)] == [
        "NH013 team",
        "NH010 misspelt",
        "NH013 llm-service.replicas",
    ]


@pytest.mark.parametrize("place", ["pattern", "patternProperties"])
def test_a_pattern_without_end_is_cut_off(
    place: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python tries every way to divide the text among the repeats: years, here."""
    monkeypatch.setattr(foreign_schema, "LIMIT", 0.3)
    text = "a" * 60 + "!"
    if place == "pattern":
        schema, values = {"properties": {"own": {"pattern": "^(a+)+$"}}}, f"own: {text}\n"
    else:
        schema, values = {"patternProperties": {"^(a+)+$": {"type": "string"}}}, f"{text}: 1\n"
    (tmp_path / "values.yaml").write_text(values)
    chart = with_schema(built, tmp_path, schema)
    with pytest.raises(LoadError, match=r"takes more than 0\.3 s"):
        check_values_file(str(tmp_path / "values.yaml"), *chart_values(chart))


@pytest.mark.parametrize(
    "schema",
    [
        [],
        7,
        {"type": 7},
        {"$ref": "#/nowhere"},
        {"$ref": "http://127.0.0.1:9/x.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#"},
        {"pattern": "(", "properties": {"own": {"pattern": "("}}},
        {"properties": []},
        "[" * 100_000,
        "\ufeff{",
    ],
    ids=lambda schema: str(schema)[:30],
)
def test_a_broken_schema_is_an_error_of_the_chart(
    schema: Any, built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "values.yaml").write_text("own: text\n")
    chart = with_schema(built, tmp_path, schema)
    assert guarded(["validate", "--values", str(chart), str(tmp_path / "values.yaml")]) == 3
    said = capsys.readouterr().err
    assert "values.schema.json" in said
    assert "internal error" not in said


def test_values_are_shown_as_wished(built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("llm-service:\n  replicas: -1\nembedding-service: {enabled: false}\n")
    words = ["validate", "--values", str(built / "rag-pipeline"), str(path)]
    assert guarded([*words, "--show-source", "--color", "always"]) == 1
    said = capsys.readouterr().out
    assert "  2 |   replicas: -1" in said
    assert "\x1b[1;31m^" in said
    assert guarded([*words, "--fix"]) == 2
    path.write_text((FOLDER / "values" / "NH071-router.yaml").read_text())
    capsys.readouterr()
    guarded(words)
    both = capsys.readouterr().out
    guarded([*words, "-q"])
    assert "warning" not in capsys.readouterr().out
    assert "warning" in both
