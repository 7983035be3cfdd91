"""What the status of large releases takes: python tests/bench_status.py

For 500 services the time beyond kubectl's own, as medians; fails if that is more than a second. For 500 nodes and 10,000
pods, 110 MB as kubectl prints them, the memory of the whole program; fails if that is more than 300 MB.
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
NODES, PODS, MEMORY = 500, 10_000, 300 << 20


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
    binary.write_text(PRINTS)
    binary.chmod(0o755)
    os.environ["KUBECTL"] = str(binary)
    kinds = ("configmaps", "deployments", "pods", "persistentvolumeclaims", "events")

    def bare() -> None:
        running = [subprocess.Popen([binary, "get", kind], stdout=subprocess.PIPE) for kind in kinds]
        for each in running:
            each.communicate()
        subprocess.run([binary, "get", "nodes"], stdout=subprocess.DEVNULL, check=True)

    return median(lambda: run(Options(snapshot.release), io.StringIO(), io.StringIO())), median(bare)


# Prints the file of the list that is asked for; what there is none of, such as logs, is an error.
PRINTS = '#!/bin/sh\nkind=${2%%.*}\nexec cat "${0%/*}/$kind"\n'


def crowded(folder: Path) -> None:
    """The lists of a cluster with many nodes and pods, as large as an API server prints them."""
    snapshot = snapshot_of(read_case(next(path for path in CASES if path.stem == "gpu_held_by_waiter")))
    pods = [each for each in snapshot.of("pods") if ko.name_of(each).startswith("llm")]
    padding = [{"name": f"VARIABLE_{number}", "value": "x" * 100} for number in range(50)]
    for kind in KINDS:
        (folder / kind).write_text(json.dumps({"items": snapshot.of(kind)}))
    (folder / "secrets").write_text("")
    with (folder / "pods").open("w") as out:
        out.write('{"items": [')
        for number in range(PODS):
            pod = json.loads(json.dumps(pods[0]))
            pod["metadata"] |= {"name": f"llm-service-6d4cf56db6-{number}", "uid": str(number)}
            pod["spec"]["nodeName"] = f"node-{number % NODES}"
            pod["spec"]["containers"][0]["env"] = padding
            out.write(("," if number else "") + json.dumps(pod, indent=1))
        out.write("]}")
    node = snapshot.of("nodes")[0]
    images = [{"names": [f"registry/image-{number}@sha256:{'0' * 64}"], "sizeBytes": 1} for number in range(50)]
    nodes = [
        node
        | {"metadata": node["metadata"] | {"name": f"node-{number}"}, "status": node["status"] | {"images": images}}
        for number in range(NODES)
    ]
    (folder / "nodes").write_text(json.dumps({"items": nodes}))


def memory() -> int:
    """The largest resident size, in bytes, of `nimhelm status` on such a cluster."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        crowded(folder)
        binary = folder / "kubectl"
        binary.write_text(PRINTS)
        binary.chmod(0o755)
        code = (
            "import io, resource; from nimhelm.status.watch import Options, run;"
            "run(Options('rag'), io.StringIO(), io.StringIO());"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        size = (folder / "pods").stat().st_size + (folder / "nodes").stat().st_size
        begun = time.perf_counter()
        printed = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"KUBECTL": str(binary)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        took = time.perf_counter() - begun
    used = int(printed) << 10
    print(f"{NODES} nodes, {PODS} pods, {size >> 20} MB: {used >> 20} MB of memory, {took:.1f} s")
    return used


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
    return 0 if worst <= BUDGET and memory() <= MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
