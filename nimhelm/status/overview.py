"""`nimhelm status` without a release: all releases of nimhelm in a namespace or a cluster, one line each."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple, TextIO

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, end, finish, start
from nimhelm.kubectlerrors import ForbiddenError, UnreachableError
from nimhelm.report import dumped
from nimhelm.status import kubeobject as ko
from nimhelm.status.cause import DISABLED, READY
from nimhelm.status.cluster import is_unready, read_clock, start_clock
from nimhelm.status.compute import PipelineStatus, compute
from nimhelm.status.graph import GRAPH_LABEL, RELEASE_LABEL, is_graph
from nimhelm.status.lists import Asked, Lists, note, read_lists
from nimhelm.status.output import as_yaml, display_width, document, rank
from nimhelm.status.snapshot import HelmRecord, Snapshot
from nimhelm.wording import clean, short

_OURS = "app.kubernetes.io/part-of=nim-service"
_HEADINGS = ("NAMESPACE", "RELEASE", "STATE", "READY", "WHY")
_OF_THE_CLUSTER = ("nodes", "namespaces")


class Listing(NamedTuple):
    """Which releases are listed and how: `quiet` leaves out those that are Ready."""

    everywhere: bool = False
    output: str = "table"
    quiet: bool = False


def show(access: Access, listing: Listing, out: TextIO, width: int = 0) -> int:
    """Writes the releases; returns 0 if all are Ready and 1 otherwise, also where there is none."""
    snapshots = read_all(access, listing.everywhere)
    # A table says once what could not be read, so that each row can say what is wrong with its release.
    unread = (
        tuple(dict.fromkeys(told for each in snapshots for told in each.notes)) if listing.output == "table" else ()
    )
    found = [compute(each._replace(notes=()) if unread else each) for each in snapshots]
    code = 0 if found and all(each.state == READY for each in found) else 1
    if listing.quiet:
        found = [each for each in found if each.state != READY]
    if code or not listing.quiet:
        none = _none(access, listing.everywhere) if listing.output == "table" else ""
        out.write(_listed(found, listing.output, width) or none)
        out.writelines(f"warning: {short(told, 300)}\n" for told in unread)
    return code


def _listed(found: list[PipelineStatus], output: str, width: int) -> str:
    """The releases in the form that was asked for; "" for a table without rows."""
    if output == "name":
        return "".join(f"{each.namespace}/{each.release}\n" for each in found)
    if output in ("json", "yaml"):
        listed = {"apiVersion": "v1", "kind": "List", "items": [document(each) for each in found]}
        return dumped(listed) if output == "json" else as_yaml(listed)
    return _table(found, width) if found else ""


def _none(access: Access, everywhere: bool) -> str:
    where = "the cluster" if everywhere else f"namespace {access.namespace}" if access.namespace else "this namespace"
    more = "" if everywhere else "; -A looks in all namespaces"
    return f"there is no release of nimhelm in {where}{more}\n"


def _table(found: list[PipelineStatus], width: int) -> str:
    rows = [_HEADINGS, *(_row(each) for each in found)]
    widths = [max(display_width(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    lines = []
    for row in rows:
        padded = [cell + " " * (size - display_width(cell)) for cell, size in zip(row, widths, strict=False)]
        line = "  ".join([*padded, row[-1]]).rstrip()
        lines.append(line if not width or len(line) <= width else line[: width - 1] + "…")
    return "\n".join(lines) + "\n"


def _row(status: PipelineStatus) -> tuple[str, ...]:
    ready = sum(row.state == READY for row in status.rows)
    counted = f"{ready}/{sum(row.state != DISABLED for row in status.rows)}"
    return clean(status.namespace), clean(status.release), status.state, counted, _why(status)


def _why(status: PipelineStatus) -> str:
    """The first root cause; for a release that is ready a warning."""
    roots = [each for each in status.rows if each.root and each.cause]
    roots.sort(key=rank)
    for each in roots:
        if each.cause:
            return f"{clean(each.name)}: {each.cause.text}"
    return f"warning: {status.warnings[0].text}" if status.warnings else ""


def read_all(access: Access, everywhere: bool) -> list[Snapshot]:
    """Every release's snapshot, by namespace and name, from the same few lists whatever their number.

    Without what a single release is looked at more closely for: Helm's manifests, logs, volumes.
    """
    try:
        return _read_all(access, everywhere)
    except ForbiddenError as refusal:
        if everywhere:
            refusal.hint += "; without -A, -n looks in one namespace"
        raise


def _read_all(access: Access, everywhere: bool) -> list[Snapshot]:
    table, clock = start(access, "secrets", _record_words(everywhere)), start_clock(access)
    kinds = [
        Asked("configmaps", f"{GRAPH_LABEL}=true", required=True, everywhere=everywhere),
        Asked("deployments", _OURS, required=True, everywhere=everywhere),
        Asked("pods", _OURS, required=True, everywhere=everywhere),
        Asked("services", _OURS, everywhere=everywhere),
        Asked("endpointslices", everywhere=everywhere),
        Asked("persistentvolumeclaims", everywhere=everywhere),
        Asked("events", everywhere=everywhere),
    ]
    try:
        lists, notes = read_lists(access, kinds)
        records, unrecorded = _records(access, table, everywhere)
        shared, lost = read_lists(access, [Asked(kind) for kind in _OF_THE_CLUSTER])
        # Of releases that are ready nobody asks about the nodes.
        notes += [*unrecorded, *(lost if is_unready(lists) else [])]
        now, differs = read_clock(access, clock)
        notes += differs
    finally:
        end([table, clock.asked])
    places = {
        (ko.text(each, "metadata", "namespace"), ko.label(each, RELEASE_LABEL))
        for each in lists["configmaps"]
        if is_graph(each)
    }
    by_namespace = _by_namespace(lists)
    return [
        Snapshot(
            release=release,
            namespace=namespace,
            now=now,
            lists=by_namespace[namespace] | shared,
            helm=records.get((namespace, release)),
            notes=tuple(notes),
            context=access.context,
            kubeconfig=access.kubeconfig,
        )
        for namespace, release in sorted(places)
    ]


def _by_namespace(lists: Lists) -> dict[str, Lists]:
    """The lists of each namespace: a kind that was read is there for all, if only empty."""
    found: dict[str, Lists] = defaultdict(lambda: {kind: [] for kind in lists})
    for kind in lists:
        for each in lists[kind]:
            found[ko.text(each, "metadata", "namespace")][kind].append(each)
    return found


def _record_words(everywhere: bool) -> list[str]:
    words = ["get", "secrets", "-l", "owner=helm", "-L", "name,status,version", "--no-headers", "--chunk-size=0"]
    return [*words, "--all-namespaces"] if everywhere else words


def _records(access: Access, table: Any, everywhere: bool) -> tuple[dict[tuple[str, str], HelmRecord], list[str]]:
    """Helm's newest record of each release, by namespace and release; none, and a note, where they may not be read."""
    try:
        printed = finish(access, table).decode(errors="replace")
    except ForbiddenError as refusal:
        return {}, [note("secrets", refusal)]
    except (UnreachableError, KubectlError):
        return {}, []
    found: dict[tuple[str, str], HelmRecord] = {}
    for line in printed.splitlines():
        words = line.split()
        if len(words) < 4 or not words[-1].isdecimal():
            continue
        place = (words[0] if everywhere else access.namespace, words[-3])
        record = HelmRecord(words[-2], int(words[-1]))
        if place not in found or record.revision > found[place].revision:
            found[place] = record
    return found, []
