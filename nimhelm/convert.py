"""The whole of nimhelm on one screen: pipeline files -> charts.

    files ─ load ─► Documents ─ check ─► Findings ─ plan ─► Plan ─ chart ─► Chart ─ write ─► directory or .tgz

Each stage is the module of that name; it takes the value of the stage before it and returns the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from nimhelm.chart.build import DEFAULT_VERSION, Chart, build_chart
from nimhelm.chart.write import check_place, package_chart, write_chart
from nimhelm.check import caches_by_name, check_documents, repeated
from nimhelm.finding import ERROR, WARNING, Finding, has_errors
from nimhelm.load import OURS, RENDER_NIMS, Loaded, load_files
from nimhelm.pipeline import dig, pipeline_of
from nimhelm.plan import Plan, plan_pipeline
from nimhelm.rules.cache import MODEL, MODEL_FILTERS
from nimhelm.yamlread import Document

WORKABLE = {
    "NH024": "the chart does not wait for it",
    "NH094": "the chart keeps the last one",
    "NH060": "the chart leaves replicas to the HPA",
    "NH124": "the chart asks for it in its values",
}
"""Errors of a document that a chart can do without, as the operator's controller does: the build warns and goes on."""

WORKABLE_FIELDS = {
    ("NH160", ".".join(("spec", *map(str, MODEL), name))): "the chart downloads the profiles" for name in MODEL_FILTERS
}
"""The same for errors that a chart can do without in some fields only: profiles win over filters."""


class Options(NamedTuple):
    """What a user may choose of a build."""

    version: str = DEFAULT_VERSION
    app_version: str = ""
    include_disabled: bool = False
    name: str = ""


DEFAULTS = Options()


class Converted(NamedTuple):
    """The charts of all pipelines with their plans; none when a finding is an error."""

    plans: list[Plan]
    charts: list[Chart]
    findings: list[Finding]


def convert_files(paths: list[str], options: Options = DEFAULTS) -> Converted:
    """Files (`-`: standard input) -> charts in memory. Raises LoadError; what is wrong in a file is a finding."""
    loaded = load_files(paths, options.name)
    findings = [soften(finding) for finding in check_documents(loaded)] + nothing_found(loaded, paths)
    findings += [finding for finding in repeated(loaded.pipelines, lambda _: None) if finding not in findings]
    if has_errors(findings):
        return Converted([], [], findings)
    plans = [
        plan_pipeline(document, caches_of(document, loaded), options.include_disabled) for document in loaded.pipelines
    ]
    charts = [build_chart(plan, options.version, options.app_version) for plan in plans]
    return Converted(plans, charts, findings)


def write(
    charts: list[Chart], folder: Path, package: bool = False, force: bool = False, inputs: Iterable[str] = ()
) -> list[Path]:
    """Write every chart below `folder`, as directories or as .tgz; none when one may not be. Raises WriteError."""
    given = list(inputs)
    for chart in charts:
        check_place(chart, folder, package, force, given)
    put = package_chart if package else write_chart
    return [put(chart, folder, force, given) for chart in charts]


def soften(finding: Finding) -> Finding:
    """An error that the chart can do without, as a warning that says so."""
    way = WORKABLE.get(finding.code) or WORKABLE_FIELDS.get((finding.code, finding.field))
    if finding.severity != ERROR or not way:
        return finding
    return finding._replace(severity=WARNING, message=f"{finding.message}: {way}")


def caches_of(document: Document, loaded: Loaded) -> dict[str, Document]:
    """The NIMCaches that go into a pipeline's chart: all of them when it is the only one, else those that it uses."""
    caches = caches_by_name(loaded)
    if len(loaded.pipelines) == 1:
        return caches
    pipeline = pipeline_of(document)
    if not pipeline.services:  # one of caches alone
        return {name: cache for name, cache in caches.items() if _namespace(cache) == _namespace(document)}
    used = {service.get("storage", "nimCache", "name") for service in pipeline.services}
    return {name: cache for name, cache in caches.items() if name in used}


def _namespace(document: Document) -> str:
    return str(dig(document.data, "metadata", "namespace") or "")


def nothing_found(loaded: Loaded, paths: list[str]) -> list[Finding]:
    """An error when no file holds a NIMPipeline or a NIMService, unless another error says why."""
    if loaded.pipelines or has_errors(loaded.findings):
        return []
    if loaded.caches:
        message = "a NIMCache alone has no start order: no NIMPipeline or NIMService in " + ", ".join(paths)
        return [loaded.caches[0].finding(ERROR, "NH005", ("kind",), message, "nimhelm build takes it as it is")]
    path = "<stdin>" if paths == ["-"] else paths[0]
    message = "no NIMPipeline, NIMService or NIMCache in " + ", ".join(paths)
    return [Finding(path, 1, 1, "NH005", ERROR, message, "", RENDER_NIMS if loaded.rendered else OURS)]
