"""The script that selects profiles in the caching job, held against the operator's rules written down in Python."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from .assemble import TEMPLATES

pytestmark = pytest.mark.slow

SCRIPT = (TEMPLATES / "umbrella" / "files" / "select-profiles.sh").read_text()
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}
NAMES = {
    "engine": "WANT_ENGINE", "precision": "WANT_PRECISION", "tensorParallelism": "WANT_TP", "qosProfile": "WANT_QOS",
    "lora": "WANT_LORA", "buildable": "WANT_BUILDABLE",
}  # fmt: skip
Profile = dict[str, str]

TAGS = {
    "a100": "llm_engine=tensorrt_llm precision=fp16 tp=2 profile=latency gpu=A100-SXM4-80GB gpu_device=20b2:10de feat_lora=false",
    "h100": "llm_engine=tensorrt_llm precision=fp8 tp=1 profile=throughput gpu=H100 gpu_device=2330:10de feat_lora=false",
    "h100-lora": "llm_engine=tensorrt_llm precision=fp16 tp=1 profile=throughput gpu=H100 gpu_device=2330:10de feat_lora=true",
    "h100-nvl": "llm_engine=tensorrt_llm precision=fp8 tp=1 profile=throughput gpu=H100_NVL gpu_device=2321:10de",
    "any": "llm_engine=vllm precision=bf16 tp=1 feat_lora=false",
    "build": "llm_engine=tensorrt_llm precision=bf16 tp=1 trtllm_buildable=true",
    "triton": "model_type=triton precision=fp16 product_name_regex=^NVIDIA-L40S?$ key=L40S",
    "onnx": "backend=onnx precision=fp16",
    "ahead": "backend=tensorrt gpu=A10G product_name_regex=^NVIDIA-A10(?!0).*",
}
PROFILES: dict[str, Profile] = {name: dict(pair.split("=", 1) for pair in text.split()) for name, text in TAGS.items()}


def first_form(profiles: dict[str, Profile]) -> str:
    """A mapping by the names, with what else is in such a manifest."""
    files = {"components": [{"src": {"files": ["id: x", "tags: y"]}}]}
    data = {
        name: {"model": "example/llm", "release": "1.0", "tags": tags, "workspace": files}
        for name, tags in profiles.items()
    }  # fmt: skip
    return (
        yaml.safe_dump(data, sort_keys=False)
        .replace("  workspace:", "  workspace: !workspace")
        .replace("components:", "components: ")
    )


def second_form(profiles: dict[str, Profile], indent: bool = False, flow: bool = False, late: bool = False) -> str:
    """A list under `profiles`, as PyYAML writes it or indented; `id` first or after the tags."""
    items = []
    for name, tags in profiles.items():
        parts = {
            "id": name,
            "tags": tags,
            "workspace": {"files": {"LICENSE": {"uri": "ngc://example/llm:1?file=id: x"}}},
        }
        items.append(dict(reversed(list(parts.items()))) if late else parts)
    text = yaml.safe_dump(items, sort_keys=False, default_flow_style=None if flow else False, width=9999)
    if indent:
        text = "".join(f"  {line}\n" for line in text.splitlines())
    return f"# a comment\nschema_version: '2.0'\nprofile_selection_criteria: x\nprofiles:\n{text}"


def wrapped_form(profiles: dict[str, Profile], keyed: bool = False) -> str:
    """A list under `manifest`, as old images have it: items with an id, or mappings by the name."""
    parts = [
        {"tags": tags, "workspace": {"components": [{"src": {"repo_id": name}}]}} for name, tags in profiles.items()
    ]
    items = [{name: part} if keyed else {"id": name, **part} for name, part in zip(profiles, parts, strict=True)]
    return yaml.safe_dump({"model_profile": "example", "manifest": items}, sort_keys=False)


def wanted(spec: dict[str, Any], seen: list[str], version: int, tags: Profile) -> bool:
    """The operator's rules."""
    for field, tag in (("precision", "precision"), ("tensorParallelism", "tp"), ("qosProfile", "profile")):
        if spec.get(field) and tags.get(tag, "") != spec[field]:
            return False
    lora = spec.get("lora")
    if lora is None and version == 1 and tags.get("feat_lora") == "true":
        return False
    if lora is not None and tags.get("feat_lora") != str(lora).lower():
        return False
    buildable = spec.get("buildable")
    if version == 2 and buildable is not None and tags.get("trtllm_buildable") != str(buildable).lower():
        return False
    backend = tags.get("llm_engine") or (tags.get("model_type") if version == 2 else "") or tags.get("backend") or ""
    if version == 2 and backend == "triton":
        backend = "tensorrt"
    engine, gpus = spec.get("engine") or "", spec.get("gpus") or []
    if engine and engine.removesuffix("_llm") not in backend:
        return False
    if version == 2 and tags.get("trtllm_buildable") == "true":
        return True
    if "tensorrt" not in engine.lower() and not gpus:
        return True
    return "tensorrt" in backend.lower() and (not (gpus or seen) or fits(tags, gpus, seen))


def fits(tags: Profile, gpus: list[dict[str, Any]], seen: list[str]) -> bool:
    found = False
    for gpu in gpus:
        product = gpu["product"].lower()
        if not product:
            continue
        found = found or product in tags.get("gpu", "").lower() or product in tags.get("key", "").lower()
        if found and gpu.get("ids") and tags.get("gpu_device", "").removesuffix(":10de") not in gpu["ids"]:
            return False
    pattern = tags.get("product_name_regex", "")
    return found or any(
        tags.get("gpu", "").lower() in name.lower() or (pattern and "(?" not in pattern and re.search(pattern, name))
        for name in seen
    )


def select(
    folder: Path, shell: str, manifest: str, spec: dict[str, Any], seen: list[str] | None = None
) -> subprocess.CompletedProcess[str]:
    path = folder / "manifest.yaml"
    path.write_text(manifest)
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    if seen:
        names = "\n".join(name.replace("-", " ") for name in seen)
        (tools / "nvidia-smi").write_text(f"#!/bin/sh\ncat <<'END'\n{names}\nEND\n")
        (tools / "nvidia-smi").chmod(0o755)
    env = {"PATH": f"{tools}:/usr/bin:/bin", "NIM_MANIFEST_PATH": str(path), "WANT_GPUS": ""}
    for field, name in NAMES.items():
        value = spec.get(field)
        env[name] = str(value).lower() if isinstance(value, bool) else value or ""
    env["WANT_GPUS"] = " ".join(f"{gpu['product']}:{','.join(gpu.get('ids', []))}" for gpu in spec.get("gpus", []))
    command = [*SHELLS[shell], "-euc", SCRIPT + '\nselect_profiles\nprintf "= %s\\n" $selected']
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def names(ran: subprocess.CompletedProcess[str]) -> list[str]:
    assert ran.stderr == ""
    return [line[2:] for line in ran.stdout.splitlines() if line.startswith("= ")]


SPECS: list[tuple[dict[str, Any], list[str]]] = [
    ({"engine": "vllm"}, []),
    ({"engine": "tensorrt_llm"}, []),
    ({"engine": "tensorrt_llm"}, ["NVIDIA-H100-80GB-HBM3"]),
    ({"engine": "tensorrt"}, ["NVIDIA-L40"]),
    ({"engine": "tensorrt_llm", "tensorParallelism": "2", "qosProfile": "latency"}, []),
    ({"precision": "fp8"}, []),
    ({"lora": True}, []),
    ({"lora": False, "precision": "bf16"}, []),
    ({"buildable": True}, []),
    ({"buildable": True, "engine": "tensorrt_llm"}, ["NVIDIA-A10"]),
    ({"gpus": [{"product": "h100"}]}, []),
    ({"gpus": [{"product": "h100", "ids": ["2330"]}]}, []),
    ({"gpus": [{"product": "h100", "ids": ["2330", "20b2"]}, {"product": "a100", "ids": ["20b2", "2330"]}]}, []),
    ({"gpus": [{"product": "l40s"}]}, ["NVIDIA-H100-NVL"]),
    ({"engine": "onnx"}, []),
    ({"gpus": [{"product": "", "ids": ["2330"]}]}, ["NVIDIA-A10G"]),
    ({"engine": "tensorrt_llm"}, ["NVIDIA-A10G"]),
    ({"precision": "fp16"}, []),
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("form", [first_form, second_form, wrapped_form])
def test_the_operators_rules(shell: str, form: Callable[[dict[str, Profile]], str], tmp_path: Path) -> None:
    manifest, version = form(PROFILES), 2 if form is second_form else 1
    for number, (spec, seen) in enumerate(SPECS):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = select(folder, shell, manifest, spec, seen)
        expected = [name for name, tags in PROFILES.items() if wanted(spec, seen, version, tags)]
        assert (names(ran), ran.returncode) == (expected, 0 if expected else 1), (spec, seen, ran.stdout)


@pytest.mark.parametrize(
    "manifest",
    [
        second_form(PROFILES, indent=True),
        second_form(PROFILES, flow=True),
        second_form(PROFILES, late=True),
        second_form(PROFILES).rstrip("\n"),
        second_form(PROFILES).replace("\n", "\r\n"),
        second_form(PROFILES).replace("\n  ", "\n    ").replace("- id: ", "-   id: "),
        second_form(PROFILES).replace("precision: fp8", "'precision':  \"fp8\"   # eight bits"),
        second_form(PROFILES, flow=True).replace(", ", ",").replace("{", "{ ").replace("}", " }  # tags"),
        second_form(PROFILES) + "others:\n- id: other\n  tags:\n    precision: fp8\n",
        wrapped_form(PROFILES, keyed=True),
        wrapped_form(PROFILES, keyed=True).replace("h100:", "'h100':").replace("h100-nvl:", '"h100-nvl":'),
        first_form(PROFILES).replace("\nh100:", "\n'h100':").replace("\n", "\r\n"),
    ],
    ids=[
        "indented", "flow", "id last", "no last newline", "Windows", "wide dashes", "quotes and comments", "tight flow",
        "another list", "mappings in a list", "quoted mappings", "quoted names",
    ],
)  # fmt: skip
def test_ways_to_write_a_manifest(manifest: str, tmp_path: Path) -> None:
    assert names(select(tmp_path, "dash", manifest, {"precision": "fp8"})) == ["h100", "h100-nvl"]


def test_any_profiles(tmp_path: Path) -> None:
    chance = Random(7)
    choices = {
        "llm_engine": ["tensorrt_llm", "vllm"], "backend": ["triton", "tensorrt"], "model_type": ["triton", "onnx"],
        "precision": ["fp8", "fp16"], "tp": ["1", "2"], "profile": ["latency", "throughput"], "feat_lora": ["true", "false"],
        "trtllm_buildable": ["true", "false"], "gpu": ["H100", "A100", "L40S"], "gpu_device": ["2330:10de", "20b2:10de"],
    }  # fmt: skip
    fields: dict[str, list[Any]] = {
        "engine": ["tensorrt_llm", "vllm"], "precision": ["fp8"], "tensorParallelism": ["1", "2"], "qosProfile": ["latency"],
        "lora": [True, False], "buildable": [True, False], "gpus": [[{"product": "h100"}], [{"product": "a100", "ids": ["20b2"]}]],
    }  # fmt: skip
    for number in range(40):
        profiles = {
            f"p{index}": {key: chance.choice(values) for key, values in choices.items() if chance.random() < 0.6}
            or {"tp": "1"}
            for index in range(12)
        }
        spec = {key: chance.choice(values) for key, values in fields.items() if chance.random() < 0.35}
        seen = chance.choice([[], ["NVIDIA-H100-80GB-HBM3"], ["NVIDIA-A100-SXM4-80GB", "NVIDIA-L40S"]])
        version = number % 2 + 1
        manifest = first_form(profiles) if version == 1 else second_form(profiles)
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = select(folder, "dash", manifest, spec, seen)
        assert names(ran) == [name for name, tags in profiles.items() if wanted(spec, seen, version, tags)], (
            spec,
            seen,
            manifest,
        )


def test_what_was_selected_is_said(tmp_path: Path) -> None:
    ran = select(
        tmp_path,
        "dash",
        second_form(PROFILES),
        {"engine": "tensorrt_llm", "precision": "fp8"},
        ["NVIDIA-H100-80GB-HBM3"],
    )
    assert ran.stdout.splitlines()[:3] == [
        f"selecting from {tmp_path}/manifest.yaml by engine tensorrt_llm, precision fp8",
        "devices: NVIDIA-H100-80GB-HBM3",
        "selected h100: tensorrt_llm precision fp8 tensorParallelism 1 throughput gpu H100 (2330:10de)",
    ]


def test_nothing_fits(tmp_path: Path) -> None:
    ran = select(tmp_path, "dash", second_form(PROFILES), {"engine": "tensorrt_llm", "tensorParallelism": "8"})
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (
        1,
        "no profile of the image fits engine tensorrt_llm, tensorParallelism 8: "
        "9 profiles are left out, 9 because of tensorParallelism",
    )


def test_no_manifest(tmp_path: Path) -> None:
    command = ["dash", "-euc", SCRIPT + "\nselect_profiles"]
    ran = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stdout.startswith("the image has no model manifest")


@pytest.mark.parametrize("manifest", ["", "{}\n", '[{"id": "a", "tags": {"tp": "1"}}]', "profiles: []\n", "a: b\n"])
def test_a_manifest_in_which_no_profile_can_be_read(manifest: str, tmp_path: Path) -> None:
    ran = select(tmp_path, "dash", manifest, {"engine": "vllm"})
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout.splitlines()[-1].startswith("no profile with tags can be read from ")


def test_a_long_manifest_is_read_in_seconds(tmp_path: Path) -> None:
    files = {
        f"model-{number}.safetensors": {"uri": f"ngc://example/llm:1?file=model-{number}"} for number in range(5000)
    }
    manifest = (
        yaml.safe_dump(
            {"profiles": [{"id": f"p{n}", "tags": {"tp": "1"}, "workspace": {"files": files}} for n in range(4)]}
        )
        .replace("&id", "#")
        .replace("*id", "#")
    )
    ran = select(tmp_path, "dash", manifest, {"tensorParallelism": "1"})
    assert names(ran) == ["p0", "p1", "p2", "p3"]
