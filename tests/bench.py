"""Whole-process times of the command line: medians, and ratios to others in the same run.

    python tests/bench.py [RUNS] [PART ...]        default: 15 runs of each, in turn; parts: validate, build, render

- validate: against a bare interpreter
- build: against helmify, which writes a chart from the manifests of as many services, and against `helm template`
- render: `helm template` against that of an umbrella of charts as `helm create` makes them, with helm 3 and 4

A machine's speed drifts; the ratios of one run hold. helmify is a Go module; the Go command installs it once.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELMS = {major: ROOT / ".tools" / major / "helm" for major in ("helm3", "helm4")}
HELM = HELMS["helm4"]
HELMIFY = "github.com/arttor/helmify/cmd/helmify@v0.4.18"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "nimhelm-bench-tools")
EXAMPLE = ROOT / "examples" / "rag-pipeline.yaml"
NIMHELM = [sys.executable, "-m", "nimhelm"]

SERVICE = """\
    - name: service-{index}
      enabled: true
      spec:
        image: {{repository: nvcr.io/nim/meta/llama3-8b-instruct, tag: "1.0.0"}}
        authSecret: ngc-api-key
        storage: {{pvc: {{create: true, size: 50Gi}}}}
        resources: {{limits: {{nvidia.com/gpu: 1}}}}
      dependencies: [{dependencies}]
"""
HEAD = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata: {{name: pipeline-{count}, namespace: nim}}
spec:
  services:
"""


def pipeline(count: int) -> str:
    """A pipeline of `count` services, each after up to three others."""
    text = HEAD.format(count=count)
    for index in range(count):
        names = sorted({index // 2, index // 3, index - 1} - {index, -1})
        listed = ", ".join(f"{{name: service-{name}, port: 8000}}" for name in names)
        text += SERVICE.format(index=index, dependencies=listed)
    return text


def seconds(command: list[str]) -> float:
    """The wall time of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    return time.perf_counter() - start


def environment() -> dict[str, str]:
    """Compiled modules, as an installed package has them."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def medians(commands: dict[str, list[str]], runs: int) -> dict[str, float]:
    """The median of each command, all of them in turn so that they share what the machine does meanwhile."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        seconds(command)
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    return {name: statistics.median(values) for name, values in times.items()}


def show(title: str, commands: dict[str, list[str]], runs: int) -> None:
    """Print a table; every ratio is to the first row."""
    print(f"\n{title}")
    results = medians(commands, runs)
    base = next(iter(results.values()))
    for name, median in results.items():
        print(f"  {name:<44} {median * 1000:8.1f} ms  {median / base:6.2f} x")


def validate(work: Path, runs: int) -> None:
    bare = {"bare interpreter": [sys.executable, "-c", "pass"]}
    command = [*NIMHELM, "validate"]
    many = [work / f"copy-{index}.yaml" for index in range(20)]
    for path in many:
        path.write_text(EXAMPLE.read_text())
    several = {
        "the published example": [*command, str(EXAMPLE)],
        "20 files in one process": [*command, *map(str, many)],
    }
    counted = {f"{count} services": [*command, str(pipeline_file(work, count))] for count in (10, 100, 400)}
    show("validate", {**bare, **several, **counted}, runs)


def build(work: Path, runs: int) -> None:
    for count in (3, 30, 100):
        chart, source = built(work, pipeline_file(work, count)), pipeline_file(work, count)
        manifests = work / f"manifests-{count}.yaml"
        with manifests.open("w") as stream:
            subprocess.run([HELM, "template", "r", chart], check=True, stdout=stream)
        others = {f"helm template, {count} services": [str(HELM), "template", "r", str(chart)]}
        if helmify := installed(HELMIFY):
            others = {f"helmify, {count} services": fresh(work, f"{helmify} {work}/helmify < {manifests}")} | others
        ours = fresh(work, f"{' '.join(NIMHELM)} build {source} -o {work}/fresh")
        show("build, into no folder yet", {**others, "nimhelm build": ours}, max(3, runs // 3))


def fresh(work: Path, command: str) -> list[str]:
    """A shell command before which the folders that it writes are taken away; that takes little beside it."""
    return ["sh", "-c", f"rm -rf {work}/helmify {work}/fresh; {command}"]


def render(work: Path, runs: int) -> None:
    for major, helm in HELMS.items():
        for count in (3, 30, 100):
            commands = {
                f"umbrella of {count} scaffold charts": [str(helm), "template", "r", str(scaffold(work, count))],
                f"nimhelm's of {count} services": [
                    str(helm), "template", "r", str(built(work, pipeline_file(work, count))),
                ],
            }  # fmt: skip
            show(f"{major} template", commands, max(3, runs // 3))
    size = sum(path.stat().st_size for path in built(work, EXAMPLE).rglob("*") if path.is_file())
    print(f"\nthe chart of {EXAMPLE.name} on disk: {size / 1024:.0f} KiB")


def pipeline_file(work: Path, count: int) -> Path:
    path = work / f"{count}.yaml"
    path.write_text(pipeline(count))
    return path


def built(work: Path, source: Path) -> Path:
    """The folder of a pipeline's chart."""
    name = EXAMPLE.stem if source == EXAMPLE else f"pipeline-{source.stem}"
    if not (work / "charts" / name).exists():
        subprocess.run([*NIMHELM, "build", source, "-o", work / "charts"], check=True, capture_output=True)
    return work / "charts" / name


def scaffold(work: Path, count: int) -> Path:
    """An umbrella of so many charts as `helm create` makes them."""
    chart = work / f"scaffold-{count}"
    if not chart.exists():
        (chart / "charts").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: scaffold-{count}\nversion: 0.1.0\n")
        for index in range(count):
            create = [HELM, "create", f"service-{index}"]
            subprocess.run(create, check=True, capture_output=True, cwd=chart / "charts")
    return chart


def installed(module: str) -> Path | None:
    """The program of a Go module, installed into the cache once; None where there is no Go."""
    program = CACHE / module.rpartition("/")[2].partition("@")[0]
    if not program.exists() and shutil.which("go"):
        subprocess.run(["go", "install", module], check=True, env={**os.environ, "GOBIN": str(CACHE)})
    return program if program.exists() else None


PARTS = {"validate": validate, "build": build, "render": render}


def main() -> None:
    runs = next((int(each) for each in sys.argv[1:] if each.isdecimal()), 15)
    parts = [each for each in sys.argv[1:] if each in PARTS] or PARTS
    with tempfile.TemporaryDirectory() as folder:
        for part in parts:
            PARTS[part](Path(folder), runs)


if __name__ == "__main__":
    main()
