"""The commands that a person can paste. Whatever comes from the cluster is quoted for the shell."""

from __future__ import annotations

import json
import re
from shlex import quote
from typing import Any

from nimhelm.status.evidence import Case, Evidence
from nimhelm.status.graph import DEPLOYMENT, INFERENCE_SERVICE, JOB, LEADER_WORKER_SET
from nimhelm.status.snapshot import UNRECORDED
from nimhelm.wording import clean

NGC_HOST = "nvcr.io"
# How Helm describes the revision that a rollback makes.
_ROLLBACK = re.compile(r"Rollback to (\d+)")


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


def upgrade(evidence: Evidence, *values: tuple[str, Any]) -> str:
    """The upgrade that changes these values and nothing else.

    upgrade(e, ("llm.replicas", 1)) -> "helm upgrade rag ./rag-pipeline --reset-then-reuse-values --set llm.replicas=1". A
    field of the chart is only ever changed like this: one that kubectl changes makes the next upgrade of Helm 4 fail.
    """
    status = evidence.snapshot.helm.status if evidence.snapshot.helm else ""
    if status == "uninstalling":  # Helm refuses to upgrade what it takes away
        return helm(evidence, "history", evidence.graph.release)
    chart = evidence.graph.chart or evidence.graph.pipeline
    if status == UNRECORDED:  # nor what it does not know, of which there are no values to keep
        words = ["install", evidence.graph.release, f"./{chart}"]
    else:
        words = ["upgrade", evidence.graph.release, f"./{chart}", "--reset-then-reuse-values"]
    for path, value in values:
        if isinstance(value, str | bool | int):
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            words += ["--set", f"{path}={shown}"]
        else:
            words += ["--set-json", f"{path}={json.dumps(value, separators=(',', ':'))}"]
    if evidence.by_hand.taken:  # without it the upgrade fails on what somebody changed by hand
        words.append("--force-conflicts")
    # Nor one whose last operation was interrupted, or of which an uninstall kept the history alone.
    unlocked = status.startswith("pending-") or status == "uninstalled" or goes_back(evidence)
    return (f"{rollback(evidence)} && " if unlocked else "") + helm(evidence, *words)


def goes_back(evidence: Evidence) -> bool:
    """Whether an upgrade that keeps values takes those from before the last one: Helm looks for a revision that went well."""
    record = evidence.snapshot.helm
    return record is not None and record.status == "failed" and record.deployed > 0


def made_again(evidence: Evidence, kind: str, name: str, otherwise: str) -> str:
    """The upgrade that makes an object of the chart once more; `otherwise` for one that is not the chart's."""
    return upgrade(evidence) if evidence.snapshot.recorded(kind, name) else otherwise


def rollback(evidence: Evidence) -> str:
    """Back to the revision that was deployed last, or to the only one there is: it ends what was interrupted.

    A rollback that was interrupted is made once more, since its user wanted to leave the revision before. One that failed
    is made once more as well: its values are those that the user wants, and its objects are there.
    """
    record = evidence.snapshot.helm
    revision = str(record.deployed or record.revision) if record else "0"
    if record and goes_back(evidence):
        revision = str(record.revision)
    if record and record.status == "pending-rollback" and (wanted := _ROLLBACK.fullmatch(record.description)):
        revision = wanted[1]
    forced = ["--force-conflicts"] if evidence.by_hand.taken else []
    return helm(evidence, "rollback", evidence.graph.release, revision, *forced)


def key(*parts: str) -> str:
    """The path of a value, with the dots of its parts kept apart: ("a", "b.c/d") -> "a.b\\.c/d"."""
    return ".".join(part.replace(".", r"\.") for part in parts)


def set_values(case: Case, *values: tuple[str, Any]) -> str:
    """`upgrade` with values of the service; of a caching job, whose values lie elsewhere, a look at it."""
    if case.service.workload == JOB:
        return describe(case, "job", case.name)
    return upgrade(case.evidence, *((f"{case.name}.{path}", value) for path, value in values))


def wait_image(evidence: Evidence) -> str:
    """Another image for the gates, which the user names in a variable."""
    value = """"global.nimhelm.waitImage=${WAIT_IMAGE:?is not set: a busybox in a registry that the nodes reach}\""""
    return f"{upgrade(evidence)} --set {value}"


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


def logs(case: Case, pod: str, container: str, previous: bool = False, follow: bool = False) -> str:
    """The log of a container, or of its run before, or until this run ends."""
    flags = ["--previous"] if previous else ["--follow"] if follow else []
    return command(case.evidence, "logs", pod, "-c", container, *flags, "--tail=50")


def describe(case: Case, kind: str, name: str) -> str:
    """All that the cluster knows of one object, its events included."""
    return command(case.evidence, "describe", kind, name)


def pull_secret(evidence: Evidence, secret: str, registry: str) -> str:
    """Makes a secret that is not there yet, with the login for one registry."""
    return _docker_registry(evidence, secret, registry)


def another_login(case: Case, secrets: list[str], registry: str) -> str:
    """Adds a login beside the pull secrets that the pod has, whose other logins stay as they are."""
    made = f"pull-{registry.replace(':', '-').replace('.', '-').lower()}"[:63].rstrip("-")
    login = _docker_registry(case.evidence, made, registry)
    applied = f"{login} --dry-run=client -o yaml | {_applied(case.evidence, 'nimhelm')}"
    if made in secrets:
        return then_restart(case, applied)
    is_job = case.service.workload == JOB
    path = "global.nimhelm.imagePullSecrets" if is_job else f"{case.name}.image.pullSecrets"
    return f"{applied} && {upgrade(case.evidence, (path, [*secrets, made]))}"


def _docker_registry(evidence: Evidence, secret: str, registry: str) -> str:
    return command(
        evidence,
        "create",
        "secret",
        "docker-registry",
        secret,
        tail=f"--docker-server={quote(registry)} {_login(registry)}",
    )


def _login(registry: str) -> str:
    if registry == NGC_HOST:
        # Literally $oauthtoken: the user name that NGC wants with an API key.
        return f"--docker-username='$oauthtoken' --docker-password={_variable('NGC_API_KEY')}"
    return f"--docker-username={_variable('REGISTRY_USER')} --docker-password={_variable('REGISTRY_PASSWORD')}"


def key_secret(evidence: Evidence, secret: str, key: str) -> str:
    """Sets one key of a secret, made if need be, to what the shell has in a variable named after it.

    The secret's other keys stay: each key is applied under a manager of its own.
    """
    value = _variable(_named_after(secret, key))
    create = command(evidence, "create", "secret", "generic", secret, tail=f"--from-literal={quote(key)}={value}")
    return f"{create} --dry-run=client -o yaml | {_applied(evidence, f'nimhelm-{key}')}"


def _named_after(secret: str, key: str) -> str:
    """("hf", "HF_TOKEN") -> "HF_TOKEN", ("db-login", "user") -> "DB_LOGIN_USER": $USER and $PATH have another meaning."""
    name = _shell_name(key)
    return (
        name
        if "_" in name.strip("_") and not name[0].isdigit()
        else f"{_shell_name(secret)}_{name}".lstrip("0123456789_")
    )


def _shell_name(text: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")


def _variable(name: str) -> str:
    """What the user's shell has under the name. One that is unset or empty stops the command."""
    return f'"${{{name}:?is not set}}"'


def _applied(evidence: Evidence, manager: str) -> str:
    words = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-")
    return command(evidence, *words)


def then_restart(case: Case, step: str) -> str:
    """The step, and new pods at once: the kubelet waits up to five minutes before it tries a failed pull again."""
    if case.service.workload != DEPLOYMENT:
        return step
    return f"{step} && {command(case.evidence, 'rollout', 'restart', workload(case))}"


def _flag(flag: str, value: str) -> list[str]:
    return [flag, quote(clean(value))] if value else []
