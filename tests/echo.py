"""What helm holds of a values.yaml: a throw-away chart that prints its values as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from conftest import Helm


def values_of_helm(helm: Helm, folder: Path, values: str, *arguments: object) -> Any:
    """.Values of a chart with this values.yaml; numbers as `number` writes them."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "values.yaml").write_bytes(values.encode())
    (folder / "templates" / "echo.yaml").write_text("echo: {{ toJson .Values | b64enc }}\n")
    rendered = helm.template(folder, *arguments).stdout.split("echo: ", 1)[1]
    return json.loads(base64.b64decode(rendered), parse_int=number, parse_float=number)


def as_helm_holds(values: dict[str, Any], helm: Helm) -> Any:
    """The same values from Python: numbers are 64-bit floats; helm 4 drops nulls."""
    kept = {key: value for key, value in values.items() if value is not None or helm.major == 3}
    return json.loads(json.dumps(kept), parse_int=number, parse_float=number)


def number(text: str) -> str:
    """A number told from `true`, which Python takes for 1."""
    return f"number {float(text)}"
