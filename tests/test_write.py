"""Writing: whole or not at all, never over what somebody else wrote."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import tarfile
from itertools import count, takewhile
from pathlib import Path

import pytest
from pipelines import plan, service

from nimhelm.chart.build import Chart, build_chart
from nimhelm.chart.write import archive, package_chart, read_folder, swap, write_chart
from nimhelm.errors import WriteError


def chart(tag: str = "1.0", version: str = "0.1.0") -> Chart:
    return build_chart(plan(service("llm", image={"repository": "nim", "tag": tag})), version)


OLD, NEW = chart("old"), chart("new")


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_chart_is_written_as_it_is(tmp_path: Path) -> None:
    target = write_chart(OLD, tmp_path / "deep" / "er")
    assert target == tmp_path / "deep" / "er" / "demo"
    assert read_folder(target) == OLD.files
    assert left_in(target.parent) == ["demo"]


def test_a_chart_of_nimhelm_is_replaced_whole(tmp_path: Path) -> None:
    bigger = build_chart(plan(service("llm"), service("gone")))
    write_chart(bigger, tmp_path)
    write_chart(NEW, tmp_path)
    assert read_folder(tmp_path / "demo") == NEW.files
    assert left_in(tmp_path) == ["demo"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    write_chart(NEW, tmp_path)
    assert read_folder(tmp_path / "demo") == NEW.files


def foreign(target: Path) -> None:
    target.mkdir()
    (target / "notes.txt").write_text("mine")


def foreign_chart(target: Path) -> None:
    target.mkdir()
    (target / "Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.0.0\n")


def a_file(target: Path) -> None:
    target.write_text("mine")


def a_link(target: Path) -> None:
    foreign(target.parent / "elsewhere")
    target.symlink_to("elsewhere")


def a_broken_link(target: Path) -> None:
    target.symlink_to("nowhere")


def a_link_to_a_chart(target: Path) -> None:
    write_chart(OLD, target.parent / "elsewhere")
    target.symlink_to("elsewhere/demo")


def edited(target: Path) -> None:
    write_chart(OLD, target.parent)
    (target / "values.yaml").write_text("mine")


def edited_chart_yaml(target: Path) -> None:
    write_chart(OLD, target.parent)
    path = target / "Chart.yaml"
    path.write_bytes(path.read_bytes() + b"icon: mine\n")


def a_file_more(target: Path) -> None:
    write_chart(OLD, target.parent)
    (target / "templates" / "mine.yaml").write_text("mine")


def a_file_less(target: Path) -> None:
    write_chart(OLD, target.parent)
    (target / "README.md").unlink()


def moved_digest(target: Path) -> None:
    """The digest of another chart does not make this one nimhelm's."""
    write_chart(OLD, target.parent)
    (target / "Chart.yaml").write_bytes(NEW.files["Chart.yaml"])


OTHERS = [foreign, foreign_chart, a_file, a_link, a_broken_link, a_link_to_a_chart, edited, edited_chart_yaml, a_file_more,
          a_file_less, moved_digest]  # fmt: skip


@pytest.mark.parametrize("make", OTHERS)
def test_what_nimhelm_did_not_write_stays(make: object, tmp_path: Path) -> None:
    target = tmp_path / "demo"
    make(target)  # type: ignore[operator]
    before = everything_below(tmp_path)
    with pytest.raises(WriteError) as error:
        write_chart(NEW, tmp_path)
    assert str(target) in str(error.value)
    assert "--force" in error.value.hint
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("make", OTHERS)
def test_force_overwrites_it(make: object, tmp_path: Path) -> None:
    target = tmp_path / "demo"
    make(target)  # type: ignore[operator]
    elsewhere = everything_below(tmp_path / "elsewhere")
    write_chart(NEW, tmp_path, force=True)
    assert read_folder(target) == NEW.files
    assert not target.is_symlink()
    assert everything_below(tmp_path / "elsewhere") == elsewhere, "what a link pointed to is left alone"
    assert set(left_in(tmp_path)) <= {"demo", "elsewhere"}


def everything_below(folder: Path) -> dict[str, object]:
    if not folder.is_dir():
        return {}
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_chart(OLD, tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr("nimhelm.chart.write.write_files", refuse)
    with pytest.raises(WriteError, match="Permission denied"):
        write_chart(NEW, tmp_path)
    with pytest.raises(WriteError, match="Permission denied"):
        package_chart(NEW, tmp_path)
    monkeypatch.undo()
    assert read_folder(tmp_path / "demo") == OLD.files
    assert left_in(tmp_path) == ["demo"]


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_chart(OLD, tmp_path)

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(WriteError, match="Permission denied"):
        write_chart(NEW, tmp_path)


def test_a_parent_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "parent").write_text("mine")
    for put in (write_chart, package_chart):
        with pytest.raises(WriteError, match="cannot write"):
            put(NEW, tmp_path / "parent")
    assert (tmp_path / "parent").read_text() == "mine"


def test_leftovers_of_killed_builds_are_removed_and_those_of_running_ones_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f".demo.nimhelm-{dead.pid}").mkdir()
    (tmp_path / f".demo.nimhelm-{dead.pid}-old").mkdir()
    (tmp_path / f".demo.nimhelm-{os.getppid()}").mkdir()
    (tmp_path / f".other.nimhelm-{dead.pid}").mkdir()
    (tmp_path / ".demo.nimhelm-notes").mkdir()
    write_chart(NEW, tmp_path)
    assert left_in(tmp_path) == sorted(
        ["demo", f".demo.nimhelm-{os.getppid()}", f".other.nimhelm-{dead.pid}", ".demo.nimhelm-notes"]
    )


def test_where_the_kernel_cannot_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nimhelm.chart.write._exchange", lambda one, other: False)
    write_chart(OLD, tmp_path)
    write_chart(NEW, tmp_path)
    assert read_folder(tmp_path / "demo") == NEW.files
    assert left_in(tmp_path) == ["demo"]
    (tmp_path / "part").write_text("new")
    (tmp_path / "file").write_text("old")
    swap(tmp_path / "part", tmp_path / "file")
    assert left_in(tmp_path) == ["demo", "file"]


def test_a_package(tmp_path: Path) -> None:
    target = package_chart(chart(version="1.2.3"), tmp_path / "deep" / "out")
    assert target == tmp_path / "deep" / "out" / "demo-1.2.3.tgz"
    with tarfile.open(target) as tar:
        entries = tar.getmembers()
        content = {one.name: tar.extractfile(one).read() for one in entries}  # type: ignore[union-attr]
    assert content == {f"demo/{path}": content for path, content in chart(version="1.2.3").files.items()}
    assert [one.name for one in entries] == sorted(content)
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime, one.mode) for one in entries} == {
        (0, 0, "", "", 0, 0o644)
    }
    assert left_in(target.parent) == ["demo-1.2.3.tgz"]


def test_a_package_holds_long_paths(tmp_path: Path) -> None:
    long = Chart("demo", "1.0.0", {"Chart.yaml": b"", f"templates/{'x' * 90}/{'y' * 150}.yaml": b"a"})
    with tarfile.open(package_chart(long, tmp_path)) as tar:
        assert f"demo/templates/{'x' * 90}/{'y' * 150}.yaml" in tar.getnames()


def test_a_package_of_other_content_is_not_overwritten(tmp_path: Path) -> None:
    target = package_chart(OLD, tmp_path)
    assert package_chart(OLD, tmp_path) == target
    with pytest.raises(WriteError, match="exists with other content") as error:
        package_chart(NEW, tmp_path)
    assert "--chart-version" in error.value.hint
    assert target.read_bytes() == archive(OLD)
    assert package_chart(NEW, tmp_path, force=True).read_bytes() == archive(NEW)


def test_the_archive_says_nothing_of_the_machine() -> None:
    content = archive(OLD)
    assert content[4:8] == b"\0\0\0\0", "no clock in the gzip header"
    assert content[9] == 255, "no system either"
    assert gzip.decompress(content) == gzip.decompress(archive(OLD))


def write_and_die(chart: Chart, folder: Path, moment: int) -> bool:
    """Write a chart in a process of its own that is killed at its nth step on the disk; whether it came that far."""
    child = os.fork()
    if child == 0:
        steps = iter(range(moment))

        def on_step(event: str, _: object) -> None:
            if event in STEPS and next(steps, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(on_step)
            write_chart(chart, folder)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "ctypes.dlopen", "ctypes.dlsym", "shutil.rmtree")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_killed_build_leaves_the_old_chart_or_the_new_one(tmp_path: Path) -> None:
    def killed_at(moment: int) -> bool | None:
        """Whether the new chart is there after a kill at that step; None when the build came to its end before."""
        write_chart(OLD, tmp_path)
        if not write_and_die(NEW, tmp_path, moment):
            return None
        found = read_folder(tmp_path / "demo")
        assert found in (OLD.files, NEW.files), moment
        return found == NEW.files

    coarse = list(takewhile(lambda outcome: outcome is not None, (killed_at(moment) for moment in count(0, 9))))
    swapped = coarse.index(True) * 9
    fine = [killed_at(moment) for moment in range(swapped - 9, swapped + 1)]
    for outcomes in (coarse, fine):
        assert outcomes == sorted(outcomes, key=bool), "once the new chart is there it stays"
        assert set(outcomes) == {False, True}
    write_chart(NEW, tmp_path)
    assert left_in(tmp_path) == ["demo"]
