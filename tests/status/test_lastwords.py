"""Which lines of a log are told as the cause of an end, and which are not."""

from __future__ import annotations

import pytest

from nimhelm.status.lastwords import complaint, understand

LOW = "INFO 11-24 02:59:24.8 Detected additional 1 compatible profile(s) not runnable due to low free GPU memory."
HUB = "LocalEntryNotFoundError: An error happened"


@pytest.mark.parametrize(
    "line",
    [
        "/usr/lib/python3.12/torchvision/io/image.py:14: UserWarning: Failed to load image Python extension",
        "  warnings.warn('cannot load it')",
        "[11/24/2026-02:59:01] [TRT-LLM] [W] Unable to set the environment variable",
        "WARNING 11-24 02:59:24 utils.py:8] cannot read the file",
        '10.0.0.1 - "GET /v1/error HTTP/1.1" 503',
    ],
)
def test_a_warning_is_no_error_of_a_container_that_was_ended(line: str) -> None:
    assert complaint(f"{line}\nloading the model") == ("", "")
    assert complaint(f"{line}\n[11/24/2026-02:59:01] [TRT-LLM] [E] it failed")[1].endswith("it failed")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([LOW, "ERROR 11-24 Could not find a profile that is runnable"],
         "other processes hold the GPU's memory"),
        ([LOW, "OSError: [Errno 28] No space left on device"], "no space left on the model cache's volume"),
        (
            [HUB, "429 Client Error: Too Many Requests for url: https://huggingface.co"],
            "the model's download fails: too many requests",
        ),
        ([HUB], "the model's files are not on the volume, and Hugging Face cannot be reached"),
    ],
)  # fmt: skip
def test_what_an_end_means(lines: list[str], text: str) -> None:
    for order in (lines, lines[::-1]):
        found = understand("\n".join(order))
        assert found is not None
        assert found[0].text == text
