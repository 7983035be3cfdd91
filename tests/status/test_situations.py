"""docs/situations.md: each row is a case, and says what status says of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nimhelm.status.compute import compute
from tests.status.casefile import CASES, read_case, snapshot_of

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "situations.md"
HEAD = """\
# Situations that `nimhelm status` knows

Each row is a test: objects as a cluster has them, and what status makes of them. The cause is a code that `nimhelm explain`
explains, the next step is how the printed command begins. A step either reads, or changes values with `helm upgrade`,
secrets with `kubectl apply`, or deletes an object that the upgrade then makes again.

"Named" is how long status waits before it calls the situation a trouble; "at once" means with the first look after the
cluster shows it.

| situation | state | cause | next step | named |
|---|---|---|---|---|
"""
# Seconds that the situation must last; of all others the first look says it.
PATIENCE = {
    "GateUnreachable": "after 15 s with an answer, 120 s without",
    "ExternalUnreachable": "after 60 s if it asks for the wrong thing, 300 s else",
    "Initialising": "after 30 min, or the start-up's time",
    "NoEndpoints": "after 15 s",
    "NoPods": "after 60 s",
    "NotReady": "after 60 s",
    "ReadinessGate": "after 60 s",
    "PodTerminating": "after 20 s with a finalizer, 300 s without",
    "Provisioning": "after 120 s",
    "FailedMount": "after 20 s",
    "FailedAttachVolume": "after 20 s",
}


def rows() -> list[str]:
    """A row for each case: the root cause, or the warning of a release that is ready."""
    found = []
    for path in CASES:
        case = read_case(path)
        status = compute(snapshot_of(case))
        roots = [each for each in status.rows if each.root and each.cause and each.cause.problem]
        about = case["about"].rstrip(".").replace("|", "\\|")
        if roots and roots[0].cause:
            state, cause = roots[0].state, roots[0].cause
            found.append(
                f"| {about} | {state} | {cause.code} | {verb(cause.next)} | {PATIENCE.get(cause.code, 'at once')} |"
            )
        elif status.warnings:
            warned = status.warnings[0]
            found.append(f"| {about} | {status.state} | warning | {verb(warned.next)} | at once |")
    return sorted(found)


def verb(step: str) -> str:
    """The programs and verbs of a command line: "helm upgrade", "kubectl delete, helm upgrade"."""
    words = []
    for part in step.replace(";", "&&").replace(" | ", " && ").split("&&"):
        said = [word for word in part.split() if not word.startswith("-")]
        if said and said[0] != "(trap":
            words.append(" ".join(said[:2]))
    return ", ".join(f"`{each}`" for each in dict.fromkeys(words)) or "-"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_the_page_says_what_status_says(page: str) -> None:
    """After a change: python -m tests.status.test_situations > docs/situations.md"""
    assert page == HEAD + "\n".join(rows()) + "\n"


def test_there_are_many_rows() -> None:
    assert len(rows()) >= 60


def test_no_step_changes_a_field_of_the_chart_by_hand() -> None:
    """What kubectl changes, the next upgrade of Helm 4 refuses to change back."""
    for path in CASES:
        status = compute(snapshot_of(read_case(path)))
        steps = [each.cause.next for each in status.rows if each.cause] + [each.next for each in status.warnings]
        for step in steps:
            assert not any(f"kubectl {word} " in step for word in ("patch", "set", "scale", "edit", "replace")), step


def test_no_step_writes_an_empty_secret_or_replaces_logins() -> None:
    for path in CASES:
        for service in compute(snapshot_of(read_case(path))).services:
            step = service.cause.next if service.cause else ""
            if "create secret" in step:
                assert ":?" in step, step
            if "docker-registry" in step and "apply" in step:
                assert "--server-side" in step, step
                assert "docker-registry pull-" in step, step


if __name__ == "__main__":
    sys.stdout.write(HEAD + "\n".join(rows()) + "\n")
