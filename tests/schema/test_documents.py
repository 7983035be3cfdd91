"""Documents that exist: the published examples and the conformance inputs are all accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .places import load, sub_validator

SCHEMAS = {"NIMPipeline": "schema/pipeline.schema.json", "NIMCache": "schema/nimcache.schema.json"}


def without_nulls(node: Any) -> Any:
    """A document as the cluster takes it: a key whose value is null is not there."""
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(item) for item in node] if isinstance(node, list) else node


def complaints(text: str) -> Iterator[str]:
    """What the schemas have against the documents of a text."""
    for document in yaml.safe_load_all(text):
        if document and document["kind"] in SCHEMAS:
            schema = load(SCHEMAS[document["kind"]])
            for error in sub_validator(schema, schema).iter_errors(without_nulls(document)):
                yield f"{document['kind']} {error.json_path}: {error.message}"


def test_published_examples(facts: Path) -> None:
    text = (facts / "nimpipeline-reference.txt").read_text("utf-8")
    examples = re.findall(r"^apiVersion: .*\n(?:(?: .*|[a-z]+:.*|)\n)*", text, re.MULTILINE)
    assert len(examples) == 3
    assert [complaint for example in examples for complaint in complaints(example)] == []


@pytest.mark.slow
def test_conformance_inputs(facts: Path) -> None:
    inputs = sorted(facts.glob("conformance/cases/*/input.yaml"))
    if not inputs:
        pytest.skip(f"no conformance cases in {facts}")
    found = [f"{path.parent.name}: {complaint}" for path in inputs for complaint in complaints(path.read_text("utf-8"))]
    assert found == []


def test_what_kubectl_prints_is_accepted() -> None:
    """`kubectl get nimpipeline NAME -o yaml`, with everything that the cluster adds."""
    text = """
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"apps.nvidia.com/v1alpha1"}
  creationTimestamp: "2026-01-02T03:04:05Z"
  finalizers: [finalizer.nimpipeline.apps.nvidia.com]
  generation: 2
  managedFields:
  - {apiVersion: apps.nvidia.com/v1alpha1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}, manager: kubectl}
  name: rag
  namespace: nim-service
  ownerReferences: [{apiVersion: v1, kind: Namespace, name: x, uid: y}]
  resourceVersion: "42"
  uid: 0b5e
spec:
  services:
  - {name: llm, enabled: true, spec: {image: {repository: nvcr.io/nim/x, tag: "1"}, expose: {service: {port: 8000}}}}
status: {state: NotReady, states: {llm: NotReady}, conditions: []}
"""
    assert list(complaints(text)) == []
