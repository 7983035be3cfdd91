"""What a NIM, or what it runs on, writes before it ends, and what that means."""

from __future__ import annotations

import re
from typing import NamedTuple


class LastWords(NamedTuple):
    """What is looked for, the cause's code, and what it means."""

    pattern: re.Pattern[str]
    code: str
    text: str


def _words(code: str, text: str, *patterns: str) -> LastWords:
    return LastWords(re.compile("|".join(patterns), re.IGNORECASE), code, text)


# The first that matches counts, so a pattern that differs by one word comes before the one that shares the rest: a full /dev/shm is
# "no space left" too.
LAST_WORDS = (
    _words(
        "GPUOutOfMemory",
        "the model does not fit into the GPU's memory",
        r"OutOfMemoryError: CUDA",
        r"CUDA out of memory",
        r"CUDA error: out of memory",
        r"cudaMalloc failed",
        r"CUDA_ERROR_OUT_OF_MEMORY",
    ),
    _words(
        "UnknownProfile",
        "the image has no model profile of that name",
        r"unknown profiles?\b",
        r"profile \S+ (?:is )?(?:not found|does not exist|unknown|invalid)",
        r"(?:invalid|no such) profile",
        r"not a valid profile",
    ),
    _words(
        "NoCompatibleProfile",
        "the image has no model profile for this GPU",
        r"no compatible profile",
        r"could not find a (?:valid |compatible )?profile",
        r"not compatible with any profile",
        r"no profiles? (?:are|is) compatible",
    ),
    _words(
        "SharedMemoryFull",
        "shared memory (/dev/shm) is too small",
        r"(?:/dev/shm|shared memory|shm).{0,120}(?:no space left|insufficient|out of|too small|increase)",
        r"\bbus error\b",
        r"unable to allocate shared memory",
    ),
    _words(
        "DiskFull",
        "no space left on the model cache's volume",
        r"no space left on device",
        r"os error 28\b",
        r"disk quota exceeded",
    ),
    _words(
        "ReadOnly",
        "a path is read-only",
        r"read-only file system",
        r"os error 30\b",
        r"\bEROFS\b",
    ),
    _words(
        "NotWritable",
        "a path is not writable",
        r"permission denied",
        r"os error 13\b",
    ),
    _words(
        "GPUDriver",
        "the node's NVIDIA driver does not suit the image",
        r"CUDA driver version is insufficient",
        r"unsupported display driver",
        r"forward compatibility was attempted",
        r"driver/library version mismatch",
    ),
    _words(
        "NoGPUVisible",
        "the container sees no GPU",
        r"no CUDA-capable device",
        r"CUDA_ERROR_NO_DEVICE",
        r"no cuda gpus are available",
        r"found no nvidia driver",
        r"no gpus? (?:was|were) (?:found|detected)",
    ),
    _words(
        "TooManyFiles",
        "too many open files on the node",
        r"too many open files",
        r"os error 24\b",
    ),
    _words(
        "APIKeyMissing",
        "the API key is missing or invalid",
        r"(?:NGC_API_KEY|HF_TOKEN).{0,60}(?:not set|missing|required|invalid|empty)",
        r"api key is (?:not set|required|invalid)",
    ),
    _words(
        "DownloadUnauthorized",
        "the model's download is refused",
        r"authentication error",
        r"authorization error",
        r"\b401\b.{0,40}unauthorized",
        r"unauthorized.{0,40}\b401\b",
        r"\b403\b.{0,40}forbidden",
        r"http status client error \(40[13]",
        r"gated repo",
        r"invalid (?:user )?token",
        r"invalid api.?key",
    ),
    _words(
        "DownloadFailed",
        "the model's download fails",
        r"error sending request for url",
        r"manifestdownloaderror",
        r"failed to (?:download|fetch).{0,80}(?:model|manifest|ngc)",
        r"connection error.{0,80}(?:ngc|huggingface)",
        r"could ?n[o']t (?:resolve|connect to).{0,60}(?:ngc|nvidia|huggingface)",
        r"name or service not known",
        r"temporary failure in name resolution",
    ),
    _words(
        "ImagePlatform",
        "the image is built for another platform",
        r"exec format error",
    ),
)


def understand(message: str) -> tuple[LastWords, str] | None:
    """What the message means and the line that says so; None for what is not known."""
    for words in LAST_WORDS:
        if words.pattern.search(message):
            lines = (line for line in reversed(message.splitlines()) if words.pattern.search(line))
            return words, next(lines, message)
    return None
