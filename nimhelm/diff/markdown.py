"""A difference as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re

from nimhelm.diff.effects import DELETE_DATA, REFUSED, RESTART, WAIT, Effect
from nimhelm.diff.plan import Difference
from nimhelm.diff.text import gpu_lines, is_quiet, shown, summary
from nimhelm.report import printable

_MARKS = {REFUSED: "⛔ ", DELETE_DATA: "🗑️ ", WAIT: "⏳ ", RESTART: "🔄 "}


def markdown(plan: Difference) -> str:
    """A heading, a table of changes for each service, and what they add up to."""
    lines = [f"### nimhelm diff: {_plain(plan.old)} → {_plain(plan.new)}", ""]
    if plan.is_empty:
        return "\n".join([*lines, "No change for the cluster.", ""])
    lines += [f"**{_plain(summary(plan))}**", ""]
    lines += [f"- `{_code(name)}` is added" for name in plan.added]
    lines += [f"- `{_code(name)}` is removed" for name in plan.removed]
    lines += [f"- `{_code(name)}`: wave {before} → {after}" for name, before, after in plan.waves]
    lines += [f"- {_plain(line.removeprefix('= '))}" for line in gpu_lines(plan)]
    for service in dict.fromkeys(each.change.service for each in plan.consequences):
        lines += [
            "",
            f"#### {_plain(service or 'all services')}",
            "",
            "| field | old | new | consequence |",
            "|---|---|---|---|",
        ]
        for each in plan.consequences:
            change = each.change
            if change.service == service:
                said = "not known" if plan.unknown else _said([e for e in each.effects if not is_quiet(e)])
                row = (_cell(change.field), _cell(shown(change.old)), _cell(shown(change.new)), said)
                lines.append("| " + " | ".join(row) + " |")
    others = [e for e in plan.effects if e.service in (*plan.added, *plan.removed) and e.first] + [
        e for e in (*plan.as_a_whole, *plan.rest, *plan.by_hand, *plan.waits) if not is_quiet(e)
    ]
    if others:
        lines += ["", "#### besides", "", *(f"- {_one(each)}" for each in others)]
    return "\n".join([*lines, ""])


def _said(found: list[Effect]) -> str:
    return "<br>".join(dict.fromkeys(_one(each) for each in found)) or "no effect on pods"


def _one(effect: Effect) -> str:
    first = f"; {'' if effect.first.startswith('to ') else 'first: '}{effect.first}" if effect.first else ""
    return _MARKS.get(effect.code, "") + _plain(f"{effect.object}: {effect.text}{first}")


def _cell(said: str) -> str:
    """A code span in a table's cell; around a text with backticks it has longer ones."""
    longest = max(map(len, re.findall("`+", said)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{_code(said)}{space}{fence}"


def _code(said: str) -> str:
    """Text inside a code span of a table's cell."""
    return printable(said).replace("|", "\\|")


def _plain(said: str) -> str:
    """Text that Markdown shows as it is."""
    kept = printable(said)
    for mark in ("\\", "`", "*", "_", "|", "<", "[", "@", "#"):
        kept = kept.replace(mark, "\\" + mark)
    return kept
