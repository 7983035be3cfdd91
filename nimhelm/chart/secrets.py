"""The secrets that must exist before a chart is installed, who needs them, and the commands that create them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from nimhelm.caches import puller
from nimhelm.pipeline import dig
from nimhelm.plan import Plan, PlannedService

MODEL_VARIABLES = ("NIM_MODEL_NAME", "NIM_MODEL_PATH")
"""Variables that may hold the address of a model of Hugging Face."""


class Use(NamedTuple):
    """One use of a secret: by its key, or (`registry`) to pull an image."""

    name: str
    user: str
    key: str = ""
    registry: str = ""


class Secret(NamedTuple):
    """A secret with all its uses."""

    name: str
    keys: list[str]
    registries: list[str]
    users: list[str]

    def command(self, namespace: str) -> str:
        """The kubectl command that creates it; a shell that lacks one of the variables refuses to run it."""
        place = f" -n {namespace}" if namespace else ""
        if self.registries:
            registry = self.registries[0]
            login = '--docker-username="${REGISTRY_USER:?}" --docker-password="${REGISTRY_PASSWORD:?}"'
            if registry == "nvcr.io":
                login = "--docker-username='$oauthtoken' --docker-password=\"${NGC_API_KEY:?}\""
            return f"kubectl create secret docker-registry {self.name}{place} --docker-server={registry} {login}"
        literals = "".join(f' --from-literal={key}="${{{_variable(key)}:?}}"' for key in self.keys)
        return f"kubectl create secret generic {self.name}{place}{literals}"


def secrets(plan: Plan) -> list[Secret]:
    """Every secret that the enabled services and the caches need, by name. What a container calls optional is not needed."""
    found: dict[str, Secret] = {}
    for use in uses(plan):
        if use.name:
            secret = found.setdefault(use.name, Secret(use.name, [], [], []))
            for values, value in ((secret.keys, use.key), (secret.registries, use.registry), (secret.users, use.user)):
                if value and value not in values:
                    values.append(value)
    return [secret._replace(keys=sorted(secret.keys)) for _, secret in sorted(found.items())]


def uses(plan: Plan) -> Iterator[Use]:
    """Every use of a secret, in the order of the services and caches."""
    for service in plan.services:
        if service.enabled:
            yield from service_uses(service)
    for name, cache in plan.caches.items():
        user = f"NIMCache {name}"
        source = next((part for part in (dig(cache.spec, "source") or {}).values() if isinstance(part, dict)), {})
        yield Use(source.get("pullSecret") or "", user, registry=_registry(puller(cache.spec)))
        secret = source.get("authSecret") or ""
        key = "HF_TOKEN" if cache.source in ("hf", "dataStore") else "NGC_API_KEY"
        yield Use(secret, user, native_key(secret, cache.spec.get("env")) if cache.native else key)
        yield from env_uses(cache.spec.get("env"), user)


def service_uses(service: PlannedService) -> Iterator[Use]:
    """The secrets of one service: to pull its image, for its model, in variables of its containers."""
    spec = service.spec
    for name in dig(spec, "image", "pullSecrets") or ():
        yield Use(name, service.name, registry=_registry(str(dig(spec, "image", "repository"))))
    env = spec.get("env") or []
    from_hub = any(
        dig(one, "name") in MODEL_VARIABLES and str(dig(one, "value")).startswith("hf://") for one in env
    ) or dig(spec, "storage", "nimCache", "source") in ("hf", "dataStore")
    secret, key = spec.get("authSecret") or "", "HF_TOKEN" if from_hub else "NGC_API_KEY"
    yield Use(secret, service.name, native_key(secret, env) if spec.get("imageLayout") == "native" else key)
    yield from env_uses(variables(spec), service.name)


def native_key(secret: str, env: Any) -> str:
    """The key of a native image, which downloads from Hugging Face or from NGC.

    NIM_MODEL_DOWNLOAD_PROVIDER says which; where it is not set, the name of the secret tells.
    """
    for entry in env if isinstance(env, list) else ():
        if dig(entry, "name") == "NIM_MODEL_DOWNLOAD_PROVIDER" and dig(entry, "value"):
            return "NGC_API_KEY" if dig(entry, "value") == "ngc" else "HF_TOKEN"
    return "HF_TOKEN" if secret.startswith("hf") else "NGC_API_KEY"


def env_uses(env: Any, user: str) -> Iterator[Use]:
    """The secrets that variables are read from."""
    for reference in references(env, "secretKeyRef"):
        yield Use(reference.get("name") or "", user, reference.get("key") or "")


def variables(spec: dict[str, Any]) -> Iterator[Any]:
    """The variables of all containers of a service, the NIM's own first."""
    yield from spec.get("env") or ()
    for kind in ("initContainers", "sidecarContainers"):
        for container in spec.get(kind) or ():
            yield from dig(container, "env") or ()


def references(env: Any, source: str) -> Iterator[dict[str, Any]]:
    """What variables are read from and cannot do without; `source` is secretKeyRef or configMapKeyRef."""
    for entry in env or ():
        reference = dig(entry, "valueFrom", source)
        if isinstance(reference, dict) and not reference.get("optional"):
            yield reference


def _registry(image: str) -> str:
    return image.partition("/")[0]


def _variable(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", key).upper()
