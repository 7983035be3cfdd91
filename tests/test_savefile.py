"""Every file that nimhelm writes: whole or not at all, under a name that nobody can guess, with the mode and the link it had."""

from __future__ import annotations

import ast
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, ROOT
from dying import dies_at

from nimhelm.__main__ import guarded
from nimhelm.preflight.cluster import Cluster, Reach
from nimhelm.preflight.dump import save as save_preflight
from nimhelm.savefile import Terms, save, save_private
from nimhelm.status.bundle import save_bundle
from nimhelm.status.dump import save as save_dump
from nimhelm.workspace import is_workspace, workspace
from tests.fuzz.kills import FAULTY, kills
from tests.status.casefile import CASES, read_case, snapshot_of

EXAMPLE = str(EXAMPLES[0])


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fixed(folder: Path) -> None:
    (folder / "f.yaml").write_text(FAULTY)
    guarded(["validate", "--fix", str(folder / "f.yaml")])
    assert (folder / "f.yaml").read_text() != FAULTY


def bundled(folder: Path) -> None:
    save_bundle(snapshot_of(read_case(CASES[0])), str(folder / "b.tgz"), offline=True)


CLUSTER = Cluster(Reach("chart", "rag", "rag"), {"Pod": []}, frozenset(), {}, "1")
WRITERS: dict[str, Callable[[Path], Any]] = {
    "build": lambda folder: guarded(["build", EXAMPLE, "-o", str(folder), "--force"]),
    "build --package": lambda folder: guarded(["build", EXAMPLE, "--package", "-o", str(folder), "--force"]),
    "init": lambda folder: guarded(["init", EXAMPLE, "-o", str(folder / "p.yaml")]),
    "init --force": lambda folder: guarded(["init", EXAMPLE, "-o", str(folder / "p.yaml"), "--force"]),
    "validate --fix": fixed,
    "status --save": lambda folder: save_dump(snapshot_of(read_case(CASES[0])), str(folder)),
    "status --save FILE": bundled,
    "preflight --save": lambda folder: save_preflight(CLUSTER, str(folder)),
}
TRACED: list[str] = []
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def trace(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
        TRACED.append(os.fspath(arguments[0]) if not isinstance(arguments[0], int) else "")


@pytest.fixture(scope="module", autouse=True)
def hook() -> None:
    sys.addaudithook(trace)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.slow
def test_no_name_is_known_before(name: str, tmp_path: Path) -> None:
    """A link that is planted under the name of a temporary file sends nothing elsewhere."""
    opened = []
    for number in range(2):
        folder = tmp_path / "same"
        folder.mkdir()
        TRACED.clear()
        WRITERS[name](folder)
        below = [Path(path).relative_to(folder) for path in TRACED if path.startswith(str(folder))]
        opened.append({path.parts[0] for path in below if path.name != "f.yaml" or len(path.parts) > 1})
        folder.rename(tmp_path / f"done-{number}")
    assert all(is_workspace(one) for each in opened for one in each), opened
    assert all(opened)
    assert not opened[0] & opened[1]


WRITING = ("write_text", "write_bytes", "mkstemp", "NamedTemporaryFile", "copyfile")
FLAGS = ("O_CREAT", "O_WRONLY", "O_RDWR")


def writes(call: ast.Call) -> bool:
    called = ast.unparse(call.func)
    words = [ast.unparse(each) for each in (*call.args, *(keyword.value for keyword in call.keywords))]
    if called == "open":
        return any(word.strip("'\"").startswith(("w", "a", "x", "r+")) for word in words[1:])
    if called == "os.open":
        return any(flag in word for word in words for flag in FLAGS)
    return called.rpartition(".")[2] in WRITING


def writing_calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and writes(node))


ALLOWED = {
    "savefile.py", "chart/write.py",  # into a workspace
    "chart/render.py", "diff/plan.py", "status/bundle.py",  # into a TemporaryDirectory
    "streams.py", "status/watch.py",  # the null device
}  # fmt: skip


@pytest.mark.slow
def test_nothing_else_writes() -> None:
    found = {path.relative_to(ROOT / "nimhelm").as_posix() for path in (ROOT / "nimhelm").rglob("*.py")
             if next(writing_calls(path), None)}  # fmt: skip
    assert found == ALLOWED


def test_mode_owner_and_link_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "deep" / "real.yaml", tmp_path / "link.yaml"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 1234, 4321)
    owner = (real.stat().st_uid, real.stat().st_gid)
    link.symlink_to("deep/real.yaml")
    save(link, b"new")
    assert os.readlink(link) == "deep/real.yaml"
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert (real.stat().st_uid, real.stat().st_gid) == owner
    assert left_in(real.parent) == ["real.yaml"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_follows_the_umask(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        save(tmp_path / "a", b"")
        save(tmp_path / "b", b"", Terms(private=True))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600


def test_a_private_file_replaces_a_link(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    (tmp_path / "a").symlink_to("other")
    save(tmp_path / "a", b"secret", Terms(private=True))
    save_private(tmp_path, {"b": b"secret"})
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "other").read_text() == "mine"
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"} == {0o600}


@pytest.mark.parametrize("target", [None, "file", "nowhere"])
def test_a_new_file_takes_no_place(target: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    path = tmp_path / "file" if target is None else tmp_path / "link"
    if target:
        path.symlink_to(target)
    with pytest.raises(FileExistsError):
        save(path, b"new", Terms(new=True))
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EEXIST])
def test_a_new_file_without_hard_links_or_of_a_race(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(os, "link", link)
    if code == errno.EEXIST:
        with pytest.raises(FileExistsError):
            save(tmp_path / "a", b"new", Terms(new=True))
    else:
        save(tmp_path / "a", b"new", Terms(new=True))
        assert (tmp_path / "a").read_text() == "new"


def test_what_was_saved_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(FAULTY)
    monkeypatch.setattr("nimhelm.fix.command.fixed_text", lambda text: (path.write_text("mine") and "fixed", 1))
    assert guarded(["validate", "--fix", str(path)]) == 3
    assert path.read_text() == "mine"


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for name in ("folder", "one", "absent/file"):
        with pytest.raises(OSError, match=name.partition("/")[0]):
            save(tmp_path / name, b"")
    save(Path(os.devnull), b"x")
    reading, writing = os.pipe()
    save(Path(f"/dev/fd/{writing}"), b"x")
    assert os.read(reading, 2) == b"x"
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    assert left_in(tmp_path) == ["folder", "one", "two"]


@pytest.mark.parametrize("name", ["x" * 255, "a[b]*.yaml", " .yaml"])
def test_any_name(name: str, tmp_path: Path) -> None:
    killed_at(tmp_path / name, 4)
    assert any(is_workspace(each) for each in left_in(tmp_path))
    save(tmp_path / name, b"new")
    assert left_in(tmp_path) == [name]


STEPS = ("open", "os.link", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.chown",
         "tempfile.mkdtemp", "shutil.rmtree", "fcntl.flock", "os.getxattr")  # fmt: skip


def test_a_fix_that_was_killed_after_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(Path(EXAMPLE).read_text())
    (tmp_path / ".f.yaml.nimhelm-dead").mkdir()
    assert guarded(["validate", "--fix", str(tmp_path / "f.yaml")]) == 0
    assert left_in(tmp_path) == ["f.yaml"]


def killed_at(path: Path, moment: int) -> bool:
    """Save in a process that is killed at its nth step on the disk; whether it came that far."""
    return dies_at(moment, STEPS, lambda: save(path, b"new"))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.slow
def test_killed_at_every_step(tmp_path: Path) -> None:
    path, seen = tmp_path / "f", []
    with workspace(tmp_path, "other") as running:
        for moment in count():
            path.write_text("old")
            if not killed_at(path, moment):
                break
            seen.append(path.read_text())
        assert running.exists()
    assert seen == sorted(seen, reverse=True), "once the new file is there it stays"
    assert set(seen) == {"old", "new"}
    assert left_in(tmp_path) == ["f"], "what killed processes left is removed"


def test_an_interrupt_waits(tmp_path: Path) -> None:
    code = ("import os, signal, sys\nfrom pathlib import Path\nfrom nimhelm import savefile\n"
            "write = savefile._write\n"
            "savefile._write = lambda *given: (os.kill(os.getpid(), signal.SIGINT), write(*given))\n"
            "savefile.save(Path('f'), b'new')\n")  # fmt: skip
    (tmp_path / "f").write_text("old")
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
                         env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert ran.returncode != 0
    assert "KeyboardInterrupt" in ran.stderr
    assert ((tmp_path / "f").read_text(), left_in(tmp_path)) == ("new", ["f"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_commands_that_are_killed_and_interrupted_at_random(tmp_path: Path) -> None:
    """`python -m tests.fuzz.kills` does more of it."""
    assert kills(7, 20, tmp_path) == []
