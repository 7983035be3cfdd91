"""A process that is killed at a step on the disk, for tests of what is left behind then."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Container


def dies_at(moment: int, steps: Container[str], action: Callable[[], object]) -> bool:
    """Do something in a process of its own that is killed at its nth step; whether it came that far.

    A step is an audit event of one of these names.
    """
    child = os.fork()
    if child == 0:
        left = iter(range(moment))

        def on_step(event: str, _: object) -> None:
            if event in steps and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(on_step)
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
