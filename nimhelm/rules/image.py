"""Rules of spec.image and spec.authSecret."""

from __future__ import annotations

from collections.abc import Iterator

from nimhelm.finding import Finding
from nimhelm.pipeline import Service

KEYS = ("NGC_API_KEY", "HF_TOKEN")
"""The variables that hold the key of a model."""


def check_auth_secret(service: Service) -> Iterator[Finding]:
    """Some images and models need no key. Private and gated ones do, and a NIM without one cannot download them."""
    own = [variable.get("name") for _, variable in service.items("env")]
    if not service.get("authSecret") and not any(key in own for key in KEYS):
        message = f"{service.title} has no authSecret: it gets no NGC_API_KEY, which private and gated models need"
        yield service.note("NH090", (), message, "if its model is one, add authSecret: the name of a Secret")


IMAGE_RULES = (check_auth_secret,)
