"""The images of a chart, in every format, and their digests from a registry on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import EXAMPLES, HELMS, ROOT, run_nimhelm
from pipelines import cache, pipeline, service, text

from nimhelm.chart.obtain import charts_of, values_of
from nimhelm.chart.render import render
from nimhelm.imagereference import Reference, parsed
from nimhelm.images.command import merged, with_digests
from nimhelm.images.formats import FORMATS, full
from nimhelm.images.mirror import Mirror
from nimhelm.images.named import images_in
from nimhelm.images.rendered import Image, images_of
from nimhelm.registry import Registry as Client
from nimhelm.registry import RegistryError, login_of

pytestmark = pytest.mark.slow

EVERYTHING = ROOT / "tests" / "everything.yaml"
DIGEST = "sha256:" + hashlib.sha256(b"x").hexdigest()


@pytest.fixture(autouse=True)
def helm4_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", str(HELMS["helm4"]))


@pytest.mark.parametrize("path", [*EXAMPLES, EVERYTHING], ids=lambda path: path.stem)
def test_values_name_the_images_that_helm_renders(path: Path) -> None:
    for chart in charts_of(str(path)):
        values = values_of(chart)
        assert [image.reference for image in images_of(render(chart, values))] == images_in(values)
        annotations = yaml.safe_load(chart.files["Chart.yaml"])["annotations"]
        for name in ("helm.sh/images", "artifacthub.io/images"):
            listed = yaml.safe_load(annotations[name])
            assert [entry["image"] for entry in listed] == images_in(values)
            assert all(entry["name"] for entry in listed)


def test_a_parent_chart(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    run_nimhelm("build", EXAMPLES[0], "-o", parent / "charts", check=True)
    (name,) = [each.name for each in (parent / "charts").iterdir()]
    dependency = {"name": name, "version": "0.1.0"}
    about = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(about))
    (parent / "values.yaml").write_text(
        yaml.safe_dump({name: {"global": {"nimhelm": {"imageRegistry": "mirror.example.com"}}}})
    )
    listed = run_nimhelm("images", parent, check=True).stdout.splitlines()
    assert listed
    assert all(image.startswith("mirror.example.com/") for image in listed)
    for words in (
        ["graph", parent],
        ["diff", parent, parent],
        ["validate", "--values", parent, parent / "values.yaml"],
    ):
        refused = run_nimhelm(*words)
        assert refused.returncode == 3
        assert f"{parent}/charts/{name}" in refused.stderr
    packaged = tmp_path / "parent-0.1.0.tgz"
    with tarfile.open(packaged, "w:gz") as archive:
        archive.add(parent, "parent")
    assert run_nimhelm("images", packaged, check=True).stdout.splitlines() == listed
    assert f"charts/{name} of the unpacked {packaged}" in run_nimhelm("graph", packaged).stderr


def test_everything_is_there() -> None:
    listed = run_nimhelm("images", EVERYTHING, check=True).stdout.splitlines()
    assert "registry.k8s.io/gateway-api-inference-extension/epp:v1.0.0" in listed  # the endpoint picker
    assert "docker.io/library/busybox:1.37.0-musl" in listed  # the gates
    assert "nvcr.io/nim/rerank:1.0" in listed  # the caching job
    assert "busybox:1.37" in listed  # a sidecar
    assert listed == sorted(set(listed))


def test_values_count(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a"), service("b", "a"))))
    (tmp_path / "v.yaml").write_text(
        "global: {nimhelm: {imageRegistry: mirror.local:5000/nim}}\nb: {image: {tag: '9'}}\n"
    )
    listed = run_nimhelm("images", tmp_path / "p.yaml", "-f", tmp_path / "v.yaml", check=True).stdout
    assert listed == "mirror.local:5000/nim/library/busybox:1.37.0-musl\nmirror.local:5000/nim/nim/llm:1.0\n" \
        "mirror.local:5000/nim/nim/llm:9\n"  # fmt: skip


def test_a_mirror_is_named_as_the_chart_will_ask_for_it(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a", storage={"nimCache": {"name": "weights"}})), cache()))
    (tmp_path / "v.yaml").write_text("global: {nimhelm: {imageRegistry: mirror.local/x}}\n")
    rendered = run_nimhelm("images", tmp_path / "p.yaml", "-f", tmp_path / "v.yaml", check=True).stdout
    assert run_nimhelm("images", tmp_path / "p.yaml", "--mirror", "mirror.local/x", check=True).stdout == rendered
    values = values_of(charts_of(str(tmp_path / "p.yaml"))[0], (str(tmp_path / "v.yaml"),))
    assert images_in(values) == rendered.splitlines()


def test_a_mirror_may_drop_the_path(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text(pipeline(service("a"))))
    (tmp_path / "v.yaml").write_text("global: {nimhelm: {imageRegistry: mirror.local/x, imageRegistryPath: drop}}\n")
    rendered = run_nimhelm("images", tmp_path / "p.yaml", "-f", tmp_path / "v.yaml", check=True).stdout
    told = run_nimhelm("images", tmp_path / "p.yaml", "--mirror", "mirror.local/x", "--mirror-path", "drop", check=True)
    assert told.stdout == rendered
    assert "mirror.local/x/busybox:" in rendered


def test_without_helm_the_values_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    with_helm = run_nimhelm("images", EVERYTHING).stdout
    done = run_nimhelm("images", EVERYTHING, env={"HELM": "/nowhere/helm"})
    assert (done.returncode, done.stdout) == (0, with_helm)
    assert "helm is not on the PATH" in done.stderr


def test_where_images_hide() -> None:
    pod = {
        "containers": [{"name": "c", "image": "a:1"}], "initContainers": [{"name": "i", "image": "b:1"}],
        "volumes": [{"name": "v", "image": {"reference": "c:1"}}],
    }  # fmt: skip
    group = {
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "g"},
        "spec": {"leaderWorkerTemplate": {"workerTemplate": {"spec": pod}}},
    }
    other = {"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"image": "no:1"}}
    assert images_of([group, other]) == [
        Image("a:1", ("LeaderWorkerSet/g c",)),
        Image("b:1", ("LeaderWorkerSet/g i",)),
        Image("c:1", ("LeaderWorkerSet/g volume v",)),
    ]  # fmt: skip
    assert merged([Image("a:1", ("x",)), Image("a:1", ("y",))]) == [Image("a:1", ("x", "y"))]


@pytest.mark.parametrize(
    ("reference", "parts", "whole", "mirrored"),
    [
        (
            "busybox",
            Reference("docker.io", "library/busybox", "latest"),
            "docker.io/library/busybox:latest",
            "m/busybox",
        ),
        ("me/app:2", Reference("docker.io", "me/app", "2"), "docker.io/me/app:2", "m/me/app:2"),
        ("nvcr.io/nim/llm:1.0", Reference("nvcr.io", "nim/llm", "1.0"), "nvcr.io/nim/llm:1.0", "m/nim/llm:1.0"),
        ("localhost/a:1", Reference("localhost", "a", "1"), "localhost/a:1", "m/a:1"),
        ("host:5000/a/b", Reference("host:5000", "a/b", "latest"), "host:5000/a/b:latest", "m/a/b"),
        (f"r.io/a@{DIGEST}", Reference("r.io", "a", "latest", DIGEST), f"r.io/a@{DIGEST}", f"m/a@{DIGEST}"),
        (f"r.io/a:1@{DIGEST}", Reference("r.io", "a", "1", DIGEST), f"r.io/a:1@{DIGEST}", f"m/a:1@{DIGEST}"),
    ],
)
def test_references(reference: str, parts: Reference, whole: str, mirrored: str) -> None:
    assert parsed(reference) == parts
    assert full(reference) == whole
    assert Mirror("m/").of(reference) == mirrored


IMAGES = [Image("busybox:1", ("Pod/p c",)), Image("nvcr.io/nim/llm:1.0", ("Deployment/llm llm-ctr",), DIGEST)]


def test_the_files_of_tools() -> None:
    made = {name: make(IMAGES, "rag", Mirror()) for name, make in FORMATS.items()}
    assert made["text"] == f"busybox:1\nnvcr.io/nim/llm:1.0@{DIGEST}\n"
    assert json.loads(made["json"])[1] == {
        "image": "nvcr.io/nim/llm:1.0", "usedBy": ["Deployment/llm llm-ctr"], "digest": DIGEST,
    }  # fmt: skip
    assert yaml.safe_load(made["skopeo"]) == {
        "docker.io": {"images": {"library/busybox": ["1"]}},
        "nvcr.io": {"images": {"nim/llm": [DIGEST]}},
    }
    names = ["docker.io/library/busybox:1", f"nvcr.io/nim/llm:1.0@{DIGEST}"]
    hauler = yaml.safe_load(made["hauler"])
    assert (hauler["apiVersion"], hauler["kind"]) == ("content.hauler.cattle.io/v1", "Images")
    assert hauler["spec"]["images"] == [{"name": name} for name in names]
    zarf = yaml.safe_load(made["zarf"])
    assert zarf["kind"] == "ZarfPackageConfig"
    assert zarf["components"][0]["images"] == names


def test_the_script_copies_to_where_the_chart_looks(tmp_path: Path) -> None:
    oras = tmp_path / "oras"
    oras.write_text('#!/bin/sh\nprintf "%s\\n" "$*"\n')
    oras.chmod(0o755)
    script = FORMATS["oras"](IMAGES, "rag", Mirror())
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert subprocess.run(["sh", "-c", script], env=env, capture_output=True, check=False).returncode != 0
    done = subprocess.run(
        ["sh", "-c", script], env=env | {"MIRROR": "m.io/x"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "copy --recursive docker.io/library/busybox:1 m.io/x/busybox:1",
        f"copy --recursive nvcr.io/nim/llm:1.0@{DIGEST} m.io/x/nim/llm:1.0",
    ]


class Registry(BaseHTTPRequestHandler):
    """Answers like a registry that wants a token for what is private, and moves what is moved."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        login = self.headers.get("Authorization", "")
        self.asked.append((self.path, login))
        port = self.server.server_address[1]
        if "moved" in self.path:
            return self.answer(307, Location=f"http://localhost:{port}/v2/open/manifests/1")
        if "basic" in self.path and login != "Basic " + base64.b64encode(b"u:p").decode():
            return self.answer(401, **{"WWW-Authenticate": 'Basic realm="x"'})
        if "private" in self.path and login != "Bearer t0ken":
            challenge = f'Bearer realm="http://127.0.0.1:{port}/token",service="r",scope="repository:private:pull"'
            return self.answer(401, **{"WWW-Authenticate": challenge})
        if "plain" in self.path:
            return self.answer(401, **{"WWW-Authenticate": 'Bearer realm="http://elsewhere.example/token"'})
        if "absent" in self.path:
            return self.answer(404)
        if "empty" in self.path:
            return self.answer(200)
        return self.answer(200, **{"Docker-Content-Digest": DIGEST})

    def do_GET(self) -> None:
        login = self.headers.get("Authorization", "")
        if login != "Basic " + base64.b64encode(b"u:p").decode():
            return self.answer(401)
        return self.answer(200, b'{"token": "t0ken"}')

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Registry.asked.clear()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def login(folder: Path, host: str) -> None:
    auth = base64.b64encode(b"u:p").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def digest_of(reference: str) -> str:
    image = parsed(reference)
    return Client(image.host, login_of(image.host), timeout=2).digest(image)


def test_digests(registry: str, tmp_path: Path) -> None:
    assert digest_of(f"{registry}/open:1") == DIGEST
    assert Registry.asked == [("/v2/open/manifests/1", "")]
    for name in ("private", "basic"):
        with pytest.raises(RegistryError, match=f"wants a login for {name}: docker login"):
            digest_of(f"{registry}/{name}:1")
    login(tmp_path, registry)
    assert digest_of(f"{registry}/private:1") == DIGEST
    assert digest_of(f"{registry}/basic:1") == DIGEST


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent", "has no absent:1"),
        ("empty", "answers without a digest"),
        ("moved", "status 307"),
        ("plain", "without TLS"),
    ],
)
def test_what_a_registry_does_not_tell(name: str, said: str, registry: str, tmp_path: Path) -> None:
    login(tmp_path, registry)
    with pytest.raises(RegistryError, match=said):
        digest_of(f"{registry}/{name}:1")
    assert [authorization for _, authorization in Registry.asked] == [""]  # the login went nowhere


def test_a_registry_that_is_away() -> None:
    with pytest.raises(RegistryError, match="cannot be reached"):
        digest_of("127.0.0.1:9/a:1")


def test_digests_on_the_command_line(registry: str, tmp_path: Path) -> None:
    image = {"repository": f"{registry}/open", "tag": "1"}
    (tmp_path / "p.yaml").write_text(text(pipeline(service(image=image))))
    (tmp_path / "v.yaml").write_text(f"global: {{nimhelm: {{waitImage: '{registry}/absent:1'}}}}\n")
    done = run_nimhelm("images", tmp_path / "p.yaml", "-f", tmp_path / "v.yaml", "--digests")
    assert done.returncode == 3
    assert done.stdout == f"{registry}/absent:1\n{registry}/open:1@{DIGEST}\n"
    assert done.stderr == f"{registry}/absent:1: {registry} has no absent:1\n"
    (tmp_path / "v.yaml").write_text(f"global: {{nimhelm: {{waitImage: '{registry}/open:2'}}}}\n")
    assert run_nimhelm("images", tmp_path / "p.yaml", "-f", tmp_path / "v.yaml", "--digests").returncode == 0


def test_what_is_pinned_is_not_asked_for() -> None:
    assert with_digests([Image(f"r.invalid/a@{DIGEST}")])[0].digest == DIGEST


def test_logins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert login_of("nvcr.io") == ""
    for broken in ("", "[]", '{"auths": 1}', '{"auths": {"nvcr.io": 1}}', '{"auths": {"nvcr.io": {}}}'):
        (tmp_path / "config.json").write_text(broken)
        assert login_of("nvcr.io") == ""
    login(tmp_path, "https://index.docker.io/v1/")
    assert login_of("docker.io") == base64.b64encode(b"u:p").decode()
