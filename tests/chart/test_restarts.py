"""Which pods an upgrade restarts: the table in docs/upgrades.md, against charts that are rendered before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from nimhelm.assets import schema
from nimhelm.validate_values import merge

from .assemble import SPEC, TEMPLATES, Object, dependency, objects, spec, umbrella
from .conftest import Render

if TYPE_CHECKING:
    from ..conftest import Helm

TABLE = (TEMPLATES.parent / "docs" / "upgrades.md").read_text()
OWN, NOBODY, ALL, WAITING_ONES = "those of the service", "nobody", "all", "those that wait"
DEFINITIONS: dict[str, Any] = schema("values")["definitions"]
Rendered = dict[tuple[str, str], Object]
PROBE = {"httpGet": {"path": "/x", "port": "api"}}
NODES = {"parallelism": {"pipeline": 2, "tensor": 1}}
GATEWAY = {"hostDomainName": "x.io", "gateway": {"name": "g", "namespace": "n"}}
HPA = {"minReplicas": 1, "maxReplicas": 2}
CACHED = {"storage": {"pvc": None, "nimCache": {"name": "weights", "wait": {"enabled": True}}}}
ROUTED = {"expose": {"router": GATEWAY}}
MONITORED = {"metrics": {"enabled": True}}
SCALED = {"scale": {"enabled": True, "hpa": HPA}}
WAITING = {"dependencies": [dependency("base", envName="BASE")]}


class Change(NamedTuple):
    """What a service has on top of SPEC before an upgrade, and what is merged over that afterwards."""

    after: dict[str, Any]
    before: Mapping[str, Any] = MappingProxyType({})


def waits(**wait: Any) -> Change:
    """A change of how the service waits for its only dependency."""
    return Change({"dependencies": [dependency("base", envName="BASE", wait=wait)]}, WAITING)


CHANGES = {
    "image.repository": Change({"image": {"repository": "x"}}),
    "image.tag": Change({"image": {"tag": "2"}}),
    "image.digest": Change({"image": {"digest": "sha256:" + "a" * 64}}),
    "image.pullPolicy": Change({"image": {"pullPolicy": "Always"}}),
    "image.pullSecrets": Change({"image": {"pullSecrets": ["other"]}}),
    "imageLayout": Change({"imageLayout": "native"}),
    "inferencePlatform": Change({"inferencePlatform": "kserve"}),
    "command": Change({"command": ["x"]}),
    "args": Change({"args": ["x"]}),
    "env": Change({"env": [{"name": "X", "value": "1"}]}),
    "extraEnv": Change({"extraEnv": {"Y": "1"}}),
    "envFrom": Change({"envFrom": [{"secretRef": {"name": "x"}}]}),
    "authSecret": Change({"authSecret": "other"}),
    "resources": Change({"resources": {"limits": {"nvidia.com/gpu": 1}}}),
    "draResources": Change({"draResources": [{"resourceClaimName": "x"}]}),
    "livenessProbe": Change({"livenessProbe": {"probe": PROBE}}),
    "readinessProbe": Change({"readinessProbe": {"probe": {**PROBE, "periodSeconds": 3}}}),
    "startupProbe": Change({"startupProbe": {"probe": {**PROBE, "failureThreshold": 99}}}),
    "labels": Change({"labels": {"x": "y"}}),
    "annotations": Change({"annotations": {"x": "y"}}),
    "nodeSelector": Change({"nodeSelector": {"x": "y"}}),
    "affinity": Change({"affinity": {"nodeAffinity": {}}}),
    "podAffinity": Change({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}),
    "tolerations": Change({"tolerations": [{"operator": "Exists"}]}),
    "topologySpreadConstraints": Change({"topologySpreadConstraints": [{"maxSkew": 1}]}),
    "priorityClassName": Change({"priorityClassName": "x"}),
    "runtimeClassName": Change({"runtimeClassName": "x"}),
    "schedulerName": Change({"schedulerName": "x"}),
    "terminationGracePeriodSeconds": Change({"terminationGracePeriodSeconds": 99}),
    "hostAliases": Change({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["x"]}]}),
    "dnsPolicy": Change({"dnsPolicy": "Default"}),
    "dnsConfig": Change({"dnsConfig": {"searches": ["x"]}}),
    "lifecycle": Change({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}),
    "userID": Change({"userID": 1234}),
    "groupID": Change({"groupID": 1234}),
    "podSecurityContext": Change({"podSecurityContext": {"runAsNonRoot": True}}),
    "securityContext": Change({"securityContext": {"privileged": False}}),
    "automountServiceAccountToken": Change({"automountServiceAccountToken": True}),
    "serviceAccount.name": Change({"serviceAccount": {"name": "x"}}),
    "serviceAccount.create": Change({"serviceAccount": {"create": False}}),
    "serviceAccount.annotations": Change({"serviceAccount": {"annotations": {"x": "y"}}}),
    "initContainers": Change({"initContainers": [{"name": "x", "image": {"repository": "x", "tag": "1"}}]}),
    "sidecarContainers": Change({"sidecarContainers": [{"name": "x", "image": {"repository": "x", "tag": "1"}}]}),
    "volumes": Change({"volumes": [{"name": "x", "emptyDir": {}}]}),
    "volumeMounts": Change({"volumeMounts": [{"name": "model-store", "mountPath": "/x"}]}),
    "podTemplate": Change({"podTemplate": {"metadata": {"annotations": {"x": "y"}}}}),
    "proxy": Change({"proxy": {"httpProxy": "http://x"}}),
    "multiNode": Change({"multiNode": {"parallelism": {"tensor": 2}}}, {"multiNode": NODES}),
    "expose.service.port": Change({"expose": {"service": {"port": 9000}}}),
    "expose.service.grpcPort": Change({"expose": {"service": {"grpcPort": 9001}}}),
    "expose.service.metricsPort": Change({"expose": {"service": {"metricsPort": 9002}}}),
    "expose.service.type": Change({"expose": {"service": {"type": "NodePort"}}}),
    "expose.service.name": Change({"expose": {"service": {"name": "further"}}}),
    "expose.service.labels": Change({"expose": {"service": {"labels": {"x": "y"}}}}),
    "expose.service.annotations": Change({"expose": {"service": {"annotations": {"x": "y"}}}}),
    "expose.ingress": Change({"expose": {"ingress": {"enabled": True, "spec": {"ingressClassName": "x"}}}}),
    "expose.router": Change({"expose": {"router": {"hostDomainName": "y.io"}}}, ROUTED),
    "metrics": Change({"metrics": {"serviceMonitor": {"interval": "9s"}}}, MONITORED),
    "scale": Change({"scale": {"hpa": {"maxReplicas": 3}}}, SCALED),
    "replicas": Change({"replicas": 3}),
    "updateStrategy": Change({"updateStrategy": {"type": "Recreate"}}),
    "progressDeadlineSeconds": Change({"progressDeadlineSeconds": 9999}),
    "revisionHistoryLimit": Change({"revisionHistoryLimit": 2}),
    "minReadySeconds": Change({"minReadySeconds": 2}),
    "podDisruptionBudget": Change({"podDisruptionBudget": {"maxUnavailable": 1}}),
    "storage.pvc.name": Change({"storage": {"pvc": {"name": "other"}}}),
    "storage.pvc.size": Change({"storage": {"pvc": {"size": "90Gi"}}}),
    "storage.pvc.create": Change({"storage": {"pvc": {"create": False}}}, {"storage": {"pvc": {"name": "x"}}}),
    "storage.pvc.storageClass": Change({"storage": {"pvc": {"storageClass": "x"}}}),
    "storage.pvc.volumeAccessMode": Change({"storage": {"pvc": {"volumeAccessMode": "ReadWriteMany"}}}),
    "storage.pvc.annotations": Change({"storage": {"pvc": {"annotations": {"x": "y"}}}}),
    "storage.pvc.subPath": Change({"storage": {"pvc": {"subPath": "x"}}}),
    "storage.readOnly": Change({"storage": {"readOnly": True}}),
    "storage.sharedMemorySizeLimit": Change({"storage": {"sharedMemorySizeLimit": "9Gi"}}),
    "storage.compileCache": Change({"storage": {"compileCache": True}}),
    "storage.emptyDir": Change({"storage": {"pvc": None, "emptyDir": {"sizeLimit": "9Gi"}}}),
    "storage.hostPath": Change({"storage": {"pvc": None, "hostPath": "/x"}}),
    "storage.image": Change({"storage": {"pvc": None, "image": {"reference": "x:1"}}}),
    "storage.nimCache": Change({"storage": {"nimCache": {"profile": "x"}}}, CACHED),
    "storage.nimCache.wait.timeoutSeconds": Change({"storage": {"nimCache": {"wait": {"timeoutSeconds": 9}}}}, CACHED),
    "dependencies": Change(WAITING),
    "dependencies.port": Change({"dependencies": [dependency("base", 8001, envName="BASE")]}, WAITING),
    "dependencies.envName": Change({"dependencies": [dependency("base", envName="OTHER")]}, WAITING),
    "dependencies.envValue": Change({"dependencies": [dependency("base", envName="BASE", envValue="x")]}, WAITING),
    "dependencies.wait.enabled": waits(enabled=False),
    "dependencies.wait.optional": waits(optional=True),
    "dependencies.wait.host": waits(host="other"),
    "dependencies.wait.port": waits(port=9),
    "dependencies.wait.path": waits(path="/x"),
    "dependencies.wait.scheme": waits(scheme="HTTPS"),
    "dependencies.wait.text": waits(text="x"),
    "dependencies.wait.httpHeaders": waits(httpHeaders=[{"name": "X", "value": "y"}]),
    "dependencies.wait.timeoutSeconds": waits(timeoutSeconds=9),
    "dependencies.wait.onTimeout": waits(onTimeout="start"),
    "wait.enabled": Change({"wait": {"enabled": False}}, WAITING),
    "wait.timeoutSeconds": Change({"wait": {"timeoutSeconds": 9}}, WAITING),
    "wait.onTimeout": Change({"wait": {"onTimeout": "start"}}, WAITING),
}
"""Field of a service -> a change of it."""

GLOBALS: dict[str, Any] = {
    "imageRegistry": "other",
    "imageRegistryPath": "drop",
    "imagePullSecrets": ["x"],
    "containerResources": {"limits": {"cpu": "1"}, "requests": {}},
    "commonLabels": {"x": "y"},
    "commonAnnotations": {"x": "y"},
    "podTemplate": {"spec": {"hostname": "x"}},
    "restricted": True,
    "openshift": "restricted",
    "requireKeys": True,
    "pullWhileWaiting": False,
    "mesh": "istio",
    "waitImage": "x:1",
    "waitImagePullPolicy": "Always",
    "helperResources": {"limits": {"cpu": "200m"}},
    "waitEnabled": False,
    "waitTimeoutSeconds": 9,
    "waitPeriodSeconds": 9,
    "waitOnTimeout": "start",
    "orderFor": "argocd",
    "prePull": True,
    "storageClass": "x",
    "keepClaims": False,
    "networkPolicy.enabled": True,
    "networkPolicy.gatewayNamespaces": ["x"],
    "networkPolicy.monitoringNamespaces": ["x"],
    "networkPolicy.egressPorts": [9],
    "grafanaDashboard.enabled": True,
    "grafanaDashboard.labels": {"x": "y"},
    "grafanaDashboard.annotations": {"x": "y"},
    "checkAfterInstall": True,
    "skipMissingKinds": True,
}
"""Field of global.nimhelm -> another value."""

UNTOLD = {"enabled", "global.nimhelm.keepOperatorPods", "global.nimhelm.valuesDigest"}
"""A service that is switched on or off comes or goes; pods of the operator, and the mark of a build, are set once."""

CACHE = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}
CACHES: dict[str, dict[str, Any]] = {
    "nimCaches.*.source": {"source": {"ngc": {"modelPuller": "x:2"}}},
    "nimCaches.*.env": {"env": [{"name": "X", "value": "1"}]},
    "nimCaches.*.resources": {"resources": {"cpu": "1"}},
    "nimCaches.*.job": {"job": {"activeDeadlineSeconds": 9}},
    "nimCaches.*.podTemplate": {"podTemplate": {"spec": {"priorityClassName": "x"}}},
    "nimCaches.*.storage.pvc.size": {"storage": {"pvc": {"size": "2Gi"}}},
}


CACHE_OF_ALL = {"nimCaches": {"weights": CACHE}}


@pytest.fixture
def render(helm4: Helm, tmp_path: Path) -> Render:
    """render(services, **further values) -> objects by kind and name. One helm will do: both compare their own charts."""

    def run(services: dict[str, dict[str, Any]], *arguments: str, **values: Any) -> Rendered:
        return objects(helm4.template(umbrella(tmp_path, services, **values), *arguments).stdout)

    return run


def documented() -> dict[str, str]:
    """Field -> the pods that restart, as the table has it."""
    part = TABLE.partition("## What restarts whom")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \| (.*?) \|$", part, re.MULTILINE)
    # What a row says beside its fields follows a bracket or the word "of".
    return {
        field: pods
        for fields, pods in rows
        for field in re.findall(r"`([^`]+)`", re.sub(r" of a dependency.*", "", fields))
    }


def templates(rendered: Rendered) -> dict[str, Any]:
    """What the pods of each workload are made from; a change of it restarts them."""
    found = {}
    for (kind, name), each in rendered.items():
        if kind == "Deployment":
            found[name] = each["spec"]["template"]
        elif kind == "LeaderWorkerSet":
            found[name] = each["spec"]["leaderWorkerTemplate"]
        elif kind == "InferenceService":
            found[name] = each["spec"]["predictor"]
    return found


def changed(one: Rendered, two: Rendered) -> set[str]:
    """The workloads whose pods an upgrade restarts."""
    before, after = templates(one), templates(two)
    return {name.removesuffix("-lws") for name in before if before[name] != after.get(name)}


def service_name(field: str) -> str:
    """The service that the change of a field is tried on."""
    return field.lower().replace(".", "-")


def services(after: bool) -> dict[str, dict[str, Any]]:
    """A service for each change, one before all of them, and one that waits for all of them."""
    made = {"base": spec(expose={"service": {"grpcPort": 8001}})}
    for field, change in CHANGES.items():
        values = merge(SPEC, dict(change.before))
        made[service_name(field)] = merge(values, change.after) if after else values
    ports = {"expose.service.port"} if after else set()
    made["last"] = spec(
        dependencies=[dependency(service_name(field), 9000 if field in ports else 8000) for field in CHANGES]
    )
    return made


def test_only_what_changes_restarts(render: Render) -> None:
    restarted = changed(render(services(False), **CACHE_OF_ALL), render(services(True), **CACHE_OF_ALL))
    table = documented()
    said = {field: OWN if service_name(field) in restarted else NOBODY for field in CHANGES}
    assert said == {field: table.get(field) for field in CHANGES}
    assert restarted.isdisjoint({"base", "last"}), "a change of one service restarts another one"


@pytest.mark.parametrize("field", GLOBALS)
def test_what_all_services_share(render: Render, field: str) -> None:
    own: dict[str, Any] = {"initContainers": [{"name": "x", "image": {"repository": "x", "tag": "1"}}]}
    pair = {"base": spec(**own), "next": spec(**own, dependencies=[dependency("base")])}
    before = {"imageRegistry": "m"}
    name, _, below = field.partition(".")
    after = {**before, name: {below: GLOBALS[field]} if below else GLOBALS[field]}
    restarted = changed(render(pair, nimhelm=before), render(pair, nimhelm=after))
    said = {"": NOBODY, "base next": ALL, "next": WAITING_ONES}[" ".join(sorted(restarted))]
    assert documented().get(f"global.nimhelm.{field}") == said


@pytest.mark.parametrize("field", CACHES)
def test_caches(render: Render, field: str) -> None:
    pair = {"base": spec(), "user": merge(spec(), CACHED)}
    after = {"weights": merge(CACHE, CACHES[field])}
    assert changed(render(pair, **CACHE_OF_ALL), render(pair, nimCaches=after)) == set()
    assert documented().get(field) == NOBODY


def test_versions_of_the_chart(helm4: Helm, tmp_path: Path) -> None:
    chart = umbrella(tmp_path, {"base": spec(), "next": spec(dependencies=[dependency("base")])})
    before = helm4.template(chart).stdout
    for path in chart.rglob("Chart.yaml"):
        path.write_text(path.read_text().replace("0.1.0", "0.2.0"))
    after = helm4.template(chart).stdout
    assert before != after
    assert changed(objects(before), objects(after)) == set()
    assert documented()["chart version"] == NOBODY


def paths(node: dict[str, Any], above: str = "", depth: int = 2) -> Iterator[str]:
    """The fields of a block, and of the blocks in it down to some depth."""
    for name, site in node.get("properties", {}).items():
        below = DEFINITIONS[site["$ref"].rsplit("/", 1)[-1]] if "$ref" in site else site
        below = below.get("items", below)
        below = DEFINITIONS[below["$ref"].rsplit("/", 1)[-1]] if "$ref" in below else below
        path = f"{above}{name}"
        inner = list(paths(below, f"{path}.", depth - 1)) if depth > 1 else []
        yield from inner or [path]


def test_every_field_has_a_line_and_a_change() -> None:
    told = set(documented())
    changes = {*CHANGES, *(f"global.nimhelm.{name}" for name in GLOBALS), *CACHES}
    assert told - changes == {"chart version"}
    assert changes <= told
    fields = {*paths(DEFINITIONS["service"])} | {f"global.nimhelm.{each}" for each in paths(DEFINITIONS["shared"])}

    def is_told(path: str) -> bool:
        return any(f"{path}.".startswith(f"{each}.") or each.startswith(f"{path}.") for each in told)

    untold = {path for path in fields if not is_told(path)}
    assert untold == UNTOLD
