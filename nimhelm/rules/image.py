"""Rules of spec.image and spec.authSecret."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service


def check_auth_secret(service: Service) -> Iterator[Finding]:
    """Without the NGC key a NIM cannot download its model; a cache or a claim that is already filled needs none."""
    if not service.get("authSecret"):
        message = f"{service.title} has no authSecret: NGC_API_KEY is not set, and a model cannot be downloaded"
        yield service.warning("NH090", (), message, "add authSecret: the name of a Secret with the key NGC_API_KEY")


IMAGE_RULES = (check_auth_secret,)
