"""The command `nimhelm`, also `python -m nimhelm`: every failure becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys

from nimhelm.errors import complain

EXIT_INTERRUPTED = 130
OWN_ONLY = "--own-only"


def main() -> None:
    """Run the command line of this process and exit. A reader that went away changes no exit code."""
    from nimhelm.streams import OutputError, finish, prepare

    prepare()
    code = guarded(sys.argv[1:])
    try:
        finish()
    except OutputError as error:
        code = complain(error)
    sys.exit(code)


def guarded(arguments: list[str]) -> int:
    """Run a command line; returns the exit code, whatever happens. NIMHELM_DEBUG=1 lets exceptions through."""
    try:
        return run(arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if os.environ.get("NIMHELM_DEBUG"):
            raise
        return complain(error)


def run(arguments: list[str]) -> int:
    """Run a command line. What a commit hook calls, `validate` with file names alone, needs no click (17 ms)."""
    if arguments[:1] == ["validate"]:
        own_only = arguments[1:2] == [OWN_ONLY]
        files = arguments[2:] if own_only else arguments[1:]
        if files and not any(item.startswith("-") for item in files):
            from nimhelm.validate import validate_files

            return validate_files(files, own_only=own_only)
    from nimhelm.cli import run_click

    return run_click(arguments)


if __name__ == "__main__":
    main()
