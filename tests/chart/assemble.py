"""Puts charts together from chart-template/ alone, so that these tests do not depend on the Python side."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from nimhelm.chart.values import UNWRITTEN

TEMPLATES = Path(__file__).resolve().parents[2] / "chart-template"
PIPELINE = "demo"
SCRIPTS = TEMPLATES / "umbrella" / "files"
SCRIPTS_NAME, GRAPH_NAME = "r-demo-scripts", "r-demo-nimpipeline"
"""What release r of the pipeline calls its own ConfigMaps."""

Object = dict[str, Any]


def defaults(block: str) -> Any:
    """The defaults of a block of values. A block may include those of another."""
    text = (TEMPLATES / "umbrella/templates/_defaults.tpl").read_text()
    found = re.search(rf'define "nimhelm\.v\d+\.defaults\.{block}" -}}}}\n(.*?)\n{{{{- end', text, re.DOTALL)
    assert found
    included = re.sub(r'{{ include "nimhelm\.v\d+\.defaults\.(\w+)" \. }}', r'"\1"', found[1])
    values = json.loads(included)
    return {key: defaults(value) if value == key else value for key, value in values.items()}


SERVICE_DEFAULTS: dict[str, Any] = defaults("service")

SPEC: dict[str, Any] = {
    "enabled": True,
    "image": {"repository": "nvcr.io/nim/meta/llama3", "tag": "1.0.0", "pullSecrets": ["ngc-secret"]},
    "authSecret": "ngc-api-key",
    "storage": {"pvc": {"create": True, "size": "50Gi"}},
}
"""The least that a service needs."""


def spec(**changes: Any) -> dict[str, Any]:
    """The least that a service needs, with other fields over it."""
    return {**SPEC, **changes}


def dependency(name: str, port: int = 8000, **more: Any) -> dict[str, Any]:
    """An entry of dependencies that is waited for by HTTP."""
    wait = {"enabled": True, "path": "/v1/health/ready", "timeoutSeconds": 1800}
    return {"name": name, "port": port, "wait": {**wait, **more.pop("wait", {})}, **more}


def umbrella(folder: Path, services: dict[str, dict[str, Any]], **values: Any) -> Path:
    """A chart of these services under `folder`, in the order in which they are given; `values` are further top-level ones."""
    chart = folder / PIPELINE
    shutil.rmtree(chart, ignore_errors=True)
    shutil.copytree(TEMPLATES / "umbrella", chart)
    for name in services:
        shutil.copytree(TEMPLATES / "service", chart / "charts" / name)
        write_yaml(chart / "charts" / name / "Chart.yaml", chart_yaml(name))
    dependencies = [
        {"name": name, "version": "0.1.0", "repository": "", "condition": f"{name}.enabled"} for name in services
    ]
    order = {"nimhelm.dev/start-order": json.dumps([[name] for name in services])}
    top = chart_yaml(PIPELINE)
    write_yaml(chart / "Chart.yaml", {**top, "annotations": top["annotations"] | order, "dependencies": dependencies})
    written = {key: value for key, value in SERVICE_DEFAULTS["global"]["nimhelm"].items() if key not in UNWRITTEN}
    shared = {**written, **values.pop("nimhelm", {})}
    write_yaml(chart / "values.yaml", {"global": {"nimhelm": shared}, **values, **services})
    return chart


def chart_yaml(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v2",
        "name": name,
        "version": "0.1.0",
        "kubeVersion": ">=1.28.0-0",
        "annotations": {"nimhelm.dev/pipeline": PIPELINE},
    }


def write_yaml(path: Path, data: Any) -> None:
    """As JSON, which is YAML once the characters are escaped that YAML has other ideas about."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    path.write_text(re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda m: f"\\u{ord(m[0]):04x}", text) + "\n")


class Strict(yaml.CSafeLoader):
    """YAML in which no mapping has a key twice; the API server and PyYAML would take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice among {keys}"
        return super().construct_mapping(node, deep)


def objects(manifest: str) -> dict[tuple[str, str], Object]:
    """What helm rendered, by kind and name; an object rendered twice fails."""
    found: dict[tuple[str, str], Object] = {}
    for document in yaml.load_all(manifest, Loader=Strict):
        if document:
            key = document["kind"], document["metadata"]["name"]
            assert key not in found, f"{key} is rendered twice"
            found[key] = document
    return found


def pod_specs(rendered: dict[tuple[str, str], Object]) -> Iterator[tuple[str, Object]]:
    """Every pod spec of a release, with the name of its owner."""
    for (kind, name), document in rendered.items():
        if kind == "Pod":
            yield name, document["spec"]
        elif kind in ("DaemonSet", "Deployment", "Job"):
            yield name, document["spec"]["template"]["spec"]
        elif kind == "LeaderWorkerSet":
            for role in ("leaderTemplate", "workerTemplate"):
                yield f"{name}/{role}", document["spec"]["leaderWorkerTemplate"][role]["spec"]
        elif kind == "InferenceService":
            yield name, document["spec"]["predictor"]


def containers(pod: Object) -> dict[str, Object]:
    """All containers of a pod spec by name, init containers included."""
    every = pod.get("initContainers", []) + pod["containers"]
    return {container["name"]: container for container in every}


def env_of(container: Object) -> dict[str, Any]:
    """The environment of a container; a name that occurs twice fails."""
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names)), f"{container['name']} has a variable twice: {names}"
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def gate_settings(
    rendered: dict[tuple[str, str], Object], service: str, gate: str, scripts: str = SCRIPTS_NAME
) -> dict[str, str]:
    """What the gate of a service reads from the ConfigMap with the scripts: key -> value."""
    text = rendered["ConfigMap", scripts]["data"][f"{service}.{gate}"]
    return dict(line.split("=", 1) for line in text.splitlines())


def gate_seconds(
    rendered: dict[tuple[str, str], Object], service: str, gate: str, scripts: str = SCRIPTS_NAME
) -> tuple[int, int]:
    """(seconds until a gate gives up, seconds between two questions)."""
    settings = gate_settings(rendered, service, gate, scripts)
    return int(settings["timeout"]), int(settings["period"])


def probe_budget(probe: Object) -> int:
    """Seconds until a probe gives up."""
    return int(probe["initialDelaySeconds"] + probe["periodSeconds"] * probe["failureThreshold"])


def clock(folder: Path, busybox: str) -> Path:
    """A busybox for scripts whose time is in folder/now: `sleep` puts it forward at once, and folder/pauses lists how far."""
    (folder / "now").write_text("1000\n")
    (folder / "pauses").touch()
    program = folder / "busybox"
    program.write_text(f"""#!{busybox} sh
case $1 in
  date) {busybox} cat {folder}/now ;;
  sleep)
    echo $(($({busybox} cat {folder}/now) + $2)) > {folder}/next
    {busybox} mv {folder}/next {folder}/now  # whoever reads it meanwhile finds no empty file
    echo $2 >> {folder}/pauses
    ;;
  *) exec {busybox} "$@" ;;
esac
""")
    program.chmod(0o755)
    return program


def pauses(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pauses").read_text().split()]
