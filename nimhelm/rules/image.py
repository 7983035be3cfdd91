"""Rules of spec.image and spec.authSecret."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service


def check_auth_secret(service: Service) -> Iterator[Finding]:
    """Without the NGC key a NIM cannot download its model; a cache or a claim that is already filled needs none."""
    if not service.get("authSecret"):
        message = f"{service.name} has no authSecret: NGC_API_KEY is not set, and a model cannot be downloaded"
        yield service.warning("NH090", (), message, "add authSecret: the name of a Secret with the key NGC_API_KEY")


def check_image_parts(service: Service) -> Iterator[Finding]:
    """The repository is a name without a tag: the tag has a field of its own."""
    repository = service.get("image", "repository")
    if not isinstance(repository, str):
        return
    last = repository.rsplit("/", 1)[-1]
    if "@" in repository or ":" in last:
        hint = "write the repository alone and the tag in image.tag"
        yield service.error("NH093", ("image", "repository"), f"{repository} has a tag or a digest in it", hint)


IMAGE_RULES = (check_auth_secret, check_image_parts)
