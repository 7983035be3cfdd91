"""The programs of the cluster: their configuration files and their command lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import pki
from .settings import (
    API_PORT,
    CERTS_D,
    CGROUP,
    CNI_PLUGINS,
    CONTAINERD_SOCKET,
    DNS_SERVICE_IP,
    INNER_KUBECONFIG,
    NODE,
    NODE_IP,
    POD_CIDR,
    REGISTRY_PORT,
    SERVICE_CIDR,
    STATE,
)

PAUSE_IMAGE = f"localhost:{REGISTRY_PORT}/bench/pause:1"


def write_configuration() -> None:
    """Write every configuration file; the certificates must be there already."""
    pki.write_kubeconfig(INNER_KUBECONFIG, API_PORT)
    _write("containerd.toml", _containerd())
    _write("certs.d/_default/hosts.toml", _mirror())
    _write("cni/10-bench.conflist", json.dumps(_cni(), indent=2))
    _write("kubelet.json", json.dumps(_kubelet(), indent=2))
    _write("kube-proxy.json", json.dumps(_kube_proxy(), indent=2))
    _write("resolv.conf", f"nameserver {NODE_IP}\n")
    _write("Corefile", _corefile())


def commands(kube: Path) -> dict[str, list[str]]:
    """The command line of each program, in the order in which they are started."""
    return {
        "etcd": _etcd(),
        "containerd": ["containerd", "--config", str(STATE / "containerd.toml")],
        "kube-apiserver": [str(kube), "kube-apiserver", *_apiserver()],
        "kube-controller-manager": [str(kube), "kube-controller-manager", *_controllers()],
        "kube-scheduler": [
            str(kube),
            "kube-scheduler",
            f"--kubeconfig={INNER_KUBECONFIG}",
            "--leader-elect=false",
        ],
        "kubelet": [str(kube), "kubelet", *_kubelet_flags()],
        "kube-proxy": [str(kube), "kube-proxy", f"--config={STATE}/kube-proxy.json"],
        "coredns": [str(kube), "coredns", "-conf", str(STATE / "Corefile")],
    }


def _write(name: str, text: str) -> None:
    path = STATE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _etcd() -> list[str]:
    # Nothing in here outlives the bench, so no write has to reach the disk.
    return [
        "etcd",
        f"--data-dir={STATE}/etcd",
        "--unsafe-no-fsync",
        "--log-level=error",
        "--logger=zap",
    ]


def _apiserver() -> list[str]:
    folder = pki.FOLDER
    return [
        f"--advertise-address={NODE_IP}",
        f"--secure-port={API_PORT}",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        # It asks etcd for things that Debian's version cannot do, and logs that for ever.
        "--feature-gates=SizeBasedListCostEstimate=false",
        f"--client-ca-file={folder}/ca.crt",
        f"--tls-cert-file={folder}/apiserver.crt",
        f"--tls-private-key-file={folder}/apiserver.key",
        f"--kubelet-client-certificate={folder}/admin.crt",
        f"--kubelet-client-key={folder}/admin.key",
        # What aggregated APIs know the API server by, and take the user's name from.
        f"--requestheader-client-ca-file={folder}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={folder}/front-proxy.crt",
        f"--proxy-client-key-file={folder}/front-proxy.key",
        # Node names do not resolve; logs and exec need an address.
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={folder}/service-accounts.key",
        f"--service-account-signing-key-file={folder}/service-accounts.key",
    ]


def _controllers() -> list[str]:
    return [
        f"--kubeconfig={INNER_KUBECONFIG}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--allocate-node-cidrs",
        f"--cluster-cidr={POD_CIDR}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--root-ca-file={pki.FOLDER}/ca.crt",
        f"--service-account-private-key-file={pki.FOLDER}/service-accounts.key",
        # Autoscalers act in seconds; by default they wait for minutes before they believe a metric.
        "--horizontal-pod-autoscaler-sync-period=3s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
        "--horizontal-pod-autoscaler-downscale-stabilization=5s",
    ]


def _kubelet_flags() -> list[str]:
    return [
        f"--kubeconfig={INNER_KUBECONFIG}",
        f"--config={STATE}/kubelet.json",
        f"--root-dir={STATE}/kubelet",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_IP}",
    ]


def _kubelet() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": str(pki.FOLDER / "ca.crt")}},
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failSwapOn": False,
        "failCgroupV1": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE_IP],
        "resolvConf": str(STATE / "resolv.conf"),
        "podLogsDir": str(STATE / "pod-logs"),
        # A full disk or little memory on the machine must not evict the tests' pods.
        "evictionHard": {
            "memory.available": "1Mi",
            "nodefs.available": "0%",
            "imagefs.available": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        # All images, not the 50 largest: a test looks for its own.
        "nodeStatusMaxImages": -1,
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "5s",
        # One slow pull must not hold up the others: on a real cluster those are on other nodes.
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
    }


def _kube_proxy() -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(INNER_KUBECONFIG)},
        "hostnameOverride": NODE,
        "mode": "nftables",
        "clusterCIDR": POD_CIDR,
        # The sysctls that these would set are not writable in every container.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }


def _cni() -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(STATE / "ipam"),
            "ranges": [[{"subnet": POD_CIDR}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "0.4.0", "name": "bench", "plugins": plugins}


def _containerd() -> str:
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{STATE}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{CONTAINERD_SOCKET}"
[{cri}]
sandbox_image = "{PAUSE_IMAGE}"
# Root in a container often lacks CAP_SYS_RESOURCE; without this no sandbox starts there.
restrict_oom_score_adj = true
[{cri}.cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{STATE}/cni"
[{cri}.registry]
config_path = "{CERTS_D}"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _mirror() -> str:
    """Send the pulls of every registry, nvcr.io and Docker Hub included, to ours."""
    address = f"http://localhost:{REGISTRY_PORT}"
    return f'server = "{address}"\n[host."{address}"]\ncapabilities = ["pull", "resolve"]\n'


def _corefile() -> str:
    return f"""\
.:53 {{
    errors
    ready
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {INNER_KUBECONFIG}
        endpoint_pod_names
    }}
}}
"""


def system_objects() -> list[tuple[str, dict[str, Any]]]:
    """(collection path, object) of what a new cluster needs besides the programs."""
    dns_ports = [
        {"name": "dns", "protocol": "UDP", "port": 53},
        {"name": "dns-tcp", "protocol": "TCP", "port": 53},
    ]
    system = "kube-system"
    labels = {"kubernetes.io/service-name": "kube-dns"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns"},
        "spec": {"clusterIP": DNS_SERVICE_IP, "ports": dns_ports},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kube-dns", "labels": labels},
        "addressType": "IPv4",
        "ports": dns_ports,
        "endpoints": [{"addresses": [NODE_IP]}],
    }
    classes = [_storage_class("bench-hostpath", "true"), _storage_class("bench-none", "false")]
    return [
        (f"/api/v1/namespaces/{system}/services", service),
        (f"/apis/discovery.k8s.io/v1/namespaces/{system}/endpointslices", endpoints),
        *(("/apis/storage.k8s.io/v1/storageclasses", item) for item in classes),
    ]


def _storage_class(name: str, default: str) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "annotations": {"storageclass.kubernetes.io/is-default-class": default},
        },
        "provisioner": f"nimhelm.test/{name}",
    }
