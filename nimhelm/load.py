"""Stage 1, load: files -> Documents of the kinds nimhelm knows, and findings about the files themselves.

Takes files and folders, with several documents each, Lists, and what `kubectl get -o yaml` or `helm template` prints;
`-` is standard input. NIMServices become a NIMPipeline here (nimservice.py): the later stages know no other.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from nimhelm.errors import LoadError, refuse, unreadable
from nimhelm.finding import ERROR, NOTE, WARNING, Finding
from nimhelm.nimservice import API_VERSION, pipelines_of
from nimhelm.pipeline import dig
from nimhelm.yamlread import Document, Path, place_of, read

GROUP = API_VERSION.split("/")[0]
MAX_BYTES = 20_000_000
SUFFIXES = (".yaml", ".yml", ".json")
RENDERED = re.compile(rb"^# Source: \S+/templates/.*$", re.MULTILINE)
"""What Helm writes above each object that it renders."""
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
LEVELS = 3
"""How many folders above a patch a kustomization is looked for."""
OURS = "write kind: NIMPipeline, NIMService or NIMCache"
RENDER_NIMS = f"where the chart asks for the CRDs of the NIM Operator: helm template --api-versions {API_VERSION}"


class Loaded(NamedTuple):
    """What the files hold, in reading order, and what is wrong with the files themselves.

    `pipelines` has those that were made from `services` as well. `rendered` has the paths that Helm printed, as findings
    name them.
    """

    pipelines: list[Document]
    services: list[Document]
    caches: list[Document]
    findings: list[Finding]
    rendered: list[str]

    @classmethod
    def nothing(cls) -> Loaded:
        """What is there before the first file is read."""
        return cls([], [], [], [], [])


def load_files(paths: list[str], name: str = "", own_only: bool = False) -> Loaded:
    """Read every file, every file of a folder, or standard input (`-`). Objects of other kinds are named and left alone.

    `name` is that of the pipeline which NIMServices become; "" takes the name that they share. With `own_only`, and in
    a folder, nothing is said of what is not about NIMs. Raises LoadError for what cannot be opened, and for a folder
    without YAML.
    """
    loaded = load_contents({path: read_bytes(path) for path in files_of(paths)}, paths, own_only)
    loaded.pipelines.extend(pipelines_of(loaded.services, loaded.pipelines, name, loaded.caches))
    return loaded


def load_contents(contents: dict[str, bytes], paths: list[str], own_only: bool = False) -> Loaded:
    """The documents of files (path -> content) that were read for `paths`; NIMServices are not made a pipeline yet."""
    loaded = Loaded.nothing()
    for path, content in contents.items():
        if own_only or path not in paths:
            load_own(path, content, loaded, named=not own_only)
        else:
            load_text(path, content, loaded)
    return loaded


def files_of(paths: list[str]) -> list[str]:
    """The paths with each folder replaced by the YAML and JSON files in it and below, hidden ones left out."""
    files: list[str] = []
    for path in paths:
        if path == "-" or not os.path.isdir(path):
            files.append(path)
            continue
        inside: list[str] = []
        for folder, below, names in os.walk(path, onerror=refuse):
            below[:] = sorted(name for name in below if not name.startswith("."))
            inside += [os.path.join(folder, name) for name in sorted(names) if name.endswith(SUFFIXES)]
        if not inside:
            raise LoadError(f"no YAML file in the folder {path}", "name a folder with .yaml, .yml or .json files")
        files += [file for file in inside if os.path.isfile(file)]
    return list(dict.fromkeys(files))


def shown_path(path: str) -> str:
    """A path as findings name it: `-` is <stdin>."""
    return "<stdin>" if path == "-" else path


_read_once: dict[object, bytes] = {}
"""What standard input and pipes held. A second read of them finds nothing, or waits for ever."""


def read_bytes(path: str) -> bytes:
    """The bytes of a file, of standard input (`-`) or of a pipe, however often it is named. Raises LoadError when it
    cannot be opened.
    """
    once = sys.stdin if path == "-" else None if os.path.isfile(path) else path
    if once in _read_once:
        return _read_once[once]
    try:
        with open(path, "rb") if path != "-" else nullcontext(sys.stdin.buffer) as stream:
            content: bytes = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise unreadable(error, path) from error
    if once is not None:
        _read_once[once] = content
    return content


def load_text(path: str, content: bytes, loaded: Loaded) -> None:
    """Add the documents and findings of one file's content to `loaded`."""
    documents, findings = read_content(path, content)
    loaded.findings.extend(findings)
    for item in items_of(path, documents, content, loaded):
        sort_in(item, loaded)


def load_own(path: str, content: bytes, loaded: Loaded, named: bool = False) -> None:
    """Add what a file has about NIMs to `loaded`; skip the rest, or with `named` name its objects.

    A patch of Kustomize is a part of a document, and is left alone.
    """
    from nimhelm.recognise import is_own, mentions, own_findings

    if not named and not mentions(content):
        return
    kustomization = kustomization_of(path) if mentions(content) else ""
    if kustomization:
        message = f"a patch of {kustomization}: not part of the chart"
        way_out = f"kubectl kustomize {os.path.dirname(kustomization) or '.'} | nimhelm build -"
        loaded.findings.append(Finding(shown_path(path), 1, 1, "NH008", NOTE, message, "", way_out))
        return
    documents, findings = read_content(path, content)
    loaded.findings.extend(own_findings(content, findings))
    for item in items_of(path, documents, content, loaded):
        kind, version = dig(item.data, "kind"), dig(item.data, "apiVersion")
        if is_own(item):
            sort_in(item, loaded)
        elif named and isinstance(kind, str) and isinstance(version, str) and not version.startswith(GROUP + "/"):
            loaded.findings.append(left_alone(item, kind))


def kustomization_of(path: str) -> str:
    """The kustomization, in a file's folder or above it, that has the file as a patch; "" for none."""
    import pathlib

    own = os.path.abspath(path)
    for folder in islice(pathlib.Path(path).parents, LEVELS):
        for name in KUSTOMIZATIONS:
            if own in _patches(str(folder / name)):
                return str(folder / name)
    return ""


@lru_cache(maxsize=1000)
def _patches(kustomization: str) -> frozenset[str]:
    """The files that a kustomization names as patches."""
    if not os.path.isfile(kustomization):
        return frozenset()
    try:
        documents, _ = read_content(kustomization, read_bytes(kustomization))
    except LoadError:
        return frozenset()
    found: list[Any] = []
    for document in documents:
        for field in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            entries = dig(document.data, field)
            found += [dig(each, "path") or each for each in entries] if isinstance(entries, list) else []
    folder = os.path.dirname(os.path.abspath(kustomization))
    return frozenset(
        os.path.normpath(os.path.join(folder, one)) for one in found if isinstance(one, str) and len(one) < 4096
    )


def read_content(path: str, content: bytes) -> tuple[list[Document], list[Finding]]:
    """The documents of a file's bytes; a file that is not text is one finding."""
    shown = shown_path(path)
    if len(content) > MAX_BYTES:
        message = f"larger than {MAX_BYTES // 1_000_000} MB: no pipeline is"
        return [], [Finding(shown, 1, 1, "NH003", ERROR, message, "", "is this the right file?")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = place_of(before, len(before))
        message = f"not UTF-8 text: byte 0x{error.object[error.start]:02X}"
        return [], [Finding(shown, line, column, "NH003", ERROR, message, "", "save the file as UTF-8")]
    documents, findings = read(shown, text)
    return documents, _of_rendered(content, findings) if RENDERED.search(content) else findings


def items_of(path: str, documents: list[Document], content: bytes, loaded: Loaded) -> Iterator[Document]:
    """The objects of a file. From what Helm rendered, unknown fields are left out as the API server does, with a warning."""
    items = [item for document in documents for item in unpack(document)]
    if not RENDERED.search(content):
        return iter(items)
    loaded.rendered.append(shown_path(path))
    return (_installed(item, loaded) for item in items)


def _of_rendered(content: bytes, findings: list[Finding]) -> list[Finding]:
    """The findings of what Helm rendered. Helm and the API server take the last of repeated keys: those are warnings."""
    from nimhelm.recognise import own_findings

    repeated = own_findings(content, [finding for finding in findings if finding.code == "NH002"])
    return [finding for finding in findings if finding.code != "NH002"] + [
        finding._replace(severity=WARNING, message=f"{finding.message}: the chart keeps the last one")
        for finding in repeated
    ]


def _installed(document: Document, loaded: Loaded) -> Document:
    from nimhelm.assets import schema
    from nimhelm.schema_check import without_unknown
    from nimhelm.schemas import OF_DOCUMENTS

    kind = OF_DOCUMENTS.get(str(dig(document.data, "kind")))
    kept, dropped = without_unknown(document, schema(kind)) if kind else (document, [])
    loaded.findings.extend(dropped)
    return kept


def unpack(document: Document) -> list[Document]:
    """The document itself, or the items of a List, which may be Lists again."""
    data = document.data
    if isinstance(data, dict) and str(data.get("kind", "")).endswith("List") and isinstance(data.get("items"), list):
        base: Path = (*document.base, "items")
        items = (document._replace(data=item, base=(*base, index)) for index, item in enumerate(data["items"]))
        return [part for item in items for part in unpack(item)]
    return [document]


def sort_in(document: Document, loaded: Loaded) -> None:
    """Put a document into the list of its kind; say so when its apiVersion or its kind is nearly, but not quite, ours."""
    data = document.data
    if not isinstance(data, dict):
        loaded.findings.append(
            document.finding(ERROR, "NH005", (), f"not a Kubernetes object, but {_kind_of(data)}", "write a mapping")
        )
        return
    kind, version = data.get("kind"), data.get("apiVersion")
    kinds = {"NIMPipeline": loaded.pipelines, "NIMService": loaded.services, "NIMCache": loaded.caches}
    if isinstance(kind, str) and kind in kinds:
        if version == API_VERSION:
            kinds[kind].append(document)
        else:
            field: Path = ("apiVersion",) if "apiVersion" in data else ()
            message = f"{kind} has apiVersion {version!r}" if field else f"{kind} has no apiVersion"
            loaded.findings.append(document.finding(ERROR, "NH006", field, message, f"write apiVersion: {API_VERSION}"))
    elif isinstance(version, str) and version.startswith(GROUP + "/"):
        unknown_kind(document, kind, loaded)
    elif isinstance(kind, str) and isinstance(version, str):
        loaded.findings.append(left_alone(document, kind))
    elif kind is None and _looks_like_pipeline(data):
        loaded.findings.append(document.finding(ERROR, "NH006", (), "no kind", "write kind: NIMPipeline"))


def left_alone(document: Document, kind: str) -> Finding:
    """The note that names an object which the chart does not bring: whoever needs it applies it."""
    name = dig(document.data, "metadata", "name")
    title = f"{kind} {name}" if isinstance(name, str) else kind
    return document.finding(NOTE, "NH008", (), f"{title}: not part of the chart", "")


def unknown_kind(document: Document, kind: Any, loaded: Loaded) -> None:
    """Another kind of NVIDIA's group: misspelt, or one that nimhelm does not turn into a chart."""
    field: Path = ("kind",) if kind is not None else ()
    if kind == "NIMBuild" or (isinstance(kind, str) and kind.startswith("Nemo")):
        message = f"{kind} is not turned into a chart"
        loaded.findings.append(document.finding(WARNING, "NH005", field, message, "deploy it separately"))
        return
    message = f"unknown kind {kind!r}" if field else "no kind"
    meant = next((name for name in ("NIMPipeline", "NIMService", "NIMCache") if str(kind).lower() == name.lower()), "")
    loaded.findings.append(document.finding(ERROR, "NH006", field, message, f"write kind: {meant}" if meant else OURS))


def _looks_like_pipeline(data: dict[str, Any]) -> bool:
    spec = data.get("spec")
    return isinstance(spec, dict) and isinstance(spec.get("services"), list)


def _kind_of(data: Any) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(type(data), "a number")
