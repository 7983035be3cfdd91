"""Labels and annotations: whose win, and what is selected by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
import yaml

from nimhelm.chart.schema import schema_of
from nimhelm.load import read_content
from nimhelm.validate_values import check_merged, layer

from .assemble import Object, dependency, pod_specs, spec
from .conftest import Render

STANDARD = {
    "app.kubernetes.io/name": "llm",
    "app.kubernetes.io/instance": "r",
    "app.kubernetes.io/managed-by": "Helm",
    "app.kubernetes.io/part-of": "nim-service",
    "nimhelm.dev/pipeline": "demo",
}
EVIL = dict.fromkeys([*STANDARD, "helm.sh/chart", "app", "nim-llm-role"], "evil") | {"team": "ml"}


def test_every_object_has_the_standard_ones_and_the_users_cannot_change_them(render: Render) -> None:
    service = {"service": {"name": "also", "labels": EVIL}}
    rendered = render(
        {
            "llm": spec(
                labels=EVIL,
                expose=service,
                metrics={"enabled": True},
                scale={"enabled": True, "hpa": {"maxReplicas": 2}},
            )
        }
    )
    for (kind, _), document in rendered.items():
        if kind not in ("ConfigMap", "Pod"):
            assert STANDARD.items() <= document["metadata"]["labels"].items()
            assert document["metadata"]["labels"]["helm.sh/chart"] == "llm-0.1.0"
            assert document["metadata"]["labels"]["team"] == "ml"


def test_the_label_of_a_chart_with_a_long_name_ends_as_labels_may(render: Render) -> None:
    name = 58 * "a"
    labels = render({name: spec()})["Deployment", name]["metadata"]["labels"]
    assert labels["helm.sh/chart"] == f"{name}-0.1", "63 characters would end in a dot"


def test_a_label_app_does_not_break_the_selector(render: Render) -> None:
    rendered = render({"llm": spec(labels=EVIL)})
    deployment = rendered["Deployment", "llm"]["spec"]
    assert deployment["selector"]["matchLabels"] == rendered["Service", "llm"]["spec"]["selector"] == {"app": "llm"}
    assert {"app": "llm", "team": "ml"}.items() <= deployment["template"]["metadata"]["labels"].items()


def test_a_new_version_of_the_chart_or_name_of_the_pipeline_alone_restarts_no_pod(render: Render) -> None:
    template = render({"llm": spec()})["Deployment", "llm"]["spec"]["template"]
    assert not {"helm.sh/chart", "nimhelm.dev/pipeline"} & set(template["metadata"]["labels"])


def test_the_service_monitor_selects_the_service_and_not_its_second_name(render: Render) -> None:
    exposed = {"service": {"name": "also", "labels": {"extra": "1"}}}
    rendered = render({"llm": spec(labels={"team": "ml"}, expose=exposed, metrics={"enabled": True})})
    selector = rendered["ServiceMonitor", "llm"]["spec"]["selector"]
    service, alias = (rendered["Service", name]["metadata"]["labels"] for name in ("llm", "also"))
    assert selector["matchLabels"].items() <= service.items()
    assert selector["matchExpressions"] == [{"key": "nimhelm.dev/beside", "operator": "DoesNotExist"}]
    assert "nimhelm.dev/beside" not in service
    assert alias["nimhelm.dev/beside"] == "llm"
    assert rendered["Service", "also"]["spec"]["selector"] == rendered["Service", "llm"]["spec"]["selector"]
    assert rendered["Service", "also"]["spec"]["type"] == "ClusterIP"


def test_the_security_context_constraint_is_the_charts_to_say(render: Render) -> None:
    notes = {"openshift.io/required-scc": "privileged", "note": "mine"}
    rendered = render({"llm": spec(annotations=notes)}, "--set", "global.nimhelm.openshift=scc")
    metadata = rendered["Deployment", "llm"]["metadata"]
    assert metadata["annotations"] == {"openshift.io/required-scc": "nonroot", "note": "mine"}


def test_additional_labels_of_a_monitor_win(render: Render) -> None:
    metrics = {"enabled": True, "serviceMonitor": {"additionalLabels": {"app.kubernetes.io/part-of": "prometheus"}}}
    labels = render({"llm": spec(metrics=metrics)})["ServiceMonitor", "llm"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/part-of"] == "prometheus"


EPP = {
    "containerSpec": {"name": "epp", "image": {"repository": "epp", "tag": "1"}},
    "config": {"plugins": [{"type": "q"}], "schedulingProfiles": [{"name": "d", "plugins": [{"pluginRef": "q"}]}]},
}
GRPC = {"name": "g", "namespace": "n", "httpRoutesEnabled": False, "grpcRoutesEnabled": True}
GROUP = {"parallelism": {"pipeline": 2, "tensor": 1}, "computeDomain": {"create": True}}
CACHE = {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}
DEVICES = [{"claimCreationSpec": {"devices": [{"name": "gpu", "deviceClassName": "gpu.nvidia.com"}]}}]
ALL_PODS: dict[str, dict[str, Any]] = {
    "own": spec(labels={"team": "own"}, draResources=DEVICES),
    "routed": spec(
        expose={"router": {"hostDomainName": "x.io", "gateway": {"name": "g", "namespace": "n"}, "eppConfig": EPP}}
    ),
    "group": spec(multiNode=GROUP),
    "served": spec(inferencePlatform="kserve"),
}
"""Services that have every kind of pod between them, with a cache and the pre-pull of images."""


def metadata_of_pods(document: Object) -> list[Object]:
    """The metadata of an object, and of the templates in it."""
    found = [document["metadata"]]
    below = document.get("spec", {})
    for template in (below, below.get("leaderWorkerTemplate", {})):
        found += [
            template[key]["metadata"] for key in ("template", "leaderTemplate", "workerTemplate") if key in template
        ]
    return found


def test_labels_and_annotations_of_everything(render: Render) -> None:
    """Policies of a cluster may want them; what a service says itself wins."""
    common = {"commonLabels": {"team": "ml"}, "commonAnnotations": {"owner": "me"}, "prePull": True}
    rendered = render(
        ALL_PODS, "--set=global.nimhelm.networkPolicy.enabled=true", nimhelm=common, nimCaches={"c": CACHE}
    )
    for (kind, name), document in rendered.items():
        for metadata in metadata_of_pods(document):
            mine = document["metadata"]["labels"]["app.kubernetes.io/name"] == "own"
            assert metadata.get("labels", {}).get("team") in ("ml", "own" if mine else "ml"), f"{kind} {name}"
            assert metadata.get("annotations", {}).get("owner") == "me", f"{kind} {name}"


def selects(selector: Object, labels: Object) -> bool:
    """Whether a label selector takes the labels."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    meets: dict[str, Callable[[Object], bool]] = {
        "In": lambda each: labels.get(each["key"]) in each["values"],
        "NotIn": lambda each: labels.get(each["key"]) not in each["values"],
        "DoesNotExist": lambda each: each["key"] not in labels,
    }
    return all(meets[each["operator"]](each) for each in selector.get("matchExpressions", ()))


def pods_of(rendered: dict[tuple[str, str], Object]) -> Iterator[tuple[tuple[str, str], Object]]:
    """What makes pods, with the labels of each kind of them."""
    for key, document in rendered.items():
        for metadata in metadata_of_pods(document):
            if key[0] == "Pod" or metadata is not document["metadata"]:
                yield key, metadata.get("labels", {})
        if key[0] == "InferenceService":
            yield key, document["spec"]["predictor"]["labels"]


def selectors_of(rendered: dict[tuple[str, str], Object]) -> Iterator[tuple[str, str, Object, set[str]]]:
    """Every selector of pods: kind and name of its object, itself, and the names of what may make the pods that it takes."""
    check = {name for kind, name in rendered if kind == "Pod"}
    users = {name: set(each.get("dependencies", ())) for name, each in MANY.items()}
    for (kind, name), document in rendered.items():
        below = document.get("spec", {})
        service = document["metadata"]["labels"].get("nimhelm.dev/beside", name)
        if kind == "Service" and below.get("selector"):
            yield kind, name, {"matchLabels": below["selector"]}, {name if name.endswith("-epp") else service}
        elif kind in ("Deployment", "DaemonSet", "PodDisruptionBudget", "InferencePool"):
            yield kind, name, below["selector"], {name}
        elif kind == "NetworkPolicy":
            yield kind, name, below["podSelector"], {name}
            for way, key in (("ingress", "from"), ("egress", "to")):
                for rule in below[way]:
                    for peer in (one for one in rule.get(key, ()) if "podSelector" in one):
                        others = {user for user in users if name in users[user]} | check
                        yield kind, f"{name} {way}", peer["podSelector"], {name, *others, *users[name]}
        elif kind == "Job":
            cache = document["metadata"]["labels"]["nimhelm.dev/cache"]
            owners = {each for each in MANY if MANY[each]["storage"].get("nimCache", {}).get("name") == cache}
            affinity = below["template"]["spec"].get("affinity", {}).get("podAffinity", {})
            for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution", ()):
                yield kind, name, term["labelSelector"], owners


MANY: dict[str, dict[str, Any]] = {}
"""The services of a chart of random names."""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", [{}, {"keepOperatorPods": True}])
def test_nothing_selects_the_pods_of_another(render: Render, seed: int, mode: Object) -> None:
    """Whatever services and caches are called: each other, the release, or what a service brings."""
    random = Random(seed)
    names = ["r", "llm", "r-demo-test", "r-demo-check", "llm-cache", "r-llm", "llm-job", "x-lws-0"]
    random.shuffle(names)
    claimed = {**CACHE, "storage": {"pvc": {"create": True, "size": "1Gi", "volumeAccessMode": "ReadWriteOnce"}}}
    caches = dict.fromkeys(random.sample(names, 4), claimed)
    MANY.clear()
    for name, pods in zip(names, [*ALL_PODS.values()] * 2, strict=False):
        budget = {"podDisruptionBudget": {"maxUnavailable": 1}, "metrics": {"enabled": True}}
        MANY[name] = pods | budget | {"expose": layer(pods.get("expose", {}), {"service": {"name": f"{name}-also"}})}
        store = {"nimCache": {"name": random.choice([*caches])}} if random.random() < 0.6 else {"emptyDir": {}}
        MANY[name] |= {"storage": store}
    first, *others = MANY
    for name in random.sample(others, 3):
        MANY[name] |= {"dependencies": [dependency(first)]}
    shared = {"networkPolicy": {"enabled": True}, "prePull": True, **mode}
    rendered = render(MANY, nimhelm=shared, nimCaches=caches)
    MANY.update(
        {
            name: {**each, "dependencies": [one["name"] for one in each.get("dependencies", ())]}
            for name, each in MANY.items()
        }
    )
    pods = list(pods_of(rendered))
    seen = set()
    for kind, name, selector, owners in selectors_of(rendered):
        taken = {maker for maker, labels in pods if selects(selector, labels)}
        made = {
            (maker[0], maker[1].removesuffix("-lws") if maker[0] == "LeaderWorkerSet" else maker[1]) for maker in taken
        }
        assert {one for _, one in made} <= owners, f"{kind} {name} {selector} takes {made}"
        assert not {one for one, _ in made} & {"Job"}, f"{kind} {name}"
        assert {one for one, _ in made} <= {"Pod"} or "Pod" not in {one for one, _ in made}, f"{kind} {name}"
        seen.add(kind)
    assert seen == {
        "Service",
        "Deployment",
        "DaemonSet",
        "PodDisruptionBudget",
        "InferencePool",
        "NetworkPolicy",
        "Job",
    }
    services = {name: each["metadata"]["labels"] for (kind, name), each in rendered.items() if kind == "Service"}
    for (kind, name), document in rendered.items():
        if kind == "ServiceMonitor":
            taken = {one for one in services if selects(document["spec"]["selector"], services[one])}
            assert taken <= {name}, "each pod is scraped once"


@pytest.mark.parametrize(
    "key", ["app", "app.kubernetes.io/name", "nim-llm-role", "sidecar.istio.io/inject", "nimhelm.dev/revision"]
)
def test_labels_of_the_user_put_no_pod_behind_a_service(render: Render, key: str) -> None:
    """Downloads, checks, pre-pulls and pickers are not behind the Services and policies of services, however all is labelled."""
    for value in ("own", "group-lws"):
        common = {"commonLabels": {key: value}, "prePull": True, "networkPolicy": {"enabled": True}}
        cache = {**CACHE, "podTemplate": {"metadata": {"labels": {key: value}}}}
        rendered = render(ALL_PODS, nimhelm=common, nimCaches={"c": cache, "d": CACHE})
        helpers = [
            (maker, labels)
            for maker, labels in pods_of(rendered)
            if maker[0] in ("Job", "DaemonSet", "Pod") or maker[1].endswith("-epp")
        ]
        assert len(helpers) >= 6
        for (kind, name), document in rendered.items():
            if kind == "Service" and name != "routed-epp":
                selector = {"matchLabels": document["spec"].get("selector") or {"no": "pods"}}
            elif kind == "NetworkPolicy":
                selector = document["spec"]["podSelector"]
            else:
                continue
            taken = {maker for maker, labels in helpers if selects(selector, labels)}
            assert taken == set(), f"{kind} {name}"
        if not key.startswith("nimhelm.dev/"):
            assert key in dict(helpers)["Pod", "r-demo-test"], "a policy may want the label on every pod"


def test_fields_of_the_picker(render: Render) -> None:
    own = {"metadata": {"labels": {"tier": "gold"}, "annotations": {"note": "x"}}}
    own["spec"] = {"containers": [{"name": "epp", "securityContext": {"readOnlyRootFilesystem": True}}]}
    routed = layer(ALL_PODS["routed"], {"expose": {"router": {"eppConfig": {"podTemplate": own}}}})
    rendered = render({"routed": routed})
    metadata = rendered["Deployment", "routed-epp"]["spec"]["template"]["metadata"]
    assert metadata["labels"] == {**metadata["labels"], "tier": "gold", "app": "routed-epp"}
    assert metadata["annotations"]["note"] == "x"
    (container,) = dict(pod_specs(rendered))["routed-epp"]["containers"]
    assert container["securityContext"] == {"readOnlyRootFilesystem": True}
    assert {"args", "livenessProbe"} <= set(container)


def test_containers_that_keep_running_have_probes(render: Render) -> None:
    """A policy may refuse pods without, and no value reaches the containers of pre-pulls and of the check."""
    rendered = render(ALL_PODS, nimhelm={"prePull": True})
    for owner, pod in pod_specs(rendered):
        for container in pod["containers"] if not owner.endswith("workerTemplate") and "-job" not in owner else ():
            assert {"livenessProbe", "readinessProbe"} <= set(container), owner


def test_fields_of_all_pods(render: Render) -> None:
    """A policy may want a field of every pod. What a pod has itself wins, and an overlay of its own over that."""
    shared = {"spec": {"priorityClassName": "batch", "serviceAccountName": "team", "hostUsers": False}}
    own = {"podTemplate": {"spec": {"hostUsers": True, "priorityClassName": "urgent"}}}
    rendered = render(
        {**ALL_PODS, "first": spec(priorityClassName="first"), "last": spec(**own)},
        nimhelm={"podTemplate": shared, "prePull": True},
        nimCaches={"c": CACHE, "d": {**CACHE, **own}},
    )
    found = {owner: (pod.get("priorityClassName"), pod.get("hostUsers")) for owner, pod in pod_specs(rendered)}
    others = {owner: each for owner, each in found.items() if owner not in ("first", "last") and "d-job" not in owner}
    assert set(others.values()) == {("batch", False)}
    assert {"r-demo-test", "group-lws/workerTemplate", "served", "routed-epp", "routed-pull"} <= set(others)
    assert found["first"] == ("first", False)
    assert {each for owner, each in found.items() if owner == "last" or "d-job" in owner} == {("urgent", True)}
    accounts = {owner: pod["serviceAccountName"] for owner, pod in pod_specs(rendered)}
    assert accounts["r-demo-test"] == accounts["own-pull"] == "team"
    assert accounts["routed-epp"] == "routed-epp"


def test_an_overlay_of_all_pods_has_no_containers(refusal: Callable[..., str]) -> None:
    own = [{"name": "x", "image": "y"}]
    said = refusal({"llm": spec()}, nimhelm={"podTemplate": {"spec": {"containers": own, "initContainers": own}}})
    for field in ("containers", "initContainers"):
        assert f"set <service>.podTemplate.spec.{field}" in said


def test_objects_of_the_user_beside_those_of_services(refusal: Callable[..., str], render: Render) -> None:
    """Helm and validate refuse the same objects: those that a service makes already, and no others."""
    more = {
        "podDisruptionBudget": {"maxUnavailable": 1},
        "metrics": {"enabled": True, "prometheusRule": {"enabled": True}},
    }
    services = {
        **ALL_PODS,
        "more": spec(**more, expose={"service": {"name": "also"}}, dependencies=[dependency("own")]),
        "scaled": spec(scale={"enabled": True, "hpa": {"maxReplicas": 2}}, serviceAccount={"create": False}),
        "grpc": spec(expose={"service": {"grpcPort": 9}, "router": {"hosts": ["x.io"], "gateway": GRPC}}),
        "ruled": spec(metrics={"prometheusRule": {"enabled": True}}),
        "in": spec(expose={"router": {"hostDomainName": "x.io", "ingress": {"ingressClass": "nginx"}}}),
    }
    shared = {"prePull": True, "networkPolicy": {"enabled": True}}
    rendered = render(services, nimhelm=shared)
    kinds = {kind: document["apiVersion"] for (kind, _), document in rendered.items()}
    made = {each for each in rendered if rendered[each]["metadata"]["labels"]["app.kubernetes.io/name"] in services}
    unusual = {"ConfigMap", "Secret", "ResourceClaimTemplate", "ComputeDomain", "Pod"}
    names = {name for _, name in made}
    wanted = {each for each in made if each[0] not in unusual}
    extra = [
        {"apiVersion": kinds[kind], "kind": kind, "metadata": {"name": name}}
        for kind in kinds.keys() - unusual
        for name in sorted(names)
    ]
    said = refusal(services, nimhelm=shared, extraObjects=extra)
    refused = set(
        re.findall(r"(?:extraObjects and \S+|\S+ and extraObjects) both make the (\S+) (\S+): rename one", said)
    )
    assert refused == wanted
    text = yaml.safe_dump({"global": {"nimhelm": shared}, "extraObjects": extra, **services})
    (document,), _ = read_content("values.yaml", text.encode())
    found = [each for each in check_merged(document, schema_of(list(services))) if each.code == "NH027"]
    places = [extra[int(each.field.split("[")[1].split("]")[0])] for each in found]
    assert {(each["kind"], each["metadata"]["name"]) for each in places} == wanted


@pytest.mark.parametrize("what", ["scripts", "nimpipeline"])
def test_an_object_of_the_user_beside_one_of_the_pipeline(refusal: Callable[..., str], what: str) -> None:
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"r-demo-{what}"}, "data": {}}
    assert f"both make the ConfigMap r-demo-{what}: rename one" in refusal(
        {"llm": spec()}, "--set=global.nimhelm.waitEnabled=true", extraObjects=[one]
    )
