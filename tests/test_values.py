"""values.yaml: the pipeline's own words, and beside them what was derived."""

from __future__ import annotations

import re
from typing import Any

from pipelines import IMAGE, cache, loaded, pipeline, plan, service

from nimhelm.assets import schema
from nimhelm.chart.values import cleaned, shared_values, values_comments, values_tree
from nimhelm.check import caches_by_name
from nimhelm.plan import plan_pipeline


def edge(name: str, port: int = 8000, **fields: Any) -> dict[str, Any]:
    return {"name": name, "port": port, **fields}


def test_the_whole_tree() -> None:
    made = plan(
        service("embed", env=[{"name": "A", "value": "yes"}], replicas=2),
        service("llm", edge("embed", envName="EMBED_URL")),
    )
    tree = values_tree(made)
    shared = {key: default for key, (default, _) in shared_values().items() if key != "helperResources"}
    assert tree == {
        "global": {"nimhelm": {**shared, "valuesDigest": tree["global"]["nimhelm"]["valuesDigest"]}},
        "embed": {
            "enabled": True,
            "image": IMAGE,
            "authSecret": "ngc",
            "storage": {"emptyDir": {}},
            "env": [{"name": "A", "value": "yes"}],
            "replicas": 2,
            "progressDeadlineSeconds": 1800,
        },
        "llm": {
            "enabled": True,
            "image": IMAGE,
            "authSecret": "ngc",
            "storage": {"emptyDir": {}},
            "dependencies": [
                {
                    "name": "embed",
                    "port": 8000,
                    "envName": "EMBED_URL",
                    "wait": {"enabled": True, "timeoutSeconds": 1800},
                }
            ],
            "wait": {"enabled": True, "timeoutSeconds": 0},
            "progressDeadlineSeconds": 3600,
        },
    }
    assert list(values_tree(made)) == ["global", "embed", "llm"]


def dependency(*services: dict[str, Any], **metadata: Any) -> Any:
    """The first dependency of the last service, as the values have it."""
    made = plan(*services, **metadata)
    return values_tree(made)[services[-1]["name"]]["dependencies"][0]


def test_an_external_dependency_is_marked() -> None:
    found = dependency(service("b", edge("x", 1)), annotations={"nimhelm.dev/external-dependencies": "x"})
    assert found == {"name": "x", "port": 1, "external": True, "wait": {"enabled": True, "timeoutSeconds": 1800}}


def test_a_kserve_dependency_is_asked_at_its_predictor() -> None:
    wait = dependency(service("a", inferencePlatform="kserve"), service("b", "a"))["wait"]
    assert (wait["host"], wait["port"]) == ("a-predictor", 80)


def test_what_a_probe_asks_is_left_to_the_chart() -> None:
    get = {"path": "/r", "port": "api", "scheme": "HTTPS", "httpHeaders": [{"name": "X", "value": "1"}]}
    wait = dependency(service("a", readinessProbe={"probe": {"httpGet": get}}), service("b", "a"))["wait"]
    assert wait == {"enabled": True, "timeoutSeconds": 1800}


def test_there_is_no_waiting_for_what_is_not_in_the_chart() -> None:
    made = plan(service("a", enabled=False), service("b", "a"))
    assert values_tree(made)["b"]["dependencies"][0]["wait"] == {"enabled": False, "timeoutSeconds": 1800}
    assert "a" not in values_tree(made)


def test_what_comes_along_disabled_is_waited_for_once_it_is_enabled() -> None:
    made = plan(service("a", enabled=False), service("b", "a"), include_disabled=True)
    wait = values_tree(made)["b"]["dependencies"][0]["wait"]
    assert wait == {"enabled": True, "optional": True, "timeoutSeconds": 1800}


def test_disabled_services_come_along_switched_off() -> None:
    made = plan(service("a"), service("b", "a", enabled=False), include_disabled=True)
    assert values_tree(made)["b"]["enabled"] is False
    assert values_tree(made)["b"]["dependencies"][0]["wait"]["enabled"] is True


def test_replicas_are_left_to_the_hpa() -> None:
    scale = {"enabled": True, "hpa": {"maxReplicas": 3}}
    made = plan(service("a", replicas=2, scale=scale), service("b", replicas=2, scale={**scale, "enabled": False}))
    assert "replicas" not in values_tree(made)["a"]
    assert values_tree(made)["b"]["replicas"] == 2


def test_nulls_are_absent() -> None:
    assert cleaned({"a": None, "b": [None, {"c": None}], "d": {}, "e": "", "f": False}) == {
        "b": [{}], "d": {}, "e": "", "f": False,
    }  # fmt: skip
    assert "replicas" not in values_tree(plan(service("a", replicas=None)))["a"]


def test_caches() -> None:
    files = loaded(pipeline(service("llm", storage={"nimCache": {"name": "weights"}})), cache("weights", userID=5))
    tree = values_tree(plan_pipeline(files.pipelines[0], caches_by_name(files)))
    assert list(tree) == ["global", "nimCaches", "llm"]
    assert tree["nimCaches"] == {"weights": {"enabled": True, **cache(userID=5)["spec"]}}


def test_quantities_are_written_as_the_api_server_does() -> None:
    target = {"type": "AverageValue", "averageValue": "0.5"}
    made = plan(
        service(
            "llm",
            resources={"limits": {"memory": "1024Mi", "nvidia.com/gpu": 1}},
            storage={"emptyDir": {"sizeLimit": "0.5Gi"}, "sharedMemorySizeLimit": "2048Mi"},
            scale={
                "enabled": True,
                "hpa": {"maxReplicas": 2, "metrics": [{"type": "Pods", "pods": {"target": target}}]},
            },
            draResources=[
                {"claimCreationSpec": {"devices": [{"capacitySelectors": [{"key": "m", "value": "1024Mi"}]}]}}
            ],
        )
    )
    block = values_tree(made)["llm"]
    assert block["resources"] == {"limits": {"memory": "1Gi", "nvidia.com/gpu": 1}}
    assert block["storage"] == {"emptyDir": {"sizeLimit": "512Mi"}, "sharedMemorySizeLimit": "2Gi"}
    assert block["scale"]["hpa"]["metrics"][0]["pods"]["target"]["averageValue"] == "500m"
    device = block["draResources"][0]["claimCreationSpec"]["devices"][0]
    assert device["capacitySelectors"] == [{"key": "m", "value": "1Gi"}]


def test_comments() -> None:
    made = plan(
        service("embed", resources={"limits": {"nvidia.com/gpu": 1}}, replicas=2),
        service("llm", "embed"),
        service("off", enabled=False),
        include_disabled=True,
    )
    comments = values_comments(made)
    assert comments["embed",] == "\nWave 1; nvidia.com/gpu: 1 for each of 2 replicas."
    assert comments["llm",] == "\nWave 2, after embed."
    assert comments["off",] == "\nWave 1; disabled in the pipeline."
    assert ("llm", "wait") in comments
    assert ("embed", "wait") not in comments
    assert ("embed", "progressDeadlineSeconds") in comments
    tree = values_tree(made)
    for path in comments:
        below: Any = tree
        for part in path:
            below = below[part]


def test_a_comment_names_what_may_be_chosen_and_is_no_long_line() -> None:
    definitions = schema("values")["definitions"]
    comments = values_comments(plan(service("embed"), service("llm", "embed")))
    chosen = 0
    for key, described in definitions["shared"]["properties"].items():
        field = definitions[described["$ref"].rsplit("/", 1)[1]] if "$ref" in described else described
        choices = {str(choice).lower() if isinstance(choice, bool) else choice for choice in field.get("enum", ())}
        chosen += bool(choices)
        missing = {
            word for word in choices - {"", None} if word not in re.findall(r"\w+", comments["global", "nimhelm", key])
        }
        assert not missing, f"{key}: {missing}"
    assert chosen > 5
    assert max(len(line) for text in comments.values() for line in text.splitlines()) <= 100


def test_the_policy_of_a_pipeline_and_of_a_cache_reaches_their_claims() -> None:
    keep = {"annotations": {"helm.sh/resource-policy": "keep"}}
    kept = {"pvc": {"create": True, "size": "1Gi"}}
    own = {"pvc": {"create": True, "size": "1Gi", "annotations": {"helm.sh/resource-policy": "delete"}}}
    shared = {"pvc": {"name": "shared"}}
    tree = values_tree(
        plan(service("a", storage=kept), service("b", storage=own), service("c", storage=shared), **keep)
    )
    assert [tree[name]["storage"]["pvc"].get("annotations") for name in "abc"] == [
        {"helm.sh/resource-policy": "keep"},
        {"helm.sh/resource-policy": "delete"},
        None,
    ]
    document = cache("weights")
    document["metadata"] |= keep
    document["spec"]["storage"] = kept
    files = loaded(pipeline(service("llm", storage={"nimCache": {"name": "weights"}})), document)
    claim = values_tree(plan_pipeline(files.pipelines[0], caches_by_name(files)))["nimCaches"]["weights"]["storage"][
        "pvc"
    ]
    assert claim["annotations"] == {"helm.sh/resource-policy": "keep"}
