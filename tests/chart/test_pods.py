"""What of a service's values ends up in its pods."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .assemble import SCRIPTS, SPEC, Object, containers, dependency, env_of, probe_budget, spec
from .conftest import Render


def pod(rendered: dict[tuple[str, str], Object], name: str = "llm") -> Object:
    return rendered["Deployment", name]["spec"]["template"]["spec"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("resources", "requests", "limits"),
    [
        (
            {"requests": {"nvidia.com/gpu": "1", "memory": "8Gi"}},
            {"nvidia.com/gpu": "1", "memory": "8Gi"},
            {"nvidia.com/gpu": "1"},
        ),
        ({"limits": {"nvidia.com/gpu": 2, "cpu": 4}}, {"nvidia.com/gpu": "2"}, {"nvidia.com/gpu": "2", "cpu": "4"}),
        (
            {"requests": {"nvidia.com/mig-1g.5gb": 1}, "limits": {"rdma/hca": 1}},
            {"nvidia.com/mig-1g.5gb": "1", "rdma/hca": "1"},
            {"nvidia.com/mig-1g.5gb": "1", "rdma/hca": "1"},
        ),
        ({"requests": {"hugepages-2Mi": "128Mi"}}, {"hugepages-2Mi": "128Mi"}, {"hugepages-2Mi": "128Mi"}),
        ({"limits": {"ephemeral-storage": "1Gi"}}, None, {"ephemeral-storage": "1Gi"}),
        ({"requests": {"attachable-volumes.kubernetes.io/x": 1}}, {"attachable-volumes.kubernetes.io/x": "1"}, None),
    ],
)
def test_extended_resources_are_copied_to_the_side_that_lacks_them(
    render: Render, resources: dict[str, Any], requests: Any, limits: Any
) -> None:
    given = containers(pod(render({"llm": spec(resources=resources)})))["llm-ctr"]["resources"]
    assert given.get("requests") == requests
    assert given.get("limits") == limits


def test_addresses_of_dependencies(render: Render) -> None:
    dependencies = [
        dependency("a", envName="A_URL"),
        dependency("b", 9000, envName="SELF", envValue="grpc://elsewhere"),
        dependency("a2", 8001, envName="DUP"),
        dependency("silent"),
        dependency("milvus", 19530, envName="MILVUS", external=True, wait={"enabled": False}),
        dependency("behind", 7000, envName="HOST", external=True, wait={"host": "gateway"}),
    ]
    env = [
        {"name": "FIRST", "value": "$(A_URL)"},
        {"name": "DUP", "value": "mine"},
        {"name": "TWICE", "value": "1"},
        {"name": "TWICE", "value": "2"},
    ]
    others = {
        "a": spec(),
        "b": spec(expose={"service": {"port": 9000}}),
        "a2": spec(expose={"service": {"port": 8001}}),
        "silent": spec(),
    }
    container = containers(pod(render({**others, "llm": spec(dependencies=dependencies, env=env)})))["llm-ctr"]
    assert [entry["name"] for entry in container["env"]][:7] == [
        "HOST",
        "MILVUS",
        "DUP",
        "SELF",
        "A_URL",
        "FIRST",
        "TWICE",
    ]
    values = env_of(container)
    assert values["A_URL"] == "http://a:8000"
    assert values["SELF"] == "grpc://elsewhere"
    assert values["DUP"] == "http://a2:8001", "a dependency replaces env"
    assert values["MILVUS"] == "http://milvus:19530"
    assert values["HOST"] == "http://gateway:7000"
    assert values["TWICE"] == "2", "as in a container, the last one counts"


def test_what_wins_over_what(render: Render) -> None:
    env = [
        {"name": "NIM_LOG_LEVEL", "value": "DEBUG"},
        {"name": "HTTP_PROXY", "value": "mine"},
        {"name": "NGC_API_KEY", "value": "k"},
    ]
    container = containers(pod(render({"llm": spec(env=env, proxy={"httpProxy": "http://p:1"})})))["llm-ctr"]
    values = env_of(container)
    assert values["NIM_LOG_LEVEL"] == "DEBUG"
    assert values["HTTP_PROXY"] == values["http_proxy"] == "http://p:1"
    assert values["NGC_API_KEY"] == "k"
    assert next(entry["name"] for entry in container["env"]) == "NIM_SDK_USE_NATIVE_TLS"


def test_models_of_hugging_face(render: Render) -> None:
    env = [{"name": "NIM_MODEL_NAME", "value": "hf://a/b"}]
    container = containers(pod(render({"llm": spec(env=env)})))["llm-ctr"]
    assert [entry["name"] for entry in container["env"]][:3] == ["NGC_API_KEY", "HF_TOKEN", "NIM_MODEL_NAME"]
    assert env_of(container)["NGC_API_KEY"]["secretKeyRef"]["optional"] is True
    assert "optional" not in env_of(container)["HF_TOKEN"]["secretKeyRef"]


def test_a_nim_that_takes_the_path_of_its_model_gets_the_token_of_the_hub_if_there_is_one(render: Render) -> None:
    env = [{"name": "NIM_MODEL_PATH", "value": "hf://a/b"}]
    container = containers(pod(render({"llm": spec(env=env)})))["llm-ctr"]
    keys = {name: env_of(container)[name]["secretKeyRef"] for name in ("NGC_API_KEY", "HF_TOKEN")}
    assert {(name, key["key"], key["optional"]) for name, key in keys.items()} == {
        ("NGC_API_KEY", "NGC_API_KEY", True),
        ("HF_TOKEN", "HF_TOKEN", True),
    }


def test_adopted_pods_get_no_token(render: Render) -> None:
    env = [{"name": "NIM_MODEL_PATH", "value": "hf://a/b"}]
    rendered = render({"llm": spec(env=env)}, nimhelm={"keepOperatorPods": True})
    assert "HF_TOKEN" not in env_of(containers(pod(rendered))["llm-ctr"])


def test_a_token_of_the_users_own_stays(render: Render) -> None:
    env = [{"name": "NIM_MODEL_PATH", "value": "hf://a/b"}, {"name": "HF_TOKEN", "value": "mine"}]
    container = containers(pod(render({"llm": spec(env=env)})))["llm-ctr"]
    assert [entry for entry in container["env"] if entry["name"] == "HF_TOKEN"] == [
        {"name": "HF_TOKEN", "value": "mine"}
    ]


@pytest.mark.parametrize(
    ("source", "extra", "token"),
    [
        ("ngc", [], False),
        ("dataStore", [], True),
        ("hf", ["NIM_MODEL_NAME", "HF_HOME", "NIM_MODEL_PATH"], True),
        ("ngcModelEndpoint", ["NIM_MODEL_NAME", "HF_HOME", "NIM_MODEL_PATH"], False),
    ],
)
def test_caches(render: Render, source: str, extra: list[str], token: bool) -> None:
    cache = {
        "name": "c",
        "profile": "p",
        "claimName": "claim",
        "subPath": "sub",
        "source": source,
        "modelPath": "hf://a/b",
    }
    rendered = pod(render({"llm": spec(storage={"nimCache": cache, "readOnly": True})}))
    container = containers(rendered)["llm-ctr"]
    names = [entry["name"] for entry in container["env"]]
    assert names[-1 - len(extra) :] == [*extra, "NIM_MODEL_PROFILE"]
    assert ("HF_TOKEN" in names) is token
    assert rendered["volumes"][1]["persistentVolumeClaim"] == {"claimName": "claim", "readOnly": True}
    assert container["volumeMounts"][0] == {"name": "model-store", "mountPath": "/model-store", "subPath": "sub"}


def test_a_profile_of_the_users_own_wins_over_that_of_its_cache(render: Render) -> None:
    cache = {"name": "c", "profile": "p", "source": "ngc"}
    values = spec(storage={"nimCache": cache}, env=[{"name": "NIM_MODEL_PROFILE", "value": "mine"}])
    assert env_of(containers(pod(render({"llm": values})))["llm-ctr"])["NIM_MODEL_PROFILE"] == "mine"


def test_native_images(render: Render) -> None:
    container = containers(pod(render({"llm": spec(imageLayout="native")})))["llm-ctr"]
    assert [entry["name"] for entry in container["env"]][:3] == ["NGC_API_KEY", "HF_TOKEN", "NIM_ENGINE_MODEL_PATH"]
    assert env_of(container)["NIM_ENGINE_MODEL_PATH"] == "/model"
    assert all(env_of(container)[name]["secretKeyRef"]["optional"] for name in ("NGC_API_KEY", "HF_TOKEN"))
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/model", "/opt/cache", "/dev/shm"]


@pytest.mark.parametrize(
    ("storage", "source"),
    [
        ({"pvc": {"name": "claim"}}, {"persistentVolumeClaim": {"claimName": "claim"}}),
        ({"pvc": {"create": True, "size": "1Gi"}}, {"persistentVolumeClaim": {"claimName": "llm-pvc"}}),
        ({"emptyDir": {}}, {"emptyDir": {}}),
        ({"emptyDir": {"sizeLimit": "1Gi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"hostPath": "/data"}, {"hostPath": {"path": "/data", "type": "DirectoryOrCreate"}}),
    ],
)
def test_storage(render: Render, storage: dict[str, Any], source: dict[str, Any]) -> None:
    rendered = render({"llm": spec(storage=storage)})
    volumes = {volume["name"]: volume for volume in pod(rendered)["volumes"]}
    assert volumes["model-store"] == {"name": "model-store", **source}
    assert (("PersistentVolumeClaim", "llm-pvc") in rendered) is bool(storage.get("pvc", {}).get("create"))


def test_a_claim(render: Render) -> None:
    claim = render({"llm": spec()})["PersistentVolumeClaim", "llm-pvc"]
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    pvc = {
        "create": True,
        "size": "1Gi",
        "storageClass": "fast",
        "volumeAccessMode": "ReadWriteMany",
        "annotations": {"on": "yes", "empty": ""},
    }
    claim = render({"llm": spec(storage={"pvc": pvc})})["PersistentVolumeClaim", "llm-pvc"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    kept = {"helm.sh/resource-policy": "keep", "nimhelm.dev/storage-class": "fast"}
    assert claim["metadata"]["annotations"] == {"on": "yes", "empty": ""} | kept


def test_placement(render: Render) -> None:
    term = [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}]
    node = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "In", "values": ["1"]}]}]
        }
    }
    pods = {"requiredDuringSchedulingIgnoredDuringExecution": term}
    rendered = pod(render({"llm": spec(affinity={"nodeAffinity": node}, podAffinity=pods)}))
    assert rendered["affinity"] == {"nodeAffinity": node, "podAffinity": pods}
    own = {
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term[0]}]}
    }
    assert pod(render({"llm": spec(affinity=own, podAffinity=pods)}))["affinity"] == own


def test_probes(render: Render) -> None:
    probe = {"tcpSocket": {"port": "api"}, "failureThreshold": 5}
    values = spec(livenessProbe={"enabled": False}, readinessProbe={"probe": probe}, startupProbe={"enabled": True})
    container = containers(pod(render({"llm": values})))["llm-ctr"]
    assert "livenessProbe" not in container
    assert container["readinessProbe"] == probe
    assert probe_budget(container["startupProbe"]) == 1230, "the operator's"
    assert container["startupProbe"]["initialDelaySeconds"] == 0
    assert container["startupProbe"]["periodSeconds"] <= 2, "who is ready is seen soon"


def test_a_service_called_nim_server_sets_no_variables(render: Render) -> None:
    assert pod(render({"llm": spec()}))["enableServiceLinks"] is False


def test_replicas(render: Render) -> None:
    assert render({"llm": spec()})["Deployment", "llm"]["spec"]["replicas"] == 1
    assert render({"llm": spec(replicas=0)})["Deployment", "llm"]["spec"]["replicas"] == 0


def test_an_upgrade_leaves_the_number_of_pods_to_the_autoscaler(render: Render) -> None:
    scaled = {"llm": spec(scale={"enabled": True, "hpa": {"minReplicas": 2, "maxReplicas": 4}})}
    assert render(scaled)["Deployment", "llm"]["spec"]["replicas"] == 2
    on_a_cluster = render(scaled, "--api-versions", "apiregistration.k8s.io/v1")
    assert "replicas" not in on_a_cluster["Deployment", "llm"]["spec"]


def test_the_address_of_a_predictor_is_where_its_gate_asks(render: Render) -> None:
    behind = dependency("a", envName="A_URL", external=True, wait={"host": "a-predictor", "port": 80})
    probed = dependency("b", 19530, envName="B_URL", external=True, wait={"port": 9091})
    main = render({"llm": spec(dependencies=[behind, probed])})["Deployment", "llm"]["spec"]["template"]["spec"]
    env = env_of(containers(main)["llm-ctr"])
    assert (env["A_URL"], env["B_URL"]) == ("http://a-predictor:80", "http://b:19530")


def test_pods_of_the_operator_keep_its_probes(render: Render) -> None:
    rendered = render({"llm": spec()}, "--set", "global.nimhelm.keepOperatorPods=true")
    probe = containers(rendered["Deployment", "llm"]["spec"]["template"]["spec"])["llm-ctr"]["startupProbe"]
    assert (probe["initialDelaySeconds"], probe["periodSeconds"], probe["failureThreshold"]) == (30, 10, 120)


def test_compiled_code_is_kept_beside_the_model(render: Render) -> None:
    rendered = render({"llm": spec(storage={**SPEC["storage"], "compileCache": True})})
    container = containers(rendered["Deployment", "llm"]["spec"]["template"]["spec"])["llm-ctr"]
    env = env_of(container)
    stores = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "model-store"]
    for name in (
        "VLLM_CACHE_ROOT",
        "TORCHINDUCTOR_CACHE_DIR",
        "TRITON_CACHE_DIR",
        "CUDA_CACHE_PATH",
        "TLLM_LLMAPI_BUILD_CACHE_ROOT",
    ):
        assert env[name].startswith(f"{stores[0]}/"), name


def test_a_model_from_an_image(render: Render) -> None:
    reference = "registry.example.com/models/llama3:1"
    rendered = render({"llm": spec(storage={"image": {"reference": reference}})})
    volumes = {each["name"]: each for each in rendered["Deployment", "llm"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes["model-store"]["image"] == {"reference": reference}


def test_images_are_pulled_onto_the_nodes_that_fit(render: Render) -> None:
    placed = spec(nodeSelector={"gpu": "h100"}, tolerations=[{"key": "gpu", "operator": "Exists"}])
    assert not any(kind == "DaemonSet" for kind, _ in render({"llm": placed}))
    rendered = render({"llm": placed}, "--set", "global.nimhelm.prePull=true")
    pod = rendered["DaemonSet", "llm-pull"]["spec"]["template"]["spec"]
    main = rendered["Deployment", "llm"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == main["nodeSelector"]
    assert pod["tolerations"] == main["tolerations"]
    assert pod["initContainers"][1]["image"] == containers(main)["llm-ctr"]["image"]
    assert "nvidia.com/gpu" not in str(pod)


NAMED: dict[str, Any] = {
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "terminationGracePeriodSeconds": 120,
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["x"]}],
    "dnsPolicy": "Default",
    "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
}


def test_fields_of_the_pod_by_name(render: Render) -> None:
    spec_of_pod = pod(render({"llm": spec(**NAMED)}))
    assert {key: spec_of_pod[key] for key in NAMED} == NAMED
    assert not NAMED.keys() & pod(render({"llm": spec()})).keys()


ZEROS: list[dict[str, Any]] = [
    {"terminationGracePeriodSeconds": 0},
    {"userID": 0},
    {"groupID": 0},
    {"revisionHistoryLimit": 0},
    {"minReadySeconds": 0},
    {"replicas": 0},
    {"podDisruptionBudget": {"maxUnavailable": 0}},
    {"podTemplate": {"spec": {"hostNetwork": False}}},
    {"podSecurityContext": {"supplementalGroups": [0]}},
    {"securityContext": {"privileged": False}},
    {"startupProbe": {"probe": {"initialDelaySeconds": 0, "httpGet": {"path": "/", "port": 1}}}},
    {"extraEnv": {"EMPTY": ""}},
    {"nodeSelector": {"gpu": ""}},
    {"labels": {"mine": ""}},
]


@pytest.mark.parametrize("values", ZEROS, ids=lambda values: next(iter(values)))
def test_a_zero_is_not_the_same_as_nothing(values: dict[str, Any], render: Render) -> None:
    assert render({"llm": spec(**values)}) != render({"llm": spec()})


def test_fields_of_the_main_container_by_name(render: Render) -> None:
    values: dict[str, Any] = {
        "envFrom": [{"secretRef": {"name": "more"}}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": {"readOnlyRootFilesystem": True},
    }
    extra = {"volumes": [{"name": "tmp", "emptyDir": {}}], "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}
    rendered = pod(render({"llm": spec(**values, **extra)}))
    container = containers(rendered)["llm-ctr"]
    assert {key: container[key] for key in values} == values
    assert extra["volumes"][0] in rendered["volumes"]
    assert extra["volumeMounts"][0] in container["volumeMounts"]


def test_the_account_of_the_pods(render: Render) -> None:
    mine = {"name": "mine", "annotations": {"eks.amazonaws.com/role-arn": "arn"}}
    rendered = render({"llm": spec(serviceAccount=mine)})
    assert rendered["ServiceAccount", "mine"]["metadata"]["annotations"] == mine["annotations"]
    assert pod(rendered)["serviceAccountName"] == "mine"
    given = render({"llm": spec(serviceAccount={"create": False, "name": "there"})})
    assert ("ServiceAccount", "llm") not in given
    assert pod(given)["serviceAccountName"] == "there"


def test_no_token_unless_asked_for(render: Render) -> None:
    assert pod(render({"llm": spec()}))["automountServiceAccountToken"] is False
    assert pod(render({"llm": spec(automountServiceAccountToken=True)}))["automountServiceAccountToken"] is True


def test_an_overlay_of_the_pod(render: Render) -> None:
    main = {"name": "llm-ctr", "resources": {"limits": {"memory": "9Gi"}}}
    overlay = {
        "shareProcessNamespace": True,
        "enableServiceLinks": None,
        "securityContext": {"fsGroup": 7, "runAsGroup": None},
        "containers": [main, {"name": "side", "image": "a:b"}],
    }
    metadata = {"annotations": {"note": "{{ x }}"}}
    given = json.dumps({"spec": overlay, "metadata": metadata})
    rendered = render({"llm": spec()}, "--set-json", f"llm.podTemplate={given}")
    changed = pod(rendered)
    assert changed["shareProcessNamespace"] is True
    assert "enableServiceLinks" not in changed
    assert changed["securityContext"] == {"runAsUser": 1000, "fsGroup": 7}
    assert [each["name"] for each in changed["containers"]] == ["llm-ctr", "side"]
    assert containers(changed)["llm-ctr"]["resources"]["limits"]["memory"] == "9Gi"
    assert containers(changed)["llm-ctr"]["image"] == "nvcr.io/nim/meta/llama3:1.0.0"
    assert rendered["Deployment", "llm"]["spec"]["template"]["metadata"]["annotations"]["note"] == "{{ x }}"


def test_an_overlay_replaces_a_list_of_strings(render: Render) -> None:
    own = {"containers": [{"name": "llm-ctr", "args": ["b"]}]}
    rendered = render({"llm": spec(args=["a", "c"], podTemplate={"spec": own})})
    assert containers(pod(rendered))["llm-ctr"]["args"] == ["b"]


def test_a_disruption_budget_and_objects_of_ones_own(render: Render) -> None:
    mine = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "{{ x }}"}}
    another = {**mine, "metadata": {"name": "another"}}
    rendered = render({"llm": spec(podDisruptionBudget={"maxUnavailable": 1})}, extraObjects=[mine, another])
    budget = rendered["PodDisruptionBudget", "llm"]["spec"]
    assert (budget["maxUnavailable"], budget["selector"]) == (1, {"matchLabels": {"app": "llm"}})
    assert (rendered["ConfigMap", "mine"], rendered["ConfigMap", "another"]) == (mine, another)


def test_an_overlay_mounts_a_volume_at_several_paths(render: Render) -> None:
    """Beside the mounts of the chart; at a path that it uses, the overlay wins."""
    mounts = [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/y", "subPath": "sub"}]
    over = [*mounts, {"name": "dshm", "mountPath": "/z"}, {"mountPath": "/dev/shm", "readOnly": True}]
    own = {"volumes": [{"name": "v", "emptyDir": {}}], "containers": [{"name": "llm-ctr", "volumeMounts": over}]}
    rendered = render({"llm": spec(podTemplate={"spec": own})})
    found = containers(pod(rendered))["llm-ctr"]["volumeMounts"]
    assert found[1:] == [{"name": "dshm", "mountPath": "/dev/shm", "readOnly": True}, *mounts, over[2]]


def test_certificates_are_added_to_those_of_the_image(tmp_path: Path) -> None:
    script = (SCRIPTS / "update-ca-certificates.sh").read_text()
    for place in ("/custom", "/usr/local/share/ca-certificates", "/etc/ssl/certs", "/ca-certs"):
        (tmp_path / place[1:]).mkdir(parents=True)
        script = script.replace(f"{place}/", f"{tmp_path}{place}/").replace(f" {place}", f" {tmp_path}{place}")
    for name in ("a.crt", "a.pem", "b.pem", "notes.txt"):
        (tmp_path / "custom" / name).write_text(name)
    # What the program of the image makes of them: here one file with all.
    program = tmp_path / "bin/update-ca-certificates"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ncat {tmp_path}/usr/local/share/ca-certificates/*.crt > {tmp_path}/etc/ssl/certs/all\n"
    )
    program.chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"PATH": f"{program.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "added a.crt\nadded a.pem\nadded b.pem\n"
    assert (tmp_path / "ca-certs/certs/all").read_text() == "a.crta.pemb.pem"
