"""One file of a saved cluster: JSON, or what `kubectl get … -o yaml` prints. Somebody else may have written it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nimhelm.errors import LoadError
from nimhelm.wording import short

MAX_VALUES = 5_000_000
"""Values of a file with every alias expanded: the pods of a large cluster, and no alias bomb."""
_AGAIN = "save it again"


def documents(path: Path) -> list[Any]:
    """The documents of a file as plain data with string keys; dates stay text. Raises LoadError, with line and column
    for YAML. JSON is tried first: it is many times faster.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LoadError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise LoadError(f"{path} is not UTF-8 text", _AGAIN) from None
    try:
        found = json.loads(content)
    except ValueError:
        return _of_yaml(path, content)
    except RecursionError:
        raise _too_deep(path) from None
    if _is_deep(found):
        raise _too_deep(path)
    return [found]


def _of_yaml(path: Path, content: str) -> list[Any]:
    from nimhelm.yamlread import read

    found, findings = read(str(path), content, MAX_VALUES)
    if findings:
        first = min(findings)
        place = f"{first.path}:{first.line}:{first.column}"
        raise LoadError(f"{place} is neither JSON nor YAML: {short(first.message)}", _AGAIN)
    return [document.data for document in found]


def _is_deep(value: Any) -> bool:
    """Whether the value is nested deeper than YAML may be; level by level, so that no depth exhausts the stack."""
    from nimhelm.yamlread import MAX_DEPTH

    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            held
            for each in level
            for held in (each.values() if isinstance(each, dict) else each)
            if isinstance(held, (dict, list))
        ]
        if not level:
            return False
    return True


def _too_deep(path: Path) -> LoadError:
    return LoadError(f"{path} is nested too deeply to be a list of Kubernetes objects", _AGAIN)
