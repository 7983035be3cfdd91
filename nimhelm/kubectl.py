"""The only place that runs kubectl: the user's own, with its contexts, login plugins and proxies."""

from __future__ import annotations

import atexit
import os
import selectors
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.kubectlerrors import Request, UnreachableError, explain, longer

GRACE = 5.0
"""Seconds beyond the request's own, for a login plugin and for starting."""

LIST_WEBHOOKS = (
    "get",
    "validatingwebhookconfigurations,mutatingwebhookconfigurations",
    "-o",
    "custom-columns=KIND:.kind,NAME:.metadata.name,WEBHOOKS:.webhooks[*].name",
)
"""The webhooks by the names that the API server gives in a refusal; plain kubectl only counts them."""

_PIECE = 1 << 18
_VERBS = {
    "get": "list",
    "api-resources": "list",
    "api-versions": "list",
    "version": "read",
    "config": "read",
    "logs": "read",
}


class Access(NamedTuple):
    """Which cluster, and how patient: the values of kubectl's own flags, "" where kubectl decides.

    `flags` are those of the nimhelm command that asks, for hints.
    """

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    timeout: float = 10.0
    flags: tuple[str, ...] = ("kubeconfig", "request-timeout", "from-dir")

    @property
    def place(self) -> list[str]:
        """Namespace, context and kubeconfig as words that no tool takes for another option."""
        named = (("kubeconfig", self.kubeconfig), ("context", self.context), ("namespace", self.namespace))
        return [f"--{flag}={value}" for flag, value in named if value]


class Running(NamedTuple):
    """A kubectl that was started, and the moment (monotonic) at which it is too late."""

    request: Request
    process: subprocess.Popen[bytes]
    deadline: float


_started: list[Running] = []
"""Every kubectl that has not been ended: Ctrl-C can come before its caller knows of it."""


def run(access: Access, kind: str, *words: str, given: str | None = None) -> str:
    """What one kubectl prints; `given` goes to its standard input. Raises KubectlError."""
    running = start(access, kind, list(words), given is not None)
    try:
        return finish(access, running, given.encode() if given is not None else None).decode(errors="replace")
    finally:
        end([running])


def start(access: Access, kind: str, words: list[str], has_input: bool = False) -> Running:
    """kubectl, started and not waited for; `kind` is what it is asked about, for messages."""
    binary = os.environ.get("KUBECTL") or "kubectl"
    flags = [f"--request-timeout={access.timeout:g}s", *access.place]
    # Messages in English: a few of them can only be told apart by their words.
    environment = os.environ | {"LC_ALL": "C", "LANGUAGE": "C"}
    deadline = time.monotonic() + access.timeout + GRACE
    try:
        with _interrupts_wait():
            process = subprocess.Popen(
                [binary, *words, *flags],
                stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
            )
            running = Running(_request(access, kind, words), process, deadline)
            _started.append(running)
    except FileNotFoundError:
        saved = "; a saved dump is read with --from-dir" if "from-dir" in access.flags else ""
        raise KubectlError(f"there is no {binary}", f"install kubectl, or name it in $KUBECTL{saved}") from None
    except (OSError, ValueError) as error:
        raise KubectlError(f"{binary} cannot be run: {error}", "name another kubectl in $KUBECTL") from None
    return running


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C takes effect at the end: Popen does not stop a process that it has started when it is interrupted.

    The signal is handled rather than blocked, since a process inherits blocked signals. Only the main thread is interrupted.
    """
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        interrupts.append(number)

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if interrupts:
        raise KeyboardInterrupt


def _request(access: Access, kind: str, words: list[str]) -> Request:
    """What the words ask for. A command that changes something is not repeated by hand: its object is looked at."""
    verb, names = words[0], [word for word in words[1:] if not word.startswith("-")]
    if verb in ("patch", "delete"):
        by_hand = ["kubectl", "get", *names[:1], "--output=yaml", *access.place]
    else:
        by_hand = [] if "-" in words else ["kubectl", *words, *access.place]
    named = verb == "get" and bool(names) and "/" in names[0]
    verb = "get" if named else _VERBS.get(verb, verb)
    return Request(kind, verb, shlex.join(by_hand), access.flags)


def finish(access: Access, running: Running, given: bytes | None = None) -> bytes:
    """What kubectl printed. Raises the KubectlError that fits what it complained about."""
    try:
        printed, complaint = running.process.communicate(given, max(0.1, running.deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _too_slow(access, running) from None
    if running.process.returncode == 0:
        return printed
    raise explain(complaint.decode(errors="replace"), running.request, running.process.returncode)


def partial(access: Access, running: Running, given: bytes | None = None) -> tuple[str, str]:
    """(what kubectl printed, what it complained about): of several lists or objects some may be refused."""
    try:
        printed, complaint = running.process.communicate(given, timeout=max(0.1, running.deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _too_slow(access, running) from None
    return printed.decode(errors="replace"), complaint.decode(errors="replace")


def stream(access: Access, running: Running) -> Iterator[bytes]:
    """What kubectl prints, piece by piece as it comes. Raises as `finish` does, after the last piece."""
    stdout, stderr = running.process.stdout, running.process.stderr
    if stdout is None or stderr is None:
        return
    complaint = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(stdout, selectors.EVENT_READ)
        waiting.register(stderr, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, running.deadline - time.monotonic()))
            if not ready:
                raise _too_slow(access, running)
            for key, _ in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    waiting.unregister(key.fileobj)
                elif key.fileobj is stdout:
                    yield piece
                else:
                    complaint += piece
    if code := running.process.wait():
        raise explain(complaint.decode(errors="replace"), running.request, code)


def _too_slow(access: Access, running: Running) -> UnreachableError:
    return UnreachableError(
        f"the cluster did not answer within {access.timeout:g} s ({running.request.verb} {running.request.kind})",
        f"is it slow? {longer(running.request)}",
    )


def end(running: list[Running]) -> None:
    """Nothing of ours outlives us: after an error or Ctrl-C the others are stopped."""
    for each in running:
        if each.process.poll() is None:
            each.process.kill()
        for stream in (each.process.stdout, each.process.stderr):
            if stream:
                stream.close()
        each.process.wait()
        if each in _started:
            _started.remove(each)


@atexit.register
def _end_all() -> None:
    end(list(_started))
