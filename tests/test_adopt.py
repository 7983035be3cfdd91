"""What taking over from the operator would do to each object; on a real cluster in tests/cluster/test_adopt.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nimhelm.adopt import command
from nimhelm.adopt.changes import CREATE, KEEP, REFUSE, TAKE_OVER, Change, changes, differing, ownership_patch, report
from nimhelm.adopt.command import Target
from nimhelm.adopt.resources import cache_lines, caches_of, is_taken, requires_keys, returning

OURS = {"meta.helm.sh/release-name": "rag", "meta.helm.sh/release-namespace": "nim"}
OPERATOR = {"app.kubernetes.io/managed-by": "k8s-nim-operator"}
NIM_SERVICE = {"apiVersion": "apps.nvidia.com/v1alpha1", "kind": "NIMService", "name": "llm"}


def deployment(template: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": "llm", **metadata}, "spec": {"template": template or {}}}


@pytest.mark.parametrize(
    ("metadata", "action", "reason"),
    [
        ({"ownerReferences": [NIM_SERVICE]}, TAKE_OVER, "from NIMService llm"),
        ({"labels": OPERATOR}, TAKE_OVER, "left by the operator"),
        ({"annotations": OURS}, KEEP, "belongs to this release"),
        (
            {"annotations": {**OURS, "meta.helm.sh/release-name": "other"}},
            REFUSE,
            "belongs to the release other in nim",
        ),
        ({"annotations": {**OURS, "meta.helm.sh/release-namespace": "x"}}, REFUSE, "belongs to the release rag in x"),
        ({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "X", "name": "y"}]}, REFUSE, "belongs to X y"),
        ({}, REFUSE, "is not the operator's"),
    ],
)
def test_who_owns_an_object_decides(metadata: dict[str, Any], action: str, reason: str) -> None:
    (change,) = changes([deployment()], [deployment(**metadata)], [], "rag", "nim")
    assert change.action == action
    assert reason in change.reason


def test_what_does_not_exist_is_created() -> None:
    assert changes([deployment()], [], [], "rag", "nim") == [Change("Deployment", "llm", CREATE)]


def test_any_difference_of_the_pods_is_a_restart() -> None:
    before = {"spec": {"containers": [{"name": "ctr", "image": "a"}], "enableServiceLinks": True}}
    after = {"spec": {"containers": [{"name": "ctr", "image": "b"}], "initContainers": [{"name": "gate"}]}}
    assert differing(before, after, ()) == [
        "spec.containers.ctr.image",
        "spec.enableServiceLinks",
        "spec.initContainers",
    ]
    live = deployment(before, labels=OPERATOR)
    (same,) = changes([live], [live], [live], "rag", "nim")
    assert same.restarts == ()
    assert "no pod restarts" in report([same])
    (other,) = changes([live], [live], [deployment(after)], "rag", "nim")
    assert "restarts   Deployment llm: spec.containers.ctr.image" in report([other])


def test_kserve_hands_labels_to_the_pods() -> None:
    live, after = (
        {"kind": kind, "metadata": {"name": "llm", "labels": {"app.kubernetes.io/managed-by": by}}, "spec": {}}
        for kind, by in (("InferenceService", "k8s-nim-operator"), ("InferenceService", "Helm"))
    )
    (change,) = changes([live], [live], [after], "rag", "nim")
    assert change.restarts == ('metadata.labels["app.kubernetes.io/managed-by"]',)
    group, renamed = ({**item, "kind": "LeaderWorkerSet"} for item in (live, after))
    assert changes([group], [group], [renamed], "rag", "nim")[0].restarts == ()


def test_the_order_of_named_items_counts() -> None:
    one, two = [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}]
    assert differing({"env": one}, {"env": two}, ()) == ["order of env"]


def test_the_patch_keeps_what_protects_a_claim() -> None:
    assert "finalizers" not in ownership_patch("rag", "nim")["metadata"]


@pytest.mark.parametrize(
    ("kind", "name", "owners", "taken"),
    [
        ("NIMPipeline", "rag", [], True),
        ("NIMPipeline", "other", [], False),
        ("NIMService", "llm", [{"kind": "NIMPipeline", "name": "rag"}], True),
        ("NIMService", "llm", [{"kind": "NIMPipeline", "name": "other"}], False),
        ("NIMService", "alone", [], True),  # it owns an object that is taken over
        ("NIMCache", "llm", [], False),  # of the same name as a service, and not ours
    ],
)
def test_only_what_the_release_replaces_is_deleted(kind: str, name: str, owners: list[Any], taken: bool) -> None:
    item = {"kind": kind, "metadata": {"name": name, "ownerReferences": owners}}
    assert is_taken(item, "rag", {("NIMService", "alone")}) == taken


def test_leftovers_of_the_operator_go() -> None:
    metadata = ownership_patch("rag", "nim")["metadata"]
    assert metadata["labels"] == {
        "app.kubernetes.io/operator-version": None,
        "app.kubernetes.io/managed-by": "Helm",
    }
    assert {key for key, value in metadata["annotations"].items() if value is None} == {
        "nvidia.com/last-applied-hash",
        "nvidia.com/parent-spec-hash",
    }


@pytest.mark.parametrize(
    ("metadata", "maker"),
    [
        ({"ownerReferences": [{"kind": "NIMPipeline", "name": "other"}]}, "NIMPipeline other"),
        ({"ownerReferences": [{"kind": "NIMPipeline", "name": "rag"}]}, ""),
        ({"annotations": {"meta.helm.sh/release-name": "blueprint"}}, "the release blueprint"),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/NIMService:nim/llm"}},
            "the Argo CD application shop",
        ),
        ({}, ""),
    ],
)
def test_what_would_make_a_resource_again_is_said(metadata: dict[str, Any], maker: str) -> None:
    taken = [
        {"kind": "NIMPipeline", "metadata": {"name": "rag"}},
        {"kind": "NIMService", "metadata": {"name": "llm", **metadata}},
    ]
    expected = f"beware     NIMService llm comes from {maker}, which would make it again: remove it there"
    assert returning(taken) == ([expected] if maker else [])


def test_filled_caches_are_believed(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: rag\nversion: 0.1.0\n")
    (tmp_path / "values.yaml").write_text("nimCaches: {full.one: {}, empty: {}, ours: {}}\n")
    states: dict[str, dict[str, Any]] = {
        "full.one": {"state": "Ready"},
        "empty": {"state": "InProgress"},
        "not-ours": {"state": "Ready"},
    }
    resources = [{"kind": "NIMCache", "metadata": {"name": name}, "status": status} for name, status in states.items()]
    resources.append({"kind": "NIMService", "metadata": {"name": "ours"}, "status": {"state": "Ready"}})
    caches = caches_of(str(tmp_path), resources)
    assert caches == {"empty": "InProgress", "full.one": "Ready"}
    assert [line.split()[:3] for line in cache_lines(caches)] == [
        ["downloads", "NIMCache", "empty:"],
        ["keeps", "NIMCache", "full.one:"],
    ]
    flags = Target("rag", "chart", "nim", filled=("full.one",)).helm_flags()
    assert r"--set=nimCaches.full\.one.filled=true,nimCaches.full\.one.filledBy=job" in flags


@pytest.mark.parametrize(("optional", "required"), [(True, False), (False, True), (None, True)])
def test_keys_stay_as_the_operator_has_them(optional: bool | None, required: bool) -> None:
    reference = {"name": "ngc", "key": "NGC_API_KEY", **({} if optional is None else {"optional": optional})}
    env = [{"name": "A", "value": "b"}, {"name": "NGC_API_KEY", "valueFrom": {"secretKeyRef": reference}}]
    live = deployment({"spec": {"containers": [{"name": "ctr", "env": env}, {"name": "other"}]}})
    assert requires_keys([live, {"kind": "Service"}]) == required
    assert not requires_keys([{"kind": "Service"}])


@pytest.mark.parametrize("major", [3, 4])
def test_only_its_own_timeout_ends_the_run_of_helm(major: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start-up may take longer than any limit of nimhelm's."""
    runs: list[tuple[tuple[str, ...], dict[str, Any]]] = []
    monkeypatch.setattr(command, "helm_major", lambda: major)
    monkeypatch.setattr(command, "run_helm", lambda *words, **options: runs.append((words, options)))
    monkeypatch.setattr(command, "apply_custom_resources", lambda target: None)
    monkeypatch.setattr(command, "live_objects", lambda target, rendered: [])
    command.take(Target("rag", "./rag", "nim"), [], [], [], "5h")
    ((words, options),) = runs
    assert "--timeout=5h" in words
    assert options["timeout"] is None
