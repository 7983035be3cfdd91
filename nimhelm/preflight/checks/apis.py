"""Is every kind of the chart served, with what stands behind it, and is Kubernetes new enough."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

_BRINGS = {
    "ScaledObject": "KEDA",
    "ServiceMonitor": "the Prometheus Operator",
    "PrometheusRule": "the Prometheus Operator",
    "HTTPRoute": "the Gateway API",
    "GRPCRoute": "the Gateway API",
    "LeaderWorkerSet": "LeaderWorkerSet (LWS)",
    "InferenceService": "KServe",
    "InferencePool": "the Gateway API Inference Extension",
    "ComputeDomain": "the NVIDIA DRA driver",
    "ResourceClaimTemplate": "Kubernetes 1.34, or dynamic resource allocation switched on",
}
_METRICS = {
    "Resource": "metrics.k8s.io",
    "ContainerResource": "metrics.k8s.io",
    "Pods": "custom.metrics.k8s.io",
    "Object": "custom.metrics.k8s.io",
    "External": "external.metrics.k8s.io",
}
_PROVIDERS = {
    "metrics.k8s.io": "metrics-server",
    "custom.metrics.k8s.io": "prometheus-adapter or another metrics adapter",
    "external.metrics.k8s.io": "KEDA or another metrics adapter",
}
_IMAGE_VOLUMES, _IMAGE_VOLUMES_ON = 31, 35


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """The chart's kinds, metrics for its autoscalers, volumes made of images, and the chart's own refusal."""
    found = [*_kinds(rendered, cluster), *_metrics(rendered, cluster), *_image_volumes(rendered, cluster)]
    yield from found
    if rendered.refusal and not any(each.code == "APIMissing" for each in found):
        yield _refusal(rendered, cluster)
    elif not any(each.code == "APIMissing" for each in found):
        kinds = {(each.get("apiVersion"), each.get("kind")) for each in rendered.objects}
        yield holds("APIs", f"Kubernetes {short(cluster.version)} serves the {len(kinds)} kinds of the chart")


def _refusal(rendered: Rendered, cluster: Cluster) -> Check:
    said = short(rendered.refusal, 500)
    if "kubeVersion" in said or "incompatible with Kubernetes" in said:
        step = cluster.reach.kubectl("version", everywhere=True)
        return Check("APIs", FAILS, said, "KubernetesVersion", "helm refuses to install the chart", (), step)
    step = cluster.reach.helm("template", cluster.reach.release, *cluster.reach.chart_with())
    return Check(
        "APIs", FAILS, f"the chart refuses: {said}", "ChartRefused", "helm install stops with this message", (), step
    )


def _kinds(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    for each in rendered.objects:
        version, kind = ko.text(each, "apiVersion"), ko.text(each, "kind")
        if f"{version}/{kind}" in cluster.apis:
            continue
        brings = f"; {_BRINGS[kind]} brings it" if kind in _BRINGS else ""
        yield Check(
            "APIs",
            FAILS,
            f"{short(version)} {short(kind)} is not served{brings}",
            "APIMissing",
            "helm stops before it creates anything",
            (ko.label(each, "app.kubernetes.io/name") or ko.name_of(each),),
            cluster.reach.kubectl("api-resources", f"--api-group={version.rpartition('/')[0]}", everywhere=True),
        )


def _metrics(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    served = {api.partition("/")[0] for api in cluster.apis}
    for each in rendered.of("HorizontalPodAutoscaler"):
        kinds = [ko.text(metric, "type") for metric in ko.items(each, "spec", "metrics")] or ["Resource"]
        for api in sorted({_METRICS[kind] for kind in kinds if kind in _METRICS} - served):
            yield Check(
                "APIs",
                WARNS,
                f"{api} is not served; {_PROVIDERS[api]} brings it",
                "MetricsAPIMissing",
                "the autoscaler keeps the number of replicas as it is",
                (ko.name_of(each),),
                cluster.reach.kubectl("get", "apiservices", everywhere=True),
            )


def _image_volumes(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    if cluster.minor >= _IMAGE_VOLUMES_ON or not cluster.minor:
        return
    for workload in rendered.workloads:
        if any("image" in volume for volume in ko.items(workload.pod, "spec", "volumes")):
            old = cluster.minor < _IMAGE_VOLUMES
            yield Check(
                "APIs",
                FAILS if old else WARNS,
                f"volumes made of images need Kubernetes 1.{_IMAGE_VOLUMES}, and before 1.{_IMAGE_VOLUMES_ON} the feature gate "
                "ImageVolume",
                "ImageVolume",
                "the pods are refused or lack the volume",
                (workload.service,),
                cluster.reach.kubectl("version", everywhere=True),
            )
