"""Once, --wait and --watch: what is written and how it ends."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from apiserver import Cluster, serving

from nimhelm.errors import KubectlError
from nimhelm.kubectlerrors import UnreachableError
from nimhelm.status import watch
from nimhelm.status.snapshot import Snapshot
from nimhelm.status.watch import Options, run
from tests.status.casefile import read_case, snapshot_of
from tests.status.conftest import cluster_of

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "cases"
Timeline = Callable[..., None]


def snapshot(case: str) -> Snapshot:
    return snapshot_of(read_case(CASES / f"{case}.yaml"))


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def timeline(monkeypatch: pytest.MonkeyPatch) -> Timeline:
    """The cluster shows one case after another, the last one for ever; an exception is raised."""
    monkeypatch.setattr(watch, "PERIOD", 0.01)
    monkeypatch.setattr(watch, "FAILED_FOR", 0.05)

    def set_up(*steps: str | Exception) -> None:
        left = list(steps)

        def read(*_: object) -> Snapshot:
            step = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(step, BaseException):
                raise step
            return snapshot(step)

        monkeypatch.setattr(watch, "read_release", read)

    return set_up


def shown(options: Options, out: io.StringIO | None = None) -> tuple[int, str, str]:
    out, err = out or io.StringIO(), io.StringIO()
    return run(options, out, err), out.getvalue(), err.getvalue()


def test_once(timeline: Timeline) -> None:
    timeline("all_ready")
    assert shown(Options("rag"))[0] == 0
    for case in ("starting", "image_pull_401"):
        timeline(case)
        code, out, _ = shown(Options("rag"))
        assert code == 1
        assert out.startswith("rag-pipeline  ")


def test_once_raises_what_the_command_line_reports(timeline: Timeline) -> None:
    timeline(KubectlError("no"))
    with pytest.raises(KubectlError):
        shown(Options("rag"))


def test_wait_until_ready(timeline: Timeline) -> None:
    timeline("just_installed", "starting", "starting", "all_ready")
    code, out, _ = shown(Options("rag", wait=True))
    assert code == 0
    assert out.count("embedding-service  Pending") == 1
    assert out.count("embedding-service  NotReady  0/1  starting for 3m") == 1  # only changes
    assert out.splitlines()[-4].startswith("SERVICE")  # and the whole table at the end


def test_wait_outlives_a_failure_that_mends_itself(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "FAILED_FOR", 5)
    timeline("image_pull_401", "image_pull_401", "starting", "image_pull_401", "all_ready")
    assert shown(Options("rag", wait=True))[0] == 0


def test_wait_ends_with_a_failure_that_stays(timeline: Timeline) -> None:
    timeline("starting", "image_pull_401")
    code, out, _ = shown(Options("rag", wait=True))
    assert code == 1
    assert "next (rerank-service): kubectl create secret docker-registry pull-nvcr-io" in out


def test_wait_times_out(timeline: Timeline) -> None:
    timeline("starting")
    code, _, err = shown(Options("rag", wait=True, timeout=0.1))
    assert code == 4
    assert "rag is not ready after 0.1 s" in err


def test_a_short_absence_of_the_server_is_bridged(timeline: Timeline) -> None:
    timeline("starting", UnreachableError("gone"), UnreachableError("gone"), "all_ready")
    code, _, err = shown(Options("rag", wait=True))
    assert code == 0
    assert err == "gone; trying again\ngone; trying again\n"


def test_a_long_absence_is_an_error(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "GONE_FOR", 0.1)
    timeline("starting", UnreachableError("gone"))
    with pytest.raises(UnreachableError):
        shown(Options("rag", wait=True))


def test_a_right_that_is_taken_away_is_an_error_at_once(timeline: Timeline) -> None:
    timeline("starting", KubectlError("401"))
    with pytest.raises(KubectlError):
        shown(Options("rag", watch=True))


def test_no_server_at_the_start_is_an_error_at_once(timeline: Timeline) -> None:
    timeline(UnreachableError("gone"))
    with pytest.raises(UnreachableError):
        shown(Options("rag", wait=True))


def test_wait_wants_it_steady(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready for a moment, and then not: that is not the end."""
    monkeypatch.setattr(watch, "STEADY_FOR", 1000.0)
    timeline("all_ready", "starting", "all_ready", KeyboardInterrupt())
    assert shown(Options("rag", wait=True))[0] == 130


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_wait_that_runs_out_shows_the_final_state(timeline: Timeline, output: str) -> None:
    timeline("image_pull_401", "image_pull_401", "image_pull_401", "image_pull_401")
    code, out, err = shown(Options("rag", wait=True, timeout=0.001, output=output))
    assert code == 4
    assert "not ready after" in err
    assert "kubectl create secret" in out
    assert output == "table" or yaml.safe_load(out)["status"]["state"] == "Failed"


def test_watch_ends_with_ctrl_c(timeline: Timeline) -> None:
    timeline("starting", KeyboardInterrupt())
    assert shown(Options("rag", watch=True))[0] == 130


def test_watch_redraws_on_a_terminal(timeline: Timeline) -> None:
    timeline("starting", "starting", KeyboardInterrupt())
    code, out, _ = shown(Options("rag", watch=True), Terminal())
    assert code == 130
    assert out.count("\x1b[5A") == 1  # back over five rows, once
    assert out.count("SERVICE") == 2


def test_a_note_is_not_drawn_over(timeline: Timeline) -> None:
    timeline("starting", UnreachableError("gone"), "starting", KeyboardInterrupt())
    _, out, _ = shown(Options("rag", watch=True), Terminal())
    assert "\x1b[5A" not in out


def test_a_small_terminal_keeps_the_next_step(timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((200, 7)))
    timeline("image_pull_401", KeyboardInterrupt())
    _, out, _ = shown(Options("rag", watch=True), Terminal())
    assert "more, too many for the screen" in out
    assert "next (rerank-service): kubectl create secret" in out


def test_wait_with_json_writes_one_document(timeline: Timeline) -> None:
    timeline("starting", "all_ready")
    code, out, err = shown(Options("rag", wait=True, output="json"))
    assert code == 0
    assert json.loads(out)["status"]["state"] == "Ready"
    assert "embedding-service  NotReady" in err


def test_from_dir_needs_no_cluster(tmp_path: Path, timeline: Timeline) -> None:
    timeline("image_pull_401")
    code, out, err = shown(Options("rag", save=str(tmp_path / "dump")))
    assert code == 1
    assert f"saved to {tmp_path / 'dump'}" in err
    timeline(KubectlError("no cluster"))
    assert shown(Options("rag", from_dir=str(tmp_path / "dump"), wait=True))[:2] == (1, out)


def test_server_gone_in_the_middle_of_a_watch(
    real_kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real kubectl, and a server that goes and comes back on the same port."""
    monkeypatch.setattr(watch, "PERIOD", 0.1)
    cluster = cluster_of("starting")
    out, err = io.StringIO(), io.StringIO()
    ended: list[int] = []
    with serving(cluster):
        options = Options("rag", kubeconfig=cluster.kubeconfig(tmp_path), wait=True, timeout=30)
        thread = threading.Thread(target=lambda: ended.append(run(options, out, err)))
        thread.start()
        wait_for(lambda: "starting" in out.getvalue())
    wait_for(lambda: "refuses the connection; trying again" in err.getvalue())
    with serving(back_on(cluster, "all_ready"), int(cluster.address.rpartition(":")[2])):
        thread.join(20)
    assert ended == [0]


def test_server_gone_for_good(real_kubectl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.1)
    monkeypatch.setattr(watch, "GONE_FOR", 4.0)
    cluster = cluster_of("starting")
    out, err = io.StringIO(), io.StringIO()
    raised: list[BaseException] = []

    def follow() -> None:
        try:
            run(Options("rag", kubeconfig=cluster.kubeconfig(tmp_path), watch=True), out, err)
        except UnreachableError as error:
            raised.append(error)

    with serving(cluster):
        thread = threading.Thread(target=follow)
        thread.start()
        wait_for(lambda: "starting" in out.getvalue())
    thread.join(20)
    assert raised
    assert "trying again" in err.getvalue()


def test_ctrl_c_leaves_nothing_behind(cluster: Cluster, tmp_path: Path) -> None:
    """A real SIGINT while kubectl waits for a slow server."""
    cluster.delay = 60
    options = f"Options('rag', kubeconfig={cluster.kubeconfig(tmp_path)!r}, watch=True)"
    code = f"import sys; from nimhelm.status.watch import Options, run; sys.exit(run({options}))"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: len(cluster.listed) >= 5)
    process.send_signal(signal.SIGINT)
    complaint = process.communicate(timeout=10)[1]
    assert process.returncode == 130
    assert complaint == b""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


def back_on(gone: Cluster, case: str) -> Cluster:
    return cluster_of(case)
