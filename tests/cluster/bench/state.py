"""What the supervisor writes down about itself, for the commands to read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from .settings import STATE_FILE


@dataclass
class State:
    """The bench as the supervisor last saw it."""

    pid: int
    components: dict[str, int] = field(default_factory=dict)
    ready: bool = False
    failure: str = ""

    def write(self) -> None:
        """Replace the state file in one step."""
        partial = STATE_FILE.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=2))
        partial.rename(STATE_FILE)


def read() -> State | None:
    """The last written state, or None when there is no bench."""
    try:
        return State(**json.loads(STATE_FILE.read_text()))
    except FileNotFoundError:
        return None
