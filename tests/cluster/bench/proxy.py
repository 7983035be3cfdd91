"""A door into the namespace: a port on the host's loopback for the API server.

A socket belongs to the namespace in which it was made.  The supervisor makes
the listening one before it enters its own network namespace and the others
after that, so one process is all that is needed.
"""

from __future__ import annotations

import contextlib
import socket
import threading

from .settings import API_PORT

CHUNK = 1 << 16


class Door:
    """Connects clients on the host to the API server, unless it is closed.

    To be made while the process is still in the host's network namespace.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._clients: set[socket.socket] = set()
        self._closed = False

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 of the host."""
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Connect every client, for ever."""
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Cut all connections and refuse new ones: as if the API server were gone."""
        self._closed = True
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Let clients in again."""
        self._closed = False

    def _connect(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            self._clients.add(client)
            try:
                if not self._closed:
                    with socket.create_connection(("127.0.0.1", API_PORT)) as server:
                        _exchange(client, server)
            finally:
                self._clients.discard(client)


def _exchange(client: socket.socket, server: socket.socket) -> None:
    for each in (client, server):
        # Without it the head of an answer is sent, and its body 40 ms later: a second for each run of helm.
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
    back.start()
    _copy(client, server)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    # Pass on the end in one direction; the other one may still be talking.
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
