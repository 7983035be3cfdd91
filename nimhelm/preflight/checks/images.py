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
_STAYS = "its pods stay in ImagePullBackOff"
# A kubelet lists this many images, the largest ones: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/
_LISTED = 50
# From here on, a kubelet asks again whether a pod may use an image that another login pulled (KubeletEnsureSecretPulledImages).
_VERIFIES = 35
_UNLISTED = "unless the nodes have the image already"
ALWAYS, NEVER = "Always", "Never"
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
    """An image, its pull policy, the pull secrets it is pulled with, and who needs it on which nodes."""

    image: str
    policy: str
    secrets: tuple[str, ...]
    services: tuple[str, ...]
    nodes: tuple[str, ...]


def check(rendered: Rendered, cluster: Cluster) -> Iterator[Check]:
    """One line for each image that is not as it should be, one for all others together."""
    uses = _uses(rendered, cluster)
    there = _on_nodes(cluster)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda use: ask(use, cluster) if use.policy != NEVER else Answer(NEVER), uses))
    judged = [(use, answer, _judged(cluster, use, answer, there)) for use, answer in zip(uses, answers, strict=True)]
    yield from (problem for _, _, problem in judged if problem)
    fine = [answer for _, answer, problem in judged if not problem]
    pulled = sum(answer.state == FOUND for answer in fine)
    if pulled:
        yield holds("images", f"{pulled} of {len(uses)} images can be pulled, as seen from this machine")
    if len(fine) > pulled:
        yield holds("images", f"{len(fine) - pulled} of {len(uses)} images are not pulled: the nodes have them already")


def _on_nodes(cluster: Cluster) -> dict[str, set[Reference]]:
    """The images that each node says it has, by their tags and by their digests."""
    return {
        ko.name_of(node): {
            _as_named(parsed(name)) for each in ko.items(node, "status", "images") for name in ko.texts(each, "names")
        }
        for node in cluster.of("Node")
    }


def _as_named(image: Reference) -> Reference:
    """Where a digest is written, the tag beside it does not count."""
    return image._replace(tag="") if image.digest else image


def _uses(rendered: Rendered, cluster: Cluster) -> list[Use]:
    together: dict[tuple[str, str, tuple[str, ...]], Use] = {}
    for workload in rendered.workloads:
        spec = ko.mapping(workload.pod, "spec")
        secrets = tuple(ko.text(each, "name") for each in ko.items(spec, "imagePullSecrets"))
        fits = [fit.node for fit in fits_of(workload.pod, cluster.of("Node")) if fit.matches and not fit.blocked]
        for image, policy in dict.fromkeys(_images(spec)):
            known = together.get((image, policy, secrets), Use(image, policy, secrets, (), ()))
            services = tuple(dict.fromkeys((*known.services, workload.service)))
            nodes = tuple(dict.fromkeys((*known.nodes, *fits)))
            together[image, policy, secrets] = known._replace(services=services, nodes=nodes)
    return list(together.values())


def _images(spec: ko.Object) -> Iterator[tuple[str, str]]:
    """(image, pull policy) of each container and each volume; what is left out depends on the tag."""
    named = [
        (ko.text(each, "image"), ko.text(each, "imagePullPolicy"))
        for place in ("initContainers", "containers")
        for each in ko.items(spec, place)
    ]
    volumes = [ko.mapping(each, "image") for each in ko.items(spec, "volumes")]
    named += [(ko.text(each, "reference"), ko.text(each, "pullPolicy")) for each in volumes if each]
    for image, policy in named:
        reference = parsed(image)
        latest = reference.tag == "latest" and not reference.digest
        yield image, policy or (ALWAYS if latest else "IfNotPresent")


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


def _judged(cluster: Cluster, use: Use, answer: Answer, there: dict[str, set[Reference]]) -> Check | None:
    """What is wrong with the image, as far as the nodes have to pull it."""
    wanted = _as_named(parsed(use.image))
    lacking = tuple(node for node in use.nodes if wanted not in there[node])
    have = len(use.nodes) - len(lacking)
    if use.policy != ALWAYS and use.nodes and not lacking and answer.state != "invalid":
        locked = answer.state in (UNAUTHORIZED, FORBIDDEN) and cluster.minor >= _VERIFIES
        return _refused(cluster, use, answer)._replace(level=WARNS) if locked else None
    if answer.state == NEVER:
        found = _not_there(cluster, use)
    else:
        found = _pulled(cluster, use._replace(nodes=lacking if use.policy != ALWAYS else use.nodes), answer)
    more = any(len(there[node]) >= _LISTED for node in lacking)
    if found is None or found.level != FAILS or use.policy == ALWAYS or not (have or more):
        return found
    which = f"except on the {have} of {len(use.nodes)} nodes that have the image" if have else _UNLISTED
    return found._replace(level=WARNS, effect=f"{found.effect}, {which}")


def _not_there(cluster: Cluster, use: Use) -> Check | None:
    if not use.nodes:
        return None
    text = f"{short(use.image)} is not on the nodes, and its pull policy is Never"
    step = cluster.reach.helm("show", "values", cluster.reach.chart)
    return Check("images", FAILS, text, "ErrImageNeverPull", "its containers cannot start", use.services, step)


def _pulled(cluster: Cluster, use: Use, answer: Answer) -> Check | None:
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
    platforms = {_platform(node) for node in cluster.of("Node") if ko.name_of(node) in use.nodes}
    lacking = sorted(platforms - set(answer.platforms)) if answer.platforms else []
    if lacking and not platforms & set(answer.platforms):
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
    effect = _STAYS if use.nodes or use.policy == ALWAYS else f"{_STAYS}, {_UNLISTED}"
    return Check("images", level, said, _CODES[answer.state], effect, use.services, step)
