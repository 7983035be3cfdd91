"""The cluster as the tests see it: the bench, or any other that a kubeconfig names."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .bench import cluster as bench
from .bench import controllers
from .bench.registry import Rule
from .bench.settings import STATE

T = TypeVar("T")
COMMAND_TIMEOUT = 120


class CommandError(AssertionError):
    """A command of the test failed; the message has what it printed."""


def wait_until(probe: Callable[[], T], timeout: float = 60, what: str = "", interval: float = 0.3) -> T:
    """Call ``probe`` until it returns something true, and return that."""
    deadline = time.monotonic() + timeout
    while not (result := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what or probe}")
        time.sleep(interval)
    return result


@dataclass
class Cluster:
    """A running cluster; what only the bench can do skips the test elsewhere."""

    kubeconfig: Path
    kubectl_path: str
    is_bench: bool

    @property
    def env(self) -> dict[str, str]:
        """The environment for kubectl, helm and the program under test."""
        # The program under test finds the same kubectl as the tests.
        path = os.pathsep.join([str(Path(self.kubectl_path).parent), os.environ["PATH"]])
        own = {"KUBECONFIG": str(self.kubeconfig), "PATH": path}
        if self.is_bench:
            # Gone with the bench, unlike what would be left in the home folder.
            own["KUBECACHEDIR"] = str(STATE / "kubectl-cache")
            own |= {f"HELM_{kind}_HOME": str(STATE / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return os.environ | own

    def run(self, *command: str, stdin: str = "", check: bool = True, timeout: float = COMMAND_TIMEOUT) -> str:
        """Run a command against the cluster and return its standard output."""
        result = subprocess.run(
            command,
            input=stdin,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and result.returncode:
            raise CommandError(f"{' '.join(command)}: code {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def kubectl(self, *arguments: str, namespace: str = "", **options: Any) -> str:
        """Run kubectl; ``options`` are those of ``run``."""
        scope = ("--namespace", namespace) if namespace else ()
        return self.run(self.kubectl_path, *scope, *arguments, **options)

    def get(self, *arguments: str, namespace: str = "") -> Any:
        """What ``kubectl get`` says, as JSON."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments, namespace=namespace))

    def apply(self, *objects: dict[str, Any], namespace: str = "") -> None:
        """Create or change objects."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", namespace=namespace, stdin=json.dumps(document))

    def wait_until_ready(self, *names: str, namespace: str, timeout: float = 60) -> None:
        """Wait for the condition Ready of things such as ``pod/name``."""
        self.kubectl("wait", "--for=condition=Ready", f"--timeout={timeout:g}s", *names, namespace=namespace)

    def events(self, name: str, namespace: str) -> Any:
        """The events about one object."""
        return self.get("events", f"--field-selector=involvedObject.name={name}", namespace=namespace)["items"]

    def gpus(self, count: int) -> None:
        """Give the node so many GPUs."""
        self._only_on_bench("number of GPUs")
        bench.gpus(count)

    def registry_rules(self, rules: Iterable[Rule]) -> None:
        """Say how pulls go from now on."""
        self._only_on_bench("registry")
        bench.registry_rules(*rules)

    def load_image(self, *names: str) -> None:
        """Put images on the node."""
        self._only_on_bench("images of the node")
        bench.load_image(*names)

    def remove_image(self, *names: str) -> None:
        """Take images off the node."""
        self._only_on_bench("images of the node")
        bench.remove_image(*names)

    def need(self, *names: str) -> None:
        """Have controllers run, those of the folder ``controllers``; skip the test where the cluster has none."""
        if self.is_bench:
            bench.add_controllers(*names)
            return
        served = self.kubectl("get", "--raw", "/apis")
        for name in names:
            if controllers.load(name).group not in served:
                pytest.skip(f"needs the API group {controllers.load(name).group}, which the cluster does not serve")

    def api_outage(self) -> AbstractContextManager[None]:
        """Make the API server unreachable from here for a while."""
        self._only_on_bench("API server")
        return bench.api_outage()

    def silent_node(self) -> AbstractContextManager[None]:
        """Let the node not answer for a while."""
        self._only_on_bench("node")
        return bench.silent_node()

    def _only_on_bench(self, what: str) -> None:
        if not self.is_bench:
            pytest.skip(f"needs the bench: the {what} of another cluster is not ours to change")
