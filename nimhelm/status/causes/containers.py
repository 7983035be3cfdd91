"""Containers that the kubelet cannot create or start: configuration, runtime, mounts of the wrong kind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes import gates
from nimhelm.status.causes.memory import MEMORY, gate_out_of_memory, out_of_memory
from nimhelm.status.evidence import Case
from nimhelm.wording import short

_NAME = r"([A-Za-z0-9][-A-Za-z0-9._]*)"
_SECRET_ABSENT = re.compile(rf'secrets? "{_NAME}" (?:not found|is forbidden)')
_CONFIGMAP_ABSENT = re.compile(rf'configmaps? "{_NAME}" not found')
_KEY_ABSENT = re.compile(rf"couldn't find key {_NAME} in (Secret|ConfigMap) (?:{_NAME}/)?{_NAME}")
# A node under load, or a kubelet that has just started: it tries again.
_PASSES = re.compile(r"context deadline exceeded|failed to sync (?:secret|configmap) cache|is reserved for")
_ROOT = re.compile(r"runAsNonRoot|non-root|non-numeric user")
_GPU_RUNTIME = re.compile(
    r"nvidia-container-cli|libnvidia|nvidia-container-runtime|nvml error|no CDI device|unresolvable CDI", re.I
)

# "…: exec: "vllm": executable file not found in $PATH: unknown": the frame before it takes more room than it says.
_NOT_EXECUTABLE = re.compile(
    r'exec: \\?"?([^"\\]+)\\?": '
    r"((?:executable file )?not found in \$PATH|(?:stat \S+: )?no such file or directory|"
    r"permission denied|is a directory)"
)
_LAYERS = re.compile(
    r"(?:failed to (?:create|start) (?:containerd task|shim task|container \S*)|failed to create task for container|"
    r"OCI runtime create failed|runc create failed|unable to start container process|error during container init): "
)
_WHOLE = 400

_CREATION = (
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "StartError",
    "PreStartHookError",
    "PostStartHookError",
)
# The kubelet's own words for "not yet".
_NORMAL = ("", "ContainerCreating", "PodInitializing")


def statuses(pod: ko.Object) -> list[ko.Object]:
    """The states of the pod's containers, init containers first."""
    return ko.items(pod, "status", "initContainerStatuses") + ko.items(pod, "status", "containerStatuses")


def waiting_containers(pod: ko.Object) -> Iterator[tuple[ko.Object, str, str]]:
    """(status, reason, message) of each container that waits for more than its turn."""
    for status in statuses(pod):
        reason = ko.text(status, "state", "waiting", "reason")
        if reason not in _NORMAL:
            yield status, reason, ko.text(status, "state", "waiting", "message")


def container_not_created(case: Case, pod: ko.Object) -> Cause | None:
    """A container that the kubelet refuses to create, or the runtime to start."""
    for status, reason, message in waiting_containers(pod):
        if reason in _CREATION:
            return _creation(case, pod, ko.text(status, "name"), reason, message)
    return None


def absent_object(case: Case, pod: ko.Object, message: str) -> Cause | None:
    """A secret, ConfigMap or key that a message says is missing, for env or for a volume."""
    if match := _KEY_ABSENT.search(message):
        key, kind, name = match[1], match[2], match[4]
        text = f"{kind} {name} has no key {key}"
        if kind == "Secret":
            return Cause("SecretKeyMissing", text, FAILED, next=steps.key_secret(case.evidence, name, key))
        return Cause("ConfigMapKeyMissing", text, FAILED, next=steps.describe(case, "configmap", name))
    if match := _SECRET_ABSENT.search(message):
        return _secret_absent(case, pod, match[1])
    if match := _CONFIGMAP_ABSENT.search(message):
        look = steps.command(case.evidence, "get", "configmaps")
        step = steps.made_again(case.evidence, "ConfigMap", match[1], look)
        return Cause("ConfigMapMissing", f"ConfigMap {match[1]} does not exist", FAILED, next=step)
    return None


def _secret_absent(case: Case, pod: ko.Object, secret: str) -> Cause:
    if key := _key_of(pod, secret) or ("NGC_API_KEY" if secret == case.service.auth_secret else ""):
        step = steps.key_secret(case.evidence, secret, key)
    else:
        step = steps.command(case.evidence, "get", "secrets")
    step = steps.made_again(case.evidence, "Secret", secret, step)
    return Cause("SecretMissing", f"secret {secret} does not exist", FAILED, next=step)


def _key_of(pod: ko.Object, secret: str) -> str:
    """The key of the secret that the pod cannot start without, "" if it does not say one."""
    containers = ko.items(pod, "spec", "initContainers") + ko.items(pod, "spec", "containers")
    variables = [ko.mapping(each, "valueFrom", "secretKeyRef") for one in containers for each in ko.items(one, "env")]
    files = [
        each
        for volume in ko.items(pod, "spec", "volumes")
        if ko.text(volume, "secret", "secretName") == secret
        for each in ko.items(volume, "secret", "items")
    ]
    named = [each for each in variables if ko.text(each, "name") == secret and not ko.true(each, "optional")]
    return next((ko.text(each, "key") for each in (*named, *files)), "")


def _creation(case: Case, pod: ko.Object, container: str, reason: str, message: str) -> Cause:
    if cause := absent_object(case, pod, message):
        return cause._replace(detail=short(message, 600))
    look = steps.describe(case, "pod", ko.name_of(pod))
    if MEMORY.search(message):
        killed = gate_out_of_memory if gates.is_gate(case.service, container) else out_of_memory
        return killed(case, pod, container)._replace(detail=short(message, 600))
    if _ROOT.search(message):
        text = f"container {short(container)} may not run as root, but its image does"
        return Cause("RunsAsRoot", text, FAILED, short(message, 600), steps.set_values(case, ("userID", 1000)))
    if _GPU_RUNTIME.search(message):
        text = f"the node's NVIDIA runtime fails: {runtime_said(message)}"
        return Cause("GPURuntime", text, FAILED, short(message, 600), look)
    if match := _NOT_EXECUTABLE.search(message):
        text = f"container {short(container)} cannot start: {_executable(match)}"
        return Cause(reason, text, FAILED, short(message, 600), look)
    if "exec format error" in message:
        text = f"the image is built for another platform: {runtime_said(message)}"
        return Cause("ImagePlatform", text, FAILED, short(message, 600), look)
    state = NOT_READY if _PASSES.search(message) else FAILED
    said = f"container {short(container)}: {reason}: {runtime_said(message)}"
    return Cause(reason, said, state, short(message, 600), look)


def runtime_said(message: str) -> str:
    """What a container runtime says, without the frame of its layers; an executable that is missing in plain words."""
    if match := _NOT_EXECUTABLE.search(message):
        return _executable(match)
    return short(_LAYERS.sub("", message), _WHOLE)


def _executable(match: re.Match[str]) -> str:
    return f'"{short(match[1])}": {short(match[2])}'


def unknown_waiting(case: Case, pod: ko.Object) -> Cause | None:
    """A reason that no other function recognises, unchanged. A back-off is told by what the container ended with."""
    for status, reason, message in waiting_containers(pod):
        if reason == "CrashLoopBackOff" and ko.mapping(status, "lastState", "terminated"):
            continue
        text = f"container {short(ko.text(status, 'name'))}: {short(reason)}" + (
            f": {short(message)}" if message else ""
        )
        return Cause(short(reason), text, NOT_READY, short(message, 600), steps.describe(case, "pod", ko.name_of(pod)))
    return None
