"""Lists as kubectl prints them: asked for all at once, read item by item, and reduced to what is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.kubectl import Access, end, finish, start, stream
from nimhelm.kubectlerrors import ForbiddenError, UnreachableError
from nimhelm.status import kubeobject as ko
from nimhelm.status.stream import items
from nimhelm.status.trim import trimmed

Lists = dict[str, list[ko.Object]]

# What becomes of the status when a list may not be read.
_LOST = {
    "persistentvolumeclaims": "claims that are not bound cannot be explained",
    "events": "image pulls, volumes and probes are explained less well",
    "services": "whether Services lead to the pods is not checked",
    "endpointslices": "whether Services lead to the pods is not checked",
    "namespaces": "whether the namespace is being deleted is not known",
    "nodes": "taints, free GPUs and dead nodes are not known",
    "leaderworkersets": "whether its groups are up to date is not known",
    "inferenceservices": "what KServe says of it is not known",
    "ingressclasses": "whether a controller serves the Ingress is not known",
    "ingresses": "whether a controller serves the Ingress is not known",
    "poddisruptionbudgets": "what a drain of a node waits for is not known",
    "httproutes": "whether a gateway serves the route is not known",
    "grpcroutes": "whether a gateway serves the route is not known",
    "validatingwebhookconfigurations": "which object registers a webhook is not known",
    "mutatingwebhookconfigurations": "which object registers a webhook is not known",
    "persistentvolumes": "which node a volume is on is not known",
    "jobs": "whether a caching job is still there is not known",
    "workloads": "why Kueue holds a pod is not known",
    "secrets": "Helm's own record of the release is not known",
}
# Under these names kubectl is asked, where the plain one may mean something else in a cluster.
_NAMES = {
    "endpointslices": "endpointslices.discovery.k8s.io",
    "ingresses": "ingresses.networking.k8s.io",
    "leaderworkersets": "leaderworkersets.leaderworkerset.x-k8s.io",
    "inferenceservices": "inferenceservices.serving.kserve.io",
    "workloads": "workloads.kueue.x-k8s.io",
    "httproutes": "httproutes.gateway.networking.k8s.io",
    "grpcroutes": "grpcroutes.gateway.networking.k8s.io",
}
# Of what people change by hand it is asked who set which field.
_WITH_OWNERS = ("deployments", "services")


class Asked(NamedTuple):
    """One list: `selector` selects by labels, `fields` by fields, `keep` chooses what is kept.

    A `required` list must be readable. `foreign` ones are of kinds that a cluster need not serve.
    """

    kind: str
    selector: str = ""
    fields: str = ""
    required: bool = False
    foreign: bool = False
    everywhere: bool = False
    keep: Callable[[ko.Object], bool] | None = None


def read_lists(access: Access, wanted: list[Asked]) -> tuple[Lists, list[str]]:
    """The lists, and notes on those that may not be read. Raises KubectlError for a required one."""
    running = [start(access, each.kind, _words(each)) for each in wanted]
    lists: Lists = {}
    notes = []
    try:
        for each, process in zip(wanted, running, strict=True):
            try:
                found = items(stream(access, process))
                lists[each.kind] = [trimmed(each.kind, one) for one in found if not each.keep or each.keep(one)]
            except ForbiddenError as refusal:
                if each.required:
                    raise
                notes.append(note(each.kind, refusal))
            except UnreachableError:
                raise
            except KubectlError:
                if not each.foreign:
                    raise
            except ValueError:
                # kubectl's own complaint, if it has one, says more.
                finish(access, process)
                raise UnreachableError(f"kubectl's list of {each.kind} is not JSON", "is $KUBECTL a kubectl?") from None
    finally:
        end(running)
    return lists, notes


def _words(asked: Asked) -> list[str]:
    # In one piece: by default kubectl asks for 500 objects at a time, which is a list call each.
    words = ["get", _NAMES.get(asked.kind, asked.kind), "-o", "json", "--chunk-size=0"]
    if asked.kind in _WITH_OWNERS:
        words.append("--show-managed-fields")
    if asked.everywhere:
        words.append("--all-namespaces")
    if asked.fields:
        words += ["--field-selector", asked.fields]
    return [*words, "-l", asked.selector] if asked.selector else words


def note(kind: str, refusal: ForbiddenError) -> str:
    """What the user is told of a list that may not be read."""
    return f"{refusal}: {_LOST.get(kind, 'less is known')}"
