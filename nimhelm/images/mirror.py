"""The chart's own setting for a mirror of registries."""

from __future__ import annotations

from typing import NamedTuple

from nimhelm.imagereference import split_host


class Mirror(NamedTuple):
    """Where the chart looks for images: global.nimhelm.imageRegistry, and whether imageRegistryPath is drop."""

    registry: str = ""
    drop: bool = False

    def of(self, reference: str) -> str:
        """A reference as the chart has it: another host before the same path, or with `drop` before its last part alone."""
        path = reference.rsplit("/", 1)[-1] if self.drop else split_host(reference)[1]
        return f"{self.registry.rstrip('/')}/{path}" if self.registry else reference
