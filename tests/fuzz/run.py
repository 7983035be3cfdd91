"""One mutant after the other through every stage; what comes out that is neither a finding nor a typed error is a failure."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from random import Random
from typing import NamedTuple

from nimhelm.convert import Options, convert_files
from nimhelm.errors import NimhelmError
from nimhelm.finding import has_errors
from nimhelm.report import REPORTERS
from tests.fuzz.mutate import mutated, sources

SECONDS = 10
"""What one mutant may take of a processor: they are small."""


class Failure(NamedTuple):
    """The input's number, which gives it back together with the seed, and what went wrong."""

    number: int
    content: bytes
    reason: str


class Outcome(NamedTuple):
    """How many inputs were run and how many of them became a chart."""

    inputs: int
    accepted: int
    failures: list[Failure]


def fuzz(seed: int, numbers: range, folder: Path, seconds: float = float("inf")) -> Outcome:
    """Run the mutants of these numbers, until the time is over."""
    originals = sources()
    end = time.monotonic() + seconds
    accepted = inputs = 0
    failures: list[Failure] = []
    for number in numbers:
        if time.monotonic() > end:
            break
        content = mutated(Random(f"{seed}-{number}"), originals)
        path = folder / "mutant.yaml"
        path.write_bytes(content)
        inputs += 1
        started = time.process_time()
        try:
            accepted += survives(path, content)
        except Exception:
            failures.append(Failure(number, content, traceback.format_exc()))
        if time.process_time() - started > SECONDS:
            failures.append(Failure(number, content, f"{time.process_time() - started:.0f} seconds"))
    return Outcome(inputs, accepted, failures)


def survives(path: Path, content: bytes) -> bool:
    """Whether the mutant becomes a chart. Raises what no user may see."""
    try:
        converted = convert_files([str(path)], Options(include_disabled=len(content) % 2 == 0))
    except NimhelmError:
        return False
    for report in REPORTERS.values():
        report(converted.findings).encode("utf-8", "backslashreplace")
    text = content.decode("utf-8", "replace")
    lines = len(text.splitlines()) + 1
    for finding in converted.findings:
        assert 1 <= finding.line <= lines, finding
        assert 1 <= finding.column <= len(text) + 1, finding
        assert "\n" not in REPORTERS["text"]([finding])[:-1], finding
    assert bool(converted.charts) or has_errors(converted.findings)
    return bool(converted.charts)
