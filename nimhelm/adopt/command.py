"""`nimhelm adopt`: takes the objects of a pipeline that the operator runs over into a Helm release, without downtime.

Dry by default. With `yes`: objects get Helm's marks and lose the operator's ownership, helm installs the chart over
them, and then the operator's own resources are deleted, which by now own nothing. Running it again goes on where it
stopped. The operator must be stopped meanwhile, or it would take its objects back.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

from nimhelm.adopt.changes import (
    FIELD_MANAGER,
    REFUSE,
    TAKE_OVER,
    Change,
    Object,
    changes,
    field_patch,
    identity,
    ownership_patch,
    report,
)
from nimhelm.adopt.resources import (
    cache_lines,
    caches_of,
    is_taken,
    items_of,
    operator_resources,
    owners_of,
    requires_keys,
    resource_name,
    returning,
)
from nimhelm.chart.build import PIPELINE_ANNOTATION
from nimhelm.chart.obtain import document_of
from nimhelm.chart.read import read_chart
from nimhelm.errors import KubectlError, LoadError
from nimhelm.helm import helm_major, objects_of, run_helm
from nimhelm.kubectl import Access, run
from nimhelm.pipeline import dig

WORKLOADS = ("Deployment", "LeaderWorkerSet", "InferenceService")
BUILT_IN_GROUPS = frozenset((
    "", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io",
    "scheduling.k8s.io",
))  # fmt: skip
"""API groups of Kubernetes' own objects in a chart."""
OPERATOR_LABEL = "app.kubernetes.io/name=k8s-nim-operator"
REQUEST_SECONDS = 60.0
KEEP_PODS = "global.nimhelm.keepOperatorPods=true"


class Target(NamedTuple):
    """The release, where it goes, and the values files that go with its chart. `filled` names caches that hold a model."""

    release: str
    chart: str
    namespace: str
    context: str = ""
    values: tuple[str, ...] = ()
    keep_pods: bool = True
    filled: tuple[str, ...] = ()
    require_keys: bool = False

    def helm_flags(self) -> list[str]:
        """The flags that helm template and helm upgrade share, values files aside."""
        flags = [f"--namespace={self.namespace}"]
        for name in self.filled:
            key = "nimCaches." + name.replace(".", "\\.")
            flags.append(f"--set={key}.filled=true,{key}.filledBy=job")
        if self.require_keys:
            flags.append("--set=global.nimhelm.requireKeys=true")
        return [*flags, f"--set={KEEP_PODS}"] if self.keep_pods else flags


def adopt(target: Target, yes: bool = False, timeout: str = "10m", quiet: bool = False) -> int:
    """Show what adopting would do, under `quiet` only what prevents it; do it under `yes`.

    Returns 0, or 1 when an object belongs to somebody else.

    Raises NimhelmError when helm or kubectl fails; what was done by then stays, and a further run goes on from there.
    """
    pipeline = pipeline_name(target.chart)
    resources = operator_resources(target.namespace, target.context)
    caches = caches_of(target.chart, resources)
    target = target._replace(filled=tuple(name for name, state in caches.items() if state == "Ready"))
    live = live_objects(target, render(target))
    target = target._replace(require_keys=target.keep_pods and requires_keys(live))
    rendered = render(target)
    found = changes(rendered, live, dry_run(target, rendered), target.release, target.namespace)
    taken = [item for item in resources if is_taken(item, pipeline, owners_of(live))]
    refused = [change for change in found if change.action == REFUSE]
    if quiet:
        sys.stdout.write(report(refused))
    else:
        print(f"{target.release} in {target.namespace}: {len(rendered)} objects")
        sys.stdout.write(report(found))
        print(f"  deletes    {', '.join(map(resource_name, taken)) or 'no resource of the operator'}")
        for line in [*cache_lines(caches), *returning(taken)]:
            print(f"  {line}")
    if refused:
        print("nothing was changed: an object belongs to somebody else", file=sys.stderr)
        return 1
    running = operator_deployments(target)
    if not yes:
        for line in next_steps(running) if not quiet else ():
            print(line)
        return 0
    if running:
        raise KubectlError(
            "the operator is running and would take its objects back", "\n  ".join(stop_commands(running))
        )
    take(target, rendered, found, [resource_name(item) for item in taken], timeout)
    if not quiet:
        print(f"adopted; nimhelm status {target.release} -n {target.namespace}")
    return 0


def take(target: Target, rendered: list[Object], found: list[Change], resources: list[str], timeout: str) -> None:
    """Change the owner of every object, install the chart over them, delete the operator's resources."""
    patch = json.dumps(ownership_patch(target.release, target.namespace))
    for change in found:
        if change.action == TAKE_OVER:
            kubectl(target, "patch", f"{resource_of(change)}/{change.name}", "--type=merge", f"--patch={patch}")
    command = ["upgrade", "--install", *target.helm_flags(), *_context(target), f"--timeout={timeout}"]
    major = helm_major()
    if major > 3:
        # Helm 4 applies on the server, where the operator's fields are still its own.
        command.append("--force-conflicts")
    run_helm(*command, names=(target.release, target.chart), values=target.values, timeout=None)
    if major == 3:
        apply_custom_resources(target)
    for item in live_objects(target, rendered):
        claims = field_patch(item)
        if claims:
            kind, name = identity(item)
            kubectl(target, "patch", f"{kind.lower()}/{name}", "--type=merge", f"--patch={json.dumps(claims)}")
    for resource in resources:
        kubectl(target, "patch", resource, "--type=merge", '--patch={"metadata":{"finalizers":null}}')
        kubectl(target, "delete", resource, "--cascade=orphan", "--ignore-not-found", "--wait=false")


def apply_custom_resources(target: Target) -> None:
    """Give the release's custom resources what its manifest says, as the dry run did.

    Helm 3 compares a custom resource with its previous manifest only. For one that it takes over it has none, and so
    it would leave the operator's labels and fields in place.
    """
    manifest = run_helm(
        "get", "manifest", f"--namespace={target.namespace}", *_context(target), names=(target.release,)
    )
    custom = [
        item for item in objects_of(manifest) if str(item.get("apiVersion")).rpartition("/")[0] not in BUILT_IN_GROUPS
    ]
    if custom:
        flags = ["--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}"]
        kubectl(target, "apply", *flags, "-f", "-", stdin=as_list(custom))


def _context(target: Target) -> list[str]:
    return [f"--kube-context={target.context}"] if target.context else []


def resource_of(change: Change) -> str:
    """A Change's kind as kubectl's resource name."""
    return change.kind.lower()


def pipeline_name(chart: str) -> str:
    """The pipeline that a chart was generated from. Raises LoadError for another chart."""
    about = document_of(f"{chart}/Chart.yaml", read_chart(Path(chart))["Chart.yaml"])
    name = dig(about, "annotations", PIPELINE_ANNOTATION)
    if not isinstance(name, str):
        raise LoadError(f"{chart} was not generated by nimhelm", "build it with nimhelm build")
    return name


def render(target: Target) -> list[Object]:
    """The objects of the chart, hooks left out."""
    names = (target.release, target.chart)
    return objects_of(run_helm("template", *target.helm_flags(), "--no-hooks", names=names, values=target.values))


def live_objects(target: Target, rendered: list[Object]) -> list[Object]:
    """Those of the rendered objects that exist, in one call."""
    text = kubectl(
        target, "get", "-f", "-", "-o", "json", "--ignore-not-found", "--show-managed-fields", stdin=as_list(rendered)
    )
    return items_of(text)


def dry_run(target: Target, rendered: list[Object]) -> list[Object]:
    """What the API server would make of the workloads, if helm applied them now."""
    workloads = [item for item in rendered if item["kind"] in WORKLOADS]
    if not workloads:
        return []
    flags = ["--server-side", "--dry-run=server", "--force-conflicts", f"--field-manager={FIELD_MANAGER}", "-o", "json"]
    return items_of(kubectl(target, "apply", *flags, "-f", "-", stdin=as_list(workloads)))


def operator_deployments(target: Target) -> list[tuple[str, str]]:
    """Namespace and name of the operator's Deployments that have replicas."""
    text = kubectl(target._replace(namespace=""), "get", "deployments", "-A", "-l", OPERATOR_LABEL, "-o", "json")
    running = [item for item in items_of(text) if dig(item, "spec", "replicas")]
    return [(str(dig(item, "metadata", "namespace")), str(dig(item, "metadata", "name"))) for item in running]


def stop_commands(running: list[tuple[str, str]]) -> list[str]:
    """How to stop the operator."""
    return [f"kubectl scale deployment {name} -n {namespace} --replicas=0" for namespace, name in running]


def next_steps(running: list[tuple[str, str]]) -> list[str]:
    """What to do after a dry run."""
    return [*(f"first: {command}" for command in stop_commands(running)), "nothing was changed; --yes does it"]


def as_list(items: list[Object]) -> str:
    """Objects as one List, for kubectl's standard input."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def kubectl(target: Target, *words: str, stdin: str | None = None) -> str:
    """kubectl's standard output. Raises KubectlError with what it said."""
    access = Access(target.namespace, target.context, timeout=REQUEST_SECONDS, flags=())
    asked = "the chart's objects" if words[1].startswith("-") else words[1].replace("/", " ")
    return run(access, asked, *words, given=stdin)
