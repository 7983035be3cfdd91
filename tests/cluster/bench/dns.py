"""One DNS question, asked the way a pod asks it: through the Service's address."""

from __future__ import annotations

import contextlib
import socket
import struct

from .settings import API_SERVICE_IP, DNS_SERVICE_IP

NAME = "kubernetes.default.svc.cluster.local"
QUERY_ID = 0x4E49
RECURSION_DESIRED = 0x0100
TYPE_A = CLASS_IN = 1


def answers(server: str = DNS_SERVICE_IP) -> bool:
    """Whether ``server`` resolves the name of the API server's Service."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split("."))
    header = struct.pack(">6H", QUERY_ID, RECURSION_DESIRED, 1, 0, 0, 0)
    question = labels + b"\0" + struct.pack(">2H", TYPE_A, CLASS_IN)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        client.settimeout(1)
        client.connect((server, 53))
        client.send(header + question)
        return client.recv(512).endswith(socket.inet_aton(API_SERVICE_IP))
    return False
