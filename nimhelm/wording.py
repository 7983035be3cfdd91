"""How durations and foreign text are put: every string that comes from a cluster passes here before it is shown."""

from __future__ import annotations

import json
import re
import unicodedata

# Colours, cursor movements and window titles; what is left of an escape after this is a control character.
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_PLAIN = re.compile(r"[ -~]*\Z")
_BLANKS = re.compile(r"\s+")
_LONGEST = 2000


def clean(foreign: str) -> str:
    """The text on one line, without anything that moves a cursor, colours or reorders: "a\\x1b[31mb\\n" -> "ab"."""
    foreign = foreign[:_LONGEST]
    if not _PLAIN.match(foreign):
        foreign = _BLANKS.sub(" ", _ESCAPE.sub("", foreign))
        # Cc: control, Cf: bidirectional overrides and zero width, Cs: lone surrogates that no encoder takes.
        foreign = "".join("?" if unicodedata.category(one) in ("Cc", "Cf", "Cs") else one for one in foreign)
    return _BLANKS.sub(" ", foreign).strip()


def short(foreign: str, limit: int = 160) -> str:
    """Clean, and cut at the limit with an ellipsis."""
    line = clean(foreign)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def duration(seconds: int) -> str:
    """58 -> "58s", 72 -> "1m12s", 1800 -> "30m", 3900 -> "1h5m", 180000 -> "2d2h"."""
    if seconds < 60:
        return f"{seconds}s"
    for unit, size, below, smaller in (("m", 60, "s", 1), ("h", 3600, "m", 60), ("d", 86400, "h", 3600)):
        if unit == "d" or seconds < size * (60 if unit == "m" else 24):
            rest = seconds % size // smaller
            return f"{seconds // size}{unit}" + (f"{rest}{below}" if rest else "")
    raise AssertionError("the last unit takes every number")


def last_line(log: str) -> str:
    """The last line that says something: of a JSON log its message, and a line without one only for want of others."""
    lines = [line for line in reversed(log.splitlines()) if short(line)]
    said = (short(_message_of(line)) for line in lines)
    return next((each for each in said if each), short(lines[0]) if lines else "")


def _message_of(line: str) -> str:
    """The message of a line of a JSON log (NIM_JSONL_LOGGING=1), "" if it has none; any other line as it is."""
    if not line.lstrip().startswith("{"):
        return line
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(entry, dict):
        return line
    return next((entry[key] for key in ("message", "msg", "error") if isinstance(entry.get(key), str)), "")


def count(many: int, noun: str) -> str:
    """(1, "node") -> "1 node", (3, "node") -> "3 nodes"."""
    return f"{many} {noun}" if many == 1 else f"{many} {noun}s"
