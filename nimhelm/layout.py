"""How a NIM image lays out its models: under /model-store (legacy), or under /model (native).

The operator reads it from a label of the image (com.nvidia.nim.model_download_protocol). A registry is out of reach here,
so it is recognised by name; the value imageLayout decides.
"""

from __future__ import annotations

import re

NATIVE_SINCE = {
    "llama-nemotron-embed-1b-v2": 2,
    "llama-nemotron-embed-vl-1b-v2": 2,
    "llama-nemotron-rerank-1b-v2": 2,
    "llama-nemotron-rerank-vl-1b-v2": 2,
    "nemotron-3-embed-1b": 2,
    "nemotron-graphic-elements-v1": 2,
    "nemotron-ocr-v1": 2,
    "nemotron-ocr-v2": 2,
    "nemotron-page-elements-v3": 2,
    "nemotron-table-structure-v1": 2,
}
"""Name of a repository -> the first major version whose images have the native layout."""

IMAGE = re.compile(r"(?:.*/)?(?P<name>[^/:@]+):v?(?P<major>[0-9]+)(?:[.-].*)?(?:@.*)?")


def is_native_image(image: str) -> bool:
    """Whether an image, `repository:tag`, is known to have the native layout."""
    found = IMAGE.fullmatch(image)
    if found is None or found["name"] not in NATIVE_SINCE:
        return False
    return int(found["major"]) >= NATIVE_SINCE[found["name"]]
