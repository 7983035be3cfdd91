"""nimhelm: a NIMPipeline as a plain umbrella Helm chart.

The stages as functions on plain values, each imported on first use:

    load_files(paths) -> Loaded                    check_documents(loaded) -> [Finding]
    plan_pipeline(document, caches) -> Plan        build_chart(plan) -> Chart
    write_chart(chart, folder) -> Path             package_chart(chart, folder) -> Path
    convert_files(paths) -> Converted              all of it but the writing
    compute(snapshot) -> PipelineStatus            what a release's objects say of it
"""

from __future__ import annotations

from typing import Any

__version__ = "0.2.0"

_HOMES = {
    "load_files": "nimhelm.load",
    "check_documents": "nimhelm.check",
    "plan_pipeline": "nimhelm.plan",
    "build_chart": "nimhelm.chart.build",
    "write_chart": "nimhelm.chart.write",
    "package_chart": "nimhelm.chart.write",
    "convert_files": "nimhelm.convert",
    "compute": "nimhelm.status.compute",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
