"""What people and the cluster do to a release that runs, and what status says of it on a terminal of 80 columns.

Each row is made on the cluster. Steps that read are pasted; what steps change is in test_next_steps.py and test_damage.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from .connection import Cluster, wait_until
from .release import Release, in_parallel, service
from .test_status import paste

CLAIM = {"storage": {"pvc": {"create": True, "size": "1Gi", "storageClass": "bench-hostpath"}}}
FINALIZER = '{"metadata":{"finalizers":["example.com/backup"]}}'


@dataclass(frozen=True)
class Row:
    """`code` is the cause that must be named, `words` what the person must see of it; `done` are calls of kubectl."""

    code: str
    words: str
    done: tuple[tuple[str, ...], ...] = ()
    spec: dict[str, Any] | None = None
    sets: tuple[str, ...] = ()
    service: str = "llm"
    starts: bool = True


def template(**spec: Any) -> tuple[str, ...]:
    """A change of the pods' template by hand."""
    return ("patch", "deployment/llm", "--type=strategic", "-p", json.dumps({"spec": {"template": {"spec": spec}}}))


def main(**fields: Any) -> tuple[str, ...]:
    """A change of the main container by hand."""
    return template(containers=[{"name": "llm-ctr", **fields}])


ZONES = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "llm"}},
}
OTHER_PORT = '[{"op":"replace","path":"/spec/template/spec/containers/0/startupProbe/httpGet/port","value":9999}]'
OTHER_PATH = OTHER_PORT.replace("httpGet/port", "httpGet/path").replace("9999", '"/absent"')

ROWS = {
    "selector": Row("NodeSelector", "no node has the label gpu=h100", (template(nodeSelector={"gpu": "h100"}),)),
    "image": Row(
        "ImageNotFound",
        "nvcr.io/nim/meta/llama:missing not found",
        (("set", "image", "deployment/llm", "llm-ctr=nvcr.io/nim/meta/llama:missing"),),
    ),
    "image name": Row(
        "InvalidImageName", "NIM/Llama:1", (("set", "image", "deployment/llm", "llm-ctr=nvcr.io/NIM/Llama:1"),)
    ),
    "crash": Row(
        "CrashLoop",
        "exits with 1",
        (("set", "env", "deployment/llm", "-c", "llm-ctr", "STANDIN_CRASH_AFTER=0.3"),),
    ),
    "readiness gate": Row(
        "ReadinessGate",
        "readiness gate example.com/lb-ready",
        (template(readinessGates=[{"conditionType": "example.com/lb-ready"}]),),
    ),
    "spread": Row("TopologySpread", "no fitting node", (template(topologySpreadConstraints=[ZONES]),)),
    "seccomp": Row(
        "CreateContainerError",
        "seccomp profile",
        (template(securityContext={"seccompProfile": {"type": "Localhost", "localhostProfile": "absent.json"}}),),
    ),
    "probe": Row("ProbePort", "port 9999", (("patch", "deployment/llm", "--type=json", "-p", OTHER_PORT),)),
    "probe's path": Row(
        "ProbeAnswer", "hears HTTP 404", (("patch", "deployment/llm", "--type=json", "-p", OTHER_PATH),)
    ),
    "hook": Row(
        "PostStartHook", "postStart hook", (main(lifecycle={"postStart": {"exec": {"command": ["/bin/absent"]}}}),)
    ),
    "pull policy": Row(
        "ErrImageNeverPull", "not on the node", (main(image="nvcr.io/nim/test/never:9", imagePullPolicy="Never"),)
    ),
    "command": Row("StartError", "/bin/absent", (main(command=["/bin/absent"]),)),
    "claim": Row(
        "ClaimTerminating",
        "is being deleted",
        (
            ("patch", "pvc", "llm-pvc", "--type=merge", "-p", FINALIZER),
            ("delete", "pvc", "llm-pvc", "--wait=false"),
            ("delete", "pod", "-l", "app=llm", "--wait=false"),
        ),
        CLAIM,
    ),
    "gate": Row(
        "OOMKilled",
        "global.nimhelm.helperResources",
        sets=(
            "global.nimhelm.helperResources.requests.memory=1Mi",
            "global.nimhelm.helperResources.limits.memory=1Mi",
        ),
        service="after",
        starts=False,
    ),
}


@pytest.fixture(scope="module")
def found(cluster: Cluster, new_release: Callable[..., Release]) -> dict[str, str]:
    """What is wrong with each row, "" where all is as it should be; made all at once."""
    if not cluster.is_bench:
        pytest.skip("needs the bench: another cluster's node and registry are as they are")
    made = {
        name: new_release(service("llm", **(row.spec or {})), service("after", "llm")) for name, row in ROWS.items()
    }
    calls = [partial(outcome, ROWS[name], release) for name, release in made.items()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", cluster.env["PATH"])
        return dict(zip(made, in_parallel(calls), strict=True))


def outcome(row: Row, release: Release) -> str:
    try:
        release.install(*(word for value in row.sets for word in ("--set", value)), wait=False)
        if row.starts:
            release.wait_until_ready(150)
        for words in row.done:
            release.kubectl(*words)
        seen = release.wait_for_cause(row.service, row.code, timeout=180)
        assert row.words in seen["cause"]["text"], seen
        step = wait_until(lambda: release.states()[row.service].get("next"), 120, what="a next step", interval=3)
        assert row.words in re.sub(r"\s+", " ", on_terminal(release))
        if step.startswith(("kubectl get", "kubectl describe")):
            assert paste(release, step)
    except AssertionError as error:
        return f"{error}\n{release.status().stdout}"
    finally:
        release.kubectl(
            "patch",
            "pvc",
            "llm-pvc",
            "--type=json",
            "-p",
            '[{"op":"remove","path":"/metadata/finalizers"}]',
            check=False,
        )
    return ""


def on_terminal(release: Release) -> str:
    """The table as a terminal of 80 columns shows it."""
    from nimhelm.status.cluster import read_release
    from nimhelm.status.compute import compute
    from nimhelm.status.output import Style, render

    snapshot = read_release(release.name, release.namespace, kubeconfig=str(release.cluster.kubeconfig), timeout=60)
    return render(compute(snapshot), "table", Style(width=80))


@pytest.mark.parametrize("name", ROWS)
def test_the_cause_is_seen(found: dict[str, str], name: str) -> None:
    assert found[name] == ""


def test_a_namespace_that_is_being_deleted(short_release: Callable[..., Release]) -> None:
    """Helm's record went first: what is left is the namespace's own word."""
    release = short_release(service("llm"))
    release.install()
    release.kubectl("create", "configmap", "held")
    release.kubectl("patch", "configmap", "held", "--type=merge", "-p", FINALIZER)
    release.cluster.kubectl("delete", "namespace", release.namespace, "--wait=false")
    try:
        wait_until(lambda: "example.com/backup" in release.status().stderr, 60, interval=2)
        assert f"namespace {release.namespace} is being deleted" in release.status().stderr
        assert release.status().returncode == 3
    finally:
        release.kubectl("patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
