"""Names, addresses, paths and versions that every part of the bench agrees on."""

from __future__ import annotations

import os
from pathlib import Path

CLUSTER_DIR = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("NIMHELM_BENCH_CACHE") or Path.home() / ".cache" / "nimhelm-bench")
# One bench per machine: its cgroups, its interface names and its state have fixed names.
STATE = Path("/var/tmp/nimhelm-bench")
STATE_FILE = STATE / "state.json"
KUBECONFIG = STATE / "kubeconfig"
LOGS = STATE / "logs"
CGROUP = "nimhelm-bench"

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
    "iproute2": "/bin/ip",
    "busybox-static": "/bin/busybox",
    "openssl": "/usr/bin/openssl",
}
