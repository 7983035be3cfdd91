"""The commands that show something: diff, timeline, graph, images, completion."""

from __future__ import annotations

from typing import Any

import click

from nimhelm.completion import complete_files, complete_releases, complete_targets
from nimhelm.options import CONTEXT, FROM_DIR, KUBECONFIG, NAMESPACE, REQUEST_TIMEOUT, CheckedCommand

VALUES = click.option(
    "-f",
    "--values",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_files,
    help="Values files for the chart, as for helm install.",
)


@click.command(cls=CheckedCommand)
@click.argument("paths", nargs=-1, required=True, metavar="[OLD] NEW", shell_complete=complete_files)
@click.option(
    "-f",
    "--values",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_files,
    help="Values files of both sides, as for helm -f.",
)
@click.option(
    "--old-values",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_files,
    help="Values files of OLD, where they are others.",
)
@click.option(
    "--release",
    default="",
    metavar="NAME",
    shell_complete=complete_releases,
    help="Compare NEW with what this release runs, instead of OLD.",
)
@NAMESPACE
@CONTEXT
@KUBECONFIG
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="text (default), json, or markdown for a pull request.",
)
@click.option("--exit-code", is_flag=True, help="Exit 1 when something changes.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit 2 when something changes, 1 for an error, as terraform plan does."
)
def diff(paths: tuple[str, ...], **options: Any) -> int:
    """Say what an upgrade would do: every field from old to new, and what follows from it.

    For each change: whether pods restart, whether Kubernetes refuses it and what to do first, which claims go with
    their data, how many GPUs it takes. OLD and NEW are pipeline files or charts.

    \b
    nimhelm diff pipeline-old.yaml pipeline.yaml
    nimhelm diff ./old/rag-pipeline ./rag-pipeline -f production.yaml -o markdown
    nimhelm diff --release rag -n nim-service ./rag-pipeline -f production.yaml
    """
    from nimhelm.diff.command import Options, show_diff
    from nimhelm.diff.sides import Cluster

    release = options["release"]
    if len(paths) != (1 if release else 2):
        raise click.UsageError("name NEW alone with --release" if release else "name OLD and NEW, or --release and NEW")
    if options["exit_code"] and options["detailed_exitcode"]:
        raise click.UsageError("--exit-code and --detailed-exitcode exclude each other")
    where = Cluster(options["namespace"], options["context"], options["kubeconfig"])
    chosen = Options(
        options["output"], options["values"], options["old_values"], release, where,
        options["exit_code"], options["detailed_exitcode"],
    )  # fmt: skip
    return show_diff(paths, chosen)


@click.command(cls=CheckedCommand)
@click.argument("release", shell_complete=complete_releases)
@NAMESPACE
@CONTEXT
@KUBECONFIG
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "html", "svg"]),
    default="text",
    help="text (default), json, html (one page that needs nothing else), or svg.",
)
@FROM_DIR
@REQUEST_TIMEOUT
def timeline(**options: Any) -> int:
    """Show where the time of a release's newest start-up went: scheduling, image pulls, gates, start-up, restarts.

    The critical path is marked, and the report says what would make the start-up shorter, and by how much.

    \b
    nimhelm timeline rag -n nim-service
    nimhelm timeline rag -n nim-service -o html > timeline.html
    nimhelm timeline rag --from-dir rag.tar.gz
    """
    from nimhelm.timeline.command import Options, show_timeline

    return show_timeline(Options(**options))


@click.command(cls=CheckedCommand)
@click.argument("target", metavar="FILE|CHART|RELEASE", shell_complete=complete_targets)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "mermaid", "dot", "svg"]),
    default="text",
    help="text (default), mermaid, dot (Graphviz) or svg.",
)
@VALUES
@NAMESPACE
@CONTEXT
@KUBECONFIG
@FROM_DIR
@REQUEST_TIMEOUT
def graph(target: str, output: str, values: tuple[str, ...], **options: Any) -> int:
    """Draw the services of a pipeline: waves, ports, GPUs, and who waits for whom. Of a release with their states.

    A word that names no file is a release.

    \b
    nimhelm graph pipeline.yaml
    nimhelm graph ./rag-pipeline -f my-values.yaml -o svg > graph.svg
    nimhelm graph rag -n nim-service -o mermaid
    """
    from nimhelm.graph.command import Where, show_graph

    return show_graph(target, output, Where(**options), values)


@click.command(cls=CheckedCommand)
@click.argument("target", metavar="FILE|CHART", shell_complete=complete_files)
@VALUES
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "skopeo", "oras", "hauler", "zarf"]),
    default="text",
    help="text (default), json, or the file of a tool: skopeo sync, a script for oras, hauler, zarf.",
)
@click.option("--digests", is_flag=True, help="Ask the registries for the digest of each image.")
@click.option("--mirror", default="", metavar="REGISTRY", help="Where the images go: what imageRegistry will be.")
@click.option(
    "--mirror-path",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    help="What imageRegistryPath will be: keep (default) the path of an image, or drop all but its last part.",
)
def images(target: str, values: tuple[str, ...], output: str, digests: bool, mirror: str, mirror_path: str) -> int:
    """List every image of a chart with its values: services, gates, caches, sidecars, endpoint pickers, tests.

    \b
    nimhelm images ./rag-pipeline -f production.yaml
    nimhelm images pipeline.yaml --digests -o json
    nimhelm images pipeline.yaml -o oras --mirror mirror.example.com/nim > copy.sh
    """
    from nimhelm.images.command import list_images
    from nimhelm.images.reference import Mirror

    return list_images(target, values, output, digests, Mirror(mirror, mirror_path == "drop"))


@click.command(cls=CheckedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell: it completes commands, options, files, releases and namespaces.

    \b
    nimhelm completion bash > /etc/bash_completion.d/nimhelm
    source <(nimhelm completion zsh)
    nimhelm completion fish > ~/.config/fish/completions/nimhelm.fish
    """
    from nimhelm.completion import script

    click.echo(script(shell), nl=False)
    return 0


COMMANDS = (diff, timeline, graph, images, completion)
