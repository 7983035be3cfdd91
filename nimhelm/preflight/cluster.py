"""Cluster: what was read of a cluster, and the commands that reach it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from shlex import quote
from types import MappingProxyType
from typing import NamedTuple

from nimhelm.status import kubeobject as ko
from nimhelm.wording import clean


class Reach(NamedTuple):
    """What the user gave on the command line. The commands of `next` repeat it."""

    chart: str
    release: str
    namespace: str
    context: str = ""
    kubeconfig: str = ""
    values: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    create_namespace: bool = False
    labels: tuple[str, ...] = ()

    def kubectl(self, *words: str, everywhere: bool = False) -> str:
        """A kubectl command in the namespace, or for what lies in none; all words are quoted."""
        place = [] if everywhere else _flag("-n", self.namespace)
        reach = _flag("--kubeconfig", self.kubeconfig) + _flag("--context", self.context)
        return " ".join(["kubectl", *reach, *map(_quoted, words), *place])

    def helm(self, *words: str) -> str:
        """A helm command in the namespace."""
        reach = _flag("--kubeconfig", self.kubeconfig) + _flag("--kube-context", self.context)
        return " ".join(["helm", *reach, *map(_quoted, words), *_flag("-n", self.namespace)])

    def chart_with(self, *sets: str) -> list[str]:
        """The chart with the user's values and some more, as words for helm or preflight."""
        files = [word for path in self.values for word in ("-f", path if _lasts(path) else "VALUES")]
        chosen = [word for value in (*self.sets, *sets) for word in ("--set", value)]
        return [self.chart, *files, *chosen]

    def again(self, *sets: str) -> str:
        """The preflight with further values: shows whether an install with them would come up."""
        reach = _flag("--kubeconfig", self.kubeconfig) + _flag("--context", self.context)
        reach += ["--create-namespace"] if self.create_namespace else []
        reach += [word for each in self.labels for word in _flag("--labels", each)]
        words = ["preflight", *self.chart_with(*sets), "--release", self.release]
        return " ".join(["nimhelm", *map(_quoted, words), *reach, *_flag("-n", self.namespace)])


def _lasts(path: str) -> bool:
    """Whether a values file can be read again: not standard input, and no pipe of the shell that ran this command."""
    return "://" in path or os.path.isfile(path)


def _flag(flag: str, value: str) -> list[str]:
    return [flag, _quoted(value)] if value else []


def _quoted(word: str) -> str:
    return quote(clean(word))


class Refusal(NamedTuple):
    """What the API server said to a dry run. `kind` is "" where it names no object.

    `about_user`: a policy says it that looks at who asks.
    """

    kind: str
    name: str
    message: str
    about_user: bool = False


class Cluster(NamedTuple):
    """Lists by kind; a kind that is absent was not read.

    `forbidden` are kinds that the user may not list. `apis` holds "apps/v1/Deployment" and `plurals` "apps/Deployment" ->
    "deployments". `rights` are the rules that the API server lists for the user, None where they are not known, and `answers`
    what it said of single (verb, group, resource). `refusals` are those of the dry run, None where there was none. `helm` is
    (status, revision) of a release of that name, `helm_major` the helm that would install, and `record_kind`
    the kind in which it keeps its records, "" where that is outside of the cluster. `logins` are secret -> registry -> basic
    authentication; they are never saved.
    """

    reach: Reach
    lists: Mapping[str, list[ko.Object]]
    apis: frozenset[str]
    plurals: Mapping[str, str]
    version: str
    forbidden: frozenset[str] = frozenset()
    rights: tuple[ko.Object, ...] | None = None
    answers: Mapping[tuple[str, str, str], bool] = MappingProxyType({})
    refusals: tuple[Refusal, ...] | None = None
    pod_refusals: tuple[Refusal, ...] | None = None
    helm: tuple[str, int] | None = None
    helm_major: int = 3
    record_kind: str = "Secret"
    namespace_exists: bool = True
    logins: Mapping[str, Mapping[str, str]] = MappingProxyType({})

    def of(self, kind: str) -> list[ko.Object]:
        """The objects of the kind, [] where they were not read."""
        return self.lists.get(kind, [])

    def named(self, kind: str, name: str) -> ko.Object | None:
        """The object of that kind and name in the namespace or in none, None where it is not among what was read."""
        places = ("", self.reach.namespace)
        return next(
            (
                each
                for each in self.of(kind)
                if ko.name_of(each) == name and ko.text(each, "metadata", "namespace") in places
            ),
            None,
        )

    def owns(self, pod: ko.Object) -> bool:
        """Whether the pod is of the release as it is installed now."""
        return (
            ko.label(pod, "app.kubernetes.io/instance") == self.reach.release
            and ko.text(pod, "metadata", "namespace") == self.reach.namespace
        )

    def knows(self, kind: str) -> bool:
        """Whether the kind was read."""
        return kind in self.lists

    @property
    def minor(self) -> int:
        """34 for Kubernetes v1.34.4, 0 where the version is not known."""
        digits = self.version.lstrip("v").split(".")[1:2]
        return int(digits[0]) if digits and digits[0].isdecimal() else 0
