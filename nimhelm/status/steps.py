"""The commands that a person can paste. Whatever comes from the cluster is quoted for the shell."""

from __future__ import annotations

import json
from shlex import quote
from typing import Any

from nimhelm.status.evidence import Case, Evidence
from nimhelm.status.graph import DEPLOYMENT, INFERENCE_SERVICE, JOB, LEADER_WORKER_SET
from nimhelm.wording import clean

NGC_HOST = "nvcr.io"


def command(evidence: Evidence, *words: str, tail: str = "") -> str:
    """kubectl with the user's context and namespace; `tail` is shell text of our own, not quoted."""
    place = " ".join(_flag("-n", evidence.graph.namespace or evidence.snapshot.namespace))
    return cluster(evidence, *words, tail=" ".join(part for part in (place, tail) if part))


def cluster(evidence: Evidence, *words: str, tail: str = "") -> str:
    """kubectl for what lies in no namespace."""
    snapshot = evidence.snapshot
    reach = _flag("--kubeconfig", snapshot.kubeconfig) + _flag("--context", snapshot.context)
    return " ".join(["kubectl", *reach, *(quote(clean(word)) for word in words)]) + (f" {tail}" if tail else "")


def helm(evidence: Evidence, *words: str) -> str:
    """helm with the user's context and namespace."""
    snapshot = evidence.snapshot
    reach = _flag("--kubeconfig", snapshot.kubeconfig) + _flag("--kube-context", snapshot.context)
    place = _flag("-n", evidence.graph.namespace or snapshot.namespace)
    return " ".join(["helm", *reach, *(quote(clean(word)) for word in words), *place])


def set_value(evidence: Evidence, assignment: str) -> str:
    """The upgrade that changes one value: set_value(e, "a.b=1") -> "helm upgrade rag ./rag-pipeline … --set a.b=1"."""
    chart = evidence.graph.chart or evidence.graph.pipeline
    return helm(evidence, "upgrade", evidence.graph.release, f"./{chart}", "--reuse-values", "--set", assignment)


def workload(case: Case) -> str:
    """The service's workload as kubectl names it: "deployment/llm-service"."""
    kind = case.service.workload
    if kind == JOB:
        return f"job/{case.name}"
    if kind == LEADER_WORKER_SET:
        return f"leaderworkerset/{case.name}-lws"
    return f"{'inferenceservice' if kind == INFERENCE_SERVICE else 'deployment'}/{case.name}"


_FULL_KINDS = {
    DEPLOYMENT: "deployment.apps",
    LEADER_WORKER_SET: "leaderworkerset.leaderworkerset.x-k8s.io",
    INFERENCE_SERVICE: "inferenceservice.serving.kserve.io",
}


def full_workload(case: Case) -> str:
    """The workload as `kubectl -o name` prints it: "deployment.apps/llm-service"."""
    kind, _, name = workload(case).partition("/")
    return f"{_FULL_KINDS.get(case.service.workload, kind)}/{name}"


def logs(case: Case, pod: str, container: str, previous: bool = False) -> str:
    """The log of a container, or of its run before."""
    flags = ["--previous"] if previous else []
    return command(case.evidence, "logs", pod, "-c", container, *flags, "--tail=50")


def describe(case: Case, kind: str, name: str) -> str:
    """All that the cluster knows of one object, its events included."""
    return command(case.evidence, "describe", kind, name)


def patch_pods(case: Case, pod_spec: dict[str, Any]) -> str:
    """A strategic merge patch of the pods of the service's workload."""
    if case.service.workload != DEPLOYMENT:  # a Job's template cannot be changed, other kinds hold theirs elsewhere
        kind, _, name = workload(case).partition("/")
        return describe(case, kind, name)
    change = json.dumps({"spec": {"template": {"spec": pod_spec}}}, separators=(",", ":"))
    return command(case.evidence, "patch", workload(case), "-p", change)


def pull_secret(evidence: Evidence, secret: str, registry: str) -> str:
    """Makes, or corrects, the secret that images are pulled with."""
    if registry == NGC_HOST:
        # Literally $oauthtoken: the user name that NGC wants with an API key.
        login = """--docker-username='$oauthtoken' --docker-password="$NGC_API_KEY" """.rstrip()
    else:
        login = '--docker-username="$REGISTRY_USER" --docker-password="$REGISTRY_PASSWORD"'
    create = command(
        evidence, "create", "secret", "docker-registry", secret, tail=f"--docker-server={quote(registry)} {login}"
    )
    return create + _applied(evidence)


def key_secret(evidence: Evidence, secret: str, key: str) -> str:
    """Makes, or corrects, a secret with one key, whose value the shell has in a variable of the key's name."""
    variable = key if key.isidentifier() else "VALUE"
    create = command(evidence, "create", "secret", "generic", secret, tail=f'--from-literal={quote(key)}="${variable}"')
    return create + _applied(evidence)


def then_restart(case: Case, step: str) -> str:
    """The step, and new pods at once: the kubelet waits up to five minutes before it tries a failed pull again."""
    if case.service.workload != DEPLOYMENT:
        return step
    return f"{step} && {command(case.evidence, 'rollout', 'restart', workload(case))}"


def _applied(evidence: Evidence) -> str:
    """`create` refuses what exists, and a secret with a wrong key exists: so the object is applied."""
    return f" --dry-run=client -o yaml | {command(evidence, 'apply', '-f', '-')}"


def _flag(flag: str, value: str) -> list[str]:
    return [flag, quote(clean(value))] if value else []
