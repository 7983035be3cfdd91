"""Rules over services and the dependencies between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import (
    EXTERNAL_ANNOTATION,
    Pipeline,
    Service,
    dig,
    is_kserve,
    is_multi_node,
    replicas,
    served_ports,
)

RESERVED = frozenset(("global", "tags", "exports"))
"""Keys of a chart's values that mean something to Helm itself."""

MAX_LABEL = 63
MAX_RELEASE = 53
MAX_NAME = 59
"""The container is called <name>-ctr, and a container's name is a DNS label of 63 characters at most."""


def check_services(pipeline: Pipeline) -> Iterator[Finding]:
    """Names and the enabled flags."""
    first: dict[str, Service] = {}
    document = pipeline.document
    for service in pipeline.services:
        field = (*service.item_field, "name")
        if service.name in first:
            message = f"two services are named {service.name} (the first {_place(first[service.name], service)})"
            yield document.finding(ERROR, "NH027", field, message, "rename one: both would own the same objects")
        elif service.name:
            first[service.name] = service
        if service.name in RESERVED:
            message = f"{service.name} is a key of Helm's own in values.yaml"
            yield document.finding(
                ERROR, "NH028", field, message, f"rename the service, for example {service.name}-service"
            )
        if len(service.name) > MAX_NAME:
            message = f"the name has {len(service.name)} characters, {MAX_NAME} are possible (its container is called <name>-ctr)"
            yield document.finding(ERROR, "NH028", field, message, "shorten it")
        if "enabled" not in (document_item(service) or {"enabled": 0}):
            message = f"{service.name or 'the service'} has no enabled field, which means disabled"
            yield document.finding(WARNING, "NH030", service.item_field, message, "write enabled: true (or false)")
    if pipeline.services and not any(service.enabled for service in pipeline.services):
        field = ("spec", "services")
        yield document.finding(
            WARNING, "NH029", field, "no service is enabled", "write enabled: true for those that should run"
        )


def _place(first: Service, second: Service) -> str:
    """Where the first of two services stands, with its file when the second is in another one."""
    (one, field), (two, _) = (service.document.origin((*service.item_field, "name")) for service in (first, second))
    line = one.mark(field).line
    return f"at line {line}" if one.path == two.path else f"in {one.path} at line {line}"


def check_pipeline_name(pipeline: Pipeline) -> Iterator[Finding]:
    """The name is a label of every object, and, as build proposes it, the name of a release."""
    field = ("metadata", "name")
    size = len(pipeline.name)
    if size > MAX_LABEL:
        message = f"the name has {size} characters, {MAX_LABEL} are possible (it is a label)"
        yield pipeline.document.finding(ERROR, "NH028", field, message, "shorten it")
    elif size > MAX_RELEASE:
        message = f"the name has {size} characters, and a release's name {MAX_RELEASE} at most"
        yield pipeline.document.finding(
            WARNING, "NH028", field, message, "shorten it, or install it under another name"
        )


def check_derived_names(pipeline: Pipeline) -> Iterator[Finding]:
    """Some services bring objects with names of their own, which no other service may have."""
    names = {service.name: service for service in pipeline.services}
    for service in pipeline.services:
        for suffix, reason in derived_suffixes(service):
            other = names.get(service.name + suffix)
            if other is None or not service.name:
                continue
            severity = ERROR if service.enabled and other.enabled else WARNING
            message = f"{service.name} brings {reason} called {other.name}"
            field = (*other.item_field, "name")
            yield pipeline.document.finding(
                severity, "NH027", field, message, "rename one: both would own the same objects"
            )


def derived_suffixes(service: Service) -> Iterator[tuple[str, str]]:
    """What is appended to the service's name for further objects, and what they are."""
    if service.mapping("expose", "router", "eppConfig"):
        yield "-epp", "an endpoint picker"
    if is_multi_node(service):
        yield "-lws", "a LeaderWorkerSet"
    if is_kserve(service):
        yield "-predictor", "a predictor"


def check_further_services(pipeline: Pipeline) -> Iterator[Finding]:
    """expose.service.name makes a further Service: no other service may have that name."""
    owners = {service.name: service for service in pipeline.services}
    for service in pipeline.services:
        name = service.get("expose", "service", "name")
        if not isinstance(name, str) or not name:
            continue
        owner = owners.setdefault(name, service)
        if owner.name != service.name:
            severity = ERROR if service.enabled and owner.enabled else WARNING
            field = (*service.spec_field, "expose", "service", "name")
            message = f"{service.name} makes a further Service {name}, and {owner.name} has it already"
            yield pipeline.document.finding(severity, "NH027", field, message, "give it a name of its own, or none")


def document_item(service: Service) -> dict[str, Any] | None:
    """The mapping of spec.services that a service was made from."""
    item = dig(service.document.data, *service.item_field)
    return item if isinstance(item, dict) else None


def check_dependencies(pipeline: Pipeline) -> Iterator[Finding]:
    """Every dependency names another service that will run and serves that port."""
    by_name = {service.name: service for service in pipeline.services}
    for service in pipeline.services:
        seen: set[Any] = set()
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("name")
            if not isinstance(name, str) or not name:
                continue
            if name in seen:
                field = service.dependency_field(index, "name")
                message = f"{service.name} lists the dependency {name} twice"
                yield pipeline.document.finding(ERROR, "NH022", field, message, "keep one of the two")
            seen.add(name)
            yield from check_dependency(pipeline, service, index, by_name.get(name))
    yield from check_env_names(pipeline)
    yield from unused_external(pipeline)


def check_dependency(pipeline: Pipeline, service: Service, index: int, target: Service | None) -> Iterator[Finding]:
    """One dependency; `target` is the service it names, None when the pipeline has none of that name."""
    dependency = service.dependencies[index]
    name = dependency["name"]
    field = service.dependency_field(index, "name")

    def problem(code: str, message: str, hint: str) -> Finding:
        severity = ERROR if service.enabled else WARNING
        return pipeline.document.finding(severity, code, field, message, hint)

    if name == service.name:
        yield problem("NH021", f"{name} depends on itself", "remove the dependency")
    elif target is None:
        if name not in pipeline.external and dependency.get("external") is not True:
            yield problem(
                "NH023",
                f"{service.name} depends on {name}, which the pipeline does not have",
                _unknown_hint(name, pipeline),
            )
    elif not target.enabled:
        yield problem(
            "NH024",
            f"{service.name} depends on {name}, which is disabled and never answers",
            f"enable {name}, or remove the dependency",
        )
    elif replicas(target) == 0:
        yield problem(
            "NH025",
            f"{service.name} depends on {name}, which has 0 replicas and never answers",
            f"give {name} a replica, or remove the dependency",
        )
    if target is not None and target is not service:
        yield from check_port(pipeline, service, index, target)


def _unknown_hint(name: str, pipeline: Pipeline) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, [service.name for service in pipeline.services], 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"add the service, or annotate the pipeline with {EXTERNAL_ANNOTATION}: {name}"


def check_port(pipeline: Pipeline, service: Service, index: int, target: Service) -> Iterator[Finding]:
    """The declared port is one that the dependency's Service has. KServe serves its predictors on port 80 as well."""
    port = service.dependencies[index].get("port")
    served = served_ports(target)
    if (
        not isinstance(port, int)
        or isinstance(port, bool)
        or port in served.values()
        or (is_kserve(target) and port == 80)
    ):
        return
    listed = ", ".join(f"{number} ({name})" for name, number in served.items())
    field = service.dependency_field(index, "port")
    message = f"{service.name} depends on port {port} of {target.name}, which serves {listed}"
    severity = ERROR if service.enabled and target.enabled else WARNING
    yield pipeline.document.finding(severity, "NH026", field, message, f"write port: {served['api']}")


def check_env_names(pipeline: Pipeline) -> Iterator[Finding]:
    """Two dependencies that set the same variable: only the last one is seen in the container."""
    for service in pipeline.services:
        names: set[str] = set()
        for index, dependency in enumerate(service.dependencies):
            name = dependency.get("envName")
            if not isinstance(name, str) or not name:
                if isinstance(dependency.get("envValue"), str) and dependency["envValue"]:
                    field = service.dependency_field(index, "envValue")
                    yield pipeline.document.finding(
                        WARNING,
                        "NH092",
                        field,
                        "envValue without envName has no effect",
                        "add envName",
                    )
                continue
            if name in names:
                field = service.dependency_field(index, "envName")
                message = f"two dependencies of {service.name} set {name}: only the last one is seen"
                yield pipeline.document.finding(WARNING, "NH091", field, message, "rename one")
            names.add(name)


def unused_external(pipeline: Pipeline) -> Iterator[Finding]:
    """An external dependency that nothing uses, or that the pipeline has itself, is a slip."""
    used = [dependency.get("name") for service in pipeline.services for dependency in service.dependencies]
    own = {service.name for service in pipeline.services}
    field = ("metadata", "annotations", EXTERNAL_ANNOTATION)
    for name in sorted(pipeline.external):
        if name in own:
            yield pipeline.document.finding(
                WARNING,
                "NH031",
                field,
                f"{name} is a service of this pipeline, not external",
                "remove it from the annotation",
            )
        elif name not in used:
            yield pipeline.document.finding(
                WARNING,
                "NH031",
                field,
                f"no service depends on {name}",
                "remove it from the annotation",
            )


def check_cycles(pipeline: Pipeline) -> Iterator[Finding]:
    """Each cycle once, with its whole path, at the dependency that closes it."""
    graph = {service.name: service for service in pipeline.services}
    done: set[str] = set()
    for root in graph:
        yield from _cycles_from(root, graph, done, pipeline)


def _cycles_from(root: str, graph: dict[str, Service], done: set[str], pipeline: Pipeline) -> Iterator[Finding]:
    """Depth first without recursion: a chain of thousands of services must not exhaust the stack."""
    path: list[str] = []
    position: dict[str, int] = {}
    pending: list[tuple[str, int]] = [(root, 0)] if root not in done else []
    while pending:
        name, index = pending.pop()
        if index == 0:
            position[name] = len(path)
            path.append(name)
        service = graph[name]
        if index == len(service.dependencies):
            done.add(name)
            path.pop()
            del position[name]
            continue
        pending.append((name, index + 1))
        target = service.dependencies[index].get("name")
        if not isinstance(target, str) or target not in graph or target in done or target == name:
            continue
        if target in position:
            cycle = " → ".join([*path[position[target] :], target])
            field = service.dependency_field(index, "name")
            yield pipeline.document.finding(
                ERROR,
                "NH020",
                field,
                f"the dependencies form a cycle: {cycle}",
                "remove one of its edges: none of these services could ever start",
            )
        else:
            pending.append((target, 0))


PIPELINE_RULES = (
    check_pipeline_name,
    check_services,
    check_derived_names,
    check_further_services,
    check_dependencies,
    check_cycles,
)
