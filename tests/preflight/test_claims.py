"""Whether drivers have the devices that claims ask for."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.preflight.checks import devices
from nimhelm.preflight.selectors import Device, device_of, fits

from .world import cluster, codes, named, node, rendered, workload

A100 = {
    "name": "gpu-0",
    "attributes": {
        "productName": {"string": "NVIDIA A100"},
        "index": {"int": 0},
        "mig": {"bool": False},
        "cudaDriverVersion": {"version": "12.8.0"},
        "other.io/zone": {"string": "a"},
    },
    "capacity": {"memory": {"value": "80Gi"}},
}
OWN = 'device.attributes["gpu.nvidia.com"]'
MEMORY = '(device.capacity["gpu.nvidia.com"].memory)'


@pytest.fixture
def device() -> Device:
    return device_of("gpu.nvidia.com", "node-a", A100)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('device.driver == "gpu.nvidia.com"', True),
        ("device.driver == 'gpu.example.com'", False),
        (f'{OWN}.productName == "NVIDIA A100" && {OWN}.index >= 0', True),
        (f'{OWN}.productName == "NVIDIA H100" || {OWN}.index != 0', False),
        (f"!({OWN}.mig)", True),
        (f"!{OWN}.mig == true", True),
        (f"{OWN}.mig == false", True),
        (f'({OWN}.cudaDriverVersion).compareTo(semver("12.10.0")) < 0', True),
        (f'({OWN}.cudaDriverVersion).compareTo(semver("12.9")) < 0', None),
        (f'{MEMORY}.compareTo(quantity("40Gi")) >= 0', True),
        (f'{MEMORY}.compareTo(quantity("141Gi")) >= 0', False),
        (f'{MEMORY}.isGreaterThan(quantity("85899345919"))', True),
        ('device.attributes["other.io"].zone == "a"', True),
        # No such attribute: Kubernetes does not allocate the device, unless the rest decides.
        (f'{OWN}.architecture == "Hopper"', False),
        ('device.attributes["gpu.example.com"].type == "gpu"', False),
        (f'{OWN}.architecture == "Hopper" || {OWN}.index == 0', True),
        (f'"index" in {OWN}', True),
        (f'"architecture" in {OWN} && {OWN}.architecture == "Hopper"', False),
        # Not judged.
        (f'{OWN}.productName.startsWith("NVIDIA")', None),
        (f'{OWN}.productName.matches("A100|H100")', None),
        (f'{OWN}.productName == "NVIDIA A100" ? true : false', None),
        (f'{OWN}.index == "0"', None),
        ("device.driver ==", None),
        ("device", None),
        ("", None),
        ("((((" * 1000, None),
    ],
)
def test_what_an_expression_says_of_a_device(expression: str, wanted: bool | None, device: Device) -> None:
    assert fits(device, [expression]) is wanted


def test_one_expression_that_does_not_hold_decides(device: Device) -> None:
    unknown, false = f'{OWN}.productName.startsWith("x")', f"{OWN}.index == 7"
    assert fits(device, [unknown, false]) is False
    assert fits(device, [unknown]) is None
    assert fits(device, []) is True


def slices(*counts: int, memory: str = "80Gi") -> tuple[dict[str, Any], ...]:
    """A ResourceSlice for each node, with so many devices."""
    found = []
    for index, number in enumerate(counts):
        entries = [{"name": f"gpu-{n}", "capacity": {"memory": {"value": memory}}} for n in range(number)]
        spec = {"driver": "gpu.nvidia.com", "nodeName": f"node-{index}", "devices": entries}
        found.append(named("ResourceSlice", f"slice-{index}", spec=spec))
    return tuple(found)


def template(name: str, count: int = 1, memory: str = "") -> dict[str, Any]:
    expressions = [f'(device.capacity["gpu.nvidia.com"].memory).compareTo(quantity("{memory}")) >= 0'] if memory else []
    selectors = [{"cel": {"expression": each}} for each in expressions]
    exactly = {"deviceClassName": "gpu", "count": count, "selectors": selectors}
    spec = {"spec": {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}}}
    return named("ResourceClaimTemplate", name, spec=spec)


def claiming(name: str, replicas: int = 1) -> Any:
    claims = [{"name": "c", "resourceClaimTemplateName": name}]
    return workload(service=name, replicas=replicas, resourceClaims=claims)


FEW = "claim a asks for {} of class gpu: {} fit, at most {} of them on one node"
NONE = "claim a asks for 1 device of class gpu: none of the 4 that drivers offer fits its selectors"
CROWD = "claims ask for 5 devices like those of {}: 4 devices fit"


@pytest.mark.parametrize(
    ("offered", "claims", "wanted"),
    [
        ((4,), {"a": (4, "", 1)}, []),
        ((4,), {"a": (5, "", 1)}, [FEW.format("5 devices", "4 of 4", 4)]),
        # A pod gets its devices on one node.
        ((2, 2), {"a": (3, "", 1)}, [FEW.format("3 devices", "4 of 4", 2)]),
        ((4,), {"a": (1, "81Gi", 1)}, [NONE]),
        ((2, 2), {"a": (1, "80Gi", 4)}, []),
        ((2, 2), {"a": (1, "", 5)}, [CROWD.format("a")]),
        ((4,), {"a": (2, "", 1), "b": (2, "80Gi", 1)}, []),
        ((4,), {"a": (2, "", 1), "b": (1, "", 3)}, [CROWD.format("a"), CROWD.format("b")]),
    ],
)
def test_devices_are_counted_by_node_and_all_together(
    offered: tuple[int, ...], claims: dict[str, tuple[int, str, int]], wanted: list[str]
) -> None:
    objects = tuple(template(name, count, memory) for name, (count, memory, _) in claims.items())
    chart = rendered(*(claiming(name, pods) for name, (_, _, pods) in claims.items()), objects=objects)
    world = cluster(named("DeviceClass", "gpu"), *slices(*offered), node("a"))
    found = list(devices.check(chart, world))
    assert [each.text for each in found if each.code] == wanted
    assert codes(found) == ["DeviceClaim"] * len(wanted)


@pytest.mark.parametrize("allocated", [False, True])
def test_a_claim_that_services_share_is_counted_once(allocated: bool) -> None:
    claim = named("ResourceClaim", "shared", spec=template("x", 4)["spec"]["spec"])
    claim["status"] = {"allocation": {"devices": {}}} if allocated else {}
    shared = [{"name": "c", "resourceClaimName": "shared"}]
    chart = rendered(*(workload(service=name, replicas=2, resourceClaims=shared) for name in ("a", "b")))
    world = cluster(claim, named("DeviceClass", "gpu"), *slices(4), node("a"))
    assert codes(devices.check(chart, world)) == []
    fewer = cluster(claim, named("DeviceClass", "gpu"), *slices(3), node("a"))
    assert codes(devices.check(chart, fewer)) == ([] if allocated else ["DeviceClaim"])
