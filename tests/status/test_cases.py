"""Every failure mode: objects in, status out. The cases are files, one each, under cases/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import nimhelm
from nimhelm.explain.catalogue import catalogue
from nimhelm.status.causes import images, refusals
from nimhelm.status.compute import PipelineStatus, ServiceStatus, compute
from nimhelm.status.lastwords import LAST_WORDS
from nimhelm.status.output import OUTPUTS, render
from tests.status.casefile import CASES, read_case, snapshot_of


def seen(service: ServiceStatus) -> dict[str, Any]:
    """What a case file may expect of a service."""
    cause = service.cause
    return {
        "state": service.state,
        "ready": f"{service.ready}/{service.desired}",
        "gpus": sum(service.gpus.values()),
        "waits": [wait.name for wait in service.waits],
        "root": service.root,
        "code": cause.code if cause else "",
        "text": cause.text if cause else "",
        "next": cause.next if cause else "",
        "problem": cause.problem if cause else False,
    }


def meets(expected: Any, got: Any, key: str) -> bool:
    """Texts are expected to contain what the case says, all else to equal it."""
    return expected in got if key in ("text", "next") else bool(expected == got)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = read_case(path)
    status = compute(snapshot_of(case))
    assert status.state == case["expect"]["state"]
    found = {service.name: seen(service) for service in status.rows}
    for name, expected in case["expect"]["services"].items():
        wrong = {
            key: (value, found[name][key]) for key, value in expected.items() if not meets(value, found[name][key], key)
        }
        assert not wrong, (name, wrong, found[name])
    check_warnings(case, status)


@pytest.mark.slow
def test_a_wait_has_the_state_of_what_it_waits_for() -> None:
    """What is outside of the pipeline has none."""
    for path in CASES:
        rows = compute(snapshot_of(read_case(path))).rows
        states = {row.name: row.state for row in rows}
        for wait in (wait for row in rows for wait in row.waits):
            assert wait.state == ("" if wait.external else states.get(wait.name, "")), (path.stem, wait)


def check_warnings(case: dict[str, Any], status: PipelineStatus) -> None:
    expected = case["expect"].get("warnings", [])
    assert len(status.warnings) == len(expected), status.warnings
    for sentence, warned in zip(expected, status.warnings, strict=True):
        assert sentence in warned.text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_problem_has_a_next_step_and_detail(path: Path) -> None:
    for service in compute(snapshot_of(read_case(path))).rows:
        if service.root and service.cause and service.cause.problem:
            assert service.cause.next.startswith(("kubectl ", "helm ", "docker ", "(trap : INT HUP; helm ")), (
                service.cause
            )
            assert service.cause.text


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_case_can_be_shown(path: Path, output: str) -> None:
    shown = render(compute(snapshot_of(read_case(path))), output)
    assert shown.endswith("\n") or not shown
    assert "\x1b" not in shown


@pytest.mark.slow
def test_every_cause_that_is_named_can_be_explained() -> None:
    """But for the words of clusters that nobody has seen yet."""
    invented = {"Abducted", "AlienInterference", "CosmicRay"}
    statuses = [compute(snapshot_of(read_case(path))) for path in CASES]
    met = {service.cause.code for status in statuses for service in status.rows if service.cause}
    assert met - catalogue().keys() == invented


@pytest.mark.slow
def test_every_cause_has_a_case() -> None:
    """A cause that nobody has seen objects for is a guess."""
    sources = [path.read_text() for path in (Path(nimhelm.__file__).parent / "status" / "causes").glob("*.py")]
    named = {code for source in sources for code in re.findall(r'Cause\(\s*"([A-Z]\w+)"', source)}
    named |= {words.code for words in LAST_WORDS}
    named |= {code for _, code, _ in (*images.MEANINGS, *refusals.REFUSALS)}
    statuses = [compute(snapshot_of(read_case(path))) for path in CASES]
    met = {service.cause.code for status in statuses for service in status.rows if service.cause}
    assert named - met == set()
