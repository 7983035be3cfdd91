"""One file with everything that is known of a release, and nothing that is secret."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from conftest import run_nimhelm

from nimhelm.errors import LoadError, WriteError
from nimhelm.status.bundle import load_saved, save_bundle
from nimhelm.status.compute import compute
from nimhelm.status.dump import save
from nimhelm.status.output import document
from nimhelm.status.redact import HIDDEN, redacted, redacted_text
from tests.status.casefile import CASES, read_case, snapshot_of

SECRET = "s3cr3tvalue"
KUBECTL = """#!/bin/sh
case "$*" in
  *forbidden*) echo 'Error from server (Forbidden): pods "x" is forbidden: User "u" cannot get resource "pods/log"' >&2; exit 1;;
  logs*) echo "GET https://me:{secret}@mirror/x NGC_API_KEY={secret}"; echo "asked: $*";;
esac
"""
HELM = """#!/bin/sh
case "$1 $2" in
  history*) echo '[{{"revision": 1, "status": "deployed"}}]';;
  "get values") echo '{{"llm": {{"env": [{{"name": "T", "value": "{secret}"}}], "dbPassword": "{secret}", "replicas": 2}}}}';;
  "get manifest") echo '{{"kind": "Secret", "data": {{"k": "{secret}"}}}}'; echo ---; echo 'kind: Service';;
esac
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("kubectl", KUBECTL), ("helm", HELM)):
        (tmp_path / name).write_text(script.format(secret=SECRET))
        (tmp_path / name).chmod(0o755)
        monkeypatch.setenv(name.upper(), str(tmp_path / name))


def case(name: str) -> Path:
    return Path(__file__).parent / "cases" / f"{name}.yaml"


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read().decode() for entry in tar}  # type: ignore[union-attr]


@pytest.mark.usefixtures("tools")
def test_what_is_in_it(tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(case("gate_waiting")))
    path = tmp_path / "b.tar.gz"
    assert save_bundle(snapshot, str(path)) == []
    assert path.stat().st_mode & 0o777 == 0o600
    found = contents(path)
    assert {
        "pods.json",
        "events.json",
        "release.json",
        "helm/history.json",
        "helm/values.json",
        "helm/manifest.json",
    } <= set(found) or "events" not in snapshot.lists
    gates = [name for name in found if "/wait-for-" in name]
    assert gates
    assert "--tail=200" in found[gates[0]]
    assert [name for name in found if name.endswith("-ctr.log") and "--tail=50" in found[name]]
    listed = json.loads(found["contents.json"])
    assert set(listed["files"]) == set(found) - {"contents.json"}
    assert any("data of Secrets" in each for each in listed["leftOut"])
    assert not [name for name, text in found.items() if SECRET in text]
    values = json.loads(found["helm/values.json"])["llm"]
    assert values == {"env": [{"name": "T", "value": HIDDEN}], "dbPassword": HIDDEN, "replicas": 2}
    assert {each["kind"] for each in json.loads(found["helm/manifest.json"])["items"]} == {"Secret", "Service"}


@pytest.mark.slow
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("path", CASES[::7], ids=lambda path: path.stem)
def test_a_bundle_tells_the_same(path: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(read_case(path))
    save_bundle(snapshot, str(tmp_path / "b.tgz"), offline=True)
    assert document(compute(load_saved(str(tmp_path / "b.tgz"), "rag"))) == document(compute(snapshot))


@pytest.mark.usefixtures("tools")
def test_what_may_not_be_read_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = snapshot_of(read_case(case("all_ready")))
    monkeypatch.setenv("HELM", "/nowhere/helm")
    left_out = save_bundle(snapshot._replace(context="forbidden"), str(tmp_path / "b.tgz"))
    assert any("Helm's record" in each for each in left_out)
    assert any(each.startswith("logs/") for each in left_out)
    assert json.loads(contents(tmp_path / "b.tgz")["contents.json"])["leftOut"][: len(left_out)] == left_out


@pytest.mark.slow
def test_the_commands_read_and_write_it(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    save(snapshot_of(read_case(case("image_pull_401"))), str(folder))
    path = tmp_path / "b.tar.gz"
    assert run_nimhelm("status", "rag", "--from-dir", folder, "--save", path).returncode == 1
    again = run_nimhelm("status", "rag", "--from-dir", path)
    assert again.stdout == run_nimhelm("status", "rag", "--from-dir", folder).stdout
    assert run_nimhelm("timeline", "rag", "--from-dir", path).returncode == 0
    assert "embedding-service" in run_nimhelm("graph", "rag", "--from-dir", path).stdout


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_no_bundle(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(LoadError, match=r"x\.tar\.gz"):
        load_saved(str(tmp_path / "x.tar.gz"), "rag")
    with pytest.raises(LoadError):
        load_saved(str(tmp_path / "absent.tgz"), "rag")


def test_an_archive_cannot_write_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("../out.json", "/tmp/out.json", "a/b.json"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            tar.addfile(entry, io.BytesIO(b"{}"))
        link = tarfile.TarInfo("link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(LoadError, match=r"no \.json"):
        load_saved(str(path), "rag")
    assert not (tmp_path / "out.json").exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="cannot be written"):
        save_bundle(snapshot_of(read_case(CASES[0])), str(tmp_path / "absent" / "b.tgz"), offline=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "https://user:{}@host/path", "postgres://u:{}@db:5432/x", "http://{}@proxy:3128", "password={}", "Password: {}",
        'token: "{}"', "'api_key': '{}'", "NGC_API_KEY={}", "HF_TOKEN={}", "--api-key={} --port=1",
        "Authorization: Bearer {}", "authorization: {}", "?X-Amz-Signature={}&x=1", "Basic {}==", "client_secret={}",
    ],
)  # fmt: skip
def test_texts(text: str) -> None:
    assert SECRET not in redacted_text(text.format(SECRET))
    assert HIDDEN in redacted_text(text.format(SECRET))


@pytest.mark.parametrize(
    "token",
    [
        "nvapi-abcDEF123",
        "hf_abcdefghijkl",
        "ghp_abcdefghijklmnop1234",
        "eyJhbGciOi.eyJzdWIiOiIx.abc",
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_tokens_are_known_by_their_shape(token: str) -> None:
    assert token not in redacted_text(f"failed with {token}, giving up")


@pytest.mark.parametrize(
    "text",
    [
        'secret "ngc-api-key" not found', "couldn't find key NGC_API_KEY in Secret nim/ngc-api-key", "http://llm:8000/v1/health",
        "waiting for http://embedding-service:8000/v1/health/ready (timeout 1800s)", '"authSecret": "ngc-api-key"',
        "Successfully pulled image \"nvcr.io/nim/llm@sha256:abc\" in 3.2s", "tokens per second: 12",
    ],
)  # fmt: skip
def test_what_helps_stays(text: str) -> None:
    assert redacted_text(text) == text


def test_objects() -> None:
    given = {
        "authSecret": "ngc", "apiKey": "x1", "nested": [{"db_password": "x1", "port": 1}], "args": ["--key", "x1"],
        "env": [{"name": "A", "value": "x1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "K"}}}],
    }  # fmt: skip
    found = redacted(given)
    assert "x1" not in json.dumps(found)
    assert found["authSecret"] == "ngc"
    assert found["env"][1] == given["env"][1]


def test_json_in_a_string_stays_json() -> None:
    """The graph holds commands with quotes, and what follows a key of a secret ends in one."""
    graph = {"secrets": [{"name": "key", "command": 'kubectl create --from-literal=NGC_API_KEY="${NGC_API_KEY:?}"'}]}
    given = {"data": {"pipeline.json": json.dumps({**graph, "token": SECRET, "services": [{"name": "llm"}]})}}
    found = json.loads(redacted(given)["data"]["pipeline.json"])
    assert (found["services"], found["secrets"][0]["name"], found["token"]) == ([{"name": "llm"}], "key", HIDDEN)
