"""The claims of a chart: what makes them, who uses them, and what becomes of them when their service goes."""

from __future__ import annotations

from typing import Any, NamedTuple

from nimhelm.caches import RESOURCE_POLICY
from nimhelm.pipeline import NOT_SERVICES, claim_name, dig

_KEEP = "keep"


class Claim(NamedTuple):
    """A PersistentVolumeClaim that a chart makes, and the services that use it.

    `kept` says whether Helm leaves it in the cluster when it is no longer in the release, and `settled` whether an annotation of
    its own says so, rather than global.nimhelm.keepClaims.
    """

    name: str
    size: str
    access_mode: str
    storage_class: str
    users: tuple[str, ...]
    kept: bool
    settled: bool = False


def claims(values: dict[str, Any]) -> list[Claim]:
    """The claims that a chart makes with these values: those of services, then those of caches."""
    blocks = {name: each for name, each in values.items() if name not in NOT_SERVICES and isinstance(each, dict)}
    enabled = {name: each for name, each in blocks.items() if each.get("enabled") is not False}
    keeps = dig(values, "global", "nimhelm", "keepClaims") is not False
    found = [
        _claim(pvc, claim_name(name, block), (name,), keeps)
        for name, block in enabled.items()
        if (pvc := _made(block)) and not dig(block, "storage", "nimCache", "name")
    ]
    caches = values.get("nimCaches")
    for name, block in caches.items() if isinstance(caches, dict) else ():
        if (pvc := _made(block)) and dig(block, "enabled") is not False:
            users = (user for user, each in enabled.items() if dig(each, "storage", "nimCache", "name") == name)
            found.append(_claim(pvc, claim_name(name, block), tuple(users), keeps))
    return found


def _made(block: Any) -> dict[str, Any]:
    pvc = dig(block, "storage", "pvc")
    return pvc if isinstance(pvc, dict) and pvc.get("create") is True else {}


def _claim(pvc: dict[str, Any], name: str, users: tuple[str, ...], keeps: bool) -> Claim:
    """The API's default access mode and the cluster's default storage class apply where the pipeline names none."""
    mode, named = pvc.get("volumeAccessMode") or "ReadWriteOnce", pvc.get("storageClass") or ""
    storage_class = {"": "the default one", "-": "none"}.get(named, named)
    policy = dig(pvc, "annotations", RESOURCE_POLICY)
    kept = keeps if policy is None else policy == _KEEP
    return Claim(name, str(pvc.get("size") or ""), mode, storage_class, users, kept, policy is not None)


def delete_command(names: list[str], namespace: str | None) -> str:
    """What deletes claims, and the data in them, for good."""
    return f"kubectl delete pvc{f' -n {namespace}' if namespace else ''} {' '.join(names)}"


def keep_command(name: str, namespace: str | None) -> str:
    """What makes Helm keep a claim that it would delete."""
    return f"kubectl annotate pvc {name}{f' -n {namespace}' if namespace else ''} --overwrite {RESOURCE_POLICY}={_KEEP}"
