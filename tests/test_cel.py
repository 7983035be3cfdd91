"""CEL expressions of device selectors: the syntax, and the names that an expression uses."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cel_expressions import REFUSED, TAKEN
from pipelines import codes, findings, pipeline, service

from nimhelm.rules.cel import refusal


def claiming(**device: Any) -> dict[str, Any]:
    return pipeline(service("llm", draResources=[{"claimCreationSpec": {"devices": [{"name": "gpu", **device}]}}]))


@pytest.mark.parametrize("expression", TAKEN)
def test_taken(expression: str) -> None:
    assert refusal(expression) is None


@pytest.mark.parametrize("expression", REFUSED)
def test_refused(expression: str) -> None:
    found = refusal(expression)
    assert found is not None
    assert found.message
    assert found.hint


@pytest.mark.parametrize(
    ("expression", "way"),
    [
        ("device.driver == 'a' and true", "write &&"),
        ("not true", "write !"),
        ("device.driver = 'a'", "write =="),
        ("device.capacity['a'].memory >= 40", "write .compareTo(quantity('40Gi')) >= 0"),
        ("gpu.memory > 40", "the expression knows device; a text stands in quotes"),
    ],
)
def test_the_way_out(expression: str, way: str) -> None:
    (found,) = [each for each in findings(claiming(celExpressions=["true", expression])) if each.code == "NH133"]
    assert found.hint == way
    assert found.field.endswith(".celExpressions[1]")
    assert found.line > 1


def test_a_request_has_32_selectors_with_the_one_of_the_driver() -> None:
    keys = [{"key": f"a{number}", "value": {"intValue": 1}} for number in range(31)]
    amounts = [{"key": "memory", "value": "40Gi"}]
    assert "NH133" not in " ".join(codes(claiming(celExpressions=["true"] * 31)))
    assert "NH133" not in " ".join(codes(claiming(attributeSelectors=keys)))
    assert "NH133" in " ".join(codes(claiming(celExpressions=["true"] * 32)))
    assert "NH133" in " ".join(codes(claiming(attributeSelectors=keys, capacitySelectors=amounts)))


@pytest.mark.parametrize("word", ["in", "true", "gpu.nvidia.com/null"])
def test_a_word_of_the_language_is_no_key(word: str) -> None:
    assert "NH133" in " ".join(codes(claiming(attributeSelectors=[{"key": word, "value": {"intValue": 1}}])))


def test_a_hostile_expression_takes_no_time() -> None:
    before = time.process_time()
    for text in ("(", "!", "'", '"""', "\\", "[1,", "a.", "1.", "`a", "a?", "device.capacity["):
        refusal(text * (10240 // len(text)))
    assert time.process_time() - before < 5
