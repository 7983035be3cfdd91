"""validate --fix: edits that cannot change what is meant, and nothing else of the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nimhelm.__main__ import guarded
from nimhelm.fix.command import check, fixed_text

HEAD = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline # the kind
metadata: {name: demo}
spec:
  services:
    - name: llm
      enabled: true
      spec:
        storage: {emptyDir: {}}
"""
IMAGE = """\
        image: {repository: x, tag: "1"}
"""
BEFORE = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline # the kind
metadata: {name: demo}
spec:
  services:
    - name: llm
      Enabled: true   # on
      spec:
        image: {repository: x, tag: 1.10, pullsecrets: [a]}
        authsecret : s
        nodeSelector: {a: yes , b: on}
        env:
          - name: A
            value: 8 # eight
        storage: {emptydir: {}}
"""
AFTER = (
    BEFORE.replace("Enabled:", "enabled:").replace("1.10", '"1.10"').replace("pullsecrets", "pullSecrets")
    .replace("authsecret", "authSecret").replace("yes ,", '"yes" ,').replace("b: on}", 'b: "on"}')
    .replace("value: 8 #", 'value: "8" #').replace("emptydir", "emptyDir")
)  # fmt: skip

EDITS = {
    "casing of a value": (
        "        expose: {service: {type: clusterip}} # c\n",
        "        expose: {service: {type: ClusterIP}} # c\n",
    ),
    "a word for true": ("        livenessProbe: {enabled: 'yes'} # c\n", "        livenessProbe: {enabled: true} # c\n"),
    "snake case": ("        auth_secret: s # c\n", "        authSecret: s # c\n"),
    "a number in quotes": ('        replicas: "2" # c\n', "        replicas: 2 # c\n"),
    "names as objects": (
        "        tolerations: []\n        authSecret: # c\n          name: s\n",
        "        tolerations: []\n        authSecret: # c\n          s\n",
    ),
    "a name as an object": ("        authSecret:\n          name: s # c\n", "        authSecret: s # c\n"),
    "a map of variables": (
        "        env: # e\n          A: 1 # one\n\n          # two\n          B: \"x\"\n        replicas: 1\n",
        "        env: # e\n          - name: A\n            value: \"1\" # one\n\n          # two\n"
        "          - name: B\n            value: \"x\"\n        replicas: 1\n",
    ),
    "a map of variables in braces": (
        "        env: {A: on, B: 'b'} # c\n", "        env: [{name: A, value: \"on\"}, {name: B, value: 'b'}] # c\n"),
    "variables with =": (
        "        env:\n          - A=b=\"c\" # c\n", '        env:\n          - {name: A, value: "b=\\"c\\""} # c\n'),
    "a missing dash": (
        "        tolerations:\n          key: a # c\n          # d\n          operator: Exists\n",
        "        tolerations:\n          - key: a # c\n            # d\n            operator: Exists\n",
    ),
    "a moved field without a home": (
        "        # why\n        port: 8001 # p\n        replicas: 1\n",
        "        # why\n        expose:\n          service:\n            port: 8001 # p\n        replicas: 1\n",
    ),
    "a moved field with a home": (
        "        expose:\n          service:\n            type: ClusterIP # t\n          # end\n"
        "        port: 8001 # p\n        replicas: 1\n",
        "        expose:\n          service:\n            type: ClusterIP # t\n            port: 8001 # p\n"
        "          # end\n        replicas: 1\n",
    ),
    "a moved field in braces": (
        "        expose: {service: {type: ClusterIP}, port: 8001} # p\n",
        "        expose: {service: {type: ClusterIP, port: 8001}} # p\n",
    ),
    "a moved block": (
        "        livenessProbe:\n          httpGet: # h\n            path: /a\n            port: 8000 # p\n        replicas: 1\n",
        "        livenessProbe:\n          probe:\n            httpGet: # h\n              path: /a\n              port: 8000 # p\n"
        "        replicas: 1\n",
    ),
    "a deprecated field": (
        "        podAffinity:\n          requiredDuringSchedulingIgnoredDuringExecution:\n            - topologyKey: a.b/c\n",
        "        affinity:\n          podAffinity:\n            requiredDuringSchedulingIgnoredDuringExecution:\n"
        "              - topologyKey: a.b/c\n",
    ),
}  # fmt: skip


def test_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(BEFORE)
    assert guarded(["validate", "--fix", str(path)]) == 0
    assert path.read_text() == AFTER
    assert "8 edits made" in capsys.readouterr().err
    assert guarded(["validate", "--fix", str(path)]) == 0
    assert path.read_text() == AFTER


@pytest.mark.parametrize("name", EDITS)
def test_an_edit(name: str) -> None:
    before, after = EDITS[name]
    for newline in ("\n", "\r\n"):
        text, wanted = ((HEAD + IMAGE + part).replace("\n", newline) for part in (before, after))
        assert fixed_text(text) == (wanted, 1)
        assert fixed_text(wanted) == (wanted, 0)


def test_json_stays_json() -> None:
    good = {
        "apiVersion": "apps.nvidia.com/v1alpha1",
        "kind": "NIMPipeline",
        "metadata": {"name": "p"},
        "spec": {
            "services": [
                {
                    "name": name,
                    "enabled": True,
                    "spec": {
                        "image": {"repository": "nvcr.io/x", "tag": "1", "pullSecrets": ["s"]},
                        "authSecret": "s",
                        "env": [{"name": "A", "value": "1"}],
                        "tolerations": [{"key": "a", "operator": "Exists"}],
                        "expose": {"service": {"port": 8000}},
                        "livenessProbe": {"probe": {"httpGet": {"path": "/x", "port": 8000}}},
                        "storage": {"emptyDir": {}},
                    },
                    "dependencies": [{"name": "b", "port": 8000}] if name == "a" else [],
                }
                for name in "ab"
            ]
        },
    }
    bad = json.loads(json.dumps(good))
    bad["kind"] = "nimpipeline"
    first, second = bad["spec"]["services"]
    first["dependencies"] = ["b:8000"]
    first["spec"] |= {"image": "nvcr.io/x:1", "env": {"A": "1"}, "imagePullSecrets": [{"name": "s"}], "port": 8000}
    first["spec"]["authsecret"] = first["spec"].pop("authSecret")
    first["spec"]["livenessProbe"] = good["spec"]["services"][0]["spec"]["livenessProbe"]["probe"]
    first["spec"].pop("expose")
    second["spec"] |= {"env": ["A=1"], "tolerations": {"key": "a", "operator": "Exists"}}
    second["enabled"] = "true"
    for indent in (None, 2):
        fixed, _ = fixed_text(json.dumps(bad, indent=indent))
        assert json.loads(fixed) == good


def test_a_read_only_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(BEFORE)
    path.chmod(0o444)
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write to every file
    assert guarded(["validate", "--fix", str(path)]) == 3
    assert path.read_text() == BEFORE
    assert "Permission denied" in capsys.readouterr().err


def test_an_image_and_its_pull_secrets() -> None:
    text = (
        HEAD
        + "        imagePullSecrets: # p\n          - name: a # a\n          - name: b\n        image: nvcr.io/x:1 # i\n"
    )
    wanted = HEAD + (
        '        image:\n          repository: nvcr.io/x\n          tag: "1" # i\n'
        "          pullSecrets: # p\n            - a # a\n            - b\n"
    )
    fixed, _ = fixed_text(text)
    assert fixed == wanted
    assert fixed_text(fixed) == (fixed, 0)


def test_a_dependency_as_a_string() -> None:
    other = (
        IMAGE + "    - {name: emb, enabled: true, spec: {image: {repository: x, tag: a}, storage: {emptyDir: {}}}}\n"
    )
    text = HEAD + other.replace("    - {", "      dependencies:\n        - emb:8000 # d\n    - {")
    assert fixed_text(text)[0] == text.replace("emb:8000", "{name: emb, port: 8000}")


def test_fields_that_belong_beside_the_spec_and_in_it() -> None:
    text = HEAD + "        replicas: 1\n        dependencies: [] # d\n      image: {repository: x, tag: a} # i\n"
    wanted = HEAD + "        replicas: 1\n        image: {repository: x, tag: a} # i\n      dependencies: [] # d\n"
    assert fixed_text(text) == (wanted, 2)


@pytest.mark.parametrize(
    "line",
    [
        "replicas: -1", "frobnicate: 1", "resources: {limits: {nvidia.com/gpu: 0.5}}", "image: nvcr.io/nim/x",
        "command: python -m server", "storage2: {pvc: {size: 100}}", "env: {A: {x: 1}}", "env: {<<: {A: b}}",
        "port: 8001\n        expose: {service: {port: 8000}}", "replica: 2", "port: &p 8001\n        userID: *p",
    ],
)  # fmt: skip
def test_what_has_no_safe_edit_stays(line: str, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    image = "" if line.startswith("image") else IMAGE
    path.write_text(HEAD + image + f"        {line}\n")
    guarded(["validate", "--fix", str(path)])
    data: Any = yaml.safe_load(path.read_text())
    if "&p" in line:  # it may be moved, but not away from what refers to it
        assert data["spec"]["services"][0]["spec"]["userID"] == 8001
    else:
        assert path.read_text() == HEAD + image + f"        {line}\n"


def test_a_byte_order_mark_and_what_is_no_yaml_stay(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BEFORE.encode())
    guarded(["validate", "--fix", str(path)])
    assert path.read_bytes() == b"\xef\xbb\xbf" + AFTER.encode()
    for content in (b"a: [", b"kind: NIMPipeline\n\xff", b""):
        path.write_bytes(content)
        guarded(["validate", "--fix", str(path)])
        assert path.read_bytes() == content


LINES = st.lists(st.sampled_from(sorted(EDITS)), unique=True, min_size=1, max_size=5)
COMMENT = st.sampled_from(["", "        # a comment\n", "\n"])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(LINES, COMMENT)
def test_fewer_findings_and_no_lost_comment(names: list[str], between: str) -> None:
    """Several faults at once: what is left is fewer, a second run finds nothing to do, and no comment is lost."""
    text = HEAD + IMAGE + between.join(EDITS[name][0] for name in names)
    found = check(text)
    fixed, edits = fixed_text(text)
    if edits:
        assert len(check(fixed)) < len(found)
    assert sorted(part for part in text.split() if part.startswith("#")) == sorted(
        part for part in fixed.split() if part.startswith("#")
    )
    assert fixed_text(fixed) == (fixed, 0)
    assert fixed.startswith(HEAD)
