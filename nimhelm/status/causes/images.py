"""Images that cannot be pulled, for a gate or for the service itself."""

from __future__ import annotations

import re
from shlex import quote

from nimhelm.status import kubeobject as ko
from nimhelm.status import steps
from nimhelm.status.cause import FAILED, NOT_READY, Cause
from nimhelm.status.causes.containers import waiting_containers
from nimhelm.status.evidence import Case, message_of
from nimhelm.wording import short

_REASONS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "ImageInspectError",
    "SignatureValidationFailed",
)

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
    (
        r"no match for platform|no matching manifest|exec format",
        "ImagePlatform",
        "{image} is not built for the node's platform",
    ),
    (r"manifest unknown|not found|\b404\b|does not exist", "ImageNotFound", "{image} not found"),
    (r"no space left on device", "NodeDiskFull", "no space left on the node's disk"),
    (r"x509|certificate|server gave HTTP response to HTTPS", "RegistryTLS", "the node does not trust {host}"),
    (r"no such host|name resolution|server misbehaving", "RegistryDNS", "the node cannot resolve {host}"),
    (
        r"timeout|timed out|deadline exceeded|refused|unreachable|connection reset|EOF",
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
_NETWORK = ("RegistryTLS", "RegistryDNS", "RegistryUnreachable")


def image_pull(case: Case, pod: ko.Object) -> Cause | None:
    """A container that waits for an image which does not come."""
    for status, reason, message in waiting_containers(pod):
        if reason in _REASONS:
            said = _said(case, pod, ko.text(status, "image"), message)
            return _cause(case, pod, reason, ko.text(status, "image"), said)
    return None


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
    if code in ("ImageNotFound", "ImagePlatform"):
        return Cause(code, f"image pull: {text}", FAILED, next=f"docker manifest inspect {quote(short(image))}")
    node = ko.text(pod, "spec", "nodeName")
    if code in _NETWORK and node:
        probe = f"-- nslookup {quote(host.partition(':')[0])}"
        step = steps.command(
            case.evidence, "debug", f"node/{node}", "-it", "--image=docker.io/library/busybox:1.37.0-musl", tail=probe
        )
        return Cause(code, f"image pull: {text}", FAILED, next=step)
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
        step = steps.pull_secret(case.evidence, "ngc-secret" if host == steps.NGC_HOST else "pull-secret", host)
        made = "ngc-secret" if host == steps.NGC_HOST else "pull-secret"
        assigned = steps.set_value(case.evidence, f"global.nimhelm.imagePullSecrets={{{made}}}")
        return Cause(code, f"image pull: {text}, and the pod has no pull secret", FAILED, next=f"{step} && {assigned}")
    missing = " (the secret does not exist)" if secret in absent else ""
    step = steps.then_restart(case, steps.pull_secret(case.evidence, secret, host))
    return Cause(code, f"image pull: {text} for secret {short(secret)}{missing}", FAILED, next=step)


def _absent_secrets(case: Case, pod: ko.Object) -> set[str]:
    """The pull secrets the kubelet did not find: "Unable to retrieve some image pull secrets (a, b); attempting …"."""
    found: set[str] = set()
    for event in case.evidence.events_of("Pod", ko.name_of(pod), "FailedToRetrieveImagePullSecret"):
        if match := re.search(r"secrets \(([^)]*)\)", message_of(event)):
            found.update(name.strip() for name in match[1].split(","))
    return found


def registry_of(image: str) -> str:
    """The registry's host: "nvcr.io/nim/x:1" -> "nvcr.io", "busybox" -> "docker.io"."""
    first, slash, _ = image.partition("/")
    return short(first) if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def _look(case: Case, pod: ko.Object) -> str:
    return steps.describe(case, "pod", ko.name_of(pod))
