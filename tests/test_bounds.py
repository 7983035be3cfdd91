"""Inputs that are made to cost time or memory: what they cost grows with their length, not faster, and findings are capped."""

from __future__ import annotations

import tarfile
import time
from pathlib import Path

import pytest

from nimhelm.check import check_documents
from nimhelm.errors import LoadError
from nimhelm.finding import ERROR, MAX_OF_A_FILE, WARNING, Finding, capped, has_errors
from nimhelm.load import load_files
from nimhelm.quantity import nanos
from nimhelm.schema_check import LONGEST, MAX_FINDINGS, scalar_problem
from nimhelm.status.bundle import load_saved

HEAD = """\
apiVersion: apps.nvidia.com/v1alpha1
kind: NIMPipeline
metadata: {name: p}
spec:
  services:
    - name: a
      enabled: true
      spec:
        image: {repository: x, tag: t}
        authSecret: s
"""


def checked(tmp_path: Path, rest: str) -> tuple[list[Finding], float]:
    """The findings of a pipeline that goes on with `rest`, and the seconds of processor time that they take."""
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + rest, encoding="utf-8")
    started = time.process_time()
    return check_documents(load_files([str(path)])), time.process_time() - started


LONG = {
    "digits": "1" * 20_000,
    "almost": "1" * 20_000 + "!",
    "short of the bound": "1" * LONGEST + "!",
    "dots": "0." * 10_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize(
    "field",
    [
        "storage: {{pvc: {{create: true, size: '{}'}}}}",
        "storage: {{emptyDir: {{sizeLimit: '{}'}}}}",
        "resources: {{limits: {{memory: '{}'}}}}",
        "labels: {{a: '{}'}}",
        "runtimeClassName: '{}'",
        "expose: {{service: {{name: '{}'}}}}",
    ],
)
def test_long_values_are_refused_at_once(field: str, text: str, tmp_path: Path) -> None:
    found, seconds = checked(tmp_path, "        " + field.format(text) + "\n")
    assert [finding for finding in found if finding.severity == ERROR and finding.line == 11]
    assert seconds < 2


def test_length_is_judged_before_the_pattern() -> None:
    schema = {"pattern": "^(a+)+$"}
    assert scalar_problem("a" * LONGEST, schema) == ""
    assert scalar_problem("a" * LONGEST * 9 + "!", schema) == f"have at most {LONGEST} characters"


def test_a_quantity_of_too_many_digits_is_none() -> None:
    assert nanos("1" * 5000) is None
    assert nanos("1" * 100) == int("1" * 100) * 10**9


@pytest.mark.slow
def test_many_unknown_fields_are_counted(tmp_path: Path) -> None:
    rest = "".join(f"        x{index}: 1\n" for index in range(20_000))
    found, seconds = checked(tmp_path, rest)
    unknown = [finding for finding in found if finding.code == "NH010"]
    assert len(unknown) == MAX_FINDINGS + 1
    assert [finding.message for finding in unknown if finding.message.startswith("and ")] == [
        f"and {20_000 - MAX_FINDINGS} more values that the schema does not allow"
    ]
    assert seconds < 5


def test_errors_come_before_warnings_when_findings_are_capped() -> None:
    many = [Finding("f", line, 1, "NH060", WARNING, "w") for line in range(1, 5000)]
    other = Finding("g", 1, 1, "NH012", WARNING, "w")
    error = Finding("f", 9999, 1, "NH012", ERROR, "e")
    found = capped([*many, error, other])
    assert len(found) == MAX_OF_A_FILE + 2
    assert {error, other} <= set(found)
    assert [finding.message for finding in found if finding.code == "NH003"] == [
        f"and at least {5000 - MAX_OF_A_FILE} more findings in this file"
    ]


def test_an_error_that_is_not_shown_still_stops() -> None:
    workable = [Finding("f", line, 1, "NH060", ERROR, "w") for line in range(1, 5000)]
    rest = [finding for finding in capped(workable) if finding.code == "NH003"]
    assert has_errors(rest)


WIDE = ["18446744073709551615", "18446744073709551616", "9223372036854775808", "0xFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFF",
        "0o2000000000000000000000", "0b" + "1" * 65, "02000000000000000000000", "-9223372036854775809"]  # fmt: skip


@pytest.mark.parametrize("number", WIDE)
@pytest.mark.parametrize(
    "field",
    [
        "replicas: {}",
        "userID: {}",
        "expose: {{service: {{port: {}}}}}",
        "tolerations: [{{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: {}}}]",
    ],
)
def test_a_field_of_a_whole_number_takes_no_more_than_64_bits(field: str, number: str, tmp_path: Path) -> None:
    found, _ = checked(tmp_path, "        " + field.format(number) + "\n")
    assert [finding.code for finding in found if finding.severity == ERROR and finding.line == 11]


def test_a_name_of_any_length_is_not_printed_whole(tmp_path: Path) -> None:
    long = "a" * 100_000
    (tmp_path / "p.yaml").write_text(f"{HEAD.replace('name: a', f'name: {long}')}        {long}: 1\n")
    found = check_documents(load_files([str(tmp_path / "p.yaml")]))
    assert found
    assert max(len(str(one)) for one in found) < 10_000


@pytest.mark.slow
def test_an_archive_of_many_files_is_refused_at_once(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for number in range(6000):
            tar.addfile(tarfile.TarInfo(f"logs/{number}.log"))
    with pytest.raises(LoadError, match="files"):
        load_saved(str(tmp_path / "a.tar.gz"), "rag")
