"""The order of upgrades and rollbacks: a changed dependant waits for the new pods of a changed dependency."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .connection import wait_until
from .release import HELM3, HELM4, Release, build_documents, in_parallel, pipeline, put_up, service

CASES = [(helm, seed) for seed in (11, 12) for helm in ("helm3", "helm4")]
HELMS = {"helm3": HELM3, "helm4": HELM4}
SLOWEST = 6


class Upgrade(NamedTuple):
    """A release before and after the services of `changed` got another template."""

    release: Release
    changed: set[str]
    before: dict[str, set[str]]
    upgraded: dict[str, set[str]]
    violations: dict[str, list[str]]


def random_services(chance: random.Random) -> list[dict[str, Any]]:
    """Four to eight services, each after some of those before it, with delays that differ."""
    names = [f"s{number}" for number in range(chance.randint(4, 8))]
    made = []
    for number, name in enumerate(names):
        after = chance.sample(names[:number], k=min(number, chance.randint(0, 2)))
        made.append(service(name, *after, ready_after=round(chance.uniform(1, SLOWEST), 1)))
    return made


def altered(services: list[dict[str, Any]], changed: set[str]) -> list[dict[str, Any]]:
    """The same services, those of `changed` with another variable."""
    copy = json.loads(json.dumps(services))
    for each in copy:
        if each["name"] in changed:
            each["spec"]["env"].append({"name": "REVISION", "value": "2"})
    return list(copy)


def uids(release: Release) -> dict[str, set[str]]:
    """The uids of each service's pods."""
    found: dict[str, set[str]] = {}
    for pod in release.pods():
        found.setdefault(pod["metadata"]["labels"]["app.kubernetes.io/name"], set()).add(pod["metadata"]["uid"])
    return found


def settled(release: Release) -> None:
    """Wait until all is ready and no pod is on its way out, whose log would be read as well."""
    release.wait_until_ready(120)
    selector = f"app.kubernetes.io/instance={release.name},app"
    wait_until(
        lambda: all("deletionTimestamp" not in pod["metadata"] for pod in release.get("pods", "-l", selector)["items"]),
        what="the end of the old pods",
    )


def upgrade(release: Release, seed: int, folder: Path) -> Upgrade:
    """Install random services, change some, roll that back; note the pods and the violations of each step."""
    chance = random.Random(seed)
    services = random_services(chance)
    names = [each["name"] for each in services]
    changed = set(chance.sample(names, k=chance.randint(2, len(names) - 1)))
    put_up(release)
    before = uids(release)
    violations = {"install": release.order_violations()}
    chart = build_documents(folder, pipeline(*altered(services, changed)))
    release.helm("upgrade", release.name, str(chart), "--wait", "--timeout=150s")
    settled(release)
    upgraded = uids(release)
    violations["upgrade"] = release.order_violations(changed)
    release.helm("rollback", release.name, "1", "--wait", "--timeout=150s")
    settled(release)
    violations["rollback"] = release.order_violations(changed)
    return Upgrade(release, changed, before, upgraded, violations)


@pytest.fixture(scope="module")
def upgrades(
    new_release: Callable[..., Release], many_gpus: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], Upgrade]:
    """All cases, at the same time."""
    calls = []
    for helm, seed in CASES:
        release = new_release(*random_services(random.Random(seed)), helm_path=HELMS[helm])
        calls.append(partial(upgrade, release, seed, tmp_path_factory.mktemp("changed")))
    return dict(zip(CASES, in_parallel(calls), strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("step", ["install", "upgrade", "rollback"])
def test_order_is_kept(upgrades: dict[tuple[str, int], Upgrade], case: tuple[str, int], step: str) -> None:
    assert upgrades[case].violations[step] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_what_changes_restarts(upgrades: dict[tuple[str, int], Upgrade], case: tuple[str, int]) -> None:
    each = upgrades[case]
    replaced = {name for name, pods in each.before.items() if each.upgraded[name] != pods}
    assert replaced == each.changed


def test_upgrades_are_worth_the_test(upgrades: dict[tuple[str, int], Upgrade]) -> None:
    """In some case a changed service depends on a changed one: there the old pod would open the gate."""
    pairs = [
        (service["name"], dependency["name"])
        for each in upgrades.values()
        for service in each.release.graph()["services"]
        for dependency in service["dependencies"]
        if {service["name"], dependency["name"]} <= each.changed
    ]
    assert len(pairs) >= 3
