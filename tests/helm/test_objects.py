"""Every rendered object is one that Kubernetes knows, in three of its minor versions."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate.utils
import pytest
import yaml
from conftest import Helm

Object = dict[str, Any]
VERSIONS = ("1.30", "1.34", "1.37")

CUSTOM = {
    "resource.nvidia.com/v1beta1 ComputeDomain",
    "gateway.networking.k8s.io/v1 GRPCRoute",
    "gateway.networking.k8s.io/v1 HTTPRoute",
    "inference.networking.k8s.io/v1 InferencePool",
    "serving.kserve.io/v1beta1 InferenceService",
    "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet",
    "monitoring.coreos.com/v1 ServiceMonitor",
}
"""Kinds that Kubernetes itself does not have: nothing here can judge them."""

SINCE = {"everything": "1.34"}
"""Pipelines with dynamic resource allocation, which is in Kubernetes from that version on."""


@pytest.fixture(scope="module", autouse=True)
def _schemas_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        read = functools.cache(kubernetes_validate.utils.schema_contents)
        patch.setattr(kubernetes_validate.utils, "schema_contents", read)
        yield


def objects(helm: Helm, chart: Path, *arguments: object) -> list[Object]:
    rendered = helm.template(chart, *arguments).stdout
    return [one for one in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if one]


def name(one: Object) -> str:
    return f"{one['apiVersion']} {one['kind']}"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(helm: Helm, source: Path, chart: Path, version: str) -> None:
    if version < SINCE.get(source.stem, version):
        return
    found = objects(helm, chart, "--kube-version", version)
    assert found
    for one in [*found, *pods_of_groups(found)]:
        if name(one) not in CUSTOM:
            kubernetes_validate.utils.validate(one, version, strict=True)


def pods_of_groups(found: list[Object]) -> Iterator[Object]:
    """The pods inside LeaderWorkerSets."""
    for one in found:
        if one["kind"] == "LeaderWorkerSet":
            for template in one["spec"]["leaderWorkerTemplate"].values():
                if isinstance(template, dict) and "spec" in template:
                    yield {"apiVersion": "v1", "kind": "Pod", **template}


def test_the_pipelines_have_every_custom_kind_and_no_other(helm4: Helm, built_all: list[Path]) -> None:
    kinds = {name(one) for chart in built_all for one in objects(helm4, chart)}
    known = {one for one in kinds if has_schema(one)}
    assert kinds - known == CUSTOM


def has_schema(kind: str) -> bool:
    version, name = kind.split(" ")
    try:
        kubernetes_validate.utils.validate({"apiVersion": version, "kind": name}, VERSIONS[-1])
    except kubernetes_validate.utils.SchemaNotFoundError:
        return False
    except kubernetes_validate.utils.ValidationError:
        pass
    return True


@pytest.fixture(scope="module")
def built_all(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    from nimhelm.convert import convert_files, write

    from .conftest import SOURCES

    folder = tmp_path_factory.mktemp("all")
    return [write(convert_files([str(source)]).charts, folder)[0] for source in SOURCES]


def test_no_name_is_taken_twice(helm4: Helm, chart: Path) -> None:
    names = [(name(one), one["metadata"]["name"]) for one in objects(helm4, chart)]
    assert len(names) == len(set(names))


def test_no_list_holds_a_key_twice(helm4: Helm, chart: Path) -> None:
    """Server-side apply refuses two variables, ports, volumes or mounts of one key."""
    keys = {"env": ("name",), "ports": ("containerPort", "port", "protocol"), "volumes": ("name",), "volumeMounts": ("mountPath",),
            "containers": ("name",), "initContainers": ("name",), "imagePullSecrets": ("name",), "args": None}  # fmt: skip
    for one in objects(helm4, chart):
        for field, items in lists_in(one):
            if keys.get(field):
                seen = [tuple(item.get(key) for key in keys[field]) for item in items]  # type: ignore[union-attr]
                assert len(seen) == len(set(seen)), (one["kind"], one["metadata"]["name"], field, seen)


def lists_in(data: Any, field: str = "") -> Iterator[tuple[str, list[Any]]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from lists_in(value, key)
    elif isinstance(data, list):
        yield field, data
        for item in data:
            yield from lists_in(item, field)


def test_devices_are_requested_and_limited_alike(helm4: Helm, chart: Path) -> None:
    for one in objects(helm4, chart):
        for _, items in lists_in(one):
            for item in items:
                resources = item.get("resources") if isinstance(item, dict) else None
                if isinstance(resources, dict):
                    requests, limits = resources.get("requests", {}), resources.get("limits", {})
                    for device in {*requests, *limits}:
                        if "/" in device:
                            assert str(requests[device]) == str(limits[device])
