"""Quantities as Kubernetes reads them."""

from __future__ import annotations

from typing import Any

import pytest

from nimhelm.quantity import canonical, count, is_whole, nanos

ONE = 10**9


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("1", ONE), (1, ONE), ("0", 0), ("1.5", 1_500_000_000), (1.5, 1_500_000_000), (".5", ONE // 2), ("1.", ONE), ("+1", ONE),
        ("-1", -ONE),
        ("1n", 1), ("1u", 10**3), ("1m", 10**6), ("1k", 10**12), ("1M", 10**15), ("1G", 10**18), ("1T", 10**21), ("1P", 10**24),
        ("1E", 10**27), ("1Ki", 1024 * ONE), ("1Mi", 1024**2 * ONE), ("1Gi", 1024**3 * ONE), ("1Ti", 1024**4 * ONE),
        ("1Pi", 1024**5 * ONE), ("1Ei", 1024**6 * ONE), ("1e3", 1000 * ONE), ("1E3", 1000 * ONE), ("1e-3", 10**6),
        ("2E+1", 20 * ONE),
        ("0.1n", 1), ("0.0000000001", 1), ("1.5Gi", 1024**3 * ONE * 3 // 2), ("0.5Ki", 512 * ONE),
        ("", None), ("x", None), ("1 Gi", None), ("1gi", None), ("1GB", None), ("1K", None), ("1e", None),
        ("1\n", None), ("--1", None), (True, None), (None, None), ([], None), ("1e333", None),
    ],
)  # fmt: skip
def test_nanos(value: Any, amount: int | None) -> None:
    assert nanos(value) == amount


@pytest.mark.parametrize(
    ("value", "whole", "units"),
    [
        ("1", True, 1),
        ("2000m", True, 2),
        ("1500m", False, 2),
        ("0.5", False, 1),
        (3, True, 3),
        ("1k", True, 1000),
        ("x", False, 0),
        ("0", True, 0),
    ],
)
def test_units(value: Any, whole: bool, units: int) -> None:
    assert (is_whole(value), count(value)) == (whole, units)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.5", "500m"),
        (0.5, "500m"),
        ("1.5", "1500m"),
        ("8", "8"),
        (8, 8),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1000", "1k"),
        ("0", "0"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000Mi", "1000Mi"),
        ("100Gi", "100Gi"),
        ("007", "7"),
        ("5000000000", "5G"),
        ("0.1Gi", "0.1Gi"),
        ("1e3", "1e3"),
        ("+1", "+1"),
        ("1024Ti", "1Pi"),
        ("12G", "12G"),
        ("0.25m", "250u"),
        ("1Ei", "1Ei"),
        ("0Gi", "0"),
    ],
)
def test_quantities_are_written_as_the_api_server_does(written: Any, expected: Any) -> None:
    assert canonical(written) == expected
