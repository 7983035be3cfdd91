"""A fixture that renders services with helm 3 and helm 4 in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nimhelm.chart.schema import schema_of
from nimhelm.finding import ERROR
from nimhelm.load import read_content
from nimhelm.validate_values import check_merged

from .assemble import Object, objects, umbrella

if TYPE_CHECKING:
    from ..conftest import Helm

Render = Callable[..., dict[tuple[str, str], Object]]


@pytest.fixture
def render(helm: Helm, tmp_path: Path) -> Render:
    """render({name: values}, *arguments of helm, **further values) -> objects by kind and name."""

    def run(services: dict[str, dict[str, Any]], *arguments: str, **values: Any) -> dict[tuple[str, str], Object]:
        return objects(helm.template(umbrella(tmp_path, services, **values), *arguments).stdout)

    return run


@pytest.fixture
def refusal(helm: Helm, tmp_path: Path) -> Callable[..., str]:
    """The same, for values that helm is to refuse -> what it says. `nimhelm validate --values` finds an error in them too."""

    def run(services: dict[str, dict[str, Any]], *arguments: str, **values: Any) -> str:
        chart = umbrella(tmp_path, services, **values)
        result = helm.template(chart, *arguments, check=False)
        assert result.returncode, "helm rendered what it was to refuse"
        if not arguments:
            document = read_content("values.yaml", (chart / "values.yaml").read_bytes())[0][0]
            found = check_merged(document, schema_of(list(services)))
            assert [one for one in found if one.severity == ERROR], f"validate finds nothing: {result.stderr}"
        return result.stderr

    return run
