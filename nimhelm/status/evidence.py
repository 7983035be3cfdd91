"""Evidence: a snapshot, indexed once, so that each service's objects are found without a search."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.status.graph import (
    CACHE_LABEL,
    DEPLOYMENT,
    RELEASE_LABEL,
    SERVICE_LABEL,
    Graph,
    GraphService,
)
from nimhelm.status.owners import ByHand, set_by_hand
from nimhelm.status.snapshot import Snapshot
from nimhelm.wording import short

# Names that controllers derive from the workload's: LeaderWorkerSet's StatefulSets, KServe's predictor, a
# ReplicaSet's hash.
_DERIVED = (
    re.compile(r"(.+)-lws(?:-\d+)?\Z"),
    re.compile(r"(.+)-predictor(?:-\d+-deployment)?(?:-[a-z0-9]+)?\Z"),
    re.compile(r"(.+)-[a-z0-9]+\Z"),
)
_LISTS = {
    "Pod": "pods",
    "Deployment": "deployments",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Job": "jobs",
    "ReplicaSet": "replicasets",
    "LeaderWorkerSet": "leaderworkersets",
    "InferenceService": "inferenceservices",
}
# Of a longer name of a Deployment, the names of its pods do not hold all.
_UNCUT = 46
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime.max.replace(tzinfo=UTC)


class Evidence(NamedTuple):
    """The objects of a release by the service, cache or object that they tell of."""

    graph: Graph
    snapshot: Snapshot
    deployments: dict[str, ko.Object]
    replicasets: dict[str, list[ko.Object]]
    pods: dict[str, list[ko.Object]]
    cache_pods: dict[str, list[ko.Object]]
    claims: dict[str, ko.Object]
    nodes: dict[str, ko.Object]
    events: dict[tuple[str, str], list[ko.Object]]
    creation_events: dict[str, list[ko.Object]]
    services: dict[str, ko.Object]
    slices: dict[str, list[ko.Object]]
    pickers: dict[str, ko.Object]
    picker_pods: dict[str, list[ko.Object]]
    absent: dict[str, list[tuple[str, str]]]
    by_hand: ByHand
    dependants: dict[str, list[str]]
    at_gates: dict[str, list[ko.Object]]

    @property
    def now(self) -> datetime:
        """The moment of the snapshot."""
        return self.snapshot.now

    @property
    def leaving_namespace(self) -> ko.Object:
        """The namespace if it is being deleted, else {}."""
        found = self.snapshot.named("namespaces", self.graph.namespace or self.snapshot.namespace)
        return found if ko.dig(found, "metadata", "deletionTimestamp") else {}

    def all_dependants(self, name: str) -> set[str]:
        """The services that wait for this one, over any number of steps."""
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = set(self.dependants.get(ahead.pop(), [])) - found
            found |= new
            ahead.extend(new)
        return found - {name}

    def events_of(self, kind: str, name: str, *reasons: str) -> list[ko.Object]:
        """The events about an object, newest first; with reasons only those."""
        found = self.events.get((kind, name), [])
        return [event for event in found if ko.text(event, "reason") in reasons] if reasons else found


class Case(NamedTuple):
    """One service under diagnosis: its pods that count, those that are gone for good, its Deployment.

    `init_since` is since when an init container of that name runs, in the pod where it does so the longest.
    """

    evidence: Evidence
    service: GraphService
    pods: list[ko.Object]
    departed: list[ko.Object]
    deployment: ko.Object | None
    init_since: Mapping[str, datetime] = MappingProxyType({})

    @property
    def now(self) -> datetime:
        """The moment of the snapshot."""
        return self.evidence.now

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name


def gather(snapshot: Snapshot, graph: Graph) -> Evidence:
    """The snapshot's objects, indexed."""
    names = {service.name for service in graph.services}
    deployed = {service.name for service in graph.services if service.workload == DEPLOYMENT}
    makers = names | {each.job for each in graph.caches.values()}
    pods = [pod for pod in snapshot.of("pods") if in_release(pod, graph.release)]
    deployments = [each for each in snapshot.of("deployments") if in_release(each, graph.release)]
    pickers = [each for each in deployments if _is_picker(each)]
    deployments = [each for each in deployments if not is_beside(each)]
    events = sorted(_events_of_now(snapshot, names), key=event_time, reverse=True)
    return Evidence(
        graph=graph,
        snapshot=snapshot,
        deployments=_deployments(deployments, names),
        replicasets=_group(snapshot.of("replicasets"), lambda each: service_of_derived(ko.name_of(each), names)),
        pods=_group(pods, lambda pod: _service_of_pod(pod, names, deployed)),
        cache_pods=_group(pods, lambda pod: ko.label(pod, CACHE_LABEL)),
        claims={ko.name_of(each): each for each in snapshot.of("persistentvolumeclaims")},
        nodes={ko.name_of(each): each for each in snapshot.of("nodes")},
        events=_index_events(events),
        creation_events=_group(
            [event for event in events if ko.text(event, "reason") == "FailedCreate"],
            lambda event: service_of_derived(about(event)[1], makers),
        ),
        services={ko.name_of(each): each for each in snapshot.of("services") if not elsewhere(each, graph.release)},
        slices=_group(snapshot.of("endpointslices"), lambda each: ko.label(each, "kubernetes.io/service-name")),
        pickers={ko.label(each, SERVICE_LABEL): each for each in pickers},
        picker_pods=_group([pod for pod in pods if _is_picker(pod)], lambda pod: ko.label(pod, SERVICE_LABEL)),
        absent=_absent(snapshot),
        by_hand=set_by_hand(snapshot),
        dependants=_dependants(graph),
        at_gates=_group([pod for pod in pods if _is_at_gate(pod)], lambda pod: _service_of_pod(pod, names, deployed)),
    )


def case_of(evidence: Evidence, service: GraphService) -> Case:
    """The service's own objects out of the evidence."""
    pods = evidence.pods.get(service.name, [])
    current = current_pods(pods)
    return Case(
        evidence=evidence,
        service=service,
        pods=current,
        departed=[pod for pod in pods if has_ended(pod)],
        deployment=evidence.deployments.get(service.name),
        init_since=running_since(current),
    )


def running_since(pods: list[ko.Object]) -> dict[str, datetime]:
    """Since when the init containers run, by name: of all pods once, as thousands may stand at the same gate."""
    found: dict[str, datetime] = {}
    for pod in pods:
        for status in ko.items(pod, "status", "initContainerStatuses"):
            name, started = ko.text(status, "name"), ko.moment(status, "state", "running", "startedAt")
            if started and started < found.get(name, _FAR_AHEAD):
                found[name] = started
    return found


def current_pods(pods: list[ko.Object]) -> list[ko.Object]:
    """The pods that live and are to stay, newest first: none being deleted, none of a template already replaced."""
    alive = [pod for pod in pods if not is_leaving(pod)]
    alive.sort(key=lambda pod: ko.moment(pod, "metadata", "creationTimestamp") or _LONG_AGO, reverse=True)
    template = ko.label(alive[0], "pod-template-hash") if alive else ""
    return [pod for pod in alive if is_ready(pod) or ko.label(pod, "pod-template-hash") == template]


def is_leaving(pod: ko.Object) -> bool:
    """Whether the pod has ended or is being deleted."""
    return bool(ko.dig(pod, "metadata", "deletionTimestamp")) or has_ended(pod)


def has_ended(pod: ko.Object) -> bool:
    """Whether the pod is over. One that was evicted and whose server obeyed counts as succeeded."""
    return ko.text(pod, "status", "phase") in ("Failed", "Succeeded")


def is_ready(pod: ko.Object) -> bool:
    """Whether the pod takes requests."""
    return ko.text(ko.condition(pod, "Ready"), "status") == "True"


def is_main(case: Case, container: str) -> bool:
    """Whether it is the NIM's own container, whose settings are values of the service."""
    return container in (f"{case.name}-ctr", "kserve-container")


def main_of(case: Case, pod: ko.Object) -> str:
    """The name of the NIM's own container in the pod, or of its first one."""
    names = [ko.text(each, "name") for each in ko.items(pod, "spec", "containers")]
    return next((name for name in names if is_main(case, name)), next(iter(names), ""))


def is_made_by(deployment: str, pod: str) -> bool:
    """Whether a pod of that name is of that Deployment: "llm-canary-6d4cf56db6-x7k2p" is of llm-canary, and not of llm.

    The hash between the two has no vowels, so that it is no word.
    """
    if len(deployment) > _UNCUT:
        return pod.startswith(deployment[:_UNCUT])
    return bool(re.fullmatch(r"-[b-df-hj-np-tv-xz0-9]{6,10}-[a-z0-9]{5}", pod.removeprefix(deployment)))


def held_by(found: ko.Object) -> str:
    """What keeps an object that is being deleted, as the end of a sentence; "" for nothing."""
    names = ", ".join(short(each) for each in ko.texts(found, "metadata", "finalizers"))
    return f", held by finalizer {names}" if names else ""


def event_time(event: ko.Object) -> datetime:
    """When the event was seen last. Which field says so depends on the API that recorded it."""
    for path in (("series", "lastObservedTime"), ("lastTimestamp",), ("deprecatedLastTimestamp",), ("eventTime",)):
        if found := ko.moment(event, *path):
            return found
    return ko.moment(event, "metadata", "creationTimestamp") or _LONG_AGO


def about(event: ko.Object) -> tuple[str, str]:
    """The kind and name of what the event is about."""
    place = "involvedObject" if "involvedObject" in event else "regarding"
    return ko.text(event, place, "kind"), ko.text(event, place, "name")


def message_of(event: ko.Object) -> str:
    """What the event says. Where many say nearly the same, the server keeps one and says so in front."""
    return (ko.text(event, "message") or ko.text(event, "note")).removeprefix("(combined from similar events): ")


def service_of_derived(name: str, services: set[str]) -> str:
    """The service that an object of a controller belongs to: "llm-service-6d4cf56db6" -> "llm-service", or ""."""
    if name in services:
        return name
    matches = (pattern.match(name) for pattern in _DERIVED)
    return next((match[1] for match in matches if match and match[1] in services), "")


def _dependants(graph: Graph) -> dict[str, list[str]]:
    """Who waits for a service directly, by the service."""
    found: dict[str, list[str]] = defaultdict(list)
    for service in graph.services:
        for dependency in service.dependencies:
            if service.enabled and dependency.wait and not dependency.external:
                found[dependency.name].append(service.name)
    return dict(found)


def _is_at_gate(pod: ko.Object) -> bool:
    """On a node, to stay, and still in its init containers: the node's GPUs count as taken."""
    placed = bool(ko.text(pod, "spec", "nodeName")) and not is_leaving(pod)
    return placed and ko.text(ko.condition(pod, "Initialized"), "status") != "True"


def elsewhere(value: ko.Object, release: str) -> str:
    """The other release that has taken the object over, "" if none has."""
    owner = ko.text(value, "metadata", "annotations", "meta.helm.sh/release-name") or ko.label(value, RELEASE_LABEL)
    return "" if owner == release or in_release(value, release) else owner


def in_release(value: ko.Object, release: str) -> bool:
    """KServe and LeaderWorkerSet make pods of their own, which do not always get the labels of the chart.

    Pods that a release took over from the operator are their own instance.
    """
    labelled = ko.label(value, RELEASE_LABEL)
    adopted = labelled == ko.label(value, SERVICE_LABEL)
    return labelled == release or (bool(labelled) and adopted) or (not labelled and bool(_controller_label(value)))


def _controller_label(value: ko.Object) -> str:
    inference = ko.label(value, "serving.kserve.io/inferenceservice")
    return inference or ko.label(value, "leaderworkerset.sigs.k8s.io/name").removesuffix("-lws")


def is_beside(value: ko.Object) -> bool:
    """Whether it only helps: a caching Job, a Helm test, the endpoint picker of a service's InferencePool."""
    hook = ko.text(value, "metadata", "annotations", "helm.sh/hook")
    return bool(hook or ko.label(value, CACHE_LABEL)) or _is_picker(value)


def _is_picker(value: ko.Object) -> bool:
    """Whether it is, or belongs to, the endpoint picker of a service."""
    return ko.label(value, SERVICE_LABEL) + "-epp" in (ko.label(value, "app"), ko.name_of(value))


def _absent(snapshot: Snapshot) -> dict[str, list[tuple[str, str]]]:
    """What the release should hold and does not, by the service it belongs to; under "" what belongs to none."""
    labels = {
        (ko.text(each, "kind"), ko.name_of(each)): ko.label(each, SERVICE_LABEL) for each in snapshot.manifest or []
    }
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind, name in snapshot.absent:
        found[labels.get((kind, name), "")].append((kind, name))
    return dict(found)


def _service_of_pod(pod: ko.Object, names: set[str], deployed: set[str]) -> str:
    """The service; "" also for a pod of another Deployment with the same labels."""
    if is_beside(pod):
        return ""
    candidates = (ko.label(pod, SERVICE_LABEL), _controller_label(pod), ko.label(pod, "app").removesuffix("-lws"))
    found = next((name for name in candidates if name in names), "")
    return found if found not in deployed or is_made_by(found, ko.name_of(pod)) else ""


def _deployments(found: list[ko.Object], names: set[str]) -> dict[str, ko.Object]:
    """By service. Under KServe the Deployment is the controller's and has a derived name."""
    by_label = {ko.label(each, SERVICE_LABEL): each for each in found}
    by_name = {service_of_derived(ko.name_of(each), names): each for each in found}
    exact = {ko.name_of(each): each for each in found}
    return {name: each for name, each in (by_name | by_label | exact).items() if name in names}


def _group(found: list[ko.Object], key: Callable[[ko.Object], str]) -> dict[str, list[ko.Object]]:
    groups: dict[str, list[ko.Object]] = defaultdict(list)
    for each in found:
        if name := key(each):
            groups[name].append(each)
    return dict(groups)


def _events_of_now(snapshot: Snapshot, names: set[str]) -> list[ko.Object]:
    """Without events about objects of the same name that are gone: an object's uid tells them apart.

    Where the object or its uid is not known, an event from before the service's workload cannot be about it.
    """
    uids = {
        (kind, ko.name_of(each)): ko.text(each, "metadata", "uid")
        for kind, lists in _LISTS.items()
        for each in snapshot.of(lists)
    }
    born = {
        ko.name_of(each): ko.moment(each, "metadata", "creationTimestamp") or _LONG_AGO
        for kind in ("deployments", "leaderworkersets", "inferenceservices")
        for each in snapshot.of(kind)
    }
    return [event for event in snapshot.of("events") if _is_of_now(event, uids, born, names)]


def _is_of_now(event: ko.Object, uids: dict[tuple[str, str], str], born: dict[str, datetime], names: set[str]) -> bool:
    kind, name = about(event)
    place = "involvedObject" if "involvedObject" in event else "regarding"
    told, known = ko.text(event, place, "uid"), uids.get((kind, name), "")
    if told and known:
        return told == known
    if (kind, name) in uids:
        return True
    service = service_of_derived(name, names)
    return not service or event_time(event) >= born.get(service, _LONG_AGO)


def _index_events(events: list[ko.Object]) -> dict[tuple[str, str], list[ko.Object]]:
    index: dict[tuple[str, str], list[ko.Object]] = defaultdict(list)
    for event in events:
        index[about(event)].append(event)
    return dict(index)
