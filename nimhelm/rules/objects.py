"""Rules of extraObjects, the further objects of a values file.

Objects of Kubernetes' own kinds are held against its schema as a whole, and then against the rules of the types that they
hold; their pods also against the rules of a service's pods. Of another object the metadata are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from nimhelm.assets import schema
from nimhelm.finding import ERROR, Finding
from nimhelm.pipeline import Block, dig, number
from nimhelm.rules.kubernetes import (
    NEEDS,
    Fault,
    faults,
    kept_running,
    listed,
    propagated,
    twice,
    typed,
    without_volume,
)
from nimhelm.rules.pod import BLOCK_RULES, check_affinity
from nimhelm.rules.probes import HANDLERS
from nimhelm.rules.scale import SOURCES, TARGETS
from nimhelm.schema_check import Schema, check_shape, scalar_problem
from nimhelm.yamlread import Document, Path

NAMES = {"Service": "serviceName", "ClusterRole": "", "ClusterRoleBinding": "", "Role": "", "RoleBinding": ""}
"""How objects of a kind may be called, as a definition of the schema; other kinds have the names of most objects."""
LONGEST = {"CronJob": 52, "Job": 63, "StatefulSet": 63}
"""Characters of a name whose object's pods, or Jobs, are named after it."""
TEMPLATE: Path = ("spec", "template", "spec")
PODS: dict[str, Path] = {
    "Pod": ("spec",), "Deployment": TEMPLATE, "StatefulSet": TEMPLATE, "DaemonSet": TEMPLATE, "Job": TEMPLATE,
    "CronJob": ("spec", "jobTemplate", *TEMPLATE),
}  # fmt: skip
"""Where an object has the spec of its pods."""
GONE = re.compile(
    r"v1|extensions/v1beta1|apps/v1beta[12]|autoscaling/v2beta[12]|(batch|policy|[a-z.]+\.k8s\.io)/v1(alpha|beta)1"
)
"""API versions that no cluster of today has for a kind that stands in another one now."""


class _PodFields(NamedTuple):
    document: Document
    name: str
    spec: dict[str, Any]
    spec_field: Path
    claims: set[str]


class Pod(_PodFields, Block):
    """The spec of an object's pods. `claims` are volumes that a StatefulSet adds."""

    __slots__ = ()

    @property
    def title(self) -> str:
        """How a message calls it."""
        return self.name

    def own_containers(self) -> set[str]:
        """The main containers, whose names init containers cannot have."""
        return {str(each.get("name")) for _, each in self.items("containers")}


def check_objects(document: Document) -> Iterator[Finding]:
    """Every object, and that none stands twice."""
    definitions = schema("kubernetes")["definitions"]
    kinds = known_kinds(definitions)
    seen: set[tuple[str, ...]] = set()
    for index, each in enumerate(listed(document.data.get("extraObjects"))):
        if not isinstance(each, dict) or not isinstance(each.get("metadata"), dict):
            continue  # the schema's finding
        field: Path = ("extraObjects", index)
        kind = kinds.get((str(each.get("apiVersion")), str(each.get("kind"))))
        place, below = (field, each) if kind else ((*field, "metadata"), each["metadata"])
        root: Schema = {"$ref": f"#/definitions/{kind or 'ObjectMeta'}"}
        yield from check_shape(document, {**root, "definitions": definitions}, place)
        for inner, name, value in typed(below, root, definitions):
            for fault, message, hint in (*faults(name, value), *WHOLE.get(name, _none)(value)):
                yield document.finding(ERROR, "NH112", (*place, *inner, *fault), message, hint)
        name = each["metadata"].get("name")
        if kind and isinstance(name, str) and (problem := _name_problem(kind, name, definitions)):
            message = f"the name of a {kind} must {problem}, not {name}"
            hint = "lower-case letters, digits, inner dashes and dots"
            yield document.finding(ERROR, "NH112", (*field, "metadata", "name"), message, hint)
        if not kind and each.get("kind") in kinds.values() and GONE.fullmatch(str(each.get("apiVersion"))):
            served = next(version for version, one in kinds if one == each["kind"])
            message = f"{each['kind']} is not in {each['apiVersion']}"
            yield document.finding(ERROR, "NH112", (*field, "apiVersion"), message, f"write apiVersion: {served}")
        if kind and isinstance(spec := dig(each, "spec"), dict):
            whole = Pod(document, str(name), spec, (*field, "spec"), set())
            yield from check_affinity(whole)
            if isinstance(pod := dig(each, *PODS.get(kind, ("",))), dict):
                claims = {str(dig(each, "metadata", "name")) for each in whole.sequence("volumeClaimTemplates")}
                for rule in (*BLOCK_RULES, check_pod):
                    yield from rule(Pod(document, str(name), pod, (*field, *PODS[kind]), claims))
        identity = tuple(map(str, (each.get("apiVersion"), each.get("kind"), dig(each, "metadata", "namespace"), name)))
        if identity in seen:
            message = f"{each.get('kind')} {name} stands twice in extraObjects"
            yield document.finding(ERROR, "NH112", (*field, "metadata", "name"), message, "rename one")
        seen.add(identity)


def known_kinds(definitions: Schema) -> dict[tuple[str, str], str]:
    """apiVersion and kind of every whole object in the schema -> the name of its definition."""
    found: dict[tuple[str, str], str] = {}
    for name, each in definitions.items():
        properties = each.get("properties", {})
        if "enum" in properties.get("apiVersion", ()):
            found[properties["apiVersion"]["enum"][0], properties["kind"]["enum"][0]] = name
    return found


def _name_problem(kind: str, name: str, definitions: Schema) -> str | None:
    leaf = NAMES.get(kind, "objectName")
    if len(name) > LONGEST.get(kind, 253):
        return f"have at most {LONGEST[kind]} characters"
    return scalar_problem(name, definitions[leaf]) if leaf else None


def _none(_: dict[str, Any]) -> Iterator[Fault]:
    yield from ()


def check_pod(pod: Pod) -> Iterator[Finding]:
    """Containers and volumes of a whole pod."""
    volumes = {*pod.claims, *(str(each.get("name")) for _, each in pod.items("volumes"))}
    devices = {str(each.get("name")) for _, each in pod.items("resourceClaims")}
    grace = number(pod.get("terminationGracePeriodSeconds"), 30)
    if pod.get("dnsPolicy") == "None" and not pod.get("dnsConfig", "nameservers"):
        message = "dnsPolicy None leaves the pods without a name server"
        yield pod.error("NH112", ("dnsPolicy",), message, "add dnsConfig.nameservers")
    for kind in ("initContainers", "containers"):
        for index, container in pod.items(kind):
            for fault, message, hint in _container(container, volumes, devices, grace):
                yield pod.error("NH112", (kind, index, *fault), message, hint)
            for position, port in enumerate(listed(container.get("ports"))):
                if pod.get("hostNetwork") is True and dig(port, "hostPort") not in (None, dig(port, "containerPort")):
                    message = "with hostNetwork, hostPort is the containerPort"
                    yield pod.error("NH112", (kind, index, "ports", position, "hostPort"), message, "remove hostPort")


def _container(value: dict[str, Any], volumes: set[str], devices: set[str], grace: int) -> Iterator[Fault]:
    if not value.get("image"):
        yield (), f"the container {value.get('name')} has no image", "add image"
    yield from without_volume(value, volumes)
    yield from propagated(value)
    for index, claim in enumerate(listed(dig(value, "resources", "claims"))):
        if str(dig(claim, "name")) not in devices:
            yield (
                ("resources", "claims", index),
                f"the pod has no claim {dig(claim, 'name')}",
                "add it to resourceClaims",
            )
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = value.get(kind)
        if isinstance(probe, dict) and not any(probe.get(handler) is not None for handler in HANDLERS):
            yield (kind,), f"{kind} has no handler", "write exactly one of " + ", ".join(HANDLERS)
    for hook in ("preStop", "postStart"):
        if (slept := number(dig(value, "lifecycle", hook, "sleep", "seconds"), 0)) > grace:
            message = f"{hook} sleeps for {slept} seconds, and the pod gets {grace} to end"
            yield ("lifecycle", hook, "sleep", "seconds"), message, "raise terminationGracePeriodSeconds"


def _workload(value: dict[str, Any]) -> Iterator[Fault]:
    """The spec of a Deployment, a StatefulSet or a DaemonSet: its selector finds the pods of its template."""
    pod = dig(value, "template", "spec")
    for place, message, hint in kept_running(pod if isinstance(pod, dict) else {}):
        yield ("template", "spec", *place), message, hint
    selector, labels = value.get("selector"), dig(value, "template", "metadata", "labels")
    labels = labels if isinstance(labels, dict) else {}
    if not isinstance(selector, dict):
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield ("selector",), "an empty selector finds every pod", "add matchLabels"
    given = dig(selector, "matchLabels")
    for key, text in given.items() if isinstance(given, dict) else ():
        if labels.get(key) != text:
            message = f"the template's pods do not have the label {key}: {text}"
            yield ("selector", "matchLabels", key), message, "add it to template.metadata.labels"
    for index, each in enumerate(listed(selector.get("matchExpressions"))):
        key, values = str(dig(each, "key")), listed(dig(each, "values"))
        there = {"In": labels.get(key) in values, "NotIn": labels.get(key) not in values, "Exists": key in labels}
        there["DoesNotExist"] = key not in labels
        if not there.get(str(dig(each, "operator")), True) and (values or "Exist" in each["operator"]):
            message = f"the template's pods do not fit the condition on {key}"
            yield ("selector", "matchExpressions", index), message, "change template.metadata.labels"


def _deployment(value: dict[str, Any]) -> Iterator[Fault]:
    yield from _workload(value)
    if number(value.get("minReadySeconds"), 0) >= (number(value.get("progressDeadlineSeconds"), 600) or 600):
        message = "minReadySeconds must be below progressDeadlineSeconds"
        yield ("minReadySeconds",), message, "raise progressDeadlineSeconds"


def _job(value: dict[str, Any]) -> Iterator[Fault]:
    pod = dig(value, "template", "spec")
    if isinstance(pod, dict) and pod.get("restartPolicy") not in ("Never", "OnFailure"):
        yield ("template", "spec"), "the pods of a Job end, so restartPolicy is Never or OnFailure", "add restartPolicy"
    if value.get("selector") and value.get("manualSelector") is not True:
        yield ("selector",), "a Job makes its own selector", "remove selector"


_RANGE = r"(\*|\?|\d+(-\d+)?|[A-Za-z]{3}(-[A-Za-z]{3})?)(/\d+)?"
_CRON = re.compile(
    rf"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)|({_RANGE}(,{_RANGE})*(\s+|$)){{5}}"
)
_MOST = (59, 23, 31, 12, 6)


def _is_time_zone(name: str) -> bool:
    """Whether an API server may know a time zone. The machine's own list can lack old names: it tells areas and spelling."""
    from zoneinfo import available_timezones

    known = available_timezones() or {name}
    if name in known:
        return name not in ("", "Local")
    area, slash, _ = name.partition("/")
    if slash:
        return area in {zone.partition("/")[0] for zone in known} | {"Brazil", "Canada", "Chile", "Mexico", "US"}
    return name not in ("", "Local") and name.lower() not in {zone.lower() for zone in known}


def _schedule(value: dict[str, Any]) -> Iterator[Fault]:
    text = value.get("schedule")
    if isinstance(text, str) and "TZ=" in text:
        yield ("schedule",), "the time zone stands in a field of its own", "write timeZone"
    elif isinstance(text, str):
        parts = [re.sub(r"/\d+", "", part) for part in text.split()]
        numbers = [
            (int(one), most) for part, most in zip(parts, _MOST, strict=False) for one in re.findall(r"\d{1,9}", part)
        ]
        if not _CRON.fullmatch(text.strip()) or (text[:1] != "@" and any(one > most for one, most in numbers)):
            yield ("schedule",), f"{text!r} is not a schedule of cron", 'for example "0 3 * * *", or @daily'
    zone = value.get("timeZone")
    if isinstance(zone, str) and not _is_time_zone(zone):
        yield ("timeZone",), f"{zone!r} is not a time zone", "for example Europe/Berlin or Etc/UTC, in this spelling"


def _service(value: dict[str, Any]) -> Iterator[Fault]:
    kind = value.get("type") or "ClusterIP"
    ports = listed(value.get("ports"))
    if kind == "ExternalName" and not value.get("externalName"):
        yield (), "a Service of type ExternalName has no externalName", "add it"
    if kind != "ExternalName" and not ports and value.get("clusterIP") != "None":
        yield (), "a Service has ports", "add ports, or clusterIP: None"
    for key, types in NEEDS.items():
        if value.get(key) and kind not in types:
            message = f"{key} needs a Service of type {' or '.join(types)}, and this one is {kind}"
            yield (key,), message, f"write type: {types[-1]}, or remove it"
    yield from twice(value, "ports", "name", "rename one")
    seen: set[tuple[str, str]] = set()
    for index, port in enumerate(ports):
        both = str(dig(port, "port")), str(dig(port, "protocol") or "TCP")
        if both in seen:
            yield ("ports", index), f"port {both[0]} of {both[1]} stands twice", "keep one"
        seen.add(both)
        if len(ports) > 1 and not dig(port, "name"):
            yield ("ports", index), "each of several ports has a name", "add name"
        if dig(port, "nodePort") and kind not in ("NodePort", "LoadBalancer"):
            yield ("ports", index, "nodePort"), f"a Service of type {kind} has no nodePort", "write type: NodePort"


def _ingress(value: dict[str, Any]) -> Iterator[Fault]:
    if not value.get("rules") and not value.get("defaultBackend"):
        yield (), "an Ingress has rules, or a defaultBackend", "add rules"
    for index, rule in enumerate(listed(value.get("rules"))):
        if isinstance(host := dig(rule, "host"), str) and re.fullmatch(r"[\d.]+", host):
            yield ("rules", index, "host"), f"{host} is an address, and a host is a name", "remove host"


def _scaler(value: dict[str, Any]) -> Iterator[Fault]:
    least, most = number(value.get("minReplicas"), 1), number(value.get("maxReplicas"), 1)
    metrics = listed(value.get("metrics"))
    if least > most > 0:
        yield ("minReplicas",), f"minReplicas {least} is above maxReplicas {most}", "lower minReplicas"
    if least == 0 and not {"External", "Object"} & {str(dig(metric, "type")) for metric in metrics}:
        yield ("minReplicas",), "minReplicas of 0 needs a metric of type External or Object", "write minReplicas: 1"
    for index, metric in enumerate(metrics):
        source = SOURCES.get(str(dig(metric, "type")))
        target = dig(metric, source, "target") if source else None
        if source and not isinstance(dig(metric, source), dict):
            yield ("metrics", index), f"a metric of type {metric['type']} needs the field {source}", f"add {source}"
        elif source and isinstance(target, dict) and sum(target.get(key) is not None for key in TARGETS[source]) != 1:
            message = f"the target of {source} needs {' or '.join(TARGETS[source])}"
            yield ("metrics", index, source, "target"), message, "keep or add one"


def _policy_rule(value: dict[str, Any]) -> Iterator[Fault]:
    if not value.get("nonResourceURLs") and not (value.get("resources") and value.get("apiGroups")):
        yield (), "a rule has apiGroups and resources, or nonResourceURLs", 'apiGroups: [""] is the group of pods'


def _role(value: dict[str, Any]) -> Iterator[Fault]:
    for index, rule in enumerate(listed(value.get("rules"))):
        if dig(rule, "nonResourceURLs"):
            yield ("rules", index, "nonResourceURLs"), "a Role has no nonResourceURLs", "use a ClusterRole"


def _cluster_binding(value: dict[str, Any]) -> Iterator[Fault]:
    if dig(value, "roleRef", "kind") == "Role":
        yield ("roleRef", "kind"), "a ClusterRoleBinding refers to a ClusterRole", "use a RoleBinding"
    for index, subject in enumerate(listed(value.get("subjects"))):
        if dig(subject, "kind") == "ServiceAccount" and not dig(subject, "namespace"):
            message = f"the ServiceAccount {subject.get('name')} has no namespace"
            yield ("subjects", index), message, "add namespace: that of the release"


def _one(first: str, second: str) -> Callable[[dict[str, Any]], Iterator[Fault]]:
    """A mapping that holds one of two keys. A key of another name has its finding from the schema."""

    def check(value: dict[str, Any]) -> Iterator[Fault]:
        if (value.get(first) is None) == (value.get(second) is None) and value.keys() <= {"name", first, second}:
            yield (
                (),
                f"{first} and {second} exclude each other" if value.get(first) else f"{first} is missing",
                ("keep one" if value.get(first) else f"add {first} or {second}"),
            )

    return check


def _exact(value: dict[str, Any]) -> Iterator[Fault]:
    if value.get("allocationMode") == "All" and value.get("count"):
        yield ("count",), "count and allocationMode All exclude each other", "remove one of the two"


def _expression(value: dict[str, Any]) -> Iterator[Fault]:
    from nimhelm.rules.cel import refusal

    if isinstance(value.get("expression"), str) and (refused := refusal(value["expression"])):
        yield ("expression",), *refused


WHOLE: dict[str, Callable[[dict[str, Any]], Iterator[Fault]]] = {
    "CELDeviceSelector": _expression,
    "ClusterRoleBinding": _cluster_binding,
    "CronJobSpec": _schedule,
    "DaemonSetSpec": _workload,
    "DeploymentSpec": _deployment,
    "DeviceRequest": _one("exactly", "firstAvailable"),
    "ExactDeviceRequest": _exact,
    "HorizontalPodAutoscalerSpec": _scaler,
    "IngressBackend": _one("service", "resource"),
    "IngressSpec": _ingress,
    "JobSpec": _job,
    "PolicyRule": _policy_rule,
    "Role": _role,
    "ServiceBackendPort": _one("number", "name"),
    "ServiceSpec": _service,
    "StatefulSetSpec": _workload,
}
"""What the API server refuses of a type in a whole object."""
