"""`nimhelm validate`: run every check on pipelines, for people and for commit hooks."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

from nimhelm.check import check_documents
from nimhelm.finding import ERROR, NOTE, WARNING, Finding, has_errors
from nimhelm.load import RENDER_NIMS, Loaded, files_of, load_files, read_bytes, shown_path
from nimhelm.report import REPORTERS

NOT_PART = "NH008"
"""The note that names an object which is not part of a chart."""


class Wishes(NamedTuple):
    """How findings are shown: `color` is auto, always or never; `quiet` shows errors alone."""

    output: str = "text"
    color: str = "auto"
    show_source: bool = False
    quiet: bool = False
    fix: bool = False


PLAIN = Wishes()


def validate_files(paths: list[str], strict: bool = False, wishes: Wishes = PLAIN, own_only: bool = False) -> int:
    """Print the findings of all files; returns 0, or 1 when one of them is an error (under strict: a warning).

    With `own_only`, files and documents that are not about NIMs are skipped.
    """
    findings = findings_of(paths, own_only)
    if wishes.fix:
        from nimhelm.fix.command import fix_files

        edits = fix_files(files_of(paths), findings)
        print(f"{edits} edit{'' if edits == 1 else 's'} made", file=sys.stderr)
        findings = findings_of(paths, own_only) if edits else findings
    return show(findings, strict, wishes)


def show(findings: list[Finding], strict: bool, wishes: Wishes) -> int:
    """Print findings as wished; returns 0, or 1 when one of them is an error (under strict: a warning)."""
    failed = has_errors(findings, strict)
    if wishes.quiet:
        findings = [
            finding for finding in findings if finding.severity == ERROR or (strict and finding.severity != NOTE)
        ]
    if wishes.output == "text" and (wishes.show_source or wishes.color == "always" or sys.stdout.isatty()):
        from nimhelm.terminal import coloured, detailed

        sys.stdout.write(detailed(findings, coloured(wishes.color, sys.stdout.isatty())))
        return 1 if failed else 0
    sys.stdout.write(REPORTERS[wishes.output](findings))
    if wishes.output == "text" and failed:
        sys.stdout.flush()  # where both streams go to one log, the number comes last
        print(f"{len(findings)} finding{'' if len(findings) == 1 else 's'}", file=sys.stderr)
    return 1 if failed else 0


def findings_of(paths: list[str], own_only: bool) -> list[Finding]:
    """Everything that is found in the files, in the order of files and lines."""
    loaded = load_files(paths, own_only=own_only)
    findings = sorted(check_documents(loaded))
    if own_only:
        return [finding for finding in findings if finding.code != NOT_PART]
    foreign = places_without(paths, loaded)
    empty = {finding.path for finding in foreign}
    kept = [finding for finding in findings if finding.path not in empty and shown_of(finding, paths)]
    return sorted(kept + foreign)


def shown_of(finding: Finding, paths: list[str]) -> bool:
    """Whether a finding is shown: the objects beside a pipeline are named for files that were given, not for folders."""
    return finding.code != NOT_PART or finding.path in ("<stdin>", *paths)


def places_without(paths: list[str], loaded: Loaded) -> list[Finding]:
    """A warning for each file and folder that holds nothing for nimhelm to check, and nothing that was meant for it."""
    known = {document.path for document in (*loaded.pipelines, *loaded.services, *loaded.caches)}
    known |= {finding.path for finding in loaded.findings if finding.severity != NOTE and not is_foreign(finding)}
    return [nothing_in(path, loaded.rendered) for path in paths if not known.intersection(files_in(path, known))]


def files_in(path: str, known: set[str]) -> set[str]:
    """The path as findings name it, and for a folder those of the `known` files that lie in it."""
    if path == "-" or not os.path.isdir(path):
        return {shown_path(path)}
    return {file for file in known if file.startswith(os.path.join(path, ""))}


YAMLS_OWN_TAG = re.compile(r"!!(str|int|float|bool|null|map|seq)\b")


def is_foreign(finding: Finding) -> bool:
    """Whether a finding is about a document that YAML allows and Kubernetes has no use for, in a file without NIMs.

    Tools have tags of their own. A tag of YAML itself, at a value that it does not fit, is wrong for every tool.
    """
    if finding.code != "NH004" or finding.path == "<stdin>" or YAMLS_OWN_TAG.search(finding.message):
        return False
    from nimhelm.recognise import mentions

    return not mentions(read_bytes(finding.path))


def nothing_in(path: str, rendered: list[str]) -> Finding:
    """The warning of a file or folder that holds nothing for nimhelm to check."""
    is_folder = path != "-" and os.path.isdir(path)
    place = "folder" if is_folder else "file"
    message = f"no NIMPipeline, NIMService or NIMCache in this {place}: nothing was checked"
    hint = RENDER_NIMS if shown_path(path) in rendered else f"is this the right {place}?"
    return Finding(shown_path(path), 1, 1, "NH005", WARNING, message, "", hint)
