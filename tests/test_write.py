"""Writing: whole or not at all, never over what somebody else wrote."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from functools import partial
from itertools import count, takewhile
from pathlib import Path

import pytest
from conftest import Helm
from dying import dies_at
from pipelines import plan, service

from nimhelm.chart.build import Chart, build_chart
from nimhelm.chart.read import read_folder
from nimhelm.chart.record import RECORD
from nimhelm.chart.workspace import chart_workspace as workspace
from nimhelm.chart.workspace import dissolve
from nimhelm.chart.write import archive, check_place, package_chart, write_chart
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


def its_own_input(target: Path) -> None:
    target.mkdir()
    (target / "pipeline.yaml").write_text("kind: NIMPipeline")


def other_template(target: Path) -> None:
    """A hand-made file where the new chart has one of its own."""
    write_chart(build_chart(plan(service("other"))), target.parent)
    (target / "charts" / "llm").mkdir()
    (target / "charts" / "llm" / "Chart.yaml").write_text("mine")


def edited(target: Path) -> str:
    write_chart(OLD, target.parent)
    (target / "values.yaml").write_text("mine")
    return "values.yaml"


def edited_chart_yaml(target: Path) -> str:
    write_chart(OLD, target.parent)
    path = target / "Chart.yaml"
    path.write_bytes(path.read_bytes() + b"icon: mine\n")
    return "Chart.yaml"


def a_file_less(target: Path) -> str:
    write_chart(OLD, target.parent)
    (target / "README.md").unlink()
    return r"README.md \(removed\)"


def moved_chart_yaml(target: Path) -> str:
    """A file of another chart of nimhelm's is not a file of this one."""
    write_chart(OLD, target.parent)
    (target / "values.yaml").write_bytes(chart("third").files["values.yaml"])
    return "values.yaml"


OTHERS = [foreign, foreign_chart, a_file, a_link, a_broken_link, a_link_to_a_chart, its_own_input, other_template]
EDITED = [edited, edited_chart_yaml, a_file_less, moved_chart_yaml]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("make", OTHERS)
def test_what_nimhelm_did_not_write_stays_whatever_the_flag(
    make: Callable[[Path], None], force: bool, tmp_path: Path
) -> None:
    target = tmp_path / "demo"
    make(target)
    before = everything_below(tmp_path)
    with pytest.raises(WriteError) as error:
        write_chart(NEW, tmp_path, force=force)
    assert str(target) in str(error.value)
    assert "--force" not in error.value.hint
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("make", EDITED)
def test_what_was_edited_is_named_and_replaced_by_force(make: Callable[[Path], str], tmp_path: Path) -> None:
    name = make(tmp_path / "demo")
    before = everything_below(tmp_path)
    with pytest.raises(WriteError, match=f": {name}$") as error:
        write_chart(NEW, tmp_path)
    assert "--force" in error.value.hint
    assert everything_below(tmp_path) == before
    write_chart(NEW, tmp_path, force=True)
    assert read_folder(tmp_path / "demo") == NEW.files
    assert left_in(tmp_path) == ["demo"]


NEIGHBOURS = ("Chart.lock", ".git/config", ".git/objects/pack/a.pack", ".DS_Store", "values.yaml.bak", ".values.yaml.swp",
              "values-prod.yaml", "templates/mine.yaml", "charts/own/Chart.yaml", "charts/gone/.DS_Store", "ci/a/b")  # fmt: skip


@pytest.mark.parametrize("force", [False, True])
def test_neighbours_stay(force: bool, tmp_path: Path) -> None:
    target = write_chart(build_chart(plan(service("llm"), service("gone"))), tmp_path)
    for name in NEIGHBOURS:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(f"content of {name}")
    (target / "ci/link").symlink_to("../nowhere")
    (target / "ci/empty").mkdir()
    (target / "ci/a/b").chmod(0o750)
    (target / "ci").chmod(0o700)
    write_chart(NEW, tmp_path, force)
    found = everything_below(target)
    assert {name: found[str(target / name)] for name in NEIGHBOURS} == {
        name: f"content of {name}".encode() for name in NEIGHBOURS
    }
    assert found[str(target / "ci/link")] == "../nowhere"
    assert (target / "ci/empty").is_dir()
    assert (target / "ci/a/b").stat().st_mode & 0o777 == 0o750
    assert (target / "ci").stat().st_mode & 0o777 == 0o700
    files = {path for path, content in found.items() if isinstance(content, bytes)}
    assert files == {str(target / path) for path in (*NEW.files, *NEIGHBOURS)}, "nothing is left of the old chart"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_without_its_service_is_refused(force: bool, tmp_path: Path, helm: Helm) -> None:
    """Helm cannot load a chart with a folder in charts/ that has no Chart.yaml, and what is not nimhelm's is not removed."""
    target = write_chart(build_chart(plan(service("llm"), service("gone"))), tmp_path)
    for name in (
        "charts/gone/templates/mine.yaml",
        "charts/gone/notes.txt",
        "charts/gone/.git/config",
        "charts/llm/mine",
    ):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text("mine")
    before = everything_below(target)
    with pytest.raises(WriteError, match=r"service that goes: charts/gone/notes.txt, charts/gone/templates/mine.yaml$"):
        write_chart(NEW, tmp_path, force)
    assert everything_below(target) == before
    for name in ("templates/mine.yaml", "notes.txt"):
        (target / "charts/gone" / name).unlink()
    write_chart(NEW, tmp_path, force)
    assert (target / "charts/gone/.git/config").read_text() == "mine"
    helm.template(target)


def test_neighbours_stay_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    target = write_chart(OLD, tmp_path)
    (target / ".git").mkdir()
    (target / ".git" / "config").write_text("mine")
    monkeypatch.setattr(os, "link", refuse)
    write_chart(NEW, tmp_path)
    assert (target / ".git" / "config").read_text() == "mine"


def test_a_file_that_came_meanwhile_stays(tmp_path: Path) -> None:
    """Between the linking of neighbours and the exchange an editor may save."""
    old, target = write_chart(OLD, tmp_path / "old"), write_chart(NEW, tmp_path)
    (old / "values-late.yaml").write_text("late")
    (old / "values-both.yaml").write_text("newer")
    (target / "values-both.yaml").write_text("older")
    os.utime(target / "values-both.yaml", (1, 1))
    dissolve(old, target)
    assert (target / "values-late.yaml").read_text() == "late"
    assert (target / "values-both.yaml").read_text() == "newer"
    assert {**NEW.files, "values-late.yaml": b"late", "values-both.yaml": b"newer"} == {
        path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()
    }
    assert not old.exists()


@pytest.mark.parametrize("name", ["values.yaml", "templates/mine.yaml", "README.md"])
def test_an_input_is_never_replaced(name: str, tmp_path: Path) -> None:
    target = write_chart(OLD, tmp_path)
    given = tmp_path / "pipeline.yaml"
    (target / name).unlink(missing_ok=True)
    given.write_text("mine")
    os.link(given, target / name)
    if name in OLD.files:
        with pytest.raises(WriteError, match="is an input of this build"):
            write_chart(NEW, tmp_path, force=True, inputs=[str(given)])
    else:
        write_chart(NEW, tmp_path, inputs=[str(given)])
    assert (target / name).read_text() == "mine"


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", ".git/config", "pipeline.yaml", "templates/../../x", "charts/a/.git/x", ""]
)
def test_a_record_from_a_stranger_owns_no_more_than_a_chart(path: str, tmp_path: Path) -> None:
    target = write_chart(OLD, tmp_path)
    place = Path(os.path.normpath(target / path))
    if not path.startswith("/") and path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("mine")
    record = json.loads((target / RECORD).read_text())
    record["files"][path] = hashlib.sha256(b"mine").hexdigest()
    (target / RECORD).write_text(json.dumps(record))
    write_chart(NEW, tmp_path, force=True)
    if not path.startswith("/") and path:
        assert place.read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"version": 1, "files": {}}', b'{"version": "../x", "files": {}}',
                                     b'{"version": "1.0.0", "files": []}', b"[" * 100_000])  # fmt: skip
def test_what_is_no_record(content: bytes, tmp_path: Path) -> None:
    target = write_chart(OLD, tmp_path)
    (target / RECORD).write_bytes(content)
    with pytest.raises(WriteError, match="was not written by nimhelm"):
        write_chart(NEW, tmp_path, force=True)
    assert (target / "values.yaml").read_bytes() == OLD.files["values.yaml"]


def test_version_control_alone_is_as_good_as_empty(tmp_path: Path) -> None:
    (tmp_path / "demo" / ".git").mkdir(parents=True)
    (tmp_path / "demo" / ".git" / "config").write_text("mine")
    assert read_folder(write_chart(NEW, tmp_path)) == NEW.files
    assert (tmp_path / "demo" / ".git" / "config").read_text() == "mine"


def test_the_same_chart_again_touches_nothing(tmp_path: Path) -> None:
    target = write_chart(OLD, tmp_path)
    before = target.stat()
    write_chart(OLD, tmp_path)
    assert (target.stat().st_ino, target.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


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

    monkeypatch.setattr("nimhelm.savefile._write", refuse)
    monkeypatch.setattr("nimhelm.chart.write.write_files", refuse)
    with pytest.raises(WriteError, match="Permission denied"):
        write_chart(NEW, tmp_path)
    with pytest.raises(WriteError, match="Permission denied"):
        package_chart(NEW, tmp_path)
    monkeypatch.undo()
    assert read_folder(tmp_path / "demo") == OLD.files
    assert left_in(tmp_path) == ["demo"]


@pytest.mark.parametrize("locked", ["", "templates"])
def test_a_folder_of_the_chart_that_may_not_be_written(
    locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be removed is not replaced; the tests may run as root, who may write anything."""
    write_chart(OLD, tmp_path)
    place = tmp_path / "demo" / locked
    place.mkdir(exist_ok=True)
    monkeypatch.setattr("nimhelm.chart.write.os.access", lambda folder, _: Path(folder) != place)
    for attempt in (write_chart, partial(check_place, package=False, inputs=())):
        with pytest.raises(WriteError, match=f"cannot write {place}: Permission denied"):
            attempt(NEW, tmp_path, force=True)
    assert write_chart(OLD, tmp_path) == tmp_path / "demo"
    monkeypatch.undo()
    assert {name: text for name, text in read_folder(tmp_path / "demo").items() if text is not None} == OLD.files
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


def test_what_a_killed_package_left_is_removed_by_the_next_run(tmp_path: Path) -> None:
    """Also where the package itself was in its place already, and the next run has nothing to write."""
    package_chart(NEW, tmp_path)
    (tmp_path / ".demo-0.1.0.tgz.nimhelm-dead" / "part").mkdir(parents=True)
    package_chart(NEW, tmp_path)
    assert left_in(tmp_path) == ["demo-0.1.0.tgz"]


def test_leftovers_of_killed_builds_are_removed_and_those_of_running_ones_kept(tmp_path: Path) -> None:
    (tmp_path / ".demo.nimhelm-dead" / "part").mkdir(parents=True)
    (tmp_path / ".other.nimhelm-dead").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "notes").write_text("mine")
    (tmp_path / ".demo.nimhelm-link").symlink_to("elsewhere")
    (tmp_path / ".demo.nimhelm-notes").write_text("mine")
    with workspace(tmp_path, "demo") as running:
        write_chart(NEW, tmp_path)
        package_chart(NEW, tmp_path)
        assert left_in(tmp_path) == sorted(
            [
                "demo",
                "demo-0.1.0.tgz",
                running.name,
                ".other.nimhelm-dead",
                ".demo.nimhelm-link",
                ".demo.nimhelm-notes",
                "elsewhere",
            ]
        )
    assert (tmp_path / "elsewhere" / "notes").read_text() == "mine"
    assert not running.exists()


def test_a_workspace_is_private_and_of_no_known_name(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        with workspace(tmp_path, "demo") as place:
            names.add(place.name)
            assert place.stat().st_mode & 0o777 == 0o700
    assert len(names) == 3


def test_the_modes_of_files_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        target = write_chart(OLD, tmp_path)
        package = package_chart(OLD, tmp_path)
    finally:
        os.umask(before)
    assert (target.stat().st_mode & 0o777, (target / "values.yaml").stat().st_mode & 0o777) == (0o750, 0o640)
    assert package.stat().st_mode & 0o777 == 0o640


def test_where_the_kernel_cannot_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nimhelm.chart.write._exchange", lambda one, other: False)
    write_chart(OLD, tmp_path)
    (tmp_path / "demo" / "values-mine.yaml").write_text("mine")
    write_chart(NEW, tmp_path)
    (tmp_path / "demo" / "values-mine.yaml").unlink()
    assert read_folder(tmp_path / "demo") == NEW.files
    assert left_in(tmp_path) == ["demo"]
    leftover = tmp_path / ".demo.nimhelm-dead"
    leftover.mkdir()
    (tmp_path / "demo").rename(leftover / "aside")
    write_chart(NEW, tmp_path)
    assert read_folder(tmp_path / "demo") == NEW.files
    assert left_in(tmp_path) == ["demo"], "killed between the two steps: the old chart comes back first"


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
    assert "--bump" in error.value.hint
    assert target.read_bytes() == archive(OLD)
    assert package_chart(NEW, tmp_path, force=True).read_bytes() == archive(NEW)


def test_the_archive_says_nothing_of_the_machine() -> None:
    content = archive(OLD)
    assert content[4:8] == b"\0\0\0\0", "no clock in the gzip header"
    assert content[9] == 255, "no system either"
    assert gzip.decompress(content) == gzip.decompress(archive(OLD))


def write_and_die(chart: Chart, folder: Path, moment: int) -> bool:
    """Write a chart in a process of its own that is killed at its nth step on the disk; whether it came that far."""
    return dies_at(moment, STEPS, lambda: write_chart(chart, folder))


STEPS = (
    "open",
    "os.link",
    "os.scandir",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "ctypes.dlopen",
    "ctypes.dlsym",
    "shutil.rmtree",
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_killed_build_leaves_the_old_chart_or_the_new_one(tmp_path: Path) -> None:
    def killed_at(moment: int) -> bool | None:
        """Whether the new chart is there after a kill at that step; None when the build came to its end before."""
        write_chart(OLD, tmp_path)
        for name in NEIGHBOURS:
            place = tmp_path / "demo" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(name)
        if not write_and_die(NEW, tmp_path, moment):
            return None
        for name in NEIGHBOURS:
            assert (tmp_path / "demo" / name).read_text() == name, moment
        found = {path: (tmp_path / "demo" / path).read_bytes() for path in OLD.files}
        assert found in (OLD.files, NEW.files), moment
        return found == NEW.files

    for warm_up in (OLD, NEW):  # what is imported late is imported before the steps are counted
        write_chart(warm_up, tmp_path)
    coarse = list(takewhile(lambda outcome: outcome is not None, (killed_at(moment) for moment in count(0, 9))))
    swapped = coarse.index(True) * 9
    fine = [killed_at(moment) for moment in range(swapped - 18, swapped + 1)]
    for outcomes in (coarse, fine):
        assert outcomes == sorted(outcomes, key=bool), "once the new chart is there it stays"
        assert set(outcomes) == {False, True}
    write_chart(NEW, tmp_path)
    assert left_in(tmp_path) == ["demo"]
