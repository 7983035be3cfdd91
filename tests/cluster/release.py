"""Pipelines of stand-in NIMs, their charts, and releases of these in the cluster."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from .connection import Cluster, wait_until

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
HELM3, HELM4 = (ROOT / ".tools" / name / "helm" for name in ("helm3", "helm4"))
PORT = 8000
READY_PATH = "/v1/health/ready"
INSTALL_TIMEOUT = 150
# Part of the names of images that must not be on the node yet, on which they stay between two runs.
THIS_RUN = secrets.token_hex(3)


def in_parallel(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make all calls at once, and return what they return in their order."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def probe(failures: int = 600, period: int = 1) -> dict[str, Any]:
    """A setting of a service's probe that asks often, so that tests need not wait for it."""
    get = {"path": READY_PATH, "port": "api"}
    return {"probe": {"httpGet": get, "periodSeconds": period, "failureThreshold": failures}}


QUICK_PROBES = {"startupProbe": probe(), "readinessProbe": probe()}


def service(
    name: str,
    *after: str,
    ready_after: float | str = 1,
    env: dict[str, str] | None = None,
    image: str = "",
    **spec: Any,
) -> dict[str, Any]:
    """A service of a pipeline, ready ``ready_after`` seconds (or never) after it starts."""
    variables = {"STANDIN_READY_AFTER": str(ready_after)} | (env or {})
    repository, _, tag = (image or f"nvcr.io/nim/test/{name}:1.0").rpartition(":")
    settings = {
        "image": {"repository": repository, "tag": tag, "pullSecrets": ["ngc-secret"]},
        "authSecret": "ngc-api-key",
        "storage": {"emptyDir": {}},
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        **QUICK_PROBES,
    }
    dependencies = [{"name": dependency, "port": PORT} for dependency in after]
    return {"name": name, "enabled": True, "spec": settings | spec, "dependencies": dependencies}


def pipeline(*services: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """A pipeline of these services."""
    return {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMPipeline",
        "metadata": {"name": "demo", "annotations": annotations},
        "spec": {"services": list(services)},
    }


def nimhelm(*arguments: str) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-m", "nimhelm", *arguments]


def build(source: Path, folder: Path, *options: str) -> Path:
    """Build the chart of the only pipeline in a file, and return its folder."""
    command = nimhelm("build", str(source), "-o", str(folder), *options)
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (chart,) = folder.iterdir()
    return chart


def build_documents(folder: Path, *documents: dict[str, Any], options: Iterable[str] = ()) -> Path:
    """Build the chart of a pipeline, and caches, that are given as data."""
    source = folder / "pipeline.yaml"
    source.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)}))
    return build(source, folder / "charts", *options)


def moment(text: str) -> datetime:
    """A time as Kubernetes and the stand-in write it; a fraction has up to nine digits there."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


@dataclass
class Release:
    """A chart under a name in a namespace of its own."""

    cluster: Cluster
    namespace: str
    chart: Path
    name: str = "demo"
    helm_path: Path = HELM4

    def helm(self, *arguments: str, timeout: float = INSTALL_TIMEOUT, check: bool = True) -> str:
        """Run helm in the namespace."""
        return self.cluster.run(
            str(self.helm_path), *arguments, "--namespace", self.namespace, timeout=timeout + 30, check=check
        )

    def install(self, *options: str, wait: bool = True) -> None:
        """Install the chart and, unless told otherwise, wait until all is ready."""
        waiting = ("--wait", f"--timeout={INSTALL_TIMEOUT}s") if wait else ()
        self.helm("install", self.name, str(self.chart), *waiting, *options)

    def upgrade(self, *options: str) -> None:
        """Upgrade to the same chart and wait until all is ready."""
        self.helm("upgrade", self.name, str(self.chart), "--wait", f"--timeout={INSTALL_TIMEOUT}s", *options)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Run kubectl in the namespace."""
        return self.cluster.kubectl(*arguments, namespace=self.namespace, **options)

    def get(self, *arguments: str) -> Any:
        """What ``kubectl get`` says about the namespace."""
        return self.cluster.get(*arguments, namespace=self.namespace)

    def pods(self, service: str = "") -> list[Any]:
        """The pods of the release, or of one service, without those that are on their way out."""
        # Pods of a caching job and of helm test have no label `app`.
        selector = f"app.kubernetes.io/instance={self.name},app" + (f"={service}" if service else "")
        found = self.get("pods", "-l", selector)["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def graph(self) -> Any:
        """The services and their dependencies as the chart wrote them down."""
        (found,) = self.get("configmaps", "-l", f"nimhelm.dev/graph=true,app.kubernetes.io/instance={self.name}")[
            "items"
        ]
        return json.loads(found["data"]["pipeline.json"])

    def status(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run ``nimhelm status`` for the release."""
        return self.run_nimhelm("status", self.name, "-n", self.namespace, *options)

    def run_nimhelm(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the program under test against the cluster."""
        return subprocess.run(
            nimhelm(*arguments),
            env=self.cluster.env | env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT,
            check=False,
        )

    def adopt(self, helm: Path, *options: str) -> str:
        """Run ``nimhelm adopt`` and return what it shows."""
        result = self.run_nimhelm("adopt", self.name, str(self.chart), "-n", self.namespace, *options, HELM=str(helm))
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def states(self) -> Any:
        """What ``nimhelm status -o json`` says about each service, by its name."""
        result = self.status("-o", "json")
        assert result.stdout, result.stderr
        return {each["name"]: each for each in json.loads(result.stdout)["status"]["services"]}

    def preflight(self, *options: str) -> dict[str, list[str]]:
        """What ``nimhelm preflight`` finds in the chart: code -> names of services, and warnings with them."""
        command = ("preflight", str(self.chart), "-n", self.namespace, "--release", self.name, "-o", "json", *options)
        result = self.run_nimhelm(*command, HELM=str(self.helm_path))
        assert result.stdout, result.stderr
        found: dict[str, list[str]] = {}
        for check in json.loads(result.stdout)["checks"]:
            if check.get("code"):
                found.setdefault(check["code"], []).extend(check["services"])
        return found

    def timeline(self) -> Any:
        """The tracks of ``nimhelm timeline -o json``, by service."""
        result = self.run_nimhelm("timeline", self.name, "-n", self.namespace, "-o", "json")
        assert result.returncode == 0, result.stderr
        return {each["name"]: each for each in json.loads(result.stdout)["services"]}

    def wait_for_cause(self, service: str, *codes: str, timeout: float = 120) -> Any:
        """Wait until ``nimhelm status`` names one of these causes for a service, and return its entry."""
        last: Any = None

        def named() -> Any:
            nonlocal last
            last = self.states()[service]
            return last if last.get("cause", {}).get("code") in codes else None

        try:
            return wait_until(named, timeout, interval=1)
        except AssertionError:
            raise AssertionError(f"{service}: not {codes} but {last}") from None

    def wait_until_ready(self, timeout: float = 60) -> None:
        """Wait until ``nimhelm status`` says that all is ready."""
        result = self.status("--wait", "--timeout", f"{timeout:g}")
        assert result.returncode == 0, result.stdout + result.stderr

    def log_times(self) -> dict[str, dict[str, list[datetime]]]:
        """When each service started and became ready, by the logs of its pods: service -> event -> times."""
        lines = self.kubectl(
            "logs",
            *("-l", f"app.kubernetes.io/instance={self.name}"),
            *("--all-containers", "--prefix", "--tail=-1", "--max-log-requests=500"),
        )
        times: dict[str, dict[str, list[datetime]]] = {}
        for container, line in re.findall(r"^\[pod/[^/]+/(\S+)-ctr\] (\{.*\})$", lines, re.MULTILINE):
            event = json.loads(line)
            times.setdefault(container, {}).setdefault(event["event"], []).append(moment(event["time"]))
        return times

    def ready_conditions(self) -> dict[str, list[datetime]]:
        """When the pods of each service became Ready, as Kubernetes has it, in whole seconds."""
        found: dict[str, list[datetime]] = {}
        for pod in self.pods():
            ready = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
            assert ready[0]["status"] == "True", f"{pod['metadata']['name']} is not Ready"
            name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
            found.setdefault(name, []).append(moment(ready[0]["lastTransitionTime"]))
        return found

    def main_starts(self) -> dict[str, list[datetime]]:
        """When the main containers of each service started, as Kubernetes has it, in whole seconds."""
        found: dict[str, list[datetime]] = {}
        for pod in self.pods():
            name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
            for status in pod["status"].get("containerStatuses", []):
                running = status["state"].get("running") or status["lastState"].get("terminated") or {}
                if "startedAt" in running:
                    found.setdefault(name, []).append(moment(running["startedAt"]))
        return found

    def order_violations(self, among: Container[str] | None = None) -> list[str]:
        """Each main container that started before a dependency of it was ready: there must be none.

        After an upgrade, `among` names the services that got new pods: the others run since before it.
        """
        logged, ready, started = self.log_times(), self.ready_conditions(), self.main_starts()
        found = []
        for each in (entry for entry in self.graph()["services"] if entry["enabled"]):
            if among is not None and each["name"] not in among:
                continue
            for dependency in (entry["name"] for entry in each["dependencies"] if not entry["external"]):
                by_log = min(logged[each["name"]]["started"]) - min(logged[dependency]["ready"])
                by_pods = min(started[each["name"]]) - min(ready[dependency])
                if min(by_log, by_pods).total_seconds() < 0:
                    found.append(f"{each['name']} started {by_log} (pods: {by_pods}) after {dependency} was ready")
        return found


def put_up(release: Release, *options: str) -> None:
    """Install a release, and wait until every replica is ready.

    Helm 3 is content when all but a quarter of a Deployment's replicas are, or none of an autoscaled one's.
    """
    release.install(*options)
    release.wait_until_ready()
