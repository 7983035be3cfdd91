"""Whole-process times of the command line: medians, and ratios to a bare interpreter and to helm in the same run.

    python tests/bench.py [RUNS]        default: 15 runs of each, in turn

A machine's speed drifts; the ratios of one run hold.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HELM = ROOT / ".tools" / "helm4" / "helm"
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


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    bare = {"bare interpreter": [sys.executable, "-c", "pass"]}
    validate = [*NIMHELM, "validate"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = {}
        for count in (10, 100, 400):
            files[count] = work / f"{count}.yaml"
            files[count].write_text(pipeline(count))
        many = [work / f"copy-{index}.yaml" for index in range(20)]
        for path in many:
            path.write_text(EXAMPLE.read_text())
        show(
            "validate",
            {
                **bare,
                "the published example": [*validate, str(EXAMPLE)],
                "20 files in one process": [*validate, *map(str, many)],
                **{f"{count} services": [*validate, str(path)] for count, path in files.items()},
            },
            runs,
        )
        charts = work / "charts"
        for path in [EXAMPLE, *files.values()]:
            subprocess.run([*NIMHELM, "build", path, "-o", charts], check=True, capture_output=True)
        build = [*NIMHELM, "build", "--force", "-o", str(work / "again")]
        for name, source in (("rag-pipeline", EXAMPLE), ("pipeline-10", files[10]), ("pipeline-100", files[100])):
            commands = {
                f"helm template {name}": [str(HELM), "template", "r", str(charts / name)],
                f"nimhelm build {name}": [*build, str(source)],
            }
            show("build, against helm's own rendering of the chart", commands, max(3, runs // 3))


if __name__ == "__main__":
    main()
