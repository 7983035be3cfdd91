"""What kubectl complains about, in sentences with a way out. It reports errors as text only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.wording import short


class ForbiddenError(KubectlError):
    """The user may not read one kind of object."""


class UnreachableError(KubectlError):
    """The cluster does not answer, now. A watch tries again."""


class Request(NamedTuple):
    """What kubectl was asked to do: `list` `pods`, `patch` `deployment/llm`.

    `by_hand` is a command that shows more of the trouble, "" for none. `flags` are those that the command of nimhelm
    has: a hint names no other.
    """

    kind: str
    verb: str = "list"
    by_hand: str = ""
    flags: tuple[str, ...] = ()

    @property
    def right(self) -> str:
        """The verb of RBAC."""
        return {"apply": "patch", "read": "get"}.get(self.verb, self.verb)


def explain(complaint: str, request: Request, code: int) -> KubectlError:
    """The error for what kubectl wrote to stderr while it did what was requested."""
    for pattern, make in _COMPLAINTS:
        if match := re.search(pattern, complaint, re.IGNORECASE):
            error = make(match, request)
            error.__cause__ = KubectlError(_sentence(complaint))
            return error
    said = _sentence(complaint) or f"it ended with {code} and said nothing"
    hint = f"try it by hand: {request.by_hand}" if request.by_hand else "does kubectl cluster-info reach the cluster?"
    error = KubectlError(f"kubectl cannot {request.verb} {short(request.kind)}: {said}", hint)
    error.__cause__ = KubectlError(said)
    return error


def longer(request: Request) -> str:
    """How to be more patient."""
    return "give it longer with --request-timeout" if "request-timeout" in request.flags else "try again"


def _sentence(complaint: str) -> str:
    """The last line that says something; klog lines before it repeat it."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    told = [line for line in lines if not re.match(r"[EWI]\d{4} ", line)] or lines
    return short(re.sub(r"^(?:error|Unable to connect to the server): ", "", told[-1]), 400) if told else ""


def _forbidden(match: re.Match[str], request: Request) -> KubectlError:
    """Names the right that is missing, as `kubectl auth can-i` would be asked for it."""
    resource, namespace = short(match["resource"]), short(match["namespace"] or "")
    named = resource + (f".{short(match['group'])}" if match["group"] else "")
    where = f"in namespace {namespace}" if namespace else "in the cluster"
    can_i = f"kubectl auth can-i {match['verb']} {named}" + (f" -n {namespace}" if namespace else " -A")
    return ForbiddenError(
        f"{short(match['user'])} may not {match['verb']} {named} {where}", f"ask for that right; check with: {can_i}"
    )


def _forbidden_plainly(match: re.Match[str], request: Request) -> KubectlError:
    return ForbiddenError(
        f"you may not {request.verb} {short(request.kind)}",
        f"ask for the right to {request.right} it; kubectl auth can-i --list shows your rights",
    )


def _unauthorized(match: re.Match[str], request: Request) -> KubectlError:
    return KubectlError(
        "the cluster does not know you (401)", "log in again: the token or certificate has expired or is wrong"
    )


def _context(match: re.Match[str], request: Request) -> KubectlError:
    name = next((group for group in match.groups() if group), "")
    return KubectlError(f"there is no context {short(name)}", "kubectl config get-contexts lists them")


def _refused(match: re.Match[str], request: Request) -> KubectlError:
    server = short(match[1])
    if "localhost:8080" in server or "127.0.0.1:8080" in server:
        flag = " or pass --kubeconfig" if "kubeconfig" in request.flags else ""
        hint = f"kubectl has no cluster configured: set KUBECONFIG{flag}"
    else:
        hint = "is the cluster up, and the address in the kubeconfig right? kubectl cluster-info tells"
    return UnreachableError(f"the cluster at {server} refuses the connection", hint)


def _no_answer(match: re.Match[str], request: Request) -> KubectlError:
    return UnreachableError("the cluster did not answer in time", f"is it slow or behind a VPN? {longer(request)}")


def _no_host(match: re.Match[str], request: Request) -> KubectlError:
    return UnreachableError(
        f"the cluster's host {short(match[1])} is not known", "is the VPN up, and the address in the kubeconfig right?"
    )


def _untrusted(match: re.Match[str], request: Request) -> KubectlError:
    return KubectlError(
        f"the cluster's certificate is not trusted: {short(match[0])}", "does the kubeconfig belong to this cluster?"
    )


def _plugin(match: re.Match[str], request: Request) -> KubectlError:
    return KubectlError(
        f"the kubeconfig's login plugin fails: {short(match[0], 300)}", "log in with the tool of your cloud provider"
    )


def _kubeconfig(match: re.Match[str], request: Request) -> KubectlError:
    hint = "check --kubeconfig and $KUBECONFIG" if "kubeconfig" in request.flags else "check $KUBECONFIG"
    return KubectlError(f"the kubeconfig cannot be read: {short(match[0], 300)}", hint)


def _overloaded(match: re.Match[str], request: Request) -> KubectlError:
    return UnreachableError(f"the cluster cannot answer now: {short(match[0], 300)}", "try again in a while")


def _lost(match: re.Match[str], request: Request) -> KubectlError:
    return UnreachableError(
        f"the connection to the cluster broke: {short(match[0], 300)}", "kubectl cluster-info tells whether it is up"
    )


# From the surest mark to the vaguest. "(Forbidden)" and its like are the API's reasons and are not translated.
_COMPLAINTS: tuple[tuple[str, Callable[[re.Match[str], Request], KubectlError]], ...] = (
    (
        r'\(Forbidden\).*?User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)"'
        r' in API group "(?P<group>[^"]*)"'
        r'(?: in the namespace "(?P<namespace>[^"]*)"| at the cluster scope)?',
        _forbidden,
    ),
    (r"\(Forbidden\)", _forbidden_plainly),
    (r"\(Unauthorized\)|must be logged in to the server|asked for the client to provide credentials", _unauthorized),
    (r'context "([^"]*)" does not exist|context was not found for specified context: (\S+)', _context),
    (r"getting credentials: .*|exec: executable \S+ (?:not found|failed).*", _plugin),
    (r"The connection to the server (\S+) was refused", _refused),
    (r"dial tcp ([^\s:]+(?::\d+)?): connect: connection refused", _refused),
    (r"lookup (\S+?)(?: on \S+)?: (?:no such host|server misbehaving|Temporary failure)", _no_host),
    (r"x509: .*|certificate (?:is|has|signed).*|server gave HTTP response to HTTPS client", _untrusted),
    (
        r"i/o timeout|TLS handshake timeout|deadline exceeded|Client\.Timeout|\(Timeout\)|request did not complete",
        _no_answer,
    ),
    (
        r"\((?:ServiceUnavailable|TooManyRequests|InternalError|ServerTimeout)\).*|unable to handle the request.*",
        _overloaded,
    ),
    (r"error loading config file.*|stat \S+: no such file.*|invalid configuration.*", _kubeconfig),
    (r"unexpected EOF|: EOF|connection reset.*|broken pipe|no route to host|network is unreachable|http2: .*", _lost),
)


def no_release(release: str, namespace: str, others: list[str]) -> KubectlError:
    """Nothing of that name. The other pipelines of the namespace may be what was meant."""
    where = f" in namespace {short(namespace)}" if namespace else " in the current namespace"
    if others:
        return KubectlError(
            f"there is no release {short(release)}{where}", f"pipelines there: {short(', '.join(others), 300)}"
        )
    return KubectlError(
        f"there is no release {short(release)}{where}", "is it in another one? helm list -A shows where, -n says so"
    )


def namespace_leaves(namespace: str, why: str) -> KubectlError:
    """The namespace is being deleted; `why` is what the server says holds it, or ""."""
    held = f": {short(why, 400)}" if why else ""
    step = f"kubectl get namespace {namespace} -o yaml shows what holds it; install again once it is gone"
    return KubectlError(f"namespace {short(namespace)} is being deleted{held}", step)


def not_ours(release: str, namespace: str) -> KubectlError:
    """Helm knows the release, and it carries no graph."""
    where = f" in namespace {short(namespace)}" if namespace else ""
    return KubectlError(
        f"release {short(release)}{where} was not installed from a chart that nimhelm built",
        f"its chart has no ConfigMap with the label nimhelm.dev/graph; helm status {short(release)} shows what there is",
    )


def no_namespace(namespace: str) -> KubectlError:
    """The namespace itself does not exist, or its name is misspelt."""
    return KubectlError(f"there is no namespace {short(namespace)}", "kubectl get namespaces lists them")
