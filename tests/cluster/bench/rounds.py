"""Loops that do for the cluster what a controller of a cloud would."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException

from .api import Api, ApiError

INTERVAL = 0.5
PAUSE_AFTER_ERROR = 2


def repeat_forever(one_round: Callable[[Api], None]) -> None:
    """Do one round after the other until the process ends; errors are for the next round."""
    api = Api()
    while True:
        try:
            one_round(api)
        except (OSError, HTTPException, ApiError) as error:
            print(f"{one_round.__name__}: {error}", flush=True)
            time.sleep(PAUSE_AFTER_ERROR)
        time.sleep(INTERVAL)
