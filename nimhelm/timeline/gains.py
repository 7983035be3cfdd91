"""What would make a start-up shorter, and by how much: the start-up is replayed with a part of it changed.

A replay keeps the order of each pod's segments and the length of those that are not changed. A gate ends as long after
its dependency is ready as it did. So a second path that is nearly as long as the critical one limits what is gained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nimhelm.timeline.model import FILL, GATE, PULL, RESTART, RETRY, SCHEDULE, STARTUP, Gain, Segment, Timeline, Track
from nimhelm.wording import short

Change = Callable[[Track], list[Segment]]
_WORTH = 3.0
"""Seconds: begin and end of a part are known to a whole second, so less may be nothing at all."""

_SLOW_START = 5.0


def gains_of(timeline: Timeline) -> list[Gain]:
    """What can be gained, most first; only what lies on the critical path is looked at."""
    found = [gain for rule in _RULES for gain in rule(timeline)]
    worth = [gain for gain in found if gain.seconds is None or gain.seconds >= _WORTH]
    return sorted(worth, key=lambda gain: -(gain.seconds or 0))


def replay(timeline: Timeline, change: Change | None = None) -> float:
    """When the last service would be ready, in seconds."""
    done: dict[str, float] = {}
    for track in _in_order(timeline):
        at = track.segments[0].start if track.segments else 0.0
        for old, segment in zip(track.segments, change(track) if change else track.segments, strict=False):
            at = _after(timeline, done, at, segment, old)
        done[track.name] = at
    return max(done.values(), default=0.0)


def _in_order(timeline: Timeline) -> list[Track]:
    return sorted(timeline.tracks, key=lambda track: (track.kind != "cache", track.wave))


def _after(timeline: Timeline, done: dict[str, float], at: float, segment: Segment, old: Segment) -> float:
    upstream = timeline.track(segment.on) if segment.kind == GATE else None
    if segment.kind == GATE and (upstream is None or upstream.name not in done):
        return max(at, old.end)  # what is outside gets ready when it does
    if upstream is None:
        return at + segment.seconds
    all_ready = upstream.ready if upstream.ready is not None else segment.end
    first_ready = upstream.first_ready if upstream.first_ready is not None else all_ready
    opens = done[upstream.name] - (all_ready - first_ready)
    lag = max(0.0, segment.end - max(segment.start, first_ready))
    return max(at, opens) + lag


def _gained(timeline: Timeline, change: Change) -> float:
    return round(replay(timeline) - replay(timeline, change), 1)


def _critical(timeline: Timeline, kind: str) -> list[str]:
    """The tracks whose segments of that kind lie on the critical path, in its order."""
    return list(dict.fromkeys(step.track for step in timeline.path if step.kind == kind))


def _without(kind: str, names: list[str] | None = None) -> Change:
    """The segments with those of a kind cut to nothing."""

    def change(track: Track) -> list[Segment]:
        cut = names is None or track.name in names
        return [s._replace(end=s.start) if cut and s.kind == kind else s for s in track.segments]

    return change


def _pulls(timeline: Timeline) -> Iterator[Gain]:
    names = _critical(timeline, PULL)
    if not names:
        return
    late = [name for name in names if _pulls_after_gates(timeline.track(name))]
    if late:
        text = f"pull the images of {_list(late)} while the gates wait, not after them"
        yield Gain("PullOverlap", _gained(timeline, _pull_first), text, "--set global.nimhelm.pullWhileWaiting=true")
    text = f"have the images of {_list(names)} on the nodes before the install"
    yield Gain("PrePull", _gained(timeline, _without(PULL)), text, "pull them on each node, or use a registry nearby")


def _failed_pulls(timeline: Timeline) -> Iterator[Gain]:
    if names := _critical(timeline, RETRY):
        images = sorted({step.on for step in timeline.path if step.kind == RETRY and step.on})
        of = f" of {short(images[0])}" if images else ""
        text = f"no pull{of} that fails, for {_list(names)}"
        yield Gain("NoPullFailure", _gained_by_none(timeline, RETRY), text, "nimhelm status names the cause")


def _pulls_after_gates(track: Track | None) -> bool:
    kinds = [segment.kind for segment in track.segments] if track else []
    return PULL in kinds and GATE in kinds[: len(kinds) - kinds[::-1].index(PULL)]


def _pull_first(track: Track) -> list[Segment]:
    """The segments with pulls in front of the first gate."""
    gates = [index for index, segment in enumerate(track.segments) if segment.kind == GATE]
    if not gates:
        return list(track.segments)
    head, tail = track.segments[: gates[0]], track.segments[gates[0] :]
    pulls = [segment for segment in tail if segment.kind == PULL]
    return [*head, *pulls, *(segment for segment in tail if segment.kind != PULL)]


def _probes(timeline: Timeline) -> Iterator[Gain]:
    names = [name for name in _critical(timeline, STARTUP) if _period(timeline, name) > 1 and _is_up(timeline, name)]
    if not names:
        return

    def change(track: Track) -> list[Segment]:
        less = track.probe_period - 1 if track.name in names else 0
        return [s._replace(end=max(s.start, s.end - less)) if s.kind == STARTUP and less else s for s in track.segments]

    asked = ", ".join(f"{short(name)} every {_period(timeline, name)} s" for name in names)
    yield Gain(
        "ProbePeriod",
        _gained(timeline, change),
        f"at most, by asking every second whether a service is up (now: {asked})",
        "<service>.startupProbe with probe.periodSeconds: 1, and failureThreshold raised by the same factor",
    )


def _is_up(timeline: Timeline, name: str) -> bool:
    track = timeline.track(name)
    return track is not None and track.ready is not None


def _period(timeline: Timeline, name: str) -> int:
    track = timeline.track(name)
    return track.probe_period if track else 0


def _caches(timeline: Timeline) -> Iterator[Gain]:
    filling = _critical(timeline, FILL)
    if filling:
        text = f"fill {_list(filling)} before the install; a claim that is kept has it filled the next time"
        filled = all(_is_up(timeline, name) for name in filling)
        yield Gain(
            "CacheAhead",
            _gained(timeline, _no_cache_job) if filled else None,
            text,
            "--set global.nimhelm.keepClaims=true",
        )
    for name in _critical(timeline, STARTUP):
        track = timeline.track(name)
        if track and track.ready is not None and not track.kept and track.spent(STARTUP) > _SLOW_START:
            text = f"keep the model of {short(name)}: its folder is an emptyDir, so every start downloads it again"
            yield Gain("ModelKept", None, text, f"{short(name)}.storage.pvc or .nimCache instead of emptyDir")


def _no_cache_job(track: Track) -> list[Segment]:
    return [s._replace(end=s.start) if track.kind == "cache" else s for s in track.segments]


def _nodes(timeline: Timeline) -> Iterator[Gain]:
    for step in timeline.path:
        if step.kind != SCHEDULE:
            continue
        text, how = f"have a node with room for {short(step.track)} at once", "nimhelm preflight says what is free"
        if "Insufficient" not in step.on:
            said = (
                f"the scheduler said: {short(step.on)}" if step.on else "the scheduler did not say what it waited for"
            )
            text = f"have {short(step.track)} placed at once; {said}"
            how = "nimhelm preflight says what keeps a pod from a node"
        waits = _is_open(timeline, step.track, SCHEDULE)
        if waits:
            how = "nimhelm status names the cause"
        yield Gain("Node", None if waits else _gained(timeline, _without(SCHEDULE, [step.track])), text, how)


def _restarts(timeline: Timeline) -> Iterator[Gain]:
    if names := _critical(timeline, RESTART):
        ends = {step.track: step.on or "restarted" for step in timeline.path if step.kind == RESTART}
        why = "; ".join(f"{short(name)}: {short(end)}" for name, end in ends.items())
        text = f"no failure of {_list(names)} while it starts ({why})"
        yield Gain("NoRestart", _gained_by_none(timeline, RESTART), text, "nimhelm status names the cause")


def _gained_by_none(timeline: Timeline, kind: str) -> float | None:
    """What it would gain to have nothing of a kind; nobody knows while it goes on."""
    goes_on = any(_is_open(timeline, name, kind) for name in _critical(timeline, kind))
    return None if goes_on else _gained(timeline, _without(kind))


def _is_open(timeline: Timeline, name: str, kind: str) -> bool:
    track = timeline.track(name)
    return track is not None and any(segment.open and segment.kind == kind for segment in track.segments)


def _list(names: list[str]) -> str:
    shown = ", ".join(short(name) for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


_RULES = (_failed_pulls, _pulls, _probes, _caches, _nodes, _restarts)
