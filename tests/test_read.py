"""Charts from strangers: what is damaged, endless or none is an error, within bounds of time and memory."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pipelines import plan, service

from nimhelm.chart.build import build_chart
from nimhelm.chart.read import read_chart
from nimhelm.chart.write import archive, package_chart, write_chart
from nimhelm.errors import LoadError

CHART = build_chart(plan(service("llm")))


def test_folder_and_package_hold_the_same(tmp_path: Path) -> None:
    (write_chart(CHART, tmp_path) / ".git").mkdir()
    (tmp_path / "demo" / ".git" / "config").write_text("mine")
    assert read_chart(tmp_path / "demo") == read_chart(package_chart(CHART, tmp_path)) == CHART.files


def test_a_folder_without_a_chart(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match=r"has no Chart\.yaml"):
        read_chart(tmp_path)
    with pytest.raises(LoadError, match="does not exist"):
        read_chart(tmp_path / "nowhere")


def packed(content: bytes) -> bytes:
    return gzip.compress(content)


def members(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed(plain.getvalue())


def sparse() -> bytes:
    """An entry that claims a terabyte of holes."""
    header = tarfile.TarInfo("demo/Chart.yaml").tobuf(tarfile.GNU_FORMAT)
    block = bytearray(header)
    block[156:157] = tarfile.GNUTYPE_SPARSE
    block[483:495] = b"%011o\0" % (8 << 30)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return packed(bytes(block) + b"\0" * 1024)


def damaged_inside() -> bytes:
    plain = bytearray(gzip.decompress(archive(CHART)))
    plain[plain.index(b"demo/values.yaml\0") :][:1]
    at = plain.index(b"demo/values.yaml\0")
    plain[at + 148 : at + 156] = b"garbage!"
    return packed(bytes(plain))


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no gzip": lambda: b"PK\3\4 a zip",
    "gzip of text": lambda: packed(b"hello"),
    "cut": lambda: archive(CHART)[:2000],
    "cut inside": lambda: packed(gzip.decompress(archive(CHART))[:5000]),
    "a flipped bit": lambda: archive(CHART)[:3000] + bytes([archive(CHART)[3000] ^ 1]) + archive(CHART)[3001:],
    "a damaged entry": damaged_inside,
    "many empty entries": lambda: members(*((tarfile.TarInfo(f"demo/{n}"), b"") for n in range(10_100))),
    "a long header": lambda: packed(b"\0" * 200_000_000),
    "holes": sparse,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_broken_packages(make: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "demo-0.1.0.tgz"
    path.write_bytes(make())
    with pytest.raises(LoadError) as error:
        read_chart(path)
    assert str(path) in str(error.value)


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, size = package_chart(CHART, tmp_path), len(gzip.decompress(archive(CHART)))
    monkeypatch.setattr("nimhelm.chart.read.MAX_BYTES", size)
    assert read_chart(path) == CHART.files
    monkeypatch.setattr("nimhelm.chart.read.MAX_BYTES", size - 1)
    with pytest.raises(LoadError, match="is larger than a chart may be"):
        read_chart(path)
