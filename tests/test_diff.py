"""What an upgrade would do: every field from old to new, and what follows from it."""

from __future__ import annotations

import itertools
import json
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from conftest import HELMS, ROOT, run_nimhelm
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import cache, pipeline, service, text
from updates import Update, updates

from nimhelm.chart.obtain import values_of
from nimhelm.chart.write import package_chart, write_chart
from nimhelm.convert import convert_files
from nimhelm.diff.by_hand import by_hand
from nimhelm.diff.command import OUTPUTS, Options, compare
from nimhelm.diff.effects import REFUSED, RESTART, Effect, effects
from nimhelm.diff.fields import ABSENT, Named, applied, changes, path_text
from nimhelm.diff.gates import waits
from nimhelm.diff.plan import Difference
from nimhelm.diff.sides import without_defaults
from nimhelm.errors import LoadError
from nimhelm.validate_values import merge

pytestmark = pytest.mark.slow

GPU = "nvidia.com/gpu"
PVC = {"pvc": {"create": True, "size": "50Gi", "volumeAccessMode": "ReadWriteOnce"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def helm4_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", str(HELMS["helm4"]))


def gpus(amount: int) -> dict[str, Any]:
    return {"limits": {GPU: amount}}


def written(tmp_path: Path, name: str, *documents: dict[str, Any]) -> str:
    file = tmp_path / f"{name}.yaml"
    file.write_text(text(*documents))
    return str(file)


def plan(tmp_path: Path, old: list[dict[str, Any]], new: list[dict[str, Any]], **options: Any) -> Difference:
    paths = written(tmp_path, "old", pipeline(*old)), written(tmp_path, "new", pipeline(*new))
    return compare(paths, Options(**options))


def consequences(found: Difference) -> dict[str, list[str]]:
    """The codes of each change, without those of what no pod notices beside it (the graph's ConfigMap)."""
    codes = {f"{e.change.service}.{e.change.field}": [one.code for one in e.effects] for e in found.consequences}
    return {name: [code for code in each if code != "update"] or each[:1] for name, each in codes.items()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"image": {"repository": "nvcr.io/nim/llm", "tag": "2.0"}}, {"a.image.tag": ["restart"]}),
        ({}, {"replicas": 3}, {"a.replicas": ["scale"]}),
        ({}, {"expose": {"service": {"type": "NodePort"}}}, {"a.expose": ["update"]}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}, {"a.env[A].value": ["restart"]}),
        ({"storage": PVC}, {"storage": {"pvc": PVC["pvc"] | {"size": "80Gi"}}}, {"a.storage.pvc.size": ["growClaim"]}),
        ({"storage": PVC}, {"storage": {"pvc": PVC["pvc"] | {"size": "40Gi"}}}, {"a.storage.pvc.size": ["refused"]}),
        ({"storage": PVC}, {"storage": {"pvc": PVC["pvc"] | {"storageClass": "fast"}}},
         {"a.storage.pvc.storageClass": ["refused"]}),
        ({"storage": PVC}, {"storage": {"pvc": PVC["pvc"] | {"volumeAccessMode": "ReadWriteMany"}}},
         {"a.storage.pvc.volumeAccessMode": ["refused"]}),
        ({"resources": gpus(1)}, {"resources": gpus(2)}, {"a.resources.limits.\"nvidia.com/gpu\"": ["restart"]}),
    ],
)  # fmt: skip
def test_each_change_has_its_own_consequence(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, list[str]], tmp_path: Path
) -> None:
    assert consequences(plan(tmp_path, [service("a", **old)], [service("a", **new)])) == expected
    both = [service("a", **new, labels={"x": "1"}), service("b")]
    found = consequences(plan(tmp_path, [service("a", **old), service("b")], both))
    assert {key: value for key, value in found.items() if "labels" not in key} == expected


def test_a_claim_goes_or_stays(tmp_path: Path) -> None:
    old, new = [service("a", storage=PVC), service("b")], [service("b")]
    lose = tmp_path / "lose.yaml"
    lose.write_text("global: {nimhelm: {keepClaims: false}}\n")
    found = plan(tmp_path, old, new, values=(str(lose),))
    (lost,) = found.having("deleteData")
    assert lost.text == "deletes the claim (50Gi) and the data in it"
    assert lost.first == "to keep it: kubectl annotate pvc a-pvc --overwrite helm.sh/resource-policy=keep"
    assert found.removed == ("a",)
    printed = OUTPUTS["text"](found)
    assert "- a: removed\n" in printed
    assert "PersistentVolumeClaim/a-pvc: deletes the claim (50Gi) and the data in it" in printed
    keep = tmp_path / "keep.yaml"
    keep.write_text("global: {nimhelm: {keepClaims: true}}\n")
    kept = plan(tmp_path, old, new, values=(str(keep),))
    assert not kept.having("deleteData")
    (stays,) = kept.having("keepData")
    assert (stays.object, stays.first) == (
        "PersistentVolumeClaim/a-pvc", "to delete it for good: kubectl delete pvc a-pvc")  # fmt: skip
    assert "      to delete it for good: kubectl delete pvc a-pvc\n" in OUTPUTS["text"](kept)


def test_gpus_with_autoscaling(tmp_path: Path) -> None:
    scale = {"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}}
    found = plan(tmp_path, [service("a", resources=gpus(1))], [service("a", resources=gpus(2), scale=scale)])
    assert (found.gpus, found.max_gpus) == ({GPU: (1, 4)}, {GPU: (1, 8)})
    assert f"= GPUs in all: 1 -> 4 {GPU} (+3), with autoscaling up to 1 -> 8\n" in OUTPUTS["text"](found)


def test_nothing_is_cut(tmp_path: Path) -> None:
    old = {f"LONG_{number}": "x" * 300 + str(number) for number in range(30)}
    services = [
        [service("a", env=[{"name": name, "value": value + end} for name, value in old.items()])] for end in ("", "!")
    ]
    found = plan(tmp_path, *services)
    printed = OUTPUTS["text"](found)
    for name, value in old.items():
        assert f"env[{name}].value: {value} -> {value}!" in printed


def test_files_charts_and_packages_compare_alike(tmp_path: Path) -> None:
    sides = []
    for name, tag in (("old", "1"), ("new", "2")):
        file = written(tmp_path, name, pipeline(service("a", image={"repository": "r/a", "tag": tag})))
        (chart,) = convert_files([file]).charts
        sides.append([file, str(write_chart(chart, tmp_path / name)), str(package_chart(chart, tmp_path / name))])
    for one in sides[0]:
        for two in sides[1]:
            assert consequences(compare((one, two), Options())) == {"a.image.tag": ["restart"]}


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_changes_between_a_file_and_its_chart(path: Path, built: Path) -> None:
    found = compare((str(path), str(built / path.stem)), Options())
    assert found.is_empty
    assert OUTPUTS["text"](found) == "no change for the cluster\n"


def test_values_of_either_side(tmp_path: Path) -> None:
    file = written(tmp_path, "p", pipeline(service("a")))
    (tmp_path / "v.yaml").write_text("a: {replicas: 3}\n")
    (tmp_path / "empty.yaml").write_text("{}\n")
    values = (str(tmp_path / "v.yaml"),)
    assert compare((file, file), Options(values=values)).is_empty
    found = compare((file, file), Options(values=values, old_values=(str(tmp_path / "empty.yaml"),)))
    assert consequences(found) == {"a.replicas": ["scale"]}


def test_what_all_share(tmp_path: Path) -> None:
    using = pipeline(service(storage={"nimCache": {"name": "weights"}}))
    sizes = [cache(storage={"pvc": {"create": True, "size": size}}) for size in ("50Gi", "90Gi")]
    paths = tuple(written(tmp_path, str(number), using, one) for number, one in enumerate(sizes))
    assert consequences(compare(paths, Options())) == {".nimCaches.weights.storage.pvc.size": ["growClaim"]}


def test_steps_of_a_change_name_no_namespace_that_nobody_gave(tmp_path: Path) -> None:
    pvc = {"pvc": {"create": True, "size": "1Gi"}}
    paths = (
        written(tmp_path, "old", pipeline(service()), cache(storage=pvc)),
        written(tmp_path, "new", pipeline(service())),
    )
    printed = OUTPUTS["text"](compare(paths, Options()))
    assert "kubectl delete pvc weights-pvc\n" in printed
    assert "default" not in printed


def test_a_service_that_comes_and_order_that_changes(tmp_path: Path) -> None:
    found = plan(tmp_path, [service("a"), service("b")], [service("a", "b"), service("b"), service("c")])
    assert found.added == ("c",)
    assert found.waves == (("a", 1, 2),)
    printed = OUTPUTS["text"](found)
    assert "+ c: added\n    Deployment/c: creates it with 1 pod\n" in printed
    assert "~ a: wave 1 -> 2\n" in printed


def test_a_dependency_on_what_goes_falls_back_to_the_whole(tmp_path: Path) -> None:
    """The old values name a service that the new chart lacks: no change can be rendered alone."""
    found = plan(tmp_path, [service("a"), service("b", "a", userID=1)], [service("b", userID=2)])
    assert all("restart" in codes for name, codes in consequences(found).items() if name.startswith("b."))
    assert [effect.object for effect in found.having("restart")] == ["Deployment/b"]


def test_without_helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM", "/nowhere/helm")
    printed = OUTPUTS["text"](plan(tmp_path, [service("a")], [service("a", replicas=2)]))
    assert "    replicas: (none) -> 2\n" in printed
    assert "consequences are not known: helm is not on the PATH" in printed


def test_a_text_of_digits(tmp_path: Path) -> None:
    """Helm prints it bare where it is too large for a number, and no part of nimhelm takes it for one."""
    old, new = (service("a", annotations={"x": digits * 5000}) for digits in "89")
    found = plan(tmp_path, [old], [new])
    assert consequences(found)["a.annotations.x"] == ["restart"]


def test_outputs(tmp_path: Path) -> None:
    found = plan(tmp_path, [service("a", storage=PVC)], [service("a", storage={"pvc": PVC["pvc"] | {"size": "1Gi"}})])
    data = json.loads(OUTPUTS["json"](found))
    (change,) = data["changes"]
    assert (change["field"], change["old"], change["new"]) == ("storage.pvc.size", "50Gi", "1Gi")
    assert change["consequence"] == "refused"
    assert data["summary"]["refused"] == 1
    printed = OUTPUTS["markdown"](found)
    (row,) = [line for line in printed.splitlines() if line.startswith("| `storage")]
    assert row.startswith(
        "| `storage.pvc.size` | `50Gi` | `1Gi` | ⛔ PersistentVolumeClaim/a-pvc: Kubernetes refuses it"
    )
    assert "first: give the service another claim" in row


HPA = {"enabled": True, "hpa": {"maxReplicas": 5, "metrics": [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}}  # fmt: skip


@pytest.mark.parametrize(
    "new",
    [
        {"scale": HPA, "resources": {"requests": {"cpu": "1"}}},
        {"expose": {"service": {"port": 9000}}},
        {"storage": {"emptyDir": {}}},
        {"expose": {"service": {"type": "LoadBalancer"}}},
        {"metrics": {"enabled": True, "serviceMonitor": {"interval": "30s"}}},
    ],
    ids=lambda new: next(iter(new)),
)
def test_each_change_is_followed_by_its_consequence_and_each_heading_by_a_change(
    new: dict[str, Any], tmp_path: Path
) -> None:
    port = new.get("expose", {}).get("service", {}).get("port", 8000)
    old = [service("a", storage=PVC), service("b", {"name": "a", "port": 8000})]
    found = plan(tmp_path, old, [service("a", **{"storage": PVC, **new}), service("b", {"name": "a", "port": port})])
    lines = OUTPUTS["text"](found).splitlines()
    for line, below in itertools.pairwise(lines):
        if line.startswith("~") and line.endswith(":"):
            assert below.startswith("    ")
        if line.startswith("    ") and " -> " in line and line[4] != " ":
            assert below.startswith("        ")
    assert "besides" not in OUTPUTS["markdown"](found)


def test_markdown_is_not_broken_by_values(tmp_path: Path) -> None:
    env = [{"name": "A", "value": "a|b`c` <script> @team\n| x |"}]
    printed = OUTPUTS["markdown"](plan(tmp_path, [service("a")], [service("a", env=env)]))
    (row,) = [line for line in printed.splitlines() if line.startswith("| `env")]
    assert row.replace("\\|", "").count("|") == 5
    assert "b`c`" in row


def test_exit_codes(tmp_path: Path) -> None:
    old = written(tmp_path, "old", pipeline(service("a")))
    new = written(tmp_path, "new", pipeline(service("a", replicas=2)))
    codes = {
        (): (0, 0, 3), ("--exit-code",): (0, 1, 3), ("--detailed-exitcode",): (0, 2, 1),
    }  # fmt: skip
    for flags, expected in codes.items():
        found = [
            run_nimhelm("diff", *pair, *flags).returncode for pair in ((old, old), (old, new), (old, "absent.yaml"))
        ]
        assert tuple(found) == expected, flags
    assert run_nimhelm("diff", old).returncode == 2
    assert run_nimhelm("diff", old, new, "--exit-code", "--detailed-exitcode").returncode == 2


def test_what_cannot_be_compared(tmp_path: Path) -> None:
    wrong = written(tmp_path, "wrong", pipeline(service(replicas=-1)))
    with pytest.raises(LoadError, match=r"no chart can be made from .*wrong\.yaml:\n.*NH013"):
        compare((wrong, wrong), Options())
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "Chart.yaml").write_text("name: a\nversion: 1.0.0\n")
    with pytest.raises(LoadError, match="was not generated by nimhelm"):
        compare((str(tmp_path / "foreign"), wrong), Options())


@pytest.mark.parametrize("helm", sorted(HELMS))
def test_a_release_is_compared_by_what_helm_recorded(helm: str, tmp_path: Path) -> None:
    """A helm that answers for a release: its values, its manifest, and what an upgrade would send."""
    pvc = {"pvc": {"create": True, "size": "1Gi"}}
    user, gone = service("a", storage={"nimCache": {"name": "kept"}}), cache("gone", storage=pvc)
    old = written(tmp_path, "old", pipeline(user), cache("kept", storage=pvc), gone)
    user["spec"]["userID"] = 7
    new = written(tmp_path, "new", pipeline(user), cache("kept", storage=pvc, env=[{"name": "A", "value": "1"}]))
    (chart,) = convert_files([old]).charts
    folder = write_chart(chart, tmp_path / "charts")
    elsewhere = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "a0", "namespace": "other"}}
    extra = tmp_path / "extra.yaml"
    extra.write_text(text({"extraObjects": [elsewhere]}))
    recorded = merge(values_of(chart), {"a": {"global": {}, "old": {}}, "extraObjects": [elsewhere]})
    (tmp_path / "all.json").write_text(json.dumps(recorded))
    stub = tmp_path / "helm"
    stub.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
case "$1 $2" in
  "get values") case "$*" in *--all*) cat {tmp_path}/all.json;;
    *) echo '{{"a": {{"replicas": 2}}, "extraObjects": [{json.dumps(elsewhere)}]}}';; esac;;
  "get manifest") {HELMS[helm]} template rel {folder} --namespace ns -f {extra};;
  upgrade*) for last; do :; done
    for each; do case $each in --values=*) file=${{each#--values=}};; esac; done
    {HELMS[helm]} template rel "$last" --namespace ns --values $file > {tmp_path}/m
    python3 -c 'import json,sys; print(json.dumps({{"manifest": open(sys.argv[1]).read()}}))' {tmp_path}/m;;
  *) exec {HELMS[helm]} "$@";;
esac
""")
    stub.chmod(0o755)
    words = ("diff", "--release", "rel", "-n", "ns", "--context", "the other", new, "-o", "json")
    data = json.loads(run_nimhelm(*words, env={"HELM": str(stub)}, check=True).stdout)
    told = {(each["code"], each["object"].partition("-job-")[0]) for each in data["effects"]}
    assert {each for each in told if each[0] != "update"} == {
        ("restart", "Deployment/a"), ("scale", "Deployment/a"), ("delete", "Job/gone"), ("delete", "Job/kept"),
        ("runJob", "Job/kept"), ("keepData", "PersistentVolumeClaim/gone-pvc"),
    }  # fmt: skip
    alone = [each for change in data["changes"] for each in change["effects"]]
    together = {(each["code"], each["object"]) for each in data["effects"]}
    assert {(each["code"], each["object"]) for each in alone} <= together
    assert not [each for each in data["byTemplates"] if each["code"] != "update"]
    (kept,) = (each for each in alone if each["code"] == "keepData")
    assert kept["first"].endswith(": kubectl --context 'the other' delete pvc -n ns gone-pvc")
    assert "--namespace=ns" in (tmp_path / "asked").read_text()
    assert {each["field"] for each in data["changes"]} >= {"replicas", "userID"}
    (tmp_path / "none.yaml").write_text("# nothing yet\n")
    (tmp_path / "some.yaml").write_text("a: {replicas: 3}\n")
    nothing, something = (
        json.loads(
            run_nimhelm(*words, "-f", str(tmp_path / f"{name}.yaml"), env={"HELM": str(stub)}, check=True).stdout
        )
        for name in ("none", "some")
    )
    assert nothing == data, "helm reuses the values of the release where the files have none"
    assert something != data


def test_values_of_a_service_that_is_gone_are_refused(tmp_path: Path) -> None:
    """Helm's schema does it; the service counts as removed, and what else changes is shown."""
    (tmp_path / "v.yaml").write_text("b: {replicas: 2}\n")
    old, new = [service("a"), service("b")], [service("a", replicas=2)]
    found = plan(tmp_path, old, new, values=(str(tmp_path / "v.yaml"),))
    assert found.removed == ("b",)
    assert consequences(found) == {"a.replicas": ["scale"]}
    (refused,) = found.having("refused")
    assert refused.text == "refuses it: values are set for b, which is no service of the chart"
    assert refused.first.endswith("add --reset-then-reuse-values --set b=null")
    assert "! refused as a whole:\n    the chart: refuses it: values are set for b" in OUTPUTS["text"](found)
    assert "the chart: refuses it: values are set for b" in OUTPUTS["markdown"](found)
    assert all(each["object"] != "the chart" for each in json.loads(OUTPUTS["json"](found))["byTemplates"])


@pytest.mark.parametrize("helm", sorted(HELMS))
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("a: {storage: {emptyDir: null}, expose: {service: {grpcPort: 8000}}}",
         ["a has no place for its model: set one of nimCache", "a has port 8000 twice: change one of port"]),
        ("a: {replicas: many, foo: 1}", ["at '/a/replicas': got string", "'foo' not allowed", "validate --values says"]),
    ],
)  # fmt: skip
def test_all_that_a_chart_refuses_is_said(helm: str, values: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(values)
    file = written(tmp_path, "p", pipeline(service("a")))
    (tmp_path / "none.yaml").write_text("{}")
    words = ("diff", file, file, "-f", str(tmp_path / "v.yaml"), "--old-values", str(tmp_path / "none.yaml"))
    done = run_nimhelm(*words, env={"HELM": str(HELMS[helm])})
    assert done.returncode == 3
    assert done.stderr.startswith("nimhelm: the chart refuses its values:\n  ")
    assert all(each in done.stderr for each in said)
    assert "--debug" not in done.stderr


def test_further_objects_count_and_what_secrets_hold_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "old.values").write_text(
        "extraObjects: [{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: first-word}},"
        " {apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: b}}]"
    )
    (tmp_path / "new.values").write_text(
        "extraObjects: [{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: second-word}},"
        " {apiVersion: v1, kind: Secret, metadata: {name: t}, stringData: {a: third-word}}]"
    )
    old, new = str(tmp_path / "old.values"), str(tmp_path / "new.values")
    found = plan(tmp_path, [service("a")], [service("a")], values=(new,), old_values=(old,))
    assert [(each.code, each.object) for each in found.effects] == [
        ("delete", "ConfigMap/m"), ("create", "Secret/t"), ("update", "Secret/s"),
    ]  # fmt: skip
    assert [path_text(each.change.path) for each in found.consequences] == [
        "extraObjects[Secret/s].stringData.a", "extraObjects[Secret/t]", "extraObjects[ConfigMap/m]",
    ]  # fmt: skip
    printed = "".join(form(found) for form in OUTPUTS.values())
    assert "(hidden)" in printed
    assert "-word" not in printed


# --- the pure parts


def deployment(name: str = "a", **spec: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"image": "r:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    labels = {"app.kubernetes.io/name": name}
    return thing("Deployment", metadata={"name": name, "labels": labels}, spec=spec)


APPS = {
    "Deployment": "apps/v1",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
    "InferenceService": "serving.kserve.io/v1beta1",
}


def thing(kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": APPS.get(kind, "v1"), "kind": kind, "metadata": {"name": "x"}, **fields}


@pytest.mark.parametrize("row", updates(), ids=attrgetter("title"))
def test_refused_updates(row: Update) -> None:
    """The chart's guard refuses the same; see tests/chart/test_updates.py."""
    found = [each for each in effects([row.old], [row.new]) if each.code == REFUSED]
    assert bool(found) is bool(row.refused)
    assert not found or any(re.search(rf"[ .]{row.refused} ", each.text) for each in found)
    assert all(f"delete {row.new['kind'].lower()} {row.new['metadata']['name']}" in each.first for each in found)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (thing("Service", spec={"type": "ClusterIP"}), thing("Service", spec={"type": "LoadBalancer"}), "update"),
        (thing("ConfigMap", data=1), thing("ConfigMap", data=2), "update"),
        (deployment(), deployment(replicas=3), "scale"),
        (deployment(), deployment(template={"spec": {}}), "restart"),
        (deployment(), deployment(progressDeadlineSeconds=5), "update"),
        (thing("LeaderWorkerSet", spec={"replicas": 2, "leaderWorkerTemplate": {"size": 2}}),
         thing("LeaderWorkerSet", spec={"replicas": 2, "leaderWorkerTemplate": {"size": 2, "x": 1}}), "restart"),
        (thing("InferenceService", spec={"predictor": 1}), thing("InferenceService", spec={"predictor": 2}), "restart"),
    ],
)  # fmt: skip
def test_rules_of_updates(old: dict[str, Any], new: dict[str, Any], code: str) -> None:
    (found,) = effects([old], [new])
    assert found.code == code
    assert effects([old], [old]) == []


def test_a_claim_of_the_same_size_in_another_unit_does_not_grow() -> None:
    old, new = (
        thing("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": size}}})
        for size in ("2Gi", "2048Mi")
    )
    assert [each.code for each in effects([old], [new])] == ["update"]


def test_pods_of_a_group_are_counted() -> None:
    old = thing("LeaderWorkerSet", spec={"replicas": 3, "leaderWorkerTemplate": {"size": 2}})
    (found,) = effects(
        [old], [thing("LeaderWorkerSet", spec={"replicas": 3, "leaderWorkerTemplate": {"size": 2, "x": 1}})]
    )
    assert found.text == "restarts 6 pods"


def test_a_hook_is_no_object_of_the_release() -> None:
    hook = {"kind": "Pod", "metadata": {"name": "t", "annotations": {"helm.sh/hook": "test"}}}
    assert effects([hook], []) == effects([], [hook]) == []


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": True}, {"a": 1}, ["a"]),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b"]),
        ({"a.b": 1}, {"a.b": 2}, ['"a.b"']),
        ([{"name": "x", "v": 1}], [{"name": "x", "v": 2}], ["[x].v"]),
        ([{"name": "x"}, {"name": "y"}], [{"name": "y"}, {"name": "x"}], [""]),
        ([{"name": "x"}], [{"name": "x"}, {"name": "y"}], ["[y]"]),
        ([{"name": "x"}, {"name": "x"}], [{"name": "x"}], [""]),
        ([1, 2], [1, 3], [""]),
    ],
)
def test_fields(old: Any, new: Any, paths: list[str]) -> None:
    assert [path_text(each.path) for each in changes(old, new)] == paths


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("xyz"), JSON), st.dictionaries(st.sampled_from("xyz"), JSON))
def test_all_changes_together_are_the_new_values(old: dict[str, Any], new: dict[str, Any]) -> None:
    made = old
    for change in changes(old, new):
        made = applied(made, change)
    assert changes(made, new) == []


def test_changes_of_named_items() -> None:
    old = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}
    new = {"env": [{"name": "B", "value": "2"}, {"name": "C", "value": "3"}]}
    found = changes(old, new)
    assert [(each.path[1], each.new) for each in found] == [
        (Named("B"), "2"), (Named("C"), {"name": "C", "value": "3"}), (Named("A"), ABSENT),
    ]  # fmt: skip


def test_defaults_of_subcharts_are_no_changes() -> None:
    old = {"a": {"env": [], "image": {"tag": "1", "x": {}}, "on": False}}
    assert without_defaults(old, {"a": {"on": False}}) == {"a": {"image": {"tag": "1"}, "on": False}}


def deployment(
    name: str, *gates: str, replicas: int = 1, ready: int | None = None, strategy: str = "Recreate"
) -> dict[str, Any]:
    template = {"spec": {"initContainers": [{"name": f"wait-for-{gate}"} for gate in gates]}}
    status = {} if ready is None else {"status": {"readyReplicas": ready}}
    return {"kind": "Deployment", "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
            "spec": {"replicas": replicas, "template": template, "strategy": {"type": strategy}}, **status}  # fmt: skip


WAITS, STOPS = "its new pods wait for db, which has no ready pod now", ", and the pods that run are stopped first"
HELD = [
    ("ready", {"db": 1}, {"llm"}, {}, []),
    ("down", {"db": 0}, {"llm"}, {}, [WAITS + STOPS]),
    ("unchanged", {"db": 0}, set(), {}, []),
    ("its own change", {"db": 0}, {"llm", "db"}, {}, []),
    ("not of the release", {}, {"llm"}, {}, []),
    ("goes on", {"db": 0}, {"llm"}, {"llm": {"wait": {"onTimeout": "start"}}},
     [f"{WAITS}, until the timeout of the gate{STOPS}"]),
    ("all go on", {"db": 0}, {"llm"}, {"global": {"nimhelm": {"waitOnTimeout": "start"}}},
     [f"{WAITS}, until the timeout of the gate{STOPS}"]),
    ("one that does not", {"db": 0}, {"llm"}, {"global": {"nimhelm": {"waitOnTimeout": "start"}}, "llm": {"dependencies": [
        {"name": "db", "wait": {"onTimeout": "fail"}}]}},
     [WAITS + STOPS]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("live", "changed", "values", "expected"), [row[1:] for row in HELD], ids=[row[0] for row in HELD]
)
def test_what_gates_hold_back(
    live: dict[str, int], changed: set[str], values: dict[str, Any], expected: list[str]
) -> None:
    found = [Effect(RESTART, name, f"Deployment/{name}", "") for name in changed]
    new = [deployment("db"), deployment("llm", "db")]
    held = waits(found, new, [deployment(name, ready=ready) for name, ready in live.items()], values)
    assert [each.text for each in held] == expected
    goes_on = any("until the timeout" in text for text in expected)
    advice = "to start without it after the timeout: --set llm.wait.onTimeout=start"
    assert [each.first for each in held] == ["" if goes_on else advice] * len(expected)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"replicas": 2, "updatedReplicas": 1, "readyReplicas": 1}, "whose new pods are not ready now"),
        ({"replicas": 3, "updatedReplicas": 2, "readyReplicas": 2}, ""),
        ({"replicas": 1, "updatedReplicas": 1}, "which has no ready pod now"),
    ],
)
def test_a_gate_asks_the_newest_pods(status: dict[str, int], state: str) -> None:
    found = [Effect(RESTART, "llm", "Deployment/llm", "")]
    live = [deployment("db", replicas=2) | {"status": status}]
    held = waits(found, [deployment("llm", "db", strategy="RollingUpdate")], live, {})
    assert [each.text for each in held] == ([f"its new pods wait for db, {state}"] if state else [])


@pytest.mark.parametrize(("ready", "held"), [("True", 0), ("False", 1)])
def test_a_dependency_of_kserve_says_by_its_condition_whether_it_answers(ready: str, held: int) -> None:
    found = [Effect(RESTART, "llm", "Deployment/llm", "")]
    live = deployment("db") | {
        "kind": "InferenceService",
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }
    assert len(waits(found, [deployment("llm", "db")], [live], {})) == held


def test_a_dependency_that_is_scaled_to_0_holds_back() -> None:
    found = [Effect(RESTART, "llm", "Deployment/llm", "")]
    live = [deployment("db", replicas=0), deployment("embed", ready=1)]
    new = [deployment("llm", "embed", "db", strategy="RollingUpdate")]
    (held,) = waits(found, new, live, {})
    assert (held.code, held.text) == ("wait", "its new pods wait for db, which is scaled to 0 now")


def owner(manager: str, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": fields}


REPLICAS, IMAGE = {"f:spec": {"f:replicas": {}}}, {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"llm-ctr"}': {"f:image": {}}}}}}
}  # fmt: skip


def live_and_new(image: str, replicas: int, api: str = "apps/v1") -> tuple[dict[str, Any], dict[str, Any]]:
    """A workload as the cluster has it, and as the chart makes it with one replica and the image llm:1."""

    def made(image: str, replicas: int) -> dict[str, Any]:
        each = deployment("llm", replicas=replicas) | {"apiVersion": api}
        each["spec"]["template"]["spec"]["containers"] = [{"name": "other"}, {"name": "llm-ctr", "image": image}]
        return each

    return made(image, replicas), made("llm:1", 1)


BY_HAND = [
    ("nobody", 4, "Apply", ("kubectl", {}), ("llm:1", 1), []),
    ("helm 4 stops", 4, "Apply", ("kubectl", REPLICAS), ("llm:1", 2), [("refused", "spec.replicas (kubectl)")]),
    ("the same value", 4, "Apply", ("kubectl", REPLICAS), ("llm:1", 1), []),
    ("helm 4 in a release of helm 3", 4, "Update", ("kubectl", REPLICAS), ("llm:1", 2),
     [("setBack", "spec.replicas (kubectl)")]),
    ("helm 3", 3, "Update", ("kubectl", REPLICAS), ("llm:1", 2), [("setBack", "spec.replicas (kubectl)")]),
    ("pods restart", 3, "Update", ("kubectl-set", IMAGE), ("llm:2", 1),
     [("restart", "spec.template.spec.containers[llm-ctr].image (kubectl-set)")]),
    ("an autoscaler", 4, "Apply", ("kube-controller-manager", REPLICAS), ("llm:1", 2), []),
    ("a label of somebody's own", 4, "Apply", ("kubectl", {"f:metadata": {"f:labels": {"f:mine": {}}}}), ("llm:1", 1), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("helm", "operation", "hand", "live", "expected"), [row[1:] for row in BY_HAND], ids=[row[0] for row in BY_HAND]
)
def test_changes_by_hand(
    helm: int,
    operation: str,
    hand: tuple[str, dict[str, Any]],
    live: tuple[str, int],
    expected: list[tuple[str, str]],
) -> None:
    there, new = live_and_new(*live)
    there["metadata"]["managedFields"] = [owner("helm", operation, REPLICAS), owner(hand[0], "Update", hand[1])]
    found = [(each.code, each.text) for each in by_hand([new], [there], helm)]
    assert [(code, text.split(";")[0]) for code, text in found] == [
        (code, f"changed by hand: {fields}") for code, fields in expected
    ]


def test_helm_does_not_see_a_change_by_hand_of_a_kind_that_its_client_does_not_know() -> None:
    there, new = live_and_new("llm:1", 2, "leaderworkerset.x-k8s.io/v1")
    there["metadata"]["managedFields"] = [owner("helm", "Update", {}), owner("kubectl", "Update", REPLICAS)]
    assert list(by_hand([new], [there], 3)) == []
