"""Start-ups made of a few objects: crashes, several pods, upgrades, sidecars, and what shortening would gain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nimhelm.status.snapshot import Snapshot
from nimhelm.timeline.compute import timeline_of
from nimhelm.timeline.gains import gains_of, replay
from nimhelm.timeline.model import (
    CREATE,
    FILL,
    GATE,
    LOST,
    PREPARE,
    PULL,
    RESTART,
    RETRY,
    SCHEDULE,
    START,
    STARTUP,
    Segment,
    Timeline,
    Track,
)
from nimhelm.timeline.path import critical_path
from nimhelm.timeline.text import Style, text
from tests.status.casefile import CASES, graph_configmap, read_case, snapshot_of

ZERO = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    return (ZERO + timedelta(seconds=seconds)).isoformat()


def running(name: str, start: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": {"running": {"startedAt": at(start)}}, "started": True, "restartCount": 0, **more}


def ended(name: str, start: float, end: float) -> dict[str, Any]:
    return {"name": name, "state": {"terminated": {"startedAt": at(start), "finishedAt": at(end), "exitCode": 0}}}


def pod(
    service: str, created: float, placed: float | None, ready: float | None, *statuses: dict[str, Any], number: int = 0
) -> dict[str, Any]:
    """A pod; the last status is its own container's, the others are init containers'."""
    conditions = (
        [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(placed)}] if placed is not None else []
    )
    if ready is not None:
        conditions.append({"type": "Ready", "status": "True", "lastTransitionTime": at(ready)})
    labels = {"app.kubernetes.io/instance": "rag", "app.kubernetes.io/name": service, "pod-template-hash": "6d4cf56db6"}
    name = f"{service}-6d4cf56db6-x7k2{number}"
    inits = [{"name": each["name"], **each.pop("spec", {})} for each in statuses[:-1]]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "uid": name, "labels": labels, "creationTimestamp": at(created)},
        "spec": {
            "nodeName": "n1" if placed is not None else "",
            "initContainers": inits,
            "containers": [{"name": f"{service}-ctr", "startupProbe": {"periodSeconds": 5}}],
        },
        "status": {
            "conditions": conditions,
            "initContainerStatuses": list(statuses[:-1]),
            "containerStatuses": list(statuses[-1:]),
        },
    }


def event(of: str, reason: str, when: float, message: str, place: str = "") -> dict[str, Any]:
    about = {"kind": "Pod", "name": of, "uid": of, "fieldPath": place}
    moment = at(when)
    return {"kind": "Event", "reason": reason, "message": message, "involvedObject": about, "firstTimestamp": moment,
            "lastTimestamp": moment}  # fmt: skip


def deployment(name: str, pods: list[dict[str, Any]]) -> dict[str, Any]:
    many = len(pods)
    ready = sum(
        any((each["type"], each.get("status")) == ("Ready", "True") for each in one["status"]["conditions"])
        for one in pods
    )
    labels = {"app.kubernetes.io/instance": "rag", "app.kubernetes.io/name": name}
    status = {"replicas": many, "updatedReplicas": many, "readyReplicas": ready, "availableReplicas": ready}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": many},
        "status": status,
    }


def timeline(
    pods: list[dict[str, Any]],
    events: list[dict[str, Any]] | None = None,
    now: float = 100,
    nodes: list[Any] | None = None,
    **after: str,
) -> Timeline:
    names = list(dict.fromkeys(each["metadata"]["labels"]["app.kubernetes.io/name"] for each in pods))
    services = [
        {"name": name, "dependencies": [{"name": after[name], "port": 8000}] if name in after else []} for name in names
    ]
    graph = {
        "apiVersion": "nimhelm.dev/v1",
        "pipeline": "p",
        "release": "rag",
        "chartVersion": "1",
        "services": services,
    }
    deployments = [deployment(name, [each for each in pods if each["metadata"]["labels"]["app.kubernetes.io/name"] == name])
                   for name in names]  # fmt: skip
    lists = {"configmaps": [graph_configmap(graph)], "pods": pods, "events": events or [], "deployments": deployments,
             "nodes": nodes or []}  # fmt: skip
    return timeline_of(Snapshot("rag", "nim-service", ZERO + timedelta(seconds=now), lists))


def parts(found: Timeline, name: str) -> list[tuple[str, float, float]]:
    track = found.track(name)
    assert track
    return [(each.kind, each.start, each.end) for each in track.segments]


def test_one_pod_with_everything() -> None:
    one = pod("a", 0, 10, 60, ended("own-init", 25, 27), running("a-ctr", 30))
    events = [
        event("a-6d4cf56db6-x7k20", "Pulling", 12, 'Pulling image "r:1"'),
        event(
            "a-6d4cf56db6-x7k20",
            "Pulled",
            22,
            'Successfully pulled image "r:1" in 8s (10s including waiting). Image size: 5 bytes.',
        ),
    ]
    assert parts(timeline([one], events), "a") == [
        (SCHEDULE, 0, 10), (PREPARE, 10, 12), (PULL, 12, 22), (START, 22, 25), ("init", 25, 27), (START, 27, 30),
        (STARTUP, 30, 60),
    ]  # fmt: skip


def test_events_of_an_earlier_pod_of_that_name_are_not_its_own() -> None:
    one = pod("a", 0, 0, 60, running("a-ctr", 30))
    stale = event("a-6d4cf56db6-x7k20", "Pulled", 20, 'Successfully pulled image "r:1" in 8s (10s including waiting).')
    stale["involvedObject"]["uid"] = "another"
    assert PULL not in [kind for kind, _, _ in parts(timeline([one], [stale]), "a")]


@pytest.mark.parametrize(
    ("made", "events", "kind"),
    [
        (pod("a", 0, None, None, {"name": "a-ctr"}), [], SCHEDULE),
        (pod("a", 0, 1, None, {"name": "a-ctr"}), [], PREPARE),
        (
            pod("a", 0, 1, None, {"name": "a-ctr"}),
            [event("a-6d4cf56db6-x7k20", "Pulling", 2, 'Pulling image "r:1"')],
            PULL,
        ),
        (pod("a", 0, 1, None, running("wait-for-x", 5), {"name": "a-ctr"}), [], "init"),
        (pod("a", 0, 1, None, running("a-ctr", 5)), [], STARTUP),
    ],
)
def test_what_goes_on_lasts_until_now(made: dict[str, Any], events: list[dict[str, Any]], kind: str) -> None:
    found = timeline([made], events)
    track = found.track("a")
    assert track
    assert (track.segments[-1].kind, track.segments[-1].end, track.segments[-1].open) == (kind, 100, True)
    assert not found.over
    assert found.total == 100


def test_a_sidecar_that_starts_first_is_no_wait() -> None:
    side = running("proxy", 3, spec={"restartPolicy": "Always"})
    assert [kind for kind, _, _ in parts(timeline([pod("a", 0, 1, 50, side, running("a-ctr", 5))]), "a")] == [
        SCHEDULE, PREPARE, STARTUP,
    ]  # fmt: skip


def pull_events(*reasons: str, first: float = 2, last: float = 80) -> list[dict[str, Any]]:
    """Tries of one pull that repeat, as the kubelet counts them: each event has its first and its last time."""
    said = {
        "Pulling": 'Pulling image "r:1"',
        "Failed": 'Failed to pull image "r:1": failed to resolve: 401 Unauthorized',
        "BackOff": 'Back-off pulling image "r:1": ErrImagePull: 401 Unauthorized',
    }
    return [event("a-6d4cf56db6-x7k20", each, first, said[each]) | {"lastTimestamp": at(last)} for each in reasons]


def waiting(name: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": {"waiting": {"reason": reason}}, "restartCount": 0, **more}


def test_a_pull_that_fails_is_no_slow_pull() -> None:
    one = pod("a", 0, 0, None, waiting("a-ctr", "ImagePullBackOff"))
    found = timeline([one], pull_events("Pulling", "Failed", "BackOff"))
    assert parts(found, "a") == [(PREPARE, 0, 2), (RETRY, 2, 100)]
    assert saved(found) == {"NoPullFailure": None}
    assert "r:1" in found.gains[0].text


def test_a_pull_that_is_tried_again_has_failed_until_now() -> None:
    one = pod("a", 0, 1, None, waiting("a-ctr", "ContainerCreating"))
    found = timeline([one], pull_events("Pulling", "Failed"))
    assert parts(found, "a")[-2:] == [(RETRY, 2, 80), (PULL, 80, 100)]


def test_a_pull_that_failed_first_is_as_long_as_the_try_that_worked() -> None:
    one = pod("a", 0, 0, 100, running("a-ctr", 92))
    worked = event(
        "a-6d4cf56db6-x7k20", "Pulled", 92, 'Successfully pulled image "r:1" in 9.5s (10s including waiting).'
    )
    found = timeline([one], [*pull_events("Pulling", "Failed"), worked])
    assert parts(found, "a")[1:] == [(RETRY, 2, 82.5), (PULL, 82.5, 92), (STARTUP, 92, 100)]
    assert saved(found) == {"NoPullFailure": 80.5, "PrePull": 9.5, "ProbePeriod": 4}


def test_an_image_that_is_never_pulled_is_no_start() -> None:
    one = pod("a", 0, 1, None, waiting("a-ctr", "InvalidImageName"))
    assert parts(timeline([one]), "a")[-1] == (RETRY, 1, 100)


def rolled_out(made: dict[str, Any], when: float) -> dict[str, Any]:
    made["status"]["conditions"] = [
        {"type": "Progressing", "reason": "NewReplicaSetAvailable", "lastUpdateTime": at(when)}
    ]
    return made


def test_what_comes_after_the_start_up_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = deployment
    monkeypatch.setattr(f"{__name__}.deployment", lambda name, pods: rolled_out(plain(name, pods), 30))
    crashed = {"terminated": {"startedAt": at(5), "finishedAt": at(80), "exitCode": 1, "reason": "Error"}}
    for one in (
        pod("a", 0, 1, 90, running("a-ctr", 5)),  # its readiness came back
        pod("a", 0, 1, None, running("a-ctr", 5)),  # and went
        pod("a", 0, 1, 90, running("a-ctr", 82, restartCount=1, lastState=crashed)),
        pod("a", 0, 1, None, waiting("a-ctr", "CrashLoopBackOff") | {"restartCount": 1, "lastState": crashed}),
    ):
        found = timeline([one])
        assert parts(found, "a") == [(SCHEDULE, 0, 1), (PREPARE, 1, 5), (STARTUP, 5, 30)]
        assert (found.over, found.total) == (True, 30)
        assert ("not ready any more: a" in text(found)) == (found.tracks[0].state != "Ready")


def test_a_pod_that_came_after_the_roll_out_has_a_start_up_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = deployment
    monkeypatch.setattr(f"{__name__}.deployment", lambda name, pods: rolled_out(plain(name, pods), -50))
    assert parts(timeline([pod("a", 0, 1, 40, running("a-ctr", 5))]), "a")[-1] == (STARTUP, 5, 40)


def test_readiness_that_was_lost_ends_the_start_up() -> None:
    one = pod("a", 0, 0, None, running("a-ctr", 5))
    one["status"]["conditions"].append({"type": "Ready", "status": "False", "lastTransitionTime": at(60)})
    found = timeline([one])
    assert parts(found, "a")[-2:] == [(STARTUP, 5, 60), (LOST, 60, 100)]
    assert (found.over, saved(found)) == (False, {})


def test_a_node_that_is_silent_starts_nothing() -> None:
    one = pod("a", 0, 1, None, running("a-ctr", 5))
    silent = {"kind": "Node", "metadata": {"name": "n1"},
              "status": {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": at(20)}]}}  # fmt: skip
    assert parts(timeline([one], nodes=[silent]), "a")[-2:] == [(STARTUP, 5, 20), (LOST, 20, 100)]


def test_a_pod_of_a_later_scale_up_on_a_silent_node_was_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its containers still count as ready: only the pod's own condition is taken back."""
    plain = deployment
    monkeypatch.setattr(f"{__name__}.deployment", lambda name, pods: rolled_out(plain(name, pods), -50))
    one = pod("a", 0, 1, None, running("a-ctr", 5))
    one["status"]["conditions"] += [
        {"type": "Ready", "status": "False", "lastTransitionTime": at(60)},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": at(12)},
    ]
    found = timeline([one])
    assert parts(found, "a")[-1] == (STARTUP, 5, 12)
    assert found.over
    assert "not ready any more: a" in text(found)


def test_a_start_up_that_does_not_end_is_not_made_shorter_by_probes() -> None:
    assert saved(timeline([pod("a", 0, 0, None, running("a-ctr", 5))])) == {}


def test_a_gate_that_gave_up_waited_all_the_time() -> None:
    before = {"terminated": {"startedAt": at(3), "finishedAt": at(33), "exitCode": 1,
                             "message": "timed out after 30s waiting for a: connection refused"}}  # fmt: skip
    started = event("b-6d4cf56db6-x7k20", "Started", 3, "Started container", "spec.initContainers{wait-for-a}")
    for state in ({"running": {"startedAt": at(45)}}, {"waiting": {"reason": "CrashLoopBackOff"}}):
        gate = {"name": "wait-for-a", "state": state, "restartCount": 2, "lastState": before}
        pods = [pod("a", 0, 0, None, running("a-ctr", 5)), pod("b", 0, 0, None, gate, {"name": "b-ctr"})]
        found = timeline(pods, [started], b="a")
        assert parts(found, "b") == [(PREPARE, 0, 3), (GATE, 3, 100)]
        assert saved(found) == {}


def test_an_init_container_that_fails_is_a_failure() -> None:
    before = {"terminated": {"startedAt": at(10), "finishedAt": at(12), "exitCode": 2, "reason": "Error"}}
    own = running("own-init", 40, restartCount=1, lastState=before)
    found = timeline([pod("a", 0, 1, None, own, {"name": "a-ctr"})])
    assert parts(found, "a")[-2:] == [(RESTART, 10, 40), ("init", 40, 100)]
    assert "Error, exit code 2" in found.gains[0].text


def test_a_container_that_cannot_be_started_has_no_begin_in_1970() -> None:
    never = {"terminated": {"startedAt": "1970-01-01T00:00:00Z", "finishedAt": at(7), "exitCode": 128,
                            "reason": "StartError"}}  # fmt: skip
    one = pod("a", 0, 1, None, waiting("a-ctr", "CrashLoopBackOff") | {"restartCount": 2, "lastState": never})
    assert parts(timeline([one]), "a") == [(SCHEDULE, 0, 1), (PREPARE, 1, 7), (RESTART, 7, 100)]


def test_a_pod_before_it_that_was_evicted_cost_time() -> None:
    evicted = pod("a", 2, 2, None, {"name": "a-ctr"}, number=1)
    evicted["status"] |= {"phase": "Failed", "reason": "Evicted"}
    pods = [
        evicted,
        pod("a", 40, 40, 60, running("a-ctr", 45)),
        pod("b", 0, 0, 70, ended("wait-for-a", 2, 61), running("b-ctr", 61)),
    ]
    found = timeline(pods, b="a")
    assert parts(found, "a")[:2] == [(CREATE, 0, 2), (RESTART, 2, 40)]
    (gain,) = [gain for gain in found.gains if gain.code == "NoRestart"]
    assert (gain.seconds, "a: Evicted" in gain.text) == (38, True)
    assert found.path[0].start == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available.",
            "with room for a",
        ),
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint(s). preemption: none.",
            "the scheduler said: 0/1 nodes",
        ),
    ],
)
def test_a_node_is_only_missed_where_one_is_full(said: str, told: str) -> None:
    late = event("a-6d4cf56db6-x7k20", "FailedScheduling", 1, said)
    found = timeline([pod("a", 0, 60, 80, running("a-ctr", 65))], [late])
    (gain,) = [gain for gain in found.gains if gain.code == "Node"]
    assert (gain.seconds, told in gain.text, "preemption" in gain.text) == (60, True, False)


def test_no_node_is_missed_where_the_scheduler_said_nothing() -> None:
    found = timeline([pod("a", 0, 60, 80, running("a-ctr", 65))])
    (gain,) = [gain for gain in found.gains if gain.code == "Node"]
    assert (gain.seconds, gain.text) == (60, "have a placed at once; the scheduler did not say what it waited for")


def test_a_second_or_two_are_no_gain() -> None:
    """The times of objects are whole seconds."""
    brief, long = (timeline([pod("a", 0, placed, 60, running("a-ctr", 3))]) for placed in (2, 3))
    assert "Node" not in {gain.code for gain in brief.gains}
    assert "Node" in {gain.code for gain in long.gains}


@pytest.mark.slow
def test_the_segments_of_a_service_add_up_to_its_time() -> None:
    for path in CASES:
        found = timeline_of(snapshot_of(read_case(path)))
        for track in (each for each in found.tracks if each.segments):
            end = track.ready if track.ready is not None else (found.now - found.begin).total_seconds()
            assert sum(each.seconds for each in track.segments) == pytest.approx(end, abs=0.01), (path.stem, track.name)


def test_a_service_that_is_to_have_no_pod_is_not_missed() -> None:
    found = timeline_of(snapshot_of(read_case(next(path for path in CASES if path.stem == "zero_by_design"))))
    assert found.absent == ()


def test_crashes_cost_time() -> None:
    last = {"terminated": {"startedAt": at(20), "finishedAt": at(25), "exitCode": 137, "reason": "OOMKilled"}}
    one = pod("a", 0, 1, 60, running("a-ctr", 40, restartCount=2, lastState=last))
    events = [event("a-6d4cf56db6-x7k20", "Started", 5, "Started container", "spec.containers{a-ctr}")]
    found = timeline([one], events)
    assert parts(found, "a") == [(SCHEDULE, 0, 1), (PREPARE, 1, 5), (RESTART, 5, 40), (STARTUP, 40, 60)]
    (gain,) = [gain for gain in found.gains if gain.code == "NoRestart"]
    assert gain.seconds == 35
    assert "OOMKilled, exit code 137" in gain.text


def test_the_last_of_several_pods_counts_and_the_first_opens_gates() -> None:
    pods = [pod("a", 0, 0, ready, running("a-ctr", 5), number=index) for index, ready in enumerate((30, 50))]
    pods.append(pod("b", 0, 0, 60, ended("wait-for-a", 2, 31), running("b-ctr", 31)))
    found = timeline(pods, b="a")
    track = found.track("a")
    assert track
    assert (track.pods, track.ready, track.first_ready) == (2, 50, 30)
    assert [(step.track, step.start, step.end) for step in found.path if step.track == "a"][-1] == ("a", 5, 30)


def test_an_upgrade_of_one_service_leaves_the_others_out() -> None:
    day = 86400
    pods = [pod("a", 0, 0, 30, running("a-ctr", 5)), pod("b", day, day, day + 20, running("b-ctr", day + 5))]
    found = timeline(pods, now=day + 60)
    assert [track.name for track in found.tracks] == ["b"]
    assert found.before == ("a",)
    assert found.total == 20
    assert found.begin == ZERO + timedelta(days=1)


def test_a_rolling_update_is_one_rollout() -> None:
    pods = [pod("a", 0, 0, 30, running("a-ctr", 5)), pod("b", 31, 31, 60, running("b-ctr", 35))]
    assert [track.name for track in timeline(pods).tracks] == ["a", "b"]


def test_events_that_were_forgotten_are_missed() -> None:
    one = [pod("a", 0, 0, 30, running("a-ctr", 5))]
    other = [event("a-6d4cf56db6-x7k20", "Unhealthy", 9, "x")]
    assert timeline(one, other).notes == ()
    assert "there are no events" in timeline(one, other, now=3700).notes[0]


def test_nothing_there() -> None:
    found = timeline([])
    assert (found.tracks, found.path, found.gains) == ((), (), ())
    assert text(found).startswith("p has no pod (release rag in namespace nim-service")


def track(name: str, *segments: Segment, wave: int = 0, period: int = 0, kept: bool = True) -> Track:
    end = segments[-1].end
    return Track(name, wave=wave, segments=segments, ready=end, first_ready=end, probe_period=period, kept=kept)


def made(*tracks: Track) -> Timeline:
    total = max(each.ready or 0 for each in tracks)
    timeline = Timeline("p", "rag", "n", ZERO, ZERO, total, True, tracks)
    timeline = timeline._replace(path=tuple(critical_path(timeline)))
    return timeline._replace(gains=tuple(gains_of(timeline)))


def saved(timeline: Timeline) -> dict[str, float | None]:
    return {gain.code: gain.seconds for gain in timeline.gains}


def test_a_pull_behind_the_gate_could_overlap() -> None:
    a = track("a", Segment(STARTUP, 0, 40))
    b = track("b", Segment(GATE, 0, 41, "a"), Segment(PULL, 41, 71), Segment(STARTUP, 71, 80), wave=1)
    found = made(a, b)
    assert replay(found) == found.total == 80
    assert saved(found) == {"PullOverlap": 30, "PrePull": 30}


def test_a_cache_that_is_not_filled_yet_gains_nobody_knows_what() -> None:
    job = Track("cache/m", "cache", segments=(Segment(FILL, 0, 60, open=True),))
    late = Track("a", wave=1, segments=(Segment(GATE, 0, 60, "cache/m", open=True),))
    timeline = Timeline("p", "rag", "n", ZERO, ZERO, 60, False, (job, late))
    timeline = timeline._replace(path=tuple(critical_path(timeline)))
    assert saved(timeline._replace(gains=tuple(gains_of(timeline)))) == {"CacheAhead": None}


def test_a_second_path_limits_what_is_gained() -> None:
    slow = track("slow", Segment(PULL, 0, 50), Segment(STARTUP, 50, 60))
    other = track("other", Segment(STARTUP, 0, 45))
    last = track("last", Segment(GATE, 0, 46, "other"), Segment(GATE, 46, 60, "slow"), Segment(STARTUP, 60, 70), wave=1)
    assert saved(made(slow, other, last)) == {"PrePull": 14}


def test_a_gate_on_what_is_outside_opens_when_it_opens() -> None:
    one = track("a", Segment(PULL, 0, 20), Segment(GATE, 20, 60, "milvus"), Segment(STARTUP, 60, 70))
    found = made(one)
    assert saved(found) == {}
    assert [(step.kind, step.on) for step in found.path] == [(PULL, ""), (GATE, "milvus"), (STARTUP, "")]


def test_a_model_in_an_emptydir_may_cost_a_download() -> None:
    assert saved(made(track("a", Segment(STARTUP, 0, 40), kept=False))) == {"ModelKept": None}
    assert saved(made(track("a", Segment(STARTUP, 0, 4), kept=False))) == {}


def test_probes_that_ask_seldom() -> None:
    assert saved(made(track("a", Segment(STARTUP, 0, 40), period=10))) == {"ProbePeriod": 9}
    assert saved(made(track("a", Segment(STARTUP, 0, 40), period=1))) == {}


@pytest.mark.slow
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_situation_has_a_timeline(path: Any) -> None:
    found = timeline_of(snapshot_of(read_case(path)))
    assert text(found, Style(80, unicode=False)).replace("\n", "").isprintable()
    assert not found.over or all(each.ready is not None for each in found.tracks)
    assert found.over or found.absent or any(each.state != "Ready" for each in found.tracks)
    assert all(one.end == two.start for one, two in zip(found.path, found.path[1:], strict=False))
    assert all(step.end <= found.total + 1e-6 for step in found.path)


FIELDS = ["state", "running", "startedAt", "name"]
FIELDS = ["state", "running", "startedAt", "name"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(at(3)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["metadata", "spec", "status"]), JUNK, JUNK)
def test_nothing_in_a_pod_stops_it(part: str, value: Any, also: Any) -> None:
    broken = pod("a", 0, 1, 50, running("a-ctr", 5))
    broken[part] = {**broken[part], "conditions": value, "containerStatuses": also} if part == "status" else value
    graph = {"apiVersion": "nimhelm.dev/v1", "pipeline": "p", "release": "rag", "chartVersion": "1",
             "services": [{"name": "a"}]}  # fmt: skip
    lists = {"configmaps": [graph_configmap(graph)], "pods": [broken], "events": []}
    text(timeline_of(Snapshot("rag", "nim-service", ZERO, lists)))
