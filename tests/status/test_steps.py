"""Every next step reads, or a test on the cluster pastes it, sees the cause gone and upgrades afterwards."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nimhelm.status import steps
from nimhelm.status.compute import compute
from nimhelm.status.evidence import gather
from nimhelm.status.graph import read_graphs
from tests.status.casefile import CASES, read_case, snapshot_of
from tests.status.test_situations import verb

STATUS = Path(inspect.getfile(steps)).parent
READING = {
    *(f"`kubectl {word}`" for word in ("get", "describe", "logs")),
    "`helm history`",
    "`helm get`",
    "`helm test`",  # asks every endpoint again
}
# (cause, or "warning") -> the module of tests/cluster and its row or test.
PROOFS = {
    "DeviceClaim": ("test_dra", "test_a_claim_template_that_was_deleted_is_made_again_by_the_step"),
    "APIKeyMissing": ("test_next_steps", "no key"),
    "CacheJobFailed": ("test_next_steps", "download refused"),
    "CacheJobMissing": ("test_next_steps", "caching job deleted"),
    "CacheJobSuspended": ("test_next_steps", "caching job suspended"),
    "ClaimMissing": ("test_next_steps", "claim of the chart"),
    "ClaimTerminating": ("test_next_steps", "test_a_claim_that_its_caching_job_keeps_comes_back_by_the_steps"),
    "ConfigMapMissing": ("test_next_steps", "scripts of the gates"),
    "DownloadUnauthorized": ("test_next_steps", "no key"),
    "GPUHeldByWaiter": ("test_status_gpus", "test_gpu_held_by_a_waiting_dependant"),
    "ImagePullForbidden": ("test_status", "wrong pull secret"),
    "ImagePullPaymentRequired": ("test_status", "wrong pull secret"),
    "ImagePullUnauthorized": ("test_status", "no pull secret"),
    "LimitRange": ("test_next_steps", "gates too small"),
    "MultiAttach": ("test_damage", "scaled away"),
    "OOMKilled": ("test_status", "out of memory"),
    "ObjectMissing": ("test_damage", "service account deleted"),
    "OtherRelease": ("test_damage", "label lost"),
    "PodSecurity": ("test_next_steps", "restricted namespace"),
    "ReadOnly": ("test_next_steps", "read-only volume"),
    "RegistryUnreachable": ("test_next_steps", "gates' image"),
    "RolloutPaused": ("test_next_steps", "rollout paused"),
    "RunsAsRoot": ("test_next_steps", "user is root"),
    "ScaledToZero": ("test_damage", "scaled away"),
    "SchedulingGated": ("test_kueue", "test_gates_that_ask_for_something_are_held_and_the_next_step_frees_them"),
    "SecretKeyMissing": ("test_status", "key missing"),
    "SecretMissing": ("test_status", "secret missing"),
    "ServiceAccountMissing": ("test_next_steps", "account of the chart"),
    "ServiceMissing": ("test_damage", "service deleted"),
    "ServicePort": ("test_damage", "port edited"),
    "ServiceSelector": ("test_damage", "selector edited"),
    "StartupProbe": ("test_status", "startup probe"),
    "Taint": ("test_next_steps", "test_a_taint_is_tolerated_by_the_step"),
    "WorkloadMissing": ("test_damage", "deployment deleted"),
    "warning: Helm keeps no record": ("test_damage", "test_a_release_without_a_record_is_recorded_again"),
    "warning: recorded as failed": ("test_next_steps", "test_a_failed_upgrade_is_ended_by_the_step"),
    "warning: its history was kept": (
        "test_next_steps",
        "test_a_release_of_which_the_history_was_kept_comes_back_by_the_step",
    ),
    "warning: Helm is at work": ("test_next_steps", "test_an_interrupted_install_is_ended_by_the_step"),
    "warning: changed by hand": ("test_damage", "test_a_field_that_was_patched_is_named_with_the_way_out"),
    "warning: was resized": ("test_damage", "test_a_pod_that_was_resized_is_named_and_the_step_keeps_its_size"),
    "warning: is paused": ("test_damage", "test_a_paused_rollout_is_named_before_an_upgrade_comes_to_nothing"),
    "warning: should hold": ("test_damage", "test_a_graph_that_was_deleted_is_read_from_helms_record"),
}
TABLES: dict[str, tuple[str, ...]] = {
    "test_status_gpus": (),
    "test_dra": (),
    "test_kueue": (),
    "test_next_steps": ("ROWS",),
    "test_status": ("FAILING",),
    "test_damage": ("BROKEN",),
}
WRITERS = (
    "upgrade",
    "set_values",
    "wait_image",
    "pull_secret",
    "another_login",
    "key_secret",
    "then_restart",
    "helm",
)


@cache
def changing() -> list[tuple[str, str]]:
    """(cause or words of the warning, step) of every case whose step does more than read."""
    return list(_changing())


def _changing() -> Iterator[tuple[str, str]]:
    for path in CASES:
        status = compute(snapshot_of(read_case(path)))
        said = [(each.cause.code, each.cause.next) for each in status.rows if each.cause]
        said += [(f"warning: {each.text}", each.next) for each in status.warnings]
        for code, step in said:
            if step and not set(verb(step).split(", ")) <= READING:
                yield code, step


def proof_of(code: str) -> tuple[str, str]:
    if code in PROOFS:
        return PROOFS[code]
    return next((proof for key, proof in PROOFS.items() if key[9:] in code and key.startswith("warning: ")), ("", ""))


@pytest.mark.slow
def test_every_step_that_changes_something_is_pasted_on_the_cluster() -> None:
    without = {code: step for code, step in changing() if not proof_of(code)[0]}
    assert without == {}


@pytest.mark.parametrize("code", PROOFS)
def test_the_proof_exists(code: str) -> None:
    module, name = PROOFS[code]
    found: Any = importlib.import_module(f"tests.cluster.{module}")
    assert name in {key for table in TABLES[module] for key in getattr(found, table)} or hasattr(found, name)


def test_every_proof_is_of_a_step() -> None:
    needed = {proof_of(code) for code, _ in changing()}
    assert set(PROOFS.values()) <= needed


@pytest.mark.slow
def test_the_cases_reach_every_place_that_makes_such_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a step could be printed that no test above has seen."""
    reached: set[tuple[str, int]] = set()

    def recording(make: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            frame = inspect.currentframe()
            if frame and frame.f_back:
                reached.add((Path(frame.f_back.f_code.co_filename).name, frame.f_back.f_lineno))
            return make(*given, **named)

        return call

    for name in WRITERS:
        monkeypatch.setattr(steps, name, recording(getattr(steps, name)))
    for path in CASES:
        compute(snapshot_of(read_case(path)))
    missed = [
        f"{file}:{first}"
        for file, first, last in places()
        if not any(each == file and first <= line <= last for each, line in reached)
    ]
    assert missed == []


def places() -> Iterator[tuple[str, int, int]]:
    """(file, first line, last line) of each call of a writer outside steps.py."""
    for path in (*STATUS.glob("*.py"), *STATUS.glob("causes/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and (node.func.value.id, node.func.attr in WRITERS) == ("steps", True)
            ):
                yield path.name, node.lineno, node.end_lineno or node.lineno


@pytest.mark.parametrize(
    ("secret", "key", "variable"),
    [
        ("ngc-api-key", "NGC_API_KEY", "NGC_API_KEY"),
        ("hf", "HF_TOKEN", "HF_TOKEN"),
        ("login", "api-key", "API_KEY"),
        ("login", "tls.crt", "TLS_CRT"),
        ("db-login", "user", "DB_LOGIN_USER"),
        ("db", "PATH", "DB_PATH"),
        ("9lives", "1", "LIVES_1"),
    ],
)
def test_the_variable_is_named_after_the_key_and_is_none_that_the_shell_has(
    secret: str, key: str, variable: str
) -> None:
    case = read_case(CASES[0])
    snapshot = snapshot_of(case)
    evidence = gather(snapshot, read_graphs(snapshot.of("configmaps"), snapshot.release))
    assert f'="${{{variable}:?is not set}}"' in steps.key_secret(evidence, secret, key)
