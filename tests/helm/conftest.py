"""Charts of the examples, and of a pipeline that uses nearly every field, each also with its disabled services."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import EXAMPLES, ROOT

from nimhelm.convert import Options, convert_files, write

SOURCES = [*EXAMPLES, ROOT / "tests" / "everything.yaml"]


@pytest.fixture(scope="session", params=SOURCES, ids=lambda path: path.stem)
def source(request: pytest.FixtureRequest) -> Path:
    """A pipeline file."""
    return Path(request.param)


@pytest.fixture(scope="session")
def chart(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of a pipeline."""
    return write(convert_files([str(source)]).charts, tmp_path_factory.mktemp(source.stem))[0]


@pytest.fixture(scope="session")
def whole_chart(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of a pipeline with its disabled services."""
    converted = convert_files([str(source)], Options(include_disabled=True))
    return write(converted.charts, tmp_path_factory.mktemp(source.stem + "-whole"))[0]


@pytest.fixture(scope="session")
def package(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of a pipeline as a .tgz."""
    return write(convert_files([str(source)]).charts, tmp_path_factory.mktemp(source.stem + "-tgz"), package=True)[0]
