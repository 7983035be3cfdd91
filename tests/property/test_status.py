"""What holds whatever a cluster holds."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nimhelm.status.compute import DISABLED, FAILED, NOT_READY, PENDING, READY, PipelineStatus, compute
from nimhelm.status.output import OUTPUTS, Style, render
from nimhelm.status.snapshot import KINDS, HelmRecord, Snapshot
from nimhelm.wording import clean, last_line
from tests.status.casefile import CASES, graph_configmap, read_case, snapshot_of

# Of a graph that somebody edited there is none to add services to.
WHOLE = [path for path in CASES if "edited" not in read_case(path)]
SNAPSHOTS = {path.stem: snapshot_of(read_case(path)) for path in WHOLE}
# What is missed by Helm's record cannot be added to another release by its objects alone.
# What Helm's record alone tells is not among the objects that are added.
FAILING = [
    name
    for name, each in SNAPSHOTS.items()
    if compute(each._replace(helm=None)).state == FAILED and not each.absent and not each.manifest
]
names = st.sampled_from(sorted(SNAPSHOTS))
garbage = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(status: PipelineStatus) -> None:
    """States, conditions and roots do not contradict each other."""
    states = [service.state for service in status.rows if service.state != DISABLED]
    holds = {condition["type"]: condition["status"] == "True" for condition in status.conditions}
    assert set(states) <= {PENDING, NOT_READY, READY, FAILED}
    assert holds == {"NIM_PIPELINE_READY": status.state == READY, "NIM_PIPELINE_FAILED": status.state == FAILED}
    assert (status.state == FAILED) == (FAILED in states)
    if status.state == READY:
        assert set(states) <= {READY}
    for service in status.rows:
        assert (service.cause is None) == (service.state in (READY, DISABLED))
        assert not service.root or service.state not in (READY, DISABLED)
        assert service.cause is None or service.cause.text
    if any(state != READY for state in states):
        assert any(service.root for service in status.rows), "something must explain it"
    for output in OUTPUTS:
        render(status, output, Style(colour=False, width=40)).encode()


@relaxed
@given(st.lists(names, min_size=1, max_size=4))
def test_mixtures_of_cases_are_consistent(chosen: list[str]) -> None:
    """Objects of several cases at once: contradictory, as a cluster in the middle of an upgrade."""
    first = SNAPSHOTS[chosen[0]]
    lists = {kind: [each for name in chosen for each in SNAPSHOTS[name].of(kind)] for kind in KINDS}
    check(compute(first._replace(lists=lists)))


@relaxed
@given(names, st.sampled_from(FAILING))
def test_a_failing_service_never_makes_a_pipeline_ready(name: str, failing: str) -> None:
    base, bad = SNAPSHOTS[name], SNAPSHOTS[failing]
    status = compute(_merged(base, bad))
    check(status)
    assert status.state == FAILED


def _merged(base: Snapshot, bad: Snapshot) -> Snapshot:
    """The base, at the time of a failing pipeline, with that one's services under other names.

    A kind that the failing case has no list of has none here either: an object that is not listed would be gone.
    """
    graph, added = _graph(base), copy.deepcopy(_graph(bad))
    renamed = _renamed({"graph": added, "lists": bad.lists}, [service["name"] for service in added["services"]])
    graph = graph | {
        "services": graph["services"] + renamed["graph"]["services"],
        "caches": graph.get("caches", []) + renamed["graph"].get("caches", []),
    }
    lists = {kind: base.of(kind) + renamed["lists"].get(kind, []) for kind in KINDS if bad.has(kind)}
    return base._replace(now=bad.now, lists=lists | {"configmaps": [graph_configmap(graph)]})


def _graph(snapshot: Snapshot) -> Any:
    import json

    return json.loads(snapshot.of("configmaps")[0]["data"]["pipeline.json"])


def _renamed(tree: Any, names: list[str]) -> Any:
    import json

    text = json.dumps(tree)
    for name in [*names, "meta-llama3"]:
        text = text.replace(name, f"other-{name}")
    return json.loads(text)


@relaxed
@given(names, st.data())
def test_missing_and_mistyped_fields_never_raise(name: str, data: st.DataObject) -> None:
    """Any field of any object replaced by anything, or gone."""
    snapshot = SNAPSHOTS[name]
    lists = copy.deepcopy(snapshot.lists)
    for _ in range(data.draw(st.integers(1, 6))):
        _spoil(lists, data)
    check(compute(snapshot._replace(lists=lists)))


def _spoil(tree: Any, data: st.DataObject) -> None:
    """Walks to some place in the tree and puts garbage there."""
    kind = data.draw(st.sampled_from(sorted(tree)))
    if not tree[kind]:
        return
    place = data.draw(st.sampled_from(tree[kind]))
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place, key=str) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.integers(0, 3)) == 0:
            place[key] = data.draw(garbage)
            return
        place = inner


@relaxed
@given(
    st.dictionaries(
        st.sampled_from(KINDS), st.lists(st.dictionaries(st.text(max_size=10), garbage, max_size=4), max_size=3)
    ),
    st.text(max_size=10),
    st.none() | st.builds(HelmRecord, st.text(max_size=10), st.integers()),
)
def test_garbage_never_raises(lists: Any, release: str, helm: HelmRecord | None) -> None:
    now = SNAPSHOTS["all_ready"].now
    check(compute(Snapshot(release, "", now, lists, helm)))


@relaxed
@given(
    st.recursive(
        garbage, lambda inner: st.dictionaries(st.sampled_from(["services", "caches", "name", "dependencies"]), inner)
    )
)
def test_any_graph_can_be_read(document: Any) -> None:
    import json

    configmap = graph_configmap(_graph(SNAPSHOTS["all_ready"]))
    configmap["data"]["pipeline.json"] = json.dumps(document, default=str)
    snapshot = SNAPSHOTS["all_ready"]
    check(compute(snapshot._replace(lists={**snapshot.lists, "configmaps": [configmap]})))


@pytest.mark.parametrize("name", sorted(name for name, each in SNAPSHOTS.items() if each.manifest is None))
def test_the_pipelines_of_one_release_are_one(name: str) -> None:
    """A parent chart may hold several pipelines. Their services are those of the release, wherever they stand."""
    snapshot, whole = SNAPSHOTS[name], compute(SNAPSHOTS[name])
    graph = _graph(snapshot)
    halves = []
    for part, services in (("a", graph["services"][:1]), ("b", graph["services"][1:])):
        half = graph_configmap(graph | {"pipeline": part, "services": services})
        half["metadata"]["name"] = part
        halves.append(half)
    status = compute(snapshot._replace(lists={**snapshot.lists, "configmaps": halves}, manifest=None))
    assert status.name == "a, b"
    rows = [[(each.name, each.state, each.ready) for each in found.services] for found in (status, whole)]
    assert rows[0] == rows[1]


@given(st.text() | st.text(alphabet="\x1b[]0;mJ\x07\x9b\u202eab"))
def test_nothing_shown_controls_a_terminal(foreign: str) -> None:
    import unicodedata

    for shown in (clean(foreign), last_line(foreign)):
        assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
        assert clean(shown) == shown


def test_the_failing_cases_are_many() -> None:
    assert len(FAILING) > 40
