"""Measure how long pipelines take until they are Ready, with gates and without, and print a Markdown table.

    python -m tests.cluster.time_to_ready [--set KEY=VALUE ...]
    python -m tests.cluster.time_to_ready --examples   # the published examples alone, as they are: medians of three

The critical path is the longest chain of start-up delays in the graph: no order could be faster.  Without gates
each service exits when a dependency does not answer, and Kubernetes starts it again after a growing pause; that is
what becomes of a pipeline whose services are all started at once.  Runs with gates are made one after another, because
each would take time from the other; those without gates are made at the same time.  Each has a namespace of its own on
the bench, which is started when it is down.
"""

from __future__ import annotations

import argparse
import statistics
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
from .release import READY_PATH, ROOT, Release, build, build_documents, in_parallel, pipeline, service

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
# With the probes that a service has that sets none.
DEFAULT_PROBES = {"chain of three, default probes": GRAPHS["chain of three"]}
WITHOUT_GATES = ("--set", "global.nimhelm.waitEnabled=false")
LONGEST = 900
# The fourth waits for a Milvus of its user's own.
EXAMPLES = [
    ROOT / "examples" / f"{name}.yaml" for name in ("optional-services-pipeline", "rag-pipeline", "multimodal-pipeline")
]
RUNS = 3
"""How often each example is installed. Its row has the median: a second more or less counts here."""
STANDIN_SECONDS = 1
"""How long a stand-in takes from start to ready when nobody says."""


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
    options = [*settings, *(() if run.gates else WITHOUT_GATES)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        release = release_of(cluster, stack, build_documents(folder, pipeline(*services_of(run))))
        return run._replace(seconds=seconds_to_ready(release, options), restarts=restarts(release))


def measure_example(cluster: Cluster, source: Path, settings: list[str]) -> str:
    """Install a published pipeline as it is, as often as RUNS says, and return the line of its table."""
    runs = []
    for _ in range(RUNS):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            release = release_of(cluster, stack, build(source, folder))
            runs.append(seconds_to_ready(release, settings))
            stages = 1 + max(each["wave"] for each in release.graph()["services"] if each["enabled"])
    seconds, path = statistics.median(runs), stages * STANDIN_SECONDS
    return f"| {source.stem} | {stages} | {path} s | {seconds:.0f} s | {(seconds - path) / stages:.1f} s |"


def release_of(cluster: Cluster, stack: ExitStack, chart: Path) -> Release:
    """A chart to be installed in a namespace of its own, which goes with the stack."""
    namespace = make_namespace(cluster)
    stack.callback(remove_namespace, cluster, namespace)
    return Release(cluster, namespace, chart)


def seconds_to_ready(release: Release, options: list[str]) -> float:
    """Seconds from the start of helm until the last pod is Ready, by the pods' own times."""
    started = datetime.now(UTC)
    release.install(*options, wait=False)
    # Seldom: what asks takes its time from what is measured.
    wait_until(partial(is_ready, release), timeout=LONGEST, what=f"{release.chart.name} to be ready", interval=5)
    ended = max(when for times in release.ready_conditions().values() for when in times)
    return (ended - started).total_seconds()


def is_ready(release: Release) -> bool:
    """Whether all pods of the release are Ready."""
    conditions = [each for pod in release.pods() for each in pod["status"].get("conditions", [])]
    ready = [each["status"] == "True" for each in conditions if each["type"] == "Ready"]
    wanted = sum(each["replicas"] for each in release.graph()["services"] if each["enabled"])
    return len(ready) == wanted and all(ready)


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
    parser.add_argument("--examples", action="store_true", help="measure the published examples, one after another")
    arguments = parser.parse_args()
    settings = [word for value in arguments.set for word in ("--set", value)]
    was_up = bench.is_up()
    bench.up()
    try:
        cluster = Cluster(KUBECONFIG, str(bench.kubectl_path()), is_bench=True)
        lines = examples(cluster, settings) if arguments.examples else graphs(cluster, settings)
    finally:
        if not was_up:
            bench.down()
    print("\n".join(lines))


def examples(cluster: Cluster, settings: list[str]) -> list[str]:
    """The table of the published examples."""
    head = ["| example | stages | critical path | Ready after | over it, a stage |", "|---|---|---|---|---|"]
    return head + [measure_example(cluster, source, settings) for source in EXAMPLES]


def graphs(cluster: Cluster, settings: list[str]) -> list[str]:
    """The table of the graphs above."""
    all_graphs = (GRAPHS | DEFAULT_PROBES).items()
    gated = [measure(cluster, Run(name, graph, gates=True), settings) for name, graph in all_graphs]
    ungated = in_parallel(
        partial(measure, cluster, Run(name, graph, gates=False), settings) for name, graph in all_graphs
    )
    head = [
        "| pipeline | critical path | with gates | ratio | without gates | ratio | restarts |",
        "|---|---|---|---|---|---|---|",
    ]
    return head + [row(*pair) for pair in zip(gated, ungated, strict=True)]


if __name__ == "__main__":
    main()
