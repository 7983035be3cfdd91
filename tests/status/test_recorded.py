"""What a real cluster (Kubernetes 1.34, containerd) had of a release with one service for each of many troubles."""

from __future__ import annotations

from pathlib import Path

import pytest

from nimhelm.status.compute import compute
from nimhelm.status.dump import load_dump

RECORDED = Path(__file__).parent / "recorded"


def test_every_trouble_is_recognised() -> None:
    status = compute(load_dump(str(RECORDED / "trial"), "trial"))
    found = {each.name: (each.state, each.cause.code if each.cause else "", each.root) for each in status.services}
    assert found == {
        "fine": ("Ready", "", False),
        "denied": ("Failed", "ImagePullUnauthorized", True),
        "missing": ("Failed", "ImageNotFound", True),
        "nosecret": ("Failed", "SecretMissing", True),
        "crash": ("Failed", "GPUOutOfMemory", True),
        "crash2": ("Failed", "CrashLoop", True),
        "toobig": ("Pending", "GPUTooMany", True),
        "never": ("Failed", "StartupProbe", True),
        "noclass": ("Failed", "StorageClassMissing", True),
        "oom": ("Failed", "OOMKilled", True),
        "waiter": ("NotReady", "Waiting", False),
    }


def test_the_last_words_are_those_of_the_log() -> None:
    status = compute(load_dump(str(RECORDED / "trial"), "trial"))
    said = {each.name: each.cause.text for each in status.services if each.cause}
    assert said["crash2"].endswith(": boom")
    assert "CUDA out of memory" in said["crash"]


FIELD = {
    "cache-refused": ("CacheJobFailed", 'HF_TOKEN="${HF_TOKEN:?', "kubectl delete job meta-llama3-job"),
    "hf-token": ("APIKeyMissing", 'HF_TOKEN="${HF_TOKEN:?', "rollout restart deployment/llm-service"),
    "read-only": ("ReadOnly", "helm upgrade rag", "--set llm-service.storage.readOnly=false"),
}


@pytest.mark.parametrize("name", FIELD)
def test_what_was_seen_in_the_field(name: str) -> None:
    (service,) = compute(load_dump(str(RECORDED / f"status-{name}"), "rag")).services
    code, *words = FIELD[name]
    assert service.cause
    assert service.cause.code == code
    assert all(each in service.cause.next for each in words)
