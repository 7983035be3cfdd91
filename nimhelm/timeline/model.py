"""Timeline: the start-up of a release as segments of time. All times are seconds since the first pod was created."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from nimhelm.status.cause import READY

CREATE, SCHEDULE, PREPARE, PULL, RETRY, GATE, INIT, START, STARTUP, RESTART, FILL, LOST = (
    "create", "schedule", "prepare", "pull", "retry", "gate", "init", "start", "startup", "restart", "fill", "lost",
)  # fmt: skip

MEANING = {
    CREATE: "before its pod is made",
    SCHEDULE: "waits for a node",
    PREPARE: "volumes and sandbox",
    PULL: "image pull",
    RETRY: "image pull fails",
    GATE: "waits for a dependency",
    INIT: "init container",
    START: "container start",
    STARTUP: "start-up until ready",
    RESTART: "crashes and restarts",
    FILL: "fills the model cache",
    LOST: "not ready any more",
}
"""What each kind of segment is, in the words of a legend."""


class Segment(NamedTuple):
    """A stretch of a pod's life; `open` has not ended yet.

    `on` is what a gate waits for, the image of a pull, what the scheduler said, or how a container ended.
    """

    kind: str
    start: float
    end: float
    on: str = ""
    open: bool = False

    @property
    def seconds(self) -> float:
        """How long it took, or takes so far."""
        return self.end - self.start


class Track(NamedTuple):
    """One service, or the job that fills a cache: the pod that was ready last stands for all of them.

    `ready` is None while that pod is not ready; `first_ready` is when the first of several pods was, which is what
    gates ask for. `probe_period` is how often (in seconds) Kubernetes asks whether the service is up. `kept` says
    whether the model's folder outlives the pod. `state` is the status' word for the service, and `rolled_out` whether its
    Deployment got through the roll-out, whatever came after that.
    """

    name: str
    kind: str = "service"
    wave: int = 0
    pod: str = ""
    pods: int = 1
    node: str = ""
    state: str = ""
    segments: tuple[Segment, ...] = ()
    ready: float | None = None
    first_ready: float | None = None
    restarts: int = 0
    reason: str = ""
    probe_period: int = 0
    kept: bool = True
    rolled_out: bool = False

    @property
    def is_up(self) -> bool:
        """Whether it got through the start-up: of a group of pods one may be missing although each that is there is ready."""
        return self.ready is not None and (self.rolled_out or self.state in (READY, ""))

    def spent(self, kind: str) -> float:
        """The seconds of all segments of a kind."""
        return sum(segment.seconds for segment in self.segments if segment.kind == kind)


class Step(NamedTuple):
    """A stretch of the critical path: which track, doing what, from when to when."""

    track: str
    kind: str
    start: float
    end: float
    on: str = ""


class Gain(NamedTuple):
    """What would make the start-up shorter. `seconds` is None where the objects do not tell how much."""

    code: str
    seconds: float | None
    text: str
    how: str


class Timeline(NamedTuple):
    """The newest roll-out of a release. `total` is its length in seconds, until now if it is not over.

    `before` names the services that no pod of this roll-out belongs to: they ran already. `absent` have no pod at
    all. `notes` say what could not be read.
    """

    pipeline: str
    release: str
    namespace: str
    begin: datetime
    now: datetime
    total: float
    over: bool
    tracks: tuple[Track, ...]
    path: tuple[Step, ...] = ()
    gains: tuple[Gain, ...] = ()
    before: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def track(self, name: str) -> Track | None:
        """The track of that name."""
        return next((track for track in self.tracks if track.name == name), None)
