"""nimhelm init: dependencies that addresses show, and YAML that keeps the user's comments."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import cache, loaded, pipeline, service, text

from nimhelm.convert import convert_files
from nimhelm.errors import WriteError
from nimhelm.init.command import init
from nimhelm.init.order import Order, order_of
from nimhelm.pipeline import pipeline_of

INPUTS = sorted((Path(__file__).parent / "nimservices").iterdir())


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def order(*services: dict[str, Any], **metadata: Any) -> Order:
    return order_of(pipeline_of(loaded(pipeline(*services, **metadata)).pipelines[0]))


def added(*services: dict[str, Any], **metadata: Any) -> list[tuple[str, str, int]]:
    return [(one.service, one.name, one.port) for one in order(*services, **metadata).added]


@pytest.mark.parametrize(
    ("value", "port"),
    [
        ("http://embed:8000", 8000),
        ("http://embed:8000/v1/embeddings?x=1", 8000),
        ("https://embed:8000/", 8000),
        ("grpc://embed:8001", 8001),
        ("embed:8001", 8001),
        ("http://user:word@embed:8000/v1", 8000),
        ("http://embed", 8000),
        ("http://EMBED:8000", 8000),
        ("http://embed:9999", 8000),
        ("http://embed.rag:8000", 8000),
        ("http://embed.rag.svc:8000", 8000),
        ("http://embed.rag.svc.cluster.local:8000/v1", 8000),
        ("http://embed.rag.svc.cluster.local.:8000/v1", 8000),
        ("embed.rag.svc.cluster.local:8001", 8001),
        ("embed.rag.svc.cluster.local", 8000),
        ("--peers=http://a:1,http://embed:8000,http://b:2", 8000),
        ('{"embedder": "http://embed:8000"}', 8000),
        ("embed", 0),
        ("embedding:8000", 0),
        ("my-embed:8000", 0),
        ("embed-2:8000", 0),
        ("http://embed.example.com:8000", 0),
        ("http://embed.other.svc.cluster.local:8000", 0),
        ("http://embed.other:8000", 0),
        ("http://example.com/embed:8000x", 0),
        ("nvcr.io/nim/embed:1.0.0", 0),
        ("user@embed:8000", 0),
        ("http://embed:99999", 0),
        ("http://llm:8000", 0),
    ],
)
def test_addresses(value: str, port: int) -> None:
    embed = service("embed", expose={"service": {"port": 8000, "grpcPort": 8001}})
    expected = [("llm", "embed", port)] if port else []
    assert added(service("llm", env=env(URL=value)), embed, namespace="rag") == expected
    assert added(service("llm", args=["serve", value]), embed, namespace="rag") == expected
    assert added(service("llm", command=[value]), embed, namespace="rag") == expected


def from_map(key: str, name: str = "settings") -> dict[str, Any]:
    return {"name": "URL", "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}}


MAPS = {
    "settings": {
        "url": "http://embed:8000/v1",
        "host": "embed",
        "file": "a: 1\nembedder:\n  url: embed.rag.svc:8001\n" + "# " + "x" * 200,
        "other": "http://llm-2:8000",
    }
}


@pytest.mark.parametrize(
    ("variables", "port", "reason"),
    [
        ([from_map("url")], 8000, "env URL (ConfigMap settings) is http://embed:8000/v1"),
        ([from_map("file")], 8001, "env URL (ConfigMap settings) is url: embed.rag.svc:8001"),
        ([from_map("other")], 0, ""),
        ([from_map("missing")], 0, ""),
        ([from_map("url", "elsewhere")], 0, ""),
        ([from_map("host")], 0, ""),
        ([{**from_map("host"), "name": "EMBED_HOST"}], 8000,
         "env EMBED_HOST (ConfigMap settings) is embed, without a port: that of the API, 8000"),
        ([*env(EMBED_HOST="embed", EMBED_PORT="8001")], 8001, "env EMBED_HOST is embed"),
        ([*env(embed_host="embed", embed_port="8001")], 8001, "env embed_host is embed"),
        ([*env(SERVER="embed.rag", PORT="8000")], 8000, "env SERVER is embed.rag"),
        ([*env(EMBED_HOST="embed", OTHER_PORT="8001")], 8000,
         "env EMBED_HOST is embed, without a port: that of the API, 8000"),
        ([*env(EMBED_HOST="embed.example.com", EMBED_PORT="8000")], 0, ""),
        ([*env(EMBED_HOST="embed or another one")], 0, ""),
        ([*env(MODEL="embed")], 0, ""),
        ([*env(EMBED_HOST="embed", URL="http://$(EMBED_HOST):8001/v1")], 8001, "env URL is http://embed:8001/v1"),
    ],
)  # fmt: skip
def test_addresses_from_neighbours(variables: list[dict[str, Any]], port: int, reason: str) -> None:
    embed = service("embed", expose={"service": {"port": 8000, "grpcPort": 8001}})
    made = order_of(
        pipeline_of(loaded(pipeline(service("llm", env=variables), embed, namespace="rag")).pipelines[0]), MAPS
    )
    assert [(one.name, one.port) for one in made.added] == ([("embed", port)] if port else [])
    assert [one.reason for one in made.added] == ([reason] if port else [])


@pytest.mark.parametrize(
    ("namespace", "found"), [({}, True), ({"namespace": "rag"}, True), ({"namespace": "other"}, False)]
)
def test_config_maps_of_the_input_are_read(
    namespace: dict[str, str], found: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", **namespace},
        "data": MAPS["settings"],
    }
    path = tmp_path / "input.yaml"
    path.write_text(text(settings, pipeline(service("llm", env=[from_map("url")]), service("embed"), namespace="rag")))
    assert init([str(path)], "-") == 0
    written = capsys.readouterr()
    assert ("llm waits for embed:8000" in written.err) is found
    assert ("- name: embed # env URL" in written.out) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("http://embed.rag:8000", True),
        ("http://embed.rag.svc.cluster.local:8000", True),
        ("http://embed.com:8000", False),
        ("http://embed.internal", False),
    ],
)
def test_a_namespace_that_the_documents_do_not_name(value: str, found: bool) -> None:
    assert bool(added(service("llm", env=env(URL=value)), service("embed"))) == found


def test_variables_are_replaced_as_in_the_pod() -> None:
    variables = env(HOST="embed", URL="http://$(HOST):8000", OTHER="http://$(ABSENT):8000")
    assert added(service("llm", env=variables), service("embed")) == [("llm", "embed", 8000)]


def test_containers_beside_the_model_call_as_well() -> None:
    init_container = {
        "name": "wait",
        "image": {"repository": "busybox", "tag": "1"},
        "env": env(URL="http://embed:8000"),
    }
    found = order(service("llm", initContainers=[init_container]), service("embed"))
    assert [one.reason for one in found.added] == ["init container wait: env URL is http://embed:8000"]


def test_the_api_port_is_chosen_among_several() -> None:
    embed = service("embed", expose={"service": {"port": 8000, "grpcPort": 8001}})
    assert added(service("llm", env=env(A="embed:8001", B="http://embed:8000")), embed) == [("llm", "embed", 8000)]


def test_a_predictor_of_kserve() -> None:
    embed = service("embed", inferencePlatform="kserve")
    assert added(service("llm", env=env(A="http://embed-predictor.rag.svc.cluster.local:80")), embed) == [
        ("llm", "embed", 80)
    ]


def test_what_is_declared_stays() -> None:
    assert added(service("llm", "embed", env=env(A="http://embed:8000")), service("embed")) == []


def test_no_cycle_is_closed() -> None:
    calls = [service(one, env=env(A=f"http://{two}:8000")) for one, two in (("a", "b"), ("b", "c"), ("c", "a"))]
    found = order(*calls)
    assert [(one.service, one.name) for one in found.added] == [("a", "b"), ("b", "c")]
    assert found.left_out == ["c does not wait for a: it would close a cycle (env A is http://a:8000)"]


@pytest.mark.parametrize(
    ("target", "reason"), [({"enabled": False}, "is disabled"), ({"replicas": 0}, "has 0 replicas")]
)
def test_what_never_answers_is_not_waited_for(target: dict[str, Any], reason: str) -> None:
    found = order(service("llm", env=env(A="http://embed:8000")), service("embed", **target))
    assert (found.added, found.left_out) == (
        [],
        [f"llm does not wait for embed: embed {reason} (env A is http://embed:8000)"],
    )


def test_a_password_is_not_shown() -> None:
    (one,) = order(service("llm", env=env(A="http://me:secret@embed:8000")), service("embed")).added
    assert one.reason == "env A is http://embed:8000"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30))
@pytest.mark.slow
def test_any_calls_give_an_order(calls: list[tuple[int, int]]) -> None:
    services = [
        service(
            f"s{number}",
            env=env(**{f"V{index}": f"http://s{two}:8000" for index, (one, two) in enumerate(calls) if one == number}),
        )
        for number in range(7)
    ]
    edges = added(*services)
    left, waiting = {f"s{number}" for number in range(7)}, list(edges)
    while left:
        free = {name for name in left if not any(one == name and two in left for one, two, _ in waiting)}
        assert free
        left -= free
    assert {(one, two) for one, two, _ in edges} <= {(f"s{one}", f"s{two}") for one, two in calls}


INPUT = """\
# Answers questions
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata:
  name: rag-llm  # the large one
  namespace: rag
spec:
  # image of the month
  image: {repository: nvcr.io/nim/llm, tag: "1.3.3"}
  authSecret: 'ngc'
  env:
    # where the embedder is
    - name: EMBED_URL
      value: http://rag-embed:8000/v1  # with its path
  storage: {emptyDir: {}}
---
apiVersion: v1
kind: Secret
metadata: {name: ngc}
---
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMService
metadata: {name: rag-embed, namespace: rag}
spec:
  image: {repository: nvcr.io/nim/embed, tag: "1.6"}
  authSecret: ngc
  storage: {emptyDir: {}}
"""
OUTPUT = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata:
  name: rag
  namespace: rag
spec:
  services:
    # Answers questions
    # the large one
    - name: rag-llm
      enabled: true
      spec:
        # image of the month
        image: {repository: nvcr.io/nim/llm, tag: "1.3.3"}
        authSecret: 'ngc'
        env:
          # where the embedder is
          - name: EMBED_URL
            value: http://rag-embed:8000/v1  # with its path
        storage: {emptyDir: {}}
      dependencies:
        - name: rag-embed # env EMBED_URL
          port: 8000
    - name: rag-embed
      enabled: true
      spec:
        image: {repository: nvcr.io/nim/embed, tag: "1.6"}
        authSecret: ngc
        storage: {emptyDir: {}}
"""


def test_comments_and_order_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "services.yaml").write_text(INPUT)
    assert init([str(tmp_path / "services.yaml")], str(tmp_path / "pipeline.yaml")) == 0
    assert (tmp_path / "pipeline.yaml").read_text() == OUTPUT
    said = capsys.readouterr()
    assert "Secret ngc: not part of the chart" in said.err
    assert "  rag-llm waits for rag-embed:8000: env EMBED_URL is http://rag-embed:8000/v1\n" in said.out


def test_comments_of_a_list_move_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        ("  " if index else "- ") + line + "\n" for index, line in enumerate(INPUT.split("---\n")[0].splitlines()[1:])
    )
    (tmp_path / "list.yaml").write_text(listed)
    assert init([str(tmp_path / "list.yaml")], "-") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("    spec:") + 1] == "      # image of the month"


def test_a_list_of_short_mappings_keeps_its_braces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = "tolerations: [{operator: Exists}]"
    (tmp_path / "services.yaml").write_text(
        INPUT.replace("  storage: {emptyDir: {}}", f"  storage: {{emptyDir: {{}}}}\n  {kept}", 1)
    )
    assert init([str(tmp_path / "services.yaml")], "-") == 0
    assert f"        {kept}\n" in capsys.readouterr().out


def test_a_pipeline_keeps_all_but_its_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = "# mine\n" + text(pipeline(service("llm", env=env(A="http://embed:8000")), service("embed")))
    written = written.replace("    - name: embed\n", "    # second\n    - name: embed\n")
    (tmp_path / "p.yaml").write_text(written + "---\n" + text(cache("weights")))
    assert init([str(tmp_path / "p.yaml")], "-") == 0
    out = capsys.readouterr().out
    expected = "      dependencies:\n        - name: embed # env A\n          port: 8000\n"
    assert expected in out
    assert out.replace(expected, "") == (tmp_path / "p.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", [*INPUTS, *EXAMPLES], ids=lambda path: path.stem)
def test_the_result_builds_the_same_services(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "pipeline.yaml"
    assert init([str(path)], str(output)) == 0
    before, after = convert_files([str(path)]), convert_files([str(output)])
    assert [one for one in after.findings if one.severity == "error"] == []
    specs = [{service.name: service.spec for plan in one.plans for service in plan.services} for one in (before, after)]
    assert specs[0] == specs[1]
    assert [plan.caches for plan in before.plans] == [plan.caches for plan in after.plans]


def test_a_file_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "s.yaml", tmp_path / "pipeline.yaml"
    source.write_text(INPUT)
    output.write_text("mine")
    with pytest.raises(WriteError, match="exists already"):
        init([str(source)], str(output))
    assert output.read_text() == "mine"
    assert init([str(source)], str(output), force=True) == 0
    assert output.read_text() == OUTPUT


def test_errors_stop_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.yaml").write_text(INPUT.replace("authSecret: ngc", "authSekret: ngc"))
    assert init([str(tmp_path / "s.yaml")], str(tmp_path / "pipeline.yaml")) == 1
    assert not (tmp_path / "pipeline.yaml").exists()
    assert "nothing was written" in capsys.readouterr().err


@pytest.mark.slow
def test_standard_input_and_output() -> None:
    command = [sys.executable, "-m", "nimhelm", "init", "-", "-o", "-", "--name", "chat"]
    ran = subprocess.run(command, input=INPUT, capture_output=True, text=True, check=True)
    assert ran.stdout == OUTPUT.replace("  name: rag\n", "  name: chat\n")
    assert "chat: 2 services -> standard output" in ran.stderr


@pytest.mark.parametrize("indent", [None, 4])
def test_json_becomes_yaml_with_a_line_for_each_field(
    indent: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = pipeline(service("llm", env=env(A="http://embed:8000", B="yes")), service("embed"))
    (tmp_path / "p.json").write_text(json.dumps(plain, indent=indent))
    assert init([str(tmp_path / "p.json")], "-") == 0
    out = capsys.readouterr().out
    assert '          - name: "B"\n            value: "yes"\n' in out
    assert "      dependencies:\n        - name: embed # env A\n          port: 8000\n" in out


def test_a_folder_with_charts_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "services.yaml").write_text(INPUT)
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "templates" / "nim.yaml").write_text("{{- if .Values.on }}\nkind: NIMService\n{{- end }}\n")
    (tmp_path / "chart" / "values.yaml").write_text("a: 1\n")
    assert init([str(tmp_path)], "-") == 0
    assert capsys.readouterr().out == OUTPUT


def test_localhost_is_the_pod_itself() -> None:
    assert added(service("llm", env=env(A="http://localhost:8000")), service("localhost")) == []


def test_what_is_said_of_stated_dependencies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stated = [{"name": "embed", "port": 8000}]
    plain = pipeline({**service("llm", env=env(A="http://embed:8000")), "dependencies": stated}, service("embed"))
    (tmp_path / "p.yaml").write_text(text(plain))
    assert init([str(tmp_path / "p.yaml")], "-") == 0
    assert "no dependency was added: no address in env, args or command names a further one" in capsys.readouterr().err


@pytest.mark.parametrize("empty", ["[]", "{}"])
def test_lines_between_a_key_and_its_empty_value_do_not_break_what_follows(empty: str, tmp_path: Path) -> None:
    """helm renders `key:` and an empty list below it; the YAML writer loses its place after such a gap."""
    field = "tolerations" if empty == "[]" else "nodeSelector"
    lines = ["apiVersion: apps.nvidia.com/v1alpha1", "kind: NIMService", "metadata: {name: a}", "spec:",
             "  image: {repository: a, tag: '1'}", "  authSecret: k", "  storage: {emptyDir: {}}",
             f"  {field}:", "", f"    {empty}", "  expose:", "", "    service:", "      port: 8000 # API"]  # fmt: skip
    path, made = tmp_path / "a.yaml", tmp_path / "pipeline.yaml"
    path.write_text("\n".join(lines) + "\n")
    assert init([str(path)], str(made)) == 0
    assert "port: 8000 # API" in made.read_text()
