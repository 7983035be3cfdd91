"""The only place that runs helm."""

from __future__ import annotations

import os
import subprocess

from nimhelm.errors import HelmError


def helm_major() -> int:
    """3 or 4: a few flags differ."""
    return int(run_helm("version", "--template", "{{.Version}}").lstrip("v").split(".")[0])


def run_helm(*arguments: str, timeout: float = 120.0) -> str:
    """helm's standard output. `HELM` names another binary. Raises HelmError when it is missing, slow or fails."""
    binary = os.environ.get("HELM") or "helm"
    try:
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise HelmError(f"{binary} is not on the PATH", "install Helm 3.19 or newer, or name it in HELM") from None
    except subprocess.TimeoutExpired:
        raise HelmError(
            f"helm {arguments[0]} did not end within {timeout:g} s", "is the cluster within reach?"
        ) from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise HelmError(f"helm {arguments[0]} failed: {' '.join(lines[-3:])}", "run it by hand to see all of it")
    return done.stdout
