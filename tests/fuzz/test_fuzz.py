"""A bounded run of the fuzz harness; `python -m tests.fuzz` runs it for longer, with other seeds."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import run
from tests.fuzz.dumps import failures
from tests.fuzz.mutate import mutated, sources

pytestmark = pytest.mark.slow

SEED = 11


def test_no_mutant_gets_through(tmp_path: Path) -> None:
    outcome = run.fuzz(SEED, range(100_000), tmp_path, seconds=12)
    print(f"seed {SEED}: {outcome.inputs} inputs, {outcome.accepted} accepted")
    assert not outcome.failures, "\n".join(f"input {each.number}: {each.reason}" for each in outcome.failures)
    assert outcome.inputs > 50
    assert 0 < outcome.accepted < outcome.inputs, "mutants are too tame, or too wild"


def test_no_mutated_dump_gets_through() -> None:
    assert list(failures(SEED, range(25))) == []


def test_a_number_gives_its_mutant_back() -> None:
    originals = sources()
    mutants = [mutated(Random(f"{SEED}-{number}"), originals) for number in range(30)]
    assert mutants == [mutated(Random(f"{SEED}-{number}"), originals) for number in range(30)]
    assert len(set(mutants)) > 20


def test_an_exception_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(run, "convert_files", broken)
    outcome = run.fuzz(SEED, range(3), tmp_path)
    assert [failure.number for failure in outcome.failures] == [0, 1, 2]
    assert "KeyError" in outcome.failures[0].reason
