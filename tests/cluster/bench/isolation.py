"""The namespaces and the cgroup that keep the bench apart from the machine.

Every process of the bench, the containers included, is in one cgroup subtree:
that is how ``down`` finds all of them, also after the supervisor was killed,
and never finds a process the bench did not start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from .settings import CGROUP, NODE_IP, STATE

CGROUP_ROOT = Path("/sys/fs/cgroup")
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces() -> None:
    """Move this process into a network and a mount namespace of its own."""
    if _libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise _error("unshare")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _shield_host_folders()


def _shield_host_folders() -> None:
    """Keep what programs write to paths that are fixed in them off the host.

    Runtime and log folders start empty.  In the others what the host has stays
    visible under a layer in memory that takes the writes.
    """
    for folder in ("/run", "/var/log"):
        _mount("bench", folder, "tmpfs")
    Path("/run/lock").mkdir()
    scratch = STATE / "scratch"
    scratch.mkdir()
    _mount("bench", str(scratch), "tmpfs")
    for folder in ("/var/lib", "/usr/libexec"):
        upper, work = (scratch / folder.replace("/", "_") / name for name in ("upper", "work"))
        upper.mkdir(parents=True)
        work.mkdir()
        _mount("bench", folder, "overlay", options=f"lowerdir={folder},upperdir={upper},workdir={work}")


def pretend_memory(gibibytes: int) -> None:
    """Have the kubelet find so much memory, as much as the requests of NIMs need that use none of it."""
    real = Path("/proc/meminfo").read_text()
    pretended = STATE / "meminfo"
    pretended.write_text(re.sub(r"MemTotal: .*", f"MemTotal: {gibibytes << 20} kB", real))
    _mount(str(pretended), "/proc/meminfo", None, MS_BIND)


def configure_network() -> None:
    """Loopback, and a bridge that carries the node's address and the default route."""
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "bridge")
    _run("ip", "address", "add", f"{NODE_IP}/24", "dev", "node0")
    _run("ip", "link", "set", "node0", "up")
    _run("ip", "route", "add", "default", "via", NODE_IP, "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def hierarchies() -> list[Path]:
    """The mounted cgroup hierarchies: one on cgroup v2, several on v1."""
    if (CGROUP_ROOT / "cgroup.controllers").exists():
        return [CGROUP_ROOT]
    return [path for path in CGROUP_ROOT.iterdir() if (path / "cgroup.procs").exists()]


def enter_cgroup() -> None:
    """Create the bench's cgroup everywhere and put this process into it."""
    for hierarchy in hierarchies():
        group = hierarchy / CGROUP
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # A v1 cpuset, whose root has these files too, accepts no process before they are set.
            if (hierarchy / name).exists() and not (group / name).read_text().strip():
                (group / name).write_text((hierarchy / name).read_text())
        _enable_controllers(hierarchy, group)
    # A leaf: on cgroup v2 a group with processes of its own cannot limit its children.
    leaf = _tracking_hierarchy() / CGROUP / "system"
    leaf.mkdir(exist_ok=True)
    (leaf / "cgroup.procs").write_text(str(os.getpid()))


def _enable_controllers(*groups: Path) -> None:
    """On cgroup v2, let children of ``groups`` be limited; the kubelet insists on it."""
    for group in groups:
        offered = group / "cgroup.controllers"
        if offered.exists():
            wanted = {"cpu", "cpuset", "io", "memory", "pids"} & set(offered.read_text().split())
            text = " ".join(f"+{name}" for name in sorted(wanted))
            (group / "cgroup.subtree_control").write_text(text)


def processes() -> list[int]:
    """The ids of all processes of the bench, those in containers included."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for path in _subtree(hierarchy / CGROUP):
            # A group that is removed while it is read is no device any more.
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (path / "cgroup.procs").read_text().split())
    return sorted(found - {os.getpid()})


def kill_all(timeout: float = 20) -> None:
    """End every process of the bench and wait until none is left."""
    deadline = time.monotonic() + timeout
    while left := processes():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes do not end: {left}")
        time.sleep(0.1)


def remove_cgroups() -> None:
    """Remove the bench's cgroups, the innermost first."""
    for hierarchy in hierarchies():
        for path in reversed(_subtree(hierarchy / CGROUP)):
            _rmdir_patiently(path)


def mounts_below(folder: Path) -> list[str]:
    """Mount points of this namespace below ``folder``, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4] for line in lines]
    return sorted((p for p in points if Path(p).is_relative_to(folder)), reverse=True)


def unmount_leftovers() -> None:
    """Detach whatever is mounted below the state folder, before that is deleted."""
    for point in mounts_below(STATE):
        _run("umount", "--lazy", point)


def _tracking_hierarchy() -> Path:
    pids = CGROUP_ROOT / "pids"
    return pids if (pids / "cgroup.procs").exists() else hierarchies()[0]


def _subtree(root: Path) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk(root)]


def _rmdir_patiently(path: Path, timeout: float = 5) -> None:
    # A group stays busy for a moment after its last process has ended.
    deadline = time.monotonic() + timeout
    while True:
        try:
            path.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _mount(source: str | None, target: str, kind: str | None, flags: int = 0, options: str = "") -> None:
    # Not the mount command: that leaves notes in /run of the host.
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    if _libc.mount(*words, ctypes.c_ulong(flags), options.encode()) != 0:
        raise _error(f"mount {target}")


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
