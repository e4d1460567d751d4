"""Reading an HTTP Archive of any size, entry by entry, in bounded memory. What an entry means is the business of
``traffic``.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CHUNK: Final = 1 << 20
"""Bytes read at a time."""

LARGEST_ENTRY: Final = 64 << 20
"""Characters of one entry; a recorder that keeps longer bodies has to cut them."""

LARGEST_NOTE: Final = 1 << 16
"""Characters of one of the archive's own members, such as ``creator``."""

_SPACE = re.compile(r"[ \t\r\n]*")
_OUTSIDE = re.compile(r'["{}\[\],]')
_INSIDE = re.compile(r'["\\]')
_DECODER = json.JSONDecoder()
_NOTES = frozenset({"version", "creator", "browser", "comment"})


class HarError(Exception):
    """The archive cannot be read: names the entry, the field, the shape of what was found, and what to do."""


@dataclass(slots=True)
class About:
    """What an archive says of itself. Complete once every entry was read."""

    creator: str = ""
    browser: str = ""
    comment: str = ""
    entries: int = 0


def entries(path: Path, about: About | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The entries of the archive with their numbers, counted from 1; ``about`` is filled in on the way.

    Raises ``HarError`` for a file that is no HTTP Archive, or is broken where reading has come to.
    """
    about = about if about is not None else About()
    try:
        with path.open("rb") as file:
            yield from _entries(_Text(file), about)
    except OSError as problem:
        raise HarError(f"it cannot be read ({problem.strerror}); name a HAR file") from problem


def _entries(text: _Text, about: About) -> Iterator[tuple[int, dict[str, Any]]]:
    found = False
    for name in text.members("the file"):
        if name != "log":
            text.skip()
            continue
        for member in text.members("log"):
            if member == "entries":
                found = True
                yield from _listed(text, about)
            elif member in _NOTES:
                _note(about, member, text.value(LARGEST_NOTE, f"log.{member}"))
            else:
                text.skip()
    if not found:
        raise HarError('it has no "log" with "entries"; export the recording as HAR 1.2 (Save all as HAR with content)')


def _listed(text: _Text, about: About) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.peek() != "[":
        raise HarError(f"log.entries is {text.shape()}; expected a list of entries")
    text.position += 1
    while text.peek() != "]":
        about.entries += 1
        where = f"entry {about.entries}"
        entry = text.value(LARGEST_ENTRY, where)
        if not isinstance(entry, dict):
            raise HarError(f"{where} is {shape(entry)}; expected an object with request and response")
        yield about.entries, entry
        text.separator("]", where)
    text.position += 1


def _note(about: About, member: str, value: Any) -> None:
    if isinstance(value, dict):
        value = " ".join(str(value.get(part, "")) for part in ("name", "version")).strip()
    if member in ("creator", "browser", "comment") and isinstance(value, str):
        setattr(about, member, value[:300])


def shape(value: Any) -> str:
    """What kind of JSON value this is, in words that show nothing of it."""
    if value is None:
        return "null"
    for kind, words in ((bool, "true or false"), (int | float, "a number"), (dict, "an object"), (list, "a list")):
        if isinstance(value, kind):
            return words
    return "an empty text" if value == "" else "a text"


class _Text:
    """JSON text read from a file as it is needed, never more of it in memory than one value."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._ended = False
        self.text = ""
        self.position = 0

    def _more(self) -> bool:
        """Read on, dropping what lies before the position. False at the end of the file."""
        if self._ended:
            return False
        raw = self._file.read(CHUNK)
        self._ended = not raw
        try:
            fresh = self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError:
            raise HarError("it is not UTF-8 text; HAR files are, so it was damaged or is something else") from None
        self.text = self.text[self.position :] + fresh
        self.position = 0
        return bool(fresh) or not self._ended

    def peek(self) -> str:
        """The next character that is no white space, which the position then stands at; empty at the end."""
        while True:
            found = _SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self._more():
                return ""

    def shape(self) -> str:
        """What the value at the position looks like."""
        kinds = {"{": "an object", "[": "a list", '"': "a text", "": "the end of the file", "n": "null"}
        return kinds.get(self.peek(), "a single value")

    def members(self, where: str) -> Iterator[str]:
        """The names of the object at the position; the caller reads or skips each value."""
        if self.peek() != "{":
            raise HarError(f"{where} is {self.shape()}; expected an object (a HAR file begins with {{)")
        self.position += 1
        while self.peek() != "}":
            if self.peek() != '"':
                raise HarError(f"{where} is broken JSON or cut off; export the recording again")
            name = self.value(LARGEST_NOTE, where)
            if self.peek() != ":":
                raise HarError(f"{where} is broken JSON or cut off; export the recording again")
            self.position += 1
            yield str(name)
            self.separator("}", where)
        self.position += 1

    def separator(self, closing: str, where: str) -> None:
        """Step over a comma; what closes the list or object stays."""
        found = self.peek()
        if found == ",":
            self.position += 1
        elif found != closing:
            raise HarError(f"the file ends or breaks off after {where}; export the recording again")

    def value(self, limit: int, where: str) -> Any:
        """The value at the position, parsed. Raises ``HarError`` when it is longer than ``limit`` or broken."""
        if self.peek() in ("{", "["):
            # Most values lie in memory as a whole, and then there is no need to look for their end first.
            with suppress(ValueError, RecursionError):
                found, self.position = _DECODER.raw_decode(self.text, self.position)
                return found
        length = self._extent(limit, where)
        raw = self.text[self.position : self.position + length]
        self.position += length
        try:
            return json.loads(raw)
        except RecursionError:
            raise HarError(f"{where} is nested too deeply to be a recording") from None
        except ValueError:
            raise HarError(f"{where} is broken JSON; export the recording again") from None

    def skip(self) -> None:
        """Step over the value at the position, however long it is."""
        self.peek()
        self._extent(None, "the file")

    def _extent(self, limit: int | None, where: str) -> int:
        """Characters of the value at the position. Without ``limit`` it is stepped over instead, and 0 returned."""
        depth, quoted, at = 0, False, self.position
        while True:
            found = (_INSIDE if quoted else _OUTSIDE).search(self.text, at)
            if found is None or (quoted and found[0] == "\\" and found.end() == len(self.text)):
                at = len(self.text) if found is None else found.start()
                at = self._read_on(at, limit, where)
                continue
            at, mark = found.end(), found[0]
            if quoted:
                quoted = mark != '"'
                at += mark == "\\"
            elif mark == '"':
                quoted = True
            elif mark in "{[":
                depth += 1
            elif mark in "}]":
                depth -= 1
            if not quoted and (depth < 0 or (depth == 0 and mark == ",")):
                return self._ends(found.start(), limit)
            if not quoted and depth == 0 and mark in '"}]':
                return self._ends(at, limit)

    def _read_on(self, at: int, limit: int | None, where: str) -> int:
        """Read more text and give the new place of ``at``. Raises ``HarError`` when there is none, or too much."""
        if limit is None:
            self.position = at
        elif at - self.position > limit:
            raise HarError(f"{where} is longer than {limit:,} characters; record without such large bodies")
        start = at - self.position
        if not self._more():
            raise HarError(f"the file ends inside {where}; export the recording again")
        return self.position + start

    def _ends(self, at: int, limit: int | None) -> int:
        if limit is None:
            self.position = at
            return 0
        return at - self.position


__all__ = ["About", "HarError", "entries", "shape"]
