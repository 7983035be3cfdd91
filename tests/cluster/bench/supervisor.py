"""The one process that lives as long as the cluster does.

It isolates itself, starts the programs, and serves registry, volumes and the
door for the host from threads of its own.  When it dies, its children die too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPException
from typing import TypeVar

from . import balancer, components, controllers, dns, externalmetrics, isolation, pki, registry, storage
from .api import Api, ApiError
from .build import kube_binary
from .proxy import Door
from .rounds import repeat_forever
from .settings import KUBECONFIG, LOGS, NODE
from .state import State

T = TypeVar("T")
START_TIMEOUT = 120
MEMORY_GIB = 1024
# The kernel ends the program when the supervisor dies, however that happens.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
# These are started first: the others give up when they find no API server.
FIRST = ("etcd", "containerd", "kube-apiserver")


class Supervisor:
    """Starts the cluster and watches over it."""

    def __init__(self) -> None:
        self.state = State(pid=os.getpid())
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.controllers: dict[str, subprocess.Popen[bytes]] = {}
        self.commands = components.commands(kube_binary())

    def run(self) -> None:
        """Start everything and stay until a program ends."""
        isolation.enter_cgroup()
        self.state.write()
        try:
            self._start()
            self._watch()
        except Exception as error:
            self.state.failure = f"{type(error).__name__}: {error}"
            raise
        finally:
            self.state.ready = False
            self.state.write()

    def _start(self) -> None:
        door = Door()
        isolation.enter_namespaces()
        isolation.pretend_memory(MEMORY_GIB)
        isolation.configure_network()
        pki.create()
        components.write_configuration()
        self._start_programs(FIRST)
        api = self._wait_for("the API server", _api_when_ready)
        self._start_programs(tuple(name for name in self.commands if name not in FIRST))
        self._start_services(door)
        for path, body in components.system_objects():
            api.create(path, body)
        self._wait_for("the node", lambda: _node_is_ready(api))
        self._wait_for("the controllers", lambda: _controllers_work(api))
        self._wait_for("DNS", dns.answers)
        pki.write_kubeconfig(KUBECONFIG, door.port)
        self.state.ready = True
        self.state.write()
        print("ready", flush=True)

    def _start_programs(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.children[name] = _start(name, self.commands[name])
            self.state.components[name] = self.children[name].pid
        self.state.write()

    def _start_services(self, door: Door) -> None:
        loops = [partial(repeat_forever, one_round) for one_round in (storage.provision, balancer.balance)]
        targets: list[Callable[[], None]] = [registry.serve, door.serve, externalmetrics.serve, *loops]
        for target in targets:
            threading.Thread(target=target, daemon=True).start()
        signal.signal(signal.SIGUSR1, lambda *_: door.close())
        signal.signal(signal.SIGUSR2, lambda *_: door.open())

    def _wait_for(self, what: str, probe: Callable[[], T | None]) -> T:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self._check_children()
            if result := probe():
                return result
            time.sleep(0.2)
        raise TimeoutError(f"{what} is not ready after {START_TIMEOUT} s")

    def _watch(self) -> None:
        while True:
            self._check_children()
            self._keep_controllers()
            time.sleep(1)

    def _keep_controllers(self) -> None:
        """Start the controllers that were asked for, and start those again that have ended, as a cluster does."""
        for name, run in controllers.wanted().items():
            child = self.controllers.get(name)
            if child is None or child.poll() is not None:
                self.controllers[name] = _start(name, run["command"], run["env"])
                self.state.components[name] = self.controllers[name].pid
                self.state.write()

    def _check_children(self) -> None:
        for name, child in self.children.items():
            if child.poll() is not None:
                log = (LOGS / f"{name}.log").read_text(errors="replace").splitlines()
                raise RuntimeError("\n".join([f"{name} ended with code {child.returncode}:", *log[-10:]]))


def _start(name: str, command: list[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    with (LOGS / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [*DIE_WITH_PARENT, *command],
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _api_when_ready() -> Api | None:
    api = Api()
    try:
        api.request("GET", "/readyz")
        return api
    except (OSError, HTTPException, ApiError):
        return None


def _node_is_ready(api: Api) -> bool:
    try:
        conditions = api.get(f"/api/v1/nodes/{NODE}")["status"].get("conditions", [])
    except ApiError:
        return False
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _controllers_work(api: Api) -> bool:
    # No pod can be created in a namespace before this account is there.
    try:
        return bool(api.get("/api/v1/namespaces/default/serviceaccounts/default"))
    except ApiError:
        return False


if __name__ == "__main__":
    Supervisor().run()
