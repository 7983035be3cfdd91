"""YAML out: plain data -> text that every YAML reader takes for the same data.

A string stands plain only when no reader could take it for anything else; `y`, `1e3`, `0o14` and the like are quoted.
The writer is a small one of its own: a chart of a hundred services has ten thousand values, for which a general one
takes longer than everything else that a build does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*\Z")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_BLOCK = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ufeff][^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*\Z")
_FORBIDDEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
Path = tuple[str, ...]
Comments = Mapping[Path, str]


def dump(data: Any, comments: Comments | None = None, head: str = "") -> str:
    """Data as block YAML in its own order. `comments` go above the keys at those paths, `head` above everything."""
    if isinstance(data, dict) and data:
        lines = _mapping(data, "", (), comments or {})
    elif isinstance(data, (list, tuple)) and data:
        lines = _sequence(data, "  ", (), comments or {})
    else:
        lines = iter((_scalar(data),))
    return head + "\n".join(lines) + "\n"


def _mapping(data: dict[str, Any], pad: str, at: Path, comments: Comments) -> Iterator[str]:
    for key, value in data.items():
        path = (*at, key)
        if path in comments:
            yield from (f"{pad}# {line}" if line else "" for line in comments[path].split("\n"))
        start = f"{pad}{_key(_scalar(key), pad)}:"
        if isinstance(value, dict) and value:
            yield start
            yield from _mapping(value, pad + "  ", path, comments)
        elif isinstance(value, (list, tuple)) and value:
            yield start
            yield from _sequence(value, pad + "  ", path, comments)
        else:
            yield from _leaf(f"{start} ", value, pad + "  ")


def _key(text: str, pad: str) -> str:
    """A key; readers look for the colon of a plain one within 1024 characters."""
    return text if len(text) < 1000 else f"? {text}\n{pad}"


def _sequence(data: list[Any] | tuple[Any, ...], pad: str, at: Path, comments: Comments) -> Iterator[str]:
    inner = pad + "  "
    for item in data:
        if isinstance(item, dict) and item:
            nested = _mapping(item, inner, at, comments)
        elif isinstance(item, (list, tuple)) and item:
            nested = _sequence(item, inner, at, comments)
        else:
            yield from _leaf(f"{pad}- ", item, inner)
            continue
        yield f"{pad}- {next(nested).removeprefix(inner)}"
        yield from nested


def _leaf(start: str, value: Any, pad: str) -> Iterator[str]:
    """A scalar behind its key or dash; text of several lines as a block below it."""
    if isinstance(value, str) and _is_block(value):
        yield start + ("|" if value.endswith("\n") else "|-")
        yield from (pad + line if line else "" for line in value.removesuffix("\n").split("\n"))
    else:
        yield start + _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _quoted(text: str) -> str:
    """A string in one line: plain, or in the quotes that show it best."""
    if _PLAIN.match(text) and text.lower() not in _WORDS:
        return text
    if _reads_better_single(text):
        return f"'{text}'"
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _is_block(text: str) -> bool:
    """Whether a block scalar shows the text as it is: lines without blanks at their ends, one final newline at most."""
    if "\n" not in text.rstrip("\n") or not _BLOCK.match(text) or text.endswith("\n\n"):
        return False
    return all(line == line.rstrip() and not line.startswith((" ", "#", "---", "...")) for line in text.split("\n"))


def _reads_better_single(text: str) -> bool:
    """JSON and regular expressions are unreadable with every quote and backslash escaped."""
    return ('"' in text or "\\" in text) and "'" not in text and text.isprintable()
