"""The command line. A command parses its options, calls one function of a stage, and returns its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nimhelm import __version__, show
from nimhelm.completion import complete_files, complete_namespaces, complete_releases
from nimhelm.options import REQUEST_TIMEOUT, CheckedGroup, chart_name, duration, semver

FORMATS = click.Choice(["text", "json", "github", "sarif"])
FILES = click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_files)


def run_click(arguments: list[str]) -> int:
    """Run a command line with click; returns the exit code (2: wrong usage)."""
    try:
        result = cli.main(arguments, prog_name="nimhelm", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0


@click.group(cls=CheckedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", message="nimhelm %(version)s")
def cli() -> None:
    """NIMPipelines on any cluster: a plain umbrella Helm chart with real start-up order, and no operator.

    Exit codes: 0 fine, 1 findings or not ready, 2 usage, 3 environment, 4 timeout.
    """


@cli.command()
@FILES
@click.option(
    "-o",
    "--output",
    "folder",
    default=".",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the chart's folder goes; default: here.",
)
@click.option("--package", is_flag=True, help="Write a .tgz instead of a folder.")
@click.option("--include-disabled", is_flag=True, help="Bring disabled services along, switched off in the values.")
@click.option(
    "--chart-version",
    callback=semver,
    metavar="SEMVER",
    help="Version of the chart; default: the one on disk, at first 0.1.0.",
)
@click.option(
    "--bump",
    type=click.Choice(["patch", "minor", "major", "auto"]),
    help="Raise the version on disk; auto: a patch, and only when the content changed.",
)
@click.option("--app-version", default="", metavar="TEXT", help="appVersion of the umbrella.")
@click.option(
    "--name", default="", callback=chart_name, metavar="NAME", help="Name of the chart that NIMServices become."
)
@click.option("--force", is_flag=True, help="Replace files of nimhelm that were changed since; never files of others.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 with a diff when the chart on disk is another.")
def build(files: tuple[str, ...], folder: Path, package: bool, check: bool, force: bool, **chosen: Any) -> int:
    """Turn the NIMPipelines and NIMServices in FILEs (folders, -: standard input) into umbrella Helm charts.

    Takes several documents in a file, Lists, NIMCaches beside them, and what kubectl get -o yaml or helm template
    prints. NIMServices become one chart, named by --name, by the name that they share, or by the only one.

    \b
    nimhelm build pipeline.yaml -o charts
    nimhelm build deploy/ --package --chart-version 1.4.0
    nimhelm build pipeline.yaml -o charts --check
    """
    from nimhelm.build import Place, build_files
    from nimhelm.chart.version import Wish
    from nimhelm.convert import Options

    wish = Wish(chosen["chart_version"], chosen["bump"] or "")
    if wish.bump and (wish.given or check):
        raise click.UsageError("--bump raises the version on disk: it goes without --chart-version and --check")
    options = Options(
        app_version=chosen["app_version"], include_disabled=chosen["include_disabled"], name=chosen["name"]
    )
    return build_files(list(files), options, Place(folder, package, force, wish), check)


@cli.command()
@FILES
@click.option(
    "-o",
    "--output",
    default="pipeline.yaml",
    metavar="FILE",
    help="File to write, -: standard output; default: pipeline.yaml.",
)
@click.option(
    "--name", default="", callback=chart_name, metavar="NAME", help="Name of the pipeline that NIMServices become."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
def init(files: tuple[str, ...], output: str, name: str, force: bool) -> int:
    """Write a pipeline.yaml with start order, from the NIMServices or the NIMPipeline in FILEs.

    A service depends on another one when an address in its env, args or command names it. Comments and order stay.

    \b
    nimhelm init services.yaml -o pipeline.yaml
    kubectl get nimservices -o yaml | nimhelm init -
    """
    from nimhelm.init.command import init

    return init(list(files), output, name, force)


@cli.command()
@FILES
@click.option("--values", "chart", metavar="CHART", help="FILEs are values files: check them against this chart.")
@click.option("--layers", is_flag=True, help="With --values: FILEs are the -f of one install, later ones win.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--format", "output", type=FORMATS, default="text", help="text (default), json, github or sarif.")
@click.option("--own-only", is_flag=True, help="Say nothing of files and documents that are not about NIMs.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Default: on a terminal.")
@click.option("--show-source", is_flag=True, help="Show the line of the file under each finding, as on a terminal.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors alone.")
@click.option(
    "--fix", is_flag=True, help="Correct in FILEs what has one way out: quotes, case, shape, place; comments stay."
)
def validate(files: tuple[str, ...], chart: str | None, layers: bool, strict: bool, **shown: Any) -> int:
    """Check NIMPipelines, NIMServices and NIMCaches, or the values files of a chart: all findings of all FILEs in one run.

    \b
    nimhelm validate pipeline.yaml deploy/
    nimhelm validate --strict --format sarif pipeline.yaml
    nimhelm validate --values ./rag-pipeline production.yaml
    """
    from nimhelm.validate import Wishes, validate_files

    own_only = shown.pop("own_only")
    if chart is not None:
        from nimhelm.validate_values import validate_values

        if shown["fix"]:
            raise click.UsageError("--fix corrects documents, not values: it goes without --values")
        return validate_values(Path(chart), list(files), strict, Wishes(**shown), layers)
    return validate_files(list(files), strict, Wishes(**shown), own_only)


@cli.command()
@click.argument("kind", type=click.Choice(["file", "pipeline", "nimservice", "nimcache", "values"]))
def schema(kind: str) -> int:
    """Print the JSON schema of a file of documents, of one kind of them, or of the values of every chart.

    \b
    nimhelm schema file > nimhelm.schema.json
    nimhelm schema values > values.schema.json
    """
    from nimhelm.schemas import printed

    click.echo(printed(kind), nl=False)
    return 0


@cli.command()
@click.argument("chart", shell_complete=complete_files)
@click.option(
    "-n",
    "--namespace",
    default="",
    shell_complete=complete_namespaces,
    help="Namespace of the install; default: that of the context.",
)
@click.option("--release", default="", metavar="NAME", help="Name of the release; default: that of the chart.")
@click.option("-f", "--values", multiple=True, metavar="FILE", help="Values files, as for helm install.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Single values, as for helm install.")
@click.option("--context", "context", default="", help="Context of the kubeconfig.")
@click.option("--kubeconfig", default="", metavar="FILE", help="Another kubeconfig.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="text (default) or json.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option(
    "--pull", is_flag=True, help="Ask the registries for each image, from this machine, with the pull secrets."
)
@click.option("--offline-objects", is_flag=True, help="Make no dry run: no object is sent to the cluster.")
@REQUEST_TIMEOUT
@click.option(
    "--save", default="", metavar="DIR", help="Save what was read, without values of secrets, for --from-dir."
)
@click.option("--from-dir", default="", metavar="DIR", help="Judge what --save saved instead of a cluster.")
def preflight(**options: Any) -> int:
    """Say whether an install of CHART would come up on this cluster, and what prevents it.

    Renders the chart with helm and reads the cluster with kubectl. Nothing is written.

    \b
    nimhelm preflight ./rag-pipeline -n nim-service -f production.yaml
    """
    from nimhelm.preflight.command import Options, preflight

    return preflight(Options(**options))


@cli.command()
@click.argument("code")
def explain(code: str) -> int:
    """Say what CODE means, why it matters and how to fix it: a finding, a check or a cause.

    \b
    nimhelm explain NH020
    """
    from nimhelm.explain.command import explain

    return explain(code)


@cli.command()
@click.argument("release", default="", shell_complete=complete_releases)
@click.option(
    "-n",
    "--namespace",
    default="",
    shell_complete=complete_namespaces,
    help="Namespace of the release; default: that of the context.",
)
@click.option(
    "-A",
    "--all-namespaces",
    "all_namespaces",
    is_flag=True,
    help="All releases of nimhelm in the cluster, one line each.",
)
@click.option("--all", "everything", is_flag=True, help="A row for every service, however many there are.")
@click.option("--context", "context", default="", help="Context of the kubeconfig.")
@click.option("--kubeconfig", default="", metavar="FILE", help="Another kubeconfig.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "name"]),
    default="table",
    help="table (default), json or yaml (shaped like a NIMPipeline), or name: the workloads of the services that are on.",
)
@click.option("--wait", is_flag=True, help="Return when it is Ready (0), Failed (1) or the timeout is over (4).")
@click.option("--watch", is_flag=True, help="Keep showing; without a terminal a line for each change.")
@click.option(
    "--timeout",
    default="0",
    callback=duration,
    metavar="DURATION",
    help="Of --wait: 90s, 30m, 1h30m; 0 (default): for ever.",
)
@REQUEST_TIMEOUT
@click.option(
    "--save",
    default="",
    metavar="PATH",
    help="Save what was read, redacted, for --from-dir: as a folder, or with logs and helm's record as FILE.tar.gz.",
)
@click.option(
    "--from-dir",
    default="",
    metavar="DIR",
    help="Read saved objects (by --save, or kubectl get -o yaml) instead of a cluster.",
)
def status(**options: Any) -> int:
    """Say whether a release is ready, and if not, why, and what to do next.

    Without RELEASE: all releases of nimhelm in the namespace, one line each.

    \b
    nimhelm status rag -n nim-service
    nimhelm status rag -n nim-service --wait --timeout 30m
    nimhelm status rag -n nim-service --save rag.tar.gz
    nimhelm status -A
    """
    from nimhelm.status.watch import Options, run

    if options["from_dir"] and (options["wait"] or options["watch"]):
        raise click.UsageError("what was saved does not change: --from-dir goes without --wait and --watch")
    alone = [flag for flag in ("wait", "watch", "save", "from_dir") if options[flag]]
    if not options["release"] and alone:
        raise click.UsageError(f"--{alone[0].replace('_', '-')} wants a RELEASE")
    if options["release"] and options["all_namespaces"]:
        raise click.UsageError("a RELEASE is in one namespace: name it with -n, or leave the RELEASE out")
    return run(Options(**options))


@cli.command()
@click.argument("release", shell_complete=complete_releases)
@click.argument("chart", shell_complete=complete_files)
@click.option("-n", "--namespace", required=True, help="Namespace of the operator's pipeline, and of the release.")
@click.option("--context", "context", default="", help="Context of the kubeconfig.")
@click.option("-f", "--values", multiple=True, metavar="FILE", help="Values files for the chart, as for helm install.")
@click.option(
    "--new-pods", is_flag=True, help="Give the pods gates and the chart's own labels at once; this restarts them."
)
@click.option("--timeout", default="10m", metavar="DURATION", help="helm's --timeout; default: 10m.")
@click.option("--yes", is_flag=True, help="Do it; without this nothing is changed.")
def adopt(release: str, chart: str, values: tuple[str, ...], new_pods: bool, **options: Any) -> int:
    """Take a pipeline that the NIM Operator runs over into a Helm release, without downtime.

    Shows first what would happen to each object, and which pods would restart, and why.

    \b
    nimhelm adopt rag ./rag-pipeline -n nim-service
    nimhelm adopt rag ./rag-pipeline -n nim-service --yes
    """
    from nimhelm.adopt.command import Target, adopt

    target = Target(release, chart, options["namespace"], options["context"], values, not new_pods)
    return adopt(target, options["yes"], options["timeout"])


for _command in show.COMMANDS:
    cli.add_command(_command)
