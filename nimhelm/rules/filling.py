"""Rules over how caches are filled."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.caches import SERVICE, filled_by, needs, planned_cache, puller, takes_what_fits
from nimhelm.finding import NOTE, WARNING, Finding
from nimhelm.layout import is_native_image
from nimhelm.pipeline import Pipeline, dig
from nimhelm.yamlread import Document

SOURCE = ("spec", "source", "ngc")


def check_filling(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """A cache that takes what fits the devices is filled where there are some."""
    for name, document in caches.items():
        users = [one for one in pipeline.services if one.enabled and one.get("storage", "nimCache", "name") == name]
        cache = planned_cache(document)
        if not takes_what_fits(cache) or filled_by(cache, users) == SERVICE:
            continue
        if not isinstance(dig(document.data, *SOURCE), dict):
            continue
        message = "no profiles are named: the download takes those that fit the devices it sees, and its job has none"
        hint = "add model.profiles, or a filter such as model.engine"
        if users and puller(cache.spec):
            lacking = " and ".join(needs(cache, users[0]))
            hint += f"; or let the pods of {users[0].name} fill the cache: {lacking}"
        yield document.finding(WARNING, "NH164", SOURCE, message, hint)


def check_native(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """Images that are known to keep their models in the native layout, of which nothing in the documents tells."""
    for service in pipeline.services:
        image = f"{service.get('image', 'repository')}:{service.get('image', 'tag')}"
        if is_native_image(image):
            message = (
                f"{image} has the native layout: its model is under /model, and imageLayout is native in the values"
            )
            hint = f"if it is not so, install with --set {service.name}.imageLayout=legacy"
            field = (*service.spec_field, "image", "repository")
            yield pipeline.document.finding(NOTE, "NH167", field, message, hint)
    for name, document in caches.items():
        spec = dig(document.data, "spec")
        image = puller(spec if isinstance(spec, dict) else {})
        if is_native_image(image) and dig(document.data, *SOURCE, "model"):
            message = f"{image} has the native layout and no profiles: model is not used, and the job of {name} runs the image"
            yield document.finding(WARNING, "NH167", (*SOURCE, "model"), message, "leave model out")


FILLING_RULES = (check_filling, check_native)
