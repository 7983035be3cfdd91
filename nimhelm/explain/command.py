"""The command: prints one entry of the catalogue. Exit codes: 0, 2 for a code that does not exist."""

from __future__ import annotations

import sys
import textwrap

from nimhelm.explain.catalogue import Entry, catalogue, closest, example_of
from nimhelm.report import printable

_WIDTH = 80
_PLACES = {"spec": "below spec of a service", "pipeline": "below spec of the NIMPipeline", "values": "in a values file"}


def explain(code: str) -> int:
    """Print what the code means."""
    found = closest(code)
    if len(found) == 1 and found[0].lower() == code.lower():
        sys.stdout.write(explained(catalogue()[found[0]]))
        return 0
    hint = (
        f"did you mean {' or '.join(found)}?"
        if found
        else "a code is printed in square brackets, or after error and warning"
    )
    print(f"nimhelm: there is no code {printable(code)}\n  {hint}", file=sys.stderr)
    return 2


def explained(entry: Entry) -> str:
    """The entry as text."""
    parts = [f"{entry.code}: {entry.title}", "", *_wrapped(entry.means), "", *_titled("Why it matters", entry.why)]
    parts += ["", *_titled("How to fix it", entry.fix), "", *_shown(entry)]
    return "\n".join(parts) + "\n"


def _titled(title: str, text: str) -> list[str]:
    return _wrapped(f"{title}: {text}")


def _wrapped(text: str) -> list[str]:
    """Prose is wrapped; a line of its own that is a command stays whole."""
    lines = []
    for line in text.strip().splitlines():
        command = line.startswith("  ")
        lines += [line] if command else textwrap.wrap(line, _WIDTH)
    return lines


def _shown(entry: Entry) -> list[str]:
    place = f" ({_PLACES[entry.within]})" if entry.within in _PLACES else ""
    lines = [f"Example{place}:", *_indented(example_of(entry))]
    return [*lines, "", "Instead:", *_indented(example_of(entry, entry.instead))] if entry.instead else lines


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.rstrip("\n").splitlines()]
