"""A null in the values takes a value back, whether Helm leaves it there or takes the chart's default with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .assemble import SERVICE_DEFAULTS, containers, spec
from .conftest import Render


def paths(values: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of the service chart's defaults."""
    found = []
    for key, value in values.items():
        found.append((*at, key))
        if isinstance(value, dict):
            found += paths(value, (*at, key))
    return found


def nested(path: tuple[str, ...]) -> dict[str, Any]:
    return {path[0]: nested(path[1:]) if path[1:] else None}


NEEDED = {("image",), ("image", "repository"), ("image", "tag"), ("global",), ("storage",)}
BLOCKS = [path for path in paths(SERVICE_DEFAULTS) if path not in NEEDED and path[0] != "global"]


def test_every_key_may_be_null(render: Render, tmp_path: Path) -> None:
    """One service for each key, whose values take that one back; all in one chart, since helm takes long to start."""
    names = {f"s{index}": path for index, path in enumerate(BLOCKS)}
    file = tmp_path / "null.json"
    file.write_text(json.dumps({name: nested(path) for name, path in names.items()}))
    rendered = render({name: spec(storage={"emptyDir": {}}) for name in names}, "-f", str(file))
    assert {name for kind, name in rendered if kind == "Deployment"} == set(names)


def test_a_null_brings_the_default_back(render: Render, tmp_path: Path) -> None:
    file = tmp_path / "null.json"
    file.write_text(json.dumps({"llm": {"userID": None, "groupID": None, "livenessProbe": None}}))
    values = spec(userID=1, groupID=2, livenessProbe={"enabled": False})
    pod = render({"llm": values}, "-f", str(file))["Deployment", "llm"]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsUser": 1000, "runAsGroup": 2000, "fsGroup": 2000}
    assert "livenessProbe" in pod["containers"][0]


def test_what_has_no_default(render: Render) -> None:
    """Helm leaves these nulls in the values."""
    nulls = {
        "replicas": None, "proxy": None, "labels": {"a": None}, "nodeSelector": {"a": None}, "authSecret": None,
        "resources": {"requests": {"nvidia.com/gpu": None, "nvidia.com/mig-1g.10gb": 1}},
        "scale": {"hpa": {"maxReplicas": None}}, "expose": {"service": {"grpcPort": None, "metricsPort": None}},
        "env": [{"name": "A", "value": None}, None],
    }  # fmt: skip
    rendered = render({"llm": spec(**nulls)})
    pod = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
    amount = {"nvidia.com/mig-1g.10gb": "1"}
    assert containers(pod)["llm-ctr"]["resources"] == {"requests": amount, "limits": amount}
    assert rendered["Deployment", "llm"]["spec"]["replicas"] == 1
    assert pod["securityContext"]["runAsUser"] == 1000
