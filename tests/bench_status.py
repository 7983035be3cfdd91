"""How long the status of 500 services takes beyond kubectl's own time: python tests/bench_status.py

Prints medians. Fails if more than a second is spent on anything but kubectl.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from nimhelm.status import kubeobject as ko
from nimhelm.status.compute import compute
from nimhelm.status.output import render
from nimhelm.status.snapshot import KINDS, Snapshot
from nimhelm.status.watch import Options, run
from tests.status.casefile import CASES, graph_configmap, read_case, snapshot_of

SERVICES, RUNS, BUDGET = 500, 7, 1.0


def large(services: int) -> Snapshot:
    """All cases over and over, each copy under names of its own, until there are enough services."""
    merged: dict[str, list[ko.Object]] = {}
    graph: dict[str, Any] = {}
    copies = 0
    while len(graph.get("services", [])) < services:
        snapshot = snapshot_of(read_case(CASES[copies % len(CASES)]))
        renamed = _renamed(snapshot.lists, copies)
        copy = json.loads(renamed.pop("configmaps")[0]["data"]["pipeline.json"])
        graph = graph or copy | {"services": []}
        graph["services"] += copy["services"]
        for kind, objects in renamed.items():
            merged.setdefault(kind, []).extend(objects)
        copies += 1
    graph["services"] = graph["services"][:services]
    return snapshot._replace(lists=merged | {"configmaps": [graph_configmap(graph)]})


def _renamed(lists: dict[str, list[ko.Object]], number: int) -> Any:
    text = json.dumps(lists)
    for name in ("embedding-service", "rerank-service", "llm-service"):
        text = text.replace(name, f"s{number}-{name}")
    return json.loads(text)


def chain(services: int) -> Snapshot:
    """One long chain, every service at its gate on a GPU, and the first one without: the dearest graph to judge."""
    snapshot = snapshot_of(read_case(next(path for path in CASES if path.stem == "gpu_held_by_waiter")))
    graph = json.loads(snapshot.of("configmaps")[0]["data"]["pipeline.json"])
    (waiter,) = [each for each in graph["services"] if each["name"] == "llm-service"]
    (pending,) = [each for each in graph["services"] if each["name"] == "rerank-service"]
    objects = {
        kind: [each for each in snapshot.of(kind) if "rerank" in ko.name_of(each)] for kind in ("deployments", "pods")
    }
    rows = [pending]
    for number in range(services - 1):
        before = rows[-1]["name"]
        text = json.dumps(
            [
                waiter | {"dependencies": [waiter["dependencies"][1]]},
                snapshot.of("deployments")[-1],
                snapshot.of("pods")[-1],
            ]
        )
        text = text.replace("rerank-service", before).replace("llm-service", f"s{number}")
        service, deployment, pod = json.loads(text)
        rows.append(service)
        objects["deployments"].append(deployment)
        objects["pods"].append(pod)
    return snapshot._replace(
        lists={**snapshot.lists, **objects, "configmaps": [graph_configmap(graph | {"services": rows})]}
    )


def through_kubectl(snapshot: Snapshot, folder: Path) -> tuple[float, float]:
    """(the whole command, the kubectl processes alone), with a kubectl that prints files."""
    for kind in KINDS:
        (folder / kind).write_text(json.dumps({"items": snapshot.of(kind)}))
    (folder / "secrets").write_text("")
    binary = folder / "kubectl"
    binary.write_text('#!/bin/sh\nexec cat "${0%/*}/$2"\n')
    binary.chmod(0o755)
    os.environ["KUBECTL"] = str(binary)
    kinds = ("configmaps", "deployments", "pods", "persistentvolumeclaims", "events")

    def bare() -> None:
        running = [subprocess.Popen([binary, "get", kind], stdout=subprocess.PIPE) for kind in kinds]
        for each in running:
            each.communicate()
        subprocess.run([binary, "get", "nodes"], stdout=subprocess.DEVNULL, check=True)

    return median(lambda: run(Options(snapshot.release), io.StringIO(), io.StringIO())), median(bare)


def median(work: Any) -> float:
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> int:
    worst = 0.0
    for name, snapshot in (("all cases", large(SERVICES)), ("one chain", chain(SERVICES))):
        texts = {kind: json.dumps({"items": objects}) for kind, objects in snapshot.lists.items()}
        parsing = median(lambda texts=texts: [json.loads(text) for text in texts.values()])
        computing = median(lambda snapshot=snapshot: compute(snapshot))
        status = compute(snapshot)
        rendering = median(lambda status=status: render(status))
        total = parsing + computing + rendering
        worst = max(worst, total)
        print(
            f"{SERVICES} services, {name}: {sum(map(len, snapshot.lists.values()))} objects, parse {parsing * 1000:.0f} ms,"
            f" compute {computing * 1000:.0f} ms, render {rendering * 1000:.0f} ms, in all {total * 1000:.0f} ms"
        )
        with tempfile.TemporaryDirectory() as folder:
            whole, bare = through_kubectl(snapshot, Path(folder))
        worst = max(worst, whole - bare)
        print(f"  the command {whole * 1000:.0f} ms, its kubectls alone {bare * 1000:.0f} ms")
    return 0 if worst <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
