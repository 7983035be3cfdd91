"""Where the facts from outside lie, when they are there, and the helm programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .places import ROOT

OUTSIDE = Path(os.environ.get("NIMHELM_FACTS", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def facts() -> Path:
    """The folder with the operator's CRDs, the published examples and the conformance cases."""
    if not OUTSIDE.is_dir():
        pytest.skip(f"no {OUTSIDE}: the operator's CRDs and cases are not part of this repository")
    return OUTSIDE


@pytest.fixture(params=["helm3", "helm4"], scope="session")
def helm(request: pytest.FixtureRequest) -> Path:
    """Helm 3.19 and 4.3."""
    program: Path = ROOT / ".tools" / request.param / "helm"
    if not program.is_file():
        pytest.skip(f"no {program}: run tools/get_helm.py")
    return program
