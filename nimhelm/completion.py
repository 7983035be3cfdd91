"""Completion in a shell: files, releases and namespaces. A cluster that does not answer within two seconds is left out."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

PATIENCE = 2.0
"""Seconds that a person waits at the prompt."""

_VARIABLE = "_NIMHELM_COMPLETE"


def script(shell: str) -> str:
    """The script that makes a shell ask nimhelm: `bash`, `zsh` or `fish`."""
    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    # What click's own source() does, without asking a bash that may not be there for its version.
    maker = made(click.Command("nimhelm"), {}, "nimhelm", _VARIABLE)
    return str(maker.source_template % maker.source_vars())


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files and folders: the shell knows them best."""
    return [CompletionItem(incomplete, type="file")]


def complete_targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Releases, and files."""
    return [*complete_releases(context, parameter, incomplete), *complete_files(context, parameter, incomplete)]


def complete_releases(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The releases of nimhelm's charts in the namespace that was typed, or in that of the context."""
    label = r"{.items[*].metadata.labels.app\.kubernetes\.io/instance}"
    words = ["get", "configmaps", "--selector=nimhelm.dev/graph=true", f"--output=jsonpath={label}"]
    return _starting(incomplete, _asked(context, words))


def complete_namespaces(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The namespaces of the cluster."""
    words = ["get", "namespaces", "--output=jsonpath={.items[*].metadata.name}"]
    return _starting(incomplete, _asked(context, words, namespaced=False))


def _starting(incomplete: str, names: list[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]


def _asked(context: click.Context, words: list[str], namespaced: bool = True) -> list[str]:
    """What kubectl prints, by words; an empty list if it fails."""
    from nimhelm.errors import KubectlError
    from nimhelm.kubectl import Access, run

    given: dict[str, Any] = context.params
    namespace = str(given.get("namespace") or "") if namespaced else ""
    access = Access(namespace, str(given.get("context") or ""), str(given.get("kubeconfig") or ""), PATIENCE)
    try:
        return run(access, "names", *words).split()
    except KubectlError:
        return []


def complete_contexts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The contexts of the kubeconfig."""
    return _starting(incomplete, _asked(context, ["config", "get-contexts", "--output=name"], namespaced=False))


def complete_codes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The codes of findings, checks and causes."""
    from nimhelm.explain.catalogue import catalogue

    return _starting(incomplete, [code for code in catalogue() if code.lower().startswith(incomplete.lower())])
