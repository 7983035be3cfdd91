"""What deserves a word and makes no service fail: autoscalers without metrics, Helm's record, lists not readable."""

from __future__ import annotations

import re

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import Warned
from nimhelm.status.causes.refusals import refused_lines
from nimhelm.status.causes.rollout import overdue
from nimhelm.status.causes.storage import claims_of
from nimhelm.status.evidence import Evidence, about, event_time, is_ready, message_of
from nimhelm.status.graph import GRAPH_KEY, ROUTES, graphs_of
from nimhelm.status.resizes import resizes
from nimhelm.status.snapshot import UNRECORDED, HelmRecord
from nimhelm.wording import count, duration, short

# An autoscaler repeats its complaint every 15 seconds, so an older one is settled.
_COMPLAINT_STANDS = 600
# Providers of load balancers need a minute or two.
_BALANCER_PATIENCE = 120
# A gateway's controller takes up a route in a second or two.
_GATEWAY_PATIENCE = 20
# An ingress controller takes up an Ingress at once; a cloud needs minutes to give it an address.
_INGRESS_PATIENCE = 600
# These may leave the address of what they serve empty.
_WITHOUT_ADDRESS = ("traefik", "haproxy")
_BESIDE, _REVISION = "nimhelm.dev/beside", "nimhelm.dev/revision"
_OLD_CLASS = "kubernetes.io/ingress.class"
_COMPLAINTS = (
    "FailedGetResourceMetric",
    "FailedGetObjectMetric",
    "FailedGetPodsMetric",
    "FailedGetExternalMetric",
    "FailedGetContainerResourceMetric",
    "FailedComputeMetricsReplicas",
    "FailedGetScale",
)


def warnings_of(evidence: Evidence, down: tuple[str, ...] = (), running: tuple[str, ...] = ()) -> tuple[Warned, ...]:
    """Everything worth a line under the table. `down` are services that answer nobody, `running` those that are Ready."""
    graph = [Warned(short(evidence.graph.trouble))] if evidence.graph.trouble else []
    notes = [Warned(short(note, 300)) for note in evidence.snapshot.notes]
    found = (
        *_helm(evidence, running),
        *_graph_edited(evidence),
        *_held_back(evidence, down, running),
        *_missing(evidence),
        *_paused(evidence, running),
        *_by_hand(evidence),
        *resizes(evidence),
        *_claims(evidence),
        *_leaving_pods(evidence, running),
        *_drains(evidence),
        *_ingresses(evidence),
        *_routes(evidence),
        *_load_balancers(evidence),
        *_autoscalers(evidence),
    )
    return (*graph, *notes, *found)


def _helm(evidence: Evidence, running: tuple[str, ...]) -> list[Warned]:
    """Helm's record of an operation that did not end well: the services may be ready, and still no upgrade works."""
    record, release = evidence.snapshot.helm, evidence.graph.release
    if record is None or evidence.leaving_namespace:
        return []
    if record.status == UNRECORDED:
        said = f"Helm keeps no record of {short(release)} in the secrets of this namespace, and helm upgrade fails without one"
        return [
            Warned(f"{said}; an install with the same chart and values takes the objects over", steps.upgrade(evidence))
        ]
    revision = f"Helm's revision {record.revision}"
    if record.status == "failed":
        all_run = all(each.name in running for each in evidence.graph.services if each.enabled)
        said = f"{revision} is recorded as failed: {_why_failed(record, all_run)}"
        if not steps.goes_back(evidence):
            return [Warned(said, steps.upgrade(evidence))]
        said += (
            f"; an upgrade that reuses values goes back to those of revision {record.deployed}, "
            f"a rollback to {record.revision} keeps its own"
        )
        return [Warned(said, steps.rollback(evidence))]
    if record.status.startswith("pending-"):
        said = f"{revision} is {short(record.status)}: Helm is at work, or was interrupted and refuses the next upgrade"
        return [Warned(f"{said}; once no helm runs any more, a rollback ends it", steps.rollback(evidence))]
    if record.status == "superseded":
        said = (
            f"the record of a revision after Helm's {record.revision} was deleted, and helm upgrade goes by the values "
            f"of {record.revision}"
        )
        step = steps.helm(evidence, "get", "values", release, "--revision", str(record.revision))
        return [Warned(f"{said}: look whether they lack something, and set that with the next upgrade", step)]
    if record.status == "uninstalled":
        said = f"{revision} is uninstalled, its history was kept, and helm upgrade is refused"
        return [Warned(f"{said}; a rollback makes the objects again", steps.rollback(evidence))]
    if record.status == "uninstalling":
        said = (
            f"{revision} is being uninstalled, and helm upgrade is refused; what was interrupted, helm uninstall ends"
        )
        return [Warned(said, steps.helm(evidence, "history", release))]
    if record.failed_tests:
        tests = ", ".join(short(name) for name in record.failed_tests[:3])
        return [Warned(f"the last helm test failed: {tests}", steps.helm(evidence, "test", release, "--logs"))]
    return []


def _why_failed(record: HelmRecord, all_run: bool) -> str:
    waited = re.search(
        r"context deadline exceeded|timed out waiting|resource not ready|not ready within", record.description
    )
    if not record.description or (waited and "forbidden" not in record.description):
        return (
            "Helm gave up waiting, and all services are ready now"
            if all_run
            else "Helm gave up waiting; the services go on starting"
        )
    # The same refusal of many objects is said of the first one.
    said = {re.sub(r'^\S+ "[^"]*" is forbidden: ', "", line): line for _, line in reversed(refused_lines(record))}
    return short("; ".join(reversed(said.values())), 500)


def _graph_edited(evidence: Evidence) -> list[Warned]:
    """The ConfigMap with the graph was changed, so that other programs read something wrong in it."""
    snapshot, helm = evidence.snapshot, evidence.snapshot.helm
    if helm is None or helm.status != "deployed":
        return []
    recorded = graphs_of(snapshot.manifest or [], evidence.graph.release)
    warned = []
    for name, each in graphs_of(snapshot.of("configmaps"), evidence.graph.release).items():
        found, wanted = (ko.text(one, "data", GRAPH_KEY).strip() for one in (each, recorded.get(name, {})))
        if found and wanted and found != wanted:
            step = f"{steps.command(evidence, 'delete', 'configmap', name)} && {steps.upgrade(evidence)}"
            said = f"ConfigMap {short(name)} was changed by hand; this status goes by Helm's record instead"
            warned.append(Warned(said, step))
    return warned


def _claims(evidence: Evidence) -> list[Warned]:
    """Claims that pods still have and that no new pod can use."""
    found = []
    for service in evidence.graph.services:
        pods = evidence.pods.get(service.name, [])
        for claim in sorted({claim for pod in pods if is_ready(pod) for claim in claims_of(pod)}):
            held = evidence.claims.get(claim)
            if ko.dig(held, "metadata", "deletionTimestamp"):
                why = "is being deleted"
            elif ko.text(held, "status", "phase") == "Lost":
                why = f"has lost its volume {short(ko.text(held, 'spec', 'volumeName'))}".rstrip()
            else:
                continue
            text = f"claim {short(claim)} of {short(service.name)} {why}: no new pod can use it"
            found.append(Warned(text, steps.command(evidence, "describe", "pvc", claim)))
    return found


def _leaving_pods(evidence: Evidence, running: tuple[str, ...]) -> list[Warned]:
    """Pods of services that run, which should have ended for long: what they hold is not free, and no namespace goes."""
    found = []
    for name in running:
        late = [each for pod in evidence.pods.get(name, []) if (each := overdue(evidence, pod)) and each.late]
        if late:
            worst = max(late, key=lambda each: each.age)
            more = f" (and {count(len(late) - 1, 'more pod')})" if len(late) > 1 else ""
            found.append(Warned(f"{worst.text}{more}", worst.step))
    return found


def _drains(evidence: Evidence) -> list[Warned]:
    """Pods on a cordoned node that their PodDisruptionBudget does not let go: a drain of the node does not end."""
    found = []
    for budget in evidence.snapshot.of("poddisruptionbudgets"):
        name, status = ko.name_of(budget), ko.mapping(budget, "status")
        nodes = [ko.text(pod, "spec", "nodeName") for pod in evidence.pods.get(name, []) if is_ready(pod)]
        cordoned = [node for node in nodes if ko.true(evidence.nodes.get(node), "spec", "unschedulable")]
        if not cordoned or ko.number(status, "disruptionsAllowed"):
            continue
        healthy, least = ko.number(status, "currentHealthy"), ko.number(status, "desiredHealthy")
        text = (
            f"node {short(cordoned[0])} is cordoned, and a drain of it waits for {short(name)}: its PodDisruptionBudget"
        )
        text += f" wants {count(least, 'ready pod')}, and there {'is' if healthy == 1 else 'are'} {healthy}"
        found.append(Warned(text, steps.command(evidence, "describe", "pdb", name)))
    return found


def _load_balancers(evidence: Evidence) -> list[Warned]:
    """Services that ask for a load balancer and have no address: nobody outside reaches them, and Helm 3 waits for it."""
    found = []
    for name, service in evidence.services.items():
        if ko.text(service, "spec", "type") != "LoadBalancer" or ko.items(service, "status", "loadBalancer", "ingress"):
            continue
        age = ko.seconds_since(ko.moment(service, "metadata", "creationTimestamp"), evidence.now)
        failed = evidence.events_of("Service", name, "SyncLoadBalancerFailed", "CreatingLoadBalancerFailed")
        if not failed and age < _BALANCER_PATIENCE:
            continue
        why = short(message_of(failed[0]), 300) if failed else "does the cluster have anything that provides one?"
        text = f"Service {short(name)} waits {duration(age)} for the address of a load balancer: {why}"
        found.append(Warned(text, steps.command(evidence, "describe", "service", name)))
    return found


def _held_back(evidence: Evidence, down: tuple[str, ...], running: tuple[str, ...]) -> list[Warned]:
    """Services that run, and whose next pod would wait at its gate, which asks for pods of the newest template first."""
    services = {service.name: service for service in evidence.graph.services}
    found = []
    for name, dependency in services.items():
        newest = _newest_pods_ready(evidence, name)
        if dependency.sleeps or newest or (newest is None and name not in down):
            continue
        old_serve = name not in down
        held: dict[bool, dict[str, int]] = {False: {}, True: {}}
        for each in evidence.dependants.get(name, []):
            gate = next(gate for gate in services[each].dependencies if gate.name == name)
            # Where old pods serve, a gate opens to a pod with a ready one beside it, and to all after the start-up's time.
            peers = sum(is_ready(pod) for pod in evidence.pods.get(each, [])) > 1
            if each in running and not (old_serve and peers):
                held[gate.starts][each] = min(gate.timeout, dependency.startup_seconds) if old_serve else gate.timeout
        what = f"the new pods of {short(name)}" if old_serve else short(name)
        for starts, timeouts in held.items():
            after = (
                ", and start without it after that"
                if starts
                else "; wait.onTimeout: start lets a service start without it after that"
            )
            if timeouts:
                late = f" up to {duration(max(timeouts.values()))}" if max(timeouts.values()) else ""
                text = f"{_named(list(timeouts))} would wait{late} for {what} if rescheduled now"
                found.append(Warned(text + ("" if old_serve else after)))
    return found


def _newest_pods_ready(evidence: Evidence, name: str) -> bool | None:
    """Whether pods are ready that gates ask for, by the Service that is made for gates; None where there is none."""
    selectors = [
        ko.mapping(each, "spec", "selector") for each in evidence.services.values() if ko.label(each, _BESIDE) == name
    ]
    selector = next((each for each in selectors if _REVISION in each), None)
    if selector is None:
        return None
    pods = evidence.pods.get(name, [])
    return any(is_ready(pod) and all(ko.label(pod, key) == ko.text(selector, key) for key in selector) for pod in pods)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(short(each) for each in names[:5]) + more


def _missing(evidence: Evidence) -> list[Warned]:
    """Objects that belong to no service and that the release should hold."""
    services = {service.name for service in evidence.graph.services}
    found = [
        (kind, name)
        for owner, objects in evidence.absent.items()
        for kind, name in objects
        if owner not in services and kind != "Job"
    ]
    helm = evidence.snapshot.helm
    if not found or evidence.leaving_namespace or (helm and helm.status in ("uninstalling", "uninstalled")):
        return []
    named = ", ".join(f"{short(kind)} {short(name)}" for kind, name in found[:5])
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    verb = "does" if len(found) == 1 else "do"
    return [Warned(f"{named}{more} {verb} not exist, which the release should hold", steps.upgrade(evidence))]


def _paused(evidence: Evidence, running: tuple[str, ...]) -> list[Warned]:
    """Services that run, and whose pods the next upgrade would not change."""
    found = []
    for name in running:
        if ko.true(evidence.deployments.get(name), "spec", "paused"):
            step = steps.command(evidence, "rollout", "resume", f"deployment/{name}")
            found.append(Warned(f"the rollout of {short(name)} is paused: no upgrade changes its pods", step))
    return found


def _by_hand(evidence: Evidence) -> list[Warned]:
    """Fields that somebody set by hand: Helm 4 refuses to change back the chart's, and leaves all others as they are."""
    found = []
    for named, fields in list(evidence.by_hand.taken.items())[:3]:
        said = (
            f"{_object(named)} was changed by hand: {_fields(fields)}; a plain helm upgrade or rollback fails on that"
        )
        step = steps.upgrade(evidence)
        if named.startswith("Service/") and any(field.startswith(("spec.ports", "spec.type")) for field in fields):
            # What was added to a list stays beside what Helm puts back, and together they are refused.
            step = f"{steps.command(evidence, 'delete', 'service', named.partition('/')[2])} && {step}"
        found.append(Warned(said, step))
    for named, fields in list(evidence.by_hand.added.items())[:3]:
        said = f"{_object(named)} has fields set by hand: {_fields(fields)}; helm upgrade does not take them away"
        kind, _, name = named.partition("/")
        words = ("get", kind.lower(), name, "-o", "yaml", "--show-managed-fields")
        found.append(Warned(said, steps.command(evidence, *words)))
    return found


def _object(named: str) -> str:
    kind, _, name = named.partition("/")
    return f"{kind} {short(name)}"


def _fields(fields: list[str]) -> str:
    more = f" and {len(fields) - 3} more" if len(fields) > 3 else ""
    return ", ".join(short(field) for field in fields[:3]) + more


def _ingresses(evidence: Evidence) -> list[Warned]:
    """Ingresses that no controller serves: of a class that the cluster does not have, or that get no address."""
    if not evidence.snapshot.has("ingressclasses"):
        return []
    known = {ko.name_of(each): each for each in evidence.snapshot.of("ingressclasses")}
    default = any(
        ko.text(each, "metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true"
        for each in known.values()
    )
    found = []
    for each in evidence.snapshot.manifest or []:
        wanted = _class_of(each)
        if ko.text(each, "kind") != "Ingress" or wanted in known or (not wanted and default):
            continue
        why = (
            f"ingress class {short(wanted)} does not exist"
            if wanted
            else "it names no ingress class and there is no default one"
        )
        step = steps.cluster(evidence, "get", "ingressclasses")
        found.append(Warned(f"nothing serves Ingress {short(ko.name_of(each))}: {why}", step))
    for each in evidence.snapshot.of("ingresses"):
        name, wanted = ko.name_of(each), _class_of(each)
        controller = ko.text(known.get(wanted), "spec", "controller")
        age = ko.seconds_since(ko.moment(each, "metadata", "creationTimestamp"), evidence.now)
        served = ko.items(each, "status", "loadBalancer", "ingress") or any(
            one in controller for one in _WITHOUT_ADDRESS
        )
        if wanted in known and not served and age > _INGRESS_PATIENCE:
            text = (
                f"Ingress {short(name)} has no address after {duration(age)}: does {short(controller)}, the controller"
            )
            step = steps.command(evidence, "describe", "ingress", name)
            found.append(Warned(f"{text} of its class {short(wanted)}, run?", step))
    return found


def _class_of(ingress: ko.Object) -> str:
    return ko.text(ingress, "spec", "ingressClassName") or ko.text(ingress, "metadata", "annotations", _OLD_CLASS)


def _routes(evidence: Evidence) -> list[Warned]:
    """Routes that no gateway serves: none of its controllers saw them, or it refuses them."""
    found = []
    for kind, lists in ROUTES.items():
        for route in evidence.snapshot.of(lists):
            name, parents = ko.name_of(route), ko.items(route, "status", "parents")
            conditions = [each for parent in parents for each in ko.items(parent, "conditions")]
            refused = [each for each in conditions if ko.text(each, "status") == "False"]
            age = ko.seconds_since(ko.moment(route, "metadata", "creationTimestamp"), evidence.now)
            if refused:
                why = short(ko.text(refused[0], "message") or ko.text(refused[0], "reason"), 300)
            elif not parents and age > _GATEWAY_PATIENCE:
                wanted = ", ".join(
                    f"{ko.text(each, 'namespace') or evidence.graph.namespace}/{ko.text(each, 'name')}"
                    for each in ko.items(route, "spec", "parentRefs")
                )
                why = f"no controller answers for Gateway {short(wanted)}"
            else:
                continue
            found.append(
                Warned(
                    f"nothing serves {kind} {short(name)}: {why}",
                    steps.command(evidence, "describe", kind.lower(), name),
                )
            )
    return found


def _autoscalers(evidence: Evidence) -> list[Warned]:
    """Autoscalers of the release that cannot read what they scale by."""
    found = []
    for service in evidence.graph.services:
        if service.enabled and service.autoscaled and (complaint := _complaint(evidence, service.name)):
            said, kind, name = complaint
            step = steps.command(evidence, "describe", kind, name)
            found.append(Warned(f"autoscaler of {short(service.name)}: {said}", step))
    return found


def _complaint(evidence: Evidence, name: str) -> tuple[str, str, str] | None:
    """What the autoscaler says, and the kind and name of the object that it says it of."""
    # The autoscaler of a ScaledObject is KEDA's, under a name of its own.
    autoscalers = (name, f"keda-hpa-{name}")
    for each in evidence.snapshot.of("horizontalpodautoscalers"):
        active = ko.condition(each, "ScalingActive")
        if (
            ko.name_of(each) in autoscalers
            and ko.text(active, "status") == "False"
            and ko.text(active, "reason") != "ScalingDisabled"
        ):
            return short(ko.text(active, "message"), 300), "hpa", ko.name_of(each)
    events = [
        *(event for each in autoscalers for event in evidence.events_of("HorizontalPodAutoscaler", each, *_COMPLAINTS)),
        *evidence.events_of("ScaledObject", name, "KEDAScalerFailed", "ScaledObjectCheckFailed"),
    ]
    for event in events:
        # While pods are not ready there are no metrics of them: that is not the autoscaler's fault.
        starting = re.search(r"did not receive metrics for|no metrics returned|no ready pods", message_of(event))
        if ko.seconds_since(event_time(event), evidence.now) < _COMPLAINT_STANDS and not starting:
            kind, of = about(event)
            return short(message_of(event), 300), "scaledobject" if kind == "ScaledObject" else "hpa", of
    return None
