"""The command line. A command parses its options, calls one function of a stage, and returns its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nimhelm import __version__
from nimhelm.completion import complete_files, complete_namespaces, complete_releases
from nimhelm.options import (
    CONTEXT,
    KUBECONFIG,
    NAMESPACE,
    QUIET,
    REQUEST_TIMEOUT,
    CheckedGroup,
    chart_name,
    duration,
    examples,
    go_duration,
    semver,
)
from nimhelm.show import COMMANDS, VALUES

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
        if isinstance(error, click.MissingParameter) and error.ctx is not None:
            click.echo(examples(error.ctx.command), err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


@click.group(cls=CheckedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", message="nimhelm %(version)s")
def cli() -> None:
    """Turn a NIMPipeline into a plain umbrella Helm chart with real start-up order. No operator is needed.

    \b
    Examples:
      nimhelm validate pipeline.yaml
      nimhelm build pipeline.yaml -o charts
      nimhelm status rag -n nim-service

    Exit codes: 0 fine, 1 findings or not ready, 2 wrong usage, 3 helm, cluster or file not usable, 4 timeout.
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
    help="Folder to write the chart into; default: the current one.",
)
@click.option("--package", is_flag=True, help="Write a .tgz instead of a folder.")
@click.option("--include-disabled", is_flag=True, help="Include disabled services, switched off in the values.")
@click.option(
    "--chart-version",
    callback=semver,
    metavar="SEMVER",
    help="Version of the chart; default: that of the chart on disk, or 0.1.0.",
)
@click.option(
    "--bump",
    type=click.Choice(["patch", "minor", "major", "auto"]),
    help="Raise the version of the chart on disk; auto: by a patch, only when the content changed.",
)
@click.option("--app-version", default="", metavar="TEXT", help="appVersion of the umbrella.")
@click.option(
    "--name", default="", callback=chart_name, metavar="NAME", help="Name of the chart that is made from NIMServices."
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace files of the chart even if they were edited; files that nimhelm did not write stay.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and print a diff when the chart on disk differs.")
@QUIET
def build(files: tuple[str, ...], folder: Path, package: bool, force: bool, **chosen: Any) -> int:
    """Turn NIMPipelines and NIMServices into umbrella Helm charts.

    FILE is a file, a folder or - (standard input). A file may hold several documents, Lists and NIMCaches, and may come
    from kubectl get -o yaml or helm template. NIMServices become one chart. Its name is that of --name, the part that
    their names share, or the name of the only service.

    \b
    Examples:
      nimhelm build pipeline.yaml -o charts
      nimhelm build deploy/ --package --chart-version 1.4.0
      nimhelm build pipeline.yaml -o charts --check
    """
    from nimhelm.build import Place, build_files
    from nimhelm.chart.version import Wish
    from nimhelm.convert import Options

    wish = Wish(chosen["chart_version"], chosen["bump"] or "")
    if wish.bump and (wish.given or chosen["check"]):
        raise click.UsageError(
            "--bump cannot be used with --chart-version or --check: it raises the version of the chart on disk"
        )
    options = Options(
        app_version=chosen["app_version"], include_disabled=chosen["include_disabled"], name=chosen["name"]
    )
    return build_files(list(files), options, Place(folder, package, force, wish), chosen["check"], chosen["quiet"])


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
    "--name",
    default="",
    callback=chart_name,
    metavar="NAME",
    help="Name of the pipeline that is made from NIMServices.",
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@QUIET
def init(files: tuple[str, ...], output: str, name: str, force: bool, quiet: bool) -> int:
    """Write a pipeline.yaml with start order from NIMServices.

    Takes NIMServices or a NIMPipeline. A service depends on another one when an address in its env, args or command
    names that service. Comments and the order of the fields are kept.

    \b
    Examples:
      nimhelm init services.yaml -o pipeline.yaml
      kubectl get nimservices -o yaml | nimhelm init -
    """
    from nimhelm.init.command import init

    return init(list(files), output, name, force, quiet)


@cli.command()
@FILES
@click.option(
    "--values",
    "chart",
    metavar="CHART",
    shell_complete=complete_files,
    help="Check FILEs as values files of this chart.",
)
@click.option("--layers", is_flag=True, help="With --values: FILEs are the -f files of one install; later ones win.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--format", "output", type=FORMATS, default="text", help="text (default), json, github or sarif.")
@click.option("--own-only", is_flag=True, help="Skip files and documents that are not about NIMs, without a warning.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour; default: on a terminal, unless NO_COLOR is set.",
)
@click.option(
    "--show-source", is_flag=True, help="Show the line of the file under each finding; default on a terminal."
)
@QUIET
@click.option("--fix", is_flag=True, help="Correct FILEs where only one correction is possible; comments are kept.")
def validate(files: tuple[str, ...], chart: str | None, layers: bool, strict: bool, **shown: Any) -> int:
    """Check pipelines or values files, and show all findings.

    Checks the NIMPipelines, NIMServices and NIMCaches in FILEs (files, folders, or - for standard input). With --values,
    FILEs are values files of a chart.

    \b
    Examples:
      nimhelm validate pipeline.yaml deploy/
      nimhelm validate --strict --format sarif pipeline.yaml
      nimhelm validate --values ./rag-pipeline production.yaml
    """
    from nimhelm.validate import Wishes, validate_files

    own_only = shown.pop("own_only")
    if layers and chart is None:
        raise click.UsageError("--layers needs --values CHART: it merges FILEs as values files of that chart")
    if chart is not None:
        from nimhelm.validate_values import validate_values

        if shown["fix"]:
            raise click.UsageError("--fix cannot be used with --values: it corrects pipelines, not values files")
        return validate_values(Path(chart), list(files), strict, Wishes(**shown), layers)
    return validate_files(list(files), strict, Wishes(**shown), own_only)


@cli.command()
@click.argument("kind", type=click.Choice(["file", "pipeline", "nimservice", "nimcache", "values"]))
def schema(kind: str) -> int:
    """Print the JSON schema of pipelines or values, for editors.

    `file` is for a file with several documents of all kinds, `values` for the values of any chart.

    \b
    Examples:
      nimhelm schema file > nimhelm.schema.json
      nimhelm schema values > values.schema.json
    """
    from nimhelm.schemas import printed

    click.echo(printed(kind), nl=False)
    return 0


@cli.command()
@click.argument("release", default="", shell_complete=complete_releases)
@NAMESPACE
@click.option(
    "-A",
    "--all-namespaces",
    "all_namespaces",
    is_flag=True,
    help="All releases of nimhelm in the cluster, one line each.",
)
@click.option("--all", "everything", is_flag=True, help="Show every service, even in a long list.")
@CONTEXT
@KUBECONFIG
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "name"]),
    default="table",
    help="table (default), json or yaml (shaped like a NIMPipeline), or name: the workloads of enabled services.",
)
@click.option(
    "--wait", is_flag=True, help="Wait until the release is Ready (exit 0), Failed (1) or the timeout is over (4)."
)
@click.option(
    "--watch", is_flag=True, help="Keep the status on screen; without a terminal, print a line for each change."
)
@click.option(
    "--timeout",
    default="0",
    callback=duration,
    metavar="DURATION",
    help="How long --wait waits: 90s, 30m, 1h30m; default: 0, without limit.",
)
@REQUEST_TIMEOUT
@click.option(
    "--save",
    default="",
    metavar="PATH",
    help="Save what was read for --from-dir, redacted. PATH is a folder, or FILE.tar.gz to include logs and Helm's record.",
)
@click.option(
    "--from-dir",
    default="",
    metavar="DIR",
    shell_complete=complete_files,
    help="Read objects that --save or kubectl get -o yaml wrote, instead of a cluster.",
)
@QUIET
def status(**options: Any) -> int:
    """Say whether a release is ready, and if not, why.

    Names the cause for each service that is not ready, and what to do next. Without RELEASE: all releases of nimhelm in
    the namespace, one line each.

    \b
    Examples:
      nimhelm status rag -n nim-service
      nimhelm status rag -n nim-service --wait --timeout 30m
      nimhelm status rag -n nim-service --save rag.tar.gz
      nimhelm status -A
    """
    from nimhelm.status.watch import Options, run

    if options["from_dir"] and (options["wait"] or options["watch"]):
        raise click.UsageError("--from-dir cannot be used with --wait or --watch: saved objects do not change")
    if options["watch"] and options["quiet"]:
        raise click.UsageError("--watch and -q cannot be used together; --wait -q waits without output")
    alone = [flag for flag in ("wait", "watch", "save", "from_dir") if options[flag]]
    if not options["release"] and alone:
        raise click.UsageError(
            f"--{alone[0].replace('_', '-')} needs a RELEASE, for example: nimhelm status rag --{alone[0].replace('_', '-')}"
        )
    if options["release"] and options["all_namespaces"]:
        raise click.UsageError("-A lists all releases: leave out RELEASE, or name its namespace with -n instead of -A")
    return run(Options(**options))


@cli.command()
@click.argument("release", shell_complete=complete_releases)
@click.argument("chart", shell_complete=complete_files)
@click.option(
    "-n",
    "--namespace",
    required=True,
    metavar="NAME",
    shell_complete=complete_namespaces,
    help="Namespace of the operator's pipeline; the release goes into the same one.",
)
@CONTEXT
@VALUES
@click.option(
    "--new-pods", is_flag=True, help="Restart the pods, to give them gates and the chart's own labels at once."
)
@click.option(
    "--timeout",
    default="10m",
    callback=go_duration,
    metavar="DURATION",
    help="Passed to helm as --timeout; default: 10m.",
)
@click.option("--yes", is_flag=True, help="Make the change; without it nothing is changed.")
@QUIET
def adopt(release: str, chart: str, values: tuple[str, ...], new_pods: bool, **options: Any) -> int:
    """Move a pipeline from the NIM Operator to a Helm release.

    The pods keep running. Without --yes, shows what would happen to each object, and which pods would restart and why.

    \b
    Examples:
      nimhelm adopt rag ./rag-pipeline -n nim-service
      nimhelm adopt rag ./rag-pipeline -n nim-service --yes
    """
    from nimhelm.adopt.command import Target, adopt

    target = Target(release, chart, options["namespace"], options["context"], values, not new_pods)
    return adopt(target, options["yes"], options["timeout"], options["quiet"])


for _command in COMMANDS:
    cli.add_command(_command)
