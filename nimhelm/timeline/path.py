"""The critical path: what the start-up waited for, followed back from the service that was ready last."""

from __future__ import annotations

from nimhelm.timeline.model import GATE, Step, Timeline, Track


def critical_path(timeline: Timeline) -> list[Step]:
    """The steps from the begin to the end, one after the other. At a gate that waited, the path goes on upstream."""
    track = _last(timeline)
    steps: list[Step] = []
    seen: set[str] = set()
    at = timeline.total
    while track is not None and track.name not in seen:
        seen.add(track.name)
        track, at = _back(timeline, track, at, steps)
    return _joined([step for step in reversed(steps) if step.end > step.start])


def _joined(steps: list[Step]) -> list[Step]:
    """Steps of one kind that follow one another as one: between two containers is as much a start as after the last."""
    found: list[Step] = []
    for step in steps:
        before = found[-1] if found else None
        if before and (before.track, before.kind, before.on) == (step.track, step.kind, step.on):
            found[-1] = before._replace(end=step.end)
        else:
            found.append(step)
    return found


def _last(timeline: Timeline) -> Track | None:
    """The service that was ready last; of several that are not ready, the one that waits for most."""
    waiting = [track for track in timeline.tracks if track.ready is None]
    if waiting:
        return max(waiting, key=lambda track: track.wave)
    return max(timeline.tracks, key=lambda track: track.ready or 0, default=None)


def _back(timeline: Timeline, track: Track, at: float, steps: list[Step]) -> tuple[Track | None, float]:
    """Add the track's own steps before `at`, newest first; returns the track that opened its gate, and when."""
    for segment in reversed(track.segments):
        if segment.start >= at:
            continue
        end = min(segment.end, at)
        upstream = timeline.track(segment.on) if segment.kind == GATE else None
        opened = _opened(upstream, end)
        if upstream is not None and segment.start < opened:
            steps.append(Step(track.name, GATE, min(opened, end), end, segment.on))
            return upstream, opened
        steps.append(Step(track.name, segment.kind, segment.start, end, segment.on))
    return None, 0.0


def _opened(upstream: Track | None, end: float) -> float:
    """When the gate could open: with the first ready pod of what it waits for; at `end` if that is not ready."""
    if upstream is None:
        return 0.0
    return end if upstream.first_ready is None else min(end, upstream.first_ready)
