"""Names and labels at the edge of what Kubernetes takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Helm
from pipelines import plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.write import write_chart

LABEL = re.compile(r"(([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?)\Z")
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
VERSIONS = ["1.2.3-rc.1+build.5", "1.2.3+" + "x" * 60, "0.0.0-" + "a.b-" * 20 + "c", "10.20.30"]
NAMES = ["a", "s" * 59, "a" + "-" * 57 + "z", "on", "null", "charts", "templates", "values", "release", "y"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["p", "n" * 63, "p." + "q" * 60, "values"])
def test_labels_and_names(helm4: Helm, tmp_path: Path, name: str, version: str) -> None:
    services = [service(one, *NAMES[:index][-2:]) for index, one in enumerate(NAMES)]
    chart = write_chart(build_chart(plan(*services, name=name), version), tmp_path)
    helm4.run("lint", "--strict", chart)
    objects = [one for one in yaml.load_all(helm4.template(chart).stdout, Loader=yaml.CSafeLoader) if one]
    for key, value in labels_in(objects):
        assert LABEL.match(value), (key, value)
    for kind, one in ((one["kind"], one["metadata"]["name"]) for one in objects):
        assert len(one) <= 253
        if kind in ("Service", "Pod", "Job"):
            assert DNS_LABEL.match(one), (kind, one)
    for one in containers_in(objects):
        assert DNS_LABEL.match(one)
    assert {one["metadata"]["name"] for one in objects if one["kind"] == "Deployment"} == set(NAMES)


def labels_in(data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("labels", "matchLabels"):
                yield from value.items()
            else:
                yield from labels_in(value)
    elif isinstance(data, list):
        for item in data:
            yield from labels_in(item)


def containers_in(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in ("containers", "initContainers", "volumes", "ports") and isinstance(value, list):
                yield from (one["name"] for one in value)
            yield from containers_in(value)
    elif isinstance(data, list):
        for item in data:
            yield from containers_in(item)


def test_long_names_that_begin_alike_keep_gates_of_their_own(helm4: Helm, tmp_path: Path) -> None:
    long = ["s" * 58 + end for end in "ab"]
    chart = write_chart(build_chart(plan(*map(service, long), service("last", *long))), tmp_path)
    objects = [one for one in yaml.load_all(helm4.template(chart).stdout, Loader=yaml.CSafeLoader) if one]
    last = next(one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Deployment", "last"))
    names = [one["name"] for one in last["spec"]["template"]["spec"]["initContainers"]]
    assert len(names) == len(set(names)) >= 2
