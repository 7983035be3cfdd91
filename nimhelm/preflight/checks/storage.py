"""Would the claims be bound: storage classes, access modes, volumes; and do the claims exist that pods name."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.preflight.checks.policing import matches
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.demand import shown
from nimhelm.preflight.placement import claims_of, reach_of, within_reach
from nimhelm.preflight.render import Rendered, Workload
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.quantity import nanos
from nimhelm.status import kubeobject as ko
from nimhelm.status.fit import fits_of
from nimhelm.wording import short

_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_ZONE = "topology.kubernetes.io/zone"
_STATIC = "kubernetes.io/no-provisioner"
_ONE_NODE = ("ReadWriteOnce", "ReadWriteOncePod")
# What the documentation of each provisioner says of volumes with a file system.
_MODES = {
    "ebs.csi.aws.com": _ONE_NODE,
    "kubernetes.io/aws-ebs": ("ReadWriteOnce",),
    "pd.csi.storage.gke.io": (*_ONE_NODE, "ReadOnlyMany"),
    "kubernetes.io/gce-pd": ("ReadWriteOnce", "ReadOnlyMany"),
    "disk.csi.azure.com": _ONE_NODE,
    "kubernetes.io/azure-disk": ("ReadWriteOnce",),
    "cinder.csi.openstack.org": _ONE_NODE,
    "rbd.csi.ceph.com": (*_ONE_NODE, "ReadOnlyMany"),
    "rook-ceph.rbd.csi.ceph.com": (*_ONE_NODE, "ReadOnlyMany"),
    "dobs.csi.digitalocean.com": _ONE_NODE,
    "linodebs.csi.linode.com": _ONE_NODE,
    "csi.hetzner.cloud": _ONE_NODE,
    "rancher.io/local-path": _ONE_NODE,
    "topolvm.io": _ONE_NODE,
    "openebs.io/local": _ONE_NODE,
}


class _Volumes:
    """The volumes of administrators that no claim has yet; each claim takes the smallest that fits, as in the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        free = [each for each in cluster.of("PersistentVolume") if ko.text(each, "status", "phase") == "Available"]
        self._free = sorted(free, key=_capacity)
        self._known = cluster.knows("PersistentVolume")
        self._taken: dict[str, bool] = {}

    def take(self, claim: ko.Object, of_class: str) -> bool:
        """Whether a volume could be bound. What may not be listed counts as there; who asks again gets the same answer."""
        name = ko.name_of(claim)
        if name not in self._taken:
            found = next((each for each in self._free if self._fits(each, claim, of_class)), None)
            self._free = [each for each in self._free if each is not found]
            self._taken[name] = found is not None or not self._known
        return self._taken[name]

    def _fits(self, volume: ko.Object, claim: ko.Object, of_class: str) -> bool:
        return (
            ko.text(volume, "spec", "storageClassName") == of_class
            and set(ko.texts(claim, "spec", "accessModes")) <= set(ko.texts(volume, "spec", "accessModes"))
            and _capacity(volume) >= _size(claim)
            and ko.text(claim, "spec", "volumeName") in ("", ko.name_of(volume))
            and ko.text(volume, "spec", "claimRef", "name") in ("", ko.name_of(claim))
            and matches(ko.mapping(claim, "spec", "selector"), ko.mapping(volume, "metadata", "labels"))
        )


def _capacity(volume: ko.Object) -> int:
    return nanos(ko.dig(volume, "spec", "capacity", "storage")) or 0


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """The chart's own claims, then those that its pods name."""
    volumes = _Volumes(cluster)
    found = [problem for claim in _new_claims(rendered, cluster) for problem in _new(rendered, cluster, volumes, claim)]
    found += [problem for claim in rendered.of("PersistentVolumeClaim") for problem in _kept(rendered, cluster, claim)]
    for workload in rendered.workloads:
        found += [
            problem for name in claims_of(workload) for problem in _named(rendered, cluster, volumes, workload, name)
        ]
        found += _elsewhere(cluster, workload)
    yield from found
    claims = rendered.of("PersistentVolumeClaim")
    named = {name for workload in rendered.workloads for name in claims_of(workload)}
    if (claims or named) and not any(check.level == FAILS for check in found) and cluster.knows("StorageClass"):
        total = sum(_size(claim) for claim in claims)
        yield holds("storage", f"{len(claims)} claims to create, {shown('storage', total)} in all; their classes exist")


def _new_claims(rendered: Rendered, cluster: Cluster) -> list[ko.Object]:
    claims = rendered.of("PersistentVolumeClaim")
    return [claim for claim in claims if not cluster.named("PersistentVolumeClaim", ko.name_of(claim))]


def users(rendered: Rendered, claim: str) -> tuple[str, ...]:
    """The services whose pods mount the claim."""
    return tuple(dict.fromkeys(each.service for each in rendered.workloads if claim in claims_of(each)))


def _size(claim: ko.Object) -> int:
    return nanos(ko.dig(claim, "spec", "resources", "requests", "storage")) or 0


def class_of(claim: ko.Object) -> str | None:
    """The class that a claim names, None where it leaves the choice to the cluster."""
    if "storageClassName" in ko.mapping(claim, "spec"):
        return ko.text(claim, "spec", "storageClassName")
    return ko.mapping(claim, "metadata", "annotations").get(_OLD_CLASS)


def default_classes(cluster: Cluster) -> list[ko.Object]:
    """The classes that are marked as the default."""
    marked = [
        ("true" in [ko.text(each, "metadata", "annotations", key) for key in _DEFAULTS], each)
        for each in cluster.of("StorageClass")
    ]
    return [each for is_default, each in marked if is_default]


def _new(rendered: Rendered, cluster: Cluster, volumes: _Volumes, claim: ko.Object) -> Iterator[Check]:
    """A claim that the install creates."""
    if not cluster.knows("StorageClass"):
        return
    name, wanted = ko.name_of(claim), class_of(claim)
    services = users(rendered, name)
    step = cluster.reach.kubectl("get", "storageclasses", everywhere=True)
    effect = "the claim stays Pending, and so do its pods"
    defaults = default_classes(cluster)
    if wanted is None:
        if not defaults:
            if not volumes.take(claim, ""):
                text = f"claim {short(name)} names no storage class, and the cluster has no default"
                yield Check("storage", FAILS, text, "NoStorageClass", effect, services, step)
            return
        if len(defaults) > 1:
            listed = ", ".join(short(ko.name_of(each)) for each in defaults)
            text = f"claims that name no storage class meet {len(defaults)} defaults: {listed}"
            yield Check("storage", WARNS, text, "SeveralDefaultClasses", "the one made last is taken", services, step)
        wanted = ko.name_of(defaults[-1])
    if volume := ko.text(claim, "spec", "volumeName"):
        if not volumes.take(claim, wanted):
            of_class = f"of the storage class {short(wanted)}" if wanted else "without a storage class"
            text = f"no free volume {short(volume)} {of_class} fits claim {short(name)}, which names it"
            step = cluster.reach.kubectl("get", "persistentvolumes", everywhere=True)
            yield Check("storage", FAILS, text, "ClaimUnbound", effect, services, step)
        return
    chosen = cluster.named("StorageClass", wanted)
    if chosen is None:
        if not volumes.take(claim, wanted):
            code = "StorageClassMissing" if wanted else "ClaimUnbound"
            text = f"storage class {short(wanted)} of claim {short(name)} does not exist"
            text = text if wanted else f'claim {short(name)} asks for no class (""), and no free volume fits it'
            yield Check("storage", FAILS, text, code, effect, services, step)
        return
    yield from _provisioned(rendered, cluster, volumes.take(claim, wanted), claim, chosen)


def _provisioned(
    rendered: Rendered, cluster: Cluster, has_volume: bool, claim: ko.Object, chosen: ko.Object
) -> Iterator[Check]:
    name, services = ko.name_of(claim), users(rendered, ko.name_of(claim))
    provisioner, title = ko.text(chosen, "provisioner"), ko.name_of(chosen)
    modes = ko.texts(claim, "spec", "accessModes")
    offered = _MODES.get(provisioner)
    refused = [mode for mode in modes if offered and mode not in offered]
    if refused and not has_volume:
        text = f"claim {short(name)} asks for {refused[0]}, which {provisioner} (class {short(title)}) does not offer"
        step = cluster.reach.kubectl("get", "storageclasses", everywhere=True)
        yield Check("storage", FAILS, text, "AccessMode", "the claim stays Pending, and so do its pods", services, step)
    if provisioner == _STATIC and not has_volume:
        text = f"class {short(title)} makes no volumes, and no free one fits claim {short(name)}"
        step = cluster.reach.kubectl("get", "persistentvolumes", everywhere=True)
        yield Check(
            "storage", FAILS, text, "ClaimUnbound", "the claim stays Pending, and so do its pods", services, step
        )
    zones = {zone for node in cluster.of("Node") if (zone := ko.label(node, _ZONE))}
    if (
        ko.text(chosen, "volumeBindingMode") != "WaitForFirstConsumer"
        and len(zones) > 1
        and set(modes) & set(_ONE_NODE)
    ):
        text = f"class {short(title)} makes volumes before it knows the pod's node, and the nodes are in {len(zones)} zones"
        step = cluster.reach.kubectl("get", "storageclass", title, "-o", "yaml", everywhere=True)
        yield Check(
            "storage",
            WARNS,
            text,
            "ZoneBinding",
            "a volume may come up in a zone without a fitting node",
            services,
            step,
        )


def _kept(rendered: Rendered, cluster: Cluster, claim: ko.Object) -> Iterator[Check]:
    """A claim of the chart that is there already, from an earlier install."""
    existing = cluster.named("PersistentVolumeClaim", ko.name_of(claim))
    if existing is None:
        return
    have, want = _size(existing), _size(claim)
    chosen = cluster.named("StorageClass", ko.text(existing, "spec", "storageClassName"))
    bound = ko.text(existing, "status", "phase") == "Bound"
    grows = bound and (chosen is None or ko.true(chosen, "allowVolumeExpansion"))
    if want == have or (want > have and grows):
        return
    name = ko.name_of(claim)
    why = "its storage class does not expand volumes" if bound else "only a claim that is bound can grow"
    if want < have:
        why = "a claim cannot shrink"
    text = (
        f"claim {short(name)} exists with {shown('storage', have)}, the chart asks for {shown('storage', want)}; {why}"
    )
    step = cluster.reach.kubectl("get", "pvc", name, "-o", "yaml")
    yield Check(
        "storage",
        FAILS,
        text,
        "ClaimSize",
        "the API server refuses the change, and helm stops",
        users(rendered, name),
        step,
    )


def _named(rendered: Rendered, cluster: Cluster, volumes: _Volumes, workload: Workload, name: str) -> Iterator[Check]:
    """A claim that a pod mounts: it exists, is bound, and its volume is where the pod may run."""
    if not cluster.knows("PersistentVolumeClaim"):
        return
    existing, services = cluster.named("PersistentVolumeClaim", name), (workload.service,)
    look = cluster.reach.kubectl("describe", "pvc", name)
    if existing is None:
        if not rendered.has("PersistentVolumeClaim", name):
            text, effect = f"claim {short(name)} does not exist", "its pods stay Pending"
            yield Check("storage", FAILS, text, "ClaimMissing", effect, services, cluster.reach.kubectl("get", "pvc"))
        for claim in rendered.of("PersistentVolumeClaim"):
            if ko.name_of(claim) == name:
                yield from _in_use(rendered, cluster, workload, claim)
        return
    phase = ko.text(existing, "status", "phase")
    if ko.text(existing, "metadata", "deletionTimestamp"):
        text, effect = f"claim {short(name)} is being deleted", "no new pod may use it"
        yield Check("storage", FAILS, text, "ClaimTerminating", effect, services, look)
    elif phase == "Lost":
        yield Check(
            "storage",
            FAILS,
            f"claim {short(name)} has lost its volume",
            "ClaimLost",
            "its pods stay Pending",
            services,
            look,
        )
    elif phase != "Bound" and cluster.knows("StorageClass"):
        chosen = cluster.named("StorageClass", class_of(existing) or "")
        late = ko.text(chosen, "volumeBindingMode") == "WaitForFirstConsumer"
        static = ko.text(chosen, "provisioner") == _STATIC
        if not late or (static and not volumes.take(existing, ko.name_of(chosen))):
            text, effect = f"claim {short(name)} is not bound", "its pods stay Pending until it is"
            yield Check("storage", FAILS, text, "ClaimUnbound", effect, services, look)
    elif phase == "Bound":
        yield from _in_use(rendered, cluster, workload, existing)


def _in_use(rendered: Rendered, cluster: Cluster, workload: Workload, claim: ko.Object) -> Iterator[Check]:
    """A claim that one pod alone may use, and one does, or several are to."""
    name = ko.name_of(claim)
    if "ReadWriteOncePod" not in ko.texts(claim, "spec", "accessModes"):
        return
    holders = [
        ko.name_of(pod)
        for pod in cluster.of("Pod")
        if ko.text(pod, "metadata", "namespace") == cluster.reach.namespace
        and not cluster.owns(pod)
        and any(
            ko.text(each, "persistentVolumeClaim", "claimName") == name for each in ko.items(pod, "spec", "volumes")
        )
    ]
    wanted = sum(each.replicas for each in rendered.workloads if name in claims_of(each))
    if holders:
        who = f"pod {short(holders[0])} uses claim {short(name)}"
    elif wanted > 1:
        who = f"{wanted} pods share claim {short(name)}"
    else:
        return
    text = f"{who}, which one pod alone may (ReadWriteOncePod)"
    step = cluster.reach.kubectl(*(("describe", "pvc", name) if holders else ("get", "pvc")))
    yield Check("storage", FAILS, text, "ClaimInUse", "its pods stay Pending", (workload.service,), step)


def _elsewhere(cluster: Cluster, workload: Workload) -> Iterator[Check]:
    """Volumes that only some nodes reach, and none of them may take the pod."""
    every, near_all = {ko.name_of(node) for node in cluster.of("Node")}, within_reach(workload, cluster)
    if near_all == every:
        return
    usable = [fit for fit in fits_of(workload.pod, cluster.of("Node")) if fit.matches and not fit.blocked]
    able = {fit.node for fit in usable if not fit.lacks}
    if not able or able & near_all:
        return
    bound = [claim for name in claims_of(workload) if (claim := cluster.named("PersistentVolumeClaim", name))]
    reached = [(claim, near) for claim in bound if (near := reach_of(cluster, claim)) < every]
    lost = next(((claim, near) for claim, near in reached if not near & able), None)
    if lost is None:
        names = ", ".join(short(ko.name_of(claim)) for claim, _ in reached)
        text = f"the volumes of claims {names} are on different nodes"
        step = cluster.reach.kubectl("get", "pvc")
    else:
        claim, near = lost
        where = f"on node {short(min(near))}" if near else "on no node of the cluster"
        why = (
            "where its pods may not run"
            if near.isdisjoint(fit.node for fit in usable)
            else "which lacks what its pods ask for"
        )
        text = f"the volume of claim {short(ko.name_of(claim))} is {where}, {why}"
        volume = ko.text(claim, "spec", "volumeName")
        step = cluster.reach.kubectl("get", "pv", volume, "-o", "yaml", everywhere=True)
    yield Check("storage", FAILS, text, "VolumeElsewhere", "its pods stay Pending", (workload.service,), step)
