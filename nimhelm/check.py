"""Stage 2, check: documents -> Findings, all of them in one run.

First the shape of each document (schema_check.py, from the schemas), then the rules over it (rules/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from nimhelm.assets import schema
from nimhelm.finding import ERROR, WARNING, Finding, capped
from nimhelm.load import Loaded
from nimhelm.nimservice import check_depends_on
from nimhelm.pipeline import Pipeline, Service, cache_of, dig, pipeline_of
from nimhelm.rules.addresses import check_addresses
from nimhelm.rules.cache import SOURCES as CACHE_SOURCES
from nimhelm.rules.cache import check_access, check_cache, check_claims, check_name, check_use
from nimhelm.rules.dependencies import DEPENDENCY_RULES
from nimhelm.rules.expose import EXPOSE_RULES
from nimhelm.rules.filling import FILLING_RULES
from nimhelm.rules.image import IMAGE_RULES
from nimhelm.rules.names import NAME_RULES, check_namespace
from nimhelm.rules.platform import CLAIM_SOURCES, PLATFORM_RULES
from nimhelm.rules.pod import BLOCK_RULES, POD_RULES
from nimhelm.rules.probes import HANDLERS, PROBE_RULES, check_budgets
from nimhelm.rules.resources import RESOURCE_RULES, check_counted, check_units
from nimhelm.rules.scale import SCALE_RULES
from nimhelm.rules.storage import SOURCES as STORAGE_SOURCES
from nimhelm.rules.storage import STORAGE_RULES
from nimhelm.schema_check import check_shape
from nimhelm.yamlread import Document

SERVICE_RULES = (
    *IMAGE_RULES, *STORAGE_RULES, *RESOURCE_RULES, check_units, *EXPOSE_RULES, *SCALE_RULES, *BLOCK_RULES, *POD_RULES,
    *PROBE_RULES, *PLATFORM_RULES,
)  # fmt: skip
MISSED = {
    "NH050": STORAGE_SOURCES, "NH052": ("create", "name"), "NH053": ("size",), "NH055": ("name",),
    "NH061": ("maxReplicas", "minReplicas"), "NH071": ("hostDomainName",), "NH080": ("serviceMonitor",),
    "NH100": HANDLERS, "NH123": ("pipeline",), "NH130": CLAIM_SOURCES,
    "NH160": CACHE_SOURCES, "NH162": ("create", "name", "size"),
}  # fmt: skip
"""The fields that the rule of a code misses in the mapping of its finding."""
PIPELINE_RULES = (*NAME_RULES, *DEPENDENCY_RULES, check_addresses, check_budgets, check_counted)


def check_documents(loaded: Loaded) -> list[Finding]:
    """Everything that is wrong or suspicious in what was loaded, in the order of files and lines, each once."""
    findings = list(loaded.findings)
    caches = caches_by_name(loaded)
    for document in loaded.caches:
        findings += check_shape(document, schema("nimcache"))
        findings += check_name(document)
        findings += check_cache(cache_of(document))
    for document in loaded.services:
        findings += check_shape(document, schema("nimservice"))
        findings += check_depends_on(document, service_names(loaded))
    pipelines = [pipeline_of(document) for document in loaded.pipelines]
    for pipeline in pipelines:
        if not pipeline.document.origins:
            findings += check_shape(pipeline.document, schema("pipeline"))
        findings += check_pipeline(pipeline, caches)
    findings += check_namespace(pipelines, caches)
    findings += check_names(loaded)
    return capped(without_echoes(set(findings)))


def without_echoes(findings: set[Finding]) -> list[Finding]:
    """The findings without those that miss a field which is there, under another name or with a value of no sense.

    `pvc: {claimName: x}` names a claim by a key that does not exist. That is one mistake, and one finding.
    """
    wrong = [one for one in findings if one.code in ("NH010", "NH012", "NH013")]
    return [one for one in findings if not (one.code in MISSED and any(_explains(other, one) for other in wrong))]


def _explains(wrong: Finding, missing: Finding) -> bool:
    """Whether the field of a finding of the shape, or the one that its hint names, is what another finding misses."""
    if wrong.path != missing.path or not wrong.field.startswith((f"{missing.field}.", f"{missing.field}[")):
        return False
    words = {wrong.field.rpartition(".")[2], *re.findall(r"\w+", wrong.hint)}
    return not words.isdisjoint(MISSED[missing.code])


def service_names(loaded: Loaded) -> set[str]:
    """The names of the NIMService documents."""
    names = (dig(document.data, "metadata", "name") for document in loaded.services)
    return {name for name in names if isinstance(name, str)}


def caches_by_name(loaded: Loaded) -> dict[str, Document]:
    """The NIMCache documents by metadata.name."""
    named = ((dig(document.data, "metadata", "name"), document) for document in loaded.caches)
    return {name: document for name, document in named if isinstance(name, str)}


def check_pipeline(pipeline: Pipeline, caches: dict[str, Document]) -> Iterator[Finding]:
    """Every rule over one pipeline."""
    for rule in PIPELINE_RULES:
        yield from rule(pipeline)
    for service in pipeline.services:
        yield from check_service(service)
    yield from check_use(pipeline, caches)
    yield from check_access(pipeline, caches)
    yield from check_claims(pipeline, caches)
    for check in FILLING_RULES:
        yield from check(pipeline, caches)


def check_service(service: Service) -> Iterator[Finding]:
    """Every rule over one service. What would stop a disabled service stops nothing today: it is a warning."""
    if not service.spec:
        if service.enabled:
            hint = "add spec with at least an image"
            yield service.document.finding(ERROR, "NH011", service.item_field, f"{service.title} has no spec", hint)
        return
    for rule in SERVICE_RULES:
        for finding in rule(service):
            stops = service.enabled or finding.severity != ERROR
            yield finding if stops else finding._replace(severity=WARNING)


def check_names(loaded: Loaded) -> Iterator[Finding]:
    """Two pipelines, or two caches, of one name in one file. Files may repeat a name: staging and production do."""
    written = [document for document in loaded.pipelines if not document.origins]
    for documents in (written, loaded.caches):
        yield from repeated(
            documents, lambda document: (document.path, str(dig(document.data, "metadata", "namespace")))
        )


def repeated(documents: list[Document], scope: Callable[[Document], object]) -> Iterator[Finding]:
    """An error at each document whose name another one of the same scope has had before."""
    seen: dict[tuple[object, str], Document] = {}
    for document in documents:
        name = dig(document.data, "metadata", "name")
        if not isinstance(name, str):
            continue
        first = seen.setdefault((scope(document), name), document)
        if first is not document:
            place = f"{first.path} at line {first.mark(('metadata', 'name')).line}"
            message = f"{name} appears twice (the first in {place})"
            yield document.finding(ERROR, "NH007", ("metadata", "name"), message, "rename one")
