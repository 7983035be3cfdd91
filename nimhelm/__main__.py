"""The command `nimhelm`, also `python -m nimhelm`: every failure becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys

EXIT_ENVIRONMENT = 3
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


def complain(error: Exception) -> int:
    """Say what went wrong on standard error; returns the exit code."""
    from nimhelm.errors import NimhelmError
    from nimhelm.report import printable

    if isinstance(error, OSError) and error.filename is not None:  # no command expected it: still no bug of nimhelm
        error = NimhelmError(f"{error.filename}: {error.strerror or error}", "check its permissions and the free space")
    if isinstance(error, NimhelmError):
        hint = f"\n  {printable(error.hint)}" if error.hint else ""
        message = "\n".join(map(printable, str(error).splitlines()))
        print(f"nimhelm: {message}{hint}", file=sys.stderr)
        return error.exit_code
    print(f"nimhelm: internal error: {type(error).__name__}: {printable(str(error))}", file=sys.stderr)
    print("  this is a bug of nimhelm; NIMHELM_DEBUG=1 shows where", file=sys.stderr)
    return EXIT_ENVIRONMENT


if __name__ == "__main__":
    main()
