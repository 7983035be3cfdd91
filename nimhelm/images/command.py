"""The command: render a chart, list its images, and ask registries for their digests."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nimhelm.chart.build import Chart
from nimhelm.chart.obtain import charts_of, values_of
from nimhelm.chart.render import has_helm, render
from nimhelm.imagereference import parsed
from nimhelm.images.formats import FORMATS
from nimhelm.images.mirror import Mirror
from nimhelm.images.named import images_in
from nimhelm.images.rendered import Image, images_of
from nimhelm.registry import Registry, RegistryError, login_of
from nimhelm.report import printable

EXIT_ENVIRONMENT = 3


def list_images(targets: tuple[str, ...], values: tuple[str, ...], output: str, digests: bool, mirror: Mirror) -> int:
    """Print the images of pipeline files or a chart. Returns 0, or 3 when a registry does not tell a digest that was asked for.

    Raises NimhelmError.
    """
    charts = charts_of(*targets, parents=has_helm())
    found = merged([image for chart in charts for image in chart_images(chart, values_of(chart, values))])
    found = with_digests(found) if digests else found
    sys.stdout.write(FORMATS[output](found, charts[0].name, mirror))
    for each in found:
        if each.trouble:
            print(f"{printable(each.reference)}: {printable(each.trouble)}", file=sys.stderr)
    return EXIT_ENVIRONMENT if any(each.trouble for each in found) else 0


def chart_images(chart: Chart, values: dict[str, Any]) -> list[Image]:
    """The images of a chart, by rendering it with helm; where there is none, those that its values name."""
    if has_helm():
        return images_of(render(chart, values))
    print("helm is not on the PATH: the images are those that the values name", file=sys.stderr)
    return [Image(reference) for reference in images_in(values)]


def merged(images: list[Image]) -> list[Image]:
    """Each image once, with all that uses it."""
    used: dict[str, tuple[str, ...]] = {}
    for each in images:
        used[each.reference] = (*used.get(each.reference, ()), *each.used)
    return [Image(reference, used[reference]) for reference in sorted(used)]


def with_digests(images: list[Image]) -> list[Image]:
    """The images with what their registries say."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(_with_digest, images))


def _with_digest(image: Image) -> Image:
    reference = parsed(image.reference)
    if reference.digest:
        return image._replace(digest=reference.digest)
    try:
        return image._replace(digest=Registry(reference.host, login_of(reference.host)).digest(reference))
    except RegistryError as error:
        return image._replace(trouble=str(error))
