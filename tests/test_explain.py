"""Every code has an entry, and what the entries of findings show is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from nimhelm.check import check_documents
from nimhelm.codes import CODES
from nimhelm.explain.catalogue import PIPELINE, Entry, catalogue, example_of
from nimhelm.explain.command import explain, explained
from nimhelm.load import load_files
from nimhelm.status.causes.images import MEANINGS
from nimhelm.status.causes.refusals import REFUSALS
from nimhelm.validate_values import chart_values, check_values_file

FINDINGS = [entry for entry in catalogue().values() if entry.code in CODES]
CLUSTER = [entry for entry in catalogue().values() if entry.code not in CODES]
BASE = yaml.safe_load(PIPELINE)
# A code in the sources: Cause("SecretMissing", … or "GPUs", FAILS, text, "NoGPUNode".
WRITTEN = re.compile(r'"([A-Z][A-Za-z]+)"')


def document(entry: Entry, text: str) -> str:
    """The example as a file: what it leaves out is right. Text is kept as it is, since YAML itself may be what is wrong."""
    if entry.within == "file":
        return example_of(entry, text)
    if entry.within == "spec":
        kept = {
            key: value
            for key, value in BASE["spec"]["services"][0]["spec"].items()
            if not re.search(f"^{key}:", text, re.M)
        }
        lines = yaml.safe_dump(kept) + text
        head = PIPELINE.partition("        image:")[0]
        return head + "".join(f"        {line}\n" for line in lines.splitlines())
    services = yaml.safe_load(text)["services"]
    for service in services:
        spec = BASE["spec"]["services"][0]["spec"] | service.get("spec", {})
        service.update({"enabled": service.get("enabled", True), "spec": spec})
    return yaml.safe_dump(BASE | {"spec": {"services": services}}, sort_keys=False)


def codes_of(entry: Entry, text: str, folder: Path, chart: Path) -> set[str]:
    if entry.within == "values":
        (folder / "values.yaml").write_text(text, encoding="utf-8")
        return {finding.code for finding in check_values_file(str(folder / "values.yaml"), *chart_values(chart))[0]}
    text = document(entry, text)
    (folder / "pipeline.yaml").write_text(text, encoding="utf-8")
    loaded = load_files([str(folder / "pipeline.yaml")])
    return {finding.code for finding in check_documents(loaded)}


def test_every_code_of_a_finding_has_an_entry() -> None:
    assert {entry.code for entry in FINDINGS} == set(CODES)


@pytest.mark.parametrize("entry", FINDINGS, ids=lambda entry: entry.code)
@pytest.mark.slow
def test_the_example_yields_its_code(entry: Entry, built: Path, tmp_path: Path) -> None:
    assert entry.code in codes_of(entry, entry.example, tmp_path, built / "rag-pipeline")


@pytest.mark.parametrize("entry", [each for each in FINDINGS if each.instead], ids=lambda entry: entry.code)
@pytest.mark.slow
def test_what_is_shown_instead_does_not(entry: Entry, built: Path, tmp_path: Path) -> None:
    assert entry.code not in codes_of(entry, entry.instead, tmp_path, built / "rag-pipeline")


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.code)
def test_an_entry_says_something(entry: Entry) -> None:
    for text in (entry.means, entry.why, entry.fix):
        assert len(text.split()) >= 3, text
        assert text.strip()[-1] in ".?", text
    assert entry.title
    assert entry.example.strip()
    shown = explained(entry)
    assert shown.startswith(f"{entry.code}: {entry.title}\n")
    prose = shown.partition("\nExample")[0].splitlines()[1:]
    assert all(len(line) <= 80 for line in prose if not line.startswith("  "))


def written_codes(*folders: str) -> set[str]:
    files = [path for folder in folders for path in (ROOT / "nimhelm" / folder).rglob("*.py")]
    return {code for path in files for code in WRITTEN.findall(path.read_text(encoding="utf-8"))}


def test_every_code_of_a_check_has_an_entry_that_names_preflight() -> None:
    from nimhelm.preflight.checks import policies

    named = {entry.code for entry in CLUSTER if "preflight" in entry.seen}
    shown = {code for _, code in policies._MEANINGS}
    assert shown <= named
    assert named <= written_codes("preflight")


def test_an_unknown_code_is_answered_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain("nh041") == 0
    assert capsys.readouterr().out.startswith("NH041: a fraction of a device")
    assert explain("SecretMising") == 2
    assert "did you mean SecretMissing" in capsys.readouterr().err
    assert explain("\x1b[31m") == 2
    assert "\x1b" not in capsys.readouterr().err


def test_every_cause_of_the_status_has_an_entry() -> None:
    sources = (ROOT / "nimhelm" / "status").rglob("*.py")
    literal = {
        code for path in sources for code in re.findall(r'Cause\(\s*"([A-Za-z]+)"', path.read_text(encoding="utf-8"))
    }
    tabled = {code for _, code, _ in (*REFUSALS, *MEANINGS)}
    assert literal | tabled <= {entry.code for entry in CLUSTER if "status" in entry.seen}
