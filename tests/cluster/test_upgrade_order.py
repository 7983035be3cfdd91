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
from .release import HELM3, HELM4, PORT, Release, build_documents, in_parallel, pipeline, put_up, service

CASES = [(helm, seed) for seed in (117, 146) for helm in ("helm3", "helm4")]
HELMS = {"helm3": HELM3, "helm4": HELM4}
SLOWEST = 6


Services = list[dict[str, Any]]


class Upgrade(NamedTuple):
    """A release before and after the services of `changed` got another template, and then after mixed changes.

    `told` says what these were, `expected` whose pods they replace, and `replaced` whose pods they replaced.
    """

    release: Release
    changed: set[str]
    before: dict[str, set[str]]
    upgraded: dict[str, set[str]]
    told: list[str]
    expected: set[str]
    replaced: set[str]
    violations: dict[str, list[str]]


def new_image(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    one = chance.choice(services)
    one["spec"]["image"]["tag"] = "2.0"
    return {one["name"]}


def more_pods(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    chance.choice(services)["spec"]["replicas"] = 2
    return set()


def another_strategy(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    name = chance.choice(services)["name"]
    values.setdefault(name, {})["updateStrategy"] = chance.choice([{"type": "RollingUpdate"}, {"type": "Recreate"}])
    return set()


def other_waits(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """Timeouts of one service and of all, and what follows them."""
    values.setdefault(chance.choice(services)["name"], {})["wait"] = {"timeoutSeconds": 700}
    values["global"] = {"nimhelm": {"waitTimeoutSeconds": 800, "waitPeriodSeconds": 2, "waitOnTimeout": "start"}}
    return set()


def no_gates(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """The last service starts without waiting. Its order is not looked at, as no other one waits for it."""
    values.setdefault(services[-1]["name"], {})["wait"] = {"enabled": False}
    return {services[-1]["name"]} if services[-1]["dependencies"] else set()


def another_dependency(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """One more, or one less."""
    one = chance.choice(services[1:])
    if one["dependencies"]:
        one["dependencies"].pop()
    else:
        one["dependencies"].append({"name": services[0]["name"], "port": PORT})
    return {one["name"]}


def another_service(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    services.insert(0, service("further", ready_after=3))
    services[1]["dependencies"].append({"name": "further", "port": PORT})
    return {services[1]["name"]}


def one_service_less(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """An early one, so that those which waited for it change."""
    gone, hit = services.pop(1)["name"], set()
    values.pop(gone, None)
    for each in services:
        left = [one for one in each["dependencies"] if one["name"] != gone]
        if left != each["dependencies"]:
            hit.add(each["name"])
        each["dependencies"] = left
    return hit


def an_autoscaler(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """At the number of pods that run."""
    one = chance.choice([each for each in services if "replicas" not in each["spec"]])
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 90}}
    hpa = {"minReplicas": 1, "maxReplicas": 1, "metrics": [{"type": "Resource", "resource": metric}]}
    one["spec"] |= {"scale": {"enabled": True, "hpa": hpa}, "resources": {"requests": {"cpu": "10m"}}}
    return {one["name"]}


def another_readiness(services: Services, values: dict[str, Any], chance: random.Random) -> set[str]:
    """In the values alone. The gates of those that wait for it ask the new path."""
    name = chance.choice(services)["name"]
    get = {"path": "/v1/health/ready?full=1"}
    values.setdefault(name, {})["readinessProbe"] = {"probe": {"httpGet": get}}
    return {name}


CHANGES = [
    new_image, more_pods, another_strategy, other_waits, no_gates, another_dependency, another_service, one_service_less,
    an_autoscaler, another_readiness,
]  # fmt: skip
"""Each changes the services and the values, and returns whose pods are replaced."""


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
    drawn = chance.sample(CHANGES, k=5)
    values: dict[str, Any] = {}
    expected = {name for change in drawn for name in change(services, values, chance)}
    told = [change.__name__ for change in drawn]
    after = {each["name"] for each in services}
    replaced = mixed(release, services, values, folder, violations)
    return Upgrade(release, changed, before, upgraded, told, expected & before.keys() & after, replaced, violations)


def mixed(
    release: Release, services: Services, values: dict[str, Any], folder: Path, violations: dict[str, list[str]]
) -> set[str]:
    """Upgrade to these services and values, and roll back. Returns whose pods the upgrade replaced."""
    (folder / "mixed").mkdir()
    chart = build_documents(folder / "mixed", pipeline(*services))
    given = folder / "values.json"
    given.write_text(json.dumps(values))
    waits = {each["name"] for each in services if values.get(each["name"], {}).get("wait", {}).get("enabled", True)}
    before = uids(release)
    flags = ("--reset-then-reuse-values", "-f", str(given), "--wait", "--timeout=150s")
    release.helm("upgrade", release.name, str(chart), *flags)
    settled(release)
    after = uids(release)
    replaced = {name for name in after if name in before and not before[name] & after[name]}
    violations["mixed"] = release.order_violations(waits & (replaced | (after.keys() - before.keys())))
    release.helm("rollback", release.name, "3", "--wait", "--timeout=150s")
    settled(release)
    back = uids(release)
    again = {name for name in back if not after.get(name, set()) & back[name]}
    violations["back"] = release.order_violations(again)
    return replaced


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
@pytest.mark.parametrize("step", ["install", "upgrade", "rollback", "mixed", "back"])
def test_order_is_kept(upgrades: dict[tuple[str, int], Upgrade], case: tuple[str, int], step: str) -> None:
    assert upgrades[case].violations[step] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_what_changes_restarts(upgrades: dict[tuple[str, int], Upgrade], case: tuple[str, int]) -> None:
    each = upgrades[case]
    replaced = {name for name, pods in each.before.items() if each.upgraded[name] != pods}
    assert replaced == each.changed
    assert each.replaced == each.expected, each.told


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
    assert {name for each in upgrades.values() for name in each.told} == {change.__name__ for change in CHANGES}
