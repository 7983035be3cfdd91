"""What a shell completes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run_nimhelm

KUBECTL = """#!/bin/sh
case "$*" in
  *unreachable*) exit 1;;
  *configmaps*--namespace=nim*) echo "rag rag search";;
  *configmaps*) echo "other";;
  *namespaces*) echo "nim-service default";;
esac
"""


@pytest.fixture
def completed(tmp_path: Path):  # type: ignore[no-untyped-def]
    (tmp_path / "kubectl").write_text(KUBECTL)
    (tmp_path / "kubectl").chmod(0o755)

    def complete(line: str) -> list[str]:
        env = {"_NIMHELM_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        return run_nimhelm(env=env | {"KUBECTL": str(tmp_path / "kubectl")}).stdout.splitlines()

    return complete


@pytest.mark.slow
def test_what_is_completed(completed) -> None:  # type: ignore[no-untyped-def]
    assert completed("nimhelm time") == ["plain,timeline"]
    assert "plain,--digests" in completed("nimhelm images --d")
    assert completed("nimhelm build pipe") == ["file,pipe"]
    assert completed("nimhelm status -n nim ") == ["plain,rag", "plain,search"]
    assert completed("nimhelm status -n nim s") == ["plain,search"]
    assert completed("nimhelm status ") == ["plain,other"]
    assert completed("nimhelm timeline -n ") == ["plain,default", "plain,nim-service"]
    assert completed("nimhelm graph ") == ["plain,other", "file,"]
    assert not any(completed("nimhelm status --context unreachable "))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell: str, tmp_path: Path) -> None:
    script = run_nimhelm("completion", shell, check=True).stdout
    assert f"_NIMHELM_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_bash_completes_with_the_script(tmp_path: Path) -> None:
    (tmp_path / "nimhelm").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m nimhelm "$@"\n')
    (tmp_path / "nimhelm").chmod(0o755)
    (tmp_path / "script").write_text(run_nimhelm("completion", "bash", check=True).stdout)
    line = (
        'source script; COMP_WORDS=(nimhelm prefl); COMP_CWORD=1; _nimhelm_completion nimhelm; echo "${COMPREPLY[@]}"'
    )
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "preflight\n"
