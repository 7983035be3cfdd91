"""What a NIM, or what it runs on, writes before it ends, and what that means."""

from __future__ import annotations

import re
from typing import NamedTuple

from nimhelm.wording import last_line


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
        r"cudaMalloc\w*\(.{0,160}out of memory",
        r"CUDA_ERROR_OUT_OF_MEMORY",
        r"Error Code 2: OutOfMemory",
        r"No available memory for the cache blocks",
        r"maximum number of tokens that can be stored in KV cache",
        r"larger than the available KV cache memory",
    ),
    _words(
        "GPUOutOfMemory",
        "other processes hold the GPU's memory",
        r"free memory on device .{0,60}less than desired GPU memory",
        r"not runnable due to low free GPU memory",
    ),
    _words(
        "GPUFault",
        "the GPU or its driver fails on the node",
        r"uncorrectable ECC error",
        r"\bXid \d+",
        r"fallen off the bus",
        r"error 802\b.{0,40}not yet initialized",
        r"CUDA_ERROR_SYSTEM_NOT_READY",
        r"CUDA-capable devices are busy or unavailable",
        r"failed to initialize NVML: unknown error",
    ),
    _words(
        "PortInUse",
        "a port that it listens on is taken inside the pod",
        r"address already in use",
        r"\[Errno 98\]",
        r"os error 98\b",
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
        "NoCompatibleProfile",
        "no model profile of the image fits the GPU and the profile that its variables ask for",
        r"could not match a profile",
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
        r"\[Errno 28\]",
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
        # Not of a port below 1024, nor of a script that may not be run.
        r"^(?!.*\bbind).*?permission denied",
        r"os error 13\b",
    ),
    _words(
        "GPUDriver",
        "the node's NVIDIA driver does not suit the image",
        r"CUDA driver version is insufficient",
        r"unsupported display driver",
        r"forward compatibility was attempted",
        r"unsatisfied condition: cuda>=",
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
        r"libcuda\.so\S*: cannot open shared object",
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
        r"gated ?repo",
        r"invalid (?:user )?token",
        r"invalid api.?key",
    ),
    _words(
        "ModelNotFound",
        "the model is not there, or the key may not see it",
        r"(?:Repository|Revision|(?<!Local)Entry)NotFoundError",
        r"\b404\b.{0,60}(?:ngc\.nvidia|huggingface\.co)",
    ),
    _words(
        "DownloadFailed",
        "the model's download fails: its certificate is not trusted",
        r"certificate.verify.failed",
        r"(?:invalid peer certificate|unable to get local issuer certificate)",
        r"x509: certificate",
    ),
    _words(
        "DownloadFailed",
        "the model's download fails: the proxy does not let it through",
        r"ProxyError",
        r"unable to connect to proxy",
        r"proxy authentication required",
    ),
    _words(
        "DownloadFailed",
        "the model's files are not on the volume, and HF_HUB_OFFLINE forbids the download",
        r"OfflineModeIsEnabled",
        r"offline mode is enabled",
        r"outgoing traffic has been disabled",
    ),
    _words(
        "DownloadFailed",
        "the model's download fails: too many requests",
        r"\b429\b.{0,40}too many requests",
        r"too many requests.{0,80}(?:huggingface|ngc|nvidia)",
    ),
    _words(
        "DownloadFailed",
        "the model's files are not on the volume, and Hugging Face cannot be reached",
        r"LocalEntryNotFoundError",
    ),
    _words(
        "DownloadFailed",
        "the model's download fails",
        r"(?:ngc\.nvidia|huggingface|hf\.co).{0,400}(?:timed out|connect timeout|connection refused|network is unreachable)",
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


# "INFO 11-24 02:59 …", "[WARNING] …", '{"level": "INFO", …}', "W1124 02:59:01 …": lines of a run that goes well so far.
_CHATTER = re.compile(
    r"""^.{0,48}?(?:\b(?:TRACE|DEBUG|INFO|WARN|WARNING)\b|"(?:level|severity)"\s*:\s*"(?i:trace|debug|info|warn))|^[IW]\d{4} """
)
# Warnings of Python, with the line of source below them: "…/functional.py:12: UserWarning: Failed to …", "  warnings.warn(".
_PYTHON_WARNING = re.compile(r"\b\w+Warning: |^\s*(?:warnings\.)?warn\(")
# "[11/24/2026-02:59:01] [TRT-LLM] [W] …"
_TENSORRT = re.compile(r"\[TRT-LLM\] \[[VIW]\]")
# A NIM that finds no profile has told at level INFO why. One that runs another profile tells the same.
_NO_PROFILE = re.compile(r"could not find a profile", re.IGNORECASE)
_TELLING = re.compile(r"not runnable due to")
_ERROR = re.compile(r"error|exception|fatal|critical|panic|failed|cannot|can't|unable", re.IGNORECASE)
# A request that was answered: '10.0.0.1 - "GET /v1/models HTTP/1.1" 401 Unauthorized'.
_REQUEST = re.compile(r'"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS) \S+ HTTP/')


def understand(message: str) -> tuple[LastWords, str] | None:
    """What the message means and the line that says so; None for what is not known.

    A warning on the way is no cause of the end where the end has an error of its own.
    """
    lines = _lines(message)
    grave = _grave(lines)
    return _known(grave if any(_ERROR.search(line) for line in grave) else lines)


def complaint(message: str) -> tuple[str, str]:
    """The code and the sentence of an error in the log of a container that was ended from outside: ("", its last line) for
    one that is not known, ("", "") for a log without one."""
    grave = [line for line in _grave(_lines(message)) if _ERROR.search(line)]
    if known := _known(grave):
        words, line = known
        return words.code, f"{words.text}: {last_line(line)}"
    return "", last_line(grave[-1]) if grave else ""


def _lines(message: str) -> list[str]:
    """The lines that are no requests."""
    return [line for line in message.splitlines() if not _REQUEST.search(line)]


def _grave(lines: list[str]) -> list[str]:
    """Those of the lines that are not of a run that goes well so far."""
    usual = (_CHATTER, _PYTHON_WARNING, _TENSORRT)
    grave = [line for line in lines if not any(each.search(line) for each in usual)]
    if any(_NO_PROFILE.search(line) for line in grave):
        grave += [line for line in lines if _TELLING.search(line)]
    return grave


def _known(said: list[str]) -> tuple[LastWords, str] | None:
    """What the first of the known words means that one of the lines has, and the last such line."""
    for words in LAST_WORDS:
        if found := next((line for line in reversed(said) if words.pattern.search(line)), ""):
            return words, found
    return None
