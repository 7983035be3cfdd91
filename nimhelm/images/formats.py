"""A list of images as text, JSON, or the file of a tool that copies images."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from nimhelm.imagereference import parsed
from nimhelm.images.mirror import Mirror
from nimhelm.images.rendered import Image
from nimhelm.report import dumped, printable
from nimhelm.yamlwrite import dump


def text(images: list[Image], name: str, mirror: Mirror) -> str:
    """A reference a line, pinned to its digest where that was asked for; with a mirror as the chart will pull it."""
    return "".join(f"{printable(mirror.of(pinned(each)))}\n" for each in images)


def as_json(images: list[Image], name: str, mirror: Mirror) -> str:
    """One object for each image: reference, digest, mirror, and what uses it."""
    entries = []
    for each in images:
        entry: dict[str, object] = {"image": each.reference, "usedBy": list(each.used)}
        entry |= {"digest": each.digest} if each.digest else {}
        entry |= {"trouble": each.trouble} if each.trouble else {}
        entry |= {"mirror": mirror.of(each.reference)} if mirror.registry else {}
        entries.append(entry)
    return dumped(entries)


def skopeo(images: list[Image], name: str, mirror: Mirror) -> str:
    """The source file of `skopeo sync --src yaml`; `--scoped` keeps the path of an image."""
    hosts: dict[str, dict[str, dict[str, list[str]]]] = {}
    for each in images:
        reference = parsed(each.reference)
        versions = hosts.setdefault(reference.host, {"images": {}})["images"].setdefault(reference.repository, [])
        versions.append(each.digest or reference.version)
    scoped = "" if mirror.drop else " --scoped"
    head = f"# skopeo sync --src yaml --dest docker{scoped} FILE {quote(mirror.registry) if mirror.registry else 'REGISTRY'}\n"
    return head + dump(hosts)


def oras(images: list[Image], name: str, mirror: Mirror) -> str:
    """A shell script that copies each image to where the chart looks for it under global.nimhelm.imageRegistry."""
    more = " --set global.nimhelm.imageRegistryPath=drop" if mirror.drop else ""
    lines = [
        "#!/bin/sh",
        f"# Copies the images to $MIRROR; then: helm install --set global.nimhelm.imageRegistry=$MIRROR{more}",
        "set -eu",
        f"MIRROR={quote(mirror.registry)}"
        if mirror.registry
        else ': "${MIRROR:?name a registry, for example mirror.example.com/nim}"',
    ]
    for each in images:
        target = mirror._replace(registry="$MIRROR").of(each.reference).partition("@")[0]
        path = quote(target.removeprefix("$MIRROR/"))
        lines.append(f'oras copy --recursive {quote(full(pinned(each)))} "$MIRROR"/{path}')
    return "\n".join(lines) + "\n"


def hauler(images: list[Image], name: str, mirror: Mirror) -> str:
    """A Hauler manifest, for `hauler store sync -f`."""
    names = [{"name": full(pinned(each))} for each in images]
    return dump({
        "apiVersion": "content.hauler.cattle.io/v1", "kind": "Images", "metadata": {"name": name}, "spec": {"images": names},
    })  # fmt: skip


def zarf(images: list[Image], name: str, mirror: Mirror) -> str:
    """A Zarf package of the images, for `zarf package create`."""
    component = {"name": name, "required": True, "images": [full(pinned(each)) for each in images]}
    return dump({
        "kind": "ZarfPackageConfig", "metadata": {"name": name, "description": f"The images of {name}"}, "components": [component],
    })  # fmt: skip


def pinned(image: Image) -> str:
    """The reference with its digest, if that is known: `nvcr.io/nim/llm:1.0@sha256:…`."""
    return f"{image.reference}@{image.digest}" if image.digest and "@" not in image.reference else image.reference


def full(reference: str) -> str:
    """The reference with the host that is meant: `busybox:1` -> `docker.io/library/busybox:1`."""
    parts = parsed(reference)
    tag = f":{parts.tag}" if ":" in reference.partition("@")[0].rsplit("/", 1)[-1] or not parts.digest else ""
    return f"{parts.host}/{parts.repository}{tag}" + (f"@{parts.digest}" if parts.digest else "")


FORMATS: dict[str, Callable[[list[Image], str, Mirror], str]] = {
    "text": text,
    "json": as_json,
    "skopeo": skopeo,
    "oras": oras,
    "hauler": hauler,
    "zarf": zarf,
}
"""Each takes the images, a name for the set, and the mirror."""
