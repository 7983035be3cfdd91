"""How a workload replaces its pods when their template changes.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
"""

from __future__ import annotations

from typing import Any

from nimhelm.status import kubeobject as ko

_MODE = "serving.kserve.io/deploymentMode"


def keeps_old_pods(workload: ko.Object) -> bool:
    """Whether a roll-out ends no old pod before a new one is ready."""
    if workload["kind"] == "InferenceService":  # a new revision of Knative, before it gets traffic
        return ko.text(workload, "metadata", "annotations", _MODE) in ("Knative", "Serverless")
    strategy = ko.mapping(workload, "spec", "strategy")
    if workload["kind"] != "Deployment" or ko.text(strategy, "type") == "Recreate":
        return False
    rolling = ko.mapping(strategy, "rollingUpdate")
    replicas = ko.number(workload, "spec", "replicas") if "replicas" in ko.mapping(workload, "spec") else 1
    surge, unavailable = (rolling.get(key, "25%") for key in ("maxSurge", "maxUnavailable"))
    # A share of a pod is a whole one more and none less. Where both are none, Kubernetes ends one pod first.
    return _hundredths(surge, replicas) > 0 and _hundredths(unavailable, replicas) < 100


def _hundredths(value: Any, replicas: int) -> int:
    """Pods, in hundredths of one: 1 -> 100, and 25% of 3 -> 75. The API server takes nothing else."""
    text = str(value)
    return int(text.removesuffix("%")) * replicas if text.endswith("%") else int(text) * 100
