"""The secrets that must exist: the README of a chart and its own templates agree on the key that each one holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Helm
from pipelines import cache, pipeline, service, text

from nimhelm.chart.secrets import secrets
from nimhelm.convert import convert_files, write

NATIVE = {"repository": "nvcr.io/nim/nvidia/nemotron-3-embed-1b", "tag": "2.0.0"}
LEGACY = {"repository": "nvcr.io/nim/llm", "tag": "1.0"}


def env(**variables: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def own(image: dict[str, str], secret: str, **variables: str) -> dict[str, Any]:
    """A service with a cache of its own, both with the same image, secret and variables."""
    return {"image": image, "secret": secret, "env": env(**variables)}


@pytest.mark.parametrize(
    ("made", "key"),
    [
        (own(LEGACY, "hub"), "NGC_API_KEY"),
        (own(LEGACY, "hub", NIM_MODEL_NAME="hf://a/b"), "HF_TOKEN"),
        (own(LEGACY, "hub", NIM_MODEL_PATH="hf://a/b"), "HF_TOKEN"),
        (own(LEGACY, "hf-token", NIM_MODEL_PATH="/models/a"), "NGC_API_KEY"),
        (own(NATIVE, "ngc-api-secret"), "NGC_API_KEY"),
        (own(NATIVE, "hf-api-secret"), "HF_TOKEN"),
        (own(NATIVE, "hf-api-secret", NIM_MODEL_DOWNLOAD_PROVIDER="ngc"), "NGC_API_KEY"),
        (own(NATIVE, "models", NIM_MODEL_DOWNLOAD_PROVIDER="hf"), "HF_TOKEN"),
        (own(NATIVE, "models", NIM_LOG_LEVEL="INFO", NIM_MODEL_DOWNLOAD_PROVIDER="hf"), "HF_TOKEN"),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_the_key_of_a_secret(made: dict[str, Any], key: str, cached: bool, helm4: Helm, tmp_path: Path) -> None:
    image, hub = made["image"], "NIM_MODEL_NAME" in str(made["env"]) or "NIM_MODEL_PATH" in str(made["env"])
    if cached and hub:
        pytest.skip("a cache of NGC beside a model of the hub has keys of both")
    storage = {"nimCache": {"name": "weights"}} if cached else {"emptyDir": {}}
    spec = {"image": image, "authSecret": made["secret"], "env": made["env"], "storage": storage}
    puller = f"{image['repository']}:{image['tag']}"
    ngc = {"modelPuller": puller, "pullSecret": "pull", "authSecret": made["secret"]}
    path = tmp_path / "p.yaml"
    path.write_text(
        text(pipeline(service("llm", **spec)), *([cache(source={"ngc": ngc}, env=made["env"])] if cached else []))
    )
    converted = convert_files([str(path)])
    (plan,) = converted.plans
    assert {one.name: one.keys for one in secrets(plan)}[made["secret"]] == [key]
    (folder,) = write(converted.charts, tmp_path)
    assert keys_of(helm4.template(folder).stdout)[made["secret"]] == [key]


def keys_of(rendered: str) -> dict[str, list[str]]:
    """What the chart itself says of its secrets: the keys by name."""
    for document in yaml.safe_load_all(rendered):
        for value in (document or {}).get("data", {}).values() if (document or {}).get("kind") == "ConfigMap" else ():
            if isinstance(value, str) and '"secrets"' in value:
                return {one["name"]: one["keys"] for one in json.loads(value)["secrets"]}
    return {}
