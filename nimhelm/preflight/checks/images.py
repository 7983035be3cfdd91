"""Are the images there, may the pull secrets pull them, and are they made for the nodes; asked from this machine, with --pull."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from nimhelm.imagereference import Reference, parsed
from nimhelm.preflight.cluster import Cluster
from nimhelm.preflight.reduce import covers
from nimhelm.preflight.render import Rendered
from nimhelm.preflight.result import FAILS, WARNS, Check, holds
from nimhelm.registry import Registry, RegistryError
from nimhelm.status import kubeobject as ko
from nimhelm.status.fit import fits_of
from nimhelm.wording import short

_AT_ONCE = 8
FOUND, MISSING, UNAUTHORIZED, FORBIDDEN, UNKNOWN = "found", "missing", "unauthorized", "forbidden", "unknown"
_STATES = {404: MISSING, 401: UNAUTHORIZED, 403: FORBIDDEN, 402: FORBIDDEN}
_STAYS = "its pods stay in ImagePullBackOff, unless the nodes have the image already"
_CODES = {MISSING: "ImageNotFound", UNAUTHORIZED: "ImagePullUnauthorized", FORBIDDEN: "ImagePullForbidden"}


class Answer(NamedTuple):
    """What the registry says of an image. `state` is FOUND, MISSING, UNAUTHORIZED, FORBIDDEN or UNKNOWN (see `said`).

    `platforms` are such as "linux/amd64", empty where they could not be read. `status` is the HTTP status of a refusal.
    """

    state: str
    said: str = ""
    platforms: tuple[str, ...] = ()
    status: int = 0


class Use(NamedTuple):
    """An image, the pull secrets it is pulled with, and who needs it on which architectures."""

    image: str
    secrets: tuple[str, ...]
    services: tuple[str, ...]
    platforms: frozenset[str]


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """One line for each image that is not as it should be, one for all others together."""
    uses = _uses(rendered, cluster)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda use: ask(use, cluster), uses))
    found = [problem for use, answer in zip(uses, answers, strict=True) if (problem := _judged(cluster, use, answer))]
    yield from found
    if len(uses) > len(found):
        yield holds(
            "images", f"{len(uses) - len(found)} of {len(uses)} images can be pulled, as seen from this machine"
        )


def _uses(rendered: Rendered, cluster: Cluster) -> list[Use]:
    together: dict[tuple[str, tuple[str, ...]], Use] = {}
    for workload in rendered.workloads:
        spec = ko.mapping(workload.pod, "spec")
        secrets = tuple(ko.text(each, "name") for each in ko.items(spec, "imagePullSecrets"))
        fits = [fit.node for fit in fits_of(workload.pod, cluster.of("Node")) if fit.matches and not fit.blocked]
        platforms = frozenset(_platform(node) for node in cluster.of("Node") if ko.name_of(node) in fits)
        for container in ko.items(spec, "initContainers") + ko.items(spec, "containers"):
            image = ko.text(container, "image")
            known = together.get((image, secrets), Use(image, secrets, (), frozenset()))
            services = tuple(dict.fromkeys((*known.services, workload.service)))
            together[image, secrets] = known._replace(services=services, platforms=known.platforms | platforms)
    return list(together.values())


def _platform(node: ko.Object) -> str:
    return f"{ko.label(node, 'kubernetes.io/os') or 'linux'}/{ko.label(node, 'kubernetes.io/arch') or 'amd64'}"


def ask(use: Use, cluster: Cluster) -> Answer:
    """The best answer that any of the logins for the registry gets; without one it is asked as anybody."""
    image = parsed(use.image)
    if not image.valid:
        return Answer("invalid")
    answer = Answer(UNAUTHORIZED)
    for login in _logins(use, cluster, image) or [""]:
        answer = _answer(Registry(image.host, login), image)
        if answer.state not in (UNAUTHORIZED, FORBIDDEN):
            return answer
    return answer


def _answer(registry: Registry, image: Reference) -> Answer:
    try:
        return Answer(FOUND, "", _platforms(registry, image))
    except RegistryError as error:
        return Answer(_STATES.get(error.status, UNKNOWN), str(error), (), error.status)


def _platforms(registry: Registry, image: Reference) -> tuple[str, ...]:
    manifest = registry.manifest(image)
    listed = ko.items(manifest, "manifests")
    if listed:
        platforms = [
            f"{ko.text(each, 'platform', 'os')}/{ko.text(each, 'platform', 'architecture')}" for each in listed
        ]
        return tuple(dict.fromkeys(each for each in platforms if "unknown" not in each and each != "/"))
    try:
        config = registry.blob(image, ko.text(manifest, "config", "digest"))
    except RegistryError:  # that the image is there is known already
        return ()
    made_for = ko.text(config, "os"), ko.text(config, "architecture")
    return (f"{made_for[0]}/{made_for[1]}",) if all(made_for) else ()


def _logins(use: Use, cluster: Cluster, image: Reference) -> list[str]:
    """Logins of the pull secrets for the registry."""
    held = [cluster.logins.get(name, {}) for name in use.secrets]
    return [login for each in held for place, login in each.items() if covers(place, image) and login]


def _judged(cluster: Cluster, use: Use, answer: Answer) -> Check | None:
    image, host = short(use.image), parsed(use.image).host
    step = cluster.reach.again()
    if answer.state == "invalid":
        text = f"{image} is not a valid image name"
        return Check("images", FAILS, text, "InvalidImageName", "the kubelet refuses it", use.services, step)
    if answer.state in _CODES:
        return _refused(cluster, use, answer)
    if answer.state != FOUND:
        text = f"{image} is not checked: {short(answer.said)}"
        effect = "whether the nodes reach it is not known"
        step = f"curl -sS -o /dev/null -w '%{{http_code}}\\n' https://{host}/v2/" if host.isascii() else step
        return Check("images", WARNS, text, "RegistryUnreachable", effect, use.services, step)
    lacking = sorted(use.platforms - set(answer.platforms)) if answer.platforms else []
    if lacking and not use.platforms & set(answer.platforms):
        text = f"{image} is made for {', '.join(answer.platforms)}, and the nodes are {', '.join(lacking)}"
        step = cluster.reach.kubectl("get", "nodes", "-L", "kubernetes.io/arch", everywhere=True)
        return Check("images", FAILS, text, "ImagePlatform", "its containers cannot start", use.services, step)
    if lacking:
        text = f"{image} is not made for {', '.join(lacking)}, which some of the nodes are"
        step = cluster.reach.kubectl("get", "nodes", "-L", "kubernetes.io/arch", everywhere=True)
        return Check(
            "images", WARNS, text, "ImagePlatform", "pods that come to such a node cannot start", use.services, step
        )
    return None


def _refused(cluster: Cluster, use: Use, answer: Answer) -> Check:
    image = parsed(use.image)
    if not use.secrets:
        whose = "without a login"
    elif not _logins(use, cluster, image):
        whose = "without a login: no pull secret that can be read has one for it"
    else:
        whose = f"with the login of {short(', '.join(use.secrets))}"
    said = {
        MISSING: f"{short(use.image)} does not exist",
        UNAUTHORIZED: f"{image.host} refuses {short(use.image)} {whose} (401)",
        FORBIDDEN: f"{image.host} forbids {short(use.image)} {whose} ({answer.status})",
    }[answer.state]
    if answer.state == MISSING:
        step = cluster.reach.helm("show", "values", cluster.reach.chart)
    else:
        step = cluster.reach.kubectl("get", "secrets", "--field-selector=type=kubernetes.io/dockerconfigjson")
    level = WARNS if answer.state != MISSING and "Secret" in cluster.forbidden and use.secrets else FAILS
    return Check("images", level, said, _CODES[answer.state], _STAYS, use.services, step)
