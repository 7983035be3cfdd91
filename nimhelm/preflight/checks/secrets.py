"""Do the secrets, ConfigMaps and service accounts that pods name exist, with their keys; do pull secrets fit their registries."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import NamedTuple

from nimhelm.imagereference import Reference, parsed
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.reduce import PULL_TYPES, covers, host_of
from nimhelm.preflight.render import Rendered, Workload, graph_of
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.status import kubeobject as ko
from nimhelm.wording import short

_NAMES = {"Secret": "secret", "ConfigMap": "ConfigMap"}
_ABSENT = {"Secret": "SecretMissing", "ConfigMap": "ConfigMapMissing"}
_KEYLESS = {"Secret": "SecretKeyMissing", "ConfigMap": "ConfigMapKeyMissing"}


class Named(NamedTuple):
    """One mention of a secret or ConfigMap; `key` is "" where all of it is taken. A file may be binary, a variable not."""

    kind: str
    name: str
    key: str = ""
    is_file: bool = False


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """Each thing that a pod cannot start without, then pull secrets."""
    found: list[Check] = []
    seen: set[Named] = set()
    for workload in rendered.workloads:
        mentions = [each for each in dict.fromkeys(mentioned(workload.pod)) if cluster.knows(each.kind)]
        seen.update(mentions)
        found += [problem for each in mentions if (problem := _judged(rendered, cluster, workload, each))]
        found += _account(rendered, cluster, workload)
        found += _pull_secrets(rendered, cluster, workload)
    foreign = {each[:2] for each in seen if not rendered.has(each.kind, each.name)}
    found += _optional(rendered, cluster, foreign)
    yield from found
    if foreign and not any(check.level == FAILS for check in found):
        yield holds(
            "secrets", f"each secret and ConfigMap that pods need to start exists, with its keys ({len(foreign)})"
        )


def _optional(rendered: Rendered, cluster: Cluster, judged: set[tuple[str, str]]) -> Iterator[Check]:
    """Secrets of keys that a pod starts without: as with the operator, a NIM that needs no key may lack its authSecret."""
    for each in ko.items(graph_of(rendered.objects), "secrets"):
        name, services = ko.text(each, "name"), tuple(ko.texts(each, "usedBy"))
        if ("Secret", name) in judged or not cluster.knows("Secret") or rendered.has("Secret", name):
            continue
        held = cluster.named("Secret", name)
        for key in [key for key in ko.texts(each, "keys") if held is None or key not in _keys(held)]:
            absent = f"secret {short(name)} does not exist"
            text = absent if held is None else f"secret {short(name)} has no key {short(key)}"
            code = "SecretMissing" if held is None else "SecretKeyMissing"
            effect = f"the pods start without {short(key)}, and what needs a login is not downloaded"
            yield Check("secrets", WARNS, text, code, effect, services, _make(cluster, Named("Secret", name, key)))


def mentioned(pod: ko.Object) -> Iterator[Named]:
    """The secrets and ConfigMaps that keep a pod from starting when they are absent."""
    spec = ko.mapping(pod, "spec")
    mounted = set()
    for container in ko.items(spec, "initContainers") + ko.items(spec, "containers"):
        mounted |= {ko.text(each, "name") for each in ko.items(container, "volumeMounts")}
        for variable in ko.items(container, "env"):
            yield from _reference(ko.mapping(variable, "valueFrom"), "secretKeyRef", "configMapKeyRef")
        for source in ko.items(container, "envFrom"):
            yield from _reference(source, "secretRef", "configMapRef")
    # The kubelet waits for the volumes that some container mounts.
    for volume in [each for each in ko.items(spec, "volumes") if ko.text(each, "name") in mounted]:
        yield from _volume(volume)
        for source in ko.items(volume, "projected", "sources"):
            yield from _volume(source)


def _reference(holder: ko.Object, secret: str, configmap: str) -> Iterator[Named]:
    for field, kind in ((secret, "Secret"), (configmap, "ConfigMap")):
        reference = ko.mapping(holder, field)
        if ko.text(reference, "name") and not ko.true(reference, "optional"):
            yield Named(kind, ko.text(reference, "name"), ko.text(reference, "key"))


def _volume(volume: ko.Object) -> Iterator[Named]:
    for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
        source = ko.mapping(volume, field)
        name = ko.text(source, "secretName") or ko.text(source, "name")
        if name and not ko.true(source, "optional"):
            yield from [Named(kind, name, ko.text(each, "key"), True) for each in ko.items(source, "items")] or [
                Named(kind, name)
            ]


def _judged(rendered: Rendered, cluster: Cluster, workload: Workload, each: Named) -> Check | None:
    own = next((one for one in rendered.of(each.kind) if ko.name_of(one) == each.name), None)
    held = own or cluster.named(each.kind, each.name)
    kind = _NAMES[each.kind]
    if held is None:
        text, code = f"{kind} {short(each.name)} does not exist", _ABSENT[each.kind]
    elif each.key and each.key not in _keys(held, each.is_file):
        text, code = f"{kind} {short(each.name)} has no key {short(each.key)}", _KEYLESS[each.kind]
    else:
        return None
    effect = "its pods wait for it before their containers start"
    return Check("secrets", FAILS, text, code, effect, (workload.service,), _make(cluster, each))


def _keys(held: ko.Object, with_binary: bool = False) -> set[str]:
    places = ("data", "stringData", *(("binaryData",) if with_binary else ()))
    return {key for place in places for key in ko.mapping(held, place)}


def _make(cluster: Cluster, each: Named) -> str:
    if each.kind == "ConfigMap":
        # What belongs into it only its author knows.
        there = cluster.named("ConfigMap", each.name) is not None
        return cluster.reach.kubectl(*(("describe", "configmap", each.name) if there else ("get", "configmaps")))
    variable = each.key if each.key.isidentifier() else "VALUE"
    key = each.key or "VALUE"
    tail = f'--from-literal={quote(key)}="${variable}"'
    return f': "${{{variable}:?is not set}}" && ' + _applied(
        cluster, "create", "secret", "generic", each.name, tail=tail
    )


def _applied(cluster: Cluster, *words: str, tail: str) -> str:
    create = f"{cluster.reach.kubectl(*words)} {tail} --dry-run=client -o yaml"
    manager = f"--field-manager=nimhelm-{words[-1]}"
    return f"{create} | {cluster.reach.kubectl('apply', '--server-side', manager, '-f', '-')}"


def _account(rendered: Rendered, cluster: Cluster, workload: Workload) -> Iterator[Check]:
    name = ko.text(workload.pod, "spec", "serviceAccountName")
    if not name or name == "default" or not cluster.knows("ServiceAccount"):
        return
    if not rendered.has("ServiceAccount", name) and cluster.named("ServiceAccount", name) is None:
        yield Check(
            "secrets",
            FAILS,
            f"service account {short(name)} does not exist",
            "ServiceAccountMissing",
            "the API server refuses its pods",
            (workload.service,),
            cluster.reach.kubectl("create", "serviceaccount", name),
        )


def _pull_secrets(rendered: Rendered, cluster: Cluster, workload: Workload) -> Iterator[Check]:
    """Only the registry knows whether an image needs a login: without --pull these are warnings."""
    named = [ko.text(each, "name") for each in ko.items(workload.pod, "spec", "imagePullSecrets")]
    if not named or not cluster.knows("Secret"):
        return
    held: set[str] = set()
    for name in named:
        secret = cluster.named("Secret", name)
        if rendered.has("Secret", name):
            return
        if secret is None:
            text = f"pull secret {short(name)} does not exist"
            yield _pull(cluster, workload, name, "PullSecretMissing", text)
        elif ko.text(secret, "type") not in PULL_TYPES:
            text = f"secret {short(name)} is of type {short(ko.text(secret, 'type'))} and no pull secret"
            yield _pull(cluster, workload, name, "PullSecretType", text)
        held.update(ko.texts(secret, "registries"))
    for image in dict.fromkeys(images(workload)):
        if held and not any(covers(each, image) for each in held):
            host = host_of(image.host)
            # Another path of the same registry needs a login that says so.
            wanted = f"{host}/{image.repository}" if host in map(host_of, held) else host
            text = f"no pull secret holds a login for {short(wanted)}"
            yield _pull(cluster, workload, named[0], "PullSecretHost", text, host)


def images(workload: Workload) -> Iterator[Reference]:
    """The images of the service's own containers; gates use a public one."""
    for container in ko.items(workload.pod, "spec", "containers"):
        yield parsed(ko.text(container, "image"))


def _pull(cluster: Cluster, workload: Workload, name: str, code: str, text: str, host: str = "") -> Check:
    host = host or next((host_of(each.host) for each in images(workload)), "nvcr.io")
    if host == "nvcr.io":
        login = "--docker-username='$oauthtoken' --docker-password=\"$NGC_API_KEY\""
        variables = '"${NGC_API_KEY:?is not set}"'
    else:
        login = '--docker-username="$REGISTRY_USER" --docker-password="$REGISTRY_PASSWORD"'
        variables = '"${REGISTRY_USER:?is not set}" "${REGISTRY_PASSWORD:?is not set}"'
    made = name if code == "PullSecretMissing" else f"pull-{host.replace(':', '-')}"
    step = cluster.reach.kubectl("create", "secret", "docker-registry", made, f"--docker-server={host}") + f" {login}"
    if made != name:  # the pods have to name it too
        named = [ko.text(each, "name") for each in ko.items(workload.pod, "spec", "imagePullSecrets")]
        together = ",".join([*named, made])
        step += " && " + cluster.reach.again(f"global.nimhelm.imagePullSecrets={{{together}}}")
    effect = f"images of {short(host)} that need a login are not pulled"
    return Check("secrets", WARNS, text, code, effect, (workload.service,), f": {variables} && {step}")
