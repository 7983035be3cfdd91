"""Rules of spec.image and spec.authSecret."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service


def check_auth_secret(service: Service) -> Iterator[Finding]:
    """Some images and models need no key. Private and gated ones do, and a NIM without one cannot download them."""
    if not service.get("authSecret"):
        message = f"{service.title} has no authSecret: it gets no NGC_API_KEY, which private and gated models need"
        yield service.note("NH090", (), message, "if its model is one, add authSecret: the name of a Secret")


IMAGE_RULES = (check_auth_secret,)
