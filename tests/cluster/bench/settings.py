"""Names, addresses, paths and versions that every part of the bench agrees on."""

from __future__ import annotations

import os
import re
from pathlib import Path

CLUSTER_DIR = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("NIMHELM_BENCH_CACHE") or Path.home() / ".cache" / "nimhelm-bench")
# Benches of different names run side by side. Addresses and ports may be the same in all of them: each has a
# network namespace of its own, and what it listens on outside of that is a free port that it asks for.
NAME = os.environ.get("NIMHELM_BENCH", "")
if not re.fullmatch(r"[a-z0-9-]{0,20}", NAME):
    raise RuntimeError(f"NIMHELM_BENCH={NAME}: at most 20 of a-z, 0-9 and -")
CGROUP = f"nimhelm-bench-{NAME}" if NAME else "nimhelm-bench"
STATES = Path("/var/tmp")
STATE = STATES / CGROUP
STATE_FILE = STATE / "state.json"
KUBECONFIG = STATE / "kubeconfig"
# The one for use inside the namespace; the one for the host goes through a proxy.
INNER_KUBECONFIG = STATE / "inner.kubeconfig"
LOGS = STATE / "logs"

NODE = "bench"
NODE_IP = "10.98.0.1"
POD_CIDR = "10.97.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"
API_PORT = 6443
REGISTRY_PORT = 5000

CNI_PLUGINS = Path("/usr/lib/cni")
SUPERVISOR_LOG = LOGS / "supervisor.log"
CONTAINERD_SOCKET = STATE / "containerd.sock"
CERTS_D = STATE / "certs.d"
REGISTRY_RULES = STATE / "registry-rules.json"
VOLUMES = STATE / "volumes"
APT_PACKAGES = {
    "containerd": "/usr/bin/containerd",
    "runc": "/usr/sbin/runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "etcd-server": "/usr/bin/etcd",
    "nftables": "/usr/sbin/nft",
    "iptables": "/usr/sbin/iptables",
    "conntrack": "/usr/sbin/conntrack",
    "ipset": "/usr/sbin/ipset",
    "iproute2": "/bin/ip",
    "busybox-static": "/bin/busybox",
    "openssl": "/usr/bin/openssl",
}
