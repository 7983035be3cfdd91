"""The only place that runs helm."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any

from nimhelm.errors import ChartRefusalError, HelmError, LoadError

_RECORDS = {"": "Secret", "secret": "Secret", "secrets": "Secret", "configmap": "ConfigMap", "configmaps": "ConfigMap"}

_REFUSES = re.compile(
    r".*?(execution error at \(.*?\): |values don't meet the specifications of the schema\(s\) in the following chart\(s\):)"
)
"""How helm begins to tell what a chart refuses."""

_SEVERAL = ": validation failed"

_PLAIN = re.compile(r"[\w./~ @+=-]+")
"""A path of a values file that means itself to helm, which takes it for a line of CSV and then for a URL."""


def record_kind() -> str:
    """The kind in which helm keeps its records, by $HELM_DRIVER; "" where it keeps them outside of the cluster."""
    return _RECORDS.get(os.environ.get("HELM_DRIVER", ""), "")


def helm_major() -> int:
    """3 or 4: a few flags differ. Raises HelmError."""
    major = run_helm("version", "--template={{.Version}}").strip().lstrip("v").split(".")[0]
    if not major.isdecimal():
        raise HelmError("helm version prints no version", "is $HELM a helm?")
    return int(major)


def run_helm(
    *arguments: str, names: tuple[str, ...] = (), values: Iterable[str] = (), timeout: float | None = 120.0
) -> str:
    """helm's standard output. `HELM` names another binary. Raises HelmError when it is missing, slow or fails.

    `names` are the release and the chart: they go behind `--`, where helm takes nothing for an option. A value of the
    user among the `arguments` is part of its own word, as in `--namespace=nim`. `values` are paths of values files.
    `timeout` is in seconds, None for a run that helm's own --timeout ends.
    """
    words = list(arguments)
    with ExitStack() as opened:
        copies = []
        for path in values:
            if "://" not in path and not (_PLAIN.fullmatch(path) and os.path.isfile(path)):
                copy = opened.enter_context(TemporaryFile())
                copy.write(_content(path))
                copy.flush()
                copies.append(copy.fileno())
                path = f"/dev/fd/{copy.fileno()}"
            words.append(f"--values={path}")
        return _run([*words, *(["--", *names] if names else [])], copies, timeout)


def _content(path: str) -> bytes:
    """What helm cannot read by itself: a pipe and standard input give what they hold only once. Raises LoadError."""
    from nimhelm.load import MAX_BYTES, read_bytes

    content = read_bytes(path)
    if len(content) > MAX_BYTES:
        raise LoadError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB", "is this the right file?")
    return content


def _run(words: list[str], files: list[int], timeout: float | None) -> str:
    binary = os.environ.get("HELM") or "helm"
    try:
        done = subprocess.run(
            [binary, *words], pass_fds=files,
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise HelmError(f"{binary} is not on the PATH", "install Helm 3.19 or newer, or name it in HELM") from None
    except subprocess.TimeoutExpired:
        raise HelmError(f"helm {words[0]} did not end within {timeout:g} s", "is the cluster within reach?") from None
    except (OSError, ValueError) as error:
        raise HelmError(f"{binary} cannot be run: {error}", "name another helm in $HELM") from None
    if done.returncode:
        raise failure(words[0], done.stderr)
    return done.stdout


def objects_of(manifest: str) -> list[dict[str, Any]]:
    """The objects in what helm printed. Raises HelmError."""
    import yaml

    from nimhelm.yamlread import GoLoader

    try:
        documents = [each for each in yaml.load_all(manifest, Loader=GoLoader) if isinstance(each, dict)]
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise HelmError(f"what helm prints is not YAML: {error}", "does a template of your own print it?") from None
    return [each for each in documents if each.get("kind") and isinstance(each["kind"], str)]


def failure(command: str, complaint: str) -> HelmError:
    """What helm complained of. What a chart refuses, by its schema or its guard, is one sentence a line."""
    lines = [line for line in complaint.splitlines() if line.strip() and not line.startswith("Use --debug")]
    place = next((n for n, line in enumerate(lines) if _REFUSES.search(line)), None)
    if place is None:
        return HelmError(f"helm {command} failed: {' '.join(lines[-3:])}", "run it by hand to see all of it")
    said = [_REFUSES.sub("", lines[place]), *lines[place + 1 :]]
    hint = ""
    if not said[0]:
        # Under the name of each chart, and under what stands for several.
        said = [line.strip(" -") for line in said if line.lstrip().startswith("- ") and not line.endswith(_SEVERAL)]
        hint = "nimhelm validate --values says in which line each stands"
    told = "".join(f"\n  {problem}" for problem in said)
    return ChartRefusalError(said, f"the chart refuses its values:{told}", hint)
