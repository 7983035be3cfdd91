"""Whether objects of the chart exist already, whose they are, and whether a release of that name does."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds, skipped
from nimhelm.status import kubeobject as ko
from nimhelm.status.owners import is_applied, taken_over
from nimhelm.wording import short

_OPERATOR = "apps.nvidia.com/"
_APPLIES = 4
"""The helm that applies on the server, where each field has an owner."""


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """The release's record, then each object that is there and is not the release's."""
    yield from _release(cluster)
    taken = []
    for each in rendered.objects:
        if "helm.sh/hook" in ko.mapping(each, "metadata", "annotations"):
            continue  # helm replaces hooks, and marks none as its own
        existing = _existing(cluster, each)
        if existing and not _is_ours(cluster, existing):
            taken.append(_taken(cluster, each, existing))
        elif existing and cluster.helm_major >= _APPLIES:
            yield from _by_hand(cluster, each, existing)
    yield from taken
    seen = {ko.text(each, "kind") for each in rendered.objects if cluster.knows(ko.text(each, "kind"))}
    if not taken and seen:
        yield holds("names", f"no object of another owner has a name of the chart's ({len(seen)} kinds looked at)")


def _existing(cluster: Cluster, value: ko.Object) -> ko.Object | None:
    place = ko.text(value, "metadata", "namespace")
    if place and place != cluster.reach.namespace:
        return None
    found = cluster.named(ko.text(value, "kind"), ko.name_of(value))
    same = found and ko.text(found, "apiVersion").partition("/")[0] == ko.text(value, "apiVersion").partition("/")[0]
    return found if found and (same or not ko.text(found, "apiVersion")) else None


def _is_ours(cluster: Cluster, existing: ko.Object) -> bool:
    note = ko.mapping(existing, "metadata", "annotations")
    return (
        note.get("meta.helm.sh/release-name") == cluster.reach.release
        and note.get("meta.helm.sh/release-namespace") == cluster.reach.namespace
        and ko.label(existing, "app.kubernetes.io/managed-by") == "Helm"
    )


def _taken(cluster: Cluster, value: ko.Object, existing: ko.Object) -> Check:
    kind, name = ko.text(value, "kind"), ko.name_of(value)
    owner = next((each for each in ko.items(existing, "metadata", "ownerReferences")), {})
    release = ko.text(existing, "metadata", "annotations", "meta.helm.sh/release-name")
    reach = cluster.reach
    if ko.text(owner, "apiVersion").startswith(_OPERATOR):
        whose = f"the NIM Operator ({ko.text(owner, 'kind')} {short(ko.text(owner, 'name'))})"
        step = " ".join(["nimhelm adopt", *map(quote, (reach.release, reach.chart)), "-n", quote(reach.namespace)])
    elif release:
        place = ko.text(existing, "metadata", "annotations", "meta.helm.sh/release-namespace") or reach.namespace
        whose = f"Helm release {short(release)}" + (f" of namespace {short(place)}" if place != reach.namespace else "")
        step = reach.helm("status", release)
        if place != reach.namespace:
            step = reach.kubectl("get", kind.lower(), name, "-o", "yaml")
        elif ko.text(existing, "metadata", "annotations", "helm.sh/resource-policy") == "keep":
            # It may be what a release that is gone left behind, as the claims of models. Only helm knows.
            step = f"{step} || {{ {_handover(cluster, kind, name)}; }}"
    elif owner:
        whose = f"{short(ko.text(owner, 'kind'))} {short(ko.text(owner, 'name'))}"
        step = reach.kubectl("get", kind.lower(), name, "-o", "yaml")
    else:
        whose = "no Helm release"
        step = _handover(cluster, kind, name)
    return Check(
        "names",
        FAILS,
        f"{short(kind)} {short(name)} exists and belongs to {whose}",
        "NameTaken",
        "helm refuses to take it over, and installs nothing",
        (ko.label(value, "app.kubernetes.io/name") or name,),
        step,
    )


def _by_hand(cluster: Cluster, value: ko.Object, existing: ko.Object) -> Iterator[Check]:
    """Fields of the chart to which somebody else gave another value: helm 4 stops at one in an object that it applied."""
    fields = taken_over(existing, value) if is_applied(existing) else []
    if not fields:
        return
    more = f" and {len(fields) - 3} more" if len(fields) > 3 else ""
    name = ko.name_of(value)
    text = f"{ko.text(value, 'kind')} {short(name)} was changed by hand: {', '.join(map(short, fields[:3]))}{more}"
    effect = "helm 4 stops there, unless it is told to take the fields back"
    step = cluster.reach.helm("upgrade", cluster.reach.release, *cluster.reach.chart_with(), "--force-conflicts")
    yield Check(
        "names", WARNS, text, "ChangedByHand", effect, (ko.label(value, "app.kubernetes.io/name") or name,), step
    )


def _handover(cluster: Cluster, kind: str, name: str) -> str:
    """Marks an object without an owner for the release, so that Helm takes it over."""
    reach, what = cluster.reach, f"{kind.lower()}/{name}"
    notes = (f"meta.helm.sh/release-name={reach.release}", f"meta.helm.sh/release-namespace={reach.namespace}")
    annotated = reach.kubectl("annotate", "--overwrite", what, *notes)
    return f"{annotated} && {reach.kubectl('label', '--overwrite', what, 'app.kubernetes.io/managed-by=Helm')}"


def _release(cluster: Cluster) -> Iterator[Check]:
    if cluster.helm is None:
        if not cluster.record_kind:
            text = "not checked: helm keeps its records outside of the cluster; whether the release exists is not known"
            yield skipped("names", text)
        return
    status, revision = cluster.helm
    release, reach = cluster.reach.release, cluster.reach
    said = f"release {short(release)} is {short(status)} at revision {revision}"
    if status.startswith("pending-") or status == "uninstalling":
        back = revision > 1 and status != "uninstalling"
        step = reach.helm("rollback", release) if back else reach.helm("uninstall", release)
        effect = "helm refuses: another operation is in progress, or one was interrupted"
        yield Check("names", FAILS, said, "ReleasePending", effect, (), step)
    elif status in ("failed", "uninstalled"):  # uninstalled with --keep-history
        step = reach.helm("upgrade", "--install", release, *reach.chart_with())
        effect = "helm install refuses the name; helm upgrade --install goes on from there"
        yield Check("names", WARNS, said, "ReleaseFailed", effect, (), step)
    elif status == "deployed":
        yield holds("names", f"{said}: this is judged as an upgrade of it")
