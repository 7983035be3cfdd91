"""Durations, and foreign text made harmless."""

from __future__ import annotations

import pytest

from nimhelm.wording import clean, duration, last_line, short


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (58, "58s"),
        (60, "1m"),
        (72, "1m12s"),
        (1800, "30m"),
        (3600, "1h"),
        (3900, "1h5m"),
        (86400, "1d"),
        (180000, "2d2h"),
    ],
)
def test_duration(seconds: int, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("plain", "plain"),
        ("two\n  lines\t", "two lines"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]0;title\x07x", "x"),
        ("\x9b31mx", "?31mx"),
        ("a\u202eb\u200b", "a?b?"),
        ("é 埋め", "é 埋め"),
        ("\ud800", "?"),
    ],
)
def test_clean(foreign: str, said: str) -> None:
    assert clean(foreign) == said


def test_short() -> None:
    assert short("x" * 200, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("one\ntwo\n\n", "two"),
        ('{"level": "ERROR", "message": "no model"}\n', "no model"),
        ('{"broken', '{"broken'),
        ("[1]\n", "[1]"),
        ("", ""),
        (" \n\x1b[0m\n", ""),
    ],
)
def test_last_line(log: str, said: str) -> None:
    assert last_line(log) == said
