"""The commands: ``python -m tests.cluster.bench up`` and so on."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from . import cluster, controllers, isolation, state
from .settings import KUBECONFIG, LOGS

Command = Callable[[argparse.Namespace], Any]


def main() -> int:
    """Run one command."""
    arguments = _parser().parse_args()
    try:
        return arguments.run(arguments) or 0
    except (RuntimeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster.bench", description="A one-node Kubernetes for tests."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    start = add("up", _up, "Start the cluster; build what is missing.")
    start.add_argument(
        "--gpus",
        type=int,
        default=cluster.DEFAULT_GPUS,
        help="GPUs of the node (default: %(default)s)",
    )
    _add_choice(start, "start")
    add("down", lambda _: cluster.down(), "Stop the cluster and remove every trace but the cache.")
    add("status", _status, "Say whether the cluster runs, and what its programs do.")
    add("kubeconfig", _kubeconfig, "Print the path of the kubeconfig.")
    built = add("build", _build, "Install packages and build programs, without starting anything.")
    _add_choice(built, "build")
    add("clean", lambda _: cluster.clean(), "Stop the cluster and remove the cache too.")
    images = add(
        "images",
        lambda a: cluster.load_image(*a.names),
        "Put images on the node under the given names.",
    )
    images.add_argument("names", nargs="+", metavar="NAME")
    gpus = add("gpus", lambda a: cluster.gpus(a.count), "Set how many GPUs the node has.")
    gpus.add_argument("count", type=int)
    return parser


def _add_choice(command: argparse.ArgumentParser, verb: str) -> None:
    command.add_argument(
        "--with",
        dest="controllers",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAME,...",
        help=f"controllers to {verb} as well: {', '.join(controllers.names())}",
    )


def _up(arguments: argparse.Namespace) -> None:
    started = time.monotonic()
    cluster.up(arguments.gpus, arguments.controllers)
    print(f"ready after {time.monotonic() - started:.0f} s; to use it:")
    print(f"  export KUBECONFIG={KUBECONFIG}")
    print(f"  {cluster.kubectl_path()} get pods -A")


def _status(_: argparse.Namespace) -> int:
    known = state.read()
    if known is None:
        print("down")
        return 1
    running = set(isolation.processes())
    print("up" if cluster.is_up() else f"not ready {known.failure}".strip())
    for name, pid in known.components.items():
        print(f"  {name:24} {pid:>8}  {'running' if pid in running else 'ended'}")
    print(f"logs: {LOGS}")
    return 0 if cluster.is_up() else 1


def _kubeconfig(_: argparse.Namespace) -> int:
    if not cluster.is_up():
        print("the bench is not running", file=sys.stderr)
        return 1
    print(KUBECONFIG)
    return 0


def _build(arguments: argparse.Namespace) -> None:
    cluster.prepare(*arguments.controllers)


if __name__ == "__main__":
    sys.exit(main())
