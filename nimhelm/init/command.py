"""`nimhelm init`: NIMServices, or a NIMPipeline, in; a pipeline.yaml with start order out. It asks nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import Any

from nimhelm.check import check_documents
from nimhelm.convert import nothing_found, soften
from nimhelm.errors import NimhelmError, WriteError
from nimhelm.finding import ERROR, has_errors
from nimhelm.init.configmaps import config_maps
from nimhelm.init.order import Order, order_of
from nimhelm.load import RENDERED, Loaded, files_of, load_contents, load_text, read_bytes, shown_path
from nimhelm.nimservice import pipelines_of
from nimhelm.pipeline import pipeline_of
from nimhelm.report import printable, text
from nimhelm.savefile import Terms
from nimhelm.savefile import save as write_file


class InitError(NimhelmError):
    """The input cannot be carried over as it is."""


def init(paths: list[str], output: str, name: str = "", force: bool = False, quiet: bool = False) -> int:
    """Write the pipelines of `paths`, with the dependencies that their addresses show, to `output` (`-`: standard output).

    Says why for each dependency, on standard error when the pipeline goes to standard output; under `quiet` only errors
    are printed. Returns 0, or 1 when a finding is an error, and then nothing is written. Raises NimhelmError.
    """
    contents = {path: read_bytes(path) for path in files_of(paths)}
    loaded = load_contents(contents, paths)
    loaded.pipelines.extend(pipelines_of(loaded.services, loaded.pipelines, name))
    findings = [soften(one) for one in check_documents(loaded)] + nothing_found(loaded, paths)
    sys.stderr.write(text([one for one in findings if not quiet or one.severity == ERROR]))
    if has_errors(findings):
        print("nothing was written", file=sys.stderr)
        return 1
    pipelines = [pipeline_of(document) for document in loaded.pipelines]
    orders = {one.name: order_of(one, config_maps(contents, one.namespace)) for one in pipelines}
    composed = compose(contents, loaded, orders)
    verify(composed, loaded)
    if output != "-":
        save(Path(output), composed, force)
    out = sys.stderr if output == "-" else sys.stdout
    if not quiet:
        out.write("".join(f"{printable(line)}\n" for line in report(loaded, orders, output)))
    if output == "-":
        sys.stdout.write(composed)
    return 0


def compose(contents: dict[str, bytes], loaded: Loaded, orders: dict[str, Order]) -> str:
    """The pipelines and the caches as YAML. Raises InitError for YAML that cannot be written again."""
    from ruamel.yaml.error import YAMLError

    from nimhelm.init.compose import Composer, Source

    ours = {document.path for document in (*loaded.services, *loaded.pipelines, *loaded.caches)}
    texts = {shown_path(path): content for path, content in contents.items()}
    # Without Helm's comments on templates: with them, the output would be read as if Helm had rendered it.
    plain = {path: RENDERED.sub(b"", content).decode("utf-8-sig") for path, content in texts.items() if path in ours}
    sources = [Source(path, content) for path, content in plain.items()]
    try:
        composer = Composer(sources)
        nodes: list[Any] = [
            composer.pipeline(document, orders[document.data["metadata"]["name"]].added)
            for document in loaded.pipelines
        ]
        return composer.text([*nodes, *(composer.written(document) for document in loaded.caches)])
    except (YAMLError, LookupError) as error:
        raise InitError(f"the input cannot be written again: {error}", "write the dependencies by hand") from error


def verify(composed: str, loaded: Loaded) -> None:
    """What was written means what was read, and nothing is wrong with it. Raises InitError."""
    again = Loaded.nothing()
    load_text("pipeline.yaml", composed.encode(), again)
    same = [
        [(service.name, service.spec) for document in one.pipelines for service in pipeline_of(document).services]
        for one in (loaded, again)
    ]
    findings = [soften(one) for one in check_documents(again)]
    if same[0] != same[1] or has_errors(findings):
        hint = "write the dependencies by hand: " + (text(findings).strip() or "the YAML reads otherwise")
        raise InitError("the input cannot be written again without a change of its meaning", hint)


def save(path: Path, composed: str, force: bool) -> None:
    """Write the file. Raises WriteError when it exists already, or cannot be written."""
    try:
        write_file(path, composed.encode(), Terms(new=not force))
    except FileExistsError:
        raise WriteError(
            f"{path} exists already", "choose another file with -o, or overwrite it with --force"
        ) from None
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror}", "check the folder and its permissions") from error


def report(loaded: Loaded, orders: dict[str, Order], output: str) -> list[str]:
    """What was made, each dependency with its reason, what was left out, and what to do next."""
    place = "standard output" if output == "-" else output
    lines = []
    for document in loaded.pipelines:
        pipeline = pipeline_of(document)
        order = orders[pipeline.name]
        lines.append(f"{pipeline.name}: {_count(len(pipeline.services), 'service')} -> {place}")
        lines += [f"  {one.service} waits for {one.name}:{one.port}: {one.reason}" for one in order.added]
        lines += [f"  {sentence}" for sentence in order.left_out]
        if not order.added:
            other = "another service" if not any(one.dependencies for one in pipeline.services) else "a further one"
            lines.append(f"  no dependency was added: no address in env, args or command names {other}")
    if output == "-":
        return lines
    path = f"./{output}" if output.startswith("-") else output
    return [*lines, "", f"  nimhelm build {quote(path)}"]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
