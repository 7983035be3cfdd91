"""Rules of the dependencies between services."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from nimhelm.finding import ERROR, WARNING, Finding
from nimhelm.pipeline import (
    EXTERNAL_ANNOTATION,
    KSERVE_PORT,
    Pipeline,
    Service,
    is_knative,
    is_kserve,
    least_field,
    max_replicas,
    name_here,
    replicas,
    served_ports,
    sleeps,
)  # fmt: skip
from nimhelm.rules.addresses import ADDRESS


class Fault(NamedTuple):
    """Why a dependency can never answer: the code, and what is wrong with the service that it names."""

    code: str
    what: str


def fault_of(dependency: dict[str, Any], target: Service | None) -> Fault | None:
    """Why a dependency on `target` can never answer, None when it can. `target` is None when there is no such service.

    The one judgement of documents and of values files; the chart's guard makes the same, and
    tests/test_dependency_rules.py holds all three against one table.
    """
    if target is None:
        return Fault("NH023", "which is not a service here")
    if not target.enabled:
        return Fault("NH024", "which is disabled and never answers")
    if replicas(target) == 0 and max_replicas(target) == 0:
        return Fault("NH025", "which has 0 replicas and never answers")
    return None


def unserved(dependency: dict[str, Any], target: Service) -> bool:
    """Whether a dependency names a port that the service does not have."""
    port = dependency.get("port")
    if not isinstance(port, int) or isinstance(port, bool):
        return False
    return port not in served_ports(target).values() and not (is_kserve(target) and port == KSERVE_PORT)


def listed_ports(target: Service) -> str:
    """`8000 (api), 9000 (grpc)`."""
    return ", ".join(f"{number} ({name})" for name, number in served_ports(target).items())


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
    severity = ERROR if service.enabled else WARNING
    if name == service.name:
        message = f"{name} depends on itself"
        yield pipeline.document.finding(severity, "NH021", field, message, "remove the dependency")
        return
    fault = None if is_external(dependency, pipeline.external) and target is None else fault_of(dependency, target)
    if fault is not None:
        what = "which the pipeline does not have" if target is None else fault.what
        message = f"{service.name} depends on {name}, {what}"
        yield pipeline.document.finding(severity, fault.code, field, message, _way_out(name, fault.code, pipeline))
    elif target is not None and sleeps(target):
        yield pipeline.document.finding(WARNING, "NH036", field, *asleep(service, target))
    if target is not None and unserved(dependency, target):
        severity = ERROR if service.enabled and target.enabled else WARNING
        message = f"{service.name} depends on port {dependency['port']} of {name}, which serves {listed_ports(target)}"
        field = service.dependency_field(index, "port")
        hint = f"write port: {served_ports(target)['api']}"
        yield pipeline.document.finding(severity, "NH026", field, message, hint)


def is_external(dependency: dict[str, Any], external: Container[str]) -> bool:
    """Whether a dependency is declared to be outside this pipeline."""
    return dependency.get("name") in external or dependency.get("external") is True


def asleep(service: Service, target: Service) -> tuple[str, str]:
    """What the gate on a dependency that may have no pod does then, and the way out."""
    if is_knative(target):
        message = f"{target.name} may scale to zero: the gate of {service.name} wakes it, and opens when it answers"
        return message, f"set autoscaling.knative.dev/min-scale of {target.name} to 1 to have it answer at once"
    message = f"{target.name} may scale to zero, where nothing answers: {service.name} starts without waiting for it"
    return message, f"set {'.'.join(map(str, least_field(target)))} of {target.name} to 1, and {service.name} waits"


def _way_out(name: str, code: str, pipeline: Pipeline) -> str:
    if code == "NH024":
        return f"enable {name}, or remove the dependency"
    if code == "NH025":
        return f"give {name} a replica, or remove the dependency"
    meant = meant_by(name, [service.name for service in pipeline.services], pipeline.namespace)
    if meant:
        return meant
    return f"add the service, or annotate the pipeline with {EXTERNAL_ANNOTATION}: {name}"


def meant_by(name: str, services: list[str], namespace: str) -> str:
    """The way out of a dependency that is the address of a service, or nearly its name; "" for another one."""
    from difflib import get_close_matches

    address = ADDRESS.fullmatch(name)
    host = address[2] if address else ""
    here = name_here(host, namespace or ".".join(host.split(".")[1:2]))
    if here in services:
        return f"write {here}, the name of the service"
    close = get_close_matches(name, services, 1)
    return f"did you mean {close[0]}?" if close else ""


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


DEPENDENCY_RULES = (check_dependencies, check_cycles)
