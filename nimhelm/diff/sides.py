"""The two sides of a comparison: a pipeline file, a chart with values, or what a release runs."""

from __future__ import annotations

import json
from shlex import quote
from typing import Any, NamedTuple

from nimhelm.chart.build import Chart
from nimhelm.chart.obtain import charts_of, values_of
from nimhelm.errors import HelmError, LoadError
from nimhelm.helm import objects_of, run_helm
from nimhelm.pipeline import NOT_SERVICES, dig

Object = dict[str, Any]


class Cluster(NamedTuple):
    """Where a release is: helm's own flags, "" where helm decides."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""

    @property
    def flags(self) -> list[str]:
        """As words of helm's command line."""
        named = (("namespace", self.namespace), ("kube-context", self.context), ("kubeconfig", self.kubeconfig))
        return [f"--{flag}={value}" for flag, value in named if value]

    def reached(self, step: str) -> str:
        """A command of kubectl for this cluster; the namespace is part of it already."""
        named = (("kubeconfig", self.kubeconfig), ("context", self.context))
        flags = "".join(f" --{flag} {quote(value)}" for flag, value in named if value)
        return step.replace("kubectl ", f"kubectl{flags} ")


class Side(NamedTuple):
    """One side. `values` are all that count, of a service without those that are switched off.

    `objects` are known of a release; of charts they have to be rendered. `charts` are empty for a release. `strangers` are
    what the given values hold as services and the chart has not: Helm refuses them, and they are not among `values`.
    """

    title: str
    values: dict[str, Any]
    charts: tuple[Chart, ...] = ()
    objects: tuple[Object, ...] | None = None
    strangers: tuple[str, ...] = ()

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        """The blocks of the services that are on."""
        blocks = {
            name: each for name, each in self.values.items() if name not in NOT_SERVICES and isinstance(each, dict)
        }
        return {name: each for name, each in blocks.items() if each.get("enabled") is not False}


def side_of(target: str, values_files: tuple[str, ...] = (), over: dict[str, Any] | None = None) -> Side:
    """A file or chart, with values files and then `over` merged into its values. Raises LoadError."""
    from nimhelm.validate_values import merge

    charts = charts_of(target)
    if len(charts) > 1 and (values_files or over):
        raise LoadError(f"{target} makes {len(charts)} charts, and values are those of one", "name a chart")
    trees = [merge(values_of(chart, values_files), over or {}) for chart in charts]
    values: dict[str, Any] = {}
    for tree in trees:
        values = merge(values, tree)
    known = {*NOT_SERVICES, *(name for chart in charts for name in values_of(chart))}
    strangers = tuple(name for name, each in values.items() if name not in known and isinstance(each, dict))
    values = {name: each for name, each in values.items() if name not in strangers}
    return Side(target, _without_digest(values), tuple(charts), strangers=strangers)


def release_side(release: str, cluster: Cluster) -> Side:
    """What a release runs, as helm recorded it. Raises HelmError."""
    values = _json(run_helm("get", "values", "--all", "--output=json", *cluster.flags, names=(release,)))
    objects = objects_of(run_helm("get", "manifest", *cluster.flags, names=(release,)))
    return Side(f"release {release}", _without_digest(_without_globals(values)), objects=tuple(objects))


def live_objects(release: str, cluster: Cluster, helm: int) -> list[Object]:
    """The objects of a release as they are in the cluster now, with their status. `helm` is its major version. Raises HelmError."""
    more = ["--show-resources"] if helm == 3 else []
    found = dig(
        _json(run_helm("status", "--output=json", *more, *cluster.flags, names=(release,))), "info", "resources"
    )
    kinds = found.values() if isinstance(found, dict) else ()
    return [each for kind in kinds if isinstance(kind, list) for each in kind if isinstance(each, dict)]


def own_values(release: str, cluster: Cluster) -> dict[str, Any]:
    """The values that somebody gave the release; helm uses them again for an upgrade without any."""
    return _json(run_helm("get", "values", "--output=json", *cluster.flags, names=(release,)))


def upgraded(release: str, side: Side, cluster: Cluster, folder: str, values_file: str) -> Side:
    """The new side with the objects that an upgrade would send: helm renders them with what the cluster can do."""
    words = ["upgrade", "--dry-run=server", "--output=json", "--reset-values"]
    printed = _json(run_helm(*words, *cluster.flags, names=(release, folder), values=[values_file]))
    manifest = printed.get("manifest")
    return side._replace(objects=tuple(objects_of(manifest if isinstance(manifest, str) else "")))


def _json(printed: str) -> dict[str, Any]:
    try:
        data = json.loads(printed)
    except ValueError:
        raise HelmError("what helm prints is not JSON", "is $HELM a helm?") from None
    return data if isinstance(data, dict) else {}


def _without_digest(values: dict[str, Any]) -> dict[str, Any]:
    """Values without the mark of the build that made them: those of one side are tried in the chart of the other."""
    shared = dig(values, "global", "nimhelm")
    if not isinstance(shared, dict):
        return values
    kept = {key: each for key, each in shared.items() if key != "valuesDigest"}
    return {**values, "global": {**values["global"], "nimhelm": kept}}


def _without_globals(values: dict[str, Any]) -> dict[str, Any]:
    """Helm copies `global` into the values of every subchart; charts of older versions have defaults there, too."""
    return {
        name: {key: each for key, each in block.items() if key != "global"}
        if isinstance(block, dict) and name not in NOT_SERVICES
        else block
        for name, block in values.items()
    }


def without_defaults(old: Any, new: Any) -> Any:
    """The old values without what is empty and the new ones do not name: a subchart's defaults, no change."""
    if not isinstance(old, dict):
        return old
    kept = {}
    for key, value in old.items():
        known = isinstance(new, dict) and key in new
        pruned = without_defaults(value, new[key] if isinstance(new, dict) and known else None)
        if known or pruned not in ({}, [], "", None):
            kept[key] = pruned
    return kept
