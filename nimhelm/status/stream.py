"""The items of a list as they arrive, so that a list of 100 MB is never held as a whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator

from nimhelm.status.kubeobject import Object

_START = re.compile(r'"items"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_decode = json.JSONDecoder().raw_decode


def items(pieces: Iterable[bytes]) -> Iterator[Object]:
    """The mappings among the items of a list that is printed as JSON. Raises ValueError for anything else."""
    buffer, place = _List(pieces), 0
    while not (start := _START.search(buffer.text)):
        if not buffer.grow():
            raise ValueError("no list of items")
    place = start.end()
    while True:
        found, place = buffer.next_item(place)
        if found is None:
            return
        if isinstance(found, dict):
            yield found


class _List:
    """The part of the text that is not read yet."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.text = ""
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def grow(self) -> bool:
        """Takes the next piece; False at the end."""
        piece = next(self._pieces, None)
        self.text += self._decoder.decode(piece or b"", final=piece is None)
        return piece is not None

    def next_item(self, place: int) -> tuple[object, int]:
        """The item at the place and the place behind it; None at the end of the list."""
        while True:
            between = _BETWEEN.match(self.text, place)
            place = between.end() if between else place
            if self.text[place : place + 1] == "]":
                self._drain()
                return None, place
            try:
                return _decode(self.text, place)
            except ValueError:
                place = self._more(place)

    def _more(self, place: int) -> int:
        """Lets go of what is read. An item that is cut off is tried again when there is twice as much of it."""
        self.text = self.text[place:]
        wanted = 2 * len(self.text)
        while self.grow():
            if len(self.text) >= wanted:
                return 0
        if not self._ended:
            self._ended = True
            return 0
        raise ValueError("the list is cut off")

    _ended = False

    def _drain(self) -> None:
        """Reads to the end: only then is it known whether kubectl failed."""
        for _ in self._pieces:
            pass
