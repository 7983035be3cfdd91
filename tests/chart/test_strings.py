"""Every string reaches the cluster as it was written, whatever any YAML reader may take it for."""

from __future__ import annotations

import re

import pytest

from .assemble import env_of, spec
from .conftest import Render

STRINGS = [
    "",
    " ",
    "  leading",
    "trailing  ",
    "\ttab",
    "a\r\nb",
    "line\n",
    "two\n\n",
    "\n",
    "---",
    "\n---\n",
    "...",
    "- a",
    "? a",
    "&a",
    "*a",
    "!x",
    "%TAG",
    "@at",
    "`tick`",
    "{{ .Release.Name }}",
    "{{",
    "}}",
    '{{ fail "no" }}',
    "${HOME}",
    "$(VAR)",
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "~",
    "null",
    "Null",
    "true",
    "TRUE",
    "1e3",
    "1_000",
    "0o14",
    "014",
    "0x1F",
    "1:30",
    "12:30:45",
    ".inf",
    ".nan",
    "-.5",
    "+1",
    "1.10",
    "9" * 30,
    "2024-01-01",
    "=",
    "<<",
    "#no comment",
    "a #b",
    "a: b",
    "key:",
    "[a, b]",
    "{a: b}",
    '"',
    "'",
    "'quoted'",
    "back\\slash",
    "\\n",
    "\\u0041",
    "\x7f",
    "\x80",
    "\x85",
    "\x9f",
    "\xa0",
    "\xad",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\ufeffbom",
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\u202e",
    "\U0001f600",
    "e\u0301",
    "\u0007",
    "\u0000",
    "\u001b[0m",
    '<a href="x">&amp;</a>',
    "|",
    ">",
    "|-\n  a",
    "a" * 3000,
    "x" * 200 + " " + "y" * 200,
]


def test_values_of_variables_arguments_and_annotations_survive(render: Render) -> None:
    env = [{"name": f"V{index}", "value": text} for index, text in enumerate(STRINGS)]
    notes = {f"note-{index}": text for index, text in enumerate(STRINGS)}
    rendered = render({"llm": spec(env=env, args=STRINGS, command=["run", *STRINGS], annotations=notes)})

    deployment = rendered["Deployment", "llm"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert [env_of(container)[entry["name"]] for entry in env] == STRINGS
    assert container["args"] == STRINGS
    assert container["command"] == ["run", *STRINGS]
    for place in (
        deployment["metadata"],
        deployment["spec"]["template"]["metadata"],
        rendered["Service", "llm"]["metadata"],
    ):
        assert {key: place["annotations"][key] for key in notes} == notes


def test_entries_of_lists_survive(render: Render) -> None:
    paths = [text for text in STRINGS if text]
    volumes = [{"name": f"v{index}", "hostPath": {"path": path}} for index, path in enumerate(paths)]
    mounts = [{"name": f"v{index}", "mountPath": f"/{index}", "subPath": path} for index, path in enumerate(paths)]
    pod = render({"llm": spec(volumes=volumes, volumeMounts=mounts)})["Deployment", "llm"]["spec"]["template"]["spec"]
    assert pod["volumes"][-len(volumes) :] == volumes
    assert pod["containers"][0]["volumeMounts"][-len(mounts) :] == mounts


def test_containers_beside_the_nim_get_them_as_well(render: Render) -> None:
    beside = {
        "name": "beside",
        "image": {"repository": "busybox", "tag": "1.37"},
        "args": STRINGS,
        "workingDir": "/on",
        "env": [{"name": f"V{index}", "value": text} for index, text in enumerate(STRINGS)],
    }
    pod = render({"llm": spec(initContainers=[beside], sidecarContainers=[{**beside, "name": "other"}])})[
        "Deployment", "llm"
    ]["spec"]["template"]["spec"]
    for container in (pod["initContainers"][-1], pod["containers"][-1]):
        assert container["args"] == STRINGS
        assert [env_of(container)[entry["name"]] for entry in beside["env"]] == STRINGS  # type: ignore[index]


WORDS = [
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "true",
    "False",
    "null",
    "1",
    "1e3",
    "0o14",
    "0x10",
    "1.10",
    "12",
    "Infinity",
    "1_0",
]


def test_words_survive_where_kubernetes_takes_only_words(render: Render) -> None:
    labels = {f"example.com/{word}": word for word in WORDS} | {word: word for word in WORDS}
    toleration = {"key": "on", "operator": "Equal", "value": "off", "effect": "NoSchedule", "tolerationSeconds": 60}
    rendered = render(
        {
            "llm": spec(
                labels=labels,
                nodeSelector=labels,
                tolerations=[toleration],
                runtimeClassName="no",
                schedulerName="1e3",
                priorityClassName="yes",
                image={"repository": "on", "tag": "1.10", "pullPolicy": "Always", "pullSecrets": ["null", "12"]},
                authSecret="true",
            )
        }
    )
    template = rendered["Deployment", "llm"]["spec"]["template"]
    pod = template["spec"]
    assert labels.items() <= template["metadata"]["labels"].items()
    assert pod["nodeSelector"] == labels
    assert pod["tolerations"] == [toleration]
    assert (pod["runtimeClassName"], pod["schedulerName"], pod["priorityClassName"]) == ("no", "1e3", "yes")
    assert pod["containers"][0]["image"] == "on:1.10"
    assert pod["imagePullSecrets"] == [{"name": "null"}, {"name": "12"}]


@pytest.mark.parametrize("name", ["on", "y", "null", "true", "e1"])
def test_services_may_be_called_like_words_of_yaml(render: Render, name: str) -> None:
    rendered = render({name: spec()})
    assert ("Service", name) in rendered
    assert rendered["Deployment", name]["spec"]["selector"]["matchLabels"] == {"app": name}


def test_large_numbers_stay_whole(render: Render) -> None:
    rendered = render({"llm": spec(userID=1000660000, groupID=2000660000, progressDeadlineSeconds=1000000)})
    deployment = rendered["Deployment", "llm"]["spec"]
    assert deployment["template"]["spec"]["securityContext"] == {
        "runAsUser": 1000660000,
        "runAsGroup": 2000660000,
        "fsGroup": 2000660000,
    }
    assert deployment["progressDeadlineSeconds"] == 1000000


def test_what_is_rendered_can_be_read(helm, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from .assemble import dependency, umbrella

    chart = umbrella(tmp_path, {"a": spec(), "b": spec(dependencies=[dependency("a", envName="A_URL")])})
    text = helm.template(chart).stdout
    assert not re.search(r"[ \t]+$", text, re.MULTILINE), "spaces at the end of a line"
    assert "\n\n\n" not in text
    assert not re.search(r": (null|~)$", text, re.MULTILINE), "an empty key"
