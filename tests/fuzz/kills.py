"""Commands that write, killed and interrupted at random moments: nothing of the user's is lost, and nothing is half written.

python -m tests.fuzz.kills --runs 2000 [--seed S]
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

from nimhelm.__main__ import guarded
from nimhelm.workspace import is_workspace
from tests.conftest import ROOT

Tree = dict[str, bytes | str]
"""Files by their path below a folder, and links as where they lead."""

EXAMPLE = (ROOT / "examples" / "rag-pipeline.yaml").read_text()
OLD, NEW = EXAMPLE, EXAMPLE.replace("kind: NIMPipeline", "kind: NIMPipeline # edited").replace("8000", "8008")
FAULTY = EXAMPLE.replace("repository:", "Repository:")
BESIDE = ("Chart.lock", ".git/config", ".git/objects/ab/cd", ".DS_Store", "values.yaml.bak", "values-prod.yaml",
          "templates/mine.yaml", "charts/own/Chart.yaml", "notes/a.txt")  # fmt: skip


class Case(NamedTuple):
    """A command, what stands there before, and which files it writes: all of them are the old ones or the new ones."""

    name: str
    words: tuple[str, ...]
    prepare: Callable[[], None]
    writes: tuple[str, ...]


def _pipeline(text: str) -> None:
    Path("pipeline.yaml").write_text(text)


def _chart() -> None:
    _pipeline(OLD)
    run(("build", "pipeline.yaml"))
    for name in BESIDE:
        path = Path("rag-pipeline", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    Path("rag-pipeline", "notes", "link").symlink_to("../nowhere")
    _pipeline(NEW)


def _edited() -> None:
    _chart()
    with Path("rag-pipeline", "values.yaml").open("a") as stream:
        stream.write("# by hand\n")


def _package() -> None:
    _pipeline(OLD)
    run(("build", "pipeline.yaml", "--package"))
    Path("rag-pipeline-0.0.9.tgz").write_text("mine")
    _pipeline(NEW)


def _init() -> None:
    _pipeline("# mine\n")
    Path(".pipeline.yaml.partial").write_text("mine")
    Path("given.yaml").write_text(OLD)


def _fix() -> None:
    Path("real").mkdir()
    Path("real/faulty.yaml").write_text(FAULTY)
    Path("faulty.yaml").symlink_to("real/faulty.yaml")


CASES = (
    Case("build", ("build", "pipeline.yaml"), _chart, ("rag-pipeline/",)),
    Case("build --force", ("build", "pipeline.yaml", "--force"), _edited, ("rag-pipeline/",)),
    Case("build --package", ("build", "pipeline.yaml", "--package", "--force"), _package, ("rag-pipeline-0.1.0.tgz",)),
    Case("init --force", ("init", "given.yaml", "--force"), _init, ("pipeline.yaml",)),
    Case("validate --fix", ("validate", "--fix", "faulty.yaml"), _fix, ("real/faulty.yaml",)),
)


def run(words: tuple[str, ...]) -> int:
    """A command line in this process, its output thrown away."""
    out, err = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as sys.stdout:
        sys.stderr = sys.stdout
        try:
            return guarded(list(words))
        finally:
            sys.stdout, sys.stderr = out, err


def tree(folder: Path) -> Tree:
    """What is below a folder."""
    found: Tree = {}
    for root, folders, names in os.walk(folder):
        for path in (Path(root, name) for name in (*folders, *names)):
            key = path.relative_to(folder).as_posix()
            if path.is_symlink():
                found[key] = os.readlink(path)
            elif path.is_file():
                found[key] = path.read_bytes()
    return found


class Rig:
    """One case: the state before, the state after, and how long the command takes."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.start, self.place = case, folder / "start", folder / "place"
        self.start.mkdir(parents=True)
        os.chdir(self.start)
        case.prepare()
        self.old = tree(self.start)
        self.begin()
        run(case.words)  # what is imported late is imported now
        self.begin()
        started = time.monotonic()
        run(case.words)
        self.seconds = time.monotonic() - started
        self.new = tree(self.place)
        assert self.new != self.old, f"{case.name} writes nothing"

    def begin(self) -> None:
        """The state before, again."""
        os.chdir("/")
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.start, self.place, symlinks=True)
        os.chdir(self.place)

    def hit(self, number: int, delay: float) -> int:
        """Run the command in a process that gets the signal after so many seconds; returns its wait status."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until the child can catch it
        child = os.fork()
        if child == 0:
            code = 99
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                code = run(self.case.words)
            except KeyboardInterrupt:
                code = 130
            finally:
                os._exit(code)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        time.sleep(delay)
        os.kill(child, number)
        return os.waitpid(child, 0)[1]

    def problems(self, number: int) -> Iterator[str]:
        """What is wrong after the signal, and after the command was run once more."""
        found = tree(self.place)
        left = [path for path in found if any(is_workspace(part) for part in path.split("/"))]
        folders = [path.name for path in self.place.rglob(".*") if is_workspace(path.name)]
        if number == signal.SIGINT and (left or folders):
            yield f"left after an interrupt: {left or folders}"
        kept = {path: content for path, content in found.items() if path not in left}
        if self.written(kept) not in (self.written(self.old), self.written(self.new)):
            yield "neither the old nor the new state"
        if self.others(kept) != self.others(self.old):
            yield "files of the user changed"
        run(self.case.words)
        if tree(self.place) != self.new:
            yield "the next run does not lead to the new state"
        if folders := [path.name for path in self.place.rglob(".*") if is_workspace(path.name)]:
            yield f"left after the next run: {folders}"

    def _mine(self, path: str) -> bool:
        return not any(path.startswith(one) if one.endswith("/") else path == one for one in self.case.writes)

    def written(self, found: Tree) -> Tree:
        """The files that the command writes."""
        return {path: content for path, content in found.items() if not self._mine(path)}

    def others(self, found: Tree) -> Tree:
        """All other files."""
        return {path: content for path, content in found.items() if self._mine(path)}


def kills(seed: int, runs: int, folder: Path, signals: tuple[int, ...] = (signal.SIGKILL, signal.SIGINT)) -> list[str]:
    """So many runs, shared among the cases and signals; returns what went wrong."""
    before = Path.cwd()
    random, wrong = Random(seed), []
    try:
        rigs = [Rig(case, folder / str(number)) for number, case in enumerate(CASES)]
        for count in range(runs):
            rig, number = rigs[count % len(rigs)], signals[count // len(rigs) % len(signals)]
            rig.begin()
            delay = random.uniform(0, rig.seconds * 1.3)
            rig.hit(number, delay)
            name = f"{rig.case.name}, signal {number} after {delay:.4f} of {rig.seconds:.4f} s"
            wrong += [f"{name}: {problem}" for problem in rig.problems(number)]
    finally:
        os.chdir(before)
    return wrong


def main() -> int:
    """Kill and interrupt. Returns 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        wrong = kills(given.seed, given.runs, Path(folder))
    print("\n".join(wrong))
    print(f"{given.runs} runs, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
