"""The Pod Security Standards, baseline and restricted, as far as fields of a pod break them.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.status import kubeobject as ko

_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
    "SETUID", "SYS_CHROOT",
}  # fmt: skip
_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}  # fmt: skip
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "image",
}
_SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod: ko.Object, level: str) -> list[str]:
    """What of the pod the level forbids, each as "container x: field"; [] for the level privileged."""
    if level not in ("baseline", "restricted"):
        return []
    found = list(_baseline(pod))
    return list(dict.fromkeys(found + (list(_restricted(pod)) if level == "restricted" else [])))


def _containers(pod: ko.Object) -> list[ko.Object]:
    return ko.items(pod, "spec", "initContainers") + ko.items(pod, "spec", "containers")


def _baseline(pod: ko.Object) -> Iterator[str]:
    spec = ko.mapping(pod, "spec")
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if ko.true(spec, field))
    for volume in ko.items(spec, "volumes"):
        if "hostPath" in volume:
            yield f"hostPath volume {ko.text(volume, 'name')}"
    for sysctl in ko.items(spec, "securityContext", "sysctls"):
        if ko.text(sysctl, "name") not in _SYSCTLS:
            yield f"sysctl {ko.text(sysctl, 'name')}"
    yield from _options(ko.mapping(spec, "securityContext"), "pod")
    for container in _containers(pod):
        who = f"container {ko.text(container, 'name')}"
        context = ko.mapping(container, "securityContext")
        if ko.true(context, "privileged"):
            yield f"{who}: privileged"
        for added in ko.texts(context, "capabilities", "add"):
            if added not in _CAPABILITIES:
                yield f"{who}: capability {added}"
        if any(ko.number(port, "hostPort") for port in ko.items(container, "ports")):
            yield f"{who}: hostPort"
        if ko.text(context, "procMount") not in ("", "Default"):
            yield f"{who}: procMount"
        yield from _options(context, who)


def _options(context: ko.Object, who: str) -> Iterator[str]:
    if ko.text(context, "seccompProfile", "type") == "Unconfined":
        yield f"{who}: seccompProfile Unconfined"
    if ko.text(context, "appArmorProfile", "type") == "Unconfined":
        yield f"{who}: appArmorProfile Unconfined"
    options = ko.mapping(context, "seLinuxOptions")
    if ko.text(options, "type") not in _SELINUX or ko.text(options, "user") or ko.text(options, "role"):
        yield f"{who}: seLinuxOptions"


def _restricted(pod: ko.Object) -> Iterator[str]:
    spec = ko.mapping(pod, "spec")
    whole = ko.mapping(spec, "securityContext")
    for volume in ko.items(spec, "volumes"):
        kinds = set(volume) - {"name"}
        if kinds and not kinds & _VOLUMES:
            yield f"volume {ko.text(volume, 'name')} of type {min(kinds)}"
    if _is_root(whole):
        yield "pod: runAsUser 0"
    for container in _containers(pod):
        who, context = f"container {ko.text(container, 'name')}", ko.mapping(container, "securityContext")
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{who}: allowPrivilegeEscalation is not false"
        nonroot = context.get("runAsNonRoot", whole.get("runAsNonRoot"))
        if nonroot is not True:
            yield f"{who}: runAsNonRoot is not true"
        if _is_root(context):
            yield f"{who}: runAsUser 0"
        if "ALL" not in ko.texts(context, "capabilities", "drop"):
            yield f"{who}: capabilities.drop lacks ALL"
        if any(added != "NET_BIND_SERVICE" for added in ko.texts(context, "capabilities", "add")):
            yield f"{who}: capabilities are added"
        profile = ko.text(context, "seccompProfile", "type") or ko.text(whole, "seccompProfile", "type")
        if profile not in ("RuntimeDefault", "Localhost"):
            yield f"{who}: seccompProfile is not RuntimeDefault"


def _is_root(context: ko.Object) -> bool:
    return "runAsUser" in context and ko.text(context, "runAsUser") == "0"
