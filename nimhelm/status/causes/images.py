"""Images that cannot be pulled, for a gate or for the service itself."""

from __future__ import annotations

import re

from nimhelm.imagereference import split_host
from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.containers import waiting_containers
from nimhelm.status.causes.gates import is_gate
from nimhelm.status.evidence import Case, main_of, message_of
from nimhelm.wording import short

NOT_PULLED = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
)
"""Why a container waits whose image cannot be had."""

# What runtimes and registries say, and what it means. The first that matches counts: a 401 while fetching a token
# for an image that does not exist reads like both, and the credentials are the likelier fault.
MEANINGS = (
    (r"402 Payment Required|status(?: code)?:? 402", "ImagePullPaymentRequired", "402 (no licence for it) from {host}"),
    (
        r"\b401\b|unauthorized|authentication required|no basic auth|incorrect username",
        "ImagePullUnauthorized",
        "401 from {host}",
    ),
    (r"\b403\b|denied: |forbidden", "ImagePullForbidden", "403 from {host}"),
    (
        r"insufficient_scope|pull access denied|authorization failed",
        "ImagePullForbidden",
        "access denied by {host}",
    ),
    (r"\b429\b|toomanyrequests|rate limit", "ImagePullRateLimited", "429 from {host}: too many requests"),
    (r"pull QPS exceeded", "ImagePullRateLimited", "the kubelet pulls as many images as it may"),
    (
        r"(?:status|code|request to \S+)(?: \[[^\]]*\])?:? 5\d\d\b|stopped after \d+ redirects",
        "RegistryUnreachable",
        "{host} answers with an error of its own",
    ),
    (
        r"media type text/|invalid character '<'",
        "RegistryUnreachable",
        "what answers as {host} is no registry: a proxy or a login page?",
    ),
    (
        r"no match for platform|no matching manifest|exec format",
        "ImagePlatform",
        "{image} is not built for the node's platform",
    ),
    (r"manifest unknown|not found|\b404\b|does not exist", "ImageNotFound", "{image} not found"),
    (r"no space left on device", "NodeDiskFull", "no space left on the node's disk"),
    (r"proxyconnect", "RegistryUnreachable", "the node's proxy does not answer"),
    (r"certificate has expired", "RegistryTLS", "the certificate of {host} has expired, or the node's clock is wrong"),
    (r"certificate is (?:valid for|not valid for any)", "RegistryTLS", "the certificate of {host} is for another name"),
    (
        r"server gave HTTP response to HTTPS|does not look like a TLS handshake",
        "RegistryTLS",
        "{host} speaks HTTP, and the node wants HTTPS",
    ),
    (r"x509|certificate", "RegistryTLS", "the node does not trust {host}"),
    (
        r"no such host|name resolution|server misbehaving|dial tcp: lookup",
        "RegistryDNS",
        "the node cannot resolve {host}",
    ),
    (
        r"timeout|timed out|deadline exceeded|refused|unreachable|no route to host|connection reset|EOF",
        "RegistryUnreachable",
        "no answer from {host}",
    ),
)
# The frame around what the registry said.
_FRAME = re.compile(
    r'(?:Back-off pulling image "[^"]*": ErrImagePull|Failed to pull image "[^"]*"|rpc error: code = \w+ desc =|'
    r'failed to pull and unpack image "[^"]*"|failed to resolve reference "[^"]*"):? '
)
_CREDENTIALS = ("ImagePullPaymentRequired", "ImagePullUnauthorized", "ImagePullForbidden")


def image_pull(case: Case, pod: ko.Object) -> Cause | None:
    """A container that waits for an image which does not come."""
    for status, reason, message in waiting_containers(pod):
        if reason in NOT_PULLED:
            said = _said(case, pod, ko.text(status, "image"), message)
            found = _cause(case, pod, reason, ko.text(status, "image"), said)
            return _of_gates(case, pod, status, found) or _of_another(case, pod, status, found)
    return None


def _of_another(case: Case, pod: ko.Object, status: ko.Object, found: Cause) -> Cause:
    """The same for a container that is not the NIM's own: whose image it is."""
    name = ko.text(status, "name")
    if name == main_of(case, pod) or is_gate(case.service, name):
        return found
    return found._replace(text=f"image of container {short(name)}: {found.text.removeprefix('image pull: ')}")


def _of_gates(case: Case, pod: ko.Object, status: ko.Object, found: Cause) -> Cause | None:
    """The same for an image that only the gates need: the way out is another one, from a registry that answers."""
    image = ko.text(status, "image") or ko.text(_container(pod, ko.text(status, "name")), "image")
    own = [ko.text(each, "image") for each in ko.items(pod, "spec", "containers")]
    if not is_gate(case.service, ko.text(status, "name")) or image in own:
        return None
    text = f"the gates' image {short(image)} cannot be pulled: {found.text.removeprefix('image pull: ')}"
    if found.code in _CREDENTIALS:
        return found._replace(text=text)
    return found._replace(text=f"{text} (value global.nimhelm.waitImage)", next=steps.wait_image(case.evidence))


def _container(pod: ko.Object, name: str) -> ko.Object:
    every = ko.items(pod, "spec", "initContainers") + ko.items(pod, "spec", "containers")
    return next((each for each in every if ko.text(each, "name") == name), {})


def _said(case: Case, pod: ko.Object, image: str, message: str) -> str:
    """The pull's error. In back-off, older kubelets keep it in the event only."""
    if not message.startswith("Back-off pulling image") or "ErrImagePull:" in message:
        return message
    events = case.evidence.events_of("Pod", ko.name_of(pod), "Failed")
    errors = [message_of(event) for event in events if message_of(event).startswith("Failed to pull image")]
    return next((error for error in errors if image in error), errors[0] if errors else message)


def _cause(case: Case, pod: ko.Object, reason: str, image: str, said: str) -> Cause:
    image = image or case.service.image
    host = registry_of(image)
    if reason == "InvalidImageName":
        return Cause(
            reason, f"image pull: {short(image)} is no valid image name", FAILED, short(said, 600), _look(case, pod)
        )
    if reason == "ErrImageNeverPull":
        text = f"image pull: {short(image)} is not on the node and pullPolicy is Never"
        return Cause(reason, text, FAILED, short(said, 600), _look(case, pod))
    # The image's own name must not decide what the registry said of it ("…/x509-proxy: timeout").
    bare = said.replace(image, "") if image else said
    for pattern, code, text in MEANINGS:
        if re.search(pattern, bare, re.IGNORECASE):
            return _meant(case, pod, code, text.format(host=host, image=short(image)), image)._replace(
                detail=short(said, 600)
            )
    return Cause(
        reason, f"image pull: {short(_FRAME.sub('', said)) or reason}", FAILED, short(said, 600), _look(case, pod)
    )


def _meant(case: Case, pod: ko.Object, code: str, text: str, image: str) -> Cause:
    """The cause for an error that is understood, with the step that fits it."""
    host = registry_of(image)
    if code in _CREDENTIALS:
        return _credentials(case, pod, code, text, host)
    if code == "ImagePlatform":
        step = steps.cluster(case.evidence, "get", "nodes", "-L", "kubernetes.io/arch")
        return Cause(code, f"image pull: {text}", FAILED, next=step)
    node = ko.text(pod, "spec", "nodeName")
    if code == "NodeDiskFull" and node:
        return Cause(code, f"image pull: {text}", FAILED, next=steps.cluster(case.evidence, "describe", "node", node))
    state = NOT_READY if code == "ImagePullRateLimited" else FAILED
    return Cause(code, f"image pull: {text}", state, next=_look(case, pod))


def _credentials(case: Case, pod: ko.Object, code: str, text: str, host: str) -> Cause:
    secrets = [ko.text(each, "name") for each in ko.items(pod, "spec", "imagePullSecrets")] or list(
        case.service.pull_secrets
    )
    secrets = [secret for secret in secrets if secret]
    absent = _absent_secrets(case, pod)
    secret = next((each for each in secrets if each in absent), secrets[0] if secrets else "")
    if not secret:
        step = steps.another_login(case, [], host)
        return Cause(code, f"image pull: {text}, and the pod has no pull secret", FAILED, next=step)
    if secret in absent:
        step = steps.then_restart(case, steps.pull_secret(case.evidence, secret, host))
        text = f"image pull: {text} for secret {short(secret)} (the secret does not exist)"
        return Cause(code, text, FAILED, next=step)
    step = steps.another_login(case, secrets, host)
    return Cause(code, f"image pull: {text} for secret {short(secret)}", FAILED, next=step)


def _absent_secrets(case: Case, pod: ko.Object) -> set[str]:
    """The pull secrets the kubelet did not find: "Unable to retrieve some image pull secrets (a, b); attempting …"."""
    found: set[str] = set()
    for event in case.evidence.events_of("Pod", ko.name_of(pod), "FailedToRetrieveImagePullSecret"):
        if match := re.search(r"secrets \(([^)]*)\)", message_of(event)):
            found.update(name.strip() for name in match[1].split(","))
    return found


def registry_of(image: str) -> str:
    """The registry's host: "nvcr.io/nim/x:1" -> "nvcr.io", "busybox" -> "docker.io"."""
    return short(split_host(image)[0])


def _look(case: Case, pod: ko.Object) -> str:
    return steps.describe(case, "pod", ko.name_of(pod))
