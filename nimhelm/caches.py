"""What a pipeline makes of its NIMCaches: where the model comes from, who fills the claim, and what services must know."""

from __future__ import annotations

from typing import Any, NamedTuple

from nimhelm.layout import is_native_image
from nimhelm.pipeline import Service, claim_name, dig
from nimhelm.rules.cache import MODEL_FILTERS, filters_beside_profiles
from nimhelm.rules.resources import gpus
from nimhelm.startup import CACHE_WAIT_SECONDS
from nimhelm.yamlread import Document

JOB, SERVICE = "job", "service"
RESOURCE_POLICY = "helm.sh/resource-policy"
"""The annotation by which Helm keeps an object; on a NIMCache it is meant for the claim."""


class PlannedCache(NamedTuple):
    """A NIMCache of the chart. `profiles` is what its status says of them.

    `filled_by` is a job, or the pods of the services that use the cache: their devices decide what is downloaded.
    """

    spec: dict[str, Any]
    profiles: list[Any]
    native: bool
    filled_by: str = JOB
    policy: str = ""

    @property
    def source(self) -> str:
        """ngc, ngcModelEndpoint, hf or dataStore."""
        return source_of(self.spec)[0]

    @property
    def model_free(self) -> bool:
        """Whether its image has no manifest of its own, and is told the model's address instead."""
        name = puller(self.spec).rsplit("/", 1)[-1]
        return self.source in ("hf", "dataStore") and "model-free" in name


def planned_cache(document: Document) -> PlannedCache:
    """A NIMCache document -> PlannedCache."""
    spec, status = dig(document.data, "spec"), dig(document.data, "status")
    spec = _with_one_choice(spec) if isinstance(spec, dict) else {}
    profiles = dig(status, "profiles")
    native = dig(status, "type") == "native" or is_native_image(puller(spec))
    return PlannedCache(spec, profiles if isinstance(profiles, list) else [], native, policy=resource_policy(document))


def resource_policy(document: Document) -> str:
    """What the annotation helm.sh/resource-policy of a document says; "" when it has none."""
    policy = dig(document.data, "metadata", "annotations", RESOURCE_POLICY)
    return policy if isinstance(policy, str) else ""


def _with_one_choice(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec of a cache without empty names of profiles, and without the filters that would choose others than those named."""
    source, ngc, model = dig(spec, "source"), dig(spec, "source", "ngc"), dig(spec, "source", "ngc", "model")
    profiles = dig(model, "profiles")
    if not isinstance(profiles, list) or not profiles:
        return spec
    named = [profile for profile in profiles if profile != ""]
    if named == profiles and not filters_beside_profiles(model):
        return spec
    chosen = {"profiles": named} if named else {key: value for key, value in model.items() if key != "profiles"}
    return {**spec, "source": {**source, "ngc": {**ngc, "model": chosen}}}


def filled_by(cache: PlannedCache, users: list[Service]) -> str:
    """Who fills a cache. Without a filter the image chooses by the devices that it sees, and only the services have any."""
    return SERVICE if takes_what_fits(cache) and any(can_fill(cache, user) for user in users) else JOB


def takes_what_fits(cache: PlannedCache) -> bool:
    """Whether nothing says which profiles to download: those that fit the devices."""
    return cache.source == "ngc" and not cache.native and not selects(cache.spec)


def can_fill(cache: PlannedCache, user: Service) -> bool:
    """Whether a pod of a service can stand in for the job: with devices, and the same image, key and way out."""
    return not needs(cache, user)


def needs(cache: PlannedCache, user: Service) -> list[str]:
    """What keeps the pods of a service from filling a cache, each as what is to be done about it."""
    found = []
    if not gpus(user) and not user.get("draResources"):
        found.append("give it devices")
    if f"{user.get('image', 'repository')}:{user.get('image', 'tag')}" != puller(cache.spec):
        found.append(f"give it the image {puller(cache.spec)}")
    key = dig(cache.spec, "source", "ngc", "authSecret")
    if key not in (None, user.get("authSecret")):
        found.append(f"give it authSecret: {key}")
    found += [f"take {field} out of the cache" for field in ("certConfig", "initContainers") if cache.spec.get(field)]
    if cache.spec.get("proxy") not in (None, {}, user.get("proxy")):
        found.append("give it the proxy of the cache")
    return found


def selects(spec: dict[str, Any]) -> bool:
    """Whether a NIMCache names its profiles, or says how to select them."""
    return any(
        dig(spec, "source", "ngc", "model", field) not in (None, "", []) for field in ("profiles", *MODEL_FILTERS)
    )


def with_cache(service: Service, caches: dict[str, PlannedCache]) -> dict[str, Any]:
    """The spec with what its NIMCache says of it: claim, subPath, source; GPUs when the cache's status names the profile."""
    wanted = service.mapping("storage", "nimCache")
    cache = caches.get(wanted.get("name") or "")
    if cache is None:
        return service.spec
    gate = {"wait": {"enabled": True, "timeoutSeconds": CACHE_WAIT_SECONDS}}
    resolved = {**wanted, **cache_link(wanted["name"], cache.spec), **gate}
    if cache.filled_by == SERVICE and can_fill(cache, service):
        env = cache.spec.get("env")
        resolved["fill"] = {"enabled": True, **({"env": env} if env else {})}
    spec = {**service.spec, "storage": {**service.mapping("storage"), "nimCache": resolved}}
    if cache.native:
        spec["imageLayout"] = "native"
    devices = _profile_gpus(wanted.get("profile"), cache)
    if devices and not service.get("draResources") and not gpus(service):
        resources = service.mapping("resources")
        amount = {"nvidia.com/gpu": str(devices)}
        spec["resources"] = {
            **resources,
            "limits": {**(resources.get("limits") or {}), **amount},
            "requests": {**(resources.get("requests") or {}), **amount},
        }
    return spec


def cache_link(name: str, spec: dict[str, Any]) -> dict[str, str]:
    """What a service needs to know of its cache: {claimName, subPath, source, modelPath}, empty ones left out."""
    source, model = source_of(spec)
    link = {
        "claimName": claim_name(name, spec),
        "subPath": dig(spec, "storage", "pvc", "subPath"),
        "source": source,
        "modelPath": model,
    }
    return {key: value for key, value in link.items() if value}


def source_of(spec: dict[str, Any]) -> tuple[str, str]:
    """The kind of a NIMCache's source, and the address of a model of Hugging Face."""
    for kind in ("hf", "dataStore"):
        part = dig(spec, "source", kind)
        if isinstance(part, dict):
            model = (
                f"hf://{part.get('namespace')}/{part.get('modelName')}"
                if kind == "hf" and part.get("modelName")
                else ""
            )
            return kind, model
    if dig(spec, "source", "ngc", "modelEndpoint"):
        return "ngcModelEndpoint", ""
    return "ngc", ""


def puller(spec: dict[str, Any]) -> str:
    """The image that downloads, as repository and tag; "" when there is none."""
    for kind in ("ngc", "hf", "dataStore"):
        image = dig(spec, "source", kind, "modelPuller")
        if isinstance(image, str):
            return image
    return ""


def _profile_gpus(profile: Any, cache: PlannedCache) -> int:
    """The GPUs that the chosen profile of an NGC cache was made for; 0 when the cache's status does not list it."""
    if not profile or cache.source != "ngc":
        return 0
    for known in cache.profiles:
        if dig(known, "name") == profile:
            value = str(dig(known, "config", "tensorParallelism") or dig(known, "config", "tp") or "1")
            return int(value) if value.isdecimal() else 1
    return 0
