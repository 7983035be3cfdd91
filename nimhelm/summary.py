"""What a build made, for the person who ran it: services by wave, GPUs, what was skipped, how to install it."""

from __future__ import annotations

import shlex
from pathlib import Path
from textwrap import wrap

from nimhelm.chart.claims import Claim, delete_command, keep_command
from nimhelm.plan import Plan, PlannedService

_FOR_GOOD = "To delete for good:"


def summary(plan: Plan, path: Path, version: str, made: list[Claim], before: list[Claim] | None) -> str:
    """The text that `nimhelm build` prints for one chart. `made` are its claims, `before` those of the chart that it
    replaces; None when it replaces none.
    """
    width = max((len(service.name) for service in plan.services), default=0)
    lines = [f"{plan.name} {version}: {plan.members} -> {path}"]
    previous = -1
    for service in plan.services:
        wave = f"wave {service.wave + 1}" if service.wave != previous else ""
        lines += _wrapped(f"  {wave:<8} {service.name:<{width}}  ", _asks(service))
        previous = service.wave
    lines += _wrapped("  GPUs     ", plan.gpu_totals())
    if plan.caches:
        lines += _wrapped("  caches   ", ", ".join(plan.caches))
    if plan.skipped:
        lines += _wrapped("  skipped  ", f"{', '.join(plan.skipped)} (disabled; --include-disabled brings them along)")
    lines += claim_lines(plan.namespace, made, before or [])
    lines += ["", "  " + (install_line(plan, path) if before is None else upgrade_line(plan, path))]
    if plan.unknown_to_helm:
        others = ", ".join(plan.unknown_to_helm)
        lines += _wrapped("  ", f"(helm itself does not wait for {others}: the chart's own check does)")
    return "\n".join([*lines, ""])


def claim_lines(namespace: str | None, made: list[Claim], before: list[Claim]) -> list[str]:
    """What becomes of claims: of those of the chart when their service or the release goes, of others at the next upgrade."""
    kept, lost = ([each for each in made if each.kept is keep] for keep in (True, False))
    names = {each.name for each in made}
    gone = [each for each in before if each.name not in names]
    left, away = ([each for each in gone if each.kept is keep] for keep in (True, False))
    lines = []
    if kept:
        lines += _wrapped("  claims   ", f"{_sized(kept)}: kept when a service or the release goes. {_FOR_GOOD}")
        lines.append(_for_good(kept, namespace))
    if lost:
        lines += _wrapped("  claims   ", f"{_sized(lost)}: deleted with the data when a service or the release goes")
    if left:
        lines += _wrapped("  kept     ", f"{_sized(left)}: no longer in the chart; kept by an upgrade. {_FOR_GOOD}")
        lines.append(_for_good(left, namespace))
    if away:
        lines += _wrapped("  deleted  ", f"{_sized(away)}: no longer in the chart; deleted by an upgrade with the data")
        lines += [f"           to keep it: {keep_command(each.name, namespace)}" for each in away]
    return lines


def _wrapped(label: str, text: str) -> list[str]:
    """A label and its text in lines of at most 80 columns, as far as names allow; the further lines stand below the text."""
    below = " " * (len(label) if len(label) < 40 else 11)
    lines = wrap(text, 80 - len(below), break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{label}{lines[0]}".rstrip(), *(below + line for line in lines[1:])]


def _sized(found: list[Claim]) -> str:
    return ", ".join(f"{each.name} ({each.size})" if each.size else each.name for each in found)


def _for_good(found: list[Claim], namespace: str | None) -> str:
    return f"           {delete_command([each.name for each in found], namespace)}"


def install_line(plan: Plan, path: Path) -> str:
    """The helm install command with the namespace of the pipeline and the timeout that the chain of services needs."""
    return _helm_line(plan, path, "install")


def upgrade_line(plan: Plan, path: Path) -> str:
    """The same for a chart that may be installed already: helm upgrade, which installs it where it is not."""
    return _helm_line(plan, path, "upgrade", "--install", "--reset-then-reuse-values")


def _helm_line(plan: Plan, path: Path, verb: str, *flags: str) -> str:
    place = str(path) if path.is_absolute() or str(path).startswith(".") else f"./{path}"
    namespace = ["-n", plan.namespace, "--create-namespace"] if plan.namespace else []
    return f"{shlex.join(['helm', verb, plan.name, place, *namespace, *flags])} {plan.helm_wait}"


def _asks(service: PlannedService) -> str:
    gpus = service.devices or "no GPU"
    many = f" x {service.replicas}" if service.replicas != 1 else ""
    waits = f"  waits for {', '.join(gate.name for gate in service.waits_for)}" if service.waits_for else ""
    return f"{gpus}{many}{'' if service.enabled else '  (disabled)'}{waits}"
