"""Accepted mutants before a real API server: `validate` accepts them, helm renders them, and the server must take them.

    KUBECONFIG=... python -m tests.fuzz.server --accepted 500 [--seed S] [--first N] [--namespace NAMESPACE]

Objects are sent with --dry-run=server: nothing is made. Kinds that the cluster does not serve are left out. KUBECTL names
another kubectl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple

import yaml

from nimhelm.chart.build import Chart
from nimhelm.chart.write import write_chart
from nimhelm.convert import Converted, convert_files
from nimhelm.errors import NimhelmError
from nimhelm.yamlread import GoLoader
from tests.fuzz.mutate import mutated, sources

ROOT = Path(__file__).resolve().parents[2]
HELMS = tuple(ROOT / ".tools" / name / "helm" for name in ("helm3", "helm4"))


class Server(NamedTuple):
    """Where mutants are sent: kubectl with the environment it needs, and a namespace that exists."""

    kubectl: str
    env: dict[str, str]
    namespace: str


class Refused(NamedTuple):
    """A chart that helm or the API server refuses, with the number that gives its mutant back."""

    number: int
    content: bytes
    reason: str


def refused(server: Server, seed: int, accepted: int, folder: Path, first: int = 0) -> Iterator[Refused | None]:
    """For each of so many accepted mutants None, or what was said against it."""
    originals = sources()
    kinds = served(server)
    left = accepted
    seen: set[frozenset[tuple[str, bytes]]] = set()
    for number in count(first):
        content = mutated(Random(f"{seed}-{number}"), originals)
        path = folder / "mutant.yaml"
        path.write_bytes(content)
        for chart in accepted_charts(path):
            # Many mutations are of no consequence.
            if (files := frozenset(chart.files.items())) in seen:
                continue
            seen.add(files)
            reasons = judged(server, write_chart(chart, folder / "charts" / str(number)), kinds)
            yield Refused(number, content, "\n".join(reasons)) if reasons else None
            left -= 1
            if not left:
                return


def accepted_charts(path: Path) -> list[Chart]:
    """The charts of a file that `validate` accepts; the build may go on where the operator's webhook would not."""
    try:
        converted: Converted = convert_files([str(path)])
    except NimhelmError:
        return []
    return converted.charts


def judged(server: Server, chart: Path, kinds: set[str]) -> list[str]:
    """What the helms and the API server say against a chart."""
    manifests = []
    for helm in HELMS:
        words = [str(helm), "template", "r", str(chart), "--namespace", server.namespace, "--no-hooks"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return [f"{helm.parent.name}: {done.stderr.strip()}"]
        manifests.append(done.stdout)
    three, four = ([each for each in yaml.load_all(text, Loader=GoLoader) if each] for text in manifests)
    if comparable(three) != comparable(four):
        return ["helm 3 and helm 4 render different objects"]
    return complaints(server, [each for each in four if f"{each['apiVersion']}/{each['kind']}" in kinds])


def comparable(objects: list[dict[str, Any]]) -> dict[tuple[str, str], Any]:
    """Objects by kind and name, without Secrets: the key of a group that MPI starts is another one each time."""
    return {(each["kind"], each["metadata"]["name"]): each for each in objects if each["kind"] != "Secret"}


def complaints(server: Server, objects: list[dict[str, Any]]) -> list[str]:
    """What the API server says against objects that are sent together."""
    # JSON: PyYAML leaves 12e34 bare, and the server reads a number; one document, since kubectl reads several as YAML.
    # The metadata of what stands in a List kubectl takes as it comes, that of a single object it decodes, as Helm does.
    text = json.dumps(objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects})
    words = [server.kubectl, "apply", "--dry-run=server", "--namespace", server.namespace, "-f", "-"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, env=server.env, check=False)
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("Warning:")]
    return lines if done.returncode else []


def served(server: Server) -> set[str]:
    """The kinds that the API server knows, as apiVersion/Kind."""
    words = [server.kubectl, "api-resources", "--no-headers"]
    printed = subprocess.run(words, capture_output=True, text=True, env=server.env, check=True).stdout
    rows = [line.split() for line in printed.splitlines()]
    return {f"{row[-3]}/{row[-1]}" for row in rows if len(row) >= 4}


def main() -> int:
    """Send mutants, and print what is refused. Returns 1 when one is."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.server")
    parser.add_argument("--accepted", type=int, default=150)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--first", type=int, default=0, help="the number of the first input: repeats a failure")
    parser.add_argument("--namespace", default="default")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    server = Server(os.environ.get("KUBECTL") or "kubectl", dict(os.environ), given.namespace)
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for each in refused(server, given.seed, given.accepted, Path(folder), given.first):
            if each is not None:
                failures += 1
                saved = Path(tempfile.gettempdir()) / f"nimhelm-refused-{given.seed}-{each.number}.yaml"
                saved.write_bytes(each.content)
                print(f"--- input {each.number}: {saved}\n{each.reason}", flush=True)
    print(f"{given.accepted} charts, {failures} refused")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
