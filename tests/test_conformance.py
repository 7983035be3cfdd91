"""The charts set everything that the NIM Operator sets, case by case, where recorded cases lie beside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
from conftest import HELMS, ROOT

pytestmark = pytest.mark.slow

CASES = Path(os.environ.get("NIMHELM_FACTS", ROOT.parent / "shared")) / "conformance"


SHARES = ("feature_*", "random_*", "s*")
"""The cases in parts that run side by side."""


def test_the_charts_match_the_operator() -> None:
    if not (CASES / "compare.py").is_file():
        pytest.skip(f"no {CASES}: the recorded cases are not part of this repository")
    assert all(any(fnmatch(case.name, share) for share in SHARES) for case in (CASES / "cases").iterdir())
    running = [(share, compare(share)) for share in SHARES]
    for share, process in running:
        out, err = process.communicate()
        differing = "\n".join(line for line in out.splitlines() if not line.startswith("ok"))
        assert process.returncode == 0, f"{share}: {differing}{err}"


def compare(share: str) -> subprocess.Popen[str]:
    command = [sys.executable, CASES / "compare.py", CASES / "cases", "--only", share, "--show", "50"]
    command += ["--helm", HELMS["helm4"], "--nimhelm", f"{sys.executable} -m nimhelm"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
