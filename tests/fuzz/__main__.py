"""`python -m tests.fuzz --inputs 20000 [--seed S] [--first N]`: prints what failed; the input is saved beside the seed's name."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.fuzz.run import fuzz


def main() -> int:
    """Run the inputs; returns 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--first", type=int, default=0, help="the number of the first input: repeats a failure")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = fuzz(given.seed, range(given.first, given.first + given.inputs), Path(folder))
    for failure in outcome.failures:
        saved = Path(tempfile.gettempdir()) / f"nimhelm-fuzz-{given.seed}-{failure.number}.yaml"
        saved.write_bytes(failure.content)
        print(
            f"--- input {failure.number} (--seed {given.seed} --first {failure.number} --inputs 1): {saved}\n{failure.reason}"
        )
    print(f"{outcome.inputs} inputs, {outcome.accepted} became charts, {len(outcome.failures)} failures")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
