"""`nimhelm preflight`: renders, reads, checks and shows. Exit codes: 0; 1 an install would fail; 3 helm or the cluster fails."""

from __future__ import annotations

import os
import shutil
import sys
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.helm import helm_major
from nimhelm.kubectl import Access, run
from nimhelm.load import read_bytes
from nimhelm.preflight.checks import all_checks
from nimhelm.preflight.cluster import Cluster, Reach
from nimhelm.preflight.output import ASCII_MARKS, MARKS, as_json, text
from nimhelm.preflight.read import Apis, read_apis, read_cluster
from nimhelm.preflight.render import Rendered, release_of, render
from nimhelm.preflight.result import FAILS, WARNS, Check, exit_code
from nimhelm.preflight.rights import dry_run, with_rights


class Options(NamedTuple):
    """What the command line asks for; `request_timeout` is in seconds."""

    chart: str
    release: str = ""
    namespace: str = ""
    create_namespace: bool = False
    labels: tuple[str, ...] = ()
    context: str = ""
    kubeconfig: str = ""
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    output: str = "text"
    strict: bool = False
    pull: bool = False
    offline_objects: bool = False
    save: str = ""
    from_dir: str = ""
    request_timeout: float = 10.0
    quiet: bool = False


def preflight(options: Options) -> int:
    """Shows the checks, and returns the exit code. Raises NimhelmError where a file, helm or the cluster cannot be read."""
    for path in options.values:
        if "://" not in path:  # helm reads these itself
            read_bytes(path)
    release = options.release or release_of(options.chart)
    place = (options.namespace, options.context, options.kubeconfig)
    reach = Reach(
        *(options.chart, release, *place), options.values, options.sets, options.create_namespace, options.labels
    )
    rendered, cluster = _saved(options, reach) if options.from_dir else _live(options, reach)
    if options.save:
        from nimhelm.preflight.dump import save

        save(cluster, options.save)
        print(
            f"saved to {options.save}; read it with: nimhelm preflight {options.chart} --from-dir {options.save}",
            file=sys.stderr,
        )
    checks = all_checks(rendered, cluster)
    if options.pull:
        from nimhelm.preflight.checks.images import check

        checks += check(rendered, cluster)
    code = exit_code(checks, options.strict)
    if options.quiet:
        checks = [check for check in checks if check.level == FAILS or (options.strict and check.level == WARNS)]
    if checks or not options.quiet:
        sys.stdout.write(_shown(checks, options.output))
    return code


def _live(options: Options, reach: Reach) -> tuple[Rendered, Cluster]:
    namespace = reach.namespace or _current_namespace(options)
    reach = reach._replace(namespace=namespace)
    access = Access(namespace, options.context, options.kubeconfig, options.request_timeout)
    apis = read_apis(access)
    rendered = render(reach, apis.version, apis.served)
    cluster = read_cluster(access, reach, apis, rendered)._replace(helm_major=helm_major())
    cluster = with_rights(access, cluster, rendered)
    if not options.offline_objects and cluster.namespace_exists:
        cluster = dry_run(access, cluster, rendered)
    return rendered, cluster


def _current_namespace(options: Options) -> str:
    """The namespace of the context, as kubectl and helm would take it."""
    access = Access("", options.context, options.kubeconfig, options.request_timeout)
    try:
        found = run(access, "config", "config", "view", "--minify", "-o", "jsonpath={..namespace}").split()
    except KubectlError:  # no kubeconfig: the first real question says so better
        found = []
    return found[0] if found else "default"


def _saved(options: Options, reach: Reach) -> tuple[Rendered, Cluster]:
    from nimhelm.preflight.dump import load

    cluster = load(options.from_dir, reach)
    apis = Apis(cluster.version, cluster.apis, dict(cluster.plurals))
    return render(cluster.reach, apis.version, apis.served), cluster


def _shown(checks: list[Check], output: str) -> str:
    if output == "json":
        return as_json(checks)
    terminal = sys.stdout.isatty()
    marks = MARKS
    try:
        "".join(MARKS.values()).encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        marks = ASCII_MARKS
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return text(checks, colour, marks, shutil.get_terminal_size().columns if terminal else 0)
