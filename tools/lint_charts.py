#!/usr/bin/env python3
"""Holds the charts of the examples against kube-score and checkov. A finding that docs/linters.md does not list is an error.

go install github.com/zegl/kube-score/cmd/kube-score@latest
pip install checkov
tools/lint_charts.py [kube-score] [checkov]
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

Found = dict[str, str]
"""Check of a linter -> the first object that it complains about."""


def rendered(folder: Path) -> Iterator[Path]:
    """The objects of each example, as `helm template` prints them, in a file of its own."""
    from nimhelm.convert import convert_files, write

    helm = HERE / ".tools" / "helm4" / "helm"
    for example in sorted((HERE / "examples").glob("*.yaml")):
        for chart in write(convert_files([str(example)]).charts, folder):
            made = subprocess.run(
                [helm, "template", "r", chart, "-n", "nim"], capture_output=True, text=True, check=True
            )
            path = folder / f"{chart.name}.yaml"
            path.write_text(made.stdout)
            yield path


def kube_score(path: Path) -> Iterator[tuple[str, str]]:
    """(check, object) of what kube-score grades as critical or as a warning."""
    ran = subprocess.run(
        ["kube-score", "score", "--output-format", "json", str(path)], capture_output=True, text=True, check=False
    )
    for each in json.loads(ran.stdout):
        for check in each["checks"]:
            if not check["skipped"] and check["grade"] < 10:
                yield check["check"]["id"], each["object_name"]


def checkov(path: Path) -> Iterator[tuple[str, str]]:
    """(check, object) of what checkov calls failed."""
    command = ["checkov", "-f", str(path), "--framework", "kubernetes", "-o", "json", "--quiet", "--compact"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    reports: Any = json.loads(ran.stdout)
    for report in reports if isinstance(reports, list) else [reports]:
        for check in report["results"]["failed_checks"]:
            yield check["check_id"], check["resource"]


LINTERS: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {"kube-score": kube_score, "checkov": checkov}


def listed(linter: str) -> set[str]:
    """The checks that docs/linters.md lists for a linter."""
    page = (HERE / "docs" / "linters.md").read_text(encoding="utf-8")
    part = page.partition(f"## {linter}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([\w-]+)` \|", part, re.MULTILINE))


def main(chosen: list[str]) -> int:
    """0: the findings are those that the page lists; 1: others; 3: a linter is missing."""
    names = chosen or list(LINTERS)
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        print(f"not on the PATH: {', '.join(missing)}; see docs/linters.md")
        return 3
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        paths = list(rendered(Path(folder)))
        for name in names:
            found: Found = {}
            for path in paths:
                for check, where in LINTERS[name](path):
                    found.setdefault(check, f"{path.name}: {where}")
            known = listed(name)
            for check in sorted(found.keys() - known):
                print(f"{name}: {check} is not listed in docs/linters.md ({found[check]})")
            for check in sorted(known - found.keys()):
                print(f"{name}: {check} is listed in docs/linters.md, and is found no more")
            wrong += len(found.keys() ^ known)
            print(f"{name}: {len(found)} kinds of findings in {len(paths)} charts, {len(found.keys() & known)} listed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
