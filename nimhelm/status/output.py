"""A status as text: the table, or the shape of a NIMPipeline in JSON or YAML, or names for other commands."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable
from typing import Any, NamedTuple

from nimhelm.report import dumped
from nimhelm.status.cause import DISABLED, FAILED, NOT_READY, PENDING, READY
from nimhelm.status.compute import PipelineStatus, ServiceStatus, Wait, progress
from nimhelm.status.graph import RELEASE_LABEL
from nimhelm.wording import clean, count, duration

_HEADINGS = ("SERVICE", "STATE", "READY", "GPU", "WHY")
_COLOURS = {READY: "32", PENDING: "33", NOT_READY: "33", FAILED: "31", DISABLED: "2"}
_MANY_STEPS = 5
# A duration: "58s", "1m12s".
_SECONDS = re.compile(r"\b(?:\d+[smhd])+\b")
_MANY_WAITS = 3
# More rows than this are summed up, unless all are asked for.
_MANY_ROWS = 20


class Style(NamedTuple):
    """How a table is drawn. `width` cuts the last column and 0 does not; `marks` are for failed and for on the way.

    `everything` gives each service a row, however many there are.
    """

    colour: bool = False
    width: int = 0
    marks: tuple[str, str] = ("✗", "…")
    everything: bool = False


class Table(NamedTuple):
    """The lines of a table: the headline and headings, a row for each service shown, and what is said below."""

    head: list[str]
    rows: list[str]
    tail: list[str]


def render(status: PipelineStatus, output: str = "table", style: Style = Style()) -> str:  # noqa: B008 (immutable)
    """The status in one of OUTPUTS, with a newline at its end."""
    return OUTPUTS[output](status, style)


def table(status: PipelineStatus, style: Style) -> str:
    """A headline, a row for each service with the root causes first, the next steps, and what to know besides."""
    parts = table_of(status, style)
    return "\n".join([*parts.head, *parts.rows, *parts.tail]) + "\n"


def table_of(status: PipelineStatus, style: Style) -> Table:
    """The parts of the table."""
    services, left_out = _chosen(status, style)
    cells = [_row(service, style) for service in services]
    widths = [max(display_width(row[column]) for row in (_HEADINGS, *cells)) for column in range(len(_HEADINGS) - 1)]
    head = [_headline(status, style), _line(_HEADINGS, widths, style)]
    rows, told = [], []
    for service, row in zip(services, cells, strict=True):
        line = _line(row, widths, style)
        rows.append(_coloured(line, service, row, widths, style))
        cut = line.endswith("…") and not row[-1].endswith("…")
        if cut and (_is_root(service) or (service.root and service.cause and service.cause.next)):
            told += _wrapped(service, style)
    rows += [_summed_up(left_out)] if left_out else []
    warned = [f"warning: {each.text}" + (f" ({each.next})" if each.next else "") for each in status.warnings]
    return Table(head, rows, [*told, *next_steps(status), *warned])


def _chosen(status: PipelineStatus, style: Style) -> tuple[list[ServiceStatus], list[ServiceStatus]]:
    """The services to show, root causes first and then in start order, and those that are only counted."""
    ordered = sorted(status.rows, key=rank)
    if style.everything or len(ordered) <= _MANY_ROWS:
        return ordered, []
    return ordered[: _MANY_ROWS - 1], ordered[_MANY_ROWS - 1 :]


def rank(service: ServiceStatus) -> int:
    """The place in the list: what failed, what others wait for, what serves and is not steady, what only waits, the rest."""
    if service.state in (READY, DISABLED):
        return 5
    if _is_root(service):
        return 0 if service.state == FAILED else 1 if service.ready < service.desired else 2
    return 3 if service.root else 4


def _is_root(service: ServiceStatus) -> bool:
    """Whether it is to be mended here, and does not only wait or start."""
    return bool(service.root and service.cause and service.cause.problem)


def _summed_up(services: list[ServiceStatus]) -> str:
    states = [service.state for service in services]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"… {len(services)} more: {counted} (--all shows them)"


def _wrapped(service: ServiceStatus, style: Style) -> list[str]:
    """The whole cause, where the table had to cut it."""
    said = f"{clean(service.name)}: {service.cause.text if service.cause else ''}"
    return textwrap.wrap(
        said, max(40, style.width), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _headline(status: PipelineStatus, style: Style) -> str:
    state = _paint(status.state, _COLOURS[status.state], style)
    counted = progress(status.services, status.caches)
    return f"{clean(status.name)}  {state}  {counted}  ({duration(status.elapsed)})"


def next_steps(status: PipelineStatus) -> list[str]:
    """One line for each root cause that has a step; services with the same trouble share it."""
    whose: dict[str, list[str]] = {}
    roots = [each for each in sorted(status.rows, key=rank) if each.root and each.cause and each.cause.next]
    # Where nothing is wrong so far, what only waits may still have something to look at.
    for service in [each for each in roots if _is_root(each)] or roots:
        if service.cause:
            whose.setdefault(service.cause.next, []).append(clean(service.name))
    lines = [f"next ({_named(names)}): {step}" for step, names in whose.items()]
    more = len(lines) - _MANY_STEPS
    return lines[:_MANY_STEPS] + ([f"and {more} more, see -o json"] if more > 0 else [])


def _named(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _row(service: ServiceStatus, style: Style) -> tuple[str, ...]:
    if service.state == DISABLED:
        return clean(service.name), service.state, "-", "-", ""
    gpus = sum(service.gpus.values())
    counted = f"{service.ready}/{service.desired}"
    return clean(service.name), service.state, counted, str(gpus) if gpus else "-", _why(service, style)


def _awaited(wait: Wait, style: Style) -> str:
    failed, coming = style.marks
    mark = {FAILED: f" {failed}", READY: ""}.get(wait.state, f" {coming}")
    return clean(wait.name) + mark


def _why(service: ServiceStatus, style: Style) -> str:
    """The cause; of one that only waits for others, also these with their marks; of a ready one its restarts."""
    if service.cause is None:
        return restarted(service)
    if _is_root(service):
        return f"{style.marks[0]} {service.cause.text}"
    waits = [_awaited(wait, style) for wait in service.waits if wait.name != service.cause.waits_for]
    failed = any(wait.name == service.cause.waits_for and wait.state == FAILED for wait in service.waits)
    mark = f" {style.marks[0]}" if failed else ""
    more = f" +{len(waits) - _MANY_WAITS}" if len(waits) > _MANY_WAITS else ""
    also = f"; then {', '.join(waits[:_MANY_WAITS])}{more}" if waits else ""
    return service.cause.text + mark + also


def restarted(service: ServiceStatus) -> str:
    """ "restarted 3 times, last: OOMKilled", "" for a service whose pods never did."""
    number, reason, _ = service.restarts
    if not number:
        return ""
    return f"restarted {count(number, 'time')}" + (f", last: {clean(reason)}" if reason else "")


def _line(row: tuple[str, ...], widths: list[int], style: Style) -> str:
    """The columns, aligned; cut at the terminal's width, so that no row wraps."""
    padded = [cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=False)]
    line = "  ".join([*padded, row[-1]]).rstrip()
    return _cut(line, style.width) if style.width else line


def _coloured(line: str, service: ServiceStatus, row: tuple[str, ...], widths: list[int], style: Style) -> str:
    """The line with its state in colour, and a root cause in red."""
    if not style.colour:
        return line
    name_end = len(row[0]) + widths[0] - display_width(row[0]) + 2
    state_end = name_end + len(row[1])
    start = line[:name_end] + _paint(line[name_end:state_end], _COLOURS[service.state], style)
    rest = line[state_end:]
    if _is_root(service) and (mark := rest.rfind(row[-1][:8])) >= 0:
        rest = rest[:mark] + _paint(rest[mark:], _COLOURS[FAILED], style)
    return start + rest


def _paint(said: str, colour: str, style: Style) -> str:
    return f"\x1b[{colour}m{said}\x1b[0m" if style.colour and said else said


def display_width(cell: str) -> int:
    """The columns a text takes in a terminal: 2 for a wide character, none for a combining one."""
    if cell.isascii():
        return len(cell)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in cell
    )


def _cut(line: str, width: int) -> str:
    if display_width(line) <= width:
        return line
    while line and display_width(line) > width - 1:
        line = line[:-1]
    return line + "…"


def document(status: PipelineStatus) -> dict[str, Any]:
    """The status as the NIMPipeline that the operator would show, with the details that it has not beside them."""
    metadata = {"name": clean(status.name), "namespace": status.namespace, "labels": {RELEASE_LABEL: status.release}}
    if status.created:
        metadata["creationTimestamp"] = status.created.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMPipeline",
        "metadata": metadata,
        "status": {
            "state": status.state,
            "states": {clean(service.name): service.state for service in status.enabled},
            "conditions": list(status.conditions),
            "services": [_detail(service) for service in status.services],
            "caches": [_detail(cache) for cache in status.caches],
            "warnings": [warned._asdict() for warned in status.warnings],
            "observedAt": status.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def _detail(service: ServiceStatus) -> dict[str, Any]:
    detail: dict[str, Any] = {"name": clean(service.name), "state": service.state}
    if service.state == DISABLED:
        return detail
    detail |= {"ready": service.ready, "desired": service.desired, "gpus": dict(service.gpus)}
    if service.restarts.number:
        detail["restarts"] = _restarts_detail(service)
    detail["waitsFor"] = [_wait_detail(wait) for wait in service.waits]
    if cause := service.cause:
        detail |= {"root": service.root, "problem": cause.problem, "next": cause.next}
        detail["cause"] = {"code": cause.code, "text": cause.text, "detail": cause.detail}
    return detail


def _restarts_detail(service: ServiceStatus) -> dict[str, Any]:
    number, reason, at = service.restarts
    last = {"lastAt": at.strftime("%Y-%m-%dT%H:%M:%SZ")} if at else {}
    return {"count": number, "lastReason": clean(reason)} | last


def _wait_detail(wait: Wait) -> dict[str, Any]:
    return {
        "name": clean(wait.name),
        "ready": wait.state == READY,
        "external": wait.external,
        "waitedSeconds": wait.waited,
        "timeoutSeconds": wait.timeout,
    }


def _as_json(status: PipelineStatus, style: Style) -> str:
    return dumped(document(status))


def _as_yaml(status: PipelineStatus, style: Style) -> str:
    return as_yaml(document(status))


def as_yaml(value: dict[str, Any]) -> str:
    """The value as YAML that readers of all versions take for the same."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    Dumper.add_representer(
        str, lambda dumper, said: dumper.represent_scalar("tag:yaml.org,2002:str", said, _quotes(said))
    )
    return str(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10**6))


def _quotes(said: str) -> str | None:
    """Quotes for every string that a reader of whatever YAML version may take for something else."""
    plain = re.fullmatch(r"[A-Za-z][\w./-]*", said, re.ASCII)
    return None if plain and said.lower() not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null") else '"'


def _as_names(status: PipelineStatus, style: Style) -> str:
    """The workloads of the enabled services, in start order, for `xargs kubectl rollout restart` and the like."""
    return "".join(f"{clean(service.workload)}\n" for service in status.enabled)


OUTPUTS: dict[str, Callable[[PipelineStatus, Style], str]] = {
    "table": table,
    "json": _as_json,
    "yaml": _as_yaml,
    "name": _as_names,
}


def changed_lines(before: PipelineStatus | None, now: PipelineStatus) -> list[str]:
    """What a log of the watch says of the change: a line for each service whose state or cause is another."""
    known = {service.name: service for service in before.rows} if before else {}
    lines = [_log_line(service) for service in now.rows if _tells(known.get(service.name)) != _tells(service)]
    if before is None or before.state != now.state or lines:
        lines.append(f"{clean(now.name)}  {now.state}  {progress(now.services, now.caches)}")
    return lines


def _tells(service: ServiceStatus | None) -> tuple[object, ...]:
    """What makes a change worth a line: not the seconds that pass in a cause's text."""
    if service is None:
        return ()
    cause = service.cause
    text = _SECONDS.sub("", cause.text) if cause and cause.problem else ""
    said = (cause.code, cause.waits_for, text) if cause else ()
    return service.state, service.ready, service.desired, said


def _log_line(service: ServiceStatus) -> str:
    counted = "" if service.state == DISABLED else f"  {service.ready}/{service.desired}"
    return f"{clean(service.name)}  {service.state}{counted}" + (f"  {service.cause.text}" if service.cause else "")
