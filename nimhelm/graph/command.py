"""The command: a file, a chart or a release as a picture."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from nimhelm.errors import KubectlError
from nimhelm.graph.dot import dot
from nimhelm.graph.mermaid import mermaid
from nimhelm.graph.picture import Picture
from nimhelm.graph.svg import svg
from nimhelm.graph.text import text
from nimhelm.options import NAME

OUTPUTS: dict[str, Callable[[Picture], str]] = {"text": text, "mermaid": mermaid, "dot": dot, "svg": svg}


class Where(NamedTuple):
    """The cluster, or the saved one, of a release. `request_timeout` is in seconds."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    from_dir: str = ""
    request_timeout: float = 10.0


HERE = Where()


def show_graph(targets: tuple[str, ...], output: str, where: Where, values: tuple[str, ...] = ()) -> int:
    """Print the picture of pipeline files, a chart or a release. Returns 0. Raises NimhelmError."""
    sys.stdout.write("\n".join(OUTPUTS[output](picture) for picture in pictures(*targets, where=where, values=values)))
    return 0


def pictures(*targets: str, where: Where = HERE, values: tuple[str, ...] = ()) -> list[Picture]:
    """One picture, or one for each pipeline of the files. One word that names no file is a release."""
    from nimhelm.chart.obtain import charts_of, names_a_file, values_of

    target = targets[0]
    if len(targets) == 1 and (where.from_dir or not names_a_file(target)):
        try:
            return [_of_release(target, where)]
        except KubectlError as error:
            if not where.from_dir:
                error.hint += f"\n  {target} is taken for a release, because there is no such file"
            raise
    from nimhelm.graph.source import picture_of_values

    return [picture_of_values(chart.name, values_of(chart, values)) for chart in charts_of(*targets)]


def _of_release(release: str, where: Where) -> Picture:
    from nimhelm.graph.release import picture_of_release

    if not NAME.fullmatch(release):
        raise KubectlError(f"{release!r} is neither a file nor a release", "name a pipeline, a chart or a release")
    if where.from_dir:
        from nimhelm.status.bundle import load_saved

        return picture_of_release(load_saved(where.from_dir, release, where.namespace))
    from nimhelm.status.cluster import read_release

    return picture_of_release(
        read_release(release, where.namespace, where.context, where.kubeconfig, where.request_timeout)
    )
