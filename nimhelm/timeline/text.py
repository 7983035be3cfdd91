"""A timeline for the terminal: a bar for each service, a table, the critical path, and what would make it shorter."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from nimhelm.status.cause import READY
from nimhelm.timeline.model import (
    CREATE,
    FILL,
    GATE,
    INIT,
    LOST,
    MEANING,
    PREPARE,
    PULL,
    RESTART,
    RETRY,
    SCHEDULE,
    START,
    STARTUP,
    Step,
    Timeline,
    Track,
)  # fmt: skip
from nimhelm.wording import clean, count, duration, short

MARKS = {
    CREATE: " ",
    SCHEDULE: "·",
    PREPARE: "╌",
    PULL: "▒",
    RETRY: "!",
    GATE: "─",
    INIT: "▪",
    START: "▸",
    STARTUP: "█",
    RESTART: "×",
    FILL: "▓",
    LOST: "░",
}
PLAIN = {
    CREATE: " ",
    SCHEDULE: ".",
    PREPARE: ",",
    PULL: "p",
    RETRY: "!",
    GATE: "-",
    INIT: "i",
    START: "s",
    STARTUP: "#",
    RESTART: "x",
    FILL: "f",
    LOST: "?",
}
_COLUMNS = ((SCHEDULE, "SCHEDULE"), (PULL, "PULL"), (GATE, "GATE"), (START, "START"), (STARTUP, "START-UP"))
_NARROWEST = 20
_LONGEST_NAME = 32


class Style(NamedTuple):
    """How bars are drawn. `width` is in columns; without `unicode` every mark is ASCII."""

    width: int = 100
    unicode: bool = True
    colour: bool = False


def text(timeline: Timeline, style: Style = Style()) -> str:  # noqa: B008 (immutable)
    """The whole report, with a newline at its end."""
    head = _wrapped(headline(timeline), style, 2)
    parts = [head, _bars(timeline, style), _table(timeline, style), _path(timeline, style), _gains(timeline, style)]
    parts.append(_besides(timeline))
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _wrapped(line: str, style: Style, indent: int) -> list[str]:
    """The line in as many as the width asks for."""
    return textwrap.wrap(
        line, style.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def headline(timeline: Timeline) -> str:
    """`rag-pipeline was ready after 1m12s (release rag in namespace nim, 2026-11-25 17:36:35Z)`."""
    name, place = clean(timeline.pipeline), clean(timeline.namespace)
    where = f"release {clean(timeline.release)}" + (f" in namespace {place}" if place else "")
    when = timeline.begin.strftime("%Y-%m-%d %H:%M:%SZ")
    if not timeline.tracks:
        return f"{name} has no pod ({where})"
    took = seconds(timeline.total)
    said = f"was ready after {took}" if timeline.over else f"is not ready after {took}"
    return f"{name} {said} ({where}, from {when})"


def seconds(length: float) -> str:
    """12.4 -> "12s", 0.3 -> "0s", 75 -> "1m15s"."""
    return duration(max(0, round(length)))


def _bars(timeline: Timeline, style: Style) -> list[str]:
    if not timeline.tracks:
        return []
    label = min(_LONGEST_NAME, max(len(clean(track.name)) for track in timeline.tracks)) + 3
    room = max(_NARROWEST, style.width - label - 10)
    scale = room / max(timeline.total, 1.0)
    critical = {step.track for step in timeline.path}
    lines = [" " * label + _axis(timeline.total, room)]
    for track in timeline.tracks:
        mark = "*" if track.name in critical else " "
        end = f" {seconds(track.ready)}" if track.ready is not None else " …" if style.unicode else " .."
        name = f"{short(track.name, label - 3):<{label - 2}}{mark} "
        lines.append(name + _painted(timeline, track, scale, style) + end)
    title = "critical path" if label > len("critical path") else "path"
    lines.append(f"{short(title, label - 1):<{label}}" + _path_bar(timeline, scale, style))
    return [*lines, "", *_legend(timeline, style)]


def _legend(timeline: Timeline, style: Style) -> list[str]:
    """The marks that were used, in lines that fit."""
    marks = MARKS if style.unicode else PLAIN
    used = [kind for kind in MEANING if marks[kind].strip() and any(track.spent(kind) for track in timeline.tracks)]
    lines = [""]
    for part in ["* on the critical path", *(f"{marks[kind]} {MEANING[kind]}" for kind in used)]:
        if lines[-1] and len(lines[-1]) + len(part) + 3 > style.width:
            lines.append("")
        lines[-1] += ("   " if lines[-1] else "") + part
    return lines


def _axis(total: float, room: int) -> str:
    """Begin, half and end of the time, above the bars."""
    half, end = seconds(total / 2), seconds(total)
    line = "0s".ljust(room // 2) + half
    return line.ljust(room) + " " + end


def _painted(timeline: Timeline, track: Track, scale: float, style: Style) -> str:
    """One character for each slice of time; in colour, red where the critical path goes through."""
    marks = MARKS if style.unicode else PLAIN
    line, red = "", False
    for column in range(round((track.segments[-1].end if track.segments else 0) * scale)):
        at = (column + 0.5) / scale
        kind = next((each.kind for each in track.segments if each.start <= at < each.end), "")
        hot = style.colour and any(s.track == track.name and s.start <= at < s.end for s in timeline.path)
        if hot != red:
            line += "\x1b[31m" if hot else "\x1b[0m"
            red = hot
        line += marks.get(kind, " ")
    return line + ("\x1b[0m" if red else "")


def _path_bar(timeline: Timeline, scale: float, style: Style) -> str:
    """The critical path as one bar: whose turn it is, from when to when."""
    line, fill, edge = "", ("━", "┃") if style.unicode else ("=", "|"), 0
    for name, start, end in stretches(timeline.path):
        edge = round(end * scale)
        width = edge - max(round(start * scale), len(line))
        if width > 0:
            line += (fill[1] + short(name, max(1, width - 1)))[:width].ljust(width, fill[0])
    return line[:edge]


def stretches(path: tuple[Step, ...]) -> list[tuple[str, float, float]]:
    """The path by track: [(name, from, to)], in its order."""
    found: list[tuple[str, float, float]] = []
    for step in path:
        if found and found[-1][0] == step.track:
            found[-1] = (step.track, found[-1][1], step.end)
        else:
            found.append((step.track, step.start, step.end))
    return found


def table_rows(timeline: Timeline) -> list[tuple[str, ...]]:
    """A heading and a row for each service: how long each part of its start-up took."""
    heading = ("SERVICE", "NODE", *(title for _, title in _COLUMNS), "READY AT", "RESTARTS", "WAITED FOR")
    return [heading, *(_row(track) for track in timeline.tracks)]


def _table(timeline: Timeline, style: Style) -> list[str]:
    """The rows, aligned. Where they are too wide, columns that are empty for every service are left out."""
    rows = table_rows(timeline)
    if len(rows) == 1:
        return []
    columns = list(zip(*rows, strict=True))
    if sum(_wide(column) + 2 for column in columns) - 2 > style.width:
        columns = [column for column in columns if set(column[1:]) - {"-", "0"}]
    padded = [[cell.ljust(_wide(column)) for cell in column] for column in columns]
    return ["  ".join(row).rstrip() for row in zip(*padded, strict=True)]


def _wide(column: tuple[str, ...]) -> int:
    return max(map(len, column))


def _row(track: Track) -> tuple[str, ...]:
    spent = {kind: track.spent(kind) for kind, _ in _COLUMNS}
    spent[PULL] += track.spent(RETRY)
    spent[START] += track.spent(PREPARE) + track.spent(INIT)
    spent[STARTUP] += track.spent(FILL) + track.spent(RESTART)
    ready = seconds(track.ready) if track.ready is not None else "-"
    several = f" (last of {track.pods})" if track.pods > 1 else ""
    restarts = (
        f"{track.restarts} ({short(track.reason, 40)})" if track.restarts and track.reason else str(track.restarts)
    )
    shown = [seconds(spent[kind]) if spent[kind] else "-" for kind, _ in _COLUMNS]
    return short(track.name, _LONGEST_NAME) + several, clean(track.node) or "-", *shown, ready, restarts, waits(track)


def waits(track: Track) -> str:
    """What the gates waited for, and how long: `rerank-service 12s, milvus 3s`."""
    found = [f"{short(s.on)} {seconds(s.seconds)}" for s in track.segments if s.kind == GATE and s.seconds >= 0.5]
    return ", ".join(found) or "-"


def _path(timeline: Timeline, style: Style) -> list[str]:
    if not timeline.path:
        return []
    lines = ["critical path:"]
    for step in timeline.path:
        share = f"{100 * (step.end - step.start) / max(timeline.total, 1e-9):.0f}%"
        line = f"  {seconds(step.end - step.start):>7} {share:>4}  {short(step.track)}: {step_text(step)}"
        lines += _wrapped(line, style, 16)
    return lines


def step_text(step: Step) -> str:
    """What a step of the path is: `image pull (nvcr.io/nim/llm:1.0)`."""
    if step.kind == GATE:
        return f"waits for {short(step.on)}"
    return MEANING[step.kind] + (f" ({short(step.on)})" if step.on else "")


def _gains(timeline: Timeline, style: Style) -> list[str]:
    if not timeline.gains:
        return []
    lines = ["what would make it shorter:"]
    for gain in timeline.gains:
        saved = f"-{seconds(gain.seconds)}" if gain.seconds is not None else "?"
        lines += [*_wrapped(f"  {saved:>7}  {gain.text}", style, 11), *_wrapped(f"{'':11}{gain.how}", style, 11)]
    return lines


def _besides(timeline: Timeline) -> list[str]:
    lines = []
    if timeline.before:
        lines.append(f"{count(len(timeline.before), 'service')} ran already: {_names(timeline.before)}")
    if lost := tuple(track.name for track in timeline.tracks if track.rolled_out and track.state != READY):
        lines.append(f"not ready any more: {_names(lost)}; nimhelm status names the cause")
    if timeline.absent:
        lines.append(f"no pod: {_names(timeline.absent)}")
    return lines + [f"note: {clean(note)}" for note in timeline.notes]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(short(name) for name in names)
