"""The stand-in for a mesh's proxy in a pod: TCP on every port goes through it, and what is not sent by another proxy is refused.

Run by python in a container that sees the root of the node, as the user whose number is the argument. Port 15001 takes
what the pod sends, and 15006 what reaches it.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401  # the user of the proxy may not read the folder from which connect would load it
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable

SIGN = b"\x16mutual"
"""What one proxy says to another first, in place of a handshake with certificates."""
SO_ORIGINAL_DST = 80
NIM = 8000


def pump(source: socket.socket, target: socket.socket) -> None:
    """Send on what comes until its end, and then the end."""
    try:
        while read := source.recv(65536):
            target.sendall(read)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(one: socket.socket, other: socket.socket) -> None:
    """Let both talk to each other, until both are done."""
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


def outbound(connection: socket.socket) -> None:
    """Pass on what the pod sends, signed where the other end has a proxy."""
    port, address = struct.unpack("!2xH4s8x", connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16))
    with connection, socket.create_connection((socket.inet_ntoa(address), port), timeout=5) as target:
        if port == NIM:
            target.sendall(SIGN)
        join(connection, target)


def inbound(connection: socket.socket) -> None:
    """Pass on what another proxy sends, and close the connection of anybody else."""
    with connection:
        said = connection.recv(len(SIGN))
        if said == SIGN:
            with socket.create_connection(("127.0.0.1", NIM)) as target:
                join(connection, target)
        else:
            print("refused", said, flush=True)


def serve(port: int, handle: Callable[[socket.socket], None]) -> None:
    """Handle each connection in a thread of its own."""
    server = socket.create_server(("0.0.0.0", port))
    while True:
        connection, _ = server.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    os.setgid(int(sys.argv[1]))
    os.setuid(int(sys.argv[1]))
    threading.Thread(target=serve, args=(15006, inbound), daemon=True).start()
    serve(15001, outbound)
