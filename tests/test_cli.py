"""The command line: every option, every exit code, and never a traceback."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, HELMS, ROOT, run_nimhelm
from pipelines import cache, pipeline, service, text

from nimhelm import __version__
from nimhelm.__main__ import guarded
from nimhelm.assets import schema_text
from nimhelm.chart.read import read_folder

RAG = ROOT / "examples" / "rag-pipeline.yaml"
OPTIONAL = ROOT / "examples" / "optional-services-pipeline.yaml"


class Ran:
    """What a command line answered."""

    def __init__(self, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...]) -> None:
        capsys.readouterr()
        self.code = guarded([str(one) for one in arguments])
        self.out, self.err = capsys.readouterr()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command line in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: Ran(capsys, arguments)


@pytest.fixture
def file(tmp_path: Path) -> object:
    """Write documents into a file of the folder."""

    def write(*documents: dict[str, object], name: str = "p.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text(*documents))
        return path

    return write


def test_build_says_what_it_made(run, tmp_path) -> None:
    ran = run("build", RAG)
    assert ran.code == 0
    assert ran.out == (
        "rag-pipeline 0.1.0: 3 services -> rag-pipeline\n"
        "  wave 1   embedding-service  1 nvidia.com/gpu\n"
        "           rerank-service     1 nvidia.com/gpu\n"
        "  wave 2   llm-service        1 nvidia.com/gpu x 2  waits for embedding-service,\n"
        "                              rerank-service\n"
        "  GPUs     4 nvidia.com/gpu\n"
        "  claims   embedding-service-pvc (10Gi), rerank-service-pvc (20Gi),\n"
        "           llm-service-pvc (50Gi): kept when a service or the release goes. To\n"
        "           delete for good:\n"
        "           kubectl delete pvc -n nim-service "
        "embedding-service-pvc rerank-service-pvc llm-service-pvc\n"
        "\n"
        "  helm install rag-pipeline ./rag-pipeline -n nim-service --create-namespace --wait --timeout 60m\n"
    )
    assert f"{RAG}:71:11: warning NH056" in ran.err
    assert (tmp_path / "rag-pipeline" / "Chart.yaml").is_file()


def test_a_chart_that_was_there_may_be_installed_already(run, file) -> None:
    upgrade = "  helm upgrade demo {} --install --reset-then-reuse-values --wait --timeout "
    source = file(pipeline(service()))
    assert "  helm install demo ./demo --wait" in run("build", source).out
    assert "  helm install demo ./x/demo-0.1.0.tgz " in run("build", source, "--package", "-o", "x").out
    source = file(pipeline(service(replicas=2)))
    assert upgrade.format("./demo") in run("build", source).out
    assert upgrade.format("./x/demo-0.1.1.tgz") in run("build", source, "--package", "-o", "x", "--bump", "auto").out


def test_build_says_what_it_skipped(run) -> None:
    ran = run("build", OPTIONAL)
    assert "  skipped  guardrails (disabled; --include-disabled brings them along)\n" in ran.out
    ran = run("build", OPTIONAL, "--include-disabled", "--force")
    assert "skipped" not in ran.out
    assert "no GPU  (disabled)  waits for core-llm" in ran.out


def test_build_names_caches_and_needs_no_namespace(run, file) -> None:
    ran = run("build", file(pipeline(service(storage={"nimCache": {"name": "weights"}})), cache()))
    assert "  caches   weights\n" in ran.out
    assert "  GPUs     none\n" in ran.out
    assert "  helm install demo ./demo --wait --timeout 150m\n" in ran.out


def test_build_into_another_folder(run, tmp_path) -> None:
    assert run("build", RAG, "-o", "deep/er").code == 0
    assert run("build", RAG, "--output", tmp_path / "deep" / "er").code == 0
    assert (tmp_path / "deep" / "er" / "rag-pipeline" / "values.yaml").is_file()


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        (".", "./rag-pipeline"),
        ("out", "./out/rag-pipeline"),
        ("../out", "../out/rag-pipeline"),
        ("a b", "'./a b/rag-pipeline'"),
    ],
)
@pytest.mark.slow
def test_the_install_line_names_the_chart_as_helm_wants_it(run, tmp_path, folder, shown) -> None:
    """A path without a slash or dot at its start would be a chart of a repository to helm."""
    (tmp_path / "here").mkdir()
    os.chdir(tmp_path / "here")
    assert f"  helm install rag-pipeline {shown} -n nim-service " in run("build", RAG, "-o", folder).out
    assert f"  helm install rag-pipeline {tmp_path}/x/rag-pipeline -n" in run("build", RAG, "-o", tmp_path / "x").out


def test_package(run, tmp_path) -> None:
    ran = run("build", RAG, "--package", "--chart-version", "1.2.3-rc.1", "--app-version", "24.10")
    assert ran.code == 0
    assert "-> rag-pipeline-1.2.3-rc.1.tgz\n" in ran.out
    with tarfile.open(tmp_path / "rag-pipeline-1.2.3-rc.1.tgz") as tar:
        chart_yaml = tar.extractfile("rag-pipeline/Chart.yaml").read().decode()
    assert "version: 1.2.3-rc.1\n" in chart_yaml.replace('"', "")
    assert 'appVersion: "24.10"\n' in chart_yaml


@pytest.mark.parametrize("version", ["1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "", "latest", "1.2.3-", "1.2.3 "])
def test_a_chart_version_that_is_none(run, version, tmp_path) -> None:
    ran = run("build", RAG, "--chart-version", version)
    assert ran.code == 2
    assert "is not a semantic version" in ran.err
    assert not any(tmp_path.iterdir())


def test_force(run, tmp_path) -> None:
    run("build", RAG)
    (tmp_path / "rag-pipeline" / "values.yaml").write_text("mine")
    ran = run("build", RAG)
    assert ran.code == 3
    assert "was changed since nimhelm wrote it" in ran.err
    assert "--force" in ran.err
    assert (tmp_path / "rag-pipeline" / "values.yaml").read_text() == "mine"
    assert run("build", RAG, "--force").code == 0
    assert (tmp_path / "rag-pipeline" / "values.yaml").read_text() != "mine"


def test_check(run, tmp_path) -> None:
    ran = run("build", RAG, "--check")
    assert (ran.code, ran.out) == (1, "rag-pipeline: missing; run nimhelm build\n")
    run("build", RAG)
    before = read_folder(tmp_path)
    assert (run("build", RAG, "--check").code, run("build", RAG, "--check").out) == (0, "")
    ran = run("build", RAG, "--check", "--chart-version", "0.2.0")
    assert ran.code == 1
    assert "run nimhelm build" in ran.out
    assert read_folder(tmp_path) == before


def test_check_of_a_package(run) -> None:
    assert run("build", RAG, "--package", "--check").out == "rag-pipeline-0.1.0.tgz: missing; run nimhelm build\n"
    run("build", RAG, "--package")
    assert run("build", RAG, "--package", "--check").code == 0
    assert run("build", RAG, "--package", "--check", "--include-disabled").code == 0
    assert run("build", RAG, "--package", "--check", "--app-version", "2").code == 1


def test_nothing_is_written_when_there_is_an_error(run, file, tmp_path) -> None:
    good, wrong = file(pipeline(name="good"), name="good.yaml"), file(pipeline(service(replicas=-1)), name="wrong.yaml")
    for options in ((), ("--force",), ("--package",), ("--check",)):
        ran = run("build", good, wrong, *options)
        assert ran.code == 1
        assert ran.err.endswith("nothing was written\n")
        assert "wrong.yaml:16:19: error NH013" in ran.err
    assert {path.name for path in tmp_path.iterdir()} == {"good.yaml", "wrong.yaml"}


def test_what_a_chart_can_do_without_is_only_a_warning_of_build(run, file) -> None:
    scale = {"enabled": True, "hpa": {"maxReplicas": 2}}
    path = file(pipeline(service("a", enabled=False), service("b", "a", replicas=1, scale=scale)))
    ran = run("build", path)
    assert ran.code == 0
    assert (
        "warning NH024: b depends on a, which is disabled and never answers: the chart does not wait for it" in ran.err
    )
    assert (
        "warning NH060: replicas and scale.enabled exclude each other: the HPA sets the replicas: the chart" in ran.err
    )
    assert run("validate", path).code == 1
    ran = run(
        "build",
        file(pipeline(service("a", enabled=False), service("b", "a", enabled=False), service("c")), name="q.yaml"),
    )
    assert "warning NH024: b depends on a, which is disabled and never answers (spec" in ran.err


def test_several_files_documents_and_charts(run, file, tmp_path) -> None:
    one = file(pipeline(name="one"), pipeline(name="two"), name="a.yaml")
    other = file({"apiVersion": "v1", "kind": "List", "items": [pipeline(name="three")]}, name="b.yaml")
    assert run("build", one, other).code == 0
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"one", "two", "three"}


def test_two_charts_of_one_name(run, file) -> None:
    one = file(pipeline(namespace="staging"), name="a.yaml")
    other = file(pipeline(namespace="production"), name="b.yaml")
    ran = run("build", one, other)
    assert ran.code == 1
    assert "error NH007: demo appears twice" in ran.err
    assert run("validate", one, other).code == 0


def test_caches_go_where_they_are_used(run, file, tmp_path) -> None:
    caches = file(cache("a"), cache("b"), name="caches.yaml")
    using = [pipeline(service(storage={"nimCache": {"name": name}}), name=f"uses-{name}") for name in "ab"]
    assert run("build", file(*using), caches).code == 0
    values = (tmp_path / "uses-a" / "values.yaml").read_text()
    assert "  a:\n    enabled: true\n" in values
    assert "  b:\n" not in values


def test_standard_input(run, monkeypatch, tmp_path) -> None:
    for command in (("validate", "-"), ("build", "-"), ("validate", "--format", "json", "-")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text(pipeline(service(authSecret=""))).encode())))
        ran = run(*command)
        assert ran.code == 0
        assert "<stdin>" in ran.out + ran.err
    assert (tmp_path / "demo").is_dir()


def test_nothing_to_build(run, file, monkeypatch) -> None:
    ran = run("build", file({"apiVersion": "v1", "kind": "ConfigMap"}))
    assert ran.code == 1
    assert "error NH005: no NIMPipeline, NIMService or NIMCache in" in ran.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\n")))
    assert run("build", "-").err.startswith("<stdin>:1:1: error NH005: no NIMPipeline, NIMService or NIMCache in -")
    ran = run("build", file({**pipeline(), "kind": "NIMBuild"}))
    assert (ran.code, ran.err.count("NH005")) == (1, 2)
    ran = run("build", file({**pipeline(), "kind": "NimPipeline"}))
    assert (ran.code, ran.err.count(" error ")) == (1, 1)


def test_validate(run, file) -> None:
    good, warned, wrong = (
        file(pipeline(), name="good.yaml"),
        file(pipeline(service(), {"name": "off"}), name="warned.yaml"),
        file(pipeline(service(replicas=-1)), name="wrong.yaml"),
    )
    ran = run("validate", good)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    ran = run("validate", warned)
    assert (ran.code, ran.err) == (0, "")
    assert run("validate", "--strict", warned).code == 1
    assert run("validate", "--strict", good).code == 0
    ran = run("validate", wrong, warned, good)
    assert ran.code == 1
    assert ran.out.count("\n") == 2
    assert ran.err == "2 findings\n"


def test_the_way_without_click_says_the_same(run, file) -> None:
    path = file(pipeline(service(replicas=-1)))
    short, long = run("validate", path), run("validate", "--format", "text", path)
    assert (short.code, short.out, short.err) == (long.code, long.out, long.err)


@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_formats(run, file, form) -> None:
    path = file(pipeline(service(replicas=-1)))
    ran = run("validate", "--format", form, path)
    assert ran.code == 1
    assert "NH013" in ran.out
    if form in ("json", "sarif"):
        json.loads(ran.out)
    if form != "text":
        assert ran.err == ""


@pytest.mark.parametrize("kind", ["pipeline", "nimcache", "values"])
def test_schema(run, kind) -> None:
    ran = run("schema", kind)
    assert ran.code == 0
    assert kind == "values" or ran.out == schema_text(kind)  # that of values is made to fit every chart
    assert json.loads(ran.out)["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_diff(run, file) -> None:
    old, new = file(pipeline(), name="old.yaml"), file(pipeline(service(replicas=2)), name="new.yaml")
    assert run("diff", old, new).out.startswith("~ llm:\n    replicas: (none) -> 2\n")
    assert (run("diff", old, new).code, run("diff", "--exit-code", old, new).code) == (0, 1)
    wrong = file(pipeline(service(replicas=-1)), name="wrong.yaml")
    ran = run("diff", old, wrong)
    assert ran.code == 3
    assert ran.err.splitlines()[0] == f"nimhelm: no chart can be made from {wrong}:"
    assert ran.err.splitlines()[1].startswith(f"{wrong}:16:19: error NH013")


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(run, option) -> None:
    assert run(option).out == f"nimhelm {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["-h"], ["--help"], ["build", "-h"], ["validate", "--help"], ["schema", "-h"], ["diff", "-h"]]
)
def test_help(run, arguments) -> None:
    ran = run(*arguments)
    assert ran.code == 0
    assert ran.out.startswith("Usage: nimhelm")


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["nonsense"], ["build"], ["validate"], ["validate", "--strict"], ["build", "--nonsense", "x"], ["schema"],
        ["schema", "nonsense"], ["diff"], ["diff", "a"], ["diff", "a", "b", "c"], ["validate", "--format", "xml", "x"],
        ["--nonsense"], ["build", "x", "--output"], ["-x"], ["validate", "--values"],
    ],
)  # fmt: skip
def test_wrong_usage(run, arguments) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert re.search("^(Usage: nimhelm|Error: )", ran.err + ran.out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["build", "absent.yaml"], ["build", "bare"], ["validate", "absent.yaml"], ["validate", "bare"],
        ["validate", "--strict", "bare"],
        ["build", "p.yaml", "-o", "p.yaml"], ["build", "p.yaml", "-o", "p.yaml/deeper"], ["diff", "absent.yaml", "p.yaml"],
        ["diff", "bare", "p.yaml"], ["diff", "absent.tgz", "p.yaml"], ["validate", "--values", "absent", "p.yaml"],
        ["validate", "--values", ".", "p.yaml"], ["validate", "--values", "p.yaml", "p.yaml"],
        ["validate", "a" * 5000], ["validate", ""], ["build", ""], ["diff", "", ""],
    ],
)  # fmt: skip
def test_what_the_machine_refuses(run, file, arguments) -> None:
    Path("bare").mkdir()
    file(pipeline())
    ran = run(*arguments)
    assert ran.code == 3
    assert ran.err.startswith("nimhelm: ")
    assert "internal error" not in ran.err
    assert "Traceback" not in ran.err + ran.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "locked"], ["validate", "."], ["build", "."], ["init", "."], ["diff", "demo", "p.yaml"], ["images", "."],
        ["status", "demo", "--from-dir", "locked"], ["timeline", "demo", "--from-dir", "locked"], ["diff", "p.yaml", "demo"],
        ["build", "p.yaml", "--force"], ["build", "p.yaml", "--check"],
    ],
)  # fmt: skip
@pytest.mark.slow
def test_what_may_not_be_read_is_named(run, file, monkeypatch, arguments) -> None:
    """No folder is skipped, no chart is read in part, and nothing is a bug: the user has no right to it."""
    file(pipeline())
    run("build", "p.yaml")
    Path("locked").mkdir()
    Path("demo/locked").mkdir()
    Path("demo/values.yaml").write_text("{}")

    def deny(real: Callable[..., Any]) -> Callable[..., Any]:
        def ask(path: Any = ".", *rest: Any) -> Any:
            if Path(os.fsdecode(path)).name in ("locked", "values.yaml"):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path, *rest)

        return ask

    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, deny(getattr(os, name)))
    monkeypatch.setattr(Path, "read_bytes", deny(Path.read_bytes))
    ran = run(*arguments)
    assert (ran.code, "Permission denied" in ran.err, "internal error" in ran.err) == (3, True, False), ran.err


def test_control_characters_of_a_file_name_are_shown(run) -> None:
    assert "cannot read \\x1b[31m" in run("validate", "\x1b[31m").err


def test_a_bug_of_nimhelm_is_told_as_one(run, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("oh\x1b")

    monkeypatch.setattr("nimhelm.validate.load_files", broken)
    ran = run("validate", "x.yaml")
    assert ran.code == 3
    assert "internal error: RuntimeError: oh\\x1b" in ran.err
    monkeypatch.setenv("NIMHELM_DEBUG", "1")
    with pytest.raises(RuntimeError):
        guarded(["validate", "x.yaml"])


def test_an_interrupt(run, monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nimhelm.validate.load_files", interrupted)
    assert run("validate", "x.yaml").code == 130
    assert run("validate", "--strict", "x.yaml").code == 130


@pytest.mark.slow
def test_processes(tmp_path: Path) -> None:
    """What only a process of its own shows: its exit code, python -m, a terminal that is not UTF-8."""
    assert run_nimhelm("validate", RAG).returncode == 0
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a", "b"), service("b", "a"))))
    ran = run_nimhelm("validate", tmp_path / "p.yaml", env={"PYTHONIOENCODING": "ascii"})
    assert ran.returncode == 1
    assert "a \\u2192 b \\u2192 a" in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.slow
def test_the_examples_build(run, example) -> None:
    assert run("build", example).code == 0
    assert run("build", example, "--check").code == 0


@pytest.mark.slow
def test_a_dump_cannot_be_waited_for(tmp_path: Path) -> None:
    ran = run_nimhelm("status", "rag", "--from-dir", tmp_path, "--wait")
    assert ran.returncode == 2
    assert "--from-dir cannot be used with --wait" in ran.stderr


def test_quiet_prints_problems_only(run, file, tmp_path) -> None:
    good = file(pipeline(service(), {"name": "off"}), name="good.yaml")  # one warning
    wrong = file(pipeline(service(replicas=-1), {"name": "off"}), name="wrong.yaml")
    for command in (
        ("validate", "-q", good),
        ("build", "-q", good),
        ("build", "-q", good),
        ("build", "-q", "--check", good),
    ):
        ran = run(*command)
        assert (ran.code, ran.out, ran.err) == (0, "", ""), command
    assert (tmp_path / "demo" / "Chart.yaml").is_file()
    ran = run("init", "-q", good, "-o", "pipeline.yaml")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (tmp_path / "pipeline.yaml").is_file()
    ran = run("build", "-q", wrong)
    assert (ran.code, ran.err.count("\n")) == (1, 2)
    assert "error NH013" in ran.err
    assert run("build", "-q", "--check", "--include-disabled", good).out != ""


@pytest.mark.helm
def test_quiet_of_a_difference(run, file, monkeypatch) -> None:
    monkeypatch.setenv("HELM", str(HELMS["helm4"]))
    claim = {"storage": {"pvc": {"create": True, "size": "50Gi"}}}
    smaller = {"storage": {"pvc": {"create": True, "size": "40Gi"}}}
    old, new = (
        file(pipeline(service(**claim)), name="old.yaml"),
        file(pipeline(service(replicas=2, **claim)), name="new.yaml"),
    )
    ran = run("diff", "-q", "--exit-code", old, new)
    assert (ran.code, ran.out) == (1, "")
    ran = run("diff", "-q", old, file(pipeline(service(replicas=2, **smaller)), name="smaller.yaml"))
    assert ran.out.startswith("PersistentVolumeClaim/llm-pvc: Kubernetes refuses it: ")
    assert "first: " in ran.out
    assert "replicas" not in ran.out
    assert " -n " not in ran.out  # no namespace was named
    monkeypatch.setenv("HELM", "absent")
    assert run("diff", "-q", old, new).out.startswith("consequences are not known: helm is not on the PATH")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["validate"], 2, "Missing argument 'FILE...'.\n\nExamples:\n  nimhelm validate pipeline.yaml"),
        (["adopt", "rag", "chart"], 2, "nimhelm adopt rag ./rag-pipeline -n nim-service"),
        (["valdiate", "p.yaml"], 2, "Did you mean 'validate'?"),
        (["validate", "--layers", "p.yaml"], 2, "--layers needs --values CHART"),
        (["images", "p.yaml", "--mirror", "https://mirror.example.com"], 2, "for example mirror.example.com/nim"),
        (["images", "p.yaml", "--mirror-path", "drop"], 2, "--mirror-path needs --mirror"),
        (["adopt", "rag", "p", "-n", "x", "--timeout", "10"], 2, "is not a duration with a unit, for example 90s"),
        (["status", "rag", "-q", "--watch"], 2, "--wait -q waits without output"),
        (["preflight", "p.yaml"], 3, "p.yaml is a YAML file, not a chart\n  make a chart of it first: nimhelm build p.yaml"),
        (["validate", "--values", "bare", "p.yaml"], 3, "bare is not a chart: it has no Chart.yaml"),
        (["build", "p.yaml", "-o", "p.yaml"], 3, "cannot write p.yaml/demo: p.yaml is a file\n  choose a folder with -o"),
        (["graph", "absent"], 3, "absent is taken for a release, because there is no such file"),
        (["diff", "p.yaml", "bare"], 3, "no YAML file in the folder bare"),
    ],
)  # fmt: skip
def test_wrong_arguments_name_the_way_out(run, file, arguments, code, said, monkeypatch) -> None:
    monkeypatch.setenv("KUBECTL", "absent")
    Path("bare").mkdir()
    file(pipeline())
    ran = run(*arguments)
    assert ran.code == code
    assert said in ran.err


def test_a_folder_of_documents_is_compared_and_drawn(run, file) -> None:
    Path("deploy").mkdir()
    file(pipeline(), name="deploy/p.yaml")
    assert "llm" in run("graph", "deploy").out
    assert run("diff", "deploy", "deploy").out == "no change for the cluster\n"
