"""YAML out: plain data -> text that every YAML reader takes for the same data.

A string stands plain only when no reader could take it for anything else; `y`, `1e3`, `0o14` and the like are quoted.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*\Z")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_BLOCK = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ufeff][^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*\Z")
_STRING = "tag:yaml.org,2002:str"


class _Representer(RoundTripRepresenter):
    def string(self, text: str) -> ScalarNode:
        if _PLAIN.match(text) and text.lower() not in _WORDS:
            return self.represent_scalar(_STRING, text)
        if _is_block(text):
            return self.represent_scalar(_STRING, text, style="|")
        return self.represent_scalar(_STRING, text, style="'" if _reads_better_single(text) else '"')

    def number(self, value: float) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:float", repr(value))

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Representer.add_representer(str, _Representer.string)
_Representer.add_representer(float, _Representer.number)


def _is_block(text: str) -> bool:
    """Whether a block scalar shows the text as it is: lines without blanks at their ends, one final newline at most."""
    if "\n" not in text.rstrip("\n") or not _BLOCK.match(text) or text.endswith("\n\n"):
        return False
    return all(line == line.rstrip() and not line.startswith((" ", "#", "---", "...")) for line in text.split("\n"))


def _reads_better_single(text: str) -> bool:
    """JSON and regular expressions are unreadable with every quote and backslash escaped."""
    return ('"' in text or "\\" in text) and "'" not in text and text.isprintable()


def dump(data: Any, comments: dict[tuple[str, ...], str] | None = None, head: str = "") -> str:
    """Data as block YAML in its own order. `comments` go above the keys at those paths, `head` above everything."""
    writer = YAML()
    writer.Representer = _Representer
    writer.width = 2**31
    writer.allow_unicode = True
    writer.indent(mapping=2, sequence=4, offset=2)
    tree = _commented(data)
    for path, comment in (comments or {}).items():
        _comment(tree, path, comment)
    stream = StringIO()
    writer.dump(tree, stream)
    return head + stream.getvalue()


def _commented(data: Any) -> Any:
    """Copies, so that no alias is written where the pipeline had one, in containers that can carry comments."""
    if isinstance(data, dict):
        return CommentedMap((key, _commented(value)) for key, value in data.items())
    if isinstance(data, (list, tuple)):
        return CommentedSeq(_commented(item) for item in data)
    return data


def _comment(tree: Any, path: tuple[str, ...], comment: str) -> None:
    for part in path[:-1]:
        tree = tree[part]
    tree.yaml_set_comment_before_after_key(path[-1], before=comment, indent=2 * (len(path) - 1))
