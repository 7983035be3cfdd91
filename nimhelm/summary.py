"""What a build made, for the person who ran it: services by wave, GPUs, what was skipped, how to install it."""

from __future__ import annotations

import shlex
from pathlib import Path

from nimhelm.chart.claims import Claim, delete_command, keep_command
from nimhelm.plan import Plan, PlannedService


def summary(plan: Plan, path: Path, version: str, made: list[Claim], before: list[Claim]) -> str:
    """The text that `nimhelm build` prints for one chart. `made` are its claims, `before` those of the chart that it replaces."""
    width = max((len(service.name) for service in plan.services), default=0)
    lines = [f"{plan.name} {version}: {plan.members} -> {path}"]
    previous = -1
    for service in plan.services:
        wave = f"wave {service.wave + 1}" if service.wave != previous else ""
        lines.append(f"  {wave:<8} {service.name:<{width}}  {_asks(service)}".rstrip())
        previous = service.wave
    lines.append(f"  GPUs     {plan.gpu_totals()}")
    if plan.caches:
        lines.append("  caches   " + ", ".join(plan.caches))
    if plan.skipped:
        lines.append("  skipped  " + ", ".join(plan.skipped) + " (disabled; --include-disabled brings them along)")
    lines += claim_lines(plan.namespace, made, before)
    lines += ["", "  " + install_line(plan, path)]
    if plan.unknown_to_helm:
        lines.append(f"  (helm itself does not wait for {', '.join(plan.unknown_to_helm)}: the chart's own check does)")
    return "\n".join([*lines, ""])


def claim_lines(namespace: str | None, made: list[Claim], before: list[Claim]) -> list[str]:
    """What becomes of claims: of those of the chart when their service or the release goes, of others at the next upgrade."""
    kept, lost = ([each for each in made if each.kept is keep] for keep in (True, False))
    names = {each.name for each in made}
    gone = [each for each in before if each.name not in names]
    left, away = ([each for each in gone if each.kept is keep] for keep in (True, False))
    lines = []
    if kept:
        lines += [f"  claims   {_sized(kept)}: kept when a service or the release goes", _for_good(kept, namespace)]
    if lost:
        lines.append(f"  claims   {_sized(lost)}: deleted with the data when a service or the release goes")
    if left:
        lines += [
            f"  kept     {_sized(left)}: no longer in the chart, an upgrade leaves it",
            _for_good(left, namespace),
        ]
    if away:
        lines.append(f"  deleted  {_sized(away)}: no longer in the chart, an upgrade deletes it with the data")
        lines += [f"           to keep it: {keep_command(each.name, namespace)}" for each in away]
    return lines


def _sized(found: list[Claim]) -> str:
    return ", ".join(f"{each.name} ({each.size})" if each.size else each.name for each in found)


def _for_good(found: list[Claim], namespace: str | None) -> str:
    return f"           to delete for good: {delete_command([each.name for each in found], namespace)}"


def install_line(plan: Plan, path: Path) -> str:
    """The helm install command with the namespace of the pipeline and the timeout that the chain of services needs."""
    place = str(path) if path.is_absolute() or str(path).startswith(".") else f"./{path}"
    command = ["helm", "install", plan.name, place]
    if plan.namespace:
        command += ["-n", plan.namespace, "--create-namespace"]
    return f"{shlex.join(command)} {plan.helm_wait}"


def _asks(service: PlannedService) -> str:
    gpus = service.devices or "no GPU"
    many = f" x {service.replicas}" if service.replicas != 1 else ""
    waits = f"  waits for {', '.join(gate.name for gate in service.waits_for)}" if service.waits_for else ""
    return f"{gpus}{many}{'' if service.enabled else '  (disabled)'}{waits}"
