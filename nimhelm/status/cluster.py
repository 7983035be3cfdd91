"""Reads what the status of a release is computed from, and never writes.

Three rounds of kubectl, each all at once, whatever the number of services: the release's graph, workloads, pods, Services
and events; then, by what these say, Helm's record, nodes, jobs and the objects of other controllers; then what only a
found trouble asks for: which of the release's objects are missing, volumes, the use of the nodes, and the last lines
of at most _LOGS containers. Deployments, pods and ConfigMaps must be readable; of the others each that is forbidden is
left out with a note.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.helm import record_kind
from nimhelm.kubectl import Access, Running, end, finish, partial, start, stream
from nimhelm.kubectlerrors import (
    ForbiddenError,
    UnreachableError,
    namespace_leaves,
    no_namespace,
    no_release,
    not_ours,
)
from nimhelm.status import kubeobject as ko
from nimhelm.status.causes.queues import is_gated
from nimhelm.status.closer import look_closer
from nimhelm.status.evidence import in_release
from nimhelm.status.graph import (
    GRAPH_LABEL,
    INFERENCE_SERVICE,
    LEADER_WORKER_SET,
    RELEASE_LABEL,
    ROUTES,
    Graph,
    graphs_of,
    is_graph,
    read_graphs,
    releases_of,
)
from nimhelm.status.lists import Asked, Lists, note, read_lists
from nimhelm.status.record import read_record
from nimhelm.status.snapshot import UNRECORDED, HelmRecord, Snapshot
from nimhelm.status.stream import items
from nimhelm.wording import duration

_DATE = re.compile(r"^\s*Date: (.+)$", re.MULTILINE)
# Dates of answers are in whole seconds, and an answer takes a moment.
_CLOCKS_DIFFER = timedelta(seconds=5)


def read_release(
    release: str, namespace: str = "", context: str = "", kubeconfig: str = "", timeout: float = 10.0
) -> Snapshot:
    """The release as it is now. Raises KubectlError with a sentence and a hint."""
    access = Access(namespace, context, kubeconfig, timeout)
    table, clock = start(access, "secrets", _helm_words(release)), start_clock(access)
    try:
        lists, notes = read_lists(access, _first_round(release))
        helm, lost = newest_record(access, table)
        now, differs = read_clock(access, clock)
    finally:
        end([table, clock.asked])
    notes += lost + differs
    graphs = graphs_of(lists["configmaps"], release)
    graph = next(iter(graphs.values()), {})
    if helm and helm.status == UNRECORDED and not _is_made_by_helm(graph):
        helm = None
    if not graph and helm is None:
        raise _explain_absence(access, release, lists["configmaps"])
    snapshot = Snapshot(
        release=release,
        namespace=ko.text(graph, "metadata", "namespace") or namespace,
        now=now,
        lists=lists,
        helm=helm,
        notes=tuple(notes),
        context=context,
        kubeconfig=kubeconfig,
    )
    snapshot = _second_round(access, snapshot, read_graphs(graphs.values(), release))
    if not graph:
        graph = next((each for each in snapshot.manifest or [] if is_graph(each)), {})
        snapshot = snapshot._replace(namespace=ko.text(graph, "metadata", "namespace") or namespace)
    if not graph:
        raise not_ours(release, namespace)
    return look_closer(access, snapshot)


class Clock(NamedTuple):
    """The cluster's clock, asked for at a moment of this machine's."""

    asked: Running
    at: datetime


def start_clock(access: Access) -> Clock:
    """Ask the API server anything: its answer is dated, and kubectl shows that at this level."""
    return Clock(start(access, "the version", ["get", "--raw", "/version", "-v=8"]), datetime.now(UTC))


def read_clock(access: Access, clock: Clock) -> tuple[datetime, list[str]]:
    """What time it is in the cluster, and a note if this machine has another one. All waits are measured by it."""
    try:
        dated = _DATE.search(partial(access, clock.asked)[1])
        there = parsedate_to_datetime(dated[1]) if dated else clock.at
    except (KubectlError, ValueError):
        there = clock.at
    here = datetime.now(UTC)
    if clock.at - _CLOCKS_DIFFER <= there <= here + _CLOCKS_DIFFER:
        return here, []
    ahead, now = clock.at > there, there + (here - clock.at)
    by = round(abs((clock.at - there).total_seconds()))
    about = duration(by if by < 60 else round(by / 60) * 60)
    said = f"the clock of this machine is {about} {'ahead of' if ahead else 'behind'} the cluster's, by which all times here go"
    return now, [said]


def _is_made_by_helm(graph: ko.Object) -> bool:
    """Argo CD and `helm template` leave no record, nor this note. A driver of the user's choice keeps records elsewhere."""
    noted = ko.text(graph, "metadata", "annotations", "meta.helm.sh/release-name")
    return bool(noted) and record_kind() == "Secret"


def _first_round(release: str) -> list[Asked]:
    ours = f"{RELEASE_LABEL}={release}"
    return [
        Asked("configmaps", f"{GRAPH_LABEL}=true", required=True),
        Asked("deployments", ours, required=True),
        # Pods of LeaderWorkerSets, of KServe and of an adopted pipeline have labels of their own.
        Asked("pods", required=True, keep=lambda pod: in_release(pod, release)),
        Asked("persistentvolumeclaims"),
        Asked("events"),
        Asked("services", ours),
        # Those that somebody puts behind a Service have no label of the release.
        Asked("endpointslices"),
    ]


def _second_round(access: Access, snapshot: Snapshot, graph: Graph) -> Snapshot:
    """Helm's record, and what the graph and the pods ask for."""
    manifest = None
    if snapshot.helm and snapshot.helm.revision:
        record, manifest = read_manifest(access, snapshot.release, snapshot.helm)
        snapshot = snapshot._replace(helm=record)
        if not graph.services:
            graph = read_graphs(graphs_of(manifest or [], snapshot.release).values(), snapshot.release)
    ours = f"{RELEASE_LABEL}={snapshot.release}"
    kinds = {service.workload for service in graph.services if service.enabled}
    made = {ko.text(each, "kind") for each in manifest or []}
    budgeted = "PodDisruptionBudget" in made
    wanted = [Asked("nodes")] if budgeted or is_unready(snapshot.lists) else []
    if budgeted:
        wanted.append(Asked("poddisruptionbudgets", ours))
    if graph.caches:
        wanted.append(Asked("jobs", ours))
    if LEADER_WORKER_SET in kinds:
        wanted.append(Asked("leaderworkersets", ours, foreign=True))
    if INFERENCE_SERVICE in kinds:
        wanted.append(Asked("inferenceservices", ours, foreign=True))
    if any(is_gated(pod) for pod in snapshot.of("pods")):
        wanted.append(Asked("workloads", foreign=True))
    if "Ingress" in made:
        wanted += [Asked("ingresses", ours, foreign=True), Asked("ingressclasses", foreign=True)]
    wanted += [Asked(name, ours, foreign=True) for kind, name in ROUTES.items() if kind in made]
    lists, notes = read_lists(access, wanted)
    return snapshot._replace(lists=snapshot.lists | lists, notes=(*snapshot.notes, *notes), manifest=manifest)


def is_unready(lists: Lists) -> bool:
    """Whether some replica is missing or some pod is not ready, or there is nothing at all."""
    deployments = lists.get("deployments", [])
    missing = any(
        ko.number(each, "status", "availableReplicas") < ko.number(each, "spec", "replicas") for each in deployments
    )
    unready = any(ko.text(ko.condition(pod, "Ready"), "status") != "True" for pod in lists.get("pods", []))
    return missing or unready or not deployments


def _helm_words(release: str) -> list[str]:
    """Asks for a table, which the server makes from metadata alone: no secret's content is transferred."""
    words = ["get", "secrets", "-l", f"owner=helm,name={release}", "-L", "status,version"]
    return [*words, "--no-headers", "--chunk-size=0"]


def newest_record(access: Access, table: Running) -> tuple[HelmRecord | None, list[str]]:
    """Helm's newest record of the release, by the labels of the secrets in the table; None if these were not read."""
    try:
        printed = finish(access, table).decode(errors="replace")
    except ForbiddenError as refusal:
        return None, [note("secrets", refusal)]
    except UnreachableError:  # beside what was read already, this is not worth failing for
        return None, []
    records = [line.split() for line in printed.splitlines() if line.startswith("sh.helm.release.")]
    found = [HelmRecord(words[-2], int(words[-1])) for words in records if len(words) > 2 and words[-1].isdecimal()]
    newest = max(found, key=lambda record: record.revision, default=None)
    if newest is None:
        return HelmRecord(UNRECORDED, 0), []
    went_well = [each.revision for each in found if each.status in ("deployed", "superseded")]
    return newest._replace(deployed=max(went_well, default=0)), []


def read_manifest(access: Access, release: str, record: HelmRecord) -> tuple[HelmRecord, list[ko.Object] | None]:
    """The record completed by its content, and the manifest's objects; None where that may not be read."""
    name = f"sh.helm.release.v1.{release}.v{record.revision}"
    # A list of one: the right to list secrets is enough.
    words = ["get", "secrets", "--field-selector", f"metadata.name={name}", "-o", "json"]
    running = start(access, "secrets", words)
    try:
        found = list(items(stream(access, running)))
    except (KubectlError, ValueError):
        return record, None
    finally:
        end([running])
    content, manifest = read_record(found[0]) if found else (None, [])
    if content is None:
        return record, None
    return content._replace(deployed=record.deployed), manifest


def _explain_absence(access: Access, release: str, configmaps: list[ko.Object]) -> KubectlError:
    """Why there is no graph of the release: another release's name, or no such namespace, or one that goes."""
    if access.namespace and not configmaps:
        namespace = _namespace(access, access.namespace)
        if namespace is None:
            return no_namespace(access.namespace)
        if ko.dig(namespace, "metadata", "deletionTimestamp"):
            return namespace_leaves(access.namespace, _what_holds(namespace))
    return no_release(release, access.namespace, releases_of([each for each in configmaps if is_graph(each)]))


def _namespace(access: Access, namespace: str) -> ko.Object | None:
    """The namespace, None if the server says that it does not exist. Who may not ask is told nothing: {}."""
    running = start(access, "namespaces", ["get", f"namespace/{namespace}", "-o", "json"])
    try:
        found: ko.Object = json.loads(finish(access, running))
    except ValueError:
        return {}
    except KubectlError as error:
        return None if "NotFound" in str(error.__cause__ or "") else {}
    finally:
        end([running])
    return found


def _what_holds(namespace: ko.Object) -> str:
    """What is left in a namespace that is being deleted, in the server's words."""
    kinds = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionDiscoveryFailure")
    told = [ko.condition(namespace, kind) for kind in kinds]
    return next((ko.text(each, "message") for each in told if ko.text(each, "status") == "True"), "")
