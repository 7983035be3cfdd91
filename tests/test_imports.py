"""What a commit hook has to load: `nimhelm validate FILE` must start quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow

SLOW = {
    "asyncio", "click", "dataclasses", "email", "importlib.metadata", "inspect", "json.tool", "jsonschema", "logging", "pathlib",
    "ruamel", "semver", "shutil", "socket", "subprocess", "tarfile", "tempfile", "typing_extensions", "urllib",
}  # fmt: skip
OWN = {
    "nimhelm", "nimhelm.__main__", "nimhelm.assets",
        "nimhelm.schemas", "nimhelm.caches", "nimhelm.check", "nimhelm.layout",
    "nimhelm.rules.filling", "nimhelm.errors", "nimhelm.finding", "nimhelm.load",
    "nimhelm.nimservice", "nimhelm.pipeline", "nimhelm.quantity", "nimhelm.report", "nimhelm.rules", "nimhelm.rules.cache",
    "nimhelm.rules.expose", "nimhelm.rules.annotations",
    "nimhelm.rules.dependencies", "nimhelm.rules.image", "nimhelm.rules.platform", "nimhelm.rules.pod", "nimhelm.rules.resources",
    "nimhelm.rules.scale", "nimhelm.rules.storage", "nimhelm.rules.addresses",
    "nimhelm.rules.names", "nimhelm.rules.probes", "nimhelm.rules.variables", "nimhelm.startup",
    "nimhelm.schema_check", "nimhelm.validate", "nimhelm.yamlread", "nimhelm.yamlscalar",
}  # fmt: skip
RUN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
before = set(sys.modules)
from nimhelm.__main__ import guarded
code = guarded(sys.argv[1:])
print(code, *(set(sys.modules) - before), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of a command line, and the modules that it loads."""
    command = [sys.executable, "-I", "-c", RUN, str(ROOT), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    code, *modules = ran.stderr.splitlines()[-1].split(" ")
    return int(code), set(modules)


def test_validate_loads_little() -> None:
    code, modules = loaded_by("validate", str(ROOT / "examples" / "research-assistant.yaml"))
    assert code == 0
    assert {name for name in modules if name in SLOW or name.split(".")[0] in SLOW} == set()
    assert {name for name in modules if name.split(".")[0] == "nimhelm"} <= OWN


@pytest.mark.parametrize("arguments", [["build", "--help"], ["--version"], ["schema", "pipeline"]])
def test_a_command_loads_no_stage_that_it_does_not_need(arguments: list[str]) -> None:
    code, modules = loaded_by(*arguments)
    assert code == 0
    assert {name for name in modules if name.startswith("nimhelm.")} <= {
        "nimhelm.__main__",
        "nimhelm.errors",
        "nimhelm.cli",
        "nimhelm.assets",
        "nimhelm.schemas",
        "nimhelm.completion",
        "nimhelm.options",
        "nimhelm.show",
    }


def test_the_library_loads_nothing_before_it_is_asked() -> None:
    command = [
        sys.executable,
        "-c",
        "import sys, nimhelm; assert not [m for m in sys.modules if m.startswith('nimhelm.')]; nimhelm.load_files",
    ]
    subprocess.run(command, check=True, cwd=ROOT)


def test_every_name_of_the_library_exists() -> None:
    import nimhelm

    for name in nimhelm.__all__:
        assert getattr(nimhelm, name)
    with pytest.raises(AttributeError):
        nimhelm.nonsense  # noqa: B018
