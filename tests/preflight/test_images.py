"""Images are asked for at a real registry on loopback, with the pull secrets that the cluster has."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from nimhelm.imagereference import Reference, parsed
from nimhelm.preflight.checks import images
from nimhelm.preflight.reduce import covers, host_of, logins_of, place_of, reduced

from .world import cluster, codes, named, node, rendered, workload

USER = base64.b64encode(b"$oauthtoken:right").decode()
CONFIGS = {"amd": {"os": "linux", "architecture": "amd64"}, "arm": {"os": "linux", "architecture": "arm64"}}


class Registry(BaseHTTPRequestHandler):
    """Has public, private (token), basic, forbidden and arm images; everything else is missing."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization", "")
        self.seen.append((self.path, sent))
        if self.path.startswith("/token"):
            self.reply(200 if sent == f"Basic {USER}" else 401, {"token": "good"})
        elif "/private/" in self.path and sent != "Bearer good":
            self.reply(401, {}, f'Bearer realm="http://{self.headers["Host"]}/token",service="r"')
        elif "/basic/" in self.path and sent != f"Basic {USER}":
            self.reply(401, {}, 'Basic realm="r"')
        elif "/evil/" in self.path:
            self.reply(401, {}, 'Bearer realm="http://elsewhere.example/token"')
        elif "/forbidden/" in self.path:
            self.reply(403, {})
        elif "/broken/" in self.path:
            self.reply(500, {})
        elif "/blobs/" in self.path:
            self.reply(200, CONFIGS[self.path.rpartition("/")[2]])
        elif self.path.endswith("/manifests/both"):
            platforms = [{"platform": each} for each in CONFIGS.values()]
            self.reply(200, {"manifests": [*platforms, {"platform": {"os": "unknown", "architecture": "unknown"}}]})
        elif "/missing/" in self.path:
            self.reply(404, {})
        else:
            self.reply(200, {"config": {"digest": "arm" if "/arm/" in self.path else "amd"}})

    def reply(self, code: int, body: Any, challenge: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def checks_of(host: str, name: str, login: str = "", arch: str = "amd64") -> list[str]:
    pod = workload(containers=[{"name": "c", "image": f"{host}/{name}"}], imagePullSecrets=[{"name": "pull"}])
    nodes = node("a", labels={"kubernetes.io/os": "linux", "kubernetes.io/arch": arch})
    return codes(images.check(rendered(pod), cluster(nodes, logins={"pull": {host: login}} if login else {})))


@pytest.mark.parametrize(
    ("name", "login", "wanted"),
    [
        ("public/llm:1", "", []),
        ("public/llm:both", "", []),
        ("missing/llm:1", "", ["ImageNotFound"]),
        ("private/llm:1", "", ["ImagePullUnauthorized"]),
        ("private/llm:1", base64.b64encode(b"$oauthtoken:wrong").decode(), ["ImagePullUnauthorized"]),
        ("private/llm:1", USER, []),
        ("basic/llm:1", USER, []),
        ("basic/llm:1", "", ["ImagePullUnauthorized"]),
        ("forbidden/llm:1", USER, ["ImagePullForbidden"]),
        ("arm/llm:1", "", ["ImagePlatform"]),
        ("broken/llm:1", "", ["RegistryUnreachable"]),
        ("UPPER/llm:1", "", ["InvalidImageName"]),
    ],
)
def test_what_a_registry_says(host: str, name: str, login: str, wanted: list[str]) -> None:
    assert checks_of(host, name, login) == wanted


def test_the_architecture_is_that_of_nodes_that_may_take_the_pod(host: str) -> None:
    assert checks_of(host, "arm/llm:1", arch="arm64") == []
    assert checks_of(host, "public/llm:1", arch="arm64") == ["ImagePlatform"]
    assert checks_of(host, "public/llm:both", arch="arm64") == []


def with_image(name: str, *images: str) -> dict[str, Any]:
    """A node that says which images it has."""
    own = node(name)
    own["status"]["images"] = [{"names": [each]} for each in images]
    return reduced(own)


@pytest.mark.parametrize(
    ("policy", "on", "wanted"),
    [
        ("", (True, True), []),
        ("IfNotPresent", (True, False), ["warning"]),
        ("IfNotPresent", (False, False), ["fails"]),
        ("Always", (True, True), ["fails"]),
        ("Never", (True, True), []),
        ("Never", (True, False), ["warning"]),
        ("Never", (False, False), ["fails"]),
    ],
)
@pytest.mark.parametrize("name", ["missing/llm:1", "private/llm:1", "forbidden/llm:1", "broken/llm:1"])
def test_an_image_that_nodes_have_is_not_pulled(
    name: str, policy: str, on: tuple[bool, ...], wanted: list[str], host: str
) -> None:
    image = f"{host}/{name}"
    nodes = [with_image(f"n{number}", *([image] if has else [])) for number, has in enumerate(on)]
    container = {"name": "c", "image": image} | ({"imagePullPolicy": policy} if policy else {})
    found = images.check(rendered(workload(containers=[container])), cluster(*nodes))
    # That a registry does not answer says nothing of the image.
    levels = ["warning" if name.startswith("broken") and policy != "Never" else each for each in wanted]
    assert [each.level for each in found if each.code] == levels


def test_a_list_of_images_that_is_cut_off_is_no_proof(host: str) -> None:
    crowded = with_image("n", *(f"other:{number}" for number in range(50)))
    pod = workload(containers=[{"name": "c", "image": f"{host}/missing/llm:1"}])
    (found,) = images.check(rendered(pod), cluster(crowded))
    assert (found.level, found.code) == ("warning", "ImageNotFound")


def test_a_kubelet_that_verifies_who_pulled_may_refuse_what_is_there(host: str) -> None:
    image = f"{host}/private/llm:1"
    pod = workload(containers=[{"name": "c", "image": image}])
    (found,) = images.check(rendered(pod), cluster(with_image("n", image), version="v1.35.0"))
    assert (found.level, found.code) == ("warning", "ImagePullUnauthorized")


@pytest.mark.parametrize(
    ("image", "listed"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        (f"nvcr.io/nim/llm:1@sha256:{'0' * 64}", f"nvcr.io/nim/llm@sha256:{'0' * 64}"),
    ],
)
def test_names_of_images_are_compared_in_full(image: str, listed: str) -> None:
    pod = workload(containers=[{"name": "c", "image": image, "imagePullPolicy": "Never"}])
    assert codes(images.check(rendered(pod), cluster(with_image("n", listed)))) == []
    assert codes(images.check(rendered(pod), cluster(with_image("n")))) == ["ErrImageNeverPull"]


def test_a_login_goes_to_no_plain_http_elsewhere(host: str) -> None:
    assert checks_of(host, "evil/llm:1", USER) == ["ImagePullUnauthorized"]


def test_nobody_answers() -> None:
    assert checks_of("127.0.0.1:1", "public/llm:1") == ["RegistryUnreachable"]


@pytest.mark.parametrize(
    ("image", "wanted", "valid"),
    [
        ("busybox", Reference("docker.io", "library/busybox", "latest"), True),
        ("nvcr.io/nim/llm:1.0", Reference("nvcr.io", "nim/llm", "1.0"), True),
        ("localhost:5000/llm", Reference("localhost:5000", "llm", "latest"), True),
        (f"a.b/c:1@sha256:{'0' * 64}", Reference("a.b", "c", "1", f"sha256:{'0' * 64}"), True),
        ("nvcr.io/nim/../llm:1", Reference("nvcr.io", "nim/../llm", "1"), False),
        ("nvcr.io/nim/llm:1?x=y", Reference("nvcr.io", "nim/llm", "1?x=y"), False),
        ("", Reference("docker.io", "library/", "latest"), False),
    ],
)
def test_references(image: str, wanted: Reference, valid: bool) -> None:
    assert parsed(image) == wanted
    assert wanted.valid is valid


def pull_secret(kind: str, held: Any) -> dict[str, Any]:
    key = ".dockerconfigjson" if kind.endswith("json") else ".dockercfg"
    return named(
        "Secret", "pull", type=f"kubernetes.io/{kind}", data={key: base64.b64encode(json.dumps(held).encode()).decode()}
    )


def test_pull_secrets_are_read_and_not_kept() -> None:
    entry = {"username": "$oauthtoken", "password": "right"}
    secret = pull_secret(
        "dockerconfigjson", {"auths": {"https://nvcr.io/v2/": entry, "https://index.docker.io/v1/": {"auth": USER}}}
    )
    assert logins_of(secret) == {"nvcr.io": USER, "docker.io": USER}
    assert logins_of(pull_secret("dockercfg", {"nvcr.io": entry})) == {"nvcr.io": USER}
    kept = reduced(secret)
    assert kept["registries"] == ["docker.io", "nvcr.io"]
    assert USER not in json.dumps(kept)
    assert reduced(kept) == kept
    assert (
        logins_of(named("Secret", "x", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "%%"})) == {}
    )
    assert host_of("https://nvcr.io") == "nvcr.io"


@pytest.mark.parametrize(
    ("place", "image", "used"),
    [
        ("nvcr.io", "nvcr.io/nim/llm:1", True),
        ("https://nvcr.io/v2/", "nvcr.io/nim/llm:1", True),
        ("nvcr.io/nim", "nvcr.io/nim/llm:1", True),
        ("nvcr.io/other", "nvcr.io/nim/llm:1", False),
        ("https://index.docker.io/v1/", "busybox", True),
        ("corp:5000/team", "corp:5000/team/llm:1", True),
        ("corp:5000", "corp:5001/team/llm:1", False),
        ("corp", "corp:5000/team/llm:1", False),
        ("*.corp.com", "a.corp.com/llm:1", True),
        ("*.corp.com", "a.b.corp.com/llm:1", False),
        ("*", "corp.com/llm:1", False),
    ],
)
def test_the_logins_that_the_kubelet_uses(place: str, image: str, used: bool) -> None:
    assert covers(place_of(place), parsed(image)) is used
