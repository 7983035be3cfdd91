"""Saved clusters that are mutated, and read by every command that takes one.

    python -m tests.fuzz.dumps --inputs 2000 [--seed S] [--first N]

A dump may come from a stranger, and a cluster holds objects of other makers. What comes out is an answer or a sentence.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, NamedTuple
from unittest.mock import patch

from nimhelm.chart.write import write_chart
from nimhelm.cli import run_click
from nimhelm.convert import convert_files
from nimhelm.dumpfile import documents
from nimhelm.errors import NimhelmError
from nimhelm.helm import run_helm
from tests.bench_preflight import prepare
from tests.conftest import HELMS, run_nimhelm
from tests.fuzz.mutate import ROOT, change, changed_bytes
from tests.kubernetes_values import OBJECTS_ACCEPTED, rows
from tests.status.casefile import CASES, read_case, snapshot_of

RECORDED = ("timeline/recorded", "status/recorded")


class Dump(NamedTuple):
    """Files of a saved cluster, and the commands that read it."""

    files: dict[str, Any]
    commands: tuple[tuple[str, ...], ...]


def dumps(folder: Path) -> list[Dump]:
    """Recorded releases, those of the cases of status, and clusters as preflight saves them."""
    found = []
    for place in (each for name in RECORDED for each in sorted((ROOT / "tests" / name).iterdir()) if each.is_dir()):
        held = {f"{path.stem}.json": documents(path) for path in sorted(place.iterdir())}
        files = {name: {"items": each} if len(each) > 1 else each[0] for name, each in held.items()}
        found.append(Dump(files, of_release(files["release.json"]["release"])))
    for path in CASES:
        snapshot = snapshot_of(read_case(path))
        lists: dict[str, Any] = {f"{kind}.json": {"items": objects} for kind, objects in snapshot.lists.items()}
        found.append(Dump(lists, of_release(snapshot.release)))
    return found + saved_by_preflight(folder) * (len(found) // 4)


def saved_by_preflight(folder: Path) -> list[Dump]:
    """A cluster as preflight saves it, with objects of many kinds, and two charts that are held against it."""
    prepare(folder, services=3, nodes=4, pods=6)
    (everything,) = convert_files([str(ROOT / "tests" / "everything.yaml")]).charts
    charts = [str(folder / "rag"), str(write_chart(everything, folder))]
    environment = os.environ | {"KUBECTL": str(folder / "kubectl")}
    words = ["preflight", charts[0], "-n", "rag", "--save", str(folder / "saved")]
    run_nimhelm(*words, env=environment)
    files = {path.name: json.loads(path.read_text("utf-8")) for path in sorted((folder / "saved").iterdir())}
    for each in rows(OBJECTS_ACCEPTED):
        files.setdefault(f"{str(each['kind']).lower()}.json", {"items": []})["items"].append(each)
    return [Dump(files, (("preflight", chart, "-n", "rag"),)) for chart in charts]


def of_release(release: str) -> tuple[tuple[str, ...], ...]:
    return (
        ("status", release),
        ("status", release, "-o", "json"),
        ("timeline", release),
        ("timeline", release, "-o", "json"),
        ("graph", release),
    )


def failure(random: Random, dump: Dump, folder: Path) -> str:
    """What no user may see of a mutant of the dump; "" for none."""
    for path in folder.iterdir():
        path.unlink()
    changed = copy.deepcopy(list(dump.files.values()))
    for _ in range(random.choice((1, 1, 2, 4, 12))):
        change(random, changed)
    broken = random.randrange(len(changed) + 1) if random.random() < 0.05 else -1
    for number, (name, document) in enumerate(zip(dump.files, changed, strict=False)):
        content = json.dumps(document).encode()
        (folder / name).write_bytes(changed_bytes(random, content) if number == broken else content)
    for command in dump.commands:
        out, err = io.StringIO(), io.StringIO()
        try:
            with redirect_stdout(out), redirect_stderr(err):
                run_click([*command, "--from-dir", str(folder)])
            out.getvalue().encode()
        except NimhelmError:
            pass
        except Exception:
            return f"{' '.join(command)}\n{traceback.format_exc()}"
    return ""


@cache
def rendered(*words: str, **more: Any) -> str:
    """What helm printed the first time."""
    return run_helm(*words, **more)


def failures(seed: int, numbers: range) -> Iterator[tuple[int, str]]:
    """The number of each mutant that fails, and what it brought out."""
    os.environ.setdefault("HELM", str(HELMS["helm4"]))
    with tempfile.TemporaryDirectory() as place, patch("nimhelm.preflight.render.run_helm", rendered):
        folder = Path(place, "dump")
        folder.mkdir()
        originals = dumps(Path(place))
        for number in numbers:
            random = Random(f"{seed}-{number}")
            if said := failure(random, random.choice(originals), folder):
                yield number, said


def main() -> int:
    """Run the inputs; returns 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.dumps")
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--first", type=int, default=0, help="the number of the first input: repeats a failure")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    failed = 0
    for number, said in failures(given.seed, range(given.first, given.first + given.inputs)):
        failed += 1
        print(f"--- input {number} (--seed {given.seed} --first {number} --inputs 1)\n{said}", flush=True)
    print(f"{given.inputs} dumps, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
