"""Starting, stopping and adjusting the bench: what the commands and the tests call."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import controllers, isolation, registry, state
from .api import Api
from .build import build, install_packages, kube_binary
from .settings import (
    CACHE,
    CERTS_D,
    CGROUP,
    CLUSTER_DIR,
    CONTAINERD_SOCKET,
    KUBECONFIG,
    LOGS,
    NODE,
    STATE,
    STATES,
    SUPERVISOR_LOG,
)

REPOSITORY = CLUSTER_DIR.parents[1]
START_TIMEOUT = 150
CONTROLLER_TIMEOUT = 60
# Marks a controller that runs and works.
DONE = "done"
FIRST_SIGN_TIMEOUT = 15
DEFAULT_GPUS = 8
GPU = "nvidia.com/gpu"
CTR = ("ctr", "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io")


def up(gpu_count: int = DEFAULT_GPUS, with_controllers: tuple[str, ...] = ()) -> None:
    """Start the cluster, building what is missing, and the controllers in it; do nothing for what runs already."""
    _start_cluster(gpu_count)
    add_controllers(*with_controllers)


def _start_cluster(gpu_count: int) -> None:
    with _lock():
        if is_up():
            return
        _require_root()
        prepare()
        _remove_everything()
        _start_supervisor()
        try:
            _wait_until_ready()
        except BaseException:
            _remove_everything()
            raise
    gpus(gpu_count)


def prepare(*names: str) -> None:
    """Install packages and build programs, so far as they are missing; the benches of a machine share them.

    Each program has a lock of its own: a bench does not wait while another builds a controller that it does not need.
    """
    with _locked("kube.lock"):
        install_packages()
        build()
    for name in names:
        with _locked(f"controller-{name}.lock"):
            controllers.build(controllers.load(name))


def add_controllers(*names: str) -> None:
    """Start controllers in the running cluster, and wait until they work; those that run already stay as they are."""
    prepare(*names)
    with _lock():
        for controller in map(controllers.load, names):
            if not (controller.folder / DONE).exists():
                _add(controller)
                (controller.folder / DONE).touch()


def _add(controller: controllers.Controller) -> None:
    controllers.write_files(controller)
    for path in controllers.crd_files(controller):
        _apply("-f", str(path))
    if items := controllers.objects(controller, kubectl_path()):
        _apply("-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    controllers.write_command(controller)
    probes = [*controller.filled(controller.listens), *controller.exists]
    deadline = time.monotonic() + CONTROLLER_TIMEOUT
    while missing := [probe for probe in probes if not _is_there(probe)]:
        if time.monotonic() > deadline:
            log = LOGS / f"{controller.name}.log"
            why = _tail(log) if log.exists() else "a bench that older code started does not start it; restart the bench"
            raise RuntimeError(f"{controller.name} does not work, {missing[0]} is missing:\n{why}")
        time.sleep(0.3)


def _apply(*arguments: str, stdin: str = "") -> None:
    command = [str(kubectl_path()), "apply", "--server-side", "--force-conflicts", *arguments]
    _kubectl(command, stdin)


def _is_there(probe: str) -> bool:
    """Whether an address accepts connections, or, without a port, whether there is an object of a kind."""
    address, _, port = probe.partition(":")
    with contextlib.suppress(RuntimeError):
        if port:
            run_inside(sys.executable, "-c", f"import socket; socket.create_connection(({address!r}, {port}), 2)")
            return True
        return bool(_kubectl([str(kubectl_path()), "get", address, "-o", "name"]).strip())
    return False


def _kubectl(command: list[str], stdin: str = "") -> str:
    env = os.environ | {"KUBECONFIG": str(KUBECONFIG), "KUBECACHEDIR": str(STATE / "kubectl-cache")}
    result = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def down() -> None:
    """Stop the cluster and remove every trace of it but the cache."""
    with _lock():
        _remove_everything()


def clean() -> None:
    """Like ``down``, and remove the cache too, unless another bench runs from it."""
    down()
    if others := sorted(path.name for path in STATES.glob("nimhelm-bench*")):
        raise RuntimeError(f"the cache is kept, because another bench uses it: {', '.join(others)}")
    shutil.rmtree(CACHE, ignore_errors=True)


def is_up() -> bool:
    """Whether a cluster runs and has been ready."""
    known = state.read()
    return known is not None and known.ready and known.pid in isolation.processes()


def gpus(count: int) -> None:
    """Give the node ``count`` GPUs, as far as the scheduler can tell."""
    body = {"status": {"capacity": {GPU: str(count)}, "allocatable": {GPU: str(count)}}}
    with contextlib.closing(api()) as client:
        client.patch(f"/api/v1/nodes/{NODE}/status", body)


def registry_rules(*rules: registry.Rule) -> None:
    """Say how pulls go from now on; without rules, as in the beginning."""
    registry.write_rules(list(rules))


def load_image(*names: str) -> None:
    """Put images on the node, so that pods with ``IfNotPresent`` start without a pull."""
    for name in names:
        run_inside(*CTR, "images", "pull", "--hosts-dir", str(CERTS_D), name)


def remove_image(*names: str) -> None:
    """Take images off the node, so that the next pod pulls them again."""
    run_inside(*CTR, "images", "rm", "--sync", *names)


def run_inside(*command: str) -> str:
    """Run a program in the bench's namespaces and return what it prints."""
    known = state.read()
    if known is None:
        raise RuntimeError("the bench is not running")
    enter = ["nsenter", "--target", str(known.pid), "--net", "--mount", "--"]
    result = subprocess.run([*enter, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


@contextlib.contextmanager
def api_outage() -> Iterator[None]:
    """For as long as this lasts, clients on the host find no API server."""
    known = state.read()
    if known is None:
        raise RuntimeError("the bench is not running")
    os.kill(known.pid, signal.SIGUSR1)
    try:
        yield
    finally:
        os.kill(known.pid, signal.SIGUSR2)


@contextlib.contextmanager
def silent_node() -> Iterator[None]:
    """For as long as this lasts, the kubelet does nothing and reports nothing; its containers go on."""
    known = state.read()
    if known is None:
        raise RuntimeError("the bench is not running")
    os.kill(known.components["kubelet"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(known.components["kubelet"], signal.SIGCONT)


def api() -> Api:
    """A client of the API server, from the host."""
    port = int(KUBECONFIG.read_text().split("https://127.0.0.1:")[1].split('"')[0])
    return Api(port)


def kubectl_path() -> Path:
    """A kubectl of the cluster's own version."""
    link = kube_binary().with_name("kubectl")
    if not link.is_symlink():
        link.symlink_to("kube")
    return link


def _lock() -> contextlib.AbstractContextManager[None]:
    """One command at a time for a bench."""
    return _locked(f"{CGROUP}.lock")


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _require_root() -> None:
    if os.geteuid() != 0:
        raise RuntimeError("the bench needs root: it makes namespaces, cgroups and mounts")


def _start_supervisor() -> None:
    LOGS.mkdir(parents=True)
    # On its own: the cluster stays when the command that started it ends.
    command = ["setsid", "--fork", sys.executable, "-m", "tests.cluster.bench.supervisor"]
    with SUPERVISOR_LOG.open("wb") as log:
        subprocess.run(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def _wait_until_ready() -> None:
    started = time.monotonic()
    while not is_up():
        waited = time.monotonic() - started
        known = state.read()
        if known is None:
            failed = waited > FIRST_SIGN_TIMEOUT
        else:
            failed = bool(known.failure) or known.pid not in isolation.processes()
        if failed or waited > START_TIMEOUT:
            raise RuntimeError("the cluster did not start:\n" + _tail(SUPERVISOR_LOG))
        time.sleep(0.2)


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _remove_everything() -> None:
    isolation.kill_all()
    isolation.remove_cgroups()
    isolation.unmount_leftovers()
    if STATE.exists():
        shutil.rmtree(STATE)
