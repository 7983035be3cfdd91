"""The commands that show something: diff, timeline, graph, images, completion, preflight, explain."""

from __future__ import annotations

from typing import Any

import click

from nimhelm.completion import (
    complete_codes,
    complete_files,
    complete_namespaces,
    complete_releases,
    complete_targets,
)
from nimhelm.options import (
    CONTEXT,
    FROM_DIR,
    KUBECONFIG,
    NAMESPACE,
    QUIET,
    REQUEST_TIMEOUT,
    CheckedCommand,
    mirror_registry,
)

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
    help="Values files for both sides, as for helm install.",
)
@click.option(
    "--old-values",
    multiple=True,
    metavar="FILE",
    shell_complete=complete_files,
    help="Values files for OLD, if they differ.",
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
@QUIET
def diff(paths: tuple[str, ...], **options: Any) -> int:
    """Show what an upgrade would change, and what follows from it.

    OLD and NEW are pipeline files or charts. Lists every field with its old and new value, and says for each change
    whether pods restart, whether Kubernetes refuses it and what to do first, which claims are deleted with their data,
    and how many more GPUs it needs.

    \b
    Examples:
      nimhelm diff pipeline-old.yaml pipeline.yaml
      nimhelm diff ./old/rag-pipeline ./rag-pipeline -f production.yaml -o markdown
      nimhelm diff --release rag -n nim-service ./rag-pipeline -f production.yaml
    """
    from nimhelm.diff.command import Options, show_diff
    from nimhelm.diff.sides import Cluster

    release = options["release"]
    if len(paths) != (1 if release else 2):
        raise click.UsageError(
            "with --release, give NEW alone, for example: nimhelm diff --release rag ./rag-pipeline"
            if release
            else "give OLD and NEW, or --release and NEW, for example: nimhelm diff old.yaml pipeline.yaml"
        )
    if options["exit_code"] and options["detailed_exitcode"]:
        raise click.UsageError("--exit-code and --detailed-exitcode cannot be used together")
    where = Cluster(options["namespace"], options["context"], options["kubeconfig"])
    chosen = Options(
        options["output"], options["values"], options["old_values"], release, where,
        options["exit_code"], options["detailed_exitcode"], options["quiet"],
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
    """Show where the time of a release's start-up went.

    Splits the newest start-up into scheduling, image pulls, gates, start-up and restarts. Marks the critical path, and
    says what would make the start-up shorter, and by how much.

    \b
    Examples:
      nimhelm timeline rag -n nim-service
      nimhelm timeline rag -n nim-service -o html > timeline.html
      nimhelm timeline rag --from-dir rag.tar.gz
    """
    from nimhelm.timeline.command import Options, show_timeline

    return show_timeline(Options(**options))


@click.command(cls=CheckedCommand)
@click.argument("targets", metavar="FILE...|CHART|RELEASE", nargs=-1, required=True, shell_complete=complete_targets)
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
def graph(targets: tuple[str, ...], output: str, values: tuple[str, ...], **options: Any) -> int:
    """Draw the services of a pipeline in their start order.

    Shows waves, ports, GPUs and which service waits for which; for a release, also the state of each service. An argument
    that is neither a file nor a path is the name of a release.

    \b
    Examples:
      nimhelm graph pipeline.yaml
      nimhelm graph ./rag-pipeline -f my-values.yaml -o svg > graph.svg
      nimhelm graph rag -n nim-service -o mermaid
    """
    from nimhelm.graph.command import Where, show_graph

    return show_graph(targets, output, Where(**options), values)


@click.command(cls=CheckedCommand)
@click.argument("targets", metavar="FILE...|CHART", nargs=-1, required=True, shell_complete=complete_files)
@VALUES
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "skopeo", "oras", "hauler", "zarf"]),
    default="text",
    help="text (default), json, or the input of a tool: skopeo sync, a shell script with oras, hauler, zarf.",
)
@click.option("--digests", is_flag=True, help="Ask the registries for the digest of each image.")
@click.option(
    "--mirror",
    default="",
    callback=mirror_registry,
    metavar="REGISTRY",
    help="Registry to copy to, that is, the value of imageRegistry to come.",
)
@click.option(
    "--mirror-path",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    help="keep (default) the path of an image, or drop all but its last part; set imageRegistryPath to the same.",
)
def images(
    targets: tuple[str, ...], values: tuple[str, ...], output: str, digests: bool, mirror: str, mirror_path: str
) -> int:
    """List every image that a chart needs, also as a mirror script.

    Lists the images of services, gates, caches, sidecars, endpoint pickers and tests, with the values that apply.

    \b
    Examples:
      nimhelm images ./rag-pipeline -f production.yaml
      nimhelm images pipeline.yaml --digests -o json
      nimhelm images pipeline.yaml -o oras --mirror mirror.example.com/nim > copy.sh
    """
    if mirror_path == "drop" and not mirror:
        raise click.UsageError("--mirror-path needs --mirror REGISTRY")
    from nimhelm.images.command import list_images
    from nimhelm.images.mirror import Mirror

    return list_images(targets, values, output, digests, Mirror(mirror, mirror_path == "drop"))


@click.command(cls=CheckedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    It completes commands, options, files, codes, releases, namespaces and contexts.

    \b
    Examples:
      nimhelm completion bash > /etc/bash_completion.d/nimhelm
      source <(nimhelm completion zsh)
      nimhelm completion fish > ~/.config/fish/completions/nimhelm.fish
    """
    from nimhelm.completion import script

    click.echo(script(shell), nl=False)
    return 0


@click.command(cls=CheckedCommand)
@click.argument("chart", shell_complete=complete_files)
@click.option(
    "-n",
    "--namespace",
    default="",
    metavar="NAME",
    shell_complete=complete_namespaces,
    help="Namespace of the install; default: that of the current context.",
)
@click.option("--create-namespace", is_flag=True, help="As for helm install: a namespace that does not exist is made.")
@click.option(
    "--labels",
    multiple=True,
    metavar="KEY=VALUE,...",
    help="As for helm install: labels of helm's record, which a policy may want.",
)
@click.option("--release", default="", metavar="NAME", help="Name of the release; default: that of the chart.")
@VALUES
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="A single value, as for helm install.")
@CONTEXT
@KUBECONFIG
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="text (default) or json.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option(
    "--pull", is_flag=True, help="Ask the registries for each image, from this machine, with the chart's pull secrets."
)
@click.option("--offline-objects", is_flag=True, help="Send no object to the cluster, not even for a dry run.")
@REQUEST_TIMEOUT
@click.option("--save", default="", metavar="DIR", help="Save what was read for --from-dir, without secret values.")
@click.option(
    "--from-dir",
    default="",
    metavar="DIR",
    shell_complete=complete_files,
    help="Check what --save wrote, instead of a cluster.",
)
@QUIET
def preflight(**options: Any) -> int:
    """Check whether a chart would come up on this cluster.

    Renders CHART with helm, reads the cluster with kubectl, and lists what would prevent the install. Changes nothing in
    the cluster.

    \b
    Examples:
      nimhelm preflight ./rag-pipeline -n nim-service -f production.yaml
    """
    if not all("=" in pair for each in options["labels"] for pair in each.split(",")):
        raise click.UsageError("--labels needs KEY=VALUE,...")
    from nimhelm.preflight.command import Options, preflight

    return preflight(Options(**options))


@click.command(cls=CheckedCommand)
@click.argument("code", shell_complete=complete_codes)
def explain(code: str) -> int:
    """Explain the code of a finding, a check or a cause.

    Says what CODE means, why it matters and how to fix it.

    \b
    Examples:
      nimhelm explain NH020
    """
    from nimhelm.explain.command import explain

    return explain(code)


COMMANDS = (diff, timeline, graph, images, completion, preflight, explain)
