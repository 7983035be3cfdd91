"""Reads what the checks look at, with the user's kubectl and rights. Nothing is written.

Whatever the number of services and nodes: the API's version and kinds, at most 26 lists (eight of the cluster, eight of the
namespace, and one for each further kind that the chart has), one rules review, access reviews for what that review does not show,
and Helm's record of the release.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.helm import record_kind
from nimhelm.kubectl import Access, Running, end, finish, partial, start, stream
from nimhelm.kubectlerrors import ForbiddenError, Request, UnreachableError, explain
from nimhelm.preflight.checks import queues
from nimhelm.preflight.cluster import Cluster, Reach
from nimhelm.preflight.reduce import logins_of, reduced
from nimhelm.preflight.render import Rendered
from nimhelm.status import kubeobject as ko
from nimhelm.status.stream import items

CLUSTER_KINDS = (
    "storage.k8s.io/StorageClass",
    "node.k8s.io/RuntimeClass",
    "networking.k8s.io/IngressClass",
    "scheduling.k8s.io/PriorityClass",
    "/PersistentVolume",
    "resource.k8s.io/DeviceClass",
    "resource.k8s.io/ResourceSlice",
)
NAMESPACE_KINDS = (
    "/ConfigMap",
    "/ServiceAccount",
    "/PersistentVolumeClaim",
    "/LimitRange",
    "/ResourceQuota",
    "/Service",
    "networking.k8s.io/NetworkPolicy",
    "resource.k8s.io/ResourceClaim",
    "resource.k8s.io/ResourceClaimTemplate",
)
_OWN_LISTS = ("Pod", "Node", "Secret", "Namespace", "Gateway")
_ROW = re.compile(r"^(\S+)\s+(?:\S+\s+)?(\S+)\s+(?:true|false)\s+([A-Z]\S*)(?:\s|$)")
_FORBIDDEN = re.compile(r'cannot list resource "([^"]+)" in API group "([^"]*)"')


class Apis(NamedTuple):
    """What the cluster serves: its version, "apps/v1/Deployment", and "apps/Deployment" -> "deployments"."""

    version: str
    served: frozenset[str]
    plurals: dict[str, str]


def read_apis(access: Access) -> Apis:
    """Raises KubectlError when the cluster cannot be reached."""
    running = [
        start(access, "API resources", ["api-resources", "--no-headers"]),
        start(access, "API versions", ["api-versions"]),
        start(access, "version", ["version", "-o", "json"]),
    ]
    try:
        # An aggregated API that is down makes kubectl fail after it has printed the others.
        table, complaint = partial(access, running[0])
        if not table:
            finish_words = complaint or "kubectl prints no API resources"
            raise _explained(finish_words, running[0].request)
        versions = finish(access, running[1]).decode(errors="replace").split()
        version = json.loads(finish(access, running[2]))
    except ValueError:
        raise UnreachableError("kubectl version prints no JSON", "is $KUBECTL a kubectl?") from None
    finally:
        end(running)
    return apis_of(table, versions, ko.text(version, "serverVersion", "gitVersion"))


def _explained(complaint: str, request: Request) -> KubectlError:
    return explain(complaint, request, 1)


def apis_of(table: str, versions: list[str], version: str) -> Apis:
    """From what kubectl api-resources and api-versions print. The table has only the preferred version of each group."""
    served, plurals = set(), {}
    for line in table.splitlines():
        if match := _ROW.match(line):
            plural, group_version, kind = match.groups()
            group = group_version.rpartition("/")[0]
            plurals[f"{group}/{kind}"] = plural
            same = [each for each in versions if each.rpartition("/")[0] == group] or [group_version]
            served |= {f"{each}/{kind}" for each in same}
    return Apis(version, frozenset(served), plurals)


def read_cluster(access: Access, reach: Reach, apis: Apis, rendered: Rendered) -> Cluster:
    """Everything but the dry run. Raises KubectlError when the cluster cannot be read at all."""
    wanted = (*CLUSTER_KINDS, *NAMESPACE_KINDS, *_queue_kinds(rendered), *_chart_kinds(rendered))
    together = [key for key in wanted if key in apis.plurals]
    names = ",".join(dict.fromkeys(_plain(key, apis) for key in together))
    processes = {
        "pods": start(
            access, "pods", _get("pods", "-A", "--field-selector=status.phase!=Succeeded,status.phase!=Failed")
        ),
        "nodes": start(access, "nodes", _get("nodes")),
        "secrets": start(access, "secrets", _get("secrets", "--field-selector=type!=helm.sh/release.v1")),
        "others": start(access, "objects", _get(names, "--show-managed-fields")),
        "namespace": start(access, "namespaces", ["get", f"namespace/{reach.namespace}", "-o", "json"]),
    }
    if kind := record_kind():
        kinds = f"{kind.lower()}s"
        processes["release"] = start(access, kinds, _records(kinds, reach.release))
    if "gateway.networking.k8s.io/Gateway" in apis.plurals and rendered.of("HTTPRoute", "GRPCRoute"):
        processes["gateways"] = start(access, "gateways", _get("gateways.gateway.networking.k8s.io", "-A"))
    cluster = Cluster(reach, {}, apis.served, apis.plurals, apis.version)
    try:
        return _collected(access, cluster, processes, [key.rpartition("/")[2] for key in together])
    finally:
        end(list(processes.values()))


def _queue_kinds(rendered: Rendered) -> tuple[str, ...]:
    return queues.KINDS if any(queues.queue_of(rendered, each) for each in rendered.workloads) else ()


def _chart_kinds(rendered: Rendered) -> list[str]:
    kinds = {(ko.text(each, "apiVersion").rpartition("/")[0], ko.text(each, "kind")) for each in rendered.objects}
    return sorted(f"{group}/{kind}" for group, kind in kinds if kind not in _OWN_LISTS)


def _plain(key: str, apis: Apis) -> str:
    group = key.rpartition("/")[0]
    return f"{apis.plurals[key]}.{group}" if group else apis.plurals[key]


def _get(kinds: str, *flags: str) -> list[str]:
    # In one piece: by default kubectl asks for 500 objects at a time, which is a list call each.
    return ["get", kinds, "-o", "json", "--chunk-size=0", *flags]


def _records(kinds: str, release: str) -> list[str]:
    # The table is made by the server from metadata alone: no secret's content is transferred.
    selector = f"--selector=owner=helm,name={release}"
    return ["get", kinds, selector, "--label-columns=status,version", "--no-headers", "--chunk-size=0"]


def _collected(access: Access, cluster: Cluster, processes: dict[str, Running], kinds: list[str]) -> Cluster:
    lists: dict[str, list[ko.Object]] = {}
    forbidden: set[str] = set()
    logins: dict[str, dict[str, str]] = {}
    for name, kind in (("nodes", "Node"), ("secrets", "Secret"), ("gateways", "Gateway"), ("pods", "Pod")):
        if name not in processes:
            continue
        try:
            found = []
            for each in items(stream(access, processes[name])):
                if kind == "Secret":
                    logins[ko.name_of(each)] = logins_of(each)
                found.append(reduced(each | {"kind": kind}))
            lists[kind] = found
        except ForbiddenError:
            forbidden.add(kind)
        except ValueError:
            finish(access, processes[name])
            raise UnreachableError(f"kubectl's list of {name} is not JSON", "is $KUBECTL a kubectl?") from None
    mixed, refused = _mixed(access, processes["others"], cluster)
    forbidden |= refused
    lists |= {kind: mixed.get(kind, []) for kind in kinds if kind not in forbidden}
    exists = True
    try:
        lists["Namespace"] = [json.loads(finish(access, processes["namespace"]))]
    except ForbiddenError:
        forbidden.add("Namespace")
    except ValueError:
        raise UnreachableError("kubectl's namespace is not JSON", "is $KUBECTL a kubectl?") from None
    except KubectlError as error:
        if "not found" not in str(error) and "NotFound" not in str(error):
            raise
        exists = False
    return cluster._replace(
        lists=lists,
        forbidden=frozenset(forbidden),
        logins=logins,
        namespace_exists=exists,
        helm=_record(access, processes["release"]) if "release" in processes else None,
        record_kind=record_kind(),
    )


def _mixed(access: Access, process: Running, cluster: Cluster) -> tuple[dict[str, list[ko.Object]], set[str]]:
    """(objects by kind, kinds that may not be listed): of several lists kubectl prints those that it gets."""
    printed, complaint = partial(access, process)
    kinds = {f"{plural}.{key.rpartition('/')[0]}": key.rpartition("/")[2] for key, plural in cluster.plurals.items()}
    refused = {kinds.get(f"{plural}.{group}", plural) for plural, group in _FORBIDDEN.findall(complaint)}
    if not printed.strip():
        if refused:
            return {}, refused
        finish(access, process)
        raise _explained(complaint, process.request)
    try:
        document: Any = json.loads(printed)
    except ValueError:
        raise UnreachableError("kubectl's list is not JSON", "is $KUBECTL a kubectl?") from None
    found: dict[str, list[ko.Object]] = {}
    for each in ko.items(document, "items"):
        found.setdefault(ko.text(each, "kind"), []).append(reduced(each))
    return found, refused


def _record(access: Access, process: Running) -> tuple[str, int] | None:
    """(status, revision) of Helm's newest record."""
    try:
        lines = finish(access, process).decode(errors="replace").splitlines()
    except ForbiddenError:
        return None
    rows = [line.split() for line in lines if line.startswith("sh.helm.release.")]
    found = [(row[-2], int(row[-1])) for row in rows if len(row) > 2 and row[-1].isdecimal()]
    return max(found, key=lambda record: record[1], default=None)
