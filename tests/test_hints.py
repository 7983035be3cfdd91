"""The way out of what people really write."""

from __future__ import annotations

from typing import Any

import pytest
from pipelines import findings, pipeline, service


def hints(document: dict[str, Any]) -> dict[str, str]:
    """The hint of each finding of the shape, by the end of its field."""
    found = (one for one in findings(document) if one.code in ("NH010", "NH012", "NH013"))
    return {one.field.removeprefix("spec.services[0].").removeprefix("spec."): one.hint for one in found}


@pytest.mark.parametrize(
    ("spec", "field", "hint"),
    [
        ({"image": "nvcr.io/nim/x:1.0"}, "image", 'write image: {repository: nvcr.io/nim/x, tag: "1.0"}'),
        ({"image": "localhost:5000/x"}, "image", "write image: {repository: localhost:5000/x, tag: ...}"),
        ({"env": {"A": "b"}}, "env", 'write a list of variables, for example {name: A, value: "b"}'),
        ({"env": ["A=b=c"]}, "env[0]", 'write {name: A, value: "b=c"}'),
        ({"image": {"repository": "x", "tag": "1", "pullSecrets": [{"name": "s"}]}}, "image.pullSecrets[0]",
         "write the name alone: s"),
        ({"resources": {"limits": {"memory": "64GB"}}}, "resources.limits.memory", "write 64G or 64Gi"),
        ({"resources": {"limits": {"memory": "1.5 gib"}}}, "resources.limits.memory", "write 1.5G or 1.5Gi"),
        ({"storage": {"pvc": {"create": True, "size": 100}}}, "storage.pvc.size", "write the unit: 100Gi"),
        ({"tolerations": {"key": "a"}}, "tolerations", "write a list: put a dash in front of each item"),
        ({"multiNode": {"size": 2, "parallelism": {}}}, "multiNode.size", "write it as multiNode.parallelism.pipeline"),
        ({"imagePullSecrets": []}, "imagePullSecrets", "write it as image.pullSecrets"),
        ({"nimCache": {}}, "nimCache", "it belongs under spec.storage"),
        ({"startupProbe": {"httpGet": {}}}, "startupProbe.httpGet", "it belongs under spec.startupProbe.probe"),
        ({"livenessProbe": {"httpGet": {}}}, "livenessProbe.httpGet", "it belongs under spec.livenessProbe.probe"),
        ({"livenessProbe": {"probe": {"httpget": {}}}}, "livenessProbe.probe.httpget", "did you mean httpGet?"),
        ({"replica": 2}, "replica", "did you mean replicas?"),
        ({"replicas": "2"}, "replicas", "write it without quotes"),
        ({"image": {"repository": "x", "tag": 1.1}}, "image.tag", 'quote it: "1.1"'),
        ({"resources": {"limits": {"nvidia.com/gpu": 0.5}}}, 'resources.limits["nvidia.com/gpu"]', "write a whole number"),
        ({"command": "run"}, "command", "write a list: [run]"),
    ],
)  # fmt: skip
def test_in_a_service(spec: dict[str, Any], field: str, hint: str) -> None:
    assert hints(pipeline(service("llm", **spec)))[field] == hint


def test_what_no_service_has() -> None:
    found = hints(
        pipeline(service("llm", source={}, terminationGracePeriodSeconds=60, expose={"service": {"nodePort": 1}}))
    )
    assert all(hint.startswith("a NIMService has no such field") for hint in found.values())
    assert len(found) == 3


def test_dependencies() -> None:
    item = {**service("a"), "dependencies": ["b:9000"], "dependsOn": ["b"]}
    assert hints(pipeline(item, service("b"))) == {
        "dependencies[0]": "write {name: b, port: 9000}", "dependsOn": "did you mean dependencies?",
    }  # fmt: skip
