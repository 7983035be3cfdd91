"""The checks: a module for each section of the output, each a pure function of what was rendered and what was read."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks import apis, gpus, names, network, policies, rights, secrets, storage
from nimhelm.preflight.checks.unread import unread
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.counts import counted
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import SECTIONS, Check

CHECKS = (
    rights.check,
    apis.check,
    names.check,
    secrets.check,
    storage.check,
    gpus.check,
    policies.check,
    network.check,
)


def all_checks(rendered: Rendered, cluster: Cluster) -> list[Check]:
    """Every check, in the order of the sections; what one cause does to several services is one line."""
    rendered = counted(rendered, cluster)
    found = [check for each in CHECKS for check in each(rendered, cluster)]
    found = [*_told_once(found), *unread(cluster)]
    return sorted(merged(found), key=lambda check: SECTIONS.index(check.section))


def _told_once(checks: list[Check]) -> list[Check]:
    """Without what the dry run says of a cause that another section has named already for the same services."""
    told = {(check.code, service) for check in checks if check.section != "policies" for service in check.services}
    return [
        check
        for check in checks
        if check.section != "policies"
        or not check.services
        or not {(check.code, each) for each in check.services} <= told
    ]


def merged(checks: list[Check]) -> Iterator[Check]:
    """Checks that differ in their services alone become one."""
    together: dict[Check, list[str]] = {}
    for each in checks:
        together.setdefault(each._replace(services=()), []).extend(each.services)
    for check, services in together.items():
        yield check._replace(services=tuple(dict.fromkeys(services)))
