"""What is known of a release in one file, FILE.tar.gz, to be sent to someone who helps.

It holds the lists of a dump (dump.py), Helm's record and history, the logs of the gates, the last lines of all other
containers, and contents.json, which says what is in it and what was left out. Nothing goes into it that is not redacted
(redact.py), and only its owner may read the file (mode 0600).
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from nimhelm.errors import HelmError, KubectlError, LoadError, WriteError
from nimhelm.kubectl import Access, run
from nimhelm.savefile import Terms, json_bytes
from nimhelm.savefile import save as save_file
from nimhelm.status import dump
from nimhelm.status import kubeobject as ko
from nimhelm.status.graph import RELEASE_LABEL
from nimhelm.status.redact import redacted, redacted_text
from nimhelm.status.snapshot import Snapshot
from nimhelm.wording import short

SUFFIXES = (".tar.gz", ".tgz")
_GATE_LINES, _LINES, _MOST_LOGS, _MOST_FILES, _LARGEST = 200, 50, 300, 5000, 200 << 20
_CONTENTS = "contents.json"
_ALWAYS_LEFT_OUT = (
    "values of environment variables and of headers, commands and arguments of containers",
    "the data of Secrets, and values under keys that are named like secrets",
    "passwords in URLs, tokens and keys in texts and logs",
    "earlier lines of logs",
)


class Wanted(NamedTuple):
    """One log: `previous` is that of the run before."""

    pod: str
    container: str
    lines: int
    previous: bool = False

    @property
    def file(self) -> str:
        """Its place in the bundle."""
        return f"logs/{self.pod}/{self.container}{'.previous' if self.previous else ''}.log"


def is_bundle(path: str) -> bool:
    """Whether a path means a bundle rather than a folder."""
    return path.endswith(SUFFIXES)


def save_bundle(snapshot: Snapshot, path: str, timeout: float = 10.0, offline: bool = False) -> list[str]:
    """Write the bundle; returns what was left out for want of rights or tools. `offline`: no logs and no helm.

    `timeout` is in seconds, for each answer of the cluster. Raises WriteError.
    """
    files, left_out = _objects(snapshot), []
    if offline:
        left_out.append("logs and Helm's record: this was read from a dump")
    else:
        left_out += _add_helm(snapshot, files) + _add_logs(snapshot, files, timeout)
    contents = {
        "release": snapshot.release,
        "namespace": snapshot.namespace,
        "now": snapshot.now.isoformat(),
        "files": sorted(files),
        "leftOut": [*left_out, *snapshot.notes, *_ALWAYS_LEFT_OUT],
    }
    files[_CONTENTS] = json_bytes(redacted(contents))
    _write(Path(path), files)
    return left_out


def load_saved(path: str, release: str, namespace: str = "") -> Snapshot:
    """The snapshot in a bundle or in a folder. Raises LoadError for what is none, KubectlError if the release is not in it."""
    with _opened(path) if is_bundle(path) else nullcontext(path) as folder:
        return dump.load_dump(folder, release, namespace)


@contextmanager
def _opened(path: str) -> Iterator[str]:
    """The folder with the lists of a bundle, for as long as it is needed. Raises LoadError."""
    with TemporaryDirectory(prefix="nimhelm-") as folder:
        try:
            with tarfile.open(path) as tar:
                _extract(tar, Path(folder))
        except (OSError, tarfile.TarError, EOFError) as error:
            raise LoadError(f"{path} cannot be read: {short(str(error))}", "nimhelm status --save writes it") from None
        yield folder


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """The lists alone: regular files at the top, under names that lead nowhere else."""
    total = 0
    for number, entry in enumerate(tar):
        name = entry.name.removeprefix("./")
        total += entry.size
        if total > _LARGEST or number >= _MOST_FILES:
            raise tarfile.TarError(f"larger than {_LARGEST >> 20} MiB, or more than {_MOST_FILES:,} files")
        stream = tar.extractfile(entry) if entry.isfile() and "/" not in name and name.endswith(".json") else None
        if stream is not None:
            (folder / name).write_bytes(stream.read())
    if not any(folder.iterdir()):
        raise tarfile.TarError("no .json file at its top")


def _objects(snapshot: Snapshot) -> dict[str, bytes]:
    """The files of a dump."""
    with TemporaryDirectory(prefix="nimhelm-") as folder:
        dump.save(snapshot, folder)
        return {
            path.name: json_bytes(redacted(json.loads(path.read_bytes()))) for path in sorted(Path(folder).iterdir())
        }


def _add_helm(snapshot: Snapshot, files: dict[str, bytes]) -> list[str]:
    """Helm's history of the release, its values, and the objects that it holds; returns what could not be had."""
    from nimhelm.helm import objects_of, run_helm

    named = (
        ("namespace", snapshot.namespace), ("kube-context", snapshot.context), ("kubeconfig", snapshot.kubeconfig),
    )  # fmt: skip
    flags = [f"--{flag}={value}" for flag, value in named if value]
    try:
        for name, words in (("history", ["history"]), ("values", ["get", "values"])):
            printed = run_helm(*words, "--output=json", *flags, names=(snapshot.release,))
            files[f"helm/{name}.json"] = json_bytes(redacted(json.loads(printed)))
        manifest = objects_of(run_helm("get", "manifest", *flags, names=(snapshot.release,)))
        files["helm/manifest.json"] = json_bytes(redacted({"apiVersion": "v1", "kind": "List", "items": manifest}))
    except (HelmError, ValueError) as error:
        return [f"Helm's record: {short(redacted_text(str(error)))}"]
    return []


def _add_logs(snapshot: Snapshot, files: dict[str, bytes], timeout: float) -> list[str]:
    """The logs of the release's pods; returns what could not be had."""
    access = Access(snapshot.namespace, snapshot.context, snapshot.kubeconfig, timeout)
    wanted = [log for pod in snapshot.of("pods") if _is_ours(pod, snapshot) for log in _logs_of(pod)]
    left_out = [f"{len(wanted) - _MOST_LOGS} further logs"] if len(wanted) > _MOST_LOGS else []

    def read(log: Wanted) -> str | KubectlError:
        words = ["logs", f"pod/{log.pod}", f"--container={log.container}", f"--tail={log.lines}"]
        try:
            return run(access, "logs", *words, *(["--previous"] if log.previous else []))
        except KubectlError as error:
            return error

    with ThreadPoolExecutor(max_workers=8) as pool:
        for log, found in zip(wanted[:_MOST_LOGS], pool.map(read, wanted[:_MOST_LOGS]), strict=True):
            if isinstance(found, str):
                files[log.file] = redacted_text(found).encode(errors="replace")
            else:
                left_out.append(f"{log.file}: {short(redacted_text(str(found)))}")
    return left_out


def _is_ours(pod: ko.Object, snapshot: Snapshot) -> bool:
    """Pods of KServe and LeaderWorkerSet have no label of the release; those of another release have its."""
    return ko.label(pod, RELEASE_LABEL) in ("", snapshot.release, ko.label(pod, "app.kubernetes.io/name"))


def _logs_of(pod: ko.Object) -> Iterator[Wanted]:
    """The containers that have run: gates first, and of one that was restarted the run before as well."""
    name = ko.name_of(pod)
    for status in ko.items(pod, "status", "initContainerStatuses") + ko.items(pod, "status", "containerStatuses"):
        container, state = ko.text(status, "name"), ko.mapping(status, "state")
        lines = _GATE_LINES if container.startswith("wait-") else _LINES
        if name and container and ("running" in state or "terminated" in state):
            yield Wanted(name, container, lines)
        if name and container and ko.mapping(status, "lastState", "terminated"):
            yield Wanted(name, container, lines, previous=True)


def _write(path: Path, files: dict[str, bytes]) -> None:
    """The file, from the first byte on only for its owner."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            tar.addfile(entry, io.BytesIO(content))
    try:
        save_file(path, packed.getvalue(), Terms(private=True))
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written: {error.strerror or error}", "name another file for --save"
        ) from None
