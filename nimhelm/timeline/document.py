"""A timeline as JSON."""

from __future__ import annotations

from typing import Any

from nimhelm.report import dumped
from nimhelm.timeline.model import Timeline, Track


def as_json(timeline: Timeline) -> str:
    """One object; times are seconds since `begin`, with one decimal."""
    return dumped(document(timeline))


def document(timeline: Timeline) -> dict[str, Any]:
    """The timeline as plain data."""
    return {
        "apiVersion": "nimhelm.dev/v1",
        "kind": "Timeline",
        "pipeline": timeline.pipeline,
        "release": timeline.release,
        "namespace": timeline.namespace,
        "begin": timeline.begin.isoformat(),
        "seconds": round(timeline.total, 1),
        "over": timeline.over,
        "services": [_track(track) for track in timeline.tracks],
        "criticalPath": [
            {"service": s.track, "kind": s.kind, "on": s.on, "start": round(s.start, 1), "end": round(s.end, 1)}
            for s in timeline.path
        ],
        "gains": [gain._asdict() for gain in timeline.gains],
        "ranBefore": list(timeline.before),
        "withoutPod": list(timeline.absent),
        "notes": list(timeline.notes),
    }


def _track(track: Track) -> dict[str, Any]:
    segments = [
        {"kind": s.kind, "on": s.on, "start": round(s.start, 1), "end": round(s.end, 1), "open": s.open}
        for s in track.segments
    ]
    return {
        "name": track.name,
        "kind": track.kind,
        "wave": track.wave,
        "state": track.state,
        "pod": track.pod,
        "pods": track.pods,
        "node": track.node,
        "ready": None if track.ready is None else round(track.ready, 1),
        "restarts": track.restarts,
        "lastEnd": track.reason,
        "segments": segments,
    }
