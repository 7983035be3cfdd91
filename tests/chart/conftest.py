"""A fixture that renders services with helm 3 and helm 4 in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
    """The same, for values that helm is to refuse -> what it says."""

    def run(services: dict[str, dict[str, Any]], *arguments: str, **values: Any) -> str:
        result = helm.template(umbrella(tmp_path, services, **values), *arguments, check=False)
        assert result.returncode, "helm rendered what it was to refuse"
        return result.stderr

    return run
