"""Start-ups that a real cluster went through (Kubernetes 1.34), recorded with `nimhelm status --save`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from chromium import DARK, LIGHT, corner, measured, run
from conftest import run_nimhelm

from nimhelm.status.dump import load_dump
from nimhelm.timeline.compute import timeline_of
from nimhelm.timeline.model import FILL, GATE, PULL, STARTUP, Timeline

pytestmark = pytest.mark.slow

RECORDED = Path(__file__).parent / "recorded"
PICTURE = Path(__file__).parents[2] / "docs" / "images" / "timeline.svg"


def recorded(name: str) -> Timeline:
    return timeline_of(load_dump(str(RECORDED / name), "rag"))


def test_where_the_time_went() -> None:
    timeline = recorded("ready")
    assert timeline.over
    assert timeline.total == 59
    ready = {track.name: track.ready for track in timeline.tracks}
    assert ready == {
        "cache/llama3": 20,
        "embedding-service": 14,
        "rerank-service": 30,
        "llm-service": 52,
        "guardrails-service": 59,
    }
    spent = {track.name: [track.spent(kind) for kind in (PULL, GATE, STARTUP, FILL)] for track in timeline.tracks}
    assert spent == {
        "cache/llama3": [7, 0, 0, 12],
        "embedding-service": [6, 0, 6, 0],
        "rerank-service": [7, 0, 22, 0],
        "llm-service": [2, 24, 20, 0],
        "guardrails-service": [0, 53, 2, 0],
    }
    assert {track.node for track in timeline.tracks} == {"bench"}


def test_the_critical_path_is_whole() -> None:
    """It leads from the first moment to the last without a gap, and through the gates that waited."""
    path = recorded("ready").path
    assert list(dict.fromkeys(step.track for step in path)) == ["rerank-service", "llm-service", "guardrails-service"]
    assert path[0].start == 0
    assert path[-1].end == 59
    assert [one.end for one in path[:-1]] == [two.start for two in path[1:]]
    assert sum(step.end - step.start for step in path) == 59


def test_what_would_be_gained() -> None:
    gains = {gain.code: gain.seconds for gain in recorded("ready").gains}
    # Without pulls llm-service would be ready 7 s earlier. Asked every second, rerank-service would be 9 s earlier, but
    # llm-service then waits for its cache until the 21st second; with its own 4 s that makes 11.
    assert gains == {"PrePull": 7, "ProbePeriod": 11}


def test_a_release_that_is_not_ready() -> None:
    timeline = recorded("waiting")
    assert not timeline.over
    assert [(step.track, step.kind, step.on) for step in timeline.path][-1] == ("llm-service", GATE, "cache/llama3")
    assert {track.name for track in timeline.tracks if track.ready is None} == {"llm-service", "guardrails-service"}
    assert timeline.gains == ()  # whatever is shortened, it still waits


@pytest.mark.parametrize("name", ["ready", "waiting"])
def test_the_segments_of_a_track_follow_one_another(name: str) -> None:
    for track in recorded(name).tracks:
        assert track.segments[0].start >= 0
        for one, two in zip(track.segments, track.segments[1:], strict=False):
            assert one.end == two.start
            assert one.seconds >= 0


def test_text() -> None:
    printed = run_nimhelm("timeline", "rag", "--from-dir", RECORDED / "ready", check=True).stdout
    assert printed.startswith("rag-pipeline was ready after 59s (release rag in namespace shown-rec, from 2026-")
    bars = {line.split()[0]: line for line in printed.splitlines()[3:8]}
    assert bars["rerank-service"].startswith("rerank-service     * ╌▒")
    assert bars["cache/llama3"].endswith("▓ 20s")
    assert "*" not in bars["embedding-service"]
    # A column is as long in every bar: 7 s of pulling are as wide as elsewhere.
    assert bars["rerank-service"].count("▒") == pytest.approx(bars["cache/llama3"].count("▒"), abs=1)
    assert re.search(r"-11s  at most, by asking every second", printed)
    assert all(len(line) <= 100 for line in printed.splitlines()[:12])


def test_text_without_unicode() -> None:
    done = run_nimhelm("timeline", "rag", "--from-dir", RECORDED / "ready", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "pppp" in done.stdout
    assert done.stdout.isascii()


def test_json() -> None:
    printed = run_nimhelm("timeline", "rag", "--from-dir", RECORDED / "ready", "-o", "json", check=True).stdout
    data = json.loads(printed)
    assert (data["seconds"], data["over"], len(data["services"])) == (59.0, True, 5)
    assert [step["service"] for step in data["criticalPath"]][-1] == "guardrails-service"
    assert {key: data["gains"][1][key] for key in ("code", "seconds")} == {"code": "PrePull", "seconds": 7.0}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("page") / "timeline.html"
    place.write_text(run_nimhelm("timeline", "rag", "--from-dir", RECORDED / "ready", "-o", "html", check=True).stdout)
    return place


def test_the_page_needs_nothing_else(page: Path) -> None:
    content = page.read_text()
    assert "default-src 'none'" in content
    assert not re.search(r"<(?:script|link|img|iframe|object)|\bsrc=|url\((?!#)|@import", content)
    assert set(re.findall(r"https?://[^\"' <]+", content)) == {"http://www.w3.org/2000/svg"}


MEASURE = """
const outside = [], inside = [];
for (const svg of document.querySelectorAll('svg')) {
  const frame = svg.getBoundingClientRect();
  for (const each of svg.querySelectorAll('text,rect')) {
    const box = each.getBoundingClientRect();
    const fits = box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1
      && box.bottom <= frame.bottom + 1;
    (fits ? inside : outside).push(each.textContent || each.className.baseVal);
  }
}
const cut = [...document.querySelectorAll('#graph .node')].filter(node => {
  const box = node.querySelector('rect').getBoundingClientRect();
  return [...node.querySelectorAll('text')].some(text => text.getBoundingClientRect().right > box.right);
}).length;
const bars = Object.fromEntries([...document.querySelectorAll('#timeline g')].map(track =>
  [track.querySelector('text').textContent,
   Math.max(...[...track.querySelectorAll('rect')].map(bar => bar.getBoundingClientRect().right))]));
return {outside, inside: inside.length, cut, bars, ready: document.querySelectorAll('#graph .Ready').length,
        tables: document.querySelectorAll('table').length};
"""


def test_the_page_in_a_browser(page: Path, tmp_path: Path) -> None:
    found = measured(page, tmp_path, MEASURE)
    assert found["outside"] == []
    assert found["inside"] > 50
    assert found["cut"] == 0
    assert found["ready"] == 4
    assert found["tables"] == 3
    order = sorted(found["bars"], key=lambda name: found["bars"][name])
    assert order == ["embedding-service", "cache/llama3", "rerank-service", "llm-service", "guardrails-service"]


def test_the_page_is_light_and_dark(page: Path, tmp_path: Path) -> None:
    assert corner(page, tmp_path / "light", LIGHT) == (255, 255, 255)
    assert corner(page, tmp_path / "dark", DARK) == (13, 17, 23)


def test_the_page_opens_with_names_that_are_markup(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    for file in (RECORDED / "ready").iterdir():
        text = file.read_text().replace("nvcr.io/slow/nv-rerankqa", "</title><script>document.title=1</script><b>")
        (folder / file.name).write_text(text)
    place = tmp_path / "page.html"
    place.write_text(run_nimhelm("timeline", "rag", "--from-dir", folder, "-o", "html", check=True).stdout)
    shown = run(place, tmp_path / "profile", "--dump-dom")
    assert "<script" not in shown
    assert "<title>rag-pipeline was ready" in shown


def test_the_picture_in_the_docs_is_what_comes_out() -> None:
    drawn = run_nimhelm("timeline", "rag", "--from-dir", RECORDED / "ready", "-o", "svg", check=True).stdout
    ElementTree.fromstring(drawn)
    assert PICTURE.read_text() == drawn
