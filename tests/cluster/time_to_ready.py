"""Measure how long pipelines take until they are Ready, with gates and without, and print a Markdown table.

    python -m tests.cluster.time_to_ready [--set KEY=VALUE ...]

The critical path is the longest chain of start-up delays in the graph: no order could be faster.  Without gates
each service exits when a dependency does not answer, and Kubernetes starts it again after a growing pause; that is
what becomes of a pipeline whose services are all started at once.  All runs are made at the same time, each in a
namespace of its own, on the bench, which is started when it is down.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .bench import cluster as bench
from .bench.settings import KUBECONFIG
from .conftest import make_namespace, remove_namespace
from .connection import Cluster, wait_until
from .release import READY_PATH, Release, build_documents, in_parallel, pipeline, service

# Service -> (seconds until it is ready, what it waits for).
Graph = dict[str, tuple[int, tuple[str, ...]]]
GRAPHS: dict[str, Graph] = {
    "two, then one": {"embedding": (30, ()), "rerank": (45, ()), "llm": (60, ("embedding", "rerank"))},
    "chain of three": {"encoder": (30, ()), "features": (45, ("encoder",)), "llm": (60, ("features",))},
    "six in three waves": {
        "embedding": (40, ()),
        "rerank": (30, ()),
        "llm": (60, ()),
        "retriever": (20, ("embedding", "rerank")),
        "guardrails": (30, ("llm",)),
        "assistant": (40, ("retriever", "guardrails", "llm")),
    },
}
# With the probes that a service has that sets none: the first after 30 seconds, then one every 10.
DEFAULT_PROBES = {"chain of two, default probes": {"embedding": (55, ()), "llm": (65, ("embedding",))}}
WITHOUT_GATES = ("--set", "global.nimhelm.waitEnabled=false")
LONGEST = 900


class Run(NamedTuple):
    """One pipeline in one mode, and what came of it."""

    name: str
    graph: Graph
    gates: bool
    seconds: float = 0
    restarts: int = 0


def critical_path(graph: Graph) -> int:
    """Seconds that the longest chain of the graph takes."""

    def until_ready(name: str) -> int:
        delay, after = graph[name]
        return delay + max((until_ready(each) for each in after), default=0)

    return max(until_ready(name) for name in graph)


def services_of(run: Run) -> list[dict[str, Any]]:
    """The services; without gates each of them exits when a dependency is missing."""
    services = []
    for name, (delay, after) in run.graph.items():
        urls = ",".join(f"http://{dependency}:8000{READY_PATH}" for dependency in after)
        env = {} if run.gates else {"STANDIN_REQUIRE": urls}
        made = service(name, *after, ready_after=delay, env=env)
        if run.name in DEFAULT_PROBES:
            del made["spec"]["startupProbe"], made["spec"]["readinessProbe"]
        services.append(made)
    return services


def measure(cluster: Cluster, run: Run, settings: list[str]) -> Run:
    """Install the pipeline, wait until all of it is Ready, and remove it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chart = build_documents(folder, pipeline(*services_of(run)))
        namespace = make_namespace(cluster)
        stack.callback(remove_namespace, cluster, namespace)
        release = Release(cluster, namespace, chart)
        started = datetime.now(UTC)
        release.install(*settings, *(() if run.gates else WITHOUT_GATES), wait=False)
        # Seldom: what asks takes its time from what is measured.
        wait_until(partial(is_ready, release), timeout=LONGEST, what=f"{run.name} to be ready", interval=5)
        ended = max(when for times in release.ready_conditions().values() for when in times)
        return run._replace(seconds=(ended - started).total_seconds(), restarts=restarts(release))


def is_ready(release: Release) -> bool:
    """Whether all pods of the release are Ready."""
    conditions = [each for pod in release.pods() for each in pod["status"].get("conditions", [])]
    ready = [each["status"] == "True" for each in conditions if each["type"] == "Ready"]
    return len(ready) == len(release.graph()["services"]) and all(ready)


def restarts(release: Release) -> int:
    """How often main containers were started again."""
    return sum(each["restartCount"] for pod in release.pods() for each in pod["status"]["containerStatuses"])


def row(with_gates: Run, without: Run) -> str:
    """The table's line about one pipeline."""
    path = critical_path(with_gates.graph)
    return (
        f"| {with_gates.name} | {path} s | {with_gates.seconds:.0f} s | **{with_gates.seconds / path:.2f}** "
        f"| {without.seconds:.0f} s | {without.seconds / path:.2f} | {without.restarts} |"
    )


def main() -> None:
    """Measure all pipelines and print the table."""
    parser = argparse.ArgumentParser(description="Measure the time to Ready.")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to helm install")
    settings = [word for value in parser.parse_args().set for word in ("--set", value)]
    was_up = bench.is_up()
    bench.up()
    try:
        cluster = Cluster(KUBECONFIG, str(bench.kubectl_path()), is_bench=True)
        graphs = GRAPHS | DEFAULT_PROBES
        runs = [Run(name, graph, gates) for name, graph in graphs.items() for gates in (True, False)]
        measured = in_parallel(partial(measure, cluster, run, settings) for run in runs)
    finally:
        if not was_up:
            bench.down()
    print("| pipeline | critical path | with gates | ratio | without gates | ratio | restarts |")
    print("|---|---|---|---|---|---|---|")
    for with_gates, without in zip(measured[::2], measured[1::2], strict=True):
        print(row(with_gates, without))


if __name__ == "__main__":
    main()
