"""Labels and annotations: whose win, and what is selected by them."""

from __future__ import annotations

from .assemble import spec
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
    assert selector["matchExpressions"] == [{"key": "nimhelm.dev/alias-of", "operator": "DoesNotExist"}]
    assert "nimhelm.dev/alias-of" not in service
    assert alias["nimhelm.dev/alias-of"] == "llm"
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


def test_labels_and_annotations_of_everything(render: Render) -> None:
    """Policies of a cluster may want them; what a service says itself wins."""
    common = {"commonLabels": {"team": "ml"}, "commonAnnotations": {"owner": "me"}}
    caches = {"c": {"source": {"ngc": {"modelPuller": "x:1"}}, "storage": {"pvc": {"create": True, "size": "1Gi"}}}}
    rendered = render({"a": spec(labels={"team": "own"}), "llm": spec()}, nimhelm=common, nimCaches=caches)
    for (kind, name), document in rendered.items():
        metadata = document["metadata"]
        assert metadata["labels"]["team"] == ("own" if metadata["labels"]["app.kubernetes.io/name"] == "a" else "ml"), (
            name
        )
        assert metadata["annotations"]["owner"] == "me", f"{kind} {name}"
    pod = rendered["Deployment", "llm"]["spec"]["template"]["metadata"]
    assert (pod["labels"]["team"], pod["annotations"]["owner"]) == ("ml", "me")
    assert rendered["ServiceAccount", "llm"]["metadata"]["labels"]["team"] == "ml"
