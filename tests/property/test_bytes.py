"""The same pipeline gives the same bytes, whoever builds it, where and when."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import EXAMPLES, ROOT, run_nimhelm

from nimhelm.chart.read import read_folder

SURROUNDINGS = [
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
    {
        "PYTHONHASHSEED": "4242",
        "LC_ALL": "POSIX",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "latin-1",
        "HOME": "/nowhere",
        "SOURCE_DATE_EPOCH": "1",
    },
]


@pytest.mark.parametrize("source", [*EXAMPLES, ROOT / "tests" / "everything.yaml"], ids=lambda path: path.stem)
def test_the_same_bytes(source: Path, tmp_path: Path) -> None:
    seen = set()
    for index, env in enumerate(SURROUNDINGS):
        folder = tmp_path / ("x" * index) / "somewhere"
        folder.mkdir(parents=True)
        (folder / f"{index}.yaml").write_bytes(source.read_bytes())
        for where in ("out", str(folder / "other")):
            run_nimhelm("build", f"{index}.yaml", "-o", where, "--include-disabled", check=True, cwd=folder, env=env)
            seen.add(digest(folder / where))
        run_nimhelm("build", folder / f"{index}.yaml", "-o", "packed", "--package", check=True, cwd=folder, env=env)
        seen.add(digest(folder / "packed"))
    assert len(seen) == 2, "one content as a folder, one as an archive"


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path, content in read_folder(folder).items():
        total.update(path.encode() + b"\0" + content + b"\0")
    return total.hexdigest()
